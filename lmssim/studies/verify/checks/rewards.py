"""Checks of QALYs and costs: utilities and costs set to values for which the answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import NotApplicableError
from lmssim.kernels.ledger import STATE_COST_UNDISCOUNTED, STATE_YEARS
from lmssim.model import edits
from lmssim.studies.verify.bench import (
    COST,
    COST_PLAIN,
    LY,
    LY_PLAIN,
    OUTCOMES,
    QALY,
    QALY_PLAIN,
    Bench,
    constant,
    possible,
)
from lmssim.studies.verify.finding import EXACT, Finding, Place, close, compare, places, rounding, same, worst_of
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

"""Columns of the main outcomes."""
QALYS = (QALY, QALY_PLAIN)
RATES = (0.0, 0.035, 0.1)
"""Discount rates at which QALYs must equal life years."""


def _columns(bench: Bench, columns: tuple[int, ...], *changes: tuple[object, ...]) -> FloatArray:
    values: FloatArray = bench.mean(*changes)[:, list(columns)]
    return values


def _grid(bench: Bench, columns: tuple[int, ...]) -> list[Place]:
    return bench.grid([OUTCOMES[k] for k in columns])


def _without_norms(bench: Bench, utility: float) -> tuple[tuple[object, ...], ...]:
    return (edits.utilities, utility), (edits.no_norms,)


# === Utilities ===


@check("utility-one", "event/state", "Utilities of 1 give QALYs equal to life years at every discount rate")
def utility_one_gives_life_years(bench: Bench) -> Finding:
    """QALYs against life years, no norms and no losses."""
    findings = []
    for rate in RATES:
        mean = bench.mean(*_without_norms(bench, 1.0), (edits.discounting, rate, rate))
        where = [place | {"discount rate": f"{rate:g}"} for place in _grid(bench, QALYS)]
        findings.append(close(mean[:, [QALY, QALY_PLAIN]], mean[:, [LY, LY_PLAIN]], where))
    return worst_of(findings)


@check("utility-zero", "event/state", "Utilities of 0 give no QALYs")
def utility_zero_gives_nothing(bench: Bench) -> Finding:
    """QALYs, no losses."""
    return compare(_columns(bench, QALYS, *_without_norms(bench, 0.0)), "equal to", 0.0, 0.0, _grid(bench, QALYS))


@check("utility-lower", "event/state", "A lower utility of any state lowers QALYs wherever the state is entered")
def lower_utility_lowers_qalys(bench: Bench) -> Finding:
    """Undiscounted QALYs with the utility of one state or treatment 10% lower."""
    file, base, findings = bench.scenario.file, bench.mean()[:, QALY_PLAIN], []
    for name in [*file.states, *file.treatments]:
        section = file.states.get(name) or file.treatments[name]
        if section.utility is None or not _is_good(bench, section.utility):
            continue
        lower = bench.mean((edits.scaled_utilities, 0.9, name))[:, QALY_PLAIN]
        entered = _years(bench, name) > 0.0
        where = places(state=[name], strategy=bench.strategies)
        findings.append(compare(lower, "at most", base, -1e-12 * entered, where))
    if not findings:
        raise NotApplicableError("no state has a utility above 0")
    return worst_of(findings)


def _is_good(bench: Bench, utility: float | str) -> bool:
    numbers = possible(utility, bench.values(bench.scenario.comparator))
    return numbers is not None and min(numbers) > 0.0


def _years(bench: Bench, name: str) -> FloatArray:
    """Years spent where a state or treatment of the file states the utility, by strategy."""
    flat, file = bench.program.flat, bench.scenario.file
    own = flat.states_of(name) or []
    if name in file.states:
        own = [s for s in own if s not in flat.treatment or file.treatments[flat.treatment[s]].utility is None]
    index = [bench.program.states.index(s) for s in own]
    years: FloatArray = bench.base.estimates.state[0][:, index, 0].sum(axis=1)
    return years


@check("state-utility-norm", "event/state", "No state's utility is above the norm (or above 1)", static=True)
def state_utilities_stay_below_the_norm(bench: Bench) -> Finding:
    """Utilities that depend on parameters alone, under every strategy; relative to the norm where one is given."""
    file, values, where = bench.scenario.file, [], []
    stated = [("state", name, s.utility) for name, s in file.states.items()]
    stated += [("treatment", name, t.utility) for name, t in file.treatments.items()]
    for strategy in bench.strategies:
        known = bench.values(strategy)
        for kind, name, utility in stated:
            for value in [] if utility is None else possible(utility, known) or []:
                values.append(value)
                where.append({kind: name, "parameter": str(utility), "strategy": strategy})
    return compare(values, "at most", 1.0, 0.0, where, "utilities")


@check("mean-utility-norm", "event/state", "Mean utility is never above the population norm (or 1), in any state")
def mean_utility_stays_below_the_norm(bench: Bench) -> Finding:
    """QALYs in all and in each state against those of the same lives at the norm itself, without any loss."""
    normal = bench.run((edits.utilities, 1.0))
    observed, expected = bench.base.estimates.state[0][:, :, 1], normal.estimates.state[0][:, :, 1]
    where = places(strategy=bench.strategies, state=bench.program.states)
    total, best = _columns(bench, QALYS), _columns(bench, QALYS, (edits.utilities, 1.0))
    observed, expected = observed / bench.base.n, expected / normal.n
    return worst_of(
        [
            compare(observed, "at most", expected, rounding(expected), where, "states"),
            compare(total, "at most", best, rounding(best), _grid(bench, QALYS), "totals"),
        ]
    )


# === Costs ===


@check("cost-zero", "event/state", "Costs of 0 give no cost")
def no_prices_no_cost(bench: Bench) -> Finding:
    """Every cost of the model times 0."""
    columns = (COST, COST_PLAIN)
    return compare(_columns(bench, columns, (edits.costs, 0.0)), "equal to", 0.0, 0.0, _grid(bench, columns))


@check("price-up", "inputs", "Doubling the prices of a category doubles its cost and changes nothing else")
def prices_scale_their_category(bench: Bench) -> Finding:
    """Cost of each category when one is doubled; life years and QALYs unchanged to the last bit."""
    findings, categories = [], bench.scenario.file.settings.cost_categories
    base = bench.base.estimates.mean[0, :, len(OUTCOMES) : len(OUTCOMES) + len(categories)]
    for k, category in enumerate(categories):
        doubled = bench.run((edits.costs, 2.0, category)).estimates.mean[0]
        factor = np.where(np.arange(len(categories)) == k, 2.0, 1.0)
        where = places(price=[category], strategy=bench.strategies, category=categories)
        after = doubled[:, len(OUTCOMES) : len(OUTCOMES) + len(categories)]
        findings.append(compare(after, "equal to", base * factor, rounding(base), where))
        where = places(price=[category], strategy=bench.strategies, outcome=["life_years", "qalys"])
        findings.append(same(doubled[:, [LY, QALY]], bench.mean()[:, [LY, QALY]], where))
    return worst_of(findings)


@check("acquisition-cost", "event/state", "Twice the price of a treatment raises cost only where it is given")
def treatments_cost_where_they_are_given(bench: Bench) -> Finding:
    """Undiscounted cost by state: twice the treatment's share in its own state, elsewhere as it was."""
    findings, column = [], STATE_COST_UNDISCOUNTED
    base = bench.base.estimates.state[0]
    none = bench.run((edits.no_treatment_costs,)).estimates.state[0][:, :, column]
    for treatment in bench.scenario.file.treatments:
        own = [bench.program.states.index(s) for s in bench.program.flat.given(treatment)]
        if not own:
            continue
        more = bench.run((edits.treatment_costs, treatment, 2.0)).estimates.state[0][:, :, column]
        expected = base[:, :, column].copy()
        expected[:, own] += expected[:, own] - none[:, own]
        where = places(treatment=[treatment], strategy=bench.strategies, state=bench.program.states)
        findings.append(compare(more, "equal to", expected, rounding(expected), where, "states"))
        paid = (base[:, own, STATE_YEARS] > 0.0) & _is_paid(bench, treatment)
        given = [bench.program.states[k] for k in own]
        where = places(treatment=[treatment], strategy=bench.strategies, state=given)
        findings.append(compare(more[:, own], "at least", base[:, own, column], -1e-9 * paid, where, "strategies"))
    if not findings:
        raise NotApplicableError("the model has no treatments")
    return worst_of(findings)


