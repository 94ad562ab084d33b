"""``runs`` and ``runs show``: real runs that finish, run, and die; files that are cut, garbled or strange."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lightfx import Digest, DRef
from lightfx.cli.past import glance, names, whole
from lightfx.effects.journal import (
    Advanced,
    Differed,
    JournalEvent,
    RunBegan,
    RunEnded,
    Stopping,
    TaskAsked,
    TaskEnded,
    TaskProgressed,
    TaskRetried,
    TaskStarted,
)
from lightfx.shell.journal.runs import RunFile

WAITS = """
import time
from pathlib import Path
from lightfx import Build, stage

@stage(version="1")
def quick(build: Build) -> int:
    return 1

@stage(version="1")
def slow(build: Build) -> int:
    Path("waiting").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return 2

plan = [quick(), slow()]
"""


def dref(number: int) -> DRef:
    return DRef.of(str(number), "train")


@pytest.fixture
def told(lightfx) -> Callable[..., str]:
    """Tell events to a journal of this desk's store, a second apart, and give the id of the run."""
    assert lightfx("run", "plan:plan", "--quiet").code == 1
    shutil.rmtree(lightfx.store / "runs")
    clock = [time.time() - 10_000]

    def tell(*events: JournalEvent) -> str:
        journal = RunFile(lightfx.store / "runs", lambda: clock[0])
        for event in events:
            journal.tell(event)
            clock[0] += 1
        newest = max((lightfx.store / "runs").iterdir())
        return newest.stem.rpartition("-")[2]

    return tell


def one_line(said, code: int, sentence: str) -> None:
    assert said.code == code
    assert said.err.startswith("lightfx: ") and said.err.count("\n") == 1
    assert sentence in said.err


def test_runs_are_listed_newest_first(lightfx) -> None:
    lightfx.run("run", "plan:fine")
    lightfx.run("run", "plan:plan")
    said = lightfx("runs")
    lines = said.out.splitlines()
    assert said.code == 0 and said.err == ""
    assert lines[0].split() == ["run", "began", "took", "derivations", "built", "LEFT", "state", "command"]
    assert len(lines) == 3 and lines[1].endswith("run plan:plan") and lines[2].endswith("run plan:fine")
    newest, oldest = lightfx("runs", "--json").json
    assert newest["run"] == lines[1].split()[0] and newest["began"] > oldest["began"]
    assert [newest[key] for key in ("derivations", "settled", "reused", "built", "left", "state")] == [
        5, 5, 2, 2, 2, "finished",
    ]  # fmt: skip
    assert newest["seconds"] > 0 and newest["lightfx"] and newest["host"] and newest["pid"] != oldest["pid"]
    said = lightfx("runs", "--limit", "1").out.splitlines()
    assert len(said) == 3 and said[-1] == "and older ones: --limit 10 lists more"


def timeless(said: str) -> list[str]:
    """What was said, without the lines that tell how long ago that was."""
    lines = [line for line in said.splitlines() if not re.search(r"\((just now|\d+ \w+ ago)\)", line)]
    assert len(lines) == len(said.splitlines()) - 1
    return lines


def test_a_run_says_what_ran_and_why_it_is_left(lightfx) -> None:
    lightfx.run("run", "plan:plan")
    said = lightfx("runs", "show")
    again = lightfx("runs", "show", "last")
    assert said.code == again.code == 0
    # How long ago it was is another matter from one call to the next.
    assert timeless(said.out) == timeless(again.out)
    assert "5 derivations: 0 reused, 0 cut off, 4 built, 2 LEFT" in said.out
    assert "what ran" in said.out and said.out.count(" RIGHT ") == 3
    (left,) = (line for line in said.out.splitlines() if "LEFT raised" in line)
    assert "raised ValueError: no [bold]way[/bold] \\x1b[2J \\x07" in left
    tree = lightfx("runs", "show", "--json").json
    assert tree["state"] == "finished" and tree["differed"] == []
    assert [task["name"] for task in tree["tasks"]] == ["data", "fit", "fit", "report"]
    assert {task["state"] for task in tree["tasks"]} == {"right", "raised"}
    assert lightfx("runs", "--json", "show").json == tree
    assert lightfx("runs", "--store", str(lightfx.store), "show", "--json").json == tree


