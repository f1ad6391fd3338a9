"""What a sweep says on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.report.parts.digits import plain
from lmssim.studies.axes import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sweep.result import Sweep
    from lmssim.studies.sweep.status import Status
    from lmssim.studies.sweep.study import Forecast, Planned
    from lmssim.studies.sweep.work import Done

MOST_ROWS = 60
"""Cells that a table shows, at most."""


def duration(seconds: float) -> str:
    """A time that people read."""
    if seconds < 1.0:
        return "less than a second"
    for unit, size in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}s"
    return f"{seconds:.0f} seconds"


def _cells(n: int) -> str:
    return f"{n:,} cell" if n == 1 else f"{n:,} cells"


def forecast_text(plan: Planned, done: Done, expected: Forecast | None) -> str:
    """What a sweep will take."""
    varied = "; ".join(f"{axis.label} ({len(axis.levels) or 'sampled'})" for axis in plan.axes)
    lines = [
        f"{_cells(done.cells)} by {len(plan.work.strategies)} strategies: {varied}.",
        f"Kept from before: {done.kept:,}; to run: {done.left:,}; programs to compile: {plan.n_programs:,}.",
    ]
    if expected is not None:
        lines.append(
            f"Expected: {duration(expected.seconds)} with {plan.work.jobs} workers, and at most "
            f"{expected.megabytes:.1f} MB on disk ({expected.columns} columns)."
        )
    elif done.left:
        lines.append("The first cell cannot be run, so that no time is told.")
    return "\n".join(lines)


def done_text(done: Done) -> str:
    """What was done."""
    parts = [f"{done.made:,} run"]
    if done.kept:
        parts.append(f"{done.kept:,} kept from before")
    if done.failed:
        parts.append(f"{done.failed:,} failed")
    return f"{_cells(done.cells)}: {', '.join(parts)}."


def status_text(status: Status) -> str:
    """How far a sweep has come."""
    left = status.cells - status.done - status.failed
    lines = [
        f"{status.scenario}: {status.done:,} of {_cells(status.cells)} done, {status.failed:,} failed, {left:,} to do."
    ]
    if status.processes:
        lines += [f"At work: {process}." for process in status.processes]
        if status.seconds_left is not None and left:
            lines.append(f"Time left: about {duration(status.seconds_left)}.")
    elif status.is_written:
        lines.append("Complete.")
    else:
        lines.append("Nobody works on it; the command that began it goes on from these cells.")
    return "\n".join(lines)


def failed_lines(found: Sweep, most: int) -> Iterator[str]:
    """Cells that failed, and why."""
    failed = found.failed
    for row in failed.head(most).to_dict("records"):
        levels = ", ".join(f"{axis}={_level(row[axis])}" for axis in found.axes if _level(row[axis]))
        yield f"cell {row['cell']} failed ({levels}): {row['error']}"
    if len(failed) > most:
        yield f"{len(failed) - most:,} more cells failed; see the column 'error'."


def best_text(found: Sweep, outcome: str) -> Table:
    """The best strategy of each cell."""
    from rich.table import Table

    best = found.best(outcome)
    table = Table(title=f"Best by {outcome}, by cell", title_justify="left")
    for name in ("Cell", *found.axes, "Best", outcome, "Next", "Margin"):
        table.add_column(name, justify="left" if name in ("Best", "Next") else "right")
    for row in best.head(MOST_ROWS).to_dict("records"):
        levels = [_level(row[axis]) for axis in found.axes]
        margin = plain(float(row["margin"])) if row["next"] else "-"
        table.add_row(str(row["cell"]), *levels, row["best"], plain(float(row["value"])), row["next"] or "-", margin)
    counts = best["best"].value_counts()
    told = ", ".join(f"{name} in {n:,}" for name, n in counts.items())
    more = f"The first {MOST_ROWS} cells are shown. " if len(best) > MOST_ROWS else ""
    table.caption = f"{more}Best of {len(best):,} cells: {told}."
    return table


def _level(value: Any) -> str:
    """A level as it is printed."""
    if value is None or value != value:  # noqa: PLR0124  # NaN alone is not itself
        return ""
    return shown(value)
