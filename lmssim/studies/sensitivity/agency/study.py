"""What agencies ask of one scenario: severity, rates, spread over patients, budget impact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, UnsupportedError, unknown
from lmssim.evaluation import NOTHING_TO_DRAW, draws_of
from lmssim.execution.simulate import COHORT
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.studies.sensitivity.agency import severity as of_severity
from lmssim.studies.sensitivity.agency.budget.file import bundled_budget, read_budget
from lmssim.studies.sensitivity.agency.budget.impact import impact
from lmssim.studies.sensitivity.agency.followed import MOST_ALONE, Followed, check_draws
from lmssim.studies.sensitivity.agency.patients import Patients
from lmssim.studies.sensitivity.agency.people import key_of_runs, people_of
from lmssim.studies.sensitivity.agency.rates import UNDISCOUNTED, AtRates, Rates, pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.budget.file import Budget
    from lmssim.studies.sensitivity.agency.budget.impact import Impact
    from lmssim.studies.sensitivity.agency.people import People
    from lmssim.studies.sensitivity.agency.severity import Severity
    from lmssim.studies.sensitivity.agency.units import Units

    Phases = Callable[[str, int, int], None]

SEVERITY, RATES, PATIENTS, BUDGET = "severity", "rates", "patients", "budget"
PARTS = (SEVERITY, RATES, PATIENTS, BUDGET)


@dataclass(frozen=True)
class AgencyStudy:
    """What was found; a part that was not asked for, or cannot be told, is None.

    Attributes
    ----------
    scenario : Scenario
        What was run.
    strategies : sequence of str
        Which were run, in order.
    n_patients, n_draws : int
        Patients under each strategy, or profiles, and draws of the parameters over which patients are split; 0 if every
        parameter has its value.
    rates : Rates
        Results at the scenario's own discount rates, and at others if they were asked for.
    of_severity, of_patients, of_budget
        The other parts.
    left_out : mapping of str to str
        Parts that cannot be told, with the reason.
    """

    scenario: Scenario
    strategies: Sequence[str]
    n_patients: int
    n_draws: int
    of_rates: Rates
    of_severity: Severity | None
    of_patients: Patients | None
    of_budget: Impact | None
    left_out: Mapping[str, str]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file."""
        found: dict[str, pd.DataFrame] = {}
        if (severity := self.of_severity) is not None:
            found |= {"severity": severity.severity, "severity_weights": severity.severity_weights}
            found["severity_incremental"] = self.of_rates.every_weight(severity.weight)
        if len(self.of_rates.at) > 1:
            names = "rates", "rates_incremental", "rates_frontier"
            found |= {name: getattr(self.of_rates, name) for name in names}
        if (patients := self.of_patients) is not None:
            names = "distribution", "patients_reaching", "gains"
            found |= {name: getattr(patients, name) for name in names}
        if (budget := self.of_budget) is not None:
            names_ = ["budget_impact", "budget_patients", "cost_by_year", "budget_inputs"]
            names_ += ["budget_scenarios"] if budget.budget.file.scenarios else []
            found |= {name: getattr(budget, name) for name in names_}
        return found

    def __getattr__(self, name: str) -> pd.DataFrame:
        """A table by its name."""
        if name.startswith("_") or name not in TABLES:
            raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")
        if name not in self.tables:
            part, run = TABLES[name], f"the part {TABLES[name]} was not run."
            none = "the budget file states no scenarios." if part == BUDGET and self.of_budget is not None else run
            raise InputError(f"{name}: {self.left_out.get(part) or none}")
        return self.tables[name]

    def to_frame(self) -> pd.DataFrame:
        """The first of the tables."""
        return next(iter(self.tables.values()))


