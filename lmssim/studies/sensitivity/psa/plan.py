"""How many draws, and patients in each, a stated precision takes: planned from a small pilot, and said beforehand.

The error of a mean over D draws of P patients each is sqrt((a + w / P) / D), with a the variance between the
expectations of draws and w that between patients within a draw. A draw costs some patients' worth by itself, c, so that
of all pairs with the same error P = sqrt(c w / a) is the cheapest. Nothing in a plan depends on the clock but the
seconds that it announces.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.cea import FRONTIER, frontier
from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.psa.result import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
    from lmssim.studies.sensitivity.psa.work import Work

KINDS = {
    "inmb": "standard error of every incremental net benefit, in the scenario's currency",
    "icer": "standard error of every ICER on the frontier, as a share of it",
    "ceac": "standard error of every probability of being optimal",
}
"""What a precision may be stated of."""
PILOT = 100
"""Draws of the pilot, and patients of each."""
DRAW_COST = 50.0
"""Patients that take as long as what a draw costs by itself."""
ALLOWANCE = 1.2
"""Factor on variances for the pilot's own error."""
FEWEST_PATIENTS, MOST_PATIENTS = 20, 10_000
FEWEST_DRAWS, MOST_DRAWS = 100, 1_000_000
MOST_LIVES = 10**10
"""Lives of a plan."""
LARGEST = 1e15
"""Error of a net benefit that may be asked for."""
NOISE_SHARE = 0.1
"""Of the variance between draws of an incremental net benefit, patient noise up to which probabilities are right."""


class Precision(NamedTuple):
    """A standard error that is asked for, and what it is of."""

    kind: str
    error: float

    def __str__(self) -> str:
        return f"{self.kind}:{self.error:g}"


def precision_of(text: str) -> Precision:
    """Precision as `inmb:500`, `icer:0.01` or `ceac:0.01`.

    Raises
    ------
    InputError
        If it is none of these.
    """
    kind, separator, number = (part.strip() for part in text.partition(":"))
    forms = "inmb:500, icer:0.01 or ceac:0.01"
    if not separator or not number:
        raise InputError(f"--precision {text}: is not of the form {forms}.")
    if kind not in KINDS:
        raise InputError(unknown("quantity", kind, KINDS, "--precision"))
    if not re.fullmatch(r"([0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})([eE][+-]?[0-9]{1,2})?", number) or not (
        0.0 < float(number) <= (LARGEST if kind == "inmb" else 0.5)
    ):
        most = "" if kind == "inmb" else " and at most 0.5"
        raise InputError(f"--precision {text}: '{number}' is not a number above 0{most}; give {forms}.")
    return Precision(kind, float(number))


class Part(NamedTuple):
    """A mean whose error is asked for: the variances of its parts, and the error."""

    between: float
    within: float
    error: float

    def draws(self, patients: float) -> float:
        """Draws that it takes, of so many patients each."""
        return ALLOWANCE * (self.between + self.within / patients) / self.error**2


@dataclass(frozen=True)
class Plan:
    """Draws and patients, and what they take.

    Attributes
    ----------
    precision : Precision
        What was asked for.
    n_draws, n_patients : int
        Draws, and patients of each; 0 patients where draws are solved.
    n_strategies : int
        Strategies that each patient meets.
    seconds : float
        About how long, as the pilot went.
    """

    precision: Precision
    n_draws: int
    n_patients: int
    n_strategies: int
    seconds: float

    @property
    def lives(self) -> int:
        """Lives in all; of an exact solution, solutions."""
        return self.n_draws * max(self.n_patients, 1) * self.n_strategies

    def applied(self, work: Work) -> Work:
        """The work that is planned."""
        sampling = replace(work.sampling, n_patients=self.n_patients) if self.n_patients else work.sampling
        return replace(work, n_draws=self.n_draws, sampling=sampling)

    def sentence(self) -> str:
        """What it takes, to be said beforehand."""
        each = f" x {self.n_patients:,} patients" if self.n_patients else ""
        what = "lives" if self.n_patients else "solutions"
        return (
            f"Precision {self.precision} takes {self.n_draws:,} draws{each} x {self.n_strategies} strategies = "
            f"{self.lives:,} {what}, about {_duration(self.seconds)}."
        )


def _duration(seconds: float) -> str:
    if seconds < 120.0:
        return f"{max(seconds, 2.0):.0f} seconds"
    return f"{seconds / 60.0:.0f} minutes" if seconds < 7_200.0 else f"{seconds / 3_600.0:.1f} hours"


def plan(work: Work, precision: Precision, run: Callable[[Work], ProbabilisticAnalysis]) -> Plan:
    """Plan draws and patients from a pilot.

    Parameters
    ----------
    work : Work
        What is to be run; its numbers of draws and patients do not matter.
    run : callable
        Runs the pilot.

    Raises
    ------
    InputError
        If there is nothing to be precise about, or the plan would be too large; the message says what it would take.
    """
    pilot = replace(work, n_draws=PILOT, sampling=replace(work.sampling, n_patients=PILOT))
    if work.shares_patients:
        raise InputError(
            f"--precision {precision}: plans draws with patients of their own; leave --random-numbers common out."
        )
    run(replace(pilot, n_draws=2))  # so that kernels are there when the time is taken
    began = time.perf_counter()
    found = run(pilot)
    seconds = time.perf_counter() - began
    parts = list(_parts(found, precision))
    if not parts:
        raise InputError(f"--precision {precision}: {_nothing(found, precision)}.")
    patients = 0 if work.exact else _patients(parts, precision)
    draws = max(math.ceil(max(part.draws(patients or math.inf) for part in parts)), FEWEST_DRAWS)
    draws = _rounded_up(draws)
    share = (DRAW_COST + patients) / (DRAW_COST + PILOT) if patients else 1.0
    planned = Plan(precision, draws, patients, len(work.strategies), seconds * draws / PILOT * share)
    if draws > MOST_DRAWS or planned.lives > MOST_LIVES:
        raise InputError(
            f"--precision {precision}: {planned.sentence().partition(' ')[2].partition(' ')[2]} At most {MOST_DRAWS:,} "
            f"draws and {MOST_LIVES:,} lives are allowed: ask for less."
        )
    return planned


