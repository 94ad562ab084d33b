"""Disguises: whatever a value is, and however one or two programs have written it, it is found, and covered.

Each way of writing takes a whole text, in which the value stands, as programs do:
what is around it decides how quotes are written, and where lines break.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import string
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import quoteattr

from hypothesis import given
from hypothesis import strategies as st

from lightfx.core.secrets import Secret, Veil

SHOWN = "<secret env:T>"
SPECIAL = re.compile(r"([^A-Za-z0-9_@%+=:,./\x80-\U0010ffff-])")


def posix(text: str) -> str:
    """As ``printf %q`` does where nothing is to be seen as a number."""
    return SPECIAL.sub(r"\\\1", text) if text.isprintable() else text


def octal(text: str) -> str:
    """As ``set -x`` does in the locale C: ``$'...'``."""
    spelled = {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord("'"): "\\'", ord("\\"): "\\\\", 27: "\\E"}
    each = (spelled.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in text.encode())
    return f"$'{''.join(each)}'"


def of_go(text: str) -> str:
    spelled = json.dumps(text, ensure_ascii=False)
    return spelled.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda text: repr(text.encode()),
    "among both quotes": lambda text: repr(f"'\"{text}"),
    "json": json.dumps,
    "json, not in ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "json of php": lambda text: json.dumps(text).replace("/", "\\/"),
    "json of go": of_go,
    "url": quote,
    "url, all": lambda text: quote(text, safe=""),
    "url, lower": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "form": quote_plus,
    "html": html.escape,
    "html, by numbers": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "attribute": quoteattr,
    "shell": shlex.quote,
    "printf %q": posix,
    "set -x": octal,
}

ODD = "\"'\\/&<>%+=?#;~ $`!\n\r\t\0\x1b\x7f\x85\xa0äß€密\u2028\ufffd\uffff\U0001f511{}[]()nrtxu05"
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=60),
    st.text(st.sampled_from(ODD), min_size=8, max_size=40),
    st.text(st.sampled_from(string.ascii_letters + "\\\"'/+%"), min_size=8, max_size=60),
).filter(lambda text: len(text.strip()) >= 8)
AROUND = st.sampled_from(["", "x", "nn", "0A", "token=", "{'a': \"", "\\", "%", "=", "\n", " -- ", "ü"])


def veil_over(value: str) -> Veil:
    return Veil({Secret.env("T"): value})


@given(VALUES, AROUND, AROUND, st.lists(st.sampled_from(sorted(WRITERS)), min_size=1, max_size=2))
def test_what_programs_write_is_found(value: str, before: str, after: str, writers: list[str]) -> None:
    text = f"{before}{value.strip()}{after}"
    for writer in writers:
        text = WRITERS[writer](text)
    assert veil_over(value).found_in(text) == SHOWN
    assert not veil_over(value).found_in(veil_over(value).cover(text))


# Numbered, as pieces of what repeats itself may be met at other places in it than where they were cut.
LONG = st.builds(
    lambda unit, times: "".join(f"{unit}{each}" for each in range(times))[:1100], VALUES, st.integers(1, 20)
)


@given(
    LONG,
    st.binary(max_size=6),
    st.binary(max_size=6),
    st.sampled_from([0, 0, 20, 57, 64, 76]),
    st.sampled_from(["\n", "\r\n", "\n  ", "\n\t"]),
    st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, base64.b16encode, lambda data: data.hex().encode()]),
    st.lists(st.sampled_from(sorted(set(WRITERS) - {"printf %q"})), max_size=2),
)
def test_what_is_encoded_is_found(
    value: str, before: bytes, after: bytes, width: int, end: str, encode: Callable[[bytes], bytes], writers: list[str]
) -> None:
    text = encode(before + value.strip().encode() + after).decode()
    if width:
        text = end.join(textwrap.wrap(text, width + width % 2))
    for writer in writers:
        text = WRITERS[writer](text)
    covered = veil_over(value).cover(f"it: {text};")
    assert SHOWN in covered
    assert not veil_over(value).found_in(covered)
    kept = re.findall(r"[A-Za-z0-9+/_-]{28}", covered.replace(SHOWN, " "))
    assert not kept, "no more than is around it, and less than a piece"
