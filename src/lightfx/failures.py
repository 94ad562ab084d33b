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

from lightfx.core.damage import DamagedObject, MissingObject
from lightfx.core.failures import (
    BadArchive,
    BadKey,
    CacheTrouble,
    CannotFit,
    Closed,
    CodeChanged,
    DamagedRecord,
    DiskFull,
    EngineError,
    EngineFailure,
    IndexTrouble,
    Interrupted,
    InUse,
    NoStore,
    NotAStore,
    NotPermitted,
    NotRealized,
    NotStored,
    PoolLost,
    SplitStore,
    SystemTrouble,
    Undecodable,
    UnknownFormat,
    Unmatched,
    Unshippable,
    sentence,
)

__all__ = [
    "BadArchive",
    "BadKey",
    "CacheTrouble",
    "CannotFit",
    "Closed",
    "CodeChanged",
    "DamagedObject",
    "DamagedRecord",
    "DiskFull",
    "EngineError",
    "EngineFailure",
    "InUse",
    "IndexTrouble",
    "Interrupted",
    "MissingObject",
    "NoStore",
    "NotAStore",
    "NotPermitted",
    "NotRealized",
    "NotStored",
    "PoolLost",
    "SplitStore",
    "SystemTrouble",
    "Undecodable",
    "UnknownFormat",
    "Unmatched",
    "Unshippable",
    "sentence",
]
