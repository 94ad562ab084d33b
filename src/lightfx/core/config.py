"""Configs, the references in them, and what they are when their inputs are known.

A `Config` is the immutable tree of parameters of one derivation. It is held
as its canonical spelling, so equality and identity cannot disagree. Uses of
other derivations stand in it as tagged objects, each a `Reference`.

Theory of operation: user keys never begin with ``$``, and inside a JSON string
a quote is escaped; so the text ``{"$dref":"`` begins a reference wherever it
stands, and references are found, and replaced by contents, in the text itself.
Replacing them gives the *input key*: two derivations with one input key have
one result (early cutoff; "constructive traces" in Mokhov, Mitchell and Peyton
Jones, Build Systems à la Carte, 2018). The name of a derivation is no part of
its input key: renaming a stage changes its references, and computes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final, Self, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Path, Tree, Unstorable, read, render_path, spell, spell_checked
from lightfx.core.names import Digest
from lightfx.core.refs import DRef

_NAME_ON: Final = re.compile(r',"name":"[^"\\]*"(,"path":"(?:[^"\\]|\\.)*","place":"[a-z2-7]*")?\}')
_SOURCES: Final = ('"code":{"source":"file"}', '"code":{"source":"tree"}')
_REFERENCE: Final = re.compile(r'\{"\$dref":"([^"]+)"(?:,"matcher":"([^"]+)")?(,"take":"many")?(,"tolerate":true)?\}')


class UnstorableError(ValueError, TypeError):
    """A parameter or a value has no canonical spelling; `path` leads to the culprit.

    >>> UnstorableError(Unstorable(("rate",), "is NaN")).path
    ('rate',)
    """

    def __init__(self, culprit: Unstorable, where: str = "") -> None:
        super().__init__(f"{where}{culprit.sentence}")
        self.culprit = culprit
        self._where = where

    def __reduce__(self) -> tuple[type[Self], tuple[Unstorable, str]]:
        return type(self), (self.culprit, self._where)

    @property
    def path(self) -> Path:
        """The steps from the root to the culprit."""
        return self.culprit.path


class Take(Enum):
    """How many of the chosen realizations a dependent gets."""

    ONE = "one"
    MANY = "many"


@final
@frozen
class Reference:
    """One use of a derivation: which one, which realizations of it, and whether its LEFT is welcome."""

    dref: DRef
    matcher: str = ""
    take: Take = Take.ONE
    tolerate: bool = False

    @property
    def tree(self) -> dict[str, Tree]:
        """The tagged object that stands in a config.

        >>> Reference(DRef("aaaa-x"), tolerate=True).tree
        {'$dref': 'aaaa-x', 'tolerate': True}
        """
        tree: dict[str, Tree] = {"$dref": self.dref.text}
        if self.matcher:
            tree["matcher"] = self.matcher
        if self.take is Take.MANY:
            tree["take"] = "many"
        if self.tolerate:
            tree["tolerate"] = True
        return tree

    @classmethod
    def of_tree(cls, tree: Mapping[str, object]) -> Self:
        """Read the tagged object back.

        >>> ref = Reference(DRef("aaaa-x"), matcher="latest()", take=Take.MANY)
        >>> Reference.of_tree(ref.tree) == ref
        True
        """
        take = Take.MANY if tree.get("take") == "many" else Take.ONE
        return cls(DRef(str(tree["$dref"])), str(tree.get("matcher", "")), take, "tolerate" in tree)

    @classmethod
    def _of_match(cls, found: re.Match[str]) -> Self:
        dref, matcher, many, tolerate = found.groups()
        return cls(DRef(dref), matcher or "", Take.MANY if many else Take.ONE, bool(tolerate))


@final
@frozen
class Config:
    """The immutable parameters of one derivation.

    A config has exactly one spelling, and equality asks the spelling, since
    ``1 == True`` to Python only.

    >>> Config.of(rate=1, epochs=3) == Config.of(epochs=3, rate=1)
    True
    >>> Config.of(flag=1) == Config.of(flag=True)
    False
    """

    text: str

    @classmethod
    def of(cls, /, **fields: Tree) -> Self:
        """Make a config of JSON-like fields, or raise `UnstorableError`.

        >>> Config.of(rates=[0.1, float("nan")])
        Traceback (most recent call last):
        ...
        lightfx.core.config.UnstorableError: rates[1] is NaN, which equals nothing, itself included
        """
        made = cls.made_of(fields)
        if isinstance(made, Failure):
            raise UnstorableError(made.failure())
        return made.unwrap()

    @classmethod
    def made_of(cls, fields: Mapping[str, Tree]) -> Result[Self, Unstorable]:
        """Make a config of JSON-like fields, or name the culprit."""
        return spell(dict(fields)).map(cls)

    @classmethod
    def of_trusted(cls, fields: Mapping[str, Tree]) -> Self:
        """Make a config of fields that lightfx made itself, references among them.

        >>> Config.of_trusted({"b": 1, "a": {"$dref": "aaaa-x"}}).text
        '{"a":{"$dref":"aaaa-x"},"b":1}'
        """
        return cls(spell_checked(fields))

    @classmethod
    def parse(cls, text: str) -> Result[Self, Unstorable]:
        """Read a canonical spelling, and refuse any other.

        >>> Config.parse('{"a": 1}').failure().reason
        'is not in canonical form'
        """
        return read(text).bind(lambda tree: _fields(tree).map(lambda _: cls(text)))

    @property
    def tree(self) -> Mapping[str, Tree]:
        """The fields, read from the spelling.

        >>> Config.of(a=1).tree
        {'a': 1}
        """
        tree: Mapping[str, Tree] = json.loads(self.text)
        return tree

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every use of another derivation, in the order of the text, each once."""
        if '{"$dref":' not in self.text:
            return ()
        return tuple(dict.fromkeys(map(Reference._of_match, _REFERENCE.finditer(self.text))))  # noqa: SLF001

    def resolved(self, contents: Callable[[Reference], str]) -> str:
        """The text with each reference replaced by what it came to, and without the name.

        The name, and the path of a source, count no further only where they end
        the config itself; what is called ``name`` inside of it is a parameter.

        >>> Config.of(args={"x": {"a": 1}}, name="f").resolved(str)
        '{"args":{"x":{"a":1}}'
        """
        nameless = self._nameless()
        if '{"$dref":' not in nameless:
            return nameless
        return _REFERENCE.sub(lambda found: contents(Reference._of_match(found)), nameless)  # noqa: SLF001

    def _nameless(self) -> str:
        cut = self.text.rfind(',"name":"')
        ending = _NAME_ON.fullmatch(self.text, cut) if cut >= 0 else None
        if ending is None or (ending.group(1) and not self.text.endswith(_SOURCES, 0, cut)):
            return self.text
        return self.text[:cut]


