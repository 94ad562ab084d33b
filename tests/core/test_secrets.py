"""Secrets: how they are named, and what a veil finds and covers."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from urllib.parse import quote, quote_plus

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from lightfx.core.config import Config
from lightfx.core.secrets import SHORTEST, Secret, UndeclaredSecretError, Veil, secrets_in

TOKEN = Secret.env("TOKEN")
VALUE = 'correct horse/battery+"stäple"\\9\''
VEIL = Veil({TOKEN: VALUE})
SHOWN = "<secret env:TOKEN>"


@pytest.mark.parametrize("secret", [TOKEN, Secret.file("/etc/token"), Secret.file('~/ä "b"\\c'), Secret.env("_a1")])
def test_a_name_is_read_back(secret: Secret) -> None:
    assert Secret.parse(secret.text).unwrap() == secret
    config = Config.of_trusted({"args": {"token": [{"$secret": secret.text}]}})
    assert secrets_in(config.text) == (secret,)
    assert eval(repr(secret), {"Secret": Secret}) == secret


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "A\n", "Ä", "$(id)", "env:A"])
def test_what_no_variable_is_called_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of an environment variable"):
        Secret.env(name)


@pytest.mark.parametrize(
    "path", ["", "token", "./token", "../token", "~root/token", "/a\nb", "/a\x00b", "/a\x1b[2J", Path("t")]
)
def test_a_path_that_means_another_file_elsewhere_is_refused(path: str | Path) -> None:
    with pytest.raises(ValueError, match="no path of a secret"):
        Secret.file(path)


@pytest.mark.parametrize("text", ["", "TOKEN", "env", "env:", "vault:x", "file:", "file:x", "ENV:A"])
def test_what_names_no_secret_is_refused(text: str) -> None:
    assert isinstance(Secret.parse(text), Failure)
    with pytest.raises(ValueError):
        Secret(text)


def test_a_user_cannot_spell_a_secret_in_a_string() -> None:
    config = Config.of(args={"x": '{"$secret":"env:TOKEN"}', "y": ['"$secret"']})
    assert secrets_in(config.text) == ()


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        repr(VALUE),
        repr([VALUE]),
        json.dumps(VALUE),
        json.dumps({"a": VALUE}, ensure_ascii=False),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        *(base64.b64encode(each.encode()).decode() for each in (VALUE, f"u:{VALUE}x", f"me:{VALUE}yz", f"{VALUE}y")),
        base64.urlsafe_b64encode(f"user:{VALUE}".encode()).decode(),
    ],
)  # fmt: skip
def test_a_value_is_found_however_programs_spell_it(spelled: str) -> None:
    text = f"said: {spelled}, and more"
    assert VEIL.found_in(text) == VEIL.found_in_bytes(text.encode()) == SHOWN
    assert SHOWN in VEIL.cover(text)
    assert not VEIL.found_in(VEIL.cover(text))
    assert VEIL.cover_bytes(text.encode()) == VEIL.cover(text).encode()


def test_lines_of_a_value_are_found() -> None:
    veil = Veil({TOKEN: "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n-----END KEY-----\n"})
    assert veil.cover("read MIIEvQIBADANBg and short") == f"read {SHOWN} and short"


def test_the_longest_is_covered_first() -> None:
    veil = Veil({TOKEN: "abcd", Secret.env("LONG"): "abcdefgh"})
    assert veil.cover("abcdefgh abcd") == f"<secret env:LONG> {SHOWN}"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST).filter(
        lambda text: len(text.strip()) >= SHORTEST
    )
)
def test_what_is_covered_is_not_found(value: str) -> None:
    veil = Veil({TOKEN: value})
    text = f"a{value}b {value!r} {json.dumps(value)}"
    if value.strip() not in SHOWN:
        assert value.strip() not in veil.cover(text)


def test_nothing_shows_the_value() -> None:
    holder = attrs.make_class("Holder", ["veil"])(VEIL)
    for shown in (repr(VEIL), str(VEIL), repr(holder), f"{VEIL}", str(pickle.dumps(VEIL))):
        assert "horse" not in shown
    assert pickle.loads(pickle.dumps(VEIL)).values == {}


def test_only_what_was_given_is_revealed() -> None:
    assert VEIL.value(TOKEN) == VALUE
    with pytest.raises(UndeclaredSecretError):
        VEIL.value(Secret.env("OTHER"))
    with pytest.raises(OSError, match="is not set"):
        Veil({}, "it is not set").value(TOKEN)


def test_what_a_secret_is_called_stands_there_as_it_is() -> None:
    """Trap: the name of a file may look like the pattern of a replacement."""
    veil = Veil({Secret.file("/a\\1\\g<0>\\c"): "open sesame"})
    assert veil.cover("it: open sesame") == "it: <secret file:/a\\1\\g<0>\\c>"


def test_no_secret_covers_nothing() -> None:
    assert not Veil()
    assert Veil().cover("text") == "text"
    assert Veil().found_in("text") == Veil().found_in_bytes(b"text") == ""
