"""Lower the program's rows to the two flat arrays that kernels read (`lmssim.kernels.layout`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lmssim.kernels import layout, luck, machine
from lmssim.kernels.layout import CLOCK_ENTRY, DWELLING, NONE
from lmssim.model.program.memory import Memory, Table
from lmssim.model.program.rows import Change, Guard, Hazard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program.memory import Columns, Span
    from lmssim.model.program.rewards import Limited, Schedule, Terminal
    from lmssim.model.program.rows import Branch, Code, Event, Rows, Transition


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
    memory.table("axis", layout.AXIS, map(_own, rows.axes))
    n_kept = _pack_code(memory, rows)
    effects = _pack_effects(memory, rows)
    branches = memory.table("branch", layout.BRANCH, map(_own, rows.branches), effect=effects.of_branch)
    paid = rows.rewards.of_transition
    costs = memory.lists(reward.costs for reward in paid)
    counts = memory.lists(reward.counts for reward in paid)
    worth = [
        _transition(transition) | {"qalys": reward.qalys, "over_stay": reward.over_stay}
        for transition, reward in zip(rows.transitions, paid, strict=True)
    ]
    transitions = memory.table(
        "transition", layout.TRANSITION, worth, effect=effects.of_transition, cost=costs, count=counts
    )
    events = _pack_events(memory, rows, effects.of_event)
    states = _pack_states(memory, rows, transitions, branches)
    rules = memory.lists(strategy.rules for strategy in rows.strategies)
    mixes = memory.lists(strategy.mix for strategy in rows.strategies)
    memory.table("strategy", layout.STRATEGY, map(_own, rows.strategies), rule=rules, mix=mixes)
    n_scratch, n_floats = _scratch(memory, rows, n_kept)
    m, f = np.array(memory.ints, dtype=np.int64), np.array(memory.floats)
    return Packed(m, f, states, transitions, branches, events, n_scratch, n_floats)


def _own(row: Any) -> Columns:
    """A row's integers by field, its guard's and its change's among them; fields are named as the columns are."""
    columns = {}
    for each in fields(row):
        value = getattr(row, each.name)
        if isinstance(value, int):
            columns[each.name] = value
        elif isinstance(value, (Guard, Change)):
            columns |= _own(value)
    return columns


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
        n_paid=rewards.n_paid,
        n_combined=len(rewards.combined),
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


def _differences(rows: Rows) -> list[int]:
    """By pair of strategies, the bits of the ways in which they differ."""
    n = len(rows.strategies)
    pairs = ((j, k) for j in range(n) for k in range(n))
    return [sum(1 << b for b, classes in enumerate(rows.differences) if classes[j] != classes[k]) for j, k in pairs]


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
        "rate_family": rows.rate_families,
        "clock_first": [clock.first for clock in rows.clocks],
        "plan_table": [plan for strategy in rows.strategies for plan in strategy.plans],
        "difference": _differences(rows),
        "tick_start": [0, *(last for _, last in ticks)],
        "life_offset": [0] if life is None else life.offset,
        "life_n": [1] if life is None else life.n_intervals,
        "origin_state": [endpoint.origin for endpoint in rows.counting.endpoints],
        "plan": [plan.origin for plan in rows.plans],
        "combined": [n for each in rows.rewards.combined for n in each[:2]],
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
        combined_weight=[each.weight for each in rows.rewards.combined],
    )


def _pack_code(memory: Memory, rows: Rows) -> int:
    """Codes; returns how many values are kept."""
    spans = memory.lists(code.instructions for code in rows.codes)
    classes = memory.lists([code.classes] for code in rows.codes)
    bits = [_bits_read(code) for code in rows.codes]
    n_kept, columns = 0, []
    for code, (first, last), (of_strategy, _), read in zip(rows.codes, spans, classes, bits, strict=True):
        kept_for = _kept_for(code, read)
        columns.append(
            {
                "first": first,
                "last": last,
                "memo": -1 if kept_for is None else n_kept,
                "stamp": layout.W_EPOCH if kept_for is None else kept_for,
                "class": of_strategy,
            }
        )
        n_kept += 0 if kept_for is None else (max(code.classes) + 1) << len(read)
    memory.table("code", layout.CODE, columns, bit=memory.lists([sorted(read)] for read in bits))
    return n_kept


