"""The rules of the step machine, each by name, driven by hand or by the smallest of drivers. No disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve, frozen
from toys import RAN, Made, Shelf, TroubleError, given, simulate, toy

from lightfx.core.closure import instantiate
from lightfx.core.derivation import Derivation
from lightfx.core.failures import Undecodable, Unmatched
from lightfx.core.listing import Listed
from lightfx.core.matching import (
    Best,
    Candidate,
    Choice,
    Chosen,
    Every,
    Filtered,
    Latest,
    Matcher,
    Need,
    Only,
    Some,
    Then,
)
from lightfx.core.names import Digest
from lightfx.core.outcome import MAX_ROOTS, Died, Raised, Returned, TimedOut, Upstream
from lightfx.core.realization import BuildOrder, Context, Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.graph import graph_of
from lightfx.plan.ledger import State
from lightfx.plan.moves import (
    Alike,
    Built,
    Busy,
    Command,
    Event,
    Keep,
    List,
    Listing,
    Observations,
    Observe,
    Run,
    Seek,
    Tick,
)
from lightfx.plan.replay import replay_always, retry_always
from lightfx.plan.schedule import begin, step

BAD = Raised("ValueError", ("ValueError", "Exception"), "bad", "")
DEAD = Died(None, "SIGKILL")


def total(order: BuildOrder, index: int) -> Made:
    return Value(sum(each.tree if isinstance(each, Value) else 100 for group in given(order) for each in group))


def by_index(order: BuildOrder, index: int) -> Made:
    return Value(index)


def machine(*targets: object) -> tuple[State, list[Command]]:
    return begin(graph_of(instantiate(list(targets))), replay_always, lambda tree: Path(tree.hex))


def feed(state: State, *events: Event) -> list[Command]:
    commands: list[Command] = []
    for event in events:
        _, more = step(state, event)
        commands += more
    return commands


def made(run: Run, result: Made, created: float = 5.0) -> tuple[Listed, ...]:
    rows = []
    for index in run.indices:
        content = content_of(spell_result(result), None)
        rref = RRef.of(run.dref, key=run.key.text, index=index, content=content.text)
        rows.append(Listed.whole(Realization(rref, run.key, index, content, result, created=created)))
    return tuple(rows)


def only_run(commands: list[Command]) -> Run:
    (run,) = [each for each in commands if isinstance(each, Run)]
    return run


def seek_of(commands: list[Command]) -> dict[int, Digest]:
    (seek,) = [each for each in commands if isinstance(each, Seek)]
    return dict(seek.keys)


def nothing_alike(commands: list[Command]) -> Alike:
    return Alike(dict.fromkeys(seek_of(commands), ()))


def start(*targets: object) -> tuple[State, list[Command]]:
    """A machine that has been told that nothing is stored."""
    state, _ = machine(*targets)
    return state, feed(state, Listing(()))


# The table.


def test_an_empty_graph_asks_for_nothing() -> None:
    state, commands = machine()
    assert state.finished
    assert commands == []


def test_begin_asks_once_for_all_and_reads_only_targets_and_what_is_weighed() -> None:
    weighed, plain = toy("weighed", Value(1)), toy("plain", Value(2))
    target = toy("t", total, weighed.choose(Best(lambda value: value, "c")), plain)
    _, commands = machine(target)
    assert commands == [List((weighed.dref, plain.dref, target.dref), frozenset({weighed.dref, target.dref}))]


def test_commands_of_one_kind_are_batched() -> None:
    leaves = [toy(f"leaf{number}", Value(number)) for number in range(5)]
    _, commands = start(*leaves)
    assert len(commands) == 1
    assert len(seek_of(commands)) == 5


def test_nothing_runs_before_it_is_sought() -> None:
    state, commands = start(toy("a", Value(1)))
    assert not any(isinstance(each, Run) for each in commands)
    run = only_run(feed(state, nothing_alike(commands)))
    assert run.indices == (0,)
    assert feed(state, Built(0, made(run, Value(1)))) == []
    assert state.finished
    assert (state.ran, state.reused, state.cut_off, state.failed) == (1, 0, 0, 0)


# Rule 1.


def test_rule_1_a_node_is_ready_when_all_that_it_needs_is_settled() -> None:
    left, right = toy("l", Value(1)), toy("r", Value(2))
    state, commands = start(toy("sum", total, left, right))
    runs = [each for each in feed(state, nothing_alike(commands)) if isinstance(each, Run)]
    assert [run.dref for run in runs] == [left.dref, right.dref]
    assert feed(state, Built(1, made(runs[1], Value(2)))) == []
    more = feed(state, Built(0, made(runs[0], Value(1))))
    assert list(seek_of(more)) == [2]


def test_rule_1_what_is_observed_must_be_known_whatever_comes_first() -> None:
    plan = toy("source", Value(1), observed=Path("/data"))
    for order in ((0, 1), (1, 0)):
        state, commands = machine(plan)
        assert commands[0] == Observe((0,))
        events: list[Event] = [Observations({0: Digest("blake3:1")}), Listing(())]
        first, second = (events[each] for each in order)
        assert feed(state, first) == []
        assert list(seek_of(feed(state, second))) == [0]
        assert state.observed(0) == "blake3:1"


def test_rule_1_a_node_settles_once() -> None:
    state, commands = start(toy("a", Value(1)))
    run = only_run(feed(state, nothing_alike(commands)))
    feed(state, Built(0, made(run, Value(1))))
    before = state.ledger[0].chosen
    assert feed(state, Alike({0: made(run, Value(2))})) == []
    assert state.ledger[0].chosen is before
    assert state.open == 0


def test_what_was_observed_is_part_of_the_key() -> None:
    shelf, path = Shelf(), Path("/data")
    plan = toy("source", by_index, observed=path)
    for number in (1, 2, 1):
        simulate([plan], shelf, outside={path: Digest(f"blake3:{number}")})
    assert len({each.key for each in shelf.stored.values()}) == 2


def test_what_cannot_be_observed_is_left_and_tried_again() -> None:
    shelf, path = Shelf(), Path("/data")
    gone = Raised("FileNotFoundError", ("FileNotFoundError", "OSError"), "gone", "")
    plan = toy("t", total, toy("source", Value(3), observed=path))
    report = simulate([plan], shelf, outside={path: gone})
    assert isinstance(report.result(), Upstream)
    assert report.result().roots[0].reason == "raised FileNotFoundError: gone"
    assert report.ran == []
    simulate([plan], shelf, outside={path: gone})
    assert len(shelf.stored) == 2, "told once"
    assert simulate([plan], shelf, outside={path: Digest("blake3:1")}).result() == Value(3)


# Rule 2.


def test_rule_2_a_left_is_inherited_and_blames_the_root() -> None:
    bad = toy("bad", BAD)
    far = toy("far", total, toy("near", total, bad))
    report = simulate([far], Shelf())
    cause = report.result()
    assert isinstance(cause, Upstream)
    assert [(root.rref.dref, root.reason) for root in cause.roots] == [(bad.dref, "raised ValueError: bad")]
    assert [run.dref for run in report.ran] == [bad.dref]
    assert len(report.kept) == 2
    assert report.state.failed == 3


def test_rule_2_roots_are_capped_and_counted() -> None:
    many = MAX_ROOTS + 5
    wide = toy("wide", total, *(toy(f"bad{number}", BAD) for number in range(many)))
    report = simulate([toy("far", total, wide)], Shelf())
    for each in report.kept:
        assert isinstance(each.result, Upstream)
        assert len(each.result.roots) == MAX_ROOTS
        assert each.result.total == many, "however far away"
        assert list(each.result.roots) == sorted(each.result.roots, key=lambda root: root.rref)


def test_rule_2_roots_that_come_by_two_ways_count_once() -> None:
    bad = toy("bad", BAD)
    foot = toy("foot", total, toy("l", total, bad), toy("r", total, bad, side=1))
    cause = simulate([foot], Shelf()).result()
    assert isinstance(cause, Upstream)
    assert cause.total == len(cause.roots) == 1


def test_rule_2_a_tolerated_left_enters_the_key() -> None:
    """Trap: a dependent that tolerates sees which failure it is."""
    shelf = Shelf()
    for cause in (BAD, evolve(BAD, message="worse"), BAD):
        bad = toy("bad", cause, version=cause.message)
        assert simulate([toy("census", total, bad.tolerate())], shelf).result() == Value(100)
    assert len({each.key for each in shelf.stored.values() if each.dref.name.text == "census"}) == 2


def test_rule_2_one_use_tolerates_for_itself_alone() -> None:
    bad = toy("bad", BAD)
    report = simulate([toy("both", total, bad, bad.tolerate())], Shelf())
    assert isinstance(report.result(), Upstream)


def test_rule_2_an_upstream_left_is_stored_once_and_settled_anew() -> None:
    """Trap: one LEFT that blocks a derivation for ever."""
    shelf, works = Shelf(), [False]
    flaky = toy("flaky", lambda order, index: Value(1) if works[0] else DEAD)
    plan = toy("far", total, flaky)
    for _ in range(2):
        assert isinstance(simulate([plan], shelf).result(), Upstream)
    assert len([each for each in shelf.stored.values() if each.dref == plan.dref]) == 1
    works[0] = True
    assert simulate([plan], shelf).result() == Value(1)


def test_rule_2_the_reason_of_a_root_is_the_same_before_and_after_it_was_stored() -> None:
    """An ``Upstream`` names reasons: spelled in another order of keys it would be another content."""
    shelf = Shelf()
    plan = toy("far", total, toy("bad", Returned("No", {"b": 1, "a": [True, None]})))
    census = toy("census", total, plan.tolerate())
    simulate([census], shelf)
    from lightfx.core.records import read_realization, spell_realization

    shelf.stored = {rref: read_realization(spell_realization(each)).unwrap() for rref, each in shelf.stored.items()}
    again = simulate([census], shelf)
    assert again.ran == []
    assert again.kept == []


# Rule 3.


def test_rule_3_cutoff_is_told_under_its_own_name() -> None:
    shelf = Shelf()

    def over(version: int) -> Derivation[object]:
        return toy("over", total, toy("parity", Value(1), version=version))

    first = simulate([over(1)], shelf)
    second = simulate([over(3)], shelf)
    assert [run.dref.name.text for run in second.ran] == ["parity"]
    (told,) = second.kept
    assert told.dref == over(3).dref
    assert told.like == first.chosen[0][0].stored.rref
    assert told.log is None
    assert (second.state.ran, second.state.cut_off, second.state.reused) == (1, 1, 0)
    third = simulate([over(3)], shelf)
    assert (third.state.cut_off, third.state.reused, third.kept) == (0, 2, [])
    fourth = simulate([over(5)], shelf)
    assert fourth.kept[0].like == told.like, "it points at the first, not at one that points"


def test_rule_3_renaming_computes_nothing() -> None:
    shelf = Shelf()
    simulate([toy("old", Value(1), code="c")], shelf)
    assert simulate([toy("new", Value(1), code="c")], shelf).ran == []


def test_rule_3_each_realization_is_told_once() -> None:
    """Trap: two derivations have the same realization; the third must not count it twice."""
    shelf = Shelf()
    for name in ("one", "two"):
        simulate([toy(name, by_index, code="draw")], shelf)
    assert len(shelf.stored) == 2
    third = toy("three", by_index, code="draw")
    report = simulate([third.choose(Only())], shelf)
    assert report.ran == []
    assert len(report.kept) == 1
    report = simulate([toy("four", by_index, code="draw").collect(Some(2))], shelf)
    assert [run.indices for run in report.ran] == [(1,)]
    assert len(set(report.contents[0])) == 2


def test_rule_3_a_derivation_told_of_several_counts_once() -> None:
    shelf = Shelf()
    simulate([toy("one", by_index, code="draw").collect(Some(3))], shelf)
    report = simulate([toy("two", by_index, code="draw").collect(Some(3))], shelf)
    assert (report.state.cut_off, report.state.reused, len(report.kept)) == (1, 0, 3)


def test_rule_3_times_weigh_the_same_told_and_stored() -> None:
    """The latest of those told is the latest of those stored: the next run chooses no other."""
    shelf = Shelf()
    draw = toy("one", by_index, code="draw")
    simulate([draw], shelf, seed=1)
    simulate([draw.collect(Some(3))], shelf, seed=2)
    for matcher in (Latest(), Every()):
        other = toy("two", by_index, code="draw").collect(matcher)
        assert simulate([other], shelf).contents == simulate([other], shelf).contents


def test_rule_3_what_is_settled_stays_settled() -> None:
    """Trap: another derivation realized the same key otherwise, and before; the first of one's own stays the first."""
    plan = toy("own", by_index, code="draw")
    wants = [plan, plan.collect(Some(2)), plan.choose(Latest())]
    _, commands = start(plan)
    run = Run(0, plan.dref, seek_of(commands)[0], (0,), Context(()))
    theirs = [
        row
        for name, value, created in (("b", 8, 30.0), ("c", 9, 10.0))
        for row in made(evolve(run, dref=toy(name, by_index).dref), Value(value), created)
    ]
    state, _ = machine(*wants)
    feed(state, Listing(made(run, Value(0), 20.0)))
    told = [each.realization for each in feed(state, Alike({0: theirs})) if isinstance(each, Keep)]
    assert [each.result for each in told] == [Value(9), Value(8)], "in the order in which they were made"
    assert 20.0 < told[0].created < told[1].created, "and after what there was"
    first, both, latest = ([row.realization for row in state.selection(*each)] for each in state.graph.targets)
    assert [each and each.result for each in first] == [Value(0)]
    assert [each and each.result for each in both] == [Value(0), Value(9)]
    assert [each and each.result for each in latest] == [Value(8)]


