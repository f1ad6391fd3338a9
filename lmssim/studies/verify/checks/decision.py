"""Checks of the decision under uncertainty: acceptability curves, the cloud of draws, draws that reach the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.acceptability import Acceptability
from lmssim.errors import NotApplicableError
from lmssim.outcomes.main import MAIN
from lmssim.studies.verify.bench import COST, N_DRAWS, QALY, Bench, evaluate
from lmssim.studies.verify.finding import EXACT, Finding, compare, places, same, verdict, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

WTPS = tuple(float(wtp) for wtp in range(0, 100_001, 5_000))
"""Willingness to pay at which curves are read."""
FAR = 12.0
"""Interquartile ranges from the median beyond which a draw stands apart: no usual distribution goes so far."""
HELD = (0, N_DRAWS // 2, N_DRAWS - 1)
"""Draws that are run again, their parameters held at their values."""


def _decision(bench: Bench) -> tuple[Acceptability, list[str]]:
    """Draws of the strategies that are choices."""
    choices = [s for s in bench.strategies if not bench.scenario.file.strategies[s].mix]
    if len(choices) < 2:
        raise NotApplicableError("there is one strategy to choose")
    mean = bench.drawn.estimates.mean[:, [bench.strategies.index(s) for s in choices]]
    return Acceptability(mean[:, :, COST], mean[:, :, QALY]), choices


@check("ceac-sum", "uncertainty", "Acceptability curves add up to 1 at every threshold", effort=10)
def acceptability_adds_up(bench: Bench) -> Finding:
    """Sums over strategies of the probability of being optimal, at 21 values of the willingness to pay."""
    decision, _ = _decision(bench)
    sums = [decision.ceac(wtp).sum() for wtp in WTPS]
    return compare(sums, "equal to", 1.0, EXACT, places(wtp=WTPS), "sums")


@check("ceac-scatter", "uncertainty", "Acceptability curves agree with the scatter and the frontier", effort=10)
def acceptability_agrees_with_the_scatter(bench: Bench) -> Finding:
    """Probabilities against draws counted pair by pair in the scatter; the least expected loss is on the frontier."""
    decision, choices = _decision(bench)
    findings = []
    for wtp in WTPS:
        counted = _counted(decision.cost, decision.effect, wtp)
        where = places(wtp=[wtp], strategy=choices)
        findings.append(compare(decision.ceac(wtp), "equal to", counted, EXACT, where, "probabilities"))
        loss, best = decision.expected_loss(wtp)[0], decision.optimal(wtp)
        size = EXACT * float((np.abs(decision.cost) + wtp * np.abs(decision.effect)).max())
        findings.append(compare(loss[best], "at most", loss.min(), size, places(wtp=[wtp]), "losses"))
    return worst_of(findings)


def _counted(cost: FloatArray, effect: FloatArray, wtp: float) -> FloatArray:
    """Share of draws in which no other strategy lies below the line through a strategy; those on it share the draw."""
    shares = np.zeros(cost.shape[1])
    for c, e in zip(cost, effect, strict=True):
        room = EXACT * float((np.abs(c) + wtp * np.abs(e)).max())
        best = [i for i in range(len(c)) if all(wtp * (e[j] - e[i]) - (c[j] - c[i]) <= room for j in range(len(c)))]
        shares[best] += 1.0 / max(len(best), 1)
    return shares / len(cost)


@check("psa-cloud", "uncertainty", "The cloud of draws has no odd shape", effort=10)
def the_cloud_is_of_one_piece(bench: Bench) -> Finding:
    """Distance of the farthest draw from the median, in interquartile ranges; one that stands apart is a warning."""
    mean = bench.drawn.estimates.mean[:, :, [COST, QALY]]
    c = bench.strategies.index(bench.scenario.comparator)
    findings = []
    for s, strategy in enumerate(bench.strategies):
        for k, outcome in enumerate(("cost", "qalys")):
            for what, values in (("", mean[:, s, k]), ("incremental ", mean[:, s, k] - mean[:, c, k])):
                if np.ptp(values) > EXACT * np.abs(mean[:, :, k]).max():
                    findings.append(_farthest(values, strategy, f"{what}{outcome}"))
    return warning(worst_of(findings))


def _farthest(values: FloatArray, strategy: str, outcome: str) -> Finding:
    """Distance of the draw that is farthest out."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    away = np.abs(values - median)
    width = max(float(high - low), 0.01 * float(away.max()))  # of draws that mostly agree, as where few have an event
    if high == low:
        return verdict(True, "most draws agree", "one cloud", {"strategy": strategy, "outcome": outcome}, "distances")
    draw = int(np.argmax(away))
    where = places(strategy=[strategy], outcome=[outcome], draw=[draw])
    return compare(away[draw] / width, "at most", FAR, 0.0, where, "distances")


@check("draws-reach", "uncertainty", "Sampled parameters reach the result", scope=Scope.LIVES, effort=10)
def draws_reach_the_result(bench: Bench) -> Finding:
    """Outcomes of three draws against runs of the scenario with its parameters held at the values of these draws."""
    drawn, findings = bench.drawn, []
    for draw in HELD:
        values = {id_: float(bench.draws[id_][draw]) for id_ in bench.uncertain}
        held = evaluate(bench.scenario.with_values(values), drawn.sampling)
        for name, outcome in MAIN.items():
            where = places(draw=[draw], strategy=bench.strategies, outcome=[name])
            a, b = (each[:, outcome.position] for each in (drawn.estimates.mean[draw], held.estimates.mean[0]))
            findings.append(same(a, b, where, "outcomes"))
    return worst_of(findings)
