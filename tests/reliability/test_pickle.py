"""S6: nothing that was stored is ever unpickled: an artifact that runs code when it is, runs none."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src" / "lightfx"
# Between a program and the workers that it started, or its own Dask cluster: orders, and what came of them.
BETWEEN_OUR_OWN = {
    "shell/executor/crew.py",
    "shell/executor/worker.py",
    "shell/executor/shipping.py",
    "shell/executor/sealing.py",
    "shell/executor/remote.py",
    "shell/executor/dask.py",
    # The law kit asks a child of its own about a matcher.
    "testing/elsewhere.py",
    "testing/there.py",
}

STAGES = """
import os
import pickle
from pathlib import Path

from lightfx import Build, Derivation, stage


class Evil:
    def __reduce__(self):
        return os.system, (f"touch {Path(__file__).parent / 'owned'}",)


@stage(version="1")
def artifact(build: Build, note: str = "x") -> dict[str, object]:
    evil = pickle.dumps(Evil())
    for name in ("model.pkl", "weights.npy", "frame.parquet", "model.joblib", "__init__.py", "config.json"):
        (build.out / name).write_bytes(evil)
    print(evil)
    return {"text": evil.decode("latin-1"), "hex": evil.hex()}


@stage(version="1")
def raw(build: Build) -> bytes:
    return pickle.dumps(Evil())


@stage(version="1")
def uses(build: Build, of: Derivation[dict[str, object]], more: Derivation[bytes]) -> int:
    return len(build.need(of)) + len(build.need(more))


@stage(version="1")
def fails(build: Build, of: Derivation[bytes]) -> int:
    raise ValueError(build.need(of))


plan = {"artifact": artifact(), "raw": raw(), "uses": uses(artifact(), raw()), "fails": fails(raw())}
"""

LOOK = """
import sys

heard = []
sys.addaudithook(lambda event, given: heard.append((event, given)) if event == "pickle.find_class" else None)
from lightfx import lens, open_world, table, unwrap
from lightfx.cli.main import main
from lightfx.looking import allrrefs
import stages

sys.argv = ["lightfx"]
assert main(["run", "stages.py:plan", "--store", "store", "--quiet"]) == 1
refs = [each.dref.text for each in stages.plan.values()]
for command in (["ls"], ["runs"], ["find", "artifact"], ["table", "stages.py:plan"],
                ["table", "stages.py:plan", "--csv"], ["run", "stages.py:plan", "--dry-run"],
                ["run", "stages.py:plan"], ["gc", "--dry-run", "--all"],
                ["pack", "out.pack", refs[0], refs[2]], ["unpack", "out.pack", "--store", "other"],
                ["diff", refs[0], refs[1]], ["root", "add", refs[0]], ["why-alive", refs[0]], ["check", refs[0]]):
    main([*command, "--store", "store"] if "--store" not in command else command)
for ref in refs:
    for command in ("show", "log", "path", "why", "deps", "rdeps", "du", "cat", "ls"):
        main([command, ref, "--store", "store"])
        main([command, f"{ref}/model.pkl", "--store", "store"])
with open_world("store") as world:
    for plan in stages.plan.values():
        found = lens(plan.dref, world)
        repr(found), found.names
        for rref in unwrap(allrrefs(world)):
            inner = lens(rref, world)
            repr(inner), inner.optional
    world.table(list(stages.plan.values())[:1]).to_pandas()
print("heard", heard)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stages.py").write_text(STAGES)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    ran = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, errors="replace")
    assert 'Traceback (most recent call last):\n  File "<string>"' not in ran.stderr, ran.stderr
    assert not (folder / "owned").exists(), "an artifact was unpickled, and ran its code"
    return ran.stdout


@pytest.mark.reliability("S6", passes="nothing that was stored is unpickled")
def test_nobody_who_looks_unpickles(folder: Path) -> None:
    assert run(folder, "-c", LOOK).splitlines()[-1] == "heard []"


def test_the_hook_hears_who_does(folder: Path) -> None:
    """The negative control."""
    hook = LOOK.partition("from lightfx")[0]
    assert "find_class" in run(folder, "-c", f"{hook}import pickle; pickle.loads(b'cos\\ngetcwd\\n.'); print(heard)")


@pytest.mark.reliability("S6", passes="nothing that was stored is unpickled")
def test_workers_unpickle_orders_and_nothing_stored(folder: Path) -> None:
    run(folder, "-m", "lightfx.cli.main", "run", "stages.py:plan", "--store", "store", "--workers", "2", "--quiet")
    said = run(folder, "-m", "lightfx.cli.main", "run", "stages.py:plan", "--store", "store", "--workers", "2")
    assert "reused" in said


def test_pickle_is_read_where_we_say_and_nowhere_else() -> None:
    """And not by another name: no module that unpickles what it reads is imported anywhere."""
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        name = str(path.relative_to(SOURCES))
        for node in ast.walk(ast.parse(path.read_text())):
            named = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"shelve", "dill", "marshal", "joblib"} & {each.partition(".")[0] for each in named}, name
            if {"pickle", "cloudpickle", "_pickle"} & {each.partition(".")[0] for each in named}:
                found.add(name)
            if isinstance(node, ast.Attribute) and node.attr in ("loads", "load", "Unpickler", "find_class"):
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                assert owner not in ("pickle", "cloudpickle") or name in BETWEEN_OUR_OWN, name
    assert found == BETWEEN_OUR_OWN
