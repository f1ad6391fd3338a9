"""Compile plans: the times of their ticks, and which plan each strategy uses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels.layout import (
    CLOCK_AGE,
)
from lmssim.kernels.race import TICK_BITS

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Plan

MAX_TICKS = 1 << TICK_BITS


def compile_plans(d: Draft) -> None:
    """Tables of ticks: one for each plan; a strategy may use another plan's table."""
    d.out["tick_start"].append(0)
    for name, plan in d.file.plans.items():
        where = f"{d.where}: plans.{name}"
        origin = d.clock(plan.origin, f"{where}.origin")
        if origin == CLOCK_AGE:
            raise UnsupportedError(f"{where}.origin: `age` is not possible; allowed: entry, model or a named clock.")
        d.out["plan_origin"].append(origin)
        d.out["tick_time"] += _ticks(d, plan, where)
        d.out["tick_start"].append(len(d.out["tick_time"]))
    for strategy, spec in d.file.strategies.items():
        for old, new in spec.plans.items():
            for plan_name in (old, new):
                d.index("plan", plan_name, d.plans, f"{d.where}: strategies.{strategy}.plans")
        d.out["plan_table"] += [d.plans.index(spec.plans.get(p, p)) for p in d.plans]


def _ticks(d: Draft, plan: Plan, where: str) -> list[float]:
    horizon = d.file.settings.horizon
    most = MAX_TICKS + 1 if plan.max is None else int(d.fixed(plan.max, f"{where}.max"))
    ticks: list[float] = []
    base = 0.0
    for i, period in enumerate(plan.periods):
        place = f"{where}.periods[{i + 1}]"
        every = d.fixed(period.every, f"{place}.every")
        if every <= 0:
            raise ScenarioError(f"{place}.every: {every} is not greater than 0 years.")
        until = horizon if period.until is None else min(horizon, d.fixed(period.until, f"{place}.until"))
        first = d.fixed(plan.first, f"{where}.first") if plan.first is not None and i == 0 else base + every
        for k in itertools.count():
            tick = first + k * every
            if tick > until * (1 + 1e-12) or len(ticks) >= most:
                break
            ticks.append(tick)
            if len(ticks) > MAX_TICKS:
                raise UnsupportedError(f"{place}: more than {MAX_TICKS} ticks before the horizon.")
        base = until
    return ticks[:most]
