"""The work of a sweep: cells that are missing packed into tasks, and tasks run by whoever takes their leases.

Which task a cell belongs to depends on its key and on how many cells the sweep has of its recipe, not on what is
missing, so that processes which begin at different moments pack alike. What a row holds depends on its key alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from lmssim.errors import InputError, OutputError, RunError
from lmssim.execution.backends import run_tasks
from lmssim.execution.checkpoint import POLL_SECONDS, key_of
from lmssim.execution.shared.tables import ERROR, KEY, PART
from lmssim.studies.sweep.programs import program_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmssim.execution.shared.tables import Row, SharedTables
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.writing.leases import Lease
    from lmssim.model.program import Program
    from lmssim.studies.sweep.cells import Cell, Recipe, Source


class Study(Protocol):
    """What is done in each cell: a function from cells of one program to the columns of each strategy."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def together(self) -> bool:
        """Whether the rows of a cell depend on which strategies it has, so that all of them are run at once."""

    def document(self) -> Mapping[str, Any]:
        """All that it asks besides the cells; part of every key."""

    def per_task(self, sampling: Sampling, n_strategies: int) -> int:
        """Cells of a task, so that it takes about a second."""

    def warm(self, program: Program, sampling: Sampling) -> None:
        """Compile or load kernels before several threads ask for them."""

    def rows(
        self, program: Program, sampling: Sampling, values: Sequence[Mapping[str, float]]
    ) -> Iterator[dict[str, dict[str, float]]]:
        """For each cell in turn, the columns of each strategy."""


@dataclass(frozen=True)
class Done:
    """How far a sweep has come, in cells."""

    cells: int
    """In all."""
    kept: int
    """Made before."""
    made: int
    """Made since, by this process and others."""
    failed: int

    @property
    def left(self) -> int:
        """Still to do."""
        return self.cells - self.kept - self.made - self.failed


@dataclass(frozen=True)
class Batch:
    """Cells of a task.

    Attributes
    ----------
    recipe : Recipe
        What makes their program.
    keys : list of str
        Of each cell.
    values : list of dict
        Of each cell.
    strategies : list of list of str
        Of each cell, the strategies whose rows are missing.
    """

    recipe: Recipe
    keys: list[str]
    values: list[dict[str, float]]
    strategies: list[list[str]]


@dataclass(frozen=True)
class Shared:
    """What all tasks of a sweep share."""

    study: Any
    """A `Study`."""
    source: Any
    """A `Source`, or what `run` takes in its place."""
    inputs: Mapping[str, str]
    """SHA-256 of the files by which cells have their keys."""
    run: Callable[[Shared, Batch], Made]
    """A function of a module: rows of the cells of a task."""


Made = list[tuple[str, str, dict[str, float], str | None]]
"""Key, strategy, columns and error of each row."""


# === A task, where it is run ===


def run_shared(shared: Shared, batch: Batch) -> Made:
    """Rows of the cells of a task, by what all tasks share."""
    return shared.run(shared, batch)


def run_batch(shared: Shared, batch: Batch) -> Made:
    """Rows of the cells of a task; those of a cell that cannot be run say why."""
    try:
        program = program_of(shared.source, batch.recipe)
        _check_inputs(program, shared.inputs)
        sampling = _sampled(program, batch)
    except OutputError:
        raise
    except InputError as error:
        return [row for i in range(len(batch.keys)) for row in _failed(batch, i, error)]
    by_names = defaultdict(list)
    for i, values in enumerate(batch.values):
        by_names[tuple(values)].append(i)
    return [row for cells in by_names.values() for row in _run(shared, program, sampling, batch, cells)]


def _check_inputs(program: Program, inputs: Mapping[str, str]) -> None:
    """Stop if a file has changed since keys were made of it."""
    for name, digest in program.scenario.inputs.items():
        if inputs.get(name, digest) != digest:
            raise RunError(f"{name}: has changed since the sweep began; start it again.")


