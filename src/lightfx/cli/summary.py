"""What became of a run: a row for each target, or counts by stage where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import final

from attrs import frozen

from lightfx.cli.complaints import Exit
from lightfx.cli.page import MANY, Answer, Page, document
from lightfx.cli.planning import Target
from lightfx.cli.tally import Tally
from lightfx.cli.words import duration, full_reason, outcome, reason, short
from lightfx.core.outcome import Left, Outcome
from lightfx.core.realization import Result, Value
from lightfx.core.refs import DRef, RRef
from lightfx.effects.journal import Advanced
from lightfx.effects.world import World
from lightfx.wiring import unwrap


class How(Enum):
    """How a target came to its outcome in this run."""

    REUSED = "reused"
    CUT_OFF = "cut off"
    BUILT = "built"
    MADE_AGAIN = "made again"
    INHERITED = "inherited"
    NOT_RUN = "not run"


@final
@frozen
class Row:
    """One target: how it was settled, the seconds that it took in this run, if it ran, and what it came to.

    ``result`` is there for its kind and its cause: of a RIGHT, it leaves the value out.
    """

    label: str
    dref: DRef
    rrefs: tuple[RRef, ...]
    how: How
    seconds: float | None
    result: Result

    @property
    def kind(self) -> str:
        """The kind of its outcome."""
        return self.result.kind

    @property
    def is_left(self) -> bool:
        """Whether the target is LEFT."""
        return self.kind != "right"

    @property
    def state(self) -> str:
        """How it was settled, or that it is LEFT."""
        return outcome(self.kind) if self.is_left else self.how.value

    @property
    def ref(self) -> str:
        """The first realization, short, and how many more there are."""
        if not self.rrefs:
            return short(self.dref)
        first, *others = self.rrefs
        return f"{short(first)} +{len(others)}" if others else short(first)

    @property
    def tree(self) -> Mapping[str, object]:
        """All of it, for machines."""
        return {
            "target": self.label,
            "name": self.dref.name.text,
            "dref": self.dref.text,
            "rrefs": [rref.text for rref in self.rrefs],
            "how": self.how.value,
            "kind": self.kind,
            "seconds": self.seconds,
            "reason": full_reason(self.result),
        }


@final
@frozen
class Summary:
    """What became of all targets, and the counts over all derivations of the run."""

    rows: tuple[Row, ...]
    counts: Advanced
    seconds: float

    @property
    def code(self) -> Exit:
        """LEFT where a target is."""
        return Exit.LEFT if any(row.is_left for row in self.rows) else Exit.FINE

    def document(self) -> Answer:
        """Say it to machines."""
        counts = self.counts
        tree = {
            "targets": [row.tree for row in self.rows],
            "derivations": counts.total,
            "settled": counts.settled,
            "reused": counts.reused,
            "cut_off": counts.cut_off,
            "inherited": counts.inherited,
            "built": counts.ran,
            "made_again": counts.remade,
            "left": counts.left,
            "seconds": self.seconds,
        }
        return document(tree, self.code)

    def page(self) -> Answer:
        """Say it to people."""
        page = Page()
        if len(self.rows) > MANY:
            self._by_stage(page)
            self._lefts(page)
        elif self.rows:
            _table(page, self.rows)
        return page.line(self.last_line).answer(self.code)

    @property
    def last_line(self) -> str:
        """The counts over all derivations."""
        return counts_line(self.counts, self.seconds)

    def _by_stage(self, page: Page) -> None:
        counters: dict[str, Counter[str]] = {}
        for row in self.rows:
            counter = counters.setdefault(row.dref.name.text, Counter())
            counter["LEFT" if row.is_left else row.state] += 1
        again = (How.MADE_AGAIN.value,) if self.counts.remade else ()
        columns = ("reused", "cut off", "built", *again, "LEFT")
        rows = [
            (name, f"{counter.total():,}", *(f"{counter[column]:,}" for column in columns))
            for name, counter in counters.items()
        ]
        page.table(("stage", "targets", *columns), rows)

    def _lefts(self, page: Page) -> None:
        lefts = [row for row in self.rows if row.is_left]
        if lefts:
            _table(page.line(), lefts[:MANY])
        if len(lefts) > MANY:
            page.line(f"and {len(lefts) - MANY:,} more")


def counts_line(counts: Advanced, seconds: float) -> str:
    """The counts of a run in one line.

    >>> counts_line(Advanced(settled=3, reused=1, ran=2, left=1), 4.0)
    '3 derivations: 1 reused, 0 cut off, 2 built, 1 LEFT, 4 s'
    >>> counts_line(Advanced(settled=1, reused=1, total=2, remade=1), 4.0)
    '1 of 2 derivations: 1 reused, 0 cut off, 0 built, 0 LEFT, 1 made again, 4 s'
    """
    total = max(counts.settled, counts.total)
    again = f", {counts.remade:,} made again" if counts.remade else ""
    return (
        f"{derivations(counts)} derivation{'' if total == 1 else 's'}: {counts.reused:,} reused,"
        f" {counts.cut_off:,} cut off, {counts.ran:,} built, {counts.left:,} LEFT{again}, {duration(seconds)}"
    )


def derivations(counts: Advanced) -> str:
    """How many derivations a run was over; where it did not settle them all, how many of them it did.

    >>> derivations(Advanced(settled=3, total=3)), derivations(Advanced(settled=6, total=8))
    ('3', '6 of 8')
    """
    return f"{counts.settled:,} of {counts.total:,}" if counts.settled < counts.total else f"{counts.settled:,}"


def _table(page: Page, rows: Sequence[Row]) -> None:
    page.table(
        ("target", "state", "seconds", "ref", "reason"),
        [
            (row.label, row.state, "-" if row.seconds is None else duration(row.seconds), row.ref, reason(row.result))
            for row in rows
        ],
    )


def told(
    world: World, targets: Sequence[Target], outcomes: Sequence[Outcome[object]], tally: Tally, began: float
) -> Summary:
    """Find out how each target was settled; ``began`` is when the run did, in seconds since the epoch."""
    cut_off = _cut_off(world, [rref for each in outcomes for rref in each.rrefs], tally, began)
    rows = [_row(*pair, tally, cut_off) for pair in zip(targets, outcomes, strict=True)]
    return Summary(tuple(rows), tally.counts, tally.seconds)


def _row(target: Target, came: Outcome[object], tally: Tally, cut_off: frozenset[RRef]) -> Row:
    dref = target.derivation.dref
    result: Result = came.cause if isinstance(came, Left) else Value(None)
    if not came.rrefs:
        how = How.NOT_RUN
    elif result.kind == "upstream":
        how = How.INHERITED
    elif dref in tally.built:
        how = How.BUILT
    elif dref in tally.remade:
        how = How.MADE_AGAIN
    else:
        how = How.REUSED if cut_off.isdisjoint(came.rrefs) else How.CUT_OFF
    ran = {How.BUILT: tally.built, How.MADE_AGAIN: tally.remade}.get(how, {})
    seconds = ran.get(dref)
    return Row(target.label, dref, came.rrefs, how, seconds, result)


def _cut_off(world: World, rrefs: Sequence[RRef], tally: Tally, began: float) -> frozenset[RRef]:
    """Which of these were told anew in this run, from another derivation with the same inputs.

    Only what is as young as the run can be, so only that is read.
    """
    asked = tuple({rref.dref: None for rref in rrefs if rref.dref not in tally.built})
    rows = unwrap(world.store.listed(asked, frozenset()))
    young = tuple({row.stored.rref for row in rows if row.stored.created >= began}.intersection(rrefs))
    records = unwrap(world.store.realizations(young))
    return frozenset(rref for rref, record in records.items() if record.like is not None)
