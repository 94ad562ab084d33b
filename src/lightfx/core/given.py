"""What is given for a setting: validators of attrs. What means nothing is refused where it is written.

The sentence names the setting, and says what it takes. Text is not shown where
it is none: nobody knows what it holds.
"""

from __future__ import annotations

from attrs import Attribute

from lightfx.core.terms import DAY, number


def flag(_: object, setting: Attribute[bool], given: object) -> None:
    """Refuse what is no bool.

    >>> from attrs import field, frozen
    >>> @frozen
    ... class Lamp:
    ...     lit: bool = field(validator=flag)
    >>> Lamp("no")
    Traceback (most recent call last):
    ...
    TypeError: lit is 'no'; it is True or False
    """
    if not isinstance(given, bool):
        raise TypeError(f"{setting.name} is {repr(given)[:100]}; it is True or False")


def text(_: object, setting: Attribute[str], given: object) -> None:
    """Refuse what is no text."""
    check_text(setting.name, given)


def check_text(name: str, given: object) -> None:
    """Refuse what is no text, for the setting ``name``.

    >>> check_text("region", 3)
    Traceback (most recent call last):
    ...
    TypeError: region is of type int; it takes text
    """
    if not isinstance(given, str):
        raise TypeError(f"{name} is of type {type(given).__name__}; it takes text")


def seconds(_: object, setting: Attribute[float], given: float) -> None:
    """Refuse what is no time to wait for something: none at all, more than a day, or no number."""
    number(setting.name, given)
    if not 0 < given <= DAY:
        raise ValueError(f"{setting.name} is {given} s; it takes some time, and a day at most")
