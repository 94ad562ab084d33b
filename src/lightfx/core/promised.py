"""Files that a config promises: ``{"$out": "model.npy"}`` among its parameters (`lightfx.out`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lightfx.core.canonical import Tree

_TAG: Final = '{"$out":'


def promised_in(config: str, parameters: Tree) -> tuple[str, ...]:
    """List what the parameters in a config, spelled ``config``, promise.

    >>> promised_in('{"args":{"to":{"$out":"a.txt"}}}', {"to": {"$out": "a.txt"}})
    ('a.txt',)
    """
    return tuple(_promises(parameters)) if _TAG in config else ()


def _promises(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Mapping):
        if "$out" in tree:
            yield str(tree["$out"])
        for each in tree.values():
            yield from _promises(each)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for each in tree:
            yield from _promises(each)
