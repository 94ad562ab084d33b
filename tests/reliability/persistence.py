"""What a power cut leaves: a model of which calls make what durable, over the recorded calls of a disk.

Rules, as weak as POSIX allows, which no file system is below:

- What was written to a file is durable once that file was synced, or its file
  system. Until then any of it may be there: what was there at the last sync,
  all, a half, or zeros.
- To make, rename, link and remove a name is to do something to a folder. It is
  durable once the folder was synced, or the file system. Until then any of
  these may have happened and any not, each wholly or not at all.
- Rights are durable once the file or the folder that has them was synced, or
  the file system. Until then there may be those of before, or the new ones.
- A sync of a file that failed leaves what was written neither durable nor
  waiting: a second sync has nothing to do, and says that all is well.

A `Film` is what was recorded: calls, what stages wrote, and what was promised
by which call on. `states_after` gives what may be on the disk where the power
goes after one of the calls.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from attrs import Factory, define, evolve, frozen

from lightfx.testing.faults import Call

Changes: TypeAlias = "tuple[tuple[int, str, int | None], ...]"
"""What one call does to names: in this folder, this name, leads to this file; or to nothing."""
State: TypeAlias = "Mapping[str, str | tuple[bytes, int] | int]"
"""What is on the disk: by path, bytes and mode of a file, the target of a link, or the mode of a folder."""

TOP: Final = 0
WAYS: Final = ("old", "new", "half", "zeros")


@define
class File:
    """A file, a folder (``data`` is None), or a link (``data`` is text); ``lost``: a sync of it failed."""

    data: bytes | str | None
    mode: int = 0o600
    durable: bytes = b""
    durable_mode: int = 0o600
    lost: bool = False


@frozen
class Promise:
    """What was answered: these are stored, and these roots hold; and these ``objects`` a stage reads right now."""

    rrefs: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


@define
class Film:
    """What was recorded: all that happened below ``top``, a folder that was there and empty."""

    top: Path
    calls: list[Call] = Factory(list)
    written: dict[int, list[tuple[str, bytes | str | None, int]]] = Factory(dict)
    promised: dict[int, Promise] = Factory(dict)
    reading: dict[int, frozenset[str]] = Factory(dict)
    roots: frozenset[str] = frozenset()

    def saw(self, folder: Path) -> None:
        """Note what a stage wrote."""
        found = self.written.setdefault(len(self.calls), [])
        above = (each for each in reversed(folder.parents) if each.is_relative_to(self.top))
        for path in (*above, folder, *sorted(folder.rglob("*"))):
            data = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            found.append((str(path), data, path.lstat().st_mode))

    def reads(self, tree: str) -> None:
        """Note that a stage begins to read an object."""
        self.reading[len(self.calls)] = frozenset({tree})

    def promise(self, promise: Promise) -> None:
        """Note what was answered."""
        self.promised[len(self.calls)] = promise


@define
class Model:
    """A disk, as it is and as it would be after a power cut."""

    top: Path
    files: dict[int, File] = Factory(lambda: {TOP: File(None)})
    names: dict[tuple[int, str], int] = Factory(dict)
    kept: dict[tuple[int, str], int] = Factory(dict)
    pending: list[Changes] = Factory(list)

    def find(self, path: str) -> int | None:
        """Follow a path from the top; links are not followed."""
        at: int | None = TOP
        steps = Path(path).relative_to(self.top).parts if Path(path).is_relative_to(self.top) else ("..",)
        for step in steps:
            at = None if at is None else self.names.get((at, step))
        return at

    def _change(self, *changes: tuple[str, int | None]) -> None:
        found = [(self.find(os.path.dirname(path)), os.path.basename(path), file) for path, file in changes]
        told = tuple((folder, name, file) for folder, name, file in found if folder is not None)
        for folder, name, file in told:
            _set(self.names, folder, name, file)
        if told:
            self.pending.append(told)

    def make(self, path: str, file: File) -> None:
        """Make a file, a folder or a link."""
        number = len(self.files)
        self.files[number] = file
        self._change((path, number))

    def perform(self, call: Call) -> None:
        """Do what a call did."""
        first = call.paths[0] if call.paths else ""
        file = self.find(first)
        if call.error and call.act == "fsync" and file is not None and self.files[file].data is not None:
            self.files[file].lost = True
        if call.error:
            return
        match call.act:
            case "open" if file is None and call.flags & os.O_CREAT:
                self.make(first, File(b""))
            case "open" if file is not None and call.flags & os.O_TRUNC:
                self.files[file].data = b""
            case "mkdir" if file is None:
                self.make(first, File(None))
            case "symlink":
                self.make(
                    call.paths[1], File(first)
                )  # its text was taken for a path: what it leads to is not asked for
            case "write" if file is not None:
                self.files[file].data = bytes(self.files[file].data or b"") + call.data  # type: ignore[arg-type]
            case "chmod" | "fchmod" if file is not None:
                self.files[file].mode = call.flags
            case "rename":
                self._change((first, None), (call.paths[1], file))
            case "link":
                self._change((call.paths[1], file))
            case "unlink" | "rmdir":
                self._change((first, None))
            case "fsync" if file is not None:
                self._sync(file)
            case "syncfs":
                for each in self.files:
                    self._sync(each)
            case _:
                pass

    def _sync(self, number: int) -> None:
        file = self.files[number]
        if not file.lost:
            file.durable_mode = file.mode
        if isinstance(file.data, bytes) and not file.lost:
            file.durable = file.data
        durable = [each for each in self.pending if any(folder == number for folder, _, _ in each)]
        for changes in durable:
            for folder, name, to in changes:
                _set(self.kept, folder, name, to)
        self.pending = [each for each in self.pending if each not in durable]

    def states(self) -> Iterator[State]:
        """Give what a power cut may leave: each way for all files, for a choice of what names came through."""
        seen = set[int]()
        base, open_ = dict(self.kept), list[Changes]()
        nobody_asks = self._of_no_concern()
        for changes in self.pending:
            if all(folder in nobody_asks for folder, _, _ in changes):
                for folder, name, to in changes:
                    _set(base, folder, name, to)
            else:
                open_.append(changes)
        for chosen in _choices(len(open_)):
            names = dict(base)
            for number in chosen:
                for folder, name, to in open_[number]:
                    _set(names, folder, name, to)
            for way in WAYS:
                state = self._state(names, way)
                key = hash(frozenset(state.items()))
                if key not in seen:
                    seen.add(key)
                    yield state

    def _of_no_concern(self) -> set[int]:
        """Folders of which a reader asks nothing: what became of names in them alone makes no state of its own."""
        found = {file for (_, name), file in self.names.items() if name in _NO_CONCERN}
        temporary = {file for (_, name), file in self.names.items() if name == "tmp"}
        return found | {file for (folder, _), file in self.names.items() if folder in temporary}

    def _state(self, names: Mapping[tuple[int, str], int], way: str) -> State:
        inside: dict[int, list[tuple[str, int]]] = {}
        for (folder, name), file in names.items():
            inside.setdefault(folder, []).append((name, file))
        found: dict[str, str | tuple[bytes, int] | int] = {}
        pending = [("", TOP)]
        while pending:
            path, number = pending.pop()
            for name, each in inside.get(number, ()):
                file, where = self.files[each], f"{path}/{name}".lstrip("/")
                mode = file.durable_mode if way == "old" else file.mode
                if file.data is None:
                    found[where] = mode
                    pending.append((where, each))
                else:
                    found[where] = file.data if isinstance(file.data, str) else (_left(file, way), mode)
        return found


def _set(names: dict[tuple[int, str], int], folder: int, name: str, to: int | None) -> None:
    if to is None:
        names.pop((folder, name), None)
    else:
        names[folder, name] = to


def _left(file: File, way: str) -> bytes:
    new = bytes(file.data) if isinstance(file.data, bytes) else b""
    if way == "old" or new == file.durable:
        return file.durable
    return {"new": new, "half": new[: len(new) // 2], "zeros": bytes(len(new))}[way]


def _choices(count: int) -> Iterator[tuple[int, ...]]:
    """Choose of so many: none, all, all but one, one alone, the first of them, the last of them, every other."""
    every = tuple(range(count))
    yield ()
    yield every
    for each in every:
        yield (*every[:each], *every[each + 1 :])
        yield (each,)
        yield every[:each]
        yield every[each:]
    yield every[::2]
    yield every[1::2]


def states_after(film: Film) -> Iterator[tuple[int, Promise, State]]:
    """Give, for power cuts at different times, after how many calls, what was promised by then, and what may be left.

    Between two syncs nothing becomes durable for good, so what may be left
    early in between may be left late as well: it is enough to cut before each
    sync, and where something was answered.
    """
    model, promise = Model(film.top), Promise()
    for number in range(len(film.calls) + 1):
        for path, data, mode in film.written.get(number, ()):
            if model.find(path) is None:
                model.make(path, File(data, stat.S_IMODE(mode)))
        before_sync = number < len(film.calls) and film.calls[number].act in ("fsync", "syncfs")
        reading = film.reading.get(number, frozenset())
        if before_sync or reading or number in film.promised or number == len(film.calls):
            for said in {evolve(each, objects=reading) for each in (promise, film.promised.get(number, promise))}:
                for state in model.states():
                    yield number, said, state
        promise = film.promised.get(number, promise)
        if number < len(film.calls):
            model.perform(film.calls[number])


_NO_CONCERN: Final = frozenset({"claims", "tmp", "runs"})
