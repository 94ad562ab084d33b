"""From plans to outcomes: what runs, what does not, and what is stored."""

from __future__ import annotations

import gc
import json
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from returns.result import Failure, Result, Success

from lightfx import (
    BadOutput,
    Build,
    Derivation,
    EngineError,
    Left,
    LeftError,
    NotPlannableError,
    Raised,
    Returned,
    Right,
    Tolerant,
    Upstream,
    Verdict,
    World,
    check,
    evaluate,
    evaluate_all,
    memory_world,
    open_world,
    realize,
    realize_all,
    retry_always,
    stage,
)
from lightfx.journal import Advanced, JournalEvent, Listener, RunEnded
from lightfx.matchers import best, every, exact, latest, only, some, stderr_below, until
from lightfx.wiring import unwrap

RAN: list[str] = []
FLAG: list[Path] = []
ARMED: list[bool] = []


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    RAN.clear()
    yield


@pytest.fixture(params=["memory", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    opened = memory_world(tmp_path) if request.param == "memory" else open_world(tmp_path / "store")
    with opened as made:
        yield made


@attrs.frozen
class Rows:
    file: Path
    count: int


@attrs.frozen
class TooMany:
    count: int


@stage(version="1")
def rows(build: Build, count: int) -> Rows:
    RAN.append(f"rows {count}")
    file = build.out / "rows.json"
    file.write_text(json.dumps(list(range(count))))
    return Rows(file, count)


@stage(version="1")
def parity(build: Build, data: Derivation[Rows]) -> int:
    RAN.append("parity")
    return build.need(data).count % 2


@stage(version="1")
def half(build: Build, number: Derivation[int]) -> float:
    RAN.append("half")
    return build.need(number) / 2


@stage(version="1")
def add(build: Build, left: Derivation[float], right: Derivation[float]) -> float:
    RAN.append("add")
    return build.need(left) + build.need(right)


@stage(version="1")
def fragile(build: Build, how: str) -> Result[int, TooMany]:
    RAN.append(f"fragile {how}")
    (build.out / "half-done").write_text(how)
    match how:
        case "returns":
            return Failure(TooMany(7))
        case "raises":
            raise ValueError("no such luck")
        case "environment":
            raise ConnectionResetError("the network")
        case _:
            return Success(len(how))


@stage(version="1")
def double(build: Build, number: Derivation[int]) -> int:
    RAN.append("double")
    return 2 * build.need(number)


@stage(version="1")
def census(build: Build, cells: Sequence[Tolerant[int]]) -> dict[str, int]:
    RAN.append("census")
    counts: dict[str, int] = {}
    for cell in cells:
        outcome = build.need(cell)
        kind = outcome.kind if isinstance(outcome, Left) else "right"
        counts[kind] = counts.get(kind, 0) + 1
    return counts


@stage(version="1")
def draw(build: Build, spread: int) -> int:
    RAN.append(f"draw {build.index}")
    return build.seed % spread


@stage(version="1", outputs=3)
def triple(build: Build) -> int:
    RAN.append(f"triple {build.index}")
    return 10 * build.index


def left_of(world: World, plan: Derivation[object]) -> Left:
    outcome = unwrap(realize(world, plan))
    assert isinstance(outcome, Left)
    return outcome


def test_a_second_run_runs_nothing(world: World) -> None:
    plan = half(parity(rows(5)))
    assert evaluate(world, plan) == 0.5
    assert RAN == ["rows 5", "parity", "half"]
    assert evaluate(world, plan) == 0.5
    assert len(RAN) == 3


def test_files_are_read_from_the_store_and_read_only(world: World) -> None:
    value = evaluate(world, rows(3))
    assert json.loads(value.file.read_text()) == [0, 1, 2]
    assert value.file.stat().st_mode & 0o222 == 0


def test_early_cutoff(world: World) -> None:
    """Scenario 4: what comes out the same upstream runs nothing downstream."""
    assert evaluate(world, half(parity(rows(5)))) == 0.5
    assert evaluate(world, half(parity(rows(7)))) == 0.5
    assert RAN == ["rows 5", "parity", "half", "rows 7", "parity"]


def test_a_cutoff_hit_points_at_the_first_and_copies_nothing(world: World) -> None:
    first = unwrap(realize(world, half(parity(rows(5)))))
    second = unwrap(realize(world, half(parity(rows(7)))))
    assert isinstance(first, Right)
    assert isinstance(second, Right)
    stored = unwrap(world.store.realizations(second.rrefs))[second.rrefs[0]]
    assert stored.like == first.rrefs[0]
    assert stored.rref != first.rrefs[0]


def test_a_diamond_whose_one_side_changes_runs_its_foot_once(world: World) -> None:
    """Scenario 5."""

    def diamond(count: int) -> Derivation[float]:
        top = rows(count)
        return add(half(parity(top)), half(parity(top)))

    assert evaluate(world, diamond(5)) == 1
    assert RAN.count("add") == 1
    assert RAN.count("half") == 1


def test_a_parameter_that_flips_back_is_a_hit(world: World) -> None:
    """Scenario 58, P02."""
    for count in (4, 6, 4):
        evaluate(world, rows(count))
    assert RAN == ["rows 4", "rows 6"]


def test_equal_work_in_one_run_runs_once(world: World) -> None:
    """Two derivations with one input key: the second is told."""
    found = unwrap(realize_all(world, [half(parity(rows(1))), half(parity(rows(3)))]))
    assert [outcome.value for outcome in found if isinstance(outcome, Right)] == [0.5, 0.5]
    assert RAN.count("half") == 1


def test_what_is_returned_as_failure_is_stored_with_its_data(world: World) -> None:
    left = left_of(world, fragile("returns"))
    assert left.cause == Returned("TooMany", {"count": 7})
    assert left.folder is not None
    assert (left.folder / "half-done").read_text() == "returns"


def test_what_is_raised_is_stored_with_its_traceback(world: World) -> None:
    left = left_of(world, fragile("raises"))
    assert isinstance(left.cause, Raised)
    assert left.cause.type == "ValueError"
    assert 'raise ValueError("no such luck")' in left.cause.traceback
    assert "engine" not in left.cause.traceback.replace("tests/engine", "")
    with pytest.raises(LeftError, match="no such luck"):
        evaluate(world, fragile("raises"))


def test_a_left_is_inherited_by_all_that_stands_on_it_and_by_nothing_else(world: World) -> None:
    bad, good = fragile("raises"), fragile("fine")
    outcomes = unwrap(realize_all(world, {"far": double(double(bad)), "good": double(good)}))
    far = outcomes["far"]
    assert isinstance(far, Left)
    assert isinstance(far.cause, Upstream)
    assert [root.rref.dref for root in far.cause.roots] == [bad.dref]
    assert "no such luck" in far.reason
    assert outcomes["good"] == Right(8, outcomes["good"].rrefs)
    assert RAN.count("double") == 1
    # Stored for every dependent, and not stored again.
    for plan in (double(bad), double(double(bad))):
        assert [row.stored.kind for row in unwrap(world.store.listed([plan.dref], frozenset()))] == ["upstream"]
    before = unwrap(world.store.newest(None, 100))
    unwrap(realize_all(world, {"far": double(double(bad))}))
    assert len(unwrap(world.store.newest(None, 100))) == len(before)


def test_a_tolerated_left_is_data(world: World) -> None:
    cells = [fragile(how) for how in ("returns", "raises", "fine", "well")]
    assert evaluate(world, census([cell.tolerate() for cell in cells])) == {"returned": 1, "raised": 1, "right": 2}


@pytest.mark.parametrize(("how", "again"), [("returns", 0), ("raises", 0), ("environment", 1)])
def test_replay_by_cause(world: World, how: str, again: int) -> None:
    """What would fail the same way stands; what the environment failed is tried again by the next run."""
    left_of(world, fragile(how))
    left_of(world, fragile(how))
    assert RAN.count(f"fragile {how}") == 1 + again


def test_a_policy_of_ones_own_retries(world: World) -> None:
    left_of(world, fragile("raises"))
    unwrap(realize(world, fragile("raises"), replay=retry_always))
    assert RAN.count("fragile raises") == 2
    unwrap(realize(world, fragile("raises"), replay=lambda left: Verdict.REPLAY))
    assert RAN.count("fragile raises") == 2


def test_one_left_never_blocks_a_derivation_for_ever(world: World, tmp_path: Path) -> None:
    """Trap: a later RIGHT is reachable after a LEFT, and what inherited the LEFT comes right too."""
    flag = tmp_path / "flag"
    FLAG[:] = [flag]

    @stage(version="1")
    def needs_flag(build: Build) -> int:
        RAN.append("needs_flag")
        return len(FLAG[0].read_text())

    plan = double(needs_flag())
    assert left_of(world, plan).kind == "upstream"
    flag.write_text("four")
    assert evaluate(world, plan) == 8
    assert evaluate(world, plan) == 8
    assert RAN == ["needs_flag", "needs_flag", "double"]


def test_some_runs_as_many_as_it_needs_with_a_seed_for_each(world: World) -> None:
    values = evaluate(world, draw(2**32).collect(some(4)))
    assert len(set(values)) == 4
    assert sorted(RAN) == [f"draw {index}" for index in range(4)]
    assert evaluate(world, draw(2**32).collect(some(2))) == values[:2]
    assert len(RAN) == 4
    assert evaluate(world, draw(2**32)) == values[0], "the first stays the first"
    assert evaluate(world, draw(2**32).collect(some(5)))[:4] == values
    assert len(RAN) == 5


def test_best_chooses_by_value(world: World) -> None:
    values = evaluate(world, draw(1000).collect(some(6)))
    assert evaluate(world, draw(1000).choose(best(lambda value: value))) == max(values)
    assert evaluate(world, draw(1000).choose(best(lambda value: -value))) == min(values)
    assert evaluate(world, draw(1000).collect(best(lambda value: float(value), 6))) == tuple(
        sorted(values, reverse=True)
    )


def test_a_choice_is_part_of_the_plan(world: World) -> None:
    cell = draw(7)
    plans = [double(cell), double(cell.choose(latest())), double(cell.choose(best(lambda value: value)))]
    assert len({plan.dref for plan in plans}) == 3
    unwrap(realize_all(world, plans))
    assert RAN.count("double") == 1, "they chose the same content, so it is one input key"


def test_only_and_exact_refuse_what_they_cannot_have(world: World) -> None:
    outcome = unwrap(realize(world, draw(9).collect(some(2))))
    assert isinstance(outcome, Right)
    refused = realize(world, draw(9).choose(only()))
    assert "2 realizations are stored" in str(world.perform.result(refused).failure())
    assert evaluate(world, draw(9).choose(exact(outcome.rrefs[1]))) == outcome.value[1]
    assert evaluate(world, draw(9).collect(every())) == outcome.value


def test_several_outputs_of_one_run(world: World) -> None:
    assert evaluate(world, triple().collect(every())) == (0, 10, 20)
    assert RAN == ["triple 0", "triple 1", "triple 2"]
    assert evaluate(world, triple().choose(best(lambda value: value))) == 20
    assert evaluate(world, triple().collect(some(4))) == (0, 10, 20, 30)
    assert len(RAN) == 6


def test_a_matcher_that_is_never_satisfied_is_trouble_not_a_loop(world: World) -> None:
    from lightfx.matchers import Candidate, Choice, Matcher, Need

    @attrs.frozen
    class Greedy(Matcher[object]):
        @property
        def spelling(self) -> str:
            return "greedy()"

        def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
            return Need(1, "never enough")

    failure = world.perform.result(realize(world, draw(3).choose(Greedy()))).failure()
    assert "never enough" in str(failure)


def test_a_key_that_raises_names_the_matcher(world: World) -> None:
    def key(value: int) -> float:
        raise RuntimeError("bad key")

    failure = world.perform.result(realize(world, draw(3).choose(best(key)))).failure()
    assert "bad key" in str(failure)


@stage(version="1")
def promises(build: Build, what: str) -> Rows:
    match what:
        case "missing":
            return Rows(build.out / "nowhere", 1)
        case "outside":
            return Rows(Path("/etc/passwd"), 1)
        case "wrong type":
            return Rows(build.out / "x", "many")  # type: ignore[arg-type]  # what a stage may do in spite of its types
        case "link":
            (build.out / "link").symlink_to("/etc/passwd")
            return Rows(build.out / "link", 1)
        case _:
            return None  # type: ignore[return-value]  # what a stage may do in spite of its types


@pytest.mark.parametrize(
    ("what", "path", "why"),
    [
        ("missing", "nowhere", "does not exist"),
        ("outside", "file", "outside"),
        ("wrong type", "count", "str, not int"),
        ("link", "link", "symbolic link out of the folder"),
        ("nothing", "the value", "NoneType"),
    ],
)
def test_bad_output(world: World, what: str, path: str, why: str) -> None:
    left = left_of(world, promises(what))
    assert isinstance(left.cause, BadOutput)
    assert left.cause.path == path
    assert why in left.cause.why


def test_what_is_printed_goes_to_the_log(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    @stage(version="1")
    def talks(build: Build) -> int:
        print("on standard output")
        build.log("through the build", 7)
        raise ValueError("and fails")

    left = left_of(world, talks())
    assert left.log == "on standard output\nthrough the build 7\n"
    assert "standard output" not in capfd.readouterr().out


def test_a_long_log_is_kept_whole(world: World) -> None:
    @stage(version="1")
    def talks_much(build: Build) -> int:
        for line in range(5000):
            print("line", line)
        return 1

    outcome = unwrap(realize(world, talks_much()))
    realization = unwrap(world.store.realizations(outcome.rrefs))[outcome.rrefs[0]]
    assert realization.log is not None
    assert realization.log.tail.endswith("line 4999\n")
    assert realization.log.whole is not None
    whole = world.store.folder_of(realization.log.whole) / "log.txt"
    assert whole.read_text().startswith("line 0\nline 1\n")


def test_what_an_interrupt_leaves(tmp_path: Path) -> None:
    """Scenario 61: an interrupted task stores nothing, finished ones are stored, and the next run goes on."""
    ARMED[:] = [True]

    @stage(version="1")
    def interrupted(build: Build, number: int) -> int:
        RAN.append(f"interrupted {number}")
        if number == 3 and ARMED:
            raise KeyboardInterrupt
        return number

    plans = [interrupted(number) for number in range(6)]
    with open_world(tmp_path / "store") as world, pytest.raises(KeyboardInterrupt):
        realize_all(world, plans)
    ARMED.clear()
    with open_world(tmp_path / "store") as world:
        outcomes = unwrap(realize_all(world, plans))
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Right)] == list(range(6))
    assert RAN.count("interrupted 0") == 1
    assert RAN.count("interrupted 3") == 2
    assert not list((tmp_path / "store" / "tmp").iterdir())
    assert not list((tmp_path / "store" / "claims").iterdir())


def test_a_small_value_makes_no_folder(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        evaluate(world, draw(5))
    assert not list((tmp_path / "store" / "objects").iterdir())


def test_provenance_says_who_made_it(world: World) -> None:
    outcome = unwrap(realize(world, draw(5)))
    realization = unwrap(world.store.realizations(outcome.rrefs))[outcome.rrefs[0]]
    assert realization.made_by.python.startswith("3.")
    assert dict(realization.made_by.packages).keys() >= {"attrs", "pytest"} - {"attrs"}
    assert realization.cost.peak_memory > 1_000_000
    assert realization.cost.seconds >= 0
    assert realization.created > 1_700_000_000


@stage(version="1")
def following(build: Build, number: Derivation[int]) -> int:
    return build.need(number) + 1


@stage(version="1")
def zero(build: Build) -> int:
    return 0


@stage(version="1")
def total(build: Build, numbers: Sequence[Derivation[int]]) -> int:
    return sum(build.need(number) for number in numbers)


def test_a_long_chain(world: World) -> None:
    plan = zero()
    for _ in range(3000):
        plan = following(plan)
    assert evaluate(world, plan) == 3000


def test_a_wide_gather(world: World) -> None:
    assert evaluate(world, total([draw(spread) for spread in range(1, 2000)])) >= 0


def test_an_empty_container(world: World) -> None:
    assert unwrap(realize_all(world, [])) == ()
    assert unwrap(realize_all(world, {})) == {}


def test_what_is_no_plan_is_refused(world: World) -> None:
    with pytest.raises(TypeError, match="call a stage"):
        realize(world, 3)  # type: ignore[arg-type]  # the check under test
    with pytest.raises(NotPlannableError, match="not function|not Stage"):
        realize_all(world, [zero])  # type: ignore[list-item]  # the check under test


@pytest.mark.parametrize("many", [realize_all, evaluate_all])
@pytest.mark.parametrize(
    ("plans", "says"),
    [
        (lambda: {"a": [draw(1), draw(2)], "b": []}, "wanted at a, not list: .* no containers within"),
        (lambda: {"a": draw(1), "b": 3}, "wanted at b, not int: call a stage"),
        (lambda: {"a": draw(1), "b": draw(2).tolerate()}, "wanted at b, not Tolerant: .* as it is"),
        (lambda: {("b", 1): {"c": draw(1)}}, r"wanted at \('b', 1\), not dict: .* no containers within"),
        (lambda: [[draw(1), draw(2)], [draw(3)]], "wanted at 0, not list: .* no containers within"),
        (lambda: [draw(1), draw], "wanted at 1, not Stage: call a stage"),
        (lambda: (draw(number) for number in (1, 2)), "a sequence of derivations is wanted, not generator: .*list"),
        (lambda: {"a": draw(1)}.values(), "not dict_values: .*list"),
        (lambda: {draw(1)}, "not set: .*list"),
        (lambda: "text", "not str"),
        (lambda: 3, "not int$"),
    ],
)
def test_trap_containers_flattened_and_zipped(world: World, many: object, plans: object, says: str) -> None:
    """Trap: {"a": [one, two], "b": []} came back as {"a": 1, "b": 2}, and other shapes failed when all had run."""
    with pytest.raises(NotPlannableError, match=says):
        many(world, plans())  # type: ignore[operator]  # a call that must fail
    assert RAN == []


def test_a_sequence_of_ones_own(world: World) -> None:
    assert evaluate_all(world, deque([draw(3), draw(4)])) == evaluate_all(world, (draw(3), draw(4)))


def test_a_loop_variable_counts_as_it_was_when_the_stage_was_called(world: World) -> None:
    """Scenario 32: closures over a loop variable give each its own value, never n times the last."""
    plans = []
    for factor in (1, 2, 3):

        @stage
        def scaled(build: Build, number: int) -> int:
            return number * factor

        plans.append(scaled(10))
    outcomes = unwrap(realize_all(world, plans))
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Right)] == [10, 20, 30]
    assert len({plan.dref for plan in plans}) == 3


