"""Lower the program's rows to the two flat arrays that kernels read (`lmssim.kernels.layout`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.kernels import layout, luck, machine
from lmssim.kernels.layout import CLOCK_ENTRY, DWELLING, NONE
from lmssim.model.program.memory import Memory, Table
from lmssim.model.program.rows import Test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program.memory import Columns, Span
    from lmssim.model.program.rewards import Limited, Schedule, Terminal
    from lmssim.model.program.rows import Branch, Change, Effect, Event, Guard, Hazard, Rows, State, Transition


@dataclass(frozen=True)
class Packed:
    """A program's memory, where its rows stand, and how much scratch a worker needs.

    Attributes
    ----------
    m, f : ndarray
        Integers and floats.
    states, transitions, branches, events : Table
        Where rows stand in `m`.
    n_scratch, n_scratch_floats : int
        Sizes of a worker's integers and floats.
    """

    m: IntArray
    f: FloatArray
    states: Table
    transitions: Table
    branches: Table
    events: Table
    n_scratch: int
    n_scratch_floats: int


def pack(rows: Rows) -> Packed:
    """Lower the rows of a program."""
    memory = Memory()
    _pack_header(memory, rows)
    _pack_lists(memory, rows)
    _pack_floats(memory, rows)
    memory.table("axis", layout.AXIS, ({"first": a.first, "n": a.n, "exact": int(a.exact)} for a in rows.axes))
    n_kept = _pack_code(memory, rows)
    effects = _pack_effects(memory, rows)
    branches = memory.table("branch", layout.BRANCH, map(_branch, rows.branches, effects.of_branch))
    transitions = _pack_transitions(memory, rows, effects.of_transition)
    events = _pack_events(memory, rows, effects.of_event)
    states = _pack_states(memory, rows, transitions, branches)
    _pack_strategies(memory, rows)
    n_scratch, n_floats = _scratch(memory, rows, n_kept)
    m, f = np.array(memory.ints, dtype=np.int64), np.array(memory.floats)
    return Packed(m, f, states, transitions, branches, events, n_scratch, n_floats)


def _span(what: str, span: Span) -> Columns:
    return {f"first_{what}": span[0], f"last_{what}": span[1]}


def _possible(guard: Guard, change: Change) -> Columns:
    """Columns of whatever is possible under a guard and changes attributes."""
    return {"care": guard.care, "want": guard.want, "rule": guard.rule} | _changing(change)


def _changing(change: Change) -> Columns:
    return {"clear": change.clear, "set": change.set}


# === Header and lists ===


def _pack_header(memory: Memory, rows: Rows) -> None:
    rewards, counting, cycles = rows.rewards, rows.counting, rows.cycles
    memory.head(
        n_states=len(rows.states),
        n_clocks=len(rows.clocks),
        n_risks=len(rows.risks),
        n_plans=len(rows.plans),
        n_ages=rewards.norms.norm.shape[1],
        n_categories=rewards.n_categories,
        n_endpoints=len(counting.endpoints),
        n_marks=len(rows.marks),
        n_steps=counting.n_steps,
        n_occupancy=counting.n_occupancy,
        start_state=rows.start,
        mix_decision=rows.mix_decision,
        age_column=rows.columns.age,
        life_column=rows.columns.life,
        norm_column=rows.columns.norm,
        additive=rewards.additive,
        lossy=_lossy(rows),
        n_cycles=cycles.n if cycles else 0,
        n_passes=cycles.n_passes if cycles else 0,
    )
    costs, effects = rewards.rates
    memory.real_head(
        horizon=rows.horizon,
        rate_costs=costs,
        rate_effects=effects,
        inverse_costs=1.0 / costs if costs > 0 else 0.0,
        inverse_effects=1.0 / effects if effects > 0 else 0.0,
        steps_per_year=counting.steps_per_year,
        occupancy_per_year=counting.occupancy_per_year,
        cycles_per_year=cycles.per_year if cycles else 0.0,
        age_lag=cycles.age_lag if cycles else 0.0,
    )


def _lossy(rows: Rows) -> int:
    """2 if a state's schedules or limited rewards take utility away for some time, 1 if events alone do, else 0."""
    states = rows.rewards.of_state
    losses = [reward.loss for state in states for reward in state.schedules]
    losses += [reward.loss for state in states for reward in state.limited]
    if any(loss != NONE for loss in losses):
        return 2
    return int(any(mark.loss != NONE for mark in rows.rewards.of_mark))


