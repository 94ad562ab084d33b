"""What the laws of matchers are asked about: candidates that are shown, and values that may come."""

from __future__ import annotations

from typing import Final, Generic, Never, TypeVar, final

from attrs import frozen

from lightfx.core.choosing import Candidate
from lightfx.core.names import Digest
from lightfx.core.outcome import Left, Outcome, Returned, Right
from lightfx.core.refs import DRef, RRef

T = TypeVar("T")

PLAN: Final = DRef.of("{}", "drawn")


def candidate(index: int, created: float, value: T) -> Candidate[T]:
    """Make a RIGHT to choose from.

    >>> candidate(0, 1.0, 0.5).outcome.value
    0.5
    """
    rref = _rref(index, created, repr(value))
    outcome: Outcome[T] = Right(value, (rref,))
    return Candidate(rref, index, created, is_right=True, read=lambda: outcome)


def left_candidate(index: int, created: float) -> Candidate[Never]:
    """Make a LEFT to choose from.

    >>> left_candidate(0, 1.0).is_right
    False
    """
    rref = _rref(index, created, "left")
    outcome: Outcome[Never] = Left(Returned("Failed", index), (rref,))
    return Candidate(rref, index, created, is_right=False, read=lambda: outcome)


def _rref(index: int, created: float, content: str) -> RRef:
    return RRef.of(PLAN, key="k", index=index, content=Digest.of(f"{created} {content}".encode()).text)


@final
@frozen
class Scene(Generic[T]):
    """What a law is asked about: candidates that are ``shown``, and the ``values`` of RIGHTs that may come later."""

    shown: tuple[Candidate[T], ...]
    values: tuple[T, ...]

    @property
    def known(self) -> tuple[T, ...]:
        """All values that occur: of RIGHTs that are shown, and of those that may come."""
        outcomes = (each.outcome for each in self.shown)
        return (*(each.value for each in outcomes if isinstance(each, Right)), *self.values)
