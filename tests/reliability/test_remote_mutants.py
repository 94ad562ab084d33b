"""Teeth: pushers, pullers and keepers of keys that leave one thing out; each must be caught by a law.

Each law is asked of lightfx as it is, which keeps it, and of each mutant that it is to
catch, which is planted in its place.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attacker import Attacker, renamed
from attrs import evolve, fields_dict
from plain_cache import judge_cache
from returns.result import Failure, Success
from sharers import Heard, Person, assert_sound, object_digest, plan, rows

from lightfx import Build, Derivation, evaluate, open_world, stage, unwrap
from lightfx.core.manifest import Entry, Kind, digest_of
from lightfx.core.names import Digest, Name
from lightfx.core.realization import Value
from lightfx.core.refs import DRef
from lightfx.core.statement import Statement
from lightfx.effects.cache import Failed, Good, Pieces, Want
from lightfx.moving import pull, push
from lightfx.plan import packing
from lightfx.plan.sharing import BLOBS, GROUPS, PACKS, TABLE_LIST, Row, anyone
from lightfx.shell import keys
from lightfx.shell.cache import catalogue, following, opening, policies, pulling, pushing, sharing
from lightfx.shell.cache.channel import BrokenError, ChannelCache
from lightfx.shell.cache.folder import FolderChannel
from lightfx.shell.ed25519 import verify
from lightfx.wiring import Performing

Plant = Callable[[pytest.MonkeyPatch], None]
Law = Callable[[Path, pytest.MonkeyPatch], None]


# What the laws are asked of.


class Shop:
    """Ada, who has results and shares them over a folder, and Bob, who trusts her, and takes them."""

    def __init__(self, top: Path) -> None:
        self.top, self.root = top, top / "shared"
        self.ada = Person(top, "ada")
        self.bob = Person(top, "bob", self.ada)
        self.eve = Person(top, "eve")

    def make(self, wanted: Derivation[Any] | None = None) -> None:
        with open_world(self.top / "first") as world:
            evaluate(world, wanted or plan())

    def push(self, wanted: Derivation[Any] | None = None, store: str = "first", who: Person | None = None) -> object:
        with open_world(self.top / store) as world:
            return Performing().result(push(world, [(wanted or plan()).dref], (who or self.ada).shares(self.root)))

    def pull(self, wanted: Derivation[Any] | None = None, store: str = "second") -> list[str]:
        """Take it all; gives what was refused, and why."""
        with open_world(self.top / store) as world:
            cache = self.bob.shares(self.root)
            found = Performing().result(pull(world, [(wanted or plan()).dref], cache))
        if isinstance(found, Failure):
            return [str(found.failure())]
        return [f"{each.what}: {each.why}" for each in found.unwrap().refused]

    def objects(self, store: str = "second") -> set[str]:
        return {each.name for each in (self.top / store / "objects").iterdir()}


class Breaking:
    """A folder of which some writes fail: those whose number is in ``failing``."""

    def __init__(self, root: Path, failing: Callable[[int], bool]) -> None:
        self._right, self._failing, self.asked = FolderChannel(root), failing, 0

    def write(self, good: Good) -> None:
        self.asked += 1
        if self._failing(self.asked):
            raise BrokenError("it is full", again=False)
        self._right.write(good)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)


@contextmanager
def through(planted: pytest.MonkeyPatch, made: Callable[[Path], Any]) -> Iterator[None]:
    """Let what works on a folder work on what ``made`` makes of it."""

    def opened(root: Path, name: str = "", **_: object) -> ChannelCache:
        root.mkdir(exist_ok=True)
        return ChannelCache(name, made(root))

    with planted.context() as here:
        here.setattr(opening, "folder_cache", opened)
        yield


# Laws of those who push.


def law_what_is_told_of_is_there_whenever_writing_ends(top: Path, planted: pytest.MonkeyPatch) -> None:
    shop = Shop(top)
    shop.make()
    for written in range(20):
        shop.root = top / f"cut-{written}"
        with through(planted, lambda root, most=written: Breaking(root, lambda number: number > most)):  # type: ignore[misc]
            done = isinstance(shop.push(), Success)
        assert judge_cache(shop.root) == [], written
        if done:
            return
    raise AssertionError("it is never over")


def law_what_is_told_of_is_there_whichever_write_fails(top: Path, planted: pytest.MonkeyPatch) -> None:
    shop = Shop(top)
    shop.make()
    for broken in range(1, 5):
        shop.root = top / f"without-{broken}"
        with through(planted, lambda root, this=broken: Breaking(root, lambda number: number == this)):  # type: ignore[misc]
            assert isinstance(shop.push(), Failure), "it was told to be done"
        assert judge_cache(shop.root) == [], broken


DRAWN = {"value": 0}


@stage(version="1")
def drawn(build: Build) -> int:
    return DRAWN["value"]


def law_what_another_brought_is_not_written_over(top: Path, planted: pytest.MonkeyPatch) -> None:
    shop = Shop(top)
    over: list[str] = []

    class Watching:
        def __init__(self, root: Path) -> None:
            self._root, self._right = root, FolderChannel(root)

        def write(self, good: Good) -> None:
            data, path = b"".join(good.pieces()), self._root / good.name
            if good.name != TABLE_LIST and path.exists() and path.read_bytes() != data:
                over.append(good.name)
            self._right.write(good)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._right, name)

    with through(planted, Watching):
        for value in (1, 2):
            DRAWN["value"] = value
            with open_world(top / f"of-{value}", workers=0) as world:
                assert evaluate(world, drawn()) == value
            assert isinstance(shop.push(drawn(), f"of-{value}"), Success)
    assert over == []
    assert shop.pull(drawn()) == []
    assert len(assert_sound(top / "second")) == 2


# Laws of those who pull.


def tampered(top: Path, harm: Callable[[Shop], None]) -> Shop:
    shop = Shop(top)
    shop.make()
    assert isinstance(shop.push(), Success)
    harm(shop)
    return shop


def law_what_is_damaged_is_refused_as_it_comes(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """By its name: who finds out later no longer knows what was wrong."""
    shop = tampered(top, lambda shop: Attacker(shop.root).flip("blobs"))
    damaged = Attacker(shop.root).paths("blobs")[0].name
    said = shop.pull()
    assert any(line.startswith(f"{BLOBS}/{damaged}: ") for line in said), said
    assert_sound(top / "second")


def law_nothing_is_seen_before_it_is_right(top: Path, planted: pytest.MonkeyPatch) -> None:
    """While anything comes, each object that is to be seen is what its name says."""
    shop = tampered(top, lambda shop: Attacker(shop.root).flip("blobs", at=0.99))
    early: set[str] = set()

    class Watching:
        def __init__(self, root: Path) -> None:
            self._right = FolderChannel(root)

        @contextmanager
        def open(self, name: str) -> Iterator[Pieces]:
            with self._right.open(name) as pieces:
                yield self._watched(pieces)

        def _watched(self, pieces: Pieces) -> Pieces:
            for piece in pieces:
                yield piece[: len(piece) // 2]
                objects = top / "second" / "objects"
                early.update(each.name for each in objects.iterdir() if object_digest(each) != each.name)
                yield piece[len(piece) // 2 :]

        def __getattr__(self, name: str) -> Any:
            return getattr(self._right, name)

    with through(planted, Watching):
        shop.pull()
    assert early == set()


def law_what_nobody_signed_who_is_trusted_is_not_used(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    def forge(shop: Shop) -> None:
        forger = Attacker(shop.root)
        forger.records(lambda made: renamed(made, result=Value(7)) if made.dref == plan().dref else made)
        hers = unwrap(shop.eve.ring.signer())
        assert hers is not None
        forger.sign(lambda made: hers.sign(Statement.of(made)).tree)

    shop = tampered(top, forge)
    reader = Heard(top / "reader", shop.bob.shares(shop.root))
    assert reader.evaluate(plan()) != 7
    assert shop.pull() != []
    assert assert_sound(top / "second") == set()


def law_no_more_is_taken_in_than_was_announced(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """A group that is small where it lies, and 64 MiB when it is opened."""

    def blow_up(shop: Shop) -> None:
        attacker, data = Attacker(shop.root), bytes(64 << 20)
        attacker.put(f"{GROUPS}/{Digest.of(data).hex}", data)
        (row,) = (row for path in attacker.paths("tables") for row in attacker._rows(path))
        attacker.tell([Row(Digest.of(data), 1000, row.tokens)])

    shop = tampered(top, blow_up)
    said = shop.pull()
    assert any("it holds 67,108,864 bytes, and 1,000 are the most that is taken in" in line for line in said), said


def _other_manifest(change: Callable[[Entry], Entry]) -> Callable[[Shop], None]:
    """Let the manifests of objects say something else; all other names stay as they were."""

    def harm(shop: Shop) -> None:
        def changed(head: dict[str, Any]) -> None:
            for entries in head["objects"].values():
                entries[:] = [change(Entry(path, Kind(kind), *more)).tree for path, kind, *more in entries]

        Attacker(shop.root).head(changed)

    return harm


def law_a_manifest_is_what_its_object_is_named_by(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """An object with one file more than it has; nothing of it is kept, under whatever name."""
    shop = tampered(top, _other_manifest(lambda entry: evolve(entry, executable=entry.kind is Kind.FILE)))
    good = shop.objects("first")
    shop.pull()
    assert shop.objects() <= good


def law_nothing_is_written_outside_of_a_store(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    shop = Shop(top)
    shop.make(rows(1))
    assert isinstance(shop.push(rows(1)), Success)
    _other_manifest(lambda entry: evolve(entry, path=f"../../../../{entry.path}"))(shop)
    before = {path.name for path in top.iterdir()}
    shop.pull(rows(1))
    assert {path.name for path in top.iterdir()} - before <= {"second"}
    assert not [path for path in (top / "second").iterdir() if path.name == "rows.bin"]


# Laws of patience.


def law_trying_again_ends(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    class Failing:
        asked = 0
        lists = writable = True

        def names(self, folder: str) -> Any:
            return self._fail(folder)

        def write(self, good: Good) -> None:
            self._fail(good.name)

        def has(self, name: str) -> Any:
            return self._fail(name)

        def open(self, name: str) -> Any:
            return self._fail(name)

        def _fail(self, name: str) -> Any:
            self.asked += 1
            assert self.asked < 40, f"{name} is asked for again and again"
            raise BrokenError("not now", again=True)

    for act in (
        lambda cache: cache.names("v1/tables"),
        lambda cache: cache.there(["v1/blobs/x"]),
        lambda cache: cache.put([Good.of("v1/blobs/x", b"x")]),
        lambda cache: cache.fetch([Want("v1/blobs/x", 10, lambda pieces: Success(None))]),
    ):
        failing = Failing()
        cache: Any = policies.retrying(ChannelCache("failing", failing), sleep=lambda _: None)  # type: ignore[arg-type]
        Performing().result(act(cache))  # type: ignore[no-untyped-call]
        assert failing.asked == 1 + policies.TIMES


@contextmanager
def deaf() -> Iterator[int]:
    """A server that takes connections and says nothing; a while later it hangs up. Gives its port."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        while not over.is_set():
            with socket.socket() if (taken := _taken(listening)) is None else taken:
                over.wait(0.5)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


