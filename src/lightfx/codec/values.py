"""Values to strict JSON and back, by annotation: the face of the codec.

Rules:

- ``decode(encode(value))`` is the value, of the same type; different values are
  spelled differently, and one value in one way;
- strict both ways: what the annotation does not say is refused, and so is an annotation
  whose values cannot be stored, before there is a value;
- a failure carries the path to its culprit, in steps of fields, indexes and keys.

Theory of operation: `hooks` makes a coding of the annotation, once. What a coding
cannot know (the folder of a path, the depth of what has no bound) is done by one more
walk over the tree, and only where the annotation leaves room for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final, Generic, TypeVar, final, overload

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.codec.coding import Coding, Misfit
from lightfx.codec.folders import made_absolute, made_relative
from lightfx.codec.hooks import Leaf, Workshop
from lightfx.codec.sizes import check_size
from lightfx.codec.slots import Slot, check_keys, decode_slots, slot_of
from lightfx.core.canonical import MAX_DEPTH, Tree, Unstorable

__all__ = ["Codec", "Encoded", "Fields", "Leaf", "Misfit", "codec_of", "fields_of"]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_TOO_DEEP: Final = Unstorable((), "is nested too deeply for the stack of this thread")


@final
@frozen
class Encoded:
    """A value as a tree, and the files and folders that it names, relative to its own folder."""

    tree: Tree
    files: tuple[str, ...] = ()


@final
class Codec(Generic[T_co]):
    """How the values of one annotation are stored, and read back; made by `codec_of`.

    >>> codec = codec_of(tuple[int, ...]).unwrap()
    >>> codec.encode((1, 2)).unwrap().tree
    [1, 2]
    >>> codec.encode((1, "2")).failure().sentence
    '[1] is of type str, not int'
    >>> codec.decode([1, 2]).unwrap()
    (1, 2)
    """

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._walks = coding.files or coding.depth > MAX_DEPTH
        self._unbounded = coding.depth > MAX_DEPTH

    def encode(self, value: object, folder: PurePath | None = None) -> Result[Encoded, Unstorable]:
        """Spell ``value``, whose paths are absolute and lie in ``folder``.

        >>> codec_of(Path).unwrap().encode(Path("/out/a.txt"), Path("/out")).unwrap()
        Encoded(tree={'$path': 'a.txt'}, files=('a.txt',))
        """
        try:
            if self._unbounded:
                check_size(value)
            tree = self._coding.encode(value)
            return Success(Encoded(*made_relative(tree, folder)) if self._walks else Encoded(tree))
        except Misfit as misfit:
            return Failure(misfit.unstorable)
        except RecursionError:
            return Failure(_TOO_DEEP)

    def decode(self, tree: Tree, folder: Path | None = None) -> Result[T_co, Unstorable]:
        """Read a value back, with its paths in ``folder``.

        >>> codec_of(Path).unwrap().decode({"$path": "../b"}, Path("/out")).failure().sentence
        'the value is no plain relative path'
        """
        try:
            placed = made_absolute(tree, folder) if self._walks else tree
            value: T_co = self._coding.decode(placed)  # type: ignore[assignment]  # a coding is made of the annotation that T stands for
        except Misfit as misfit:
            return Failure(misfit.unstorable)
        except RecursionError:
            return Failure(_TOO_DEEP)
        return Success(value)


@final
class Fields:
    """How the parameters of one function are stored, and read back; made by `fields_of`.

    >>> fields = fields_of({"rate": float, "layers": tuple[int, ...]}).unwrap()
    >>> fields.encode({"rate": 1, "layers": (4, 2)}).unwrap()
    {'rate': 1.0, 'layers': [4, 2]}
    >>> fields.encode({"rate": 1, "layers": (4, "2")}).failure().sentence
    'layers[1] is of type str, not int'
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._encoders = [(each.key, each.coding.encode) for each in slots]
        self._names = frozenset(each.key for each in slots)
        self._walks = any(each.coding.files or each.coding.depth >= MAX_DEPTH for each in slots)
        self._unbounded = frozenset(each.key for each in slots if each.coding.depth >= MAX_DEPTH)

    def encode(self, values: Mapping[str, object]) -> Result[dict[str, Tree], Unstorable]:
        """Spell the arguments of a call, by parameter; all of them, defaults too."""
        tree: dict[str, Tree] = {}
        name = ""
        try:
            if len(values) != len(self._names) or not self._names.issuperset(values):
                check_keys(values, self._names, self._names, "the parameters")
            for name in self._unbounded:
                check_size(values[name])
            for name, encode in self._encoders:
                tree[name] = encode(values[name])
        except Misfit as misfit:
            return Failure(misfit.under(name).unstorable if name else misfit.unstorable)
        except RecursionError:
            return Failure(_TOO_DEEP.under(name))
        return self._checked(tree) if self._walks else Success(tree)

    def decode(self, tree: Tree) -> Result[dict[str, object], Unstorable]:
        """Read the arguments of a call back; a key that is missing or unknown is a failure.

        >>> fields_of({"rate": float}).unwrap().decode({"rate": 1.0, "seed": 3}).failure().sentence
        'seed is unknown to the parameters'
        """
        try:
            placed = made_absolute(tree, None) if self._walks else tree
            return Success(decode_slots(placed, self._names, self._names, self._slots, "the parameters"))
        except Misfit as misfit:
            return Failure(misfit.unstorable)
        except RecursionError:
            return Failure(_TOO_DEEP)

    def _checked(self, tree: dict[str, Tree]) -> Result[dict[str, Tree], Unstorable]:
        try:
            made_relative(tree, None)
        except Misfit as misfit:
            return Failure(misfit.unstorable)
        return Success(tree)


@overload
def codec_of(annotation: type[T], leaves: Sequence[Leaf] = ()) -> Result[Codec[T], Unstorable]: ...
@overload
def codec_of(annotation: object, leaves: Sequence[Leaf] = ()) -> Result[Codec[object], Unstorable]: ...
def codec_of(annotation: object, leaves: Sequence[Leaf] = ()) -> Result[Codec[object], Unstorable]:
    """Make the codec of an annotation, or say why no value of it can be stored.

    ``leaves`` are families of types that the caller spells itself.

    >>> codec_of(dict[str, object]).unwrap().encode({"a": [1, None]}).unwrap().tree
    {'a': [1, None]}
    >>> codec_of(type).failure().reason
    'is annotated type, which cannot be stored; what can: None, bool, ...'
    """
    try:
        return Success(Codec(Workshop(leaves).ask(annotation)))
    except Misfit as misfit:
        return Failure(misfit.unstorable)
    except RecursionError:
        return Failure(_TOO_DEEP)


def fields_of(annotations: Mapping[str, object], leaves: Sequence[Leaf] = ()) -> Result[Fields, Unstorable]:
    """Make of the parameters of a function, by name, one strict record.

    >>> fields_of({"model": "Model"}).failure().sentence
    "model is annotated 'Model', a forward reference that nothing here resolves"
    """
    workshop = Workshop(leaves)
    try:
        return Success(Fields([slot_of(name, name, each, workshop.ask) for name, each in annotations.items()]))
    except Misfit as misfit:
        return Failure(misfit.unstorable)
    except RecursionError:
        return Failure(_TOO_DEEP)
