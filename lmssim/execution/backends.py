"""Tasks spread over threads or processes, and their results in the order of the tasks, as they come.

A task is a module-level function of something that all tasks share (a program, say) and of its own plain values. With
processes both are pickled: what is shared goes to a process once, whatever the number of tasks, and arrays arrive there
writable and C-contiguous, which is one type to numba. A backend joins `EXECUTORS`; nothing else knows how work spreads.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from lmssim.errors import InputError, RunError, unknown
from lmssim.execution.cluster import DASK, is_worker, on_cluster, scheduler_of
from lmssim.execution.shared.pickling import pickled
from lmssim.execution.writing import interruption
from lmssim.execution.writing.owners import is_running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

THREADS, LOKY = "threads", "loky"


class Awaited(Protocol[R_co]):
    """A result that is on its way."""

    def result(self) -> R_co:
        """The result, when it has come."""

    def cancel(self) -> object:
        """Drop the task if it has not begun."""


Handing = tuple[Callable[[T], "Awaited[R]"], int]
"""A function that hands out a task, and the number of workers."""
IDLE_SECONDS = 60
"""After so long without a task a process ends."""
WATCH_SECONDS = 0.5
"""How often a process looks whether its parent still runs."""
SENT, MAGIC = "lmssim-sent-", b"lmssim: sent to processes\n"
"""Name and first line of the file by which processes get what they share."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment of a process: its libraries add no threads of their own."""


def run_tasks(
    function: Callable[[S, T], R],
    shared: S,
    tasks: Iterable[T],
    *,
    backend: str = THREADS,
    jobs: int = 1,
    ahead: int = 2,
) -> Iterator[R]:
    """Results of `function(shared, task)`, in the order of the tasks.

    Tasks are taken and results computed as they are asked for, a few ahead. BLAS has one thread meanwhile, so that bits
    do not depend on how many the machine has. Kernels that tasks call should have been compiled, or loaded, in the
    calling thread before: two threads that meet a new kernel at once would both compile it.

    Parameters
    ----------
    function : callable
        Of a module, neither nested nor compiled: processes find it by its name.
    shared : object
        What all tasks read. Threads have the object itself, processes a copy.
    tasks : iterable
        What differs: plain values and arrays.
    backend : str
        `threads`, for what releases the interpreter's lock; `loky`, processes; or `dask:ADDRESS`, the workers of a Dask
        scheduler.
    jobs : int
        Workers; 1 runs each task in the calling thread when its result is asked for, unless a cluster has it.
    ahead : int
        Tasks handed out at a time, for each worker.

    Raises
    ------
    InputError
        If the backend does not exist.
    RunError
        If a process dies. An error of a task is raised as it is, in the place of its result.
    """
    check_backend(backend)
    _check_plain(function)
    return _results(function, shared, tasks, backend, jobs, ahead)


def check_backend(backend: str) -> None:
    """Refuse a backend that does not exist, or lacks its scheduler.

    Raises
    ------
    InputError
        With what is allowed.
    """
    name = backend.partition(":")[0] if isinstance(backend, str) else ""
    if name not in EXECUTORS or name not in (DASK, backend):
        raise InputError(unknown("value", str(backend), EXECUTORS, "backend"))
    if name == DASK:
        scheduler_of(backend)


def _check_plain(function: Any) -> None:
    """Refuse a function that a process could not find by its name, before somebody asks for processes."""
    if not isinstance(function, FunctionType) or "<" in function.__qualname__:
        raise TypeError(f"{function!r} is not a plain function of a module, so it cannot be sent to a process.")


def _results(
    function: Callable[[S, T], R], shared: S, tasks: Iterable[T], backend: str, jobs: int, ahead: int
) -> Iterator[R]:
    with threadpool_limits(limits=1):
        name = backend.partition(":")[0]
        if is_worker() or (jobs == 1 and name != DASK):
            for task in tasks:
                interruption.check()
                yield function(shared, task)
            return
        with EXECUTORS[name](backend, function, shared, jobs) as (submit, workers):
            yield from _in_order(submit, iter(tasks), max(1, ahead) * workers)