def _pack_lists(memory: Memory, rows: Rows) -> None:
    life, table = rows.life, Table(0, 1)
    ticks = table.spans(len(plan.ticks) for plan in rows.plans)
    for name, values in {
        "risk_decision": [risk.decision for risk in rows.risks],
        "cure_decision": [risk.cure_decision for risk in rows.risks],
        "decision_address": [decision.address for decision in rows.decisions],
        "rate_family": rows.rates,
        "clock_first": [clock.first for clock in rows.clocks],
        "plan_table": [plan for strategy in rows.strategies for plan in strategy.plans],
        "tick_start": [0, *(last for _, last in ticks)],
        "life_offset": [0] if life is None else life.offset,
        "life_n": [1] if life is None else life.n_intervals,
        "origin_state": [endpoint.origin for endpoint in rows.counting.endpoints],
        "plan": [plan.origin for plan in rows.plans],
    }.items():
        memory.head(**{name: memory.pool(values)})


def _pack_floats(memory: Memory, rows: Rows) -> None:
    steps = [step for owner in _owners(rows) for effect in owner.effects for step in effect.steps]
    norms, cycles = rows.rewards.norms, rows.cycles
    memory.reals(
        tick_time=[tick for plan in rows.plans for tick in plan.ticks],
        tick_discount=[factor for plan in rows.plans for factor in plan.discounts],
        step_time=[step.time for step in steps],
        step_factor=[step.factor for step in steps],
        life=np.zeros(3) if rows.life is None else rows.life.array,
        norm=norms.norm,
        norm_sum=norms.norm_sum,
        norm_discounted=norms.norm_discounted,
        age_discount=norms.age_discount,
        cycle_time=cycles.times if cycles else (),
        point=cycles.points if cycles else (),
        lump=cycles.lumps if cycles else (),
    )


def _pack_code(memory: Memory, rows: Rows) -> int:
    """Codes; returns how many values are kept of those that read attributes only."""
    spans = memory.lists(code.instructions for code in rows.codes)
    memory.head(by_strategy=any(i.operation == machine.STRATEGY for code in rows.codes for i in code.instructions))
    n_kept = 0
    columns = []
    for code, span in zip(rows.codes, spans, strict=True):
        bits = sorted({i.argument for i in code.instructions if i.operation == machine.BIT})
        keep = len(bits) <= machine.MEMO_BITS
        keep = keep and not any(i.operation in machine.WITHOUT_MEMO for i in code.instructions)
        [bit_span] = memory.lists([[bits]])
        columns.append({"first": span[0], "last": span[1], "memo": n_kept if keep else -1} | _span("bit", bit_span))
        n_kept += len(rows.strategies) << len(bits) if keep else 0
    memory.table("code", layout.CODE, columns)
    return n_kept


# === Tables ===


def _owners(rows: Rows) -> list[Event | Transition | Branch]:
    """Whatever has effects, in the order in which these stand in the memory."""
    owners: list[Event | Transition | Branch] = [*rows.events]
    for state in rows.states:
        owners += state.transitions
        owners += state.branches
    return owners


class _EffectSpans(NamedTuple):
    """Where the effects of each event, transition and branch begin and end."""

    of_event: list[Span]
    of_transition: list[Span]
    of_branch: list[Span]


def _pack_effects(memory: Memory, rows: Rows) -> _EffectSpans:
    owners = _owners(rows)
    effects = [effect for owner in owners for effect in owner.effects]
    steps = Table(0, 1).spans(len(effect.steps) for effect in effects)
    table = memory.table("effect", layout.EFFECT, map(_effect, effects, steps))
    spans = iter(table.spans(len(owner.effects) for owner in owners))
    result = _EffectSpans([next(spans) for _ in rows.events], [], [])
    for state in rows.states:
        result.of_transition.extend(next(spans) for _ in state.transitions)
        result.of_branch.extend(next(spans) for _ in state.branches)
    return result


