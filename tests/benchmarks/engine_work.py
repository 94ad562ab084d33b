"""The work that `engine.py` gives to lightfx and to its peers alike."""

from __future__ import annotations

import hashlib

SPINS = 150_000  # about 50 ms of one core


def spin(number: int) -> int:
    """Keep one core busy."""
    digest = str(number).encode()
    for _ in range(SPINS):
        digest = hashlib.sha256(digest).digest()
    return digest[0]


def add(number: int) -> int:
    """Do next to nothing."""
    return number + 1
