"""What strangers wrote is weighed before it is parsed, and what lightfx writes is light enough."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from lightfx.core.manifest import Entry, Kind
from lightfx.core.names import Digest
from lightfx.plan.limits import MOST_DEPTH, cost_of, is_too_costly, is_too_deep


@pytest.mark.parametrize(
    "piece", ["[],", "{},", '"ab",', "[[]],", "0.5,", "null,", '{"a":1},', '["abc",[7,null]],', '"",', "1234567,"]
)
def test_what_is_let_through_takes_no_more_than_is_said(piece: str) -> None:
    """The estimate is what stands between a text and the parser: it may be too careful, and not too careless."""
    text = b"[" + piece.encode() * 20_000 + b"0]"
    tracemalloc.start()
    try:
        tree = json.loads(text)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(tree) == 20_001
    assert taken < 2 * cost_of(text)


def test_a_manifest_of_a_hundred_thousand_files_is_light_enough() -> None:
    rows = [[f"folder/{number:06}.txt", "file", Digest.of(b"").text, 7, False] for number in range(100_000)]
    assert not is_too_costly(json.dumps(rows, separators=(",", ":")).encode())


def test_folders_in_one_another_are_counted() -> None:
    deep = [Entry("/".join(["d"] * depth), Kind.FOLDER, "", 0, False) for depth in range(1, MOST_DEPTH + 2)]
    assert not is_too_deep(tuple(deep[:MOST_DEPTH]))
    assert is_too_deep(tuple(deep))
