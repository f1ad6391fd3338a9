"""Work on a Dask cluster: the same bits as threads, whatever workers and schedulers are lost."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError, RunError
from lmssim.evaluation import evaluate, expected_values
from lmssim.execution import cluster as cluster_module
from lmssim.execution.backends import run_tasks
from lmssim.execution.cluster import run_on_worker, with_scheduler
from lmssim.execution.shared.code import installed
from lmssim.execution.shared.pickling import pickled
from lmssim.execution.simulate import Sampling
from lmssim.model.scenario import load_scenario
from tests.kit.clusters import LocalCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A scheduler and two workers."""
    with LocalCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def slowly(shared: float, task: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A small task that takes its time."""
    time.sleep(0.05)
    return np.full(3, shared * task)


def failing(_: float, task: int) -> int:
    """A task that fails at the third."""
    if task == 2:
        raise InputError("task 2: is impossible.")
    return task


def backend_of(cluster: LocalCluster) -> str:
    """The backend's name with the address."""
    return with_scheduler("dask", cluster.address)


def test_a_cluster_gives_the_bits_of_threads(running: LocalCluster) -> None:
    """Point values, and an expectation whose parameters are drawn."""
    scenario, sampling = load_scenario("hiv"), Sampling(n_patients=20_000, jobs=2)
    other = replace(sampling, backend=backend_of(running))
    for run in (evaluate, expected_values):
        known, found = (run(scenario, each) for each in (sampling, other))
        for name in ("summary", "incremental", "survival"):
            pd.testing.assert_frame_equal(getattr(known, name), getattr(found, name), check_exact=True)


def test_results_are_writable_and_in_order(running: LocalCluster) -> None:
    """As those of threads are."""
    found = list(run_tasks(slowly, 2.0, range(7), backend=backend_of(running)))
    np.testing.assert_array_equal(found, [np.full(3, 2.0 * k) for k in range(7)])
    found[0][:] = 1.0


def test_an_error_of_a_task_is_raised_in_its_place(running: LocalCluster) -> None:
    """With its message, after the results before it."""
    results = run_tasks(failing, 0.0, range(5), backend=backend_of(running))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InputError, match="task 2: is impossible"):
        next(results)


def test_a_lost_worker_and_a_restarted_scheduler_lose_nothing(tmp_path: Path) -> None:
    """Every result once and in order, though a worker and then the scheduler are killed meanwhile."""
    with LocalCluster(tmp_path) as cluster:
        results = run_tasks(slowly, 1.0, range(60), backend=backend_of(cluster), ahead=8)
        found = [next(results) for _ in range(10)]
        cluster.end_worker(0)
        found += [next(results) for _ in range(15)]
        again = threading.Thread(target=cluster.restart_scheduler)
        again.start()
        found += list(results)
        again.join()
    np.testing.assert_array_equal(np.array(found)[:, 0], np.arange(60.0))


def test_a_worker_of_another_version_refuses() -> None:
    """With both versions."""
    with pytest.raises(RunError, match=r"a worker runs lmssim .*, and this process lmssim 0\.0: install the same"):
        run_on_worker(slowly, "key", pickled(1.0), pickled(1), "other", "lmssim 0.0")
    content = run_on_worker(slowly, "key", pickled(1.0), pickled(2), installed().digest, installed().name)
    assert content == pickled(np.full(3, 2.0))


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one message with its address."""
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 0.5)
    with pytest.raises(RunError, match=r"scheduler tcp://127\.0\.0\.1:9 does not answer"):
        list(run_tasks(slowly, 1.0, range(2), backend="dask:tcp://127.0.0.1:9"))


def test_a_scheduler_without_workers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before some time has passed."""
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2.0)
    with LocalCluster(tmp_path, 0) as cluster, pytest.raises(RunError, match="has no workers; start some"):
        list(run_tasks(slowly, 1.0, range(2), backend=backend_of(cluster)))


@pytest.mark.parametrize("backend", ["dask", "dask:", "dask:localhost:8786"])
def test_a_backend_without_an_address_is_refused(backend: str) -> None:
    """With what an address looks like."""
    with pytest.raises(InputError, match="needs the address of a scheduler"):
        run_tasks(slowly, 1.0, range(2), backend=backend)


def nested(shared: str, task: int) -> list[int]:
    """A task that spreads tasks of its own over the same cluster."""
    return list(run_tasks(doubled, 2, range(task), backend=shared))


def doubled(shared: int, task: int) -> int:
    """Twice a task."""
    return shared * task


def test_work_within_a_task_stays_on_its_worker(running: LocalCluster) -> None:
    """No worker waits for another one that may never be free."""
    found = list(run_tasks(nested, backend_of(running), range(1, 6), backend=backend_of(running), jobs=4))
    assert found == [[2 * k for k in range(n)] for n in range(1, 6)]


def broken(shared: str, task: int) -> int:
    """A task with an error that a lost scheduler could raise too."""
    raise {"disk": OSError, "late": TimeoutError, "run": RuntimeError}[shared](f"task {task}")


@pytest.mark.parametrize(("kind", "error"), [("disk", OSError), ("late", TimeoutError), ("run", RuntimeError)])
def test_errors_of_a_task_are_not_taken_for_the_clusters(
    running: LocalCluster, kind: str, error: type[Exception]
) -> None:
    """They are raised at once, and the task is not done again."""
    with pytest.raises(error, match="task 0"):
        list(run_tasks(broken, kind, range(2), backend=backend_of(running)))
