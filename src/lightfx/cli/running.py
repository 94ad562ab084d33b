"""``lightfx run``: import a plan, realize it in one run, and say what became of it.

Standard output belongs to the answer alone: while the user's code runs in this
process, what it prints there goes to standard error, also what programs print
that it starts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

from lightfx.caches import configured
from lightfx.cli.choosing import forced, matching, policy
from lightfx.cli.complaints import Complaint, ComplaintError, Exit, misuse
from lightfx.cli.forecasting import forecast
from lightfx.cli.opening import index_place
from lightfx.cli.page import Answer
from lightfx.cli.planning import Target, planned
from lightfx.cli.progress import listening, shower
from lightfx.cli.summary import Summary, told
from lightfx.cli.tally import Tally
from lightfx.cli.waiting import Waiting
from lightfx.cli.wishes import Wish
from lightfx.cli.words import counted
from lightfx.core.closure import NotPlannableError
from lightfx.core.outcome import Outcome
from lightfx.effects.world import TERMINATED, World
from lightfx.engine.realize import realize_all
from lightfx.executors import dask
from lightfx.shell.journal.listeners import Listener
from lightfx.shell.store.examining import builders
from lightfx.wiring import open_world, unwrap


def run(plan: str, wish: Wish) -> Answer:
    """Realize the plan that ``plan`` names, and say what became of it."""
    tally = Tally()
    with output_kept():
        targets = matching(planned(plan), wish.only)
        try:
            if wish.dry or wish.realized:
                return forecast(targets, wish)
            summary = _realized(targets, wish, tally)
        except KeyboardInterrupt:
            raise ComplaintError(Complaint(_interrupted(tally), code=Exit.INTERRUPTED)) from None
        except SystemExit as ended:
            if ended.code != TERMINATED:
                raise
            raise ComplaintError(Complaint(_interrupted(tally), code=Exit.TERMINATED)) from None
        except NotPlannableError as error:
            raise misuse(f"{plan} cannot be realized: {error}") from error
    return summary.document() if wish.json else summary.page()


def _realized(targets: Sequence[Target], wish: Wish, tally: Tally) -> Summary:
    began = time.time()
    with (
        shower(quiet=wish.quiet) as showing,
        open_world(
            wish.store,
            workers=wish.workers,
            executor=dask(wish.dask) if wish.dask else None,
            memory=wish.memory,
            tickets=dict(wish.tickets),
            create=wish.create,
            index=index_place(wish.store),
            journal=Listener(listening(tally, showing, Waiting(tally, lambda: builders(wish.store)).hear)),
            caches=unwrap(configured(wish.store)),
        ) as world,
    ):
        try:
            outcomes = _carried_out(world, targets, wish)
        finally:
            showing.close(tally)
        return told(world, targets, outcomes, tally, began)


def _carried_out(world: World, targets: Sequence[Target], wish: Wish) -> Sequence[Outcome[object]]:
    """Turn a wish into the arguments of `realize_all`: here, and nowhere else."""
    plans = [each.derivation for each in targets]
    force = forced(world, targets, wish.force)
    return unwrap(realize_all(world, plans, replay=policy(wish.retry), force=force, stop_after=wish.stop_after))


def _interrupted(tally: Tally) -> str:
    """Say how far it came.

    >>> _interrupted(Tally(total=1))
    'interrupted: 0 of 1 derivation is stored, what had finished is kept; run again to go on'
    """
    are = "is" if 1 in (tally.settled, tally.total) else "are"
    done = f"{tally.settled:,} of {counted(tally.total, 'derivation')} {are} stored, " if tally.total else ""
    return f"interrupted: {done}what had finished is kept; run again to go on"


@contextmanager
def output_kept() -> Iterator[None]:
    """Keep standard output clear, of Python's own printing and of that of programs that are started."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed: there is nothing to keep clear
        with redirect_stdout(sys.stderr):
            yield
        return
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 1)
        os.close(kept)
