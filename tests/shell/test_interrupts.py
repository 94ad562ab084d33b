"""Asks to stop, by real signals: noted, let in where the run waits, and all as it was afterwards."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from lightfx.shell.interrupts import noted


@pytest.fixture(autouse=True)
def as_python_begins() -> Iterator[None]:
    """Whoever measures coverage handles SIGTERM too, and ends the process then."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


def wait(number: signal.Signals) -> None:
    """Wait, as an executor does, and be asked to stop."""
    signal.raise_signal(number)


def test_the_first_is_noted_and_breaks_in_nowhere() -> None:
    with noted() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.pending == "SIGINT"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_breaks_in_where_the_run_waits(number: signal.Signals) -> None:
    with noted() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.open():
            wait(number)
        assert interrupts.pending == number.name


def test_with_what_the_wait_gave_in_hand_it_is_noted_only() -> None:
    """Trap: between the wait and the hands of who called it, what it gave would be lost."""
    with noted() as interrupts, interrupts.open():
        signal.raise_signal(signal.SIGINT)
        assert interrupts.pending == "SIGINT"


def test_the_second_breaks_in_wherever_it_finds_us_and_the_first_keeps_its_name() -> None:
    with noted() as interrupts:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupts.pending == "SIGTERM"


def test_the_door_is_shut_when_the_waiting_is_over() -> None:
    with noted() as interrupts:
        with interrupts.open():
            pass
        signal.raise_signal(signal.SIGINT)
        assert interrupts.pending == "SIGINT"


def test_all_is_as_it_was_afterwards_also_after_an_error() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), noted():
        assert signal.getsignal(signal.SIGINT) is not before[0]
        raise ZeroDivisionError
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_who_handles_signals_already_goes_on_doing_so() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with noted() as interrupts:
            signal.raise_signal(signal.SIGTERM)
        assert (heard, interrupts.pending) == ([signal.SIGTERM], "")
    finally:
        signal.signal(signal.SIGTERM, before)


def test_outside_of_the_main_thread_nothing_is_touched() -> None:
    before, seen = signal.getsignal(signal.SIGINT), list[object]()

    def work() -> None:
        with noted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
