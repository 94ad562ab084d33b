"""The laws of matchers, and `check_matcher_laws`, which asks them of one.

A law is a function of a matcher and a `Scene` that raises ``AssertionError``,
and is named for what it asks. `MATCHER_LAWS` lists them all. Nothing here needs
Hypothesis but `check_matcher_laws`, which draws the scenes.

One law is asked in another process (`lightfx.testing.elsewhere`), of all scenes at once: no salted hash may count.

A matcher may look at values, and be hard to please: `it_is_satisfiable` and
`a_later_right_stays_reachable` ask what becomes of it when RIGHTs come whose
values it was shown, not when all that come are bad.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice, permutations
from typing import TYPE_CHECKING, Final, Never, Protocol, TypeVar, overload

from lightfx.core.choosing import Candidate, Choice, Chosen, Matcher, Need, Refuse
from lightfx.core.outcome import Outcome
from lightfx.core.refs import RRef
from lightfx.testing.broken import hold, judging, same
from lightfx.testing.elsewhere import it_chooses_the_same_in_another_process
from lightfx.testing.scenes import Scene, candidate, left_candidate
from lightfx.testing.watching import effects

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

ORDERS: Final = 24
ENOUGH: Final = 1000
ASKED_THERE: Final = 60


class MatcherLaw(Protocol):
    """A law, whatever the matcher chooses among."""

    def __call__(self, matcher: Matcher[T], scene: Scene[T], /) -> None:
        """Raise ``AssertionError`` where it is broken."""
        ...


def it_has_a_sound_spelling(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Printable, without quotes or backslashes, and always the same: it is part of the edge."""
    spelling = matcher.spelling
    sound = bool(spelling) and spelling.isprintable() and not {'"', "\\"} & set(spelling)
    hold(sound, f"{spelling!r} is a spelling")
    matcher.select(list(scene.shown))
    same(matcher.spelling, spelling, "the spelling after it chose")


def it_gives_a_choice(matcher: Matcher[T], scene: Scene[T]) -> None:
    """`Chosen`, `Need` or `Refuse`, of any number of candidates, and raises nothing."""
    for count in range(len(scene.shown) + 1):
        choice: object = matcher.select(list(scene.shown[:count]))
        match choice:
            case Chosen(rrefs):
                hold(isinstance(rrefs, tuple), f"{choice!r} holds a tuple")
                hold(all(isinstance(each, RRef) for each in rrefs), f"{choice!r} holds references of realizations")
            case Need(asked, why):
                hold(type(asked) is int and isinstance(why, str), f"{choice!r} holds an int and a str")
            case Refuse(why):
                hold(isinstance(why, str), f"{choice!r} holds a str")
            case _:
                raise AssertionError(f"of {count} candidates it gives {choice!r}, which is no Chosen, Need or Refuse")


def it_has_no_effects(matcher: Matcher[T], scene: Scene[T]) -> None:
    """It opens no file, starts no process, calls nobody: it is asked as often as the engine likes."""
    shown = list(scene.shown)
    with effects() as seen:
        matcher.select(shown)
    hold(not seen, f"it asks nothing of the system; it does: {', '.join(seen)}")


