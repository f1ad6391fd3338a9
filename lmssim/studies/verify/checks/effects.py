"""Checks that effects, treatments and complications act as declared, patient by patient with common random numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import NotApplicableError
from lmssim.model import edits
from lmssim.model.language import expression
from lmssim.model.language.flat import flag_of, planned, received
from lmssim.studies.verify.bench import COST_PLAIN, OUTCOMES, QALY_PLAIN, Bench, Edit, Lives, outcomes, possible
from lmssim.studies.verify.chance import by_chance, limit
from lmssim.studies.verify.finding import (
    EXACT,
    Finding,
    Place,
    close,
    compare,
    places,
    rounding,
    verdict,
    warning,
    worst_of,
)
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.model.edits.effects import DeclaredEffect

STRONGEST = 20.0
"""Hazard ratio, or its inverse, beyond which an effect is not plausible: twice what strong prognostic factors have."""
DOSES = (0.0, 0.25, 0.5)
"""Probabilities at which events are counted."""
CERTAIN = 0.999999
ENOUGH = 40
"""Patients among whom an event of probability 1/2 happens to one at least, but for a chance of 1e-12."""
LATER = 1e-9
"""Years by which an event must move to have moved."""


@check(
    "effect-direction",
    "inputs",
    "Each effect declared a benefit or a harm moves its transition that way, for every patient",
    scope=Scope.LIVES,
    effort=80,
)
def effects_move_the_declared_way(bench: Bench) -> Finding:
    """First event with the effect, against the same patient's without it: a harm brings it forward, a benefit delays.

    Up to that event nothing else differs, so no patient may move the other way. Where the effect's key is negative for
    a patient the direction turns.
    """
    findings, on = [], bench.lives((edits.watched,))
    for effect in edits.declared_effects(bench.scenario):
        finding = _effect_direction(bench, effect, on)
        if finding is not None:
            findings.append(finding)
    if not findings:
        raise NotApplicableError("no effect that patients meet is declared a benefit or a harm")
    return worst_of(findings)


def _effect_direction(bench: Bench, effect: DeclaredEffect, on: Lives) -> Finding | None:
    """Share of patients moved the wrong way among those moved; None if nobody was moved."""
    marks, off = _marks(bench, effect), bench.lives((edits.watched,), (edits.scaled_effect, effect, 0.0))
    with np.errstate(invalid="ignore"):
        sooner = off.first(*marks) - on.first(*marks)  # infinite where only one has it; not a number where neither has
    sign = _sign(on, effect)[:, None] * _direction(bench, effect)
    moved, wrong = np.abs(sooner) > LATER, sign * sooner < -LATER
    if not moved.any():
        return None
    s = int(np.argmax(wrong.sum(axis=0)))
    where: Place = {
        "effect": effect.where,
        "parameter": ", ".join(_parameters(bench, effect)) or f"{effect.value}",
        "declared": effect.expected,
    }
    share = wrong.sum() / moved.sum()
    if share:
        where["strategy"] = bench.strategies[s]
    finding = compare(share, "equal to", 0.0, 0.0, [where], "declared effects")
    return replace(finding, reason="observed: share of patients moved the wrong way, among those moved")


def _marks(bench: Bench, effect: DeclaredEffect) -> list[str]:
    """Event records or states by which histories show what an effect acts on."""
    if effect.holder in ("event", "branch"):
        return [effect.name]
    return edits.marks_of(bench.scenario, _risk(bench, effect))


def _direction(bench: Bench, effect: DeclaredEffect) -> float:
    """1 if more of the effect must bring the event forward, else -1: a harm does, unless the event is a benefit."""
    file = bench.scenario.file
    if effect.holder == "event":
        good = file.events[str(effect.index)].expected == "benefit"
    elif effect.holder == "transition":
        good = file.transitions[int(effect.index)].expected == "benefit"
    elif effect.holder == "branch":
        state, _, k = str(effect.index).partition("/")
        good = file.states[state].branches[int(k)].expected == "benefit"
    else:
        good = any(t.expected == "benefit" and effect.name in (t.risk, t.name, t.to) for t in file.transitions)
    return 1.0 if (effect.expected == "harm") != good else -1.0


def _risk(bench: Bench, effect: DeclaredEffect) -> str:
    if effect.holder == "treatment":
        return effect.name
    t = bench.scenario.file.transitions[int(effect.index)]
    return t.risk or effect.name


def _sign(lives: Lives, effect: DeclaredEffect) -> FloatArray:
    """Sign of the effect's key for each patient; that of an attribute is 1."""
    names = lives.program.names
    node = names.resolve(expression.parse(effect.key, effect.where), effect.where)
    if not names.is_baseline(node):
        return np.ones(len(lives.x))
    values = {name: lives.x[:, i] for i, name in enumerate(names.covariates)}
    sign: FloatArray = np.sign(np.broadcast_to(expression.evaluate(node, values, effect.where), len(lives.x)) * 1.0)
    return sign


