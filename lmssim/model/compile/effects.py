"""Compile effects: what they multiply, on what they act, and when they set in, last and wane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels.layout import CLOCK_AGE, CLOCK_ENTRY, NONE, ON_HAZARD, ON_LOGIT, ON_TIME
from lmssim.model.language import expression
from lmssim.model.language.expression import Name
from lmssim.model.language.schema import Effect
from lmssim.model.program import rows

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Effects

ON = {"hazard": ON_HAZARD, "time": ON_TIME, "logit": ON_LOGIT}


def compile_effects(d: Draft, effects: Effects, default: str, where: str) -> tuple[rows.Effect, ...]:
    """Effects in order; `default` is what they act on if they do not say.

    Raises
    ------
    InputError
        If a name does not exist, or an effect cannot act so.
    """
    return tuple(_effect(d, key, value, default, f"{where}.effects.{key}") for key, value in effects.items())


def _effect(d: Draft, key: str, value: float | str | Effect, default: str, where: str) -> rows.Effect:
    effect = value if isinstance(value, Effect) else Effect(value=value)
    on = effect.on or default
    if (on == "logit") != (default == "logit"):
        allowed = "logit" if default == "logit" else "hazard, time"
        raise ScenarioError(f"{where}: on = '{on}' is not possible here; allowed: {allowed}.")
    column, mask = _key(d, key, where)
    steps = _steps(d, effect, where)
    if steps and on != "hazard":
        raise UnsupportedError(f"{where}: an effect that changes with time must be on = 'hazard'.")
    ref = d.code.ref(effect.value, where, "effect")
    node = d.code.node_of(ref)
    if steps and node is not None and not d.names.is_of_covariates(node):
        raise UnsupportedError(
            f"{where}: an effect that changes with time may depend on parameters and covariates alone."
        )
    clock = d.clock(effect.clock or "model", where) if steps else NONE
    if clock in (CLOCK_ENTRY, CLOCK_AGE):
        raise UnsupportedError(f"{where}: the clock of an effect must be `model` or a named clock.")
    return rows.Effect(column=column, mask=mask, ref=ref, on=ON[on], clock=clock, steps=steps)


def _key(d: Draft, key: str, where: str) -> tuple[int, int]:
    """(column or -1, attribute bit or 0) of what an effect multiplies."""
    node = d.names.resolve(expression.parse(key, where), where)
    is_attribute = isinstance(node, Name) and node.name not in d.names.covariates
    bit = d.names.attribute_bit(node.name) if isinstance(node, Name) and is_attribute else None
    if bit is not None:
        return -1, bit
    if not d.names.is_baseline(node):
        raise UnsupportedError(
            f"{where}: the key of an effect must be an attribute, or an expression of covariates alone."
        )
    return d.column(node), 0


def _steps(d: Draft, effect: Effect, where: str) -> tuple[rows.Step, ...]:
    """Share of an effect since its clock started: none, full, waning in equal steps, none; empty if it is constant."""
    what = "times of effects"
    full = None if effect.full is None else d.fixed(effect.full, f"{where}.full", what)
    delay = d.fixed(effect.delay, f"{where}.delay", what)
    wane = d.fixed(effect.wane, f"{where}.wane", what)
    if delay == 0 and full is None and wane == 0:
        return ()
    steps = [rows.Step(delay, 1.0)]
    if full is not None:
        ends, n = delay + full, effect.steps if wane > 0 else 0
        steps += [rows.Step(ends + wane * k / n, 1.0 - (k + 0.5) / n) for k in range(n)]
        steps.append(rows.Step(ends + wane, 0.0))
    return tuple(steps)
