"""Where a lens leads nowhere: as a record, and as an exception that names the path."""

from __future__ import annotations

from typing import TypeAlias, TypeVar, final

from attrs import frozen
from returns.result import Failure, Result

from lightfx.core.failures import EngineError, EngineFailure

T = TypeVar("T")


@final
@frozen
class Misstep:
    """Where a lens leads nowhere: ``path`` as it was written, ``why``, and what is ``there`` instead."""

    path: str
    why: str
    there: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The whole of it, in one line.

        >>> Misstep("data.rows", "is not there", ("size",)).sentence
        'data.rows is not there; what is: size'
        """
        return f"{self.path} {self.why}{'; what is: ' if self.there else ''}{', '.join(self.there)}"


class LensError(LookupError):
    """Raised where a lens is read that leads nowhere; ``misstep`` says where and why."""

    def __init__(self, misstep: Misstep) -> None:
        super().__init__(misstep)
        self.misstep = misstep

    def __str__(self) -> str:
        return self.misstep.sentence


Lost: TypeAlias = Misstep | EngineFailure


def or_raise(read: Result[T, Lost]) -> T:
    """Give what was read, or raise `LensError`, or `EngineError` where the store failed."""
    if isinstance(read, Failure):
        failure = read.failure()
        raise LensError(failure) if isinstance(failure, Misstep) else EngineError(failure)
    return read.unwrap()
