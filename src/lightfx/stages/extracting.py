"""Extracting what nobody vouches for: what an archive may put into a folder, and how much.

Rules, for whatever is in the archive:

- a name is a plain relative path: not absolute, no ``..``, no NUL, neither very long nor very deep;
- nothing is written through a link: folders are opened one by one, by descriptor, and none of them may be a link;
- links lead to places inside of what is extracted, however they go there: by other links too;
- files, folders and links alone: no devices, no pipes, no sockets; no bits but "executable";
- no more bytes and entries than `Limits` allow: they are counted as they come out, whatever the headers claim, with
  the folders that nobody listed;
- the ways of all links together are not longer than they have reason to be.

Theory of operation: members are read in a stream and written one by one, never by ``extractall``: checks of whole
paths, as the filters of `tarfile` make them, were escaped by paths too long to resolve (CVE-2025-4517). Here no path is
ever given to the system, only a name in a folder that is open; so a name cannot lead astray, whatever is on the disk.
Links are kept back until all else is written, and are resolved over a model of the tree, which has no longest path.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeAlias, final

from attrs import define, field, frozen

CHUNK: Final = 1 << 18
_HOPS: Final = 40  # links in one way, as Linux has it
_LONGEST: Final = 2048  # bytes of a path: what comes out lies deep in a store already, and paths end at 4096
_LONGEST_NAME: Final = 255  # bytes
_DEEPEST: Final = 256
_STEPS: Final = 20  # in the ways of all links together, for each entry, and for some more
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
Parts: TypeAlias = tuple[str, ...]


class HostileArchiveError(ValueError):
    """An archive holds what must not be extracted."""


class DamagedArchiveError(ValueError):
    """An archive cannot be read to its end."""


@final
@frozen
class Limits:
    """How much may come out of one archive: bytes in all, and entries."""

    bytes: int
    entries: int


@define
class Extraction:
    """What has come out so far, under ``root``: files, with whether they are executable; links, yet to be made."""

    root: Path
    limits: Limits
    written: int = 0
    entries: int = 0
    files: dict[Parts, bool] = field(factory=dict[Parts, bool])
    folders: set[Parts] = field(factory=set[Parts])
    links: dict[Parts, str] = field(factory=dict[Parts, str])

    def entry(self, name: str) -> Parts:
        """Count an entry, and read its name."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise HostileArchiveError(f"it has more than {self.limits.entries} entries")
        return plain(name)

    def folder(self, parts: Parts) -> None:
        """Make a folder, with those that it lies in."""
        missing = [] if parts in self.folders else [each for each in _ways(parts) if each not in self.folders]
        wrong = next((each for each in missing if each in self.files or each in self.links), None)
        if wrong is not None:
            raise HostileArchiveError(f"{'/'.join(parts)!r} lies in {'/'.join(wrong)!r}, which is no folder")
        if len(self.folders) + len(missing) > self.limits.entries:
            raise HostileArchiveError(f"more than {self.limits.entries} folders come out of it")
        if not missing:
            return
        at = self._opened(missing[0][:-1])
        try:
            for each in missing:
                with _new(parts):
                    os.mkdir(each[-1], 0o755, dir_fd=at)
                self.folders.add(each)
                at = _below(at, each[-1])
        finally:
            os.close(at)

    def file(self, parts: Parts, source: IO[bytes], *, executable: bool) -> None:
        """Write a file; one that was there before is written over, as tar has it."""
        if not parts or parts in self.folders or parts in self.links:
            raise HostileArchiveError(f"{'/'.join(parts) or '.'!r} is there twice, and not as a file")
        self.folder(parts[:-1])
        with self._within(parts[:-1]) as at:
            if parts in self.files:
                os.unlink(parts[-1], dir_fd=at)
            with _new(parts):
                descriptor = os.open(parts[-1], _NEW, 0o600, dir_fd=at)
        with os.fdopen(descriptor, "wb") as sink:
            while piece := source.read(CHUNK):
                self.written += len(piece)
                if self.written > self.limits.bytes:
                    raise HostileArchiveError(f"more than {self.limits.bytes} bytes come out of it")
                sink.write(piece)
            os.fchmod(sink.fileno(), 0o755 if executable else 0o644)
        self.files[parts] = executable

    def copy(self, parts: Parts, of: Parts) -> None:
        """Write a hard link: a copy of a file that is there."""
        if of not in self.files:
            raise HostileArchiveError(f"{'/'.join(parts)!r} is a link to {'/'.join(of)!r}, which is no file before it")
        if parts != of:
            with self._within(of[:-1]) as at:
                descriptor = os.open(of[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            with os.fdopen(descriptor, "rb") as source:
                self.file(parts, source, executable=self.files[of])

    def link(self, parts: Parts, target: str) -> None:
        """Keep a symbolic link back."""
        if not parts or parts in self.files or parts in self.folders or parts in self.links:
            raise HostileArchiveError(f"{'/'.join(parts) or '.'!r} is there twice, and not as a file")
        self.folder(parts[:-1])
        self.links[parts] = target

    def finish(self) -> None:
        """Make the links, when all of them are known to stay inside."""
        left = _STEPS * (self.entries + 10_000)
        for parts, target in self.links.items():
            left = self._resolve(parts, target, left)
        for parts, target in self.links.items():
            with self._within(parts[:-1]) as at, _new(parts):
                os.symlink(target, parts[-1], dir_fd=at)

    def _opened(self, parts: Parts) -> int:
        """Open a folder that was made here, step by step from the root: none of the steps is a link."""
        at = os.open(self.root, _FOLDER)
        try:
            for step in parts:
                at = _below(at, step)
        except BaseException:
            os.close(at)
            raise
        return at

    @contextmanager
    def _within(self, parts: Parts) -> Iterator[int]:
        at = self._opened(parts)
        try:
            yield at
        finally:
            os.close(at)

    def _resolve(self, parts: Parts, target: str, left: int) -> int:
        """Go the way of a link, as the system would, over what will be there; give how many steps are left of those."""
        at, steps, hops = list(parts[:-1]), _steps(target), 0
        while steps:
            step, left = steps.pop(), left - 1
            if step == "..":
                if not at:
                    raise HostileArchiveError(f"the link {'/'.join(parts)!r} leads out, to {target!r}")
                at.pop()
                continue
            at.append(step)
            if left < 0 or len(at) > _DEEPEST:
                raise HostileArchiveError("its links lead farther than they have reason to")
            inner = self.links.get(tuple(at))
            if inner is not None:
                hops += 1
                if hops > _HOPS:
                    raise HostileArchiveError(f"the link {'/'.join(parts)!r} goes in a circle")
                at.pop()
                steps += _steps(inner)
        return left


def _ways(parts: Parts) -> Iterator[Parts]:
    """A folder, after those that it lies in."""
    return (parts[:length] for length in range(1, len(parts) + 1))


def _below(at: int, name: str) -> int:
    """Go on into a folder: it is opened, and the one that it lies in is closed."""
    below = os.open(name, _FOLDER, dir_fd=at)
    os.close(at)
    return below


@contextmanager
def _new(parts: Parts) -> Iterator[None]:
    try:
        yield
    except FileExistsError:  # the disk takes two names for one, that differ in case or in how accents are spelled
        raise HostileArchiveError(
            f"{'/'.join(parts)!r} is there already, by a name that this disk takes for the same"
        ) from None


def _steps(target: str) -> list[str]:
    """The steps of a link's target, last first."""
    if target.startswith("/") or "\0" in target or not target or len(target) > _LONGEST:
        raise HostileArchiveError(f"a link leads to {target[:100]!r}, which is no relative path")
    return [each for each in reversed(target.split("/")) if each not in ("", ".")]


def plain(name: str) -> Parts:
    """Read the name of an entry.

    >>> plain("./a//b/")
    ('a', 'b')
    >>> plain("a/../../b")
    Traceback (most recent call last):
    ...
    lightfx.stages.extracting.HostileArchiveError: 'a/../../b' is no plain relative path
    """
    parts = PurePosixPath(name).parts
    long = any(len(_encoded(each)) > _LONGEST_NAME for each in parts)
    long = long or len(parts) > _DEEPEST or len(_encoded(name)) > _LONGEST
    if name.startswith("/") or ".." in parts or "\0" in name or long:
        raise HostileArchiveError(f"{name[:100]!r} is no plain relative path")
    return parts


def _encoded(name: str) -> bytes:
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        raise HostileArchiveError(f"{name[:100]!r} is no name of a file") from None
