"""Extracting what nobody vouches for: what an archive may put into a folder, and how much.

Rules, for whatever is in the archive:

- a name is a plain relative path: not absolute, no ``..``, no NUL; nothing is written through a link;
- links lead to places inside of what is extracted, however they go there: by other links too;
- files, folders and links alone: no devices, no pipes, no sockets; no bits but "executable";
- no more bytes and entries than `Limits` allow: they are counted as they come out, whatever the headers claim.

Theory of operation: members are read in a stream and written one by one, never by ``extractall``. Links are kept back
until all else is written, and are resolved over a model of the tree; so what is on the disk never leads a write astray.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeAlias, final

from attrs import define, field, frozen

CHUNK: Final = 1 << 18
_HOPS: Final = 40  # links in one way, as Linux has it
_LONGEST: Final = 4096
_LONGEST_NAME: Final = 255  # bytes
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
    """What has come out so far, under ``root``; ``links`` are yet to be made."""

    root: Path
    limits: Limits
    written: int = 0
    entries: int = 0
    files: dict[Parts, Path] = field(factory=dict[Parts, Path])
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
        for length in range(1, len(parts) + 1):
            inner = parts[:length]
            if inner in self.folders:
                continue
            if inner in self.files or inner in self.links:
                raise HostileArchiveError(f"{'/'.join(parts)!r} lies in {'/'.join(inner)!r}, which is no folder")
            self.root.joinpath(*inner).mkdir()
            self.folders.add(inner)

    def file(self, parts: Parts, source: IO[bytes], *, executable: bool) -> None:
        """Write a file; one that was there before is written over, as tar has it."""
        if not parts or parts in self.folders or parts in self.links:
            raise HostileArchiveError(f"{'/'.join(parts) or '.'!r} is there twice, and not as a file")
        self.folder(parts[:-1])
        path = self.root.joinpath(*parts)
        with path.open("wb") as sink:
            while piece := source.read(CHUNK):
                self.written += len(piece)
                if self.written > self.limits.bytes:
                    raise HostileArchiveError(f"more than {self.limits.bytes} bytes come out of it")
                sink.write(piece)
        path.chmod(0o755 if executable else 0o644)
        self.files[parts] = path

    def copy(self, parts: Parts, of: Parts) -> None:
        """Write a hard link: a copy of a file that is there."""
        known = self.files.get(of)
        if known is None:
            raise HostileArchiveError(f"{'/'.join(parts)!r} is a link to {'/'.join(of)!r}, which is no file before it")
        if parts != of:
            with known.open("rb") as source:
                self.file(parts, source, executable=bool(known.stat().st_mode & stat.S_IXUSR))

    def link(self, parts: Parts, target: str) -> None:
        """Keep a symbolic link back."""
        if not parts or parts in self.files or parts in self.folders or parts in self.links:
            raise HostileArchiveError(f"{'/'.join(parts) or '.'!r} is there twice, and not as a file")
        self.folder(parts[:-1])
        self.links[parts] = target

    def finish(self) -> None:
        """Make the links, when all of them are known to stay inside."""
        for parts, target in self.links.items():
            self._resolve(parts, target)
        for parts, target in self.links.items():
            self.root.joinpath(*parts).symlink_to(target)

    def _resolve(self, parts: Parts, target: str) -> None:
        """Go the way of a link, as the system would, over what will be there."""
        at, steps, hops = list(parts[:-1]), _steps(target), 0
        while steps:
            step = steps.pop()
            if step == "..":
                if not at:
                    raise HostileArchiveError(f"the link {'/'.join(parts)!r} leads out, to {target!r}")
                at.pop()
                continue
            at.append(step)
            inner = self.links.get(tuple(at))
            if inner is not None:
                hops += 1
                if hops > _HOPS:
                    raise HostileArchiveError(f"the link {'/'.join(parts)!r} goes in a circle")
                at.pop()
                steps += _steps(inner)


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
    long = any(len(os.fsencode(each)) > _LONGEST_NAME for each in parts) or len(name) > _LONGEST
    if name.startswith("/") or ".." in parts or "\0" in name or long:
        raise HostileArchiveError(f"{name[:100]!r} is no plain relative path")
    return parts
