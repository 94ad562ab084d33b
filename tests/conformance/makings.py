"""What the tests of the shell are made of: realizations with true names, folders, and effects carried out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from returns.io import IOResult
from returns.result import Failure, Success
from returns.result import Result as Outcome
from returns.unsafe import unsafe_perform_io

from lightfx.core.canonical import Tree
from lightfx.core.config import Config, input_key
from lightfx.core.failures import EngineFailure
from lightfx.core.names import Digest
from lightfx.core.realization import Log, Realization, Result, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.effects.store import Entry, Forbidden, Store

T = TypeVar("T")


def outcome(io: IOResult[T, EngineFailure]) -> Outcome[T, EngineFailure]:
    """Carry out what may fail."""
    return unsafe_perform_io(io)  # type: ignore[arg-type]


def good(io: IOResult[T, EngineFailure]) -> T:
    """Carry out what must succeed."""
    result = outcome(io)
    assert isinstance(result, Success), result
    return result.unwrap()


def trouble(io: IOResult[T, EngineFailure]) -> EngineFailure:
    """Carry out what must fail."""
    result = outcome(io)
    assert isinstance(result, Failure), result
    return result.failure()


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


Content = Mapping[str, "str | bytes | Callable[[Path], object]"]


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
    found = good(store.ingest([folder]))[folder]
    assert isinstance(found, Digest), found
    return found


def refused(store: Store, content: Content) -> Forbidden:
    """Why no object can be made of this content."""
    folder = written(store, content)
    found = good(store.ingest([folder]))[folder]
    assert isinstance(found, Forbidden), found
    return found


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
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found
