"""``ls``, ``show``, ``log``, ``path``: what is stored, for people and for machines."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def full(lightfx):
    """A desk after one run of its plan."""
    assert lightfx("run", "plan:plan", "--quiet").code == 1
    return lightfx


def test_ls_lists_the_newest_first(full):
    said = full("ls")
    lines = said.out.splitlines()
    assert said.code == 0 and said.err == ""
    assert lines[0].split() == ["ref", "name", "arguments", "outcome", "age", "seconds", "reason"]
    assert len(lines) == 6
    assert not any(line.endswith(" ") for line in lines)
    assert sum("LEFT upstream" in line for line in lines) == 1

    rows = full("ls", "--json").json
    assert [row["created"] for row in rows] == sorted((row["created"] for row in rows), reverse=True)
    assert {row["kind"] for row in rows} == {"right", "raised", "upstream"}
    assert rows[0]["rref"].endswith(rows[0]["dref"])


def test_ls_of_a_name_and_a_limit(full):
    assert len(full("ls", "fit").out.splitlines()) == 3
    said = full("ls", "--limit", "2").out.splitlines()
    assert len(said) == 4 and said[-1] == "and older ones: --limit 20 lists more"
    assert full("ls", "none").out == "nothing is stored under the name none\n"
    assert full("ls", "none", "--json").json == []


def test_show_a_right(full):
    said = full("show", "data").out
    assert '"rows": 3' in said and '"version": "1"' in said
    assert "RIGHT  " in said
    assert "python    3." in said and "created   20" in said and "folder    /" in said and "host" in said
    assert "    read 3" in said.splitlines()
    tree = full("show", "data", "--json").json
    assert tree["config"]["args"] == {"rows": 3}
    (one,) = tree["realizations"]
    assert (
        one["result"] == {"right": 3} and one["folder"].startswith(str(full.store)) and one["log"]["tail"] == "read 3\n"
    )


def test_show_a_left_with_its_whole_traceback(full):
    ref = next(row["rref"] for row in full("ls", "fit", "--json").json if row["kind"] == "raised")
    said = full("show", ref[:8]).out
    assert "LEFT raised" in said
    assert "Traceback (most recent call last):" in said and 'File "plan.py"' in said
    assert "context" in said
    assert "\x1b" not in said and "\x07" not in said
    assert "no [bold]way[/bold] \\x1b[2J \\x07" in said
    (one,) = full("show", ref, "--json").json["realizations"]
    assert one["result"]["left"] == "raised" and one["result"]["message"].endswith("\x1b[2J \x07")
    assert one["context"][0][0]["$dref"].endswith("-data")


def test_show_upstream_names_the_roots(full):
    ref = next(row["rref"] for row in full("ls", "report", "--json").json if row["kind"] == "upstream")
    said = full("show", ref).out
    assert "stands on" in said and " fit  raised ValueError" in said


def test_show_returned_timed_out_and_long_values(lightfx):
    lightfx.write(
        """
from attrs import frozen
from lightfx import Build, stage
from returns.result import Failure, Result, Success

@frozen
class Diverged:
    step: int

@stage(version="1")
def diverges(build: Build) -> Result[int, Diverged]:
    return Failure(Diverged(7))

@stage(version="1")
def long(build: Build) -> list[int]:
    return list(range(1000))

@stage(version="1")
def spoilt(build: Build) -> int:
    return "seven"

plan = [diverges(), long(), spoilt()]
"""
    )
    assert lightfx("run", "plan:plan", "--quiet").code == 1
    assert '"step": 7' in lightfx("show", "diverges").out
    assert "more lines: --json shows all" in lightfx("show", "long").out
    assert "LEFT bad_output" in lightfx("show", "spoilt").out


def test_a_derivation_with_several_realizations_speaks_by_its_first_right(lightfx):
    lightfx.write(
        """
from pathlib import Path
from lightfx import Build, stage

@stage(version="1")
def flaky(build: Build) -> int:
    build.log("try")
    if not Path("up").exists():
        raise OSError("it is down")
    return 1

