"""What came of running something again, beside what is recorded of it: the same, or a difference that can be shown.

Pure. What counts is what dependents can see, the content: the value as it is
spelled, and the files by name, kind, right to run and bytes.
"""

from __future__ import annotations

from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.config import differences
from lightfx.core.manifest import Entry, Manifest
from lightfx.core.realization import Result, Value
from lightfx.core.records import result_tree
from lightfx.core.refs import RRef
from lightfx.plan.changes import CodeChanged, FieldChanged


@final
@frozen
class FileDifference:
    """What stands at ``path`` in the recorded folder, and in the one that was made again; None: nothing."""

    path: str
    old: Entry | None
    new: Entry | None


@final
@frozen
class Identical:
    """It came out the same, byte by byte, in so many seconds; ``code`` says that the code is another now."""

    rref: RRef
    seconds: float
    code: CodeChanged | None = None


@final
@frozen
class Different:
    """It came out otherwise.

    ``fields`` tells where the value, or the cause of a LEFT, differs: the path
    to it, what is recorded, what was found; "" is the path of all of it.
    ``files`` tells which files do; nothing where the recorded ones are gone.
    ``rref`` may be another than the one that was asked about: one that this
    stands on, whose files were dropped and had to be made again first.
    """

    rref: RRef
    seconds: float
    recorded: Result
    found: Result
    fields: tuple[FieldChanged, ...]
    files: tuple[FileDifference, ...]
    files_gone: bool = False
    code: CodeChanged | None = None


@final
@frozen
class NotChecked:
    """It could not be run again: ``why``, and what to do, where something can be done."""

    rref: RRef
    why: str
    hint: str = ""


Checked: TypeAlias = Identical | Different | NotChecked


def field_differences(recorded: Result, found: Result) -> tuple[FieldChanged, ...]:
    """List where two results differ.

    >>> field_differences(Value({"a": [1, 2]}), Value({"a": [1, 3]}))
    (FieldChanged(field='a[1]', old=2, new=3),)
    """
    if isinstance(recorded, Value) and isinstance(found, Value):
        pair = recorded.tree, found.tree
    else:
        pair = result_tree(recorded), result_tree(found)
    return tuple(FieldChanged(*each) for each in differences(*pair))


def file_differences(recorded: Manifest, found: Manifest) -> tuple[FileDifference, ...]:
    """List the files, folders and links that differ, by path.

    >>> from lightfx.core.manifest import Kind
    >>> one, two = Entry("a", Kind.FOLDER), Entry("b", Kind.FOLDER)
    >>> [(each.path, each.old, each.new == two) for each in file_differences((one,), (one, two))]
    [('b', None, True)]
    """
    old, new = ({each.path: each for each in manifest} for manifest in (recorded, found))
    paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    return tuple(FileDifference(path, old.get(path), new.get(path)) for path in paths)
