"""EngineFailure: every trouble of the engine itself, on one screen.

A failure carries facts (paths, references, causes), and is never stored; the
faces put it into words. The tree::

    EngineFailure
    ├── the store cannot be used
    │   ├── NoStore           nothing is there
    │   ├── NotAStore         something else is there
    │   ├── UnknownFormat     a store of another version
    │   └── SplitStore        folders of it on different file systems
    ├── BadKey                a key that cannot be used: missing, malformed, or open to others
    ├── the system refused
    │   ├── NotPermitted      no right to read or write
    │   ├── DiskFull          no space, no quota, no inodes
    │   └── SystemTrouble     any other error of the operating system
    ├── the store is damaged
    │   ├── DamagedRecord     a record that cannot be read
    │   ├── DamagedObject     files that are not what they are named by
    │   ├── MissingObject     files that are gone
    │   └── IndexTrouble      the index answered with an error; it can be deleted
    ├── Closed                the world was closed before
    ├── InUse                 others have the store open, and it must be had alone
    ├── NotStored             nothing is stored under a reference
    ├── BadArchive            an archive of realizations that cannot be taken in
    ├── CacheTrouble          a cache does not answer, or refuses
    ├── the plan cannot be carried out
    │   ├── Unmatched         a matcher refused, failed, or is never satisfied
    │   ├── Undecodable       a stored value does not fit the stage's annotation
    │   ├── CodeChanged       the code that would run is not the code that was planned
    │   ├── NotRealized       it would have to run, and nothing may
    │   ├── CannotFit         it takes more of the machine than there is
    │   └── Unshippable       a stage that no worker process can be given
    ├── PoolLost              the worker processes cannot be started or reached
    └── Interrupted           the user asked to stop
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias, final

from attrs import frozen

from lightfx.core.damage import DamagedObject, MissingObject
from lightfx.core.refs import DRef


@final
@frozen
class NoStore:
    """There is no store at ``path``."""

    path: Path


@final
@frozen
class NotAStore:
    """What is at ``path`` is no store: ``why``."""

    path: Path
    why: str


@final
@frozen
class UnknownFormat:
    """The store at ``path`` has format ``found``; this version reads ``known``."""

    path: Path
    found: str
    known: int


@final
@frozen
class SplitStore:
    """Nothing can be moved from the folder ``source`` to the folder ``target``, which are of one store."""

    source: str
    target: str


@final
@frozen
class BadKey:
    """The key at ``path`` cannot be used: ``why``."""

    path: Path
    why: str


@final
@frozen
class NotPermitted:
    """The system does not let us ``act`` on ``path``."""

    path: str
    act: str


@final
@frozen
class DiskFull:
    """There was no room to ``act`` on ``path``."""

    path: str
    act: str


@final
@frozen
class SystemTrouble:
    """The operating system answered ``message`` to ``act`` on ``path``."""

    path: str
    act: str
    message: str


@final
@frozen
class DamagedRecord:
    """The record at ``place`` cannot be read: ``why``."""

    place: str
    why: str


@final
@frozen
class IndexTrouble:
    """The index of the store answered ``message``."""

    path: Path
    message: str


@final
@frozen
class Closed:
    """The world on the store at ``path`` is closed."""

    path: Path


@final
@frozen
class InUse:
    """``who`` have the store at ``path`` open, and what was asked for is done by one who is alone on it."""

    path: Path
    who: tuple[str, ...]


@final
@frozen
class NotStored:
    """Nothing is stored under ``ref``, or ``why`` says what is missing of it."""

    ref: str
    why: str = ""


@final
@frozen
class BadArchive:
    """The archive at ``path`` is refused: ``why``. Nothing of it was stored."""

    path: Path
    why: str


@final
@frozen
class CacheTrouble:
    """The cache called ``cache`` did not ``act``: ``why``. No run fails of it."""

    cache: str
    act: str
    why: str


@final
@frozen
class Unmatched:
    """Matcher ``matcher`` gave no choice among the realizations of ``dref``: ``why``."""

    dref: DRef
    matcher: str
    why: str


@final
@frozen
class Undecodable:
    """A stored realization of ``dref`` does not fit the annotation of its stage: ``why``."""

    dref: DRef
    why: str


@final
@frozen
class CodeChanged:
    """The code of the stage behind ``dref`` changed after it was planned."""

    dref: DRef


@final
@frozen
class NotRealized:
    """``dref`` would have to run, and nothing may."""

    dref: DRef


@final
@frozen
class CannotFit:
    """A task for ``dref`` never fits what there is for tasks: ``why``."""

    dref: DRef
    why: str


@final
@frozen
class Unshippable:
    """No worker process can be given the stage behind ``dref``: ``why``."""

    dref: DRef
    why: str


@final
@frozen
class PoolLost:
    """The worker processes cannot be started or reached: ``why``."""

    why: str


@final
@frozen
class Interrupted:
    """The user asked to stop; what had finished is stored."""


EngineFailure: TypeAlias = (
    NoStore
    | NotAStore
    | UnknownFormat
    | SplitStore
    | BadKey
    | NotPermitted
    | DiskFull
    | SystemTrouble
    | DamagedRecord
    | DamagedObject
    | MissingObject
    | IndexTrouble
    | Closed
    | InUse
    | NotStored
    | BadArchive
    | CacheTrouble
    | Unmatched
    | Undecodable
    | CodeChanged
    | NotRealized
    | CannotFit
    | Unshippable
    | PoolLost
    | Interrupted
)


class EngineError(Exception):
    """Raised on an `EngineFailure`, which is in ``failure``.

    By `open_world`, `unwrap`, `evaluate`, `evaluate_all` and `World.table`; all
    else gives the failure as a value.

    >>> EngineError(PoolLost("no memory")).failure
    PoolLost(why='no memory')
    """

    def __init__(self, failure: EngineFailure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return sentence(self.failure)


FEW: Final = 3
_MEND: Final = "`lightfx verify --repair` makes its files again"


def sentence(failure: EngineFailure) -> str:
    """Put a failure into words: one line, with what to do where that is known.

    >>> sentence(NoStore(Path("results")))
    'results: there is no store here'
    """
    match failure:
        case NoStore(path):
            return f"{path}: there is no store here"
        case NotAStore(path, why):
            return f"{path}: this is no lightfx store: {why}"
        case UnknownFormat(path, found, known):
            return (
                f"{path}: the store has format {found}, and this lightfx knows format {known}: "
                "use the lightfx that made it, or a newer one"
            )
        case NotPermitted(where, act):
            return f"{where}: no permission to {act}"
        case DiskFull(where, act):
            return (
                f"{where}: the disk is full: no room to {act}; "
                "what was stored before is safe, free some space and run again"
            )
        case SystemTrouble(where, act, message):
            return f"{where}: cannot {act}: {message}"
        case DamagedRecord(place, why):
            return f"{place}: a damaged record: {why}"
        case IndexTrouble(path, message) if "locked" in message:
            return (
                f"{path}: another process holds the index of the store, and did so for a minute: try again, or end it"
            )
        case IndexTrouble(path, message):
            return (
                f"{path}: the index of this store cannot be used: {message}; "
                "delete index.sqlite, with its -wal and -shm, and nothing else: it is made anew from the records"
            )
        case Closed(path):
            return f"{path}: the world on this store is closed: open another"
        case (
            SplitStore()
            | InUse()
            | NotStored()
            | BadArchive()
            | BadKey()
            | DamagedObject()
            | MissingObject()
            | CacheTrouble()
        ):
            return _sentence_on_holdings(failure)
        case _:
            return _sentence_on_plan(failure)


def _sentence_on_holdings(
    failure: SplitStore | InUse | NotStored | BadArchive | BadKey | DamagedObject | MissingObject | CacheTrouble,
) -> str:
    match failure:
        case SplitStore(source, target):
            return (
                f"nothing can be moved from {source} to {target}: they are on two file systems, mounts or layers, and a"
                " store lies on one: unmount what is mounted apart, or move the whole store, and run again"
            )
        case DamagedObject():
            return f"{failure.path}: the object {failure.tree} is damaged{_whose(failure)}: {_harm(failure)}; {_MEND}"
        case MissingObject(tree):
            return f"the object {tree} is gone from the store{_whose(failure)}; {_MEND}"
        case InUse(path, who):
            return f"{path}: others have the store open ({', '.join(who) or 'they just left'}): try again, or wait"
        case NotStored(ref, why):
            return f"{ref}: {why}" if why else f"nothing is stored of {ref}"
        case BadArchive(path, why):
            return f"{path}: the archive is refused: {why}"
        case BadKey(path, why):
            return f"{path}: the key cannot be used: {why}"
        case CacheTrouble(cache, act, why):
            return f"the cache {cache}: cannot {act}: {why}"


def _harm(damage: DamagedObject) -> str:
    facts = [damage.why, "" if damage.found is None else f"what is there now is {damage.found}"]
    if damage.files:
        more = f" and {len(damage.files) - FEW:,} more" if len(damage.files) > FEW else ""
        facts.insert(0, f"what differs is {', '.join(damage.files[:FEW])}{more}")
    return ", ".join(filter(None, facts))


def _whose(damage: DamagedObject | MissingObject) -> str:
    return f" (of {', '.join(each.text for each in damage.rrefs[:FEW])})" if damage.rrefs else ""


def _sentence_on_plan(
    failure: Unmatched | Undecodable | CodeChanged | NotRealized | CannotFit | Unshippable | PoolLost | Interrupted,
) -> str:
    match failure:
        case Unmatched(dref, matcher, why):
            return f"{dref}: the matcher {matcher} chooses nothing: {why}"
        case Undecodable(dref, why):
            return f"{dref}: a stored value does not fit the stage's annotation: {why}"
        case CodeChanged(dref):
            return (
                f"{dref}: its code, or something that the code refers to, changed after it was planned: "
                "plan again by calling the stage"
            )
        case NotRealized(dref):
            return f"{dref}: it is not realized, and nothing may run"
        case CannotFit(dref, why):
            return f"{dref}: it can never run here: a task {why}"
        case Unshippable(dref, why):
            return f"{dref}: cannot be given to a worker process: {why}"
        case PoolLost(why):
            return f"the worker processes are lost: {why}"
        case Interrupted():
            return "interrupted: what had finished is stored, run again to go on"
