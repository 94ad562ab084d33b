"""A real Dask cluster: a scheduler and workers in processes of their own, over TCP on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from errands import lives, until
from memory_groups import MemoryGroup

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src"


class DaskCluster:
    """Processes that we started, and end by their numbers."""

    def __init__(self, home: Path, configuration: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._hired = 0
        self._environment = {
            **os.environ,
            "PYTHONPATH": f"{SOURCES}:{HERE}",
            "PYTHONWARNINGS": "default",
            **(configuration or {}),
        }
        self._file = home / "scheduler.json"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file)
        )
        self.address = ""
        if not until(self._is_up):
            self.close()
            raise AssertionError(self.said())

    def _start(self, kind: str, *arguments: str, group: MemoryGroup | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, *arguments]
        with (self._home / "said").open("ab") as said:
            return subprocess.Popen(
                command if group is None else group.inside(command),
                cwd=self._home,
                env=self._environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def _is_up(self) -> bool:
        """Whether it has said where it is; it writes its file in several steps."""
        with suppress(FileNotFoundError, ValueError):
            self.address = str(json.loads(self._file.read_text())["address"])
        return bool(self.address)

    def said(self) -> str:
        """What all of them wrote."""
        return (self._home / "said").read_text()

    def hire(
        self, *options: str, threads: int = 1, nanny: bool = False, group: MemoryGroup | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        self._hired += 1
        name = f"w{self._hired}"
        common = ("--host", "127.0.0.1", "--nthreads", str(threads), "--no-dashboard", "--name", name)
        folder = ("--local-directory", str(self._home / name))
        made = self._start(
            "worker", self.address, *common, *folder, *(() if nanny else ("--no-nanny",)), "--death-timeout", "60",
            *options, group=group,
        )  # fmt: skip
        self.workers[name] = made
        return made

    def staff(self, count: int) -> Self:
        """See that there are so many workers, whatever happened to others before."""
        assert until(lambda: self._is_staffed(count)), self.said()
        return self

    def _is_staffed(self, count: int) -> bool:
        self.workers = {name: each for name, each in self.workers.items() if each.poll() is None}
        for _ in range(count - len(self.workers)):
            self.hire()
        return self.present() == len(self.workers)

    def present(self) -> int:
        """How many workers the scheduler knows."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return len(client.nthreads())

    def worker_of(self, pid: int) -> int:
        """The worker that a process descends from."""
        numbers = {each.pid for each in self.workers.values()}
        while pid > 1 and pid not in numbers:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert pid in numbers
        return pid

    def let_go(self, pid: int, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill a worker, or tell it to end, and forget it."""
        for name, each in list(self.workers.items()):
            if each.pid == pid:
                each.send_signal(how)
                each.wait()
                del self.workers[name]

    def close(self) -> None:
        for each in (*self.workers.values(), self.scheduler):
            if each.poll() is None:
                each.send_signal(signal.SIGCONT)
                each.kill()
            each.wait()
        assert until(lambda: not any(lives(each.pid) for each in self.workers.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
