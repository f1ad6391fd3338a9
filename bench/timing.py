"""Ratios of CPU times that hold on a machine whose speed changes, because what is compared takes turns."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that is timed beside the hand-written kernel.

    Attributes
    ----------
    what : str
        What one call does, with its size.
    unit : str
        Unit of its ratio.
    n : float
        Units of work in one call: lives, say, or a million paths if the ratio is in millions of paths.
    call : callable
        Does it, in the calling thread.
    """

    what: str
    unit: str
    n: float
    call: Callable[[], object]

    def seconds(self) -> float:
        """CPU seconds of this thread in one call, by unit of work."""
        started = time.thread_time_ns()
        self.call()
        return 1e-9 * (time.thread_time_ns() - started) / self.n


def time_in_turns(cases: Mapping[str, Case], hand: Case, rounds: int) -> tuple[dict[str, float], float]:
    """Median over rounds of each case's time over that of the hand-written kernel just before and after it.

    Returns
    -------
    ratios : dict
        By name of the case.
    hand : float
        Median CPU seconds of one path of the hand-written kernel.
    """
    ratios: dict[str, list[float]] = {name: [] for name in cases}
    yardstick = [hand.seconds()]
    for _ in range(rounds):
        for name, case in cases.items():
            spent = case.seconds()
            yardstick.append(hand.seconds())
            ratios[name].append(spent / statistics.fmean(yardstick[-2:]))
    return {name: statistics.median(found) for name, found in ratios.items()}, statistics.median(yardstick)
