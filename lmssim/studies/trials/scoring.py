"""Rules of stopping, scored on trials whose every analysis was computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.studies.trials.design.objects import Rule

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.studies.trials.design.objects import TrialDesign

SUCCESS, FAILURE, HARM = 1, 0, -1
"""What a trial says: the experimental arm is better (or not worse than the margin), nothing, it is worse."""
AS_DESIGNED, NO_FUTILITY, ONE_ANALYSIS = "as designed", "futility ignored", "final analysis alone"


@dataclass(frozen=True)
class Scored:
    """How trials end under a rule, (n_trials,) each array.

    Attributes
    ----------
    look : ndarray(int, ndim=1)
        Analysis at which the trial ends, from 0.
    verdict : ndarray(int, ndim=1)
        `SUCCESS`, `FAILURE` or `HARM`.
    """

    rule: Rule
    look: IntArray
    verdict: IntArray

    @property
    def success(self) -> FloatArray:
        """1 where the trial shows what it is to show, else 0."""
        won: FloatArray = (self.verdict == SUCCESS).astype(np.float64)
        return won


def rules_of(design: TrialDesign) -> list[Rule]:
    """Rules that are scored: the design's, the same without futility, one analysis at full level, further ones."""
    planned = design.sequential
    low = (*planned.futility[:-1], -np.inf)
    found = [Rule(AS_DESIGNED, planned.efficacy, low)]
    if np.isfinite(low).any():
        found.append(Rule(NO_FUTILITY, planned.efficacy, (-np.inf,) * planned.looks))
    if planned.looks > 1:
        alone = (*(np.inf,) * (planned.looks - 1), fixed_bound(design))
        found.append(Rule(ONE_ANALYSIS, alone, (-np.inf,) * planned.looks))
    return [*found, *design.rules]


def fixed_bound(design: TrialDesign) -> float:
    """Bound on Z of a single analysis at the design's level."""
    from scipy.special import ndtri

    return float(-ndtri(design.sequential.alpha / design.sequential.sides))


def scored(rule: Rule, looks: FloatArray, stopped: IntArray, *, z: int, estimate: int, sides: int) -> Scored:
    """Score trials of one size.

    Parameters
    ----------
    looks : ndarray(float, ndim=3)
        (n_trials, n_analyses, n_columns).
    stopped : ndarray(int, ndim=1)
        Trials that accrual stopped: they end at the first analysis that follows, without success.
    z, estimate : int
        Columns of Z and of the log hazard ratio.
    sides : int
        2 if a trial also ends for harm.

    Notes
    -----
    A Z that cannot be computed rejects nothing and stops nothing.
    """
    n_trials, n_looks = looks.shape[:2]
    look = np.full(n_trials, n_looks - 1, np.int64)
    verdict = np.full(n_trials, FAILURE, np.int64)
    going = np.ones(n_trials, bool)
    for k in range(n_looks):
        values = looks[:, k, z]
        better, worse = going & (values >= rule.efficacy[k]), going & (values <= -rule.efficacy[k])
        futile = going & (values < rule.futility[k]) & (k < n_looks - 1)
        if rule.hazard_ratio_above is not None and k < n_looks - 1:
            futile |= going & (looks[:, k, estimate] > np.log(rule.hazard_ratio_above))
        closed = going & (stopped != 0)
        better, worse = better & ~closed, worse & ~closed
        verdict[better] = SUCCESS
        if sides == 2:
            verdict[worse & ~better] = HARM
        ends = better | closed | (futile & ~better) | (worse if sides == 2 else False)
        look[ends] = k
        going &= ~ends
    return Scored(rule, look, verdict)
