"""What a check finds: observed, expected, tolerance, whether it holds, and where it comes nearest to failing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

EXACT = 1e-9
"""Accepted relative difference of numbers that must be equal but for rounding."""

NUMBERS = "numbers"
"""What is compared, unless the check says it more exactly."""
SHOWN = 3
"""Further places of failure that are named."""

Place = dict[str, str]
"""Where a number stands: strategy, state, parameter, time and so on."""


class Status(StrEnum):
    """Outcome of a check; a warning is no failure, the reader judges it."""

    FAILED = "failed"
    WARNING = "warning"
    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Result of a check: the comparison that failed worst or, if all held, that came nearest to failing."""

    status: Status
    observed: float | str | None = None
    expected: float | str | None = None
    relation: str = "equal to"
    """Required relation of observed to expected: equal to, at most, at least."""
    tolerance: float | None = None
    """By how much observed may miss."""
    where: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Why it is not applicable, or a note."""
    n: int = 1
    """Numbers compared."""
    n_failed: int = 0
    """Of them, those that fail."""
    what: str = NUMBERS
    """What was compared."""
    margin: float = 0.0
    """By how much the worst number fails, relative to its size; negative if it holds."""
    table: pd.DataFrame | None = None
    """Numbers behind it, written beside the results."""

    @property
    def place(self) -> str:
        """Where, in words."""
        return "; ".join(f"{kind} {name}" for kind, name in self.where.items())

    @property
    def note(self) -> str:
        """The reason, and how many numbers were compared."""
        if self.status == Status.NOT_APPLICABLE:
            return self.reason
        what = self.what.removesuffix("s") if self.n == 1 else self.what
        many = f"{self.n:,} {what} compared"
        fail = "fails" if self.n_failed == 1 else "fail"
        counted = f"{self.n_failed:,} of {self.n:,} {what} {fail}" if self.n_failed else many
        return "; ".join(part for part in (counted, self.reason) if part)


def places(**axes: Iterable[Any]) -> list[Place]:
    """Places of a grid of numbers, the last axis fastest."""
    words = [[_word(value) for value in axis] for axis in axes.values()]
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*words)]


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def compare(
    observed: Any,
    relation: str,
    expected: Any,
    tolerance: Any = 0.0,
    where: Sequence[Place] = (),
    what: str = NUMBERS,
) -> Finding:
    """Compare arrays of numbers.

    Parameters
    ----------
    observed, expected, tolerance : array_like of float
        Broadcast against each other; NaN fails.
    relation : {"equal to", "at most", "at least"}
        Required relation of observed to expected.
    where : sequence of Place
        One per number.

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
    scale = np.abs(e) + np.abs(t)  # numbers of unlike units are ranked by their relative excess
    margin = np.where(scale > 0.0, missed / np.where(scale > 0.0, scale, 1.0), missed)
    worst, n_failed = int(np.argmax(margin)), int(np.count_nonzero(missed > 0.0))
    return Finding(
        status=Status.FAILED if n_failed else Status.PASSED,
        observed=float(o[worst]),
        expected=float(e[worst]),
        relation=relation,
        tolerance=float(t[worst]),
        where=where[worst] if len(where) else {},
        n=o.size,
        n_failed=n_failed,
        what=what,
        margin=float(margin[worst]),
    )


def verdict(holds: bool, observed: str, expected: str, where: Place, what: str = "words", reason: str = "") -> Finding:
    """Finding about words, not numbers."""
    return Finding(
        status=Status.PASSED if holds else Status.FAILED,
        observed=observed,
        expected=expected,
        where=where,
        n_failed=int(not holds),
        what=what,
        margin=0.0 if holds else 1.0,
        reason=reason,
    )


def same(observed: Any, expected: Any, where: Sequence[Place] = (), what: str = NUMBERS) -> Finding:
    """Compare numbers that must be equal to the last bit."""
    return compare(observed, "equal to", expected, 0.0, where, what)


def close(observed: Any, expected: Any, where: Sequence[Place] = (), what: str = NUMBERS) -> Finding:
    """Compare numbers that must be equal but for rounding."""
    return compare(observed, "equal to", expected, rounding(expected), where, what)


def rounding(expected: Any) -> Any:
    """Accepted rounding error of numbers."""
    return EXACT * np.maximum(np.abs(np.asarray(expected, dtype=np.float64)), 1e-3)


def warning(finding: Finding) -> Finding:
    """The finding, with a failure turned into a warning, which the reader judges."""
    return replace(finding, status=Status.WARNING) if finding.status == Status.FAILED else finding


def worst_of(findings: Sequence[Finding]) -> Finding:
    """The one that fails worst or, if all hold, comes nearest to failing; the numbers of all are counted.

    Raises
    ------
    NotApplicableError
        If there are none.
    """
    if not findings:
        raise NotApplicableError("nothing to compare")
    failed = [f for f in findings if f.status == Status.FAILED]
    worst = max(failed or findings, key=lambda f: f.margin)
    others = list(dict.fromkeys(f.place for f in failed if f.place and f.place != worst.place))
    also = f"also {'; also '.join(others[:SHOWN])}" if others else ""
    more = f"; and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    reason = "; ".join(part for part in (worst.reason, also) if part) + more
    return replace(worst, n=sum(f.n for f in findings), n_failed=sum(f.n_failed for f in findings), reason=reason)
