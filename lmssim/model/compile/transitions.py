"""Compile transitions: their family and clock, the risk they use up, their effects and what they set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels import families as codes
from lmssim.kernels.layout import (
    CLOCK_AGE,
    CLOCK_ENTRY,
    NONE,
)
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Number
from lmssim.model.language.families import FAMILIES
from lmssim.model.language.schema import Hazard, Transition

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft

_FAMILY_KEYS = ("rate", "shape", "scale", "meanlog", "sdlog", "mu", "sigma", "q", "delay", "starts", "rates")


def compile_transition(d: Draft, source: str, transition: Transition, event: int = -1) -> None:
    """Append a transition out of one state."""
    where = f"{d.where}: transition {source} -> {transition.to or transition.name or transition.mark}"
    if d.file.partitioned_survival is not None:
        where = f"{d.where}: partitioned_survival.curves.{transition.name}"
    out = d.out
    name = transition.name or transition.to or str(transition.mark)
    first_effect = len(out["effect_ref"])
    default = "hazard" if transition.detection is None and d.cycle is None else "logit"
    bits, timed = d.effects(transition.effects, default, where)
    out["effect_start"].append(first_effect)
    out["effect_end"].append(len(out["effect_ref"]))
    care, want, rule = d.names.rule(transition.when, f"{where}.when")
    clear, mark = d.names.masks(transition.set, f"{where}.set")
    out["to"].append(-1 if transition.to is None else d.state(transition.to, where))
    spec: tuple[Any, ...] | None
    if d.cycle is not None:
        risk, spec, rule = _in_cycles(d, transition, d.cycle.length, rule, name, where), None, -1
    elif transition.detection is not None:
        risk, spec = _detection(d, transition, source, name, where), None
    elif transition.background is not None:
        risk, spec = _background(d, transition, name, where)
    else:
        assert transition.hazard is not None
        risk, spec = _hazard(d, transition, transition.hazard, source, name, where)
    for column, value in (
        ("care", care),
        ("want", want),
        ("rule", rule),
        ("clear_bits", clear),
        ("set_bits", mark),
        ("silent", int(transition.to is None)),
        ("timed", int(timed)),
        ("transition_event", event),
        ("transition_mark", _mark(d, transition, event)),
    ):
        out[column].append(value)
    for ref in (out["ref_a"][-1], out["ref_b"][-1], out["ref_c"][-1], *out["effect_ref"][first_effect:]):
        bits |= 0 if d.cycle is not None else _ref_bits(d, ref, where)
    out["effect_bits"].append(bits)
    if transition.to is None and out["family"][-1] == codes.FIXED and not care & (want ^ mark) & (mark | clear):
        raise ScenarioError(
            f"{where}: a silent event after a fixed delay would happen again at once; give it a `when` that its"
            " own `set` ends, such as when = 'not occult', set.occult = true."
        )
    _refuse_shared_risk(d, where)
    out["rate_id"].append(-1 if spec is None else _rate(d, spec, first_effect))
    d.transitions.append((source, transition.to, risk))
    d.flat_transitions_in_order.append(None if event >= 0 else transition)


def _refuse_shared_risk(d: Draft, where: str) -> None:
    """Two transitions that can be open at once must not use up one budget; alternatives by `when` may."""
    out, j = d.out, len(d.out["risk"]) - 1
    for i in range(out["transition_first"][-1], j):
        both = out["care"][i] & out["care"][j]
        apart = both & (out["want"][i] ^ out["want"][j]) or (out["rule"][i] >= 0 and out["rule"][j] >= 0)
        if out["risk"][i] == out["risk"][j] >= 0 and not apart:
            risk = next(name for name, k in d.risks.items() if k == out["risk"][j])
            raise ScenarioError(
                f"{where}: another transition out of this state uses the same risk '{risk}'; give one of them a"
                " `name` of its own (their hazards then add), or a `when` that excludes the other."
            )


def _mark(d: Draft, transition: Transition, event: int) -> int:
    if event >= 0:
        return event
    if transition.mark is None:
        return -1
    if transition.mark not in d.marks:
        d.marks.append(transition.mark)
    return d.marks.index(transition.mark)


def _ref_bits(d: Draft, ref: int, where: str) -> int:
    """Attribute bits that a ref's program reads; programs of hazards must not read the time."""
    if ref >= 0 or ref == NONE:
        return 0
    node = d.names.origins[-1 - ref][0]
    if d.names.depends_on_time(node):
        raise UnsupportedError(
            f"{where}: a hazard may not depend on age, time or a clock within a stay; choose a family on that clock."
        )
    return d.names.bits_of(node)


