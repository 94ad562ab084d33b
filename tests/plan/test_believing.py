"""From a policy to a verdict on each record, whatever stands beside it."""

from __future__ import annotations

import pytest
from attrs import evolve

from lightfx.core.canonical import Tree
from lightfx.core.config import Config
from lightfx.core.names import Digest
from lightfx.core.realization import Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.statement import MOST_SIGNATURES, PublicKey, Signature, Statement
from lightfx.plan.believing import believing
from lightfx.plan.policies import SignedBy
from lightfx.plan.sharing import Told
from lightfx.plan.trust import Accepted, Refused, Unsigned, Untrusted

CONFIG = Config('{"args":{},"code":{"of":"m:f","version":"1"},"name":"fit"}')
KEY = PublicKey(bytes(range(32)))


def signed(message: bytes) -> bytes:
    return Digest.of(message).hex.encode()


def verify(key: PublicKey, message: bytes, value: bytes) -> bool:
    return key == KEY and value == signed(message)


def told(*signatures: Tree) -> Told:
    content, dref = content_of(spell_result(Value(1)), None), DRef.of(CONFIG.text, "fit")
    rref = RRef.of(dref, key="blake3:1", index=0, content=content.text)
    return Told(Realization(rref, Digest("blake3:1"), 0, content, Value(1)), CONFIG, signatures=signatures)


def good(each: Told) -> Tree:
    return Signature(KEY, signed(Statement.of(each.realization).canonical())).tree


def test_a_signature_beside_a_record_is_read_and_verified() -> None:
    each = told()
    judge = believing(SignedBy([KEY]), verify)
    assert judge([evolve(each, signatures=(good(each),))]) == (Accepted(frozenset([KEY])),)
    assert judge([each, evolve(each, signatures=(good(each),))]) == (Accepted(frozenset([KEY])),) * 2, "the very same"


@pytest.mark.parametrize("junk", [None, 7, "signed", [], [KEY.text], [KEY.text, "aa"], {"key": KEY.text}, [[[]]]])
def test_what_is_no_signature_is_as_none(junk: Tree) -> None:
    judge = believing(SignedBy([KEY]), verify)
    assert judge([told(junk)]) == (Refused(Unsigned()),)
    assert judge([told(junk, good(told()))]) == (Accepted(frozenset([KEY])),)


def test_no_more_signatures_are_read_than_one_record_needs() -> None:
    strange = [Signature(PublicKey(bytes([number, 1] * 16)), bytes(64)).tree for number in range(MOST_SIGNATURES)]
    (verdict,) = believing(SignedBy([KEY]), verify)([told(*strange, good(told()))])
    assert isinstance(verdict, Refused)
    assert isinstance(verdict.why, Untrusted)
