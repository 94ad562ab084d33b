"""Sources: files and folders from outside, as derivations.

A source is observed by each run: its content enters the input keys of all that
stands on it, so an edit rebuilds and a revert hits; its path enters nothing but
its own name. What was observed is copied into the store once, read-only, and
stages read the copy: nothing they do reaches the original.
"""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.codec.values import Codec, codec_of
from lightfx.core.canonical import Tree, Unstorable
from lightfx.core.config import Config
from lightfx.core.derivation import Derivation, Observed, Realizer, Recipe, place_of
from lightfx.core.names import Name
from lightfx.core.outcome import Left
from lightfx.core.raising import raised
from lightfx.core.realization import BuildOrder, MadeBy, Output, Outputs
from lightfx.core.refs import DRef
from lightfx.core.terms import Terms
from lightfx.stages.surroundings import made_by

if TYPE_CHECKING:
    from lightfx.core.parts import Step

_TERMS: Final = Terms(local=True)


def source_file(path: str | os.PathLike[str], /) -> Derivation[Path]:
    """Let a file in: a derivation whose value is the path of a read-only copy.

    ``path`` is resolved now, against the working folder. Its name and content
    count, and whether it is executable; times and owner do not. A file that has
    not changed (size, nanosecond times, inode) is not read again.

    Raises ``FileNotFoundError`` where there is no such file, and
    ``IsADirectoryError`` for a folder (that is `source_tree`).
    """
    given = Path(path)
    if given.is_dir():
        raise IsADirectoryError(f"{given} is a folder: use source_tree")
    if not given.exists():
        raise FileNotFoundError(f"there is no file {given}")
    return _source(given, given.resolve().name if given.name == "" else given.name)


def source_tree(path: str | os.PathLike[str], /) -> Derivation[Path]:
    """Let a folder in, with all that is in it: a derivation whose value is the path of a read-only copy.

    Names in the folder count, the folder's own name does not. Raises
    ``NotADirectoryError`` where there is no such folder.
    """
    given = Path(path)
    if not given.is_dir():
        raise NotADirectoryError(f"there is no folder {given}")
    return _source(given, None)


def _source(path: Path, file: str | None) -> Derivation[Path]:
    name = Name.made_of(file or path.absolute().name).text
    kind = "tree" if file is None else "file"
    absolute = path.absolute()
    # The key of a source ends before its name: path and place, which come after, tell sources apart and count no
    # further. The place is a hash: one relative path may mean two files, and no absolute path enters a record.
    place = place_of(absolute)
    config = Config.of(args={}, code={"source": kind}, name=name, path=path.as_posix(), place=place)
    recipe = Recipe(config, DRef.of(config.text, name), SourceRealizer(absolute, file), observed=Observed(absolute))
    return Derivation(recipe)


@cache
def _path_codec() -> Codec[Path]:
    """Made when it is first used: to make a codec takes a thousandth of a second, and few programs need this one."""
    return codec_of(Path).unwrap()


def source_realizer(config: Config) -> Result[Realizer, str]:
    """Give what copies a source again, of which this is the config; or say why its path means nothing here."""
    path, code = config.tree.get("path"), config.tree.get("code")
    absolute = Path(str(path)).absolute()
    if place_of(absolute) != config.tree.get("place"):
        return Failure(f"it was copied from {path}, which means another file in this folder")
    is_file = isinstance(code, dict) and code.get("source") == "file"
    return Success(SourceRealizer(absolute, absolute.name if is_file else None))


@final
@frozen
class SourceRealizer:
    """Copies a file, or a folder where ``file`` is None, into the output."""

    path: Path
    file: str | None

    @property
    def terms(self) -> Terms:
        """One copy, that takes what it takes, where the path means what it meant to who wrote it."""
        return _TERMS

    @property
    def type(self) -> object:
        """The annotation of the value."""
        return Path

    def current(self, config: Config, /) -> bool:  # noqa: ARG002 -- there is no user code in it
        """Always: lightfx's own code does not change under a run."""
        return True

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        """Read the path of the copy."""
        return _path_codec().decode(tree, folder)

    def made_by(self) -> MadeBy:
        """Say who would copy."""
        return made_by("")

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Nothing: there is no user code in it."""
        return ()

    def part(self, path: tuple[Step, ...], /) -> Realizer:
        """Take a file, or a folder, out of a folder."""
        from lightfx.stages.parts import part_realizer  # noqa: PLC0415 -- few plans take parts

        return part_realizer(self.type, path)

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left]:
        """Copy."""
        folder = order.folder(order.indices[0])
        try:
            if self.file is None:
                shutil.copytree(self.path, folder, symlinks=True)
            else:
                folder.mkdir(parents=True)
                shutil.copy2(self.path, folder / self.file)
        except (OSError, shutil.Error) as error:
            return Failure(Left(raised(error)))
        return Success((Output({"$path": self.file or "."}, folder),))
