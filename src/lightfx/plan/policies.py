"""Policies of trust: whose results are used, as a reader of a cache says it. Pure.

`Anyone`: whoever can write to the cache. `SignedBy`: one of some keys.
`Agreed`: so many builders, of those named, got the same bytes.
`lightfx.plan.trust` judges by them. `Trust` is a policy as people say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Self, TypeAlias, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.given import text
from lightfx.core.statement import PublicKey


@final
@frozen
class Anyone:
    """Whoever can write to the cache is believed."""


def _keys(keys: Iterable[PublicKey]) -> frozenset[PublicKey]:
    return frozenset(keys)


@final
@frozen
class SignedBy:
    """One of ``keys`` signed it; where there is none, nobody is believed."""

    keys: frozenset[PublicKey] = field(converter=_keys)


@final
@frozen
class Agreed:
    """So many of ``keys`` signed the same content: builders who do not rely on one another got the same bytes."""

    count: int
    keys: frozenset[PublicKey] = field(converter=_keys)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.count <= len(self.keys):
            raise ValueError(f"{self.count} of {len(self.keys)} builders can never agree")


Policy: TypeAlias = Anyone | SignedBy | Agreed

_COUNTED: Final = re.compile(r"([1-9]\d{0,3})-of-([1-9]\d{0,3})", re.ASCII)


def _once(keys: Iterable[str]) -> tuple[str, ...]:
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise TypeError(f"keys is {repr(keys)[:100]}; it takes names in a tuple, such as ('ada', 'bob')")
    named = tuple(keys)
    for each in named:
        if not isinstance(each, str):
            raise TypeError(f"keys holds a {type(each).__name__}; it takes names of keys, or public keys as text")
    return tuple(dict.fromkeys(named))


@final
@frozen
class Trust:
    """A policy as it is said and kept: by names, so that what they stand for may change.

    ``policy``: ``any``, ``signed``, or ``2-of-3``. ``keys``: names of trusted
    keys, or public keys as they are spelled; for ``signed`` none stands for all
    that are trusted. Raises ``ValueError`` where that is no policy, and
    ``TypeError`` for what is no text.

    >>> Trust("2-of-2", ("ada", "ada"))
    Traceback (most recent call last):
    ...
    ValueError: '2-of-2' takes 2 different keys, and 1 are named
    """

    policy: str = field(default="signed", validator=text)
    keys: tuple[str, ...] = field(default=(), converter=_once)

    def __attrs_post_init__(self) -> None:
        if self.policy == "any" and self.keys:
            raise ValueError("'any' believes whoever can write there: name no keys")
        if self.policy in ("any", "signed"):
            return
        counted = _COUNTED.fullmatch(self.policy)
        if counted is None:
            raise ValueError(f"{self.policy[:100]!r} is no policy of trust: say any, signed, or 2-of-3")
        if int(counted[2]) != len(self.keys):
            raise ValueError(f"{self.policy!r} takes {counted[2]} different keys, and {len(self.keys)} are named")
        if int(counted[1]) > int(counted[2]):
            raise ValueError(f"{self.policy!r}: {counted[1]} of {counted[2]} builders can never agree")

    def among(self, trusted: Mapping[str, PublicKey]) -> Result[Policy, str]:
        """Find the keys that are named, or say which is not known.

        >>> mine = PublicKey(bytes(32))
        >>> Trust("signed", ("ada",)).among({"ada": mine}).unwrap() == SignedBy([mine])
        True
        >>> Trust().among({"ada": mine}).unwrap() == SignedBy([mine])
        True
        >>> Trust("signed", ("bob",)).among({"ada": mine}).failure()
        "no key is trusted by the name 'bob'"
        """
        if self.policy == "any":
            return Success(Anyone())
        named = [(key, PublicKey.parse(key).value_or(None) or trusted.get(key)) for key in self.keys]
        lacking = next((name for name, key in named if key is None), None)
        if lacking is not None:
            return Failure(f"no key is trusted by the name {lacking[:100]!r}")
        keys = frozenset(key for _, key in named if key is not None)
        counted = _COUNTED.fullmatch(self.policy)
        if counted is None:
            return Success(SignedBy(keys if self.keys else trusted.values()))
        if len(keys) != len(self.keys):
            return Failure(f"{self.policy}: two of the names stand for one key")
        return Success(Agreed(int(counted[1]), keys))

    @property
    def tree(self) -> Tree:
        """As it is kept.

        >>> Trust.read(Trust("any").tree).unwrap()
        Trust(policy='any', keys=())
        """
        return [self.policy, *self.keys]

    @classmethod
    def read(cls, tree: Tree) -> Result[Self, str]:
        """Read what was kept, or say why it is no policy."""
        if not isinstance(tree, list) or not tree:
            return Failure("it is no policy of trust")
        texts = [each for each in tree if isinstance(each, str)]
        if len(texts) != len(tree):
            return Failure("it is no policy of trust")
        try:
            return Success(cls(texts[0], tuple(texts[1:])))
        except ValueError as error:
            return Failure(str(error))
