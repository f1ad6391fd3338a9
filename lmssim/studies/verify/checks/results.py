"""Checks of results: totals, discounting, horizons, increments and the incremental analysis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.cea import DOMINATED, EXTENDED, FRONTIER
from lmssim.economics.frontier import COST_PER_LIFE_YEAR, ICER
from lmssim.economics.ties import Ties, differ
from lmssim.engines.task import DEFAULT_BLOCK
from lmssim.errors import NotApplicableError
from lmssim.execution.simulate import CHUNK, COHORT
from lmssim.kernels.ledger import STATE_COST, STATE_COST_UNDISCOUNTED, STATE_YEARS
from lmssim.model import edits
from lmssim.model.language.schema import State
from lmssim.outcomes.main import cost_positions
from lmssim.studies.verify.bench import (
    COST,
    COST_PLAIN,
    DISCOUNTED,
    LY,
    LY_PLAIN,
    OUTCOMES,
    QALY,
    QALY_PLAIN,
    UNDISCOUNTED,
    Bench,
    live,
    possible,
)
from lmssim.studies.verify.finding import EXACT, Finding, close, compare, places, rounding, same, verdict, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario

HUGE = 1e9
"""Discount rate at which only what falls at time zero counts."""
AN_INSTANT = 1e-9
"""Horizon within which only time zero lies, years."""
BONUS = 100.0
TIE = 1e-9
"""Relative difference within which two strategies tie."""


def _positive(bench: Bench) -> list[int]:
    """Main outcomes of which more time can only give more: QALYs only if no utility and no entry is below 0."""
    file = bench.scenario.file
    utilities = [*(s.utility for s in file.states.values()), *(t.utility for t in file.treatments.values())]
    values = bench.values(bench.scenario.comparator)
    numbers = [possible(u, values) for u in utilities if u is not None]
    good = all(each is not None and min(each) >= 0.0 for each in numbers)
    good &= all(state.entry_utility is None for state in file.states.values())
    return [LY, QALY, COST] if good else [LY, COST]


# === Totals ===


@check("ly-exceed-qalys", "results", "Life years are at least the QALYs")
def life_years_exceed_qalys(bench: Bench) -> Finding:
    """Discounted and not, under every strategy."""
    mean = bench.mean()
    qalys, years = mean[:, [QALY, QALY_PLAIN]], mean[:, [LY, LY_PLAIN]]
    return compare(qalys, "at most", years, rounding(years), bench.grid(["qalys", "qalys_undiscounted"]))


@check("undiscounted-exceed", "results", "Undiscounted totals are at least the discounted ones")
def undiscounted_exceed_discounted(bench: Bench) -> Finding:
    """Life years, QALYs and cost."""
    mean, columns = bench.mean(), _positive(bench)
    plain = mean[:, [k + 3 for k in columns]]
    return compare(mean[:, columns], "at most", plain, rounding(plain), bench.grid([OUTCOMES[k] for k in columns]))


@check("qalys-per-year", "results", "QALYs per life year lie between the smallest and the largest utility")
def mean_utility_lies_between_the_utilities(bench: Bench) -> Finding:
    """Undiscounted ratio without losses, against utilities times the least and greatest norm."""
    norms = np.ones(1) if bench.scenario.norms is None else bench.scenario.norms.array
    if bench.scenario.file.utilities.combine == "additive":
        raise NotApplicableError("utilities are added to the norm")
    ratios, low, high, where = [], [], [], []
    mean = bench.mean((edits.no_losses,))
    for s, strategy in enumerate(bench.strategies):
        values = bench.values(strategy)
        dwelling = {n: x.utility for n, x in bench.program.flat.states.items() if x.kind == "dwelling"}
        utilities = {name: [0.0] if u is None else possible(u, values) for name, u in dwelling.items()}
        unknown = [name for name, each in utilities.items() if each is None]
        if unknown:
            raise NotApplicableError(f"the utility of state '{unknown[0]}' depends on more than parameters and rules")
        numbers = [u for each in utilities.values() if each is not None for u in each]
        if mean[s, LY_PLAIN] <= 0.0:
            continue
        low.append(min(numbers) * (norms.min() if min(numbers) > 0 else norms.max()))
        high.append(max(numbers) * (norms.max() if max(numbers) > 0 else norms.min()))
        ratios.append(mean[s, QALY_PLAIN] / mean[s, LY_PLAIN])
        where.append({"strategy": strategy})
    return worst_of([compare(ratios, "at least", low, EXACT, where), compare(ratios, "at most", high, EXACT, where)])


@check("components-sum", "results", "Components add up to totals")
def components_add_up(bench: Bench) -> Finding:
    """Costs by category and by state, years by state of stay, against the totals."""
    estimates, n = bench.base.estimates, len(bench.scenario.file.settings.cost_categories)
    mean, states = estimates.mean[0], estimates.state[0] / bench.base.n
    alive = [bench.program.flat.states[s].kind == "dwelling" for s in bench.program.states]
    discounted, plain = cost_positions(0, n, bench.program.n_categories)
    parts = np.stack(
        [
            mean[:, discounted].sum(axis=1),
            mean[:, plain].sum(axis=1),
            states[:, :, STATE_COST].sum(axis=1),
            states[:, :, STATE_COST_UNDISCOUNTED].sum(axis=1),
            states[:, alive, STATE_YEARS].sum(axis=1),
        ],
        axis=1,
    )
    totals = mean[:, [COST, COST_PLAIN, COST, COST_PLAIN, LY_PLAIN]]
    names = [
        "cost by category",
        "undiscounted cost by category",
        "cost by state",
        "undiscounted cost by state",
        "years by state",
    ]
    return close(parts, totals, places(strategy=bench.strategies, components=names))


# === Time and discounting ===


@check("shorter-horizon", "results", "A shorter horizon lowers totals")
def shorter_horizon_lowers_totals(bench: Bench) -> Finding:
    """Undiscounted totals at half the horizon."""
    if bench.scenario.file.terminal:
        changes: tuple[tuple[object, ...], ...] = ((edits.no_terminal_care,),)
    else:
        changes = ()
    columns = [k + 3 for k in _positive(bench)]
    few, years = bench.n_few, bench.scenario.file.settings.horizon
    half = bench.mean(*changes, (edits.horizon, years / 2.0), n_patients=few)[:, columns]
    whole = bench.mean(*changes, n_patients=few)[:, columns]
    return compare(half, "at most", whole, rounding(whole), bench.grid([OUTCOMES[k] for k in columns]))


@check("rate-zero", "results", "A discount rate of 0 gives the undiscounted totals")
def rate_zero_is_undiscounted(bench: Bench) -> Finding:
    """Discounted totals at rate 0 against the base case's undiscounted ones."""
    return close(bench.mean((edits.discounting, 0.0, 0.0))[:, :3], bench.mean()[:, 3:], bench.grid(UNDISCOUNTED))


