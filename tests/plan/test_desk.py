"""The desk: what stands in an input key for a use of other derivations."""

from __future__ import annotations

import pytest

from lightfx.core.config import Reference, Take
from lightfx.core.listing import Listed
from lightfx.core.names import Digest
from lightfx.core.realization import Stored
from lightfx.core.refs import DRef, RRef
from lightfx.plan.desk import spell_contents

DREF = DRef("d" * 32 + "-x")
ROWS = tuple(Listed(Stored(RRef(f"r-{DREF}"), Digest("k"), 0, Digest(each), "right", 0.0)) for each in "ba")


@pytest.mark.parametrize(
    ("reference", "rows", "text"),
    [
        (Reference(DREF), ROWS[:1], '{"$is":["b"],"take":"one","tolerate":false}'),
        (Reference(DREF, "some(2)", Take.MANY), ROWS, '{"$is":["b","a"],"take":"many","tolerate":false}'),
        (Reference(DREF, tolerate=True), ROWS[1:], '{"$is":["a"],"take":"one","tolerate":true}'),
        (Reference(DREF, "every()", Take.MANY), (), '{"$is":[],"take":"many","tolerate":false}'),
    ],
)
def test_contents_are_spelled_as_the_document_says(reference: Reference, rows: tuple[Listed, ...], text: str) -> None:
    assert spell_contents(rows, reference) == text
