"""Disguises: a value is covered whole, however programs write it, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lightfx.core.disguises import disguises, flattened, longest
from lightfx.core.secrets import Secret, Veil

SHOWN = "<secret env:T>"
VALUES = {
    "plain": "open-sesame-1001",
    "short": "pw4!",
    "slashes": "wJalrXUtnFEMI/K7MDENG/bPxRfi+CYE==",
    "odd": "a&b<c>d\"e'f/g+h =?#%\\i\\\\j~",
    "far": "pässwörd-密码-\U0001f511",
    "lines": "-----BEGIN-----\nMIIEvQIBADANBg/+kqhkiG9w0\nshort\n-----END-----",
    "blanks": "correct  horse\tbattery",
    "quotes": "\"\"''``$\\\\\\\\'\"",
    "token": ".".join(base64.urlsafe_b64encode(bytes(range(each, each + 90))).decode() for each in (0, 90, 165)),
}


def between(text: str) -> str:
    return text[text.index("@@") + 2 : text.rindex("@@")]


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": lambda value: repr(value)[1:-1],
    "repr among both quotes": lambda value: between(repr(f"'\"@@{value}@@")),
    "ascii": lambda value: ascii(value)[1:-1],
    "bytes": lambda value: repr(value.encode())[2:-1],
    "repr twice": lambda value: between(repr(repr(f"@@{value}@@"))),
    "repr in repr among both quotes": lambda value: between(repr([repr(f"'\"@@{value}@@")])),
    "json": lambda value: json.dumps(value)[1:-1],
    "json as it is": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json in json": lambda value: between(json.dumps(json.dumps(f"@@{value}@@"))),
    "json of php": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "json of go": lambda value: (
        json.dumps(value)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003E")
    ),
    "url": quote,
    "url, all": lambda value: quote(value, safe=""),
    "url, little": lambda value: quote(value, safe="/+=&?#%'~"),
    "url, lower": lambda value: quote(value, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "form": quote_plus,
    "html": html.escape,
    "xml": lambda value: value.replace("&", "&#38;").replace("<", "&#x3C;").replace('"', "&#34;"),
    "shell": lambda value: quoted if (quoted := shlex.quote(value))[0] != "'" else quoted[1:-1],
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 of urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64 in lines": lambda value: base64.encodebytes(value.encode()).decode().rstrip("\n"),
    "base64 in lines in json": lambda value: json.dumps(base64.encodebytes(value.encode()).decode().rstrip())[1:-1],
    "carriage returns": lambda value: value.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VALUES)
def test_it_is_covered_whole_and_nothing_else_is(name: str, way: str) -> None:
    veil, spelled = Veil({Secret.env("T"): VALUES[name]}), WAYS[way](VALUES[name])
    if way.startswith("shell") and spelled.startswith('"'):
        pytest.skip("its quotes begin with one of another kind")
    for before, after in (("", ""), (": ", "; and more"), ("(\n", "\n)"), ("#", "#")):
        assert veil.cover(f"{before}{spelled}{after}") == f"{before}{SHOWN}{after}"
        assert veil.cover_bytes(f"{before}{spelled}{after}".encode()) == f"{before}{SHOWN}{after}".encode()
    assert veil.found_in(spelled) == veil.found_in_bytes(b"\0" + spelled.encode() + b"\xff") == SHOWN
    assert len(spelled.encode()) <= longest(VALUES[name])


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("before", [b"", b"u:", b"me:", b"user:", b"\0" * 70])
@pytest.mark.parametrize("after", [b"", b"\n", b"&x", b"and more"])
def test_base64_is_found_with_whatever_is_around(name: str, before: bytes, after: bytes, *, wrap: bool) -> None:
    veil, data = Veil({Secret.env("T"): VALUES[name]}), VALUES[name].encode()
    encode = base64.encodebytes if wrap and len(data) > 20 else base64.b64encode
    covered = veil.cover_bytes(encode(before + data + after))
    assert SHOWN.encode() in covered
    kept = covered.replace(SHOWN.encode(), b"").replace(b"\n", b"").replace(b"=", b"")
    # What is left holds what was around, and not a byte of the value: each character has six bits.
    assert len(kept) * 6 <= (len(before) + len(after)) * 8 + 6


def test_what_is_very_long_is_found_in_pieces() -> None:
    value = "".join(f"{each:04}-" for each in range(1000))
    veil = Veil({Secret.env("T"): value})
    assert set(veil.cover(f"it: {value}!")) <= set(f"it: {SHOWN}!")
    assert veil.found_in(value[1000:2500])
    for before in ("", "u:", "me:", "user:"):
        covered = veil.cover(base64.encodebytes(f"{before}{value}".encode()).decode())
        assert len("".join(covered.replace(SHOWN, "").split())) <= len(before) * 2
    assert longest(value) < 1 << 16


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
    lambda text: len(text.strip()) >= 4
)


@given(TEXT, st.sampled_from(sorted(set(WAYS) - {"xml", "shell"})))
@example("000\x80", "bytes")
@example("\\\\\\\\x", "repr twice")
def test_no_value_shows_through(value: str, way: str) -> None:
    plain = value.strip()
    veil = Veil({Secret.env("T"): value})
    assert veil.found_in(WAYS[way](plain)) == SHOWN


@given(TEXT, st.text(max_size=200))
def test_text_without_it_stays_as_it_is(value: str, text: str) -> None:
    veil = Veil({Secret.env("T"): f"\u2603{value.strip()}\u2603"})
    assert veil.cover(text) == text


def test_many_backslashes_take_no_time() -> None:
    """Trap: to choose among ways for each of a row of them takes for ever."""
    veil = Veil({Secret.env("T"): "\\" * 12 + '"""' + "\\" * 12 + "///?"})
    text = "\\" * 5000 + '"""' + "\\" * 5000 + '\\"' * 500 + "///"
    assert veil.cover(text) == text


