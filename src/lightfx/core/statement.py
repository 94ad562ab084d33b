"""Statements: what a builder says with a signature, and the keys that it is said with. Pure.

A `Statement` says that of these inputs, for this derivation, this content
came, and whether it is a RIGHT or what kind of LEFT; and that this is the
record of it. Two builders who got the same bytes give the same answer to the
same question, each by a record of his own. Rules:

- a statement is spelled in one way, and never read back: who checks a signature
  makes the statement himself, of the record that he was given;
- its first line is a tag that no other signed text of lightfx begins with;
- a key and a signature are spelled in one way each: base32 in lower case, and
  what is left over of the last character is zero;
- no cryptography is here: who verifies passes a function (`Verify`).
"""

from __future__ import annotations

import base64
import binascii
import reprlib
from collections.abc import Callable, Sequence
from typing import Final, Self, TypeAlias, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, spell_checked
from lightfx.core.names import Digest, Malformed
from lightfx.core.realization import Realization, key_with
from lightfx.core.records import spell_realization
from lightfx.core.refs import DRef

DOMAIN: Final = "lightfx-statement-1"
KEY_TAG: Final = "lightfx-ed25519:"
KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
MOST_SIGNATURES: Final = 64


@final
@frozen(order=True)
class PublicKey:
    """The public half of an Ed25519 key: 32 bytes, spelled ``lightfx-ed25519:<52 characters of base32>``.

    >>> key = PublicKey(bytes(32))
    >>> PublicKey.parse(str(key)).unwrap() == key
    True
    >>> str(PublicKey.parse("ssh-ed25519 AAAA").failure())
    "'ssh-ed25519 AAAA' is no public key"
    """

    data: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a key, or say that ``text`` is none."""
        data = _unspelled(text.removeprefix(KEY_TAG), KEY_SIZE) if text.startswith(KEY_TAG) else None
        return Failure(Malformed("public key", text)) if data is None else Success(cls(data))

    @property
    def text(self) -> str:
        """The one spelling."""
        return KEY_TAG + spelled_bytes(self.data)

    def __str__(self) -> str:
        return self.text


@final
@frozen
class Question:
    """What builders may agree on: the derivation, its inputs, the number of the output, and whether it is a RIGHT."""

    dref: DRef
    key: str
    index: int
    right: bool


@final
@frozen
class Statement:
    """What came of a derivation.

    ``key`` is all that went in: the input key, and what the stage asked for as
    it ran (`key_with`). ``outcome`` is ``right`` or the kind of the LEFT.
    ``record`` is the digest of the record: on what it stands, its log, when,
    where and by whom it was made.
    """

    dref: DRef
    key: str
    index: int
    content: Digest
    outcome: str
    record: Digest

    @classmethod
    def of(cls, made: Realization) -> Self:
        """What one says who vouches for a realization."""
        record = Digest.of(spell_realization(made).encode())
        return cls(made.dref, key_with(made.key, made.asked), made.index, made.content, made.result.kind, record)

    @property
    def question(self) -> Question:
        """What it answers."""
        return Question(self.dref, self.key, self.index, self.outcome == "right")

    @property
    def answer(self) -> tuple[Digest, str]:
        """What it answers: the content, and the kind. The record is each builder's own."""
        return self.content, self.outcome

    def canonical(self) -> bytes:
        """What is signed.

        >>> said = Statement(DRef("a-b"), "blake3:8c", 0, Digest("blake3:ba"), "right", Digest("blake3:5e"))
        >>> print(said.canonical().decode())
        lightfx-statement-1
        {"content":"blake3:ba","dref":"a-b","index":0,"key":"blake3:8c","outcome":"right","record":"blake3:5e"}
        """
        fields: dict[str, Tree] = {
            "dref": self.dref.text,
            "key": self.key,
            "index": self.index,
            "content": self.content.text,
            "outcome": self.outcome,
            "record": self.record.text,
        }
        return f"{DOMAIN}\n{spell_checked(fields)}".encode()


@final
@frozen(order=True)
class Signature:
    """A signature, and the public key that is said to have made it. Nothing is verified yet.

    >>> mine = Signature(PublicKey(bytes(32)), bytes(64))
    >>> Signature.read(mine.tree).unwrap() == mine
    True
    """

    key: PublicKey
    value: bytes = field(repr=False)

    @property
    def tree(self) -> Tree:
        """As it is kept beside a record."""
        return [self.key.text, spelled_bytes(self.value)]

    @classmethod
    def read(cls, tree: Tree) -> Result[Self, Malformed]:
        """Read one, or say that this is none.

        >>> str(Signature.read([7, 7]).failure())
        "'[7, 7]' is no signature"
        """
        wrong = Failure(Malformed("signature", reprlib.repr(tree)))
        if not isinstance(tree, list) or len(tree) != 2:
            return wrong
        spelled, value = tree
        key = PublicKey.parse(spelled).value_or(None) if isinstance(spelled, str) else None
        data = _unspelled(value, SIGNATURE_SIZE) if isinstance(value, str) else None
        return wrong if key is None or data is None else Success(cls(key, data))


Verify: TypeAlias = Callable[[PublicKey, bytes, bytes], bool]
"""Tells whether a public key signed a message: ``verify(key, message, signature)``."""


def signature_tree(signatures: Sequence[Signature]) -> Tree:
    """Spell signatures of one statement: each once, in one order.

    >>> signature_tree([])
    []
    """
    return [each.tree for each in sorted(set(signatures))]


def read_signatures(tree: Tree) -> Result[tuple[Signature, ...], Malformed]:
    """Read what `signature_tree` spelled, `MOST_SIGNATURES` of them at most, or say that it is nothing of the kind.

    >>> read_signatures([]).unwrap()
    ()
    >>> str(read_signatures([[]] * 65).failure())
    "'65 entries' is no list of signatures"
    """
    if not isinstance(tree, list):
        return Failure(Malformed("list of signatures", reprlib.repr(tree)))
    if len(tree) > MOST_SIGNATURES:
        return Failure(Malformed("list of signatures", f"{len(tree)} entries"))
    found: list[Signature] = []
    for each in tree:
        read = Signature.read(each)
        if isinstance(read, Failure):
            return Failure(read.failure())
        found.append(read.unwrap())
    return Success(tuple(found))


def spelled_bytes(data: bytes) -> str:
    """Spell bytes in base32, in lower case, without padding.

    >>> spelled_bytes(b"light")
    'nruwo2du'
    """
    return base64.b32encode(data).decode().rstrip("=").lower()


def _unspelled(text: str, size: int) -> bytes | None:
    """Read so many bytes; None for any but the one spelling of them."""
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == size and spelled_bytes(data) == text else None


def unspelled_key(text: str) -> bytes | None:
    """Read the 32 bytes of a key; None for any but the one spelling of them.

    >>> unspelled_key(spelled_bytes(bytes(32))) == bytes(32), unspelled_key("AA")
    (True, None)
    """
    return _unspelled(text, KEY_SIZE)
