"""`node`: a derivation of parameters and small files that are given, and nothing to compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.choosing import First
from lightfx.core.derivation import Asks, Derivation
from lightfx.core.outcome import BadOutput, Left
from lightfx.core.realization import BuildOrder, Output, Outputs
from lightfx.stages.build import codec_for
from lightfx.stages.realizers import derivation, realizer

_NOTHING: Final[Mapping[str, bytes]] = {}


def node(
    config: Mapping[str, object], artifacts: Mapping[str, bytes] = _NOTHING, *, name: str = "node"
) -> Derivation[Path]:
    """Make a derivation of ``config``, whose value is a folder with ``artifacts`` in it.

    ``config`` may hold derivations: the node stands on them. ``artifacts`` maps
    plain relative paths to contents, which are part of the config, so keep them
    small; larger files enter by `source_file`. A `lens` sees the parameters.

    Raises ValueError for a path that leads out of the folder, TypeError for
    contents that are no bytes, and `UnstorableError` for what cannot be in a
    config.

    >>> node({"rate": 0.5}, {"notes.txt": b"x"}, name="base").dref.name.text
    'base'
    """
    given: Mapping[str, object] = artifacts
    for each, content in given.items():
        if not _is_plain(each):
            raise ValueError(f"{each!r} is no plain relative path")
        if type(content) is not bytes:
            hint = ": encode it" if isinstance(content, str) else ""
            raise TypeError(f"the artifact {each!r} is of type {type(content).__name__}, not bytes{hint}")
    if "artifacts" in config:
        raise ValueError("artifacts are given by the second argument, and are no part of the first")
    fields = {**config, "artifacts": dict(artifacts)}
    return derivation(fields, First(), realizer(write_artifacts, Path, name=name, version="1"))


def write_artifacts(order: BuildOrder) -> Result[Outputs, Left | Asks]:
    """Write the files that stand in a config."""
    folder = order.folder(order.indices[0])
    folder.mkdir(parents=True)
    parameters = order.config.tree["args"]
    artifacts: Tree = parameters["artifacts"] if isinstance(parameters, Mapping) else {}
    for path, tree in artifacts.items() if isinstance(artifacts, Mapping) else ():
        content = codec_for(bytes).decode(tree).value_or(None)
        if not _is_plain(path) or not isinstance(content, bytes):  # the config was changed by `redefined`
            return Failure(Left(BadOutput(path, "is no plain relative path with bytes"), folder=folder))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return Success((Output({"$path": "."}, folder),))


def _is_plain(text: str) -> bool:
    path = PurePosixPath(text)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in text
