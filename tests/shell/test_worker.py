"""Worker processes from the inside: output, and what they say."""

from __future__ import annotations

from pathlib import Path

import errands
from executor_laws import finish_one, value

from lightfx.shell.executor.processes import LocalProcesses


def test_what_programs_write_is_in_the_log(pool: LocalProcesses, tmp_path: Path) -> None:
    assert finish_one(pool, errands.speak_through_others, tmp_path / "a").log == "from a child\nand its error\n"
    assert finish_one(pool, errands.babble, tmp_path / "b").log == "\ufffd\x00\ufffd binary\n"


def test_a_worker_whose_output_was_closed_under_it_goes_on(pool: LocalProcesses, tmp_path: Path) -> None:
    """Trap: its number is given to the next file that is opened."""
    for turn in range(4):
        assert value(finish_one(pool, errands.close_descriptors, tmp_path / f"a{turn}")) == 1
        assert finish_one(pool, errands.speak, tmp_path / f"b{turn}").log.count("to ") == 2


def test_a_worker_imports_no_command_line_and_no_database(pool: LocalProcesses, tmp_path: Path) -> None:
    """Many come up at once, on machines whose disks are far away."""
    found = value(finish_one(pool, errands.loaded, tmp_path))
    assert isinstance(found, list)
    assert "lightfx.shell.executor.worker" in found
    heavy = {"typer", "rich", "sqlite3", "cloudpickle", "lightfx.cli", "lightfx.shell.store.directory"}
    assert heavy.isdisjoint(found)