def test_a_parameter_that_changes_after_the_call_does_not_count(world: World) -> None:
    """Scenario 35: the value at the call is the one."""
    numbers = [1, 2]

    @stage(version="1")
    def count(build: Build, given: list[int]) -> int:
        return len(given)

    plan = count(numbers)
    numbers.append(3)
    assert evaluate(world, plan) == 2


def test_a_stage_that_changes_a_parameter_changes_a_copy(world: World) -> None:
    @stage(version="1")
    def spoils(build: Build, given: list[int]) -> int:
        given.append(1)
        return len(given)

    numbers = [1]
    assert evaluate(world, spoils(numbers)) == 2
    assert numbers == [1]


def test_each_output_has_its_own_seed_and_the_same_one_everywhere(tmp_path: Path) -> None:
    seeds = []
    for name in ("one", "other"):
        with open_world(tmp_path / name) as world:
            seeds.append(evaluate(world, draw(2**32).collect(some(3))))
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 3


def test_a_captured_value_enters_the_config_also_where_the_user_owns_the_version(world: World) -> None:
    def scaled_by(factor: int) -> Derivation[int]:
        @stage(version="1")
        def scaled(build: Build, number: int) -> int:
            return number * factor

        return scaled(10)

    assert [evaluate(world, scaled_by(factor)) for factor in (2, 3)] == [20, 30]
    assert scaled_by(2).origin.config.tree["captured"] == {"factor": 2}  # type: ignore[union-attr]  # planned here


