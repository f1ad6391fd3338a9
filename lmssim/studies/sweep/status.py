"""How far the sweep in a folder has come, as anybody can read from outside, and what it has found until now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError
from lmssim.execution.shared.tables import ERROR, KEY, PART, SharedTables
from lmssim.execution.writing.journal import MANIFEST
from lmssim.execution.writing.sharing import SHARED
from lmssim.studies.sweep.result import sweep_in

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.sweep.result import Sweep

RECENT = 120.0
"""Seconds over which speed is measured."""


@dataclass(frozen=True)
class Status:
    """How far a sweep has come.

    Attributes
    ----------
    scenario : str
        Its name.
    cells, done, failed : int
        Cells in all, with all their rows, and with an error.
    processes : list of str
        Who works on it.
    seconds_left : float, optional
        By the speed of the last minutes; None if nobody works on it or that is not known yet.
    is_written : bool
        Whether its results are complete.
    """

    scenario: str
    cells: int
    done: int
    failed: int
    processes: list[str]
    seconds_left: float | None
    is_written: bool

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return dict(vars(self))


def sweep_from(place: Path) -> Sweep:
    """The sweep of a folder, complete or not.

    Raises
    ------
    InputError
        If there is none.
    """
    found = sweep_in(SharedTables(place / SHARED))
    if found is None:
        raise InputError(f"{place}: holds no sweep.")
    return found


def status_of(place: Path) -> Status:
    """How far the sweep of a folder has come.

    Raises
    ------
    InputError
        If there is none.
    """
    tables, found = SharedTables(place / SHARED), sweep_from(place)
    rows = found.rows[found.rows[PART].isin(found.strategies)]
    made = rows[rows[ERROR].isna()].groupby(KEY).size()
    done = int((made >= len(found.strategies)).sum())
    failed = int(rows[rows[ERROR].notna()][KEY].nunique())
    keys = int(found.plan[KEY].nunique())
    owners = tables.owners()
    return Status(
        scenario=found.about["scenario"],
        cells=keys,
        done=done,
        failed=failed,
        processes=[str(owner) for owner in owners],
        seconds_left=_left(tables, keys - done - failed, len(found.strategies)) if owners else None,
        is_written=(place / MANIFEST).is_file() and done + failed == keys,
    )


def _left(tables: SharedTables, cells: int, n_strategies: int) -> float | None:
    """Seconds for some cells, at the speed at which files have come of late."""
    now = time.time()
    recent = [(at, rows) for at, rows in tables.times() if now - at <= RECENT]
    if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
        return None
    speed = sum(rows for _, rows in recent[1:]) / (recent[-1][0] - recent[0][0])
    return cells * n_strategies / speed
