"""Patients of a scenario: each walks the strategy of his arm through the disease model."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lmssim.engines import compiled
from lmssim.engines.workspace import own_workspace
from lmssim.errors import InputError
from lmssim.execution.checkpoint import key_of
from lmssim.execution.manifest import evaluation_part
from lmssim.execution.simulate import Sampling
from lmssim.execution.subgroups import baseline_rule, meets
from lmssim.kernels.trials import luck as numbers
from lmssim.kernels.trials.luck import allocate
from lmssim.kernels.trials.paths import read_endpoints
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.reach import Reach
from lmssim.studies.trials.sources.changes import changed, with_background
from lmssim.studies.trials.sources.lives import Cohort, Lives

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import CountArray, FloatArray, IntArray
    from lmssim.model.language.expression import Node
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.trials.design.objects import TrialDesign

STRIDE = 1 << 24
"""Patient numbers of a trial: those of the next begin so much later."""
BLOCK = 512
"""Patients walked at a time."""
RAREST = 0.005
"""Share of patients who are eligible and reach randomisation, at least."""


class _Entrants(NamedTuple):
    """Patients of one trial as they come, in order; arrays of `Cohort` and its `Lives`, a row a patient."""

    arm: Any
    stratum: Any
    time: Any
    """(n, n_endpoints), years."""
    event: Any
    death: Any
    other_time: Any
    other_event: Any
    other_death: Any


class ModelSource:
    """Patients of a scenario.

    Notes
    -----
    Patient k of a trial is the k-th eligible one of the population, who is then walked under the k-th random numbers
    of the trial. Who never reaches the state of randomisation does not enter, and leaves a gap in his block of the
    allocation.
    """

    def __init__(self, design: TrialDesign, program: Program | None = None) -> None:
        self.design = design
        self.program = program or _program(changed(load_scenario(_place(design), dict(design.set)), design))
        self.names = self.program.endpoints

    def conducted(self, design: TrialDesign) -> ModelSource:
        """The same patients under another conduct."""
        return ModelSource(design, self.program)

    def with_background(self, factor: float) -> ModelSource:
        """Patients whose hazard of death from other causes is so many times higher."""
        return ModelSource(self.design, _program(with_background(self.program.scenario, factor)))

    @cached_property
    def _rule(self) -> Node | None:
        where = f"{self.design.path}: eligible"
        return baseline_rule(self.program, self.design.eligible, where) if self.design.eligible else None

    @cached_property
    def _strata(self) -> list[Node]:
        where = f"{self.design.path}: design.strata"
        return [baseline_rule(self.program, rule, where) for rule in self.design.strata]

    @cached_property
    def _deaths(self) -> IntArray:
        states = self.program.flat.states
        return np.array([int(states[name].death is not None) for name in self.program.states], dtype=np.int64)

    def warm(self) -> None:
        """Compile or load kernels before several threads ask for them."""
        _ = self._rule, self._strata, self._deaths
        luck = np.full((1, 2, numbers.N_UNIFORMS), 0.5)
        numbers.fill_luck(0, 0, luck)
        compiled.walk(
            self.program, self.program.patients(0, 1, 0), 0, self.program.numbers()[0], 0, np.array([[0]]), BLOCK
        )
        self._entrants(0, 1, luck[0], self.program.numbers()[0], 0, null=False, both=True)

    def identity(self) -> list[object]:
        """The program as compiled, its parameters, and the files that they come from."""
        program = self.program
        packed = key_of(program.packed.m, program.packed.f, program.numbers())
        return [packed, evaluation_part(program, Sampling(), {}), list(program.scenario.uncertain)]

    def cohort(
        self, first: int, n_trials: int, n: int, luck: FloatArray, seed: int, *, drawn: bool, null: bool, both: bool
    ) -> Cohort:
        """Patients of trials first, first + 1, ..., as `Source.cohort`."""
        draws = self.program.sample(n_trials, seed, first) if drawn else None
        values = self.program.numbers(draws, first) if drawn else np.repeat(self.program.numbers(), n_trials, axis=0)
        found = [self._entrants(first + i, n, luck[i], values[i], seed, null=null, both=both) for i in range(n_trials)]

        def stacked(field: str) -> Any:
            return np.stack([getattr(each, field) for each, _ in found])

        def lives(prefix: str) -> Lives:
            time, event = stacked(f"{prefix}time") / self.design.years, stacked(f"{prefix}event")
            return Lives(
                {name: np.ascontiguousarray(time[:, :, e]) for e, name in enumerate(self.names)},
                {name: np.ascontiguousarray(event[:, :, e]) for e, name in enumerate(self.names)},
                stacked(f"{prefix}death") / self.design.years,
            )

        screened = sum(looked_at for _, looked_at in found)
        return Cohort(stacked("arm"), stacked("stratum"), lives(""), lives("other_") if both else None, screened)

    def courses(self, n: int, luck: FloatArray, values: FloatArray, seed: int) -> tuple[FloatArray, ...]:
        """Endpoints of the first `n` patients of trial 0 in the course of either arm, under given numbers.

        Returns
        -------
        tuple of ndarray
            Times (years) and events of each endpoint, then deaths, in the patients' own arms and in the other ones.
        """
        found, _ = self._entrants(0, n, luck, values, seed, null=False, both=True)
        return found[2:]

    def reached(self, n: int, seed: int) -> float:
        """Share of `n` eligible patients who reach randomisation, at the parameters' base values."""
        if not self.design.origin:
            return 1.0
        x, _ = self._eligible(0, 0, n, n, seed)
        values, arm, met = self.program.numbers()[0], np.zeros(BLOCK, np.int8), 0
        for begun in range(0, n, BLOCK):
            part = x[begun : begun + BLOCK]
            own = arm[: len(part)]
            found = self._walked(0, begun, part, own, own.astype(np.int32), values, seed, null=False, both=False)
            met += int((~np.isnan(found.time[:, 0])).sum())
        return met / n

    def _entrants(
        self, trial: int, n: int, luck: FloatArray, values: FloatArray, seed: int, *, null: bool, both: bool
    ) -> tuple[_Entrants, int]:
        """The first `n` patients of a trial who are randomised, and how many were looked at."""
        parts: list[_Entrants] = []
        strata = np.empty((1, 0), np.int32)
        place, entered = 0, 0
        while entered < n:
            begun, missing = strata.shape[1], n - entered
            x, place = self._eligible(trial, place, min(missing + (missing // 8 + 8 if begun else 0), BLOCK), n, seed)
            strata = np.concatenate([strata, self._strata_of(x)], axis=1)
            arm = self._arms(trial, strata, luck, seed)[begun:]
            part = self._walked(trial, begun, x, arm, strata[0, begun:], values, seed, null=null, both=both)
            reached = ~np.isnan(part.time[:, 0])
            entered += int(reached.sum())
            parts.append(_Entrants(*(column[reached] for column in part)))
            if strata.shape[1] > n / RAREST:
                raise InputError(
                    f"{self.design.path}: origin: fewer than {RAREST:.1%} of the patients reach state "
                    f"'{self.design.origin}', where they are randomised."
                )
        return _Entrants(*(np.concatenate(column)[:n] for column in zip(*parts, strict=True))), place

    def _eligible(self, trial: int, place: int, wanted: int, n: int, seed: int) -> tuple[FloatArray, int]:
        """Columns of the next eligible patients, and where to look for more."""
        found, count = [], 0
        while count < wanted:
            size = max(wanted - count, 64)
            x = self.program.patients(trial * STRIDE + place, size, seed)
            met = np.flatnonzero(self._meets(x))[: wanted - count]
            place += int(met[-1]) + 1 if count + len(met) == wanted else size
            found.append(x[met])
            count += len(met)
            if place > max(n / RAREST, 20_000) or place >= STRIDE - size:
                raise InputError(
                    f"{self.design.path}: eligible: fewer than {RAREST:.1%} of the patients meet "
                    f"'{self.design.eligible}'."
                )
        return np.concatenate(found), place

    def _meets(self, x: FloatArray) -> Any:
        """Whether patients are eligible."""
        if self._rule is None:
            return np.ones(len(x), bool)
        return meets(list(self.program.names.covariates), self._rule, x, f"{self.design.path}: eligible")

    def _strata_of(self, x: FloatArray) -> CountArray:
        """Stratum of each patient, (1, n): a bit for each rule that is met."""
        stratum = np.zeros((1, len(x)), np.int32)
        for bit, rule in enumerate(self._strata):
            met = meets(list(self.program.names.covariates), rule, x, f"{self.design.path}: design.strata")
            stratum[0] += (1 << bit) * met.astype(np.int32)
        return stratum

    def _arms(self, trial: int, strata: CountArray, luck: FloatArray, seed: int) -> CountArray:
        """Arms of all who have been allocated so far."""
        n = strata.shape[1]
        if n > len(luck):
            more = np.empty((1, n, numbers.N_UNIFORMS))
            numbers.fill_luck(seed, trial, more)
            luck = more[0]
        arm = np.empty((1, n), np.int8)
        chance = np.ascontiguousarray(luck[None, :n, numbers.ALLOCATION])
        allocate(*self.design.allocation, 1 << len(self._strata), chance, strata, arm)
        own: CountArray = arm[0]
        return own

    def _walked(
        self,
        trial: int,
        begun: int,
        x: FloatArray,
        arm: CountArray,
        stratum: CountArray,
        values: FloatArray,
        seed: int,
        *,
        null: bool,
        both: bool,
    ) -> _Entrants:
        """Patients number begun, begun + 1, ... of a trial, walked in their arms' courses."""
        course = np.zeros_like(arm) if null else arm
        other = course if null else 1 - course
        met = np.ascontiguousarray(np.stack([course, other], axis=1) if both else course[:, None], dtype=np.int64)
        h = compiled.walk(self.program, x, trial * STRIDE + begun, values, seed, met, BLOCK)
        shape = met.size, len(self.names)
        time, event, death = np.empty(shape), np.empty(shape, np.int8), np.empty(met.size)
        space, packed = own_workspace(self.program, BLOCK), self.program.packed
        read_endpoints(packed.m, packed.f, space.first_time, *h.arrays, self._deaths, time, event, death)
        mine, theirs = (slice(k, None, met.shape[1]) for k in (0, met.shape[1] - 1))
        courses = (a[part] for part in (mine, theirs) for a in (time, event, death))
        return _Entrants(arm, stratum, *courses)


def _program(scenario: Scenario) -> Program:
    program = compile_scenario(scenario)
    program.require_histories()
    return program


def _place(design: TrialDesign) -> str | Path:
    """The scenario: a file relative to the design's, of its folder or an allowed one, or a bundled name."""
    if not design.scenario.endswith(".toml"):
        return design.scenario
    beside = design.path.parent / design.scenario
    Reach.of(design.path).check(beside, design.scenario, f"{design.path}: scenario")
    return beside
