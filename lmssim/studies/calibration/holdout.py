"""Which cohorts of a site are kept back for validation: a rule fixed before the first fit.

Cohorts are ordered by the SHA-256 of ``lmssim/<calibration>/<cohort_id>``; of those that may be held out, the first
quarter, rounded up, is kept back. The order depends on nothing but names, so nobody chooses; whole studies go, so no
figure of a held-out cohort is seen. Cohorts that the makers of the model are bound to meet are passed over.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

SHARE = 0.25
"""Share of the cohorts that is held out."""


def held_out(calibration: str, cohorts: Collection[str], always_fitted: Collection[str] = ()) -> list[str]:
    """Cohorts to hold out, sorted.

    Parameters
    ----------
    calibration : str
        Name of the calibration (its file without `.toml`).
    cohorts : collection of str
        Cohorts with at least one figure that could be fitted.
    always_fitted : collection of str
        Cohorts that are never held out.
    """
    eligible = sorted(set(cohorts) - set(always_fitted), key=lambda cohort: _digest(calibration, cohort))
    return sorted(eligible[: math.ceil(SHARE * len(eligible))])


def _digest(calibration: str, cohort: str) -> str:
    return hashlib.sha256(f"lmssim/{calibration}/{cohort}".encode()).hexdigest()