def test_rule_3_what_an_earlier_run_failed_at_is_judged_by_the_policy() -> None:
    shelf = Shelf()
    simulate([toy("one", DEAD, code="c")], shelf)
    assert len(simulate([toy("two", DEAD, code="c")], shelf).ran) == 1
    assert len(simulate([toy("three", DEAD, code="c")], shelf, policy=replay_always).ran) == 0


# Rule 4.


def test_rule_4_two_nodes_with_one_key_run_once_and_followers_are_told() -> None:
    one, two, three = (toy(name, Value(1), code="same") for name in ("one", "two", "three"))
    state, commands = start(one, two, three)
    run = only_run(feed(state, nothing_alike(commands)))
    assert run.node == 0
    keeps = feed(state, Built(0, made(run, Value(1))))
    assert [each.realization.dref for each in keeps if isinstance(each, Keep)] == [two.dref, three.dref]
    assert state.finished
    assert (state.ran, state.cut_off) == (1, 2)


def test_rule_4_who_comes_late_is_told_though_nothing_is_stored_yet() -> None:
    """Trap: results wait for their group commit; a twin that becomes ready meanwhile must not run."""
    early = toy("early", Value(1), code="same")
    late = toy("late", Value(1), toy("gate", Value(0)), code="gated")
    twin = toy("twin", total, late, code="sum")
    first = toy("first", total, early, code="sum")
    state, commands = start(first, twin)
    names = [node.dref.name.text for node in state.graph.nodes]
    runs = {names[each.node]: each for each in feed(state, nothing_alike(commands)) if isinstance(each, Run)}
    commands = feed(state, Built(names.index("early"), made(runs["early"], Value(1))))
    state_key = seek_of(commands)
    (first_run,) = [each for each in feed(state, nothing_alike(commands)) if isinstance(each, Run)]
    assert state_key[names.index("first")] == first_run.key
    assert feed(state, Built(first_run.node, made(first_run, Value(1)))) == []
    commands = feed(state, Built(names.index("gate"), made(runs["gate"], Value(0))))
    gated = only_run(feed(state, nothing_alike(commands)))
    commands = feed(state, Built(gated.node, made(gated, Value(1))))
    assert [type(each) for each in commands] == [Keep]
    assert state.finished


