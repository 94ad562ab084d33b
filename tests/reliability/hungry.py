"""Plans for the command line: what `grid` has, and two tasks beside it that take more memory than they get."""

from __future__ import annotations

import grid

from lightfx import Build, stage

MORE = 192 << 20  # bytes


@stage(version="1")
def eat(build: Build, number: int) -> int:
    return len(b"x" * (MORE + number))


modest = grid.plans
plans = [eat(1), *grid.plans, eat(2)]