def _effect(effect: Effect, steps: Span) -> Columns:
    columns = {"column": effect.column, "mask": effect.mask, "ref": effect.ref, "on": effect.on, "clock": effect.clock}
    return columns | _span("step", steps)


def _branch(branch: Branch, effects: Span) -> Columns:
    return {"to": branch.to, "ref": branch.ref} | _span("effect", effects) | _possible(branch.guard, branch.change)


def _pack_transitions(memory: Memory, rows: Rows, effects: list[Span]) -> Table:
    costs = memory.lists(rows.rewards.of_transition)
    return memory.table("transition", layout.TRANSITION, map(_transition, rows.transitions, effects, costs))


def _transition(transition: Transition, effects: Span, costs: Span) -> Columns:
    return {
        "to": transition.to,
        **_timing(transition.timing),
        **_span("effect", effects),
        "effect_bits": transition.effect_bits,
        "timed": transition.timed,
        **_possible(transition.guard, transition.change),
        "silent": transition.silent,
        "mark": transition.mark,
        "event": -1 if transition.event is None else transition.event.number,
        **_span("cost", costs),
    }


_NEUTRAL: Columns = {
    "ref_b": NONE,
    "ref_c": NONE,
    "clock": CLOCK_ENTRY,
    "default_model": False,
    "risk": -1,
    "fresh": False,
    "rate_id": -1,
    "cure": NONE,
    "cure_redraw": False,
    "plan": -1,
    "test_decision": -1,
}
"""What kernels read where a transition has no such thing."""


def _timing(timing: Hazard | Test) -> Columns:
    """Columns that say when a transition happens."""
    own: Columns
    if isinstance(timing, Test):
        own = {"ref_a": timing.ref, "plan": timing.plan, "test_decision": timing.decision}
    else:
        ref_a, ref_b, ref_c = timing.refs
        own = {
            "ref_a": ref_a,
            "ref_b": ref_b,
            "ref_c": ref_c,
            "clock": timing.clock,
            "default_model": timing.default_model,
            "risk": timing.risk,
            "fresh": timing.fresh,
            "rate_id": timing.rate,
            "cure": timing.cure,
            "cure_redraw": timing.redraw,
        }
    return _NEUTRAL | own | {"family": timing.family}


def _pack_events(memory: Memory, rows: Rows, effects: list[Span]) -> Table:
    """Events, then marks that are no events: of these only how they are paid and counted is read."""
    costs = memory.lists(mark.costs for mark in rows.rewards.of_mark)
    n_other = len(rows.marks) - len(rows.events)
    happening = [*map(_event, rows.events, effects), *([dict.fromkeys(_EVENT, 0)] * n_other)]
    table = (
        event
        | _span("cost", span)
        | {"loss": reward.loss, "years": reward.years, "stops": reward.stops, "stacks": reward.stacks}
        | {"event_of": roles.event, "competing_of": roles.competing}
        for event, span, reward, roles in zip(
            happening, costs, rows.rewards.of_mark, rows.counting.of_mark, strict=True
        )
    )
    return memory.table("event", layout.EVENT, table)


_EVENT = layout.EVENT[: layout.V_FIRST_COST]
"""Columns that say when an event happens and what it changes."""


def _event(event: Event, effects: Span) -> Columns:
    return {
        "ref": event.ref,
        **_span("effect", effects),
        **_possible(event.guard, event.change),
        "decision": event.decision,
        "death_ref": event.death_ref,
        "death_decision": event.death_decision,
        "death_state": event.death_state,
    }