def waiting(lightfx) -> subprocess.Popen[str]:
    """A run in a process of its own, in the middle of its slow stage."""
    lightfx.write(WAITS)
    process = lightfx.start("run", "plan:plan")
    end = time.monotonic() + 30
    while not (lightfx.folder / "waiting").exists() and time.monotonic() < end:
        time.sleep(0.02)
    return process


def test_a_run_that_lives_and_then_ends(lightfx) -> None:
    process = waiting(lightfx)
    assert lightfx("runs", "--json").json[0]["state"] == "running"
    said = lightfx("runs", "show")
    assert "running" in said.out.splitlines()[0]
    (row,) = (line for line in said.out.splitlines() if " slow " in line)
    assert " running " in row
    assert lightfx("runs", "show", "--json").json["built"] == 1
    (lightfx.folder / "go").touch()
    process.communicate(timeout=30)
    assert lightfx("runs", "--json").json[0]["state"] == "finished"


def test_a_run_whose_process_was_killed(lightfx) -> None:
    process = waiting(lightfx)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    (died,) = lightfx("runs", "--json").json
    assert (died["state"], died["derivations"], died["built"], died["left"]) == ("died", 2, 1, 0)
    said = lightfx("runs", "show").out
    assert "died" in said.splitlines()[0]
    assert any(" slow " in line and " unfinished " in line for line in said.splitlines())


def test_a_run_that_was_interrupted_is_no_finished_one(lightfx) -> None:
    """Without workers, Ctrl-C breaks into the task: the run was listed as finished, with rc 130."""
    process = waiting(lightfx)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    (run,) = lightfx("runs", "--json").json
    assert (process.returncode, run["state"], run["why"]) == (130, "stopped", "interrupted")
    assert "waiting for" not in err, "nothing is waited for"
    assert lightfx("runs", "show").out.splitlines()[0] == f"{run['run']}: stopped"


BACKS_OFF = """
from lightfx import Build, Retry, stage

@stage(version="1", retry=Retry(times=3, backoff=60, on=("ValueError",)))
def weak(build: Build) -> int:
    raise ValueError("weak")

plan = weak()
"""


def test_a_run_that_was_interrupted_between_two_attempts_is_no_finished_one(lightfx) -> None:
    lightfx.write(BACKS_OFF)
    process = lightfx.start("run", "plan:plan")
    assert "tried again in 1 min" in process.stderr.readline()
    while process.poll() is None and "State:\tS" not in Path(f"/proc/{process.pid}/status").read_text():
        time.sleep(0.02)  # until it has come to the wait
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    (run,) = lightfx("runs", "--json").json
    assert (process.returncode, run["state"], run["why"]) == (130, "stopped", "interrupted")


FAILS = """
from lightfx import Build, Resources, stage

@stage(version="1", resources=Resources(tickets={"gpu": 1}))
def trained(build: Build) -> int:
    return 1

@stage(version="1")
def stops(build: Build) -> int:
    raise KeyboardInterrupt

plan, halting = trained(), stops()
"""


def test_a_run_that_failed_says_so_and_why(lightfx) -> None:
    """CannotFit ends a run before anything has started: nothing of it was in the journal but an end."""
    lightfx.write(FAILS)
    for number in (1, 2):  # the second within a second, where a run of nothing is not kept
        said = lightfx("run", "plan:plan", "-q")
        assert said.code == 3
        one_line(said, 3, "--workers, --memory and --ticket say what there is")
        assert "open_world" not in said.err, "who runs a command opens no world"
        assert len(lightfx("runs", "--json").json) == number
    failed = lightfx("runs", "--json").json[0]
    assert failed["state"] == "failed" and failed["why"].endswith("it can never run here: a task takes 1 gpu of 0")
    lines = lightfx("runs", "show").out.splitlines()
    assert lines[0] == f"{failed['run']}: failed"
    assert any(line.split()[0] == "why" and "it can never run here" in line for line in lines)


