"""Secrets: whatever a stage does with one, its value is in nothing that lightfx writes or says."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightfx import BadOutput, Died, Left, open_world, realize, realize_all, unwrap

HERE = Path(__file__).parent
TOKEN, PASSWORD = "open-sesame-1001", 'sesame & "lilies" \\ ö?'
KEY = "-----KEY-----\nbegin-sesame-line\nanother-one-here\n"
NEEDLES = (
    *("open-sesame", "begin-sesame", "another-one-here", "lilies", "sesame%20", "sesame-1001"),
    *(base64.b64encode(f"user:{TOKEN}".encode())[8:-4].decode(), base64.b64encode(TOKEN.encode())[:-4].decode()),
)


class Desk:
    """A home with a key in it, a store, and the command line with secrets in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        (folder / "key.txt").write_text(KEY)
        self.said: list[str] = []
        secrets = {"LFX_TOKEN": TOKEN, "LFX_PASSWORD": PASSWORD, "LFX_SHORT": "ab"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LFX_")}
        places = {"HOME": str(folder), "LIGHTFX_STORE": str(self.store)}
        self.environment = inherited | secrets | places | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lightfx.cli.main", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=HERE, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        self.said += [out, err]
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def leaks(self) -> list[str]:
        """Name what holds a piece of a secret: files under the store, their names, and what was said."""
        found = [f"said: {needle}: {text[:2000]}" for text in self.said for needle in NEEDLES if needle in text]
        for path in self.store.rglob("*"):
            text = str(path).encode() + (os.readlink(path).encode() if path.is_symlink() else b"")
            text += path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found += [f"{path.relative_to(self.store)}: {needle}" for needle in NEEDLES if needle.encode() in text]
        return found


def reasons_in(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {each["target"]: each["reason"] for each in json.loads(ran.stdout)["targets"]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    assert made.leaks() == []


@pytest.mark.reliability
@pytest.mark.parametrize(("workers", "plan"), [("0", "tame"), ("1", "wild")])
def test_no_value_is_kept_or_said(desk: Desk, workers: str, plan: str) -> None:
    ran = desk("run", f"secret_stages.py:{plan}", "--workers", workers, "--json")
    refs = {each["target"]: each["rrefs"][0] for each in json.loads(ran.stdout)["targets"]}
    reasons = reasons_in(ran)
    assert all("<secret " in why for label, why in reasons.items() if label.startswith("give")), reasons
    assert reasons["ask, value"].endswith("<secret env:LFX_TOKEN>, and configs are stored: pass the Secret itself on")
    assert not any(reasons[how] for how in ("print", "warn", "start", "much", "ask, secret", "file of")), reasons
    for how in ("give, key", "die") if plan == "wild" else ("raise", "half", "exit"):
        desk("show", refs[how])
    for command in () if plan == "wild" else (("runs",), ("ls", "--json")):
        desk(*command)
    logs = {
        how: desk("log", refs[how]).stdout for how in (("start",) if plan == "wild" else ("start", "print", "much"))
    }
    for name in ("env:LFX_TOKEN", "env:LFX_PASSWORD", "file:~/key.txt"):
        assert all(f"<secret {name}>" in text for text in logs.values()), logs
    assert "LFX_TOKEN=<secret env:LFX_TOKEN>" in logs["start"]


@pytest.mark.parametrize("workers", [0, 1])
def test_no_value_leaves_a_run(
    desk: Desk, workers: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    for name in ("HOME", "LFX_TOKEN", "LFX_PASSWORD"):
        monkeypatch.setenv(name, desk.environment[name])
    import secret_stages

    plans = secret_stages.wild if workers else secret_stages.tame
    with open_world(desk.store, workers=workers) as world:
        outcomes = unwrap(realize_all(world, plans))
        (started,) = unwrap(world.store.realizations(outcomes["start"].rrefs)).values()
    desk.said += [*capfd.readouterr(), *map(repr, outcomes.values()), *map(str, plans.values()), repr(started)]
    lefts = {label: each for label, each in outcomes.items() if isinstance(each, Left)}
    assert all(isinstance(lefts["give", how].cause, BadOutput) for how in secret_stages.GIVEN)
    assert lefts["half"].folder is None
    assert "LFX_TOKEN=<secret env:LFX_TOKEN>" in started.log.tail
    if workers:
        assert isinstance(lefts["die"].cause, Died) and lefts["die"].folder is None
        assert "<secret env:LFX_TOKEN>" in lefts["die"].log


@pytest.mark.parametrize("end", ["return", "die"])
def test_what_a_stage_left_running_tells_no_value_to_the_next(
    desk: Desk, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: the log of the next stage in that process was covered by the secrets of that stage alone, if it had any."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("LFX_TOKEN", TOKEN)
    import secret_stages

    plan = secret_stages.listen(secret_stages.linger(secret_stages.TOKEN, str(desk.folder)), str(desk.folder), end)
    with open_world(desk.store, workers=1) as world:
        outcome = unwrap(realize(world, plan))
        (made,) = unwrap(world.store.realizations(outcome.rrefs)).values()
    assert isinstance(outcome, Left) == (end == "die")
    assert made.log is not None and made.log.tail == "late: <secret env:LFX_TOKEN>\n"


@pytest.mark.reliability
def test_a_value_is_on_no_disk_while_the_stage_runs_and_after_a_kill(desk: Desk) -> None:
    run = desk.start("run", "secret_stages.py:asleep", "--workers", "1")
    try:
        end = time.monotonic() + 60
        while not list(desk.store.rglob("asleep")):
            assert time.monotonic() < end and run.poll() is None
            time.sleep(0.05)
        assert desk.leaks() == []
    finally:
        run.send_signal(signal.SIGKILL)
        desk.said += run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL


@pytest.mark.reliability
def test_what_is_lacking_is_said_and_tried_again(desk: Desk) -> None:
    said = reasons_in(desk("run", "secret_stages.py:lacking", "--json"))
    assert said["env"].endswith("the secret env:LFX_NOT_SET cannot be read: the environment variable is not set here")
    assert said["file"].endswith("the secret file:~/no.txt cannot be read: No such file or directory")
    assert "env:LFX_SHORT is shorter than 4 characters" in said["short"]
    desk.environment |= {"LFX_NOT_SET": "now-it-is", "LFX_SHORT": "long enough"}
    (desk.folder / "no.txt").write_text("there at last\n")
    assert reasons_in(desk("run", "secret_stages.py:lacking", "--json")) == {"env": "", "file": "", "short": ""}


@pytest.mark.reliability
def test_another_value_is_the_same_work(desk: Desk) -> None:
    only = ("run", "secret_stages.py:tame", "--only", "print", "--json")
    assert json.loads(desk(*only).stdout)["targets"][0]["how"] == "built"
    desk.environment["LFX_TOKEN"] += "-changed"
    assert json.loads(desk(*only).stdout)["targets"][0]["how"] == "reused"
    desk.environment.pop("LFX_TOKEN")
    assert json.loads(desk(*only).stdout)["targets"][0]["how"] == "reused"
