"""What changed, and other reasons to run or not, in words and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from attrs import asdict

from lightfx.cli.words import counted, outcome, titled
from lightfx.core.canonical import Tree
from lightfx.core.config import Reference
from lightfx.core.refs import DRef, RRef
from lightfx.plan.changes import Change, CodeChanged, FieldChanged, ReferenceChanged
from lightfx.plan.explain import (
    AskedChanged,
    AskedForced,
    AskedGone,
    AskedReason,
    AskedRetried,
    FilesGone,
    Forced,
    InputChanged,
    LeftRetried,
    LeftStands,
    MoreWanted,
    NeverBuilt,
    OutsideChanged,
    Reason,
    SameAs,
    StandsOn,
    StoredReason,
    Unobservable,
    WaitsFor,
)

_LONG: Final = 200
_FEW: Final = 3


# Changes.


def row(change: Change) -> tuple[str, str, str, str]:
    """Put a change into the columns of a table: field, old, arrow, new.

    >>> row(FieldChanged("rate", 1, 2))
    ('rate', '1', '->', '2')
    """
    match change:
        case CodeChanged():
            return code_sentence(change), "", "", ""
        case ReferenceChanged(field, old, new):
            return field, titled(old), "->", titled(new)
        case FieldChanged(field, old, new):
            return field, brief(old), "->", brief(new)
        case never:
            assert_never(never)


def code_sentence(change: CodeChanged) -> str:
    """Say which functions of the code changed.

    >>> code_sentence(CodeChanged(("mine:fit",), (), ("mine:helper",)))
    'the code changed: mine:fit; gone: mine:helper'
    """
    pairs = (("", change.changed), ("new: ", change.added), ("gone: ", change.removed))
    told = "; ".join(f"{what}{', '.join(names)}" for what, names in pairs if names)
    return f"the code changed: {told}" if told else "the code changed"


def change_tree(change: Change) -> Mapping[str, object]:
    """Say a change to machines."""
    match change:
        case CodeChanged(field=field, changed=changed, added=added, removed=removed):
            return {"field": field, "changed": list(changed), "added": list(added), "removed": list(removed)}
        case ReferenceChanged(field, old, new):
            return {"field": field, "old": old.text, "new": new.text}
        case FieldChanged(field, old, new):
            return {"field": field, "old": old, "new": new}
        case never:
            assert_never(never)


def brief(tree: Tree) -> str:
    """A value in one line, not too long.

    >>> brief({"a": [1, 2]})
    '{"a": [1, 2]}'
    """
    text = json.dumps(tree, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


# Reasons.


def said(reason: Reason) -> str:
    """Put a reason into words.

    >>> said(MoreWanted(2, 3))
    '2 are stored, and 3 more are wanted'
    """
    match reason:
        case FieldChanged() | CodeChanged() | ReferenceChanged():
            return " ".join(filter(None, row(reason)))
        case NeverBuilt():
            return "nothing of this name was realized before"
        case InputChanged(reference, old, new):
            return f"{titled(reference.dref)} came to {refs(new)}, not {refs(old)}"
        case OutsideChanged():
            return "what it reads outside changed"
        case Unobservable(why):
            return f"what it reads outside cannot be read: {why}"
        case StandsOn(dref):
            return f"stands on {titled(dref)}, which is LEFT"
        case SameAs(dref):
            return f"it has the inputs of {titled(dref)}, by content"
        case WaitsFor(drefs):
            return f"{refs(drefs)} {'is' if len(drefs) == 1 else 'are'} built first"
        case AskedChanged() | AskedGone() | AskedRetried() | AskedForced():
            return f"what it asked for, {_said_of_asked(reason)}"
        case _:
            return _said_of_stored(reason)


def _said_of_stored(reason: StoredReason) -> str:
    match reason:
        case MoreWanted(stored, more):
            return f"{stored:,} are stored, and {more:,} more are wanted"
        case FilesGone(rref):
            return f"the files of {titled(rref)} are gone"
        case LeftRetried(_, kind, why):
            return f"{outcome(kind)} is tried again: {why}"
        case LeftStands(_, kind, why):
            return f"{outcome(kind)} stands: {why}"
        case Forced():
            return "forced"
        case never:
            assert_never(never)


def _said_of_asked(reason: AskedReason) -> str:
    match reason:
        case AskedChanged(dref):
            return f"{titled(dref)}, changed"
        case AskedGone(dref):
            return f"{titled(dref)}, is not stored any more"
        case AskedRetried(rref, kind, why):
            return f"{titled(rref)}, is {outcome(kind)} and is tried again: {why}"
        case AskedForced(dref):
            return f"{titled(dref)}, is forced"
        case never:
            assert_never(never)


def refs(found: Sequence[DRef | RRef]) -> str:
    """List references, as far as a line takes them."""
    if not found:
        return "nothing"
    more = [f"{counted(len(found) - _FEW, 'other')}"] if len(found) > _FEW else []
    return ", ".join([*map(titled, found[:_FEW]), *more])


def reason_tree(reason: Reason) -> Mapping[str, object]:
    """Say a reason to machines: ``what`` tells which it is, the other fields are its facts.

    >>> reason_tree(MoreWanted(2, 3))
    {'what': 'more wanted', 'stored': 2, 'more': 3}
    """
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(reason).__name__).lower()
    return {"what": kind, **{name: _plain(value) for name, value in asdict(reason, recurse=False).items()}}


def _plain(value: object) -> object:
    if isinstance(value, DRef | RRef):
        return value.text
    if isinstance(value, Reference):
        return value.tree
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
