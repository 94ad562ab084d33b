"""What lightfx costs beside its peers: one table, all measured in one run on one machine.

    python tests/benchmarks/overhead.py [--size 10000] [--peers 1000] [--write docs/benchmarks.md]

Every figure comes from a fresh process, with the least of several runs; work is
a function of ten parameters that returns one float. Modules are read from
bytecode, as after an installation, whatever this shell says of writing it. The plain loop does the
same work and keeps nothing. A benchmark is no test: nothing here fails when a
figure is high. Peers that are not installed are left out by name
(`make benchmarks` installs them).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROUNDS = 7
BYTECODE = tempfile.TemporaryDirectory()
Row = dict[str, float]


def work(a: int, b: float, c: str, d: bool, e: int, f: float, g: str, h: int, i: float, j: int) -> float:
    """Do next to nothing with ten parameters."""
    return a * b + e * f + h * i + j + len(c) + len(g) + d


def parameters(number: int) -> tuple[int, float, str, bool, int, float, str, int, float, int]:
    """The arguments of one piece of work."""
    return (number, 0.5, "adam", True, 16, 1.5, "relu", 3, 2.5, 7)


@contextmanager
def clock(row: Row, name: str, size: int) -> Iterator[None]:
    """Note the microseconds for each of ``size`` pieces of work."""
    start = time.perf_counter()
    yield
    row[name] = (time.perf_counter() - start) / size * 1e6


def plain(size: int, _: Path) -> Row:
    """A loop that keeps nothing."""
    row: Row = {}
    with clock(row, "run", size):
        for number in range(size):
            work(*parameters(number))
    return row


def lightfx(size: int, folder: Path) -> Row:
    """Derivations of a value stage, realized inline; the store is durable."""
    row: Row = {}
    with clock(row, "import (ms)", 1000):
        import lightfx as fx

    fx_work.__annotations__["build"] = fx.Build
    stage_of = fx.stage(fx_work)
    with clock(row, "first call (ms)", 1000):
        stage_of(*parameters(0))
    with clock(row, "instantiate", size):
        plans = [stage_of(*parameters(number)) for number in range(size)]
        fx.instantiate(plans)
    with clock(row, "run", size), fx.open_world(folder) as world:
        outcomes = world.perform.result(fx.realize_all(world, plans)).unwrap()
    if len(outcomes) != size or not isinstance(outcomes[3], fx.Right):
        raise SystemExit("the work was not done")
    row["run"] += row["instantiate"] + row["first call (ms)"] * 1000 / size
    return row


def fx_work(  # the first parameter is annotated below, when lightfx is imported
    build: object, a: int, b: float, c: str, d: bool, e: int, f: float, g: str, h: int, i: float, j: int
) -> float:
    """The same work as a stage."""
    return work(a, b, c, d, e, f, g, h, i, j)


def joblib_memory(size: int, folder: Path) -> Row:
    """joblib.Memory: a pickled result in a folder of its own for each call; not synced."""
    from joblib import Memory

    cached = Memory(folder, verbose=0).cache(work)
    row: Row = {}
    with clock(row, "run", size):
        for number in range(size):
            cached(*parameters(number))
    return row


def doit(size: int, folder: Path) -> Row:
    """doit: a task for each, up to date while its parameters are; not synced."""
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain
    from doit.tools import config_changed

    def task_all() -> Iterator[dict[str, object]]:
        for number in range(size):
            given = parameters(number)
            yield {
                "name": str(number),
                "actions": [(lambda *values: {"value": work(*values)}, list(given))],
                "uptodate": [config_changed({str(key): str(value) for key, value in enumerate(given)})],
                "verbosity": 0,
            }

    config = {"dep_file": str(folder / "doit.db"), "backend": "sqlite3", "reporter": "zero"}
    row: Row = {}
    with clock(row, "run", size):
        failed = DoitMain(ModuleTaskLoader({"task_all": task_all, "DOIT_CONFIG": config})).run(["run"])
    if failed:
        raise SystemExit("doit failed")
    return row


def pypipegraph2(size: int, folder: Path) -> Row:
    """pypipegraph2: a file for each, invalidated by its parameters; not synced."""
    os.chdir(folder)
    import pypipegraph2 as ppg

    row: Row = {}
    with clock(row, "run", size):
        ppg.new(run_mode=ppg.RunMode.NONINTERACTIVE, log_level=50)
        (folder / "out").mkdir(exist_ok=True)
        for number in range(size):
            given = parameters(number)

            def write(output: Path, given: tuple[object, ...] = given) -> None:
                output.write_text(str(work(*given)))  # type: ignore[arg-type]  # as they were made

            job = ppg.FileGeneratingJob(f"out/{number}", write, depend_on_function=False)
            job.depends_on(ppg.ParameterInvariant(f"out/{number}", given))
        ppg.run()
    return row


PEERS: dict[str, tuple[str, Callable[[int, Path], Row]]] = {
    "plain loop": ("json", plain),
    "lightfx": ("lightfx", lightfx),
    "joblib.Memory": ("joblib", joblib_memory),
    "doit": ("doit", doit),
    "pypipegraph2": ("pypipegraph2", pypipegraph2),
}


def one(name: str, size: int, folder: Path) -> Row:
    """Measure one peer in this process."""
    return PEERS[name][1](size, folder)


def measured(name: str, size: int, folder: Path) -> Row:
    """Measure one peer in a fresh process."""
    command = [sys.executable, __file__, "--one", name, "--size", str(size), "--folder", str(folder)]
    # Where PYTHONDONTWRITEBYTECODE is set, a third of every import would be the compiler's.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment.setdefault("PYTHONPYCACHEPREFIX", BYTECODE.name)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def least(rows: list[Row]) -> Row:
    """The least of each figure."""
    return {key: min(row[key] for row in rows) for key in rows[0]}


def cold_and_warm(name: str, size: int) -> tuple[Row, Row]:
    """Measure the first run and the ones after it, each over `ROUNDS` fresh processes."""
    cold: list[Row] = []
    warm: list[Row] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(measured(name, size, Path(folder)))
            warm.append(measured(name, size, Path(folder)))
    return least(cold), least(warm)


def report(size: int, peers: int) -> str:
    """Measure everything, and lay it out."""
    ours = {count: cold_and_warm("lightfx", count) for count in (size // 10, size)}
    cold, warm = ours[size]
    small_cold, small_warm = ours[size // 10]
    lines = [
        f"Measured with Python {platform.python_version()} on {os.cpu_count()} cores, least of {ROUNDS} runs,",
        "each in a fresh process; microseconds for each derivation of ten parameters.",
        "",
        "| lightfx | measured | target |",
        "|---|---:|---:|",
        f"| `import lightfx` | {warm['import (ms)']:.0f} ms | 150 ms |",
        f"| first call of a stage: its code is read | {warm['first call (ms)']:.0f} ms | |",
        f"| instantiate | {warm['instantiate']:.1f} us | 20 us |",
        f"| no-op run, {size:,} derivations | {warm['run']:.1f} us | 60 us |",
        f"| cold run, inline, value only, durable, {size:,} derivations | {cold['run']:.1f} us | 300 us |",
        f"| growth of the no-op run, {size // 10:,} to {size:,} | n^{exponent(small_warm, warm):.2f} | n^1.1 |",
        f"| growth of the cold run, {size // 10:,} to {size:,} | n^{exponent(small_cold, cold):.2f} | n^1.1 |",
        "",
        f"Beside its peers, at {peers:,}:",
        "",
        "| | cold run | to lightfx | second run | to lightfx |",
        "|---|---:|---:|---:|---:|",
    ]
    base = cold_and_warm("lightfx", peers)
    for name, (module, _) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            lines.append(f"| {name} | not installed | | | |")
            continue
        first, second = base if name == "lightfx" else cold_and_warm(name, peers)
        lines.append(
            f"| {name} | {first['run']:.1f} us | {first['run'] / base[0]['run']:.2f}x"
            f" | {second['run']:.1f} us | {second['run'] / base[1]['run']:.2f}x |"
        )
    return "\n".join(lines)


def exponent(small: Row, large: Row) -> float:
    """How cost grows with size, as a power, over a tenfold step."""
    return 1 + math.log10(large["run"] / small["run"])


def main() -> None:
    """Measure one peer, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=1_000)
    parser.add_argument("--one", choices=PEERS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", type=Path, help="a document whose part between two marks is replaced by the table")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.size, options.folder)))
        return
    text = report(options.size, options.peers)
    print(text)
    if options.write:
        begin, end = "<!-- measured -->\n", "<!-- end -->"
        before, _, rest = options.write.read_text().partition(begin)
        _, _, after = rest.partition(end)
        options.write.write_text(f"{before}{begin}\n{text}\n\n{end}{after}")


if __name__ == "__main__":
    main()