def _taken(listening: socket.socket) -> socket.socket | None:
    try:
        return listening.accept()[0]
    except OSError:
        return None


def law_silence_is_ended_by_who_asks(top: Path, planted: pytest.MonkeyPatch) -> None:
    """And not by the other side: that would say something else."""
    pytest.importorskip("httpx", reason="the extra fetch is not installed")
    pytest.importorskip("obstore", reason="the extra cloud is not installed")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        planted.setenv(name, "x")
    with deaf() as port:
        url = f"http://127.0.0.1:{port}"
        for setup in (
            opening.CacheSetup(url, "deaf", silence=0.1, keys=top),
            opening.CacheSetup("s3://bucket", "deaf", endpoint=url, region="x", silence=0.1, keys=top),
        ):
            cache = opening.open_cache(setup)
            wanted = Want("v1/tables.json", 10, lambda pieces: Success(next(pieces) and None))
            fates = Performing().result(cache.fetch([wanted])).unwrap()  # type: ignore[arg-type]  # troubles are values
            fate = fates["v1/tables.json"]
            assert isinstance(fate, Failed)
            assert not fate.trouble.again, fate
            Performing().result(cache.close())  # type: ignore[arg-type]


# Laws of keys and statements.


def law_a_key_that_others_may_read_signs_nothing(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    shop = Shop(top)
    shop.make(rows(1))
    shop.ada.ring.path_of(Name("default")).chmod(0o644)
    assert isinstance(shop.push(rows(1)), Failure)
    assert not shop.root.exists() or not list(shop.root.rglob("groups/*"))


SAID = Statement(DRef("a" * 32 + "-plan"), "blake3:1", 0, Digest("blake3:2"), "right", Digest("blake3:3"))
OTHERWISE: dict[str, object] = {
    "dref": DRef("b" * 32 + "-plan"),
    "key": "blake3:4",
    "index": 1,
    "content": Digest("blake3:4"),
    "outcome": "raised",
    "record": Digest("blake3:4"),
}


def law_each_fact_of_a_statement_is_signed(top: Path, planted: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    pytest.importorskip("cryptography", reason="the extra keys is not installed")
    private = unwrap(Person(top, "ada").ring.signer())
    assert private is not None
    signature = private.sign(SAID)
    assert verify(signature.key, SAID.canonical(), signature.value)
    assert OTHERWISE.keys() == fields_dict(Statement).keys()
    for name, value in OTHERWISE.items():
        other = evolve(SAID, **{name: value})  # type: ignore[arg-type]  # fields by name
        assert not verify(signature.key, other.canonical(), signature.value), f"{name} is not signed"


LAWS: dict[str, Law] = {
    name.removeprefix("law_"): law for name, law in sorted(globals().items()) if name.startswith("law_")
}


# Who does one thing wrong.


def _records_before_files(planted: pytest.MonkeyPatch) -> None:
    right, kept = pushing.Pushing._put, list[Good]()

    def put(self: pushing.Pushing, goods: list[Good]) -> Any:
        if goods[0].name.startswith((BLOBS, PACKS)):
            kept.extend(goods)
            return Success(None)
        done = right(self, goods)
        if goods[0].name == TABLE_LIST and isinstance(done, Success):
            done = right(self, kept)
            kept.clear()
        return done

    planted.setattr(pushing.Pushing, "_put", put)


def _table_before_groups(planted: pytest.MonkeyPatch) -> None:
    right, kept = pushing.Pushing._put, list[Good]()

    def put(self: pushing.Pushing, goods: list[Good]) -> Any:
        if goods[0].name.startswith(GROUPS):
            kept.extend(goods)
            return Success(None)
        done = right(self, goods)
        if kept and isinstance(done, Success) and goods[0].name.startswith("v1/tables/"):
            done = right(self, kept)
            kept.clear()
        return done

    planted.setattr(pushing.Pushing, "_put", put)


def _in_spite_of_files_that_failed(planted: pytest.MonkeyPatch) -> None:
    right = pushing.Pushing._bring_files
    planted.setattr(
        pushing.Pushing, "_bring_files", lambda self, *given: right(self, *given).lash(lambda _: Success(None))
    )


def _group_named_by_its_inputs(planted: pytest.MonkeyPatch) -> None:
    right = pushing.sealed
    planted.setattr(
        pushing, "sealed", lambda name, data: right(f"{GROUPS}/{0:064x}" if name.startswith(GROUPS) else name, data)
    )


class _Any(str):
    """A digest that is whatever is wanted."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class _NoHash:
    def update(self, piece: bytes) -> None:
        pass

    def hexdigest(self) -> str:
        return _Any("00")


def _without_hashing(planted: pytest.MonkeyPatch) -> None:
    right = pulling.opened
    planted.setattr(pulling, "blake3", _NoHash)
    planted.setattr(pulling, "opened", lambda pieces, digest, *given: right(pieces, None, *given))


def _seen_at_once(planted: pytest.MonkeyPatch) -> None:
    """Lays files out where objects are seen, and takes away what turns out wrong."""
    right = pulling.lay_out

    def lay_out(packed: Any, wanted: Any, place: Path, disk: Any) -> Any:
        homes = right(packed, wanted, place, disk)
        objects = next(each / "objects" for each in place.parents if (each / "objects").exists())
        for tree in wanted:
            (objects / tree.hex).symlink_to(place / tree.hex)
        return homes

    planted.setattr(pulling, "lay_out", lay_out)


def _without_asking_who_signed(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(opening, "believing", lambda policy, verify: anyone)


def _without_judging(planted: pytest.MonkeyPatch) -> None:
    for module in (sharing, following):
        planted.setattr(module, "believed", lambda told, partner: list(told))


def _believing_sizes(planted: pytest.MonkeyPatch) -> None:
    right = catalogue.whole
    planted.setattr(catalogue, "whole", lambda pieces, digest, most: right(pieces, digest, 1 << 40))


def _believing_manifests(planted: pytest.MonkeyPatch) -> None:
    right = packing._wrong_with
    planted.setattr(packing, "_wrong_with", lambda tree, manifest: right(digest_of(manifest), manifest))


def _following_any_path(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(packing, "_wrong_with", lambda tree, manifest: "")


def _trying_for_ever(planted: pytest.MonkeyPatch) -> None:
    right = policies.retrying
    planted.setattr(policies, "retrying", lambda cache, **more: right(cache, times=1_000_000, **more))


def _patient_with_the_web(planted: pytest.MonkeyPatch) -> None:
    httpx = pytest.importorskip("httpx", reason="the extra fetch is not installed")
    right = httpx.Timeout
    planted.setattr(httpx, "Timeout", lambda *_, **__: right(None))


def _patient_with_buckets(planted: pytest.MonkeyPatch) -> None:
    store = pytest.importorskip("obstore.store", reason="the extra cloud is not installed")
    right = store.S3Store
    planted.setattr(
        store,
        "S3Store",
        lambda bucket, config, **more: right(bucket, config={**config, "read_timeout": "1h"}, **more),
    )


def _any_mode_of_a_key(planted: pytest.MonkeyPatch) -> None:
    right = keys._check
    planted.setattr(keys, "_check", lambda path, found, forbidden: right(path, found, 0))


def _signing_without(*names: str) -> Plant:
    def plant(planted: pytest.MonkeyPatch) -> None:
        right = Statement.canonical
        planted.setattr(
            Statement,
            "canonical",
            lambda self: right(evolve(self, **{name: getattr(SAID, name) for name in names})),
        )

    return plant


MUTANTS: dict[str, tuple[str, Plant]] = {
    "records before files": ("what_is_told_of_is_there_whenever_writing_ends", _records_before_files),
    "the table before groups": ("what_is_told_of_is_there_whenever_writing_ends", _table_before_groups),
    "records though a file failed": (
        "what_is_told_of_is_there_whichever_write_fails",
        _in_spite_of_files_that_failed,
    ),
    "writes over what differs": ("what_another_brought_is_not_written_over", _group_named_by_its_inputs),
    "hashes nothing that comes": ("what_is_damaged_is_refused_as_it_comes", _without_hashing),
    "shows what was not hashed": ("nothing_is_seen_before_it_is_right", _seen_at_once),
    "checks no signature": ("what_nobody_signed_who_is_trusted_is_not_used", _without_asking_who_signed),
    "asks no policy": ("what_nobody_signed_who_is_trusted_is_not_used", _without_judging),
    "believes sizes": ("no_more_is_taken_in_than_was_announced", _believing_sizes),
    "believes manifests": ("a_manifest_is_what_its_object_is_named_by", _believing_manifests),
    "follows a path that leads out": ("nothing_is_written_outside_of_a_store", _following_any_path),
    "tries for ever": ("trying_again_ends", _trying_for_ever),
    "waits for ever for a web server": ("silence_is_ended_by_who_asks", _patient_with_the_web),
    "waits for ever for a bucket": ("silence_is_ended_by_who_asks", _patient_with_buckets),
    "takes a key that others may read": ("a_key_that_others_may_read_signs_nothing", _any_mode_of_a_key),
    "signs no outcome": ("each_fact_of_a_statement_is_signed", _signing_without("outcome")),
    "signs no inputs": ("each_fact_of_a_statement_is_signed", _signing_without("key")),
}


@pytest.mark.reliability("D6", "laws of pushing, pulling and signing", passes="kept by what is there")
@pytest.mark.parametrize("law", LAWS)
def test_laws_are_kept(law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[law](tmp_path, monkeypatch)


@pytest.mark.reliability("D6", "mutants of pushing, pulling and signing", passes="each is caught by its law")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutants_are_caught(mutant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    law, plant = MUTANTS[mutant]
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        LAWS[law](tmp_path, monkeypatch)


def test_each_law_has_a_mutant() -> None:
    """A law that nothing was ever caught by may be none."""
    assert {law for law, _ in MUTANTS.values()} == set(LAWS)
