"""A design and the patients of a trial as files, for looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.trials.tests import ExponentialPatients

if TYPE_CHECKING:
    from pathlib import Path

DESIGN = """
title = "A trial"
time_unit = "months"
[trial]
information = [0.5, 0.75, 1.0]
[futility]
rule = "z"
z = [0.0, 0.5]
[endpoint]
hazard_ratio = 0.6
[control]
median = 12
[accrual]
duration = 24
[timing]
follow_up = 12
"""
"""161 x 1.01 events."""
RMST = """
time_unit = "months"
[trial]
information = [0.6, 1.0]
[endpoint]
test = "rmst"
tau = 18
hazard_ratio = 0.6
[control]
median = 12
[accrual]
duration = 24
[timing]
study_duration = 42
"""
BOUNDS = "[trial]\nlooks = 2\n"


def write_patients(path: Path, events: int, *, hazard_ratio: float = 0.6, seed: int = 1, n: int = 240) -> Path:
    """Patients as they stand at an event, with strata and entries."""
    patients = ExponentialPatients(n=n, hazard=np.log(2) / 12, hazard_ratio=hazard_ratio, accrual=24.0, dropout=0.002)
    whole = patients.simulate(1, seed)
    seen = whole.at(whole.time_of_event(events))
    assert seen.entry is not None
    lines = ["patient,arm,stratum,entry,time,event"]
    for i in np.flatnonzero(~np.isnan(seen.time[0])):
        arm, stratum = ("control", "experimental")[seen.arm[0, i]], "uterine" if i % 3 else "other"
        lines.append(f"p{i},{arm},{stratum},{seen.entry[0, i]!r},{seen.time[0, i]!r},{seen.event[0, i]}")
    path.write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
    return path