def test_trap_lines_of_base64_in_json_within_json() -> None:
    """Trap: the pattern allowed what JSON twice makes of a break, and the text for anchors was not without it."""
    value = VALUES["token"][:90]
    wrapped = base64.encodebytes(f"user:{value}".encode()).decode()
    once = json.dumps({"a": wrapped})
    twice = json.dumps({"b": once})
    for text in (once, twice, json.dumps(twice), quote(wrapped), quote(once), quote(quote(wrapped, safe=""))):
        covered = Veil({Secret.env("T"): value}).cover(text)
        assert SHOWN in covered and len(covered) < len(text) - 100


SLOW = r"""
import base64, json
from lightfx.core.disguises import disguises

def look(value, *texts):
    for text in texts:
        for way in disguises(value):
            way.cover(text.encode(), b"")

nested = json.dumps({"a": json.dumps({f"key {each}": f"<{each}>" for each in range(25)})})
look(nested, json.dumps(nested)[:-8], json.dumps(json.dumps(nested))[:-8], json.dumps(nested)[:-9] + "x")
look("\\\n" * 20 + "x", ("\\" * 8 + "n") * 20 + "y")
look("'" * 60 + "x", "'\\''" * 60 + "y")
look("<" * 60 + "x", "\\\\u0026lt;" * 60 + "y")
look("\\" * 40 + '"x', "\\" * 30_000)
for long in ("Q8zK-" * 130, "% &" * 30):
    coded = base64.b64encode(b"xx" + long.encode()).decode()
    for each in (" ", "%", "%0A", "%25", "%5C", "\\", "\\n", "&", "YWFh"):
        look(long, coded[:-9] + each * (30_000 // len(each)) + "!", long[:-1] + each * 10_000)
"""


def test_trap_what_nearly_matches_takes_no_ages() -> None:
    """Trap: a log with JSON in JSON that was cut off took more ways to split its backslashes than anybody could try."""
    subprocess.run([sys.executable, "-c", SLOW], check=True, timeout=60)


def test_breaks_of_lines_are_taken_out() -> None:
    assert flattened(b"a b\r\n\tc\\r\\nd") == b"abcd"


def test_the_longest_comes_first() -> None:
    sizes = [each.size for each in disguises("one two three\nfour five six seven")]
    assert sizes == sorted(sizes, reverse=True)
