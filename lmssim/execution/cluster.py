"""Tasks on a cluster: a Dask scheduler, which hands them to workers on any number of machines.

What tasks share goes to the scheduler once, and from there to the workers that need it; a task is a few plain values.
Every task runs the same code as the process that asks for it: a worker that runs another version refuses. A worker that
is lost has its tasks done again elsewhere; if the scheduler is started again, what it has forgotten is handed to it
again. Results are taken in the order of the tasks, each once, so that neither changes a bit.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from threadpoolctl import threadpool_limits

from lmssim.errors import InputError, RunError
from lmssim.execution.shared.code import installed
from lmssim.execution.shared.pickling import pickled
from lmssim.execution.writing import interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
R = TypeVar("R")

DASK = "dask"
RETRIES = 5
"""How often a task is done again whose worker was lost."""
LOOK_SECONDS = 2.0
"""How often somebody who waits for a result looks whether the cluster still runs."""
CONNECT_SECONDS = 10.0
"""How long a scheduler may take to answer at first."""
PATIENCE_SECONDS = 120.0
"""How long a scheduler that was lost, or its workers, may stay away."""


def with_scheduler(backend: str, address: str) -> str:
    """A backend's name with the address of its scheduler: "dask:tcp://host:8786"."""
    return f"{backend}:{address}"


def scheduler_of(backend: str) -> str:
    """Address of a backend's scheduler.

    Raises
    ------
    InputError
        If it has none, or Dask is not installed.
    """
    address = backend.partition(":")[2]
    if not address.startswith(("tcp://", "tls://")):
        raise InputError(
            f"backend '{DASK}': needs the address of a scheduler, such as tcp://localhost:8786 (--scheduler); "
            "`dask scheduler` starts one."
        )
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(f"backend '{DASK}': Dask is not installed; pip install 'lmssim[cluster]'.") from None
    return address


@contextmanager
def on_cluster(
    address: str, function: Callable[[Any, T], R], shared: Any, jobs: int
) -> Iterator[tuple[Callable[[T], Handed[T, R]], int]]:
    """A function that hands out tasks, and how many workers there are.

    Raises
    ------
    RunError
        If the scheduler does not answer, or has no workers for long.
    """
    cluster = _Cluster(address, function, pickled(shared))
    try:
        yield cluster.submit, max(jobs, cluster.threads())
    finally:
        cluster.close()


class Handed(Generic[T, R]):
    """A task that was handed out, and its result when it comes."""

    def __init__(self, cluster: _Cluster, task: T) -> None:
        self.cluster, self.content = cluster, pickled(task)
        self.future, self.client = cluster.put(self.content)

    def result(self) -> R:
        """The result; handed out again if the scheduler has forgotten the task."""
        while True:
            try:
                found = pickle.loads(self.cluster.taken(self.future, self.client))  # noqa: S301 - a worker of this user wrote it
                break
            except CancelledError:
                if self.client is self.cluster.client:  # nobody has connected again since
                    self.cluster.connect_again()
                self.future, self.client = self.cluster.put(self.content)
        if isinstance(found, _Failed):
            raise found.error
        result: R = found
        return result

    def cancel(self) -> None:
        """Drop the task if it has not begun."""
        with suppress(Exception):
            self.future.cancel()


