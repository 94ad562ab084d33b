"""``lightfx gc``, ``why-alive`` and ``root``, as they are said and as they answer."""

from __future__ import annotations

import os
from typing import Any

import pytest

from lightfx import open_world


@pytest.fixture
def stocked(lightfx: Any) -> Any:
    """A desk with a store in which a plan was realized."""
    assert lightfx("run", "plan:plan", "-q").code == 1
    return lightfx


def rref(desk: Any, name: str) -> str:
    return str(desk("ls", name, "--json").json[0]["rref"])


def count(desk: Any) -> int:
    return len(desk("ls", "--json").json)


def test_without_a_root_and_a_rule_it_asks(stocked: Any) -> None:
    """Trap: who tries `gc` in a store without roots loses all."""
    before = count(stocked)
    said = stocked("gc")
    assert (said.code, said.out) == (2, "")
    assert "there is no root" in said.err
    assert "--all" in said.err
    assert count(stocked) == before
    assert stocked("gc", "--all").code == 0
    assert count(stocked) == 0
    assert list((stocked.store / "objects").iterdir()) == []


def test_a_dry_run_gives_the_bill_and_takes_nothing(stocked: Any) -> None:
    before = count(stocked)
    said = stocked("gc", "--dry-run")
    assert said.code == 0
    assert f"would go: {before} realizations" in said.out
    assert "to compute again: " in said.out
    told = stocked("gc", "--dry-run", "--json").json
    assert len(told["realizations"]) == before
    assert told["bytes"] > 0
    assert told["seconds"] > 0
    assert count(stocked) == before
    assert stocked("gc", "--all", "--json").json == {**told, "dry_run": False}


def test_what_a_root_keeps_stays_and_it_says_why(stocked: Any) -> None:
    kept = rref(stocked, "report")
    (good,) = (each["rref"] for each in stocked("ls", "report", "--json").json if each["kind"] == "right")
    assert stocked("root", "add", good, "--name", "paper").code == 0
    assert "the root paper keeps it" in stocked("why-alive", "data").out
    told = stocked("why-alive", "data", "--json").json
    assert told["alive"] is True
    assert told["path"][0] == good
    assert len(told["path"]) == 3
    said = stocked("gc")
    assert said.code == 0
    assert "left: 3 realizations" in said.out
    assert {each["name"] for each in stocked("ls", "--json").json} == {"data", "fit", "report"}
    assert kept
    assert stocked("root", "--json").json == [{"name": "paper", "ref": good, "link": None}]
    assert stocked("root", "rm", "paper").code == 0
    assert "there are no roots" in stocked("root").out
    assert stocked("root", "rm", "paper").code == 2
    said = stocked("why-alive", "data")
    assert said.code == 1
    assert "nothing keeps" in said.out
    assert stocked("why-alive", "data", "--json").json["alive"] is False
    assert "it is young" in stocked("why-alive", "data", "--older-than", "1d").out
    assert "of the last of its name" in stocked("why-alive", "data", "--keep-last", "1").out


def test_a_root_may_be_a_whole_derivation(stocked: Any) -> None:
    said = stocked("root", "add", "data")
    assert said.code == 0
    (root,) = stocked("root", "--json").json
    assert root["ref"].endswith("-data")
    assert root["name"] == root["ref"]
    stocked("gc")
    assert {each["name"] for each in stocked("ls", "--json").json} == {"data"}
    assert stocked("root", "rm", root["ref"][:8]).code == 0


def test_rules_take_ages_and_sizes(stocked: Any) -> None:
    before = count(stocked)
    assert "left: " in stocked("gc", "--older-than", "1h").out
    assert count(stocked) == before
    assert stocked("gc", "--max-size", "1GiB").code == 0
    assert count(stocked) == before
    assert stocked("gc", "--keep-last", "1", "--max-size", "0").code == 0
    assert 0 < count(stocked) < before
    assert stocked("gc", "--older-than", "0s").code == 0
    assert count(stocked) == 0


@pytest.mark.parametrize(
    "words",
    [("--older-than", "soon"), ("--max-size", "big"), ("--keep-last", "-1"), ("--wait", "-1")],
)
def test_what_cannot_be_read_is_misuse(stocked: Any, words: tuple[str, str]) -> None:
    said = stocked("gc", *words)
    assert said.code == 2
    assert words[0] in said.err


@pytest.mark.parametrize(
    "words", [("root", "add", "nothing"), ("why-alive", "nothing"), ("root", "add", "data", "--name", "../x")]
)
def test_what_is_not_there_is_misuse(stocked: Any, words: tuple[str, ...]) -> None:
    assert stocked(*words).code == 2


def test_while_another_process_has_it_open_it_says_who(stocked: Any) -> None:
    with open_world(stocked.store):
        said = stocked.run("gc", "--all")
    assert said.code == 3
    assert f"process {os.getpid()} on" in said.err
    assert count(stocked) > 0
