"""What passes between the step machine and the loop that drives it: commands out, events in.

Both are closed unions of frozen records. A command is an effect as data; an
event says what came of one, or that time has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, final

from attrs import frozen

from lightfx.core.config import Config
from lightfx.core.derivation import Dependency
from lightfx.core.failures import EngineFailure
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import Cause
from lightfx.core.realization import Asked as AskedFor
from lightfx.core.realization import Context, Realization, Selection
from lightfx.core.refs import DRef, RRef

# Commands: effects as data.


@final
@frozen
class Observe:
    """Look at the files and folders that these nodes depend on."""

    nodes: tuple[int, ...]


@final
@frozen
class List:
    """List what is stored of these derivations, nodes ``since`` and on; with records of those in ``reading``."""

    drefs: tuple[DRef, ...]
    reading: frozenset[DRef]
    since: int = 0


@final
@frozen
class Recall:
    """Read the configs of derivations that only a record names."""

    drefs: tuple[DRef, ...]


@final
@frozen
class Seek:
    """List what is stored of any derivation under these input keys."""

    keys: tuple[tuple[int, Digest], ...]


@final
@frozen
class Run:
    """Make outputs ``indices`` of a node, from the realizations that its references were resolved to.

    ``asked``: what the stage asked for before; it is in ``context`` too;
    ``selections``: what was selected of it by matchers that take a function.
    ``again``: the object that they are recorded with, whose files are to be
    made again.
    """

    node: int
    dref: DRef
    key: Digest
    indices: tuple[int, ...]
    context: Context
    asked: AskedFor = ()
    again: Digest | None = None
    selections: tuple[Selection, ...] = ()


@final
@frozen
class Keep:
    """Store a realization that took no run: a cutoff hit, or an inherited LEFT."""

    node: int
    realization: Realization


@final
@frozen
class Drop:
    """Drop the files of ephemeral realizations that nobody needs any more in this run."""

    trees: tuple[Digest, ...]


@final
@frozen
class Differ:
    """Say that what was made again came out otherwise than recorded."""

    dref: DRef
    recorded: Digest
    found: Digest


@final
@frozen
class Fail:
    """The run will have failed: nothing can be chosen of a node. What does not stand on it goes on."""

    failure: EngineFailure


Command: TypeAlias = Observe | List | Recall | Seek | Run | Keep | Drop | Differ | Fail


# Events: what came of commands.


@final
@frozen
class Observations:
    """What each node observed: a digest, or the cause why it cannot be looked at."""

    found: Mapping[int, Digest | Cause]


@final
@frozen
class Listing:
    """What is stored of the derivations of this run: nodes ``since`` and on, up to ``until``."""

    rows: Sequence[Listed]
    since: int = 0
    until: int | None = None


@final
@frozen
class Recalled:
    """The configs of these derivations, as far as they are stored."""

    drefs: tuple[DRef, ...]
    configs: Mapping[DRef, Config]


@final
@frozen
class Alike:
    """What is stored under the key of each node, whoever made it."""

    rows: Mapping[int, Sequence[Listed]]


@final
@frozen
class Built:
    """What one run of a node gave; ``again``: its files were to be made again."""

    node: int
    rows: tuple[Listed, ...]
    again: bool = False


@final
@frozen
class Asked:
    """A run of a node asks for derivations that its stage made; it is to be run again when they are there."""

    run: Run
    needs: tuple[Dependency, ...]


@final
@frozen
class Gone:
    """A run cannot start, or a target be read: files of these ephemeral realizations are gone."""

    run: Run | None
    rrefs: tuple[RRef, ...]


@final
@frozen
class Restored:
    """Someone else made the files again that this run was to make."""

    run: Run


@final
@frozen
class Busy:
    """Someone else is building the key of this node."""

    node: int
    run: Run | None = None


@final
@frozen
class Stuck:
    """Nothing is left to wait for, and not all is settled: no check of what a record asked for comes to an end."""


@final
@frozen
class Tick:
    """Time has passed: ask again for what someone else is building."""


Event: TypeAlias = Observations | Listing | Recalled | Alike | Built | Asked | Gone | Restored | Busy | Tick | Stuck
