"""Progress bars with the time left on stderr, if a person is looking at them."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.studies.sweep.work import Done

    Phases = Callable[[str, int, int], None]


@contextmanager
def progress_bar(label: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None] | None]:
    """Callable taking (done, total); None if stderr is no terminal or nothing is to be shown."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def named_bar(*, shown: bool = True) -> Iterator[Phases | None]:
    """Callable taking (what is being done, done, total), one bar for all of it; None if nobody looks at stderr."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


@contextmanager
def phase_bars(*, shown: bool = True) -> Iterator[Phases | None]:
    """Callable taking (phase, done, total), a bar with the time left for each phase; None if nobody looks at stderr."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield show


# === Of a sweep ===


@contextmanager
def sweep_bar(label: str) -> Iterator[Callable[[Done], None] | None]:
    """Callable taking how far a sweep has come: a bar of the cells that are to run; None if nobody looks at stderr."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("left"))
    told = TextColumn("{task.fields[told]}", markup=False)
    with Progress(*columns, TimeRemainingColumn(), told, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None, told="")

        def show(done: Done) -> None:
            told = f"{done.failed:,} failed" if done.failed else ""
            told += f"  {done.kept:,} kept" if done.kept else ""
            bar.update(task, completed=done.made + done.failed, total=done.cells - done.kept, told=told.strip())

        yield show


@contextmanager
def json_lines() -> Iterator[Callable[[Done], None]]:
    """Callable taking how far a sweep has come: a line of JSON on stderr each second, and one at the end."""
    said = _JsonLines()
    said.start()
    try:
        yield said.show
    finally:
        said.end()


class _JsonLines:
    """Prints the latest report of progress now and then, from a thread of its own."""

    def __init__(self) -> None:
        self._latest: Done | None = None
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lmssim-progress", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def show(self, done: Done) -> None:
        """Take a report."""
        self._latest = done

    def end(self) -> None:
        """Print the last report."""
        self._stop.set()
        self._thread.join()
        self._print()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            self._print()

    def _print(self) -> None:
        done = self._latest
        if done is None:
            return
        seconds, now = time.monotonic() - self._began, done.made + done.failed
        left = seconds / now * done.left if now else None
        document: dict[str, float | None] = {
            "cells": done.cells,
            "kept": done.kept,
            "made": done.made,
            "failed": done.failed,
        }
        document |= {"seconds": round(seconds, 1), "seconds_left": None if left is None else round(left, 1)}
        with suppress(OSError):
            print(json.dumps(document), file=sys.stderr, flush=True)
