"""``lightfx check``: run again, and show what differs."""

from __future__ import annotations

import shutil

import pytest

CODE = """
import os
from lightfx import Build, Derivation, stage
from pathlib import Path

def mood():
    return os.environ.get("MOOD", "calm")

@stage(version="1")
def base(build: Build) -> int:
    print("printed", flush=True)
    os.system("echo from a program")
    return 2

@stage(version="1")
def fit(build: Build, base: Derivation[int]) -> dict[str, Path | int]:
    if mood() == "angry":
        raise ValueError("angry")
    (build.out / "mood.txt").write_text(mood())
    (build.out / mood()).mkdir()
    return {"mood": build.out / "mood.txt", "length": build.need(base) + len(mood())}

@stage
def fine(build: Build, base: Derivation[int]) -> int:
    return build.need(base)

def plan():
    return [fit(base()), fine(base())]
"""


KINDS = """
from pathlib import Path
from lightfx import Build, stage

@stage(version="1")
def kinds(build: Build) -> int:
    turned = Path("turned").exists()
    for name in ("run", "tool", "other"):
        (build.out / name).touch()
        (build.out / name).chmod(0o755 if (name == "run") == turned and name != "other" else 0o644)
    (build.out / "link").symlink_to("other" if turned else "run")
    if turned:
        (build.out / "kind").write_text("k")
        (build.out / "more").symlink_to("run")
    else:
        (build.out / "kind").mkdir()
        (build.out / "was").touch(0o755)
    return 1

plan = kinds()
"""


@pytest.fixture
def desk(lightfx, monkeypatch):
    monkeypatch.delenv("MOOD", raising=False)
    lightfx.write(CODE)
    assert lightfx("run", "plan:plan").code == 0
    return lightfx


def test_the_same(desk):
    said = desk("check", "fit")
    assert said.code == 0
    assert " fit: the same, byte by byte, run again in " in said.out
    tree = desk("check", "fit", "--json").json
    assert tree["identical"] is True and tree["code"] is None and tree["rref"].endswith("-fit")


def test_a_check_without_a_store(desk, monkeypatch):
    monkeypatch.setenv("LIGHTFX_STORE", str(desk.folder / "nowhere"))
    assert desk("check", "fit").code == 2
    assert not (desk.folder / "nowhere").exists()


def test_what_a_stage_prints_is_not_in_the_answer(desk):
    said = desk.run("check", "base", "--json")
    assert said.code == 0
    assert said.json["identical"] is True


def test_a_difference_is_shown_file_by_file(desk, monkeypatch):
    monkeypatch.setenv("MOOD", "merry")
    said = desk("check", "fit")
    assert said.code == 1
    assert said.out.splitlines()[1:] == [
        "the value",
        "  length  6  ->  7",
        "the files",
        "  calm      only in what is recorded: a folder",
        "  merry     only in what was made again: a folder",
        "  mood.txt  other bytes, 4 B -> 5 B",
    ]
    tree = desk("check", "fit", "--json")
    assert tree.code == 1 and tree.json["identical"] is False
    assert tree.json["differences"] == [{"field": "length", "old": 6, "new": 7}]
    assert [each["path"] for each in tree.json["files"]] == ["calm", "merry", "mood.txt"]
    assert tree.json["files"][2]["old"]["digest"].startswith("blake3:")
    monkeypatch.delenv("MOOD")
    assert desk("check", "fit").code == 0, "nothing was stored of it"


def test_a_right_that_fails_now(desk, monkeypatch):
    monkeypatch.setenv("MOOD", "angry")
    said = desk("check", "fit")
    assert said.code == 1
    assert "it was RIGHT, and is LEFT raised (raised ValueError: angry)" in said.out


def test_files_of_all_kinds(desk):
    """Each in one line."""
    desk.write(KINDS, "kinds.py")
    assert desk("run", "kinds:plan").code == 0
    (desk.folder / "turned").touch()
    said = desk("check", "kinds")
    assert said.code == 1
    assert said.out.splitlines()[1:] == [
        "the files",
        "  kind  a folder -> a file, 1 B",
        "  link  leads to other, not run",
        "  more  only in what was made again: a link to run",
        "  run   executable now",
        "  tool  executable no more",
        "  was   only in what is recorded: a file, 0 B, executable",
    ]
    for folder in (desk.store / "objects").iterdir():
        folder.chmod(0o700)
        shutil.rmtree(folder)
    said = desk("check", "kinds")
    assert said.code == 1 and "the recorded files are gone: they cannot be compared one by one" in said.out


def test_code_that_changed_is_said_so(desk):
    desk.write(CODE.replace("return build.need(base)\n", "return build.need(base) + 0\n"))
    said = desk("check", "fine")
    assert said.code == 0
    assert "the code changed: plan:fine: what ran is the code of now" in said.out


def test_a_stage_that_cannot_be_imported(desk):
    stages = desk.write(CODE.replace('version="1"', 'version="2"'), "old_stages.py")
    desk("run", "old_stages:plan")
    stages.rename(stages.with_name("new_stages.py"))
    said = desk("check", "fit")
    assert (said.code, said.out) == (2, "")
    assert " fit cannot be checked: the stage old_stages:fit cannot be imported: No module named 'old_st" in said.err
    assert said.err.endswith("give the plan that it is in, with `--plan module:plan`\n")
    said = desk("check", "fit", "--plan", "new_stages:plan")
    assert said.code == 0 and "the code changed" in said.out, "a version belongs to a stage of a module"


def test_a_module_that_raises(desk):
    desk.write("raise RuntimeError('no way')")
    said = desk("check", "fit")
    assert said.code == 2 and "cannot be imported: no way" in said.err and said.err.count("\n") == 1


def test_nothing_to_check(desk):
    assert desk("check", "nothing").code == 2
    desk.write("one", "input.txt")
    desk.write("from lightfx import source_file\nplan = source_file('input.txt')\n", "sources.py")
    desk("run", "sources:plan")
    said = desk("check", "input.txt")
    assert said.code == 2 and "it is a copy of a file or folder from outside" in said.err
