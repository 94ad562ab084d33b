"""The parameters of a config, without a function's annotations to say what they are.

``spell_fields`` makes a tree of plain values, derivations and promises, and ``read_fields`` makes them of a tree
again. What only an annotation could read (a tagged object of the codec) is handed out, and taken back, as `Tagged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from attrs import define, field, frozen

from lightfx.codec.sizes import EACH, MOST, TOO_LARGE
from lightfx.core.canonical import MAX_DEPTH, Path, Tree, Unstorable, why_not
from lightfx.core.config import Reference, UnstorableError
from lightfx.core.derivation import Dependency, Derivation, Tolerant
from lightfx.core.secrets import Secret
from lightfx.stages.build import codec_for
from lightfx.stages.promises import Promised, out, spell_promise
from lightfx.stages.signature import spell_secret


@final
@frozen
class Tagged:
    """A stored object that only its own annotation can read; it can be moved, and not looked into."""

    tree: Tree


@define
class _Speller:
    """Spells values, and stops where they are too deep or too large: before the stack or the memory ends."""

    needs: list[Dependency] = field(factory=list[Dependency])
    size: int = 0

    def tree(self, value: object, path: Path) -> Tree:
        if len(path) > MAX_DEPTH:
            raise UnstorableError(Unstorable(path, f"is nested deeper than {MAX_DEPTH} levels"))
        self.size += EACH + (len(value) if type(value) is str or type(value) is bytes else 0)
        if self.size > MOST:
            raise UnstorableError(Unstorable(path[:1], TOO_LARGE))
        if isinstance(value, Derivation | Tolerant):
            self.needs.append(value)
            return value.reference.tree
        if isinstance(value, Promised):
            return spell_promise(value)
        if isinstance(value, Secret):
            return spell_secret(value)
        if isinstance(value, Tagged):
            return value.tree
        if type(value) is bytes:
            return codec_for(bytes).encode(value).map(lambda encoded: encoded.tree).unwrap()
        if isinstance(value, Mapping):
            return {_key(key, path): self.tree(each, (*path, _key(key, path))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(each, (*path, index)) for index, each in enumerate(value)]
        for culprit in why_not(value):
            raise UnstorableError(culprit.under(*path))
        # Nothing keeps it from being spelled: it is a scalar.
        return value  # type: ignore[return-value]


def _key(key: object, path: Path) -> str:
    for culprit in why_not({key: None}):
        raise UnstorableError(culprit.under(*path))
    return str(key)


def spell_fields(fields: Mapping[str, object]) -> tuple[dict[str, Tree], tuple[Dependency, ...]]:
    """Make the tree of ``fields``, and list the derivations in it; raises `UnstorableError`.

    >>> spell_fields({"rate": 0.5, "model": out("m.npy")})
    ({'rate': 0.5, 'model': {'$out': 'm.npy'}}, ())
    >>> spell_fields({"rates": [0.5, {1}]})
    Traceback (most recent call last):
    ...
    lightfx.core.config.UnstorableError: rates[1] is of type set, which is no JSON
    """
    speller = _Speller()
    tree = {_key(key, ()): speller.tree(each, (key,)) for key, each in fields.items()}
    deep = next(iter(why_not(_blank(tree))), None)
    if deep is not None:
        raise UnstorableError(deep)
    return tree, tuple(speller.needs)


def _blank(tree: Tree) -> Tree:
    """The shape of a tree, with what is tagged left out: it was checked, and its keys are lightfx's own."""
    if isinstance(tree, Mapping):
        return None if any(key.startswith("$") for key in tree) else {key: _blank(each) for key, each in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [_blank(each) for each in tree]
    return tree


def read_fields(tree: Tree, needs: Mapping[Reference, Dependency]) -> dict[str, object]:
    """Make the fields of a tree, with a derivation for each reference."""
    if not isinstance(tree, Mapping):
        raise UnstorableError(Unstorable((), "is no object"))
    return {key: _read(each, needs) for key, each in tree.items()}


def _read(tree: Tree, needs: Mapping[Reference, Dependency]) -> object:
    if isinstance(tree, Mapping):
        if "$dref" in tree:
            return needs[Reference.of_tree(tree)]
        if "$out" in tree:
            return out(str(tree["$out"]))
        if "$secret" in tree:
            return Secret(str(tree["$secret"]))
        if "$bytes" in tree:
            return codec_for(bytes).decode(tree).unwrap()
        if any(key.startswith("$") for key in tree):
            return Tagged(tree)
        return {key: _read(each, needs) for key, each in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [_read(each, needs) for each in tree]
    return tree