@check("rate-higher", "results", "A higher discount rate lowers discounted totals")
def higher_rate_lowers_totals(bench: Bench) -> Finding:
    """Discounted totals with both rates 5 points higher."""
    settings, columns = bench.scenario.file.settings, _positive(bench)
    changed = (edits.discounting, settings.discount_rate_costs + 0.05, settings.discount_rate_effects + 0.05)
    more, base = bench.mean(changed)[:, columns], bench.mean()[:, columns]
    # costs, and all of a single cycle, may fall at time zero
    strict = np.array([k != COST for k in columns]) * (edits.cycle_length(bench.scenario) is None)
    slack = np.where(strict, -EXACT * base, rounding(base))
    return compare(more, "at most", base, slack, bench.grid([OUTCOMES[k] for k in columns]))


@check("rates-apart", "results", "Costs follow the rate of costs alone, life years and QALYs that of effects")
def rates_act_apart(bench: Bench) -> Finding:
    """Totals with two different rates, against those with one of them for both."""
    low, high = 0.02, 0.06
    few = bench.n_few
    both_low, both_high = (bench.mean((edits.discounting, rate, rate), n_patients=few)[:, :3] for rate in (low, high))
    findings = []
    for costs, effects in ((low, high), (high, low)):
        mean = bench.mean((edits.discounting, costs, effects), n_patients=few)[:, :3]
        of_costs, of_effects = (both_low, both_high) if costs == low else (both_high, both_low)
        expected = np.column_stack([of_effects[:, [LY, QALY]], of_costs[:, COST]])
        where = [place | {"rates": f"costs {costs:g}, effects {effects:g}"} for place in bench.grid(DISCOUNTED)]
        findings.append(close(mean, expected, where))
    return worst_of(findings)


