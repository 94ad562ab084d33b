"""`node`: a derivation of parameters and small files that are given, and nothing to compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from returns.result import Result, Success

from lightfx.core.canonical import Tree
from lightfx.core.choosing import First
from lightfx.core.derivation import Asks, Derivation
from lightfx.core.outcome import Left
from lightfx.core.realization import BuildOrder, Output, Outputs
from lightfx.stages.build import codec_for
from lightfx.stages.realizers import derivation, realizer

_NOTHING: Final[Mapping[str, bytes]] = {}


def node(
    config: Mapping[str, object], artifacts: Mapping[str, bytes] = _NOTHING, /, *, name: str = "node"
) -> Derivation[Path]:
    """Make a derivation of ``config``, whose value is a folder with ``artifacts`` in it.

    ``config`` may hold derivations: the node stands on them. ``artifacts`` maps
    plain relative paths to contents, which are part of the config, so keep them
    small; larger files enter by `source_file`. A `lens` sees the parameters.

    Raises ValueError for a path that leads out of the folder, and
    `UnstorableError` for what cannot be in a config.

    >>> node({"rate": 0.5}, {"notes.txt": b"x"}, name="base").dref.name.text
    'base'
    """
    for each in artifacts:
        path = PurePosixPath(each)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in each:
            raise ValueError(f"{each!r} is no plain relative path")
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
    for path, content in artifacts.items() if isinstance(artifacts, Mapping) else ():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(codec_for(bytes).decode(content).map(bytes_of_content).value_or(b""))
    return Success((Output({"$path": "."}, folder),))


def bytes_of_content(content: object) -> bytes:
    """Narrow what the codec of bytes gave."""
    return content if isinstance(content, bytes) else b""
