"""A scenario changed into what a trial compares: two strategies, its endpoints, hazard ratios on transitions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, nearest, unknown
from lmssim.model.edits import times, with_file, with_settings
from lmssim.model.language.schema import Effect, Endpoint
from lmssim.model.parameters.table import Parameter, ParameterTable
from lmssim.studies.trials.design.keys import ARMS

if TYPE_CHECKING:
    from lmssim.model.language.schema import Strategy, Transition
    from lmssim.model.scenario import Scenario
    from lmssim.studies.trials.design.objects import Ratio, TrialDesign

PARAMETER = "trial_log_hazard_ratio_{}_{}"
"""Parameter that holds a hazard ratio of an arm, by its place."""


def changed(scenario: Scenario, design: TrialDesign) -> Scenario:
    """The scenario with the arms as its strategies and the trial's endpoints, counted from randomisation.

    Raises
    ------
    InputError
        If a strategy, an endpoint or a transition does not exist; the message names the key.
    """
    if design.origin and design.origin not in scenario.file.states:
        raise InputError(unknown("state", design.origin, scenario.file.states, f"{design.path}: origin"))
    scenario = _with_ratios(scenario, design)
    strategies = {name: _strategy(scenario, design, k) for k, name in enumerate(ARMS)}
    origin = design.origin or "model"
    endpoints = {name: _endpoint(scenario, design, name, origin) for name in design.endpoints}
    file = with_file(scenario, strategies=strategies, endpoints=endpoints, series={}, cases={}, claims={})
    return with_settings(file, comparator=ARMS[0])


def _strategy(scenario: Scenario, design: TrialDesign, k: int) -> Strategy:
    arm, where = design.arms[k], f"{design.path}: arms.{ARMS[k]}"
    if arm.strategy not in scenario.file.strategies:
        raise InputError(unknown("strategy", arm.strategy, scenario.file.strategies, f"{where}.strategy"))
    for name in arm.set:
        if name not in scenario.table:
            raise InputError(unknown("parameter", name, scenario.table, f"{where}.set"))
    base = scenario.file.strategies[arm.strategy]
    ratios: dict[str, float | str] = {
        PARAMETER.format(i, j): 0.0 for i in range(len(ARMS)) for j in range(len(design.arms[i].ratios)) if i != k
    }
    return base.model_copy(update={"label": arm.label, "set": {**base.set, **arm.set, **ratios}})


def _endpoint(scenario: Scenario, design: TrialDesign, name: str, origin: str) -> Endpoint:
    spec = design.endpoints[name]
    if spec.events is None:
        if name not in scenario.file.endpoints:
            raise InputError(unknown("endpoint", name, scenario.file.endpoints, f"{design.path}: endpoints"))
        return scenario.file.endpoints[name].model_copy(update={"origin": origin})
    fields: dict[str, Any] = {"events": list(spec.events), "competing": list(spec.competing), "death": spec.death}
    return Endpoint(label=spec.label, origin=origin, **fields)


def _with_ratios(scenario: Scenario, design: TrialDesign) -> Scenario:
    """Hazard ratios as effects whose size is a parameter that the other arm sets to 0."""
    rows: list[Parameter] = []
    transitions = list(scenario.file.transitions)
    for i, arm in enumerate(design.arms):
        for j, ratio in enumerate(arm.ratios):
            name = PARAMETER.format(i, j)
            rows.append(_parameter(name, ratio))
            places = [t for t, each in enumerate(transitions) if ratio.transition in names_of(each)]
            if not places:
                known = sorted({n for t in transitions for n in names_of(t)})
                where = f"{design.path}: arms.{ARMS[i]}.hazard_ratio"
                raise InputError(f"{where}: unknown transition '{ratio.transition}'.{nearest(ratio.transition, known)}")
            for place in places:
                transitions[place] = _multiplied(transitions[place], name, ratio.delay * design.years, j)
    if not rows:
        return scenario
    table = ParameterTable([*scenario.table.values(), *rows])
    return with_file(replace(scenario, table=table), transitions=transitions)


def names_of(transition: Transition) -> list[str]:
    """Names by which a transition that races is known."""
    if transition.detection is not None:
        return []
    return [name for name in (transition.name, transition.to, transition.risk, transition.mark) if name]


def _multiplied(transition: Transition, parameter: str, delay: float, j: int) -> Transition:
    effect = Effect(value=parameter, clock="model", delay=delay) if delay > 0.0 else Effect(value=parameter)
    key = "1" if f"{1}" not in transition.effects else f"1 + 0 * {j + 1}"
    return transition.model_copy(update={"effects": {**transition.effects, key: effect}})


def _parameter(name: str, ratio: Ratio) -> Parameter:
    value = math.log(ratio.value)
    if ratio.log_sd == 0.0:
        return Parameter(id=name, value=value, kind="assumed")
    return Parameter(id=name, value=value, distribution="normal", p1=ratio.log_mean, p2=ratio.log_sd, kind="assumed")


def with_background(scenario: Scenario, factor: float) -> Scenario:
    """Background mortality times a factor."""
    transitions = [
        t
        if t.background is None
        else t.model_copy(
            update={
                "background": t.background.model_copy(update={"multiplier": times(t.background.multiplier, factor)})
            }
        )
        for t in scenario.file.transitions
    ]
    return with_file(scenario, transitions=transitions)
