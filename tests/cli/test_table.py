"""``lightfx table``: for people, as CSV, as JSON, as a pivot."""

from __future__ import annotations

import csv
import io
import sys
from typing import Any

import pytest

from lightfx.cli.page import Page


def test_people_get_a_table(lightfx: Any) -> None:
    lightfx("run", "plan:plan")
    said = lightfx("table", "plan:plan")
    assert said.code == 0
    heads, *rows = said.out.splitlines()
    assert heads.split()[:4] == ["label", "args.data", "args.note", "args.rate"]
    assert heads.split()[-5:] == ["value", "outcome", "message", "seconds", "ref"]
    assert len(rows) == 4
    assert "LEFT" in said.out
    assert "\x1b" not in said.out


HOSTILE = """
from lightfx import Build, stage

@stage(version="1")
def keep(build: Build, note: object) -> dict[str, str]:
    return {"v\\x1b[2J\\x9b": "x\\u202e"}

plan = [keep({"k\\x1b]0;owned\\x07[bold]b[/bold]": 1})]
"""


def test_what_columns_are_called_does_not_bite(lightfx: Any) -> None:
    """Trap: columns are called by keys in what was stored, and those went to the terminal as they were."""
    (lightfx.folder / "hostile.py").write_text(HOSTILE)
    lightfx("run", "hostile:plan")
    said = lightfx("table", "hostile:plan").out
    assert said.count("\\x1b") == 2 and "\\u202e" in said
    assert all(each.isprintable() for each in said.splitlines())


def test_columns_are_called_as_they_are_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    text = Page().table(("[bold]a[/bold]\x1b[2J", "b"), [("1", "2")]).answer().text
    assert isinstance(text, str) and "[bold]a[/bold]\\x1b[2J" in text and "\x1b[2J" not in text


def test_what_is_not_realized_says_so_and_nothing_runs(lightfx: Any) -> None:
    lightfx("run", "plan:plan", "--only", "good")
    said = lightfx("table", "plan:fine")
    assert said.out.count("not realized") == 1
    assert lightfx("table", "plan:fine").out == said.out


def test_csv_has_all_columns(lightfx: Any) -> None:
    lightfx("run", "plan:plan")
    said = lightfx("table", "plan:plan", "--csv")
    rows = list(csv.DictReader(io.StringIO(said.out, newline="")))
    assert [row["label"] for row in rows] == ["good", "bad, 0", "reports / 0", "reports / 1"]
    assert [row["kind"] for row in rows] == ["right", "raised", "right", "upstream"]
    assert rows[0]["value"] == "0.30000000000000004"
    assert rows[0]["rref"]
    assert rows[1]["message"].startswith("raised ValueError")


def test_json_has_records(lightfx: Any) -> None:
    lightfx("run", "plan:plan")
    found = lightfx("table", "plan:plan", "--json", "--only", "reports*").json
    assert [each["label"] for each in found] == ["reports / 0", "reports / 1"]
    assert found[0]["value"] == [0.30000000000000004]
    assert found[1]["value"] is None


def test_a_stage_has_a_table_of_all_that_it_made(lightfx: Any) -> None:
    """The trap: it was called for a plan, without its arguments, and ended in a TypeError."""
    lightfx("run", "plan:plan")
    found = lightfx("table", "plan:fit", "--json").json
    assert [row["label"] for row in found] == ["fit", "fit"]
    assert {row["kind"] for row in found} == {"right", "raised"}
    refused = lightfx("table", "plan:fit", "--only", "x")
    assert (refused.code, refused.out) == (2, "")


def test_a_pivot(lightfx: Any) -> None:
    lightfx("run", "plan:fine")
    said = lightfx("table", "plan:fine", "--pivot", "args.note,args.rate,value", "--csv")
    assert said.out.splitlines()[0] == "args.note,0.1,0.2"
    assert len(said.out.splitlines()) == 2


def test_wrong_use_is_explained(lightfx: Any) -> None:
    lightfx("run", "plan:fine")
    for options, why in (
        (("--pivot", "args.note"), "names 1 columns"),
        (("--pivot", "a,b,c"), "no column 'a': there are label, "),
        (("--csv", "--json"), "two answers"),
    ):
        said = lightfx("table", "plan:fine", *options)
        assert said.code == 2
        assert why in said.err + said.out
    assert lightfx("table", "plan:nothing").code == 2
    assert lightfx("table", "plan:fine", "--store", "nowhere").code == 2
