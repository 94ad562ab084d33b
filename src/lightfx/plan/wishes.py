"""What the user wishes of a run, besides the plan: what is run anew, what may not run, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from attrs import field, frozen

from lightfx.core.refs import DRef
from lightfx.core.terms import Limits


@final
@frozen
class Wishes:
    """How a run differs from the usual one.

    ``force``: derivations that are run anew, whatever is stored of them.
    ``only_stored``: nothing may run; what would have to is trouble.
    ``stop_after``: start nothing more once so many derivations are LEFT of
    themselves; None: go on with all that can still run. ``limits``: what there
    is for tasks, in all. ``args``: what is said to stages, by derivation.
    """

    force: frozenset[DRef] = frozenset()
    only_stored: bool = False
    stop_after: int | None = None
    limits: Limits = Limits()
    args: Mapping[DRef, Mapping[str, object]] = field(factory=dict[DRef, Mapping[str, object]])
