"""Options and arguments that several commands share, and how the spans of time and sizes in them are read."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from lightfx.cli.complaints import misuse

Store = Annotated[
    str | None, typer.Option("--store", metavar="PATH", help="Folder of the store, in place of LIGHTFX_STORE")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
Ref = Annotated[
    str, typer.Argument(metavar="REF", help="A reference, the beginning of one, or the name of a derivation")
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Keep what is younger, such as 30d, 12h, 90s")
]
KeepLast = Annotated[
    int | None, typer.Option("--keep-last", min=0, metavar="N", help="Keep so many of each name, made last")
]

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w|)", re.ASCII)
_SECONDS: Final = {"s": 1, "": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def read_span(text: str, option: str) -> float:
    """Read a span of time, in seconds.

    >>> read_span("1.5h", "--older-than"), read_span("2d", "--older-than")
    (5400.0, 172800.0)
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise misuse(f"{option} {text!r} is no span of time", "give a number with s, min, h, d or w, such as 30d")
    return float(found[1]) * _SECONDS[found[2]]
