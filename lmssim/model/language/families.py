"""The named hazard families: one stated parametrisation each, as in flexsurv, with the domain of its numbers.

Times are in years and rates per year; S is survival, H = -log S cumulative hazard, h its derivative.

=====================  ===============  ==============================  ====================  =========================
Name                   Parameters       S(t)                            H(t)                  h(t)
=====================  ===============  ==============================  ====================  =========================
exponential            rate             exp(-rate t)                    rate t                rate
weibull                shape, scale     exp(-(t/scale)^shape)           (t/scale)^shape       shape/scale
                                                                                              (t/scale)^(shape-1)
weibull_ph             shape, rate      exp(-rate t^shape)              rate t^shape          rate shape t^(shape-1)
gompertz               shape, rate      exp(-H)                         rate/shape            rate exp(shape t)
                                                                        (exp(shape t) - 1)
log_logistic           shape, scale     1/(1 + (t/scale)^shape)         log(1 +               shape/t (t/scale)^shape
                                                                        (t/scale)^shape)      / (1 + (t/scale)^shape)
log_normal             meanlog, sdlog   1 - Phi(z), z = (log t -        -log S                phi(z) / (sdlog t S)
                                        meanlog)/sdlog
gamma                  shape, rate      Q(shape, rate t)                -log S                rate^shape t^(shape-1)
                                                                                              exp(-rate t)
                                                                                              / (Gamma(shape) S)
generalised_gamma      mu, sigma, q     q > 0: Q(k, k e^(q w));         -log S                abs(q) u^k e^-u
                                        q < 0: P(k, k e^(q w));                               / (Gamma(k) sigma t S),
                                        q = 0: 1 - Phi(w)                                     u = k e^(q w)
piecewise_exponential  starts, rates    exp(-H)                         sum over intervals    rates[i] in interval i
                                                                        of rate x time spent
fixed                  delay            1 before delay, 0 from it on    0, then infinity      0, then infinity
=====================  ===============  ==============================  ====================  =========================

Phi and phi are the standard normal distribution and density; Q and P the regularised upper and lower incomplete gamma
functions; w = (log t - mu)/sigma and k = 1/q^2 (Prentice). A generalised gamma with q = 1 is a Weibull of shape
1/sigma and scale exp(mu), with q = sigma a gamma of shape 1/q^2, with q = 0 a log-normal. A Gompertz of shape 0 is
exponential; of negative shape it leaves a share exp(rate/shape) without the event. The first start of a piecewise
exponential is 0 and its last rate is held for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lmssim.kernels import families as codes

Values = Mapping[str, float | Sequence[float] | npt.NDArray[np.float64]]
"""Parameter values by name: a number, the list of a piecewise family, or an array of draws."""

_VECTORS = ("starts", "rates")


@dataclass(frozen=True)
class Family:
    """A hazard family: how it is named, coded and bounded."""

    name: str
    """Name in a model file."""
    code: int
    """Code in the kernels (`lmssim.kernels.families`)."""
    parameters: tuple[str, ...]
    """Parameter names, in the order of the kernels' `a`, `b`, `c`."""
    positive: tuple[str, ...] = ()
    """Parameters that must be above 0."""
    non_negative: tuple[str, ...] = ()
    """Parameters that may be 0 but not below."""

    def check(self, values: Values) -> str | None:
        """Say what is wrong with `values`, or None if they lie in the family's domain.

        Parameters
        ----------
        values : mapping of str to float or array
            A value for each parameter of the family; of an array, every element is checked.
        """
        return self._check_names(values) or self._check_numbers(values) or self._check_intervals(values)

    def _check_names(self, values: Values) -> str | None:
        if set(values) == set(self.parameters):
            return None
        wanted, given = ", ".join(self.parameters), ", ".join(sorted(values)) or "none"
        return f"{self.name} takes the parameters {wanted}; given: {given}"

    def _check_numbers(self, values: Values) -> str | None:
        for parameter in self.parameters:
            try:
                numbers = np.atleast_1d(np.asarray(values[parameter], dtype=np.float64))
            except (TypeError, ValueError):
                return f"{self.name}: {parameter} is {values[parameter]!r}, but must be a number or a list of numbers"
            for rule, wrong in self._rules(parameter, numbers):
                if wrong.any():
                    return f"{self.name}: {parameter} is {float(numbers[wrong][0])!r}, but must be {rule}"
        return None

    def _rules(self, parameter: str, numbers: npt.NDArray[np.float64]) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        rules = [("finite", ~np.isfinite(numbers))]
        if parameter in self.positive:
            rules.append(("greater than 0", numbers <= 0.0))
        if parameter in self.non_negative:
            rules.append(("0 or greater", numbers < 0.0))
        return rules

    def _check_intervals(self, values: Values) -> str | None:
        if self.parameters != _VECTORS:
            return None
        starts, rates = (np.atleast_1d(np.asarray(values[name], dtype=np.float64)) for name in _VECTORS)
        if starts.shape[-1] == 0 or starts.shape[-1] != rates.shape[-1]:
            n_starts, n_rates = starts.shape[-1], rates.shape[-1]
            return f"{self.name}: starts has {n_starts} and rates {n_rates} elements, but each start needs one rate"
        if (starts[..., 0] != 0.0).any():
            return f"{self.name}: starts begins with {float(starts[..., 0].max())!r}, but must begin with 0"
        if (np.diff(starts, axis=-1) <= 0.0).any():
            return f"{self.name}: starts is not ascending, but each start must be greater than the one before"
        return None


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("exponential", codes.EXPONENTIAL, ("rate",), non_negative=("rate",)),
        Family("weibull", codes.WEIBULL, ("shape", "scale"), positive=("shape", "scale")),
        Family("weibull_ph", codes.WEIBULL_PH, ("shape", "rate"), positive=("shape",), non_negative=("rate",)),
        Family("gompertz", codes.GOMPERTZ, ("shape", "rate"), non_negative=("rate",)),
        Family("log_logistic", codes.LOGLOGISTIC, ("shape", "scale"), positive=("shape", "scale")),
        Family("log_normal", codes.LOGNORMAL, ("meanlog", "sdlog"), positive=("sdlog",)),
        Family("gamma", codes.GAMMA, ("shape", "rate"), positive=("shape", "rate")),
        Family("generalised_gamma", codes.GENGAMMA, ("mu", "sigma", "q"), positive=("sigma",)),
        Family("piecewise_exponential", codes.PIECEWISE, ("starts", "rates"), non_negative=("starts", "rates")),
        Family("fixed", codes.FIXED, ("delay",), non_negative=("delay",)),
    )
}
