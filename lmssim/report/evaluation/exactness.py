"""The errors of a result in words: Monte-Carlo errors of patients, and of draws, or errors of an exact solution.

`words_of` an evaluation answers the same questions for every kind, so that nothing else in a report asks which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.liveness import closures
from lmssim.engines.cohort.profiles import stands_for_others
from lmssim.execution.estimates import EXACT, SIMULATED
from lmssim.outcomes.expectation import EXPECTED
from lmssim.report.parts.digits import MISSING, listed, plain, rounded
from lmssim.report.parts.labels import argument_of, endpoint_label, event_label

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.evaluation import Evaluation

NOT_COMPUTED = "not computed"
ROUNDING = 1e-12
"""QALYs."""


class Words:
    """How a report speaks of an evaluation's numbers: here, of simulated patients."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation

    def people(self) -> str:
        """Number of patients or profiles: "20,000 patients", "32 profiles"."""
        return _number(self.evaluation.estimates.n_people, "patient")

    def caption(self) -> str:
        """The same at the beginning of a caption, with how they were followed."""
        return self.people()

    def pairs(self) -> str:
        """The units that are compared in an increment."""
        return "patients"

    def same(self) -> str:
        """What is the same under both strategies of an increment."""
        return "patients and random numbers"

    def kind_of_error(self) -> str:
        """Source of the printed errors."""
        return "Monte-Carlo error"

    def error_note(self) -> str:
        """Meaning of the plus-minus sign."""
        return "Mean ± Monte-Carlo standard error."

    def digits_note(self) -> str:
        """Which digits are printed."""
        return f"The digits printed are those that the {self.kind_of_error()} allows"

    def digits_sentence(self) -> str:
        """The same as a sentence, for a table of means alone."""
        return "One life does not estimate a mean." if self.evaluation.n == 1 else f"{self.digits_note()}."

    def band_note(self) -> str:
        """Meaning of the band around a curve."""
        return "Shaded: 95% Monte-Carlo interval."

    def how_sure(self, size: str) -> str:
        """What the errors of a base case include and what they do not; `size` says how large they are."""
        return (
            f"The printed errors are Monte-Carlo errors of {self.evaluation.n:,} simulated patients{size} alone. Every "
            "parameter has one value, its point value, and the uncertainty of the parameters is not included."
        )

    def numerical(self) -> str:
        """Source of the numerical errors."""
        return "simulating a finite number of patients"

    def random_numbers(self) -> str:
        """Which random numbers strategies and draws have."""
        if self.evaluation.estimates.independent:
            return "common to the strategies, independent between parameter draws"
        return "common: a patient has the same ones under every strategy and in every parameter draw"

    def conventions(self) -> list[tuple[str, str]]:
        """Name and value of the conventions of such results alone."""
        return [("Patients", f"{self.evaluation.estimates.n_people:,}, each under every strategy")]

    def at_risk(self, most: float) -> tuple[str, float]:
        """Heading of the numbers at risk, and their factor; `most` is the largest of them."""
        many = most >= 1_000_000
        return "Patients at risk" + (" (thousands)" if many else ""), 1e-3 if many else 1.0

    def entries(self) -> tuple[str, str, str]:
        """Column, title and unit of the table of patients who enter each state."""
        return "patients", "Patients who enter each state", "%, at any time"

    def state_note(self) -> str:
        """Which digits the tables of states have."""
        return f"{self.digits_note()}, approximately."

    def state_cell(self, value: float, share: float, scale: float, measure: str) -> str:
        """A number of the tables of states; `share` is the share of patients who enter the state.

        It has the digits that so many patients allow: binomial for shares, else as if stays were exponential.
        """
        if not np.isfinite(value):
            return MISSING
        lives = self.evaluation.estimates.n_lives
        if measure == "patients":
            error = np.sqrt(value * (1.0 - value) / lives)
        else:
            error = value * np.sqrt(max(2.0 / share - 1.0, 0.0) / lives)
        return rounded(scale * value, scale * float(error))

    def stands_for_others(self) -> bool:
        """Whether a single profile was asked for of a population whose members differ."""
        return False

    def not_computed(self) -> list[str]:
        """What is not computed, with the reasons."""
        return []


class _WordsOfDraws(Words):
    """How a report speaks of an expectation over parameter draws, each with patients of its own."""

    @property
    def _n_draws(self) -> int:
        return self.evaluation.estimates.n

    def people(self) -> str:
        return f"{super().people()} in {self._n_draws:,} draws of the parameters"

    def caption(self) -> str:
        return f"Expectation over {self._n_draws:,} draws of the parameters, {super().people()}"

    def pairs(self) -> str:
        return "draws"

    def same(self) -> str:
        return "draws, patients and random numbers"

    def kind_of_error(self) -> str:
        return "Monte-Carlo error of draws and patients"

    def error_note(self) -> str:
        return "Mean over draws of the parameters ± Monte-Carlo standard error of draws and patients."

    def how_sure(self, size: str) -> str:
        return (
            f"Results are expectations over {self._n_draws:,} joint draws of the parameters, with "
            f"{self.evaluation.n:,} patients in all. The printed errors are Monte-Carlo errors of both{size}: another "
            "sample of draws and patients would change the results by so much. They are not the uncertainty of the "
            f"parameters, which a probabilistic analysis tells (lmssim psa {argument_of(self.evaluation.scenario)})."
        )

    def numerical(self) -> str:
        return "a finite number of draws and patients"

    def random_numbers(self) -> str:
        return "common to the strategies, independent between parameter draws"

    def conventions(self) -> list[tuple[str, str]]:
        estimates = self.evaluation.estimates
        each = f"{estimates.n_people:,} in all, {estimates.n_people / estimates.n:,.4g} in each draw on average"
        return [
            ("Parameters", f"{self._n_draws:,} joint draws; results are means over them"),
            ("Patients", f"{each}, each under every strategy"),
        ]


