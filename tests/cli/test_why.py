"""``lightfx why``: how it came about, and what is new about it."""

from __future__ import annotations

CODE = """
from lightfx import Build, Derivation, stage

@stage
def base(build: Build) -> int:
    return 1

@stage
def fit(build: Build, base: Derivation[int], rate: float, seed: int) -> float:
    return build.need(base) * rate

plan = [fit(base(), 0.1, seed) for seed in range(3)]
"""


def test_first_built_and_inherited(lightfx):
    lightfx("run", "plan:plan")
    said = lightfx("why", "data").out
    assert "built in" in said and "attempt 1" in said
    assert "it has no inputs but its parameters" in said and "the first derivation of this name" in said
    ref = next(row["rref"] for row in lightfx("ls", "report", "--json").json if row["kind"] == "upstream")
    said = lightfx("why", ref).out
    assert "inherited" in said and "the roots" in said and "raised ValueError" in said
    tree = lightfx("why", ref, "--json").json
    assert tree["how"] == "inherited" and tree["roots"][0]["reason"].startswith("raised ValueError")
    assert tree["inputs"][0]["where"] == ["args.fitted"]
    assert tree["inputs"][0]["resolved"][0]["kind"] == "raised"


def test_a_parameter_changed(lightfx):
    lightfx("run", "plan:fine")
    lightfx.write(lightfx.folder.joinpath("plan.py").read_text() + "\nlater = fit(data(), 0.2, 'x\\x1b')\n")
    lightfx("run", "plan:later")
    ref = lightfx("ls", "fit", "--limit", "1", "--json").json[0]["rref"]
    said = lightfx("why", ref).out
    assert "the nearest earlier: " in said
    assert 'args.note  ""  ->  "x\\u001b"' in said
    nearest = lightfx("why", ref, "--json").json["nearest"]
    assert nearest["differences"] == [{"field": "args.note", "old": "", "new": "x\x1b"}]
    assert nearest["code_changed"] is False


def test_the_code_changed(lightfx):
    """A cell is compared with itself under the old code, not with its neighbour of a moment ago."""
    lightfx.write(CODE)
    lightfx.run("run", "plan:plan")
    lightfx.write(CODE.replace("build.need(base) * rate", "build.need(base) + rate"))
    lightfx.run("run", "plan:plan")
    ref = lightfx("ls", "fit", "--limit", "1", "--json").json[0]["rref"]
    said = lightfx("why", ref).out
    assert "  the code changed: plan:fit" in said.splitlines() and "seed" not in said
    nearest = lightfx("why", ref, "--json").json["nearest"]
    assert nearest["code_changed"] is True
    (change,) = nearest["differences"]
    assert change == {"field": "code.fingerprint", "changed": ["plan:fit"], "added": [], "removed": []}


def test_an_input_changed(lightfx):
    lightfx("run", "plan:fine")
    lightfx.write(lightfx.folder.joinpath("plan.py").read_text() + "\nlater = fit(data(4), 0.2)\n")
    lightfx("run", "plan:later")
    ref = lightfx("ls", "fit", "--limit", "1", "--json").json[0]["rref"]
    (line,) = [line for line in lightfx("why", ref).out.splitlines() if " data  ->  " in line and "RIGHT" not in line]
    assert line.split()[0] == "args.data" and line.count(" data") == 2
    (change,) = lightfx("why", ref, "--json").json["nearest"]["differences"]
    assert change["field"] == "args.data" and change["old"].endswith("-data") and change["new"].endswith("-data")


def test_the_same_plan_on_another_file(lightfx):
    lightfx.write("one", "input.txt")
    lightfx.write(
        """
from pathlib import Path
from lightfx import Build, Derivation, source_file, stage

@stage(version="1")
def length(build: Build, file: Derivation[Path]) -> int:
    return len(build.need(file).read_text())

plan = length(source_file("input.txt"))
"""
    )
    assert lightfx("run", "plan:plan").code == 0
    lightfx.write("three", "input.txt")
    assert "built" in lightfx("run", "plan:plan").out
    newest = {row["name"]: row["rref"] for row in reversed(lightfx("ls", "--json").json)}
    said = lightfx("why", newest["length"]).out
    assert "the same plan had other inputs: " in said and "input.txt" in said
    assert lightfx("why", newest["length"], "--json").json["nearest"]["inputs"][0]["old"]
    assert "what it reads outside changed" in lightfx("why", newest["input.txt"]).out


def test_a_source_that_is_gone_was_not_run(lightfx):
    lightfx.write("one", "input.txt")
    lightfx.write(
        """
from pathlib import Path
from lightfx import source_file

plan = source_file("input.txt")
Path("input.txt").unlink()
"""
    )
    assert lightfx("run", "plan:plan").code == 1
    assert "settled without a run" in lightfx("why", "input.txt").out


def test_inputs_say_how_they_are_used(lightfx):
    lightfx.write(
        lightfx.folder.joinpath("plan.py").read_text()
        + """
from lightfx import Tolerant
from lightfx.matchers import latest, some

@stage(version="1")
def gather(build: Build, cells: list[Tolerant[float]], many: Derivation[tuple[int, ...]]) -> int:
    return len(cells)

gathered = gather([fit(data(), 0.0).tolerate()], data().collect(some(1)))
"""
    )
    assert lightfx("run", "plan:gathered").code == 0
    said = lightfx("why", "gather").out
    assert "(tolerated) ->" in said and "LEFT raised" in said
    assert "(some(1), all) ->" in said
