"""Terms: amounts that mean something or are refused; what is tried again, and after how long."""

from __future__ import annotations

import pytest

from lightfx.core.outcome import Died, Left, Raised, Returned, TimedOut
from lightfx.core.terms import PLAIN, Limits, Resources, Retry, Terms, bytes_of


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1kB", 1000),
        ("1 mB", None),
        ("1KB", 1000),
        ("1 KiB", 1024),
        ("2G", 2 * 10**9),
        ("0.5MiB", 2**19),
        (7, 7),
    ],
)
def test_an_amount_of_memory_has_a_unit_that_means_something(text: str | int, amount: int | None) -> None:
    if amount is None:
        with pytest.raises(ValueError, match="memory is"):
            bytes_of(text)
    else:
        assert bytes_of(text) == amount


@pytest.mark.parametrize("wrong", [-1, "", "many", "1 GB of it", "-1GB", "1e3", "٣GB"])
def test_any_other_amount_is_refused(wrong: str | int) -> None:
    with pytest.raises(ValueError, match="memory is"):
        bytes_of(wrong)


def test_a_task_takes_one_core_at_least_and_names_no_ticket_it_does_not_take() -> None:
    with pytest.raises(ValueError, match="cores is 0"):
        Resources(cores=0)
    with pytest.raises(ValueError, match="gpu=0"):
        Resources(tickets={"gpu": 0})
    with pytest.raises(ValueError, match="gpu=-1"):
        Limits(tickets={"gpu": -1})
    assert Resources() == PLAIN


def test_tickets_are_the_same_in_whatever_order() -> None:
    one, other = Resources(tickets={"a": 1, "b": 2}), Resources(tickets={"b": 2, "a": 1})
    assert (one, hash(one), list(one.tickets)) == (other, hash(other), list(other.tickets))


def test_another_attempt_takes_more_of_what_is_named_and_no_more_of_the_rest() -> None:
    scaled = Resources(cores=2, memory=100, tickets={"gpu": 1}).scaled({"memory": 2, "gpu": 3})
    assert scaled == Resources(cores=2, memory=200, tickets={"gpu": 3})


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_a_wait_is_a_time(wrong: float) -> None:
    with pytest.raises(ValueError, match="backoff"):
        Retry(backoff=wrong)


def test_what_is_tried_again_comes_in_a_tuple() -> None:
    with pytest.raises(TypeError, match="tuple"):
        Retry(on="died")  # what a user may well write
    with pytest.raises(ValueError, match="times"):
        Retry(times=-1)


@pytest.mark.parametrize(
    ("left", "allowed"),
    [
        (Died(1, None), True),
        (TimedOut(3.0), True),
        (Raised("ConnectionError", ("ConnectionError", "OSError"), "", ""), True),
        (Raised("KeyError", ("KeyError", "LookupError"), "", ""), False),
        (Returned("Diverged", None), False),
    ],
)
def test_by_default_only_what_passes_by_itself_is_tried_again(left: Died, allowed: bool) -> None:
    assert Retry().allows(Left(left), 1) == allowed


