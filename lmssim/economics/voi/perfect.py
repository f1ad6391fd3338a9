"""Expected value of perfect information, and of perfect implementation, per patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lmssim.economics.voi.partial import clustered_error

if TYPE_CHECKING:
    from lmssim.economics.voi.draws import DecisionDraws
    from lmssim.kernels import FloatArray


class Valued(NamedTuple):
    """A value per patient with its Monte-Carlo error."""

    value: float
    se: float


class Perfect(NamedTuple):
    """Value of perfect information at a willingness to pay."""

    evpi: float
    se: float
    bias: float
    """What patient noise would add; NaN if the draws do not tell."""


def perfect_information(draws: DecisionDraws, wtp: float) -> Perfect:
    """Expected loss of the strategy that is optimal now, patient noise taken out where the draws tell it."""
    found = draws.acceptability.perfect_information(wtp)
    benefit = draws.benefit(wtp)
    loss = benefit.max(axis=1) - benefit[:, draws.acceptability.optimal(wtp)]
    bias = float("nan") if draws.noise is None else found.bias
    return Perfect(found.evpi, clustered_error(loss, draws.rows), bias)


def implementation(draws: DecisionDraws, wtp: float, shares: FloatArray) -> Valued:
    """Value of perfect implementation: what today's use loses against the strategy that is optimal now.

    Parameters
    ----------
    shares : ndarray(float, ndim=1)
        (n_strategies,): share of patients who get each strategy today; they add up to 1.
    """
    benefit = draws.benefit(wtp)
    lost = benefit[:, draws.acceptability.optimal(wtp)] - benefit @ shares
    return Valued(float(lost.mean()), clustered_error(lost, draws.rows))