def _in_order(submit: Callable[[T], Awaited[R]], tasks: Iterator[T], most: int) -> Iterator[R]:
    """Results in order, with at most so many tasks begun or waiting; those waiting are dropped if somebody stops."""
    waiting: deque[Awaited[R]] = deque()
    try:
        waiting.extend(submit(task) for task in islice(tasks, most))
        while waiting:
            result = waiting.popleft().result()
            interruption.check()
            waiting.extend(submit(task) for task in islice(tasks, 1))
            yield result
    except BrokenProcessPool as error:
        raise RunError("a worker process was ended from outside; if memory was short, try fewer --jobs.") from error
    finally:
        for future in waiting:
            future.cancel()


# === Threads ===


@contextmanager
def _threads(_: str, function: Callable[[S, T], R], shared: S, jobs: int) -> Iterator[Handing[T, R]]:
    with ThreadPoolExecutor(jobs, thread_name_prefix="lmssim") as executor:
        yield lambda task: executor.submit(function, shared, task), jobs


# === Processes ===


@contextmanager
def _processes(_: str, function: Callable[[S, T], R], shared: S, jobs: int) -> Iterator[Handing[T, R]]:
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor(
        jobs, timeout=IDLE_SECONDS, env=ONE_THREAD, initializer=_end_with, initargs=(os.getpid(),)
    )
    try:
        with _sent(shared) as (path, key):
            yield lambda task: executor.submit(_call, function, path, key, pickled(task)), jobs
    except KeyboardInterrupt:
        executor.shutdown(wait=False, kill_workers=True)
        raise


def _end_with(parent: int) -> None:
    """In a process: end when the process that asked for it has ended, however it did."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lmssim-parent", daemon=True).start()


@contextmanager
def _sent(shared: Any) -> Iterator[tuple[str, str]]:
    """What is shared in a file that processes read once, and the hash by which they know that they have it."""
    content = pickled(shared)
    _remove_abandoned(Path(tempfile.gettempdir()))
    handle, path = tempfile.mkstemp(prefix=f"{SENT}{os.getpid()}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + content)
        yield path, hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            Path(path).unlink()


def _remove_abandoned(folder: Path) -> None:
    """Remove what was sent by processes that were killed since."""
    for path in folder.glob(f"{SENT}*-*"):
        pid = path.name.removeprefix(SENT).partition("-")[0]
        with suppress(OSError):
            if pid.isdigit() and path.is_file() and not path.is_symlink() and not is_running(int(pid)):
                with path.open("rb") as file:
                    ours = file.read(len(MAGIC)) == MAGIC
                if ours:
                    path.unlink()


_held: dict[str, Any] = {}
"""In a process: what is shared, by its hash; the last one alone."""


def _call(function: Callable[[Any, Any], Any], path: str, key: str, task: bytes) -> Any:
    """Run a task in a process, whose modules are those of this package's parent."""
    if key not in _held:
        _held.clear()
        content = Path(path).read_bytes()[len(MAGIC) :]
        _held[key] = pickle.loads(content)  # noqa: S301 - the parent of this process wrote it
    return function(_held[key], pickle.loads(task))  # noqa: S301 - likewise


# === Workers of a cluster ===


@contextmanager
def _cluster(backend: str, function: Callable[[S, T], R], shared: S, jobs: int) -> Iterator[Handing[T, R]]:
    with on_cluster(scheduler_of(backend), function, shared, jobs) as handing:
        yield handing


Executor = Callable[[str, Callable[[Any, Any], Any], Any, int], AbstractContextManager[Any]]
"""Given the backend, a function, what is shared, and workers: a context with `Handing`."""
EXECUTORS: dict[str, Executor] = {THREADS: _threads, LOKY: _processes, DASK: _cluster}
"""How each backend hands out tasks."""
BACKENDS = tuple(EXECUTORS)
