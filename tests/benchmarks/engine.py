"""What the engine costs where there is more than a value: processes, chains, gathers, files; one table.

    python tests/benchmarks/engine.py [--write docs/benchmarks.md]

Every figure comes from a fresh process, beside what does the like: a process
pool, a plain loop, `cp`. Pools are warm: their workers have run something. What
is compared with lightfx does not sync, unless it says so. A benchmark is no
test: nothing here fails when a figure is high.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import overhead
from engine_work import add, spin
from measuring import ROUNDS, Figure, Row, clock, cold_and_warm, exponent, installed, machine, main

WORKERS = 2
TRIVIAL = 2_000
HEAVY = 40
SMALL_FILES = 1_000
SHAPES = (10_000, 50_000, 100_000)
GIB = 1 << 30
MANY_FILES = 10_000


# Through processes.


def _in_processes(size: int, folder: Path, name: str) -> Row:
    import stages

    import lightfx as fx

    stage = stages.spinning if name == "heavy" else stages.adding
    row: Row = {}
    with fx.open_world(folder, workers=WORKERS) as world:
        fx.evaluate_all(world, [stages.resting(number) for number in range(WORKERS)])
        with clock(row, "run", size):
            fx.evaluate_all(world, [stage(number) for number in range(size)])
    return row


def trivial(size: int, folder: Path) -> Row:
    """Tasks that do next to nothing, in processes of lightfx."""
    return _in_processes(size, folder, "trivial")


def heavy(size: int, folder: Path) -> Row:
    """Tasks of 50 ms, in processes of lightfx."""
    return _in_processes(size, folder, "heavy")


def _in_a_pool(size: int, name: str) -> Row:
    work = spin if name == "heavy" else add
    row: Row = {}
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(spin, range(WORKERS)))
        with clock(row, "run", size):
            list(pool.map(work, range(size)))
    return row


def trivial_pool(size: int, _: Path) -> Row:
    """The same in a pool of the standard library, which keeps nothing."""
    return _in_a_pool(size, "trivial")


def heavy_pool(size: int, _: Path) -> Row:
    """The same in a pool of the standard library."""
    return _in_a_pool(size, "heavy")


def heavy_loop(size: int, _: Path) -> Row:
    """The same, one after the other."""
    row: Row = {}
    with clock(row, "run", size):
        for number in range(size):
            spin(number)
    return row


# Shapes.


def chain(size: int, folder: Path) -> Row:
    """Each derivation needs the one before."""
    import stages

    return _shape(stages.chain_of(size), size, folder)


def gather(size: int, folder: Path) -> Row:
    """One derivation needs all others."""
    import stages

    return _shape(stages.gather_of(size), size, folder)


def _shape(plan: object, size: int, folder: Path) -> Row:
    import lightfx as fx

    row: Row = {}
    with clock(row, "run", size), fx.open_world(folder) as world:
        fx.evaluate(world, plan)  # type: ignore[arg-type]  # as it was made
    return row


# Files.


def small_file(size: int, folder: Path) -> Row:
    """One small file for each derivation."""
    import stages

    import lightfx as fx

    row: Row = {}
    stages.writing(-1)
    with clock(row, "run", size), fx.open_world(folder) as world:
        fx.evaluate_all(world, [stages.writing(number) for number in range(size)])
    return row


def _given_file(size: int, folder: Path) -> Path:
    source = folder.with_name(f"{folder.name}-source") / "file"
    source.parent.mkdir()
    with source.open("wb") as file:
        for number in range(size >> 20):
            file.write(hashlib.shake_128(number.to_bytes(4, "big")).digest(1 << 20))
    subprocess.run(["sync", "-f", source.parent], check=True)
    return source


def _given_folder(size: int, folder: Path) -> Path:
    source = folder.with_name(f"{folder.name}-source")
    source.mkdir()
    for number in range(size):
        (source / f"{number:05}").write_text(f"{number}\n" * 20)
    subprocess.run(["sync", "-f", source], check=True)
    return source


def _files(source: Path, folder: Path) -> Row:
    """By lightfx, whose stage says how long its own `cp` took; then digests and a sync of another copy, in seconds."""
    import blake3
    import stages

    import lightfx as fx

    row: Row = {}
    seconds = 1_000_000
    with fx.open_world(folder / "store") as world:
        plan = stages.copying(str(source))
        with clock(row, "run", seconds):
            _, row["cp"] = fx.evaluate(world, plan)
    row["kept"] = row["run"] - row["cp"]
    copy = folder / "copy"
    subprocess.run(["cp", "-r", source, copy], check=True)
    with clock(row, "digest", seconds):
        for path in (copy,) if copy.is_file() else copy.iterdir():
            blake3.blake3(max_threads=blake3.blake3.AUTO).update_mmap(path).digest()
    with clock(row, "sync", seconds):
        subprocess.run(["sync", "-f", folder], check=True)
    row["to cp, digest, sync"] = row["run"] / (row["cp"] + row["digest"] + row["sync"])
    row["to cp"] = row["run"] / row["cp"]
    shutil.rmtree(source if source.is_dir() else source.parent)
    return row


def large_file(size: int, folder: Path) -> Row:
    """One file of ``size`` bytes."""
    return _files(_given_file(size, folder), folder)


def many_files(size: int, folder: Path) -> Row:
    """A folder of ``size`` small files."""
    return _files(_given_folder(size, folder), folder)


FIGURES: dict[str, Figure] = {
    "trivial": trivial,
    "trivial pool": trivial_pool,
    "heavy": heavy,
    "heavy pool": heavy_pool,
    "heavy loop": heavy_loop,
    "chain": chain,
    "gather": gather,
    "small file": small_file,
    "large file": large_file,
    "many files": many_files,
    "joblib": overhead.joblib_memory,
    "pypipegraph2": overhead.pypipegraph2,
}


def _cold(name: str, size: int, rounds: int = ROUNDS) -> Row:
    return cold_and_warm(__file__, name, size, rounds, warm=False)[0]


def report() -> str:
    """Measure everything, and lay it out."""
    return "\n".join([machine(), "", *_of_processes(), "", *_of_shapes(), "", *_of_files()])


def _of_processes() -> list[str]:
    ours, pool = _cold("trivial", TRIVIAL)["run"], _cold("trivial pool", TRIVIAL)["run"]
    busy, busy_pool, alone = (_cold(name, HEAVY)["run"] / 1000 for name in ("heavy", "heavy pool", "heavy loop"))
    return [
        f"Through {WORKERS} processes:",
        "",
        "| | lightfx, stored durably | `ProcessPoolExecutor` | plain loop | target |",
        "|---|---:|---:|---:|---:|",
        f"| a trivial task, of {TRIVIAL:,} | {ours:.0f} us | {pool:.0f} us | | 500 us |",
        f"| a task of {alone:.0f} ms, of {HEAVY} | {busy:.1f} ms | {busy_pool:.1f} ms | {alone:.1f} ms | |",
        f"| times as fast as the plain loop | {alone / busy:.2f}x | {alone / busy_pool:.2f}x | 1.00x | 1.9x |",
    ]


def _of_shapes() -> list[str]:
    lines = [
        "Inline, durable, microseconds for each derivation:",
        "",
        "| | " + " | ".join(f"{size:,}" for size in SHAPES) + " | growth | peak memory of the largest |",
        "|---|" + "---:|" * (len(SHAPES) + 2),
    ]
    for name in ("chain", "gather"):
        runs = [cold_and_warm(__file__, name, size, 1 + ROUNDS // 4) for size in SHAPES]
        for number, what in enumerate(("cold", "no-op")):
            rows = [run[number] for run in runs]
            figures = " | ".join(f"{row['run']:.0f} us" for row in rows)
            growth = exponent(rows[0]["run"], rows[-1]["run"], SHAPES[-1] / SHAPES[0])
            lines.append(f"| {name}, {what} | {figures} | {growth} | {rows[-1]['peak (MiB)']:.0f} MiB |")
    return lines


def _of_files() -> list[str]:
    ours = _cold("small file", SMALL_FILES)["run"]
    peers = [
        f"{_cold(name, SMALL_FILES)['run']:.0f} us" if installed(name) else "not installed"
        for name in ("joblib", "pypipegraph2")
    ]
    lines = [
        f"A small file for each derivation, inline, of {SMALL_FILES:,}:",
        "",
        "| lightfx, durable | joblib.Memory | pypipegraph2 | target |",
        "|---:|---:|---:|---:|",
        f"| {ours:.0f} us | {' | '.join(peers)} | 400 us |",
        "",
        "A stage that copies what lies outside, with `cp -r`, until it is stored durably:",
        "",
        "| | the stage's `cp -r` | then, to keep it | digest of another | sync of another | ratio | target |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    large, many = (
        _cold(name, size, 1 + ROUNDS // 2) for name, size in (("large file", GIB), ("many files", MANY_FILES))
    )
    to_all, to_cp = large["to cp, digest, sync"], many["to cp"]  # each of one run, and the least of these
    lines.append(_files_row("1 GiB in one file", large, f"{to_all:.2f}x of `cp`, digest and sync", "1.5x"))
    return [*lines, _files_row(f"{MANY_FILES:,} files in a folder", many, f"{to_cp:.2f}x of `cp -r`", "2x")]


def _files_row(what: str, row: Row, ratio: str, target: str) -> str:
    figures = " | ".join(f"{row[name]:.2f} s" for name in ("cp", "kept", "digest", "sync"))
    return f"| {what} | {figures} | {ratio} | {target} |"


if __name__ == "__main__":
    main(__doc__, FIGURES, report, "measured: engine")
