"""What lightfx costs beside its peers: one table, all measured in one run on one machine.

    python tests/benchmarks/overhead.py [--write docs/benchmarks.md]

Every figure comes from a fresh process, with the least of several runs; work is
a function of ten parameters that returns one float. The plain loop does the
same work and keeps nothing. A benchmark is no test: nothing here fails when a
figure is high. Peers that are not installed are left out by name
(`make benchmarks` installs them).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from measuring import ROUNDS, Figure, Row, clock, cold_and_warm, exponent, installed, machine, main

SIZES = (10_000, 100_000)
PEERS_SIZE = 1_000


def work(a: int, b: float, c: str, d: bool, e: int, f: float, g: str, h: int, i: float, j: int) -> float:
    """Do next to nothing with ten parameters."""
    return a * b + e * f + h * i + j + len(c) + len(g) + d


def parameters(number: int) -> tuple[int, float, str, bool, int, float, str, int, float, int]:
    """The arguments of one piece of work."""
    return (number, 0.5, "adam", True, 16, 1.5, "relu", 3, 2.5, 7)


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
    for cpu in ("", " cpu"):
        row[f"run{cpu}"] += row[f"instantiate{cpu}"] + row[f"first call (ms){cpu}"] * 1000 / size
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


PEERS: dict[str, tuple[str, Figure]] = {
    "plain loop": ("json", plain),
    "lightfx": ("lightfx", lightfx),
    "joblib.Memory": ("joblib", joblib_memory),
    "doit": ("doit", doit),
    "pypipegraph2": ("pypipegraph2", pypipegraph2),
}


def report() -> str:
    """Measure everything, and lay it out."""
    small, large = SIZES
    cold, warm = cold_and_warm(__file__, "lightfx", small)
    large_cold, large_warm = cold_and_warm(__file__, "lightfx", large, max(1, ROUNDS // 2))
    step = large / small
    lines = [
        machine(),
        "Microseconds for each derivation of ten parameters.",
        "",
        "| lightfx | measured | of the processor | target |",
        "|---|---:|---:|---:|",
        _line("`import lightfx`", warm, "import (ms)", "150 ms"),
        _line("first call of a stage: its code is read", warm, "first call (ms)", ""),
        _line(f"instantiate, {small:,} derivations", warm, "instantiate", "15 us"),
        _line(f"instantiate, {large:,}", large_warm, "instantiate", "15 us"),
        _line(f"no-op run, {small:,}", warm, "run", "45 us"),
        _line(f"no-op run, {large:,}", large_warm, "run", "45 us"),
        f"| peak memory of that | {large_warm['peak (MiB)']:.0f} MiB | | 1,024 MiB |",
        _line(f"cold run, inline, value only, durable, {small:,}", cold, "run", "200 us"),
        _line(f"cold run, {large:,}", large_cold, "run", "200 us"),
        _growth("no-op", warm, large_warm, step),
        _growth("cold", cold, large_cold, step),
        "",
        f"Beside its peers, at {PEERS_SIZE:,}:",
        "",
        "| | cold run | to lightfx | second run | to lightfx |",
        "|---|---:|---:|---:|---:|",
    ]
    base = cold_and_warm(__file__, "lightfx", PEERS_SIZE)
    for name, (module, _) in PEERS.items():
        if not installed(module):
            lines.append(f"| {name} | not installed | | | |")
            continue
        first, second = base if name == "lightfx" else cold_and_warm(__file__, name, PEERS_SIZE)
        lines.append(
            f"| {name} | {first['run']:.1f} us | {first['run'] / base[0]['run']:.2f}x"
            f" | {second['run']:.1f} us | {second['run'] / base[1]['run']:.2f}x |"
        )
    return "\n".join(lines)


def _line(what: str, row: Row, name: str, target: str) -> str:
    unit = "ms" if name.endswith("(ms)") else "us"
    return f"| {what} | {row[name]:.1f} {unit} | {row[f'{name} cpu']:.1f} {unit} | {target} |"


def _growth(what: str, small: Row, large: Row, step: float) -> str:
    wall, cpu = (exponent(small[name], large[name], step) for name in ("run", "run cpu"))
    return f"| growth of the {what} run | {wall} | {cpu} | n^1.1 |"


if __name__ == "__main__":
    main(__doc__, {name: figure for name, (_, figure) in PEERS.items()}, report, "measured")
