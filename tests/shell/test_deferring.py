"""Ctrl-C waits for the end of a deed, and is not lost."""

from __future__ import annotations

import signal
import threading

import pytest

from lightfx.shell.executor.deferring import undisturbed


def test_an_interrupt_comes_after_the_deed() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt), undisturbed():
        for number in range(3):
            signal.raise_signal(signal.SIGINT)
            done.append(number)
    assert done == [0, 1, 2]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_is_not_lost_where_the_deed_fails() -> None:
    with pytest.raises(KeyboardInterrupt) as told, undisturbed():
        signal.raise_signal(signal.SIGINT)
        raise ValueError
    assert isinstance(told.value.__context__, ValueError)


def test_the_ask_of_the_system_is_deferred_too_where_somebody_handles_it() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            assert not heard
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_whoever_handles_it_is_asked() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            assert not heard
        assert heard == [signal.SIGINT]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with undisturbed():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone() -> None:
    found: list[object] = []

    def look() -> None:
        with undisturbed():
            found.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
