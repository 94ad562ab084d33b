"""Memory that runs out: an error where Python can tell, a death where the system kills."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import errands
from executor_laws import cause, finish_one
from makings import good
from memory_groups import MIB, memory_group

from lightfx.core.outcome import Died, Raised
from lightfx.shell.executor.processes import LocalProcesses


def test_a_limit_on_memory_is_an_error_that_is_raised(tmp_path: Path) -> None:
    executor = LocalProcesses(1, tmp_path / "scratch")
    found = cause(finish_one(executor, errands.take_more_than_it_may, tmp_path))
    assert isinstance(found, Raised)
    assert found.type == "MemoryError"
    good(executor.close())


EATING = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import errands
from executor_laws import cause, finish, value
from lightfx.shell.executor.processes import LocalProcesses

if __name__ == "__main__":
    place, eaters = Path(sys.argv[2]), json.loads(sys.argv[3])
    executor = LocalProcesses(2, place / "scratch")
    acts = [errands.take_all_memory if number in eaters else errands.double for number in range(6)]
    found = finish(executor, [errands.task(n, act, place / f"{n}", x=n) for n, act in enumerate(acts)])
    died = {number: str(cause(found.pop(number))) for number in eaters}
    print(json.dumps([died, {number: value(each) for number, each in found.items()}, value(
        finish(executor, [errands.task(9, errands.double, place / "9", x=9)])[9])]))
    executor.close()
"""


def test_who_is_killed_for_memory_takes_no_other_along(tmp_path: Path) -> None:
    """Both workers, at once. The driver is in one group with them, as in a container, or in a job of a cluster."""
    eaters = [0, 1]
    with memory_group(256 * MIB) as group:
        script = [sys.executable, "-c", EATING, str(Path(errands.__file__).parent), str(tmp_path), json.dumps(eaters)]
        done = subprocess.run(group.inside(script), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert group.kills == len(eaters)
    died, rest, then = json.loads(done.stdout)
    assert died == {str(number): str(Died(None, "SIGKILL", out_of_memory=True)) for number in eaters}
    assert rest == {str(number): [number, number] for number in range(2, 6)}
    assert then == [9, 9]