def test_a_stage_that_stops_the_run_in_a_worker(lightfx) -> None:
    lightfx.write(FAILS)
    assert lightfx.run("run", "plan:halting", "--workers", "1").code == 130
    (run,) = lightfx("runs", "--json").json
    assert (run["state"], run["why"]) == ("stopped", "interrupted")


def test_an_end_from_before_failures_were_told_is_read(lightfx, told) -> None:
    told(RunBegan(1), RunEnded(Advanced(1, 1)))
    (path,) = (lightfx.store / "runs").iterdir()
    begin, end = path.read_text().splitlines()
    fields = json.loads(end)
    assert fields.pop("failure") == ""
    path.write_text(f"{begin}\n{json.dumps(fields)}\n")
    (run,) = lightfx("runs", "--json").json
    assert (run["state"], run["why"]) == ("finished", "")


REMAKES = """
from pathlib import Path
from lightfx import Build, Derivation, stage

@stage(version="1", ephemeral=True)
def cooked(build: Build, size: int) -> Path:
    path = build.out / "cooked"
    path.write_bytes(bytes(size))
    return path

@stage(version="1")
def length(build: Build, data: Derivation[Path], more: int = 0) -> int:
    return build.need(data).stat().st_size + more

first, file, second = length(cooked(4)), cooked(4), length(cooked(4), 1)
"""


@pytest.mark.parametrize(
    ("target", "row", "counts", "progress"),
    [
        (
            "file",
            "made again",
            "1 derivation: 1 reused, 0 cut off, 0 built, 0 LEFT, 1 made again, ",
            "0 built, 1 reused",
        ),
        ("second", "built", "2 derivations: 1 reused, 0 cut off, 1 built, 0 LEFT, 1 made again, ", "1 built, 1 reused"),
    ],
)
def test_what_is_made_again_is_counted_apart(lightfx, target: str, row: str, counts: str, progress: str) -> None:
    """Its files were gone, so it ran, and it is reused: by some counts it was built, by others not."""
    lightfx.write(REMAKES)
    lightfx("run", "plan:first", "-q")
    said = lightfx("run", f"plan:{target}")
    assert f"  {row}  " in said.out and counts in said.out
    assert f"{progress}, 0 LEFT, 1 made again" in said.err
    shown = lightfx("runs", "show")
    assert counts in shown.out
    tree = lightfx("runs", "show", "--json").json
    assert (tree["built"] + tree["reused"], tree["made_again"]) == (tree["derivations"], 1)
    shutil.rmtree(lightfx.store)
    lightfx("run", "plan:first", "-q")
    tree = lightfx("run", f"plan:{target}", "--json", "-q").json
    assert [each["how"] for each in tree["targets"]] == [row]
    assert tree["built"] + tree["reused"] == tree["settled"] == tree["derivations"]
    assert tree["made_again"] == 1


def test_a_run_that_settled_some_says_so_everywhere(lightfx) -> None:
    """Trap: the list said how many there were, the other how many of them were settled."""
    lightfx("run", "plan:fine", "--only", "0", "-q")
    said = lightfx("run", "plan:plan", "--stop-after", "1", "--only", "bad, 0", "-q")
    counts = "2 derivations: 1 reused, 0 cut off, 1 built, 1 LEFT"
    assert counts in said.out and counts in lightfx("runs", "show").out
    lightfx.write(FAILS)
    assert lightfx("run", "plan:plan").code == 3
    assert "0 of 1 derivation: 0 reused" in lightfx("runs", "show").out
    (row,) = lightfx("runs", "--limit", "1").out.splitlines()[1:2]
    assert " 0 of 1 " in row
    tree = lightfx("runs", "show", "--json").json
    assert (tree["derivations"], tree["settled"]) == (1, 0)


