"""Every trouble of the engine, to match on: `EngineFailure` is the union of these records.

>>> failure: EngineFailure = DiskFull("results", "write records")
>>> match failure:
...     case DiskFull(path=path):
...         print(f"free some space for {path}")
...     case _:
...         print(sentence(failure))
free some space for results
"""

from __future__ import annotations

from lightfx.core.failures import (
    CannotFit,
    Closed,
    CodeChanged,
    DamagedRecord,
    DiskFull,
    EngineError,
    EngineFailure,
    IndexTrouble,
    Interrupted,
    NoStore,
    NotAStore,
    NotPermitted,
    NotRealized,
    PoolLost,
    SystemTrouble,
    Undecodable,
    UnknownFormat,
    Unmatched,
    Unshippable,
    sentence,
)

__all__ = [
    "CannotFit",
    "Closed",
    "CodeChanged",
    "DamagedRecord",
    "DiskFull",
    "EngineError",
    "EngineFailure",
    "IndexTrouble",
    "Interrupted",
    "NoStore",
    "NotAStore",
    "NotPermitted",
    "NotRealized",
    "PoolLost",
    "SystemTrouble",
    "Undecodable",
    "UnknownFormat",
    "Unmatched",
    "Unshippable",
    "sentence",
]
