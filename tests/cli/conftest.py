"""A plan in a folder of its own, and the command line in this process or another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from lightfx.cli.main import main

PLAN = """
from lightfx import Build, Derivation, stage
from returns.result import Failure, Result, Success


@stage(version="1")
def data(build: Build, rows: int = 3) -> int:
    build.log("read", rows)
    (build.out / "rows.txt").write_text("x" * rows)
    return rows


@stage(version="1")
def fit(build: Build, data: Derivation[int], rate: float = 0.1, note: str = "") -> float:
    if rate == 0:
        raise ValueError("no [bold]way[/bold] \\x1b[2J \\x07")
    return build.need(data) * rate


@stage(version="1")
def report(build: Build, fitted: Derivation[float]) -> list[float]:
    return [build.need(fitted)]


def plan():
    good, bad = fit(data()), fit(data(), 0.0)
    return {"good": good, ("bad", 0): bad, "reports": [report(good), report(bad)]}


fine = [fit(data(), rate) for rate in (0.1, 0.2)]
"""


@frozen
class Said:
    """What one command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """A working folder with a plan in it, and a store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.store, self._capsys = folder, folder / "store", capsys
        self.write(PLAN)

    def write(self, text: str, name: str = "plan.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def __call__(self, *arguments: str) -> Said:
        """Run a command in this process, as a new one would see the plan."""
        self.forget()
        self._capsys.readouterr()
        code = main(arguments)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def forget(self) -> None:
        """Let modules of this folder be imported anew."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(self.folder)):
                del sys.modules[name]
        sys.path_importer_cache.clear()

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "lightfx", *arguments],
            cwd=self.folder,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def run(self, *arguments: str) -> Said:
        """Run a command in a process of its own."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return Said(process.returncode, out, err)


@pytest.fixture
def lightfx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIGHTFX_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for variable in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    os.environ.setdefault("TERM", "xterm")
    desk = Desk(tmp_path, capsys)
    yield desk
    desk.forget()
