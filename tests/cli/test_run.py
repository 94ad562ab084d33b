"""``lightfx run``: plans of all kinds, exit codes, progress, interrupts."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

GRID = """
from lightfx import Build, stage

@stage(version="1")
def cell(build: Build, number: int) -> int:
    if number % 50 == 0:
        raise ValueError(number)
    return number

@stage(version="1")
def other(build: Build) -> int:
    return 0

plan = {"cells": [cell(number) for number in range(2500)], "other": other()}
"""


def test_each_target_has_its_row(lightfx):
    said = lightfx("run", "plan:plan")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0].split() == ["target", "state", "seconds", "ref", "reason"]
    assert lines[1].startswith("good ") and " built " in lines[1]
    assert lines[2].startswith("bad, 0 ") and "LEFT raised" in lines[2]
    assert "raised ValueError: no [bold]way[/bold] \\x1b[2J \\x07" in lines[2]
    assert "LEFT upstream" in lines[4] and "stands on" in lines[4]
    assert lines[-1].startswith("5 derivations: ")
    assert "3 built, 2 LEFT" not in lines[0]
    assert "lightfx: 5 of 5 derivations settled" in said.err


def test_json_is_the_whole_of_standard_output(lightfx):
    lightfx.write("import os\nprint('hi')\nos.system('echo there')\n" + lightfx.folder.joinpath("plan.py").read_text())
    said = lightfx.run("run", "plan:plan", "--json")
    assert said.code == 1
    assert "hi" in said.err and "there" in said.err
    rows = {row["target"]: row for row in said.json["targets"]}
    assert rows["good"]["how"] == "built" and rows["good"]["kind"] == "right" and rows["good"]["seconds"] > 0
    assert rows["bad, 0"]["kind"] == "raised" and "ValueError" in rows["bad, 0"]["reason"]
    assert rows["reports / 1"]["how"] == "inherited" and rows["reports / 1"]["rrefs"]
    assert said.json["derivations"] == 5 and said.json["left"] == 2

    again = lightfx.run("run", "plan:plan", "--json").json
    assert [row["how"] for row in again["targets"]] == ["reused", "reused", "reused", "inherited"]
    assert again["built"] == 0 and again["targets"][0]["seconds"] is None


def test_values_functions_and_single_plans(lightfx):
    assert lightfx("run", "plan:fine").code == 0
    lightfx.write(
        "from plan import data\nsingle = data()\nclass Plans:\n    @staticmethod\n    def all(): return [single]\n",
        "more.py",
    )
    said = lightfx("run", "more:single")
    assert said.code == 0 and said.out.splitlines()[1].split()[:2] == ["data", "reused"]
    assert lightfx("run", "more:Plans.all").code == 0
    lightfx.write("plan = []\n", "empty.py")
    assert lightfx("run", "empty:plan").out.startswith("0 derivations")


def test_a_file_is_imported_by_its_name_in_its_package(lightfx):
    lightfx.write("", "pack/__init__.py")
    lightfx.write("from lightfx import Build, stage\n", "pack/tools.py")
    lightfx.write(
        "from .tools import Build, stage\n"
        "@stage(version='1')\ndef one(build: Build) -> int: return 1\nplan = [one()]\n",
        "pack/plans.py",
    )
    assert lightfx("run", str(lightfx.folder / "pack" / "plans.py") + ":plan").code == 0
    assert "pack.plans:one" in lightfx("show", "one").out
    lightfx.write("plan = []", "json.py")
    assert lightfx("run", "json.py:plan").err.startswith(
        "lightfx: json.py cannot be imported: another module has the name json"
    )


def test_cut_off_is_told(lightfx):
    plan = """
from lightfx import Build, Derivation, stage

@stage(version="VERSION")
def first(build: Build) -> int:
    return 1

@stage(version="1")
def second(build: Build, first: Derivation[int]) -> int:
    return build.need(first)

