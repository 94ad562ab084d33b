"""Validators of settings: a sentence names the setting and what it takes, and shows nothing that may be secret."""

from __future__ import annotations

import math
from typing import Any

import pytest
from attrs import field, frozen

from lightfx.core.given import flag, seconds, text


@frozen
class Lamp:
    lit: bool = field(default=True, validator=flag)
    name: str = field(default="", validator=text)
    lasts: float = field(default=1.0, validator=seconds)


@pytest.mark.parametrize("time", [1e-9, 1, 86_400.0])
def test_a_time_is_more_than_nothing_and_a_day_at_most(time: float) -> None:
    assert Lamp(lasts=time).lasts == time


@pytest.mark.parametrize("time", [0, -1, 86_401, math.inf, math.nan, 10**30])
def test_what_is_no_time_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match=r"lasts is .* s; it takes some time"):
        Lamp(lasts=time)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"lit": 1}, "lit is 1; it is True or False"),
        ({"lit": "x" * 1000}, "lit is 'x{99}; it is"),
        ({"name": None}, "name is of type NoneType; it takes text"),
        ({"name": b"secret"}, "name is of type bytes; it takes text"),
        ({"lasts": "5"}, "lasts is '5'; it takes a number"),
        ({"lasts": True}, "lasts is True; it takes a number"),
    ],
)
def test_what_is_of_another_kind_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Lamp(**given)
