"""Secrets: what a stage may know, and nobody may store.

Rules:

- a `Secret` is a name: of an environment variable, or of a file. It stands in a config as ``{"$secret": "env:NAME"}``;
- the name is part of the identity, the value is not: whoever changes a password has nothing to compute anew;
- the value is read in the process where the stage runs, before it begins, and is in the memory of that process, and of
  the one that started it, alone;
- in what an attempt leaves, the value does not stand, nor what is made of it in passing (`lightfx.core.disguises`):
  escaped, quoted, in hexadecimal, in base64.

Theory of operation: a `Veil` holds the values of one attempt. It covers text that is only told (logs, messages,
tracebacks), and finds secrets in what is a result, which cannot be covered and is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Self, final

from attrs import field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.names import Malformed

if TYPE_CHECKING:
    from lightfx.core.disguises import Disguise

SHORTEST: Final = 4  # characters of a value: what is shorter stands in any text by chance
_TAG: Final = '{"$secret":"'
_IN_CONFIG: Final = re.compile(r'\{"\$secret":("(?:[^"\\]|\\.)*")\}')
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class UndeclaredSecretError(LookupError):
    """A stage reveals a secret that is not among its parameters."""


def _check(_: object, __: object, text: str) -> None:
    kind, _colon, name = text.partition(":")
    if kind == "env" and not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an environment variable: letters, digits and _")
    if kind == "file" and not (name.startswith(("/", "~/")) and name.isprintable()):
        raise ValueError(f"{name!r} is no path of a secret: it begins with / or ~/, and is printable")
    if kind not in ("env", "file"):
        raise ValueError(f"{text!r} names no secret: use Secret.env(...) or Secret.file(...)")


@final
@frozen(repr=False, order=True)
class Secret:
    """A parameter whose value is never stored: the name of an environment variable, or of a file, that holds it.

    A stage that has a parameter annotated `Secret` gets the value by
    ``build.reveal(secret)``; for one that it was not given it is LEFT by
    `UndeclaredSecretError`. The value is read where the stage runs, before it
    begins. Where there is no such variable or file, or the value has fewer than
    four characters, the stage is LEFT as ``Raised`` by an ``OSError`` that says
    so, and tried again by the next run. In logs and errors ``<secret ...>``
    stands in its place; a value or a file that holds it is refused (``BadOutput``).

    >>> Secret.env("API_TOKEN")
    Secret.env('API_TOKEN')
    >>> Secret.file("~/.config/service/token").text
    'file:~/.config/service/token'
    """

    text: str = field(validator=_check)

    @classmethod
    def env(cls, name: str, /) -> Self:
        """Name an environment variable; raises ValueError for what no variable is called.

        >>> Secret.env("my token")
        Traceback (most recent call last):
        ...
        ValueError: 'my token' is no name of an environment variable: letters, digits and _
        """
        return cls(f"env:{name}")

    @classmethod
    def file(cls, path: str | PurePath, /) -> Self:
        """Name a file, by a path from ``/`` or from ``~/``, the home of whoever runs the stage; else ValueError.

        Its value is the text of the file (UTF-8), without line breaks at its end.
        """
        return cls(f"file:{path}")

    @classmethod
    def parse(cls, text: str) -> Result[Self, Malformed]:
        """Read a secret's name, or say that ``text`` is none.

        >>> Secret.parse("env:API_TOKEN").unwrap() == Secret.env("API_TOKEN")
        True
        """
        try:
            return Success(cls(text))
        except ValueError:
            return Failure(Malformed("secret", text))

    @property
    def kind(self) -> str:
        """Where it lies: "env" or "file"."""
        return self.text.partition(":")[0]

    @property
    def name(self) -> str:
        """The variable, or the path."""
        return self.text.partition(":")[2]

    def __repr__(self) -> str:
        return f"Secret.{self.kind}({self.name!r})"


def secrets_in(config: str) -> tuple[Secret, ...]:
    """List the secrets that a config, spelled ``config``, names; each once.

    As with references: user keys never begin with ``$``, and inside of a string
    a quote is escaped, so the tag begins a secret wherever it stands.

    >>> secrets_in('{"args":{"token":{"$secret":"env:TOKEN"}}}')
    (Secret.env('TOKEN'),)
    """
    if _TAG not in config:
        return ()
    named = (Secret.parse(json.loads(found[1])) for found in _IN_CONFIG.finditer(config))
    return tuple(dict.fromkeys(each.unwrap() for each in named if isinstance(each, Success)))


def _nothing() -> Mapping[Secret, str]:
    return {}


@final
@frozen(repr=False, eq=False, slots=False)
class Veil:
    """The values of secrets, and what stands for them where they would show; of no secret, nothing is covered.

    ``lacking`` says why the values could not be read. A veil shows none of them,
    and leaves them behind where it is pickled.

    >>> veil = Veil({Secret.env("TOKEN"): "hunter-2000"})
    >>> veil.cover("curl: 401 for hunter-2000")
    'curl: 401 for <secret env:TOKEN>'
    >>> veil
    <veil over 1 secrets>
    """

    values: Mapping[Secret, str] = field(factory=_nothing)
    lacking: str = ""

    def value(self, secret: Secret) -> str:
        """Reveal a secret; raises `UndeclaredSecretError`, or OSError where it could not be read."""
        if self.lacking:
            raise OSError(self.lacking)
        if secret not in self.values:
            raise UndeclaredSecretError(f"{secret!r} is not among the parameters of this stage")
        return self.values[secret]

    @cached_property
    def _disguises(self) -> tuple[tuple[Disguise, str], ...]:
        """All that is looked for, the longest first, with what stands for it."""
        from lightfx.core.disguises import disguises  # noqa: PLC0415 -- few stages have secrets

        found = [(way, f"<secret {each.text}>") for each, value in self.values.items() for way in disguises(value)]
        return tuple(sorted(found, key=lambda item: -item[0].size))

    @cached_property
    def longest(self) -> int:
        """The length in bytes of the longest thing that is looked for."""
        from lightfx.core.disguises import longest  # noqa: PLC0415 -- as above

        return max(map(longest, self.values.values()), default=0)

    def cover(self, text: str) -> str:
        """Put the names of secrets in place of their values."""
        return self.cover_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def cover_bytes(self, text: bytes) -> bytes:
        """As `cover`, in UTF-8, or what is nearly that."""
        for way, name in self._there(text):
            text = way.cover(text, name.encode())
        return text

    def found_in(self, text: str) -> str:
        """Say which secret stands in ``text``, as ``<secret ...>``; "" for none."""
        return self.found_in_bytes(text.encode("utf-8", "surrogatepass"))

    def found_in_bytes(self, text: bytes) -> str:
        """As `found_in`."""
        return next((name for way, name in self._there(text) if way.is_in(text)), "")

    def _there(self, text: bytes) -> Iterator[tuple[Disguise, str]]:
        """List what may be in a text."""
        if not self.values:
            return iter(())
        from lightfx.core.disguises import flattened  # noqa: PLC0415 -- as above

        flat = flattened(text)
        return (each for each in self._disguises if each[0].may_be_in(text, flat))

    def __bool__(self) -> bool:
        return bool(self.values)

    def __repr__(self) -> str:
        return f"<veil over {len(self.values)} secrets>"

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()
