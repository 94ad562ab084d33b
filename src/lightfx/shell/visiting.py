"""Being in a result: a symbolic link to its folder, or a shell, or another program, in it."""

from __future__ import annotations

import errno
import os
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from returns.io import IOResult, impure_safe

from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.refs import RRef
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.refusals import refusal


def make_link(link: Path, target: Path, disk: Disk = REAL) -> IOResult[None, EngineFailure]:
    """Make a symbolic link, at once, in the place of one that may be there; nothing else is replaced."""

    def work() -> None:
        if disk.lexists(link) and not disk.is_link(link):
            raise FileExistsError(errno.EEXIST, "something that is no link is there", str(link))
        aside = link.with_name(f".{uuid.uuid4().hex}")
        disk.symlink(target, aside)
        try:
            disk.rename(aside, link)
        except OSError:
            disk.unlink(aside)
            raise

    return impure_safe(exceptions=(OSError,))(work)().alt(lambda error: refusal(error, link, "make a link"))


def run_in(folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> IOResult[int, EngineFailure]:
    """Run a program in a folder, on our terminal, wait for its end, and give its exit code.

    ``command``: by default the user's shell. ``environment`` comes on top of ours.
    """
    words = list(command) or [os.environ.get("SHELL") or "/bin/sh"]

    def work() -> int:
        # The user's own command, or shell, is what is asked for.
        done = subprocess.run(words, cwd=folder, env={**os.environ, **environment}, check=False)  # noqa: S603
        return done.returncode

    return impure_safe(exceptions=(OSError,))(work)().alt(lambda error: refusal(error, folder, f"run {words[0]}"))


def read_file(
    folder: Path, path: PurePosixPath, rref: RRef, limit: int | None, disk: Disk = REAL
) -> IOResult[bytes, EngineFailure]:
    """Read a file in the folder of a realization, or its first ``limit`` bytes."""

    def work() -> bytes:
        with disk.file(folder / path, os.O_RDONLY) as file:
            return file.read(-1 if limit is None else limit)

    def why(error: OSError) -> EngineFailure:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return NotStored(rref.text, f"there is no {str(path)!r} in it")
        if error.errno == errno.EISDIR:
            return NotStored(rref.text, f"{str(path)!r} is a folder in it")
        return refusal(error, folder, "read it")

    return impure_safe(exceptions=(OSError,))(work)().alt(why)
