"""Another user, who may read a store and not write to it: ``python onlooker.py STORE WARM``, as root.

He looks at what is there in all ways, and asks for what he may not do. First all of it is done to a store ``WARM``, as
root, so that nothing is left to import when he is another user. It prints a line of JSON: what he saw, and what was
said to what he asked for.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from odd_disks import number, sound, text

from lightfx import evaluate, open_world, realize, unwrap
from lightfx.cli.main import main as command
from lightfx.core.failures import sentence
from lightfx.garbage import add_root, gc
from lightfx.looking import ls
from lightfx.upkeep import verify

NOBODY = 65534


def look(store: Path) -> dict[str, object]:
    with open_world(store) as world:
        seen: dict[str, object] = {"sound": sound(world), "text": evaluate(world, text("k", 1000)).read_text()}
        seen["files"] = len(unwrap(ls(world, unwrap(world.store.newest("text", 1))[0].stored.rref)))
        seen["damages"] = len(unwrap(verify(world)).damages)
        acts = (realize(world, number(7)), gc(world, keep_last=1), add_root(world, number(1).dref, name="mine"))
        whys = [world.perform.result(act).swap().value_or(None) for act in acts]
        seen["refused"] = ["done" if why is None else sentence(why) for why in whys]
    for words in (["ls"], ["show", number(1).dref.text], ["verify"], ["find", "text"]):
        with redirect_stdout(io.StringIO()):
            seen[words[0]] = command([*words, "--store", str(store)])
    return seen


def main() -> None:
    store, warm = map(Path, sys.argv[1:])
    look(warm)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    print(json.dumps(look(store)))


if __name__ == "__main__":
    main()
