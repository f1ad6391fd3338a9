"""Runs of a program with some parameters held, each with the same draws of the others, patients and random numbers.

Three ways: over draws of the other parameters, each with patients of its own (`Drawn`); with the others at their values
(`AtValues`); and solved, with the others at their values (`Solved`). Every run is a part that a checkpoint can keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lmssim.economics.voi.draws import posterior_rows
from lmssim.errors import InputError
from lmssim.execution.batches import BATCH, batch_means
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.manifest import evaluation_part
from lmssim.execution.simulate import COHORT, ENGINES
from lmssim.execution.solve import settle, solve_population
from lmssim.kernels.ledger import COST, QALY
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.given import checked_draws
from lmssim.model.scenario import population_names
from lmssim.studies.sensitivity.paired.response import Response
from lmssim.studies.sensitivity.psa.work import Work
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.solve import Settled
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.contrast import Contrast

KEPT = [COST, QALY]
LEAST_BATCHES = 16


@dataclass(frozen=True)
class HeldWork(Work):
    """Draws of all parameters but those that are held."""

    held: tuple[tuple[str, float], ...] = ()

    def draws(self, first: int, n: int) -> dict[str, FloatArray]:
        """Draws first, first + 1, ... with what is held at its value in each."""
        scenario = self.program.scenario
        given = {name: np.full(n, value) for name, value in self.held}
        return sample_parameters(scenario.table, scenario.groups, n, self.sampling.seed, first, given)


@dataclass(frozen=True)
class Drawn:
    """Over draws of the other parameters.

    Attributes
    ----------
    program : Program
        What is run.
    sampling : Sampling
        Patients of each draw.
    n_draws : int
        Draws.
    checkpoint : Checkpoint, optional
        Keeps runs.
    """

    program: Program
    sampling: Sampling
    n_draws: int
    checkpoint: Checkpoint | None = None

    @cached_property
    def work(self) -> Work:
        """The work with nothing held, checked down to the last draw."""
        work = Work(self.program, replace(self.sampling, random_numbers="independent"), self.n_draws)
        work.validate()
        return work

    @cached_property
    def units(self) -> IntArray:
        """Posterior row of each draw, where draws repeat rows."""
        drawn = self.work.draws(0, self.n_draws)
        groups = [g for g in self.program.scenario.groups.values() if g.kind == "posterior"]
        return posterior_rows([np.column_stack([drawn[m] for m in g.members]) for g in groups], self.n_draws)

    def at(self, held: Mapping[str, float], progress: Callable[[int, int], None] | None = None) -> Response:
        """Run with some parameters held at values."""
        work = self.work
        asked = HeldWork(work.program, work.sampling, work.n_draws, held=tuple(held.items()))

        def make() -> Part:
            parts = asked.parts(progress=progress)
            return Part({"values": _kept([part.arrays["mean"] for part in parts])})

        values = made(self.checkpoint, _name(held, work.strategies, self.n_draws), make).arrays["values"]
        return Response(work.strategies, values, np.full(self.n_draws, 1.0 / self.n_draws), self.units)

    def key(self) -> dict[str, Any]:
        """All that decides a run, but for what is held."""
        profiles = {"profiles": self.sampling.profiles} if self.sampling.engine == COHORT else {}
        return _key(self.program, self.sampling) | {"draws": self.n_draws} | profiles


@dataclass(frozen=True)
class AtValues:
    """With the other parameters at their values, for patients.

    Attributes
    ----------
    program, sampling, checkpoint
        As for `Drawn`; the patients are all.
    """

    program: Program
    sampling: Sampling
    checkpoint: Checkpoint | None = None

    def __post_init__(self) -> None:
        """Refuse patients who are too few to tell errors."""
        self.sampling.validate()
        if self.sampling.engine not in ENGINES:
            raise InputError(f"engine '{self.sampling.engine}' has no patients; use one of {', '.join(ENGINES)}.")
        if self.sampling.n_patients < BATCH * LEAST_BATCHES:
            raise InputError(
                f"patients: {self.sampling.n_patients:,} are too few to estimate errors; {BATCH * LEAST_BATCHES:,} or "
                "more are needed."
            )

    def at(self, held: Mapping[str, float], progress: Callable[[int, int], None] | None = None) -> Response:
        """Run with some parameters held at values."""

        def make() -> Part:
            sizes, means = batch_means(self.program, self.sampling, numbers_at(self.program, held))
            return Part({"sizes": sizes, "values": _kept([means])})

        names = strategies_of(self.program, self.sampling)
        arrays = made(self.checkpoint, _name(held, names), make).arrays
        if progress is not None:
            progress(1, 1)
        sizes = arrays["sizes"]
        return Response(names, arrays["values"], sizes / sizes.sum(), np.arange(len(sizes)))

    def key(self) -> dict[str, Any]:
        """All that decides a run, but for what is held."""
        return _key(self.program, self.sampling) | {"at_values": True}


@dataclass(frozen=True)
class Solved:
    """With the other parameters at their values, solved for profiles of the population.

    Attributes
    ----------
    program, sampling, checkpoint
        As for `Drawn`; profiles take the place of patients.
    """

    program: Program
    sampling: Sampling
    checkpoint: Checkpoint | None = None

    @cached_property
    def _settled(self) -> Settled:
        return settle(self.program, self.sampling)

    def at(self, held: Mapping[str, float], progress: Callable[[int, int], None] | None = None) -> Response:
        """Solve with some parameters held at values."""

        def make() -> Part:
            draws = checked_draws(self.program.scenario.table, held_draws(held)) if held else None
            found = solve_population(self.program, self.sampling, draws, settled=self._settled)
            return Part({"values": _kept([found.mean]), "steps": found.step_error[:, KEPT]})

        names = strategies_of(self.program, self.sampling)
        arrays = made(self.checkpoint, _name(held, names), make).arrays
        if progress is not None:
            progress(1, 1)
        return Response(names, arrays["values"], np.ones(1), np.zeros(1, dtype=np.int64), arrays["steps"])

    def key(self) -> dict[str, Any]:
        """All that decides a run, but for what is held."""
        return _key(self.program, self.sampling) | {"profiles": self.sampling.profiles}


def at_values(program: Program, sampling: Sampling, checkpoint: Checkpoint | None = None) -> AtValues | Solved:
    """Runs with the other parameters at their values, by the engine that is asked for."""
    kind = Solved if sampling.engine == COHORT else AtValues
    return kind(program, sampling, checkpoint)


Runs = Drawn | AtValues | Solved
R = TypeVar("R", bound=Runs)


def restricted(runs: R, contrast: Contrast) -> R:
    """The same for two strategies alone, and the scenario's comparator."""
    names = {contrast.strategy, contrast.against, runs.program.scenario.comparator}
    few = tuple(name for name in runs.program.strategies if name in names)
    return replace(runs, sampling=replace(runs.sampling, strategies=few))


