"""The plugin of pytest: worlds as fixtures, and an option that forbids any real run.

pytest finds it by the entry point ``lightfx`` wherever lightfx is installed:

- ``memory_world``: a world that forgets, with a scratch folder of the test's own;
- ``world``: a world on a store on disk, in the test's own folder;
- ``--lightfx-forbid-runs``: a stage that would have to run in these worlds
  fails the test. What a test realizes must be stored by then, or be listed.

It imports no more than it must: each start of pytest pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx.effects.world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--lightfx-forbid-runs``."""
    parser.getgroup("lightfx").addoption(
        "--lightfx-forbid-runs",
        action="store_true",
        help="fail tests in which a stage would have to run in the fixtures `world` and `memory_world`",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker that forbids runs in one test."""
    config.addinivalue_line("markers", "lightfx_forbid_runs: no stage may run in the worlds of this test")


def _may_run(request: pytest.FixtureRequest) -> bool:
    forbidden = request.config.getoption("--lightfx-forbid-runs")
    return not forbidden and request.node.get_closest_marker("lightfx_forbid_runs") is None


@pytest.fixture
def memory_world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world that forgets: records in memory, files in the test's own folder."""
    from lightfx.testing.forbidding import idle  # noqa: PLC0415 -- see the head of the file
    from lightfx.wiring import memory_world as make  # noqa: PLC0415 -- as above

    with make(tmp_path / "lightfx-scratch") as made:
        yield made if _may_run(request) else idle(made)


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world on a store on disk, in the test's own folder."""
    from lightfx.testing.forbidding import idle  # noqa: PLC0415 -- see the head of the file
    from lightfx.wiring import open_world  # noqa: PLC0415 -- as above

    with open_world(tmp_path / "lightfx-store") as made:
        yield made if _may_run(request) else idle(made)
