"""What each option of a switch that is averaged over gives by itself, beside the average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate
from lmssim.model.parameters.averaging import indicator
from lmssim.outcomes.main import DISCOUNTED, position_of
from lmssim.studies.sensitivity.psa.parameters import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.averaging import Had
    from lmssim.studies.sensitivity.psa.averaged import AveragedWork
    from lmssim.studies.sensitivity.psa.collected import Collected

ALL = "all"
"""In the place of an option: the average over the options."""
OPTION_COLUMNS = [
    "switch",
    "option",
    "label",
    "weight",
    "draws",
    "strategy",
    "comparator",
    "outcome",
    "mean",
    "se",
    "probability",
    "optimal",
    "behind",
    "behind_se",
]
FEWEST = 2
"""Draws of which a mean has an error."""
Row = tuple[object, ...]
NONE: Row = ("", "", "", np.nan, np.nan, np.nan, None, np.nan, np.nan)
"""Row of an option of which nothing is told."""
NOT_BEHIND = Estimate(0.0, 0.0)


def option_frame(
    work: AveragedWork | None, collected: Collected, choices: Sequence[str], comparator: str, wtps: Sequence[float]
) -> pd.DataFrame:
    """Increments over the comparator in the draws of each option, and in all: `OPTION_COLUMNS`.

    `outcome` is one of the main outcomes, or `inmb:W`, the net benefit at W; there `probability` is that of being
    optimal, `optimal` says whether the expected net benefit is the greatest, and `behind` is how far it is below the
    greatest, of the same draws. An option that fewer than two draws have has one row, which tells nothing else.
    """
    rows: list[Row] = []
    if work is not None:
        options = work.options(0, work.n_draws)
        everybody: Had = np.ones(work.n_draws, dtype=bool)
        parts: list[tuple[str, str, str, float, Had]] = [("", ALL, "average over the options", 1.0, everybody)]
        for switch, option, had in work.averaging.had(options):
            label = work.program.scenario.file.switches[switch].options[option].label or option
            parts.append((switch, option, label, work.averaging.weights[switch][option], had))
        for *about, had in parts:
            n = int(had.sum())
            told = _increments(collected.of(had), work.strategies, choices, comparator, wtps) if n >= FEWEST else [NONE]
            rows += [(*about, n, *row) for row in told]
    return pd.DataFrame(rows, columns=OPTION_COLUMNS)


def _increments(
    collected: Collected, strategies: Sequence[str], choices: Sequence[str], comparator: str, wtps: Sequence[float]
) -> Iterator[Row]:
    """Strategy, comparator, outcome, mean, error, and what net benefit says of the decision."""
    c = strategies.index(comparator)
    decision = collected.acceptability([strategies.index(s) for s in choices])
    shares = {wtp: decision.ceac(wtp) for wtp in wtps}
    for s, strategy in enumerate(strategies):
        for outcome in DISCOUNTED:
            found = collected.outcome(position_of(outcome), s, c)
            yield strategy, comparator, outcome, found.mean, found.se, np.nan, None, np.nan, np.nan
        for wtp in wtps:
            found = collected.net_benefit(wtp, s, c)
            k = choices.index(strategy) if strategy in choices else None
            probability = np.nan if k is None else float(shares[wtp][k])
            best = decision.optimal(wtp)
            behind = collected.net_benefit(wtp, strategies.index(choices[best]), s) if best != k else NOT_BEHIND
            benefit = strategy, comparator, f"inmb:{wtp:g}", found.mean, found.se
            yield *benefit, probability, best == k, behind.mean, behind.se


def option_rows(work: AveragedWork, draws: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Rows of the table of parameters: of each option, its weight and the share of the draws that have it."""
    rows, switches = [], work.program.scenario.file.switches
    for switch, weights in work.averaging.weights.items():
        for option, weight in weights.items():
            values = draws[indicator(switch, option)]
            spec = switches[switch]
            description = f"{spec.label or switch}: {spec.options[option].label or option}"
            error = float(values.std(ddof=1) / np.sqrt(len(values)))
            base = float(work.program.scenario.options[switch] == option)
            share = float(values.mean())
            about = indicator(switch, option), description, "draw has it", f"switch '{switch}'"
            rows.append((*about, weight, 0.0, 1.0, share, error, 0.0, 1.0, base))
    return pd.DataFrame(rows, columns=COLUMNS)