def _parameters(bench: Bench, effect: DeclaredEffect) -> list[str]:
    named = expression.names(expression.parse(effect.value, effect.where))
    return [name for name in dict.fromkeys(named) if name in bench.scenario.table]


@check(
    "effect-size",
    "inputs",
    f"Hazard and odds ratios lie between 1/{STRONGEST:g} and {STRONGEST:g}",
    scope=Scope.INPUTS,
)
def effect_sizes_are_plausible(bench: Bench) -> Finding:
    """Ratio of one unit of the key (or a standard deviation of it if less) under each strategy, or a warning."""
    ratios, where = [], []
    for strategy in bench.strategies:
        values = bench.values(strategy)
        for place, key, effect in _all_effects(bench):
            for log_ratio in possible(effect, values) or []:
                ratios.append(abs(log_ratio) * _unit(bench, key))
                where.append({"effect": f"{place}, {key}", "parameter": f"{effect}", "strategy": strategy})
    return warning(compare(np.exp(ratios), "at most", STRONGEST, 0.0, where, "ratios"))


def _all_effects(bench: Bench) -> list[tuple[str, str, float | str]]:
    file = bench.scenario.file
    held = [(f"transition {t.name or t.to or t.mark}", t.effects) for t in file.transitions]
    held += [(f"event {name}", event.effects) for name, event in file.events.items()]
    held += [
        (f"treatment {name}, {e.risk}", {flag_of(file, name, e, name): e.effect})
        for name, t in file.treatments.items()
        for e in t.effects
    ]
    held += [(f"state {name}", b.effects) for name, state in file.states.items() for b in state.branches]
    return [
        (place, key, effect if isinstance(effect, (int, float, str)) else effect.value)
        for place, effects in held
        for key, effect in effects.items()
    ]


def _unit(bench: Bench, key: str) -> float:
    """Standard deviation of a key over patients, at most 1; 1 for an attribute."""
    names = bench.program.names
    node = names.resolve(expression.parse(key, key), key)
    if not names.is_baseline(node):
        return 1.0
    x = bench.program.patients(0, bench.n_lives, bench.sampling.seed)
    values = {name: x[:, i] for i, name in enumerate(names.covariates)}
    return min(float(np.std(expression.evaluate(node, values, key) * 1.0)), 1.0)


# === Treatments ===


def _treated(bench: Bench) -> list[tuple[str, str]]:
    """Treatments with a declared direction and effects on transitions, and the direction."""
    file = bench.scenario.file
    return [
        (name, t.expected)
        for name, t in file.treatments.items()
        if t.expected != "unknown" and (t.effects or any(_flags(name) & set(each.effects) for each in file.transitions))
    ]


def _flags(treatment: str) -> set[str]:
    return {planned(treatment), received(treatment)}


