"""Compile transitions: their family and clock, the risk they use up, their effects and what they set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels import families as codes
from lmssim.kernels.layout import CLOCK_AGE, CLOCK_ENTRY, NONE
from lmssim.model.compile.effects import compile_effects
from lmssim.model.compile.rest import probability_in_cycle
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Number
from lmssim.model.language.families import FAMILIES
from lmssim.model.language.schema import Hazard, Transition
from lmssim.model.program import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.expression import Node
    from lmssim.model.language.schema import Background, Detection

_FAMILY_KEYS = ("rate", "shape", "scale", "meanlog", "sdlog", "mu", "sigma", "q", "delay", "starts", "rates")


@dataclass
class Source:
    """A state whose transitions are being compiled: those so far, and the events whose ticks they may be."""

    draft: Draft
    name: str
    number: int
    events: Sequence[rows.Event]
    transitions: list[rows.Transition] = field(default_factory=list)
    decisions: list[tuple[str, rows.Guard]] = field(default_factory=list)

    def is_new(self, decision: str, guard: rows.Guard) -> bool:
        """Note a decision; whether none of the same name can be open at the same time."""
        open_before = any(name == decision and not self.apart(other, guard) for name, other in self.decisions)
        self.decisions.append((decision, guard))
        return not open_before

    def apart(self, a: rows.Guard, b: rows.Guard) -> bool:
        """Whether two rules exclude each other by attributes, or may do so: they are not the same, and not constant."""
        if a.care & b.care & (a.want ^ b.want):
            return True
        return a.rule != b.rule and self._asks(a) and self._asks(b)

    def _asks(self, guard: rows.Guard) -> bool:
        """Whether a rule depends on anything but parameters."""
        code = self.draft.code
        return guard.rule >= 0 and not code.names.is_constant(code.codes[guard.rule].node)


@dataclass(frozen=True)
class _Stated:
    """A transition as the file states it, and what has been compiled of it before its timing."""

    draft: Draft
    source: str
    spec: Transition
    where: str
    effects: tuple[rows.Effect, ...]
    guard: rows.Guard
    rest: Node | None = None

    @property
    def name(self) -> str:
        """Name under which its random numbers are addressed."""
        return _name(self.spec)


def _name(transition: Transition) -> str:
    return transition.name or transition.to or str(transition.mark)


def _decision(transition: Transition) -> str:
    """What tells it from others out of its state: its name, and of a detection also the plan and the test."""
    found = transition.detection
    return _name(transition) if found is None else f"{_name(transition)} {found.plan} {found.test}"


def compile_transition(
    source: Source, transition: Transition, event: rows.Event | None = None, rest: Node | None = None
) -> None:
    """Append a transition out of a state; `event` if it is a tick of one, `rest` if it takes what others leave."""
    d, where = source.draft, _where(source, transition)
    default = "hazard" if transition.detection is None and d.cycle is None else "logit"
    effects = compile_effects(d, transition.effects, default, where)
    guard = d.code.rule(transition.when, f"{where}.when")
    change = d.names.change(transition.set, f"{where}.set")
    to = -1 if transition.to is None else d.state(transition.to, where)
    timing, reason = _timing(_Stated(d, source.name, transition, where, effects, guard, rest))
    row = rows.Transition(
        number=len(d.transitions),
        source=source.number,
        to=to,
        reason=reason,
        timing=timing,
        effects=effects,
        effect_bits=_effect_bits(d, timing, effects, where),
        timed=any(effect.steps for effect in effects),
        guard=guard if d.cycle is None else rows.Guard(guard.care, guard.want),  # the probability holds the rule
        change=change,
        event=event,
        mark=_mark(d, transition) if event is None else event.number,
    )
    _refuse_endless(row, where)
    _refuse_shared_risk(source, row, where)
    if not source.is_new(_decision(transition), guard):
        raise ScenarioError(
            f"{where}: two transitions out of this state are called '{_name(transition)}' and are possible together."
            " If both are meant, give one of them a `name` of its own (they then add); if they are alternatives, give"
            " each a `when` that excludes the other; if it changes a transition of an included file, say"
            " `replace = true`."
        )
    source.transitions.append(row)
    d.transitions.append(transition if event is None else None)


def _where(source: Source, transition: Transition) -> str:
    """File and transition, to begin a message with."""
    file = source.draft.where
    if source.draft.file.partitioned_survival is not None:
        return f"{file}: partitioned_survival.curves.{transition.name}"
    return f"{file}: transition {source.name} -> {transition.to or transition.name or transition.mark}"


def compile_tick_event(source: Source, event: str, plan: str, where: str) -> None:
    """An event that may happen at each tick of a plan, without leaving the state."""
    d = source.draft
    row = source.events[d.index("event", event, list(d.file.events), f"{where}.event")]
    spec = d.file.events[event]
    tick = Transition.model_validate(
        {
            "from": source.name,
            "name": f"tick {event}",
            "when": spec.when,
            "effects": spec.effects,
            "detection": {"plan": plan, "sensitivity": spec.probability, "test": f"tick {event}"},
        }
    )
    compile_transition(source, tick, row)


def _mark(d: Draft, transition: Transition) -> int:
    if transition.mark is None:
        return -1
    if transition.mark not in d.marks:
        d.marks.append(transition.mark)
    return d.marks.index(transition.mark)


def _effect_bits(d: Draft, timing: rows.Hazard | rows.Visits, effects: Sequence[rows.Effect], where: str) -> int:
    """Attribute bits that a hazard and its effects read; the code of hazards must not read the time."""
    bits = 0
    for effect in effects:
        bits |= effect.mask
    refs = timing.refs if isinstance(timing, rows.Hazard) else (timing.ref,)
    for ref in (*refs, *(effect.ref for effect in effects)) if d.cycle is None else ():
        node = d.code.node_of(ref)
        if node is not None and d.names.depends_on_time(node):
            raise UnsupportedError(
                f"{where}: a hazard may not depend on age, time or a clock within a stay; choose a family on that"
                " clock."
            )
        bits |= 0 if node is None else d.names.bits_of(node)
    return bits


def _refuse_endless(row: rows.Transition, where: str) -> None:
    """A silent event after a fixed delay must end what makes it possible."""
    change, guard = row.change, row.guard
    ends = guard.care & (guard.want ^ change.set) & (change.set | change.clear)
    if row.silent and row.timing.family == codes.FIXED and not ends:
        raise ScenarioError(
            f"{where}: a silent event after a fixed delay would happen again at once; give it a `when` that its"
            " own `set` ends, such as when = 'not occult', set.occult = true."
        )


def _refuse_shared_risk(source: Source, row: rows.Transition, where: str) -> None:
    """Two transitions that can be open at once must not use up one budget; alternatives by `when` may."""
    if not isinstance(row.timing, rows.Hazard) or row.timing.risk < 0:
        return
    for other in source.transitions:
        same = isinstance(other.timing, rows.Hazard) and other.timing.risk == row.timing.risk
        if same and not source.apart(other.guard, row.guard):
            risk = list(source.draft.risks)[row.timing.risk]
            raise ScenarioError(
                f"{where}: another transition out of this state uses the same risk '{risk}'; give one of them a"
                " `name` of its own (their hazards then add), or a `when` that excludes the other; to change a"
                " transition of an included file, say `replace = true`."
            )


# === When it happens ===


def _timing(stated: _Stated) -> tuple[rows.Hazard | rows.Visits, str]:
    """When a transition happens, and the reason that histories give."""
    spec = stated.spec
    if stated.draft.cycle is not None:
        return _in_cycles(stated), stated.name
    if spec.detection is not None:
        return _detection(stated, spec.detection), stated.name
    if spec.background is not None:
        return _background(stated, spec.background), spec.risk or stated.name
    assert spec.hazard is not None
    return _hazard(stated, spec.hazard)


def _in_cycles(stated: _Stated) -> rows.Visits:
    """Probability of a cycle, 0 where the rule does not hold; both are read at the start of each cycle."""
    d, spec, where, rule = stated.draft, stated.spec, stated.where, stated.guard.rule
    if spec.rate is not None and spec.effects:
        raise UnsupportedError(
            f"{where}.effects: act on the log odds of a `probability`; write what changes a `rate` into its expression."
        )
    place = f"{where}.{'rate' if spec.rate is not None else 'probability'}"
    node = stated.rest or probability_in_cycle(d, spec, where)
    if rule >= 0:
        node = Apply("if", (d.code.codes[rule].node, node, Number(0.0)))
    check = "probability" if d.names.is_constant(node) else "any"  # the kernels check it in each cycle
    decision = d.decision(f"cycle {stated.name}")
    return rows.Visits(plan=-1, ref=d.code.ref_of(node, place, check), test_decision=decision)


def _detection(stated: _Stated, detection: Detection) -> rows.Visits:
    d, where = stated.draft, f"{stated.where}.detection"
    plan = d.index("plan", detection.plan, d.plans, f"{where}.plan")
    decision = d.decision(f"test {detection.test or f'{detection.plan} {stated.name}'}")
    ref = d.code.ref(detection.sensitivity, f"{where}.sensitivity", "probability")
    return rows.Visits(plan=plan, ref=ref, test_decision=decision)


def _background(stated: _Stated, background: Background) -> rows.Hazard:
    d, where = stated.draft, stated.where
    if d.scenario.life is None:
        raise ScenarioError(f"{where}: background needs a [mortality] table.")
    ref = d.code.ref(background.multiplier, f"{where}.background.multiplier", "multiplier")
    return rows.Hazard(
        family=codes.LIFE_TABLE,
        refs=(ref, NONE, NONE),
        clock=CLOCK_AGE,
        default_model=False,
        risk=_risk(d, stated.spec.risk or stated.name, False, where),
        fresh=False,
        rate_id=_rate_id(stated, codes.LIFE_TABLE, ref),
        cure=NONE,
        cure_redraw=False,
    )


def _hazard(stated: _Stated, hazard: Hazard) -> tuple[rows.Hazard, str]:
    """A hazard, and the name of its risk."""
    d, spec, where = stated.draft, stated.spec, stated.where
    family = FAMILIES[hazard.family].code
    refs = _family_refs(d, hazard, where)
    clock = d.clock(hazard.clock, f"{where}.hazard.clock")
    fresh, fixed = clock == CLOCK_ENTRY and spec.risk is None, family == codes.FIXED
    risk = f"{stated.name} from {_drawn_in(d, stated.source)}" if fresh else spec.risk or stated.name
    if fixed and clock == CLOCK_AGE:
        raise UnsupportedError(f"{where}: a fixed delay runs on `entry`, `model` or a named clock.")
    if fixed and spec.to is None and clock != CLOCK_ENTRY:
        raise UnsupportedError(f"{where}: a silent event after a fixed delay is not supported.")
    cure = d.code.ref(hazard.cure, f"{where}.hazard.cure", "probability")
    default = hazard.default_origin == "model"
    row = rows.Hazard(
        family=family,
        refs=refs,
        clock=clock,
        default_model=default,
        risk=-1 if fixed else _risk(d, risk, fresh, where),
        fresh=fresh and not fixed,
        rate_id=_rate_id(stated, family, *refs, clock, default, cure),
        cure=cure,
        cure_redraw=hazard.redraw,
    )
    return row, risk


def _rate_id(stated: _Stated, family: int, *what: int) -> int:
    """Number that hazards share that are equal in all; a risk is not opened anew where its rate stays the same."""
    rates, key = stated.draft.rates, (family, what, stated.effects)
    return rates.setdefault(key, len(rates))


def _risk(d: Draft, name: str, fresh: bool, where: str) -> int:
    if d.fresh_risks.setdefault(name, fresh) != fresh:
        raise ScenarioError(f"{where}: risk '{name}' is carried in one place and drawn at each entry in another.")
    if name not in d.risks:
        d.risks[name] = rows.Risk(name, d.decision(f"risk {name}"), d.decision(f"cure {name}"))
    return list(d.risks).index(name)


def _drawn_in(d: Draft, source: str) -> str:
    """Name under which a state's fresh risks are drawn: treatments that exclude each other share their phase's."""
    group = d.flat.group[source]
    treatment = d.flat.treatment.get(source)
    return group if treatment is not None and d.file.treatments[treatment].duration is None else source


def _family_refs(d: Draft, hazard: Hazard, where: str) -> tuple[int, int, int]:
    family = FAMILIES[hazard.family]
    given = [p for p in _FAMILY_KEYS if getattr(hazard, p) is not None]
    if set(given) != set(family.parameters):
        raise ScenarioError(
            f"{where}.hazard: {hazard.family} takes {', '.join(family.parameters)};"
            f" given: {', '.join(given) or 'none'}."
        )
    if family.code == codes.PIECEWISE:
        return _piecewise(d, hazard, where)
    a, b, c, *_ = [
        *(d.code.ref(getattr(hazard, p), f"{where}.hazard.{p}", "number") for p in family.parameters),
        NONE,
        NONE,
    ]
    return a, b, c


def _piecewise(d: Draft, hazard: Hazard, where: str) -> tuple[int, int, int]:
    """Starts, rates and cumulative hazards in neighbouring slots: the first slot and the number of pieces."""
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
        d.numbers.add(node, f"{where}.hazard.rates", "multiplier", shared=False)
        for node in [*map(Number, hazard.starts), *rates, *cumulative]
    ]
    return slots[0], len(rates), NONE
