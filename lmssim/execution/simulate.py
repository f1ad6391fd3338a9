"""Simulate a program: chunks of patients times batches of draws, spread over workers, folded in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from lmssim.engines import compiled, des
from lmssim.engines.task import DEFAULT_BLOCK, Task, Wanted, empty_counts, grid_at, occupancy_times, patients_of
from lmssim.errors import InputError, unknown
from lmssim.execution import fold
from lmssim.execution.backends import THREADS, check_backend, run_tasks
from lmssim.execution.partitions import told_apart
from lmssim.execution.subgroups import check_rule, subgroups_of
from lmssim.kernels import layout
from lmssim.kernels.tally import SAME_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.engines.histories import Histories
    from lmssim.engines.task import Patients, Sums
    from lmssim.execution.estimates import Estimates
    from lmssim.execution.partitions import Told
    from lmssim.execution.subgroups import Grouping
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

CHUNK = 8_192
"""Patients per chunk, the unit of reduction: part of every result's identity, so a constant."""
TASK_PATHS = 400_000
"""Lives per task, about: how many draws share a call."""
TASK_BYTES = 1 << 23
"""Bytes of a task's counts by draw and subgroup, about."""


MOST = {
    "n_patients": 1_000_000_000,
    "seed": 2**63 - 1,
    "jobs": 1_024,
    "block": 1 << 16,
    "profiles": 100_000,
}
"""Greatest values of the arguments of `Sampling` that count something."""
FEWEST_PER_DRAW = 2
"""Patients of a draw over whose parameters an expectation is taken."""
MOST_LIVES = 10**12
"""Lives of a simulation: patients x draws x strategies."""


def brief(number: int) -> str:
    """A whole number for a message, of thousands of digits too."""
    return f"{number:,}" if abs(number) < 10**20 else f"a number of more than {20} digits"


class Engine(Protocol):
    """An engine that walks through lives: a module with these functions."""

    def run(
        self,
        program: Program,
        numbers: FloatArray,
        patients: Patients,
        seed: int,
        wanted: Wanted,
        block: int = ...,
    ) -> Sums:
        """Run the patients of a task through its draws and strategies."""

    def simulate(
        self,
        program: Program,
        first: int,
        n: int,
        numbers: FloatArray,
        seed: int,
        luck_word: int = ...,
        block: int = ...,
        arms: IntArray | None = ...,
    ) -> Iterator[tuple[int, FloatArray, Histories]]:
        """Histories of patients first, first + 1, ..., block by block."""

    def warm(self, program: Program, seed: int = ..., numbers: FloatArray | None = ...) -> None:
        """Compile the kernels, or load them from disk."""


