"""How much of what strangers wrote is read: bounds on what it would take in memory, before it is parsed. Pure.

A few bytes of JSON may become many in memory: an empty list is two of them, and
takes seventy. So what it would come to is counted on the text, which is quick,
and what would come to too much is not parsed at all.
"""

from __future__ import annotations

from typing import Final

from lightfx.core.manifest import Manifest

MOST_COST: Final = 48 << 20
"""Bytes that the parts of one text may take in memory, beside the text itself."""
MOST_DEPTH: Final = 64
"""Folders in one another; the path of each is in the manifest, so they are counted there."""
_LIST: Final = 72
_ITEM: Final = 32
_QUOTE: Final = 25


def is_too_costly(text: bytes) -> bool:
    """Whether to parse ``text`` as JSON could take more than `MOST_COST`.

    >>> is_too_costly(b"[" + b"[]," * 1_000_000 + b"[]]"), is_too_costly(b"[" + b"0.5," * 1_000_000 + b"1]")
    (True, False)
    """
    return cost_of(text) > MOST_COST


def cost_of(text: bytes) -> int:
    """How many bytes the parts of ``text`` take in memory, about, when it is parsed as JSON, line by line.

    >>> cost_of(b"[[],[]]")
    248
    """
    lists = text.count(b"[") + text.count(b"{") + text.count(b"\n")
    return lists * _LIST + text.count(b",") * _ITEM + text.count(b'"') * _QUOTE


def is_too_deep(manifest: Manifest) -> bool:
    """Whether an object has more folders in one another than are taken in.

    >>> is_too_deep(())
    False
    """
    return any(entry.path.count("/") >= MOST_DEPTH for entry in manifest)
