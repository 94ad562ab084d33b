"""The store on a disk beside the memory double, whatever is done to it and by whom, killed or not.

The machine does the same to both and compares what they answer, and what they
hold. What harms files is done to the disk alone: then a run must give what it
gave before, `verify` must find that and nothing else, and repair must heal it.
Others work on the store too, in processes of their own, which are killed in the
middle of it. A cache in a folder stands beside: both pull from it alike, a store
that was never used before gets from it what was pushed, and what is spoilt in it is never seen.

``HYPOTHESIS_PROFILE=explore`` goes further. ``TIER=N`` goes for long, on ways that follow from ``SEED``.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import evolve
from hypothesis import Phase, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from returns.io import IOResult, IOSuccess
from returns.result import Failure

from lightfx import IN_MEMORY, Left, Outcome, World, memory_world, open_world, realize, unwrap
from lightfx.caches import anyone, folder
from lightfx.core.damage import DamagedObject, MissingObject, Verified
from lightfx.core.failures import EngineError, EngineFailure, NotStored
from lightfx.core.inventory import Ref
from lightfx.core.layout import IndexPlace
from lightfx.core.manifest import digest_of
from lightfx.core.names import Digest
from lightfx.core.refs import RRef
from lightfx.garbage import add_root, gc, list_roots, remove_root
from lightfx.looking import allrrefs
from lightfx.moving import Traffic, copy_closure, pack, pull, push, unpack
from lightfx.plan.garbage import Rules, judge
from lightfx.shell.store import soundness
from lightfx.shell.store.tree import ForbiddenError, entries_of
from lightfx.testing.faults import Refusal, Watched, at, world_on
from lightfx.upkeep import verify

if str(Path(__file__).parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent))

from model_plans import PLANS

HERE = Path(__file__).parent
NAMES = ("one", "two")
plans = st.integers(0, len(PLANS) - 1)


class Machine(RuleBasedStateMachine):
    """A store on the disk, and the double that it must be like."""

    gc: Callable[[World], IOResult[Any, EngineFailure]] = staticmethod(gc)
    verify: Callable[..., IOResult[Verified, EngineFailure]] = staticmethod(verify)
    bring: Callable[..., IOResult[Traffic, EngineFailure]] = staticmethod(push)
    checking: Literal["stat", "hash", "never"] = "stat"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="lightfx-model-"))
        self.store = self.folder / "store"
        self.index: Path | IndexPlace | None = None
        self.disk = self.opened()
        self.double = memory_world(self.folder / "double")
        self.harmed: set[Digest] = set()
        (self.folder / "cache").mkdir()
        self.cache = evolve(folder(self.folder / "cache", trust=anyone), keys=self.folder / "keys")
        self.shared: set[RRef] = set()
        self.spoilt = False  # not all that is shared can be had
        self.other: subprocess.Popen[str] | None = None
        self.trust, soundness.TRUST = soundness.TRUST, 0.0  # type: ignore[misc]  # what is harmed at once is seen

    def opened(self) -> World:
        return open_world(self.store, index=self.index, verify=self.checking)

    def teardown(self) -> None:
        soundness.TRUST = self.trust  # type: ignore[misc]  # as above
        self.disk.close()
        self.double.close()
        if self.other is not None:
            self.other.kill()
            self.other.communicate()
        for path in self.folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(self.folder)

    # What is asked of both.

    @rule(plan=plans)
    def realize(self, plan: int) -> None:
        said = [unwrap(realize(world, PLANS[plan])) for world in (self.disk, self.double)]
        assert spelled(said[0]) == spelled(said[1])
        self.look_at_harm()

    @rule(plan=plans, name=st.sampled_from(NAMES), stored=st.booleans())
    def root(self, plan: int, name: str, stored: bool) -> None:
        if stored:
            self.realize(plan)
        said = [
            world.perform.result(add_root(world, PLANS[plan].dref, name=name)) for world in (self.disk, self.double)
        ]
        assert isinstance(said[0], Failure) == isinstance(said[1], Failure)

    @rule(name=st.sampled_from(NAMES))
    def unroot(self, name: str) -> None:
        assert unwrap(remove_root(self.disk, name)) == unwrap(remove_root(self.double, name))

    @rule()
    def collect(self) -> None:
        gone = unwrap(self.gc(self.disk))
        assert set(gone.rrefs) == set(unwrap(gc(self.double)).rrefs)
        self.look_at_harm()

    # What is done to the disk.

    @rule(number=st.integers(0, 20), how=st.sampled_from(["flip", "cut", "add", "take"]))
    def harm(self, number: int, how: str) -> None:
        there = sorted((self.store / "objects").iterdir())
        if there:
            harm(there[number % len(there)], how)
            self.harmed.add(Digest(f"blake3:{there[number % len(there)].name}"))
            self.look_at_harm()

    @rule()
    def verified(self) -> None:
        found = unwrap(self.verify(self.disk))
        assert {each.tree for each in found.damages if isinstance(each, DamagedObject | MissingObject)} == self.harmed
        assert len(found.damages) == len(self.harmed)

    @precondition(lambda self: self.harmed)
    @rule()
    def repair(self) -> None:
        mended = unwrap(self.verify(self.disk, repair=True, plans=PLANS))
        assert mended.sound, mended.repairs
        self.look_at_harm()
        assert not self.harmed

    @rule(index=st.sampled_from(["inside", "elsewhere", "memory"]), lost=st.booleans())
    def reopen(self, index: str, lost: bool) -> None:
        self.disk.close()
        places = {"inside": None, "elsewhere": self.folder / "index.sqlite", "memory": IN_MEMORY}
        self.index = places[index]
        if lost:
            for path in (*self.store.glob("index.sqlite*"), *self.folder.glob("index.sqlite*")):
                path.unlink()
        self.disk = self.opened()

    @precondition(lambda self: not self.harmed)
    @rule(plan=plans)
    def copy(self, plan: int) -> None:
        rrefs = unwrap(realize(self.disk, PLANS[plan])).rrefs
        unwrap(realize(self.double, PLANS[plan]))
        with open_world(self.folder / "second") as second:
            freight = unwrap(copy_closure(rrefs, self.disk, second))
            assert set(unwrap(allrrefs(second))) >= {each.rref for each in freight.realizations}
            assert unwrap(verify(second)).damages == ()
            assert spelled(unwrap(realize(second, PLANS[plan], only_stored=True))) == spelled(
                unwrap(realize(self.double, PLANS[plan]))
            )

    @precondition(lambda self: not self.harmed)
    @rule(plan=plans)
    def pack(self, plan: int) -> None:
        """Who unpacks what was packed has it all, and nothing else."""
        self.realize(plan)
        archive = self.folder / "archive"
        packed = unwrap(pack(self.disk, [PLANS[plan].dref], archive))
        with open_world(self.folder / f"unpacked-{time.monotonic_ns()}") as fresh:
            unwrap(unpack(fresh, archive))
            assert set(unwrap(allrrefs(fresh))) == {each.rref for each in packed.realizations}
            assert unwrap(verify(fresh)).damages == ()
            right = spelled(unwrap(realize(self.double, PLANS[plan])))
            assert spelled(unwrap(realize(fresh, PLANS[plan], only_stored=True))) == right

    # What a cache does.

    @rule(plan=plans)
    def push(self, plan: int) -> None:
        self.realize(plan)
        brought = unwrap(self.bring(self.disk, [PLANS[plan].dref], self.cache))
        assert self.spoilt or self.shared.isdisjoint(brought.rrefs), "what is there is not brought again"
        assert self.spoilt or self.harmed or not brought.refused
        self.shared.update(brought.rrefs)
        self.spoilt = self.spoilt or bool(self.harmed)  # it went without what stands on what is harmed here

    @precondition(lambda self: not (self.harmed and self.spoilt))
    @rule(plan=plans)
    def pull(self, plan: int) -> None:
        """Both take the same from it, whatever it is."""
        before = set(unwrap(allrrefs(self.disk)))
        disk, double = (
            world.perform.result(pull(world, [PLANS[plan].dref], self.cache)) for world in (self.disk, self.double)
        )
        if isinstance(disk, Failure) or isinstance(double, Failure):
            assert isinstance(disk.failure(), NotStored)
            assert isinstance(double.failure(), NotStored)
        else:
            lost = set(disk.unwrap().rrefs) - set(double.unwrap().rrefs)
            assert lost <= before
            assert self.harmed or not lost
            assert set(double.unwrap().rrefs) <= self.shared - before
        self.look_at_harm()

    @rule(plan=plans)
    def pull_elsewhere(self, plan: int) -> None:
        """Who has nothing gets from it what was pushed, or less where it is spoilt, and nothing that is wrong."""
        self.realize(plan)
        right = spelled(unwrap(realize(self.double, PLANS[plan])))
        told = any(rref.dref == PLANS[plan].dref for rref in self.shared)
        with open_world(self.folder / f"fresh-{time.monotonic_ns()}") as fresh:
            said = fresh.perform.result(pull(fresh, [PLANS[plan].dref], self.cache))
            assert self.spoilt or isinstance(said, Failure) != told
            assert set(unwrap(allrrefs(fresh))) <= self.shared
            assert unwrap(verify(fresh)).damages == ()
            assert spelled(unwrap(realize(fresh, PLANS[plan], only_stored=told and not self.spoilt))) == right

    @rule(
        kind=st.sampled_from(["blobs", "packs", "groups", "tables"]),
        number=st.integers(0, 20),
        how=st.sampled_from(["flip", "cut", "take"]),
    )
    def spoil(self, kind: str, number: int, how: str) -> None:
        there = sorted((self.folder / "cache" / "v1" / kind).glob("*"))
        if there:
            spoil(there[number % len(there)], how)
            self.spoilt = True

    @precondition(lambda self: self.spoilt)
    @rule()
    def begin_the_cache_anew(self) -> None:
        shutil.rmtree(self.folder / "cache")
        (self.folder / "cache").mkdir()
        self.shared.clear()
        self.spoilt = False

    # What others do.

    @rule(plan=plans)
    def realized_by_another(self, plan: int) -> None:
        other = self.another(plan)
        assert other.stdout is not None
        assert other.stdout.readline() == "done\n"
        self.realize(plan)

    @rule(plan=plans, moment=st.integers(0, 30))
    def killed_in_the_middle(self, plan: int, moment: int) -> None:
        before = set(unwrap(allrrefs(self.disk)))
        other = self.another(plan)
        time.sleep(moment / 1000)
        other.kill()
        other.communicate()
        self.other = None
        assert set(unwrap(allrrefs(self.disk))) >= before
        self.look_at_harm()
        self.verified()
        self.realize(plan)

    @rule(plan=plans, number=st.integers(1, 150), error=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EACCES]))
    def refused_in_the_middle(self, plan: int, number: int, error: int) -> None:
        """The disk says no to another, once, at whatever it does then."""
        before = set(unwrap(allrrefs(self.disk)))
        with suppress(EngineError), world_on(Watched(plan=at(number, Refusal(error))), self.store) as other:
            other.perform.result(realize(other, PLANS[plan]))
        assert set(unwrap(allrrefs(self.disk))) >= before
        self.look_at_harm()
        self.verified()
        self.realize(plan)

    def another(self, plan: int) -> subprocess.Popen[str]:
        if self.other is None:
            program = [sys.executable, str(HERE / "model_plans.py"), str(self.store)]
            self.other = subprocess.Popen(program, stdin=-1, stdout=-1, text=True)
        assert self.other.stdin is not None
        self.other.stdin.write(f"{plan}\n")
        self.other.stdin.flush()
        return self.other

    # What always holds.

    @invariant()
    def both_hold_the_same(self) -> None:
        assert unwrap(allrrefs(self.disk)) == unwrap(allrrefs(self.double))
        assert unwrap(list_roots(self.disk)) == unwrap(list_roots(self.double))

    def look_at_harm(self) -> None:
        """Forget harm that was healed, or whose object went with all that named it."""
        needed = {tree for item in unwrap(self.double.store.inventory()).items for tree in item.trees}
        there = {tree for tree in self.harmed if (self.store / "objects" / tree.hex).exists()}
        self.harmed = {tree for tree in self.harmed if tree in there or tree in needed}
        self.harmed -= {tree for tree in there if is_sound(self.store / "objects" / tree.hex)}


def spelled(outcome: Outcome[object]) -> object:
    """An outcome, wherever its files lie."""
    if isinstance(outcome, Left):
        return outcome.kind, outcome.cause.reason, outcome.rrefs
    value = outcome.value
    return outcome.rrefs, value.read_text() if isinstance(value, Path) else value


def is_sound(home: Path) -> bool:
    try:
        return digest_of(entries_of(home, ours=False)).hex == home.name
    except ForbiddenError:
        return False


def harm(home: Path, how: str) -> None:
    """Harm an object."""
    home.chmod(0o755)
    files = [path for path in sorted(home.rglob("*")) if path.is_file()]
    if how == "take":
        home.rename(home.parents[2] / f"taken-{time.monotonic_ns()}")
        return
    if how == "add" or not files:
        (home / f"stray-{time.monotonic_ns()}").write_text("stray")
    else:
        data = files[0].read_bytes()
        files[0].chmod(0o644)
        files[0].write_bytes(data[:-1] if how == "cut" or not data else bytes([data[0] ^ 64]) + data[1:])
        files[0].chmod(0o444)
    home.chmod(0o555)


def spoil(path: Path, how: str) -> None:
    """Spoil something in a cache."""
    data = path.read_bytes()
    if how == "take":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 64]) + data[middle + 1 :]
        path.write_bytes(data[:-1] if how == "cut" else flipped)


def explore(machine: type[Machine], examples: int, steps: int, phases: Collection[Phase] = tuple(Phase)) -> None:
    found = settings.get_current_profile_name() == "explore"
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # Hypothesis does not say
        machine,
        settings=settings(
            max_examples=200 if found else examples,
            stateful_step_count=30 if found else steps,
            deadline=None,
            phases=phases,
        ),
    )


def test_the_store_is_what_the_double_is() -> None:
    explore(Machine, 6, 14)


@pytest.mark.reliability(
    "S11", "a state machine on the store beside the memory double", passes="both answer and hold the same"
)
def test_the_store_is_what_the_double_is_for_long(record_property: Callable[[str, object], None]) -> None:
    examples, steps = (1000, 60) if os.environ.get("TIER") == "N" else (200, 30)
    record_property("count", examples)
    record_property("found", f"{steps} steps at most in each")
    explore(drawn_from(int(os.environ.get("SEED") or 1))(type("Long", (Machine,), {})), examples, steps)


def gc_without_roots(world: World) -> IOResult[Any, EngineFailure]:
    return world.store.collect(lambda found: judge(evolve(found, roots=()), Rules(None, None, None), 0.0))


def verify_of_nothing(_world: World, **_options: object) -> IOResult[Verified, EngineFailure]:
    return IOSuccess(Verified(0, 0, 0, 0, 0))


def push_of_nothing(world: World, refs: Sequence[Ref], _cache: object) -> IOResult[Traffic, EngineFailure]:
    return IOSuccess(Traffic("", tuple(rref for rref in unwrap(allrrefs(world)) if rref.dref in refs)))


@pytest.mark.parametrize(
    ("wrong", "how"),
    [("bring", push_of_nothing), ("gc", gc_without_roots), ("verify", verify_of_nothing), ("checking", "never")],
)
def test_a_wrong_store_is_caught(wrong: str, how: object) -> None:
    """A push of nothing, garbage collection that ignores roots, a verification that skips, damage that is handed on."""
    machine = type("Wrong", (Machine,), {wrong: staticmethod(how) if callable(how) else how})
    # It is caught without these, and sooner.
    without = ["realized_by_another", "killed_in_the_middle", "refused_in_the_middle", "pack"]
    without += ["harm", "repair", "collect", "reopen", "copy", "spoil"] if wrong == "bring" else ["push", "spoil"]
    for name in without:
        setattr(machine, name, None)
    with pytest.raises((AssertionError, OSError)):
        explore(machine, 100, 20, (Phase.generate,))  # found is enough, the shortest way to it is of no interest
