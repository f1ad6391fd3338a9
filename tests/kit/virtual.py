"""Trials on virtual patients for tests: settings of a small design, and a disease model with closed forms."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.studies.trials.design.reading import load_trial, trial_of
from lmssim.studies.trials.design.settings import with_set
from lmssim.studies.trials.work import TrialWork, work_of

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign

SETTINGS: dict[str, Any] = {
    "time_unit": "months",
    "arms": {
        "control": {"event": {"median": 12.0}},
        "experimental": {"hazard_ratio": {"event": 0.6}},
    },
    "endpoints": {"pfs": {"events": ["event"]}},
    "accrual": {"patients": 120, "duration": 12},
    "analyses": [{"events": 40}, {"events": 80}],
}
FOUR_STATES = """
schema_version = 2
name = "four_states"
title = "No evidence of disease, local recurrence, metastasis, death"
parameters = ["four.csv"]

[settings]
horizon = 200
discount_rate_costs = 0
discount_rate_effects = 0
currency = "GBP"
cost_categories = ["care"]
comparator = "a"

[population]
covariates.age = { kind = "constant", value = 60 }
covariates.size = { kind = "uniform", low = 1, high = 11 }

[states.ned]
initial = true
utility = 1
cost_per_year.care = "c"
[states.lr]
utility = 1
[states.dm]
utility = 1
[states.dead]
kind = "absorbing"
death = "disease"

[[transitions]]
from = "ned"
to = "lr"
hazard = { family = "exponential", rate = 0.08 }
[[transitions]]
from = "ned"
to = "dm"
hazard = { family = "exponential", rate = "rate_dm" }
[[transitions]]
from = "ned"
to = "dead"
hazard = { family = "exponential", rate = 0.02 }
[[transitions]]
from = "lr"
to = "dm"
hazard = { family = "exponential", rate = 0.25 }
[[transitions]]
from = "lr"
to = "dead"
hazard = { family = "exponential", rate = 0.05 }
[[transitions]]
from = "dm"
to = "dead"
hazard = { family = "exponential", rate = 0.5 }

[strategies.a]
[strategies.b]
set = { rate_dm = 0.09 }

[endpoints.os]
events = ["dead"]
"""
FOUR_TRIAL = """
time_unit = "years"
scenario = "four.toml"
[arms.control]
strategy = "a"
[arms.experimental]
strategy = "b"
[endpoints.dfs]
events = ["lr", "dm"]
[endpoints.os]
[endpoints.dmfs]
events = ["dm"]
[endpoints.first_dm]
events = ["dm"]
competing = ["lr"]
death = "competing"
[accrual]
patients = 200
duration = 3
[[analyses]]
calendar = 6
"""


def design(given: dict[str, Any] | None = None, **sections: Any) -> TrialDesign:
    """The small design with values by dotted keys, and whole sections."""
    return trial_of(with_set(copy.deepcopy(SETTINGS) | sections, given or {}))


def small(given: dict[str, Any] | None = None, n_trials: int = 40, **sections: Any) -> TrialWork:
    """Trials of the small design."""
    return work_of(design(given, **sections), n_trials)


def four_states(folder: Path, given: dict[str, Any] | None = None) -> TrialDesign:
    """A trial on the four-state model."""
    (folder / "four.toml").write_text(FOUR_STATES)
    (folder / "four.csv").write_text("id,value,distribution,low,high\nrate_dm,0.15,lognormal,0.1,0.2\nc,100,fixed,,\n")
    (folder / "trial.toml").write_text(FOUR_TRIAL)
    return load_trial(folder / "trial.toml", given)


def shares(time: FloatArray, event: Any, at: list[float], arm: Any, cause: int = 1) -> tuple[FloatArray, FloatArray]:
    """Cumulative incidence of a cause in the control arm at some times without censoring, and its standard error."""
    own_time, own_event = time[arm == 0], event[arm == 0]
    found = np.array([((own_time <= t) & (own_event == cause)).mean() for t in at])
    return found, np.sqrt(found * (1.0 - found) / own_time.size)