@check("rate-huge", "results", "At an extreme discount rate only what falls at time zero is left")
def huge_rate_leaves_time_zero(bench: Bench) -> Finding:
    """Discounted cost at the extreme rate, against the cost within an instant; life years against 0."""
    if edits.cycle_length(bench.scenario) is not None:
        raise NotApplicableError("rewards of a model in cycles fall at points, by its correction")
    if bench.engine == COHORT:
        raise NotApplicableError("the exact engine's steps are not made for a rate that ends within the first of them")
    rate = (edits.discounting, HUGE, HUGE, "continuous_rate")
    far = bench.mean((edits.no_terminal_care,), rate, n_patients=bench.n_few)
    near = bench.mean((edits.no_terminal_care,), (edits.horizon, AN_INSTANT), n_patients=bench.n_few)
    where = places(strategy=bench.strategies, outcome=["cost"])
    tolerance = 1e-6 * np.maximum(near[:, COST_PLAIN], 1.0)
    return worst_of(
        [
            compare(far[:, COST], "equal to", near[:, COST_PLAIN], tolerance, where),
            compare(far[:, LY], "equal to", 0.0, 1e-6, places(strategy=bench.strategies, outcome=["life_years"])),
        ]
    )


def delayed_bonus(scenario: Scenario, years: float) -> Scenario:
    """A model in which everybody is paid and gains a fixed amount after some years."""
    prices: dict[str, float | str] = dict.fromkeys(scenario.file.settings.cost_categories[:1], BONUS)
    paid = State.model_validate({"kind": "absorbing", "entry_cost": prices, "entry_utility": BONUS, "death": "other"})
    states = {"waiting": State(initial=True, duration=years, next="paid"), "paid": paid}
    return edits.bare_model(scenario, 2.0 * years, states, [])


@check("discount-two-years", "results", "What falls at 2 years is discounted by the stated rate over 2 years")
def two_years_are_discounted(bench: Bench) -> Finding:
    """A lump sum and QALYs after 2 years: 1/(1 + r)^2, or exp(-2 r) where the rate is stated as continuous."""
    settings = bench.scenario.file.settings
    annual = settings.discounting == "continuous_annual"
    mean = bench.mean((delayed_bonus, 2.0))
    rates = [settings.discount_rate_costs, settings.discount_rate_effects]
    expected = [BONUS / (1.0 + r) ** 2 if annual else BONUS * math.exp(-2.0 * r) for r in rates]
    where = [{"outcome": name, "rate": f"{r:g}"} for name, r in zip(("cost", "qalys"), rates, strict=True)]
    first = 0 if settings.cost_categories else 1  # without a category nothing can cost anything
    return close(mean[0, [COST, QALY]][first:], expected[first:], where[first:])


# === Increments and the incremental analysis ===


