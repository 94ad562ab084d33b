"""Policies of trust: whose results are used, as a reader of a cache says it. Pure.

`Anyone`: whoever can write to the cache. `SignedBy`: one of some keys.
`Agreed`: so many builders, of those named, got the same bytes. A policy that
nobody can meet cannot be made. `lightfx.plan.trust` judges by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias, assert_never, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.names import Malformed
from lightfx.core.statement import PublicKey


@final
@frozen
class Anyone:
    """Whoever can write to the cache is believed."""


def _some(keys: Iterable[PublicKey]) -> frozenset[PublicKey]:
    found = frozenset(keys)
    if not found:
        raise ValueError("nobody is trusted: name the keys whose signatures count")
    return found


@final
@frozen
class SignedBy:
    """One of ``keys`` signed it."""

    keys: frozenset[PublicKey] = field(converter=_some)


@final
@frozen
class Agreed:
    """So many of ``keys`` signed the same content: builders who do not rely on one another got the same bytes."""

    count: int
    keys: frozenset[PublicKey] = field(converter=_some)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.count <= len(self.keys):
            raise ValueError(f"{self.count} of {len(self.keys)} builders can never agree")


Policy: TypeAlias = Anyone | SignedBy | Agreed

_COUNTED: Final = re.compile(r"([1-9]\d{0,3})-of-([1-9]\d{0,3})", re.ASCII)


def read_policy(text: str, keys: Iterable[PublicKey]) -> Result[Policy, Malformed]:
    """Read a policy as people write it: ``any``, ``signed``, ``2-of-3``; the last names exactly so many ``keys``.

    >>> read_policy("any", []).unwrap()
    Anyone()
    >>> mine, yours = PublicKey(bytes(32)), PublicKey(bytes([1] * 32))
    >>> read_policy("signed", [mine]).unwrap() == SignedBy([mine])
    True
    >>> read_policy("2-of-2", [mine, yours]).unwrap() == Agreed(2, [mine, yours])
    True
    >>> str(read_policy("2-of-3", [mine, yours]).failure())
    "'2-of-3, with 2 keys' is no policy of trust"
    """
    known = frozenset(keys)
    counted = _COUNTED.fullmatch(text)
    if text == "any" and not known:
        return Success(Anyone())
    if text == "signed" and known:
        return Success(SignedBy(known))
    if counted and int(counted[1]) <= int(counted[2]) == len(known):
        return Success(Agreed(int(counted[1]), known))
    return Failure(Malformed("policy of trust", f"{text}, with {len(known)} keys"))


def spell_policy(policy: Policy) -> tuple[str, tuple[str, ...]]:
    """Spell a policy and its keys, as `read_policy` reads them.

    >>> spell_policy(Agreed(1, [PublicKey(bytes(32))]))[0]
    '1-of-1'
    """
    match policy:
        case Anyone():
            return "any", ()
        case SignedBy(keys):
            return "signed", tuple(sorted(key.text for key in keys))
        case Agreed(count, keys):
            return f"{count}-of-{len(keys)}", tuple(sorted(key.text for key in keys))
        case never:
            assert_never(never)
