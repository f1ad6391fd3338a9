"""Checks of one-way analysis and of thresholds, on the user's own model: what they leave out, move, find and say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.lead import Z975
from lmssim.errors import InputError, NotApplicableError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import COHORT
from lmssim.studies.sensitivity.one_way import study
from lmssim.studies.sensitivity.one_way.bar import REGRESSION
from lmssim.studies.sensitivity.one_way.regression import Regressions
from lmssim.studies.sensitivity.paired.block_draws import BlockWork
from lmssim.studies.sensitivity.paired.joint import own_draws
from lmssim.studies.sensitivity.paired.runs import Drawn, at_values, restricted
from lmssim.studies.sensitivity.paired.varied import check_alone, varied_of
from lmssim.studies.sensitivity.psa.work import Work
from lmssim.studies.sensitivity.threshold.search import Search
from lmssim.studies.verify.finding import Finding, compare, places, verdict, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.evaluation import Sampling
    from lmssim.studies.sensitivity.one_way.result import OneWay
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.paired.response import Response
    from lmssim.studies.verify.bench import Bench

DRAWS, PATIENTS, TOP, SHORT = 60, 80, 4, 2
"""Of the analysis that is checked: draws, patients of each, parameters whose bars come from longer runs, draws of the
short runs that tell which."""
FOLLOWED = 3
"""Parameters of each block that are followed, at most."""
AT_VALUES = 1_024
"""Patients of a run at values."""
ALONE = 8
"""Parameters among which one is looked for whose threshold can be made."""
STEPS = 4
CLOSE, JUMP = 1e-6, 0.1
"""Of a net benefit that is put back, the share and the part of its standard error that it may be off 0."""


def _analysis(bench: Bench) -> OneWay:
    """A small one-way analysis, made once for the checks that read it."""
    if not bench.uncertain:
        raise NotApplicableError("no parameter has a distribution")
    if len(bench.strategies) < 2:
        raise NotApplicableError("there is one strategy, and nothing to compare it with")
    runs = Drawn(bench.program, _few(bench), DRAWS)
    asked = study.Asked(wtps=_wtps(bench), top=TOP, short=SHORT)
    found: OneWay = bench.once("one-way", lambda: study.one_way(runs, DRAWS, asked))
    return found


def _few(bench: Bench) -> Sampling:
    """Few patients of each draw."""
    return replace(bench.sampling, engine=bench.engine, n_patients=PATIENTS, counting=False, strategies=())


def _wtps(bench: Bench) -> tuple[float, ...]:
    return tuple(bench.scenario.file.settings.wtp) or (30_000.0,)


def _joint(bench: Bench) -> set[str]:
    """Parameters that are drawn together with others."""
    groups = bench.scenario.groups.values()
    return {m for group in groups if len(group.members) > 1 for m in group.members} & set(bench.uncertain)


@check(
    "one-way-complete",
    "uncertainty",
    "All uncertain parameters are in the one-way analysis",
    scope=Scope.LIVES,
    effort=8,
)
def every_uncertain_parameter_is_there(bench: Bench) -> Finding:
    """Parameters with a bar, or named with the reason, against those with a distribution of their own or of a group."""
    found = _analysis(bench)
    named = {bar.varied.id for bar in found.bars} | {each.id for each, reason in found.left_out if reason}
    missing = [id_ for id_ in bench.uncertain if id_ not in named]
    where = {"parameter": missing[0] if missing else bench.uncertain[0]}
    return verdict(not missing, f"{len(missing)} left out", "none left out", where, "parameters")


@check(
    "one-way-joint",
    "uncertainty",
    "Parameters drawn together are not varied one by one",
    scope=Scope.LIVES,
    effort=8,
)
def what_is_drawn_together_stays_together(bench: Bench) -> Finding:
    """Ways in which bars of such parameters were made: by regression alone, beside one bar for their whole block.

    Runs that would hold one of a group are refused, and in the classic form its members change together.
    """
    joint = _joint(bench)
    if not joint:
        raise NotApplicableError("no parameters are drawn together")
    found = _analysis(bench)
    moved = [bar.varied.id for bar in found.bars if bar.varied.id in joint and bar.method != REGRESSION]
    inside = [id_ for each in found.blocks for id_ in each.block.members]
    moved += [bar.varied.id for bar in found.bars if bar.varied.id in joint and inside.count(bar.varied.id) != 1]
    one_of_each = {min(joint & set(group.members), default="") for group in bench.scenario.groups.values()} - {""}
    moved += [id_ for id_ in sorted(one_of_each & joint) if not _is_refused(bench, id_)]
    moved += [id_ for each in found.blocks for id_ in _apart(bench, each.block)]
    where = {"parameter": moved[0] if moved else min(joint)}
    return verdict(not moved, f"{len(set(moved))} moved alone", "none moved alone", where, "parameters")


def _is_refused(bench: Bench, id_: str) -> bool:
    try:
        check_alone(bench.program, id_, "--vary")
    except InputError:
        return True
    return False


def _apart(bench: Bench, block: Block) -> list[str]:
    """Parameters that do not change as they should in draws of a block: members jointly, the others not at all."""
    whom = replace(_few(bench), random_numbers="independent")
    work = BlockWork(bench.program, whom, DRAWS, block=block, n_rows=DRAWS)
    alone, jointly, base = work.draws(0, DRAWS), Work.draws(work, 0, DRAWS), bench.scenario.table.base()
    return [
        id_
        for id_ in bench.uncertain
        if not np.array_equal(alone[id_], jointly[id_] if id_ in block.members else np.full(DRAWS, base[id_][0]))
    ]


@check(
    "one-way-expected",
    "uncertainty",
    "Expectations given a parameter average to the expectation",
    scope=Scope.LIVES,
    effort=8,
)
def expectations_given_a_parameter_average_out(bench: Bench) -> Finding:
    """Mean over the draws of what is expected given each draw's value, against the mean: bars and thresholds use it."""
    found, varied = _analysis(bench), varied_of(bench.program)
    drawn = restricted(Drawn(bench.program, _few(bench), DRAWS), found.contrast)
    wtp = found.wtps[0]
    fits = Regressions.of(own_draws(drawn), found.contrast, list(varied.values()), wtp)
    ids = [id_ for each in found.blocks for id_ in each.block.members[:FOLLOWED]]
    if not ids:
        raise NotApplicableError("no parameters are drawn together")
    curves = [fits.curves.along(varied[id_]) for id_ in ids]
    means = np.array([np.mean([curve.at(x).mean for x in curve.column.tolist()], axis=0) for curve in curves])
    size = float(np.abs(fits.curves.draws.values).max(axis=0) @ np.array([1.0, wtp]))
    gaps = (means - fits.base.mean) @ np.array([-1.0, wtp])
    return compare(gaps, "equal to", 0.0, CLOSE * size, places(parameter=ids), "gaps")


