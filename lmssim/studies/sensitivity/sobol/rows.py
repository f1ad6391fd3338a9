"""Rows of the tables of a global sensitivity analysis; their columns are the fields, in this order."""

from __future__ import annotations

from typing import NamedTuple

from lmssim.economics.lead import Z975


class Share(NamedTuple):
    """An estimate with its standard error and 95% interval."""

    value: float
    se: float
    low: float
    high: float


def share_of(value: float, se: float, reach: float = Z975) -> Share:
    """An estimate with its interval, which reaches so many errors to either side."""
    return Share(value, se, value - reach * se, value + reach * se)


class SobolRow(NamedTuple):
    """Indices of a factor."""

    outcome: str
    rank: int
    factor: str
    label: str
    parameters: int
    first: float
    first_se: float
    first_low: float
    first_high: float
    total: float
    total_se: float
    total_low: float
    total_high: float
    interactions: float


class ScreeningRow(NamedTuple):
    """Elementary effects of a block."""

    outcome: str
    rank: int
    block: str
    label: str
    unit: str
    joint: str
    parameters: int
    mu_star: float
    mu_star_se: float
    mu_star_low: float
    mu_star_high: float
    mu: float
    mu_se: float
    sigma: float
    sigma_se: float
    patients: float


class ShapleyRow(NamedTuple):
    """Shapley effect of a part of a block."""

    outcome: str
    block: str
    rank: int
    part: str
    parameters: int
    effect: float
    effect_se: float
    effect_low: float
    effect_high: float


class CheckRow(NamedTuple):
    """Check of a surrogate."""

    outcome: str
    block: str
    terms: str
    r2: float
    first: float
    first_se: float
    share: float
