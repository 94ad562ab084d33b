"""``lightfx run --dry-run`` and ``--assert-realized``: what a run would do, in words or as JSON. Nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, final

from attrs import frozen

from lightfx.cli.choosing import forced, policy
from lightfx.cli.comparing import reason_tree, said
from lightfx.cli.complaints import Exit
from lightfx.cli.opening import index_place
from lightfx.cli.page import MANY, Answer, Page, document
from lightfx.cli.planning import Target
from lightfx.cli.wishes import Wish
from lightfx.cli.words import counted, duration, short
from lightfx.core.failures import EngineError, NoStore
from lightfx.effects.world import World
from lightfx.engine.inspect import plan
from lightfx.plan.explain import Action, Estimate, Plan, Step
from lightfx.wiring import memory_world, open_world, unwrap

_COUNTED: Final = (
    (Action.REUSE, "to reuse"),
    (Action.CUT_OFF, "cut off"),
    (Action.REPLAY, "LEFT, and that stands"),
    (Action.INHERIT, "to inherit a LEFT"),
    (Action.BUILD, "to build"),
    (Action.MAYBE, "to build unless cut off"),
)


def forecast(targets: Sequence[Target], wish: Wish) -> Answer:
    """Say what a run would do."""
    with _opened(wish) as world:
        force = forced(world, targets, wish.force)
        found = unwrap(plan(world, [each.derivation for each in targets], replay=policy(wish.retry), force=force))
    labels = {each.derivation.dref.text: each.label for each in reversed(targets)}
    told = _Told(found, labels, wish)
    return told.document() if wish.json else told.page()


def _opened(wish: Wish) -> World:
    """Open a store that is there; where there is none, and a run would make it, see that nothing is stored."""
    try:
        return open_world(
            wish.store,
            workers=wish.workers,
            memory=wish.memory,
            tickets=dict(wish.tickets),
            create=False,
            index=index_place(wish.store),
        )
    except EngineError as error:
        if isinstance(error.failure, NoStore) and wish.create:
            return memory_world(wish.store, memory=wish.memory, tickets=dict(wish.tickets))
        raise


@final
@frozen
class _Told:
    """A plan, and how it is asked for."""

    plan: Plan
    labels: Mapping[str, str]
    wish: Wish

    @property
    def code(self) -> Exit:
        """An assertion that does not hold is told by the exit code."""
        return Exit.LEFT if self.wish.realized and not self.plan.realized else Exit.FINE

    @property
    def _steps(self) -> Sequence[Step]:
        """Where it is asserted that nothing would run: what would."""
        return self.plan.running if self.wish.realized else self.plan.steps

    # For people.

    def page(self) -> Answer:
        """Say it to people."""
        page = Page()
        shown: Sequence[Step] = self._steps
        if len(shown) > MANY:
            _by_stage(page, shown)
            shown = [each for each in shown if each.action is not Action.REUSE]
            page.line()
        if shown:
            heads = ("target", "name", "ref", "action", "time", "why")
            page.excerpt(heads, [self._row(each) for each in shown])
        for line in self._last_lines():
            page.line(line)
        return page.answer(self.code)

    def _row(self, step: Step) -> tuple[str, ...]:
        label = self.labels.get(step.dref.text, "")
        time = "-" if not step.runs else "unknown" if step.seconds is None else duration(step.seconds)
        why = "; ".join(map(said, step.why))
        against = f" (against {short(step.nearest)})" if step.nearest is not None else ""
        return label, step.dref.name.text, short(step.dref), step.action.value, time, why + against

    def _last_lines(self) -> Sequence[str]:
        running, total = self.plan.running, counted(len(self.plan.steps), "derivation")
        if self.wish.realized:
            return (f"{total}: {len(running):,} not realized" if running else f"{total}: all are realized",)
        counts = ", ".join(f"{count:,} {what}" for action, what in _COUNTED if (count := self.plan.count(action)))
        took = _estimated(self.plan.estimate(self.wish.workers), len(running), self.wish.workers)
        return f"{total}: {counts or 'none'}", took

    # For machines.

    def document(self) -> Answer:
        """Say it to machines."""
        estimate = self.plan.estimate(self.wish.workers)
        tree = {
            "steps": [self._tree(each) for each in self._steps],
            "derivations": len(self.plan.steps),
            **{action.name.lower(): self.plan.count(action) for action in Action},
            "realized": self.plan.realized,
            "estimate": {"seconds": estimate.seconds, "unknown": estimate.unknown, "maybe": estimate.maybe},
        }
        return document(tree, self.code)

    def _tree(self, step: Step) -> Mapping[str, object]:
        return {
            "target": self.labels.get(step.dref.text),
            "name": step.dref.name.text,
            "dref": step.dref.text,
            "action": step.action.value,
            "why": [reason_tree(each) for each in step.why],
            "nearest": None if step.nearest is None else step.nearest.text,
            "seconds": step.seconds,
        }


def _by_stage(page: Page, steps: Sequence[Step]) -> None:
    counters: dict[str, Counter[Action]] = {}
    for step in steps:
        counters.setdefault(step.dref.name.text, Counter())[step.action] += 1
    columns = [action for action in Action if any(counter[action] for counter in counters.values())]
    rows = [(name, *(f"{counter[action]:,}" for action in columns)) for name, counter in counters.items()]
    page.table(("stage", *(action.value for action in columns)), rows)


def _estimated(estimate: Estimate, running: int, workers: int) -> str:
    """Put an estimate into words.

    >>> _estimated(Estimate(75.2, unknown=1, maybe=2), 4, 2)
    'at most 1 min 15 s with 2 workers, and 1 of unknown time'
    """
    if not running:
        return "nothing is to be run"
    if estimate.unknown == running:
        return "the time is unknown: nothing like it was run before"
    about = "at most" if estimate.maybe else "about"
    unknown = f", and {estimate.unknown:,} of unknown time" if estimate.unknown else ""
    return f"{about} {duration(estimate.seconds)}{f' with {workers} workers' if workers > 1 else ''}{unknown}"
