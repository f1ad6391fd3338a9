"""What a global sensitivity analysis takes: evaluations, lives and time, told before any is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.sobol.factors import Factor
    from lmssim.studies.sensitivity.sobol.runs import Evaluations

MOST_EVALUATIONS, MOST_NUMBERS = 10_000_000, 200_000_000
"""Evaluations, and numbers of a design, that are held in memory."""


@dataclass(frozen=True)
class Plan:
    """Evaluations that are to be made.

    Attributes
    ----------
    factors, screened : int
        Factors of the indices, and of the screening.
    rows, trajectories : int
        Rows of Saltelli's design, and trajectories of the screening.
    n_patients, n_strategies : int
        Of each evaluation; no patients if it is solved.
    choosing : int
        Lives, or solutions, of all strategies that tell the best one beforehand; 0 if it is named.
    seconds : float
        Expected time, NaN if it was not measured.
    """

    factors: int
    screened: int
    rows: int
    trajectories: int
    n_patients: int
    n_strategies: int
    choosing: int = 0
    seconds: float = float("nan")

    @property
    def of_screening(self) -> int:
        """Evaluations of the screening."""
        return self.trajectories * (self.screened + 1)

    @property
    def of_indices(self) -> int:
        """Evaluations of the indices."""
        return self.rows * (self.factors + 2)

    @property
    def evaluations(self) -> int:
        """All evaluations."""
        return self.of_screening + self.of_indices

    @property
    def lives(self) -> int:
        """Lives that are simulated."""
        return (self.evaluations * self.n_strategies * self.n_patients + self.choosing) if self.n_patients else 0


def check_rows(rows: int, trajectories: int) -> None:
    """Refuse designs that are not balanced, or nothing to do.

    Raises
    ------
    InputError
        If rows are not a power of 2, or there are neither rows nor trajectories.
    """
    if rows and rows & (rows - 1):
        below = 1 << (rows.bit_length() - 1)
        raise InputError(f"--rows {rows}: a Sobol' sequence is balanced at powers of 2: give {below} or {2 * below}.")
    if rows == 1:
        raise InputError("--rows 1: no error can be told from one row; give 2 or more, or 0 for the screening alone.")
    if trajectories == 1:
        raise InputError("--morris 1: no error can be told from one; give 2 or more, or 0 to leave them out.")
    if not rows and not trajectories:
        raise InputError("--rows 0, --morris 0: nothing is left to do.")


def check_size(n_factors: int, n_columns: int, rows: int, trajectories: int) -> None:
    """Refuse a design that memory does not hold.

    Parameters
    ----------
    n_factors, n_columns : int
        Of the design: of the indices, or of the screening.
    """
    evaluations = rows * (n_factors + 2) + trajectories * (n_factors + 1)
    if evaluations > MOST_EVALUATIONS or evaluations * n_columns > MOST_NUMBERS:
        most = min(MOST_EVALUATIONS, MOST_NUMBERS // max(n_columns, 1))
        raise InputError(
            f"--{'rows' if rows else 'morris'} {rows or trajectories}: {evaluations:,} evaluations of {n_columns:,} "
            f"uncertain numbers; at most {most:,} are made."
        )


def plan_of(
    factors: Sequence[Factor], blocks: Sequence[Block], rows: int, trajectories: int, runs: Evaluations, choosing: int
) -> Plan:
    """The plan of an analysis."""
    patients = 0 if runs.exact else runs.sampling.n_patients
    return Plan(len(factors), len(blocks), rows, trajectories, patients, runs.n_strategies, choosing)