def _pack_states(memory: Memory, rows: Rows, transitions: Table, branches: Table) -> Table:
    rewards = rows.rewards
    schedules = [schedule for state in rewards.of_state for schedule in state.schedules]
    limited = [each for state in rewards.of_state for each in state.limited]
    schedule_table = _pack_rewards(memory, "schedule", layout.SCHEDULE, schedules)
    limited_table = _pack_rewards(memory, "limited", layout.LIMITED, limited)
    _pack_rewards(memory, "terminal", layout.TERMINAL, rewards.terminal)
    spans = {
        "transition": transitions.spans(len(state.transitions) for state in rows.states),
        "branch": branches.spans(len(state.branches) for state in rows.states),
        "event": memory.lists([[event.number] for event in state.events] for state in rows.states),
        "clock": memory.lists([[clock] for clock in state.clocks] for state in rows.states),
        "schedule": schedule_table.spans(len(state.schedules) for state in rewards.of_state),
        "limited": limited_table.spans(len(state.limited) for state in rewards.of_state),
        "rate": memory.lists(state.rate for state in rewards.of_state),
        "entry": memory.lists(state.entry for state in rewards.of_state),
    }
    table = []
    for state, *of_state in zip(rows.states, *spans.values(), strict=True):
        columns = _state(rows, state)
        for what, span in zip(spans, of_state, strict=True):
            columns |= _span(what, span)
        table.append(columns)
    return memory.table("state", layout.STATE, table)


def _state(rows: Rows, state: State) -> Columns:
    rewards, roles = rows.rewards.of_state[state.number], rows.counting.of_state[state.number]
    return {
        "kind": state.kind,
        **_changing(state.change),
        "recorded": state.recorded,
        "decision": state.decision,
        "alive": state.kind == DWELLING,
        "utility": rewards.utility,
        "entry_qaly": rewards.entry_qaly,
        "terminal": rewards.terminal,
        "event_of": roles.event,
        "competing_of": roles.competing,
        "censoring_of": roles.censoring,
        "renews": state.renews,
    }


def _pack_rewards(
    memory: Memory, name: str, columns: Sequence[str], rewards: Sequence[Schedule | Limited | Terminal]
) -> Table:
    """A table of rewards whose columns are the fields of its rows, but for the costs."""
    costs = memory.lists(reward.costs for reward in rewards)
    own = [column for column in columns if not column.endswith("_cost")]
    rows = (
        {column: getattr(reward, column) for column in own} | _span("cost", span)
        for reward, span in zip(rewards, costs, strict=True)
    )
    return memory.table(name, columns, rows)


def _pack_strategies(memory: Memory, rows: Rows) -> None:
    rules = memory.lists(strategy.rules for strategy in rows.strategies)
    mixes = memory.lists(strategy.mix for strategy in rows.strategies)
    table = (
        {"start_bits": strategy.start_bits} | _span("rule", rule) | _span("mix", mix)
        for strategy, rule, mix in zip(rows.strategies, rules, mixes, strict=True)
    )
    memory.table("strategy", layout.STRATEGY, table)


# === Scratch ===


def _scratch(memory: Memory, rows: Rows, n_values: int) -> tuple[int, int]:
    """Lay out a worker's scratch, with room for `n_values` values of codes; returns its sizes."""
    n_kept = len(rows.decisions) * luck.KEPT
    n_risks, n_strategies = len(rows.risks), len(rows.strategies)
    integers = {
        "w_clock_count": len(rows.clocks),
        "w_entry_count": len(rows.states),
        "w_event_count": 2 * len(rows.marks),
        "w_risk": n_risks * layout.R_WIDTH,
        "w_stamp": n_kept,
        "w_memo": n_values,
        "w_alike": n_strategies,
        "w_start": n_strategies,
    }
    floats = {
        "wf_clock": len(rows.clocks),
        "wf_risk": n_risks * layout.RF_WIDTH,
        "wf_luck": n_kept,
        "wf_stack": layout.STACK_SIZE,
        "wf_weight": max((len(state.branches) for state in rows.states), default=0),
        "wf_memo": n_values,
        "wf_lag": 1,
    }
    return _lay_out(memory, integers, layout.W_FREE), _lay_out(memory, floats, 0)


def _lay_out(memory: Memory, sizes: Mapping[str, int], position: int) -> int:
    """Give each part its place, one after the other from a position on; returns where they end."""
    for name, size in sizes.items():
        memory.head(**{name: position})
        position += size
    return position
