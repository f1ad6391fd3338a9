"""Run the battery: every check on every engine asked for, one row each, whatever the others find.

Checks are spread over threads, those that take longest first; the results stand in the order of the battery and are the
same for any number of threads.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import InputError, LmssimError, NotApplicableError, nearest
from lmssim.execution.backends import run_tasks
from lmssim.execution.simulate import COHORT, ENGINES
from lmssim.studies.verify.bench import Bench
from lmssim.studies.verify.checks import CHECKS
from lmssim.studies.verify.finding import Finding, Status
from lmssim.studies.verify.registry import SECTIONS, Check, Scope, in_order

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
    "compares",
    "true_of",
    "status",
    "where",
    "observed",
    "relation",
    "expected",
    "tolerance",
    "reason",
)
N_PROFILES = 4
"""Profiles of the population that an exact engine solves: what must hold, must hold of any."""
LEAST_PATIENTS = 100
"""Fewest patients from which means and correlations can be told."""


@dataclass(frozen=True)
class Result:
    """A check and what it found with an engine."""

    engine: str
    check: Check
    finding: Finding
    seconds: float = field(default=0.0, compare=False)
    """How long it took."""

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
            c.compares,
            str(c.scope),
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

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by check, and by engine if there are several, those that took longest first."""
        several = len({r.engine for r in self.results}) > 1
        spent = {f"{r.check.id} ({r.engine})" if several else r.check.id: r.seconds for r in self.results}
        return dict(sorted(spent.items(), key=lambda item: -item[1]))

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
            if name not in CHECKS and name not in SECTIONS:
                raise InputError(_unknown(option, name))
    wanted = [c for c in in_order() if not names or c.id in names or c.section in names]
    left = [c for c in wanted if c.id not in without and c.section not in without]
    if not left:
        raise InputError("--skip: no check is left.")
    return left


def _unknown(option: str, name: str) -> str:
    """Message for a check that does not exist: the nearest, and all names there are."""
    sections = ", ".join(f"'{section}'" for section in SECTIONS)
    return (
        f"{option}: unknown check '{name}'.{nearest(name, [*CHECKS, *SECTIONS])} Sections: {sections}. "
        f"Checks: {', '.join(c.id for c in in_order())}."
    )


def default_engine(scenario: Scenario) -> str:
    """Engine to test if none is named: the one that simulates patients, where the model has lives to simulate."""
    return "compiled" if scenario.file.partitioned_survival is None else COHORT


def run_battery(
    scenario: Scenario,
    sampling: Sampling,
    engines: Sequence[str] = (),
    names: Sequence[str] = (),
    without: Sequence[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
) -> Battery:
    """Run checks on a scenario.

    Parameters
    ----------
    scenario : Scenario
        From `load_scenario`.
    sampling : Sampling
        Patients, seed, workers: as many checks run at a time.
    engines : sequence of str
        Engines under test; `default_engine` if empty.
    names : sequence of str
        Ids of checks, or sections; all if empty.
    without : sequence of str
        Ids of checks, or sections, that are left out.
    progress : callable, optional
        Called with (a check that is being made, checks done, checks in all).

    Raises
    ------
    InputError
        If an engine or a check does not exist, or the scenario cannot be run and no check of its inputs says why.
    """
    sampling.validate()
    if sampling.n_patients < LEAST_PATIENTS:
        raise InputError(f"patients: {sampling.n_patients} is too few to verify a model; at least {LEAST_PATIENTS}.")
    checks = chosen(names, without)
    engines = list(dict.fromkeys(engines or [default_engine(scenario)]))
    benches = [_bench(scenario, sampling, engine) for engine in engines]
    refusals = [_refusal(bench) for bench in benches]
    tasks = [(b, each) for b in range(len(benches)) for each in checks]
    work = _Work(benches, refusals, len(tasks), progress)
    first = sorted(tasks, key=lambda task: -task[1].effort)
    made = dict(zip(first, run_tasks(_make, work, first, jobs=sampling.jobs, ahead=len(tasks)), strict=True))
    found = [made[task] for task in tasks]
    for bench, refusal in zip(benches, refusals, strict=True):
        own = [r for r in found if r.engine == bench.engine]
        if refusal is not None and all(r.finding.status != Status.FAILED for r in own):
            raise refusal
    return Battery(scenario, sampling, found, None if refusals[0] else benches[0].program)


def _bench(scenario: Scenario, sampling: Sampling, engine: str) -> Bench:
    """Bench of an engine: checks, not the runs within them, are spread over workers."""
    own = replace(sampling, engine=engine, jobs=1)
    own = replace(own, profiles=N_PROFILES) if engine == COHORT else own
    return Bench(scenario, own, engine, sampling.jobs)


@dataclass
class _Work:
    """What all checks of a battery share."""

    benches: Sequence[Bench]
    refusals: Sequence[InputError | None]
    total: int
    progress: Callable[[str, int, int], None] | None
    done: int = 0
    lock: Lock = field(default_factory=Lock)

    def tell(self, id_: str, more: int) -> None:
        """Say what is being made, and how many are done."""
        with self.lock:
            self.done += more
            if self.progress is not None:
                self.progress(id_, self.done, self.total)


def _make(work: _Work, task: tuple[int, Check]) -> Result:
    """One check, timed."""
    b, each = task
    work.tell(each.id, 0)
    begun = time.perf_counter()
    finding = _finding(work.benches[b], each, work.refusals[b])
    work.tell(each.id, 1)
    return Result(work.benches[b].engine, each, finding, time.perf_counter() - begun)


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
    if each.scope == Scope.LIVES and bench.engine not in ENGINES:
        return _not_applicable(f"engine '{bench.engine}' has no individual lives")
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