class _WordsOfProfiles(Words):
    """How a report speaks of an exact solution."""

    def people(self) -> str:
        return _number(self.evaluation.estimates.n_people, "profile")

    def caption(self) -> str:
        return f"Solved exactly for {self.people()}"

    def pairs(self) -> str:
        return "profiles"

    def same(self) -> str:
        return self.pairs()

    def sources(self) -> str:
        """Sources of error; blank if there are none."""
        estimates = self.evaluation.estimates
        named = {"profiles": estimates.n > 1, "steps": bool((estimates.step_error > 0.0).any())}
        return listed([name for name, there in named.items() if there])

    def kind_of_error(self) -> str:
        return f"error of {self.sources() or 'rounding'}"

    def error_note(self) -> str:
        if not self.sources():
            return f"{self.caption()}."
        return f"{self.caption()}; ± is the estimated {self.kind_of_error()}."

    def digits_note(self) -> str:
        if not self.sources():
            return "There is no numerical error; four digits are shown"
        return f"The digits printed are those that the estimated {self.kind_of_error()} allows"

    def digits_sentence(self) -> str:
        return f"{self.digits_note()}."

    def band_note(self) -> str:
        return f"Shaded: estimated error of {self.sources()}." if self.sources() else ""

    def how_sure(self, size: str) -> str:
        return (
            f"{self.caption()}, without random numbers. The printed error is the estimated {self.kind_of_error()}{size}"
            " alone. Every parameter has one value, its point value, and the uncertainty of the parameters is not"
            " included."
        )

    def numerical(self) -> str:
        return "an exact solution for some profiles"

    def random_numbers(self) -> str:
        return "none but those that place the profiles"

    def conventions(self) -> list[tuple[str, str]]:
        evaluation, estimates = self.evaluation, self.evaluation.estimates
        qalys = evaluation.errors[evaluation.errors["outcome"] == "qalys"]
        if estimates.n > 1:
            spread = f"by the spread of {estimates.n} replicates of them, {_most(qalys['profiles'])}"
        else:
            unknown = "not known: one profile represents all"
            spread = unknown if self.stands_for_others() else "none: all patients are solved"
        again = "estimated, not bounded, by solving again with longer and shorter steps"
        steps = f"{again}, {_most(qalys['steps'])}" if "steps" in self.sources() else "none"
        solved = f"{estimates.n_people:,}, each solved exactly under every strategy, without random numbers"
        found = [("Profiles", solved), ("Errors", f"of profiles: {spread}; of steps: {steps}")]
        if evaluation.program.is_continuous and (held := closures(evaluation.program)):
            found.append(("Closures", "; ".join(held)))
        missing = self.not_computed()
        return [*found, ("Not computed", "; ".join(missing))] if missing else found

    def at_risk(self, most: float) -> tuple[str, float]:
        return "At risk (%)", 100.0

    def entries(self) -> tuple[str, str, str]:
        return "entries", "Entries into each state", "Per 100 patients, at any time, repeated entries included"

    def state_note(self) -> str:
        return "Four digits; the error is not known by state."

    def state_cell(self, value: float, share: float, scale: float, measure: str) -> str:
        return plain(scale * value)

    def stands_for_others(self) -> bool:
        return stands_for_others(self.evaluation.scenario.patients, self.evaluation.estimates.n_people)

    def not_computed(self) -> list[str]:
        evaluation = self.evaluation
        scenario, summary = evaluation.scenario, evaluation.summary
        lacking = set(summary[summary["mean"].isna()]["outcome"])
        found = []
        origins = [
            endpoint_label(evaluation, e)
            for e, spec in scenario.file.endpoints.items()
            if spec.origin != "model" and f"{e}:ever" in lacking
        ]
        if origins:
            found.append(f"{listed(origins)}, which begin{'s' if len(origins) == 1 else ''} after time zero")
        events = [event_label(scenario, m) for m in evaluation.program.marks if f"event:{m}" in lacking]
        if events:
            found.append(
                f"the share of patients who ever have {listed(events)}, because the engine does not remember it"
            )
        if len(evaluation.states) and evaluation.states["patients"].isna().any():
            found.append("the share of patients who ever enter a state, because the engine counts entries")
        if scenario.file.series:
            found.append("published series, which need individual lives (engine compiled)")
        if scenario.file.cases:
            found.append("published patients, who need individual lives (engine compiled)")
        return found


KINDS = {SIMULATED: Words, EXPECTED: _WordsOfDraws, EXACT: _WordsOfProfiles}
"""Words by kind of estimates."""


def words_of(evaluation: Evaluation) -> Words:
    """Words for the kind of an evaluation's estimates."""
    return KINDS[evaluation.estimates.kind](evaluation)


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n > 1 else ''}"


def _most(errors: pd.Series[float]) -> str:
    largest = float(errors.max())
    return f"at most {rounded(largest, largest)} QALYs" if largest > ROUNDING else "rounding error alone"
