"""Paths in values: spelled relative to the folder that the value lies in.

Rules:

- a stored path is inside of its folder, and lexically so: no ``..``, no links followed;
- it is spelled ``{"$path": "relative/posix"}``, the folder itself as ``.``;
- without a folder there are no paths: an input file enters by ``source_file(path)``.

Theory of operation: a coding knows no folder, and spells a path as it is. One walk
over the finished tree makes the paths relative and lists them; a walk before
reading makes them absolute. The same walk enforces the depth of what is unbounded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath, PurePosixPath

from lightfx.codec.coding import Misfit, tag_of
from lightfx.codec.mappings import step_of
from lightfx.codec.scalars import code_text
from lightfx.codec.shapes import is_array, is_object
from lightfx.core.canonical import MAX_DEPTH, Tree


def made_relative(tree: Tree, folder: PurePath | None, depth: int = 0) -> tuple[Tree, tuple[str, ...]]:
    """Make the paths in ``tree`` relative to ``folder``, and list them.

    >>> made_relative([{"$path": "/out/a.txt"}], PurePath("/out"))
    ([{'$path': 'a.txt'}], ('a.txt',))
    """
    files: list[str] = []

    def place(text: str) -> str:
        files.append(_relative(text, folder))
        return files[-1]

    return _walk(tree, place, depth), tuple(files)


def made_absolute(tree: Tree, folder: PurePath | None, depth: int = 0) -> Tree:
    """Put the paths in ``tree`` into ``folder``.

    >>> made_absolute({"$path": "a.txt"}, PurePath("/out"))
    {'$path': '/out/a.txt'}
    """
    return _walk(tree, lambda text: _absolute(text, folder), depth)


def _relative(text: str, folder: PurePath | None) -> str:
    path = PurePosixPath(text)
    if folder is None:
        raise Misfit("is a path, which a parameter cannot be: an input file enters by source_file(path)")
    if not path.is_absolute():
        raise Misfit("is a relative path, which means nothing in another process: begin with build.out")
    if ".." in path.parts or not path.is_relative_to(folder):
        raise Misfit("is a path outside of build.out: write the file there, or copy it")
    return path.relative_to(folder).as_posix()


def _absolute(text: str, folder: PurePath | None) -> str:
    path = PurePosixPath(text)
    if folder is None:
        raise Misfit("is a path, which a parameter cannot be: an input file enters by source_file(path)")
    if path.is_absolute() or ".." in path.parts or path.as_posix() != text:
        raise Misfit("is no plain relative path")
    return (folder / path).as_posix()


def _walk(tree: Tree, place: Callable[[str], str], depth: int) -> Tree:
    if depth >= MAX_DEPTH and (is_object(tree) or is_array(tree)):
        raise Misfit(f"is nested deeper than {MAX_DEPTH} levels")
    if is_array(tree):
        return [_under(index, part, place, depth + 1) for index, part in enumerate(tree)]
    return _walk_object(tree, place, depth) if is_object(tree) else tree


def _walk_object(tree: dict[str, Tree], place: Callable[[str], str], depth: int) -> Tree:
    if "$path" in tree:
        return {"$path": place(code_text(tag_of(tree, "$path", "Path")))}
    if "$pairs" in tree and is_array(pairs := tree["$pairs"]):
        return {**tree, "$pairs": [_walk_pair(pair, place, depth + 2) for pair in pairs]}
    if "$value" in tree:
        return {**tree, "$value": _walk(tree["$value"], place, depth + 1)}
    return {key: _under(key, part, place, depth + 1) for key, part in tree.items()}


def _walk_pair(pair: Tree, place: Callable[[str], str], depth: int) -> Tree:
    if not is_array(pair) or len(pair) != 2:
        return pair  # refused where it is decoded
    step = step_of(pair[0])
    return [_under(step, part, place, depth + 1) for part in pair]


def _under(step: str | int, tree: Tree, place: Callable[[str], str], depth: int) -> Tree:
    try:
        return _walk(tree, place, depth)
    except Misfit as misfit:
        raise misfit.under(step) from None
