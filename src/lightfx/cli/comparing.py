"""What differs between two derivations of one stage, as changes that a person can act on.

Pure. References that differ are one change each, by their references; of the
code it is said that it changed, since a fingerprint tells a person nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, final

from attrs import frozen

from lightfx.cli.words import titled
from lightfx.core.canonical import Path, Tree, render_path
from lightfx.core.config import Config, Reference, differences
from lightfx.core.refs import DRef

CODE: Final = "code.fingerprint"
_DREF: Final = "['$dref']"
_LONG: Final = 200


@final
@frozen
class CodeChanged:
    """Another code, at ``field`` of the config."""

    field: str = CODE

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Field, old, arrow, new."""
        return "the code changed", "", "", ""


@final
@frozen
class ReferenceChanged:
    """Another derivation at ``field``."""

    field: str
    old: DRef
    new: DRef

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Field, old, arrow, new."""
        return self.field, titled(self.old), "->", titled(self.new)


@final
@frozen
class FieldChanged:
    """Another value at ``field``; what is not there on one side is None, as null is."""

    field: str
    old: Tree
    new: Tree

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Field, old, arrow, new."""
        return self.field, brief(self.old), "->", brief(self.new)


Change: TypeAlias = CodeChanged | ReferenceChanged | FieldChanged


def changes(old: Config, new: Config) -> tuple[Change, ...]:
    """List what differs from ``old`` to ``new``.

    >>> [each.row for each in changes(Config.of(rate=1, same=0), Config.of(rate=2, same=0))]
    [('rate', '1', '->', '2')]
    """
    return tuple(_change(*each) for each in differences(old.tree, new.tree))


def _change(field: str, old: Tree, new: Tree) -> Change:
    if field == CODE:
        return CodeChanged()
    if field.endswith(_DREF) and isinstance(old, str) and isinstance(new, str):
        return ReferenceChanged(field.removesuffix(_DREF), DRef(old), DRef(new))
    return FieldChanged(field, old, new)


def distance(found: tuple[Change, ...]) -> tuple[int, int]:
    """How far two derivations are apart: other parameters weigh more than other code and other inputs.

    So that a stage whose code changed is compared with itself, and not with
    its neighbour in the grid that was built a moment ago.

    >>> distance((CodeChanged(),)) < distance((FieldChanged("args.rate", 1, 2),))
    True
    """
    return sum(isinstance(each, FieldChanged) for each in found), len(found)


def brief(tree: Tree) -> str:
    """A value in one line, not too long.

    >>> brief({"a": [1, 2]})
    '{"a": [1, 2]}'
    """
    text = json.dumps(tree, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def places(tree: Tree, path: Path = ()) -> Iterator[tuple[Reference, str]]:
    """List each use of a derivation in a config, with where it stands.

    >>> [where for _, where in places({"args": {"data": {"$dref": "aaaa-x"}}})]
    ['args.data']
    """
    if isinstance(tree, Mapping):
        if "$dref" in tree:
            yield Reference.of_tree(tree), render_path(path)
            return
        for key, value in tree.items():
            yield from places(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from places(value, (*path, index))