def test_rule_4_who_sought_before_it_was_made_is_told_too() -> None:
    """The answer to a ``Seek`` may be older than what was made since."""
    one, two = (toy(name, Value(1), code="same") for name in ("one", "two"))
    state, commands = start(one, two)
    key = seek_of(commands)[0]
    run = only_run(feed(state, Alike({0: ()})))
    assert run.key == key
    feed(state, Built(0, made(run, Value(1))))
    commands = feed(state, Alike({1: ()}))
    assert [type(each) for each in commands] == [Keep]
    assert state.finished


def test_rule_4_a_node_that_is_satisfied_takes_no_followers_from_the_builder() -> None:
    """Trap: of three nodes with one key, one that needs no run settles while another builds."""
    shelf = Shelf()
    simulate([toy("plain", by_index, code="draw")], shelf)
    stored = list(shelf.stored.values())
    builder, plain, late = (toy(name, by_index, code="draw") for name in ("builder", "plain", "late"))
    state, _ = machine(builder.collect(Some(3)), plain, late.collect(Some(3)))
    commands = feed(state, Listing([Listed.whole(each) for each in stored]))
    keys = seek_of(commands)
    assert list(keys) == [0, 2]
    rows = [Listed.whole(each) for each in stored]
    commands = feed(state, Alike({0: rows, 2: rows}))
    assert [run.node for run in commands if isinstance(run, Run)] == [0, 0]
    assert state.followers[keys[0]] == [2]
    runs = [each for each in commands if isinstance(each, Run)]
    more = feed(state, *(Built(0, made(run, Value(run.indices[0]))) for run in runs))
    assert not any(isinstance(each, Run) for each in more)
    assert state.finished


