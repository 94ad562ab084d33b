"""``lightfx run --dry-run`` and the options that choose what runs: they say what a run would do, and run nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CODE = """
from pathlib import Path
from lightfx import Build, Derivation, stage

def helper(number):
    return number * 2

@stage
def base(build: Build, number: int) -> int:
    with open("ran.txt", "a") as file:
        file.write("base\\n")
    return helper(number)

@stage
def fit(build: Build, base: Derivation[int], rate: float = 0.5) -> float:
    with open("ran.txt", "a") as file:
        file.write("fit\\n")
    if rate == 0:
        raise ValueError("no rate")
    return build.need(base) * rate

def plan():
    return {"one": fit(base(1)), "two": fit(base(2)), "bad": fit(base(1), 0.0)}
"""


MANY = """
def plan():
    return [fit(base(n), r / 10) for n in range(10) for r in range(10)]
"""


REASONS = """
from pathlib import Path
from lightfx import Build, Derivation, source_file, stage
from lightfx.matchers import some

@stage(version="1")
def read(build: Build, file: Derivation[Path]) -> str:
    return build.need(file).read_text()

@stage(version="1")
def one(build: Build, number: int, odd: bool = False) -> int:
    if number < 0:
        raise (OSError if odd else ValueError)("down")
    return 1

@stage(version="1")
def two(build: Build, of: Derivation[int]) -> int:
    return build.need(of)

@stage(version="1")
def filed(build: Build) -> Path:
    (build.out / "f").touch()
    return build.out / "f"

@stage(version="1")
def asks(build: Build) -> str:
    return build.need(read(source_file("in.txt")))

@stage(version="1")
def bears(build: Build, odd: bool) -> int:
    build.need(one(-1, odd).tolerate())
    return 1

Path("in.txt").touch()
only_source = source_file("in.txt")
source = read(only_source)
asking = [asks(), bears(True)]
before = [source, one(1), one(2), one(-1), one(-1, True), two(one(1)), filed(), *asking]
after = [source, one(1).collect(some(3)), one(-1, True), two(one(-1)), two(one(2)), filed(), one(5), *asking]

def gone():
    Path("in.txt").unlink()
    return only_source