def _bits_read(code: Code) -> set[int]:
    """Attribute bits that a code reads."""
    read = {i.argument for i in code.instructions if i.operation == machine.BIT}
    for mask in (i.argument for i in code.instructions if i.operation == machine.LEVEL):
        read |= {1 << k for k in range(mask.bit_length()) if mask >> k & 1}
    return read


def _kept_for(code: Code, read: set[int]) -> int | None:
    """Stamp of the values of a code that are kept: those of one patient, or of all; None if they are not."""
    operations = {i.operation for i in code.instructions}
    if len(read) > machine.MEMO_BITS or operations & set(machine.OF_MOMENT):
        return None
    if machine.COLUMN not in operations:
        return layout.W_EPOCH
    return layout.W_WHO if len(code.instructions) >= machine.MEMO_LENGTH else None


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
    table = memory.table("effect", layout.EFFECT, map(_own, effects), step=steps)
    spans = iter(table.spans(len(owner.effects) for owner in owners))
    result = _EffectSpans([next(spans) for _ in rows.events], [], [])
    for state in rows.states:
        result.of_transition.extend(next(spans) for _ in state.transitions)
        result.of_branch.extend(next(spans) for _ in state.branches)
    return result


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


def _transition(transition: Transition) -> Columns:
    timing, event = transition.timing, transition.event
    refs = timing.refs if isinstance(timing, Hazard) else (timing.ref,)
    return (
        _own(transition)
        | _NEUTRAL
        | _own(timing)
        | dict(zip(("ref_a", "ref_b", "ref_c"), refs, strict=False))
        | {"family": timing.family, "silent": transition.silent, "event": -1 if event is None else event.number}
    )


def _pack_events(memory: Memory, rows: Rows, effects: list[Span]) -> Table:
    """Events, then marks that are no events: of these only how they are paid and counted is read."""
    rewards, n_other = rows.rewards.of_mark, len(rows.marks) - len(rows.events)
    happening = [*map(_own, rows.events), *([dict.fromkeys(layout.EVENT, 0)] * n_other)]
    table = (
        event | _own(reward) | roles._asdict()
        for event, reward, roles in zip(happening, rewards, rows.counting.of_mark, strict=True)
    )
    costs = memory.lists(reward.costs for reward in rewards)
    return memory.table("event", layout.EVENT, table, effect=[*effects, *([(0, 0)] * n_other)], cost=costs)


def _pack_states(memory: Memory, rows: Rows, transitions: Table, branches: Table) -> Table:
    """States, after the rewards that they point to."""
    rewards, care = rows.rewards.of_state, rows.rewards.terminal
    schedules = _pack_rewards(memory, "schedule", layout.SCHEDULE, [r for state in rewards for r in state.schedules])
    spells = [*(state.limited for state in rewards), *(each.before for each in care)]
    limited = _pack_rewards(memory, "limited", layout.LIMITED, [r for each in spells for r in each])
    spans = limited.spans(map(len, spells))
    _pack_rewards(memory, "terminal", layout.TERMINAL, care, before=spans[len(rewards) :])
    table = (
        _own(state) | _own(reward) | roles._asdict() | {"alive": state.kind == DWELLING, "renews": state.renews}
        for state, reward, roles in zip(rows.states, rewards, rows.counting.of_state, strict=True)
    )
    return memory.table(
        "state",
        layout.STATE,
        table,
        transition=transitions.spans(len(state.transitions) for state in rows.states),
        branch=branches.spans(len(state.branches) for state in rows.states),
        event=memory.lists([[event.number] for event in state.events] for state in rows.states),
        clock=memory.lists([[clock] for clock in state.clocks] for state in rows.states),
        schedule=schedules.spans(len(state.schedules) for state in rewards),
        limited=spans[: len(rewards)],
        rate=memory.lists(state.rate for state in rewards),
        entry=memory.lists(state.entry for state in rewards),
    )


def _pack_rewards(
    memory: Memory,
    name: str,
    columns: Sequence[str],
    rewards: Sequence[Schedule | Limited | Terminal],
    **lists: Sequence[Span],
) -> Table:
    costs = memory.lists(reward.costs for reward in rewards)
    return memory.table(name, columns, map(_own, rewards), cost=costs, **lists)


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
        "w_met": n_strategies,
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
