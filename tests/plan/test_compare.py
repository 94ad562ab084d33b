"""What came of running something again, beside what is recorded."""

from __future__ import annotations

from lightfx.core.manifest import Entry, Kind
from lightfx.core.outcome import Raised, TimedOut
from lightfx.core.realization import Value
from lightfx.plan.changes import FieldChanged
from lightfx.plan.compare import FileDifference, field_differences, file_differences


def test_values_by_their_paths() -> None:
    assert field_differences(Value({"a": 0.0}), Value({"a": -0.0})) == (FieldChanged("a", 0.0, -0.0),)
    assert field_differences(Value(1), Value(1.0)) == (FieldChanged("", 1, 1.0),)
    assert field_differences(Value([1]), Value([1])) == ()


def test_lefts_by_their_causes() -> None:
    assert field_differences(TimedOut(1.0), TimedOut(2.0)) == (FieldChanged("seconds", 1.0, 2.0),)
    fields = {each.field for each in field_differences(Value(1), Raised("E", ("E",), "m", "t"))}
    assert {"left", "right", "message"} <= fields


def test_files_by_path() -> None:
    same, old, new = Entry("a", Kind.FOLDER), Entry("a/b", Kind.FILE, "blake3:1", 1), Entry("a/b", Kind.LINK, "c")
    only = Entry("z", Kind.FOLDER)
    assert file_differences((same, old), (only, new, same)) == (
        FileDifference("a/b", old, new),
        FileDifference("z", None, only),
    )
    assert file_differences((same,), (same,)) == ()
