"""Make the bars: all by regression on joint draws, those of the widest independent parameters by runs of the model.

A bar is the expected increment given the parameter at its 2.5% and at its 97.5% quantile, the others over their
distribution. A parameter of a posterior or of another joint group is never held alone: with it the others of its group
change, as the draws have it, so that its bar comes from regression.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from lmssim.economics.one_way.conditional import Draws, conditional_means
from lmssim.economics.one_way.controls import controls
from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.one_way.bar import REGRESSION, RUNS, VALUES, Bar
from lmssim.studies.sensitivity.one_way.result import OneWay
from lmssim.studies.sensitivity.paired.contrast import Contrast, check_contrast, contrast_of
from lmssim.studies.sensitivity.paired.joint import own_draws
from lmssim.studies.sensitivity.paired.runs import restricted
from lmssim.studies.sensitivity.paired.varied import varied_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.joint import JointDraws
    from lmssim.studies.sensitivity.paired.response import Response
    from lmssim.studies.sensitivity.paired.runs import AtValues, Drawn, Runs, Solved
    from lmssim.studies.sensitivity.paired.varied import Varied

    Phases = Callable[[str, int, int], None]

DEFAULT_DRAWS, DEFAULT_PATIENTS, MOST_OF_RUNS = 4_000, 100, 1_000
"""Joint draws, patients of each, and the draws of the runs, at most."""
TOP = 20
"""Independent parameters whose bars come from runs of the model."""
DOES_NOT_VARY = "its draws do not vary"
NOT_DRAWN = "the folder holds no draws of it"
PSA_SAMPLE, RUN_SAMPLE = "joint draws", "runs"


@dataclass(frozen=True)
class Asked:
    """What is compared, and at which willingness to pay.

    Attributes
    ----------
    strategy, against : str, optional
        The strategies; the best of the others and the comparator if absent.
    wtps : sequence of float
        The scenario's own if empty.
    top : int
        Independent parameters whose bars come from runs.
    """

    strategy: str | None = None
    against: str | None = None
    wtps: Sequence[float] = ()
    top: int = TOP

    def check(self, scenario: Scenario) -> None:
        """Refuse what cannot be compared."""
        check_contrast(scenario, self.strategy, self.against)
        if not self.all_wtps(scenario):
            raise InputError("--wtp: the scenario names no willingness to pay (settings.wtp); give one or more.")

    def all_wtps(self, scenario: Scenario) -> list[float]:
        """Willingness to pay of the tables."""
        return sorted(set(self.wtps)) or scenario.file.settings.wtp


def one_way(
    runs: Drawn,
    n_draws: int,
    asked: Asked,
    progress: Phases | None = None,
    given: JointDraws | None = None,
) -> OneWay:
    """Bars with the other parameters over their distribution.

    Parameters
    ----------
    runs : Drawn
        Runs the model with a parameter held, over fewer draws than the regression takes.
    n_draws : int
        Joint draws for the regression.
    progress : callable, optional
        Called with (what is done, done, in all).
    given : JointDraws, optional
        Draws that are taken for the regression instead, such as those of a folder of `lmssim psa`.
    """
    scenario, told = runs.program.scenario, progress or _silent
    asked.check(scenario)
    wtps = asked.all_wtps(scenario)
    known = given.response if given is not None else None
    contrast = _chosen(runs, known, asked, wtps, told)
    few = restricted(runs, contrast)
    joint = given or own_draws(replace(few, n_draws=n_draws), partial(told, "joint draws"))
    _check_known(joint, contrast)
    varied = list(varied_of(runs.program).values())
    bars, left_out, r2 = _by_regression(joint, contrast, varied, _middle(wtps), told)
    widest = _widest([bar for bar in bars if not bar.varied.joint], wtps, asked.top)
    replaced = _by_runs(few, contrast, widest, RUNS, told)
    made = {
        "draws": joint.n_draws,
        "psa": joint.origin,
        "draws_of_runs": runs.n_draws,
        "patients": runs.sampling.n_patients,
        "runs": 2 * len(widest),
        "explained": r2,
        "exact": runs.work.exact,
    }
    found = [replaced.get(bar.varied.id, bar) for bar in bars]
    base = joint.response.increment(contrast.strategy, contrast.against)
    return OneWay(runs.program, contrast, wtps, classic=False, base=base, bars=found, left_out=left_out, made=made)


def _chosen(runs: Drawn, known: Response | None, asked: Asked, wtps: Sequence[float], told: Phases) -> Contrast:
    """The strategies to compare; if they are not named, all are run first."""
    scenario = runs.program.scenario
    if asked.strategy is not None:
        return Contrast(asked.strategy, asked.against or scenario.comparator)
    response = runs.at({}, partial(told, "all strategies")) if known is None else known
    return contrast_of(scenario, response, wtps[0], asked.strategy, asked.against)


def _check_known(joint: JointDraws, contrast: Contrast) -> None:
    """Refuse draws of other strategies."""
    for name in (contrast.strategy, contrast.against):
        if name not in joint.response.strategies:
            raise InputError(unknown("strategy that is a choice", name, joint.response.strategies, "--psa"))


def classic(runs: AtValues | Solved, asked: Asked, progress: Phases | None = None) -> OneWay:
    """Bars with the other parameters at their values; parameters that are drawn jointly are left out, and said.

    Parameters
    ----------
    runs : Runs
        With the other parameters at their values (`lmssim.studies.sensitivity.paired.runs.at_values`).
    """
    scenario, told = runs.program.scenario, progress or _silent
    asked.check(scenario)
    wtps = asked.all_wtps(scenario)
    response = runs.at({})
    contrast = contrast_of(scenario, response, wtps[0], asked.strategy, asked.against)
    varied = list(varied_of(runs.program).values())
    free = [each for each in varied if not each.joint]
    if not free:
        raise InputError(f"{scenario.path}: every uncertain parameter is drawn jointly: leave --classic out.")
    few = restricted(runs, contrast)
    base = response.increment(contrast.strategy, contrast.against)
    bars = list(_by_runs(few, contrast, free, VALUES, told).values())
    left_out = [(each, each.why_not_alone) for each in varied if each.joint]
    made: dict[str, object] = {"runs": 2 * len(free), "patients": runs.sampling.n_patients, "exact": response.is_exact}
    return OneWay(runs.program, contrast, wtps, classic=True, base=base, bars=bars, left_out=left_out, made=made)


def _by_regression(
    joint: JointDraws, contrast: Contrast, varied: Sequence[Varied], wtp: float, told: Phases
) -> tuple[list[Bar], list[tuple[Varied, str]], float]:
    """Bars by regression, what has none, and the share of variance that all parameters explain together."""
    response = joint.response
    s, c = (response.strategies.index(name) for name in (contrast.strategy, contrast.against))
    draws = Draws(response.values[:, s] - response.values[:, c], response.units, wtp)
    base = response.increment(contrast.strategy, contrast.against)
    moving = {name: values for name, values in joint.parameters.items() if np.ptp(values) > 0.0}
    bars: list[Bar] = []
    left_out: list[tuple[Varied, str]] = []
    with threadpool_limits(limits=1):
        known = {each.id: moving[each.id] for each in varied if each.id in moving}
        explain = controls(known, draws.with_benefit(draws.values), draws.folds)
        for done, each in enumerate(varied, 1):
            if each.id in moving:
                terms = explain.without(each.members)[:, 1:]
                low, high = conditional_means(moving[each.id], draws, terms, (each.low, each.high))
                bars.append(Bar(each, REGRESSION, base, low, high, PSA_SAMPLE))
            else:
                left_out.append((each, DOES_NOT_VARY if each.id in joint.parameters else NOT_DRAWN))
            told("regressions", done, len(varied))
    return bars, left_out, explain.r2


def _by_runs(runs: Runs, contrast: Contrast, varied: Sequence[Varied], method: str, told: Phases) -> dict[str, Bar]:
    """Bars by runs of the model, by parameter."""
    if not varied:
        return {}
    base = runs.at({}).increment(contrast.strategy, contrast.against)
    found = {}
    for done, each in enumerate(varied, 1):
        if each.joint:
            raise ValueError(f"{each.id}: {each.why_not_alone}")
        low, high = (
            runs.at({each.id: value}).increment(contrast.strategy, contrast.against) for value in (each.low, each.high)
        )
        found[each.id] = Bar(each, method, base, low, high, RUN_SAMPLE)
        told("runs", done, len(varied))
    return found


def _widest(bars: Sequence[Bar], wtps: Sequence[float], top: int) -> list[Varied]:
    """Parameters of the longest bars at any willingness to pay."""
    sizes = {id(bar): max(bar.width(wtp).size / (1.0 + wtp) for wtp in wtps) for bar in bars}
    return [bar.varied for bar in sorted(bars, key=lambda bar: -sizes[id(bar)])[:top]]


def _middle(wtps: Sequence[float]) -> float:
    """Willingness to pay at which terms of fits are chosen."""
    return float(np.mean(wtps))


def _silent(*_: object) -> None:
    return None