"""


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("index.sqlite"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def desk(lightfx):
    lightfx.write(CODE)
    return lightfx


def ran(desk) -> list[str]:
    note = desk.folder / "ran.txt"
    found = note.read_text().split() if note.exists() else []
    note.unlink(missing_ok=True)
    return found


def test_a_dry_run_makes_no_store(desk):
    """Nothing is stored where there is no store: all would be built."""
    said = desk("run", "plan:plan", "--dry-run")
    assert said.code == 0
    assert not desk.store.exists()
    assert ran(desk) == []
    lines = said.out.splitlines()
    assert lines[0].split() == ["target", "name", "ref", "action", "time", "why"]
    assert "build" in lines[1] and "nothing of this name was realized before" in lines[1]
    assert lines[2].startswith("one ") and "build unless cut off" in lines[2] and " base is built first" in lines[2]
    assert lines[-2] == "5 derivations: 2 to build, 3 to build unless cut off"
    assert lines[-1] == "the time is unknown: nothing like it was run before"
    assert desk("run", "plan:plan", "--dry-run", "--no-create").code == 2


def test_each_derivation_has_its_action_and_its_reasons(desk):
    desk("run", "plan:plan")
    ran(desk)
    before = contents(desk.store)
    said = desk("run", "plan:plan", "--dry-run")
    assert said.code == 0, "a LEFT is no failure of the dry run"
    assert "LEFT raised stands: raised ValueError: no rate" in said.out
    assert said.out.splitlines()[-2:] == [
        "5 derivations: 4 to reuse, 1 LEFT, and that stands",
        "nothing is to be run",
    ]
    desk.write(CODE.replace("number * 2", "2 * number"))
    said = desk("run", "plan:plan", "--dry-run")
    assert "the code changed: plan:helper (against " in said.out
    assert "at most " in said.out.splitlines()[-1]
    (row,) = [line for line in said.out.splitlines() if line.startswith("two ")]
    assert row.count(" base") == 3 and "args.base " in row
    assert ran(desk) == []
    assert contents(desk.store) == before


def test_for_machines(desk):
    desk("run", "plan:plan")
    desk.write(CODE.replace("number * 2", "2 * number"))
    tree = desk("run", "plan:plan", "--dry-run", "--json").json
    counts = {key: tree[key] for key in ("derivations", "reuse", "cut_off", "replay", "inherit", "build", "maybe")}
    assert counts == {
        "derivations": 5, "reuse": 0, "cut_off": 0, "replay": 0, "inherit": 0, "build": 2, "maybe": 3,
    }  # fmt: skip
    assert tree["realized"] is False and tree["estimate"]["unknown"] == 0 and tree["estimate"]["seconds"] > 0
    first = tree["steps"][0]
    assert (first["target"], first["name"], first["action"]) == (None, "base", "build")
    assert first["why"] == [
        {"what": "code changed", "field": "code.fingerprint", "changed": ["plan:helper"], "added": [], "removed": []}
    ]
    assert first["nearest"].endswith("-base") and first["seconds"] > 0
    second = tree["steps"][1]
    assert [each["what"] for each in second["why"]] == ["reference changed", "waits for"]
    assert second["why"][1]["drefs"] == [first["dref"]]


def test_what_comes_out_the_same_is_cut_off_then(desk):
    """The dry run says so, and the run does it."""
    desk("run", "plan:plan")
    desk.write(CODE.replace("number * 2", "2 * number"))
    ran(desk)
    tree = desk("run", "plan:plan", "--json").json
    assert (tree["built"], tree["cut_off"]) == (2, 3)
    assert ran(desk) == ["base", "base"]


def test_many_are_counted_by_stage(desk):
    desk.write(CODE.partition("def plan")[0] + MANY)
    said = desk("run", "plan:plan", "--dry-run")
    lines = said.out.splitlines()
    assert lines[0].split("  ")[0] == "stage" and "build unless cut off" in lines[0]
    assert lines[1].split() == ["base", "10", "0"]
    assert any("more: --json lists all" in line for line in lines)
    assert len(desk("run", "plan:plan", "--dry-run", "--json").json["steps"]) == 110


def test_only_some_targets(desk):
    said = desk("run", "plan:plan", "--only", "o*", "--json")
    assert [row["target"] for row in said.json["targets"]] == ["one"]
    assert ran(desk) == ["base", "fit"]
    assert len(desk("run", "plan:plan", "--only", "fit", "--dry-run", "--json").json["steps"]) == 5
    said = desk("run", "plan:plan", "--only", "base")
    assert (said.code, said.out) == (2, "")
    assert said.err == "lightfx: --only 'base' matches no target: there are one, two, bad\n"


def test_force_by_stage_and_by_reference(desk):
    desk("run", "plan:plan")
    tree = desk("run", "plan:plan", "--dry-run", "--force", "fit", "--json").json
    assert [(each["name"], each["action"]) for each in tree["steps"]] == [
        ("base", "reuse"), ("fit", "build"), ("base", "reuse"), ("fit", "build"), ("fit", "build"),
    ]  # fmt: skip
    forced = tree["steps"][1]
    assert forced["why"] == [{"what": "forced"}]
    by_dref = desk("run", "plan:plan", "--dry-run", "--force", forced["dref"][:12], "--json").json
    assert by_dref["build"] == 1
    ref = next(row["rref"] for row in desk("ls", "fit", "--json").json if row["dref"] == forced["dref"])
    by_rref = desk("run", "plan:plan", "--dry-run", "--force", ref[:12], "--force", "base", "--json").json
    assert (by_rref["build"], by_rref["maybe"]) == (3, 2)
    ran(desk)
    assert desk("run", "plan:plan", "--force", "base", "--json").json["built"] == 2
    assert ran(desk) == ["base", "base"]
    for unknown in ("helper", "", "zz"):
        said = desk("run", "plan:plan", "--dry-run", "--force", unknown)
        assert (said.code, said.out) == (2, "")
        assert f"--force {unknown!r} names nothing in this plan" in said.err


ASKING = """
from lightfx import Build, Derivation, stage
from lightfx.matchers import latest

@stage
def leaf(build: Build, number: int) -> int:
    with open("ran.txt", "a") as file:
        file.write(f"leaf-{number}\\n")
    return number

@stage
def branch(build: Build, leaf: Derivation[int]) -> int:
    return build.need(leaf)