ENGINES: dict[str, Engine] = {"compiled": compiled, "des": des}
"""Engines that give the same histories, and so the same results."""
COHORT = "cohort"
"""The engine without histories, see `lmssim.execution.solve`."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Whom to follow, by which engine, on how many workers; workers, backend and block change no result."""

    n_patients: int = 100_000
    """Patients of each draw, each of whom meets every strategy."""
    seed: int = 1
    """Key of all random numbers."""
    random_numbers: Literal["common", "independent"] = "common"
    """Whether draws share their patients and random numbers, or each draw has patients of its own."""
    strategies: tuple[str, ...] = ()
    """Strategies to run; all if empty. A strategy's results do not depend on which others are run (of `cohort`, but for
    the error of steps)."""
    subgroups: Mapping[str, str] = field(default_factory=dict)
    """Label of each subgroup to its rule on covariates; a patient belongs to the first whose rule is met."""
    where: str = ""
    """Rule on covariates: who meets it is followed, each with the number that it has among all; all if blank."""
    partitions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Name of each partition of the patients to the labels and rules of its subgroups; not beside `subgroups`."""
    by_draw: bool = False
    """Whether to keep counts by draw, each year and at the named times."""
    engine: str = "compiled"
    """`compiled` is fast, `des` is the reference to check it against, `cohort` solves without random numbers."""
    profiles: int = 32
    """Profiles of the population, for `cohort`, which has no use for patients."""
    jobs: int = 1
    """Workers."""
    backend: str = THREADS
    """How work is spread: over `threads`, which do not help `des`, over processes (`loky`), or over the workers of a
    Dask scheduler (`dask:tcp://host:8786`)."""
    block: int = DEFAULT_BLOCK
    """Patients per block."""
    counting: bool = True
    """Whether to count endpoints and occupancy."""
    control_variate: bool = False
    """Whether to estimate the main outcomes of the base case again, beside twins whose expectation is exact."""

    def __post_init__(self) -> None:
        """Make NumPy's whole numbers Python's, as compiled code has a form for each type."""
        for name in MOST:
            value: object = getattr(self, name)
            if isinstance(value, np.integer):
                object.__setattr__(self, name, int(value))

    def validate(self) -> None:
        """Refuse impossible values.

        Raises
        ------
        InputError
            With the argument, its value and what is allowed.
        """
        for name, most in MOST.items():
            self._check_count(name, 0 if name == "seed" else 1, most)
        for name in ("by_draw", "counting", "control_variate"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name}: {getattr(self, name)!r} is not True or False.")
        for name, known in (
            ("random_numbers", ("common", "independent")),
            ("engine", (*ENGINES, COHORT)),
        ):
            if getattr(self, name) not in known:
                raise InputError(unknown("value", str(getattr(self, name)), known, name.replace("_", " ")))
        check_backend(self.backend)
        self._check_names()
        if self.control_variate and self.engine == COHORT:
            raise InputError(
                f"control variate: engine '{COHORT}' has no Monte-Carlo error; use one of {', '.join(ENGINES)}."
            )

    def _check_count(self, name: str, least: int, most: int) -> None:
        value: object = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{name}: {value!r} is not a whole number from {least} to {most:,}.")
        if value < least:
            raise InputError(f"{name.replace('n_', '')}: {brief(value)} is not {least} or more.")
        if value > most:
            raise InputError(f"{name.replace('n_', '')}: {brief(value)} is too many; at most {most:,} are allowed.")

    def _check_names(self) -> None:
        """Refuse strategies that are no sequence of texts, and subgroups that are no mapping of texts."""
        if isinstance(self.strategies, str) or not isinstance(self.strategies, Sequence):
            raise InputError(f"strategies: {self.strategies!r} is not a sequence of ids such as ('a', 'b').")
        for name in self.strategies:
            if not isinstance(name, str):
                raise InputError(f"strategies: {name!r} is not the id of a strategy.")
        if not isinstance(self.subgroups, Mapping):
            raise InputError(f"subgroups: {self.subgroups!r} is not a mapping of labels to rules.")
        if not isinstance(self.where, str):
            raise InputError(f"where: {self.where!r} is not a rule on covariates, such as 'size > 5'.")
        if self.where:
            check_rule(self.where, "where")
        if not isinstance(self.partitions, Mapping) or not all(
            isinstance(name, str) and isinstance(rules, Mapping) for name, rules in self.partitions.items()
        ):
            raise InputError(f"partitions: {self.partitions!r} is not a mapping of names to labels with their rules.")
        for name, rules in (("subgroups", self.subgroups), *self.partitions.items()):
            for label, rule in rules.items():
                if not isinstance(label, str) or not isinstance(rule, str):
                    raise InputError(
                        f"{name}: {label!r}: {rule!r} is not a label with a rule on covariates, both texts."
                    )
        if self.subgroups and self.partitions:
            raise InputError("subgroups: give them as one of the partitions.")

    @property
    def independent(self) -> bool:
        """Whether each draw has patients of its own."""
        return self.random_numbers == "independent"

    def positions(self, program: Program) -> list[int]:
        """Positions in the program of the strategies to run, in its order.

        Raises
        ------
        InputError
            If a strategy does not exist.
        """
        for name in self.strategies:
            if name not in program.strategies:
                raise InputError(unknown("strategy", name, program.strategies, "strategies"))
        return [s for s, name in enumerate(program.strategies) if not self.strategies or name in self.strategies]


def split_over_draws(sampling: Sampling, n_draws: int) -> Sampling:
    """Sampling whose patients are split over parameter draws, each draw with its own, and counted by draw.

    Raises
    ------
    InputError
        If that gives a draw fewer than two patients, from whom no spread can be told.
    """
    if sampling.n_patients < FEWEST_PER_DRAW * n_draws:
        raise InputError(
            f"patients: {brief(sampling.n_patients)} over {n_draws:,} draws; {FEWEST_PER_DRAW * n_draws:,} or more, "
            f"{FEWEST_PER_DRAW} a draw, are needed."
        )
    each = -(-sampling.n_patients // n_draws)
    return replace(sampling, n_patients=each, random_numbers="independent", by_draw=True)


@dataclass(frozen=True)
class Simulation:
    """What all tasks of a simulation share.

    Attributes
    ----------
    program : Program
        What is run.
    sampling : Sampling
        By which engine, with which seed.
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers) of the program.
    first_draw : int
        Number of the first draw.
    wanted : Wanted
        Sums that are wanted.
    grouping : Grouping, optional
        Whose sums are kept apart; nobody's if absent.
    """

    program: Program
    sampling: Sampling
    numbers: FloatArray
    first_draw: int
    wanted: Wanted
    grouping: Grouping | Told | None = None
    draws: Mapping[str, FloatArray] | None = None
    """Parameters that the numbers come from: these travel to other processes, which compute the numbers again."""

    def __getstate__(self) -> dict[str, Any]:
        """What travels."""
        return self.__dict__ | ({} if self.draws is None else {"numbers": None})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What has arrived."""
        self.__dict__.update(state)
        if self.draws is not None:
            self.__dict__["numbers"] = self.program.numbers(self.draws, self.first_draw)

    def run(self, task: Task) -> Sums:
        """Sums over the patients of a task."""
        part = slice(task.draws.start - self.first_draw, task.draws.stop - self.first_draw)
        program, sampling = self.program, self.sampling
        patients = patients_of(program, task, sampling.seed, None if self.grouping is None else self.grouping.of)
        engine = ENGINES[sampling.engine]
        return engine.run(program, self.numbers[part], patients, sampling.seed, self.wanted, sampling.block)


