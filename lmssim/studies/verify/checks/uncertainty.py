"""Checks of uncertainty and of chance: distributions, parameter draws, random numbers, and which of them are common."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from lmssim.errors import InputError, NotApplicableError, UnsupportedError
from lmssim.evaluation import evaluate
from lmssim.kernels.philox import STREAM_LUCK, address_of, fill_uniforms
from lmssim.model import edits
from lmssim.model.language.expression import Name
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.population.joint import Population
from lmssim.model.population.strata import MixedPopulation
from lmssim.studies.verify.bench import (
    COST,
    COST_PLAIN,
    LY,
    LY_PLAIN,
    N_DRAWS,
    OUTCOMES,
    QALY,
    QALY_PLAIN,
    Bench,
    outcomes,
)
from lmssim.studies.verify.chance import CUTS, at_cuts, by_chance, least_p, shares
from lmssim.studies.verify.finding import EXACT, Finding, compare, places, verdict, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.parameter import Parameter
    from lmssim.model.population.joint import Covariate

MANY = 4_000
"""Draws of a parameter, or patients of a population, where a mean is tested."""
FINE = 10_000
"""Points at which a quantile function is integrated: their error is far below that of `MANY` draws."""
OUTSIDE = 1e-4
"""Probability with which a distribution may leave the range its parameter must have."""
APART = 0.10
"""Relative difference of the mean over draws from the base case beyond which the reader is warned."""
DECIMALS = 9
"""Decimals to which outcomes are compared in rank: the rest may be rounding."""
CLIPPED = 1e-9
"""Accepted difference of correlations by rounding."""
RANGES = {
    "probability": (0.0, 1.0),
    "utility": (-1.0, 1.0),
    "loss": (0.0, 2.0),
    "share of utility": (0.0, 1.0),
    "cost": (0.0, np.inf),
    "time": (0.0, np.inf),
    "multiplier": (0.0, np.inf),
}
SUITED = {
    "probability": ("beta", "uniform", "triangular"),
    "utility": ("beta", "uniform", "triangular"),
    "loss": ("beta", "uniform", "triangular", "gamma", "lognormal"),
    "share of utility": ("beta", "uniform", "triangular", "gamma", "lognormal"),
    "cost": ("gamma", "lognormal", "uniform", "triangular"),
    "ratio": ("lognormal", "gamma", "uniform", "triangular"),
}
"""Distributions that keep to the range of what they stand for."""


def _own(bench: Bench) -> list[Parameter]:
    """Uncertain parameters with a distribution of their own."""
    grouped = {member for group in bench.scenario.groups.values() for member in group.members}
    found = [bench.scenario.table[id_] for id_ in bench.uncertain if id_ not in grouped]
    if not found:
        raise NotApplicableError("no parameter has a distribution of its own")
    return found


def _uses(bench: Bench) -> list[tuple[Parameter, str]]:
    """Uncertain parameters that stand alone where a probability, a cost and so on is asked for, and what that is."""
    own = {p.id: p for p in _own(bench)}
    found = {}
    for slot in bench.program.rows.slots:
        if isinstance(slot.node, Name) and slot.node.name in own and slot.check in RANGES:
            found[slot.node.name, slot.check] = (own[slot.node.name], slot.check)
    return list(found.values())


@check("domain", "uncertainty", "Distributions stay within the range of what they stand for", scope=Scope.INPUTS)
def distributions_stay_in_range(bench: Bench) -> Finding:
    """Probability of leaving it, of each parameter that stands for a probability, utility, cost, time or multiplier."""
    outside, where = [], []
    for parameter, kind in _uses(bench):
        d = distribution_of(parameter)
        low, high = RANGES[kind]
        below, above = max(d.cdf(low) - d.cdf(d.lower), 0.0), max(d.cdf(d.upper) - d.cdf(high), 0.0)
        outside.append((below + above) / d.mass())
        where.append({"parameter": parameter.id, "as": kind, "distribution": parameter.distribution})
    return compare(outside, "at most", 0.0, OUTSIDE, where, "parameters")


@check(
    "distribution-family",
    "uncertainty",
    "Ratios and costs are log-normal or gamma, utilities and probabilities beta; normal only where positivity is safe",
    scope=Scope.INPUTS,
)
def distributions_suit_their_use(bench: Bench) -> Finding:
    """By use in the model, and by the unit where it says ratio; truncation counts as safe."""
    findings = []
    used = [*_uses(bench), *((p, "ratio") for p in _own(bench) if "ratio" in p.unit and "log" not in p.unit)]
    for p, kind in used:
        if kind in SUITED:
            low = 0.0 if kind == "ratio" else max(RANGES[kind][0], 0.0)
            safe = p.distribution in SUITED[kind] or (p.lower is not None and p.lower >= low)
            suits = safe or distribution_of(p).cdf(low) < OUTSIDE
            where = {"parameter": p.id, "as": kind}
            findings.append(verdict(suits, p.distribution, " or ".join(SUITED[kind]), where, "parameters"))
    return worst_of(findings)


@check("bounds", "uncertainty", "The 95% interval of each distribution encloses the base value", scope=Scope.INPUTS)
def intervals_enclose_the_base_value(bench: Bench) -> Finding:
    """Base values against the 2.5% and 97.5% quantiles; a base value outside is a warning, as it may be meant."""
    values, bounds, where = [], [], []
    for p in _own(bench):
        values.append(p.value)
        bounds.append(distribution_of(p).quantile(np.array([0.025, 0.975])))
        where.append({"parameter": p.id})
    low, high = np.array(bounds).T
    above = compare(values, "at least", low, EXACT * np.abs(low), where, "parameters")
    return warning(worst_of([above, compare(values, "at most", high, EXACT * np.abs(high), where, "parameters")]))


@check("draw-means", "uncertainty", "Draws of each parameter follow its distribution", scope=Scope.INPUTS)
def draws_follow_their_distribution(bench: Bench) -> Finding:
    """Shares of many draws up to seven quantiles, against the distribution's own: they have binomial errors."""
    drawn = bench.program.sample(MANY, bench.sampling.seed)
    counts, expected, where = [], [], []
    for p in _own(bench):
        count, probability = at_cuts(drawn[p.id], distribution_of(p).quantile)
        counts.append(count)
        expected.append(probability)
        where += places(parameter=[p.id], quantile=CUTS)
    return shares(counts, "equal to", expected, MANY, where, "shares")


