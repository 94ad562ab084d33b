"""Records: read and written, damaged, and as old as they get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Failure

from lightfx.core.canonical import Tree, read
from lightfx.core.config import Reference, Take
from lightfx.core.names import Digest
from lightfx.core.outcome import BadOutput, Cancelled, Cause, Died, Raised, Returned, Root, TimedOut, Upstream
from lightfx.core.realization import Attempt, Cost, Log, MadeBy, Value
from lightfx.core.records import read_realization, spell_realization, spell_result
from lightfx.core.refs import DRef, RRef

# Written once, never to be changed: a store may hold it.
OLD = (
    '{"attempt":2,"content":"blake3:cc","context":[[{"$dref":"dddddddddddddddddddddddddddddddd-data","matcher":"some(2)",'
    '"take":"many","tolerate":true},["rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr-dddddddddddddddddddddddddddddddd-data"]]],'
    '"cost":{"peak_memory":4096,"seconds":1.5},"created":1700000000.25,"index":1,"key":"blake3:bb",'
    '"like":"llllllllllllllllllllllllllllllll-pppppppppppppppppppppppppppppppp-old",'
    '"log":{"tail":"the end\\n","whole":null},'
    '"made_by":{"commit":"c0ffee+","host":"box","packages":{"attrs":"24.2","torch":"2.1"},"python":"3.11.7","user":"me"},'
    '"result":{"right":{"a":[1,1.0,true,null,"é"]}},'
    '"rref":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-pppppppppppppppppppppppppppppppp-plan","tree":"blake3:ee"}'
)


def test_a_record_of_old_reads_back_for_ever() -> None:
    found = read_realization(OLD).unwrap()
    assert found.rref == RRef("a" * 32 + "-" + "p" * 32 + "-plan")
    assert (found.key, found.index, found.content) == (Digest("blake3:bb"), 1, Digest("blake3:cc"))
    assert found.result == Value({"a": [1, 1.0, True, None, "é"]})
    assert found.tree == Digest("blake3:ee")
    reference = Reference(DRef("d" * 32 + "-data"), "some(2)", Take.MANY, tolerate=True)
    assert found.context.entries == ((reference, (RRef("r" * 32 + "-" + "d" * 32 + "-data"),)),)
    assert found.created == 1700000000.25
    assert found.made_by == MadeBy("box", "me", "3.11.7", (("attrs", "24.2"), ("torch", "2.1")), "c0ffee+")
    assert (found.cost, found.attempt, found.log) == (Cost(1.5, 4096), 2, Log("the end\n"))
    assert found.like == RRef("l" * 32 + "-" + "p" * 32 + "-old")
    assert spell_realization(found) == OLD
    assert read(OLD).map(bool).value_or(False)


def changed(**fields: Tree) -> str:
    return json.dumps({**json.loads(OLD), **fields})


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"left": "died", "exit_code": None, "signal": "SIGKILL", "out_of_memory": True}, Died(None, "SIGKILL", True)),
        ({"left": "upstream", "roots": [], "total": 0}, Upstream((), 0)),
        (
            {"left": "raised", "type": "E", "bases": ["E"], "message": "", "traceback": ""},
            Raised("E", ("E",), "", ""),
        ),
    ],
)
def test_lefts_of_old(result: Tree, expected: object) -> None:
    assert read_realization(changed(result=result)).unwrap().result == expected


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Returned("E", {"a": 1}), '{"error":{"a":1},"left":"returned","type":"E"}'),
        (
            Raised("E", ("E", "Exception"), "why", "where"),
            '{"bases":["E","Exception"],"left":"raised","message":"why","traceback":"where","type":"E"}',
        ),
        (TimedOut(1.5), '{"left":"timed_out","seconds":1.5}'),
        (Died(7, None, False), '{"exit_code":7,"left":"died","out_of_memory":false,"signal":null}'),
        (BadOutput("a/b", "why"), '{"left":"bad_output","path":"a/b","why":"why"}'),
        (Upstream((Root(RRef("r-d-x"), "why"),), 3), '{"left":"upstream","roots":[["r-d-x","why"]],"total":3}'),
        (Cancelled("why"), '{"left":"cancelled","why":"why"}'),
    ],
)
def test_lefts_are_spelled_as_the_document_says(cause: Cause, text: str) -> None:
    assert spell_result(cause) == text
    assert read_realization(changed(result=json.loads(text))).unwrap().result == cause


def test_what_few_records_hold_is_spelled_as_the_document_says() -> None:
    log, asked = Digest("blake3:ff"), ((Reference(DRef("d" * 32 + "-data")), (Digest("blake3:aa"),)),)
    earlier = (Attempt("died", "why", Cost(0.5, 7), Log("end", log)), Attempt("timed_out", "late"))
    found = evolve(read_realization(OLD).unwrap(), asked=asked, earlier=earlier, ephemeral=True)
    text = spell_realization(found)
    told = {
        "asked": [[{"$dref": "d" * 32 + "-data"}, ["blake3:aa"]]],
        "earlier": [
            {
                "cost": {"peak_memory": 7, "seconds": 0.5},
                "kind": "died",
                "log": {"tail": "end", "whole": "blake3:ff"},
                "reason": "why",
            },
            {"cost": {"peak_memory": 0, "seconds": 0.0}, "kind": "timed_out", "log": None, "reason": "late"},
        ],
        "ephemeral": True,
    }
    assert repr(json.loads(text)) == repr(dict(sorted({**json.loads(OLD), **told}.items())))
    assert read_realization(text).unwrap() == found


def test_what_is_optional_may_be_absent() -> None:
    fields = json.loads(OLD)
    for name in ("tree", "log", "like"):
        del fields[name]
    found = read_realization(json.dumps(fields)).unwrap()
    assert (found.tree, found.log, found.like) == (None, None, None)


def test_whole_seconds_are_seconds() -> None:
    assert read_realization(changed(created=5)).unwrap().created == 5.0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "JSONDecodeError"),
        (OLD[:-1], "JSONDecodeError"),
        (OLD[: len(OLD) // 2], "JSONDecodeError"),
        ("[]", "AttributeError"),
        ("3", "AttributeError"),
        ("null", "AttributeError"),
        ("{}", "KeyError: 'rref'"),
        ("[" * 200_000, "RecursionError"),
        (changed(index="1"), "TypeError: an integer is wanted, not '1'"),
        (changed(index=True), "TypeError: an integer is wanted, not True"),
        (changed(index=1.0), "TypeError: an integer is wanted, not 1.0"),
        (changed(created="now"), "TypeError: an integer is wanted, not 'now'"),
        (changed(created=10**400), "OverflowError"),
        (changed(rref=None), "TypeError: a string is wanted, not None"),
        (changed(result=[]), "TypeError: an object is wanted, not []"),
        (changed(result={"left": "bored"}), "KeyError: 'bored'"),
        (changed(result={"left": "cancelled"}), "KeyError: 'why'"),
        (changed(result={"left": "upstream", "roots": [["a"]], "total": 1}), "ValueError"),
        (
            changed(result={"left": "raised", "type": "E", "bases": "E", "message": "", "traceback": ""}),
            "TypeError: a list",
        ),
        (changed(context={}), "TypeError: a list is wanted"),
        (changed(context=[[]]), "IndexError"),
        (changed(context=[[{}, []]]), "KeyError: '$dref'"),
        (changed(log={"tail": "x"}), "KeyError: 'whole'"),
        (changed(cost=None), "TypeError: an object is wanted"),
    ],
)
def test_trap_damage_taken_for_a_record(line: str, why: str) -> None:
    found = read_realization(line)
    assert isinstance(found, Failure)
    assert found.failure().startswith(why)


def test_no_field_is_a_path_of_this_machine() -> None:
    """Trap: absolute paths in metadata."""
    assert str(Path.cwd()) not in OLD
