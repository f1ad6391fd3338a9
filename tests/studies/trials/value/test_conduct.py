"""Recruitment by the design's course of accrual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.trials.value.conduct import SimulatedConduct
from tests.kit.valued import valued

if TYPE_CHECKING:
    from pathlib import Path


def test_accrual_goes_on_at_its_last_rate(tmp_path: Path) -> None:
    """10 a year for one year, then 40: 50 in two years, 90 in three; what is feasible follows."""
    given = {"accrual": {"durations": [1, 1], "rates": [10, 40], "patients": 50}}
    design = valued(tmp_path, given)
    conduct = SimulatedConduct(patients_per_year=25.0, most_years=3.0, design=design)
    assert conduct.recruitment(np.array([10.5, 50.5, 90.5])) == pytest.approx([1.0, 2.0, 3.0])
    assert conduct.largest == 90
    assert conduct.feasible(90)
    assert not conduct.feasible(91)
    assert SimulatedConduct(patients_per_year=25.0, design=design).feasible(10_000)


def test_patients_are_discounted_from_their_entry(tmp_path: Path) -> None:
    """50 a year for two years, evenly."""
    conduct = SimulatedConduct(patients_per_year=50.0, design=valued(tmp_path))
    rate = np.log(1.03)
    exact = 50.0 * -np.expm1(-2.0 * rate) / rate
    assert conduct.entered(np.array([100.0]), 0.03)[0] == pytest.approx(exact, rel=0.001)