def _rate(d: Draft, spec: tuple[Any, ...], first_effect: int) -> int:
    effects = tuple(
        tuple(d.out[c][i] for c in ("effect_column", "effect_mask", "effect_ref", "effect_on", "effect_clock"))
        for i in range(first_effect, len(d.out["effect_ref"]))
    )
    key = (*spec, effects)
    if key not in d.rates:
        d.rates[key] = len(d.rates)
        d.out["rate_family"].append(spec[0])
    return d.rates[key]


def _risk(d: Draft, name: str, fresh: bool, where: str) -> int:
    if d.fresh_risks.setdefault(name, fresh) != fresh:
        raise ScenarioError(f"{where}: risk '{name}' is carried in one place and drawn at each entry in another.")
    if name not in d.risks:
        d.risks[name] = len(d.risks)
        d.out["risk_decision"].append(d.decision(f"risk {name}"))
        d.out["cure_decision"].append(d.decision(f"cure {name}"))
    return d.risks[name]


def _fill(d: Draft, **values: int) -> None:
    """Columns of a transition; those not given take their neutral value."""
    neutral = {
        "ref_a": NONE,
        "ref_b": NONE,
        "ref_c": NONE,
        "clock": CLOCK_ENTRY,
        "default_model": 0,
        "risk": -1,
        "fresh": 0,
        "cure": NONE,
        "cure_redraw": 0,
        "plan": -1,
        "test_decision": -1,
    }
    for column, value in (neutral | values).items():
        d.out[column].append(value)


def _detection(d: Draft, transition: Transition, source: str, name: str, where: str) -> str:
    detection = transition.detection
    assert detection is not None
    plan = d.index("plan", detection.plan, d.plans, f"{where}.detection.plan")
    test = d.decision(f"test {detection.test or f'{detection.plan} {name}'}")
    ref = d.names.ref(detection.sensitivity, f"{where}.detection.sensitivity", "probability")
    _fill(d, family=codes.VISIT, ref_a=ref, plan=plan, test_decision=test)
    return name


def _in_cycles(d: Draft, transition: Transition, length: float, rule: int, name: str, where: str) -> str:
    """Probability of a cycle, 0 where the rule does not hold; both are read at the start of each cycle."""
    if transition.rate is not None and transition.effects:
        raise UnsupportedError(
            f"{where}.effects: act on the log odds of a `probability`; write what changes a `rate` into its expression."
        )
    key = "rate" if transition.rate is not None else "probability"
    place, value = f"{where}.{key}", getattr(transition, key)
    node = d.names.resolve(expression.parse(value, place), place)
    if key == "rate":
        exponent = Apply("neg", (Apply("*", (node, Number(length))),))
        node = Apply("-", (Number(1.0), Apply("exp", (exponent,))))
    if rule >= 0:
        node = Apply("if", (d.names.origins[rule][0], node, Number(0.0)))
    check = "probability" if d.names.is_constant(node) else "any"  # the kernels check it in each cycle
    test = d.decision(f"cycle {name}")
    _fill(d, family=codes.VISIT, ref_a=d.names.ref_of(node, place, check), test_decision=test)
    return name


def compile_tick_event(d: Draft, source: str, event: str, plan: str, where: str) -> None:
    """An event that may happen at each tick of a plan, without leaving the state."""
    number = d.index("event", event, list(d.file.events), f"{where}.event")
    spec = d.file.events[event]
    tick = Transition.model_validate(
        {
            "from": source,
            "name": f"tick {event}",
            "when": spec.when,
            "effects": spec.effects,
            "detection": {"plan": plan, "sensitivity": spec.probability, "test": f"tick {event}"},
        }
    )
    compile_transition(d, source, tick, number)