def test_rule_4_a_follower_that_needs_more_builds_and_the_rest_follow_it() -> None:
    """Trap: a satisfied follower must not set the next builder's followers loose."""
    plain = toy("plain", by_index, code="draw")
    others = [toy(name, by_index, code="draw") for name in ("two", "three", "four")]
    wants = [others[0].collect(Some(3)), others[1], others[2].collect(Some(3))]
    state, commands = start(plain, *wants)
    run = only_run(feed(state, nothing_alike(commands)))
    commands = feed(state, Built(0, made(run, Value(0))))
    runs = [each for each in commands if isinstance(each, Run)]
    assert [(each.node, each.indices) for each in runs] == [(1, (1,)), (1, (2,))]
    assert state.ledger[2].settled
    assert not state.ledger[3].settled
    feed(state, *(Built(1, made(each, Value(each.indices[0]))) for each in runs))
    assert state.finished


def test_several_outputs_in_one_run_and_lowest_free_numbers() -> None:
    shelf = Shelf()
    triple = toy("triple", by_index, outputs=3)
    RAN.clear()
    assert len(simulate([triple], shelf).ran) == 1
    assert [index for _, index in RAN] == [0, 1, 2]
    report = simulate([triple.collect(Some(4))], shelf)
    assert [run.indices for run in report.ran] == [(3, 4, 5)]
    assert len(report.chosen[0]) == 4


