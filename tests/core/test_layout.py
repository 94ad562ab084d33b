"""Where things lie, and which formats are known."""

from __future__ import annotations

import json

import pytest
from returns.result import Failure, Success

from lightfx.core.layout import (
    ENTRIES,
    FORMAT_VERSION,
    claim_path,
    format_text,
    object_path,
    read_format,
    records_path,
)
from lightfx.core.names import Digest


def test_paths_stay_in_the_store_and_lie_in_its_folders() -> None:
    digest = Digest.of(b"x")
    for path in (object_path(digest), claim_path(digest), records_path(digest)):
        assert not path.is_absolute()
        assert path.parts[0] in ENTRIES
        assert digest.hex in path.name


def test_the_format_reads_back() -> None:
    assert format_text() == '{"format": "lightfx-store", "version": 1}\n'
    assert read_format(format_text()) == Success(FORMAT_VERSION)
    assert read_format(json.dumps({"format": "lightfx-store", "version": 99, "more": 1})) == Success(99)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "null",
        "[]",
        "{}",
        "junk",
        '{"format":"other","version":1}',
        '{"format":"lightfx-store"}',
        '{"format":"lightfx-store","version":"1"}',
        '{"format":"lightfx-store","version":true}',
        '{"format":"lightfx-store","version":1.0}',
        "[" * 200_000,
    ],
)
def test_what_is_no_format(text: str) -> None:
    found = read_format(text)
    assert isinstance(found, Failure)
    assert found.failure() == text[:80]
