"""Shipping: what can be sent to a worker and back, and what is said where it cannot."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import errands
from errands import task
from executor_laws import finish_one, value
from makings import good, outcome, trouble
from returns.result import Success
from scenes import Other

from lightfx.core.failures import Unshippable
from lightfx.effects.executor import Begun
from lightfx.shell.executor.processes import LocalProcesses


def test_what_no_worker_can_import_is_shipped_by_value(tmp_path: Path) -> None:
    with Other("closure", tmp_path) as driver:
        assert driver.hear() == "[42]"


def test_without_cloudpickle_it_says_what_to_install(tmp_path: Path) -> None:
    with Other("unshippable", tmp_path) as driver:
        said = driver.hear()
    assert said.startswith("Unshippable(")
    assert "lightfx[notebook]" in said


def test_what_cannot_be_pickled_at_all_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    lock = threading.Lock()
    failure = trouble(pool.start([task(1, lambda _: lock.locked(), tmp_path)]))
    assert isinstance(failure, Unshippable)
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]


def test_what_a_worker_cannot_load_is_said(pool: LocalProcesses, tmp_path: Path) -> None:
    good(pool.start([task(1, errands.Unloadable(), tmp_path)]))
    while isinstance(ended := outcome(pool.wait(None)), Success):
        assert ended.unwrap() == (Begun(1),)
    failure = ended.failure()
    assert isinstance(failure, Unshippable)
    assert "no number" in failure.why
    assert value(finish_one(pool, errands.double, tmp_path, x=1)) == [1, 1]


BY_VALUE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from attrs import evolve, frozen
from errands import Errand, task
from executor_laws import finish
from returns.result import Failure
from lightfx import Build, stage
from lightfx.core.derivation import Asks
from lightfx.shell.executor.processes import LocalProcesses

@frozen
class Point:
    x: int

@stage(version="1")
def inner(build: Build, point: Point) -> Point:
    return Point(point.x + 1)

class Asking(Errand):
    def __call__(self, order):
        return Failure(Asks((inner(Point(7)),)))

executor = LocalProcesses(1, Path(sys.argv[1]))
asked = finish(executor, [evolve(task(1, print, Path(sys.argv[1])), realizer=Asking(print))])[1]
recipe = asked.result.failure().needs[0].origin
order = task(2, print, Path(sys.argv[1])).order
order = evolve(order, dref=recipe.dref, config=recipe.config)
made = finish(executor, [evolve(task(2, print, Path(sys.argv[1])), order=order, realizer=recipe.realizer)])[2]
print(recipe.dref == inner(Point(7)).dref, made.result.unwrap()[0].tree)
print(recipe.realizer.decode(made.result.unwrap()[0].tree, None).unwrap() == Point(8))
executor.close()
"""


def test_a_stage_that_came_by_value_asks_for_another_that_does(tmp_path: Path) -> None:
    """As in a notebook: no side can import what the other sends, and a record is the same class when it is back."""
    shared = str(Path(errands.__file__).parent)
    command = [sys.executable, "-c", BY_VALUE, str(tmp_path / "scratch"), shared]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.split("\n") == ["True {'x': 8}", "True", ""], ran.stderr
