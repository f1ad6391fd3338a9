"""Work that is spread gives what it gives alone: in order, a few tasks ahead, with errors and arrays as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from lmssim.errors import InputError, RunError, ScenarioError
from lmssim.execution.backends import LOKY, THREADS, _remove_abandoned, run_tasks
from lmssim.execution.writing.owners import is_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmssim.kernels import FloatArray

SPREAD = [("threads", 1), ("threads", 2), ("loky", 1), ("loky", 2)]


class Held(NamedTuple):
    """Something shared that has an array in it."""

    name: str
    values: FloatArray


def slower_first(shared: float, task: int) -> float:
    """A number that comes the later the earlier its task."""
    time.sleep(0.02 * (task % 3 == 0))
    return shared + task


@pytest.mark.parametrize(("backend", "jobs"), SPREAD)
def test_results_stand_in_the_order_of_tasks(backend: str, jobs: int) -> None:
    """However long each takes."""
    assert list(run_tasks(slower_first, 0.5, range(20), backend=backend, jobs=jobs)) == [k + 0.5 for k in range(20)]
    assert list(run_tasks(slower_first, 0.5, [], backend=backend, jobs=jobs)) == []


@pytest.mark.parametrize(("backend", "jobs"), SPREAD)
def test_work_runs_a_few_tasks_ahead(backend: str, jobs: int) -> None:
    """Of whoever takes the results, however slowly; and no further once nobody does."""
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for k in range(100):
            taken.append(k)
            yield k

    results = run_tasks(slower_first, 0.0, tasks(), backend=backend, jobs=jobs, ahead=2)
    for k in range(5):
        assert next(results) == k
        assert len(taken) <= k + 1 + 2 * jobs
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 5 + 2 * jobs


def refuse(_shared: None, task: int) -> int:
    """An error of ours, and one of anybody's."""
    if task == 3:
        raise ScenarioError("model.toml: it is wrong.")
    if task == 13:
        raise ZeroDivisionError(task)
    return task


@pytest.mark.parametrize(("backend", "jobs"), SPREAD)
def test_an_error_is_raised_as_it_is_in_its_place(backend: str, jobs: int) -> None:
    """After the results before it; and the workers serve whoever comes next."""
    found: list[int] = []
    with pytest.raises(ScenarioError, match=r"^model\.toml: it is wrong\.$"):
        found.extend(run_tasks(refuse, None, range(9), backend=backend, jobs=jobs))
    with pytest.raises(ZeroDivisionError):
        list(run_tasks(refuse, None, [13], backend=backend, jobs=jobs))
    results = run_tasks(refuse, None, range(9), backend=backend, jobs=jobs)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert list(run_tasks(refuse, None, [1, 2], backend=backend, jobs=jobs)) == [1, 2]


def die(_shared: None, _task: int) -> None:
    """What happens to a process when memory is short."""
    os._exit(9)


def test_a_process_that_dies_is_told_in_one_line() -> None:
    """And others take its place the next time."""
    with pytest.raises(RunError, match=r"a worker process was ended .* fewer --jobs"):
        list(run_tasks(die, None, [1, 2], backend="loky", jobs=2))
    assert list(run_tasks(refuse, None, [1, 2], backend="loky", jobs=2)) == [1, 2]


def kinds(shared: Held, task: dict[str, Any]) -> list[tuple[bool, bool]]:
    """Of each array, whether it is writable and C-contiguous."""
    arrays = [shared.values, task["read_only"], task["strided"]]
    return [(a.flags.writeable, a.flags.c_contiguous) for a in arrays]


def test_processes_get_writable_contiguous_arrays() -> None:
    """One type to numba, whatever they were before: read-only, or every other column of a wide table."""
    table = np.arange(24.0).reshape(4, 6)
    read_only = np.arange(3)
    read_only.flags.writeable = False
    shared, task = Held("table", table.T), {"read_only": read_only, "strided": table[:, ::2]}
    assert list(run_tasks(kinds, shared, [task] * 2, backend="loky", jobs=2)) == [[(True, True)] * 3] * 2
    for backend in (THREADS, LOKY):
        (total, again) = run_tasks(weighted, shared, [task] * 2, backend=backend, jobs=2)
        assert total == again == weighted(shared, task)


