"""S4: a name may be anything, and does nothing: it is refused, or stored as it is and spelled out where it is shown."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lightfx import (
    Build,
    Derivation,
    DRef,
    Left,
    RRef,
    UnstorableError,
    derivation,
    evaluate,
    open_world,
    out,
    realize,
    realize_all,
    realizer,
    stage,
    unwrap,
)
from lightfx.caches import configured
from lightfx.cli.main import main
from lightfx.core.names import Digest, Name
from lightfx.core.refs import DRef as Ref
from lightfx.core.statement import PublicKey
from lightfx.garbage import add_root
from lightfx.matchers import first

NAMES = {
    "two dots": "..",
    "dot": ".",
    "empty": "",
    "slash": "/",
    "absolute": "/etc/passwd",
    "out": "../../evil",
    "nul": "a\0b",
    "line break": "a\nb",
    "carriage return": "a\rb",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "one-byte escape": "\x9b2J",
    "right to left": "a\u202egpj.exe",
    "zero width": "a\u200bb\ufeff",
    "separators": "a\u2028b\u2029c\x85d",
    "option": "-rf",
    "option of ours": "--help",
    "device": "CON",
    "trailing dot": "a.",
    "trailing space": "a ",
    "blank": " ",
    "256 bytes": "n" * 256,
    "4096 bytes": "n/" * 2048,
    "surrogate": "\ud800",
    "undecodable": "\udcff",
    "accents": "é",
    "other accents": "e\u0301",
    "upper": "Train",
    "lower": "train",
    "command": "$(id)`id`;id|id&id",
    "format": "{0.__class__}%s%n",
    "markup": "[bold red]x[/bold red][link=https://e.org]y[/link]",
    "formula": '=HYPERLINK("https://e.org";"x")',
    "html": "<script>alert(1)</script>",
    "json": '","evil":"',
    "sql": "'; DROP TABLE realizations; --",
    "tilde": "~root",
    "star": "*",
    "dollar": "$dref",
}
FEW = ("out", "nul", "escape", "surrogate")
S4 = pytest.mark.reliability("S4", passes="refused, or shown as it does nothing; nothing beside the store is changed")
RARE = (S4,)
SOME = [pytest.param(each, marks=() if each in FEW else RARE) for each in NAMES]
ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\u200b\ufeff]")


@stage(version="1")
def base(build: Build, note: dict[str, object] | None = None, **_: object) -> int:  # type: ignore[misc]
    return 0


@stage(version="1")
def keep(build: Build, note: object) -> int:
    print(f"log: {note}")
    return 1


@stage(version="1")
def fail(build: Build, note: str) -> int:
    (build.out / "half").touch()
    raise ValueError(note)


@stage(version="1")
def write(build: Build, name: str) -> Path:
    path = build.out / name
    path.write_text(name if name.isprintable() else "x")
    return path


def one(order: object) -> object:
    raise NotImplementedError


@pytest.fixture(autouse=True)
def nothing_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("LIGHTFX_STORE", "store")
    before = sorted(os.listdir(tmp_path))
    yield
    assert sorted(os.listdir(tmp_path)) == before
    assert set(os.listdir(tmp_path / "here")) <= {"store"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_stage_is_called_is_a_name(name: str) -> None:
    @stage(version="1", name=NAMES[name])
    def called(build: Build) -> int:
        return 0

    made = derivation({}, first(), realizer(one, int, name=NAMES[name], version="1"))  # type: ignore[arg-type]
    again = derivation({}, first(), realizer(one, int, version="1"), name=NAMES[name])  # type: ignore[arg-type]
    for plan in (called(), made, again):
        assert isinstance(Name.parse(plan.dref.name.text).unwrap(), Name)
        assert DRef.parse(plan.dref.text).unwrap() == plan.dref
        assert len(plan.dref.text) <= 133


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parse", [Name.parse, Ref.parse, RRef.parse, Digest.parse])
def test_what_is_parsed_is_itself_or_refused(parse: Callable[[str], object], name: str) -> None:
    text = NAMES[name]
    parsed = parse(text).map(str).value_or(None)  # type: ignore[attr-defined]
    assert parsed in (None, text)
    if parsed is not None:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", parsed)


@pytest.mark.parametrize("name", NAMES)
def test_a_promised_file_lies_in_the_output_folder(name: str) -> None:
    try:
        promised = out(NAMES[name])
    except ValueError:
        return
    assert not promised.is_absolute() and ".." not in promised.parts and "\0" not in str(promised)


@pytest.mark.parametrize("name", SOME)
def test_a_root_has_a_name_or_none(name: str) -> None:
    with open_world("store") as world:
        plan = keep(0)
        evaluate(world, plan)
        before = sorted(path for path in Path("store").rglob("*") if path.parent.name != "roots")
        try:
            root = unwrap(add_root(world, plan.dref, name=NAMES[name]))
        except ValueError as error:
            assert not ACTS.search(str(error))
        else:
            assert (Path("store") / "roots" / root.name).is_file()
        after = sorted(path for path in Path("store").rglob("*") if path.parent.name != "roots")
        assert [each for each in after if "tmp" not in each.parts] == [
            each for each in before if "tmp" not in each.parts
        ]


@pytest.mark.parametrize("name", SOME)
def test_a_reference_on_the_command_line_names_nothing_or_is_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_world("store") as world:
        evaluate(world, keep(0))
    for command in (["show"], ["log"], ["path"], ["deps"], ["root", "add"], ["root", "rm"], ["ls"], ["runs"], ["find"]):
        code = main([*command, "--", NAMES[name]])
        said = capsys.readouterr()
        assert code in (0, 1, 2, 3), (command, said)
        assert "Traceback" not in said.err
        assert not ACTS.search(said.out + said.err), command
    main(["link", "--", NAMES[name], "link"])


def shown(*arguments: str, terminal: bool = False) -> str:
    """What a command says, to a file or to a terminal of its own."""
    command = [sys.executable, "-m", "lightfx.cli.main", *arguments]
    if not terminal:
        done = subprocess.run(command, capture_output=True)
        return (done.stdout + done.stderr).decode("utf-8", "surrogateescape")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    process.wait()
    return said.decode("utf-8", "surrogateescape")


SHOWN = (
    *("escape", "one-byte escape", "line break", "carriage return", "right to left", "separators"),
    *("markup", "command", "format", "formula", "option"),
)
Plans = dict[str, Derivation[object]]
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def stored() -> Plans:
    plans: Plans = {}
    with open_world("store") as world:
        for name in SHOWN:
            text = NAMES[name]
            plans[f"keep {name}"] = keep({f"x{text}": [text]})
            plans[f"fail {name}"] = fail(text)
            if "/" not in text:
                plans[f"write {name}"] = write(text)
        unwrap(realize_all(world, plans))
    return plans


@pytest.mark.parametrize("name", [pytest.param(each, marks=() if each in FEW else RARE) for each in SHOWN])
def test_nothing_stored_acts_on_a_terminal(name: str, stored: Plans, capsys: pytest.CaptureFixture[str]) -> None:
    for label, plan in ((label, plan) for label, plan in stored.items() if label.endswith(f" {name}")):
        ref = plan.dref.text[:12]
        commands = [["show", ref], ["ls"], ["find", "keep"], ["why", ref]]
        commands += [["ls", f"{ref}/"], ["du", ref]] if label.startswith("write") else []
        for command in commands:
            main(command)
            said = capsys.readouterr()
            assert not ACTS.search(said.out + said.err), (label, command)
        main(["show", ref, "--json"])
        said = capsys.readouterr()
        assert said.out.isascii() and not ACTS.search(said.out)
        json.loads(said.out)


def test_a_log_is_exact_to_a_file_and_harmless_to_a_terminal() -> None:
    with open_world("store") as world:
        evaluate(world, keep(NAMES["escape"]))
    ref = keep(NAMES["escape"]).dref.text
    assert shown("log", ref) == f"log: {NAMES['escape']}\n"
    told = shown("log", ref, terminal=True)
    assert not ACTS.search(told.replace("\r\n", "\n")) and "\\x1b[2J\\x1b]0;owned\\x07" in told


@S4
def test_pages_on_a_terminal_are_styled_by_us_alone(stored: Plans) -> None:
    for label in ("keep escape", "keep markup", "fail escape", "write escape"):
        told = shown("show", stored[label].dref.text, terminal=True).replace("\r\n", "\n")
        assert not ACTS.search(STYLE.sub("", told)), label
        if "markup" in label:
            assert "[bold red]x[/bold red]" in "".join(STYLE.sub("", told).split("\n"))
    ref = stored["write escape"].dref.text
    told = shown("cat", f"{ref}/{NAMES['escape']}", terminal=True)
    assert not ACTS.search(STYLE.sub("", told.replace("\r\n", "\n")))


def test_a_sheet_keeps_cells_as_they_are(stored: Plans, capsys: pytest.CaptureFixture[str]) -> None:
    """Decided: a cell that a spreadsheet would take for a formula is not changed: every other reader would get that."""
    with open_world("store") as world:
        text = world.table([keep(NAMES[name]) for name in SHOWN]).csv()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["args.note"] for row in rows] == [NAMES[name] for name in SHOWN]


@pytest.mark.parametrize("name", SOME)
def test_a_key_and_a_file_are_called_so_or_refused(name: str) -> None:
    text = NAMES[name]
    with open_world("store") as world:
        try:
            plan = keep({text: text})
        except UnstorableError:
            assert text.startswith("$") or any("\ud800" <= each <= "\udfff" for each in text)
        else:
            assert evaluate(world, plan) == 1
            assert plan.origin.config.tree["args"] == {"note": {text: text}}  # type: ignore[union-attr]
            outcome = unwrap(realize(world, write(text)))
            if isinstance(outcome, Left):
                assert text in ("..", ".", "", "~root") or "/" in text or "\0" in text or len(text) > 255
            else:
                assert outcome.value.read_text() == (text if text.isprintable() else "x")


PUBLIC = PublicKey(bytes(32)).text
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")


@pytest.mark.parametrize("name", SOME)
def test_a_cache_is_called_so_and_lies_there_or_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = NAMES[name]
    open_world("store").close()
    for command in (
        *(["--", text, "place"], ["--", "there", text], ["--trust", text, "--", "trusting", "place"]),
        *(["--key", text, "--", "keyed", "place"], ["--sign", text, "--", "signing", "place"]),
        *(["--endpoint", text, "--", "served", "place"], ["--region", text, "--", "far", "place"]),
        ["--", "whole", f"file:///{text}"],
    ):
        code = main(["cache", "add", *command])
        said = capsys.readouterr()
        assert code in (0, 2), (command, said)
        assert "Traceback" not in said.err and not ACTS.search(said.out + said.err), command
    for command in (["cache", "list"], ["cache", "list", "--json"]):
        assert main(command) == 0
        said = capsys.readouterr()
        assert not ACTS.search(said.out + said.err), command
    setups = unwrap(configured("store"))
    assert all(SAFE.fullmatch(each.name) and each.url.isprintable() for each in setups)
    for command in (["cache", "rm"], ["push", "--to", text], ["pull", "--from", text]):
        assert main([*command, "--", text]) in (0, 1, 2, 3)
        said = capsys.readouterr()
        assert "Traceback" not in said.err and not ACTS.search(said.out + said.err), command


@pytest.mark.parametrize("name", SOME)
def test_a_key_is_called_so_or_refused(
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text, settings = NAMES[name], tmp_path_factory.mktemp("settings")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(settings))
    for command in (["new", "--", text], ["show", "--", text], ["trust", "--", text, PUBLIC]):
        assert (main(["key", *command]) == 0) <= bool(SAFE.fullmatch(text))
        said = capsys.readouterr()
        assert "Traceback" not in said.err and not ACTS.search(said.out + said.err), command
    for command in (["trust", "--", "ada", text], ["distrust", "--", text], ["list"]):
        assert main(["key", *command]) in (0, 2)
        said = capsys.readouterr()
        assert "Traceback" not in said.err and not ACTS.search(said.out + said.err), command
    assert {path.stem for path in settings.rglob("*.*")} <= {text}
    assert os.listdir(settings) in ([], ["lightfx"])
