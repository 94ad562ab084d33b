"""What passes between the step machine and the loop that drives it: commands out, events in.

Both are closed unions of frozen records. A command is an effect as data; an
event says what came of one, or that time has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Context, Realization
from lightfx.core.refs import DRef

# Commands: effects as data.


@final
@frozen
class Observe:
    """Look at the files and folders that these nodes depend on."""

    nodes: tuple[int, ...]


@final
@frozen
class List:
    """List what is stored of these derivations; with records of those in ``reading``."""

    drefs: tuple[DRef, ...]
    reading: frozenset[DRef]


@final
@frozen
class Seek:
    """List what is stored of any derivation under these input keys."""

    keys: tuple[tuple[int, Digest], ...]


@final
@frozen
class Run:
    """Make outputs ``indices`` of a node, from the realizations that its references were resolved to."""

    node: int
    dref: DRef
    key: Digest
    indices: tuple[int, ...]
    context: Context


@final
@frozen
class Keep:
    """Store a realization that took no run: a cutoff hit, or an inherited LEFT."""

    node: int
    realization: Realization


@final
@frozen
class Fail:
    """The run will have failed: nothing can be chosen of a node. What does not stand on it goes on."""

    failure: EngineFailure


Command: TypeAlias = Observe | List | Seek | Run | Keep | Fail


# Events: what came of commands.


@final
@frozen
class Observations:
    """What each node observed: a digest, or the cause why it cannot be looked at."""

    found: Mapping[int, Digest | Cause]


@final
@frozen
class Listing:
    """What is stored of the derivations of this run."""

    rows: Sequence[Listed]


@final
@frozen
class Alike:
    """What is stored under the key of each node, whoever made it."""

    rows: Mapping[int, Sequence[Listed]]


@final
@frozen
class Built:
    """What one run of a node gave."""

    node: int
    rows: tuple[Listed, ...]


@final
@frozen
class Busy:
    """Someone else is building the key of this node."""

    node: int


@final
@frozen
class Tick:
    """Time has passed: ask again for what someone else is building."""


Event: TypeAlias = Observations | Listing | Alike | Built | Busy | Tick