def test_a_run_of_several_that_fails_fails_for_each() -> None:
    report = simulate([toy("triple", BAD, outputs=3).collect(Every())], Shelf())
    assert [row.stored.index for row in report.chosen[0]] == [0]
    assert report.result() == BAD


# Rule 5.


@frozen
class counting(Matcher[object]):
    """Counts RIGHTs alone, and asks for as many more as ``missing`` says."""

    missing: Callable[[int], int]
    most: int | None = None

    @property
    def spelling(self) -> str:
        return "counting()"

    @property
    def budget(self) -> int | None:
        return self.most

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        rights = sorted(each.rref for each in candidates if each.is_right)
        count = self.missing(len(rights))
        return Need(count, "RIGHTs are wanted") if count > 0 else Chosen(tuple(rights))


def test_rule_5_a_left_that_stands_is_not_run_again_and_one_that_does_not_is() -> None:
    for cause, runs in ((BAD, 0), (DEAD, 1), (TimedOut(1), 1), (Returned("E", 1), 0)):
        shelf, plan = Shelf(), toy("bad", cause)
        simulate([plan], shelf)
        assert len(simulate([plan], shelf).ran) == runs
        assert len(simulate([plan], shelf, policy=retry_always).ran) == 1
        assert len(simulate([plan], shelf, policy=replay_always).ran) == 0
        assert len(shelf.stored) == 1, "the same end is the same realization"


