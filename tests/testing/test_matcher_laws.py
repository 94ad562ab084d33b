"""The laws of matchers hold of every one that is built in, and each planted wrong one breaks the law it is for."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Lock, Thread

import pytest
from attrs import field, frozen
from hypothesis import strategies as st
from planted_matchers import BySaltedHash, itself

from lightfx.core.choosing import Candidate, Choice, Chosen, First, Matcher, Need, Refuse
from lightfx.core.matching import Best
from lightfx.core.refs import RRef
from lightfx.matchers import best, every, exact, filtered, first, latest, only, some, stderr_below, then, until
from lightfx.testing import (
    MATCHER_LAWS,
    BrokenLawError,
    Scene,
    UncheckedLawWarning,
    candidate,
    check_matcher_laws,
    left_candidate,
)
from lightfx.testing.matcher_laws import it_has_no_effects
from lightfx.testing.scenes import PLAN

Answer = Callable[[Sequence[Candidate[float]]], Choice]
COUNTS: list[int] = []


RIGHT_ONES = [
    first(),
    latest(),
    only(),
    every(),
    some(1),
    some(7),
    exact(candidate(0, 0.0, 1.0).rref),
    best(itself),
    best(itself, 3),
    filtered(lambda value: value > 0),
    filtered(lambda value: value > 0, some(2)),
    then(some(3), best(itself)),
    until(stderr_below(itself, 0.4), at_least=2, at_most=6),
    then(until(stderr_below(itself, 0.4), at_least=2, at_most=6), best(itself)),
    filtered(lambda value: value > 0, until(stderr_below(itself, 0.4), at_least=2, at_most=6)),
    then(filtered(lambda value: value > 0, some(2)), only()),
]


@pytest.mark.parametrize("matcher", RIGHT_ONES, ids=str)
def test_a_matcher_that_is_built_in_obeys(matcher: Matcher[float]) -> None:
    check_matcher_laws(matcher)


def test_a_matcher_of_other_values_obeys() -> None:
    @frozen
    class Shortest(Matcher[str]):
        @property
        def spelling(self) -> str:
            return "shortest()"

        def select(self, candidates: Sequence[Candidate[str]], /) -> Choice:
            return Best(lambda text: -len(text), "length").select(candidates)

    check_matcher_laws(Shortest(), st.text("ab", max_size=3))


@frozen
class Wrong(Matcher[float]):
    """A matcher that is a function."""

    answer: Answer
    says: str = "wrong()"
    says_it_reads: bool = True
    says_its_budget: int | None = None
    state: list[int] = field(factory=list)

    @property
    def spelling(self) -> str:
        return self.says

    @property
    def reads(self) -> bool:
        return self.says_it_reads

    @property
    def budget(self) -> int | None:
        return self.says_its_budget

    def select(self, candidates: Sequence[Candidate[float]], /) -> Choice:
        return self.answer(candidates)


@frozen
class Restless(Matcher[float]):
    """Its spelling changes as it chooses."""

    seen: list[int] = field(factory=list)

    @property
    def spelling(self) -> str:
        return f"restless({len(self.seen)})"

    def select(self, candidates: Sequence[Candidate[float]], /) -> Choice:
        self.seen.append(1)
        return First().select(candidates)


def as_shown(shown: Sequence[Candidate[float]]) -> Choice:
    rights = [each for each in shown if each.is_right]
    return Chosen((rights[0].rref,)) if rights else First().select(shown)


def invents(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((RRef("x" * 32 + "-" + PLAN.text),))


def nothing_at_all(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen(())


def greedy(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(1, "never enough")


def needs_nothing(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(0, "") if len(shown) < 2 else First().select(shown)


def rights_alone(shown: Sequence[Candidate[float]]) -> Choice:
    """Wants RIGHTs, whatever came: the stage would be run again and again."""
    rights = sorted(each.rref for each in shown if each.is_right)
    return Chosen(tuple(rights)) if len(rights) >= 3 else Need(3 - len(rights), "")


def one_by_one(shown: Sequence[Candidate[float]]) -> Choice:
    return Need(1, "") if len(shown) < 4 else First().select(shown)


def lefts_first(shown: Sequence[Candidate[float]]) -> Choice:
    """The LEFT that sticks."""
    ranked = sorted(shown, key=lambda each: (each.is_right, each.rank))
    return Chosen((ranked[0].rref,)) if ranked else Need(1, "")


def left_vetoes(shown: Sequence[Candidate[float]]) -> Choice:
    return Refuse("there is a LEFT") if any(not each.is_right for each in shown) else First().select(shown)


def all_but_the_last(shown: Sequence[Candidate[float]]) -> Choice:
    rights = sorted(each.rref for each in shown if each.is_right)
    return Chosen(tuple(rights[: max(1, len(rights) - 1)])) if rights else First().select(shown)


def sorts_in_place(shown: Sequence[Candidate[float]]) -> Choice:
    if isinstance(shown, list):
        shown.sort(key=lambda each: each.rank, reverse=True)
    return First().select(shown)


def by_chance(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((random.choice(sorted(shown, key=lambda each: each.rank)).rref,)) if shown else Need(1, "")


def counts_its_calls(shown: Sequence[Candidate[float]]) -> Choice:
    COUNTS.append(1)
    ranked = sorted(shown, key=lambda each: each.rank)
    return Chosen((ranked[len(COUNTS) % len(ranked)].rref,)) if ranked else Need(1, "")


def twice(shown: Sequence[Candidate[float]]) -> Choice:
    least = min(shown, key=lambda each: each.rref, default=None)
    return Chosen((least.rref,) * 2) if least else Need(1, "")


def peeks(shown: Sequence[Candidate[float]]) -> Choice:
    return Best(itself, "code").select(shown)


def raises_on_none(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen((max(shown, key=lambda each: each.rank).rref,))


def asserts(shown: Sequence[Candidate[float]]) -> Choice:
    raise AssertionError


def no_answer(shown: Sequence[Candidate[float]]) -> Choice:
    return None  # type: ignore[return-value]  # planted


def a_plain_tuple(shown: Sequence[Candidate[float]]) -> Choice:
    return tuple(each.rref for each in shown)  # type: ignore[return-value]  # planted


def chosen_by_text(shown: Sequence[Candidate[float]]) -> Choice:
    return Chosen(tuple(["a"] + [each.rref.text for each in shown]))  # type: ignore[arg-type]  # planted


def needs_a_float(shown: Sequence[Candidate[float]]) -> Choice:
    return First().select(shown) if shown else Need(1.0, "")  # type: ignore[arg-type]  # planted


def first_right(shown: Sequence[Candidate[float]]) -> Choice:
    """Takes RIGHTs alone: on a stage that fails, each realize would run it once more."""
    rights = sorted((each for each in shown if each.is_right), key=lambda each: each.rank)
    return Chosen((rights[0].rref,)) if rights else Need(1, "")


def keeps_a_diary(shown: Sequence[Candidate[float]]) -> Choice:
    with Path(os.devnull).open("a") as file:
        file.write("asked")
    return First().select(shown)


def keeps_it_in_secret(shown: Sequence[Candidate[float]]) -> Choice:
    with suppress(OSError):
        os.mkdir("/dev/null/diary")
    return First().select(shown)


def asks_a_server(shown: Sequence[Candidate[float]]) -> Choice:
    with socket.socket() as asking:
        asking.connect_ex(("127.0.0.1", 1))
    return First().select(shown)


def asks_a_program(shown: Sequence[Candidate[float]]) -> Choice:
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    return First().select(shown)


WRONG_ONES = {
    "gives None": (Wrong(no_answer), "it gives a choice"),
    "gives a plain tuple": (Wrong(a_plain_tuple), "it gives a choice"),
    "chooses by text": (Wrong(chosen_by_text), "it gives a choice"),
    "needs a float": (Wrong(needs_a_float), "it gives a choice"),
    "raises where there is nothing": (Wrong(raises_on_none), "it gives a choice"),
    "asserts": (Wrong(asserts), "it gives a choice"),
    "RIGHTs only": (Wrong(first_right), "a left fills a place"),
    "appends to a file": (Wrong(keeps_a_diary), "it has no effects"),
    "makes a folder": (Wrong(keeps_it_in_secret), "it has no effects"),
    "asks a server": (Wrong(asks_a_server), "it has no effects"),
    "asks a program": (Wrong(asks_a_program), "it has no effects"),
    "sorts by the salted hash": (BySaltedHash(), "it chooses the same in another process"),
    "order-dependent": (Wrong(as_shown), "the order of candidates does not count"),
    "invents": (Wrong(invents), "it chooses a subset"),
    "chooses nothing": (Wrong(nothing_at_all), "it chooses a subset"),
    "chooses twice": (Wrong(twice), "it chooses a subset"),
    "unsatisfiable": (Wrong(greedy), "it is satisfiable"),
    "unsatisfiable within a budget": (Wrong(greedy, says_its_budget=9), "it keeps to its budget"),
    "asks again without a budget": (Wrong(one_by_one), "it is satisfiable"),
    "asks for RIGHTs beyond its budget": (Wrong(rights_alone, says_its_budget=6), "it keeps to its budget"),
    "needs nothing": (Wrong(needs_nothing), "it keeps to its budget"),
    "a LEFT that sticks": (Wrong(lefts_first), "a later right stays reachable"),
    "a LEFT that vetoes": (Wrong(left_vetoes), "a later right stays reachable"),
    "not idempotent": (Wrong(all_but_the_last), "it is idempotent"),
    "sorts what it is shown": (Wrong(sorts_in_place), "it is pure"),
    "chooses by chance": (Wrong(by_chance), None),
    "counts its calls": (Wrong(counts_its_calls), None),
    "reads, and says it does not": (Wrong(peeks, says_it_reads=False), "it reads only if it says so"),
    "a quote in its spelling": (Wrong(peeks, says='wrong("x")'), "it has a sound spelling"),
    "a spelling that changes": (Restless(), "it has a sound spelling"),
}


@pytest.mark.parametrize("name", WRONG_ONES)
def test_a_planted_wrong_matcher_breaks_a_law(name: str) -> None:
    matcher, law = WRONG_ONES[name]
    with pytest.raises(BrokenLawError) as caught:
        check_matcher_laws(matcher)
    assert law is None or caught.value.law == law
    assert str(caught.value).startswith("broken: ")


def test_every_law_is_broken_by_some_wrong_matcher() -> None:
    named = {law for _, law in WRONG_ONES.values()}
    assert {law.__name__.replace("_", " ") for law in MATCHER_LAWS} <= named
    assert "it chooses the same in another process" in named


def test_a_budget_lets_it_ask_again() -> None:
    check_matcher_laws(Wrong(one_by_one, says_its_budget=4))


def test_a_law_names_what_it_found() -> None:
    scene = Scene((left_candidate(0, 1.0), candidate(1, 2.0, 0.5), candidate(2, 2.0, 0.5)), (1.0,))
    with pytest.raises(AssertionError, match="another order of the same candidates"):
        for law in MATCHER_LAWS:
            law(Wrong(as_shown), scene)


def test_a_law_names_what_the_matcher_raised() -> None:
    with pytest.raises(BrokenLawError, match="it raises ValueError: max") as caught:
        check_matcher_laws(Wrong(raises_on_none))
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_is_imported_as_it_chooses_is_no_effect() -> None:
    def imports(shown: Sequence[Candidate[float]]) -> Choice:
        for name in ("wave", "chunk_that_is_not_there"):
            sys.modules.pop(name, None)
            with suppress(ImportError):
                import_module(name)
        return First().select(shown)

    it_has_no_effects(Wrong(imports), Scene((), (1.0,)))


def test_what_another_thread_does_is_not_the_matchers() -> None:
    def waits(shown: Sequence[Candidate[float]]) -> Choice:
        other = Thread(target=lambda: Path(os.devnull).read_bytes())
        other.start()
        other.join()
        return First().select(shown)

    it_has_no_effects(Wrong(waits), Scene((), (1.0,)))


def test_what_cannot_be_brought_to_another_process_is_said() -> None:
    """A lock has no pickle: what that law would find is not known, and the other laws hold."""
    matcher = Wrong(First().select, state=[Lock()])  # type: ignore[list-item]  # planted
    with pytest.warns(UncheckedLawWarning, match="another process could not be checked: it cannot be pickled: .*lock"):
        check_matcher_laws(matcher)


def test_a_script_that_asks_as_it_is_imported_does_not_ask_for_ever(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(SCRIPT)
    run = [sys.executable, "-c", "import asking"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("asked\n", "")


def test_a_script_is_not_run_again_to_ask_it(tmp_path: Path) -> None:
    """The trap: to import the module that the matcher is in runs all that stands there once more."""
    (tmp_path / "asking.py").write_text(SCRIPT)
    run = [sys.executable, "asking.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("asked\n", "")


SCRIPT = """
from lightfx.core.choosing import First, Matcher
from lightfx.testing.elsewhere import it_chooses_the_same_in_another_process
from lightfx.testing.scenes import candidate

class Mine(Matcher[object]):
    spelling = "mine()"

    def select(self, candidates):
        return First().select(candidates)

it_chooses_the_same_in_another_process(Mine(), [[candidate(0, 1.0, 0.5)]])
print("asked")
"""
