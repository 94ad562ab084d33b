"""``find``, ``du``, ``deps``, ``cat``, ``diff``, ``link``, ``shell``: looking around from the command line."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def stocked(lightfx: Any) -> Any:
    """A desk with a store in which a plan was realized."""
    assert lightfx("run", "plan:plan", "-q").code == 1
    assert lightfx("run", "plan:fine", "-q").code == 0
    return lightfx


def test_references_are_listed_one_in_a_line(stocked: Any) -> None:
    said = stocked("alldrefs")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines == sorted(lines)
    assert stocked("alldrefs", "--json").json == lines
    assert len(stocked("allrrefs").out.splitlines()) >= len(lines)
    assert {each.rpartition("-")[2] for each in stocked("roots", "--json").json} == {"report", "fit"}


def test_dependencies_up_and_down(stocked: Any) -> None:
    assert [each.rpartition("-")[2] for each in stocked("deps", "report", "--json").json] == ["fit"]
    assert [each.rpartition("-")[2] for each in stocked("deps", "report", "--deep", "--json").json] == ["fit", "data"]
    below = stocked("rdeps", "data", "--deep", "--json").json
    assert {each.rpartition("-")[2] for each in below} == {"fit", "report"}
    (data,) = (each["rref"] for each in stocked("ls", "data", "--json").json)
    assert all(len(each.split("-")[1]) == 32 for each in stocked("rdeps", data, "--json").json)
    assert stocked("deps", "nothing").code == 2


def test_find(stocked: Any) -> None:
    assert [each["kind"] for each in stocked("find", "fit", "--status", "left", "--json").json] == ["raised"]
    assert len(stocked("find", "--where", "rate=0.2", "--newer-than", "1h", "--json").json) == 1
    assert len(stocked("find", "--where", "note=", "--where", "rate=0", "--json").json) == 1
    assert stocked("find", "f*").out.splitlines()[0].split()[:2] == ["ref", "name"]
    assert "nothing is found" in stocked("find", "x*").out
    assert stocked("find", "--newer-than", "2999-01-01", "--json").json == []
    assert stocked("find", "--newer-than", "soon").code == 2
    assert stocked("find", "--where", "rate").code == 2


def test_a_status_that_there_is_none_of_is_refused(stocked: Any) -> None:
    """The trap: a slip of the pen was 'nothing is found', which it is not."""
    refused = stocked("find", "--status", "bogus")
    assert (refused.code, refused.out) == (2, "")
    assert "it is one of right, left, returned, raised" in refused.err


def test_du(stocked: Any) -> None:
    rows = stocked("du", "--json").json
    assert {each["of"] for each in rows} == {"data", "fit", "report"}
    assert rows == sorted(rows, key=lambda each: -each["bytes"])
    (of,) = stocked("du", "data", "--json").json
    assert (of["realizations"], of["objects"]) == (1, 1)
    assert stocked("du", "data").out.splitlines()[0].split() == ["size", "realizations", "folders", "of"]


def test_files_and_values_are_printed(stocked: Any) -> None:
    assert stocked("cat", "data/rows.txt").out == "xxx"
    assert stocked("cat", "data").out == "3\n"
    assert '"message": "no' in stocked("cat", stocked("find", "--status", "raised", "--json").json[0]["rref"]).out
    assert [each["path"] for each in stocked("ls", "data/", "--json").json] == ["rows.txt"]
    assert "rows.txt" in stocked("ls", "data/").out
    said = stocked("cat", "data/no.txt")
    assert (said.code, said.out) == (1, "")
    assert "there is no 'no.txt' in it" in said.err
    assert stocked("ls", "fit/").code == 1
    said = stocked("ls", "data/no.txt")
    assert (said.code, said.out) == (1, "")
    assert "there is no 'no.txt' in it" in said.err


def test_diff(stocked: Any) -> None:
    one, other = (each["rref"] for each in stocked("find", "fit", "--status", "right", "--json").json)
    said = stocked("diff", one, other)
    assert said.code == 1
    assert "args.rate" in said.out
    told = stocked("diff", one, other, "--json").json
    assert [each["field"] for each in told["config"]] == ["args.rate"]
    assert len(told["value"]) == 1
    said = stocked("diff", one, one)
    assert said.code == 0
    assert "are the same" in said.out


def test_link_and_gc(stocked: Any) -> None:
    said = stocked("link", "data")
    assert said.code == 0
    assert (stocked.folder / "result-data" / "rows.txt").read_text() == "xxx"
    assert stocked("link", "data", "there", "--json").json["link"] == str(stocked.folder / "there")
    assert stocked("gc").code == 0
    assert {each["name"] for each in stocked("ls", "--json").json} == {"data"}
    assert ", the link " in stocked("why-alive", "data").out
    assert stocked("link", "data", "plan.py").code == 3
    for name in ("result-data", "there"):
        (stocked.folder / name).unlink()
    assert stocked("gc").code == 2, "no root is left, so it asks"


def test_link_of_what_has_no_files(stocked: Any) -> None:
    said = stocked("link", "fit")
    assert said.code == 1
    assert "no files" in said.err


def test_what_is_printed_as_json_says_what_it_is_of(stocked: Any) -> None:
    (ref,) = (each["rref"] for each in stocked("ls", "data", "--json").json)
    assert stocked("cat", "data", "--json").json == {"rref": ref, "right": 3}
    assert stocked("cat", "data/rows.txt", "--json").json == {
        "rref": ref,
        "path": "rows.txt",
        "bytes": 3,
        "text": "xxx",
    }
    assert stocked("cat", "data/no.txt", "--json").code == 1


def test_two_dashes_begin_the_command(stocked: Any) -> None:
    """The trap: they were taken for the command itself."""
    assert stocked.run("shell", "data", "--", "sh", "-c", "exit 7").code == 7


def test_shell(stocked: Any) -> None:
    assert stocked.run("shell", "data", "cat", "rows.txt").out == "xxx"
    assert stocked.run("shell", "data", "sh", "-c", "exit 7").code == 7
    assert stocked.run("shell", "data", "sh", "-c", "kill -9 $$").code == 137
    assert stocked("shell", "fit").code == 1