def _fields(tree: Tree) -> Result[Tree, Unstorable]:
    return Success(tree) if isinstance(tree, dict) else Failure(Unstorable((), "is no object"))


def input_key(resolved: str, observed: str = "") -> Digest:
    """Digest a config whose references are resolved, with what was observed outside, if anything.

    >>> input_key('{"a":1') == input_key('{"a":1', observed="blake3:77")
    False
    """
    return Digest.of(f"{resolved}\n{observed}".encode() if observed else resolved.encode())


def differences(one: Tree, other: Tree, path: Path = ()) -> tuple[tuple[str, Tree | None, Tree | None], ...]:
    """List where two trees differ: path, what stands in ``one``, what in ``other``.

    >>> differences({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3]})
    (('b[1]', 2, 3),)
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = sorted({*one, *other})
        return tuple(found for key in keys for found in _differ(one, other, key, path))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return tuple(found for index, pair in pairs for found in differences(*pair, (*path, index)))
    same = type(one) is type(other) and repr(one) == repr(other)  # 0.0 == -0.0, and they are two
    return () if same else ((render_path(path), one, other),)


def _differ(
    one: Mapping[str, Tree], other: Mapping[str, Tree], key: str, path: Path
) -> tuple[tuple[str, Tree | None, Tree | None], ...]:
    """What is absent differs from what is null."""
    if key in one and key in other:
        return differences(one[key], other[key], (*path, key))
    return ((render_path((*path, key)), one.get(key), other.get(key)),)
