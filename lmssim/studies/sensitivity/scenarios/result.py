"""Scenario analyses beside the base case, as a table with paired errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.economics.cea import cost_per_unit
from lmssim.economics.increments import Estimate
from lmssim.economics.lead import lead_of
from lmssim.economics.ties import RELATIVE
from lmssim.studies.sensitivity.paired.contrast import choices_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.economics.lead import Lead
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.contrast import Contrast
    from lmssim.studies.sensitivity.paired.response import Response
    from lmssim.studies.sensitivity.scenarios.numbered import Numbered

TABLES = ("scenarios", "not_run")


@dataclass(frozen=True)
class Case:
    """A scenario analysis and what it gave."""

    about: Numbered
    response: Response


@dataclass(frozen=True)
class ScenarioStudy:
    """The base case and scenario analyses.

    Attributes
    ----------
    program : Program
        The base case.
    base : Case
        The base case.
    cases : sequence of Case
        The others, in order of their numbers.
    contrast : Contrast
        Strategies whose increment the picture shows.
    wtps : sequence of float
        Willingness to pay.
    made : mapping
        How the runs were made.
    failed : sequence of (Numbered, str)
        Analyses that could not be run, and why.
    """

    program: Program
    base: Case
    cases: Sequence[Case]
    contrast: Contrast
    wtps: Sequence[float]
    made: Mapping[str, object]
    failed: Sequence[tuple[Numbered, str]] = ()

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    def increment(self, case: Case, strategy: str, wtp: float) -> Estimate:
        """Increment of net benefit over the comparator of the contrast."""
        return case.response.increment(strategy, self.contrast.against).net_benefit(wtp)

    def change(self, case: Case, strategy: str, wtp: float) -> Estimate:
        """What a scenario analysis adds to that increment, from the same draws and patients; 0 if only by rounding."""
        pair = strategy, self.contrast.against
        found = (case.response.increment(*pair) - self.base.response.increment(*pair)).net_benefit(wtp)
        cost, effect = self.base.response.means[self.base.response.strategies.index(strategy)].tolist()
        least = RELATIVE * (abs(cost) + wtp * abs(effect))
        return found if max(abs(found.mean), found.se) > least else Estimate(0.0, 0.0)

    def lead(self, case: Case, wtp: float) -> Lead:
        """Who has the greatest net benefit among the strategies that are choices, and who is not told from it."""
        return lead_of(case.response, wtp, choices_of(self.scenario))

    def is_other(self, case: Case, wtp: float) -> bool:
        """Whether the best strategy of the base case is not the best in an analysis, beyond error."""
        first, lead = self.lead(self.base, wtp).best, self.lead(case, wtp)
        return lead.best != first and first not in lead.contenders

    def is_open(self, case: Case, wtp: float) -> bool:
        """Whether noise leaves it open in an analysis if the best strategy of the base case is the best."""
        lead = self.lead(case, wtp)
        return lead.is_open and not self.is_other(case, wtp)

    @cached_property
    def scenarios(self) -> pd.DataFrame:
        """A row for every analysis and strategy, the base case (0) first.

        number, label, category, justification, changes, strategy, against, cost, qalys, incremental_cost,
        incremental_qalys, icer, and for each willingness to pay inmb:W, change:W (from the base case, paired), each
        with its `_se`, best:W, and open:W (whether noise leaves open which strategy is the best in this analysis).
        """
        return pd.DataFrame(
            self._row(case, k, strategy)
            for case in (self.base, *self.cases)
            for k, strategy in enumerate(case.response.strategies)
        )

    def _row(self, case: Case, k: int, strategy: str) -> dict[str, object]:
        about, against = case.about, self.contrast.against
        row: dict[str, object] = {"number": about.number, "label": about.label, "category": about.category}
        row |= {"justification": about.justification, "changes": about.changes, "strategy": strategy}
        cost, qalys = case.response.means[k].tolist()
        difference = case.response.increment(strategy, against)
        row |= {"against": against, "cost": cost, "qalys": qalys}
        row |= {"incremental_cost": difference.cost.mean, "incremental_qalys": difference.effect.mean}
        row["icer"] = cost_per_unit(difference.cost.mean, difference.effect.mean, size=abs(qalys))
        for wtp in self.wtps:
            row[f"inmb:{wtp:g}"], row[f"inmb:{wtp:g}_se"] = self.increment(case, strategy, wtp)
            row[f"change:{wtp:g}"], row[f"change:{wtp:g}_se"] = self.change(case, strategy, wtp)
            lead = self.lead(case, wtp)
            row[f"best:{wtp:g}"], row[f"open:{wtp:g}"] = lead.best == strategy, lead.is_open
        return row

    @cached_property
    def not_run(self) -> pd.DataFrame:
        """Analyses that could not be run: number, label, reason."""
        rows = [(each.number, each.label, reason) for each, reason in self.failed]
        return pd.DataFrame(rows, columns=["number", "label", "reason"])

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.scenarios