def _rounded_up(draws: int) -> int:
    """To two significant digits."""
    unit: int = 10 ** max(len(str(draws)) - 2, 0)
    return -(-draws // unit) * unit


def _nothing(found: ProbabilisticAnalysis, precision: Precision) -> str:
    if len(found.strategies) < 2:
        return "there is one strategy, so nothing to compare it with"
    if precision.kind == "icer":
        return "one strategy is best at any willingness to pay, so that there is no ICER"
    return "no strategies differ in any draw"


def _patients(parts: list[Part], precision: Precision) -> int:
    """Patients of a draw: the cheapest for the mean that takes most draws; for probabilities, enough to tell draws."""
    if precision.kind == "ceac":
        wanted = max(part.within / max(part.between, 1e-300) for part in parts) * (1.0 / NOISE_SHARE - 1.0)
    else:
        most = max(parts, key=lambda part: part.draws(PILOT))
        wanted = math.sqrt(DRAW_COST * most.within / max(most.between, 1e-300))
    return _rounded_up(math.ceil(min(max(wanted, FEWEST_PATIENTS), MOST_PATIENTS)))


def _parts(found: ProbabilisticAnalysis, precision: Precision) -> Iterator[Part]:
    wtps = [wtp for wtp in found.scenario.file.settings.wtp if wtp > 0.0] or list(ALWAYS)
    if precision.kind == "inmb":
        c = found.strategies.index(found.comparator)
        others = [s for s in range(len(found.strategies)) if s != c]
        parts = (_part(found, _benefit(found, wtp, s, c), precision.error) for wtp in wtps for s in others)
    elif precision.kind == "icer":
        parts = (_part(found, weights, precision.error * size) for weights, size in _ratios(found))
    else:
        parts = (part for wtp in wtps for part in _probabilities(found, wtp, precision.error))
    return (part for part in parts if part.between > 0.0 or part.within > 0.0)


def _part(found: ProbabilisticAnalysis, weights: FloatArray, error: float) -> Part:
    """Variances of a linear combination of costs and QALYs."""
    total = float((found.collected.both @ weights).var(ddof=1))
    noise = float(weights @ found.collected.pair.noise @ weights)
    return Part(max(total - noise, 0.0), noise * PILOT, error)


def _benefit(found: ProbabilisticAnalysis, wtp: float, s: int, c: int) -> FloatArray:
    """Weights of costs and QALYs in the increment of net benefit."""
    n = len(found.strategies)
    weights = np.zeros(2 * n)
    weights[[s, c]], weights[[n + s, n + c]] = (-1.0, 1.0), (wtp, -wtp)
    return weights


def _ratios(found: ProbabilisticAnalysis) -> Iterator[tuple[FloatArray, float]]:
    """Of each ICER on the frontier: what its error comes from, and the incremental cost that it is a share of."""
    cost, effect = (each.mean(axis=0) for each in (found.acceptability.cost, found.acceptability.effect))
    for row in frontier(cost.tolist(), effect.tolist()):
        if row.status == FRONTIER and row.reference is not None:
            s, c = (found.strategies.index(found.choices[k]) for k in (row.strategy, row.reference))
            yield _benefit(found, row.icer, s, c), float(cost[row.strategy] - cost[row.reference])


def _probabilities(found: ProbabilisticAnalysis, wtp: float, error: float) -> Iterator[Part]:
    """Of each choice that may be optimal: a share has the variance p (1 - p); patients as they tell draws apart.

    `within` is in units of that variance, as the noise is of the variance between draws.
    """
    best = found.acceptability.optimal(wtp)
    for k, p in enumerate(found.acceptability.ceac(wtp).tolist()):
        if k != best and p >= 1.0 / PILOT:
            s, c = (found.strategies.index(found.choices[each]) for each in (k, best))
            part = _part(found, _benefit(found, wtp, s, c), error)
            near = (p * PILOT + 2.0) / (PILOT + 4.0)
            variance = near * (1.0 - near)
            yield Part(variance, variance * part.within / max(part.between, 1e-300), error)


def largest_error(found: ProbabilisticAnalysis, precision: Precision) -> float:
    """The largest error that was reached, as the precision states it."""
    wtps = [wtp for wtp in found.scenario.file.settings.wtp if wtp > 0.0] or list(ALWAYS)
    if precision.kind == "inmb":
        others = [s for s in found.strategies if s != found.comparator]
        return max(found.incremental_net_benefit(s, wtp).se for s in others for wtp in wtps)
    if precision.kind == "ceac":
        decision = found.acceptability
        return max(float(decision.probability_error(decision.ceac(wtp)).max()) for wtp in wtps)
    errors = []
    for weights, size in _ratios(found):
        values = found.collected.both @ weights
        errors.append(float(values.std(ddof=1) / math.sqrt(len(values))) / size)
    return max(errors, default=0.0)