def test_everything_that_can_happen_has_its_words(lightfx, told) -> None:
    one, two, three, four = map(dref, range(4))
    run = told(
        RunBegan(5),
        TaskStarted(one, 1),
        TaskRetried(one, 1, "died of SIGKILL\nmore", 2.0),
        TaskStarted(one, 2, 2),
        TaskEnded(one, "timed_out", "was stopped after 3 s\nmore", 3.0, 2),
        TaskStarted(two, 3),
        TaskAsked(two, 3, 2),
        TaskStarted(three, 4),
        TaskProgressed(three, 4, 1.0, 8.0),
        TaskStarted(four, 5),
        TaskProgressed(four, 5, 7.0, 0.0),
        Differed(one, Digest.of(b"1"), Digest.of(b"2")),
        Stopping("interrupted", 2),
        Advanced(1, 0, 0, 0, 1, 1),
    )
    lines = lightfx("runs", "show", run[:4]).out.splitlines()
    assert lines[0] == f"{run}: stopped"
    assert any(line.split() == ["why", "interrupted"] for line in lines)
    rows = [" ".join(line.split()[3:]) for line in lines if " train " in line and "warning" not in line]
    assert rows == [
        "train 1 retried 1 s again after 2 s: died of SIGKILL",
        "train 2 LEFT timed_out 3 s was stopped after 3 s",
        "train 1 asked 1 s for 2 derivations",
        "train 1 unfinished - 1 of 8",
        "train 1 unfinished - 7 done",
    ]
    assert lines[-1].startswith(f"warning: {one.text[:10]} train came out otherwise")
    tree = lightfx("runs", "show", run, "--json").json
    assert [task["state"] for task in tree["tasks"]] == ["retried", "timed_out", "asked", "running", "running"]
    assert tree["tasks"][1]["reason"] == "was stopped after 3 s\nmore"
    assert tree["differed"][0]["found"] == Digest.of(b"2").text
    assert (tree["why"], tree["left"], tree["seconds"]) == ("interrupted", 1, 13.0)


def test_a_stop_that_ended_well_is_a_stop(lightfx, told) -> None:
    told(RunBegan(5), Stopping("interrupted", 1), RunEnded(Advanced(2, 0, 0, 0, 2, 0)))
    assert lightfx("runs", "--json").json[0]["state"] == "stopped"


def test_long_runs_show_what_went_wrong_at_their_end(lightfx, told) -> None:
    events: list[JournalEvent] = []
    for number in range(60):
        kind, why = ("raised", f"raised E{number}") if number % 50 == 5 else ("right", "")
        events += [TaskStarted(dref(number), number), TaskEnded(dref(number), kind, why, 1.0, number)]
    told(RunBegan(60), *events, RunEnded(Advanced(60, 0, 0, 0, 60, 2)))
    said = lightfx("runs", "show").out
    assert "and 20 more: --json lists all" in said
    before, _, after = said.partition("of the rest, what is LEFT or was tried again")
    assert "raised E5" in before and "raised E55" not in before
    assert "raised E55" in after and after.count("raised E") == 1
    assert len(lightfx("runs", "show", "--json").json["tasks"]) == 60


