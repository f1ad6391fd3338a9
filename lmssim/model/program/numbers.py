"""The numbers of a program: every value that depends on parameters and strategy alone, one slot each.

Slots are evaluated for all draws at once, so that a probabilistic analysis compiles its structure once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ParameterError, exact
from lmssim.kernels.machine import LARGEST
from lmssim.model.language import expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.table import ParameterTable

LARGEST_LOG = 700.0
"""Largest logarithm of a ratio: the ratio is a number."""
TOLERANCE = 1e-9
"""How far a sum of probabilities may differ from 1 by rounding."""
CHECKS: dict[str, tuple[str, Callable[[FloatArray], Any]]] = {
    "number": ("a finite number", np.isfinite),
    "size": (f"a number from -{LARGEST:g} to {LARGEST:g}", lambda v: np.abs(v) <= LARGEST),
    "probability": ("a probability between 0 and 1", lambda v: (v >= 0) & (v <= 1)),
    "cost": (f"a cost of 0 or more, at most {LARGEST:g}", lambda v: (v >= 0) & (v <= LARGEST)),
    "time": (f"a time of 0 or more, in years, at most {LARGEST:g}", lambda v: (v >= 0) & (v <= LARGEST)),
    "multiplier": (f"a hazard multiplier of 0 or more, at most {LARGEST:g}", lambda v: (v >= 0) & (v <= LARGEST)),
    "effect": (f"a log ratio of at most {LARGEST_LOG:g}", lambda v: v <= LARGEST_LOG),
    "utility": ("a utility between -1 and 1", lambda v: (v >= -1) & (v <= 1)),
    "loss": ("a utility loss between 0 and 2", lambda v: (v >= 0) & (v <= 2)),
    "share of utility": (
        "a utility loss between 0 and 1, as it is a share of the utility (combine = 'multiplicative')",
        lambda v: (v >= 0) & (v <= 1),
    ),
    "amount": (f"an amount of 0 or more, at most {LARGEST:g}", lambda v: (v >= 0) & (v <= LARGEST)),
    "share": ("add up to {}, over 1", lambda v: (v >= 0) & (v <= 1 + TOLERANCE)),
    "whole": (
        "do not add up to 1 but to {}; the last branch may have p = 'rest'",
        lambda v: np.abs(v - 1) <= TOLERANCE,
    ),
    "any": ("a number", lambda v: ~np.isnan(v)),
}
"""What a value may be: words for the message, of a sum with room for it, and the test."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One number: its expression, where it stands, and what it may be; `only` under that strategy if it is named."""

    node: expression.Node
    where: str
    check: str
    only: str | None = None


@dataclass
class NumberTable:
    """Slots in order; equal expressions with equal checks share one."""

    slots: list[Slot] = field(default_factory=list)
    index: dict[tuple[expression.Node, str], int] = field(default_factory=dict)

    def add(
        self, node: expression.Node, where: str, check: str, *, shared: bool = True, only: str | None = None
    ) -> int:
        """Slot of an expression; a new one at the end if `shared` is false or it is not there yet.

        A slot that must be so under one strategy `only` is not shared.
        """
        key = (node, check)
        shared = shared and only is None
        if shared and key in self.index:
            return self.index[key]
        self.slots.append(Slot(node, where, check, only))
        if shared:
            self.index[key] = len(self.slots) - 1
        return len(self.slots) - 1


def evaluate(
    slots: Sequence[Slot],
    table: ParameterTable,
    draws: Mapping[str, FloatArray],
    overrides: Sequence[tuple[str, Mapping[str, expression.Node]]],
    first_draw: int = 0,
) -> FloatArray:
    """Numbers of all draws and strategies.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1)
        Parameter id to values, shape (n_draws,), derived parameters included.
    overrides : sequence of (strategy id, mapping of parameter id to expression)
    first_draw : int
        Number of the first draw, for messages.

    Returns
    -------
    ndarray(float, ndim=3)
        Shape (n_draws, n_strategies, n_slots).

    Raises
    ------
    ParameterError
        If a value is impossible; the message names where it stands, the strategy, the draw and the value.
    """
    n_draws = len(next(iter(draws.values()))) if draws else 1
    numbers = np.empty((n_draws, len(overrides), len(slots)))
    plain: int | None = None
    for s, (strategy, changes) in enumerate(overrides):
        if not changes and plain is not None:
            numbers[:, s] = numbers[:, plain]
            continue
        plain = plain if changes else s
        values = _changed(table, draws, strategy, changes, n_draws) if changes else draws
        for k, slot in enumerate(slots):
            numbers[:, s, k] = expression.evaluate(slot.node, values, slot.where)
    _refuse_impossible(slots, numbers, [name for name, _ in overrides], first_draw)
    return numbers


def _changed(
    table: ParameterTable,
    draws: Mapping[str, FloatArray],
    strategy: str,
    changes: Mapping[str, expression.Node],
    n_draws: int,
) -> Mapping[str, FloatArray]:
    """Parameters as a strategy sets them, and those derived from them."""
    changed = {
        name: np.broadcast_to(expression.evaluate(node, draws, f"strategy {strategy}"), (n_draws,))
        for name, node in changes.items()
    }
    given = {name: draw for name, draw in draws.items() if not table[name].expression}
    return table.evaluate({**given, **changed})


def _refuse_impossible(slots: Sequence[Slot], numbers: FloatArray, strategies: list[str], first_draw: int) -> None:
    for k, slot in enumerate(slots):
        words, test = CHECKS[slot.check]
        column = numbers[:, :, k]
        asked = np.array([slot.only in (None, strategy) for strategy in strategies])
        bad = np.argwhere(~test(column) & asked)
        if len(bad):
            draw, s = bad[0]
            inputs = ", ".join(sorted(set(expression.names(slot.node))))
            raise ParameterError(
                f"{slot.where}{_said(words, float(column[draw, s]))}"
                f" (strategy '{strategies[s]}', draw {first_draw + draw}{', from ' + inputs if inputs else ''})."
            )


def _said(words: str, value: float) -> str:
    """What is wrong with a value; with a sum, whose place says what is added."""
    return f" {words.format(exact(value))}" if "{}" in words else f": {exact(value)} is not {words}"
