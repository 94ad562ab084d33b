"""Runs that share results over a cache: a second store that builds nothing, and caches that misbehave."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from attrs import evolve
from returns.io import IOFailure, IOSuccess
from returns.result import Failure, Result

from lightfx import (
    Build,
    Derivation,
    Left,
    Tolerant,
    World,
    evaluate,
    evaluate_all,
    lens,
    memory_world,
    open_world,
    plan,
    realize,
    stage,
    unwrap,
)
from lightfx.caches import CacheSetup, Sharing, anyone, tiered
from lightfx.caches import folder as folder_of
from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest, Name
from lightfx.effects.cache import Cache, Failed, Good, Trouble
from lightfx.effects.journal import CacheRefused, CacheWarned, JournalEvent, Pulled, Pushed, RunBegan, TaskStarted
from lightfx.effects.store import Entry
from lightfx.failures import NotStored
from lightfx.garbage import add_root, gc
from lightfx.journal import Both, Listener
from lightfx.looking import alldrefs, deps, du, find
from lightfx.moving import pack, pull, push
from lightfx.plan import sharing
from lightfx.shell.cache import catalogue, policies, pulling, sealing
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.channel import BrokenError, ChannelCache, UnfitError
from lightfx.shell.cache.folder import FolderChannel, folder_cache
from lightfx.shell.cache.memory import MemoryChannel, memory_cache
from lightfx.shell.cache.partner import LONGEST, TOO_LONG, Partner, Terms
from lightfx.shell.cache.policies import retrying
from lightfx.shell.cache.pushing import Pushing
from lightfx.shell.cache.sharing import SharingStore
from lightfx.shell.keys import KeyRing
from lightfx.shell.zstandard import zstd
from lightfx.stages.missteps import LensError

folder = partial(folder_of, trust=anyone)


@stage(version="1")
def double(build: Build, number: int) -> int:
    return 2 * number


@stage(version="1")
def written(build: Build, number: Derivation[int], large: bool = False) -> Path:
    folder = build.out / "sub"
    folder.mkdir()
    (folder / "number.txt").write_text(str(build.need(number)) * (100_000 if large else 1))
    (folder / "again.txt").symlink_to("number.txt")
    (build.out / "run.sh").write_text("exit 0")
    (build.out / "run.sh").chmod(0o755)
    return folder


@stage(version="1")
def length(build: Build, text: Derivation[Path]) -> int:
    return len((build.need(text) / "again.txt").read_text())


class Heard:
    """A world on a store of its own, and what its journal told."""

    def __init__(self, path: Path, *caches: CacheSetup) -> None:
        self.events: list[JournalEvent] = []
        self.path, self.caches = path, caches

    def evaluate(self, plan, **options):
        with open_world(self.path, caches=self.caches, journal=Listener(self.events.append)) as world:
            return evaluate(world, plan, **options)

    def realize(self, plan):
        with open_world(self.path, caches=self.caches, journal=Listener(self.events.append)) as world:
            return unwrap(realize(world, plan))

    @property
    def ran(self) -> int:
        return sum(isinstance(event, TaskStarted) for event in self.events)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def shared(tmp_path: Path) -> CacheSetup:
    return folder(tmp_path / "shared", name="ours", push=True)


@pytest.mark.parametrize("large", [False, True])
def test_a_fresh_store_takes_all_from_the_cache_of_another(tmp_path: Path, shared: CacheSetup, large: bool) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", shared)
    plan = length(written(double(21), large))
    assert first.evaluate(plan) == (200_000 if large else 2)
    assert first.ran == 3
    assert [event.count for event in first.of(Pushed)] == [3]
    assert second.evaluate(plan) == (200_000 if large else 2)
    assert second.ran == 0
    assert sum(event.count for event in second.of(Pulled)) == 3
    assert second.of(CacheWarned) == second.of(CacheRefused) == []
    path = second.evaluate(written(double(21), large))
    assert (path / "again.txt").is_symlink()
    assert (path.parent / "run.sh").stat().st_mode & 0o777 == 0o555
    assert second.ran == 0


def test_what_is_stored_is_not_taken_again_unless_its_files_are_gone(tmp_path: Path, shared: CacheSetup) -> None:
    """Each pull of what was there wrote the records of all that has files once more."""
    plan = length(written(double(21)))
    Heard(tmp_path / "one", shared).evaluate(plan)
    with open_world(tmp_path / "two") as world:
        first = unwrap(pull(world, [plan.dref], shared)).rrefs
        assert len(first) == 3
        groups = sorted((tmp_path / "two" / "records").iterdir())
        assert unwrap(pull(world, [plan.dref], shared)).rrefs == ()
        (lost,) = (tmp_path / "two" / "objects").iterdir()
        lost.rename(tmp_path / "lost")
        again = unwrap(pull(world, [plan.dref, written(double(21)).dref], shared)).rrefs
        assert again == tuple(rref for rref in first if rref.dref == written(double(21)).dref)
        assert sorted((tmp_path / "two" / "records").iterdir()) == groups
        assert digest_of(unwrap(world.store.manifests([lost]))[lost]).hex == lost.name


@pytest.mark.parametrize("known_to_the_cache", [True, False])
def test_pull_brings_what_was_lost_of_all_that_a_result_stands_on(
    tmp_path: Path, shared: CacheSetup, known_to_the_cache: bool
) -> None:
    """Trap: what is stored was followed no further, and of what it stands on only the records were looked for."""
    middle = written(double(21), True)
    plan = length(middle)
    Heard(tmp_path / "one", shared).evaluate(plan)
    with open_world(tmp_path / "two") as world:
        unwrap(pull(world, [plan.dref], shared))
        (here,) = unwrap(find(world, "written"))
        cache = shared
        if not known_to_the_cache:
            cache = evolve(shared, url=(tmp_path / "another").as_uri())
            unwrap(push(world, [here.rref], cache))
        lost = world.store.folder_of(here.tree)
        lost.rename(tmp_path / "lost")
        traffic = unwrap(pull(world, [plan.dref], cache))
        assert traffic.rrefs == (here.rref,)
        assert traffic.lacking == ()
        assert digest_of(unwrap(world.store.manifests([lost]))[lost]).hex == lost.name
        assert unwrap(pull(world, [plan.dref], cache)).rrefs == ()


def test_pull_says_what_is_lacking_still(tmp_path: Path, shared: CacheSetup) -> None:
    plan = length(written(double(21), True))
    Heard(tmp_path / "one", shared).evaluate(plan)
    with open_world(tmp_path / "two") as world:
        unwrap(pull(world, [plan.dref], shared))
        (here,) = unwrap(find(world, "written"))
        (result,) = unwrap(find(world, "length"))
        world.store.folder_of(here.tree).rename(tmp_path / "lost")
        for blob in (tmp_path / "shared/v1/blobs").iterdir():
            blob.unlink()
        traffic = unwrap(pull(world, [plan.dref], shared))
        assert (traffic.rrefs, traffic.lacking) == ((), (here.rref,))
        assert [each.why for each in traffic.refused] == ["it is missing"]
        nothing = evolve(shared, url=(tmp_path / "nothing").as_uri())
        (tmp_path / "nothing").mkdir()
        assert unwrap(pull(world, [result.rref], nothing)).lacking == (here.rref,)


def test_trap_of_what_lost_its_files_it_is_said_that_they_lack(tmp_path: Path, shared: CacheSetup) -> None:
    """Trap: a derivation was told not to be stored, neither here nor in the cache, though its record was here."""
    plan = written(double(21), True)
    Heard(tmp_path / "one").evaluate(plan)
    (tmp_path / "shared").mkdir()
    with open_world(tmp_path / "one") as world:
        (here,) = unwrap(find(world, "written"))
        world.store.folder_of(here.tree).rename(tmp_path / "lost")
        assert unwrap(pull(world, [plan.dref], shared)).lacking == (here.rref,)
        brought = unwrap(push(world, [plan.dref], shared))
        assert here.rref not in brought.rrefs
        assert [(each.what, "are gone" in each.why) for each in brought.refused] == [(here.rref.text, True)]


def test_files_that_may_be_dropped_need_not_come(tmp_path: Path, shared: CacheSetup) -> None:
    with open_world(tmp_path / "one") as world:
        assert evaluate(world, after(passing())) == "p"
        unwrap(push(world, [after(passing()).dref], shared))
    with open_world(tmp_path / "two") as world:
        traffic = unwrap(pull(world, [after(passing()).dref], shared))
        assert (len(traffic.rrefs), traffic.lacking) == (2, ())


@stage(version="1", ephemeral=True)
def passing(build: Build) -> Path:
    (build.out / "p").write_text("p")
    return build.out / "p"


@stage(version="1")
def after(build: Build, passed: Derivation[Path]) -> str:
    return build.need(passed).read_text()


@stage(version="1")
def halved(build: Build, number: int) -> int:
    return number // 2


@stage(version="1")
def tripled(build: Build, number: Derivation[int]) -> int:
    return 3 * build.need(number)


def test_equal_inputs_are_a_hit_whatever_they_came_from(tmp_path: Path, shared: CacheSetup) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", shared)
    assert first.evaluate(tripled(halved(10))) == 15
    assert second.evaluate(tripled(halved(11))) == 15
    assert second.ran == 1, "halved(11) alone"
    # What the record stands on, halved(10), never came here: nothing trips over that.
    with open_world(tmp_path / "two") as world:
        (row,) = unwrap(world.store.listed([tripled(halved(11)).dref], frozenset()))
        made = unwrap(world.store.realizations([row.stored.rref]))[row.stored.rref]
        assert made.like is not None
        assert [rref.dref for _, rrefs in made.context.entries for rref in rrefs] == [halved(11).dref]
        assert made.like.dref == tripled(halved(10)).dref
        (told,) = unwrap(world.store.listed([tripled(halved(10)).dref], frozenset()))
        assert unwrap(deps(world, told.stored.rref, deep=True)) == ()
        assert unwrap(du(world, told.stored.rref))
        assert isinstance(world.perform.result(pack(world, [told.stored.rref], tmp_path / "file")).failure(), NotStored)
        assert len(unwrap(gc(world, dry_run=True)).rrefs) == 3
        unwrap(add_root(world, made.rref))
        assert unwrap(gc(world)).rrefs == ()
        with pytest.raises(LensError, match="is not stored"):
            assert lens(told.stored.rref, world).number.number.value
        assert len(unwrap(push(world, [told.stored.rref], folder(tmp_path / "third"))).rrefs) == 1
        assert len(unwrap(pull(world, [told.stored.rref], shared)).rrefs) == 1, "what it stands on"
        assert unwrap(deps(world, told.stored.rref)) != ()


@stage(version="1")
def asks(build: Build, count: int) -> int:
    return sum(build.need_all([tripled(halved(2 * number)) for number in range(count)]))


def test_what_a_stage_asked_for_comes_along(tmp_path: Path, shared: CacheSetup) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", shared)
    assert first.evaluate(asks(4)) == 18
    assert first.ran == 1 + 4 + 4 + 1, "it is run again when what it asked for is there"
    assert second.evaluate(asks(4)) == 18
    assert second.ran == 0


@stage(version="1")
def refuses(build: Build, number: int) -> Result[int, str]:
    return Failure("no")


@stage(version="1")
def stumbles(build: Build, number: int) -> int:
    raise ValueError("oh")


@stage(version="1")
def lacks(build: Build, number: int) -> int:
    raise OSError("the disk is away")


@stage(version="1")
def counts(build: Build, number: Tolerant[int]) -> int:
    return 1 if isinstance(build.need(number), Left) else 0


def test_lefts_are_shared_that_would_come_again(tmp_path: Path, shared: CacheSetup) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", shared)
    for each, ran in ((refuses(1), 0), (stumbles(1), 0), (lacks(1), 1)):
        assert isinstance(first.realize(each), Left)
        assert isinstance(second.realize(each), Left)
        assert second.ran == ran
        second.events.clear()
    assert second.evaluate(counts(refuses(1).tolerate())) == 1


@pytest.mark.parametrize(
    ("sharing", "ran"), [(Sharing(), 0), (Sharing(lefts="none"), 1), (Sharing("none", tolerated=False), 2)]
)
def test_policy_says_which_lefts_are_shared(tmp_path: Path, shared: CacheSetup, sharing: Sharing, ran: int) -> None:
    strict = evolve(shared, sharing=sharing)
    first, second = Heard(tmp_path / "one", strict), Heard(tmp_path / "two", strict)
    for heard in (first, second):
        assert heard.evaluate(counts(refuses(1).tolerate())) == 1
    assert second.ran == ran
    pulled = Heard(tmp_path / "three", strict, shared)
    assert pulled.evaluate(counts(refuses(1).tolerate())) == 1


def test_to_look_at_a_plan_asks_nobody(tmp_path: Path, shared: CacheSetup) -> None:
    Heard(tmp_path / "one", shared).evaluate(double(21))
    with open_world(tmp_path / "two", caches=[shared]) as world:
        assert [step.dref for step in unwrap(plan(world, double(21))).steps] == [double(21).dref]
        assert unwrap(world.store.alike([])) == []
        assert unwrap(alldrefs(world)) == ()


def hurt(shared: CacheSetup, kind: str, deed) -> None:
    """Do something to each file of a kind."""
    for path in sorted((Path(shared.url.removeprefix("file://")) / "v1" / kind).iterdir()):
        deed(path)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


DEEDS = {
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link": lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
    "a bomb": lambda path: path.write_bytes(b"lightfx zstd 12\n" + zstd().compress(bytes(1 << 26))),
    "huge": lambda path: path.write_bytes(b"lightfx plain 99999999999999\n"),
}


CASES = [
    *(("packs", deed) for deed in DEEDS),
    *(("blobs", deed) for deed in ("flipped", "cut", "gone", "a bomb")),
    *(("groups", deed) for deed in ("flipped", "longer", "gone", "a pipe", "a bomb")),
    *(("tables", deed) for deed in ("flipped", "empty", "a link", "huge")),
]


@pytest.mark.parametrize(("kind", "deed"), CASES)
def test_a_wrong_byte_is_never_seen(tmp_path: Path, shared: CacheSetup, kind: str, deed: str) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", evolve(shared, push=False))
    plan = length(written(double(21), True))
    first.evaluate(plan)
    hurt(shared, kind, DEEDS[deed])
    assert second.evaluate(plan) == 200_000
    assert second.ran == {"blobs": 1, "packs": 1}.get(kind, 3)
    assert (second.evaluate(written(double(21), True)) / "number.txt").read_text() == "42" * 100_000
    refused = second.of(CacheRefused)
    if kind in ("groups", "tables") and deed in ("gone", "a pipe", "a link"):
        assert refused == [], "what is not there is not told of"
    elif deed == "a link":
        assert second.of(CacheWarned)
    else:
        assert {event.what.split("/")[1] for event in refused} == {kind}
    with open_world(tmp_path / "two") as world:
        trees = [each.tree for each in unwrap(find(world)) if each.tree is not None]
        folders = {world.store.folder_of(tree): tree for tree in trees}
        listed = unwrap(world.store.manifests(list(folders)))
        assert all(digest_of(listed[path]) == tree for path, tree in folders.items())
        assert {path.name for path in (tmp_path / "two/objects").iterdir()} == {tree.hex for tree in trees}
        assert [path for path in (tmp_path / "two/tmp").rglob("*") if path.is_file()] == []


def test_swapped_packs_and_forged_records_are_refused(tmp_path: Path, shared: CacheSetup) -> None:
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", evolve(shared, push=False))
    first.evaluate(length(written(double(1))))
    first.evaluate(length(written(double(2))))
    one, other = sorted((tmp_path / "shared/v1/packs").iterdir())
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    assert second.evaluate(length(written(double(1)))) == 1
    assert second.ran == 1
    assert "is not what it is named by" in second.of(CacheRefused)[0].why


def test_a_table_that_says_too_much_gives_nothing_else(
    tmp_path: Path, shared: CacheSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tokens are one: each search reads all groups, and takes what it was looking for."""
    monkeypatch.setattr(sharing, "token", lambda text: 7)
    monkeypatch.setattr(catalogue, "token", lambda text: 7)
    first, second = Heard(tmp_path / "one", shared), Heard(tmp_path / "two", evolve(shared, push=False))
    first.evaluate(written(double(1)))
    assert (second.evaluate(double(1)), second.ran) == (2, 0)
    assert [event.count for event in second.of(Pulled)] == [1]
    with open_world(tmp_path / "two") as world:
        assert len(unwrap(alldrefs(world))) == 1