@check("one-way-plausible", "uncertainty", "One-way results are plausible", scope=Scope.LIVES, effort=9)
def bars_point_the_way_that_the_model_does(bench: Bench) -> Finding:
    """Direction of each bar from runs against that of the model with the others at their values, beyond both errors."""
    found = _analysis(bench)
    bars = [bar for bar in found.bars if bar.sample == study.RUN_SAMPLE]
    runs = restricted(at_values(bench.program, _at_values(bench)), found.contrast)
    findings = []
    for bar in bars:
        low, high = (
            runs.at({bar.varied.id: x}).increment(found.contrast.strategy, found.contrast.against)
            for x in (bar.varied.low, bar.varied.high)
        )
        for wtp in found.wtps:
            one, other = bar.slope(wtp), (high - low).net_benefit(wtp)
            if abs(one.mean) > Z975 * one.se and abs(other.mean) > Z975 * other.se:
                where = {"parameter": bar.varied.id, "wtp": f"{wtp:g}"}
                agree = one.mean * other.mean > 0.0
                findings.append(verdict(agree, _way(one.mean), _way(other.mean), where, "directions"))
    if not findings:
        raise NotApplicableError("no bar is longer than its error")
    return warning(worst_of(findings))


def _way(slope: float) -> str:
    return "rises" if slope > 0.0 else "falls"


@check("thresholds", "uncertainty", "A threshold put back makes two strategies equal", effort=9)
def thresholds_are_found_again(bench: Bench) -> Finding:
    """Increment of net benefit of a run with a parameter held at its threshold, against 0.

    The willingness to pay is the one that makes two strategies equal at the parameter's median. A simulated increment
    may jump past 0 by a patient or two: a tenth of its standard error is allowed.
    """
    runs = at_values(bench.program, _at_values(bench))
    for id_ in _alone(bench):
        found = _put_back(bench, runs.at, id_)
        if found is not None:
            return found
    raise NotApplicableError("no parameter that is drawn alone changes which of two strategies is the better one")


def _alone(bench: Bench) -> list[str]:
    return [id_ for id_ in bench.uncertain if id_ not in _joint(bench)][:ALONE]


def _put_back(bench: Bench, at: Callable[[Mapping[str, float]], Response], id_: str) -> Finding | None:
    """Increment at the threshold of a parameter; None if nothing changes."""
    varied = varied_of(bench.program)[id_]
    known: dict[float, Response] = {}

    def follow(x: float) -> Response:
        if x not in known:
            known[x] = at({id_: x})
        return known[x]

    comparator = bench.scenario.comparator
    for strategy in bench.strategies:
        cost, effect = follow(0.5 * (varied.low + varied.high)).increment(strategy, comparator).mean.tolist()
        if strategy == comparator or effect == 0.0:
            continue
        wtp = cost / effect
        ends = [follow(x).increment(strategy, comparator).net_benefit(wtp).mean for x in (varied.low, varied.high)]
        if ends[0] * ends[1] < 0.0:
            grid = np.linspace(varied.low, varied.high, STEPS).tolist()
            values = [each.value.mean for each in Search(follow, [comparator, strategy], wtp).crossings(grid)]
            return _again(bench, id_, values, strategy, wtp)
    return None


def _again(bench: Bench, id_: str, values: Sequence[float], strategy: str, wtp: float) -> Finding:
    """The greatest increment of runs with the parameter held at each of its thresholds."""
    where = places(parameter=[id_], strategy=[strategy], value=values)
    if not values:
        place = {"parameter": id_, "strategy": strategy}
        return verdict(False, "none", "a threshold, as the ends of the range differ in sign", place, "thresholds")
    sampling = _at_values(bench)
    runs = [evaluate(bench.scenario.with_values({id_: value}), sampling) for value in values]
    found = [run.incremental_net_benefit(strategy, wtp) for run in runs]
    size = [abs(wtp * run.increment(strategy, "qalys").mean) for run in runs]
    allowed = [CLOSE * s + JUMP * each.se for s, each in zip(size, found, strict=True)]
    return compare([each.mean for each in found], "equal to", 0.0, allowed, where, "increments")


def _at_values(bench: Bench) -> Sampling:
    """Patients of a run at values: enough for errors, and no more."""
    n = bench.sampling.n_patients if bench.engine == COHORT else AT_VALUES
    return replace(bench.sampling, engine=bench.engine, n_patients=n, counting=False, strategies=())
