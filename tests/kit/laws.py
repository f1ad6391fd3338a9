"""Hazards as a scenario file states them, and SciPy's own law of each."""

from __future__ import annotations

import math
from typing import Any

import scipy.stats

from tests.kit.models import exponential, law, weibull


def prentice(mu: float, sigma: float, q: float) -> Any:
    """Prentice's generalised gamma for q above 0."""
    return scipy.stats.gengamma(a=q**-2, c=q / sigma, scale=math.exp(mu) * q ** (2 * sigma / q))


LAWS: list[tuple[str, Any]] = [
    (exponential(0.25), scipy.stats.expon(scale=4)),
    (weibull(1.4, 6), scipy.stats.weibull_min(1.4, scale=6)),
    (weibull(0.7, 3), scipy.stats.weibull_min(0.7, scale=3)),
    (law("weibull_ph", shape=1.4, rate=0.08), scipy.stats.weibull_min(1.4, scale=0.08 ** (-1 / 1.4))),
    (law("gompertz", shape=0.15, rate=0.05), scipy.stats.gompertz(0.05 / 0.15, scale=1 / 0.15)),
    (law("log_logistic", shape=2.2, scale=5), scipy.stats.fisk(2.2, scale=5)),
    (law("log_normal", meanlog=1.1, sdlog=0.8), scipy.stats.lognorm(0.8, scale=math.exp(1.1))),
    (law("gamma", shape=2.5, rate=0.6), scipy.stats.gamma(2.5, scale=1 / 0.6)),
    (law("generalised_gamma", mu=1.2, sigma=0.7, q=0.5), prentice(1.2, 0.7, 0.5)),
]
"""Hazard and law of every family that has one in SciPy."""


def family_of(hazard: str) -> str:
    """Name of a hazard's family."""
    return hazard.split('"')[1]
