"""What driver and worker say to each other, and how it is spelled.

Orders go as packets, each of which is read whole or not at all, by whoever
reads first: so the driver can take back, from a worker that is busy or dead,
the orders that it has not read. A long order goes by a file, and the packet
names it. Words of a worker go as a stream: length, kind, body.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final, final

from lightfx.core.secrets import Secret, Veil
from lightfx.shell.disk import REAL, Disk

PACKET: Final = 32 << 10
LONGEST: Final = PACKET + 64
_HEAD: Final = struct.Struct("<IB")
_PROGRESS: Final = struct.Struct("<qdd")
_NAME: Final = struct.Struct("<Qc")
_HERE: Final = b"="
_BY_FILE: Final = b"@"


@final
class Word(Enum):
    """What a worker says."""

    READY = 1
    PROGRESSED = 2
    FINISHED = 3
    UNLOADABLE = 4
    UNVEILED = 5


def packet(name: int, order: bytes) -> bytes:
    """Spell an order shorter than `PACKET` as one packet; ``name`` tells it from others."""
    return _NAME.pack(name, _HERE) + order


def packet_by(name: int, file: Path) -> bytes:
    """Spell a longer order, that was written to ``file``, as one packet."""
    return _NAME.pack(name, _BY_FILE) + os.fsencode(file)


def name_of(read: bytes) -> int:
    """Tell which order a packet is.

    >>> name_of(packet(7, b"order"))
    7
    """
    return int(_NAME.unpack_from(read)[0])


def unpacked(read: bytes, disk: Disk = REAL) -> bytes:
    """Give the order in a packet.

    >>> unpacked(packet(7, b"order"))
    b'order'
    """
    _, how = _NAME.unpack_from(read)
    rest = read[_NAME.size :]
    return rest if how == _HERE else disk.read_whole(os.fsdecode(rest))


def progress(number: int, done: float, total: float) -> bytes:
    """Spell how far a task is."""
    return _PROGRESS.pack(number, done, total)


def read_progress(body: bytes) -> tuple[int, float, float]:
    """Read how far a task is.

    >>> read_progress(progress(7, 1.0, 2.0))
    (7, 1.0, 2.0)
    """
    number, done, total = _PROGRESS.unpack(body)
    return int(number), float(done), float(total)


def spell_veil(veil: Veil) -> bytes:
    """Spell the values of secrets, from one process's memory to another's.

    >>> read_veil(spell_veil(Veil({Secret.env("TOKEN"): "hunter-2000"}))).value(Secret.env("TOKEN"))
    'hunter-2000'
    """
    return json.dumps({secret.text: value for secret, value in veil.values.items()}).encode()


def read_veil(body: bytes) -> Veil:
    """Read the values of secrets."""
    values: dict[str, str] = json.loads(body)
    return Veil({Secret(text): value for text, value in values.items()})


@final
class Mouth:
    """A worker's end of the stream; any thread may speak, of the process that made it alone."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def say(self, word: Word, body: bytes = b"") -> None:
        """Say a word; what a stage has forked says nothing."""
        if os.getpid() == self._owner:
            with self._lock:
                self._stream.sendall(_HEAD.pack(len(body), word.value) + body)


@final
class Ear:
    """The driver's end of the stream: words come in pieces, and many at once."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def words(self, piece: bytes) -> Iterator[tuple[Word, bytes]]:
        """Give the words that are complete."""
        self._heard += piece
        start = 0
        while len(self._heard) - start >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._heard, start)
            end = start + _HEAD.size + length
            if len(self._heard) < end:
                break
            yield Word(kind), bytes(self._heard[start + _HEAD.size : end])
            start = end
        del self._heard[:start]