class _Cluster:
    """A scheduler's client, which connects again if the scheduler was lost."""

    def __init__(self, address: str, function: Callable[[Any, Any], Any], content: bytes) -> None:
        self.address, self.function, self.content = address, function, content
        self.key = hashlib.sha256(content).hexdigest()
        self.client: Any = None
        self.shared: Any = None
        self._connect(CONNECT_SECONDS)

    def submit(self, task: T) -> Handed[T, Any]:
        """Hand out a task."""
        interruption.check()
        return Handed(self, task)

    def put(self, task: bytes) -> tuple[Any, Any]:
        """A task as the scheduler's future, and its client; a scheduler that is gone is looked for again."""
        while True:
            with suppress(OSError, RuntimeError, ValueError):  # ValueError: a client that was closed meanwhile
                if self.client.status == "running":
                    known = installed()
                    future = self.client.submit(
                        run_on_worker,
                        self.function,
                        self.key,
                        self.shared,
                        task,
                        known.digest,
                        known.name,
                        pure=False,
                        retries=RETRIES,
                    )
                    return future, self.client
            self.connect_again()

    def taken(self, future: Any, client: Any) -> bytes:
        """Result of a future.

        Raises
        ------
        CancelledError
            If the scheduler has forgotten it.
        RunError
            If its workers were lost again and again, or there are none.
        """
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        alone_since: float | None = None
        while True:
            interruption.check()
            if client is not self.client or client.status != "running":
                raise CancelledError
            try:
                content: bytes = future.result(timeout=LOOK_SECONDS)
                return content
            except KilledWorker as error:
                raise RunError(
                    f"workers of {self.address} were ended from outside, {RETRIES} times at the same task; if memory "
                    "was short, give them more."
                ) from error
            except FutureCancelledError:
                raise CancelledError from None
            except TimeoutError:
                now = time.monotonic()
                alone_since = None if self._has_workers() else alone_since or now
                if alone_since is not None and now - alone_since > PATIENCE_SECONDS:
                    raise RunError(self._no_workers()) from None
            except OSError:
                raise CancelledError from None
            except RuntimeError:  # of a client that was closed meanwhile; of a task else
                if client.status == "running":
                    raise
                raise CancelledError from None
            except ModuleNotFoundError as error:
                raise RunError(
                    f"a worker of {self.address} has no lmssim ({error}): install {installed().name}."
                ) from None

    def threads(self) -> int:
        """Threads of all workers.

        Raises
        ------
        RunError
            If no worker has come in time.
        """
        deadline = time.monotonic() + CONNECT_SECONDS
        while not (known := self.client.nthreads()):
            interruption.check()
            if time.monotonic() > deadline:
                raise RunError(self._no_workers())
            time.sleep(0.1)
        return sum(known.values())

    def _has_workers(self) -> bool:
        try:
            return bool(self.client.nthreads())
        except Exception:
            return False

    def _no_workers(self) -> str:
        return f"scheduler {self.address} has no workers; start some (dask worker {self.address}) and run again."

    def connect_again(self) -> None:
        """Wait for a scheduler that was lost.

        Raises
        ------
        RunError
            If it stays away too long.
        """
        self.close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            interruption.check()
            try:
                self._connect(LOOK_SECONDS)
            except RunError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
                continue
            return

    def _connect(self, seconds: float) -> None:
        from distributed import Client

        try:
            self.client = Client(self.address, timeout=seconds, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise RunError(f"scheduler {self.address} does not answer ({_brief(error)}).") from None
        self.shared = self.client.submit(hold, self.content, pure=False, retries=RETRIES)

    def close(self) -> None:
        """Let go of the scheduler; what waits there is dropped."""
        with suppress(Exception):
            self.shared.release()
        with suppress(Exception):
            self.client.close(timeout=2.0)


def _brief(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")


# === On a worker ===

_held: dict[str, Any] = {}
"""What tasks share, by its hash; the last one alone."""
_first = threading.Lock()
"""Held by the first task of a process, so that two threads do not compile the same kernels."""
_warm: set[str] = set()
_working = threading.local()


def is_worker() -> bool:
    """Whether this thread runs a task of a cluster: work within it stays there, as no other worker may be free."""
    return bool(getattr(_working, "inside", False))


@contextmanager
def _inside() -> Iterator[None]:
    """Mark this thread as one that runs a task."""
    _working.inside = True
    try:
        yield
    finally:
        _working.inside = False


def hold(content: bytes) -> bytes:
    """What tasks share, so that workers can ask each other for it."""
    return content


def run_on_worker(
    function: Callable[[Any, Any], Any], key: str, content: bytes, task: bytes, digest: str, name: str
) -> bytes:
    """Run a task in a worker.

    Raises
    ------
    RunError
        If the worker runs other code than the process that asks.
    """
    if installed().digest != digest:
        raise RunError(f"a worker runs {installed().name}, and this process {name}: install the same on both.")
    with threadpool_limits(limits=1), _inside():
        with _first:
            if key not in _held:
                _held.clear()
                _warm.clear()
                _held[key] = pickle.loads(content)  # noqa: S301 - sent by the process that asks
            shared = _held[key]
            if key not in _warm:
                found = _outcome(function, shared, task)
                _warm.add(key)
                return pickled(found)
        return pickled(_outcome(function, shared, task))


@dataclass(frozen=True)
class _Failed:
    """A task's own error, which travels as a result: no error of the cluster can then be taken for it."""

    error: Exception


def _outcome(function: Callable[[Any, Any], Any], shared: Any, task: bytes) -> Any:
    """What a task gives, or its error."""
    try:
        return function(shared, pickle.loads(task))  # noqa: S301 - sent by the process that asks
    except Exception as error:
        return _Failed(error)