TABLES = {
    "severity": SEVERITY,
    "severity_weights": SEVERITY,
    "severity_incremental": SEVERITY,
    "rates": RATES,
    "rates_incremental": RATES,
    "rates_frontier": RATES,
    "distribution": PATIENTS,
    "patients_reaching": PATIENTS,
    "gains": PATIENTS,
    "budget_impact": BUDGET,
    "budget_patients": BUDGET,
    "cost_by_year": BUDGET,
    "budget_inputs": BUDGET,
    "budget_scenarios": BUDGET,
}
"""Name of each table, and of the part that it belongs to."""


@dataclass(frozen=True)
class Question:
    """What is asked of a scenario.

    Attributes
    ----------
    program : Program
        The scenario, compiled.
    people : Followed or Solved
        Whom to follow, or to solve.
    parts : sequence of str
        Of `PARTS`.
    standard_care : str
        Strategy that patients get today.
    budget : Budget, optional
        Who is treated, and how.
    left_out : mapping of str to str
        Parts that cannot be told, with the reason.
    """

    program: Program
    people: People
    parts: Sequence[str]
    standard_care: str
    budget: Budget | None
    left_out: Mapping[str, str]

    @property
    def inputs(self) -> list[Path]:
        """Files that are read beside those of the scenario."""
        return [] if self.budget is None else [self.budget.path]

    @property
    def exact(self) -> bool:
        """Whether the population is solved, so that there are no patients."""
        return self.people.sampling.engine == COHORT

    @property
    def strategies(self) -> list[str]:
        """Strategies that are run, in order."""
        return [self.program.strategies[s] for s in self.people.sampling.positions(self.program)]

    def key(self) -> dict[str, Any]:
        """All that decides the runs, for a checkpoint that keeps them."""
        return key_of_runs(self.program, self.people)

    def kept_in(self, checkpoint: Checkpoint) -> Question:
        """The same, whose runs are kept."""
        return replace(self, people=replace(self.people, checkpoint=checkpoint))

    def run(self, progress: Phases | None = None) -> AgencyStudy:
        """Run what is asked.

        Parameters
        ----------
        progress : callable, optional
            Called with (part, done, in all).
        """
        scenario, strategies = self.program.scenario, self.strategies
        units = self.people.run(self.program, "own", _phase(progress, "all strategies"))
        rates = Rates(scenario, strategies, self._at_rates(units, progress), self.exact)
        severity = impact_ = patients = None
        if SEVERITY in self.parts:
            phase = _phase(progress, "standard care")
            care = units.of_strategy(strategies.index(self.standard_care))
            severity = of_severity.severity(self.program, self.people, care, self.standard_care, phase)
        few = self.people.fewer(MOST_ALONE)
        if PATIENTS in self.parts and isinstance(few, Followed):
            alone = few.alone(self.program, _phase(progress, "single patients"))
            patients = Patients(scenario, strategies, alone, few.n_draws)
        if self.budget is not None and BUDGET in self.parts:
            impact_ = impact(self.program, few, self.budget, _phase(progress, "costs by year"))
        n = self.people.n_people
        n_draws = self.people.n_draws
        return AgencyStudy(scenario, strategies, n, n_draws, rates, severity, patients, impact_, self.left_out)

    def _at_rates(self, units: Units, progress: Phases | None) -> list[AtRates]:
        """Results at the scenario's own rates and, if they are asked for, at others."""
        own, *others = pairs_of(self.program.scenario)
        found = [AtRates(own.name, *own, units.increments())]
        if RATES not in self.parts:
            return found
        for pair in others:
            other = compile_scenario(edits.discounting(self.program.scenario, *pair))
            run = self.people.run(other, f"rates-{pair.costs!r}-{pair.effects!r}", _phase(progress, pair.name))
            found.append(AtRates(pair.name, *pair, run.increments()))
        if any(own):
            found.append(AtRates(UNDISCOUNTED, 0.0, 0.0, units.increments(undiscounted=True)))
        return found


def _phase(progress: Phases | None, name: str) -> Callable[[int, int], None] | None:
    """Progress of one part."""
    return None if progress is None else lambda done, total: progress(name, done, total)


