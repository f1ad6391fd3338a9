"""Parameters that are solved so that an option's label says what the model gives.

Each is solved at base values, with its option chosen and the other switches at their defaults, from lives that are the
same in every trial: what the model gives then changes with the parameter alone. The search begins at the parameter's
present value, so that after a small change of the model a few trials suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from lmssim.errors import InputError, exact
from lmssim.model.parameters.claims import printed_as, subject
from lmssim.model.scenario import load_scenario
from lmssim.published.claims import OutcomeReader, claims_of, with_option
from lmssim.published.series import is_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.model.language.schema import Claim, Solve
    from lmssim.model.scenario import Scenario

CLOSE = 0.02
"""Part of half a unit of the last printed digit within which the outcome must come to its value."""
NEAR = 1.1
"""Factor from the present value within which the solution is looked for first."""
NEVER = 1e6
"""Years in the place of a time that does not come."""
DIGITS = 7
COLUMNS = (
    "id",
    "value",
    "distribution",
    "low",
    "high",
    "kind",
    "source_id",
    "description",
    "p1",
    "p2",
    "se",
    "expression",
    "unit",
    "locator",
    "reason",
)
"""Columns of the table of solutions: those of a table of parameters."""


@dataclass(frozen=True)
class Solved:
    """A parameter that has been solved.

    Attributes
    ----------
    switch, option : str
        The option whose claim it makes true.
    claim : Claim
        What is claimed.
    parameter : str
        Id.
    before, value : float
        Its value before, and the solution.
    observed_before, observed : float
        What the model gave, and what it gives.
    """

    switch: str
    option: str
    claim: Claim
    parameter: str
    before: float
    value: float
    observed_before: float
    observed: float

    @property
    def spread(self) -> float | None:
        """Factor from the solution to either end of its interval."""
        return None if self.claim.solve is None else self.claim.solve.spread


@dataclass(frozen=True)
class SwitchSolutions:
    """Every parameter of a scenario's claims, solved.

    Attributes
    ----------
    scenario : Scenario
        With the parameters as they were before.
    solved : list of Solved
        In the order of the file.
    """

    scenario: Scenario
    solved: list[Solved]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """By the name of the file that held the parameters, the table that is to stand in its place."""
        rows: dict[str, list[tuple[object, ...]]] = {}
        for found in self.solved:
            rows.setdefault(Path(self.scenario.table[found.parameter].file).name, []).append(self._row(found))
        return {name: pd.DataFrame(each, columns=list(COLUMNS)) for name, each in rows.items()}

    def to_frame(self) -> pd.DataFrame:
        """A row for each claim: what it says, the parameter and what the model gives, each before and after."""
        return pd.DataFrame(
            {
                "switch": found.switch,
                "option": found.option,
                "claimed": found.claim.value,
                "parameter": found.parameter,
                "before": found.before,
                "solution": found.value,
                "observed_before": found.observed_before,
                "observed": found.observed,
            }
            for found in self.solved
        )

    def _row(self, found: Solved) -> tuple[object, ...]:
        row, spread = self.scenario.table[found.parameter], found.spread
        drawn = (
            ("lognormal", _short(found.value / spread), _short(found.value * spread)) if spread else ("fixed", "", "")
        )
        texts = ("derived", row.source_id, row.description)
        reason = _reason(self.scenario, found)
        return (found.parameter, found.value, *drawn, *texts, "", "", "", "", row.unit, row.locator, reason)


def solve_switches(
    name: str | Path,
    table: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SwitchSolutions:
    """Solve the parameters of all claims of a scenario that name one.

    Parameters
    ----------
    name : str or Path
        Path of a scenario, or the name of a bundled one.
    table : str, optional
        Only the parameters of the table with this file name.
    progress : callable, optional
        Called with (parameters solved, parameters in all).

    Raises
    ------
    InputError
        If there is none, or a target cannot be reached.
    """
    scenario = load_scenario(name)
    wanted = [each for each in claims_of(scenario) if each[3].solve is not None]
    _check_tables(scenario, wanted)
    if table is not None:
        wanted = [each for each in wanted if _file_of(scenario, each[3]) == table]
    if not wanted:
        raise InputError(f"{scenario.path}: switches: no claim names a parameter to solve (docs/language.md).")
    solved: list[Solved] = []
    for switch, option, number, claim in wanted:
        place = f"{scenario.path}: switches.{switch}.options.{option}.claims[{number + 1}]"
        solved.append(_solved(with_option(scenario, switch, option), switch, option, claim, place))
        if progress is not None:
            progress(len(solved), len(wanted))
    return SwitchSolutions(scenario, solved)


def _file_of(scenario: Scenario, claim: Claim) -> str:
    return "" if claim.solve is None else Path(scenario.table[claim.solve.parameter].file).name


def _solved(scenario: Scenario, switch: str, option: str, claim: Claim, where: str) -> Solved:
    """Solve one claim."""
    assert claim.solve is not None
    spec = scenario.file.switches[switch].options[option]
    tolerance = CLOSE * (printed_as(claim, spec) or (0.0, 0.0))[1]
    search = _Search(OutcomeReader(scenario, claim, where), claim, claim.solve, tolerance)
    before = float(scenario.table.base()[claim.solve.parameter][0])
    observed = search.at(before)
    value = search.root(before, where)
    return Solved(switch, option, claim, claim.solve.parameter, before, value, observed, search.at(value))


class _Search:
    """Looks for the parameter at which an outcome has a value; both are followed on scales of their logs."""

    def __init__(self, reader: OutcomeReader, claim: Claim, solve: Solve, tolerance: float) -> None:
        self.reader, self.claim, self.solve, self.tolerance = reader, claim, solve, tolerance
        self.known: dict[float, float] = {}

    def at(self, value: float) -> float:
        """The outcome with the parameter at a value."""
        if value not in self.known:
            self.known[value] = self.reader.value(**{self.solve.parameter: value})
        return self.known[value]

    def beyond(self, log_value: float) -> float:
        """By how much the outcome exceeds its target, on a scale of logs; 0 if it is close enough."""
        found, target = self.at(_short(float(np.exp(log_value)))), self.claim.value
        if abs(found - target) <= self.tolerance:
            return 0.0
        return _scaled(found, self.claim) - _scaled(target, self.claim)

    def root(self, before: float, where: str) -> float:
        """The parameter at which the outcome has its target, near its present value if it is there.

        Raises
        ------
        InputError
            If the target lies beyond what the outcome is between the ends of the parameter's range.
        """
        low, high = np.log(self.solve.low), np.log(self.solve.high)
        first = float(np.clip(np.log(max(before, 1e-300)), low, high))
        if self.beyond(first) == 0.0:
            return _short(float(np.exp(first)))
        near = max(first - np.log(NEAR), low), min(first + np.log(NEAR), high)
        ends = next((pair for pair in (near, (low, high)) if self._bracket(*pair)), None)
        if ends is None:
            a, b = sorted((self.at(_short(self.solve.low)), self.at(_short(self.solve.high))))
            raise InputError(
                f"{where}.solve: {exact(self.claim.value)} cannot be reached: {subject(self.claim)} is between {a:.4g}"
                f" and {b:.4g} for {self.solve.parameter} between {exact(self.solve.low)} and {exact(self.solve.high)}."
            )
        return _short(float(np.exp(brentq(self.beyond, *ends, xtol=1e-6, rtol=1e-8))))

    def _bracket(self, low: float, high: float) -> bool:
        """Whether the outcome passes its target between two values; NaN passes nothing."""
        return bool(self.beyond(low) * self.beyond(high) <= 0.0)


def _scaled(value: float, claim: Claim) -> float:
    """An outcome on a scale on which it is nearly a straight line in the log of a rate or a time."""
    if is_time(claim.statistic):  # a median that is not reached comes later than any that is
        return float(np.log(max(value, 1e-12) if np.isfinite(value) else NEVER))
    share = min(max(value, 1e-9), 1.0 - 1e-9)
    return float(np.log(-np.log1p(-share)))


def _short(value: float) -> float:
    """A value as it is written, so that what is read back is what was tried."""
    return float(f"{value:.{DIGITS}g}")


def _reason(scenario: Scenario, found: Solved) -> str:
    """For what the parameter was solved, and with which calibrated parameters."""
    given = f", with {', '.join(posteriors)}" if (posteriors := _posteriors(scenario)) else ""
    strategy = found.claim.strategy or scenario.comparator
    return f"Solved for {subject(found.claim)} = {found.claim.value:.6g} under {strategy}{given}"


def _posteriors(scenario: Scenario) -> list[str]:
    """Tables of calibrated parameters, with the beginning of their hashes."""
    files = {Path(row.file).resolve() for row in scenario.table.values() if row.kind == "calibrated"}
    hashes = {(scenario.path.parent / name).resolve(): digest for name, digest in scenario.inputs.items()}
    return [f"{'/'.join(file.parts[-2:])} ({hashes[file][:8]})" for file in sorted(files) if file in hashes]


def _check_tables(scenario: Scenario, wanted: Sequence[tuple[str, str, int, Claim]]) -> None:
    """Refuse a parameter beside which its table holds others: the new table would lack them."""
    solved = {each[3].solve.parameter for each in wanted if each[3].solve is not None}
    for id_ in sorted(solved):
        beside = [p.id for p in scenario.table.values() if p.file == scenario.table[id_].file and p.id not in solved]
        if beside:
            raise InputError(
                f"{scenario.table[id_].file}: '{id_}' is solved for a claim, and stands beside '{beside[0]}', which is"
                " not; give parameters that are solved a table of their own."
            )