def _background(d: Draft, transition: Transition, name: str, where: str) -> tuple[str, tuple[Any, ...]]:
    if d.scenario.life is None:
        raise ScenarioError(f"{where}: background needs a [mortality] table.")
    assert transition.background is not None
    ref = d.names.ref(transition.background.multiplier, f"{where}.background.multiplier", "multiplier")
    risk = transition.risk or name
    _fill(d, family=codes.LIFE_TABLE, ref_a=ref, clock=CLOCK_AGE, risk=_risk(d, risk, False, where))
    return risk, (codes.LIFE_TABLE, ref)


def _hazard(
    d: Draft, transition: Transition, hazard: Hazard, source: str, name: str, where: str
) -> tuple[str, tuple[Any, ...]]:
    family = FAMILIES[hazard.family]
    refs = _family_refs(d, hazard, where)
    clock = d.clock(hazard.clock, f"{where}.hazard.clock")
    fresh = clock == CLOCK_ENTRY and transition.risk is None
    risk = f"{name} from {_luck_place(d, source)}" if fresh else transition.risk or name
    if family.code == codes.FIXED:
        if clock == CLOCK_AGE:
            raise UnsupportedError(f"{where}: a fixed delay runs on `entry`, `model` or a named clock.")
        if transition.to is None and clock != CLOCK_ENTRY:
            raise UnsupportedError(f"{where}: a silent event after a fixed delay is not supported.")
    cure = d.names.ref(hazard.cure, f"{where}.hazard.cure", "probability")
    default = int(hazard.default_origin == "model")
    fixed = family.code == codes.FIXED
    _fill(
        d,
        family=family.code,
        ref_a=refs[0],
        ref_b=refs[1],
        ref_c=refs[2],
        clock=clock,
        default_model=default,
        risk=-1 if fixed else _risk(d, risk, fresh, where),
        fresh=int(fresh and not fixed),
        cure=cure,
        cure_redraw=int(hazard.redraw),
    )
    return risk, (family.code, *refs, clock, default, cure)


def _luck_place(d: Draft, source: str) -> str:
    """Name under which a state's fresh risks are drawn: treatments that exclude each other share their phase's."""
    group = d.flat.group[source]
    treatment = d.flat.treatment.get(source)
    return group if treatment is not None and d.file.treatments[treatment].duration is None else source


def _family_refs(d: Draft, hazard: Hazard, where: str) -> tuple[int, int, int]:
    family = FAMILIES[hazard.family]
    given = [p for p in _FAMILY_KEYS if getattr(hazard, p) is not None]
    extra, missing = set(given) - set(family.parameters), set(family.parameters) - set(given)
    if extra or missing:
        raise ScenarioError(
            f"{where}.hazard: {hazard.family} takes {', '.join(family.parameters)};"
            f" given: {', '.join(given) or 'none'}."
        )
    if family.code == codes.PIECEWISE:
        return _piecewise(d, hazard, where)
    refs = [d.names.ref(getattr(hazard, p), f"{where}.hazard.{p}", "number") for p in family.parameters]
    return tuple([*refs, NONE, NONE][:3])  # type: ignore[return-value]


def _piecewise(d: Draft, hazard: Hazard, where: str) -> tuple[int, int, int]:
    """Starts, rates and cumulative hazards in neighbouring slots."""
    assert hazard.starts is not None
    assert hazard.rates is not None
    rates = [d.names.resolve(expression.parse(r, where), f"{where}.hazard.rates") for r in hazard.rates]
    problem = FAMILIES[hazard.family].check({"starts": hazard.starts, "rates": [0.0] * len(rates)})
    if problem is not None:
        raise ScenarioError(f"{where}.hazard: {problem}.")
    differing = next(filter(None, map(d.names.differing, rates)), "")
    if not all(d.names.is_constant(r) for r in rates):
        raise UnsupportedError(
            f"{where}.hazard.rates: may depend on parameters alone{differing}; use effects for covariates."
        )
    cumulative: list[expression.Node] = [Number(0.0)]
    for i, width in enumerate(np.diff(hazard.starts)):
        cumulative.append(Apply("+", (cumulative[-1], Apply("*", (rates[i], Number(float(width)))))))
    slots = [
        d.names.numbers.add(node, f"{where}.hazard.rates", "multiplier", shared=False)
        for node in [*map(Number, hazard.starts), *rates, *cumulative]
    ]
    return slots[0], len(rates), NONE