def it_chooses_a_subset(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Of what it was shown, at least one, each once."""
    choice = matcher.select(list(scene.shown))
    if isinstance(choice, Chosen):
        shown = {each.rref for each in scene.shown}
        hold(choice.rrefs, "what is chosen is not empty")
        hold(shown.issuperset(choice.rrefs), f"{_told(choice)} is among what it was shown")
        hold(len(set(choice.rrefs)) == len(choice.rrefs), f"{_told(choice)} names each once")


def the_order_of_candidates_does_not_count(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Whatever the order it is shown them in."""
    wanted = _plain(matcher.select(list(scene.shown)))
    for order in islice(permutations(scene.shown), ORDERS):
        same(_plain(matcher.select(list(order))), wanted, "another order of the same candidates gives another choice")


def it_is_idempotent(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Among what it chose it chooses the same, or asks for the rest; it never chooses another."""
    choice = matcher.select(list(scene.shown))
    if isinstance(choice, Chosen):
        again = matcher.select([each for each in scene.shown if each.rref in choice.rrefs])
        hold(again == choice or isinstance(again, Need), f"it chose {_told(choice)}, and among these {_told(again)}")


def it_is_satisfiable(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Given what it said it needs, it chooses or refuses; or asks again, within its budget."""
    supplies: list[Callable[[int, float], Candidate[T]]] = [partial(candidate, value=each) for each in scene.known]
    supplies.append(left_candidate)
    ends = [_satisfied(matcher, list(scene.shown), supply) for supply in supplies]
    hold(any(not isinstance(each, str) for each in ends), f"it comes to a choice; {ends[0]}")


def a_left_fills_a_place(matcher: Matcher[T], scene: Scene[T]) -> None:
    """Given LEFTs for all that it asked for, it asks no more: a stage that fails would run again with each run."""
    found = _satisfied(matcher, list(scene.shown), left_candidate)
    hold(not isinstance(found, str), f"it comes to a choice when all that comes is LEFT; {found}")


def it_keeps_to_its_budget(matcher: Matcher[T], scene: Scene[T]) -> None:
    """It asks for one at least, and for no more when as many are there as its budget says, LEFTs among them."""
    choice = matcher.select(list(scene.shown))
    if isinstance(choice, Need):
        hold(choice.count > 0, f"it asks for {choice.count}, which is more than nothing")
    budget = matcher.budget
    if budget is None:
        return
    hold(budget > 0, f"its budget is {budget}, which is more than nothing")
    for is_right in (True, False):
        shown = list(scene.shown)
        for index in range(budget - len(shown)):
            at, value = 100 + index, scene.values[index % len(scene.values)]
            shown.append(candidate(at, float(at), value) if is_right else left_candidate(at, float(at)))
        choice = matcher.select(shown)
        hold(not isinstance(choice, Need), f"{len(shown)} are there, its budget is {budget}, and it {_told(choice)}")


def a_later_right_stays_reachable(matcher: Matcher[T], scene: Scene[T]) -> None:
    """No LEFT blocks for ever: it is chosen no more when RIGHTs enough are there."""
    lefts = [each for each in scene.shown if not each.is_right]
    for value in scene.known:
        supply = partial(candidate, value=value)
        rights = _satisfied(matcher, [supply(200, 200.0)], supply)
        if isinstance(rights, str):
            continue
        wanted = matcher.select(rights)
        if isinstance(wanted, Chosen):
            found = matcher.select([*lefts, *rights])
            hold(found == wanted, f"of RIGHTs alone it {_told(wanted)}, and beside {len(lefts)} LEFT it {_told(found)}")


def it_is_pure(matcher: Matcher[T], scene: Scene[T]) -> None:
    """It changes neither what it is shown nor itself, and chooses the same again, from a list or a tuple."""
    shown, state = list(scene.shown), repr(matcher)
    one, other, third = matcher.select(shown), matcher.select(scene.shown), matcher.select(list(scene.shown))
    same(shown, list(scene.shown), "what it was shown, after it chose")
    same(_plain(other), _plain(one), "its choice, when it is asked again")
    same(_plain(third), _plain(one), "its choice, when it is asked once more")
    same(repr(matcher), state, "the matcher, after it chose")


def it_reads_only_if_it_says_so(matcher: Matcher[T], scene: Scene[T]) -> None:
    """A matcher whose `reads` is false looks at no outcome."""
    if not matcher.reads:
        matcher.select([Candidate(e.rref, e.index, e.created, e.is_right, _forbidden) for e in scene.shown])


def _forbidden() -> Outcome[Never]:
    raise AssertionError("it looks at an outcome, and its `reads` is False")


def _satisfied(
    matcher: Matcher[T], shown: list[Candidate[T]], supply: Callable[[int, float], Candidate[T]]
) -> list[Candidate[T]] | str:
    """Give it what it asks for, all of one kind, until it asks no more; say why where it never does."""
    budget, asked = matcher.budget, 0
    while isinstance(choice := matcher.select(list(shown)), Need):
        if choice.count < 1:
            return f"it asks for {choice.count}"
        if asked and (budget is None or len(shown) >= budget):
            return f"it got the {asked} that it asked for, {len(shown)} are there, and it asks for {choice.count} more"
        if asked + choice.count > ENOUGH:
            return f"it asks for {asked + choice.count}, which are more than the law can give it"
        start = 300 + asked
        shown = [*shown, *(supply(at, float(at)) for at in range(start, start + choice.count))]
        asked += choice.count
    return shown


def _plain(choice: Choice) -> object:
    match choice:
        case Chosen():
            return choice
        case Need(count):
            return f"asks for {count}"
        case _:
            return "refuses"


def _told(choice: Choice) -> str:
    if isinstance(choice, Chosen):
        return f"chooses {', '.join(each.text[:8] for each in choice.rrefs)}"
    return f"asks for {choice.count}" if isinstance(choice, Need) else f"refuses: {choice.why}"


MATCHER_LAWS: Final[tuple[MatcherLaw, ...]] = (
    it_gives_a_choice,
    it_has_a_sound_spelling,
    it_has_no_effects,
    it_chooses_a_subset,
    the_order_of_candidates_does_not_count,
    it_is_idempotent,
    it_keeps_to_its_budget,
    it_is_satisfiable,
    a_left_fills_a_place,
    a_later_right_stays_reachable,
    it_is_pure,
    it_reads_only_if_it_says_so,
)


@overload
def check_matcher_laws(matcher: Matcher[float], /) -> None: ...
@overload
def check_matcher_laws(matcher: Matcher[T], values: SearchStrategy[T], /) -> None: ...
def check_matcher_laws(matcher: Matcher[T], values: SearchStrategy[T] | None = None, /) -> None:
    """Ask all laws of a matcher, of sets of candidates that Hypothesis draws. Takes the extra ``testing``.

    ``values``: a strategy for the values that it chooses among; floats, if
    nothing is given. Draw from few values, so that equal ones meet. Settings
    are those of the Hypothesis profile that is loaded, without a deadline.

    Raises `BrokenLawError`, which names the law, at the first that is broken,
    with the smallest set of candidates that breaks it. Whether it chooses the
    same in another process is asked at last: warns with `UncheckedLawWarning`
    where it cannot be brought there by pickle (a key that is a lambda takes
    cloudpickle, the extra ``notebook``).

    >>> from lightfx.matchers import best, latest
    >>> check_matcher_laws(latest())
    >>> check_matcher_laws(best(lambda value: -value))
    """
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 -- an extra, which the other laws do without

    from lightfx.testing.strategies import FLOATS, scenes  # noqa: PLC0415 -- as above

    drawn: SearchStrategy[Scene[T]] = scenes(FLOATS if values is None else values)  # type: ignore[arg-type]  # floats: see the overloads

    seen: list[tuple[Candidate[T], ...]] = []
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.nested_given)

    @settings(deadline=None, report_multiple_bugs=False, suppress_health_check=slow)
    @given(drawn)
    def all_laws_hold(scene: Scene[T]) -> None:
        if len(scene.shown) > 1 and len(seen) < ASKED_THERE:
            seen.append(scene.shown)
        for law in MATCHER_LAWS:
            with judging(law):
                law(matcher, scene)

    all_laws_hold()
    with judging(it_chooses_the_same_in_another_process):
        it_chooses_the_same_in_another_process(matcher, seen)