@check("dirichlet", "uncertainty", "Shares that are drawn together add up to 1", scope=Scope.INPUTS)
def shares_add_up(bench: Bench) -> Finding:
    """Sums of the draws of each Dirichlet group."""
    groups = [g for g in bench.scenario.groups.values() if g.kind == "dirichlet"]
    if not groups:
        raise NotApplicableError("no parameters are drawn as shares")
    drawn = bench.program.sample(N_DRAWS, bench.sampling.seed)
    sums = [np.sum([drawn[m] for m in g.members], axis=0) for g in groups]
    return compare(sums, "equal to", 1.0, EXACT, places(group=[g.name for g in groups], draw=range(N_DRAWS)), "draws")


@check(
    "correlated-parameters",
    "uncertainty",
    "Parameters that are drawn together have their stated covariance",
    scope=Scope.INPUTS,
)
def joint_draws_have_their_covariance(bench: Bench) -> Finding:
    """Correlations of many draws of each multivariate normal group, on Fisher's scale."""
    groups = [g for g in bench.scenario.groups.values() if g.kind == "multivariate_normal" and len(g.members) > 1]
    if not groups:
        raise NotApplicableError("no parameters are drawn as multivariate normal")
    drawn = bench.program.sample(MANY, bench.sampling.seed)
    observed, expected, where = [], [], []
    for g in groups:
        covariance = np.array(g.covariance)
        scale = np.sqrt(np.diag(covariance))
        for i, j in itertools.combinations(range(len(g.members)), 2):
            if scale[i] > 0.0 and scale[j] > 0.0:  # a fixed member is correlated with nothing
                a, b = g.members[i], g.members[j]
                observed.append(_fisher(drawn[a], drawn[b]))
                expected.append(_on_fisher_scale(covariance[i, j] / (scale[i] * scale[j])))
                where.append({"group": g.name, "parameters": f"{a}, {b}"})
    return by_chance(observed, "equal to", expected, 1.0 / np.sqrt(MANY - 3), where, "pairs", slack=CLIPPED)


