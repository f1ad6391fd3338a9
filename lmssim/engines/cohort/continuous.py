"""How finely a program in continuous time is solved, and what is followed of a patient.

Each profile is followed under each strategy by `lmssim.kernels.cohort`. What is approximate is the length of steps
and intervals alone, and the closures that the kernels state: their size is found by solving again twice as fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.cohort import memory

if TYPE_CHECKING:
    from lmssim.engines.cohort.liveness import Liveness
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

NARROW = 4.0
"""How much narrower than others the last interval before a named time is."""


@dataclass(frozen=True)
class Fineness:
    """How fine the solution is.

    Attributes
    ----------
    step : float
        Longest step of a sheet (years).
    width : float
        Width of the intervals in which entries are collected (years).
    growth : float
        Growth of the width with time, per year; steps grow twice as fast.
    least : float
        Mass below which an interval is joined to the next.
    """

    step: float = 0.25
    width: float = 0.5
    growth: float = 0.03
    least: float = 4e-3

    def finer(self) -> Fineness:
        """Twice as fine."""
        return Fineness(self.step / 2.0, self.width / 2.0, self.growth / 2.0, self.least / 4.0)

    def coarser(self) -> Fineness:
        """Half as fine."""
        return Fineness(self.step * 2.0, self.width * 2.0, self.growth * 2.0, self.least * 4.0)


def bins(horizon: float, fineness: Fineness, times: list[float]) -> FloatArray:
    """Edges of the intervals: their width grows with time, and they narrow towards named times, which are edges."""
    edges = [0.0]
    for mark in sorted({t for t in times if t < horizon} | {horizon}):
        while mark - edges[-1] > 1e-9 * mark:
            width = max(fineness.width, fineness.growth * edges[-1])
            left = mark - edges[-1]
            if mark in times and left < 2.0 * width:
                width = left if left <= fineness.width / NARROW else left / 2.0
            edges.append(mark if left <= width * (1.0 + 1e-9) else edges[-1] + width)
    return np.array(edges)


def follow_of(program: Program, live: Liveness, fineness: Fineness) -> memory.Follow:
    """What is followed of a patient, and how finely."""
    settings, rows = program.scenario.file.settings, program.rows
    fine = [t for t in settings.times if t * 4 != int(t * 4)]
    return memory.Follow(
        live.live_bits,
        live.first_guard,
        live.guards,
        live.live_clocks,
        live.live_cures,
        live.entry_bits,
        live.boxed,
        live.timed,
        live.passive,
        live.cure_of_risk,
        np.array([state.recorded for state in rows.states], dtype=np.int64),
        live.ahead,
        live.watcher,
        live.losing,
        live.code,
        live.tick_code,
        np.array([live.stopping], dtype=np.int64),
        np.array([rows.rewards.excludes], dtype=np.int64),
        bins(settings.horizon, fineness, settings.times),
        np.array([*settings.times, settings.horizon]),
        np.array([fineness.step, 2.0 * fineness.growth, fineness.least, max(fine, default=0.0), 2.0 * fineness.width]),
    )
