"""Decisions by a test: what a rule that adopts the new strategy only at a significance level is worth.

A test at 2.5% protects those who are treated now; it does not ask what a wrong rejection costs. The same trials tell
what decisions at any level gain, beside decisions by expected net benefit, which no rule can exceed.

References
----------
Claxton K. The irrelevance of inference: a decision-making approach to the stochastic evaluation of health care
technologies. J Health Econ 18:341-364, 1999. doi:10.1016/S0167-6296(98)00039-3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from lmssim.economics.voi.partial import replicated
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.voi.basis import MaskArray
    from lmssim.economics.voi.trial.value import TrialInformation
    from lmssim.kernels import FloatArray

ALPHAS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
BY_VALUE = "expected net benefit"


class AdoptionRow(NamedTuple):
    """Value of a rule of adoption, per patient, beyond the best strategy now."""

    size: int
    rule: str
    alpha: float
    """One-sided; NaN of the rule that takes the greatest expected net benefit."""
    adopted: float
    """Share of trials after which the new strategy is used."""
    value: float
    """May be below 0: the rule may be worse than no trial."""
    se: float
    lost: float
    """Against the greatest expected net benefit."""
    lost_se: float


def significant(z: FloatArray, alpha: float) -> MaskArray:
    """Whether a statistic that is normal under no effect speaks for the new arm; NaN does not."""
    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha: {alpha:g} must be above 0 and below 1 (one-sided).")
    found: MaskArray = z >= -ndtri(alpha)  # a comparison with NaN is false
    return found


def adoption_rules(
    information: TrialInformation,
    z: Sequence[FloatArray],
    new: int,
    standard: int,
    alphas: Sequence[float] = ALPHAS,
) -> Iterator[AdoptionRow]:
    """Rules of every size: adopt the new strategy if the test is significant, else the standard one.

    Parameters
    ----------
    z : sequence of ndarray(float, ndim=1)
        (n_draws,) of each size: statistic, positive in favour of the new arm; NaN of a trial that gave none, which
        adopts nothing.
    new, standard : int
        Strategies.
    alphas : sequence of float
        One-sided significance levels.
    """
    gain = information.gain
    draws = np.arange(len(gain.values))
    for k, size in enumerate(information.sizes):
        best = information.found[k]
        share = float((information.chosen[k] == new).mean())
        yield AdoptionRow(size, BY_VALUE, float("nan"), share, best.evppi, best.se, 0.0, 0.0)
        for alpha in alphas:
            adopted = significant(z[k], alpha)
            got = gain.values[draws, np.where(adopted, new, standard)]
            value = float(got.mean() - gain.values.mean(axis=0).max())
            chance = replicated(got, gain.values, gain.chance)
            error, apart = float(chance.std(ddof=1)), float((best.replicates - chance).std(ddof=1))
            lost = best.evppi - value
            yield AdoptionRow(size, f"test at {alpha:g}", alpha, float(adopted.mean()), value, error, lost, apart)
