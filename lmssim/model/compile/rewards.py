"""Compile what histories are worth and how they are counted: rewards, terminal care, norms, endpoints."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.kernels.layout import NONE
from lmssim.model.compile.columns import Rewards, rate_of

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Costs


Readers = Rewards


class _Costs:
    """Lists of (category, ref) by item."""

    def __init__(self, compiler: Draft) -> None:
        self.compiler = compiler
        self.start, self.category, self.ref = [0], list[int](), list[int]()

    def add(self, costs: Costs, where: str) -> None:
        """Append an item's costs."""
        self.extend(costs, where)
        self.close()

    def extend(self, costs: Costs, where: str, factor: str | None = None) -> None:
        """Append costs, each times a flag if one is given, to the item that is open."""
        categories = self.compiler.file.settings.cost_categories
        for category, value in costs.items():
            self.category.append(self.compiler.index("cost category", category, categories, where))
            text = value if factor is None else f"({value}) * {factor}"
            self.ref.append(self.compiler.names.ref(text, f"{where}.{category}", "cost"))

    def close(self) -> None:
        """End the item that is open."""
        self.start.append(len(self.ref))


def compile_rewards(c: Draft) -> Rewards:
    """What histories are worth."""
    out: dict[str, Any] = defaultdict(list)
    settings = c.file.settings
    rate, entry, transition, mark, schedule, limited, terminal = (_Costs(c) for _ in range(7))
    out["schedule_start"], out["limited_start"] = [0], [0]
    for name, state in c.flat.states.items():
        where = f"{c.where}: states.{name}"
        out["alive"].append(int(state.kind == "dwelling"))
        if state.utility is not None:
            c.names.ref(state.utility, f"{where}.utility", "utility")  # checked without what lasts
        out["utility"].append(c.names.ref(_lasting_utility(c, state.utility), f"{where}.utility", "utility"))
        out["entry_qaly"].append(c.names.ref(state.entry_utility, f"{where}.entry_utility", "number"))
        rate.extend(state.cost_per_year, f"{where}.cost_per_year")
        if state.kind == "dwelling":
            for flag, lasting in c.file.lasting.items():
                rate.extend(lasting.cost_per_year, f"{c.where}: lasting.{flag}.cost_per_year", flag)
        rate.close()
        entry.add(state.entry_cost, f"{where}.entry_cost")
        for tick in state.schedule:
            place = f"{where}.schedule.{tick.name}"
            out["schedule_plan"].append(c.index("plan", tick.at, c.plans, f"{place}.at"))
            out["schedule_loss"].append(c.names.ref(tick.utility_loss, f"{place}.utility_loss", "loss"))
            out["schedule_years"].append(c.names.ref(tick.years, f"{place}.years", "time"))
            _together(tick.utility_loss, tick.years, place)
            schedule.add(tick.cost, f"{place}.cost")
        out["schedule_start"].append(len(out["schedule_plan"]))
        for spell in state.limited:
            place = f"{where}.limited"
            out["limited_years"].append(c.names.ref(spell.years, f"{place}.years", "time"))
            out["limited_loss"].append(c.names.ref(spell.utility_loss, f"{place}.utility_loss", "loss"))
            limited.add(spell.cost_per_year, f"{place}.cost_per_year")
        out["limited_start"].append(len(out["limited_years"]))
        out["terminal"].append(-1)
        if state.kind != "dwelling" and (state.utility is not None or state.cost_per_year or state.schedule):
            raise ScenarioError(f"{where}: only dwelling states have a utility, a cost per year or a schedule.")
    for spec in c.flat_transitions_in_order:
        transition.add({} if spec is None else spec.cost, f"{c.where}: transitions.cost")
    _marks(c, out, mark)
    _terminal(c, out, terminal)
    norms = _norms(c, rate_of(settings.discount_rate_effects, settings))
    rate_costs = rate_of(settings.discount_rate_costs, settings)
    columns = {
        **out,
        **norms,
        "tick_discount": _tick_discount(c, rate_costs),
        "schedule_of_state": out["schedule_start"],
        "limited_of_state": out["limited_start"],
    }
    for name, costs in (
        ("rate", rate),
        ("entry", entry),
        ("transition", transition),
        ("mark", mark),
        ("terminal", terminal),
        ("schedule", schedule),
        ("limited", limited),
    ):
        columns |= {f"{name}_start": costs.start, f"{name}_category": costs.category, f"{name}_ref": costs.ref}
    for name in (
        "schedule_plan",
        "schedule_loss",
        "schedule_years",
        "limited_years",
        "limited_loss",
        "mark_loss",
        "mark_years",
        "mark_stops",
        "mark_stacks",
        "terminal_window",
        "terminal_excludes",
    ):
        columns.setdefault(name, [])
    single = {
        "n_ages": norms["norm"].shape[1],
        "n_categories": len(settings.cost_categories),
        "n_marks": len(c.marks),
        "additive": int(c.file.utilities.combine == "additive"),
        "lossy": 2 if _any(out, "schedule_loss", "limited_loss") else int(_any(out, "mark_loss")),
    }
    rate_effects = rate_of(settings.discount_rate_effects, settings)
    real = {
        "rate_costs": rate_costs,
        "rate_effects": rate_effects,
        "inverse_costs": 1.0 / rate_costs if rate_costs > 0 else 0.0,
        "inverse_effects": 1.0 / rate_effects if rate_effects > 0 else 0.0,
    }
    return Rewards(columns, single, real)


