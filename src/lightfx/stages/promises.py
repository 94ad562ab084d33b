"""`out`: a parameter that promises a file, under the name that the plan gives it.

Rules:

- ``out("model.npy")`` is a plain relative path; it is spelled ``{"$out": "model.npy"}`` in the config;
- the stage gets the path of that file in its own output folder, which exists by then;
- a promised file that is not there when the stage returns is a `BadOutput`.

(Promises in configs are pylightnix's idea.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Final, final

from lightfx.codec.coding import Misfit, tag_of, wrong_type
from lightfx.codec.scalars import code_text
from lightfx.codec.values import Leaf
from lightfx.core.canonical import Tree


@final
class Promised(type(Path())):  # type: ignore[misc]  # the class of paths on this system, which is what Path() gives
    """A path that stands for a file to come in the output folder of whoever gets it as a parameter."""

    __slots__ = ()


def out(path: str, /) -> Path:
    """Promise a file, or a folder, in the output of the stage that gets this as a parameter.

    ``path`` is relative to ``build.out``. The parameter is annotated ``Path``,
    and the function is given the place where it must write. Raises ValueError
    for a path that is absolute, empty, or has ``..`` in it.

    >>> out("weights/model.npy").name
    'model.npy'
    >>> out("../model.npy")
    Traceback (most recent call last):
    ...
    ValueError: '../model.npy' is no plain relative path: a promise lies in the output folder
    """
    plain = PurePosixPath(path)
    if plain.is_absolute() or ".." in plain.parts or not plain.parts or "\0" in path:
        raise ValueError(f"{path!r} is no plain relative path: a promise lies in the output folder")
    return Promised(plain)


def spell_promise(value: object) -> Tree:
    """Spell a promise, and refuse every other path."""
    if isinstance(value, Promised):
        return {"$out": code_text(value.as_posix())}
    if isinstance(value, PurePath):
        raise Misfit("is a path, which a parameter cannot be: an input file enters by source_file(path)")
    raise wrong_type(value, "Path")


PROMISE: Final = Leaf(
    accepts=lambda annotation: annotation is Path,
    encode=lambda _: spell_promise,
    decode=lambda _, tree: Path(code_text(tag_of(tree, "$out", "Path"))),
)


def placed(tree: Tree, folder: Path) -> Tree:
    """Put the promises in parameters into an output folder."""
    if isinstance(tree, Mapping):
        if "$out" in tree:
            return {"$out": (folder / str(tree["$out"])).as_posix()}
        return {key: placed(each, folder) for key, each in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [placed(each, folder) for each in tree]
    return tree


def broken(promises: Sequence[str], folder: Path) -> str | None:
    """Name the first promised file that is not there."""
    return next((each for each in promises if not (folder / each).exists()), None)
