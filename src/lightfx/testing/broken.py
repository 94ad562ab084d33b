"""How a law says that it is broken.

pytest rewrites ``assert`` in test files alone, and ``-O`` drops it: what ships
says in words what it found and what it wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class BrokenLawError(AssertionError):
    """A law is broken: ``law`` is its name, ``what`` was found.

    >>> print(BrokenLawError("it chooses a subset", "it chose what it was not shown"))
    broken: it chooses a subset
    it chose what it was not shown
    """

    def __init__(self, law: str, what: str) -> None:
        super().__init__(law, what)
        self.law = law
        self.what = what

    def __str__(self) -> str:
        return f"broken: {self.law}\n{self.what}"


class UncheckedLawWarning(UserWarning):
    """A law could not be asked: of that alone nothing is known."""


def hold(condition: object, what: str) -> None:
    """Raise ``AssertionError`` unless ``condition`` is true."""
    if not condition:
        raise AssertionError(f"this does not hold: {what}")


def same(found: object, wanted: object, what: str = "") -> None:
    """Raise ``AssertionError`` unless both are equal.

    >>> same(1, 2, "the count")
    Traceback (most recent call last):
    ...
    AssertionError: the count
      found:  1
      wanted: 2
    """
    if found != wanted:
        raise AssertionError(f"{what or 'these differ'}\n  found:  {found!r}\n  wanted: {wanted!r}")


def of_kind(found: object, kind: type[T]) -> T:
    """Give what was found, if it is of this kind; else raise ``AssertionError``."""
    if not isinstance(found, kind):
        raise AssertionError(f"a {kind.__name__} is wanted\n  found:  {found!r}")
    return found


@contextmanager
def judging(law: object) -> Iterator[None]:
    """Say which law it is that breaks: ``law`` is a function, named for what it asks.

    What is judged is somebody's own code: whatever it raises breaks the law
    that was asked then, and is told as its cause.
    """
    name = str(getattr(law, "__name__", law)).replace("_", " ")
    try:
        yield
    except BrokenLawError:
        raise
    except UncheckedLawWarning:  # where warnings are errors
        raise
    except Exception as error:
        doc = getattr(law, "__doc__", None)
        found = (
            str(error)
            if isinstance(error, AssertionError) and error.args
            else f"it raises {type(error).__name__}: {error}"
        )
        raise BrokenLawError(name, f"{doc.strip()}\n{found}" if isinstance(doc, str) else found) from error