def test_a_captured_value_that_cannot_be_stored_is_refused() -> None:
    handle = iter(())

    @stage(version="1")
    def holds(build: Build) -> str:
        return str(handle)

    with pytest.raises(ValueError, match="captured variable handle"):
        holds()


@stage(version="1", outputs=3)
def partly(build: Build) -> int:
    if build.index == 1:
        raise ValueError("the second of three")
    return build.index


def test_an_output_that_fails_takes_no_sibling_along(world: World) -> None:
    assert evaluate(world, partly().collect(every())) == (0, 2)
    assert evaluate(world, partly().choose(best(lambda value: value))) == 2
    rows = unwrap(world.store.listed([partly().dref], frozenset()))
    assert sorted((row.stored.index, row.stored.kind) for row in rows) == [(0, "right"), (1, "raised"), (2, "right")]


def test_the_counts_of_a_run_add_up(tmp_path: Path) -> None:
    told: list[JournalEvent] = []
    with memory_world(tmp_path, journal=Listener(told.append)) as world:
        bad = fragile("raises")
        unwrap(realize_all(world, [double(double(bad)), double(fragile("fine")), half(parity(rows(5)))]))
        unwrap(realize_all(world, [double(bad), half(parity(rows(7)))]))
    ends = [event.summary for event in told if isinstance(event, RunEnded)]
    assert ends == [
        Advanced(settled=8, ran=6, inherited=2, left=3, total=8),
        Advanced(settled=5, reused=1, cut_off=1, inherited=1, ran=2, left=2, total=5),
    ]


