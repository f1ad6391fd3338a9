"""Which cohorts of a site are held out for validation: a rule fixed before the first fit.

Cohorts are ordered by the SHA-256 of ``lmssim/<calibration>/<cohort_id>``; of those that may be held out, the first
quarter, rounded up, is held out. The order depends on names alone, so nobody chooses; whole studies are held out, so
no target of a held-out cohort is fitted. The rule passes over cohorts that the model is required to reproduce. Cohorts
that come later are held out by the same rule among themselves alone, so that no earlier list changes.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmssim.bundled import calibration_names, find_calibration
from lmssim.errors import InputError
from lmssim.model.language.files import read_toml
from lmssim.model.scenario import load_scenario
from lmssim.published.readings import row_reading
from lmssim.studies.calibration.problem import load_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmssim.model.scenario import Scenario
    from lmssim.published.readings import Reading
    from lmssim.studies.calibration.problem import Problem
    from lmssim.studies.calibration.rows import Row

SHARE = 0.25
"""Share of the cohorts that is held out."""


def held_out(calibration: str, cohorts: Collection[str], always_fitted: Collection[str] = ()) -> list[str]:
    """Cohorts to hold out, sorted.

    Parameters
    ----------
    calibration : str
        Name of the calibration (its file without `.toml`).
    cohorts : collection of str
        Cohorts with at least one target that could be fitted.
    always_fitted : collection of str
        Cohorts that are never held out.
    """
    eligible = sorted(set(cohorts) - set(always_fitted), key=lambda cohort: _digest(calibration, cohort))
    return sorted(eligible[: math.ceil(SHARE * len(eligible))])


def _digest(calibration: str, cohort: str) -> str:
    return hashlib.sha256(f"lmssim/{calibration}/{cohort}".encode()).hexdigest()


def load_held_out(
    scenario: str | Path,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
) -> tuple[Scenario, list[Reading]]:
    """A scenario with the series of its calibration, and the targets of the cohorts that are held out.

    Raises
    ------
    InputError
        If no calibration is of this scenario, or it holds out no cohort.
    """
    loaded = load_scenario(scenario, overrides, switches)
    for name in calibration_names():
        path = find_calibration(name)
        if _is_of(path, loaded):
            problem = load_problem(path)
            readings = [_reading(problem, row) for row in problem.rows if row.held_out]
            if not readings:
                raise InputError(f"{path}: held_out: no cohort is held out; give --targets FILE.")
            file = problem.scenario.file
            own = {key: strategy for key, strategy in file.strategies.items() if key in problem.file.strategies}
            update = {"series": file.series, "strategies": loaded.file.strategies | own}
            return replace(loaded, file=loaded.file.model_copy(update=update)), readings
    raise InputError(f"validate: there is no calibration of scenario '{loaded.name}'; give --targets FILE.")


def _is_of(path: Path, scenario: Scenario) -> bool:
    """Whether a calibration is of a scenario, or of the bundled one of its name."""
    named = str(read_toml(path).get("scenario", ""))
    return Path(named).stem == scenario.name or (path.parent / named).resolve() == scenario.path.resolve()


def _reading(problem: Problem, row: Row) -> Reading:
    """A target as its calibration computes it; a check is compared and not counted."""
    stated = row.reading if row.is_effective else row.reading.model_copy(update={"n": round(row.n)})
    reading = row_reading(row.cohort_id, problem.scenario.file.series[row.series], stated)
    counted = row.role == "fit" and row.reading.observed is not None
    size = row.n if row.is_effective else None
    return replace(reading, family=row.family, counted=counted, effective=size)
