"""Checks of occupancy, flows, branches, fixed stays, and of strategies that do not differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import NotApplicableError
from lmssim.kernels.layout import F_OCCUPANCY_PER_YEAR
from lmssim.model import edits
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.program.restarts import restarted_cures
from lmssim.studies.verify.bench import N_DRAWS, Bench, Lives, constant
from lmssim.studies.verify.finding import (
    EXACT,
    Finding,
    Place,
    compare,
    places,
    rounding,
    same,
    verdict,
    warning,
    worst_of,
)
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario

SUM_ERROR = 1e-9
"""How far probabilities may miss 1 by rounding."""


def occupancy(evaluation: Evaluation) -> FloatArray:
    """Share of patients by strategy, flat state and time on the grid, the horizon excluded: there everybody leaves."""
    n = evaluation.n * len(evaluation.estimates.mean)
    share: FloatArray = evaluation.estimates.counts.occupancy.cumsum(axis=2)[:, :, :-2] / n
    return share


def times(evaluation: Evaluation) -> FloatArray:
    """Times of `occupancy` (years)."""
    n = evaluation.estimates.counts.occupancy.shape[2] - 2
    grid: FloatArray = np.arange(n) / evaluation.program.packed.f[F_OCCUPANCY_PER_YEAR]
    return grid


@check("occupancy-sum", "event/state", "Patients in all states add up to the cohort at every time")
def occupancy_adds_up(bench: Bench) -> Finding:
    """Shares of all states."""
    total = occupancy(bench.base).sum(axis=1)
    return compare(total, "equal to", 1.0, EXACT, places(strategy=bench.strategies, time=times(bench.base)), "times")


@check("occupancy-range", "event/state", "Shares, probabilities and counts lie between 0 and 1, or are not negative")
def shares_are_shares(bench: Bench) -> Finding:
    """Occupancy, every probability of the summary, entries by state."""
    share = occupancy(bench.base)
    where = places(strategy=bench.strategies, state=bench.program.states, time=times(bench.base))
    table = bench.base.summary
    table = table[table["unit"] == "probability"]
    named = [{"strategy": s, "outcome": o} for s, o in zip(table["strategy"], table["outcome"], strict=True)]
    entries = bench.base.estimates.counts.entries.ravel()
    computed = np.isfinite(entries)  # an exact solution may lack who ever entered
    flat = places(strategy=bench.strategies, state=bench.program.states, count=["entries", "patients"])
    flat = [place for place, known in zip(flat, computed, strict=True) if known]
    findings = [compare(share, "at least", 0.0, EXACT, where), compare(share, "at most", 1.0, EXACT, where)]
    if named:
        findings += [
            compare(table["mean"], "at least", 0.0, EXACT, named),
            compare(table["mean"], "at most", 1.0, EXACT, named),
        ]
    return worst_of([*findings, compare(entries[computed], "at least", 0.0, EXACT, flat)])


@check(
    "net-flow",
    "event/state",
    "Entries less exits equal the change of occupancy in every state",
    scope=Scope.LIVES,
)
def flows_balance(bench: Bench) -> Finding:
    """Stays that have begun and not ended at each time, in individual lives, against the counts of the engine."""
    lives = bench.lives()
    evaluation = bench.run(n_patients=bench.n_lives)
    grid = times(evaluation)
    n_states, n_strategies = len(bench.program.states), len(bench.strategies)
    entered, left = lives.stays.entered, lives.stays.left
    cell = lives.stays.strategy * n_states + lives.stays.state
    net = np.zeros((n_strategies * n_states, len(grid) + 1))
    np.add.at(net, (cell, np.searchsorted(grid, entered)), 1.0)
    stays = ~lives.absorbed
    np.add.at(net, (cell[stays], np.searchsorted(grid, left[stays])), -1.0)
    present = net[:, :-1].cumsum(axis=1).reshape(n_strategies, n_states, -1) / bench.n_lives
    where = places(strategy=bench.strategies, state=bench.program.states, time=grid)
    return compare(present, "equal to", occupancy(evaluation), EXACT, where, "states and times")


@check("fixed-stay", "event/state", "A stay of fixed duration never lasts longer, and all who entered have left")
def fixed_stays_end(bench: Bench) -> Finding:
    """Mean stay in each state of fixed duration, and those still there when all stays must have ended."""
    findings = []
    for strategy in bench.strategies:
        values = bench.values(strategy)
        for name, state in bench.program.flat.states.items():
            length = None if state.duration is None else constant(state.duration, values)
            row = _state_row(bench.base, strategy, name)
            if length is None or row is None or row["entries"] <= 0.0:
                continue
            where = [{"strategy": strategy, "state": name}]
            findings.append(
                compare(row["years"] / row["entries"], "at most", length, rounding(length), where, "mean stays")
            )
    if not findings:
        raise NotApplicableError("no state that is entered has a fixed duration")
    return worst_of(findings)


def _state_row(evaluation: Evaluation, strategy: str, state: str) -> Mapping[str, float] | None:
    table = evaluation.states
    rows = table[(table["strategy"] == strategy) & (table["state"] == state)]
    return None if rows.empty else {k: float(rows[k].iloc[0]) for k in ("entries", "years", "qalys", "cost")}


@check(
    "tunnel",
    "event/state",
    "Whoever leaves a state enters the next, until death or the horizon",
    scope=Scope.LIVES,
)
def entries_equal_exits(bench: Bench) -> Finding:
    """Gaps between the stays of a life; the state or the time in which it ends."""
    lives, horizon = bench.lives(), bench.scenario.file.settings.horizon
    path, left = lives.path, lives.stays.left
    last = np.append(path[1:] != path[:-1], True)
    gaps = np.where(last[:-1], 0.0, lives.stays.entered[1:] - left[:-1])
    open_ended = last & ~lives.absorbed
    return worst_of(
        [
            compare(np.abs(gaps).max(), "equal to", 0.0, 0.0, [_stay(lives, int(np.argmax(np.abs(gaps))))]),
            compare(left[open_ended].min(initial=horizon), "equal to", horizon, 0.0, [{"end": "but by death"}]),
            compare((lives.absorbed & ~last).sum(), "equal to", 0.0, 0.0, [{"stays": "after death"}]),
        ]
    )


def _stay(lives: Lives, row: int) -> Place:
    program, stays = lives.program, lives.stays
    return {"strategy": program.strategies[stays.strategy[row]], "state": program.states[stays.state[row]]}


@check("way-out", "event/state", "Every state of stay is left by more than background mortality")
def stays_end(bench: Bench) -> Finding:
    """Transitions and fixed durations of each state that some patient enters; none is a warning: it may be a cure."""
    flat, entries = bench.program.flat, bench.base.estimates.counts.entries[:, :, 0].sum(axis=0)
    left = {source for source, t in flat.transitions if t.background is None and t.to is not None}
    findings = []
    for name, n in zip(bench.program.states, entries, strict=True):
        if n > 0 and flat.states[name].kind == "dwelling":
            ends = name in left or flat.states[name].duration is not None
            observed = "a transition or event of the model" if ends else "background mortality alone"
            findings.append(verdict(ends, observed, "a transition or event of the model", {"state": name}, "states"))
    return warning(worst_of(findings))


@check(
    "cure-restart",
    "event/state",
    "No mixture cure is met again on a clock that restarts",
    scope=Scope.INPUTS,
    static=True,
)
def cures_are_met_once(bench: Bench) -> Finding:
    """Cures out of states that can be entered again; a warning, as the source may have had such a clock."""
    found = restarted_cures(bench.program)
    observed = _listed(found) if found else "none"
    reason = "time counts from each entry; does the source's clock restart too?" if found else ""
    return warning(
        verdict(not found, observed, "none", {"transition": found[0]} if found else {}, "transitions", reason)
    )


def _listed(found: list[str]) -> str:
    """A few of the transitions, and how many more there are."""
    return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")


# === Branches ===


def branch_sums(scenario: Scenario, values: Mapping[str, float]) -> list[tuple[str, float, bool]]:
    """State, sum of probabilities, whether a branch takes the rest; of branches that depend on parameters alone."""
    found = []
    for name, state in scenario.file.states.items():
        stated = [b.p for b in state.branches if b.when is None and b.p not in (None, "rest")]
        numbers = [constant(p, values) for p in stated if p is not None]
        if numbers and None not in numbers:
            rest = any(b.p == "rest" or b.p is None for b in state.branches)
            found.append((name, float(sum(n for n in numbers if n is not None)), rest))
    return found


@check(
    "branch-sum",
    "event/state",
    "Probabilities of branches add up to 1, in every draw too",
    scope=Scope.INPUTS,
    static=True,
)
def branches_add_up(bench: Bench) -> Finding:
    """Sums of the stated branches; with a branch that takes the rest, at most 1."""
    findings = []
    drawn = _samples(bench)
    for k in range(len(next(iter(drawn.values()), np.zeros(0)))):
        values = {id_: float(draws[k]) for id_, draws in drawn.items()}
        for state, total, rest in branch_sums(bench.scenario, values):
            where = [{"state": state, "draw": "base case" if k == 0 else str(k - 1)}]
            findings.append(compare(total, "at most" if rest else "equal to", 1.0, SUM_ERROR, where, "branches"))
    if not findings:
        raise NotApplicableError("no branch has a probability that depends on parameters alone")
    return worst_of(findings)


def _samples(bench: Bench) -> dict[str, FloatArray]:
    """Base case and draws of every parameter that is the same for every patient, one after the other."""
    table, by = bench.scenario.table, bench.scenario.by
    drawn = sample_parameters(table, bench.scenario.groups, N_DRAWS, bench.sampling.seed)
    return {id_: np.concatenate((base, drawn[id_])) for id_, base in table.base().items() if id_ not in by.ids}


@check("standstill", "event/state", "With no incidence and no mortality, prevalence is constant")
def nothing_moves_by_itself(bench: Bench) -> Finding:
    """Occupancy at every time against that at time zero, with all hazards, detections and durations off."""
    if bench.scenario.file.partitioned_survival is not None:
        raise NotApplicableError("states follow from survival curves, which have no hazard to stop")
    share = occupancy(bench.run((edits.standstill,)))
    where = places(strategy=bench.strategies, state=bench.program.states, time=times(bench.base))
    return compare(share, "equal to", share[:, :, :1], EXACT, where, "states and times")


# === Strategies ===


def _refuse_one(bench: Bench) -> None:
    if len(bench.strategies) < 2:
        raise NotApplicableError("the scenario has one strategy")
    if edits.strategies_compared_by_name(bench.scenario):
        raise NotApplicableError("an expression asks for a strategy by its name, which changes with its inputs")


@check("identical-strategies", "event/state", "Strategies with the same inputs give the same results, to the last bit")
def same_inputs_same_results(bench: Bench) -> Finding:
    """Main outcomes where every strategy does what the last does."""
    _refuse_one(bench)
    mean = bench.mean((edits.one_strategy, bench.strategies[-1]), n_patients=bench.n_few)
    return same(mean, np.broadcast_to(mean[:1], mean.shape), bench.grid())


@check("swapped-strategies", "event/state", "Swapping the inputs of strategies swaps their results, to the last bit")
def swapped_inputs_swap_results(bench: Bench) -> Finding:
    """Main outcomes with the order of definitions reversed, against those in the order of the file."""
    _refuse_one(bench)
    few = bench.n_few
    return same(
        bench.mean((edits.reversed_strategies,), n_patients=few), bench.mean(n_patients=few)[::-1], bench.grid()
    )
