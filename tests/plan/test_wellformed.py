"""What strangers wrote is asked whether its fields hold what they are for."""

from __future__ import annotations

import pytest
from attrs import evolve

from lightfx.core.config import Reference
from lightfx.core.names import Digest
from lightfx.core.outcome import Root, Upstream
from lightfx.core.realization import Attempt, Context, Log, Realization, Selection, Value
from lightfx.core.refs import DRef, RRef
from lightfx.plan.wellformed import MOST_INDEX, is_well_formed, read_code, spell_code

DREF = DRef("a" * 32 + "-fit")
RREF = RRef("b" * 32 + "-" + DREF.text)
GOOD = Digest.of(b"")
USE = Reference(DREF)
MADE = Realization(
    RREF,
    GOOD,
    0,
    GOOD,
    Value(1),
    GOOD,
    Context(((USE, (RREF,)),)),
    log=Log("", GOOD),
    like=RREF,
    asked=((USE, (GOOD,)),),
    earlier=(Attempt("raised", "no", log=Log("", GOOD)),),
    selections=(Selection(DREF, "best", GOOD, (RREF,)),),
)
BAD = Digest("blake3:../x")
NO_RREF, NO_DREF = RRef("../x"), DRef("../x")


def test_what_lightfx_writes_is_well_formed() -> None:
    assert is_well_formed(MADE)
    assert is_well_formed(evolve(MADE, index=MOST_INDEX, tree=None, log=None, like=None))
    assert is_well_formed(evolve(MADE, result=Upstream((Root(RREF, "no"),), 1)))


@pytest.mark.parametrize(
    "changes",
    [
        {"rref": NO_RREF},
        {"key": BAD},
        {"content": BAD},
        {"tree": BAD},
        {"log": Log("", BAD)},
        {"earlier": (Attempt("raised", "no", log=Log("", BAD)),)},
        {"asked": ((USE, (BAD,)),)},
        {"asked": ((Reference(NO_DREF), (GOOD,)),)},
        {"context": Context(((USE, (NO_RREF,)),))},
        {"context": Context(((Reference(NO_DREF), (RREF,)),))},
        {"like": NO_RREF},
        {"selections": (Selection(NO_DREF, "best", GOOD, (RREF,)),)},
        {"selections": (Selection(DREF, "best", BAD, (RREF,)),)},
        {"selections": (Selection(DREF, "best", GOOD, (NO_RREF,)),)},
        {"result": Upstream((Root(NO_RREF, "no"),), 1)},
        {"index": -1},
        {"index": MOST_INDEX + 1},
    ],
    ids=str,
)
def test_what_leads_nowhere_is_not(changes) -> None:
    assert not is_well_formed(evolve(MADE, **changes))


@pytest.mark.parametrize(
    "line",
    [
        r'{"code":"blake3:77","parts":[["m:f","\ud800"]]}',
        '{"code":"blake3:77","parts":[["m:f",7]]}',
        '{"code":"blake3:77","parts":["ab"]}',
        '{"code":"blake3:77","parts":{"ab":"x"}}',
        r'{"code":"a\"b","parts":[]}',
        r'{"code":"a\\b","parts":[]}',
        '{"code":"","parts":[]}',
        '{"code":7,"parts":[]}',
        '{"code":"blake3:77", "parts":[]}',
        '{"code":"1","code":"2","parts":[]}',
        '{"code":"1","more":1,"parts":[]}',
        "[]",
    ],
)
def test_what_a_code_consists_of_has_one_spelling(line: str) -> None:
    assert read_code(line) is None


def test_what_a_code_consists_of_is_read_as_it_was_spelled() -> None:
    parts = (("m:é", "x"), ("m:f", "y"))
    assert read_code(spell_code("blake3:77", parts)) == ("blake3:77", parts)
