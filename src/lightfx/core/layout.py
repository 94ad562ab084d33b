"""Where things lie in a store, relative to its folder, and the version of that layout.

``docs/store-format.md`` is the specification; this module spells it once, for
every implementation.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Final

from returns.result import Failure, Result, Success

from lightfx.core.names import Digest

FORMAT_VERSION: Final = 1
FORMAT: Final = PurePosixPath("format")
RECORDS: Final = PurePosixPath("records")
OBJECTS: Final = PurePosixPath("objects")
ROOTS: Final = PurePosixPath("roots")
CLAIMS: Final = PurePosixPath("claims")
TEMPORARY: Final = PurePosixPath("tmp")
RUNS: Final = PurePosixPath("runs")
CACHES: Final = PurePosixPath("caches.json")
INDEX: Final = PurePosixPath("index.sqlite")
ALONE: Final = "alone"
FOLDERS: Final = (RECORDS, OBJECTS, ROOTS, CLAIMS, TEMPORARY, RUNS)
ENTRIES: Final = frozenset(str(entry) for entry in (FORMAT, *FOLDERS, CACHES, INDEX))


def object_path(tree: Digest) -> PurePosixPath:
    """Where the tree with this digest lies.

    >>> str(object_path(Digest("blake3:00ff")))
    'objects/00ff'
    """
    return OBJECTS / tree.hex


def claim_path(key: Digest) -> PurePosixPath:
    """Where the claim on this input key lies.

    >>> str(claim_path(Digest("blake3:00ff")))
    'claims/00ff'
    """
    return CLAIMS / key.hex


def records_path(content: Digest) -> PurePosixPath:
    """Where a group of records with this digest lies.

    >>> str(records_path(Digest("blake3:00ff")))
    'records/00ff.jsonl'
    """
    return RECORDS / f"{content.hex}.jsonl"


def format_text() -> str:
    """What the file ``format`` holds.

    >>> read_format(format_text()).unwrap()
    1
    """
    return json.dumps({"format": "lightfx-store", "version": FORMAT_VERSION}) + "\n"


def read_format(text: str) -> Result[int, str]:
    """Read the version in a file ``format``, or give what was found in its place.

    >>> read_format("junk").failure()
    'junk'
    """
    found = " ".join(text.split())[:80]
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return Failure(found)
    if not isinstance(fields, dict) or fields.get("format") != "lightfx-store":
        return Failure(found)
    version = fields.get("version")
    return Success(version) if type(version) is int else Failure(found)