plan = flaky()
"""
    )
    assert lightfx("run", "plan:plan").code == 1
    (lightfx.folder / "up").touch()
    assert lightfx("run", "plan:plan").code == 0
    assert [each["kind"] for each in lightfx("show", "flaky", "--json").json["realizations"]] == ["raised", "right"]
    said = lightfx("why", "flaky").out
    assert said.splitlines()[0].endswith("flaky: RIGHT")
    assert "tried before, with the same inputs" in said and "it is down" in said


def test_log_is_raw(lightfx):
    lightfx.write(
        """
from lightfx import Build, stage

@stage(version="1")
def loud(build: Build, lines: int) -> int:
    for number in range(lines):
        build.log(f"\\x1b[1m{number:06}\\x1b[0m")
    return 1

@stage(version="1")
def quiet(build: Build) -> int:
    return 1

plan = [loud(2), quiet()]
more = loud(5000)
"""
    )
    lightfx("run", "plan:plan")
    assert lightfx("log", "loud").out == "\x1b[1m000000\x1b[0m\n\x1b[1m000001\x1b[0m\n"
    assert "\x1b" not in lightfx("show", "loud").out
    assert lightfx("log", "loud", "--json").json["log"].startswith("\x1b[1m000000")
    said = lightfx("log", "quiet")
    assert (said.code, said.out) == (0, "")

    lightfx("run", "plan:more")
    ref = lightfx("ls", "loud", "--limit", "1", "--json").json[0]["rref"]
    assert lightfx("log", ref).out.count("\n") == 5000
    assert "lightfx log" in lightfx("show", ref).out


def test_path(full):
    said = full("path", "data")
    assert said.code == 0
    folder = said.out.removesuffix("\n")
    assert folder.startswith("/") and (full.folder / folder / "rows.txt").read_text() == "xxx"
    assert full("path", "data", "--json").json["path"] == folder

    rights = [row["rref"] for row in full("ls", "fit", "--json").json if row["kind"] == "right"]
    said = full("path", rights[0], "--json")
    assert said.code == 1 and "has no files, its value is in its record" in said.err
    assert said.json["error"] in said.err
    lefts = [row["rref"] for row in full("ls", "fit", "--json").json if row["kind"] == "raised"]
    assert "it is LEFT raised, and had written none" in full("path", lefts[0]).err


def test_a_missing_folder_is_trouble(full):
    folder = full("path", "data").out.strip()
    full.folder.joinpath(folder).chmod(0o755)
    shutil.rmtree(folder)
    said = full("path", "data")
    assert said.code == 3 and "is missing from the store" in said.err


def test_logs_of_earlier_attempts(lightfx):
    lightfx.write(
        """
from pathlib import Path
from lightfx import Build, Retry, stage

@stage(version="1", retry=Retry(times=3, backoff=0.0))
def shaky(build: Build) -> int:
    count = len(list(Path(".").glob("tried-*"))) + 1
    Path(f"tried-{count}").touch()
    build.log("attempt", count)
    if count < 3:
        raise OSError("no luck")
    return count

plan = shaky()
"""
    )
    assert lightfx("run", "plan:plan").code == 0
    assert lightfx("log", "shaky").out == "attempt 3\n"
    assert lightfx("log", "shaky", "--attempt", "1").out == "attempt 1\n"
    assert lightfx("log", "shaky", "--attempt", "2", "--json").json["log"] == "attempt 2\n"
    assert "there is no attempt 4" in lightfx("log", "shaky", "--attempt", "4").err
    shown = lightfx("show", "shaky").out
    assert shown.count("no luck") == 2 and "attempts before" in shown


def test_the_files_of_what_is_ephemeral_were_dropped(lightfx):
    lightfx.write(
        """
from pathlib import Path
from lightfx import Build, Derivation, stage

@stage(version="1", ephemeral=True)
def raw(build: Build) -> Path:
    path = build.out / "raw.txt"
    path.write_text("raw")
    return path

@stage(version="1")
def size(build: Build, data: Derivation[Path]) -> int:
    return len(build.need(data).read_text())

plan = size(raw())
"""
    )
    assert lightfx("run", "plan:plan").code == 0
    said = lightfx("path", "raw")
    assert said.code == 1 and "were dropped" in said.err
