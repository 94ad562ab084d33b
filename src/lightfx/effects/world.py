"""The world: one frozen record of capabilities, passed to whatever has effects.

There is no other way to the outside: nothing is global, nothing is ambient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeAlias, TypeVar, final

from attrs import frozen
from returns.io import IO, IOResult
from returns.result import Result

from lightfx.core.derivation import Derivation, Tolerant
from lightfx.effects.clock import Clock
from lightfx.effects.executor import Executor
from lightfx.effects.journal import Journal
from lightfx.effects.store import Store

if TYPE_CHECKING:
    from lightfx.report.tables import Table

T = TypeVar("T")
K = TypeVar("K")
E = TypeVar("E")

Tabled: TypeAlias = (
    Derivation[T]
    | Tolerant[T]
    | Mapping[K, Derivation[T]]
    | Mapping[K, Tolerant[T]]
    | Sequence[Derivation[T]]
    | Sequence[Tolerant[T]]
    | Callable[..., Derivation[T]]
)
"""What a table is made of: a plan, plans in a container, or a stage. A plan that is tolerated has the same rows."""


TERMINATED: Final = 143  # what a process leaves with that was asked to end (128 + SIGTERM)


class Interrupts(Protocol):
    """Asks to stop, as they come: Ctrl-C, or the signal by which the system ends processes."""

    @property
    def pending(self) -> str:
        """The name of the first that came; "" for none."""
        ...

    def open(self) -> AbstractContextManager[None]:
        """Let the next one break in (``KeyboardInterrupt``), in place of being noted.

        A second one breaks in wherever it finds us.
        """
        ...


class Perform(Protocol):
    """Carries an effect out: the only way from an ``IO`` to what is in it."""

    def result(self, io: IOResult[T, E], /) -> Result[T, E]:
        """Carry out an effect that may fail."""
        ...

    def value(self, io: IO[T], /) -> T:
        """Carry out an effect that does not fail."""
        ...

    def undisturbed(self) -> AbstractContextManager[None]:
        """Let much be made that stays, without a search through all of it for garbage as it grows."""
        ...

    def turn(self) -> AbstractContextManager[None]:
        """Let one run at a time go on in this world; other threads wait."""
        ...

    def table(self, world: World, of: Tabled[T, K], /) -> Table[T]:
        """Show what is stored of plans, or of a stage; raises `EngineError`."""
        ...

    def interrupts(self) -> AbstractContextManager[Interrupts]:
        """Note asks to stop while a run goes on, so that none breaks in where it would do harm."""
        ...


@final
@frozen(eq=False)
class World:
    """A store, an executor, a clock, a journal, and the right to perform effects.

    Made by `open_world`; a context manager that closes what it holds.
    """

    store: Store
    executor: Executor
    clock: Clock
    journal: Journal
    perform: Perform

    def table(self, of: Tabled[T, K], /) -> Table[T]:
        """Show what is stored of a plan, of plans in a container, or of all that a stage ever made, as a table.

        Runs nothing, and stores nothing. Raises `EngineError` on trouble of the
        engine; `lightfx.table` gives it as a value.
        """
        return self.perform.table(self, of)

    def close(self) -> None:
        """Give back worker processes, claims and files. Closing twice is fine."""
        self.perform.result(self.executor.close())
        self.perform.result(self.store.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