def run_task(simulation: Simulation, task: Task) -> fold.Part:
    """Means and counts of the patients of a task."""
    return fold.finish(simulation.run(task))


def simulate(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray] | None = None,
    first_draw: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Estimates:
    """Estimates of every draw.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws, (n_draws,) each; the base case if absent.
    first_draw : int
        Number of the first draw, which addresses its patients if each draw has its own.
    progress : callable, optional
        Called with (lives done, lives in all) after each task.
    """
    return fold.stack(simulate_batches(program, sampling, draws, first_draw, progress))


def simulate_batches(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray] | None = None,
    first_draw: int = 0,
    progress: Callable[[int, int], None] | None = None,
    grouping: Grouping | None = None,
    addresses: Sequence[int] = (),
) -> Iterator[Estimates]:
    """Estimates of one batch of draws after another, as `simulate`, so that those done may be written and forgotten.

    A `grouping` stands in the place of the subgroups that `sampling` asks for; counts are not kept by its groups.
    `addresses` are the numbers of the draws, where these do not follow one another from `first_draw` on.
    """
    sampling.validate()
    numbers = program.numbers(draws, first_draw)
    first = grouping or subgroups_of(program, sampling.subgroups)
    told = told_apart(program, sampling.where, sampling.partitions, first, halved=not sampling.independent)
    wanted, axes = _wanted(program, sampling, told, named_times(program) if grouping is None else [])
    strategies = sampling.positions(program)
    simulation = Simulation(program, sampling, numbers, first_draw, wanted, told, draws)
    _check_size(sampling, len(numbers), len(strategies))
    batches = _batches(program, sampling, len(numbers), first_draw, len(strategies), wanted)
    tasks = [
        chunks_of(sampling, batch, strategies, addresses[batch.start - first_draw : batch.stop - first_draw])
        for batch in batches
    ]
    every = [task for chunks in tasks for task in chunks]
    done, total = 0, sum(task.n_lives for task in every)
    ENGINES[sampling.engine].warm(program, numbers=numbers)
    results = run_tasks(run_task, simulation, every, backend=sampling.backend, jobs=workers(sampling))
    for chunks in tasks:
        part: fold.Part | None = None
        for task in chunks:
            part = next(results) if part is None else fold.merge(part, next(results))
            done += task.n_lives
            if progress is not None:
                progress(done, total)
        assert part is not None
        yield _checked(fold.estimates_of(part, axes, sampling.independent), sampling)