plan = second(first())
"""
    lightfx.write(plan)
    assert "built" in lightfx("run", "plan:plan").out
    lightfx.write(plan.replace("VERSION", "2"))
    said = lightfx("run", "plan:plan")
    assert "second  cut off" in said.out
    assert "1 cut off, 1 built" in said.out
    assert "cut off: it has the inputs of" in lightfx("why", said.out.splitlines()[1].split()[4]).out


def test_many_targets_are_counted_by_stage(lightfx):
    lightfx.write(GRID)
    said = lightfx("run", "plan:plan")
    assert said.code == 1
    lines = [line.split() for line in said.out.splitlines()]
    assert lines[0] == ["stage", "targets", "reused", "cut", "off", "built", "LEFT"]
    assert lines[1] == ["cell", "2,500", "0", "0", "2,450", "50"]
    assert lines[2] == ["other", "1", "0", "0", "1", "0"]
    assert said.out.count("raised ValueError") == 40
    assert "and 10 more" in said.out


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("plan", "'plan' names no plan: say module:plan"),
        ("nowhere:plan", "there is no module nowhere"),
        ("plan.deep:plan", "there is no module plan.deep"),
        ("pl an:plan", "'pl an' is no name of a module"),
        ("nowhere.py:plan", "there is no file nowhere.py"),
        ("plan:nothing", "module plan has no nothing"),
        ("plan:Build", "plan:Build needs arguments (order, index)"),
        ("plan:PLANS", "plan:PLANS is no container of derivations: a derivation is wanted at x, not int"),
        ("plan:fit", "fit(): missing a required argument: 'data'"),
    ],
)
def test_misuse_is_one_line(lightfx, spec, sentence):
    lightfx.write(lightfx.folder.joinpath("plan.py").read_text() + "\nPLANS = {'x': 1}\n")
    said = lightfx("run", spec)
    assert said.code == 2 and said.out == ""
    assert sentence in said.err.splitlines()[-1]
    assert said.err.splitlines()[-1].startswith("lightfx: ")
    assert not lightfx.store.exists()


@pytest.mark.parametrize("options", [["--workers", "-1"], ["--workers", "many"], ["--bogus"]])
def test_bad_options(lightfx, options):
    said = lightfx("run", "plan:plan", "--json", *options)
    assert said.code == 2 and said.err.startswith("lightfx: ") and said.err.count("\n") == 1
    assert "error" in said.json


def test_what_the_users_module_raises_is_shown_as_its_own_traceback(lightfx):
    lightfx.write("def deep():\n    raise RuntimeError('broken \\x1b[2J')\ndeep()\n", "broken.py")
    said = lightfx("run", "broken:plan")
    assert said.code == 2
    lines = said.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "broken.py" in lines[1] and "importlib" not in said.err and "planning.py" not in said.err
    assert lines[-1] == "lightfx: broken cannot be imported: RuntimeError: broken \\x1b[2J"
    lightfx.write("def plan():\n    return 1 / 0\n", "broken.py")
    assert "broken:plan raised: ZeroDivisionError" in lightfx("run", "broken:plan").err
    lightfx.write("import sys\nsys.exit(0)\n", "broken.py")
    assert lightfx("run", "broken:plan").code == 2
    lightfx.write("import nothing_of_that_name\n", "broken.py")
    said = lightfx("run", "broken:plan")
    assert said.code == 2 and "Traceback" in said.err and "nothing_of_that_name" in said.err


def test_no_store_and_no_create(lightfx, monkeypatch):
    said = lightfx("run", "plan:plan", "--no-create")
    assert said.code == 2 and "there is no store here" in said.err and not lightfx.store.exists()
    monkeypatch.delenv("LIGHTFX_STORE")
    said = lightfx("run", "plan:plan")
    assert (said.code, said.err) == (2, "lightfx: no store is given: give --store PATH or set LIGHTFX_STORE\n")
    assert lightfx("run", "plan:fine", "--store", "here", "--quiet").err == ""
    assert (lightfx.folder / "here" / "format").exists()


def test_trouble_of_the_engine_is_3(lightfx):
    lightfx.write(
        lightfx.folder.joinpath("plan.py").read_text()
        + "\nfrom lightfx.matchers import filtered\ndef raises(value):\n    raise KeyError(value)\n"
        + "never = data().choose(filtered(raises))\n"
    )
    said = lightfx("run", "plan:never", "--json")
    assert said.code == 3
    assert "matcher" in said.err and "Traceback" not in said.err
    assert said.json["error"] in said.err


def test_workers_run_a_plan(lightfx):
    said = lightfx.run("run", "plan:plan", "--workers", "2")
    assert said.code == 1 and "LEFT upstream" in said.out
    assert lightfx("log", "data").out == "read 3\n"


@pytest.mark.parametrize(("ask", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_keeps_what_had_finished(lightfx, ask, code):
    lightfx.write(
        """
