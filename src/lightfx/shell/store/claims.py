"""Claims: who builds what, so that equal derivations are built once.

Each open store is an *owner*: a file ``claims/owner-<id>`` that it holds locked
(``flock``) for as long as it lives, and keeps fresh for those on other hosts
(`owners`). A claim on an input key is a hard link to the owner's file, named by
the key: to make it is atomic, to find it there is to be late, and to ask
whether its owner lives is to look at the owner's file; that of a dead one is
taken over (`burying`). Where the file system makes no more hard links a
symbolic link takes their place.

A claim only saves work. An owner that was suspended for longer than its lease
finds its claims taken; what it commits all the same is named by content, so
that it changes nothing.

A child that an owner forks is none: it closes the lock, which would let its
parent seem to live, and gives nothing of it back.
"""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from lightfx.core.failures import Closed
from lightfx.core.layout import ALONE, CLAIMS, TEMPORARY
from lightfx.core.names import Digest
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.forks import tell_in_children
from lightfx.shell.refusals import is_full
from lightfx.shell.store.burying import Undertaker
from lightfx.shell.store.owners import (
    LEASE,
    Heart,
    Host,
    Lease,
    Watch,
    describe_owner,
    spell_owner,
    this_host,
    try_lock,
)
from lightfx.shell.store.tree import remove_tree
from lightfx.shell.store.trouble import StoreTroubleError

