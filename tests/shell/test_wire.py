"""The wire: words come in pieces, and many at once."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lightfx.shell.executor.wire import Ear, Mouth, Word, name_of, packet, packet_by, unpacked

WORDS = [(Word.READY, b""), (Word.FINISHED, b"x" * 1000), (Word.PROGRESSED, b"p"), (Word.UNLOADABLE, b"")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000, 10000])
def test_words_arrive_whole_in_whatever_pieces(size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for word, body in WORDS:
            Mouth(theirs).say(word, body)
        said = ours.recv(1 << 16)
    ear = Ear()
    assert [word for start in range(0, len(said), size) for word in ear.words(said[start : start + size])] == WORDS


def test_what_a_stage_has_forked_says_nothing() -> None:
    """Trap: two processes that write to one stream spoil it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        mouth = Mouth(theirs)
        child = os.fork()
        if not child:
            mouth.say(Word.FINISHED, b"of a child")
            os._exit(0)
        os.waitpid(child, 0)
        mouth.say(Word.READY)
        assert list(Ear().words(ours.recv(1 << 16))) == [(Word.READY, b"")]


def test_an_order_goes_in_the_packet_or_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "order").write_bytes(b"long")
    for read, order in ((packet(3, b"short"), b"short"), (packet_by(3, tmp_path / "order"), b"long")):
        assert (name_of(read), unpacked(read)) == (3, order)
