"""What differs between two derivations of one stage, field by field, as data.

References that differ are one change each, by their references. A fingerprint
tells a person nothing: of the code it is said which parts of it changed, as
far as these are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, final

from attrs import field, frozen

from lightfx.core.canonical import Path, Tree, render_path
from lightfx.core.config import Config, Reference, differences
from lightfx.core.derivation import Parts
from lightfx.core.refs import DRef

CODE: Final = "code.fingerprint"
_DREF: Final = "['$dref']"
_NO_CODES: Final[Mapping[str, Parts]] = {}


@final
@frozen
class CodeChanged:
    """Another code: which of its functions, classes and constants changed, came and went, by ``module:name``.

    All three are empty where that is not known.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    field: str = field(default=CODE, init=False)


@final
@frozen
class ReferenceChanged:
    """Another derivation at ``field``."""

    field: str
    old: DRef
    new: DRef


@final
@frozen
class FieldChanged:
    """Another value at ``field``; what is not there on one side is None, as null is."""

    field: str
    old: Tree
    new: Tree


Change: TypeAlias = CodeChanged | ReferenceChanged | FieldChanged


def changes(old: Config, new: Config, codes: Mapping[str, Parts] = _NO_CODES) -> tuple[Change, ...]:
    """List what differs from ``old`` to ``new``; ``codes`` says what fingerprints stand for.

    >>> changes(Config.of(rate=1, same=0), Config.of(rate=2, same=0))
    (FieldChanged(field='rate', old=1, new=2),)
    """
    return tuple(_change(*each, codes) for each in differences(old.tree, new.tree))


def _change(field: str, old: Tree, new: Tree, codes: Mapping[str, Parts]) -> Change:
    if field == CODE:
        return code_changed(codes.get(str(old), ()), codes.get(str(new), ()))
    if field.endswith(_DREF) and isinstance(old, str) and isinstance(new, str):
        return ReferenceChanged(field.removesuffix(_DREF), DRef(old), DRef(new))
    return FieldChanged(field, old, new)


def code_changed(old: Parts, new: Parts) -> CodeChanged:
    """Say which parts of a code changed; nothing in particular where one side is not known.

    >>> code_changed((("m:f", "1"), ("m:g", "1")), (("m:f", "2"), ("m:h", "1")))
    CodeChanged(changed=('m:f',), added=('m:h',), removed=('m:g',), field='code.fingerprint')
    >>> code_changed((), (("m:f", "2"),)).changed
    ()
    """
    if not old or not new:
        return CodeChanged()
    before, after = _by_name(old), _by_name(new)
    return CodeChanged(
        tuple(name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]),
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
    )


def _by_name(parts: Parts) -> Mapping[str, list[str]]:
    """Group digests by name: two lambdas of one function have one name."""
    digests: dict[str, list[str]] = {}
    for name, digest in sorted(parts):
        digests.setdefault(name, []).append(digest)
    return digests


def distance(found: tuple[Change, ...]) -> tuple[int, int]:
    """How far two derivations are apart: other parameters weigh more than other code and other inputs.

    So that a stage whose code changed is compared with itself, and not with
    its neighbour in the grid that was built a moment ago.

    >>> distance((CodeChanged(),)) < distance((FieldChanged("args.rate", 1, 2),))
    True
    """
    return sum(isinstance(each, FieldChanged) for each in found), len(found)


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
