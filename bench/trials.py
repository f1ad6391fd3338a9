"""Speed of trial statistics: simulated log-rank trials (W3), tests of a look, MaxCombo critical values, designs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bench.timing import Case
from lmssim.trials import Efficacy, Futility, Spending, group_sequential
from lmssim.trials.tests import ExponentialPatients, critical_value, null_correlation, rejection_rates, run_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

W3 = ExponentialPatients(n=500, hazard=math.log(2) / 2, hazard_ratio=0.75, accrual=3.0, dropout=-math.log(0.95))
"""500 patients, median 2 years, hazard ratio 0.75, accrual of 3 years, dropout of 5% a year."""
LOOK, TRIALS = 5.0, 1_000
CORRELATION = null_correlation(survival_end=0.3)
TESTS: Mapping[str, Mapping[str, Any]] = {
    "logrank": {},
    "fleming-harrington": {},
    "modestly-weighted": {"delay": 0.5},
    "maxcombo": {"correlation": CORRELATION},
    "rmst": {"tau": 3.0},
    "milestone": {"at": 2.0},
    "cause-specific-logrank": {},
    "gray": {},
    "cox": {},
    "one-sample-logrank": {"rate": 0.3},
    "bayes": {},
}
"""MaxCombo reads its p-values by the design's correlation here."""
WORK = "hand-written paths"
DESIGNS: Mapping[str, Mapping[str, Any]] = {
    "Hwang-Shih-DeCani": {"efficacy": Efficacy("hsd", -4.0)},
    "O'Brien-Fleming": {"efficacy": "obf"},
    "Pocock": {"efficacy": "pocock"},
    "Lan-DeMets with futility": {"futility": Futility("beta_spending", Spending("hsd", -2.0))},
    "binding beta spending": {"futility": Futility("beta_spending", Spending("hsd", -2.0), binding=True)},
}
"""Rules of five-look designs."""


def w3() -> Case:
    """Patients simulated, data cut, log-rank test."""
    return Case(
        what="W3: a trial of 500 exponential patients, simulated, cut at 5 years and tested (log-rank)",
        unit=WORK,
        n=TRIALS,
        call=lambda: rejection_rates(W3, {"logrank": ("logrank", {})}, n_trials=TRIALS, at=LOOK),
    )


def analysis(name: str) -> Callable[[], object]:
    """A test of a look at trials that are there."""
    data, options = W3.simulate(TRIALS), TESTS[name]
    return lambda: run_test(name, data.at(LOOK), **options)


def analyses() -> Case:
    """Every test, each with its own cut and sorting."""
    each = [analysis(name) for name in TESTS]
    return Case(
        what=f"a look at a trial of 500 patients by each of {len(TESTS)} tests, data cut and sorted for each",
        unit=WORK,
        n=TRIALS,
        call=lambda: [call() for call in each],
    )


def critical() -> Case:
    """A value that is not kept from before."""
    return Case(
        what="a critical value of MaxCombo with four members",
        unit="thousand hand-written paths",
        n=1e3,
        call=lambda: critical_value(CORRELATION),
    )


def design(name: str) -> Callable[[], object]:
    """A design of five looks: bounds, and the effect that has the power."""
    return lambda: group_sequential(5, **DESIGNS[name])
