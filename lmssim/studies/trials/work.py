"""The work of simulated trials, in parts that a checkpoint can keep.

A simulated trial never stops: every analysis is computed, and rules of stopping are scored afterwards. What a part
holds of a trial depends on the number of that trial alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.execution.backends import THREADS, run_tasks
from lmssim.execution.checkpoint import Part, key_of
from lmssim.kernels.trials.luck import N_UNIFORMS, fill_luck
from lmssim.studies.trials.conduct.entry import assessed, crossed_over, data_of, dropout_times, entry_times
from lmssim.studies.trials.conduct.looks import closed_accrual, look_times, stopped_looks
from lmssim.studies.trials.conduct.readings import COLUMNS, SECONDARY, primary_readings, secondary_readings
from lmssim.studies.trials.design.reading import MOST_PATIENTS
from lmssim.studies.trials.sources.hazards import HazardSource
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.kernels import CountArray, FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign
    from lmssim.studies.trials.sources.lives import Cohort, Lives, Source
    from lmssim.trials.tests.data import TrialData

MOST_TRIALS = 1_000_000
LIVES = 100_000
"""Patients of a part, about."""
MOST_OF_A_PART = 1_000
"""Trials of a part."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class TrialWork:
    """Trials of a design.

    Attributes
    ----------
    design : TrialDesign
        What is simulated.
    source : Source
        Where its patients come from; `work_of` makes it.
    n_trials : int
        Trials 0, 1, ...
    sizes : tuple of int
        Numbers of patients: the smaller trials are the first patients of the largest.
    seed : int
        Of all random numbers.
    drawn : bool
        Whether each trial has parameters of its own draw, for assurance.
    null : bool
        Whether both arms follow the control arm's course, for type I error.
    """

    design: TrialDesign
    source: Source
    n_trials: int
    sizes: tuple[int, ...]
    seed: int = 1
    drawn: bool = False
    null: bool = False

    @property
    def largest(self) -> int:
        """Patients of the largest trial."""
        return max(self.sizes)

    @property
    def per_part(self) -> int:
        """Trials of a part."""
        return max(1, min(LIVES // self.largest, MOST_OF_A_PART))

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Endpoints beside the primary one."""
        return tuple(name for name in self.design.endpoints if name != self.design.primary)

    def key(self) -> str:
        """Hash of all that decides the parts, but for how many there are."""
        said = replace(self.design, path=Path(), settings={}, title="", description="", facts=(), value=None, rules=())
        return key_of(
            __version__,
            repr(said),
            self.source.identity(),
            self.sizes,
            self.seed,
            self.drawn,
            self.null,
            self.per_part,
        )

    # --- parts ---

    def parts(
        self,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[int, int], None] | None = None,
        *,
        backend: str = THREADS,
        jobs: int = 1,
    ) -> Iterator[Part]:
        """Parts in order of their trials: those that a checkpoint holds, and else made, and kept there.

        Arrays of a part: `looks` (n_trials, n_sizes, n_analyses, n_columns) with the columns of `COLUMNS`; `others`
        (n_trials, n_sizes, n_endpoints, n_columns) with those of `SECONDARY`; `stopped` (n_trials, n_sizes), whether
        accrual stopped the trial; `moved` (n_trials,), patients who crossed over; `screened` (1,).
        """
        starts = range(0, self.n_trials, self.per_part)
        held = {start: checkpoint.get(_name(start, self._size(start))) for start in starts} if checkpoint else {}
        missing = [start for start in starts if held.get(start) is None]
        if missing:
            self.source.warm()
        made = run_tasks(run_part, self, [(start, self._size(start)) for start in missing], backend=backend, jobs=jobs)
        done = 0
        for start in starts:
            part = held.get(start)
            if part is None:
                part = Part(next(made))
                if checkpoint is not None:
                    checkpoint.put(_name(start, self._size(start)), part)
            done += self._size(start)
            if progress is not None:
                progress(done, self.n_trials)
            yield part

    def _size(self, start: int) -> int:
        return min(self.per_part, self.n_trials - start)

    # --- trials ---

    def patients(self, first: int, n_trials: int, luck: FloatArray) -> tuple[Cohort, Lives, CountArray]:
        """Patients of trials, their lives as they are observed, and who crossed over."""
        design, rule = self.design, self.design.crossover
        cohort = self.source.cohort(
            first,
            n_trials,
            self.largest,
            luck,
            self.seed,
            drawn=self.drawn,
            null=self.null,
            both=rule is not None and rule.time_ratio is None,
        )
        lives, moved = crossed_over(design, cohort, luck)
        lives = assessed(lives, design.assessment)
        lost = dropout_times(design, luck)
        return cohort, lives if lost is None else lives.until(lost), moved

    def luck(self, first: int, n_trials: int) -> FloatArray:
        """Random numbers of the conduct of trials, (n_trials, n_patients, 8)."""
        luck = np.empty((n_trials, self.largest, N_UNIFORMS))
        fill_luck(self.seed, first, luck)
        return luck

    def example(self, first: int = 0, n_trials: int = 1, n: int | None = None) -> tuple[TrialData, FloatArray]:
        """Primary data of some trials as they stand at the last analysis, and when that is."""
        luck = self.luck(first, n_trials)
        cohort, lives, _ = self.patients(first, n_trials, luck)
        size = n or self.design.patients
        size = size if size in self.sizes else self.largest
        entry, _ = closed_accrual(self.design, entry_times(self.design, luck), size)
        data = data_of(self.design, cohort, lives, entry, self.design.primary, size)
        when = look_times(self.design, data)[0][:, -1]
        return data.at(when), when

    def followed(self, name: str, n_trials: int, analysis: int = 0) -> TrialData:
        """Data of an endpoint of the first trials at an analysis of each, from 1; at the last one if 0."""
        luck = self.luck(0, n_trials)
        cohort, lives, _ = self.patients(0, n_trials, luck)
        entry, _ = closed_accrual(self.design, entry_times(self.design, luck), self.largest)
        primary = data_of(self.design, cohort, lives, entry, self.design.primary, self.largest)
        when = look_times(self.design, primary)[0][:, analysis - 1]
        return data_of(self.design, cohort, lives, entry, name, self.largest).at(when)


def run_part(work: TrialWork, task: tuple[int, int]) -> dict[str, FloatArray | CountArray]:
    """Readings of some trials."""
    first, n_trials = task
    design, luck = work.design, work.luck(first, n_trials)
    cohort, lives, moved = work.patients(first, n_trials, luck)
    entry = entry_times(design, luck)
    looks = np.empty((n_trials, len(work.sizes), len(design.analyses), len(COLUMNS)))
    others = np.empty((n_trials, len(work.sizes), len(work.others), len(SECONDARY)))
    stopped = np.zeros((n_trials, len(work.sizes)), np.int8)
    for s, n in enumerate(work.sizes):
        closed, stopped[:, s] = closed_accrual(design, entry, n)
        data = data_of(design, cohort, lives, closed, design.primary, n)
        when, reached = stopped_looks(design, *look_times(design, data), stopped[:, s])
        for k in range(len(design.analyses)):
            looks[:, s, k, 0], looks[:, s, k, 1] = when[:, k], reached[:, k]
            looks[:, s, k, 2:] = primary_readings(design, data, when[:, k])
        for e, name in enumerate(work.others):
            spec = design.endpoints[name]
            cause = 1 if spec.death == "competing" or spec.competing else 0
            others[:, s, e] = secondary_readings(data_of(design, cohort, lives, closed, name, n), when[:, -1], cause)
    return {
        "looks": looks,
        "others": others,
        "stopped": stopped,
        "moved": moved.sum(axis=1, dtype=np.int64),
        "screened": np.array([cohort.screened], dtype=np.int64),
    }


def _name(first: int, n: int) -> str:
    return f"trials-{first}-{n}"


def source_of(design: TrialDesign) -> Source:
    """Where the patients of a design come from."""
    return ModelSource(design) if design.scenario else HazardSource(design)


def work_of(
    design: TrialDesign,
    n_trials: int,
    *,
    sizes: tuple[int, ...] = (),
    seed: int = 1,
    drawn: bool = False,
    null: bool = False,
) -> TrialWork:
    """Trials of a design, checked.

    Raises
    ------
    InputError
        If an argument is out of range, or patients cannot be made.
    """
    if not 1 <= n_trials <= MOST_TRIALS:
        raise InputError(f"trials: {n_trials} is not from 1 to {MOST_TRIALS:,}.")
    for n in sizes:
        if not 2 <= n <= MOST_PATIENTS:
            raise InputError(f"n: {n} is not from 2 to {MOST_PATIENTS:,}.")
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed: {seed} is not from 0 to {LARGEST_SEED}.")
    chosen = tuple(sorted({*sizes})) or (design.patients,)
    return TrialWork(design, source_of(design), n_trials, chosen, seed, drawn, null)