def test_a_cut_or_garbled_file_is_read_as_far_as_it_makes_sense(lightfx, told) -> None:
    told(RunBegan(3), TaskStarted(dref(1), 1), TaskEnded(dref(1), "right", "", 1.0, 1), TaskStarted(dref(2), 2))
    (path,) = (lightfx.store / "runs").iterdir()
    whole_text = path.read_bytes()
    path.write_bytes(whole_text[:-20])
    assert lightfx("runs", "--json").json[0]["built"] == 1
    assert len(lightfx("runs", "show", "--json").json["tasks"]) == 1
    begin, *rest = whole_text.splitlines(keepends=True)
    path.write_bytes(begin + b"\xff\x00 garbage\n{}\n[]\n" + b'{"event":"task_left","at":1}\n' + b"".join(rest))
    assert len(lightfx("runs", "show", "--json").json["tasks"]) == 2
    path.write_bytes(rest[1])  # its beginning is missing: it is no run
    assert lightfx("runs").out == "no run is kept\n"
    one_line(lightfx("runs", "show"), 2, "cannot be read")


def test_files_that_are_none_of_ours(lightfx, told) -> None:
    told(RunBegan(1), RunEnded(Advanced(1, 1)))
    folder = lightfx.store / "runs"
    (folder / "notes.txt").touch()
    (folder / "empty.jsonl").touch()
    (folder / "folder.jsonl").mkdir()
    assert len(lightfx("runs", "--json").json) == 1
    one_line(lightfx("runs", "show", "empty"), 2, "run empty cannot be read")
    one_line(lightfx("runs", "show", "folder"), 2, "run folder cannot be read")


def test_a_pipe_or_a_device_is_no_run_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "device.jsonl").symlink_to("/dev/zero")
    assert [(glance(tmp_path, name), whole(tmp_path, name)) for name in names(tmp_path)] == [(None, None)] * 2


def test_a_run_is_named_by_its_beginning(lightfx, told) -> None:
    first, second = told(RunBegan(1)), told(RunBegan(2))
    assert lightfx("runs", "show", first, "--json").json["derivations"] == 1
    assert lightfx("runs", "show", second, "--json").json["derivations"] == 2
    assert lightfx("runs", "show", "last", "--json").json["derivations"] == 2
    one_line(lightfx("runs", "show", "20"), 2, "'20' begins 2 runs: give more of it")
    one_line(lightfx("runs", "show", "zzzzzzzzzzz"), 2, "no run is kept that begins with 'zzzzzzzzzzz'")
    one_line(lightfx("runs", "show", "../format"), 2, "names no run")
    one_line(lightfx("runs", "show", "\udcff"), 2, "names no run")


def test_a_store_without_runs(lightfx) -> None:
    lightfx("run", "plan:fine", "--quiet")
    shutil.rmtree(lightfx.store / "runs")
    assert lightfx("runs").out == "no run is kept\n"
    assert lightfx("runs", "--json").json == []
    one_line(lightfx("runs", "show"), 2, "no run is kept in this store")


def test_what_was_kept_does_not_bite(lightfx, told) -> None:
    told(RunBegan(1))
    (path,) = (lightfx.store / "runs").iterdir()
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "command": "\x1b[2J", "host": ["x"], "pid": "\x07", "lightfx": "\n"}))
    for said in (lightfx("runs"), lightfx("runs", "show")):
        assert said.code == 0 and "\x1b" not in said.out and "\x07" not in said.out


def test_the_list_reads_no_more_than_it_shows(tmp_path: Path) -> None:
    """Of a run that ended, the first line and the last ones say all; the rest may be a hundred megabytes."""
    journal = RunFile(tmp_path)
    journal.tell(RunBegan(3000))
    for number in range(3000):
        journal.tell(TaskStarted(dref(number), number))
    journal.tell(RunEnded(Advanced(3000, 0, 0, 0, 3000, 7)))
    (name,) = names(tmp_path)
    seen, read = glance(tmp_path, name), whole(tmp_path, name)
    assert seen is not None and read is not None
    assert len(seen.noted) < 300 < len(read.noted)
    assert (seen.state, seen.total, seen.counts) == (read.state, read.total, read.counts)
    assert seen.seconds(0.0) == read.seconds(0.0)
