"""Stores and references that are not there, pipes that close, text that bites: one clear line each."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from lightfx.cli import finding
from lightfx.cli import main as entry
from lightfx.cli.words import harmless

COMMANDS = [("ls",), ("show", "x"), ("log", "x"), ("why", "x"), ("path", "x"), ("runs",), ("runs", "show", "x")]


def one_line(said, code, sentence):
    assert said.code == code
    assert said.err.startswith("lightfx: ") and said.err.count("\n") == 1
    assert sentence in said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_store(lightfx, command, monkeypatch):
    said = lightfx(*command)
    one_line(said, 2, "there is no store here: give another --store or set LIGHTFX_STORE")
    assert said.out == "" and not lightfx.store.exists()
    assert lightfx(*command, "--json").json["error"].startswith(str(lightfx.store))
    monkeypatch.delenv("LIGHTFX_STORE")
    one_line(lightfx(*command), 2, "no store is given")
    one_line(lightfx(*command, "--store", ""), 2, "no store is given")


@pytest.mark.parametrize("command", [*COMMANDS, ("run", "plan:plan")])
def test_a_file_in_place_of_a_store(lightfx, command):
    lightfx.store.write_text("no store")
    one_line(lightfx(*command), 2, "it is a file, and a store is a folder")


def test_what_cannot_be_chosen_is_said_in_words_of_ours(lightfx):
    one_line(
        lightfx("run", "plan:plan", "--retry", "all"), 2, "'--retry': 'all' is not one of 'none', 'failed', 'lefts'"
    )


def test_trap_a_folder_that_cannot_be_made(lightfx):
    """Trap: a store below a folder that is there and takes none ended in a RecursionError."""
    one_line(lightfx("run", "plan:plan", "--store", "/proc/none"), 3, "/proc/none: cannot open the store")


@pytest.mark.parametrize("command", [("ls",), ("run", "plan:plan")])
def test_a_store_that_is_a_link_to_nowhere(lightfx, command):
    lightfx.store.symlink_to("nowhere")
    one_line(lightfx(*command), 2, "it is a symbolic link that leads nowhere")


@pytest.mark.parametrize("command", [*COMMANDS, ("run", "plan:plan")])
def test_a_store_of_unknown_format(lightfx, command):
    lightfx.store.mkdir()
    (lightfx.store / "format").write_text('{"format": "lightfx-store", "version": 99}')
    one_line(lightfx(*command), 3, "the store has format 99")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_other_things(lightfx, command):
    lightfx.write("", "store/thesis.tex")
    one_line(lightfx(*command), 2, "it holds 'thesis.tex'")


@pytest.mark.parametrize("command", ["show", "log", "why", "path"])
def test_unknown_and_ambiguous_references(lightfx, command):
    lightfx("run", "plan:plan")
    one_line(lightfx(command, "zzzzzz11"), 2, "nothing is stored under 'zzzzzz11'")
    one_line(lightfx(command, "../etc"), 2, "'../etc' is no reference")
    one_line(lightfx(command, ""), 2, "'' is no reference")
    one_line(lightfx(command, "\udcff"), 2, "is no reference")


def test_a_name_means_what_was_realized_last(lightfx):
    """Trap: after an edit, which is when one asks, a name that is refused, or that means what was before."""
    code = "from lightfx import Build, stage\n@stage(version='1')\ndef one(build: Build, n: int) -> int: return n\n"
    for number in (1, 2):
        lightfx.write(f"{code}plan = [one({number})]\n")
        lightfx("run", "plan:plan")
    assert lightfx("show", "one", "--json").json["config"]["args"] == {"n": 2}
    assert [line.split()[2] for line in lightfx("ls", "one").out.splitlines()[1:]] == ["n=2", "n=1"]


def test_candidates_are_told_apart(lightfx):
    """Ten references, and at most five are listed; each can be given back as it is spelled."""
    lightfx.write(
        "from lightfx import Build, stage\n@stage(version='1')\ndef one(build: Build, number: int) -> int: return 1\n"
        "plan = [one(number) for number in range(150)]\n"
    )
    lightfx("run", "plan:plan", "--quiet")
    refs = [row[key] for row in lightfx("ls", "--limit", "150", "--json").json for key in ("rref", "dref")]
    letters = [ref[0] for ref in refs]
    crowded = max(set(letters), key=letters.count)
    said = lightfx("show", crowded)
    one_line(said, 2, f"'{crowded}' begins several references")
    assert said.err.count("(one)") == 5 and "and others" in said.err
    first = said.err.split(": ")[2].split()[0]
    assert lightfx("show", first).code == 0
    assert lightfx("show", refs[0]).code == 0 and lightfx("show", refs[1]).code == 0
    assert finding._shared(["abcd", "abzz"]) == 2 and finding._shared(["ab", "abc"]) == 2


def test_a_pipe_that_closes_is_no_trouble(lightfx):
    lightfx.write(
        "from lightfx import Build, stage\n@stage(version='1')\ndef one(build: Build, number: int) -> int: return 1\n"
        "plan = [one(number) for number in range(3000)]\n"
    )
    lightfx("run", "plan:plan", "--quiet")
    command = f"set -o pipefail; {sys.executable} -m lightfx.cli.main ls --limit 3000"
    done = subprocess.run(["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 141) and done.stderr == ""
    assert done.stdout.startswith("ref ")
    for arguments in (["ls", "--limit", "3000", "--json"], ["--help"], ["log", "zz", "--json"]):
        ours, theirs = os.pipe()
        os.close(ours)
        process = lightfx.start(*arguments, stdout=theirs)
        os.close(theirs)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 141
        assert "Traceback" not in err and "BrokenPipe" not in err


def test_a_full_disk_under_the_answer(lightfx):
    lightfx("run", "plan:plan")
    with open("/dev/full", "w") as full:
        process = lightfx.start("ls", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err == "lightfx: the answer cannot be written: No space left on device\n"


def test_stored_text_does_not_bite(lightfx):
    assert harmless("a\x1b]0;title\x07\u202eb\r\n\tc\u00a0é😀") == "a\\x1b]0;title\\x07\\u202eb\\r\\n\\tc\u00a0é😀"
    assert harmless("a\n\tb", "\n\t") == "a\n\tb"


def test_an_ascii_terminal_gets_what_it_can_show(lightfx, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    lightfx.write(lightfx.folder.joinpath("plan.py").read_text() + "\nlater = fit(data(), 0.2, 'é')\n")
    assert lightfx.run("run", "plan:later").code == 0
    said = lightfx.run("show", "fit")
    assert said.code == 0 and '"note": "\\xe9"' in said.out


def test_help_and_version(lightfx):
    assert lightfx("--version").out.startswith("lightfx ")
    for arguments in (["--help"], ["-h"], ["run", "--help"], ["why", "-h"]):
        said = lightfx(*arguments)
        assert said.code == 0 and "Usage" in said.out and said.err == ""
    said = lightfx()
    assert said.code == 2 and "Missing command" in said.err
    one_line(lightfx("nonsense"), 2, "nonsense")
    one_line(lightfx("show"), 2, "REF")


def test_an_interrupt_while_reading(lightfx, monkeypatch):
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry.typer.main, "get_command", interrupted)
    one_line(lightfx("ls"), 130, "interrupted")


def test_a_terminal_as_narrow_as_it_is(lightfx, monkeypatch):
    """On a terminal, tables fit into it; the width is asked of the stream."""
    from lightfx.cli.page import Page

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = Page().table(("ref", "reason"), [("aaaa", "LEFT " + "word " * 20)]).answer().text
    assert isinstance(text, str) and "\x1b[31m" in text and len(text.splitlines()) > 3


def test_a_cutoff_hit_has_a_beginning_of_its_own(lightfx):
    """Trap: references that begin alike for equal inputs and results cannot be told apart by a prefix."""
    lightfx.write(
        "from lightfx import Build, stage\n"
        "@stage(version='1')\ndef one(build: Build) -> int: return 1\n"
        "@stage(version='1', name='two')\ndef other(build: Build) -> int: return 1\n"
        "from lightfx import Derivation\n"
        "def make(name):\n"
        "    @stage(version='1', name=name)\n    def last(build: Build, on: Derivation[int]) -> int: return 2\n"
        "    return last\n"
        "plan = [make('last')(one()), make('last')(other())]\n"
    )
    assert lightfx("run", "plan:plan").code == 0
    rows = lightfx("ls", "last", "--json").json
    assert rows[0]["rref"][:8] != rows[1]["rref"][:8] and rows[0]["dref"] != rows[1]["dref"]
    shorts = [line.split()[0] for line in lightfx("ls", "last").out.splitlines()[1:]]
    assert [lightfx("show", each, "--json").json["dref"] for each in shorts] == [row["dref"] for row in rows]


def test_closed_streams(lightfx):
    """Nothing to write to is no reason to fail, nor to write into the store's own files."""
    lightfx("run", "plan:fine")
    for command, code in (("ls", 0), ("run plan:plan", 1), ("show zz", 2)):
        done = subprocess.run(
            ["bash", "-c", f"exec {sys.executable} -m lightfx.cli.main {command} >&- 2>&-"], timeout=60
        )
        assert done.returncode == code
    assert lightfx("ls").code == 0


def test_long_lists_of_inputs_are_cut(lightfx):
    lightfx.write(
        "from lightfx import Build, Derivation, stage\n"
        "@stage(version='1')\ndef one(build: Build, number: int) -> int: return number\n"
        "@stage(version='1')\ndef total(build: Build, all: list[Derivation[int]]) -> int: return 0\n"
        "plan = total([one(number) for number in range(50)])\n"
    )
    assert lightfx("run", "plan:plan").code == 0
    assert "and 10 more: --json lists all" in lightfx("why", "total").out
    assert "and 10 more: --json lists all" in lightfx("show", "total").out
    assert len(lightfx("why", "total", "--json").json["inputs"]) == 50
