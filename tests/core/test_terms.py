"""Terms: amounts that mean something or are refused; what is tried again, and after how long."""

from __future__ import annotations

import pytest

from lightfx.core.outcome import Died, Left, Raised, Returned, TimedOut
from lightfx.core.terms import PLAIN, Limits, Resources, Retry, bytes_of


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
        Retry(on="died")  # type: ignore[arg-type]  # what a user may well write
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
