"""Keys: files of one's own, outside of any store, by which results are signed and believed.

A key ring is a folder, by default ``~/.config/lightfx/keys``, made with mode 0700:

- ``NAME.key``: a private key of one's own, mode 0600: ``lightfx-ed25519-secret:``
  and the base32 of its 32 bytes;
- ``NAME.pub``: the public key of somebody who is trusted.

Trust is the reader's, so it lies with him and not in a store that others write
to; a key of one's own is trusted. Rules:

1. A file is made new or not at all (``O_EXCL``, ``O_NOFOLLOW``): no key is ever
   replaced, and nothing is written through a link.
2. A file is believed if it is a plain one, ours, and nobody else can write it;
   a private key, if nobody else can read it.
3. A folder in a store is refused: stores are copied, shared and packed.
4. What is wrong with a file is said by its path, never by what is in it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar, final

from attrs import field, frozen
from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.failures import BadKey, EngineFailure, SystemTrouble
from lightfx.core.layout import FORMAT, read_format
from lightfx.core.names import Name
from lightfx.core.statement import KEY_SIZE, PublicKey, unspelled_key
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.ed25519 import MISSING, PrivateKey
from lightfx.shell.refusals import refusal

T = TypeVar("T")

SECRET_TAG: Final = "lightfx-ed25519-secret:"  # noqa: S105 -- what a private key begins with
OWN: Final = ".key"
USUAL: Final = "default"
TRUSTED: Final = ".pub"
_MOST: Final = 4096


class _KeyTroubleError(Exception):
    """Carries a failure up to the rim of this module."""

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where keys lie: in the user's folder for settings.

    >>> str(default_folder({"HOME": "/home/ada"}))
    '/home/ada/.config/lightfx/keys'
    >>> str(default_folder({"HOME": "/home/ada", "XDG_CONFIG_HOME": "/settings"}))
    '/settings/lightfx/keys'
    """
    given = environment.get("XDG_CONFIG_HOME", "")
    home = Path(environment["HOME"]) if environment.get("HOME") else Path("~").expanduser()
    # A relative path there is to be ignored, says the specification of these folders.
    settings = Path(given) if given.startswith("/") else home / ".config"
    return settings / "lightfx" / "keys"


