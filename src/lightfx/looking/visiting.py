"""Going to a realization: a link to it, and a shell in it."""

from __future__ import annotations

from pathlib import Path

from returns.io import IOResult
from returns.result import Failure

from lightfx.core.failures import EngineFailure, NotStored
from lightfx.core.inventory import Anchor
from lightfx.core.names import short_hash
from lightfx.core.refs import RRef
from lightfx.effects.world import World
from lightfx.looking.contents import tree_of
from lightfx.shell.disk import REAL
from lightfx.shell.visiting import make_link, run_in


def link(world: World, rref: RRef, path: str | Path = "", /) -> IOResult[Path, EngineFailure]:
    """Make a symbolic link to the files of a realization, and a root that lasts as long as the link: gives its path.

    ``path``: by default ``result-<name>`` in the working folder. A link that is
    there is replaced, nothing else is. Fails with `NotStored` where there are
    no files to lead to: `lightfx.garbage.add_root` keeps those without.
    """
    tree = tree_of(world, rref)
    if isinstance(tree, Failure):
        return IOResult.from_failure(tree.failure())
    there = world.perform.result(world.store.present((tree.unwrap(),)))
    if not there.value_or(frozenset()):
        return IOResult.from_failure(there.failure() if isinstance(there, Failure) else _gone(rref))
    place = Path(path or f"result-{rref.dref.name}").absolute()
    made = world.perform.result(make_link(place, world.store.folder_of(tree.unwrap()).absolute(), REAL))
    if isinstance(made, Failure):
        return IOResult.from_failure(made.failure())
    name = f"link-{short_hash(str(place).encode('utf-8', 'surrogateescape').hex())}"
    return world.store.hold(Anchor(name, rref, str(place), tree.unwrap())).map(lambda _: place)


def _gone(rref: RRef) -> EngineFailure:
    return NotStored(rref.text, "its files are ephemeral, and were dropped")


def shell(world: World, rref: RRef, /, *command: str) -> IOResult[int, EngineFailure]:
    """Open a shell in the folder of a realization, or run ``command`` there; gives its exit code.

    It has the reference in its environment, as ``LIGHTFX_RREF``. The folder is
    read-only. The world is open meanwhile, so nothing of the store is removed.
    """
    tree = tree_of(world, rref)
    if isinstance(tree, Failure):
        return IOResult.from_failure(tree.failure())
    return run_in(world.store.folder_of(tree.unwrap()), command, {"LIGHTFX_RREF": rref.text})
