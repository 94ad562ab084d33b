"""What `gc` says of wrong rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightfx import memory_world
from lightfx.garbage import gc


@pytest.mark.parametrize("size", [-1, "big"])
def test_the_parameter_that_is_wrong_is_named(tmp_path: Path, size: int | str) -> None:
    """The trap: it was read as an amount of memory, and called so."""
    with memory_world(tmp_path) as world, pytest.raises(ValueError, match=f"^max_size is {size!r}; it takes bytes"):
        gc(world, max_size=size)