@final
@frozen
class KeyRing:
    """The keys in one folder, which need not exist."""

    folder: Path
    disk: Disk = field(default=REAL, eq=False, repr=False)

    def path_of(self, name: Name) -> Path:
        """Where a key of one's own lies."""
        return self.folder / (name.text + OWN)

    def make(self, name: Name) -> IOResult[PublicKey, EngineFailure]:
        """Make a key of one's own; one that is there is not replaced."""

        def work() -> PublicKey:
            self._free(name)
            key = PrivateKey(secrets.token_bytes(KEY_SIZE))
            public = key.public
            self._write(name.text + OWN, SECRET_TAG + key.secret(), 0o600)
            return public

        return self._at_rim("make a key", work)

    def load(self, name: Name) -> IOResult[PrivateKey, EngineFailure]:
        """Read a key of one's own."""
        return self._at_rim("read a key", lambda: self._load(name.text))

    def own(self) -> IOResult[Mapping[str, PublicKey], EngineFailure]:
        """The public halves of one's own keys, by name."""
        return self._at_rim("read keys", self._own)

    def signer(self, name: str = "") -> IOResult[PrivateKey | None, EngineFailure]:
        """The key to sign with: the one named, else ``default``, else the only one; None where there is none."""

        def work() -> PrivateKey | None:
            names = [name] if name else self._names(OWN)
            if name and Name.parse(name).value_or(None) is None:
                raise _refused(self.folder, f"{name[:100]!r} is no name for a key")
            if not names:
                return None
            if len(names) > 1 and USUAL not in names:
                raise _refused(self.folder, f"there are several keys ({', '.join(names)}): say which is to sign")
            return self._load(names[0] if len(names) == 1 else USUAL)

        return self._at_rim("read a key", work)

    def trusted(self) -> IOResult[Mapping[str, PublicKey], EngineFailure]:
        """The keys that are trusted, by name: one's own, and those of others."""

        def work() -> Mapping[str, PublicKey]:
            others = {name: self._public(name) for name in self._names(TRUSTED)}
            return dict(sorted({**others, **self._own()}.items()))

        return self._at_rim("read keys", work)

    def trust(self, name: Name, public: PublicKey) -> IOResult[None, EngineFailure]:
        """Trust somebody's key; a name is given once."""

        def work() -> None:
            self._free(name)
            self._write(name.text + TRUSTED, public.text, 0o644)

        return self._at_rim("keep a key", work)

    def distrust(self, name: Name) -> IOResult[None, EngineFailure]:
        """Trust somebody no longer. One's own key stays: it is a file, to be deleted by hand."""

        def work() -> None:
            path = self.folder / (name.text + TRUSTED)
            if not self.disk.lexists(path):
                if self.disk.lexists(self.path_of(name)):
                    raise _refused(self.path_of(name), "it is a key of your own, and trusted as long as it is there")
                raise _refused(path, "there is no trusted key of this name")
            self._check_folder()
            self.disk.unlink(path)

        return self._at_rim("remove a key", work)

    def _own(self) -> Mapping[str, PublicKey]:
        return {name: self._load(name).public for name in self._names(OWN)}

    def _load(self, name: str) -> PrivateKey:
        path = self.folder / (name + OWN)
        if not self.disk.exists(self.folder):
            raise _refused(path, "there is no key of this name")
        self._check_folder()
        text = self._read(path, 0o077)
        seed = unspelled_key(text.removeprefix(SECRET_TAG)) if text.startswith(SECRET_TAG) else None
        if seed is None:
            raise _refused(path, "it holds no private key of lightfx")
        return PrivateKey(seed)

    def _public(self, name: str) -> PublicKey:
        path = self.folder / (name + TRUSTED)
        found = PublicKey.parse(self._read(path, 0o022)).value_or(None)
        if found is None:
            raise _refused(path, "it holds no public key of lightfx")
        return found

    def _names(self, ending: str) -> list[str]:
        try:
            entries = sorted(self.disk.listdir(self.folder))
        except FileNotFoundError:
            return []
        self._check_folder()
        stems = (each.removesuffix(ending) for each in entries if each.endswith(ending))
        return [stem for stem in stems if Name.parse(stem).value_or(None) is not None]

    def _free(self, name: Name) -> None:
        """A name stands for one key, whoever's it is."""
        for path in (self.folder / (name.text + ending) for ending in (OWN, TRUSTED)):
            if self.disk.lexists(path):
                raise _refused(path, "there is a key of this name already")

    def _check_folder(self) -> None:
        real = Path(os.path.realpath(self.folder))
        inside = next((each for each in (real, *real.parents) if self._is_store(each)), None)
        if inside is not None:
            raise _refused(self.folder, f"it lies in the store {inside}, which others may read: keep keys elsewhere")
        found = self.disk.stat(self.folder)
        if found.st_uid not in (os.geteuid(), 0):
            raise _refused(self.folder, "the folder belongs to somebody else")
        if found.st_mode & 0o022:
            raise _refused(self.folder, "others can write in the folder: chmod go-w it, and look at what is in it")

    def _write(self, name: str, text: str, mode: int) -> None:
        self.disk.make_folders(self.folder.parent, 0o700)
        with suppress(FileExistsError):
            self.disk.mkdir(self.folder, 0o700)
        self._check_folder()
        path = self.folder / name
        file = self.disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            self.disk.fchmod(file, mode)
            self.disk.write_all(file, f"{text}\n".encode())
            self.disk.fsync(file)
        except OSError:
            self.disk.remove(path)
            raise
        finally:
            self.disk.close(file)

    def _read(self, path: Path, forbidden: int) -> str:
        """Read a small file of our own, to which nobody else has the rights ``forbidden``."""
        try:
            file = self.disk.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise _refused(path, "there is no key of this name") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _refused(path, "it is a link: put the file itself there") from None
            raise
        try:
            _check(path, self.disk.fstat(file), forbidden)
            return self.disk.read(file, _MOST).decode("ascii", "replace").strip()
        finally:
            self.disk.close(file)

    def _is_store(self, folder: Path) -> bool:
        try:
            text = self.disk.read_whole(folder / FORMAT)[:_MOST]
        except OSError:
            return False
        return read_format(text.decode("ascii", "replace")).value_or(None) is not None

    def _at_rim(self, act: str, work: Callable[[], T]) -> IOResult[T, EngineFailure]:
        try:
            return IOSuccess(work())
        except _KeyTroubleError as error:
            return IOFailure(error.failure)
        except ImportError:
            return IOFailure(SystemTrouble("cryptography", act, MISSING))
        except OSError as error:
            return IOFailure(refusal(error, self.folder, act))


def _check(path: Path, found: os.stat_result, forbidden: int) -> None:
    """Refuse what others could have written, or read."""
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "it is no file")
    if found.st_uid != os.geteuid():
        raise _refused(path, "it belongs to somebody else: chown it, or put a copy in its place")
    if found.st_mode & forbidden:
        what = "write" if forbidden == 0o022 else "read or write"
        mode = stat.S_IMODE(found.st_mode)
        rights = "go-w" if forbidden == 0o022 else "go-rwx"
        raise _refused(path, f"others can {what} it (mode {mode:04o}): make it anew, or chmod {rights} it")


def _refused(path: Path, why: str) -> _KeyTroubleError:
    return _KeyTroubleError(BadKey(path, why))