@check(
    "treatment-direction",
    "inputs",
    "The effects of each treatment lengthen or shorten life as declared",
    scope=Scope.LIVES,
    effort=20,
)
def treatments_move_the_declared_way(bench: Bench) -> Finding:
    """Life years with the treatment's effects on transitions less those without them, patients paired."""
    gains, errors, where = [], [], []
    for treatment, expected in _treated(bench):
        difference = bench.lives().life_years - bench.lives((edits.treatment_effects, treatment, 0.0)).life_years
        gain, error = _paired(difference)
        for s in np.flatnonzero(np.abs(difference).max(axis=0) > 0.0):
            gains.append(gain[s] if expected == "benefit" else -gain[s])
            errors.append(error[s])
            where.append({"treatment": treatment, "declared": expected, "strategy": bench.strategies[s]})
    if not gains:
        raise NotApplicableError("no treatment with effects is declared a benefit or a harm")
    return by_chance(gains, "at least", 0.0, errors, where, "life years gained as declared", slack=EXACT)


@check(
    "effect-dose",
    "results",
    "Half of a treatment's effects gives a gain of life years between none and all of it",
    scope=Scope.LIVES,
    effort=40,
)
def effects_have_a_dose_response(bench: Bench) -> Finding:
    """Life years at 0, half and the whole of the effects on the log scale; a warning, as effects may be opposed."""
    middle, low, high, errors, where = [], [], [], [], []
    for treatment, _ in _treated(bench):
        none, half, whole = (
            bench.lives((edits.treatment_effects, treatment, dose)).life_years for dose in (0.0, 0.5, 1.0)
        )
        for s in np.flatnonzero(np.abs(whole - none).max(axis=0) > 0.0):
            ends = sorted((none[:, s].mean(), whole[:, s].mean()))
            low.append(ends[0])
            high.append(ends[1])
            middle.append(half[:, s].mean())
            errors.append(max(_paired(half - none)[1][s], _paired(half - whole)[1][s]))
            where.append({"treatment": treatment, "strategy": bench.strategies[s]})
    if not middle:
        raise NotApplicableError("no treatment with effects is declared a benefit or a harm")
    above = by_chance(middle, "at least", low, errors, where, slack=EXACT)
    return warning(worst_of([above, by_chance(middle, "at most", high, errors, where, slack=EXACT)]))


