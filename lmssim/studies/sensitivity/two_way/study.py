"""Run a scenario over a grid of two parameters, with the same draws, patients and random numbers in each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.economics.lead import lead_of
from lmssim.errors import InputError
from lmssim.studies.sensitivity.paired.contrast import choices_of
from lmssim.studies.sensitivity.paired.varied import check_alone
from lmssim.studies.sensitivity.two_way.result import Cell, TwoWay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.axes import Axis
    from lmssim.studies.sensitivity.paired.runs import Reloaded

MOST_CELLS = 10_000


def check_axes(program: Program, axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """Refuse what is not two parameters, each with at least two numbers, that may be moved alone.

    Raises
    ------
    InputError
        With the option, and what is allowed.
    """
    if len(axes) != 2:
        raise InputError(f"--vary: is given {len(axes)} times; a map has two: A=LO:HI:N, then B=LO:HI:N.")
    for axis in axes:
        if len(axis.levels) < 2 or not axis.is_numeric or axis.condition is not None or len(axis.names) > 1:
            raise InputError(f"--vary {axis.label}: give one parameter and two or more numbers, such as LO:HI:N.")
        check_alone(program, axis.label, "--vary")
    if axes[0].label == axes[1].label:
        raise InputError(f"--vary {axes[0].label}: is given twice; name two parameters.")
    if (n := len(axes[0].levels) * len(axes[1].levels)) > MOST_CELLS:
        raise InputError(f"--vary: {n:,} cells; at most {MOST_CELLS:,} are allowed.")
    return axes[0], axes[1]


def wtps_of(scenario: Scenario, wtps: Sequence[float]) -> list[float]:
    """Willingness to pay of the maps: as asked for, or the scenario's own."""
    found = sorted(set(wtps)) or scenario.file.settings.wtp
    if not found:
        raise InputError("--wtp: the scenario names no willingness to pay (settings.wtp); give one or more.")
    return found


def two_way(
    runs: Reloaded,
    axes: tuple[Axis, Axis],
    wtps: Sequence[float],
    made: Mapping[str, object],
    progress: Callable[[int, int], None] | None = None,
) -> TwoWay:
    """Make a map.

    Parameters
    ----------
    axes : tuple of Axis
        From `check_axes`.
    progress : callable, optional
        Called with (cells done, cells in all).
    """
    among, cells = choices_of(runs.program.scenario), []
    across, up = (sorted(float(level) for level in axis.levels) for axis in axes)  # type: ignore[arg-type]  # numbers
    for y in up:
        for x in across:
            response = runs.at({axes[0].label: x, axes[1].label: y})
            index = [response.strategies.index(s) for s in among]
            leads = {wtp: lead_of(response, wtp, among) for wtp in wtps}
            cells.append(Cell(x, y, response.means[index], leads))
            if progress is not None:
                progress(len(cells), len(up) * len(across))
    return TwoWay(runs.program, axes, among, list(wtps), cells, dict(made))
