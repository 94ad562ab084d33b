"""The step machine of a run: an event in, commands out; no effect, no clock, no chance.

`begin` makes the first commands, `step` answers each event. Rules:

1. A node is *ready* when all that it needs is settled, and what it observes
   outside is known. It settles once, and never changes after.
2. A ready node that stands on a LEFT which no use of it tolerates is settled as
   `Upstream`, blaming the roots. It runs nothing.
3. Any other ready node has an input key. Candidates are its own realizations
   under that key; failing these, those of any derivation under that key (early
   cutoff: they are told anew under its own name, `Keep`).
4. Where a matcher needs more, the node runs (`Run`). Nodes with one key run
   once: the others wait for the first, or come when it is settled, and are told
   its results either way: they need not be stored yet.
5. What a run gave counts in this run, whatever it is: replay policies judge the
   LEFTs of earlier runs alone. A matcher that is not satisfied then, and it
   alone, gets the LEFT that stands in its way, or the run fails with `Unmatched`.
6. A node whose key someone else is building (`Busy`) is asked for again on
   `Tick`: found, it is told; not found and free, it runs.
7. A node of which a matcher can choose nothing (`Fail`) is lost, with all that
   stands on it; everything else goes on, and is stored.

The table (event -> what it may bring)::

    begin        Observe, List
    Observations ready nodes go on
    Listing      ready nodes go on
    Alike        cutoff, or Run
    Built        settle; dependents go on
    Busy         wait
    Tick         Seek again for those that wait

Theory of operation: the state is one mutable ledger that the caller hands back
with each event and never looks at in between, so `step` is a function from
history to commands, and nothing is copied per event. Work goes through a list,
not the stack: a chain of 100,000 is no problem. Commands of one kind are
batched: one `Seek` for all that became ready together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, nextafter
from typing import assert_never, final

from attrs import Factory, define
from returns.result import Failure

from lightfx.core.config import Reference, input_key
from lightfx.core.failures import EngineFailure, Unmatched
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import MAX_ROOTS, Cause, Root, Upstream
from lightfx.core.realization import Context, Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import RRef
from lightfx.plan.graph import Graph, Node
from lightfx.plan.ledger import Chosen, Progress, State
from lightfx.plan.moves import (
    Alike,
    Built,
    Busy,
    Command,
    Event,
    Fail,
    Keep,
    List,
    Listing,
    Observations,
    Observe,
    Run,
    Seek,
    Tick,
)
from lightfx.plan.rebuild import Build, FolderOf, Reuse, decide, free_indices, replayed
from lightfx.plan.replay import ReplayPolicy


def begin(graph: Graph, policy: ReplayPolicy, folder_of: FolderOf) -> tuple[State, list[Command]]:
    """Open the ledger, and ask what is stored and what is outside."""
    ledger = [Progress(len(set(node.needs)) + 1 + (node.recipe.observed is not None)) for node in graph.nodes]
    state = State(graph, policy, folder_of, ledger, len(ledger))
    if not ledger:
        return state, []
    observing = tuple(node.number for node in graph.nodes if node.recipe.observed is not None)
    targets = {graph.nodes[number].dref for number, _ in graph.targets}
    reading = targets.union(
        node.dref for node in graph.nodes if any(matcher.reads for matcher in node.demands.values())
    )
    commands: list[Command] = [Observe(observing)] if observing else []
    return state, [*commands, List(tuple(node.dref for node in graph.nodes), frozenset(reading))]


def step(state: State, event: Event) -> tuple[State, list[Command]]:
    """Take in one event, and say what to do next."""
    desk = _Desk(state)
    match event:
        case Listing(rows):
            desk.listing(rows)
        case Observations(found):
            desk.observations(found)
        case Alike(rows):
            desk.alike(rows)
        case Built(number, rows):
            desk.built(number, rows)
        case Busy(number):
            desk.busy(number)
        case Tick():
            desk.seeking += [(number, key) for number, key in state.busy.items()]
            state.busy.clear()
        case never:
            assert_never(never)
    return state, desk.close()


@final
@define(eq=False)
class _Desk:
    """One step's work: nodes that became ready, and the commands so far."""

    state: State
    ready: list[int] = Factory(list)
    seeking: list[tuple[int, Digest]] = Factory(list)
    commands: list[Command] = Factory(list)

    def close(self) -> list[Command]:
        """Go on with every node that became ready, then batch what is sought."""
        for number in self.ready:  # grows as nodes settle
            self._go_on(self.state.graph.nodes[number], self.state.ledger[number])
        if self.seeking:
            self.commands.append(Seek(tuple(self.seeking)))
        return self.commands

    # Events.

    def listing(self, rows: Iterable[Listed]) -> None:
        grouped: dict[str, list[Listed]] = {}
        for row in rows:
            grouped.setdefault(row.stored.rref.text[33:], []).append(row)
            if not row.stored.is_right:
                self._remember(row)
        for node, progress in zip(self.state.graph.nodes, self.state.ledger, strict=True):
            own = grouped.get(node.recipe.dref.text)
            if own is not None:
                progress.own = own
            self._met(node.number)

    def observations(self, found: Mapping[int, Digest | Cause]) -> None:
        for number, what in found.items():
            progress = self.state.ledger[number]
            if isinstance(what, Digest):
                progress.observed = what.text
                self._met(number)
            else:
                key = input_key(self.state.graph.nodes[number].recipe.config.text, "unobserved")
                self._settle_left(number, key, Context(()), what)

    def alike(self, rows: Mapping[int, Sequence[Listed]]) -> None:
        for number, found in rows.items():
            node, progress = self.state.graph.nodes[number], self.state.ledger[number]
            self.state.busy.pop(number, None)
            if progress.settled:
                continue
            for row in found:
                self._remember(row)
            self._tell(node, progress, replayed(found, self.state.policy))
            self._tell_made(node, progress)
            self._judge(node, progress, sought=True)

    def built(self, number: int, rows: tuple[Listed, ...]) -> None:
        node, progress = self.state.graph.nodes[number], self.state.ledger[number]
        for row in rows:
            self._remember(row)
        progress.candidates += rows
        if progress.key is not None:
            self.state.makers[progress.key] = number
        progress.runs -= 1
        if progress.runs == 0:
            progress.ran = True
            self._judge(node, progress, sought=True)

    def busy(self, number: int) -> None:
        progress = self.state.ledger[number]
        progress.runs -= 1
        if progress.key is not None and progress.runs == 0:
            self.state.builders.pop(progress.key, None)
            self.state.busy[number] = progress.key

    # Rules.

    def _met(self, number: int) -> None:
        progress = self.state.ledger[number]
        progress.unmet -= 1
        if progress.unmet == 0 and not progress.settled:
            self.ready.append(number)

    def _go_on(self, node: Node, progress: Progress) -> None:
        chosen = self._inputs(node) if node.references else {}
        if chosen:
            entries = ((ref, tuple(row.stored.rref for row in rows)) for ref, rows in chosen.items())
            progress.context = Context(tuple(entries))
        key = input_key(node.recipe.config.resolved(lambda ref: _spell_contents(chosen, ref)), progress.observed)
        progress.key = key
        lefts = [row for ref, rows in chosen.items() if not ref.tolerate for row in rows if not row.stored.is_right]
        if lefts:
            self._settle_left(node.number, key, progress.context, self._blame(lefts))
            return
        progress.candidates = replayed([row for row in progress.own if row.stored.key == key], self.state.policy)
        if progress.candidates:
            progress.key = progress.candidates[0].stored.key  # the same in other words: one to keep, not two
        self._tell_made(node, progress)
        self._judge(node, progress, sought=False)

    def _inputs(self, node: Node) -> dict[Reference, Chosen]:
        ledger = self.state.ledger
        return {
            reference: ledger[need].chosen[reference.matcher]
            for reference, need in zip(node.references, node.needs, strict=True)
        }

    def _judge(self, node: Node, progress: Progress, *, sought: bool) -> None:
        decided = decide(node.recipe, progress.candidates, node.demands, self.state.folder_of)
        if isinstance(decided, Failure):
            self._lose(node.number, decided.failure())
            return
        decision = decided.unwrap()
        if isinstance(decision, Reuse):
            self._settle(node.number, decision.chosen)
        elif progress.ran:
            self._unsatisfied(node, progress, decision)
        elif not sought and progress.key is not None:
            self.seeking.append((node.number, progress.key))
        else:
            self._run(node, progress, decision)

    def _run(self, node: Node, progress: Progress, decision: Build) -> None:
        key = progress.key
        if key is None:
            return
        if key in self.state.builders:
            self.state.followers.setdefault(key, []).append(node.number)
            return
        self.state.builders[key] = node.number
        runs = free_indices(progress.candidates, decision.count, node.recipe.realizer.outputs)
        progress.runs = len(runs)
        self.commands += [Run(node.number, node.dref, key, indices, progress.context) for indices in runs]

    def _unsatisfied(self, node: Node, progress: Progress, decision: Build) -> None:
        """Rule 5: a LEFT stands in the way, or the matcher asks for more than it said."""
        lefts = [row for row in progress.candidates if not row.stored.is_right]
        first = min(lefts, key=lambda row: (row.stored.index, row.stored.rref), default=None)
        chosen: dict[str, Chosen] = {}
        for spelling, matcher in node.demands.items():
            alone = decide(node.recipe, progress.candidates, {spelling: matcher}, self.state.folder_of)
            answer = alone.value_or(decision)
            if isinstance(answer, Reuse):
                chosen.update(answer.chosen)
            elif first is not None:
                chosen[spelling] = (first,)
            else:
                why = f"it got what it asked for and asks for more: {answer.why}"
                self._lose(node.number, Unmatched(node.dref, str(matcher), why))
                return
        self._settle(node.number, chosen)

    def _lose(self, number: int, failure: EngineFailure) -> None:
        """Rule 7: what nothing can be chosen of is lost, with all that stands on it; the rest goes on."""
        self.commands.append(Fail(failure))
        lost = [number]
        while lost:
            each = lost.pop()
            progress = self.state.ledger[each]
            if not progress.settled:
                progress.settled = True
                self.state.open -= 1
                lost += self.state.graph.nodes[each].dependents
        self._tell_followers(number, self.state.ledger[number])

    def _settle(self, number: int, chosen: Mapping[str, Chosen]) -> None:
        state, progress = self.state, self.state.ledger[number]
        progress.chosen, progress.settled = chosen, True
        state.open -= 1
        if progress.ran:
            state.ran += 1
        elif progress.inherited:
            state.inherited += 1
        elif progress.told:
            state.cut_off += 1
        else:
            state.reused += 1
        for rows in chosen.values():
            if not rows[0].stored.is_right or (len(rows) > 1 and any(not row.stored.is_right for row in rows)):
                state.failed += 1
                break
        for dependent in state.graph.nodes[number].dependents:
            self._met(dependent)
        self._tell_followers(number, progress)

    def _tell_followers(self, number: int, progress: Progress) -> None:
        key, state = progress.key, self.state
        if not (state.builders or state.followers):
            return  # nothing is built, as in most runs
        if key is None or state.builders.get(key, number) != number:
            return  # it has no key, or another node builds that key: its followers wait for that one
        state.builders.pop(key, None)
        for follower in state.followers.pop(key, ()):
            other = state.ledger[follower]
            node = state.graph.nodes[follower]
            self._tell(node, other, progress.candidates)
            self._judge(node, other, sought=True)

    def _settle_left(self, number: int, key: Digest, context: Context, cause: Cause) -> None:
        node, progress = self.state.graph.nodes[number], self.state.ledger[number]
        content = content_of(spell_result(cause), None)
        rref = RRef.of(node.dref, key=key.text, index=0, content=content.text)
        realization = Realization(rref, key, 0, content, cause, context=context)
        row = Listed.whole(realization)
        self._remember(row)
        progress.inherited = isinstance(cause, Upstream)
        progress.ran = not progress.inherited
        if all(each.stored.rref != rref for each in progress.own):
            self.commands.append(Keep(number, realization))
        self._settle(number, dict.fromkeys(node.demands, (row,)))

    def _tell_made(self, node: Node, progress: Progress) -> None:
        """Rule 4: what this run made under the same key may not be stored yet, so no `Seek` would find it."""
        maker = None if progress.key is None else self.state.makers.get(progress.key)
        if maker is not None and self.state.ledger[maker].settled:
            self._tell(node, progress, self.state.ledger[maker].candidates)

    def _tell(self, node: Node, progress: Progress, rows: Iterable[Listed]) -> None:
        """Rule 3: tell realizations of other derivations under this node's own name.

        They are told in the order in which they were made, each once, and after
        what the node has: matchers that ask for times must choose now as they
        will when all of it is stored.
        """
        have = {(row.stored.index, row.stored.content) for row in progress.candidates}
        latest = max((row.stored.created for row in progress.candidates), default=0.0)
        for row in sorted(rows, key=_order_of_making):
            stored, realization = row.stored, row.realization
            if (stored.index, stored.content) in have or realization is None:
                continue
            have.add((stored.index, stored.content))
            if stored.rref.dref == node.dref:
                progress.candidates.append(row)
                continue
            latest = max(stored.created, nextafter(latest, inf))
            retold = realization.retold(node.dref, progress.context, latest)
            progress.candidates.append(Listed.whole(retold))
            progress.told = True
            self.commands.append(Keep(node.number, retold))
            self._remember(progress.candidates[-1])

    def _blame(self, lefts: Sequence[Listed]) -> Upstream:
        roots: dict[RRef, Root] = {}
        total = 0
        for row in lefts:
            rref = row.stored.rref
            cause = self.state.causes[rref]
            total = max(total, cause.total) if isinstance(cause, Upstream) else total
            inherited = cause.roots if isinstance(cause, Upstream) else (Root(rref, cause.reason),)
            roots.update((root.rref, root) for root in inherited)
        ordered = sorted(roots.values(), key=lambda root: root.rref)
        return Upstream(tuple(ordered[:MAX_ROOTS]), max(total, len(ordered)))

    def _remember(self, row: Listed) -> None:
        view = None if row.stored.is_right else row.view
        if view is not None and not isinstance(view.result, Value):
            self.state.causes[row.stored.rref] = view.result


def _order_of_making(row: Listed) -> tuple[float, int, RRef]:
    return (row.stored.created, row.stored.index, row.stored.rref)


def _spell_contents(chosen: Mapping[Reference, Chosen], reference: Reference) -> str:
    """What stands in the place of a reference when the input key is made."""
    contents = ",".join(f'"{row.stored.content.text}"' for row in chosen[reference])
    return f'{{"$is":[{contents}],"take":"{reference.take.value}","tolerate":{str(reference.tolerate).lower()}}}'
