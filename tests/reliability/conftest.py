"""The reliability tests: how one says what it is, how often it does what it does, and what it found.

For whoever writes one, here or in another folder of ``tests`` or ``property_tests``::

    from protocol import Record, Scale  # types; the fixture `scale` is known in this folder alone

    @pytest.mark.quick  # only where it is part of every run of pytest: a few seconds at most
    @pytest.mark.reliability("D7", "a sync fails, once and for good", passes="no answer, no second sync of that file")
    def test_...(scale: Scale, record_property: Record) -> None:
        count = scale(5, 50, 500)  # in every run, by `make reliability`, by `make reliability-nightly`
        dice = random.Random(SEED)  # of `protocol`: 1, but each night another
        ...
        record_property("count", count)  # optional: how often it was done; 1 where nothing is said
        record_property("found", "no file was synced twice")  # optional: what else is worth telling, few words

- The marker takes the number in the protocol, what is done, and the pass criterion. Both marker and arguments may stand
  in ``pytestmark``; without arguments the test's name and its docstring take their place.
- Tests with the same number and the same ``what`` (parametrized ones) make one row of the table: counts and seconds are
  summed.
- Without ``quick`` a test with the marker runs by ``make reliability`` alone. ``TIER`` (S, L, N) says which count
  `scale` gives; ``make`` sets it.
- What is drawn at random follows from ``SEED`` of `protocol`, so that nights differ, and any of them can be had again.
- Where a tool or a right is missing: ``pytest.skip("mkfs.xfs is not installed")``. The table says so.
- ``protocol.py`` beside this file runs the tests and writes the table into ``docs/reliability.md``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests, and programs that they start, import what lies beside them, and the scenes of the conformance suites.
for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "conformance"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

from protocol import TIER, Scale  # noqa: E402

# Programs: one for those who have atheris, and servers.
collect_ignore = ["fuzz_with_atheris.py", "chaos_proxy.py", "hostile_cache.py"]


@pytest.fixture
def scale() -> Scale:
    """Choose among three counts: of every run, of ``make reliability``, of ``make reliability-nightly``."""
    return lambda every, long, nightly: {"S": every, "L": long, "N": nightly}[TIER]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is such a place: for kills, to which it is all one whether a sync takes long."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=shared))
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)
