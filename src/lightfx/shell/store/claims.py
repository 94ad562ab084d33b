"""Claims: who builds what, so that equal derivations are built once.

Each open store is an *owner*: a file ``claims/owner-<id>`` that it holds locked
(``flock``) for as long as it lives. A claim on an input key is a hard link to
the owner's file, named by the key: to make it is atomic, to find it there is to
be late, and to ask whether its owner lives is to try its lock, which the system
drops with the process, however that ended.

A dead owner's claim is taken over under the dead owner's own lock, so that one
process at a time buries it, and only where the name still leads to the dead.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lightfx.core.layout import ALONE, CLAIMS, TEMPORARY, claim_path
from lightfx.core.names import Digest
from lightfx.shell.store.tree import remove_tree

NEWBORN: Final = 60.0  # seconds
PATIENCE: Final = 0.01  # seconds


class Claims:
    """The claims of one open store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.identity: str = uuid.uuid4().hex
        self._owner = root / CLAIMS / f"owner-{self.identity}"
        newborn = root / CLAIMS / f"newborn-{self.identity}"
        self._lock = os.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        newborn.rename(self._owner)
        self._held: set[Digest] = set()
        try:
            self._wait_for_the_lonely()
        except BaseException:
            self.close()
            raise

    def claim(self, keys: Iterable[Digest]) -> frozenset[Digest]:
        """Claim keys; gives those that are ours now."""
        granted: set[Digest] = set()
        for key in keys:
            if key in self._held or self._take(self._root / claim_path(key)):
                self._held.add(key)  # at once: what was taken before an error is given back in the end
                granted.add(key)
        return frozenset(granted)

    def release(self, keys: Iterable[Digest]) -> None:
        """Give keys back."""
        for key in keys:
            if key in self._held:
                self._held.discard(key)
                (self._root / claim_path(key)).unlink(missing_ok=True)

    def close(self) -> None:
        """Give everything back, and leave."""
        if self._lock < 0:
            return
        self.release(list(self._held))
        self._owner.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether no other owner lives; who opens the store waits until this is over.

        First one says that one is alone, and then looks for others. Whoever
        opens does it the other way round: so at least one of two sees the other.
        """
        path = self._root / CLAIMS / ALONE
        if not self._take(path):
            yield False
            return
        try:
            alone = not any(self._lives(each) for each in (self._root / CLAIMS).glob("owner-*") if each != self._owner)
            if alone:
                yield True
        finally:
            path.unlink(missing_ok=True)
        if not alone:
            yield False

    def _wait_for_the_lonely(self) -> None:
        path = self._root / CLAIMS / ALONE
        while path.exists() and not self._bury(path):
            time.sleep(PATIENCE)

    def _lives(self, owner: Path) -> bool:
        with _locked(owner) as dead:
            return dead is None and owner.exists()

    def _take(self, path: Path) -> bool:
        for _ in range(2):
            try:
                os.link(self._owner, path)
            except FileExistsError:
                if not self._bury(path):
                    return False
            else:
                return True
        return False

    def _bury(self, path: Path) -> bool:
        """Remove a claim whose owner is dead; tell whether the key may be free now."""
        with _locked(path) as dead:
            if dead is None:
                return not path.exists()
            with suppress(FileNotFoundError):
                if os.fstat(dead).st_ino == path.stat().st_ino:
                    path.unlink()
            return True

    def sweep(self) -> None:
        """Remove what dead owners left: private folders, claims, and their owner files.

        A folder that does not go now, since something that the dead owner
        started still writes into it, is left to the next who sweeps.
        """
        for folder in (self._root / TEMPORARY).iterdir():
            owner = self._root / CLAIMS / f"owner-{folder.name}"
            with _locked(owner) as dead, suppress(OSError):
                if dead is not None or not owner.exists():
                    remove_tree(folder)
        for path in (self._root / CLAIMS).iterdir():
            if path != self._owner and not (path.name.startswith("newborn-") and _is_young(path)):
                self._bury(path)


def _is_young(path: Path) -> bool:
    """Whether a file may still be between its making and its lock."""
    try:
        return path.stat().st_mtime > time.time() - NEWBORN
    except FileNotFoundError:
        return True


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Hold the lock of a file whose owner is dead; give None where it lives, or is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)
