"""``lightfx verify`` and ``lightfx doctor``, and where the index of a command lies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest


class Said(Protocol):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]: ...


class Desk(Protocol):
    folder: Path
    store: Path

    def __call__(self, *arguments: str) -> Said: ...


def harm(lightfx: Desk) -> Path:
    (path,) = lightfx.store.glob("objects/*/rows.txt")
    path.chmod(0o644)
    path.write_text("yyy")
    path.chmod(0o444)
    return path


def test_verify_says_what_is_damaged_and_repair_mends_it(lightfx: Desk) -> None:
    lightfx("run", "plan:fine", "-q")
    sound = lightfx("verify")
    assert sound.code == 0
    assert "all of it is as it was written" in sound.out
    path = harm(lightfx)
    found = lightfx("verify")
    assert found.code == 1
    assert "damaged files: rows.txt (of " in found.out
    assert "--repair" in found.out
    tree = lightfx("verify", "--json").json
    assert (tree["sound"], tree["seed"]) == (False, None)
    mended = lightfx("verify", "--repair")
    assert mended.code == 0, mended.err
    assert "1 of 1 piece mended" in mended.out
    assert path.read_text() == "xxx"
    assert lightfx("verify", "--sample", "1", "--seed", "7", "--json").json["seed"] == 7


def test_what_a_cache_has_is_taken_from_there(lightfx: Desk) -> None:
    """Also where the stage itself cannot be had any more."""
    lightfx("run", "plan:fine", "-q")
    assert lightfx("cache", "add", "ours", "shared").code == 0
    assert lightfx("push", "data").code == 0
    path = harm(lightfx)
    (lightfx.store.parent / "plan.py").unlink()
    mended = lightfx("verify", "--repair")
    assert (mended.code, mended.err) == (0, "")
    assert path.read_text() == "xxx"


def test_trap_a_cache_that_is_down_is_told_of_where_it_could_have_mended(lightfx: Desk) -> None:
    """Trap: damage stayed, and nothing said that the cache which has the files was not reached."""
    lightfx("run", "plan:fine", "-q")
    assert lightfx("cache", "add", "ours", "shared").code == 0
    assert lightfx("push", "data").code == 0
    harm(lightfx)
    lightfx.write("")  # with no file at all another `plan` might be found, such as a folder of tests
    (lightfx.store.parent / "shared").rename(lightfx.store.parent / "away")
    left = lightfx("verify", "--repair")
    assert left.code == 1
    assert left.err.startswith("lightfx: warning: trouble with the cache ours: cannot "), left.err
    (lightfx.store.parent / "away").rename(lightfx.store.parent / "shared")
    for path in (lightfx.store.parent / "shared/v1/packs").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    left = lightfx("verify", "--repair")
    assert left.code == 1
    assert "lightfx: warning: the cache ours: v1/packs/" in left.err
    assert "is not used: " in left.err


@pytest.mark.parametrize(("words", "why"), [(("--seed", "3"), "give --sample"), (("--plan", "m:p"), "give --repair")])
def test_what_would_do_nothing_is_misuse(lightfx: Desk, words: tuple[str, ...], why: str) -> None:
    lightfx("run", "plan:fine", "-q")
    said = lightfx("verify", *words)
    assert (said.code, why in said.err) == (2, True)
    assert "`lightfx verify --help` says more" in lightfx("verify", "--sample", "-1").err


def test_a_store_below_a_file_is_none(lightfx: Desk) -> None:
    """Trap: `doctor` was to be asked, and told to ask `doctor`."""
    file = lightfx.store.parent / "file"
    file.write_text("")
    for command in ("ls", "doctor"):
        said = lightfx(command, "--store", str(file / "a/b"))
        assert (said.code, f"this is no lightfx store: {file} is a file" in said.err) == (2, True)


def test_verify_of_references(lightfx: Desk) -> None:
    lightfx("run", "plan:fine", "-q")
    harm(lightfx)
    assert lightfx("verify", "data").code == 1
    assert lightfx("verify", "nothing").code == 2


def test_a_damaged_group_is_mended_on_the_command_line(lightfx: Desk) -> None:
    lightfx("run", "plan:fine", "-q")
    for path in lightfx.store.glob("records/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-5])
    for path in lightfx.store.glob("index.sqlite*"):
        path.unlink()
    refused = lightfx("ls")
    assert (refused.code, "verify --repair" in refused.err) == (3, True)
    told = lightfx("doctor")
    assert (told.code, "verify --repair" in told.out) == (1, True)
    assert lightfx("verify", "--repair").code == 0
    assert lightfx("ls").code == 0
    assert lightfx("run", "plan:fine", "-q").code == 0


def test_cat_and_path_of_what_is_damaged_say_so(lightfx: Desk) -> None:
    lightfx("run", "plan:fine", "-q")
    harm(lightfx)
    for command in (("cat", "data/rows.txt"), ("path", "data")):
        said = lightfx(*command)
        assert (said.code, said.out) == (3, "")
        assert "verify --repair" in said.err


def test_doctor_tells_who_has_the_store_open(lightfx: Desk) -> None:
    lightfx("run", "plan:fine", "-q")
    assert lightfx("doctor").code == 0
    program = "import sys, lightfx; w = lightfx.open_world(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program, lightfx.store], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        said = lightfx("doctor")
        assert f"open: process {other.pid} on " in said.out
        other.kill()
    dead = lightfx("doctor", "--json")
    assert dead.code == 1
    assert lightfx("doctor", "--fix").code == 0


def test_doctor_of_nothing(lightfx: Desk) -> None:
    assert lightfx("doctor").code == 2
    assert not lightfx.store.exists()


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_the_index_is_where_the_environment_says(
    lightfx: Desk, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIGHTFX_INDEX", where if where == "memory" else str(tmp_path / "indexes"))
    assert lightfx("run", "plan:fine", "-q").code == 0
    assert "2 reused" in lightfx("run", "plan:fine", "-q").out or "3 reused" in lightfx("run", "plan:fine", "-q").out
    assert lightfx("ls").code == 0
    assert lightfx("verify").code == 0
    assert list(lightfx.store.glob("index.sqlite*")) == []
    assert len(list(tmp_path.glob("indexes/*.sqlite"))) == (where == "folder")
