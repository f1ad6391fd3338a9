"""Survival curves of a partitioned model as transitions of a chain of states, and what such a model cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.model.language.schema import Effect, Transition

if TYPE_CHECKING:
    from lmssim.model.language.schema import Curve, Effects, PartitionedSurvival, ScenarioFile, State


CLOCKS = ("entry", "model", "age")


def with_curves(file: ScenarioFile, where: str) -> ScenarioFile:
    """File with a transition for each survival curve; unchanged if the model has none.

    Raises
    ------
    ScenarioError
        If the curves and states do not form a chain.
    UnsupportedError
        If the file asks for what survival curves do not tell.
    """
    spec = file.partitioned_survival
    if spec is None:
        return file
    place = f"{where}: partitioned_survival"
    _check_chain(file, spec, place)
    _refuse_sections(file, where)
    for i, name in enumerate(spec.states):
        _refuse_in_state(file, file.states[name], i, f"{where}: states.{name}")
    for name in file.endpoints:
        curve_of_endpoint(file, name, where)
    if spec.background == "floor" and file.mortality is None:
        raise ScenarioError(f"{place}.background: 'floor' needs a [mortality] table.")
    transitions = [
        _transition(spec.states[k], spec.states[k + 1], name, curve, f"{place}.curves.{name}")
        for k, (name, curve) in enumerate(spec.curves.items())
    ]
    return file.model_copy(update={"transitions": transitions})


def _transition(source: str, target: str, name: str, curve: Curve, where: str) -> Transition:
    if curve.hazard.clock not in CLOCKS:
        raise UnsupportedError(f"{where}.hazard.clock: '{curve.hazard.clock}' is not possible; allowed: model, age.")
    clock = "model" if curve.hazard.clock == "entry" else curve.hazard.clock
    _refuse_clocks(curve.effects, where)
    return Transition.model_validate(
        {
            "from": source,
            "to": target,
            "name": name,
            "hazard": curve.hazard.model_copy(update={"clock": clock}),
            "effects": curve.effects,
        }
    )


def _refuse_clocks(effects: Effects, where: str) -> None:
    for key, effect in effects.items():
        if isinstance(effect, Effect) and effect.clock not in (None, "model"):
            raise UnsupportedError(f"{where}.effects.{key}.clock: '{effect.clock}' is not possible; allowed: model.")


def _check_chain(file: ScenarioFile, spec: PartitionedSurvival, where: str) -> None:
    """The states are those of the file, from the initial one to death, one more than there are curves."""
    if not spec.curves:
        raise ScenarioError(f"{where}.curves: at least one is needed.")
    for name in spec.states:
        if name not in file.states:
            raise ScenarioError(unknown("state", name, file.states, f"{where}.states"))
    left = [name for name in file.states if name not in spec.states]
    if left or len(set(spec.states)) < len(spec.states):
        raise ScenarioError(
            f"{where}.states: each state must stand there once{f'; {left[0]} is missing' if left else ''}."
        )
    if len(spec.states) != len(spec.curves) + 1:
        raise ScenarioError(
            f"{where}.states: {len(spec.curves)} curves part {len(spec.curves) + 1} states; {len(spec.states)} given."
        )
    for name in spec.states[:-1]:
        if file.states[name].kind != "dwelling":
            raise ScenarioError(f"{where}.states: only the last one is not a dwelling state; {name} is not either.")
    last = file.states[spec.states[-1]]
    if last.kind != "absorbing" or last.death is None:
        raise ScenarioError(
            f"{where}.states: the last one, {spec.states[-1]}, must be absorbing, with a cause of death."
        )
    if not file.states[spec.states[0]].initial:
        raise ScenarioError(f"{where}.states: the first one, {spec.states[0]}, must have initial = true.")


def _refuse(used: object, where: str, why: str) -> None:
    if used:
        raise UnsupportedError(f"{where}: not supported in a partitioned survival model: {why}.")


def _refuse_sections(file: ScenarioFile, where: str) -> None:
    _refuse(file.transitions, f"{where}: transitions", "its curves say who leaves a state and when")
    _refuse(file.cycles, f"{where}: cycles", "a model is declared by one of the two")
    _refuse(file.treatments, f"{where}: treatments", "let strategies set parameters and costs")
    _refuse(file.events, f"{where}: events", "it has no individual histories in which they could happen")
    _refuse(file.series, f"{where}: series", "they are read from individual histories")
    _refuse(file.cases, f"{where}: cases", "they are read from individual histories")
    for name, strategy in file.strategies.items():
        _refuse(strategy.mix, f"{where}: strategies.{name}.mix", "make each component a strategy")
    for i, exclusion in enumerate(file.terminal):
        place = f"{where}: terminal[{i + 1}].excludes"
        _refuse(exclusion.excludes, place, "the state before death is not known; give excludes = []")
        place = f"{where}: terminal[{i + 1}].before_death"
        _refuse(exclusion.before_death, place, "it has no individual deaths before which to count")


def _refuse_in_state(file: ScenarioFile, state: State, number: int, where: str) -> None:
    why = "curves do not tell when a stay began"
    for key in ("duration", "starts", "events"):
        _refuse(getattr(state, key), f"{where}.{key}", why)
    _refuse(state.limited and number > 0, f"{where}.limited", f"{why}, but for the first state")
    for tick in state.schedule:
        place = f"{where}.schedule.{tick.name}"
        _refuse(tick.event or tick.utility_loss is not None, place, "a tick has costs only")
        plan = file.plans.get(tick.at)
        here = plan is None or plan.origin == "model" or (plan.origin == "entry" and number == 0)
        _refuse(not here, f"{place}.at", f"{why}; give the plan '{tick.at}' origin = 'model'")


def curve_of_endpoint(file: ScenarioFile, name: str, where: str) -> int:
    """Number of the curve whose fall is an endpoint: its events, with death, are the states after the curve.

    Raises
    ------
    UnsupportedError
        If no curve tells when the endpoint comes.
    """
    spec, endpoint = file.partitioned_survival, file.endpoints[name]
    assert spec is not None
    for event in endpoint.events:
        if event not in spec.states:
            raise ScenarioError(unknown("state", event, spec.states, f"{where}: endpoints.{name}.events"))
    events = set(endpoint.events) | ({spec.states[-1]} if endpoint.death == "event" else set())
    if endpoint.origin == "model" and not endpoint.competing:
        for k in range(len(spec.curves)):
            if events == set(spec.states[k + 1 :]):
                return k
    possible = " or ".join(str(spec.states[k + 1 :]) for k in range(len(spec.curves)))
    raise UnsupportedError(
        f"{where}: endpoints.{name}: curves tell only when patients leave them; events must be {possible}, death one"
        " of them, without competing events, from the origin 'model'."
    )
