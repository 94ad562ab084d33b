"""Moving realizations, with all that they stand on: to another store, to a cache and back, into a file and out of it.

>>> import tempfile
>>> from pathlib import Path
>>> from lightfx import Build, evaluate, memory_world, stage, unwrap
>>> @stage(version="1")
... def double(build: Build, number: int) -> int:
...     return 2 * number
>>> with tempfile.TemporaryDirectory() as folder:
...     with memory_world(Path(folder, "here")) as here, memory_world(Path(folder, "there")) as there:
...         value = evaluate(here, double(21))
...         moved = unwrap(copy_closure([double(21).dref], here, there))
...         evaluate(there, double(21), only_stored=True)
42

Each function gives an effect: ``unwrap`` carries it out.
"""

from lightfx.moving.copying import copy_closure
from lightfx.moving.packing import pack, unpack
from lightfx.moving.sharing import Traffic, objects_from, pull, push
from lightfx.plan.packing import Freight
from lightfx.shell.cache.partner import Refusal

__all__ = ["Freight", "Refusal", "Traffic", "copy_closure", "objects_from", "pack", "pull", "push", "unpack"]
