"""Worlds with workers, wherever a program opens them: any thread, no terminal, a loop that runs, a notebook."""

from __future__ import annotations

import subprocess
import sys
import textwrap
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
