"""Compile plans: the times of their ticks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, exact
from lmssim.kernels.layout import CLOCK_AGE
from lmssim.kernels.race import TICK_BITS
from lmssim.model.compile.discounting import added_up, discount_rates
from lmssim.model.program import rows

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Plan

MAX_TICKS = 1 << TICK_BITS
SHORTEST = 1e-4
"""Years between ticks of a plan or rounds of a regimen."""


def compile_plans(d: Draft) -> tuple[rows.Plan, ...]:
    """Times of each plan's ticks."""
    return tuple(_plan(d, name, plan) for name, plan in d.file.plans.items())


def _plan(d: Draft, name: str, plan: Plan) -> rows.Plan:
    where = f"{d.where}: plans.{name}"
    origin = d.clock(plan.origin, f"{where}.origin")
    if origin == CLOCK_AGE:
        raise UnsupportedError(f"{where}.origin: `age` is not possible; allowed: entry, model or a named clock.")
    ticks = tuple(_ticks(d, plan, where))
    discounts = added_up(ticks, discount_rates(d.file.settings).costs)
    return rows.Plan(name=name, origin=origin, ticks=ticks, discounts=discounts)


def _count(d: Draft, value: float | str, where: str) -> int:
    """Largest number of ticks."""
    number = d.fixed(value, where, "numbers of ticks")
    if number != int(number):
        raise ScenarioError(f"{where}: {exact(number)} is not a whole number of ticks.")
    return int(number)


def _never(i: int, ends: float, begins: float, where: str) -> str:
    """Why a period of a plan, which is not the first, has no ticks."""
    if begins == math.inf:
        return f"{where}.periods[{i + 1}]: never begins, as periods[{i}] before it has no end (`until`)."
    return f"{where}.periods[{i + 1}].until: {exact(ends)} lies before {exact(begins)}, where periods[{i}] ends."


def check_interval(years: float, where: str) -> None:
    """Refuse an interval between ticks or rounds that is shorter than about an hour."""
    if years < SHORTEST:
        raise ScenarioError(f"{where}: {exact(years)} years is too short; at least {SHORTEST:g}, an hour.")


def _ticks(d: Draft, plan: Plan, where: str) -> list[float]:
    horizon = d.file.settings.horizon
    most = MAX_TICKS + 1 if plan.max is None else _count(d, plan.max, f"{where}.max")
    ticks: list[float] = []
    base, begins = 0.0, 0.0
    for i, period in enumerate(plan.periods):
        place = f"{where}.periods[{i + 1}]"
        every = d.fixed(period.every, f"{place}.every")
        check_interval(every, f"{place}.every")
        ends = math.inf if period.until is None else d.fixed(period.until, f"{place}.until")
        if ends < begins or begins == math.inf:
            raise ScenarioError(_never(i, ends, begins, where))
        begins, until = ends, min(horizon, ends)
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
