"""A store that shares: while a run goes on, it asks caches for what is not stored, and brings them what is made.

Rules:

- Caches are asked during a run alone, which begins and ends with the events that
  `SharingStore.hear` hears: to look at a plan changes nothing.
- `alike` asks the store first. Keys of which nothing is stored are asked of the
  first cache, what is not found there of the next, all keys at once. Hits are
  stored as everything is, and the answer is what is stored then.
- `commit` stores first. What it stored is brought to the caches that take it when
  enough has come together, or some time has passed, and when the run ends.
- Trouble with a cache is told, once a run, and otherwise none: what it does not
  give is made here. After some troubles in a row it is left alone until the run
  is over. What is refused is told each time.
- It is left alone too when to ask it takes much longer than to make what it
  gives, by what its records say of that, unless nothing may run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, final

from returns.io import IOResult
from returns.result import Failure, Result

from lightfx.core.failures import EngineFailure, sentence
from lightfx.core.inventory import Item
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.refs import RRef
from lightfx.effects.journal import CacheRefused, CacheWarned, Journal, JournalEvent, Pulled, Pushed, RunBegan, RunEnded
from lightfx.effects.store import Entry, Store
from lightfx.effects.world import Perform
from lightfx.plan.rebuild import replayed
from lightfx.plan.replay import replay_by_cause
from lightfx.plan.sharing import Told, trees_of
from lightfx.shell.cache.around import Around
from lightfx.shell.cache.catalogue import Catalogue
from lightfx.shell.cache.following import asked_by, followed
from lightfx.shell.cache.partner import Partner
from lightfx.shell.cache.pulling import believed, take_in
from lightfx.shell.cache.pushing import Pushing

ENOUGH: Final = 512
OFTEN: Final = 10.0
SELDOM: Final = 10
"""So many times as long as bringing took passes before it is done again, unless much has come together."""

PACE: Final = 1 << 20
"""Bytes a second at which files may come: that is no waiting."""


@final
class SharingStore(Around):
    """A store that asks caches. Implements `lightfx.effects.store.Store`."""

    def __init__(
        self,
        store: Store,
        partners: Sequence[Partner],
        journal: Journal,
        perform: Perform,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(store)
        self._catalogues = [Catalogue(partner, elapsed) for partner in partners]
        self._journal, self._perform, self._elapsed = journal, perform, elapsed
        self._running = False
        self._unbrought: list[Entry] = []
        self._since, self._pause = 0.0, OFTEN
        self._warned: set[str] = set()
        self._refused: set[tuple[str, str]] = set()
        self._futile: set[tuple[str, RRef]] = set()

    def hear(self, event: JournalEvent) -> None:
        """Hear of a run that begins or ends."""
        if isinstance(event, RunBegan):
            self._running, self._pause = True, OFTEN
            self._warned.clear()
            self._refused.clear()
            self._futile.clear()
            for catalogue in self._catalogues:
                catalogue.partner.begin_anew(hurried=not event.only_stored)
        elif isinstance(event, RunEnded):
            self._running = False
            self._bring()

    # Asking.

    def alike(self, keys: Sequence[Digest]) -> IOResult[Sequence[Listed], EngineFailure]:
        """List what is stored under these keys, after what is missing was asked of the caches."""
        rows = self.store.alike(keys)
        if not (self._running and self._catalogues and keys):
            return rows
        return rows.bind(lambda found: self._alike(keys, found))

    def _alike(self, keys: Sequence[Digest], rows: Sequence[Listed]) -> IOResult[Sequence[Listed], EngineFailure]:
        # A LEFT that would be tried again is none that keeps from asking: others may have come further.
        known = {row.stored.key for row in replayed(rows, replay_by_cause)}
        lacking = [key for key in dict.fromkeys(keys) if key not in known]
        pulled = 0
        for catalogue in self._catalogues:
            if not lacking:
                break
            came = self._pull(catalogue, lacking)
            pulled += len(came)
            lacking = [key for key in lacking if key not in came]
        return self.store.alike(keys) if pulled else IOResult.from_value(rows)

    def _pull(self, catalogue: Catalogue, keys: Sequence[Digest]) -> frozenset[Digest]:
        """Pull what a cache has under these keys; gives the keys under which something came."""
        partner = catalogue.partner
        began = partner.elapsed()
        told = catalogue.told_of(key.text for key in keys)
        # What is futile is judged as well: it may be the other answer of a builder who gave two.
        trusted = [
            each for each in believed(told, partner) if (partner.name, each.realization.rref) not in self._futile
        ]
        offered = {each.realization.rref: each for each in told}

        def weigh(came: Sequence[RRef]) -> None:
            nonlocal began
            before, began = began, partner.elapsed()
            partner.weigh(began - before, sum(_worth(offered[rref]) for rref in came if rref in offered))

        taken = followed(trusted, asked_by, catalogue, self.store).bind(
            lambda all_told: take_in(all_told, partner, self.store, weigh)
        )
        weigh(())
        rrefs = set(taken.value_or(()))
        self._report(partner, taken)
        self._futile.update(
            (partner.name, each.realization.rref) for each in told if each.realization.rref not in rrefs
        )
        if rrefs:
            self._tell(Pulled(partner.name, len(rrefs)))
        return frozenset(each.realization.key for each in told if each.realization.rref in rrefs)

    # Bringing.

    def commit(self, entries: Sequence[Entry]) -> IOResult[None, EngineFailure]:
        """Store realizations, and bring them to the caches that take them, now or later."""
        return self.store.commit(entries).map(lambda _: self._note(entries))

    def _note(self, entries: Sequence[Entry]) -> None:
        if not any(catalogue.partner.terms.pushes for catalogue in self._catalogues):
            return
        now = self._elapsed()
        if not self._unbrought:
            self._since = now
        self._unbrought += entries
        if len(self._unbrought) >= ENOUGH or now - self._since >= self._pause:
            self._bring()

    def _bring(self) -> None:
        entries, self._unbrought = self._unbrought, []
        for catalogue in self._catalogues:
            partner = catalogue.partner
            if not entries or not partner.terms.pushes or partner.is_left_alone:
                continue
            began = partner.elapsed()
            brought = Pushing(partner, catalogue, self.store).run(entries)
            self._pause = max(self._pause, SELDOM * (partner.elapsed() - began))
            self._report(partner, brought)
            if rrefs := brought.value_or(()):
                self._tell(Pushed(partner.name, len(rrefs)))

    def close(self) -> IOResult[None, EngineFailure]:
        """Bring what is left to bring, and give back what is held."""
        self._bring()
        for catalogue in self._catalogues:
            self._perform.result(catalogue.partner.cache.close())
        return self.store.close()

    # Telling.

    def _report(self, partner: Partner, result: Result[object, EngineFailure]) -> None:
        for refusal in partner.refusals():
            if (partner.name, refusal.what) not in self._refused:
                self._refused.add((partner.name, refusal.what))
                self._tell(CacheRefused(partner.name, refusal.what, refusal.why))
        failure: EngineFailure | None = result.failure() if isinstance(result, Failure) else partner.trouble
        if failure is not None and partner.name not in self._warned:
            self._warned.add(partner.name)
            self._tell(CacheWarned(partner.name, partner.why if failure is partner.trouble else sentence(failure)))

    def _tell(self, event: JournalEvent) -> None:
        self._perform.value(self._journal.tell(event))


def _worth(told: Told) -> float:
    """The seconds that a record saves: those that it took to make, and those that its files may take to come."""
    offered = {} if told.group is None else told.group.objects
    size = sum(entry.size for tree in trees_of(told.realization, offered) for entry in offered[tree])
    return Item.of(told.realization).seconds + size / PACE