@dataclass(frozen=True)
class Reloaded:
    """Runs of a scenario that is loaded again where what is held makes another program: plans and patients, say.

    Attributes
    ----------
    runs : Drawn, AtValues or Solved
        Of the program with nothing held.
    load : callable
        Program with some parameters held from the start.
    """

    runs: Runs
    load: Callable[[Mapping[str, float]], Program]
    _made: dict[str, Runs] = field(default_factory=dict, compare=False)

    @property
    def program(self) -> Program:
        """With nothing held."""
        return self.runs.program

    @property
    def sampling(self) -> Sampling:
        """Whom it follows."""
        return self.runs.sampling

    def at(self, held: Mapping[str, float], progress: Callable[[int, int], None] | None = None) -> Response:
        """Run with some parameters held at values."""
        shaping = {name: value for name, value in held.items() if name in self.shaping}
        if not shaping:
            return self.runs.at(held, progress)
        key = key_of({name: float(value).hex() for name, value in shaping.items()})
        if key not in self._made:
            self._made[key] = replace(self.runs, program=self.load(shaping))
        return self._made[key].at(held, progress)

    @cached_property
    def shaping(self) -> frozenset[str]:
        """Parameters whose value makes another program."""
        return frozenset({*population_names(self.program.scenario), *self.program.shaped_by})


def strategies_of(program: Program, sampling: Sampling) -> Sequence[str]:
    """Ids of the strategies that are run."""
    return [program.strategies[s] for s in sampling.positions(program)]


def numbers_at(program: Program, held: Mapping[str, float]) -> FloatArray:
    """Numbers of a program with some parameters held, and those derived from them computed."""
    if not held:
        return program.numbers()
    return program.numbers(checked_draws(program.scenario.table, held_draws(held)))


def held_draws(held: Mapping[str, float]) -> dict[str, FloatArray]:
    """Values as one draw."""
    return {name: np.array([float(value)]) for name, value in held.items()}


def _kept(means: Sequence[FloatArray]) -> FloatArray:
    """Costs and QALYs, as they lie in memory when they are read again."""
    return np.ascontiguousarray(np.concatenate([each[:, :, KEPT] for each in means]))


def _name(held: Mapping[str, float], strategies: Sequence[str], n_draws: int = 0) -> str:
    """Name of a run, told by what it holds, its strategies and draws."""
    values = {name: float(value).hex() for name, value in held.items()}
    return f"run-{key_of(values, list(strategies), n_draws)[:24]}"


def _key(program: Program, sampling: Sampling) -> dict[str, Any]:
    part = evaluation_part(program, sampling, {})
    return part | {"lmssim": __version__, "uncertain": list(program.scenario.uncertain)}
