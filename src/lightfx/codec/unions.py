"""Unions: one of several annotations, told apart in the tree.

Rules:

- members whose trees are of different kinds are spelled bare: the kind tells them apart;
- otherwise every member but None is spelled ``{"$type": name, "$value": tree}``;
- a value belongs first to the members that are meant for its very class, then to the
  first that takes it; members that take an int for a float come last;
- the order in which a union names its members means nothing, to us as to `typing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Final

from lightfx.codec.coding import TAGGED, Coding, Kinds, Misfit, kind_of, wrong_type
from lightfx.codec.dynamic import DYNAMIC_CODING
from lightfx.codec.names import name_of
from lightfx.codec.scalars import code_text
from lightfx.codec.shapes import is_object
from lightfx.codec.slots import Decode, Encode
from lightfx.core.canonical import Tree

_TAGS: Final = frozenset({"$type", "$value"})


def union_coding(name: str, members: Sequence[tuple[object, Coding]]) -> Coding:
    """Make the coding of a union from its annotations and their codings.

    >>> from lightfx.codec.scalars import SCALAR_CODINGS
    >>> coding = union_coding("int | float", [(each, SCALAR_CODINGS[each]) for each in (int, float)])
    >>> coding.encode(1), coding.encode(1.0)
    (1, 1.0)
    """
    if len(members) == 2 and any(coding is DYNAMIC_CODING for _, coding in members):  # it says None alike
        members = [member for member in members if not _is_none(member[1])]
    ordered = sorted(members, key=lambda member: (member[1].inexact, member[1].name))
    codings = [coding for _, coding in ordered]
    bare = not any(_overlap(left.kinds, right.kinds) for left, right in combinations(codings, 2))
    encode, decode = _bare(name, codings) if bare else _tagged(name, ordered)
    kinds = frozenset[str]().union(*(each.kinds for each in codings)) if bare else _tagged_kinds(codings)
    return Coding(
        name,
        encode,
        decode,
        kinds,
        tuple(kind for each in codings for kind in each.exact),
        depth=max(each.depth for each in codings) + (not bare),
        inexact=any(each.inexact for each in codings),
        files=any(each.files for each in codings),
    )


def _overlap(left: Kinds, right: Kinds) -> bool:
    if left & right:
        return True
    return any(TAGGED in one and any(kind.startswith("$") for kind in other) for one, other in _both(left, right))


def _both(left: Kinds, right: Kinds) -> tuple[tuple[Kinds, Kinds], ...]:
    return (left, right), (right, left)


def _tagged_kinds(codings: Sequence[Coding]) -> Kinds:
    return frozenset({"$type", "null"} if any(_is_none(each) for each in codings) else {"$type"})


def _is_none(coding: Coding) -> bool:
    return coding.kinds == frozenset({"null"})


def _choose(value: object, name: str, codings: Sequence[Coding]) -> tuple[Coding, Tree]:
    """Find the member that ``value`` belongs to, with its tree; or tell the misfit that came furthest."""
    kind = type(value)
    meant = [each for each in codings if any(kind is exact for exact in each.exact)]
    misfits: list[Misfit] = []
    for coding in meant + [each for each in codings if each not in meant]:
        try:
            return coding, coding.encode(value)
        except Misfit as misfit:
            misfits.append(misfit)
    furthest = max(misfits, key=lambda misfit: len(misfit.unstorable.path))
    if len(meant) == 1:
        raise misfits[0]
    raise furthest if furthest.unstorable.path else wrong_type(value, name)


def _bare(name: str, codings: Sequence[Coding]) -> tuple[Encode, Decode]:
    others = [each for each in codings if not _is_none(each)]
    has_none = len(others) < len(codings)

    def choose(value: object) -> Tree:
        return _choose(value, name, others)[1]

    encode_other = others[0].encode if len(others) == 1 else choose

    def encode(value: object) -> Tree:
        return None if value is None and has_none else encode_other(value)

    def decode(tree: Tree) -> object:
        kind = kind_of(tree)
        for coding in codings:
            if kind in coding.kinds or (kind.startswith("$") and TAGGED in coding.kinds):
                return coding.decode(tree)
        raise wrong_type(tree, name)

    return encode, decode


def _tagged(name: str, members: Sequence[tuple[object, Coding]]) -> tuple[Encode, Decode]:
    others = [member for member in members if not _is_none(member[1])]
    has_none = len(others) < len(members)
    codings = [coding for _, coding in others]
    tags = _tags(name, others)
    by_tag = dict(zip(tags, codings, strict=True))
    by_coding = {id(coding): tag for tag, coding in by_tag.items()}

    def encode(value: object) -> Tree:
        if value is None and has_none:
            return None
        coding, tree = _choose(value, name, codings)
        return {"$type": by_coding[id(coding)], "$value": tree}

    def decode(tree: Tree) -> object:
        if tree is None and has_none:
            return None
        if not is_object(tree) or frozenset(tree) != _TAGS:
            raise wrong_type(tree, name)
        tag = code_text(tree["$type"])
        if tag not in by_tag:
            raise Misfit(f"is tagged {tag!r}, which is no member of {name}")
        return by_tag[tag].decode(tree["$value"])

    return encode, decode


def _tags(name: str, members: Sequence[tuple[object, Coding]]) -> list[str]:
    """Name the members, by their modules too where their short names are one."""
    short = Counter(coding.name for _, coding in members)
    tags = [
        coding.name if short[coding.name] == 1 else f"{_module(annotation)}.{coding.name}"
        for annotation, coding in members
    ]
    if len(set(tags)) != len(tags):
        raise Misfit(f"is annotated {name}, two members of which have one name")
    return tags


def _module(annotation: object) -> str:
    module: object = getattr(annotation, "__module__", "")
    qualified: object = getattr(annotation, "__qualname__", name_of(annotation))
    return f"{module}.{qualified}".rpartition(".")[0]
