"""What a test of two arms gives, for each of many trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.errors import InputError, exact

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.kernels import FloatArray, IntArray


@dataclass(frozen=True)
class Comparison:
    """A test of each trial; NaN where its data hold nothing to compare, which no bound takes for a rejection.

    Attributes
    ----------
    test : str
        Name of the test.
    z : ndarray(float, ndim=1)
        Standard normal under the null hypothesis, positive where the experimental arm does better; (n_trials,).
    p : ndarray(float, ndim=1)
        One-sided p-value of the experimental arm doing better.
    estimate, se : ndarray(float, ndim=1)
        Effect on its scale, and its standard error.
    scale : str
        What the effect is, such as `log hazard ratio`.
    events : ndarray(int, ndim=1)
        Events of interest in both arms.
    """

    test: str
    z: FloatArray
    p: FloatArray
    estimate: FloatArray
    se: FloatArray
    scale: str
    events: IntArray

    def __len__(self) -> int:
        return len(self.z)

    @property
    def p_two_sided(self) -> FloatArray:
        """Two-sided p-value, twice the smaller tail."""
        doubled: FloatArray = 2.0 * np.minimum(self.p, 1.0 - self.p)
        return doubled

    def interval(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Confidence interval of the effect on its scale, `estimate` plus and minus its normal quantile of `se`."""
        width = quantile_of(level) * self.se
        return self.estimate - width, self.estimate + width

    def hazard_ratio(self, level: float = 0.95) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Hazard ratio and its interval.

        Raises
        ------
        InputError
            If the effect is none.
        """
        if self.scale != LOG_HAZARD_RATIO:
            raise InputError(f"hazard_ratio: test '{self.test}' gives no hazard ratio but a {self.scale}.")
        low, high = self.interval(level)
        return np.exp(self.estimate), np.exp(low), np.exp(high)

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row a trial: z, p, p_two_sided, estimate, se, low, high, events."""
        import pandas as pd

        low, high = self.interval(level)
        columns = {"z": self.z, "p": self.p, "p_two_sided": self.p_two_sided, "estimate": self.estimate, "se": self.se}
        return pd.DataFrame({"test": self.test} | columns | {"low": low, "high": high, "events": self.events})


LOG_HAZARD_RATIO = "log hazard ratio"


def quantile_of(level: float) -> float:
    """Normal quantile of a two-sided interval."""
    if not 0.0 < level < 1.0:
        raise InputError(f"level: {exact(level)} must be above 0 and below 1.")
    return float(special.ndtri(0.5 + 0.5 * level))


def upper_tail(z: FloatArray) -> FloatArray:
    """One-sided p-value of a standard normal."""
    p: FloatArray = special.ndtr(-z)
    return p


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Quotient, NaN where the lower part is not above 0."""
    quotient: FloatArray = np.divide(top, bottom, out=np.full(len(bottom), np.nan), where=bottom > 0.0)
    return quotient


def of_scores(test: str, u: FloatArray, v: FloatArray, events: IntArray, scale: str) -> Comparison:
    """Comparison of scores, negative where the experimental arm does better, and their variances.

    The effect is the one-step estimate, U / V with the standard error V ** -1/2.
    """
    z = -ratio(u, np.sqrt(v))
    z += 0.0  # no minus zero
    return Comparison(test, z, upper_tail(z), ratio(u, v), ratio(np.ones(len(v)), np.sqrt(v)), scale, events)
