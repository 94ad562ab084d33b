"""References: the names of derivations and of their realizations.

A `DRef` is ``<32 characters>-<name>``; the characters hash the canonical
config. An `RRef` is ``<32 characters>-<dref>``; its first characters hash what
went in and what came out, so that a realization is named by its inputs and its
content. The form is pylightnix's; the hash is ours.
"""

from __future__ import annotations

from typing import Self, final

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx.core.names import Malformed, Name, is_short_hash, short_hash


@final
@frozen(order=True)
class DRef:
    """The name of a derivation.

    >>> ref = DRef.of('{"args":{}}', "train")
    >>> DRef.parse(str(ref)).unwrap() == ref
    True
    >>> ref.name
    Name(text='train')
    """

    text: str

    @classmethod
    def of(cls, config: str, name: str) -> Self:
        """Name the derivation whose config has this canonical spelling."""
        return cls(f"{short_hash(config)}-{name}")

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a reference, or say that ``text`` is none."""
        head, dash, name = _checked(text).partition("-")
        sound = dash and is_short_hash(head) and Name.parse(name).map(lambda _: True).value_or(False)
        return Success(cls(text)) if sound else Failure(Malformed("derivation reference", text))

    @property
    def name(self) -> Name:
        """The part for people."""
        return Name(self.text[33:])

    def __hash__(self) -> int:
        return hash(self.text)  # half the time of a generated one, and every run asks by the thousand

    def __str__(self) -> str:
        return self.text


@final
@frozen(order=True)
class RRef:
    """The name of one realization of a derivation.

    >>> plan = DRef.of('{"args":{}}', "train")
    >>> ref = RRef.of(plan, key="blake3:1", index=0, content="blake3:2")
    >>> ref.dref == plan, RRef.parse(str(ref)).unwrap() == ref
    (True, True)
    """

    text: str

    @classmethod
    def of(cls, dref: DRef, *, key: str, index: int, content: str) -> Self:
        """Name what came of ``dref`` from inputs ``key``, as output ``index``, with ``content``."""
        return cls(f"{short_hash(f'{dref.text} {key} {index} {content}')}-{dref.text}")

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a reference, or say that ``text`` is none."""
        head, dash, rest = _checked(text).partition("-")
        sound = dash and is_short_hash(head) and DRef.parse(rest).map(lambda _: True).value_or(False)
        return Success(cls(text)) if sound else Failure(Malformed("realization reference", text))

    @property
    def dref(self) -> DRef:
        """The derivation that this is a realization of."""
        return DRef(self.text[33:])

    def __hash__(self) -> int:
        return hash(self.text)  # half the time of a generated one, and every run asks by the thousand

    def __str__(self) -> str:
        return self.text


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a reference is read from a str, not from {type(text).__name__}")
    return text