@check("increments", "results", "Increments are differences of totals, of the sign that the totals have")
def increments_are_differences(bench: Bench) -> Finding:
    """Printed increments and net benefits against the strategies' totals."""
    mean, table = bench.mean(), bench.base.incremental
    table = table[~table["outcome"].isin((ICER, COST_PER_LIFE_YEAR))]
    c = bench.strategies.index(bench.scenario.comparator)
    expected = []
    for strategy, outcome in zip(table["strategy"], table["outcome"], strict=True):
        d = mean[bench.strategies.index(strategy)] - mean[c]
        wtp = float(outcome.removeprefix("inmb:")) if outcome.startswith("inmb:") else None
        expected.append(d[OUTCOMES.index(outcome)] if wtp is None else wtp * d[QALY] - d[COST])
    where = [{"strategy": s, "outcome": o} for s, o in zip(table["strategy"], table["outcome"], strict=True)]
    scale = EXACT * (np.abs(mean).max() + np.abs(expected))
    return compare(table["mean"], "equal to", expected, scale, where, "increments")


def _choices(bench: Bench) -> pd.DataFrame:
    table = bench.base.frontier
    if len(table) < 2:
        raise NotApplicableError("there are fewer than two strategies to choose from")
    return table


@check("dominance", "results", "Words of dominance match the numbers; ICERs refer to the next on the frontier")
def dominance_matches_numbers(bench: Bench) -> Finding:
    """Status of each strategy by brute force: another, or a mix of two others, costs no more and gains no less."""
    table, findings = _choices(bench), []
    cost, qalys = table["cost"].to_numpy(), table["qalys"].to_numpy()
    known = bench.base.increments.ties([bench.base.strategies.index(s) for s in table["strategy"]])
    for i in range(len(table)):
        word = str(table["status"].iloc[i])
        expected = {_status(cost, qalys, i, ties) for ties in (Ties(), known)}  # errors are no bar to an order
        said = word if word in expected else " or ".join(sorted(expected))
        findings.append(_words(word, said, str(table["strategy"].iloc[i])))
    on = table[table["status"] == FRONTIER].sort_values("cost")
    if len(on) > 1:
        icers = np.diff(on["cost"]) / np.diff(on["qalys"])
        where = [{"strategy": s} for s in on["strategy"].iloc[1:]]
        slack = rounding(icers) + TIE * (np.abs(cost).max() / np.diff(on["qalys"]))
        findings.append(compare(on["icer"].iloc[1:], "equal to", icers, slack, where, "ICERs"))
        before = on["strategy"].tolist()
        findings += [
            _words(str(reference), before[k], before[k + 1]) for k, reference in enumerate(on["reference"].iloc[1:])
        ]
    return worst_of(findings)


def _words(observed: str, expected: str, strategy: str) -> Finding:
    return verdict(observed == expected, observed, expected, {"strategy": strategy})


def _status(cost: FloatArray, qalys: FloatArray, i: int, ties: Ties) -> str:
    """Status of strategy i among the others, by looking at all of them and all pairs of them."""
    others = [j for j in range(len(cost)) if j != i]
    for j in others:
        same_cost = not differ(cost[j], cost[i], ties.cost(i, j))
        same_qalys = not differ(qalys[j], qalys[i], ties.effect(i, j))
        no_dearer, no_worse = cost[j] <= cost[i] or same_cost, qalys[j] >= qalys[i] or same_qalys
        if no_dearer and no_worse and (not (same_cost and same_qalys) or j < i):
            return DOMINATED
    for j in others:
        for k in others:
            if cost[j] < cost[i] < cost[k]:
                share = (cost[i] - cost[j]) / (cost[k] - cost[j])
                mixed = (1.0 - share) * qalys[j] + share * qalys[k]
                if mixed >= qalys[i] or not differ(mixed, qalys[i]):
                    return EXTENDED
    return FRONTIER


