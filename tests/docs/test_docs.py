"""The documents: what they show runs and gives what they say, what they link to is there.

Conventions of the pages, by the word after the three backticks:

- ``python``: runs in one namespace a page, in order; with ``>>>`` as a doctest;
- ``python file=NAME``: is written to NAME in the working folder and run as a script;
- ``console``: commands after ``$``; those that begin with ``lightfx`` are run;
- ``text`` right after one of the first two: what it prints.

References, time spans and the name of the host differ from run to run, or from version
to version: they are compared by shape alone. ``...`` stands for anything.
"""

from __future__ import annotations

import doctest
import io
import linecache
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import attrs
import pytest

import lightfx
from lightfx import caches, garbage, journal, looking, matchers, moving, ready, repl, report, testing

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SHAPES = (
    (re.compile(r"\b[a-z2-7]{32}\b"), "<hash>"),
    (re.compile(r"\b[a-z2-7]{8}-[a-z2-7]{4}\b|\b[a-z2-7]{10}\b"), "<short>"),
    (re.compile(r"\bjust now\b|\b\d+ (s|min) ago\b"), "<ago>"),
    (re.compile(r"\b\d[\d.]* (ms|s|min)\b|\bnow\b"), "<time>"),
    (re.compile(r"\bon \S+, attempt\b"), "on <host>, attempt"),
)
FENCE = re.compile(r"^```([^\s`]*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@attrs.frozen
class Block:
    """One fenced block: its language, what stands after that, its text, the line it begins in, and what precedes it."""

    language: str
    rest: str
    text: str
    line: int
    follows: bool

    @property
    def file(self) -> str | None:
        return self.rest.removeprefix("file=") if self.rest.startswith("file=") else None


def blocks(page: Path) -> Iterator[Block]:
    text, end = page.read_text(), 0
    for found in FENCE.finditer(text):
        between = text[end : found.start()]
        end = found.end()
        yield Block(found[1], found[2], found[3], text.count("\n", 0, found.start(3)), not between.strip())


def shaped(text: str) -> str:
    for pattern, shape in SHAPES:
        text = pattern.sub(shape, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def assert_prints(page: Path, line: int, said: str, printed: str) -> None:
    wanted, got = shaped(said), shaped(printed)
    assert doctest.OutputChecker().check_output(wanted, got, FLAGS), (
        f"{page.name}, line {line}, shows\n{said}\nand it prints\n{printed}"
    )


class Reader:
    """A reader who types in what a page shows, in an empty folder."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.module = ModuleType(f"page_{page.stem.replace('-', '_').lower()}")
        lines = [""] * (page.read_text().count("\n") + 1)
        for block in blocks(page):
            if block.language == "python" and block.file is None and ">>>" not in block.text:
                shown = block.text.splitlines()
                lines[block.line : block.line + len(shown)] = shown
        # Code fingerprints read sources: the page's code is a file, in the lines that it has on the page.
        self.source = Path(f"{self.module.__name__}.py").absolute()
        self.source.write_text("\n".join(lines))
        self.module.__file__ = str(self.source)

    def read(self) -> None:
        sys.modules[self.module.__name__] = self.module
        try:
            printed = ""
            for block in blocks(self.page):
                if block.language == "python":
                    printed = self.type_in(block)
                elif block.language == "text" and block.follows:
                    assert_prints(self.page, block.line, block.text, printed)
                elif block.language == "console":
                    self.command(block)
        finally:
            del sys.modules[self.module.__name__]
            linecache.clearcache()

    def type_in(self, block: Block) -> str:
        if block.file is not None:
            Path(block.file).write_text(block.text)
            return self.run([sys.executable, block.file], 0)
        space = vars(self.module)
        if ">>>" in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, {}, self.page.name, str(self.page), block.line)
            test.globs = space
            told: list[str] = []
            result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=told.append, clear_globs=False)
            assert result.failed == 0, "".join(told)
            return ""
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile("\n" * block.line + block.text, str(self.source), "exec"), space)
        return printed.getvalue()

    def command(self, block: Block) -> None:
        commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
        for each in commands:
            line, _, said = each.partition("\n")
            words = shlex.split(line, comments=True)
            if words[0] == "lightfx":
                words[0] = str(Path(sys.executable).with_name("lightfx"))
                assert_prints(self.page, block.line, said, self.run(words, None))

    def run(self, words: list[str], code: int | None) -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def empty(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
    monkeypatch.delenv("LIGHTFX_STORE", raising=False)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_runs_and_prints_what_it_says(page: Path, empty: Path) -> None:
    Reader(page).read()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_what_is_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for link in LINK.findall(text):
        if "://" in link or link.startswith("#"):
            continue
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve()
        assert there.is_relative_to(ROOT), f"{page.name} links out of the project: {link}"
        assert there.exists(), f"{page.name} links to {link}, which is not there"
        assert not anchor or anchor in headings(there), f"{page.name} links to {link}: there is no such heading"


def headings(page: Path) -> set[str]:
    lines = [line.lstrip("#").strip().lower() for line in page.read_text().splitlines() if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", line).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_machine(page: Path) -> None:
    found = re.findall(r"(?<![\w.])/(?:work|root|home|Users)/\S*", page.read_text())
    assert found == [], f"{page.name} names {found}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_page_shows_an_example_as_it_is(example: Path) -> None:
    shown = [block.text for page in PAGES for block in blocks(page) if block.file == example.name]
    assert shown == [example.read_text()]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_does_what_it_says_and_once(example: Path, empty: Path) -> None:
    records = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "doctest", str(example)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
        records.append(sorted(os.listdir("results/records")))
    assert records[0]
    assert records[0] == records[1]


def test_the_reference_names_every_public_name() -> None:
    shown = set(re.findall(r"`([\w.]+)[`(]", (DOCS / "reference.md").read_text()))
    assert set(lightfx.__all__) - shown == set()
    assert set(matchers.__all__) - shown == set()
    assert set(journal.__all__) - shown == set()
    assert set(ready.__all__) - shown == set()
    assert set(repl.__all__) - shown == set()
    assert set(garbage.__all__) - shown == set()
    assert set(moving.__all__) - shown == set()
    assert set(caches.__all__) - shown == set()
    assert set(looking.__all__) - shown == set()
    assert set(testing.__all__) - shown == set()
    assert set(report.__all__) - shown == set()


def test_the_index_lists_every_page() -> None:
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in LINK.findall((DOCS / "index.md").read_text())}
    assert {*PAGES, *EXAMPLES} - listed == {DOCS / "index.md"}


def test_every_decision_is_listed_and_numbered_once() -> None:
    found = sorted(page.name for page in (DOCS / "decisions").glob("*.md"))
    assert [name[:4] for name in found] == [f"{number:04}" for number in range(1, len(found) + 1)]
    index = (DOCS / "index.md").read_text()
    assert [name for name in found if f"decisions/{name}" not in index] == []