def weighted(shared: Held, task: dict[str, Any]) -> float:
    """A number of every element in its place."""
    return float((shared.values[::2].T * task["strided"] * np.arange(1, 13).reshape(4, 3)).sum())


class Counted:
    """Counts, in each process, how often it was brought there."""

    brought = 0

    def __init__(self, name: str) -> None:
        self.name, self.padding = name, np.zeros(1000)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Counted.brought += 1


def brought(shared: Counted, _task: int) -> tuple[int, int, str]:
    """Process, how often it had something brought, and what."""
    time.sleep(0.01)
    return os.getpid(), Counted.brought, shared.name


def test_what_is_shared_goes_to_a_process_once() -> None:
    """Not once a task, nor again for another set of tasks; something else takes its place."""
    first = [
        result for _ in range(2) for result in run_tasks(brought, Counted("one"), range(10), backend="loky", jobs=2)
    ]
    assert os.getpid() not in {process for process, _, _ in first}
    counts = {process: {count for each, count, _ in first if each == process} for process, _, _ in first}
    assert all(len(found) == 1 for found in counts.values()), counts
    other = list(run_tasks(brought, Counted("two"), range(10), backend="loky", jobs=2))
    assert {name for _, _, name in other} == {"two"}


def threads_of_blas(_shared: None, _task: int) -> set[int]:
    """Threads that each library of linear algebra may use."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize(("backend", "jobs"), SPREAD)
def test_linear_algebra_has_one_thread(backend: str, jobs: int) -> None:
    """While tasks run; afterwards as many as before."""
    before = threads_of_blas(None, 0)
    assert list(run_tasks(threads_of_blas, None, [1, 2], backend=backend, jobs=jobs)) == [{1}, {1}]
    assert threads_of_blas(None, 0) == before


def where(_shared: None, _task: int) -> tuple[int, str]:
    """Process and thread of a task."""
    return os.getpid(), threading.current_thread().name


def test_one_job_runs_in_the_calling_thread() -> None:
    """Threads and processes; more jobs do not."""
    here = (os.getpid(), threading.current_thread().name)
    for backend in (THREADS, LOKY):
        assert set(run_tasks(where, None, range(3), backend=backend)) == {here}
        assert here not in set(run_tasks(where, None, range(3), backend=backend, jobs=2))


def test_what_cannot_be_sent_is_refused_by_every_backend() -> None:
    """Nested functions and methods; a backend that does not exist names its neighbour."""
    functions: list[Any] = [lambda _shared, task: task, Held("a", np.zeros(1)).index, np.add]
    for function in functions:
        with pytest.raises(TypeError, match="not a plain function of a module"):
            run_tasks(function, None, [1])
    with pytest.raises(InputError, match=r"backend: unknown value 'thread'\. Did you mean 'threads'\?"):
        run_tasks(where, None, [1], backend="thread")


SCRIPT = """
from lmssim.execution.backends import run_tasks
def twice(shared, task):
    return shared * task
print(list(run_tasks(twice, 2, range(3), backend="loky", jobs=2)))
"""


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    """A function of the script itself runs in processes, and these end with it."""
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[0, 2, 4]\n", "")


KILLED = """
import os, time
from lmssim.execution.backends import run_tasks
def number(shared, task):
    print(os.getpid(), flush=True)
    time.sleep(60)
list(run_tasks(number, None, range(2), backend="loky", jobs=2))
"""


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    """Even if it is killed while they work; what it sent them goes with the next who sends something."""
    (tmp_path / "script.py").write_text(KILLED)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    assert parent.stdout is not None
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.communicate(timeout=30)  # their standard output is closed
    limit = time.monotonic() + 5.0
    while any(is_running(worker) for worker in workers) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not any(is_running(worker) for worker in workers)
    assert list(tmp_path.glob("lmssim-sent-*"))
    (tmp_path / "lmssim-sent-1000000000-mine").write_text("mine")
    _remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.glob("lmssim-sent-*")] == ["lmssim-sent-1000000000-mine"]
