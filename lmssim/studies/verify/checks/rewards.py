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
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Treatment

"""Columns of the main outcomes."""
QALYS = (QALY, QALY_PLAIN)
PENNY = 0.01
"""Least price of which a rise must be seen."""
LEAST_RISE = 1e-9
"""Least rise, summed over patients, of what a price that is paid costs more."""
SEEN = 1e-9
"""Fall of mean QALYs from which a lower utility must be seen: the rest is rounding."""
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
        changes = (*_without_norms(bench, 1.0), (edits.discounting, rate, rate))
        mean = bench.mean(*changes, n_patients=bench.n_few)
        where = [place | {"discount rate": f"{rate:g}"} for place in _grid(bench, QALYS)]
        findings.append(close(mean[:, [QALY, QALY_PLAIN]], mean[:, [LY, LY_PLAIN]], where))
    return worst_of(findings)


@check("utility-zero", "event/state", "Utilities of 0 give no QALYs")
def utility_zero_gives_nothing(bench: Bench) -> Finding:
    """QALYs against 0, without losses; rounding is that of the life years."""
    mean = bench.mean(*_without_norms(bench, 0.0), n_patients=bench.n_few)
    slack = rounding(mean[:, [LY, LY_PLAIN]])
    return compare(mean[:, list(QALYS)], "equal to", 0.0, slack, _grid(bench, QALYS))


@check(
    "utility-lower",
    "event/state",
    "A lower utility of any state lowers QALYs wherever the state is entered",
    effort=30,
)
def lower_utility_lowers_qalys(bench: Bench) -> Finding:
    """Undiscounted QALYs with the utility of one state or treatment 10% lower."""
    file, few, findings = bench.scenario.file, bench.n_few, []
    base = bench.mean(n_patients=few)[:, QALY_PLAIN]
    for name in [*file.states, *file.treatments]:
        section = file.states.get(name) or file.treatments[name]
        least = None if section.utility is None else _least(bench, section.utility)
        if least is None or least <= 0.0:
            continue
        lower = bench.mean((edits.scaled_utilities, 0.9, name), n_patients=few)[:, QALY_PLAIN]
        seen = 0.1 * least * _years(bench, name) > SEEN
        where = places(state=[name], strategy=bench.strategies)
        findings.append(compare(lower, "at most", base, np.where(seen, -SEEN / 1e3, rounding(base)), where))
    if not findings:
        raise NotApplicableError("no state has a utility above 0")
    return worst_of(findings)


def _least(bench: Bench, utility: float | str) -> float | None:
    """Least value of a utility under any strategy; None if it depends on more than parameters and rules."""
    numbers = [possible(utility, bench.values(strategy)) for strategy in bench.strategies]
    return None if None in numbers else min(min(each) for each in numbers if each is not None)


def _years(bench: Bench, name: str) -> FloatArray:
    """Mean years spent where a state or treatment of the file states the utility, by strategy."""
    flat, file = bench.program.flat, bench.scenario.file
    own = flat.states_of(name) or []
    if name in file.states:
        own = [s for s in own if s not in flat.treatment or file.treatments[flat.treatment[s]].utility is None]
    index = [bench.program.states.index(s) for s in own]
    evaluation = bench.run(n_patients=bench.n_few)
    years: FloatArray = evaluation.estimates.state[0][:, index, 0].sum(axis=1) / evaluation.n
    return years


@check(
    "state-utility-norm",
    "event/state",
    "No state's utility is above the norm (or above 1)",
    scope=Scope.INPUTS,
    static=True,
)
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
    mean = bench.mean((edits.costs, 0.0), n_patients=bench.n_few)[:, list(columns)]
    slack = rounding(_columns(bench, columns))
    return compare(mean, "equal to", 0.0, slack, _grid(bench, columns))