def test_rule_5_a_retried_left_gives_its_number_back() -> None:
    shelf, dead = Shelf(), [True]
    plan = toy("draw", lambda order, index: DEAD if dead[0] and index == 1 else Value(index))
    simulate([plan.collect(Some(3))], shelf)
    dead[0] = False
    report = simulate([plan.collect(Some(3))], shelf)
    assert [run.indices for run in report.ran] == [(1,)]
    assert [row.stored.index for row in report.chosen[0]] == [0, 1, 2]


def test_rule_5_what_fails_in_this_run_has_failed_for_this_run() -> None:
    report = simulate([toy("dead", DEAD)], Shelf(), policy=retry_always)
    assert len(report.ran) == 1
    assert report.result() == DEAD


def test_rule_5_an_unsatisfied_matcher_gets_the_left_in_its_way() -> None:
    """And the matchers beside it keep what they have."""

    def fails_at_1(order: BuildOrder, index: int) -> Made:
        return BAD if index == 1 else Value(index)

    two_rights = counting(lambda rights: 2 - rights)
    plan = toy("draw", fails_at_1)
    report = simulate([plan, plan.collect(two_rights)], Shelf())
    assert report.result(0) == Value(0), "the other use is not sunk"
    assert report.result(1) == BAD
    for seed in range(5):
        again = simulate([plan, plan.collect(two_rights)], Shelf(), seed=seed)
        assert again.contents == report.contents


def test_rule_5_of_several_lefts_the_lowest_number_stands_in_the_way() -> None:
    """Whichever ended first."""
    plan = toy("draw", lambda order, index: evolve(BAD, message=f"no {index}"))
    rights = plan.collect(counting(lambda rights: 3 - rights))
    for seed in range(5):
        assert simulate([rights], Shelf(), seed=seed).result() == evolve(BAD, message="no 0")


def test_rule_5_a_matcher_that_is_never_satisfied_is_trouble_and_named() -> None:
    greedy = counting(lambda rights: 1)
    plan = toy("draw", by_index)
    with pytest.raises(TroubleError) as caught:
        simulate([plan, plan.choose(greedy)], Shelf())
    failure = caught.value.failure
    assert isinstance(failure, Unmatched)
    assert (failure.dref, failure.matcher) == (plan.dref, "counting()")
    assert "asks for more: RIGHTs are wanted" in failure.why


def test_rule_5_a_matcher_with_a_budget_asks_again() -> None:
    """One by one, each number once; and what is stored is not asked for again."""
    plan, shelf = toy("draw", by_index), Shelf()
    five = plan.collect(counting(lambda rights: int(rights < 5), most=9))
    report = simulate([five], shelf)
    assert [run.indices for run in report.ran] == [(0,), (1,), (2,), (3,), (4,)]
    assert len(report.chosen[0]) == 5
    assert simulate([five], shelf).ran == []


