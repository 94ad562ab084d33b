"""Laws of the lines that a run is kept in: what was spelled comes back, and no bytes do any harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args, get_type_hints

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from lightfx.core.names import Digest
from lightfx.core.refs import DRef
from lightfx.effects.journal import Advanced, JournalEvent, TaskProgressed
from lightfx.shell.journal.lines import parse, spell

COUNTS = st.integers(0, 2**63 - 1)
AMOUNTS = st.floats(0, allow_infinity=False, allow_nan=False)
MOMENTS = st.floats(0, 2e11)
VALUES: Mapping[object, st.SearchStrategy[object]] = {
    bool: st.booleans(),
    int: COUNTS,
    float: AMOUNTS,
    str: st.text(st.characters(codec=None)),
    DRef: st.builds(DRef.of, st.text(max_size=3), st.sampled_from(("train", "a.b_c+d-e", "x" * 100))),
    Digest: st.binary(max_size=3).map(Digest.of),
    Advanced: st.builds(Advanced, *[COUNTS] * 6),
}


def of_kind(kind: type) -> st.SearchStrategy[JournalEvent]:
    types = get_type_hints(kind)
    return st.builds(kind, **{each.name: VALUES[types[each.name]] for each in attrs.fields(kind)})


EVENTS = st.one_of([of_kind(kind) for kind in get_args(JournalEvent)])


@given(EVENTS, MOMENTS)
def test_what_was_spelled_comes_back(event: JournalEvent, at: float) -> None:
    line = spell(event, at)
    assert line.isascii()
    assert line.index("\n") == len(line) - 1
    noted = parse(line.encode())
    assert noted is not None
    assert (noted.event, noted.at) == (event, at)


@given(st.binary())
@example(b"9" * 5000)
@example(b'{"event":{},"at":1}')
def test_no_bytes_do_any_harm(line: bytes) -> None:
    parse(line)


@given(EVENTS, st.data())
@example(TaskProgressed(DRef.of("", "x"), 1, 1e308, 0.0), None)
def test_a_line_that_was_cut_is_no_event(event: JournalEvent, data: st.DataObject | None) -> None:
    line = spell(event, 1.0).rstrip("\n").encode()
    end = len(line) - 1 if data is None else data.draw(st.integers(0, len(line) - 1))
    assert parse(line[:end]) is None