def _paired(difference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean over patients and its standard error, by strategy."""
    return difference.mean(axis=0), difference.std(axis=0, ddof=1) / np.sqrt(len(difference))


# === Complications and other events ===


@check("event-probability", "inputs", "The more probable an event, the more patients meet it; at 0 nobody", effort=5)
def events_follow_their_probability(bench: Bench) -> Finding:
    """Share of some patients with the event at probability 0, 1/4 and 1/2.

    All events together and without consequences, so that none keeps patients from another; an event that nobody meets
    so is tried alone, everything else as it is.
    """
    findings: list[Finding] = []
    for event in _events(bench):
        met = [_met(bench, event, (edits.no_consequences,), (edits.all_events, p)) for p in DOSES]
        if not _more(met):
            met = [_met(bench, event, (edits.event_probability, event, p)) for p in DOSES]
        where = places(event=[event], strategy=bench.strategies)
        findings += [
            compare(met[0], "equal to", 0.0, EXACT, where),
            compare(met[1], "at least", met[0], EXACT, where),
            compare(met[2], "at least", met[1], EXACT, where),
        ]
        if not _more(met) and _exposed(bench, event) >= ENOUGH:
            findings.append(verdict(False, "no more", "more", {"event": event}))
    return worst_of(findings)


def _more(shares: list[FloatArray]) -> bool:
    return bool(shares[-1].max() > shares[0].max())


def _exposed(bench: Bench, event: str) -> float:
    """Patients, under the strategy with most of them, who enter a state where the event may befall anybody."""
    if bench.scenario.file.events[event].when is not None:
        return 0.0
    flat = bench.program.flat.states
    own = [k for k, name in enumerate(bench.program.states) if event in flat[name].events]
    evaluation = bench.run((edits.event_probability, event, 0.0), n_patients=bench.n_lives)
    entered = evaluation.estimates.counts.entries[:, own, 1].sum(axis=1)
    return float(entered.max(initial=0.0)) * bench.n_lives / evaluation.n if own else 0.0


def _events(bench: Bench) -> list[str]:
    """Events of the states that some patient enters."""
    entered = bench.base.estimates.counts.entries[:, :, 0].sum(axis=0)
    met: set[str] = set()
    for name, n in zip(bench.program.states, entered, strict=True):
        state = bench.program.flat.states[name]
        if n > 0:
            met.update(state.events, (tick.event for tick in state.schedule if tick.event))
    found = [event for event in bench.scenario.file.events if event in met]
    if not found:
        raise NotApplicableError("patients enter no state with events")
    return found


def _met(bench: Bench, event: str, *changes: Edit) -> FloatArray:
    """Share of patients with an event, by strategy."""
    evaluation = bench.run(*changes, n_patients=bench.n_lives)
    counts: FloatArray = evaluation.estimates.counts.marks[:, evaluation.program.marks.index(event), 1] / evaluation.n
    return counts


@check(
    "event-extremes",
    "results",
    "An event declared a harm costs no less and leaves no more QALYs if it is certain",
    effort=40,
)
def events_move_the_declared_way(bench: Bench) -> Finding:
    """Undiscounted QALYs and cost at probability 1 against 0; cost where the event neither kills nor sets anything.

    No other event happens; an event that nobody meets so is tried with the others as they are.
    """
    findings, events = [], _events(bench)
    n = len(events) * len(bench.strategies)
    for event in events:
        spec = bench.scenario.file.events[event]
        if spec.expected == "unknown":
            continue
        sign = 1.0 if spec.expected == "harm" else -1.0
        alters = spec.death is not None or bool(spec.set)
        never, always = _alone(bench, event, bench.sampling.n_patients if alters else bench.n_few)
        more = sign * (outcomes(always) - outcomes(never))
        noise = rounding(outcomes(never))
        if alters:
            noise = noise + limit(n) * np.hypot(_error(always), _error(never))
        where = places(event=[event], declared=[spec.expected], strategy=bench.strategies, outcome=["QALYs"])
        findings.append(compare(more[:, QALY_PLAIN], "at most", 0.0, noise[:, QALY_PLAIN], where))
        if not alters:
            where = [place | {"outcome": "cost"} for place in where]
            findings.append(compare(more[:, COST_PLAIN], "at least", 0.0, noise[:, COST_PLAIN], where))
    if not findings:
        raise NotApplicableError("no event is declared a benefit or a harm")
    return worst_of(findings)


def _alone(bench: Bench, event: str, n: int) -> tuple[Evaluation, Evaluation]:
    """Some patients without an event, and with it certain."""
    never, always = ((edits.event_probability, event, p) for p in (0.0, CERTAIN))
    alone = bench.run((edits.no_events,), always, n_patients=n)
    if alone.estimates.counts.marks[:, alone.program.marks.index(event), 1].any():
        return bench.run((edits.no_events,), n_patients=n), alone
    return bench.run(never, n_patients=n), bench.run(always, n_patients=n)


def _error(evaluation: Evaluation) -> FloatArray:
    error: FloatArray = evaluation.estimates.standard_error()[0, :, : len(OUTCOMES)]
    return error


@check("event-none", "results", "Events of probability 0 give the same results as events without consequences")
def no_events_equals_no_consequences(bench: Bench) -> Finding:
    """All outcomes."""
    _events(bench)
    few = bench.n_few
    none = bench.mean((edits.no_events,), n_patients=few)
    return close(none, bench.mean((edits.no_consequences,), n_patients=few), bench.grid())
