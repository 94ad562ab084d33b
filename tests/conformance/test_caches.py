"""Every cache obeys the laws of `lightfx.effects.cache`, and every law catches a cache that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Failure, Result, Success
from servers import ACCOUNT, ACCOUNT_KEY, KEY, SECRET, azure_server, google_server, s3_server, web_server

from lightfx import Build, caches, evaluate, open_world, stage
from lightfx.effects.cache import Cache, Failed, Good, Missing, Pieces, Taken, Trouble, Unfit, Want
from lightfx.shell.cache.bucket import bucket_cache, creates
from lightfx.shell.cache.folder import folder_cache
from lightfx.shell.cache.memory import memory_cache
from lightfx.shell.cache.opening import probe
from lightfx.shell.cache.policies import bounded, retrying, tiered
from lightfx.shell.cache.watching import watched
from lightfx.shell.cache.web import web_cache
from lightfx.shell.cache.wrapping import Wrapping
from lightfx.testing.makings import good
from lightfx.wiring import Performing


@frozen
class Rig:
    """A cache to read from, and one of the same that can be written to."""

    reader: Cache
    writer: Cache


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("obstore", reason="the extra cloud is not installed")
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("obstore", reason="the extra cloud is not installed")
    with azure_server(tmp_path_factory.mktemp("azure")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("obstore", reason="the extra cloud is not installed")
    with google_server(tmp_path_factory.mktemp("google")) as account:
        yield str(account)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    pytest.importorskip("httpx", reason="the extra fetch is not installed")
    folder = tmp_path_factory.mktemp("web")
    with web_server(folder) as url:
        yield folder, url


NUMBER = iter(range(1000))


def s3_cache(endpoint: str, monkeypatch: pytest.MonkeyPatch, secret: str = SECRET) -> Cache:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    options = {"endpoint": endpoint, "region": "us-east-1", "allow_http": "true"}
    return bucket_cache("s3", "bucket", f"prefix-{next(NUMBER)}", options=options)


def azure_cache(endpoint: str, monkeypatch: pytest.MonkeyPatch, *, creates: bool = False) -> Cache:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)
    options = {"endpoint": endpoint, "allow_http": "true"}
    return bucket_cache("az", "bucket", f"prefix-{next(NUMBER)}", creates=creates, options=options)


def google_cache(account: str, monkeypatch: pytest.MonkeyPatch, *, creates: bool = False) -> Cache:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", account)
    return bucket_cache("gs", "bucket", f"prefix-{next(NUMBER)}", creates=creates, options={"allow_http": "true"})


AZURITE = (
    pytest.mark.quick,
    pytest.mark.reliability("R3", "the laws of caches, on Azurite", passes="each is kept, by conditional writes too"),
)
WRAPPED = ["wrapped", "watched", "bounded", "retrying", "tiered"]
KINDS = ["memory", "folder", "web", "s3", "google", "google-creates", *WRAPPED]


@pytest.fixture(params=[*KINDS, *(pytest.param(kind, marks=AZURITE) for kind in ("azure", "azure-creates"))])
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    if request.param == "web":
        folder, url = request.getfixturevalue("web")
        place = f"{next(NUMBER)}"
        reader = web_cache(f"{url}/{place}")
        yield Rig(reader, folder_cache(folder / place, create=True))
        good(reader.close())
        return
    made: dict[str, Callable[[], Cache]] = {
        "memory": lambda: memory_cache({}),
        "folder": lambda: folder_cache(tmp_path / "cache", create=True),
        # Behind `retrying`, as it is used: the server answers 500 now and then where folders are made at once.
        "s3": lambda: retrying(s3_cache(request.getfixturevalue("s3"), monkeypatch)),
        "azure": lambda: azure_cache(request.getfixturevalue("azure"), monkeypatch),
        # The server refuses a second object of one name, so nothing is ever replaced.
        "azure-creates": lambda: azure_cache(request.getfixturevalue("azure"), monkeypatch, creates=True),
        "google": lambda: google_cache(request.getfixturevalue("google"), monkeypatch),
        "google-creates": lambda: google_cache(request.getfixturevalue("google"), monkeypatch, creates=True),
        "wrapped": lambda: Wrapping(memory_cache({})),
        "watched": lambda: watched(memory_cache({}), reading=60.0, writing=60.0),
        "bounded": lambda: bounded(memory_cache({})),
        "retrying": lambda: retrying(memory_cache({}), sleep=lambda _: None),
        "tiered": lambda: tiered(memory_cache({}), folder_cache(tmp_path / "far", create=True)),
    }
    cache = made[request.param]()
    yield Rig(cache, cache)
    good(cache.close())


def reading(into: dict[str, bytes], name: str, limit: int = 1 << 24) -> Want:
    def take(pieces: Pieces) -> Result[None, str]:
        into[name] = b"".join(pieces)
        return Success(None)

    return Want(name, limit, take)


def fetched(cache: Cache, *names: str) -> dict[str, bytes]:
    into: dict[str, bytes] = {}
    fates = good(cache.fetch([reading(into, name) for name in names]))
    assert set(fates) == set(names)
    for name, fate in fates.items():
        assert isinstance(fate, Taken | Missing), fate
        assert isinstance(fate, Missing) or name in into
    return {name: into[name] for name, fate in fates.items() if isinstance(fate, Taken)}


def trouble(effect: Any) -> Trouble:
    result = Performing().result(effect)
    assert isinstance(result, Failure), result
    found = result.failure()
    assert isinstance(found, Trouble)
    return found


SIZES = {"v1/blobs/none": 0, "v1/blobs/some": 1000, "v1/blobs/more": 5 << 20, "v1/packs/other": 7}


def filled(cache: Cache) -> dict[str, bytes]:
    data = {
        name: bytes(each % 251 for each in range(size % 9973)) * max(1, size // 9973) for name, size in SIZES.items()
    }
    good(cache.put([Good.of(name, each) for name, each in data.items()]))
    return data


def law_what_was_put_is_there_whole(rig: Rig) -> None:
    data = filled(rig.writer)
    assert fetched(rig.reader, *data) == data
    assert fetched(rig.reader, *data) == data


def law_what_is_not_there_is_missing(rig: Rig) -> None:
    data = filled(rig.writer)
    assert fetched(rig.reader, "v1/blobs/some", "v1/blobs/nobody", "v1/nowhere/at") == {
        "v1/blobs/some": data["v1/blobs/some"]
    }
    assert good(rig.reader.there([*data, "v1/blobs/nobody"])) == set(data)


def law_what_is_not_wanted_is_unfit_and_no_trouble(rig: Rig) -> None:
    data = filled(rig.writer)
    into: dict[str, bytes] = {}
    unwanted = Want("v1/blobs/more", 1 << 24, lambda pieces: Failure(f"{len(next(pieces)) > 0}"))
    fates = good(rig.reader.fetch([unwanted, reading(into, "v1/blobs/some")]))
    assert fates == {"v1/blobs/more": Unfit("True"), "v1/blobs/some": Taken()}
    assert into == {"v1/blobs/some": data["v1/blobs/some"]}


def law_many_come_at_once(rig: Rig) -> None:
    data = {f"v1/blobs/{number:03}": bytes([number]) * number for number in range(100)}
    good(rig.writer.put([Good.of(name, each) for name, each in data.items()]))
    assert fetched(rig.reader, *data) == data
    if rig.reader.lists:
        assert set(good(rig.reader.names("v1/blobs"))) == set(data), "servers list some at a time"


def law_what_comes_is_never_held_whole(rig: Rig) -> None:
    filled(rig.writer)
    sizes: list[int] = []

    def take(pieces: Pieces) -> Result[None, str]:
        sizes.extend(map(len, pieces))
        return Success(None)

    good(rig.reader.fetch([Want("v1/blobs/more", 1 << 24, take)]))
    assert len(sizes) > 2
    assert max(sizes) < 4 << 20


def law_folders_are_listed_with_sizes(rig: Rig) -> None:
    if not rig.reader.lists:
        assert trouble(rig.reader.names("v1/blobs")).why
        return
    assert good(rig.reader.names("v1/blobs")) == {}
    data = filled(rig.writer)
    listed = good(rig.reader.names("v1/blobs"))
    assert listed == {name: len(each) for name, each in data.items() if name.startswith("v1/blobs/")}


def law_what_was_dropped_is_gone(rig: Rig) -> None:
    data = filled(rig.writer)
    if not rig.reader.writable:
        assert not trouble(rig.reader.drop(["v1/blobs/some"])).again
    good(rig.writer.drop(["v1/blobs/some", "v1/blobs/nobody"]))
    assert set(fetched(rig.reader, *data)) == set(data) - {"v1/blobs/some"}


def law_of_many_that_put_one_name_one_is_there(rig: Rig) -> None:
    contents = [bytes([number]) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        puts = [Good.of("v1/blobs/one", each) for each in contents]
        for each in pool.map(lambda put: rig.writer.put([put]), puts):
            good(each)
    assert fetched(rig.reader, "v1/blobs/one")["v1/blobs/one"] in contents


def law_what_cannot_be_written_says_so(rig: Rig) -> None:
    if rig.reader.writable:
        return
    assert "read only" in trouble(rig.reader.put([Good.of("v1/blobs/x", b"x")])).why
    assert fetched(rig.writer, "v1/blobs/x") == {}


LAWS = [law for name, law in sorted(globals().items()) if name.startswith("law_")]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("law_"))
def test_caches_obey(rig: Rig, law: Callable[[Rig], None]) -> None:
    law(rig)


class Wrong:
    """A cache that does one thing wrong."""

    def __init__(self, right: Cache, **deeds: Callable[..., Any]) -> None:
        self._right, self._deeds = right, deeds

    def __getattr__(self, name: str) -> Any:
        deed = self._deeds.get(name)
        return getattr(self._right, name) if deed is None else lambda *given: deed(self._right, *given)


def cut(right: Cache, wants: list[Want]) -> Any:
    def less(want: Want) -> Want:
        return evolve(want, take=lambda pieces: want.take(each[:4000] for each in pieces))

    return right.fetch([less(want) for want in wants])


def held(right: Cache, wants: list[Want]) -> Any:
    return right.fetch(
        [evolve(want, take=lambda pieces, want=want: want.take(iter([b"".join(pieces)]))) for want in wants]
    )


WRONG: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "cuts off": ("what_was_put_is_there_whole", {"fetch": cut}),
    "has all": (
        "what_is_not_there_is_missing",
        {"there": lambda right, names: right.names("v1").map(lambda _: frozenset(names))},
    ),
    "finds all fit": (
        "what_is_not_wanted_is_unfit_and_no_trouble",
        {"fetch": lambda right, wants: right.fetch(wants).map(lambda fates: dict.fromkeys(fates, Taken()))},
    ),
    "brings the first": ("many_come_at_once", {"put": lambda right, goods: right.put(goods[:9])}),
    "holds all": ("what_comes_is_never_held_whole", {"fetch": held}),
    "lists all": ("folders_are_listed_with_sizes", {"names": lambda right, folder: right.names("v1")}),
    "lists the first": (
        "many_come_at_once",
        {"names": lambda right, folder: right.names(folder).map(lambda names: dict(sorted(names.items())[:30]))},
    ),
    "drops nothing": ("what_was_dropped_is_gone", {"drop": lambda right, names: right.there(names)}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_laws_catch_a_cache_that_does_wrong(wrong: str) -> None:
    law, deeds = WRONG[wrong]
    cache: Any = Wrong(memory_cache({}), **deeds)
    with pytest.raises((AssertionError, KeyError)):
        globals()[f"law_{law}"](Rig(cache, cache))


def test_no_trouble_tells_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    endpoint = request.getfixturevalue("s3")
    cache = s3_cache(endpoint, monkeypatch)
    wrong = s3_cache(endpoint, monkeypatch, "another-secret-altogether")
    for each in (wrong.put([Good.of("v1/x", b"x")]), wrong.names("v1"), wrong.there(["v1/x"])):
        why = trouble(each)
        assert not why.again
        assert "403" in why.why
        assert "another-secret" not in repr(why)
    fates = good(wrong.fetch([reading({}, "v1/x")]))
    assert isinstance(fates["v1/x"], Failed)
    assert "another-secret" not in repr(fates) + repr(wrong)
    assert good(cache.names("v1")) == {}


@pytest.mark.parametrize(
    ("server", "keeps"), [("s3", False), pytest.param("azure", True, marks=AZURITE), ("google", True)]
)
def test_whether_a_server_keeps_the_first_of_two_is_found_out(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, server: str, *, keeps: bool
) -> None:
    """R3: rclone ignores the condition, Azurite and Google keep it; what was tried is gone afterwards."""
    make = {"s3": s3_cache, "azure": azure_cache, "google": google_cache}[server]
    channel = make(request.getfixturevalue(server), monkeypatch).channel  # type: ignore[attr-defined]
    assert creates(channel, "v1/probe/name") is keeps
    assert not channel.has("v1/probe/name")


@pytest.mark.quick
@pytest.mark.reliability("R3", "results are shared over Azurite", passes="what one stored the other has")
def test_results_are_shared_over_azure(azure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)
    shared = caches.azure("bucket/ours", endpoint=azure, push=True, trust=caches.anyone)
    with open_world(tmp_path / "one", caches=[shared]) as world:
        assert evaluate(world, note("shared")).read_text() == "shared"
    with open_world(tmp_path / "two", caches=[shared]) as world:
        assert evaluate(world, note("shared"), only_stored=True).read_text() == "shared"


def test_results_are_shared_over_google(google: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", google)
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    shared = probe(caches.gs("bucket/ours", push=True, trust=caches.anyone))
    assert (shared.creates, shared.drops) == (True, True)
    with open_world(tmp_path / "one", caches=[shared]) as world:
        assert evaluate(world, note("shared")).read_text() == "shared"
    with open_world(tmp_path / "two", caches=[shared]) as world:
        assert evaluate(world, note("shared"), only_stored=True).read_text() == "shared"


@stage(version="1")
def note(build: Build, text: str) -> Path:
    path = build.out / "note.txt"
    path.write_text(text)
    return path