def test_rule_5_twins_are_told_when_the_last_answer_is_there() -> None:
    """Trap: a node that ran again waited for itself."""
    five = counting(lambda rights: int(rights < 5), most=9)
    twins = [toy(name, by_index, code="same").collect(five) for name in ("one", "two")]
    report = simulate(twins, Shelf())
    assert [len(rows) for rows in report.chosen] == [5, 5]
    assert len(report.ran) == 5


def test_rule_5_runs_of_several_outputs_keep_to_the_budget() -> None:
    plan = toy("draw", by_index, outputs=2)
    report = simulate([plan.collect(counting(lambda rights: int(rights < 3), most=4))], Shelf())
    assert [run.indices for run in report.ran] == [(0, 1), (2, 3)]


@pytest.mark.parametrize("asks", [1, 2, 50])
def test_rule_5_a_matcher_with_a_budget_that_is_never_satisfied_is_trouble(asks: int) -> None:
    """Trap: a loop. It comes to an end when its budget is spent."""
    shelf, plan = Shelf(), toy("draw", by_index)
    with pytest.raises(TroubleError, match="asks for more"):
        simulate([plan, plan.collect(counting(lambda rights: asks if rights else 1, most=6))], shelf)


def test_rule_5_a_left_counts_in_the_budget_and_stands_in_the_way() -> None:
    report = simulate([toy("bad", BAD).collect(counting(lambda rights: 1, most=4))], Shelf())
    assert len(report.ran) == 4
    assert report.result() == BAD


def test_rule_5_only_who_has_a_budget_asks_again() -> None:
    """The matcher beside it, which asks once, is trouble as ever."""
    plan = toy("draw", by_index)
    patient, greedy = counting(lambda rights: int(rights < 3), most=5), counting(lambda rights: 1)
    with pytest.raises(TroubleError, match="asks for more"):
        simulate([plan.collect(patient), plan.collect(Then(greedy, greedy))], Shelf())


def test_a_matcher_that_narrows_below_what_the_next_needs_is_trouble() -> None:
    with pytest.raises(TroubleError, match="asks for more"):
        simulate([toy("draw", by_index).collect(Then(Some(2), Some(3)))], Shelf())


def test_a_value_that_cannot_be_weighed_is_trouble() -> None:
    plan = toy("draw", Value("unreadable")).choose(Filtered(bool, "c", Latest()))
    with pytest.raises(TroubleError) as caught:
        simulate([plan], Shelf())
    assert caught.value.failure == Undecodable(plan.dref, "the value is unreadable")


def test_a_choice_of_realizations_enters_the_key_by_content() -> None:
    shelf = Shelf()
    draw = toy("draw", by_index)
    report = simulate([toy("sum", total, draw.collect(Some(3))), toy("sum", total, draw)], shelf)
    assert [report.result(0), report.result(1)] == [Value(3), Value(0)]
    assert simulate([toy("sum", total, draw.choose(Best(lambda value: value, "c")))], shelf).result() == Value(2)


# Rule 6.


def test_rule_6_busy_waits_for_tick_and_found_is_told() -> None:
    plan = toy("a", Value(1))
    state, commands = start(plan)
    run = only_run(feed(state, nothing_alike(commands)))
    assert feed(state, Busy(0)) == []
    assert not state.finished
    (seek,) = feed(state, Tick())
    assert seek == Seek(((0, run.key),))
    assert feed(state, Tick()) == [], "asked for once"
    assert feed(state, Alike({0: made(run, Value(1))})) == []
    assert state.finished
    assert (state.ran, state.reused) == (0, 1)


