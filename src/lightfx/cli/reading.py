"""``lightfx log`` and ``lightfx path``: the log of a realization, and the folder with its files."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from returns.io import IOResult

from lightfx.cli.complaints import Complaint, ComplaintError, Exit, misuse
from lightfx.cli.finding import find
from lightfx.cli.opening import open_to_read
from lightfx.cli.page import Answer, document
from lightfx.cli.words import counted, outcome, titled
from lightfx.core.names import Digest
from lightfx.core.realization import LOG_NAME, Realization
from lightfx.effects.world import World
from lightfx.engine.guarding import intact
from lightfx.wiring import unwrap

Logged: TypeAlias = tuple[Realization, bytes]


def log(store: str | None, ref: str, attempt: int | None = None, *, json: bool) -> Answer:
    """Give the log of a realization, byte by byte; that of the run behind it where it took none itself.

    ``attempt`` asks for that of an earlier attempt, from 1.
    """
    with open_to_read(store) as world:
        asked = find(world, ref).chosen
        ran, text = _log(world, asked, attempt)
    if json:
        names = {"rref": asked.rref.text, "ran": ran.rref.text, "attempt": ran.attempt if attempt is None else attempt}
        return document({**names, "log": text.decode("utf-8", "replace")})
    return Answer(text)


def _log(world: World, realization: Realization, attempt: int | None) -> Logged:
    ran = realization
    if realization.like is not None and realization.log is None:
        ran = unwrap(world.store.realizations((realization.like,))).get(realization.like, realization)
    logs = [*(each.log for each in ran.earlier), ran.log]
    if attempt is not None and not 1 <= attempt <= len(logs):
        raise misuse(f"{titled(ran.rref)} took {counted(len(logs), 'attempt')}: there is no attempt {attempt}")
    wanted = logs[-1 if attempt is None else attempt - 1]
    if wanted is None:
        return ran, b""
    if wanted.whole is None:
        return ran, wanted.tail.encode("utf-8", "backslashreplace")
    unwrap(IOResult.from_result(intact(world, (wanted.whole,))))
    return ran, _read(world.store.folder_of(wanted.whole) / LOG_NAME)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        sentence = f"{path}: the log cannot be read: {error.strerror}"
        raise ComplaintError(Complaint(sentence, code=Exit.ENGINE)) from error


def path(store: str | None, ref: str, *, json: bool) -> Answer:
    """Give the absolute path of the folder with the files of a realization."""
    with open_to_read(store) as world:
        found = find(world, ref).chosen
        if found.tree is None:
            raise ComplaintError(_no_files(found, ref))
        unwrap(IOResult.from_result(intact(world, (found.tree,))))
        folder = folder_of(world, found.tree)
    if not folder.is_dir():
        if found.ephemeral:
            dropped = f"the files of {titled(found.rref)} are ephemeral, and were dropped"
            raise ComplaintError(Complaint(dropped, "realize it itself, and they are made again", Exit.LEFT))
        sentence = f"{folder}: the folder of {titled(found.rref)} is missing from the store"
        raise ComplaintError(Complaint(sentence, code=Exit.ENGINE))
    if json:
        return document({"rref": found.rref.text, "path": str(folder)})
    return Answer(f"{folder}\n".encode("utf-8", "surrogateescape"))


def _no_files(realization: Realization, ref: str) -> Complaint:
    kind = realization.result.kind
    why = "its value is in its record" if kind == "right" else f"it is {outcome(kind)}, and had written none"
    return Complaint(f"{titled(realization.rref)} has no files, {why}", f"`lightfx show {ref}` prints it", Exit.LEFT)


def folder_of(world: World, tree: Digest) -> Path:
    """The absolute path of an object."""
    return world.store.folder_of(tree).absolute()
