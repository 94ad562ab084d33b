"""What the benchmarks share: a clock, a fresh process for each figure, the least of several, tables in a document.

Modules are read from bytecode, as after an installation, whatever this shell
says of writing it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "7"))
BYTECODE = tempfile.TemporaryDirectory()
Row = dict[str, float]
Figure = Callable[[int, Path], Row]


@contextmanager
def clock(row: Row, name: str, size: int) -> Iterator[None]:
    """Note the microseconds for each of ``size`` pieces of work, and the peak of this process so far, in MiB.

    ``cpu`` has the processor's time of this process alone: it says what the
    work costs where others keep the machine busy.
    """
    start, busy = time.perf_counter(), time.process_time()
    yield
    row[name] = (time.perf_counter() - start) / size * 1e6
    row[f"{name} cpu"] = (time.process_time() - busy) / size * 1e6
    row["peak (MiB)"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(script: str, name: str, size: int, folder: Path) -> Row:
    """Measure one figure in a fresh process."""
    command = [sys.executable, script, "--one", name, "--size", str(size), "--folder", str(folder)]
    # Where PYTHONDONTWRITEBYTECODE is set, a third of every import would be the compiler's.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment.setdefault("PYTHONPYCACHEPREFIX", BYTECODE.name)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def cold_and_warm(script: str, name: str, size: int, rounds: int = ROUNDS, *, warm: bool = True) -> tuple[Row, Row]:
    """Measure the first run, and the one after it on the same store, several times, each in a fresh process."""
    first: list[Row] = []
    second: list[Row] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            first.append(measured(script, name, size, Path(folder)))
            if warm:
                second.append(measured(script, name, size, Path(folder)))
    return least(first), least(second or first)


def least(rows: list[Row]) -> Row:
    """The least of each figure."""
    return {key: min(row[key] for row in rows) for key in rows[0]}


def exponent(small: float, large: float, step: float) -> str:
    """How a cost for each piece of work grows with size, as a power of it, when size grows by ``step``."""
    return f"n^{1 + math.log(large / small) / math.log(step):.2f}"


def installed(module: str) -> bool:
    """Whether a peer is there to be measured."""
    return importlib.util.find_spec(module) is not None


def machine(rounds: int = ROUNDS) -> str:
    """Say on what, and how often, the figures were taken."""
    return (
        f"Measured with Python {platform.python_version()} on {os.cpu_count()} cores, least of {rounds} runs, each\n"
        "in a fresh process."
    )


def write(document: Path, mark: str, text: str) -> None:
    """Replace the part of a document between two marks."""
    begin, end = f"<!-- {mark} -->\n", "<!-- end -->"
    before, _, rest = document.read_text().partition(begin)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")


def main(about: str | None, figures: Mapping[str, Figure], report: Callable[[], str], mark: str) -> None:
    """Measure one figure in this process, or all of them, each in its own."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--one", choices=figures)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", type=Path, help="a document whose part between two marks is replaced by the table")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(figures[options.one](options.size, options.folder)))
        return
    text = report()
    print(text)
    if options.write:
        write(options.write, mark, text)
