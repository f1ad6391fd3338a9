"""Checks of the hazard families in use: sampled times against SciPy, and families written as cases of larger ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from lmssim.errors import NotApplicableError
from lmssim.kernels.families import inverse_cumulative_hazard
from lmssim.model import edits
from lmssim.model.compile import compile_scenario
from lmssim.model.language.families import FAMILIES
from lmssim.model.language.schema import Hazard, State, Transition
from lmssim.studies.verify.bench import OUTCOMES, Bench, constant, live, strategy_values
from lmssim.studies.verify.chance import CUTS, shares
from lmssim.studies.verify.finding import Finding, compare, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario

LONGEST = 200.0
"""Years after which a sampled time is cut: the longest horizon a scenario may have."""
BUDGETS = np.geomspace(1e-6, 20.0, 60)
"""Unit-exponential budgets at which quantiles are compared."""
NUMBERS = ("rate", "shape", "scale", "meanlog", "sdlog", "mu", "sigma", "q", "delay", "cure")
NESTED_ERROR = 1e-6
"""Accepted relative difference between a family and the larger one it is written in: inverses are iterative."""


@dataclass(frozen=True)
class Sampled:
    """A hazard whose numbers depend on parameters alone."""

    hazard: Hazard
    where: dict[str, str]

    @property
    def survival(self) -> Callable[[Any], Any]:
        """Survival by SciPy, or by the definition where it has no such family."""
        h, cure = self.hazard, float(self.hazard.cure or 0.0)
        survive = REFERENCES[h.family](h)
        return lambda t: cure + (1.0 - cure) * survive(t)


def _generalised_gamma(h: Any) -> Callable[[Any], Any]:
    if h.q == 0.0:
        return lambda t: stats.lognorm.sf(t, h.sigma, scale=math.exp(h.mu))
    k = 1.0 / h.q**2
    scale = math.exp(h.mu) * k ** (-h.sigma / h.q)
    return lambda t: stats.gengamma.sf(t, k, h.q / h.sigma, scale=scale)


def _gompertz(h: Any) -> Callable[[Any], Any]:
    if h.shape == 0.0:
        return _exponential(h.rate)
    if h.shape < 0.0:
        return lambda t: np.exp(-h.rate * np.expm1(h.shape * np.asarray(t)) / h.shape)
    return lambda t: stats.gompertz.sf(t, h.rate / h.shape, scale=1.0 / h.shape)


def _piecewise(h: Any) -> Callable[[Any], Any]:
    starts, rates = np.array(h.starts), np.array(h.rates)
    widths = np.diff(np.append(starts, np.inf))

    def survive(t: Any) -> Any:
        spent = np.clip(np.asarray(t, dtype=np.float64)[..., None] - starts, 0.0, widths)
        return np.exp(-(spent * rates).sum(axis=-1))

    return survive


def _exponential(rate: float) -> Callable[[Any], Any]:
    return np.ones_like if rate == 0.0 else (lambda t: stats.expon.sf(t, scale=1.0 / rate))


REFERENCES: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "exponential": lambda h: _exponential(h.rate),
    "weibull": lambda h: lambda t: stats.weibull_min.sf(t, h.shape, scale=h.scale),
    "weibull_ph": lambda h: lambda t: np.exp(-h.rate * np.asarray(t) ** h.shape),
    "gompertz": _gompertz,
    "log_logistic": lambda h: lambda t: stats.fisk.sf(t, h.shape, scale=h.scale),
    "log_normal": lambda h: lambda t: stats.lognorm.sf(t, h.sdlog, scale=math.exp(h.meanlog)),
    "gamma": lambda h: lambda t: stats.gamma.sf(t, h.shape, scale=1.0 / h.rate),
    "generalised_gamma": _generalised_gamma,
    "piecewise_exponential": _piecewise,
    "fixed": lambda h: lambda t: np.where(np.asarray(t) < h.delay, 1.0, 0.0),
}
"""Survival of each family, from its numbers."""


def sampled_hazards(scenario: Scenario) -> list[Sampled]:
    """Hazards that differ, with their numbers in the base case."""
    values = strategy_values(scenario, scenario.comparator)
    found: dict[str, Sampled] = {}
    for t in scenario.file.transitions:
        hazard = None if t.hazard is None else _with_numbers(t.hazard, values)
        if hazard is not None:
            where = {"transition": t.name or t.to or str(t.mark), "family": hazard.family}
            found.setdefault(hazard.model_dump_json(), Sampled(hazard, where))
    return list(found.values())


def _with_numbers(hazard: Hazard, values: dict[str, float]) -> Hazard | None:
    """Hazard with the numbers of its expressions, on the clock of entry; None if they depend on the patient."""
    update: dict[str, Any] = {"clock": "entry", "default_origin": None}
    for name in NUMBERS:
        given = getattr(hazard, name)
        if given is not None:
            update[name] = constant(given, values)
    if hazard.rates is not None:
        update["rates"] = [constant(rate, values) for rate in hazard.rates]
    if None in [update[n] for n in update if n in NUMBERS] or None in update.get("rates", []):
        return None
    return hazard.model_copy(update=update)


def one_transition(scenario: Scenario, hazard: Hazard) -> Scenario:
    """A model of one transition: everybody starts in one state and leaves it for the other by the hazard."""
    states = {"here": State(initial=True), "gone": State(kind="absorbing", death="other")}
    leaving = Transition.model_validate({"from": "here", "to": "gone", "hazard": hazard})
    return edits.bare_model(scenario, LONGEST, states, [leaving])


def sampled_times(bench: Bench, hazard: Hazard) -> FloatArray:
    """Times that the engine samples from a hazard, cut at the longest horizon."""
    program = compile_scenario(one_transition(bench.scenario, hazard))
    times: FloatArray = live(program, bench.engine, 0, bench.n_lives, bench.sampling.seed).life_years[:, 0]
    return times


@check(
    "sampled-quantiles",
    "event/state",
    "Times are sampled from the quantiles of each hazard's distribution",
    scope=Scope.INPUTS,
)
def quantiles_match(bench: Bench) -> Finding:
    """SciPy's survival at the times to which the kernels turn unit-exponential budgets, against that of the budget."""
    findings = []
    for each in sampled_hazards(bench.scenario):
        if each.hazard.family not in ("fixed", "piecewise_exponential"):
            times = _times_of(each.hazard, BUDGETS)
            known = np.isfinite(times)
            survival = REFERENCES[each.hazard.family](each.hazard)(times[known])
            expected = np.exp(-BUDGETS[known])
            where = [each.where | {"time": f"{t:.4g}"} for t in times[known]]
            if where:  # nothing happens at a rate of 0
                findings.append(compare(survival, "equal to", expected, NESTED_ERROR * expected, where, "quantiles"))
    return worst_of(findings)