def _sampled(program: Program, batch: Batch) -> Sampling:
    """Whom the cells follow, under the strategies that are missing and the one that they are compared with."""
    wanted = {name for each in batch.strategies for name in each} | {program.scenario.comparator}
    sampling = replace(
        batch.recipe.sampling, strategies=tuple(name for name in program.strategies if name in wanted), jobs=1
    )
    lacking = sorted(wanted - set(program.strategies))
    return replace(sampling, strategies=(*sampling.strategies, *lacking))  # which the study refuses by name


def _run(shared: Shared, program: Program, sampling: Sampling, batch: Batch, cells: Sequence[int]) -> Iterator[Any]:
    """Rows of some cells; if they cannot be run together, each by itself."""
    try:
        found = list(shared.study.rows(program, sampling, [batch.values[i] for i in cells]))
    except OutputError:
        raise
    except InputError as error:
        if len(cells) == 1:
            yield from _failed(batch, cells[0], error)
            return
        for i in cells:
            yield from _run(shared, program, sampling, batch, [i])
        return
    for i, columns in zip(cells, found, strict=True):
        yield from ((batch.keys[i], strategy, columns[strategy], None) for strategy in batch.strategies[i])


def _failed(batch: Batch, i: int, error: InputError) -> Iterator[Any]:
    told = str(error).replace(" (draw 0)", "").replace("draws: ", "")
    yield from ((batch.keys[i], strategy, {}, told) for strategy in batch.strategies[i])


def table_of(made: Made) -> pa.Table:
    """Rows as a table."""
    names = list(dict.fromkeys(name for _, _, columns, _ in made for name in columns))
    arrays = {
        KEY: pa.array([key for key, _, _, _ in made], pa.string()),
        PART: pa.array([strategy for _, strategy, _, _ in made], pa.string()),
        ERROR: pa.array([error for _, _, _, error in made], pa.string()),
    }
    return pa.table(arrays | {n: pa.array([c.get(n) for _, _, c, _ in made], pa.float64()) for n in names})


# === All tasks ===


