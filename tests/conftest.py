"""What is no test: a program for type checkers, and programs that tests start; how Ctrl-C and keys stand in tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

collect_ignore = ["types/accepted.py", "benchmarks", "stages/flaky_server.py"]


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts programs in the background deaf to it, and so would be all that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_keys_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have keys, and what is pushed would be signed by them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        yield
