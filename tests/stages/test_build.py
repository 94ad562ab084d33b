"""What a running stage holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lightfx import Build, BuildOrder, Config, Derivation, Digest, DRef, Left, Right, RRef
from lightfx.core.config import Reference, Take
from lightfx.core.derivation import Absent
from lightfx.core.outcome import TimedOut
from lightfx.core.realization import Given, Input, Value
from lightfx.stages.build import Suspended, UnreadableNeedError

DREF = DRef.of("{}", "made")
PLAIN = Reference(DREF)


def build_of(
    tmp_path: Path, inputs: dict[Reference, Input] | None = None, index: int = 0, key: bytes = b"key"
) -> Build:
    return Build(BuildOrder(DREF, Config("{}"), Digest.of(key), (index,), tmp_path / "place", inputs or {}), index)


def needing(reference: Reference) -> Derivation[object]:
    return Derivation(Absent(reference))


def given(tree: int | str) -> Given:
    return Given(RRef("r"), Value(tree), None)


def test_the_output_folder_is_made_on_first_use(tmp_path: Path) -> None:
    build = build_of(tmp_path)
    assert not build.folder.exists()
    assert build.out.is_dir()
    assert build.out == build.folder


def test_seeds_follow_key_and_index(tmp_path: Path) -> None:
    seeds = [build_of(tmp_path, index=index, key=key).seed for index in (0, 1) for key in (b"a", b"b")]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert build_of(tmp_path).seed == build_of(tmp_path).seed


class Told(list[tuple[float, float]]):
    """A build, and what it told."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        order = BuildOrder(DREF, Config("{}"), Digest.of(b"key"), (0,), place, {}, lambda *told: self.append(told))
        self.build = Build(order, 0)


def test_progress_is_told_and_a_hot_loop_is_not(tmp_path: Path) -> None:
    told = Told(tmp_path)
    began = time.monotonic()
    for step in range(20_000):
        told.build.progress(step, 20_000)
    assert told[0] == (0.0, 20_000.0)
    assert len(told) <= 1 + (time.monotonic() - began) / 0.1
    told.build.progress(20_000, 20_000)
    assert told[-1] == (20_000.0, 20_000.0)
    assert all(isinstance(each, float) for pair in told for each in pair)


def test_the_end_is_told_once_and_again_after_a_new_beginning(tmp_path: Path) -> None:
    """A total that was too small must not turn a hot loop into a flood."""
    told = Told(tmp_path)
    began = time.monotonic()
    for step in range(20_000):
        told.build.progress(step, 10)
    assert (10.0, 10.0) in told
    assert len(told) <= 2 + (time.monotonic() - began) / 0.1
    told.build.progress(0, 10)
    told.build.progress(12, 10)
    assert told[-1] == (12.0, 10.0)


def test_a_total_may_be_unknown(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.build.progress(7)
    assert told == [(7.0, 0.0)]


@pytest.mark.parametrize("wrong", [-1, -0.001, float("nan"), float("inf"), 10**400])
def test_what_is_no_amount(tmp_path: Path, wrong: float) -> None:
    told = Told(tmp_path)
    with pytest.raises(ValueError, match="done is .*no amount"):
        told.build.progress(wrong, 10)
    with pytest.raises(ValueError, match="total is .*no amount"):
        told.build.progress(1, wrong)
    assert told == []


def test_needs_by_take(tmp_path: Path) -> None:
    many = Reference(DREF, "every()", Take.MANY)
    build = build_of(
        tmp_path,
        {
            PLAIN: Input(int, Take.ONE, False, (given(3),)),
            many: Input(int, Take.MANY, False, (given(3), given(4))),
        },
    )
    assert build.need(needing(PLAIN)) == 3
    assert build.need(needing(many)) == (3, 4)


def test_a_tolerated_need_is_an_outcome(tmp_path: Path) -> None:
    reference = Reference(DREF, tolerate=True)
    many = Reference(DREF, "every()", Take.MANY, tolerate=True)
    left = Given(RRef("l"), TimedOut(3.0), None, "the log")
    good = build_of(tmp_path, {reference: Input(int, Take.ONE, True, (given(3),))})
    bad = build_of(
        tmp_path,
        {
            reference: Input(int, Take.ONE, True, (left,)),
            many: Input(int, Take.MANY, True, (given(1), left)),
        },
    )
    assert good.need(needing(PLAIN).tolerate()) == Right(3, (RRef("r"),))
    outcome = bad.need(needing(PLAIN).tolerate())
    assert isinstance(outcome, Left)
    assert (outcome.kind, outcome.log) == ("timed_out", "the log")
    assert isinstance(bad.need(needing(Reference(DREF, "every()", Take.MANY)).tolerate()), Left)


def test_what_is_not_there_yet_ends_the_attempt_and_is_asked_for_all_at_once(tmp_path: Path) -> None:
    missing = needing(PLAIN)
    for need in (lambda build: build.need(missing), lambda build: build.need_all([missing, missing.tolerate()])):
        with pytest.raises(Suspended) as suspended:
            need(build_of(tmp_path))
        assert suspended.value.needs[0] is missing
        assert not isinstance(suspended.value, Exception)


def test_a_value_that_does_not_fit_names_the_dependency(tmp_path: Path) -> None:
    build = build_of(tmp_path, {PLAIN: Input(int, Take.ONE, False, (given("three"),))})
    with pytest.raises(UnreadableNeedError, match=f"{DREF}.*not int"):
        build.need(needing(PLAIN))


def test_a_type_that_no_codec_reads(tmp_path: Path) -> None:
    build = build_of(tmp_path, {PLAIN: Input(type, Take.ONE, False, (given(3),))})
    with pytest.raises(UnreadableNeedError):
        build.need(needing(PLAIN))


def test_a_stage_cannot_see_its_own_name(tmp_path: Path) -> None:
    """Trap: a name is in no input key, so a stage that returned it would give another's on a cutoff."""
    build = build_of(tmp_path, index=4)
    assert build.index == 4
    assert not hasattr(build, "name")
    assert not hasattr(build, "dref")


def test_a_given_use_is_as_it_is() -> None:
    """Which realizations it means was settled by the plan: inside a stage nobody chooses again."""
    from lightfx.matchers import every, latest

    with pytest.raises(ValueError, match="settled by the plan"):
        needing(PLAIN).choose(latest())
    with pytest.raises(ValueError, match="settled by the plan"):
        needing(PLAIN).collect(every())
