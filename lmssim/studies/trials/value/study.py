"""Value of a trial's information over its size, of other significance levels, and of stopping on value, as tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.economics.voi.order import COLUMNS as ORDER
from lmssim.economics.voi.population import Population
from lmssim.economics.voi.trial.adoption import AdoptionRow, adoption_rules
from lmssim.economics.voi.trial.boundaries import Decisions
from lmssim.economics.voi.trial.comparison import ON_VALUE, SEQUENTIAL, StoppingRow, StopRow, stopping_value
from lmssim.economics.voi.trial.looks import Looks, Stakes
from lmssim.economics.voi.trial.net import NetBenefitOfTrial, Simulated, simulated
from lmssim.economics.voi.trial.value import trial_value
from lmssim.errors import InputError
from lmssim.studies.trials.conduct.readings import COLUMNS
from lmssim.studies.trials.design.keys import ARMS, CONTROL, EXPERIMENTAL
from lmssim.studies.trials.design.valuation import BEST
from lmssim.studies.trials.scoring import ONE_ANALYSIS, SUCCESS
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.studies.trials.value.benefit import FEWEST, BenefitWork
from lmssim.studies.trials.value.conduct import SimulatedConduct
from lmssim.studies.trials.value.informed import informed

if TYPE_CHECKING:
    from lmssim.economics.voi.trial.comparison import StoppingValue
    from lmssim.economics.voi.trial.value import TrialInformation
    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign
    from lmssim.studies.trials.design.valuation import Valuation
    from lmssim.studies.trials.result import SimulatedTrials
    from lmssim.studies.trials.value.benefit import Benefit
    from lmssim.studies.trials.work import TrialWork

AT = {name: k for k, name in enumerate(COLUMNS)}
SUMMARIES = (
    "estimate",
    "se",
    "events_control",
    "events_experimental",
    "survival_1_control",
    "survival_1_experimental",
    "survival_2_control",
    "survival_2_experimental",
)
"""What is known of a trial at a look."""
STANDARD, NEW = ARMS.index(CONTROL), ARMS.index(EXPERIMENTAL)
PASSED = (0.05, 0.95)
TINY = 1e-300
FEWEST_TRIALS = 200
"""Trials below which a regression on their summaries says nothing."""
DEFAULT_PATIENTS, MOST_PATIENTS = 200, 1_000_000
"""Patients of a draw whose costs and QALYs give its net benefit."""


def benefit_work(work: TrialWork, n_patients: int = DEFAULT_PATIENTS) -> BenefitWork:
    """The net benefits that the value of a trial needs.

    Parameters
    ----------
    n_patients : int
        Of each draw.

    Raises
    ------
    InputError
        If the design has no [value], no scenario gives costs and QALYs, or there are too few trials.
    """
    path = work.design.path
    if work.design.value is None:
        raise InputError(f"{path}: value: [value] is missing; it needs willingness_to_pay, incidence and horizon.")
    if not isinstance(work.source, ModelSource):
        raise InputError(
            f"{path}: value: stated hazards have no costs and QALYs; give a scenario, and a strategy each."
        )
    if work.n_trials < FEWEST_TRIALS:
        raise InputError(f"trials: {work.n_trials} are too few for --value; give {FEWEST_TRIALS} or more.")
    if not FEWEST <= n_patients <= MOST_PATIENTS:
        raise InputError(f"patients: {n_patients} is not from {FEWEST} to {MOST_PATIENTS:,}.")
    return BenefitWork(work.source, work.n_trials, n_patients, work.seed)


@dataclass(frozen=True)
class TrialValue:
    """What a trial is worth.

    Attributes
    ----------
    trials : SimulatedTrials
        Each with parameters of its own draw.
    planned : SimulatedTrials
        At base values, for power.
    benefit : Benefit
        Of the same draws.
    """

    trials: SimulatedTrials
    planned: SimulatedTrials
    benefit: Benefit

    @property
    def design(self) -> TrialDesign:
        """What was simulated."""
        return self.trials.work.design

    @property
    def terms(self) -> Valuation:
        """Section [value]."""
        assert self.design.value is not None
        return self.design.value

    @property
    def currency(self) -> str:
        """Of the scenario."""
        assert isinstance(self.trials.work.source, ModelSource)
        return self.trials.work.source.program.scenario.file.settings.currency

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of patients."""
        return self.trials.work.sizes

    # === What is valued ===

    @cached_property
    def informed(self) -> list[str]:
        """Uncertain parameters that the trial's patients depend on."""
        assert isinstance(self.trials.work.source, ModelSource)
        return informed(self.trials.work.source, self.benefit.parameters, self.trials.work.seed)

    @cached_property
    def information(self) -> TrialInformation:
        """EVSI by size."""
        wtp, learnt, people = self.terms.willingness_to_pay, self.informed, self._simulated.people
        return trial_value(
            self.benefit.net(wtp),
            [each.known(-1) for each in self._ends],
            self.sizes,
            parameters=np.column_stack([self.benefit.parameters[name] for name in learnt]) if learnt else None,
            noise=self.benefit.net_noise(wtp),
            rows=self.benefit.rows,
            weights=people / np.maximum(people.mean(axis=1, keepdims=True), TINY),
            seed=self.trials.work.seed,
        )

    @cached_property
    def population(self) -> Population:
        """Who faces the decision."""
        terms = self.terms
        return Population(
            incidence=terms.incidence, horizon=terms.horizon, discount_rate=terms.discount, uptake=terms.uptake
        )

    @cached_property
    def conduct(self) -> SimulatedConduct:
        """Recruitment, times and costs."""
        terms, years = self.terms, self.design.years
        course = self.design.accrual
        return SimulatedConduct(
            patients_per_year=course.total / (course.duration * years),
            reporting=terms.reporting * years,
            most_years=terms.longest_accrual * years,
            fixed=terms.fixed_cost,
            per_patient=terms.cost_per_patient,
            design=self.design,
        )

    @cached_property
    def net(self) -> NetBenefitOfTrial:
        """Net benefit over the size."""
        return NetBenefitOfTrial(
            self.information, self.conduct, self.population, self._shares, self._current, self._simulated
        )

    @cached_property
    def stakes(self) -> Stakes:
        """What the population gains or loses."""
        benefit = self.benefit.net(self.terms.willingness_to_pay)
        return Stakes(benefit, self.benefit.rows, self.population, self.conduct, self._shares, self._current)

    @cached_property
    def stopping_on_value(self) -> StoppingValue:
        """Stopping on value at the planned size, beside other ways."""
        planned, sequential = self.design.patients, self.design.sequential
        return stopping_value(
            self._looks(self.sizes.index(planned)),
            self.stakes,
            dict(zip(self.sizes, self._ends, strict=True)),
            planned,
            new=NEW,
            standard=STANDARD,
            alpha=sequential.alpha / sequential.sides,
            rules=self._rules,
        )

    @cached_property
    def _simulated(self) -> Simulated:
        return simulated(self.stakes, self._ends)

    @property
    def _shares(self) -> tuple[float, float]:
        control, experimental = self.design.allocation
        total = control + experimental
        return control / total, experimental / total

    @property
    def _current(self) -> int | None:
        return None if self.terms.current == BEST else ARMS.index(self.terms.current)

    @property
    def _rules(self) -> dict[str, Decisions]:
        """Rules of stopping of the design."""
        if len(self.design.analyses) < 2:
            return {}
        found = {}
        for rule in self.trials.rules:
            if rule.name != ONE_ANALYSIS:
                ended = self.trials.score(rule, self.design.patients)
                found[f"{SEQUENTIAL}, {rule.name}"] = Decisions(ended.look, ended.verdict == SUCCESS)
        return found

    # === What was read of the trials ===

    def _summaries(self, s: int) -> FloatArray:
        """What is known of trials of a size at each look, (n_trials, n_looks, n_summaries)."""
        return self.trials.looks[:, s][:, :, [AT[name] for name in SUMMARIES]]

    def _years(self, s: int) -> FloatArray:
        """Years from the first entry until a look is acted on, (n_trials, n_looks)."""
        return (self.trials.looks[:, s, :, AT["calendar"]] + self.terms.reporting) * self.design.years

    def _z(self, s: int) -> FloatArray:
        """Z at each look; of trials that accrual stopped, none."""
        stopped = self.trials.stopped[:, [s]] != 0
        found: FloatArray = np.where(stopped, np.nan, self.trials.looks[:, s, :, AT["z"]])
        return found

    def _looks(self, s: int) -> Looks:
        return Looks(self._summaries(s), self._years(s), self.trials.looks[:, s, :, AT["patients"]], self._z(s))

    @cached_property
    def _ends(self) -> list[Looks]:
        """The last look alone, of each size."""
        return [self._looks(s).end for s in range(len(self.sizes))]

    # === Tables ===

    @cached_property
    def value(self) -> pd.DataFrame:
        """One row a size: n, feasible, years, evsi, se, checks of it, evppi, evpi, what the population gains, power.

        `best` is yes in the row of the greatest ENBS among the sizes that can be recruited, which may lie between those
        that were simulated; `low` and `high` hold the 95% interval of that size.
        """
        information = self.information
        evppi = information.evppi
        same = {
            "evppi": math.nan if evppi is None else evppi.evppi,
            "evppi_se": math.nan if evppi is None else evppi.se,
            "evpi": information.perfect.value,
            "evpi_se": information.perfect.se,
        }
        rows = []
        for k, (row, found) in enumerate(zip(self.net.rows, information.found, strict=True)):
            power, power_se = self.planned.power(self.planned.rules[0], row.size)
            assured, assured_se = self.trials.power(self.trials.rules[0], row.size)
            rows.append(
                {"n": row.size, "feasible": _yes(row.feasible), "years": row.years, "evsi": found.evppi, "se": found.se}
                | {"policy": found.policy, "policy_se": found.policy_se, "half": float(information.half[k])}
                | {"r2": found.r2, "residual_t": found.residual_t, "no_estimate": float(information.without[k])}
                | same
                | {"patients": row.patients, "population": row.population, "cost": row.cost, "arms": row.arms}
                | {"delay": row.delay, "enbs": row.enbs, "enbs_se": row.se}
                | {"power": power, "power_se": power_se, "assurance": assured, "assurance_se": assured_se}
                | {"best": "no"}
            )
        return pd.DataFrame([*rows, *self._best()])

    def _best(self) -> list[dict[str, Any]]:
        best = self.net.best
        if best is None:
            return []
        return [
            {
                "n": best.size,
                "feasible": "yes",
                "years": self.net.years(best.size),
                "enbs": best.enbs,
                "enbs_se": best.se,
                "best": "yes",
            }
            | {"low": best.low, "high": best.high}
        ]

    @cached_property
    def adoption(self) -> pd.DataFrame:
        """Adoption by a test at several levels, per patient (`AdoptionRow`)."""
        z = [self._z(s)[:, -1] for s in range(len(self.sizes))]
        rows = adoption_rules(self.information, z, NEW, STANDARD, self.terms.alpha)
        return pd.DataFrame(rows, columns=AdoptionRow._fields).rename(columns={"size": "n"})

    @cached_property
    def stopping(self) -> pd.DataFrame:
        """Ways to conduct the trial (`StoppingRow`)."""
        frame = pd.DataFrame(self.stopping_on_value.rows, columns=StoppingRow._fields)
        return frame.assign(feasible=[_yes(value) for value in frame["feasible"]])

    @cached_property
    def stopping_looks(self) -> pd.DataFrame:
        """Where each of them stops (`StopRow`); of stopping on value, estimates of 90% of the trials that go on."""
        frame = pd.DataFrame(self.stopping_on_value.stops, columns=StopRow._fields)
        return pd.concat([frame, self._going_on(frame)], axis=1)

    def _going_on(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The 5th and 95th percentile of the estimate at each look that stopping on value passes."""
        look = self.stopping_on_value.scored[-1].look
        estimate = self.trials.looks[:, self.sizes.index(self.design.patients), :, AT["estimate"]]
        ends = np.full((len(frame), 2), math.nan)
        for row in np.flatnonzero(frame["rule"] == ON_VALUE):
            k = int(frame["look"].iloc[row]) - 1
            passed = estimate[look > k, k]
            if np.isfinite(passed).any():
                ends[row] = np.quantile(passed[np.isfinite(passed)], PASSED)
        return pd.DataFrame(ends, columns=["goes_on_low", "goes_on_high"], index=frame.index)

    @cached_property
    def value_order(self) -> pd.DataFrame:
        """Whether values stand in the order that theory gives (`TrialInformation.order`)."""
        return pd.DataFrame(list(self.information.order(self.terms.willingness_to_pay)), columns=ORDER)

    def to_frame(self) -> pd.DataFrame:
        """`value`."""
        return self.value.copy()


TABLES = ("value", "adoption", "stopping", "stopping_looks", "value_order")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
