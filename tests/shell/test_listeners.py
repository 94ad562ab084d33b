"""Journals."""

from __future__ import annotations

from lightfx.effects.journal import JournalEvent, RunBegan
from lightfx.shell.journal.listeners import Listener, Silence


def test_a_listener_hears_and_silence_does_not_mind() -> None:
    heard: list[JournalEvent] = []
    for journal in (Listener(heard.append), Silence()):
        journal.tell(RunBegan(3))
    assert heard == [RunBegan(3)]
