"""What is no test: a program for type checkers, and programs that tests start; and how Ctrl-C stands in tests."""

import signal

collect_ignore = ["types/accepted.py", "benchmarks", "stages/flaky_server.py"]


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts programs in the background deaf to it, and so would be all that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
