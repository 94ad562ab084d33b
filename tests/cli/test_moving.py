"""``pack``, ``unpack`` and ``copy`` from the command line."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def stocked(lightfx: Any) -> Any:
    """A desk with a store in which a plan was realized."""
    assert lightfx("run", "plan:fine", "-q").code == 0
    return lightfx


def test_there_and_back(stocked: Any) -> None:
    said = stocked("pack", "file.pack", "fit", "data")
    assert said.code == 0
    assert "packed " in said.out
    assert "2 realizations" in said.out
    told = stocked("unpack", "file.pack", "--store", "other", "--json").json
    assert (len(told["refs"]), len(told["realizations"]), len(told["objects"])) == (2, 2, 1)
    assert stocked("cat", "data/rows.txt", "--store", "other").out == "xxx"
    assert stocked("run", "plan:fine", "--assert-realized", "--store", "other").code == 1, "one of two came"
    assert stocked("copy", "fit", "--to", "third", "--json").json["realizations"]
    assert {each["name"] for each in stocked("ls", "--store", "third", "--json").json} == {"fit", "data"}


def test_what_cannot_be_done_is_said(stocked: Any) -> None:
    assert stocked("pack", "file.pack", "nothing").code == 2
    assert stocked("pack", "file.pack").code == 2
    (stocked.folder / "junk").write_text("junk")
    said = stocked("unpack", "junk", "--store", "other")
    assert said.code == 3
    assert "the archive is refused" in said.err
    assert stocked("unpack", "junk", "--no-create", "--store", "none").code == 2
    assert stocked("copy", "fit", "--to", "none", "--no-create").code == 2