@check("icers-ascend", "results", "ICERs do not fall along the frontier")
def icers_do_not_fall(bench: Bench) -> Finding:
    """ICERs of neighbours on the frontier, by ascending cost."""
    icers = _choices(bench)["icer"].dropna()
    if len(icers) < 2:
        raise NotApplicableError("the frontier has fewer than two ICERs")
    table = bench.base.frontier
    where = [{"strategy": str(table["strategy"].loc[i])} for i in icers.index[1:]]
    values, gains = icers.to_numpy(), table["incremental_qalys"].loc[icers.index].to_numpy(dtype=np.float64)
    error = TIE * (np.abs(values) + table["cost"].abs().max() / np.abs(gains))
    return compare(values[1:], "at least", values[:-1], error[1:] + error[:-1], where, "ICERs")


# === Reproducibility ===


def _summaries(bench: Bench, **sampling: int) -> Finding:
    again, table = bench.fresh(**sampling), bench.base.summary
    known = np.isfinite(table["mean"].to_numpy())
    there = table[known]
    where = [{"strategy": s, "outcome": o} for s, o in zip(there["strategy"], there["outcome"], strict=True)]
    return same(again.summary["mean"].to_numpy()[known], there["mean"].to_numpy(), where)


@check("reproducible-seed", "results", "The same seed gives the same results, to the last bit")
def same_seed_same_results(bench: Bench) -> Finding:
    """Every outcome of the summary, computed twice."""
    return _summaries(bench)


@check("reproducible-block", "results", "Another block size gives the same results, to the last bit")
def block_size_does_not_matter(bench: Bench) -> Finding:
    """Every outcome of the summary."""
    return _summaries(bench, block=DEFAULT_BLOCK // 2 + 1)


@check("reproducible-jobs", "results", "One worker and two give the same results, to the last bit")
def workers_do_not_matter(bench: Bench) -> Finding:
    """Every outcome of the summary, with enough patients for two chunks."""
    one, two = (bench.mean(jobs=jobs, n_patients=CHUNK + 1) for jobs in (1, 2))
    return same(two, one, bench.grid())


@check("replay", "results", "One life alone equals the same life among many", scope=Scope.LIVES)
def one_life_replays(bench: Bench) -> Finding:
    """Undiscounted life years of ten patients, each walked alone."""
    many, n = bench.lives().life_years, bench.n_lives
    chosen = sorted({(k * n) // 10 for k in range(10)})
    alone = np.stack([live(bench.program, bench.engine, p, 1, bench.sampling.seed).life_years[0] for p in chosen])
    return same(alone, many[chosen], places(patient=chosen, strategy=bench.strategies), "lives")


@check("endpoint-order", "inputs", "An endpoint that counts more events is never later than one that counts fewer")
def wider_endpoints_come_first(bench: Bench) -> Finding:
    """Survival (or incidence) at every time, of endpoints whose events contain another's: as PFS and OS."""
    specs, findings = bench.scenario.file.endpoints, []
    deaths = set(edits.deaths_of(bench.scenario))
    events = {n: set(e.events) | (deaths if e.death == "event" else set()) for n, e in specs.items()}
    for wide in specs:
        for narrow in specs:
            if wide == narrow or not events[narrow] < events[wide] or specs[wide].kind != specs[narrow].kind:
                continue
            if specs[wide].origin != specs[narrow].origin or "censoring" in (specs[wide].death, specs[narrow].death):
                continue
            for strategy in bench.strategies:
                first, later = (bench.base.endpoint(e, strategy) for e in (wide, narrow))
                where = places(endpoint=[f"{wide} v {narrow}"], strategy=[strategy], time=first.times)
                if specs[wide].kind == "survival":
                    findings.append(compare(first.survival(), "at most", later.survival(), EXACT, where, "times"))
                else:
                    findings.append(compare(first.incidence(), "at least", later.incidence(), EXACT, where, "times"))
    if not findings:
        raise NotApplicableError("no endpoint's events contain another's")
    return worst_of(findings)
