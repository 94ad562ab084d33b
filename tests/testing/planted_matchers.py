"""Matchers that another process can import, quickly."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from lightfx.core.choosing import Candidate, Choice, Chosen, Matcher, fill, ranked


def itself(value: float) -> float:
    return value


@frozen
class BySaltedHash(Matcher[object]):
    """Pure as long as the process lives: the trap of hashing with the salted ``hash()``."""

    @property
    def spelling(self) -> str:
        return "by_salted_hash()"

    def select(self, candidates: Sequence[Candidate[object]], /) -> Choice:
        rights, lefts = ranked(candidates)
        ours = sorted(rights, key=lambda each: hash(each.rref.text))
        return Chosen((ours[0].rref,)) if ours else fill((), lefts, 1)
