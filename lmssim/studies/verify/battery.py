"""Run the battery: every check on every engine asked for, one row each, whatever the others find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import InputError, LmssimError, NotApplicableError, unknown
from lmssim.studies.verify.bench import Bench
from lmssim.studies.verify.checks import CHECKS
from lmssim.studies.verify.finding import Finding, Status
from lmssim.studies.verify.registry import Check, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.evaluation import Sampling
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

COLUMNS = (
    "engine",
    "section",
    "check",
    "title",
    "status",
    "where",
    "observed",
    "relation",
    "expected",
    "tolerance",
    "reason",
)
LEAST_PATIENTS = 100
"""Fewest patients from which means and correlations can be told."""


@dataclass(frozen=True)
class Result:
    """A check and what it found with an engine."""

    engine: str
    check: Check
    finding: Finding

    @property
    def row(self) -> tuple[object, ...]:
        """Values of `COLUMNS`."""
        c, f = self.check, self.finding
        relation = f.relation if f.observed is not None else ""
        return (
            self.engine,
            c.section,
            c.id,
            c.title,
            str(f.status),
            f.place,
            f.observed,
            relation,
            f.expected,
            f.tolerance,
            f.note,
        )


@dataclass(frozen=True)
class Battery:
    """Results of every check.

    Attributes
    ----------
    scenario : Scenario
        The scenario under test.
    sampling : Sampling
        Patients, seed, workers.
    results : sequence of Result
        In the order of the battery, engine by engine.
    program : Program or None
        The scenario compiled; None if it does not run.
    """

    scenario: Scenario
    sampling: Sampling
    results: Sequence[Result]
    program: Program | None

    def count(self, status: Status) -> int:
        """Checks of a status."""
        return sum(r.finding.status == status for r in self.results)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.count(Status.FAILED)

    @property
    def summary(self) -> str:
        """Counts in one line: "61 passed, 0 failed, 1 warning, 14 not applicable"."""
        order = (Status.PASSED, Status.FAILED, Status.WARNING, Status.NOT_APPLICABLE)
        return ", ".join(f"{self.count(status)} {status}" for status in order)

    def to_frame(self) -> pd.DataFrame:
        """One row per engine and check, see `COLUMNS`."""
        return pd.DataFrame([r.row for r in self.results], columns=list(COLUMNS))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Numbers behind checks, by engine and check."""
        found = {(r.engine, r.check.id): r.finding.table for r in self.results}
        return {f"{engine}-{id_}": table for (engine, id_), table in found.items() if table is not None}


def chosen(names: Sequence[str], without: Sequence[str] = ()) -> list[Check]:
    """Checks with some names, or of some sections, but for others; all if none is named.

    Raises
    ------
    InputError
        If a name is neither, or no check is left.
    """
    for option, given in (("--check", names), ("--skip", without)):
        for name in given:
            if name not in CHECKS and name not in {c.section for c in CHECKS.values()}:
                raise InputError(unknown("check", name, CHECKS, option))
    wanted = [c for c in in_order() if not names or c.id in names or c.section in names]
    left = [c for c in wanted if c.id not in without and c.section not in without]
    if not left:
        raise InputError("--skip: no check is left.")
    return left


def run_battery(
    scenario: Scenario,
    sampling: Sampling,
    engines: Sequence[str] = ("compiled",),
    names: Sequence[str] = (),
    without: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Battery:
    """Run checks on a scenario.

    Parameters
    ----------
    scenario : Scenario
        From `load_scenario`.
    sampling : Sampling
        Patients, seed, workers.
    engines : sequence of str
        Engines under test.
    names : sequence of str
        Ids of checks, or sections; all if empty.
    without : sequence of str
        Ids of checks, or sections, that are left out.
    progress : callable, optional
        Called with (checks done, checks in all).

    Raises
    ------
    InputError
        If an engine or a check does not exist, or the scenario cannot be run and no check of its inputs says why.
    """
    sampling.validate()
    if sampling.n_patients < LEAST_PATIENTS:
        raise InputError(f"patients: {sampling.n_patients} is too few to verify a model; at least {LEAST_PATIENTS}.")
    checks = chosen(names, without)
    benches = [Bench(scenario, replace(sampling, engine=engine), engine) for engine in dict.fromkeys(engines)]
    total, done = len(checks) * len(benches), 0
    found: list[Result] = []
    for bench in benches:
        refusal = _refusal(bench)
        own = []
        for each in checks:
            own.append(Result(bench.engine, each, _finding(bench, each, refusal)))
            done += 1
            if progress is not None:
                progress(done, total)
        if refusal is not None and all(r.finding.status != Status.FAILED for r in own):
            raise refusal
        found += own
    return Battery(scenario, sampling, found, None if _refusal(benches[0]) else benches[0].program)


def _refusal(bench: Bench) -> InputError | None:
    """Why the engine refuses the scenario as it is, if it does."""
    try:
        _ = bench.base
    except InputError as error:
        return error
    return None


def _finding(bench: Bench, each: Check, refusal: InputError | None) -> Finding:
    """What a check finds; it does not apply where the engine refuses the changed scenario."""
    if refusal is not None and not each.static:
        return _not_applicable(f"the model does not run: {refusal}")
    try:
        with np.errstate(all="ignore"):  # NaN fails its comparison
            return each.function(bench)
    except NotApplicableError as error:
        return _not_applicable(str(error))
    except InputError as error:
        return _not_applicable(f"the changed model is refused: {error}")
    except LmssimError as error:
        return Finding(status=Status.FAILED, observed="stopped", expected="a result", reason=str(error))


def _not_applicable(reason: str) -> Finding:
    return Finding(status=Status.NOT_APPLICABLE, reason=reason)