@stage
def middle(build: Build, number: int) -> int:
    return build.need(branch(leaf(number)))

@stage
def tree(build: Build, size: int) -> int:
    return sum(build.need_all([middle(number) for number in range(size)]))

def plan():
    return tree(2)
"""


def test_force_reaches_what_stages_ask_for_as_they_run(desk):
    """Trap: it named nothing in the plan, though the run comes by it."""
    desk.write(ASKING)
    assert "names nothing in this plan" in desk("run", "plan:plan", "--force", "leaf").err
    desk("run", "plan:plan")
    ran(desk)
    assert desk("run", "plan:plan", "--force", "leaf", "--dry-run", "--json").json["build"] == 1
    assert ran(desk) == []
    assert desk("run", "plan:plan", "--force", "leaf").code == 0
    assert sorted(ran(desk)) == ["leaf-0", "leaf-1"]
    ref = next(row["rref"] for row in desk("ls", "leaf", "--json").json)
    assert desk("run", "plan:plan", "--force", ref[:12]).code == 0
    assert len(ran(desk)) == 1
    assert "names nothing in this plan" in desk("run", "plan:plan", "--force", "bark").err


def test_retry(desk):
    """Which LEFTs are tried again, in a dry run and in a run."""
    desk("run", "plan:plan")
    for retry, build in (("none", 0), ("failed", 1), ("lefts", 1)):
        assert desk("run", "plan:plan", "--dry-run", "--retry", retry, "--json").json["build"] == build
    ran(desk)
    desk("run", "plan:plan", "--retry", "none")
    assert ran(desk) == []
    desk("run", "plan:plan", "--retry", "lefts")
    assert ran(desk) == ["fit"]
    said = desk("run", "plan:plan", "--retry", "some")
    assert said.code == 2 and "'failed'" in said.err


def test_reasons_are_told_in_words(desk):
    """Of each kind, as a person reads them and as a program does."""
    desk.write("one", "in.txt")
    desk.write(REASONS, "kinds.py")
    assert desk("run", "kinds:before").code == 1
    desk.write("two", "in.txt")
    for folder in (desk.store / "objects").iterdir():
        if (folder / "f").exists():
            folder.chmod(0o700)
            shutil.rmtree(folder)
    said = desk("run", "kinds:after", "--dry-run").out
    for words in (
        "what it reads outside changed",
        "1 are stored, and 2 more are wanted",
        "LEFT raised is tried again: raised OSError: down",
        " one, which is LEFT",
        "the files of ",
        " two, by content",
        " in.txt, changed",
        " one, is LEFT raised and is tried again: raised OSError: down",
    ):
        assert words in said
    tree = desk("run", "kinds:after", "--dry-run", "--json").json
    assert {reason["what"] for step in tree["steps"] for reason in step["why"]} == {
        "outside changed", "more wanted", "left retried", "left stands", "stands on", "files gone", "same as",
        "waits for", "field changed", "asked changed", "asked retried",
    }  # fmt: skip
    forced = desk("run", "kinds:after", "--dry-run", "--force", "one", "--retry", "none").out
    assert "what it asked for, " in forced and " one, is forced" in forced
    desk.write("REASONS = 1\n" + REASONS, "kinds.py")
    desk("run", "kinds:source")
    desk.write("three", "in.txt")
    desk("run", "kinds:only_source")
    assert " in.txt came to " in desk("run", "kinds:source", "--dry-run").out
    (desk.folder / "in.txt").unlink()
    gone = desk("run", "kinds:gone", "--dry-run")
    assert "what it reads outside cannot be read: raised FileNotFoundError" in gone.out


def test_assert_realized(desk):
    said = desk("run", "plan:plan", "--assert-realized")
    assert said.code == 1
    assert said.out.splitlines()[-1] == "5 derivations: 5 not realized"
    assert len(said.out.splitlines()) == 7
    assert ran(desk) == [] and not desk.store.exists()
    desk("run", "plan:plan")
    ran(desk)
    said = desk("run", "plan:plan", "--assert-realized")
    assert (said.code, said.out) == (0, "5 derivations: all are realized\n")
    tree = desk("run", "plan:plan", "--assert-realized", "--retry", "lefts", "--json")
    assert tree.code == 1
    assert [each["target"] for each in tree.json["steps"]] == ["bad"]
    assert ran(desk) == []