def test_a_cache_that_fills_up_or_goes_away_fails_no_run(tmp_path: Path, shared: CacheSetup) -> None:
    plan = length(written(double(21)))
    (tmp_path / "file").write_text("")
    inside = folder(tmp_path / "file" / "shared", name="ours", push=True)
    heard = Heard(tmp_path / "one", inside, shared)
    assert heard.evaluate(plan) == 2
    assert [event.cache for event in heard.of(CacheWarned)] == ["ours"]
    assert [event.count for event in heard.of(Pushed)] == [3]


@pytest.mark.parametrize("act", ["fetch", "put", "names", "there"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_cache_that_goes_away_on_the_way_fails_no_run(tmp_path: Path, act: str, after: int) -> None:
    held: dict[str, bytes] = {}
    plan = [length(written(double(number), number == 1)) for number in range(3)]

    def run(name: str, cache: Cache, told: list[JournalEvent]) -> list[int]:
        with open_world(tmp_path / name, journal=Listener(told.append)) as world:
            partner = Partner(cache, world.perform, Terms(pushes=True))
            store = SharingStore(world.store, [partner], world.journal, world.perform)
            sharing = evolve(world, store=store, journal=Both(Listener(store.hear), world.journal))
            return list(evaluate_all(sharing, plan))

    events: list[JournalEvent] = []
    right = run("one", Broken(memory_cache(held), act, after), events)
    assert right == [1, 100_000, 1]
    assert len([event for event in events if isinstance(event, CacheWarned)]) <= 1
    run("two", memory_cache(held), [])
    later: list[JournalEvent] = []
    assert run("three", Broken(memory_cache(held), act, after), later) == right


class Broken:
    """A cache of which one act fails after it was done some times."""

    def __init__(self, right: Cache, act: str, after: int) -> None:
        self._right, self._act, self._after = right, act, after

    def __getattr__(self, name: str):
        if name == self._act:
            self._after -= 1
            if self._after < 0:
                return lambda *given: IOFailure(Trouble("broken", "answer", "it is away"))
        return getattr(self._right, name)


def test_after_some_troubles_in_a_row_it_is_left_alone(tmp_path: Path) -> None:
    asked: list[str] = []

    class Deaf:
        name, lists, writable = "deaf", True, True

        def names(self, folder: str):
            asked.append(folder)
            return IOFailure(Trouble("deaf", "be listed", "silence"))

    with open_world(tmp_path / "one") as world:
        now = itertools.count(0, 1000)
        partner = Partner(Deaf(), world.perform)  # type: ignore[arg-type]
        store = SharingStore(world.store, [partner], world.journal, world.perform, lambda: float(next(now)))
        sharing = evolve(world, store=store, journal=Both(Listener(store.hear), world.journal))
        for number in range(5):
            store.hear(RunBegan(1)) if number == 0 else None
            unwrap(store.alike([Digest.of(bytes([number]))]))
        assert len(asked) == 3
        assert evaluate(sharing, double(3)) == 6
        assert len(asked) > 3, "the next run tries again"


def test_what_lists_well_and_drips_is_left_alone_for_the_time_that_it_took(tmp_path: Path, shared: CacheSetup) -> None:
    """Its tables came at once, so that it was never in trouble three times in a row: each result took a minute."""
    asked: list[str] = []
    Heard(tmp_path / "one", shared).evaluate(length(written(double(21))))

    class Dripping:
        def __init__(self, right: Cache) -> None:
            self._right = right

        def fetch(self, wants):
            dripping = [want.name for want in wants if "groups" in want.name]
            asked.extend(dripping)
            if not dripping:
                return self._right.fetch(wants)
            trouble = Trouble("dripping", "give it", "only 300 bytes came in 60 s", seconds=TOO_LONG / 2)
            return IOSuccess({name: Failed(trouble) for name in dripping})

        def __getattr__(self, name: str):
            return getattr(self._right, name)

    with open_world(tmp_path / "two") as world:
        now = itertools.count(0, 1000)
        partner = Partner(Dripping(folder_cache(tmp_path / "shared")), world.perform)  # type: ignore[arg-type]
        store = SharingStore(world.store, [partner], world.journal, world.perform, lambda: float(next(now)))
        sharing = evolve(world, store=store, journal=Both(Listener(store.hear), world.journal))
        assert evaluate(sharing, length(written(double(21)))) == 2
        assert len(asked) == 2


@stage(version="1")
def onward(build: Build, before: list[Derivation[Path]], number: int) -> Path:
    path = build.out / "number.txt"
    path.write_text(f"{number} after {[build.need(each).read_text() for each in before]}"[:100])
    return path


def chain(count: int) -> Derivation[Path]:
    last: list[Derivation[Path]] = []
    for number in range(count):
        last = [onward(last, number)]
    return last[0]


class Slow:
    """A cache that takes a second for each answer, by a clock of its own."""

    def __init__(self, right: Cache) -> None:
        self._right, self.now, self.asked = right, 0.0, 0

    def __getattr__(self, name: str):
        found = getattr(self._right, name)
        if name not in ("fetch", "names", "there", "put"):
            return found

        def answer(*given):
            self.now += 1.0
            self.asked += 1
            return found(*given)

        return answer


def slowly(world: World, slow: Slow, wanted: Derivation[Path], **options) -> list[JournalEvent]:
    """Evaluate over a slow cache; gives what was told."""
    events: list[JournalEvent] = []
    assert evaluate(sharing_over(world, slow, events), wanted, **options).exists()
    return events


def sharing_over(world: World, slow: Slow, events: list[JournalEvent]) -> World:
    """The same world, over a slow cache."""
    partner = Partner(slow, world.perform, elapsed=lambda: slow.now)  # type: ignore[arg-type]
    store = SharingStore(world.store, [partner], Listener(events.append), world.perform)
    return evolve(world, store=store, journal=Both(Listener(store.hear), Listener(events.append)))


def test_what_answers_slowly_is_left_alone_when_it_cost_more_than_it_gave(tmp_path: Path) -> None:
    """Trap: it gave no trouble, so a thousand quick results, one after the other, took a second each."""
    held: dict[str, bytes] = {}
    with memory_world(tmp_path / "one") as world:
        evaluate(world, chain(80))
        partner = Partner(memory_cache(held), world.perform, Terms(pushes=True))
        entries = [
            Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in unwrap(find(world, "onward"))
        ]
        assert len(Pushing(partner, Catalogue(partner), world.store).run(entries).unwrap()) == 80
    slow = Slow(memory_cache(held))
    with memory_world(tmp_path / "two") as world:
        events = slowly(world, slow, chain(80))
    assert TOO_LONG < slow.asked < TOO_LONG + 10
    (warned,) = [event for event in events if isinstance(event, CacheWarned)]
    assert warned.why.startswith("cannot be waited for: it took 61 s more to ask it")
    ran = sum(isinstance(event, TaskStarted) for event in events)
    assert ran + sum(event.count for event in events if isinstance(event, Pulled)) == 80
    assert ran > 10
    patient = Slow(memory_cache(held))
    with memory_world(tmp_path / "three") as world:
        events = slowly(world, patient, chain(80), only_stored=True)
    assert patient.asked > 80, "where nothing may run there is no other way"
    assert not [event for event in events if isinstance(event, CacheWarned)]


def test_trap_what_tells_of_much_and_slowly_is_not_waited_for_to_the_end(tmp_path: Path) -> None:
    """Trap: it was weighed when all had come: four thousand tables, some seconds each, and nothing in them for us."""
    held: dict[str, bytes] = {}
    for number in range(4000):
        table = sharing.spell_table([sharing.Row(Digest.of(bytes(number)), 5, (number,))])
        held[f"v1/tables/{Digest.of(table).hex}"] = b"lightfx plain %d\n%s" % (len(table), table)
    for only_stored, least, most in ((False, LONGEST, LONGEST + 5), (True, 500, 600)):
        slow = Slow(memory_cache(held))
        with memory_world(tmp_path / str(most)) as world:
            events: list[JournalEvent] = []
            ours = sharing_over(world, slow, events)
            world.perform.result(realize(ours, double(3), only_stored=only_stored))
        warned = [event.why for event in events if isinstance(event, CacheWarned)]
        assert least <= slow.asked <= most
        assert bool(warned) != only_stored
        assert all("it was not through with what it tells of after 301 s" in why for why in warned)


def test_trap_what_gives_much_and_slowly_is_weighed_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap: many results that were found at once were all waited for, however slowly each came."""
    monkeypatch.setattr(pulling, "MOST_AT_ONCE", 2)
    held: dict[str, bytes] = {}
    plans = [onward([], number) for number in range(200)]
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, plans)
        made = unwrap(find(world, "onward"))
        partner = Partner(memory_cache(held), world.perform, Terms(pushes=True))
        entries = [Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in made]
        assert len(Pushing(partner, Catalogue(partner), world.store).run(entries).unwrap()) == 200
    slow = Slow(memory_cache(held))
    with memory_world(tmp_path / "two") as world:
        events: list[JournalEvent] = []
        assert len(evaluate_all(sharing_over(world, slow, events), plans)) == 200
    (warned,) = [event.why for event in events if isinstance(event, CacheWarned)]
    assert "more to ask it than to make what it gave" in warned
    assert sum(event.count for event in events if isinstance(event, Pulled)) < 200


@stage(version="1")
def alike(build: Build, number: int) -> Path:
    """Many files that all of them have, and one of its own."""
    for each in range(60):
        (build.out / f"{each}.txt").write_text(f"{each} " * 100)
    (build.out / "copy.txt").write_text("0 " * 100)
    (build.out / "own.txt").write_text(str(number))
    return build.out


def test_trap_what_several_packs_hold_is_taken_from_one_of_them(tmp_path: Path, shared: CacheSetup) -> None:
    """Two threads wrote one file, and right packs were refused: \"it cannot be kept here: File exists\"."""
    plans = [alike(number) for number in range(8)]
    for number, each in enumerate(plans):
        Heard(tmp_path / f"one-{number}", shared).evaluate(each)
    reader = Heard(tmp_path / "two", shared)
    with open_world(reader.path, caches=reader.caches, journal=Listener(reader.events.append)) as world:
        folders = evaluate_all(world, plans)
    assert [(folder / "own.txt").read_text() for folder in folders] == [str(number) for number in range(8)]
    assert (reader.ran, reader.of(CacheRefused)) == (0, [])


def test_trap_a_pack_that_broke_off_is_begun_anew(
    tmp_path: Path, shared: CacheSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its files goes to two places, and was there already: \"File exists\"."""
    monkeypatch.setattr(sealing, "zstd", lambda: None)  # so that files come before the end does
    Heard(tmp_path / "one", shared).evaluate(alike(1))
    broke: list[str] = []

    class Breaking:
        def __init__(self, right: FolderChannel) -> None:
            self._right = right

        @contextmanager
        def open(self, name: str) -> Iterator[Iterator[bytes]]:
            with self._right.open(name) as pieces:
                yield self._cut(name, b"".join(pieces))

        def _cut(self, name: str, data: bytes) -> Iterator[bytes]:
            if "packs" not in name or broke:
                yield data
                return
            broke.append(name)
            with contextlib.suppress(UnfitError):
                yield from (data[:-9], b"")
            raise BrokenError("it broke off", again=True)

        def __getattr__(self, name: str):
            return getattr(self._right, name)

    partner_cache = retrying(ChannelCache("ours", Breaking(FolderChannel(tmp_path / "shared"))), sleep=lambda _: None)  # type: ignore[arg-type]
    with open_world(tmp_path / "two") as world:
        partner = Partner(partner_cache, world.perform)
        told = Catalogue(partner).told_of([alike(1).dref.text])
        assert len(pulling.take_in(told, partner, world.store).unwrap()) == 1
    assert (len(broke), partner.refused) == (1, [])


def test_what_one_pack_lost_comes_from_another(tmp_path: Path, shared: CacheSetup) -> None:
    plans = [alike(number) for number in range(3)]
    Heard(tmp_path / "one", shared).evaluate(plans[0])
    (first,) = (tmp_path / "shared/v1/packs").iterdir()
    with open_world(tmp_path / "three", caches=[shared]) as world:
        evaluate_all(world, plans[1:])
    first.write_bytes(b"junk")
    reader = Heard(tmp_path / "two", shared)
    with open_world(reader.path, caches=reader.caches, journal=Listener(reader.events.append)) as world:
        folders = evaluate_all(world, plans)
    assert [(folder / "own.txt").read_text() for folder in folders] == ["0", "1", "2"]
    assert reader.ran == 1, "its own file is nowhere else"
    assert [each.what for each in reader.of(CacheRefused)] == [f"v1/packs/{first.name}"]


def harmed(folder: Path, kind: str, deed: str) -> None:
    for path in (folder / "v1" / kind).iterdir():
        path.unlink()
        if deed == "damaged":
            path.write_bytes(b"lightfx plain 4\njunk")


@pytest.mark.parametrize("deed", ["gone", "damaged"])
@pytest.mark.parametrize("kind", ["blobs", "packs", "groups"])
def test_trap_what_a_cache_lost_is_brought_again_by_a_run(
    tmp_path: Path, shared: CacheSetup, kind: str, deed: str
) -> None:
    """Tables told of it still, so nobody brought it ever again, and everybody made it anew."""
    wanted = length(written(double(21), large=kind == "blobs"))
    Heard(tmp_path / "one", shared).evaluate(wanted)
    harmed(tmp_path / "shared", kind, deed)
    second = Heard(tmp_path / "two", shared)
    second.evaluate(written(double(21), large=kind == "blobs"))
    assert second.ran == (2 if kind == "groups" else 1)
    assert any(f"v1/{kind}/" in each.what for each in second.of(CacheRefused)) or (kind, deed) == ("groups", "gone")
    third = Heard(tmp_path / "three", shared)
    third.evaluate(written(double(21), large=kind == "blobs"))
    assert (third.ran, third.of(CacheWarned)) == (0, [])


@pytest.mark.parametrize("kind", ["blobs", "packs", "groups"])
@pytest.mark.parametrize("signs", [False, True])
def test_trap_what_a_cache_lost_is_brought_again_by_a_push(
    tmp_path: Path, shared: CacheSetup, kind: str, signs: bool
) -> None:
    ring = KeyRing(tmp_path / "keys")
    mine = evolve(shared, keys=ring.folder)
    if signs:
        unwrap(ring.make(Name("default")))
    wanted = length(written(double(21), large=kind == "blobs"))
    Heard(tmp_path / "one", mine).evaluate(wanted)
    with open_world(tmp_path / "one") as world:
        assert unwrap(push(world, [wanted.dref], mine)).rrefs == ()
        harmed(tmp_path / "shared", kind, "gone")
        assert len(unwrap(push(world, [wanted.dref], mine)).rrefs) == (3 if kind == "groups" else 1)
        assert unwrap(push(world, [wanted.dref], mine)).rrefs == ()
    reader = Heard(tmp_path / "two", shared)
    reader.evaluate(written(double(21), large=kind == "blobs"))
    assert (reader.ran, reader.of(CacheWarned)) == (0, [])


def test_what_is_damaged_makes_room_where_the_first_of_two_stays(tmp_path: Path) -> None:
    """So do servers that keep conditional puts, which are used where they do."""

    class Keeping:
        def __init__(self) -> None:
            self._right = MemoryChannel()

        def write(self, good: Good) -> None:
            if good.name not in self._right.held:
                self._right.write(good)

        def __getattr__(self, name: str):
            return getattr(self._right, name)

    channel = Keeping()
    cache = ChannelCache("ours", channel)  # type: ignore[arg-type]
    with open_world(tmp_path / "one") as world:
        evaluate(world, written(double(21)))
        entries = [
            Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in unwrap(find(world, "written"))
        ]
        partner = Partner(cache, world.perform, Terms(pushes=True))
        pushing = Pushing(partner, Catalogue(partner), world.store)
        assert len(pushing.run(entries).unwrap()) == 1
        (pack,) = [name for name in channel.held if "packs" in name]
        good, channel.held[pack] = channel.held[pack], b"junk"
        with open_world(tmp_path / "two") as other:
            told = pushing.catalogue.told_of([entries[0].realization.rref.text])
            assert pulling.take_in(told, partner, other.store).unwrap() == ()
        assert len(pushing.run(entries).unwrap()) == 1
        assert channel.held[pack] == good


@stage(version="1")
def cautious(build: Build, number: Tolerant[int]) -> str:
    return type(build.need(number)).__name__


def test_trap_a_pull_brings_what_tolerates_a_right_with_that_right(tmp_path: Path, shared: CacheSetup) -> None:
    """Where nothing is shared that stands on a LEFT, what it stood on had to be here before."""
    wanted = cautious(double(21).tolerate())
    assert Heard(tmp_path / "one", shared).evaluate(wanted) == "Right"
    with open_world(tmp_path / "two") as world:
        traffic = unwrap(pull(world, [wanted.dref], evolve(shared, sharing=Sharing(tolerated=False))))
        assert (len(traffic.rrefs), traffic.lacking) == (2, ())
        assert evaluate(world, wanted, only_stored=True) == "Right"


def test_trap_no_room_to_keep_for_a_near_cache_is_no_trouble_of_the_far_one(
    tmp_path: Path, shared: CacheSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came was refused, or the run failed of it, since it could not be kept beside."""
    wanted = written(double(21), large=True)
    Heard(tmp_path / "one", shared).evaluate(wanted)

    class Full(io.BytesIO):
        def __init__(self, size: int) -> None:
            super().__init__()

        def write(self, piece: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(policies.tempfile, "SpooledTemporaryFile", Full)
    reader = Heard(tmp_path / "two", tiered(folder(tmp_path / "near"), shared))
    assert reader.evaluate(wanted).is_dir()
    assert (reader.ran, reader.of(CacheRefused), reader.of(CacheWarned)) == (0, [], [])
    assert not [path for path in (tmp_path / "near").rglob("*") if path.is_file()]


def table_of(held: dict[str, bytes], *rows: sharing.Row) -> str:
    data = sharing.spell_table(rows)
    name = f"v1/tables/{Digest.of(data).hex}"
    held[name] = b"lightfx plain %d\n%s" % (len(data), data)
    return name


def test_trap_tables_without_number_took_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can write to a cache can make any number of them, whomever a reader believes."""
    monkeypatch.setattr(catalogue, "MOST_TOKENS", 1000)
    held: dict[str, bytes] = {}
    for number in range(4):
        table_of(held, sharing.Row(Digest.of(bytes([number])), 5, tuple(range(400 * number, 400 * number + 400))))
    with memory_world(tmp_path / "one") as world:
        found = Catalogue(Partner(memory_cache(held), world.perform))
        found.refresh()
    assert (len(found.tables), len(found.found)) == (2, 800)
    assert [each.why for each in found.partner.refused] == ["with it the cache would tell of more than 1,000 names"] * 2


def test_what_several_tables_tell_of_one_name_is_all_found(tmp_path: Path) -> None:
    held: dict[str, bytes] = {}
    groups = [Digest.of(bytes([number])) for number in range(4)]
    first = table_of(held, sharing.Row(groups[0], 5, (7, 8)), sharing.Row(groups[1], 5, (7,)))
    second = table_of(held, sharing.Row(groups[0], 5, (7, 9)), sharing.Row(groups[2], 5, (7,)))
    third = table_of(held, sharing.Row(groups[3], 5, (7, 9)))
    with memory_world(tmp_path / "one") as world:
        found = Catalogue(Partner(memory_cache(held), world.perform))
        found.refresh()
        assert {each: set(rows) for each, rows in found.found.items()} == {
            7: set(groups),
            8: {groups[0]},
            9: {groups[0], groups[3]},
        }
        del held[first], held[third]
        table_of(
            held, sharing.Row(groups[0], 5, (7, 8)), sharing.Row(groups[1], 5, (7,)), sharing.Row(groups[3], 5, (7,))
        )
        found.refresh()
        assert set(found.found[7]) == set(groups), "they were put together"
        held.clear()
        held[second] = b""
        found.refresh()
        assert {each: set(rows) for each, rows in found.found.items()} == {7: {groups[0], groups[2]}, 9: {groups[0]}}


def test_trap_what_was_taken_away_while_a_world_was_open_is_brought_again(tmp_path: Path) -> None:
    held: dict[str, bytes] = {}
    with memory_world(tmp_path / "one") as world:
        evaluate_all(world, [onward([], number) for number in range(3)])
        made = unwrap(find(world, "onward"))
        entries = [Entry(unwrap(world.store.configs([each.dref]))[each.dref], each) for each in made]
        partner = Partner(memory_cache(held), world.perform, Terms(pushes=True))
        pushing = Pushing(partner, Catalogue(partner), world.store)
        assert [len(pushing.run(entries).unwrap()) for _ in range(2)] == [3, 0]
        held.clear()
        assert [len(pushing.run(entries).unwrap()) for _ in range(2)] == [3, 0]


def test_what_is_slow_and_saves_more_is_asked(tmp_path: Path) -> None:
    with memory_world(tmp_path / "one") as world:
        now = [0.0]
        partner = Partner(memory_cache({}), world.perform, elapsed=lambda: now[0])
        partner.begin_anew()
        for _ in range(50):
            now[0] += 30.0
            partner.weigh(30.0, 29.0)
        assert not partner.is_left_alone
        now[0] += 10_000.0
        partner.weigh(50.0, 0.0)
        assert not partner.is_left_alone, "a hundredth of a long run is no harm"
        now[0] += 1200.0
        partner.weigh(1200.0, 0.0)
        assert partner.is_left_alone
        partner.begin_anew()
        assert not partner.is_left_alone
