"""The desk: one step's work on the ledger, and the rules by which a node is judged and settled.

`lightfx.plan.schedule` states the rules and takes events in; here they are
carried out on one node at a time. Work goes through lists, not the stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, nextafter
from typing import final

from attrs import Factory, define
from returns.result import Failure

from lightfx.core.config import Reference
from lightfx.core.failures import CannotFit, EngineFailure, NotRealized, Unmatched
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.outcome import MAX_ROOTS, Cause, Root, Upstream
from lightfx.core.realization import Asked, Context, Realization, Selection, Value, content_of, key_with
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.terms import PLAIN
from lightfx.plan.budget import lacking
from lightfx.plan.graph import Node
from lightfx.plan.holding import hold, let_go
from lightfx.plan.ledger import Chosen, Progress, State
from lightfx.plan.moves import Command, Drop, Fail, Keep, Run
from lightfx.plan.rebuild import Build, Reuse, decide, free_indices


@final
@define(eq=False)
class Desk:
    """One step's work: nodes that became ready, keys to seek, and the commands so far."""

    state: State
    ready: list[int] = Factory(list)
    seeking: list[tuple[int, Digest]] = Factory(list)
    commands: list[Command] = Factory(list)

    def met(self, number: int) -> None:
        """Count one thing that a node waits for as there."""
        progress = self.state.ledger[number]
        progress.unmet -= 1
        if progress.unmet == 0 and (not progress.settled or (progress.aside is not None and progress.aside.held)):
            self.ready.append(number)

    def remember(self, row: Listed) -> None:
        """Keep the cause of a LEFT, for those who will blame it."""
        view = None if row.stored.is_right else row.view
        if view is not None and not isinstance(view.result, Value):
            self.state.causes[row.stored.rref] = view.result

    # Judging.

    def judge(self, node: Node, progress: Progress, *, sought: bool) -> None:
        """Settle a node whose matchers are satisfied; look for more, or make more, where one is not."""
        decided = decide(node.recipe, progress.candidates, node.demands, self.state.folder_of)
        if isinstance(decided, Failure):
            self.lose(node.number, decided.failure())
            return
        decision = decided.unwrap()
        if isinstance(decision, Reuse):
            self.settle(node.number, decision.chosen)
        elif progress.shadow and (sought or progress.key is None):
            self.settle(node.number, {})
        elif progress.ran:
            again = self._asked_again(node, progress)
            if again is None:
                self._unsatisfied(node, progress, decision)
            else:
                self.run(node, progress, again)
        elif not sought and progress.key is not None:
            self.seeking.append((node.number, progress.key))
        else:
            self.run(node, progress, decision)

    def run(self, node: Node, progress: Progress, decision: Build) -> None:
        """Run a node, or wait for another that runs under the same key."""
        key = progress.key
        if key is None:
            return
        if not self.may_run(node.number):
            self.lose(node.number, NotRealized(node.dref))
            return
        if self.lacks(node.number):
            return
        if self.state.builders.get(key, node.number) != node.number:
            self.state.followers.setdefault(key, []).append(node.number)
            return
        self.state.builders[key] = node.number
        forced = node.dref in self.state.wishes.force
        before = [row for row in progress.own if row.stored.key == key] if forced else []
        taken = [*before, *progress.candidates]
        runs = free_indices(taken, decision.count, node.recipe.realizer.terms.outputs)
        progress.runs = len(runs)
        self.commands += [Run(node.number, node.dref, key, indices, progress.context) for indices in runs]

    def may_run(self, number: int) -> bool:
        """Whether a node may run at all, to make outputs or to make files again."""
        terms = self.state.graph.nodes[number].recipe.realizer.terms
        return not (terms.stored_only or self.state.wishes.only_stored)

    def lacks(self, number: int) -> bool:
        """Refuse a node whose task can never fit, and tell whether it was refused."""
        recipe, wishes = self.state.graph.nodes[number].recipe, self.state.wishes
        if recipe.realizer.terms.resources is PLAIN or self.state.ledger[number].settled:
            return False
        why = lacking(recipe.realizer.terms.resources, wishes.limits)
        if why:
            self.lose(number, CannotFit(recipe.dref, why))
        return bool(why)

    def judge_when_over(self, node: Node, progress: Progress) -> None:
        """Judge a node of which no run is outstanding, nor held."""
        held = progress.aside is not None and progress.aside.held
        if progress.runs == 0 and not held and not progress.settled:
            progress.ran = True
            self.judge(node, progress, sought=True)

    def _asked_again(self, node: Node, progress: Progress) -> Build | None:
        """Rule 5: say what matchers ask for that may ask again; each run brings candidates, so this comes to an end."""
        there = len(progress.candidates)
        budgets = {spelling: matcher.budget or 0 for spelling, matcher in node.demands.items()}
        asking = {spelling: node.demands[spelling] for spelling, budget in budgets.items() if budget > there}
        decided = decide(node.recipe, progress.candidates, asking, self.state.folder_of).value_or(None)
        if not isinstance(decided, Build):
            return None
        room = max(budgets[spelling] for spelling in asking) - there
        return Build(min(decided.count, room), decided.why)

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
                self.lose(node.number, Unmatched(node.dref, str(matcher), why))
                return
        self.settle(node.number, chosen)

    # Settling.

    def settle(self, number: int, chosen: Mapping[str, Chosen]) -> None:
        """Settle a node once and for all, and tell those who waited for it."""
        state, progress, node = self.state, self.state.ledger[number], self.state.graph.nodes[number]
        progress.chosen, progress.settled = chosen, True
        if not progress.shadow:
            state.open -= 1
            self._count(progress, chosen)
        for dependent in node.dependents:
            self.met(dependent)
        if state.users:
            hold(state, number, number)
            self._used_up(number)
        self.tell_followers(number, progress)

    def _count(self, progress: Progress, chosen: Mapping[str, Chosen]) -> None:
        state = self.state
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
                if state.wishes.stop_after is not None:
                    state.roots.update(self._roots(rows))
                break

    def _roots(self, rows: Chosen) -> Iterable[DRef]:
        """What is LEFT of itself among ``rows``, or behind them: roots may be in shadows, which count for nothing."""
        for row in rows:
            if not row.stored.is_right:
                cause = self.state.causes[row.stored.rref]
                roots = cause.roots if isinstance(cause, Upstream) else ()
                yield from (root.rref.dref for root in roots) if roots else (row.stored.rref.dref,)

    def _used_up(self, number: int) -> None:
        """Drop the files of ephemeral nodes that this one was the last to use."""
        node, aside = self.state.graph.nodes[number], self.state.ledger[number].aside
        needs = {*node.needs, *(aside.asked.values() if aside is not None else ())}
        trees: list[Digest] = []
        for need in needs & self.state.users.keys():
            self.state.users[need] -= 1
            if not self.state.users[need]:
                trees += let_go(self.state, need, need)
        self._drop(trees)

    def let_go(self, numbers: Iterable[int], holder: int) -> None:
        """Drop the files of nodes that were held for ``holder`` alone."""
        self._drop([tree for number in sorted(numbers) for tree in let_go(self.state, number, holder)])

    def _drop(self, trees: Sequence[Digest]) -> None:
        if trees:
            self.commands.append(Drop(tuple(dict.fromkeys(trees))))

    def settle_left(
        self,
        number: int,
        key: Digest,
        context: Context,
        cause: Cause,
        *,
        asked: Asked = (),
        selections: tuple[Selection, ...] = (),
    ) -> None:
        """Settle a node as LEFT without a run of it."""
        node, progress = self.state.graph.nodes[number], self.state.ledger[number]
        content = content_of(spell_result(cause), None)
        rref = RRef.of(node.dref, key=key_with(key, asked), index=0, content=content.text)
        realization = Realization(rref, key, 0, content, cause, context=context, asked=asked, selections=selections)
        row = Listed.whole(realization)
        self.remember(row)
        progress.inherited = isinstance(cause, Upstream) or progress.shadow
        progress.ran = not progress.inherited
        known = any(each.stored.rref == rref for each in progress.own) and not selections
        if not progress.shadow and not known:
            self.commands.append(Keep(number, realization))
        progress.candidates.append(row)
        self.settle(number, dict.fromkeys(node.demands, (row,)))

    def lose(self, number: int, failure: EngineFailure) -> None:
        """Rule 7: what nothing can be chosen of is lost, with all that stands on it; the rest goes on."""
        if not self.state.ledger[number].shadow:
            self.commands.append(Fail(failure))
        self.sink(number)

    def sink(self, number: int) -> None:
        """Take a node, with all that stands on it, out of the run; a shadow comes to nothing."""
        if self.state.ledger[number].shadow:
            self.settle(number, {})
            return
        lost, sunk = [number], list[int]()
        while lost:
            each = lost.pop()
            progress = self.state.ledger[each]
            if not progress.settled:
                progress.settled = True
                self.state.open -= not progress.shadow
                lost += self.state.graph.nodes[each].dependents
                sunk.append(each)
            elif progress.aside is not None and progress.aside.held:
                self.met(each)  # it is to be made again, and asked for what is lost
        for each in sunk:
            self.tell_followers(each, self.state.ledger[each])

    def blame(self, lefts: Sequence[Listed]) -> Upstream:
        """Name the roots of what a node stands on."""
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

    # Telling.

    def tell_followers(self, number: int, progress: Progress) -> None:
        """Tell those that waited for the run of a key what came of it."""
        key = progress.key
        if not (self.state.builders or self.state.followers):
            return  # nothing is built, as in most runs
        if key is None or self.state.builders.get(key, number) != number:
            return  # it has no key, or another node builds that key: its followers wait for that one
        self.state.builders.pop(key, None)
        for follower in self.state.followers.pop(key, ()):
            other = self.state.ledger[follower]
            node = self.state.graph.nodes[follower]
            if not other.settled:
                self.tell(node, other, progress.candidates)
                self.judge(node, other, sought=True)

    def tell_made(self, node: Node, progress: Progress) -> None:
        """Rule 4: what this run made under the same key may not be stored yet, so no `Seek` would find it."""
        maker = None if progress.key is None else self.state.makers.get(progress.key)
        if maker is not None and self.state.ledger[maker].settled:
            self.tell(node, progress, self.state.ledger[maker].candidates)

    def tell(self, node: Node, progress: Progress, rows: Iterable[Listed]) -> None:
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
            retold = realization.retold(node.dref, _context(progress, realization), latest)
            progress.candidates.append(Listed.whole(retold))
            progress.told = True
            if not progress.shadow:
                self.commands.append(Keep(node.number, retold))
            self.remember(progress.candidates[-1])


def _context(progress: Progress, realization: Realization) -> Context:
    """The context of a realization told anew: this node's own, with what the other asked for as it ran."""
    if not realization.asked:
        return progress.context
    asked = {reference for reference, _ in realization.asked}
    extra = tuple(entry for entry in realization.context.entries if entry[0] in asked)
    return Context((*progress.context.entries, *extra))


def _order_of_making(row: Listed) -> tuple[float, int, RRef]:
    return (row.stored.created, row.stored.index, row.stored.rref)


def spell_contents(rows: Chosen, reference: Reference) -> str:
    """What stands in the place of a reference when the input key is made."""
    contents = ",".join(f'"{row.stored.content.text}"' for row in rows)
    return f'{{"$is":[{contents}],"take":"{reference.take.value}","tolerate":{str(reference.tolerate).lower()}}}'