@dataclass(frozen=True)
class Work:
    """Cells of a sweep and who runs them.

    Attributes
    ----------
    source : Source
        The scenario, or what `run_cells` takes in its place.
    study : Study
        What is done in each cell.
    cells : list of Cell
        In the order of the design.
    strategies : list of str
        Whose rows are wanted.
    inputs : mapping of str to str
        SHA-256 of the files that keys were made of.
    jobs, backend
        Workers.
    """

    source: Source
    study: Any
    cells: list[Cell]
    strategies: list[str]
    inputs: Mapping[str, str]
    jobs: int = 1
    backend: str = "threads"
    run_cells: Callable[[Shared, Batch], Made] = run_batch
    """What makes the rows of the cells of a task: programs of a scenario, or something else."""

    @cached_property
    def tasks(self) -> list[list[Cell]]:
        """Cells by task: those of a recipe stand together, and share a task if their keys begin alike."""
        by_recipe: dict[str, list[Cell]] = defaultdict(list)
        for cell in {cell.key: cell for cell in self.cells}.values():
            by_recipe[cell.recipe.id].append(cell)
        return [task for cells in by_recipe.values() for task in self._packed(cells)]

    def _packed(self, cells: list[Cell]) -> Iterator[list[Cell]]:
        """Cells of a recipe by task, about as many in each as take a second."""
        per_task = self.study.per_task(cells[0].recipe.sampling, len(self.strategies))
        bits = max(0, round(_log2(len(cells) / per_task))) if per_task > 1 else KEY_BITS
        packs: dict[int, list[Cell]] = defaultdict(list)
        for cell in cells:
            packs[int(cell.key[: KEY_BITS // 4], 16) >> (KEY_BITS - bits)].append(cell)
        for number in sorted(packs):
            yield sorted(packs[number], key=lambda cell: cell.key)

    def done(self, tables: SharedTables, before: set[Row]) -> Done:
        """How far it has come, of which some rows were there before."""
        keys = list(dict.fromkeys(cell.key for cell in self.cells))
        kept = made = failed = 0
        for key in keys:
            rows = [(key, strategy) for strategy in self.strategies]
            if all(row in tables.done for row in rows):
                was_there = all(row in before for row in rows)
                kept, made = kept + was_there, made + (not was_there)
            elif all(row in tables.done or row in tables.failed for row in rows):
                failed += 1
        return Done(len(keys), kept, made, failed)

    def missing(self, tables: SharedTables, cell: Cell) -> list[str]:
        """Strategies whose rows nobody has made, or tried to, since this process began."""
        rows = [(cell.key, strategy) for strategy in self.strategies]
        lacking = [row[1] for row in rows if row not in tables.done and row not in tables.failed]
        return self.strategies if lacking and self.study.together else lacking

    def run(self, tables: SharedTables, progress: Callable[[Done], None] | None = None) -> Done:
        """Run what is missing, with whoever else works in the folder, until nothing is.

        Raises
        ------
        OutputError
            If rows cannot be written.
        """
        before, told = set(tables.done), _Told(self, tables, progress)
        told.tell(force=True)
        pending = [task for task in self.tasks if any(self.missing(tables, cell) for cell in task)]
        if pending:
            self._warm(pending)
        while pending:
            n = len(tables.done) + len(tables.failed)
            self._round(pending, tables, told)
            tables.look()
            told.tell()
            pending = [task for task in pending if any(self.missing(tables, cell) for cell in task)]
            if pending and n == len(tables.done) + len(tables.failed):
                time.sleep(POLL_SECONDS)
        told.tell(force=True)
        return self.done(tables, before)

    def _warm(self, pending: Sequence[Sequence[Cell]]) -> None:
        """Load the kernels in this thread, by the first program that there is."""
        if self.run_cells is not run_batch:
            return
        for task in pending:
            with suppress(InputError):
                recipe = task[0].recipe
                self.study.warm(program_of(self.source, recipe), recipe.sampling)
                return

    def _round(self, pending: Sequence[Sequence[Cell]], tables: SharedTables, told: _Told) -> None:
        """Run tasks that nobody else holds, each under its lease."""
        held: list[Lease] = []

        def leased() -> Iterator[Batch]:
            for task in pending:
                tables.look()
                told.tell()
                if (batch := self._batch(task, tables)) is None:
                    continue
                lease = tables.lease(key_of([cell.key for cell in task])[:32])
                held.append(lease)  # before it is taken: whenever a signal comes, it is given back
                taken = lease.take()
                tables.look()
                batch = self._batch(task, tables) if taken else None
                if batch is None:  # somebody else makes it, or has made it meanwhile
                    lease.release()
                    held.pop()
                    continue
                yield batch

        try:
            shared = Shared(self.study, self.source, self.inputs, self.run_cells)
            for made in run_tasks(run_shared, shared, leased(), backend=self.backend, jobs=self.jobs):
                tables.write(table_of(made))
                held[0].release()
                held.pop(0)
                told.tell()
        finally:
            for lease in held:
                lease.release()

    def _batch(self, task: Sequence[Cell], tables: SharedTables) -> Batch | None:
        """What is missing of a task; None if nothing is."""
        lacking = {cell.key: self.missing(tables, cell) for cell in task}
        cells = [cell for cell in task if lacking[cell.key]]
        if not cells:
            return None
        keys = [cell.key for cell in cells]
        return Batch(cells[0].recipe, keys, [cell.values for cell in cells], [lacking[key] for key in keys])


KEY_BITS = 32
"""Bits of a key by which cells are packed."""
TELL_SECONDS = 0.5
"""Between two reports of progress."""


def _log2(ratio: float) -> float:
    import math

    return math.log2(max(ratio, 1.0))


class _Told:
    """Reports of progress, not too often."""

    def __init__(self, work: Work, tables: SharedTables, progress: Callable[[Done], None] | None) -> None:
        self.work, self.tables, self.progress = work, tables, progress
        self.before, self._last = set(tables.done), 0.0

    def tell(self, *, force: bool = False) -> None:
        """Say how far the work has come."""
        now = time.monotonic()
        if self.progress is not None and (force or now - self._last >= TELL_SECONDS):
            self._last = now
            self.progress(self.work.done(self.tables, self.before))