def _times_of(hazard: Hazard, budgets: FloatArray) -> FloatArray:
    """Times at which the cumulative hazard reaches some budgets, by the kernels."""
    family = FAMILIES[hazard.family]
    numbers = [float(getattr(hazard, name)) for name in family.parameters]
    a, b, c = [*numbers, 0.0, 0.0][:3]
    return np.array([inverse_cumulative_hazard(family.code, h, a, b, c) for h in budgets.tolist()])


@check(
    "sampled-times",
    "event/state",
    "Times sampled from each hazard follow its distribution",
    scope=Scope.LIVES,
)
def sampled_times_match(bench: Bench) -> Finding:
    """Shares of sampled times beyond some times, against SciPy's survival there: they have binomial errors."""
    counts, survival, where = [], [], []
    for each in sampled_hazards(bench.scenario):
        times, cuts = sampled_times(bench, each.hazard), cut_times(each.survival)
        counts += [float((times > t).sum()) for t in cuts]
        survival += list(each.survival(cuts))
        where += [each.where | {"time": f"{t:.4g}"} for t in cuts]
    return shares(counts, "equal to", survival, bench.n_lives, where, "shares")


def cut_times(survival: Callable[[Any], Any]) -> FloatArray:
    """Times, before the longest horizon, at which survival is about 1 less `CUTS`, and its start and end."""
    fine = np.geomspace(1e-6, 0.999 * LONGEST, 4_000)
    fallen = 1.0 - survival(fine)
    wanted = np.minimum(np.searchsorted(fallen, CUTS), len(fine) - 1)
    cuts: FloatArray = np.unique(fine[[0, *wanted, len(fine) - 1]])
    return cuts


def _nested(bench: Bench, family: str) -> Finding:
    changed = bench.edited((edits.in_family, family))
    n = sum(a != b for a, b in zip(changed.file.transitions, bench.scenario.file.transitions, strict=True))
    if not n:
        raise NotApplicableError(f"no hazard of the model is written as a special case of the {family}")
    few = bench.n_few
    expected, written = bench.mean(n_patients=few), bench.mean((edits.in_family, family), n_patients=few)
    tolerance = NESTED_ERROR * np.maximum(np.abs(expected), 1e-3)
    return compare(written, "equal to", expected, tolerance, bench.grid(OUTCOMES))


@check("nested-exponential", "inputs", "Every exponential, written as a Weibull of shape 1, gives the same results")
def exponential_is_weibull(bench: Bench) -> Finding:
    """All outcomes, with the same random numbers."""
    return _nested(bench, "weibull")


@check(
    "nested-generalised-gamma",
    "inputs",
    "Every Weibull, gamma and log-normal, written as a generalised gamma, gives the same results",
)
def generalised_gamma_is_larger(bench: Bench) -> Finding:
    """All outcomes, with the same random numbers."""
    return _nested(bench, "generalised gamma")