# === Draws through the model ===


@check("parameters-reach", "uncertainty", "Every parameter that is sampled reaches the calculation", scope=Scope.INPUTS)
def every_parameter_matters(bench: Bench) -> Finding:
    """Numbers that engines read, with each parameter in turn at another value of its distribution."""
    findings = []
    numbers, units = _one_at_a_time(bench)
    for k, ids in enumerate(units, start=1):
        reached = bool((numbers[k] != numbers[0]).any())
        observed = "changes" if reached else "changes nothing"
        findings.append(verdict(reached, observed, "changes", {"parameter": ", ".join(ids)}, "parameters"))
    return worst_of(findings)


def _one_at_a_time(bench: Bench) -> tuple[FloatArray, list[list[str]]]:
    """Numbers of the base case, then with one parameter at a time at its first draw that differs.

    Shares that are drawn together vary together: one of them may be what the others leave.
    """
    if not bench.uncertain:
        raise NotApplicableError("no parameter has a distribution")
    shares = [list(g.members) for g in bench.scenario.groups.values() if g.kind == "dirichlet"]
    joint = {member for group in shares for member in group}
    units = [[id_] for id_ in bench.uncertain if id_ not in joint] + shares
    table, drawn = bench.scenario.table, bench.draws
    base = {id_: value[0] for id_, value in table.base().items() if not table[id_].expression}
    given = {id_: np.full(len(units) + 1, value) for id_, value in base.items()}
    for k, ids in enumerate(units, start=1):
        for id_ in ids:
            other = drawn[id_][drawn[id_] != base[id_]]
            given[id_][k] = other[0] if len(other) else base[id_]
    return bench.program.numbers(table.evaluate(given)), units


@check("psa-mean", "uncertainty", "The mean over parameter draws is close to the base case", effort=10)
def draws_centre_on_the_base_case(bench: Bench) -> Finding:
    """Means over draws against the same patients' base case; far apart is a warning: no model need be linear."""
    drawn = bench.drawn
    base = bench.mean(n_patients=drawn.n)[:, :3]
    mean = outcomes(drawn)[:, :3]
    spread = drawn.estimates.mean[:, :, :3].std(axis=0, ddof=1) / np.sqrt(N_DRAWS)
    slack = APART * np.abs(base) + EXACT
    return warning(by_chance(mean, "equal to", base, spread, bench.grid(OUTCOMES[:3]), slack=slack))


@check("psa-repeat", "uncertainty", "Another set of parameter draws gives similar outcomes", effort=10)
def other_draws_give_similar_outcomes(bench: Bench) -> Finding:
    """Kolmogorov-Smirnov p-values of the main outcomes over two sets of draws of the same patients."""
    first = bench.drawn
    other = bench.program.sample(N_DRAWS, bench.sampling.seed, N_DRAWS)
    second = evaluate(bench.scenario, first.sampling, other)
    parts = [np.round(e.estimates.mean[:, :, :3], DECIMALS) for e in (first, second)]
    cells = list(np.ndindex(parts[0].shape[1:]))
    p_values = [stats.ks_2samp(parts[0][:, s, k], parts[1][:, s, k]).pvalue for s, k in cells]
    return compare(p_values, "at least", least_p(len(cells)), 0.0, bench.grid(OUTCOMES[:3]), "p-values")


