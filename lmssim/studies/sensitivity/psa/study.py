"""Run a probabilistic analysis: draws in stretches, kept as they come, then collected."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lmssim.execution.checkpoint import Checkpoint
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.plan import Plan, Precision, plan
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.simulate import Sampling
    from lmssim.studies.sensitivity.psa.collected import Collected

R = TypeVar("R", bound=ProbabilisticAnalysis)

RESULTS = "results.parquet"
CHECKPOINT = "checkpoint"
DEFAULT_DRAWS = DEFAULT_PATIENTS = 1_000


def run_psa(
    work: Work,
    folder: Path,
    *,
    resume: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilisticAnalysis:
    """Run draws, and collect what they give.

    Parameters
    ----------
    work : Work
        What to run; `validate` has been called.
    folder : Path
        Where results of every draw are written, and parts of the work are kept until it is done.
    resume : bool
        Whether parts that are there, of the same inputs, are used.
    progress : callable, optional
        Called with (draws done, draws in all).
    """
    checkpoint = Checkpoint(folder / CHECKPOINT, work.key(), resume=resume)
    path = folder / RESULTS
    collected = collect(work, work.parts(checkpoint, progress), path)
    return ProbabilisticAnalysis(work, collected, DrawnOutcomes(path, len(work.strategies)))


def planned(work: Work, precision: Precision) -> Plan:
    """Draws and patients that a precision takes, from a pilot (`lmssim.studies.sensitivity.psa.plan`)."""
    with tempfile.TemporaryDirectory(prefix="lmssim-psa-") as place:

        def run(pilot: Work) -> ProbabilisticAnalysis:
            path = Path(place) / RESULTS
            collected = collect(pilot, pilot.parts(), path)
            return ProbabilisticAnalysis(pilot, collected, DrawnOutcomes(path, len(pilot.strategies)))

        return plan(work, precision, run)


def compiled_work(
    scenario: Scenario | str | Path, sampling: Sampling, n_draws: int, *, new_setting: bool = False
) -> Work:
    """Work on a scenario, checked down to the last draw."""
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    work = Work(compile_scenario(loaded), sampling, n_draws, new_setting)
    work.validate()
    return work


def psa_in_memory(
    work: Work,
    kind: Callable[[Work, Collected, DrawnOutcomes], R],
    progress: Callable[[int, int], None] | None = None,
) -> R:
    """The same without a folder: results of every draw stand in a temporary file, for as long as the result lives.

    Parameters
    ----------
    work : Work
        What to run; `validate` has been called.
    kind : callable
        Class of the result.
    progress : callable, optional
        Called with (draws done, draws in all).
    """
    place = tempfile.TemporaryDirectory(prefix="lmssim-psa-")
    path = Path(place.name) / RESULTS
    collected = collect(work, work.parts(progress=progress), path)
    analysis = kind(work, collected, DrawnOutcomes(path, len(work.strategies)))
    weakref.finalize(analysis, place.cleanup)
    return analysis
