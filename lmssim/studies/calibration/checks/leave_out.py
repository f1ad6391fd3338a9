"""Each cohort predicted by a posterior that has not seen it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.published.predict import reader_of
from lmssim.studies.calibration.checks.predictive import predict_target
from lmssim.studies.calibration.result import COLUMNS, SCORE
from lmssim.studies.calibration.sampler import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.density import Density
    from lmssim.studies.calibration.sampler import Chains

STEPS = 600
FIRST = 40_000_000


def leave_out(
    density: Density,
    chains: Chains,
    n_rows: int,
    n_patients: int,
    seed: int,
    jobs: int,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Predictions of every fitted target by a posterior without its cohort.

    Parameters
    ----------
    density : Density
        Of all cohorts.
    chains : Chains
        Of all cohorts: where the walkers start.
    n_rows, n_patients : int
        Rows of each posterior at which the model is run, and patients of each.
    """
    problem = density.problem
    cohorts = list(dict.fromkeys(problem.rows[k].cohort_id for k in density.columns))
    rows: list[tuple[object, ...]] = []
    for i, cohort in enumerate(cohorts):
        if n_rows and len(cohorts) > 1:
            rows += _without(density, chains, cohort, n_rows, n_patients, (seed, i), jobs)
        if progress is not None:
            progress(i + 1, len(cohorts))
    return pd.DataFrame(rows, columns=[*COLUMNS["left_out"], *SCORE])


def _without(
    density: Density, chains: Chains, cohort: str, n_rows: int, n_patients: int, seed: tuple[int, int], jobs: int
) -> list[tuple[object, ...]]:
    problem = density.problem
    own = [k for k in density.columns if problem.rows[k].cohort_id == cohort]
    other = replace(density, columns=problem.fitted(without=cohort))
    found = sample(other, chains.z[:1, -1], chains.rows[:1], STEPS, STEPS, seed[0] + 100 + seed[1])
    z, held = found.last()
    chosen = np.linspace(0, len(z) - 1, min(n_rows, len(z))).astype(np.int64)
    z, held = z[chosen], held[chosen]
    wanted = {(problem.rows[k].series, problem.rows[k].target) for k in own}
    n_free = len(problem.free)
    draws = problem.draws(z[:, :n_free], held.astype(np.float64))
    predicted = reader_of(problem.run, problem.series, wanted).predict(draws, n_patients, seed[0], FIRST, jobs)
    taus: dict[str, FloatArray] = {tau.family: tau.at(z[:, n_free + k]) for k, tau in enumerate(problem.tau)}
    rows: list[tuple[object, ...]] = []
    for k in own:
        row = problem.rows[k]
        prediction = predict_target(row, k, predicted, taus[row.family], seed[0])
        observed = float(row.reading.observed or 0.0)
        rows.append(
            (
                cohort,
                row.target,
                observed,
                prediction.predicted,
                prediction.low,
                prediction.high,
                prediction.inside,
                prediction.width_ratio,
                prediction.predicted - observed,
                prediction.log_score,
                prediction.log_score_reference,
            )
        )
    return rows
