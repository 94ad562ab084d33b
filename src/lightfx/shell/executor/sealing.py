"""Sealing: the user's code as bytes, for a process that passes it on and must not load it.

A Dask worker outlives many runs, and what it has imported stays as it was: so it
never imports what a stage needs. A realizer goes through it `Sealed`, and is
opened in the child process that runs it; what a stage asks for comes back
through it as `SealedAsks`.

A process that was not started by this one has another ``__main__``. What the
script of the driver defines is found there by name all the same: the text of the
script travels along, and the child runs it, as a worker process on the driver's
machine runs the file. The ``__main__.py`` of a package, a folder or an archive is
run by no process that is spawned, since what it does is often not guarded: there
a worker on the driver's machine takes the text too, when a task asks for it.
"""

from __future__ import annotations

import linecache
import pickle  # between a driver and its own workers; nothing stored is unpickled
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.machinery import ModuleSpec
from multiprocessing import process
from pathlib import Path
from types import ModuleType
from typing import Final, final

from attrs import evolve, frozen
from returns.result import Failure, Result

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config
from lightfx.core.derivation import Asks, Realizer
from lightfx.core.failures import Unshippable
from lightfx.core.outcome import Left
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, Input, MadeBy, Outputs
from lightfx.core.terms import Terms
from lightfx.effects.executor import Finished, Task
from lightfx.shell.executor.asking import FlatAsks, SealedAsks, flat, nested
from lightfx.shell.executor.unveiling import left_for_asking

_SCRIPT: Final = "_lightfx_script"


@final
@frozen
class Script:
    """The script that runs in the driver: its file, the package that it is part of, its text, its name as a module."""

    file: str
    package: str | None
    text: str
    name: str = ""

    @classmethod
    def running(cls) -> Script | None:
        """Read the driver's own; None where there is none, as in a notebook."""
        main = sys.modules["__main__"]
        file = getattr(main, "__file__", None)
        text = "".join(linecache.getlines(file, vars(main))) if isinstance(file, str) else ""
        name = "" if main.__spec__ is None else main.__spec__.name
        return cls(str(file), main.__package__, text, name) if text else None

    def run(self) -> None:
        """Make it the ``__main__`` of this process, once, without what stands under its guard."""
        if getattr(sys.modules["__main__"], _SCRIPT, None) == self:
            return
        module = ModuleType("__mp_main__", None)
        spec = ModuleSpec(self.name, None) if self.name else None  # by it, stages know what their module is called
        vars(module).update(
            {"__file__": self.file, "__package__": self.package, "__spec__": spec, _SCRIPT: self},
        )
        # Of this file the process has no other text, or an older one.
        linecache.cache[self.file] = (len(self.text), None, self.text.splitlines(keepends=True), self.file)
        before = sys.modules["__main__"]
        sys.modules["__main__"] = sys.modules["__mp_main__"] = module
        here = process.current_process()
        here._inheriting = True  # type: ignore[attr-defined]  # noqa: SLF001 -- by this, worlds know that they must not open
        try:
            exec(compile(self.text, self.file, "exec"), vars(module))  # noqa: S102 -- the driver's own code
        except BaseException:
            sys.modules["__main__"] = before
            raise
        finally:
            del here._inheriting  # type: ignore[attr-defined]  # noqa: SLF001


def names_script(packed: bytes) -> bool:
    """Tell whether what is packed may need the script."""
    return b"__main__" in packed


@final
@frozen
class Sealed:
    """A task, of which only the terms are known outside; ``moved`` says where folders are inside. Is a `Realizer`."""

    packed: bytes
    terms: Terms
    moved: Mapping[Path, Path]
    script: Script | None = None

    @cached_property
    def task(self) -> Task:
        """Load the user's code."""
        if self.script is not None:
            self.script.run()
        task: Task = pickle.loads(self.packed)  # noqa: S301 -- from our own driver
        if not self.moved:
            return task
        inputs = {reference: self._here(each) for reference, each in task.order.inputs.items()}
        return evolve(task, order=evolve(task.order, inputs=inputs))

    def _here(self, given: Input) -> Input:
        moved = (evolve(each, folder=each.folder and self.moved[each.folder]) for each in given.given)
        return evolve(given, given=tuple(moved))

    @property
    def type(self) -> object:
        """The annotation of what is in it."""
        return self.task.realizer.type

    def current(self, config: Config, /) -> bool:
        """Ask what is in it."""
        return self.task.realizer.current(config)

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Ask what is in it."""
        return self.task.realizer.decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Ask what is in it."""
        return self.task.realizer.made_by()

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Ask what is in it."""
        return self.task.realizer.parts()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Ask what is in it."""
        return self.task.realizer.part(path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        """Let what is in it make the outputs."""
        made = self.task.realizer(evolve(order, inputs=self.task.order.inputs, args=self.task.order.args))
        why = made.failure() if isinstance(made, Failure) else None
        if isinstance(why, Asks):
            left = left_for_asking(why, order.veil)  # in what is sealed, nobody looks any more
            return Failure(left) if left else Failure(_seal(order, why))  # type: ignore[arg-type]  # `opened` opens it before the engine sees it
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Open it where it arrives: what cannot be loaded is noticed before it runs."""
        return open_sealed, (self.packed, self.terms, self.moved, self.script)


def open_sealed(packed: bytes, terms: Terms, moved: Mapping[Path, Path], script: Script | None) -> Sealed:
    """Load what is in it."""
    sealed = Sealed(packed, terms, moved, script)
    _ = sealed.task
    return sealed


def _seal(order: BuildOrder, asks: Asks) -> SealedAsks | Unshippable:
    try:
        return SealedAsks(pickle.dumps(flat(asks)))
    except Exception:  # noqa: BLE001 -- pickling runs the user's own code
        return _seal_by_value(order, asks)


def _seal_by_value(order: BuildOrder, asks: Asks) -> SealedAsks | Unshippable:
    import cloudpickle  # noqa: PLC0415 -- it comes with Dask, and is slow to import

    try:
        return SealedAsks(cloudpickle.dumps(flat(asks)))
    except Exception as error:  # noqa: BLE001 -- as above
        return Unshippable(order.dref, f"what it asks for: {error}")


def opened(finished: Finished) -> Finished:
    """Open what a stage asks for, in the driver."""
    if not isinstance(finished.result, Failure):
        return finished
    why: object = finished.result.failure()
    if not isinstance(why, SealedAsks):
        return finished
    asks: FlatAsks = pickle.loads(why.packed)  # noqa: S301 -- from our own worker
    return evolve(finished, result=Failure(nested(asks)))
