"""Looking around in a store: what there is, what stands on what, how large it is, and what is in it.

>>> import tempfile
>>> from lightfx import Build, Derivation, evaluate, memory_world, stage, unwrap
>>> @stage(version="1")
... def double(build: Build, number: int) -> int:
...     return 2 * number
>>> @stage(version="1")
... def both(build: Build, one: Derivation[int], other: Derivation[int]) -> int:
...     return build.need(one) + build.need(other)
>>> with tempfile.TemporaryDirectory() as scratch, memory_world(scratch) as world:
...     value = evaluate(world, both(double(1), double(2)))
...     (top,) = unwrap(roots(world))
...     [each.dref.name.text for each in unwrap(deps(world, top))]
...     [each.rref.dref.name.text for each in unwrap(find(world, status="right", fields={"number": 2}))]
['double', 'double']
['double']

Each function gives an effect: ``unwrap`` carries it out.
"""

from lightfx.core.manifest import Entry
from lightfx.looking.contents import Difference, cat, diff, ls
from lightfx.looking.holdings import alldrefs, allrrefs, deps, du, find, rdeps, roots
from lightfx.looking.visiting import link, shell
from lightfx.plan.relations import Usage
from lightfx.plan.searching import Status

__all__ = [
    "Difference",
    "Entry",
    "Status",
    "Usage",
    "alldrefs",
    "allrrefs",
    "cat",
    "deps",
    "diff",
    "du",
    "find",
    "link",
    "ls",
    "rdeps",
    "roots",
    "shell",
]