def test_rule_6_not_found_and_free_it_runs() -> None:
    state, commands = start(toy("a", Value(1)))
    feed(state, nothing_alike(commands))
    feed(state, Busy(0))
    run = only_run(feed(state, *[nothing_alike(feed(state, Tick()))]))
    feed(state, Built(0, made(run, Value(1))))
    assert state.finished
    assert state.ran == 1


def test_rule_6_twins_of_a_busy_node_are_told_with_it() -> None:
    one, two, three = (toy(name, Value(1), code="same") for name in ("one", "two", "three"))
    state, commands = start(one, two)
    run = only_run(feed(state, nothing_alike(commands)))
    feed(state, Busy(0))
    theirs = evolve(run, dref=three.dref)
    commands = feed(state, Alike({0: made(theirs, Value(1))}))
    assert [each.realization.dref for each in commands if isinstance(each, Keep)] == [one.dref, two.dref]
    assert state.finished


def test_rule_6_a_twin_that_took_over_while_the_first_was_busy() -> None:
    one, two, three = (toy(name, Value(1), code="same") for name in ("one", "two", "three"))
    state, commands = start(one, two, three)
    run = only_run(feed(state, Alike({0: ()})))
    feed(state, Busy(0))
    again = only_run(feed(state, Alike({1: (), 2: ()})))
    assert again.node == 1
    assert state.followers[run.key] == [2]
    feed(state, Alike({0: made(run, Value(1))}))
    assert state.ledger[0].settled
    assert not state.ledger[2].settled, "it waits for the one that builds"
    feed(state, Built(1, made(again, Value(1))))
    assert state.finished


def test_rule_6_some_of_several_runs_may_be_busy() -> None:
    plan = toy("draw", by_index)
    state, commands = start(plan.collect(Some(2)))
    runs = [each for each in feed(state, nothing_alike(commands)) if isinstance(each, Run)]
    feed(state, Built(0, made(runs[0], Value(0))), Busy(0))
    assert not state.finished
    assert state.knows(made(runs[0], Value(0))[0].stored, 0)
    assert not state.knows(made(runs[1], Value(1))[0].stored, 0)
    feed(state, Tick(), Alike({0: [*made(runs[0], Value(0)), *made(runs[1], Value(1))]}))
    assert state.finished
    number, reference = state.graph.targets[0]
    assert len(state.selection(number, reference)) == 2


# Sizes.


def chain(length: int) -> Derivation[object]:
    plan = toy("link", Value(0))
    for number in range(length - 1):
        plan = toy("link", total, plan, at=number)
    return plan


@contextmanager
def little_stack() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def settle(plan: Derivation[object]) -> int:
    """Run link after link; gives how many functions were called."""
    calls = 0

    def count(frame: object, event: str, what: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        state, commands = start(plan)
        while not state.finished:
            run = only_run(feed(state, nothing_alike(commands)))
            commands = feed(state, Built(run.node, made(run, Value(0))))
    finally:
        sys.setprofile(None)
    return calls


def test_a_chain_needs_no_stack_and_work_in_proportion() -> None:
    """Trap: state copied, or a list searched, at every event."""
    plans = [chain(length) for length in (500, 1000, 2000)]
    with little_stack():
        short, middle, long = map(settle, plans)
    assert (long - middle) == pytest.approx(2 * (middle - short), rel=0.01)


def test_a_chain_of_100_000_that_is_left_settles_in_one_step() -> None:
    length = 100_000 if sys.gettrace() is None else 10_000  # under coverage, each line costs
    state, commands = start(plan := chain(length))
    with little_stack():
        run = only_run(feed(state, nothing_alike(commands)))
        commands = feed(state, Built(0, made(run, BAD)))
        assert state.finished
        assert len(commands) == length - 1
        rows = [Listed.whole(each.realization) for each in commands if isinstance(each, Keep)]
        again, _ = machine(plan)
        assert feed(again, Listing([*made(run, BAD), *rows])) == []
        assert again.finished
