"""Secrets where a stage runs: they are read before it begins, and kept out of what it leaves.

Rules, for the values of the secrets that a config names:

- where one cannot be read, nothing runs: the attempt is LEFT by an ``OSError``, which the next run tries again;
- what is told of the attempt (log, message, traceback, trouble) has the name of the secret in place of its value;
- what is a result (value, returned error, files, configs of what it asks for) is refused where a value stands in it:
  to change it would make another result of it;
- files that a failed attempt leaves are not kept where a value stands in them;
- what an attempt left running may print a value later, into the log of whoever runs then in that process: so the
  logs of all are covered by the veils of all who ran there (`Veils`).

Files are searched byte by byte, in what the attempt left behind: what a stage compresses or encrypts is its own affair.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never, final

from attrs import asdict, evolve, field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import spell_checked
from lightfx.core.derivation import Asks, Dependency, Recipe, derivations_of
from lightfx.core.failures import EngineFailure
from lightfx.core.outcome import BadOutput, Cancelled, Cause, Died, Left, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.raising import raised
from lightfx.core.realization import BuildOrder, Output, Outputs
from lightfx.core.secrets import SHORTEST, Secret, Veil, secrets_in
from lightfx.effects.executor import Finished
from lightfx.shell.disk import REAL, Disk

_PIECE: Final = 1 << 20
_LARGEST: Final = 1 << 20
_NO_ATTRIBUTES: Final = (errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENODATA, errno.ENOSYS)


class MissingSecretError(OSError):
    """A secret that a stage needs cannot be read here."""


@final
@frozen(eq=False)
class Veils:
    """The veils of all attempts that a process made: they may have left something running there.

    >>> veils = Veils()
    >>> veils.add(Veil({Secret.env("TOKEN"): "hunter-2000"}))
    >>> veils.cover_bytes(b"curl: 401 for hunter-2000")
    b'curl: 401 for <secret env:TOKEN>'
    """

    _known: list[Veil] = field(factory=list[Veil], repr=False)

    def add(self, veil: Veil) -> None:
        """Remember one; equal ones once, and none that covers nothing."""
        if veil and all(each.values != veil.values for each in self._known):
            self._known.append(veil)

    def cover_bytes(self, text: bytes) -> bytes:
        """Put names in place of the values of all."""
        for each in self._known:
            text = each.cover_bytes(text)
        return text


# Before.


def unveiled(order: BuildOrder, disk: Disk = REAL) -> BuildOrder:
    """Read the secrets that the config of an order names, in this process."""
    secrets = secrets_in(order.config.text)
    if not secrets:
        return order
    try:
        return evolve(order, veil=Veil({each: _value(each, disk) for each in secrets}))
    except MissingSecretError as error:
        return evolve(order, veil=Veil({}, str(error)))


def _value(secret: Secret, disk: Disk) -> str:
    value = _of_variable(secret.name) if secret.kind == "env" else _of_file(secret.name, disk)
    if len(value.strip()) < SHORTEST:
        short = f"is shorter than {SHORTEST} characters, and could not be told from other text"
        raise MissingSecretError(f"the secret {secret.text} {short if value.strip() else 'is empty'}")
    return value


def _of_variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise MissingSecretError(f"the secret env:{name} cannot be read: the environment variable is not set here")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise MissingSecretError(f"the secret env:{name} cannot be read: it is no UTF-8")
    return value


def _of_file(path: str, disk: Disk) -> str:
    try:
        file = disk.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK)
        try:
            value = disk.read(file, _LARGEST + 1) if stat.S_ISREG(disk.fstat(file).st_mode) else b""
        finally:
            disk.close(file)
        if len(value) > _LARGEST:
            raise MissingSecretError(f"the secret file:{path} cannot be read: it is larger than {_LARGEST:,} bytes")
        return value.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise MissingSecretError(f"the secret file:{path} cannot be read: it is no UTF-8") from None
    except MissingSecretError:
        raise
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise MissingSecretError(f"the secret file:{path} cannot be read: {why}") from None


def left_for_lack(veil: Veil) -> Left | None:
    """Say why an attempt cannot begin, if secrets are lacking."""
    return Left(raised(MissingSecretError(veil.lacking))) if veil.lacking else None


# After.


def veiled(finished: Finished, veil: Veil, disk: Disk = REAL) -> Finished:
    """Keep the values of secrets out of what came of a task; its log is covered by who cuts it."""
    if not veil:
        return finished
    return evolve(finished, result=_veiled_result(finished.result, veil, disk))


def _veiled_result(
    result: Result[Outputs, Left | Asks | EngineFailure], veil: Veil, disk: Disk
) -> Result[Outputs, Left | Asks | EngineFailure]:
    if isinstance(result, Success):
        return Success(tuple(judged(each, veil, disk) for each in result.unwrap()))
    failure = result.failure()
    if isinstance(failure, Left):
        return Failure(_veiled_left(failure, veil, disk))
    if isinstance(failure, Asks):
        return Failure(left_for_asking(failure, veil) or failure)
    texts = {each: veil.cover(text) for each, text in asdict(failure, recurse=False).items() if isinstance(text, str)}
    return Failure(evolve(failure, **texts)) if texts else result  # type: ignore[arg-type]  # each has its own fields


def left_for_asking(asks: Asks, veil: Veil) -> Left | None:
    """Refuse that a stage asks for a derivation with the value of a secret in its config."""
    if not veil:
        return None
    texts = (*(each.config.text for each in _recipes(asks.needs)), *(each.reference.matcher for each in asks.needs))
    found = next((name for each in texts if (name := veil.found_in(each))), "")
    why = "configs are stored: pass the Secret itself on"
    return Left(_refused("the config of what it asks for", found, why)) if found else None


def judged(output: Output | Left, veil: Veil, disk: Disk = REAL) -> Output | Left:
    """Refuse an output in which the value of a secret stands; cover a LEFT."""
    if isinstance(output, Left):
        return _veiled_left(output, veil, disk)
    found = veil.found_in(output.spelled)
    if found:
        return Left(_refused("the value", found, "values are stored"))
    leak = None if output.folder is None else _leak(output.folder, veil, disk)
    return output if leak is None else Left(leak)


def _refused(where: str, found: str, why: str) -> BadOutput:
    return BadOutput(where, f"holds {found}, and {why}")


def _veiled_left(left: Left, veil: Veil, disk: Disk) -> Left:
    folder = left.folder if left.folder is None or _leak(left.folder, veil, disk) is None else None
    return evolve(left, cause=_veiled_cause(left.cause, veil), folder=folder, log=veil.cover(left.log))


def _veiled_cause(cause: Cause, veil: Veil) -> Cause:
    match cause:
        case Returned(kind, error):
            found = veil.found_in(kind) or veil.found_in(spell_checked(error))
            return _refused("the failure", found, "errors that are returned are stored") if found else cause
        case Raised(kind, bases, message, traceback):
            names = tuple(map(veil.cover, bases))
            return Raised(veil.cover(kind), names, veil.cover(message), veil.cover(traceback))
        case BadOutput(path, why):
            return BadOutput(veil.cover(path), veil.cover(why))
        case Cancelled(why):
            return Cancelled(veil.cover(why))
        case Upstream(roots):
            return evolve(cause, roots=tuple(Root(each.rref, veil.cover(each.reason)) for each in roots))
        case TimedOut() | Died():
            return cause
        case never:
            assert_never(never)


def _recipes(needs: tuple[Dependency, ...]) -> Iterator[Recipe]:
    """List what is asked for, with all that it needs, each once."""
    seen: set[int] = set()
    pending = [each.origin for each in derivations_of(needs)]
    while pending:
        recipe = pending.pop()
        if isinstance(recipe, Recipe) and id(recipe) not in seen:
            seen.add(id(recipe))
            pending += [each.origin for each in derivations_of(recipe.needs)]
            yield recipe


# Files.


def _leak(folder: Path, veil: Veil, disk: Disk) -> BadOutput | Raised | None:
    """Say why the files under ``folder`` are not kept: a secret stands in one, or in its name, or nobody can tell."""
    # What is no folder any more is not followed, wherever it leads: who stores it refuses it.
    if not disk.lexists(folder) or not stat.S_ISDIR(disk.lstat(folder).st_mode):
        return None
    try:
        found = _leaks(folder, veil, disk)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return BadOutput("build.out", "is too deep to be searched for secrets")
        return raised(error, {str(folder): "build.out"}, veil.cover)
    return None if found is None else _refused(*found, "files are stored")


def _leaks(folder: Path, veil: Veil, disk: Disk) -> tuple[str, str] | None:
    """Find a file under ``folder`` in which a secret stands, or in its name: its path, and which secret."""
    pending = [str(folder)]
    while pending:
        at = pending.pop()
        found = _leak_of_attributes(at, veil, disk)
        if found:
            return veil.cover(os.path.relpath(at, folder)), found
        _allow(at, stat.S_IRUSR | stat.S_IXUSR, disk)
        with disk.scandir(at) as scan:
            entries = sorted(scan, key=lambda each: each.name)
        for each in entries:
            path = os.path.relpath(each.path, folder)
            # The path, not the name: a value with / in it is that of a folder and of what is in it.
            found = veil.found_in_bytes(os.fsencode(path)) or _leak_of_entry(each, veil, disk)
            if found:
                return veil.cover(path), found
            if each.is_dir(follow_symlinks=False):
                pending.append(each.path)
    return None


def _leak_of_entry(entry: os.DirEntry[str], veil: Veil, disk: Disk) -> str:
    if entry.is_symlink():
        return veil.found_in_bytes(os.fsencode(disk.readlink(entry.path)))
    if not entry.is_file(follow_symlinks=False):
        return ""
    return _leak_of_attributes(entry.path, veil, disk) or _leak_of_file(entry.path, veil, disk)


def _leak_of_attributes(path: str, veil: Veil, disk: Disk) -> str:
    """Look at extended attributes: programs that fetch things keep there where they got them, and objects keep them."""
    try:
        told = [(os.fsencode(name), disk.getxattr(path, name)) for name in disk.listxattr(path)]
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTES:
            raise
        return ""
    return next((found for pair in told for each in pair if (found := veil.found_in_bytes(each))), "")


def _leak_of_file(path: str, veil: Veil, disk: Disk) -> str:
    _allow(path, stat.S_IRUSR, disk)
    kept = b""
    file = disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        while piece := disk.read(file, _PIECE):
            kept += piece
            found = veil.found_in_bytes(kept)
            if found:
                return found
            kept = kept[-veil.longest :]
    finally:
        disk.close(file)
    return ""


def _allow(path: str, rights: int, disk: Disk) -> None:
    """Take rights that a stage took from itself: what cannot be searched is not kept."""
    mode = stat.S_IMODE(disk.lstat(path).st_mode)
    if mode & rights != rights:
        with suppress(PermissionError):
            disk.chmod(path, mode | rights)