def test_evaluate_all_gives_values_or_raises(world: World) -> None:
    assert evaluate_all(world, {"a": draw(1), "b": draw(1)}) == {"a": 0, "b": 0}
    assert evaluate_all(world, [draw(1), draw(1)]) == [0, 0]
    with pytest.raises(LeftError):
        evaluate_all(world, [draw(1), fragile("raises")])


@stage(version="1")
def opens_what_is_not_there(build: Build, data: Derivation[Rows]) -> str:
    RAN.append("opens")
    return (build.out / "nowhere").read_text() + (build.need(data).file / "below").read_text()


def test_an_error_holds_no_path_of_its_attempt(world: World) -> None:
    """Trap: absolute paths in metadata; each attempt would be another LEFT, and tolerant dependents would rerun."""
    plan = opens_what_is_not_there(rows(2))
    first, second = left_of(world, plan), left_of(world, plan)
    assert RAN.count("opens") == 2, "an environment error is tried again"
    assert first.rrefs == second.rrefs
    assert isinstance(first.cause, Raised)
    assert "'build.out/nowhere'" in first.cause.message


def test_a_matcher_that_fails_sinks_what_stands_on_it_and_nothing_else(tmp_path: Path) -> None:
    """Promise 5: the run fails, and everything that could still run did, and is stored."""

    def key(value: int) -> float:
        raise RuntimeError("bad key")

    with open_world(tmp_path / "store") as world:
        plans = [double(double(draw(3).choose(best(key)))), double(draw(5)), half(parity(rows(4)))]
        failure = world.perform.result(realize_all(world, plans)).failure()
        assert "best(key of" in str(failure)
        assert "bad key" in str(failure)
        ran = len(RAN)
        assert ran == 6, "both draws, one double, and the whole of the third"
        unwrap(realize_all(world, plans[1:]))
        assert len(RAN) == ran