import time
from pathlib import Path
from lightfx import Build, stage

@stage(version="1")
def quick(build: Build) -> int:
    return 1

@stage(version="1")
def slow(build: Build) -> int:
    if not Path("go").exists():
        Path("waiting").touch()
        time.sleep(60)
    return 2

plan = [quick(), slow()]
"""
    )
    process = lightfx.start("run", "plan:plan", "--json")
    end = time.monotonic() + 30
    while not (lightfx.folder / "waiting").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(ask)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    last = err.splitlines()[-1]
    assert last.startswith("lightfx: interrupted: 1 of 2 derivations") and "run again to go on" in last
    assert "Traceback" not in err and "interrupted" in out
    (lightfx.folder / "go").touch()
    again = lightfx("run", "plan:plan", "--json").json
    assert [row["how"] for row in again["targets"]] == ["reused", "built"]


def test_the_console_script_is_there(lightfx):
    import subprocess

    script = Path(sys.executable).with_name("lightfx")
    if not script.exists():
        pytest.skip("lightfx is not installed beside this Python")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("lightfx ")


def test_stop_after_says_what_was_not_run(lightfx):
    lightfx.write(
        """
from lightfx import Build, Resources, stage

@stage(version="1")
def bad(build: Build, number: int) -> int:
    raise ValueError(number)

@stage(version="1", resources=Resources(memory="1GiB", tickets={"gpu": 1}))
def drawn(build: Build) -> int:
    return 1

plan = [bad(number) for number in range(3)]
gpu = drawn()
"""
    )
    said = lightfx("run", "plan:plan", "--stop-after", "1", "--json")
    rows = said.json["targets"]
    assert said.code == 1
    assert rows[0]["kind"] == "raised" and rows[0]["how"] == "built"
    assert [(row["kind"], row["how"], row["rrefs"]) for row in rows[1:]] == [("cancelled", "not run", [])] * 2
    assert "LEFT cancelled" in lightfx("run", "plan:plan", "--stop-after", "1", "--retry", "lefts").out


def test_what_tasks_share_is_said_on_the_command_line(lightfx):
    test_stop_after_says_what_was_not_run(lightfx)
    assert (
        "takes 1,073,741,824 bytes of memory of 1,000, and 1 gpu of 0"
        in lightfx("run", "plan:gpu", "--memory", "1kB").err
    )
    assert lightfx("run", "plan:gpu", "--ticket", "gpu=1", "--memory", "2GiB").code == 0
    for wrong in (("--ticket", "gpu"), ("--ticket", "gpu=0"), ("--memory", "much")):
        said = lightfx("run", "plan:gpu", *wrong)
        assert said.code == 2 and said.err.count("\n") == 1


def test_a_scheduler_that_is_not_there_is_trouble_of_the_engine(lightfx):
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    said = lightfx("run", "plan:fine", "--dask", "tcp://127.0.0.1:1")
    assert said.code == 3 and "no Dask scheduler answers at tcp://127.0.0.1:1" in said.err
    assert lightfx("run", "plan:fine", "--dask", "tcp://127.0.0.1:1", "--workers", "2").code == 2
