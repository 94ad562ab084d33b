"""Records as text: what a store writes of a realization and of a derivation, and reads back.

A record is one canonical line of JSON. `spell_realization` and
`read_realization` are inverse; a line that does not parse to a record is
damage, and said to be so. What a field means stands in ``docs/store-format.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final, assert_never

from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.config import Reference
from lightfx.core.names import Digest
from lightfx.core.outcome import (
    BadOutput,
    Cancelled,
    Cause,
    Died,
    Raised,
    Returned,
    Root,
    TimedOut,
    Upstream,
)
from lightfx.core.realization import Attempt, Context, Cost, Log, MadeBy, Realization, Selection, Value
from lightfx.core.realization import Result as Kept
from lightfx.core.refs import DRef, RRef

_decode_at: Final = json.JSONDecoder().raw_decode
_RESULT: Final = b',"result":{'
_TREE: Final = ',"tree":"'

Fields = Mapping[str, "Tree"]


def result_tree(result: Kept) -> dict[str, Tree]:
    """The tree of a result: what the content digest covers besides the files.

    >>> result_tree(Value(3))
    {'right': 3}
    >>> result_tree(TimedOut(1.5))
    {'left': 'timed_out', 'seconds': 1.5}
    """
    if isinstance(result, Value):
        return {"right": result.tree}
    return {"left": result.kind, **_cause_fields(result)}


def _cause_fields(cause: Cause) -> dict[str, Tree]:
    match cause:
        case Returned(type=name, error=error):
            return {"type": name, "error": error}
        case Raised(type=name, bases=bases, message=message, traceback=traceback):
            return {"type": name, "bases": list(bases), "message": message, "traceback": traceback}
        case TimedOut(seconds=seconds):
            return {"seconds": seconds}
        case Died(exit_code=code, signal=signal, out_of_memory=full):
            return {"exit_code": code, "signal": signal, "out_of_memory": full}
        case BadOutput(path=path, why=why):
            return {"path": path, "why": why}
        case Upstream(roots=roots, total=total):
            return {"roots": [[root.rref.text, root.reason] for root in roots], "total": total}
        case Cancelled(why=why):
            return {"why": why}
        case never:
            assert_never(never)


def spell_result(result: Kept) -> str:
    """The canonical spelling of a result.

    >>> spell_result(Value([1, 2]))
    '{"right":[1,2]}'
    """
    return spell_checked(result_tree(result))


def spell_realization(realization: Realization) -> str:
    """The record of a realization, as one line."""
    r = realization
    fields: dict[str, Tree] = {
        "rref": r.rref.text,
        "key": r.key.text,
        "index": r.index,
        "content": r.content.text,
        "result": result_tree(r.result),
        "context": [[ref.tree, [rref.text for rref in rrefs]] for ref, rrefs in r.context.entries],
        "created": r.created,
        "made_by": _made_by_tree(r.made_by),
        "cost": _cost_tree(r.cost),
        "attempt": r.attempt,
    }
    if r.tree is not None:
        fields["tree"] = r.tree.text
    if r.log is not None:
        fields["log"] = _log_tree(r.log)
    if r.like is not None:
        fields["like"] = r.like.text
    if r.asked:
        fields["asked"] = [[ref.tree, [each.text for each in contents]] for ref, contents in r.asked]
    if r.earlier:
        fields["earlier"] = [_attempt_tree(each) for each in r.earlier]
    if r.ephemeral:
        fields["ephemeral"] = True
    if r.selections:
        fields["selections"] = [_selection_tree(each) for each in r.selections]
    return spell_checked(fields)


def _selection_tree(selection: Selection) -> list[Tree]:
    chosen: list[Tree] = [rref.text for rref in selection.chosen]
    return [selection.dref.text, selection.matcher, selection.candidates.text, chosen]


def _made_by_tree(made_by: MadeBy) -> dict[str, Tree]:
    fields: dict[str, Tree] = {
        "host": made_by.host,
        "user": made_by.user,
        "python": made_by.python,
        "packages": dict(made_by.packages),
        "commit": made_by.commit,
    }
    return {**fields, "stage": made_by.stage} if made_by.stage else fields


def _cost_tree(cost: Cost) -> dict[str, Tree]:
    return {"seconds": cost.seconds, "peak_memory": cost.peak_memory}


def _log_tree(log: Log) -> dict[str, Tree]:
    return {"tail": log.tail, "whole": log.whole.text if log.whole else None}


def _attempt_tree(attempt: Attempt) -> dict[str, Tree]:
    log = None if attempt.log is None else _log_tree(attempt.log)
    return {"kind": attempt.kind, "reason": attempt.reason, "cost": _cost_tree(attempt.cost), "log": log}


def read_realization(line: str) -> Result[Realization, str]:
    """Read a record back, or say what is wrong with it.

    >>> read_realization("{}").failure()
    "KeyError: 'rref'"
    """
    try:
        return Success(_realization(json.loads(line)))
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        return Failure(f"{type(error).__name__}: {error}")


def read_value(line: bytes) -> tuple[Value, Digest | None]:
    """Read the value and the files of a RIGHT out of its record, and leave the rest unread.

    ``line`` is a record as `spell_realization` spells it, in UTF-8: keys are
    sorted, and a quote in a string is escaped, so the first ``,"result":{`` is
    the record's own, and what comes after it is its references and its files.

    >>> read_value(b'{"made_by":{},"result":{"right":[1]},"rref":"a-b-c","tree":"blake3:00"}')
    (Value(tree=[1]), Digest(text='blake3:00'))
    """
    text = line[line.index(_RESULT) + len(_RESULT) - 1 :].decode(errors="replace")
    fields, end = _decode_at(text)
    value: Tree = fields["right"]
    tree = text.find(_TREE, end)
    return Value(value), None if tree < 0 else Digest(text[tree + len(_TREE) : -2])


def _realization(fields: Fields) -> Realization:
    tree, like = fields.get("tree"), fields.get("like")
    return Realization(
        rref=RRef(_text(fields["rref"])),
        key=Digest(_text(fields["key"])),
        index=_integer(fields["index"]),
        content=Digest(_text(fields["content"])),
        result=_result(_fields(fields["result"])),
        tree=None if tree is None else Digest(_text(tree)),
        context=Context(tuple(_entry(_items(each)) for each in _items(fields["context"]))),
        created=_number(fields["created"]),
        made_by=_made_by(_fields(fields["made_by"])),
        cost=_cost(_fields(fields["cost"])),
        attempt=_integer(fields["attempt"]),
        log=_log(_fields(fields["log"])) if "log" in fields else None,
        like=None if like is None else RRef(_text(like)),
        asked=tuple(_asked(_items(each)) for each in _items(fields.get("asked", []))),
        earlier=tuple(_attempt(_fields(each)) for each in _items(fields.get("earlier", []))),
        ephemeral=fields.get("ephemeral") is True,
        selections=tuple(_selection(_items(each)) for each in _items(fields.get("selections", []))),
    )


def _asked(pair: Sequence[Tree]) -> tuple[Reference, tuple[Digest, ...]]:
    return Reference.of_tree(_fields(pair[0])), tuple(Digest(_text(each)) for each in _items(pair[1]))


def _selection(items: Sequence[Tree]) -> Selection:
    dref, matcher, candidates, chosen = items
    rrefs = tuple(RRef(_text(each)) for each in _items(chosen))
    return Selection(DRef(_text(dref)), _text(matcher), Digest(_text(candidates)), rrefs)


def _attempt(fields: Fields) -> Attempt:
    log = fields["log"]
    return Attempt(
        _text(fields["kind"]),
        _text(fields["reason"]),
        _cost(_fields(fields["cost"])),
        None if log is None else _log(_fields(log)),
    )


def _entry(pair: Sequence[Tree]) -> tuple[Reference, tuple[RRef, ...]]:
    return Reference.of_tree(_fields(pair[0])), tuple(RRef(_text(each)) for each in _items(pair[1]))


def _made_by(fields: Fields) -> MadeBy:
    return MadeBy(
        host=_text(fields["host"]),
        user=_text(fields["user"]),
        python=_text(fields["python"]),
        packages=tuple((name, _text(version)) for name, version in _fields(fields["packages"]).items()),
        commit=_text(fields["commit"]),
        stage=_text(fields.get("stage", "")),
    )


def _cost(fields: Fields) -> Cost:
    return Cost(_number(fields["seconds"]), _integer(fields["peak_memory"]))


def _log(fields: Fields) -> Log:
    whole = fields["whole"]
    return Log(_text(fields["tail"]), None if whole is None else Digest(_text(whole)))


def _result(fields: Fields) -> Kept:
    if "right" in fields:
        return Value(fields["right"])
    kind = _text(fields["left"])
    return _CAUSES[kind](fields)


def _died(fields: Fields) -> Cause:
    code, signal = fields["exit_code"], fields["signal"]
    return Died(
        None if code is None else _integer(code),
        None if signal is None else _text(signal),
        fields["out_of_memory"] is True,
    )


def _upstream(fields: Fields) -> Cause:
    pairs = [_items(each) for each in _items(fields["roots"])]
    return Upstream(tuple(Root(RRef(_text(rref)), _text(reason)) for rref, reason in pairs), _integer(fields["total"]))


_CAUSES: Final[Mapping[str, Callable[[Fields], Cause]]] = {
    "returned": lambda fields: Returned(_text(fields["type"]), fields["error"]),
    "raised": lambda fields: Raised(
        _text(fields["type"]),
        tuple(map(_text, _items(fields["bases"]))),
        _text(fields["message"]),
        _text(fields["traceback"]),
    ),
    "timed_out": lambda fields: TimedOut(_number(fields["seconds"])),
    "died": _died,
    "bad_output": lambda fields: BadOutput(_text(fields["path"]), _text(fields["why"])),
    "upstream": _upstream,
    "cancelled": lambda fields: Cancelled(_text(fields["why"])),
}


def _text(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    raise TypeError(f"a string is wanted, not {tree!r}")


def _integer(tree: Tree) -> int:
    if isinstance(tree, int) and not isinstance(tree, bool):
        return tree
    raise TypeError(f"an integer is wanted, not {tree!r}")


def _number(tree: Tree) -> float:
    if isinstance(tree, float):
        return tree
    return float(_integer(tree))


def _items(tree: Tree) -> Sequence[Tree]:
    if isinstance(tree, list):
        return tree
    raise TypeError(f"a list is wanted, not {tree!r}")


def _fields(tree: Tree) -> Fields:
    if isinstance(tree, dict):  # as the parser makes them; asking the abstract class is slow
        return tree
    raise TypeError(f"an object is wanted, not {tree!r}")