def _is_paid(bench: Bench, treatment: str) -> bool:
    spec = bench.scenario.file.treatments[treatment]
    return bool(spec.regimen or spec.cost or spec.cost_per_year or any(tick.cost for tick in spec.schedule))


@check("cost-per-year", "results", "Cost per year spent in a state equals the price of a year there")
def a_year_costs_its_price(bench: Bench) -> Finding:
    """Undiscounted cost of each state over the years in it, with costs per year as the only costs."""
    evaluation, findings = bench.run((edits.only_costs_per_year,)), []
    sums = evaluation.estimates.state[0]
    for s, strategy in enumerate(bench.strategies):
        values = bench.values(strategy)
        for k, name in enumerate(evaluation.program.states):
            prices = [constant(p, values) for p in evaluation.program.flat.states[name].cost_per_year.values()]
            if prices and None not in prices and sums[s, k, 0] > 0.0:
                price = float(sum(p for p in prices if p is not None))
                rate, where = sums[s, k, 2] / sums[s, k, 0], [{"strategy": strategy, "state": name}]
                findings.append(compare(rate, "equal to", price, EXACT * max(price, 1.0), where, "prices"))
    if not findings:
        raise NotApplicableError("no state has a cost per year that depends on parameters alone")
    return worst_of(findings)
