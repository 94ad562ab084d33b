"""What is no test: a program for type checkers, and programs that tests start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

collect_ignore = ["types/accepted.py", "benchmarks", "stages/flaky_server.py"]


@pytest.fixture(scope="session", autouse=True)
def no_keys_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have keys, and what is pushed would be signed by them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        yield