def question(
    program: Program,
    sampling: Sampling,
    n_draws: int | None = None,
    *,
    parts: Sequence[str] = (),
    standard_care: str | None = None,
    budget: str | Path | None = None,
) -> Question:
    """What is asked of a scenario, checked.

    Parameters
    ----------
    sampling : Sampling
        Patients in all, strategies, seed, workers.
    n_draws : int, optional
        Draws of the parameters over which the patients are split; 0 if every parameter has its value. If absent, as
        many as `lmssim.expected_values` takes of a calibrated scenario, and none of another, nor by engine `cohort`.
    parts : sequence of str
        Of `PARTS`; all that can be told if empty.
    standard_care : str, optional
        The comparator if absent.
    budget : str or Path, optional
        File of a budget impact analysis, or the name of a bundled one; the bundled one of a bundled scenario if absent.

    Raises
    ------
    InputError
        If a part is asked for that cannot be told, a strategy is not there, or errors cannot be told.
    """
    scenario = program.scenario
    exact = sampling.engine == COHORT
    if scenario.file.partitioned_survival is not None and not exact:
        raise UnsupportedError(
            f"{scenario.path}: a partitioned survival model has no single patients to follow: give engine '{COHORT}'."
        )
    if isinstance(parts, str):
        raise InputError(f"parts: {parts!r} is not a sequence of parts such as ['severity', 'rates'].")
    for part in parts:
        if part not in PARTS:
            raise InputError(unknown("part", part, PARTS, "parts"))
    care = standard_care or scenario.comparator
    if care not in scenario.strategies:
        raise InputError(unknown("strategy", care, scenario.strategies, "standard care"))
    people = people_of(program, replace(sampling, counting=False), _draws_of(program, sampling, n_draws))
    name = budget if budget is not None else bundled_budget(scenario)
    told = None if name is None or (parts and BUDGET not in parts) else read_budget(name, scenario)
    asked = Question(program, people, parts or PARTS, care, told, {})
    for name, role in ((scenario.comparator, "comparator"), (care, "standard care")):
        if name not in asked.strategies:
            raise InputError(f"strategies: the {role} '{name}' is not among {', '.join(asked.strategies)}; add it.")
    found = _with_parts(asked, explicit=bool(parts))
    if parts:
        _refuse_idle(parts, standard_care, budget)
    return found


def _refuse_idle(parts: Sequence[str], standard_care: str | None, budget: str | Path | None) -> None:
    """Refuse what only a part reads that was not asked for."""
    for name, given, part in (("budget", budget, BUDGET), ("standard care", standard_care, SEVERITY)):
        if given is not None and part not in parts:
            raise InputError(
                f"{name} {given}: nothing reads it, as the parts asked for are {', '.join(parts)}: add the "
                f"part '{part}', or leave it out."
            )


def _draws_of(program: Program, sampling: Sampling, n_draws: int | None) -> int:
    """Draws of the parameters, of which some must be uncertain."""
    if n_draws is None:
        drawn = program.scenario.is_calibrated and sampling.engine != COHORT
        return draws_of(sampling.n_patients) if drawn else 0
    check_draws(n_draws)
    if n_draws and not set(program.scenario.uncertain) & set(program.used):
        raise InputError(f"{program.scenario.path}: {NOTHING_TO_DRAW}")
    return n_draws


def _with_parts(asked: Question, *, explicit: bool) -> Question:
    """The same with the parts that can be told, and why others cannot; refused where they were asked for by name."""
    reasons = {SEVERITY: of_severity.refusal(asked.program.scenario)}
    if asked.exact:
        reasons[PATIENTS] = f"engine '{COHORT}' has no single patients; the part '{PATIENTS}' takes engine 'compiled'."
    if asked.budget is None:
        reasons[BUDGET] = "budget impact needs a file that says who is treated, and how (--budget FILE)."
    reasons = {part: reason for part, reason in reasons.items() if reason and part in asked.parts}
    if explicit:
        for reason in reasons.values():
            raise InputError(reason)
    return replace(asked, parts=[part for part in asked.parts if part not in reasons], left_out=reasons)