@check("draws-hold", "uncertainty", "What must hold of totals holds in every parameter draw")
def every_draw_holds(bench: Bench) -> Finding:
    """Life years within the horizon and at least the QALYs, discounted at most undiscounted, costs not negative.

    Draws that the engine refuses, as they make a number of the model impossible, fail too.
    """
    try:
        mean = bench.drawn.estimates.mean
    except UnsupportedError:
        raise
    except InputError as error:
        return verdict(False, "refused", "a result", {"draws": f"the first {N_DRAWS}"}, "draws", str(error))
    horizon = bench.scenario.file.settings.horizon
    where = places(draw=range(mean.shape[0]), strategy=bench.strategies)
    slack = EXACT * horizon

    def at_most(k: int, limit: float | FloatArray, what: str) -> Finding:
        return compare(mean[:, :, k], "at most", limit, slack, [p | {"outcome": what} for p in where], "draws")

    return worst_of(
        [
            at_most(LY_PLAIN, horizon, "life_years_undiscounted"),
            at_most(QALY_PLAIN, mean[:, :, LY_PLAIN], "qalys_undiscounted"),
            at_most(QALY, mean[:, :, LY], "qalys"),
            at_most(LY, mean[:, :, LY_PLAIN], "life_years"),
            compare(
                mean[:, :, COST], "at most", mean[:, :, COST_PLAIN], EXACT * mean[:, :, COST_PLAIN], where, "draws"
            ),
            compare(mean[:, :, COST], "at least", 0.0, 0.0, [p | {"outcome": "cost"} for p in where], "draws"),
        ]
    )


# === Chance ===


@check("uniforms", "uncertainty", "Random numbers are uniform", scope=Scope.INPUTS)
def random_numbers_are_uniform(bench: Bench) -> Finding:
    """Kolmogorov-Smirnov p-values of the numbers behind each of the model's decisions, over patients."""
    numbers = np.empty(MANY)
    p_values, where = [], []
    for k, decision in enumerate(bench.program.rows.decisions):
        fill_uniforms(bench.sampling.seed, STREAM_LUCK, 0, decision.address, 0, numbers)
        p_values.append(float(stats.kstest(numbers, "uniform").pvalue))
        where.append({"decision": str(k + 1)})
    fill_uniforms(bench.sampling.seed, STREAM_LUCK, 0, address_of("uniform"), 0, numbers)
    p_values.append(float(stats.kstest(numbers, "uniform").pvalue))
    where.append({"decision": "none of the model's"})
    return compare(p_values, "at least", least_p(len(p_values)), 0.0, where, "p-values")


@check(
    "common-random-numbers",
    "uncertainty",
    "Strategies share their patients' random numbers: with the same inputs each patient lives the same life",
    scope=Scope.LIVES,
)
def random_numbers_are_common(bench: Bench) -> Finding:
    """Life years of each patient under every strategy, where all do what the comparator does, to the last bit."""
    if len(bench.strategies) < 2:
        raise NotApplicableError("the scenario has one strategy")
    if edits.strategies_compared_by_name(bench.scenario):
        raise NotApplicableError("an expression asks for a strategy by its name, which changes with its inputs")
    years = bench.lives((edits.one_strategy, bench.scenario.comparator)).life_years
    if np.ptp(years) == 0.0:
        raise NotApplicableError("all lives have the same length")
    differ = (years != years[:, :1]).mean(axis=0)
    where = places(strategy=bench.strategies)
    finding = compare(differ, "equal to", 0.0, 0.0, where, "strategies")
    return replace(finding, reason="observed: share of patients whose lives differ from the first strategy's")


def _fisher(a: FloatArray, b: FloatArray) -> float:
    return _on_fisher_scale(float(np.corrcoef(a, b)[0, 1]))


def _on_fisher_scale(r: float) -> float:
    return float(np.arctanh(np.clip(r, -0.999999, 0.999999)))


def _distributions(bench: Bench) -> dict[str, Population]:
    """Joint distributions that patients are drawn from, by stratum (of the empty name if they are not mixed)."""
    patients = bench.scenario.patients
    if isinstance(patients, MixedPopulation):
        return {stratum.label: stratum.population for stratum in patients.strata}
    if not isinstance(patients, Population):
        raise NotApplicableError("patients are rows of a file")
    return {"": patients}


