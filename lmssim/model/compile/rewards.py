"""Compile what histories are worth: rewards of states, transitions and marks, terminal care, utility norms.

What is paid into further sums stands among the costs (`lmssim.model.compile.outcomes`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.kernels.layout import NONE
from lmssim.model.compile.discounting import discount_rates
from lmssim.model.compile.outcomes import compile_outcomes
from lmssim.model.language.schema.words import FOREVER
from lmssim.model.program import rewards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.compile.outcomes import Further
    from lmssim.model.language.schema import Costs, Exclusion, Limited, Schedule, State, Transition
    from lmssim.model.program import rows


def compile_rewards(d: Draft, states: Sequence[rows.State]) -> rewards.Rewards:
    """What histories are worth."""
    care, further = _care(d), compile_outcomes(d, states)
    worth = [_state(d, name, state, care.get(name, -1)) for name, state in d.flat.states.items()]
    return rewards.Rewards(
        of_state=tuple(_with_further(each, k, further) for k, each in enumerate(worth)),
        of_transition=tuple(_transition(d, spec, further.transition[k]) for k, spec in enumerate(d.transitions)),
        of_mark=tuple(_mark(d, name, further.mark[k]) for k, name in enumerate(d.marks)),
        terminal=tuple(
            _terminal(d, exclusion, f"{d.where}: terminal[{i + 1}]") for i, exclusion in enumerate(d.file.terminal)
        ),
        n_paid=len(d.file.settings.cost_categories),
        further=tuple(further.sums),
        combined=tuple(further.combined),
        additive=d.file.utilities.combine == "additive",
        rates=discount_rates(d.file.settings),
        norms=_norms(d, discount_rates(d.file.settings).effects),
    )


def costs_of(d: Draft, costs: Costs, where: str, factor: str | None = None) -> rewards.Costs:
    """Costs by category, each times a flag if one is given."""
    categories, result = d.file.settings.cost_categories, []
    for category, value in costs.items():
        number = d.index("cost category", category, categories, where)
        text = value if factor is None else f"({value}) * {factor}"
        result.append(rewards.Cost(number, d.code.ref(text, f"{where}.{category}", "cost")))
    return tuple(result)


# === States ===


def _state(d: Draft, name: str, state: State, terminal: int) -> rewards.StateRewards:
    where = f"{d.where}: states.{name}"
    result = rewards.StateRewards(
        utility=_utility(d, state, f"{where}.utility"),
        entry_qaly=d.code.ref(state.entry_utility, f"{where}.entry_utility", "size"),
        rate=_cost_per_year(d, state, f"{where}.cost_per_year"),
        entry=costs_of(d, state.entry_cost, f"{where}.entry_cost"),
        schedules=tuple(_schedule(d, tick, f"{where}.schedule.{tick.name}") for tick in state.schedule),
        limited=tuple(_limited(d, spell, f"{where}.limited") for spell in state.limited),
        terminal=terminal,
    )
    if state.kind != "dwelling" and (state.utility is not None or state.cost_per_year or state.schedule):
        raise ScenarioError(f"{where}: only dwelling states have a utility, a cost per year or a schedule.")
    return result


def _utility(d: Draft, state: State, where: str) -> int:
    """Utility with what lasts, after a check of it without."""
    if state.utility is not None:
        d.code.ref(state.utility, where, "utility")
    return d.code.ref(_lasting_utility(d, state.utility), where, "utility")


def _lasting_utility(d: Draft, utility: float | str | None) -> float | str | None:
    """Utility of a state with what lasts: the loss of every flag that is set."""
    if utility is None:
        return None
    for flag, lasting in d.file.lasting.items():
        if flag not in d.flat.levels:
            raise ScenarioError(unknown("attribute", flag, d.flat.levels, f"{d.where}: lasting"))
        if lasting.utility_loss is not None:
            _loss(d, lasting.utility_loss, f"{d.where}: lasting.{flag}.utility_loss")
            loss = f"({lasting.utility_loss}) * {flag}"
            additive = d.file.utilities.combine == "additive"
            utility = f"{utility} - {loss}" if additive else f"({utility}) * (1 - {loss})"
    return utility


def _loss(d: Draft, loss: float | str | None, where: str) -> int:
    """A loss of utility: an amount, or a share, of which more than all of it cannot be lost."""
    return d.code.ref(loss, where, "loss" if d.file.utilities.combine == "additive" else "share of utility")


def _cost_per_year(d: Draft, state: State, where: str) -> rewards.Costs:
    """Costs per year of a state, with those of what lasts."""
    result = costs_of(d, state.cost_per_year, where)
    for flag, lasting in d.file.lasting.items() if state.kind == "dwelling" else ():
        result += costs_of(d, lasting.cost_per_year, f"{d.where}: lasting.{flag}.cost_per_year", flag)
    return result


def _schedule(d: Draft, tick: Schedule, where: str) -> rewards.Schedule:
    plan = d.index("plan", tick.at, d.plans, f"{where}.at")
    loss = _loss(d, tick.utility_loss, f"{where}.utility_loss")
    years = d.code.ref(_finite(tick.years), f"{where}.years", "time")
    return rewards.Schedule(
        plan=plan, loss=loss, years=years, number=_number(d, tick), costs=costs_of(d, tick.cost, f"{where}.cost")
    )


def _number(d: Draft, tick: Schedule) -> int:
    """Number of a schedule: a treatment given in several phases has the same in all of its states."""
    for number, known in enumerate(d.schedules):
        if known is tick:
            return number
    d.schedules.append(tick)
    return len(d.schedules) - 1


def _limited(d: Draft, spell: Limited, where: str) -> rewards.Limited:
    if spell.years == FOREVER:
        raise ScenarioError(f"{where}.years = 'forever': a number of years; what has no end is part of the state.")
    return rewards.Limited(
        years=d.code.ref(spell.years, f"{where}.years", "time"),
        loss=_loss(d, spell.utility_loss, f"{where}.utility_loss"),
        costs=costs_of(d, spell.cost_per_year, f"{where}.cost_per_year"),
    )


def _finite(years: float | str | None) -> float | str | None:
    """Years of a loss of utility; none if it lasts until death."""
    return None if years == FOREVER else years


def _with_further(worth: rewards.StateRewards, state: int, further: Further) -> rewards.StateRewards:
    """What a state is worth, with what is paid into further sums for it."""
    schedules = list(worth.schedules)
    for (number, plan), costs in further.ticks.items():
        if number != state:
            continue
        k = next((k for k, schedule in enumerate(schedules) if schedule.plan == plan), None)
        if k is None:
            schedules.append(rewards.Schedule(plan=plan, loss=NONE, years=NONE, number=0, costs=costs))
        else:
            schedules[k] = replace(schedules[k], costs=schedules[k].costs + costs)
    rate, entry = worth.rate + further.rate[state], worth.entry + further.entry[state]
    return replace(worth, rate=rate, entry=entry, schedules=tuple(schedules))


# === Transitions, events, death, norms ===


def _transition(d: Draft, spec: Transition | None, counts: rewards.Costs) -> rewards.TransitionRewards:
    """What a transition is worth; nothing if it is a tick of an event."""
    if spec is None:
        return rewards.TransitionRewards(costs=(), counts=(), qalys=NONE, over_stay=False)
    name = spec.to or spec.name or spec.mark
    where, pays = f"{d.where}: transition to {name}", bool(spec.cost) or spec.qalys is not None
    if pays and spec.to is None:
        raise ScenarioError(
            f"{where}.{'cost' if spec.cost else 'qalys'}: a silent transition pays nothing; let the stay end in a state"
            " of no duration, or count its event record in [outcomes]."
        )
    if spec.over_stay and not pays:
        raise ScenarioError(f"{where}.over_stay: needs `cost` or `qalys` beside it, which accrue over the stay.")
    return rewards.TransitionRewards(
        costs=costs_of(d, spec.cost, f"{d.where}: transitions.cost"),
        counts=counts,
        qalys=d.code.ref(spec.qalys, f"{d.where}: transitions.qalys", "size"),
        over_stay=spec.over_stay,
    )


def _mark(d: Draft, name: str, counts: rewards.Costs) -> rewards.MarkRewards:
    """What an event is worth; nothing but counts if a mark is of a transition."""
    event, where = d.file.events.get(name), f"{d.where}: events.{name}"
    if event is None:
        return rewards.MarkRewards(costs=counts, loss=NONE, years=NONE, stops=False, stacks=False)
    return rewards.MarkRewards(
        costs=costs_of(d, event.cost, f"{where}.cost") + counts,
        loss=_loss(d, event.utility_loss, f"{where}.utility_loss"),
        years=d.code.ref(_finite(event.years), f"{where}.years", "time"),
        stops=event.stop_on_leaving,
        stacks=event.stack,
    )


def _care(d: Draft) -> dict[str, int]:
    """Number of the terminal care of each death."""
    care: dict[str, int] = {}
    for i, exclusion in enumerate(d.file.terminal):
        if care.setdefault(exclusion.death, i) != i:
            raise ScenarioError(
                f"{d.where}: terminal[{i + 1}].death: '{exclusion.death}' has terminal care already, in"
                f" terminal[{care[exclusion.death] + 1}]; put both into one entry."
            )
    return care


def _terminal(d: Draft, exclusion: Exclusion, where: str) -> rewards.Terminal:
    d.state(exclusion.death, f"{where}.death")
    if d.flat.states[exclusion.death].kind != "absorbing":
        raise ScenarioError(f"{where}.death: '{exclusion.death}' is not an absorbing state.")
    if exclusion.excludes and exclusion.window is None:
        raise ScenarioError(f"{where}.window: is needed beside `excludes`: the years before death.")
    window = d.code.ref(exclusion.window or 0.0, f"{where}.window", "time")
    node = d.code.node_of(window)
    if node is not None:
        raise UnsupportedError(f"{where}.window: may depend on parameters alone{d.names.differing(node)}.")
    bits = 0
    for category in exclusion.excludes:
        bits |= 1 << d.index("cost category", category, d.file.settings.cost_categories, f"{where}.excludes")
    return rewards.Terminal(
        window=window,
        excludes=bits,
        costs=costs_of(d, exclusion.cost, f"{where}.cost"),
        before=tuple(
            _before(d, spell, f"{where}.before_death[{i}]") for i, spell in enumerate(exclusion.before_death, 1)
        ),
    )


def _before(d: Draft, spell: Limited, where: str) -> rewards.Limited:
    """Amounts in the last years of life, which a life is charged for once it has ended: they cannot read the time."""
    before = _limited(d, spell, where)
    for ref in (before.years, before.loss, *(cost.ref for cost in before.costs)):
        node = d.code.node_of(ref)
        if node is not None and d.names.depends_on_time(node):
            raise UnsupportedError(f"{where}: may not depend on age, time or a clock.")
    return before


def _norms(d: Draft, rate: float) -> rewards.Norms:
    """Norms by year of age and their integrals from age 0, plain and discounted."""
    norm = np.ones((1, 1)) if d.scenario.norms is None else d.scenario.norms.array
    ages = np.arange(norm.shape[1] + 1, dtype=np.float64)
    discount = np.exp(-rate * ages)
    widths = np.ones(norm.shape[1]) if rate == 0 else (discount[:-1] - discount[1:]) / rate
    return rewards.Norms(
        norm=norm,
        norm_sum=np.cumsum(norm, axis=1) - norm,
        norm_discounted=np.cumsum(norm * widths, axis=1) - norm * widths,
        age_discount=discount[:-1],
    )
