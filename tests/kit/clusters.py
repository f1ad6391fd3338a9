"""A Dask scheduler and its workers on this machine, each a process that a test may end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

TOP = Path(__file__).parents[2]
SECONDS = 60.0
SCHEDULER = "from distributed.cli.dask_scheduler import main; main()"
WORKER = "from distributed.cli.dask_worker import main; main()"


class LocalCluster:
    """A scheduler and workers of one thread each, without nannies, so that an ended worker stays away."""

    def __init__(self, folder: Path, n_workers: int = 2) -> None:
        self.folder, self.n_workers = folder, n_workers
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return f"tcp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start them, and wait for the workers."""
        self.start_scheduler()
        for _ in range(self.n_workers):
            self.start_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        for process in [*self.workers, self.scheduler]:
            if process is not None:
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()

    def start_scheduler(self) -> None:
        """Start the scheduler, at the same address if it was there before."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show"]
        self.scheduler = self._started(SCHEDULER, options)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                return
            time.sleep(0.05)
        raise TimeoutError("the scheduler did not come up")

    def start_worker(self) -> None:
        """Start a worker."""
        options = [
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(self.folder),
        ]
        self.workers.append(self._started(WORKER, options))

    def end_worker(self, k: int) -> None:
        """End a worker, without warning."""
        self.workers[k].send_signal(signal.SIGKILL)
        self.workers[k].wait()

    def restart_scheduler(self) -> None:
        """End the scheduler, without warning, and start it again with new workers."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers = []
        self.start_scheduler()
        for _ in range(self.n_workers):
            self.start_worker()

    def _started(self, code: str, options: list[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", f"import sys; sys.argv[0] = 'dask'; {code}", *options]
        with (self.folder / f"{len(self.workers)}.log").open("ab") as log:
            return subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