def test_attempts_are_counted_and_waits_double() -> None:
    retry = Retry(times=2, backoff=1.5, on=("died",))
    assert [retry.allows(Left(Died(1, None)), attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert [retry.waits(attempt) for attempt in (1, 2, 3)] == [1.5, 3.0, 6.0]


def test_the_thousandth_attempt_has_a_wait() -> None:
    """Trap: 2 to the 1,499th is no float: `lightfx run` ended in a traceback, and no LEFT was stored."""
    assert Retry(times=1500, backoff=0).waits(1500) == 0
    assert Retry(times=1500, backoff=0.5).waits(1500) == Retry(times=1500, backoff=1e-9).waits(1500) == 86_400
    assert Retry(times=3, backoff=1e9).waits(3) == 1e9, "a wait that was asked for is kept"
    assert Retry(times=1500, backoff=1e308).waits(1500) == 1e308


def test_the_thousandth_attempt_takes_no_more_than_there_can_be() -> None:
    """Trap: the same, of what each attempt takes more than the one before."""
    grown = Resources(memory=1, tickets={"gpu": 1})
    for _ in range(1500):
        grown = grown.scaled({"memory": 2.5, "gpu": 10**400, "cores": 1e308})
    assert grown == Resources(cores=2**63 - 1, memory=2**63 - 1, tickets={"gpu": 2**63 - 1})


@pytest.mark.parametrize("wrong", [2.5, 2.0, float("nan"), True, "2", None])
def test_amounts_are_whole_numbers(wrong: object) -> None:
    """Trap: NaN cores hang a run, since they never fit beside what runs; half a ticket was one."""
    with pytest.raises(TypeError, match="cores is .*whole number"):
        Resources(cores=wrong)  # type: ignore[arg-type]  # what a user may well write
    with pytest.raises(TypeError, match="ticket gpu is .*whole number"):
        Resources(tickets={"gpu": wrong})  # type: ignore[dict-item]  # as above
    with pytest.raises(TypeError, match="times is .*whole number"):
        Retry(times=wrong)  # type: ignore[arg-type]  # as above
    if not isinstance(wrong, str):
        with pytest.raises(TypeError, match="memory is .*whole number"):
            Resources(memory=wrong)  # type: ignore[arg-type]  # as above


def test_any_exact_number_will_do() -> None:
    class Exact:
        def __index__(self) -> int:
            return 2

    assert Resources(cores=Exact()) == Resources(cores=2)  # type: ignore[arg-type]  # numpy's numbers are such


@pytest.mark.parametrize("wrong", [2**63, "9" * 400, "9000000000GiB"])
def test_there_is_never_so_much(wrong: int | str) -> None:
    with pytest.raises(ValueError, match="memory is"):
        Resources(memory=wrong)


def test_names_are_text() -> None:
    with pytest.raises(TypeError, match="tickets names 1"):
        Resources(tickets={1: 1})  # type: ignore[dict-item]  # what a user may well write
    with pytest.raises(TypeError, match="scale names 1"):
        Retry(scale={1: 1})  # type: ignore[dict-item]  # as above


@pytest.mark.parametrize("wrong", ["2", None, True])
def test_factors_and_waits_are_numbers(wrong: object) -> None:
    with pytest.raises(TypeError, match="scale of memory is"):
        Retry(scale={"memory": wrong})  # type: ignore[dict-item]  # what a user may well write
    with pytest.raises(TypeError, match="backoff is"):
        Retry(backoff=wrong)  # type: ignore[arg-type]  # as above
    with pytest.raises(TypeError, match="scale is"):
        Retry(scale=wrong)  # type: ignore[arg-type]  # as above


def test_a_class_is_tried_again_by_its_name() -> None:
    """Trap: ``on=(ValueError,)`` was taken, and never tried anything again."""

    class Diverged(ValueError):
        pass

    retry = Retry(times=1, on=(Diverged, LookupError, "died"))
    assert retry == Retry(times=1, on=("Diverged", "LookupError", "died"))
    assert retry.allows(Left(Raised("KeyError", ("KeyError", "LookupError"), "", "")), 1)
    assert retry.allows(Left(Returned("Diverged", None)), 1)
    with pytest.raises(TypeError, match="on holds 7"):
        Retry(on=(7,))  # type: ignore[arg-type]  # what a user may well write
    with pytest.raises(TypeError, match="in a tuple"):
        Retry(on=ValueError)  # type: ignore[arg-type]  # as above
    for everything in (BaseException, object):
        with pytest.raises(ValueError, match="names nothing"):
            Retry(on=(everything,))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 0, -1.0, "3", True])
def test_a_time_limit_is_a_time(wrong: object) -> None:
    """Trap: no time is later than NaN, so it was no limit at all."""
    with pytest.raises((TypeError, ValueError), match="timeout is"):
        Terms(timeout=wrong)  # type: ignore[arg-type]  # what a user may well write


@pytest.mark.parametrize(
    ("scale", "resources"),
    [
        ({"memry": 2}, Resources(memory=1)),
        ({"gpu": 2}, Resources(memory=1)),
        ({"memory": 2}, Resources(cores=2)),
    ],
)
def test_a_scale_of_what_a_task_does_not_take(scale: dict[str, float], resources: Resources) -> None:
    """Trap: a name with a letter missing had no effect, and nobody was told."""
    with pytest.raises(ValueError, match=f"retry scales {next(iter(scale))}"):
        Terms(resources=resources, retry=Retry(scale=scale))
    every = {"cores": 2, "memory": 2, "gpu": 2}
    assert Terms(resources=Resources(memory=1, tickets={"gpu": 1}), retry=Retry(scale=every)).timeout is None