PATIENCE: Final = 0.01  # seconds
_NO_LINK: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Claims:
    """The claims of one open store, and its private folder.

    ``host`` is where we are, by default where this process is; ``lock`` tries
    to lock a file, by default by way of the ``disk``; ``clock`` gives seconds
    that only run forward. ``shared``: whether other hosts may have the store
    open; None: whether they may is asked of the system when it matters.
    """

    def __init__(
        self,
        root: Path,
        *,
        host: Host | None = None,
        lease: Lease = LEASE,
        lock: Callable[[int], bool | None] | None = None,
        shared: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        disk: Disk = REAL,
    ) -> None:
        self._root = root
        self._disk = disk
        self._host = host or this_host()
        self._try_lock = lock or partial(try_lock, disk=disk)
        self.identity: str = uuid.uuid4().hex
        self._owner = root / CLAIMS / f"owner-{self.identity}"
        self.private: Path = root / TEMPORARY / self.identity
        self._held: set[Digest] = set()
        watch = Watch(lease, self._server_now, clock)
        self._undertaker = Undertaker(
            root, host=self._host, watch=watch, try_lock=self._try_lock, shared=shared, disk=disk
        )
        self._heart = Heart(self._touch, lease.beat)
        self._lock = -1
        self._left_behind = False
        tell_in_children(self)
        try:
            self._enter()
            self._wait_for_the_lonely()
        except BaseException:
            self.close()
            raise

    def _enter(self) -> None:
        """Make the owner's file and the private folder; also anew, when both were swept while we were suspended."""
        newborn = self._root / CLAIMS / f"newborn-{self.identity}"
        fresh = self._disk.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        if self._lock >= 0:
            self._disk.close(self._lock)
        self._lock = fresh
        try:
            self._try_lock(fresh)
            with _though_full():
                self._disk.write_all(fresh, spell_owner(self._host))
            self._disk.rename(newborn, self._owner)
        except BaseException:
            with suppress(OSError):
                self._disk.remove(newborn)
            raise
        with _though_full():
            self._disk.make_folders(self.private, 0o700)

    def _touch(self) -> None:
        """Say that we live, with the file server's time."""
        self._disk.utime(self._owner)

    def _server_now(self) -> int:
        try:
            self._touch()
        except FileNotFoundError:
            self._enter()
        return self._disk.stat(self._owner).st_mtime_ns

    def claim(self, keys: Iterable[Digest]) -> frozenset[Digest]:
        """Claim keys; gives those that are ours now."""
        granted: set[Digest] = set()
        if self._lock < 0:
            raise StoreTroubleError(Closed(self._root))
        for key in keys:
            if key in self._held or self._take(self._path_of(key)):
                self._held.add(key)  # at once: what was taken before an error is given back in the end
                granted.add(key)
        if granted:
            self._heart.start()
        return frozenset(granted)

    def _path_of(self, key: Digest) -> str:
        """Where the claim on a key lies: as text, since it is asked for twice for all that runs."""
        return f"{self._root}/{CLAIMS}/{key.hex}"

    def release(self, keys: Iterable[Digest]) -> None:
        """Give keys back."""
        given = [key for key in keys if key in self._held]
        if not given or self._lock < 0:
            return
        # As many names as we know of: none was taken over while we slept.
        sure = self._disk.fstat(self._lock).st_nlink == 1 + len(self._held)
        for key in given:
            self._held.discard(key)
            path = self._path_of(key)
            if sure or self._is_ours(path):
                self._disk.remove(path)

    def _is_ours(self, path: str) -> bool:
        with suppress(FileNotFoundError):
            return self._disk.stat(path).st_ino == self._disk.fstat(self._lock).st_ino
        return False

    def close(self) -> None:
        """Give everything back, and leave."""
        if self._lock < 0:
            return
        self._heart.stop()
        try:
            self.release(list(self._held))
            if not self._left_behind:
                remove_tree(self.private, self._disk)
                self._disk.remove(self._owner)
        finally:
            self._disk.close(self._lock)
            self._lock = -1

    def let_go(self) -> None:
        """Be no owner, in a child that was forked: what is there is its parent's."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            with suppress(OSError):
                self._disk.close(lock)

    def leave_behind(self) -> None:
        """Let the private folder stay when this is closed: the next who sweeps removes it, as that of a dead owner."""
        self._left_behind = True

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether no other owner lives; who opens the store waits until this is over.

        First one says that one is alone, and then looks for others. Whoever
        opens does it the other way round: so at least one of two sees the other.
        """
        path = f"{self._root}/{CLAIMS}/{ALONE}"
        if self._lock < 0 or not self._take(path):
            yield False
            return
        try:
            self._heart.start()
            alone = not any(map(self._undertaker.lives, self._other_owners()))
            if alone:
                yield True
        finally:
            if self._is_ours(path):
                self._disk.remove(path)
        if not alone:
            yield False

    def others(self) -> tuple[str, ...]:
        """Say who else has the store open, for people: ``process 123 on host``."""
        found: list[str] = []
        for owner in self._other_owners():
            if self._undertaker.lives(owner):
                with suppress(OSError):
                    found.append(describe_owner(self._disk.read_whole(owner), self._disk.stat(owner).st_uid))
        return tuple(found)

    def _other_owners(self) -> list[Path]:
        names = sorted(self._disk.listdir(self._root / CLAIMS))
        return [self._root / CLAIMS / name for name in names if name.startswith("owner-") and name != self._owner.name]

    @property
    def building(self) -> bool:
        """Whether we ourselves hold claims: a run goes on."""
        return bool(self._held)

    def _wait_for_the_lonely(self) -> None:
        path = self._root / CLAIMS / ALONE
        while self._disk.lexists(path) and not self._undertaker.bury(path):
            time.sleep(PATIENCE)

    def _take(self, path: str) -> bool:
        for _ in range(3):
            try:
                self._link(path)
            except FileExistsError:
                if self._is_ours(path):  # the answer to our first request was lost on the way from the server
                    return True
                if not self._undertaker.bury(Path(path)):
                    return False
            except FileNotFoundError:
                if self._disk.exists(self._owner):
                    raise
                self._enter()
            else:
                return True
        return False

    def _link(self, path: str) -> None:
        try:
            self._disk.link(self._owner, path)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            self._disk.symlink(self._owner.name, path)

    def sweep(self) -> None:
        """Remove what dead owners left."""
        self._undertaker.sweep(self._owner)


@contextmanager
def _though_full() -> Iterator[None]:
    """Do without what finds no room: who comes to make room must be let in, and an owner may say nothing of itself."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
