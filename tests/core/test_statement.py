"""Statements and keys: one spelling each, pinned for ever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from lightfx.core.config import Reference
from lightfx.core.names import Digest
from lightfx.core.outcome import TimedOut
from lightfx.core.realization import Context, Cost, Log, MadeBy, Realization, Value, content_of
from lightfx.core.records import spell_result
from lightfx.core.refs import DRef, RRef
from lightfx.core.statement import (
    MOST_SIGNATURES,
    PublicKey,
    Signature,
    Statement,
    read_signatures,
    signature_tree,
)

GOLDEN = json.loads((Path(__file__).parent / "golden_statements.json").read_text())
DREF = DRef("7ys35oag7z2iqcf2u4omwvxetgkwmawd-double")
KEY = Digest("blake3:8cc448b07316affcffa63578d8e7d9bd1fd766da931beb039abd3065a7c99cdf")


def made(**changes: object) -> Realization:
    content = content_of(spell_result(Value(42)), None)
    rref = RRef.of(DREF, key=KEY.text, index=0, content=content.text)
    return evolve(Realization(rref, KEY, 0, content, Value(42)), **changes)  # type: ignore[arg-type]  # a table


def test_the_statement_is_as_it_was() -> None:
    """Golden vector: a changed byte makes every signature in the world void."""
    assert Statement.of(made()).canonical().decode() == GOLDEN["statement"]
    assert PublicKey(bytes.fromhex(GOLDEN["public"])).text == GOLDEN["public spelled"]


def test_the_signature_is_as_it_was() -> None:
    """Golden vector: Ed25519 gives one signature for one key and one message."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(GOLDEN["secret"]))
    assert private.public_key().public_bytes_raw().hex() == GOLDEN["public"]
    value = private.sign(Statement.of(made()).canonical())
    assert Signature(PublicKey(bytes.fromhex(GOLDEN["public"])), value).tree == GOLDEN["signature"]


@pytest.mark.parametrize(
    "change",
    [
        {"created": 7.0},
        {"made_by": MadeBy(host="elsewhere", user="somebody")},
        {"cost": Cost(3.0, 5)},
        {"log": Log("told")},
        {"attempt": 2},
        {"context": Context(((Reference(DREF), (RRef(f"{'a' * 32}-{DREF}"),)),))},
        {"ephemeral": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_builders_who_got_the_same_bytes_give_one_answer_by_records_of_their_own(change: dict[str, object]) -> None:
    mine, yours = Statement.of(made()), Statement.of(made(**change))
    assert (mine.question, mine.answer) == (yours.question, yours.answer)
    assert mine.canonical() != yours.canonical(), "what a record says beside it is signed as well"


@pytest.mark.parametrize(
    "change",
    [
        {"rref": RRef(f"{'a' * 32}-{'b' * 32}-double")},
        {"key": Digest("blake3:00")},
        {"index": 1},
        {"content": Digest("blake3:00")},
        {"result": TimedOut(1.0)},
        {"asked": ((Reference(DREF), (Digest("blake3:00"),)),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_inputs_and_other_results_are_another_answer(change: dict[str, object]) -> None:
    mine, yours = Statement.of(made()), Statement.of(made(**change))
    assert (mine.question, mine.answer) != (yours.question, yours.answer)
    assert mine.canonical() != yours.canonical()


KEY_TEXT = PublicKey(bytes(range(32))).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lightfx-ed25519:",
        KEY_TEXT.upper(),
        KEY_TEXT + " ",
        KEY_TEXT + "=",
        KEY_TEXT[:-1],
        KEY_TEXT + "a",
        KEY_TEXT[:-1] + "r",  # the same 32 bytes, if one lets the spare bits be
        KEY_TEXT.replace("lightfx-ed25519:", ""),
        KEY_TEXT.replace("-ed25519:", "-ed25519-secret:"),
        KEY_TEXT.replace("a", "1"),
        "lightfx-ed25519:" + "é" * 52,
    ],
)
def test_a_key_has_one_spelling(text: str) -> None:
    assert PublicKey.parse(KEY_TEXT).unwrap().data == bytes(range(32))
    assert PublicKey.parse(text).failure().wanted == "public key"


@pytest.mark.parametrize("tree", [None, {}, "x", [[]], [["a"]], [[KEY_TEXT, 7]], [[7, "a"]], [[KEY_TEXT, "aa"]], [7]])
def test_what_is_no_signature_is_said(tree: object) -> None:
    assert read_signatures(tree).failure().wanted in ("signature", "list of signatures")  # type: ignore[arg-type]  # a table


def test_what_is_no_signature_is_said_in_a_line_however_deep_or_large() -> None:
    deep: object = []
    for _ in range(50_000):
        deep = [deep]
    for tree in (deep, [deep, deep], ["x" * 10_000_000] * 3):
        assert len(str(Signature.read(tree).failure())) < 1000  # type: ignore[arg-type]  # a tree
        assert len(str(read_signatures([tree]).failure())) < 1000  # type: ignore[list-item]  # a tree


def test_signatures_are_spelled_once_and_in_order_and_not_without_end() -> None:
    signatures = [Signature(PublicKey(bytes([number] * 32)), bytes([number] * 64)) for number in (2, 1, 2)]
    tree = signature_tree(signatures)
    assert read_signatures(tree).unwrap() == (signatures[1], signatures[0])
    assert isinstance(tree, list)
    assert len(read_signatures(tree[:1] * MOST_SIGNATURES).unwrap()) == MOST_SIGNATURES
    assert read_signatures(tree[:1] * (MOST_SIGNATURES + 1)).failure().text == "65 entries"