@check("price-up", "inputs", "Doubling the prices of a category doubles its cost and changes nothing else", effort=20)
def prices_scale_their_category(bench: Bench) -> Finding:
    """Cost of each category when one is doubled; life years and QALYs unchanged to the last bit."""
    findings, categories = [], bench.scenario.file.settings.cost_categories
    few = bench.n_few
    before = bench.run(n_patients=few).estimates.mean[0]
    base = before[:, len(OUTCOMES) : len(OUTCOMES) + len(categories)]
    for k, category in enumerate(categories):
        doubled = bench.run((edits.costs, 2.0, category), n_patients=few).estimates.mean[0]
        factor = np.where(np.arange(len(categories)) == k, 2.0, 1.0)
        where = places(price=[category], strategy=bench.strategies, category=categories)
        after = doubled[:, len(OUTCOMES) : len(OUTCOMES) + len(categories)]
        slack = rounding(np.abs(base).max())
        findings.append(compare(after, "equal to", base * factor, slack, where))
        where = places(price=[category], strategy=bench.strategies, outcome=["life_years", "qalys"])
        findings.append(same(doubled[:, [LY, QALY]], before[:, [LY, QALY]], where))
    return worst_of(findings)


@check(
    "acquisition-cost",
    "event/state",
    "Twice the price of a treatment raises cost only where it is given",
    effort=20,
)
def treatments_cost_where_they_are_given(bench: Bench) -> Finding:
    """Undiscounted cost by state: twice the treatment's share in its own state, elsewhere as it was."""
    findings, column, few = [], STATE_COST_UNDISCOUNTED, bench.n_few
    base = bench.run(n_patients=few).estimates.state[0]
    none = bench.run((edits.no_treatment_costs,), n_patients=few).estimates.state[0][:, :, column]
    for treatment in bench.scenario.file.treatments:
        own = [bench.program.states.index(s) for s in bench.program.flat.given(treatment)]
        if not own:
            continue
        changes = (edits.treatment_costs, treatment, 2.0)
        more = bench.run(changes, n_patients=few).estimates.state[0][:, :, column]
        expected = base[:, :, column].copy()
        expected[:, own] += expected[:, own] - none[:, own]
        where = places(treatment=[treatment], strategy=bench.strategies, state=bench.program.states)
        slack = rounding(np.maximum(np.abs(expected), np.abs(base[:, :, column]).max()))
        findings.append(compare(more, "equal to", expected, slack, where, "states"))
        paid = (base[:, own, STATE_YEARS] > 0.0) & _is_paid(bench, treatment)[:, None]
        given = [bench.program.states[k] for k in own]
        where = places(treatment=[treatment], strategy=bench.strategies, state=given)
        least = np.where(paid, -LEAST_RISE, slack[:, own])
        findings.append(compare(more[:, own], "at least", base[:, own, column], least, where, "strategies"))
    if not findings:
        raise NotApplicableError("the model has no treatments")
    return worst_of(findings)


def _is_paid(bench: Bench, treatment: str) -> NDArray[np.bool_]:
    """By strategy, whether a treatment has a price above 0 that everybody pays who is given it, from the first day on.

    Not if it is waited for, nor where care at the end of life takes its place.
    """
    file = bench.scenario.file
    spec, excluded = file.treatments[treatment], {c for each in file.terminal for c in each.excludes}
    if spec.wait is not None:
        return np.zeros(len(bench.strategies), dtype=bool)
    stated = [price for c, price in [*spec.cost.items(), *spec.cost_per_year.items()] if c not in excluded]
    known = [bench.values(strategy) for strategy in bench.strategies]
    return np.array([any(_above(price, v) for price in stated) or _regimen_is_paid(bench, spec, v) for v in known])


def _regimen_is_paid(bench: Bench, spec: Treatment, values: Mapping[str, float]) -> bool:
    """Whether a cycle of a treatment's regimen has a price, be it of a drug or of giving it."""
    file = bench.scenario.file
    if spec.regimen is None:
        return False
    regimen = file.regimens[spec.regimen]
    category = regimen.category or file.settings.cost_categories[0]
    if any(category in each.excludes for each in file.terminal):
        return False
    if any(_above(price, values) for price in (regimen.delivery, regimen.premedication, regimen.monitoring)):
        return True
    drugs = [file.drugs[given.drug] for given in regimen.drugs]
    return any(_above(vial.price, values) for drug in drugs if drug.discount != 1.0 for vial in drug.vials)


def _above(price: float | str, values: Mapping[str, float]) -> bool:
    numbers = possible(price, values)
    return numbers is not None and min(numbers) > PENNY


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
