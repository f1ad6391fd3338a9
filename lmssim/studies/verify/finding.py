"""What a check finds: observed, expected, tolerance, whether it holds, and where it comes nearest to failing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

Z = 4.0
"""Accepted distance in standard errors: of the few thousand comparisons of a battery, one in ten thousand errs."""
EXACT = 1e-9
"""Accepted relative difference of numbers that must be equal but for rounding."""

Place = dict[str, str]
"""Where a figure stands: strategy, state, parameter, time and so on."""


class Status(StrEnum):
    """What became of a check."""

    FAILED = "failed"
    WARNING = "warning"
    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"


class NotApplicableError(Exception):
    """A check that the model gives no occasion for; its text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Result of a check: the comparison that failed worst or, if all held, that came nearest to failing."""

    status: Status
    observed: float | str | None = None
    expected: float | str | None = None
    relation: str = "equal to"
    """How observed must stand to expected: equal to, at most, at least."""
    tolerance: float | None = None
    """How far observed may miss."""
    where: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Why it is not applicable, or what was compared."""
    table: pd.DataFrame | None = None
    """Figures behind it, written beside the results."""

    @property
    def place(self) -> str:
        """Where, in words."""
        return "; ".join(f"{kind} {name}" for kind, name in self.where.items())


def places(**axes: Sequence[Any]) -> list[Place]:
    """Places of a grid of figures, the last axis fastest."""
    words = [[_word(value) for value in axis] for axis in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*words)]


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def compare(
    observed: Any, relation: str, expected: Any, tolerance: Any = 0.0, where: Sequence[Place] = (), what: str = "figures"
) -> Finding:  # fmt: skip
    """Compare arrays of figures.

    Parameters
    ----------
    observed, expected, tolerance : array_like of float
        Broadcast against each other; a figure that is not a number fails.
    relation : {"equal to", "at most", "at least"}
        How observed must stand to expected.
    where : sequence of Place
        One per figure.

    Raises
    ------
    NotApplicableError
        If there is nothing to compare.
    """
    o, e, t = (np.asarray(a, dtype=np.float64) for a in (observed, expected, tolerance))
    o, e, t = (a.ravel() for a in np.broadcast_arrays(o, e, t))
    if not o.size:
        raise NotApplicableError(f"no {what} to compare")
    missed = {"equal to": np.abs(o - e), "at most": o - e, "at least": e - o}[relation] - t
    missed = np.where(np.isfinite(missed), missed, np.inf)
    missed = np.where(o == e, -t, missed)
    scale = np.abs(e) + np.abs(t)  # figures of unlike units are ranked by their relative excess
    worst = int(np.argmax(np.where(scale > 0.0, missed / np.where(scale > 0.0, scale, 1.0), missed)))
    n_failed = int(np.count_nonzero(missed > 0.0))
    counted = f"{n_failed} of {o.size} {what} fail" if n_failed else f"{o.size} {what} compared"
    return Finding(
        status=Status.FAILED if n_failed else Status.PASSED, observed=float(o[worst]), expected=float(e[worst]),
        relation=relation, tolerance=float(t[worst]), where=where[worst] if len(where) else {}, reason=counted,
    )  # fmt: skip


def same(observed: Any, expected: Any, where: Sequence[Place] = (), what: str = "figures") -> Finding:
    """Compare figures that must be equal to the last bit."""
    return compare(observed, "equal to", expected, 0.0, where, what)


def close(observed: Any, expected: Any, where: Sequence[Place] = (), what: str = "figures") -> Finding:
    """Compare figures that must be equal but for rounding."""
    return compare(observed, "equal to", expected, rounding(expected), where, what)


def rounding(expected: Any) -> Any:
    """Accepted rounding error of figures."""
    return EXACT * np.maximum(np.abs(np.asarray(expected, dtype=np.float64)), 1e-3)


def worst_of(findings: Sequence[Finding]) -> Finding:
    """The first that failed, else the first that warns, else the last; what the others found is counted.

    Raises
    ------
    NotApplicableError
        If there are none.
    """
    if not findings:
        raise NotApplicableError("nothing to compare")
    for status in (Status.FAILED, Status.WARNING):
        chosen = [f for f in findings if f.status == status]
        if chosen:
            return replace(chosen[0], reason=_counted(chosen, findings))
    return findings[-1]


def _counted(chosen: Sequence[Finding], findings: Sequence[Finding]) -> str:
    if len(chosen) == 1:
        return chosen[0].reason
    more = "; ".join(f.place for f in chosen[1:4] if f.place)
    return f"{chosen[0].reason}; {len(chosen)} of {len(findings)} fail{f', also {more}' if more else ''}"
