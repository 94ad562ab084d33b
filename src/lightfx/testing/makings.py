"""What laws are made of: realizations with true names, folders, and effects carried out.

Nothing here is specific to a store: entries are made by the rules of the core,
so that what one store names, another names alike.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar, final

from attrs import define
from returns.io import IOResult
from returns.result import Failure, Success
from returns.result import Result as Outcome

from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config, input_key
from lightfx.core.derivation import Asks, Parts, Realizer
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.outcome import Left
from lightfx.core.parts import Step
from lightfx.core.realization import BuildOrder, Log, MadeBy, Outputs, Realization, Result, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.terms import Terms
from lightfx.effects.store import Entry, Forbidden, Store
from lightfx.testing.broken import of_kind
from lightfx.wiring import Performing

T = TypeVar("T")


def outcome(io: IOResult[T, EngineFailure]) -> Outcome[T, EngineFailure]:
    """Carry out what may fail."""
    return Performing().result(io)


def good(io: IOResult[T, EngineFailure]) -> T:
    """Carry out what must succeed."""
    result = outcome(io)
    if isinstance(result, Failure):
        raise AssertionError(f"this must succeed, and gives {result.failure()}")
    return result.unwrap()


def trouble(io: IOResult[T, EngineFailure]) -> EngineFailure:
    """Carry out what must fail."""
    result = outcome(io)
    if not isinstance(result, Failure):
        raise AssertionError(f"this must fail, and gives {result.unwrap()!r}")
    found: EngineFailure = result.failure()
    return found


def entry(
    x: Tree = 1,
    *,
    name: str = "train",
    result: Result | None = None,
    key: Digest | None = None,
    index: int = 0,
    tree: Digest | None = None,
    created: float = 1.0,
    log: Log | None = None,
    ephemeral: bool = False,
) -> Entry:
    """Make a realization of the derivation ``name(x=x)``, named by what it holds."""
    config = Config.of(args={"x": x}, name=name)
    dref = DRef.of(config.text, name)
    made = Value({"y": x}) if result is None else result
    known = key or input_key(config.resolved(str))
    content = content_of(spell_result(made), tree)
    rref = RRef.of(dref, key=known.text, index=index, content=content.text)
    realization = Realization(rref, known, index, content, made, tree, created=created, log=log, ephemeral=ephemeral)
    return Entry(config, realization)


@final
@define
class Code:
    """A realizer that knows the parts of its code, and counts how often it is asked."""

    what: Parts
    is_current: bool = True
    asked: int = 0

    type: object = object
    terms: Terms = Terms()

    def parts(self) -> Parts:
        """List them, and count."""
        self.asked += 1
        return self.what

    def current(self, config: Config, /) -> bool:
        """Tell what it was made to tell."""
        return self.is_current

    def decode(self, tree: Tree, folder: Path | None, /) -> Outcome[object, Unstorable]:
        """Take a value as it is."""
        return Success(tree)

    def made_by(self) -> MadeBy:
        """Name nobody."""
        return MadeBy()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Give itself: values are taken as they are."""
        return self

    def __call__(self, order: BuildOrder, /) -> Outcome[Outputs, Left | Asks]:
        """Make nothing."""
        return Success(())


def coded(x: Tree, fingerprint: str, code: Code) -> Entry:
    """Make a realization of the derivation ``train(x=x)`` of a stage with this code."""
    config = Config.of(args={"x": x}, code={"fingerprint": fingerprint}, name="train")
    dref, key = DRef.of(config.text, "train"), input_key(config.resolved(str))
    content = content_of(spell_result(Value(1)), None)
    rref = RRef.of(dref, key=key.text, index=0, content=content.text)
    return Entry(config, Realization(rref, key, 0, content, Value(1), created=1.0), code)


Content: TypeAlias = "Mapping[str, str | bytes | Callable[[Path], object]]"


def fill(folder: Path, content: Content) -> Path:
    """Make a folder: names that end in ``/`` are folders, values are bytes, link targets (``-> x``), or deeds."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, what in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(what):
            what(path)
        elif isinstance(what, bytes):
            path.write_bytes(what)
        elif name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.symlink_to(what.removeprefix("-> "))
    return folder


def written(store: Store, content: Content) -> Path:
    """A private folder of ``store`` with this content."""
    return fill(store.place(), content)


def ingested(store: Store, content: Content) -> Digest:
    """The object made of this content."""
    folder = written(store, content)
    return of_kind(good(store.ingest([folder]))[folder], Digest)


def refused(store: Store, content: Content) -> Forbidden:
    """Why no object can be made of this content."""
    folder = written(store, content)
    return of_kind(good(store.ingest([folder]))[folder], Forbidden)


def make_socket(path: Path) -> None:
    """Bind a socket, in folders of any length."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def listing(root: Path) -> dict[str, object]:
    """What lies in a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found
