"""Carrying garbage collection out, crash-safe, by one who is alone on the store.

Whoever has a store open may be reading any of it, or have found something there
that he is about to refer to. So an open store is a lease on all that is in it:
while another process has it open nothing is removed (`claims.Claims.alone`),
and who opens it waits until a removal under way is over.

The order: what stays of the groups that hold garbage is written into new
groups, synced; then the old ones go, synced; then objects are renamed into the
trash, synced; then the store is everybody's again; then the trash is emptied.
Killed at any moment, the store holds all that was to stay, some of it perhaps
twice, and perhaps some garbage, which goes the next time. The trash lies in the
private folder, so that the next who opens the store empties that of the dead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TypeAlias, final

from attrs import Factory, define, frozen

from lightfx.core.config import Config
from lightfx.core.failures import InUse
from lightfx.core.inventory import Garbage, Inventory, Item
from lightfx.core.layout import OBJECTS, records_path
from lightfx.core.names import Digest
from lightfx.core.realization import Realization
from lightfx.core.refs import DRef, RRef
from lightfx.shell.disk import REAL, Disk
from lightfx.shell.store.claims import Claims
from lightfx.shell.store.groups import AT_ONCE, Groups, Subject
from lightfx.shell.store.objects import Objects
from lightfx.shell.store.rooting import Roots
from lightfx.shell.store.sync import sync_path, write_durably
from lightfx.shell.store.tree import remove_tree
from lightfx.shell.store.trouble import StoreTroubleError

_About: TypeAlias = RRef | DRef | str
"""What a line is about, by its name: a realization, a derivation, or a code."""


@define(eq=False)
class _Survey:
    """What all groups say: of each realization the record that counts, whose code is whose, and which line is whose."""

    best: dict[RRef, tuple[tuple[bool, bool, float], Item]] = Factory(dict)
    sizes: dict[RRef, int] = Factory(dict)
    codes: dict[DRef, str] = Factory(dict)
    lines: dict[str, list[_About]] = Factory(dict)

    def add(self, group: str, line: bytes, subject: Subject) -> None:
        self.lines.setdefault(group, []).append(subject.rref if isinstance(subject, Realization) else subject)
        if isinstance(subject, DRef):
            text = line.decode(errors="replace")
            self.codes[subject] = _config(text, subject).fingerprint
        elif isinstance(subject, Realization):
            rank = subject.precedence
            known = self.best.get(subject.rref)
            self.sizes[subject.rref] = self.sizes.get(subject.rref, 0) + len(line)
            if known is None or rank < known[0]:
                self.best[subject.rref] = (rank, Item.of(subject))

    def items(self) -> list[Item]:
        return [
            Item(item.rref, item.key, item.created, item.seconds, item.needs, item.trees, self.sizes[item.rref])
            for _, item in self.best.values()
        ]


def _config(line: str, dref: DRef) -> Config:
    return Config(line[len('{"config":') : -len(f',"derivation":"{dref.text}"}}\n')])


@final
@frozen
class _Gone:
    """What is to be in no record any more."""

    rrefs: Set[RRef]
    drefs: Set[DRef]
    codes: Set[str]

    def __contains__(self, about: _About) -> bool:
        if isinstance(about, RRef):
            return about in self.rrefs
        return about in self.drefs if isinstance(about, DRef) else about in self.codes


@final
@frozen
class Collector:
    """Collects the garbage of the store at ``root``; ``reread`` brings the index up."""

    root: Path
    private: Path
    claims: Claims
    groups: Groups
    objects: Objects
    roots: Roots
    reread: Callable[[], None]
    disk: Disk = REAL

    def inventory(self) -> Inventory:
        """List all that is there."""
        return self._inventory(self._survey(), {})

    def collect(self, judge: Callable[[Inventory], Garbage]) -> Garbage:
        """Remove what ``judge`` says; raises `StoreTroubleError` where others have the store open."""
        self._refuse_among_others(alone=not self.claims.others())  # before anything takes long: who waits asks again
        # To count bytes takes long, and they never change: most of it is done before others have to wait.
        sizes = self.objects.sizes(self.objects.every())
        trash = self.private / f"trash-{uuid.uuid4().hex}"
        with self.claims.alone() as alone:
            self._refuse_among_others(alone=alone)
            survey = self._survey()
            garbage = judge(self._inventory(survey, sizes))
            self._forget(survey, frozenset(garbage.rrefs))
            moved = self.objects.move_out(garbage.objects, trash, logs=True)
            if moved:
                sync_path(self.root / OBJECTS, self.disk)
            self.roots.sweep()
        if moved:
            remove_tree(trash, self.disk)
        return garbage

    def _refuse_among_others(self, *, alone: bool) -> None:
        if not alone or self.claims.building:
            ours = ("a run in this process",) if self.claims.building else ()
            raise StoreTroubleError(InUse(self.root, (*ours, *self.claims.others())))

    def _survey(self) -> _Survey:
        survey = _Survey()
        for name in sorted(self.groups.names()):
            for line, subject in self.groups.lines(name):
                survey.add(name, line, subject)
        return survey

    def _inventory(self, survey: _Survey, known: dict[Digest, int]) -> Inventory:
        there = self.objects.every()
        fresh = self.objects.sizes([tree for tree in there if tree not in known])
        objects = {tree: size for tree in there if (size := known.get(tree, fresh.get(tree))) is not None}
        return Inventory(survey.items(), objects, self.roots.every())

    def _forget(self, survey: _Survey, rrefs: Set[RRef]) -> None:
        """Write what stays of the groups that hold garbage anew, and then remove those."""
        if not rrefs:
            return
        gone = _gone(survey, rrefs)
        old = {name: lines for name, lines in survey.lines.items() if any(each in gone for each in lines)}
        for data in self._remains(old, gone):
            name = records_path(Digest.of(data)).name
            write_durably(self.groups.folder / name, [data], self.private / name, self.disk)
        for name in old:
            self.disk.unlink(self.groups.folder / name)
        sync_path(self.groups.folder, self.disk)
        self.reread()

    def _remains(self, old: Mapping[str, Sequence[_About]], gone: _Gone) -> Iterator[bytes]:
        """Give what stays, in pieces that are each a group."""
        pieces: list[bytes] = []
        size = 0
        for name, about in old.items():
            lines = self.groups.whole(name).splitlines(keepends=True)
            kept = [line for line, each in zip(lines, about, strict=True) if each not in gone]
            pieces += kept
            size += sum(map(len, kept))
            if size > AT_ONCE:
                yield b"".join(dict.fromkeys(pieces))
                pieces, size = [], 0
        if pieces:
            yield b"".join(dict.fromkeys(pieces))


def _gone(survey: _Survey, rrefs: Set[RRef]) -> _Gone:
    """With the last realization of a derivation goes its config, and with the last config what its code consists of."""
    staying = {rref.dref for rref in survey.best if rref not in rrefs}
    drefs = {rref.dref for rref in rrefs} - staying
    codes = {survey.codes[dref] for dref in drefs if dref in survey.codes}
    used = {code for dref, code in survey.codes.items() if dref not in drefs}
    return _Gone(rrefs, drefs, codes - used)