def _any(out: dict[str, Any], *names: str) -> bool:
    return any(ref != NONE for name in names for ref in out[name])


def _lasting_utility(c: Draft, utility: float | str | None) -> float | str | None:
    """Utility of a state with what lasts: the loss of every flag that is set."""
    if utility is None:
        return None
    for flag, lasting in c.file.lasting.items():
        if flag not in c.flat.levels:
            raise ScenarioError(unknown("attribute", flag, c.flat.levels, f"{c.where}: lasting"))
        if lasting.utility_loss is not None:
            c.names.ref(lasting.utility_loss, f"{c.where}: lasting.{flag}.utility_loss", "loss")
            loss = f"({lasting.utility_loss}) * {flag}"
            additive = c.file.utilities.combine == "additive"
            utility = f"{utility} - {loss}" if additive else f"({utility}) * (1 - {loss})"
    return utility


def _together(loss: object, years: object, where: str) -> None:
    if loss is not None and years is None:
        raise ScenarioError(f"{where}: a utility_loss needs `years`, how long it lasts.")


def _marks(c: Draft, out: dict[str, Any], costs: _Costs) -> None:
    for name in c.marks:
        event = c.file.events.get(name)
        where = f"{c.where}: events.{name}"
        costs.add({} if event is None else event.cost, f"{where}.cost")
        loss, years = (None, None) if event is None else (event.utility_loss, event.years)
        out["mark_loss"].append(c.names.ref(loss, f"{where}.utility_loss", "loss"))
        out["mark_years"].append(c.names.ref(years, f"{where}.years", "time"))
        out["mark_stops"].append(int(event is not None and event.stop_on_leaving))
        out["mark_stacks"].append(int(event is not None and event.stack))


def _terminal(c: Draft, out: dict[str, Any], costs: _Costs) -> None:
    categories = c.file.settings.cost_categories
    for i, exclusion in enumerate(c.file.terminal):
        where = f"{c.where}: terminal[{i + 1}]"
        state = c.state(exclusion.death, f"{where}.death")
        if c.flat.states[exclusion.death].kind != "absorbing":
            raise ScenarioError(f"{where}.death: '{exclusion.death}' is not an absorbing state.")
        out["terminal"][state] = i
        window = c.names.ref(exclusion.window, f"{where}.window", "time")
        if window < 0:
            differing = c.names.differing(c.names.origins[-1 - window][0])
            raise UnsupportedError(f"{where}.window: may depend on parameters alone{differing}.")
        out["terminal_window"].append(window)
        bits = 0
        for category in exclusion.excludes:
            bits |= 1 << c.index("cost category", category, categories, f"{where}.excludes")
        out["terminal_excludes"].append(bits)
        costs.add(exclusion.cost, f"{where}.cost")


def _tick_discount(c: Draft, rate: float) -> list[float]:
    """Cumulative discount factors of each table's ticks, starting at 0: one more number than ticks per table."""
    result: list[float] = []
    starts, times = c.out["tick_start"], c.out["tick_time"]
    for lo, hi in itertools.pairwise(starts):
        total = 0.0
        result.append(total)
        for time in times[lo:hi]:
            total += math.exp(-rate * time)
            result.append(total)
    return result


def _norms(c: Draft, rate: float) -> dict[str, FloatArray]:
    """Norms by year of age and their integrals from age 0, plain and discounted."""
    norm = np.ones((1, 1)) if c.scenario.norms is None else c.scenario.norms.array
    ages = np.arange(norm.shape[1] + 1, dtype=np.float64)
    discount = np.exp(-rate * ages)
    widths = np.ones(norm.shape[1]) if rate == 0 else (discount[:-1] - discount[1:]) / rate
    return {
        "norm": norm,
        "norm_sum": np.cumsum(norm, axis=1) - norm,
        "norm_discounted": np.cumsum(norm * widths, axis=1) - norm * widths,
        "age_discount": discount[:-1],
    }


# === Endpoints ===