@check(
    "covariate-means",
    "uncertainty",
    "Patients have the characteristics that their distributions state",
    scope=Scope.INPUTS,
)
def patients_follow_their_distributions(bench: Bench) -> Finding:
    """Shares of many patients up to seven quantiles of each covariate, against its quantile function's own."""
    counts: list[float] = []
    expected: list[float] = []
    where = []
    for stratum, population in _distributions(bench).items():
        x = population.sample(0, MANY, bench.sampling.seed)
        for k, c in enumerate(population.covariates):
            count, probability = at_cuts(x[:, k], c.quantile)
            counts += list(count)
            expected += list(probability)
            where += [_place(stratum, covariate=c.name, quantile=f"{cut:g}") for cut in CUTS]
    for stratum, observed, share in _shares(bench):
        counts.append(observed * MANY)
        expected.append(share)
        where.append({"share of": stratum})
    return shares(counts, "equal to", expected, MANY, where, "shares")


def _shares(bench: Bench) -> list[tuple[str, float, float]]:
    """Of a mixed population: each stratum, its share of many patients, and the share that it states."""
    patients = bench.scenario.patients
    if not isinstance(patients, MixedPopulation):
        return []
    column = [c.name for c in patients.covariates].index(patients.by)
    codes = patients.sample(0, MANY, bench.sampling.seed)[:, column]
    by = patients.covariates[column]
    return [(s.label, float((codes == by.code_of(s.label)).mean()), s.share) for s in patients.strata]


def _place(stratum: str, **names: str) -> dict[str, str]:
    return {"stratum": stratum, **names} if stratum else names


@check(
    "covariate-correlation",
    "uncertainty",
    "Baseline characteristics are correlated as declared",
    scope=Scope.INPUTS,
    effort=5,
)
def patients_are_correlated_as_declared(bench: Bench) -> Finding:
    """Rank correlation of each pair of covariates, against NumPy's own draws through the same quantile functions."""
    seen: list[float] = []
    declared: list[float] = []
    where = []
    for stratum, population in _distributions(bench).items():
        x = population.sample(0, MANY, bench.sampling.seed)
        index = [k for k in range(x.shape[1]) if np.ptp(x[:, k]) > 0.0]
        if len(index) < 2:
            continue
        varied = [population.covariates[k] for k in index]
        observed = _rank_correlation(x[:, index].T)
        expected = _rank_correlation(np.array(_independent_sample(population, varied, 25 * MANY)))
        pairs = np.triu_indices(len(varied), 1)
        seen += [_on_fisher_scale(r) for r in observed[pairs]]
        declared += [_on_fisher_scale(r) for r in expected[pairs]]
        names = [f"{varied[i].name}, {varied[j].name}" for i, j in zip(*pairs, strict=True)]
        where += [_place(stratum, covariates=name) for name in names]
    if not where:
        raise NotApplicableError("there are no two covariates that differ between patients")
    # the variance of a rank correlation on Fisher's scale (Bonett and Wright, Psychometrika 65:23-28, 2000)
    error = np.sqrt((1.0 + np.tanh(declared) ** 2 / 2.0) * (1.0 + 1.0 / 25.0) / (MANY - 3))
    return by_chance(seen, "equal to", declared, error, where, "pairs", slack=CLIPPED)


def _rank_correlation(rows: FloatArray) -> FloatArray:
    correlation: FloatArray = np.atleast_2d(np.corrcoef(stats.rankdata(rows, axis=1)))
    return correlation


def _independent_sample(population: Population, covariates: list[Covariate], n: int) -> list[FloatArray]:
    """Covariates drawn by another generator through the declared latent correlation."""
    matrix = np.eye(len(covariates))
    names = [c.name for c in covariates]
    for (a, b), r in population.correlation.items():
        matrix[names.index(a), names.index(b)] = matrix[names.index(b), names.index(a)] = r
    latent = np.random.default_rng(1).multivariate_normal(np.zeros(len(names)), matrix, size=n)
    return [c.quantile(stats.norm.cdf(latent[:, k])) for k, c in enumerate(covariates)]