@stage(version="1")
def mapping(build: Build) -> dict[str, dict[str, int]]:
    return {"b": {"d": 1, "c": 2}, "a": {}}


@stage(version="1")
def keys_of(build: Build, cells: dict[str, int], made: Derivation[dict[str, dict[str, int]]]) -> list[str]:
    return [*cells, *build.need(made)]


def test_a_fresh_value_is_as_it_will_be_read(world: World) -> None:
    """Trap: a mapping in the order of its making the first time, and in canonical order ever after."""
    fresh = evaluate(world, mapping())
    assert json.dumps(fresh) == json.dumps(evaluate(world, mapping())) == '{"a": {}, "b": {"c": 2, "d": 1}}'
    assert evaluate(world, keys_of({"y": 1, "x": 2}, mapping())) == ["x", "y", "a", "b"]


def test_a_closed_world_says_so(tmp_path: Path) -> None:
    with open_world(tmp_path / "store") as world:
        pass
    with pytest.raises(EngineError, match="is closed: open another"):
        evaluate(world, draw(3))


@pytest.mark.parametrize(
    ("misuse", "says"),
    [
        (lambda world: realize_all(world, draw(1)), "`realize` and `evaluate` take one"),
        (lambda world: evaluate("store", draw(1)), "a World is wanted first"),
        (lambda world: evaluate(world, [draw(1)]), "`evaluate_all` take many"),
        (lambda world: evaluate(world, draw(1).tolerate()), "`realize` gives the outcome"),
        (lambda world: realize(draw(1), world), "the world comes first"),
        (lambda world: check(world, 3), "reference of a realization is wanted, not int: a Right"),
        (lambda world: check(world, "abc-draw"), "reference of a realization is wanted, not str: RRef.parse"),
        (lambda world: draw(1).choose(latest), r"call it, latest\(\)"),
        (lambda world: draw(1).collect("best"), "a matcher is wanted, not str"),
    ],
)
def test_what_a_newcomer_gets_wrong(world: World, misuse: object, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        misuse(world)  # type: ignore[operator]  # a call that must fail


def test_a_result_that_lost_its_files_is_made_again(tmp_path: Path) -> None:
    """Scenario P19; trap: a store that was damaged told dependents' failures as results."""
    with open_world(tmp_path / "store") as world:
        lost = evaluate(world, rows(3)).file
        evaluate(world, parity(rows(3)))
        lost.parent.chmod(0o700)
        lost.unlink()
        lost.parent.rmdir()
        assert evaluate(world, rows(3)).file.read_text() == "[0, 1, 2]"
        assert evaluate(world, parity(rows(3))) == 1
    assert RAN == ["rows 3", "parity", "rows 3"]


@stage(version="1")
def collects(build: Build) -> bool:
    return gc.isenabled()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was_while_stages_run_and_afterwards(world: World, *, enabled: bool) -> None:
    """It is paused for bursts of planning alone, and belongs to the program."""
    if not enabled:
        gc.disable()
    try:
        assert evaluate(world, collects()) is enabled
        assert evaluate(world, collects()) is enabled
        with pytest.raises(NotPlannableError):
            realize_all(world, [3])  # type: ignore[list-item]  # a call that must fail
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


@stage(version="1")
def toss(build: Build, wide: int) -> float:
    RAN.append(f"toss {build.index}")
    return float(wide * (build.index % 3))


def test_a_matcher_that_asks_again_runs_until_it_has_enough(world: World) -> None:
    """And no more in the next run, nor where others asked for more in the meantime."""
    known = toss(1).collect(until(stderr_below(float, 0.4), at_least=2, at_most=20))
    found = evaluate(world, known)
    assert 2 < len(found) < 20
    assert len(RAN) == len(set(RAN)) >= len(found)
    RAN.clear()
    assert evaluate(world, known) == found
    assert RAN == []
    evaluate(world, toss(1).collect(some(15)))
    assert evaluate(world, known) == found


def test_a_matcher_that_asks_again_stops_at_its_budget(world: World) -> None:
    bounded = toss(10**6).collect(until(stderr_below(float, 0.4), at_least=2, at_most=7))
    assert len(evaluate(world, bounded)) == 7
    assert len(RAN) == 7
    assert len(evaluate(world, bounded)) == len(RAN) == 7
    assert len(evaluate(world, bounded, force=[toss(10**6)])) == 7
    assert len(RAN) == 14
