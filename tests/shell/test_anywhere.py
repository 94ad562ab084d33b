"""Worlds with workers, wherever a program opens them: any thread, no terminal, a loop that runs, a notebook."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipapp
from pathlib import Path

import pytest

STAGES = """
from lightfx import Build, Derivation, open_world, realize_all, stage, unwrap

@stage
def square(build: Build, number: int) -> int:
    print("squaring", number)
    return number * number

@stage
def total(build: Build, numbers: list[Derivation[int]]) -> int:
    return sum(build.need(number) for number in numbers)

def run(world, start):
    return unwrap(realize_all(world, [total([square(start + n) for n in range(5)])]))[0].value
"""

THREADS = """
import threading
if __name__ == "__main__":
    found = {}

    def work(name):
        with open_world(f"store-{name}", workers=2) as world:
            found[name] = run(world, name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for each in threads: each.start()
    for each in threads: each.join()
    worlds = []
    opener = threading.Thread(target=lambda: worlds.append(open_world("store", workers=2)))
    opener.start(); opener.join()
    found["first"] = run(worlds[0], 10)
    user = threading.Thread(target=lambda: found.update(second=run(worlds[0], 20)))
    user.start(); user.join()
    worlds[0].__exit__(None, None, None)
    print([found[name] for name in (0, 1, 2, "first", "second")])
"""

LOOP = """
import asyncio
if __name__ == "__main__":
    async def main():
        beats = []
        async def beat():
            while True:
                beats.append(1)
                await asyncio.sleep(0.001)
        beating = asyncio.create_task(beat())
        with open_world("store", workers=2) as world:
            print(run(world, 0), await asyncio.to_thread(run, world, 10))
        beating.cancel()
    asyncio.run(main())
"""

BARE = """
import os, sys
if __name__ == "__main__":
    kept = os.dup(1)
    for number in (0, 1, 2):
        os.close(number)
    sys.stdin = sys.stdout = sys.stderr = None
    with open_world("store", workers=2) as world:
        os.write(kept, str(run(world, 0)).encode())
"""


def run_script(folder: Path, script: str, **options: object) -> str:
    (folder / "script.py").write_text(STAGES + script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return str(done.stdout).strip()


def test_several_threads_have_worlds_and_one_is_used_in_others(tmp_path: Path) -> None:
    assert run_script(tmp_path, THREADS) == "[30, 55, 90, 730, 2430]"


def test_a_loop_that_runs_is_no_hindrance(tmp_path: Path) -> None:
    assert run_script(tmp_path, LOOP) == "30 730"


def test_without_standard_streams_and_without_a_terminal(tmp_path: Path) -> None:
    """Trap: the lines of a pool got the numbers of closed streams, and workers took them for their output."""
    assert run_script(tmp_path, BARE, start_new_session=True) == "30"


CELLS = [
    """
    import attrs, asyncio
    assert asyncio.get_running_loop().is_running()

    @attrs.frozen
    class Point:
        x: int
        y: int
    """,
    STAGES,
    """
    @stage
    def point(build: Build, number: int) -> Point:
        return Point(number, number * number)

    @stage
    def high(build: Build, points: list[Derivation[Point]]) -> int:
        return max(build.need(each).y for each in points)
    """,
    """
    with open_world("store", workers=2) as world:
        print(run(world, 0))
        made = [high([point(n) for n in range(3)])]
        print(unwrap(realize_all(world, made))[0].value)
    """,
    """
    import subprocess, sys

    @stage
    def loud(build: Build) -> int:
        print("python")
        subprocess.run(["echo", "program"], check=True)
        return 1

    before = sys.stdout
    with open_world("inline") as world:
        outcome = unwrap(realize_all(world, [loud()]))[0]
        (kept,) = unwrap(world.store.realizations(outcome.rrefs)).values()
    assert sys.stdout is before
    print([kept.log.tail])
    """,
]


def test_stages_of_a_notebook_run_in_workers_and_inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real kernel, whose loop runs; a record of one cell goes from a stage of another to a third."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = [textwrap.dedent(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = [
        "".join(each["text"] for each in cell.outputs if each["output_type"] == "stream") for cell in notebook.cells
    ]
    assert said[3] == "30\n4\n"
    assert said[4] == "['python\\nprogram\\n']\n", "inline, where standard output is no file"


APP = """
import attrs, sys
from beside import twice

@attrs.frozen
class Point:
    x: int
    y: int

@stage
def point(build: Build, number: int) -> Point:
    return Point(number, twice(number))

@stage(version="1")
def versioned(build: Build, number: int) -> int:
    return number

@stage
def asking(build: Build, numbers: list[int]) -> int:
    return max(build.need(point(number)).y for number in numbers)

if __name__ == "__main__":
    sys.modules["cloudpickle"] = None  # it takes none
    with open_world("store", workers=1) as world:
        found = unwrap(realize_all(world, [asking([1, 2]), square(3), versioned(4)]))
        made = unwrap(world.store.realizations(found[1].rrefs))[found[1].rrefs[0]].made_by
        print(run(world, 0), found[0].value, made.stage, *(name for name, _ in made.packages))
"""

NAMES = {
    "package": "app.__main__:square attrs lightfx",
    "folder": "__main__:square attrs lightfx",
    "archive": "__main__:square attrs lightfx",
}
RUN = 'with open_world("store", workers=1) as world: print(run(world, 0))'
UNGUARDED = "import sys; sys.exit(3)\n"


def app(folder: Path, how: str) -> list[str]:
    """Write a program that is a package, a folder or an archive; how it is run."""
    home = folder / "app"
    home.mkdir()
    (home / "__main__.py").write_text(STAGES + APP)
    (folder / "beside.py").write_text("def twice(number):\n    return 2 * number\n")
    match how:
        case "package":
            return ["-m", "app"]
        case "folder":
            (folder / "beside.py").rename(home / "beside.py")
            return ["app"]
        case "archive":
            (folder / "beside.py").rename(home / "beside.py")
            zipapp.create_archive(home)
            return ["app.pyz"]
    raise ValueError(how)


def run_app(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("how", ["package", "folder", "archive"])
def test_trap_no_worker_imports_the_main_of_a_package(tmp_path: Path, how: str) -> None:
    """Trap: a spawned process imports no ``__main__.py`` anew, and stages were sent to it by name."""
    done = run_app(tmp_path, *app(tmp_path, how))
    assert (done.stdout, done.stderr) == (f"30 4 {NAMES[how]}\n", "")


def test_the_main_of_a_package_without_a_guard_is_told_of_it(tmp_path: Path) -> None:
    """What another module of the package defines needs no guard; what it defines itself does."""
    arguments = app(tmp_path, "package")
    main = tmp_path / "app" / "__main__.py"
    main.write_text(main.read_text().replace('if __name__ == "__main__":', "if True:") + UNGUARDED)
    done = run_app(tmp_path, *arguments)
    assert "put what it does under `if __name__ == '__main__':`" in done.stderr
    (main.parent / "stages.py").write_text(STAGES)
    main.write_text(f"from app.stages import open_world, run\nif True:\n    {RUN}\n" + UNGUARDED)
    done = run_app(tmp_path, *arguments)
    assert (done.stdout, done.returncode) == ("30\n", 3), done.stderr