def _check_size(sampling: Sampling, n_draws: int, n_strategies: int) -> None:
    lives = sampling.n_patients * n_draws * n_strategies
    if lives > MOST_LIVES:
        raise InputError(
            f"patients: {sampling.n_patients:,} patients x {n_draws:,} draws x {n_strategies} strategies are "
            f"{lives:.3g} lives; at most {MOST_LIVES:.3g} are allowed."
        )


def chunks_of(sampling: Sampling, draws: range, strategies: Sequence[int], addresses: Sequence[int] = ()) -> list[Task]:
    """Tasks for all patients of some draws, a chunk each; `addresses` are as for `simulate_batches`."""
    return [
        Task(
            draws=draws,
            first=first,
            n=min(CHUNK, sampling.n_patients - first),
            strategies=strategies,
            per_draw=sampling.n_patients if sampling.independent else 0,
            addresses=addresses,
        )
        for first in range(0, sampling.n_patients, CHUNK)
    ]


def workers(sampling: Sampling) -> int:
    """Workers that help: threads do not help an engine written in Python."""
    return 1 if sampling.engine == "des" and sampling.backend == THREADS else sampling.jobs


def _wanted(program: Program, sampling: Sampling, told: Told, named: Sequence[float]) -> tuple[Wanted, fold.Axes]:
    """Which sums are wanted, and the times and labels of their axes; `named` are the times of subgroups."""
    yearly, apart = draw_times(program), told.first is not None or bool(told.partitions)
    kept = partition_times(program) if told.partitions else named
    wanted = Wanted(
        n_subgroups=told.n_groups,
        n_counted=told.n_counted,
        whole=sampling.counting,
        by_draw=grid_at(program, yearly) if sampling.by_draw else None,
        by_subgroup=grid_at(program, kept, named) if apart else None,
    )
    axes = fold.Axes(
        draw_times=(yearly, occupancy_times(program, yearly)) if sampling.by_draw else None,
        subgroup_times=(kept, occupancy_times(program, named)) if apart else None,
        labels=() if told.first is None else told.first.labels,
        partitions={name: (partition.labels, *told.slices()[name]) for name, partition in told.partitions.items()},
    )
    return wanted, axes


def _checked(estimates: Estimates, sampling: Sampling) -> Estimates:
    """Refuse estimates of nobody, where draws follow the same patients."""
    same = not sampling.independent or (estimates.n_draws == 1 and estimates.by_draw is None)
    if sampling.where and same and estimates.n == 0:
        raise InputError(f"where: nobody of {sampling.n_patients:,} patients meets '{sampling.where}'.")
    return estimates


def partition_times(program: Program) -> list[float]:
    """Every time of the grid of endpoints up to the last named one, so that curves can be read there."""
    per_year = float(program.packed.f[layout.F_STEPS_PER_YEAR])
    last = max(named_times(program), default=0.0)
    return [step / per_year for step in range(int(last * per_year + SAME_TIME) + 1)]


def named_times(program: Program) -> list[float]:
    """The scenario's named times, ascending."""
    return sorted(set(program.scenario.file.settings.times))


def draw_times(program: Program) -> list[float]:
    """Times at which counts are kept by draw: each year up to the horizon, and the named times."""
    horizon = program.scenario.file.settings.horizon
    return sorted({*named_times(program), *(float(year) for year in range(int(horizon) + 1))})


def _batches(
    program: Program, sampling: Sampling, n_draws: int, first_draw: int, n_strategies: int, wanted: Wanted
) -> list[range]:
    """Batches of draws: as many in each as give a task enough to do, if their counts are not too many."""
    per_task = TASK_PATHS // (min(CHUNK, sampling.n_patients) * n_strategies)
    size = sum(
        each.nbytes
        for grid, n in ((wanted.by_draw, 1), (wanted.by_subgroup, wanted.n_counted or 1))
        if grid is not None
        for each in empty_counts(program, (n, n_strategies), grid)
    )
    per_task = min(max(1, per_task), max(1, TASK_BYTES // max(size, 1)), n_draws)
    stop = first_draw + n_draws
    return [range(d, min(d + per_task, stop)) for d in range(first_draw, stop, per_task)]
