"""What `open_world` is given means something, or is refused before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lightfx import memory_world, open_world
from lightfx.caches import configured, folder


@pytest.mark.parametrize(
    ("settings", "kind", "why"),
    [
        ({"caches": "shared"}, TypeError, r"caches are wanted in a sequence, not str: \[folder"),
        ({"caches": ["shared"]}, TypeError, "a cache is wanted, not str: `folder"),
        ({"caches": folder("shared")}, TypeError, r"caches are wanted in a sequence, not by themselves: \[cache\]"),
        ({"caches": configured("shared")}, TypeError, "not an effect: unwrap"),
        ({"caches": [configured("shared")]}, TypeError, "not an effect: unwrap"),
        ({"caches": {"ours": folder("shared")}}, TypeError, "caches are wanted in a sequence, not dict"),
        ({"caches": None}, TypeError, "caches are wanted in a sequence, not NoneType"),
        ({"verify": "bogus"}, ValueError, "verify is 'bogus'; it is 'stat', 'hash' or 'never'"),
        ({"verify": None}, ValueError, "verify is None; it is"),
        ({"tickets": 3}, TypeError, "tickets is 3; it takes a number for each name"),
        ({"tickets": {"gpu": "1"}}, TypeError, "ticket gpu is '1'; it takes a whole number"),
        ({"memory": "lots"}, ValueError, "memory is 'lots'"),
        ({"workers": "2"}, TypeError, "workers is '2'; it takes a whole number"),
        ({"workers": -1}, ValueError, "workers is -1"),
        ({"executor": "tcp://host:8786"}, TypeError, "executor is of type str; it takes what opens one"),
        ({"journal": print}, TypeError, "it takes a Journal: lightfx.journal.Listener"),
    ],
)
def test_trap_nonsense_came_out_as_a_traceback_about_insides(
    tmp_path: Path, settings: Mapping[str, object], kind: type[Exception], why: str
) -> None:
    """Trap: ``caches="shared"`` gave "'str' object has no attribute 'keys'", and left a store that was open."""
    with pytest.raises(kind, match=why):
        open_world(tmp_path / "store", **settings)  # type: ignore[arg-type]  # what no type checker saw
    assert list(tmp_path.iterdir()) == []


def test_trap_nonsense_was_given_to_a_world_that_forgets(tmp_path: Path) -> None:
    """Trap: "'int' object is not iterable"; and a function in place of a journal failed in the middle of a run."""
    with pytest.raises(TypeError, match="tickets is 3"):
        memory_world(tmp_path, tickets=3)  # type: ignore[arg-type]  # what no type checker saw
    with pytest.raises(TypeError, match="it takes a Journal"):
        memory_world(tmp_path, journal=print)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("caches", [(), []])
def test_no_cache_is_none(tmp_path: Path, caches: list[object]) -> None:
    with open_world(tmp_path / "store", caches=caches, tickets={}, workers=0) as world:  # type: ignore[arg-type]  # as above
        assert type(world.store).__name__ == "DirectoryStore"
