"""Which caches a store uses, kept in it: ``caches.json``. No credential is ever in it.

It is written whole, and changed by one at a time: who changes it holds a lock on
the file ``format``, which is in every store, where the file system has locks.
NFS has them on files alone that we may write. Mostly nobody may write this one,
and then two who change the caches there at once may lose a change.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from returns.io import IOFailure, IOResult, IOSuccess
from returns.result import Failure, Success

from lightfx.core.canonical import Tree
from lightfx.core.failures import EngineFailure, NoStore, NotPermitted, SystemTrouble
from lightfx.core.layout import CACHES, FORMAT, TEMPORARY
from lightfx.plan.policies import Trust
from lightfx.plan.sharing import Sharing
from lightfx.shell.cache.setups import CacheSetup
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.refusals import refusal

_VERSION: Final = 1


def read_setups(root: Path, disk: Disk = REAL) -> IOResult[tuple[CacheSetup, ...], EngineFailure]:
    """Read which caches the store at ``root`` uses; none where it says nothing of caches, or is not there yet."""
    path = root / CACHES
    try:
        fields = json.loads(disk.read_whole(path))
        if fields.get("version", _VERSION) != _VERSION:
            raise ValueError(f"it has version {fields['version']!r:.20}, and this lightfx reads {_VERSION}")
        return IOSuccess(tuple(map(_setup, fields["caches"])))
    except (FileNotFoundError, NotADirectoryError):  # what is no store is complained about when it is opened
        return IOSuccess(())
    except PermissionError:
        return IOFailure(_forbidden(root, disk))
    except OSError as error:
        return IOFailure(refusal(error, path, "read which caches are used"))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        why = f"it is not as lightfx writes it ({error}): remove it, and add the caches again"
        return IOFailure(SystemTrouble(str(path), "read which caches are used", why))


def _forbidden(root: Path, disk: Disk) -> NotPermitted:
    """Say what may not be read: in a run this is asked before the store is opened, and mostly it is the store."""
    try:
        disk.lstat(root / CACHES)
    except OSError:
        return NotPermitted(str(root), "open the store")
    return NotPermitted(str(root / CACHES), "read which caches are used")


def change_setups(
    root: Path, change: Callable[[Sequence[CacheSetup]], Sequence[CacheSetup]], disk: Disk = REAL
) -> IOResult[None, EngineFailure]:
    """Change which caches the store at ``root`` uses; two who do so at once lose nothing."""
    try:
        file = disk.open_to_lock(root / FORMAT)
    except (FileNotFoundError, NotADirectoryError):
        return IOFailure(NoStore(root))
    except OSError as error:
        return IOFailure(_unwritten(root / CACHES, error))
    try:
        with suppress(OSError):  # there are file systems without locks
            disk.lock(file, fcntl.LOCK_EX)
        return read_setups(root, disk).bind(lambda setups: _write_setups(root, change(setups), disk))
    finally:
        disk.close(file)


def _write_setups(root: Path, setups: Sequence[CacheSetup], disk: Disk) -> IOResult[None, EngineFailure]:
    """Write them, whole or not at all."""
    fields = {"version": _VERSION, "caches": [_tree(each) for each in setups]}
    path = root / CACHES
    aside = root / TEMPORARY / f"caches-{uuid.uuid4().hex}"
    try:
        try:
            file = disk.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)  # who writes it says whom to believe
            try:
                disk.write_all(file, f"{json.dumps(fields, indent=1)}\n".encode())
                disk.fsync(file)
            finally:
                disk.close(file)
            disk.rename(aside, path)
        finally:
            disk.remove(aside)
    except OSError as error:
        return IOFailure(_unwritten(path, error))
    return IOSuccess(None)


def _unwritten(path: Path, error: OSError) -> EngineFailure:
    return refusal(error, path, "write which caches are used")


def _tree(setup: CacheSetup) -> dict[str, Tree]:
    fields: dict[str, Tree] = {"name": setup.name, "url": setup.url, "push": setup.push}
    known: dict[str, tuple[Tree, Tree]] = {
        "endpoint": (setup.endpoint, ""),
        "region": (setup.region, ""),
        "lefts": (setup.sharing.lefts, "replayable"),
        "tolerated": (setup.sharing.tolerated, True),
        "creates": (setup.creates, False),
        "drops": (setup.drops, True),
        "trust": (setup.trust.tree, Trust().tree),
        "key": (setup.key, ""),
    }
    fields.update((name, value) for name, (value, usual) in known.items() if value != usual)
    return fields


def _trust(tree: Tree) -> Trust:
    read = Success(Trust()) if tree is None else Trust.read(tree)
    if isinstance(read, Failure):
        raise ValueError(read.failure())
    return read.unwrap()


def _setup(fields: Mapping[str, Tree]) -> CacheSetup:
    return CacheSetup(
        str(fields["url"]),
        str(fields["name"]),
        fields.get("push") is True,
        Sharing("none" if fields.get("lefts") == "none" else "replayable", fields.get("tolerated") is not False),
        endpoint=str(fields.get("endpoint", "")),
        region=str(fields.get("region", "")),
        creates=fields.get("creates") is True,
        drops=fields.get("drops") is not False,
        trust=_trust(fields.get("trust")),
        key=str(fields.get("key", "")),
    )
