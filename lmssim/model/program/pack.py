"""Write a compiled model into the two flat arrays that kernels read (`lmssim.kernels.layout`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.kernels import layout, luck, machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray


@dataclass(frozen=True)
class Packed:
    """A program's memory, and how much scratch a worker needs.

    Attributes
    ----------
    m, f : ndarray
        Integers and floats.
    n_scratch, n_scratch_floats : int
        Sizes of a worker's integers and floats.
    """

    m: IntArray
    f: FloatArray
    n_scratch: int
    n_scratch_floats: int


@dataclass
class _Memory:
    """Integers and floats under construction; the headers come first and are filled in as bases become known."""

    ints: list[int] = field(default_factory=lambda: [0] * len(layout.HEADER))
    floats: list[float] = field(default_factory=lambda: [0.0] * len(layout.FLOAT_HEADER))

    def head(self, name: str, value: int) -> int:
        """Set a header integer."""
        self.ints[layout.HEADER.index(name)] = int(value)
        return value

    def pool(self, values: Iterable[int]) -> int:
        """Append integers; returns where they begin."""
        base = len(self.ints)
        self.ints.extend(int(v) for v in values)
        return base

    def pairs(self, first: Sequence[int], second: Sequence[int]) -> int:
        """Append pairs."""
        return self.pool(v for pair in zip(first, second, strict=True) for v in pair)

    def table(self, name: str, columns: Sequence[str], values: Mapping[str, Sequence[int]], n_rows: int) -> int:
        """Append rows of a table; the header learns its base."""
        for column in columns:
            assert len(values[column]) == n_rows, (name, column, len(values[column]), n_rows)
        return self.head(name, self.pool(int(values[c][i]) for i in range(n_rows) for c in columns))

    def reals(self, name: str, values: Any) -> int:
        """Append floats; the header learns their base."""
        base = len(self.floats)
        self.floats.extend(np.ravel(np.asarray(values, dtype=np.float64)).tolist())
        return self.head(name, base)


def _spans(base: int, starts: Sequence[int], width: int = 1) -> tuple[list[int], list[int]]:
    """Positions (first, last) of the items of each row in a pool or table."""
    positions = [base + width * s for s in starts]
    return positions[:-1], positions[1:]


def pack(o: Mapping[str, Any], single: Mapping[str, int], real: Mapping[str, float]) -> Packed:
    """Pack the columns that the compiler has collected.

    Parameters
    ----------
    o : mapping of str to sequence
        Columns, by the names the compiler gives them.
    single : mapping of str to int
        Counts and single values of the header.
    real : mapping of str to float
        The header of the floats.
    """
    memory = _Memory()
    for name, value in single.items():
        memory.head(name, value)
    for name, number in real.items():
        memory.floats[layout.FLOAT_HEADER.index(name)] = number
    for name in (
        "risk_decision",
        "cure_decision",
        "decision_address",
        "rate_family",
        "clock_first",
        "plan_table",
        "tick_start",
        "life_offset",
        "life_n",
        "origin_state",
    ):
        memory.head(name, memory.pool(o[name]))
    memory.head("plan", memory.pool(o["plan_origin"]))
    for name in (
        "tick_time",
        "tick_discount",
        "step_time",
        "step_factor",
        "life",
        "norm",
        "norm_sum",
        "norm_discounted",
        "age_discount",
        "cycle_time",
        "point",
        "lump",
    ):
        memory.reals(name, o[name])
    memory.table("axis", layout.AXIS, {c: o[f"axis_{c}"] for c in layout.AXIS}, len(o["axis_first"]))
    n_kept = _pack_code(memory, o)
    _pack_rows(memory, o, single)
    n_scratch, n_floats = _scratch(memory, o, single, n_kept)
    return Packed(np.array(memory.ints, dtype=np.int64), np.array(memory.floats), n_scratch, n_floats)


def _pack_code(memory: _Memory, o: Mapping[str, Any]) -> int:
    """Programs; returns how many values are kept of those that read attributes only."""
    base = memory.pairs(o["code_op"], o["code_arg"])
    n_strategies, n_kept = len(o["start_bits"]), 0
    memory.head("by_strategy", int(machine.STRATEGY in o["code_op"]))
    rows: dict[str, list[int]] = {column: [] for column in layout.CODE}
    for first, last in pairwise(o["code_start"]):
        code = list(zip(o["code_op"][first:last], o["code_arg"][first:last], strict=True))
        bits = sorted({int(argument) for operation, argument in code if operation == machine.BIT})
        keep = len(bits) <= machine.MEMO_BITS and not any(c in machine.WITHOUT_MEMO for c, _ in code)
        first_bit = memory.pool(bits)
        values = (base + 2 * first, base + 2 * last, n_kept if keep else -1, first_bit, first_bit + len(bits))
        for column, value in zip(layout.CODE, values, strict=True):
            rows[column].append(value)
        n_kept += n_strategies << len(bits) if keep else 0
    memory.table("code", layout.CODE, rows, len(rows["first"]))
    return n_kept


def _pack_rows(memory: _Memory, o: Mapping[str, Any], single: Mapping[str, int]) -> None:
    """Tables of rows, those that others point into first."""
    first_step, last_step = _spans(0, o["effect_step_start"])
    effects = {
        "column": o["effect_column"],
        "mask": o["effect_mask"],
        "ref": o["effect_ref"],
        "on": o["effect_on"],
        "clock": o["effect_clock"],
        "first_step": first_step,
        "last_step": last_step,
    }
    base_effect = memory.table("effect", layout.EFFECT, effects, len(o["effect_ref"]))

    def effects_of(name: str) -> dict[str, list[int]]:
        return {
            f"{end}_effect": [base_effect + layout.E_WIDTH * k for k in o[f"{name}effect_{stop}"]]
            for end, stop in (("first", "start"), ("last", "end"))
        }

    def costs_of(name: str, into: str = "cost") -> dict[str, list[int]]:
        first, last = _spans(memory.pairs(o[f"{name}_category"], o[f"{name}_ref"]), o[f"{name}_start"], 2)
        return {f"first_{into}": first, f"last_{into}": last}

    branches = {c: o[f"branch_{c}"] for c in ("to", "ref", "care", "want", "rule", "clear", "set")}
    base_branch = memory.table("branch", layout.BRANCH, branches | effects_of("branch_"), len(o["branch_to"]))
    transitions = {c: o[c] for c in layout.TRANSITION} | effects_of("") | costs_of("transition")
    transitions |= {"clear": o["clear_bits"], "set": o["set_bits"]}
    transitions |= {"mark": o["transition_mark"], "event": o["transition_event"]}
    base_transition = memory.table("transition", layout.TRANSITION, transitions, len(o["to"]))
    _pack_events(memory, o, effects_of("event_"), costs_of("mark"))
    schedules = {"plan": o["schedule_plan"], "loss": o["schedule_loss"], "years": o["schedule_years"]}
    base_schedule = memory.table("schedule", layout.SCHEDULE, schedules | costs_of("schedule"), len(o["schedule_plan"]))
    limited = {"years": o["limited_years"], "loss": o["limited_loss"]} | costs_of("limited")
    base_limited = memory.table("limited", layout.LIMITED, limited, len(o["limited_years"]))
    terminal = {"window": o["terminal_window"], "excludes": o["terminal_excludes"]} | costs_of("terminal")
    memory.table("terminal", layout.TERMINAL, terminal, len(o["terminal_window"]))
    firsts = o["transition_first"]
    states = {
        "kind": o["state_kind"],
        "clear": o["enter_clear"],
        "set": o["enter_set"],
        "recorded": o["recorded"],
        "decision": o["chance_decision"],
        "alive": o["alive"],
        "utility": o["utility"],
        "entry_qaly": o["entry_qaly"],
        "terminal": o["terminal"],
        "event_of": o["event_of_state"],
        "competing_of": o["competing_of_state"],
        "censoring_of": o["censoring_of_state"],
        "renews": [any(o["fresh"][a:b]) for a, b in pairwise(firsts)],
    }
    for name, base, starts, width in (
        ("transition", base_transition, o["transition_first"], layout.T_WIDTH),
        ("branch", base_branch, o["branch_start"], layout.B_WIDTH),
        ("event", memory.pool(o["entry_event"]), o["entry_event_start"], 1),
        ("clock", memory.pool(o["entry_clock"]), o["entry_clock_start"], 1),
        ("schedule", base_schedule, o["schedule_of_state"], layout.C_WIDTH),
        ("limited", base_limited, o["limited_of_state"], layout.L_WIDTH),
    ):
        states[f"first_{name}"], states[f"last_{name}"] = _spans(base, starts, width)
    states |= costs_of("rate", "rate") | costs_of("entry", "entry")
    memory.table("state", layout.STATE, states, single["n_states"])
    first_rule, last_rule = _spans(memory.pairs(o["start_rule"], o["start_rule_set"]), o["start_rule_start"], 2)
    first_mix, last_mix = _spans(memory.pairs(o["mix_ref"], o["mix_set"]), o["mix_start"], 2)
    strategies = {
        "start_bits": o["start_bits"],
        "first_rule": first_rule,
        "last_rule": last_rule,
        "first_mix": first_mix,
        "last_mix": last_mix,
    }
    memory.table("strategy", layout.STRATEGY, strategies, len(o["start_bits"]))


def _pack_events(
    memory: _Memory, o: Mapping[str, Any], effects: Mapping[str, list[int]], costs: Mapping[str, list[int]]
) -> None:
    """Events, then marks that are no events: of these only how they are paid and counted is read."""
    n_events, n_marks = len(o["event_ref"]), len(o["mark_loss"])
    rest = [0] * (n_marks - n_events)
    values = {c: [*o[f"event_{c}"], *rest] for c in ("ref", "care", "want", "rule", "decision", "clear", "set")}
    values |= {c: [*o[f"event_{c}"], *rest] for c in ("death_ref", "death_decision", "death_state")}
    values |= {c: [*v, *rest] for c, v in effects.items()}
    values |= costs
    values |= {c: o[f"mark_{c}"] for c in ("loss", "years", "stops", "stacks")}
    values |= {"event_of": o["event_of_mark"], "competing_of": o["competing_of_mark"]}
    memory.table("event", layout.EVENT, values, n_marks)


def _scratch(memory: _Memory, o: Mapping[str, Any], single: Mapping[str, int], n_values: int) -> tuple[int, int]:
    """Lay out a worker's scratch, with room for `n_values` values of programs; returns its sizes."""
    n_kept = len(o["decision_address"]) * luck.KEPT
    most_branches = max([b - a for a, b in zip(o["branch_start"], o["branch_start"][1:], strict=False)], default=0)
    position = layout.W_FREE
    for name, size in (
        ("w_clock_count", single["n_clocks"]),
        ("w_entry_count", single["n_states"]),
        ("w_event_count", 2 * single["n_marks"]),
        ("w_risk", single["n_risks"] * layout.R_WIDTH),
        ("w_stamp", n_kept),
        ("w_memo", n_values),
        ("w_alike", len(o["start_bits"])),
        ("w_start", len(o["start_bits"])),
    ):
        memory.head(name, position)
        position += size
    n_ints, position = position, 0
    for name, size in (
        ("wf_clock", single["n_clocks"]),
        ("wf_risk", single["n_risks"] * layout.RF_WIDTH),
        ("wf_luck", n_kept),
        ("wf_stack", layout.STACK_SIZE),
        ("wf_weight", most_branches),
        ("wf_memo", n_values),
        ("wf_lag", 1),
    ):
        memory.head(name, position)
        position += size
    return n_ints, position
