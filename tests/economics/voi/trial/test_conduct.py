"""Times, costs and feasible sizes of a trial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from lmssim.economics.voi.trial.conduct import Conduct
from lmssim.errors import InputError


def test_cost_is_the_integral() -> None:
    """Patients cost as they enter, years as they pass, both discounted."""
    conduct = Conduct(patients_per_year=40.0, follow_up=1.0, reporting=0.5, fixed=7.0, per_patient=2.0, per_year=5.0)
    n = np.array([10.0, 120.0])
    assert conduct.years(n) == pytest.approx([1.75, 4.5])

    def discounted(years: float) -> float:
        return float(integrate.quad(lambda t: 1.03**-t, 0.0, years)[0])

    truth = [7.0 + 2.0 * 40.0 * discounted(a) + 5.0 * discounted(b) for a, b in ((0.25, 1.75), (3.0, 4.5))]
    assert conduct.cost(n, conduct.years(n), 0.03) == pytest.approx(truth)
    assert conduct.cost(n, conduct.years(n), 0.0) == pytest.approx(7.0 + 2.0 * n + 5.0 * conduct.years(n))


def test_the_largest_size_is_counted_without_rounding_error() -> None:
    """9.5 patients a year for 4 years are 38."""
    conduct = Conduct(patients_per_year=9.5, most_years=4.0)
    assert conduct.largest == 38
    assert Conduct(patients_per_year=10.0, most_years=0.1 + 0.2).largest == 3
    assert Conduct(patients_per_year=10.0, most_years=0.7).largest == 7
    assert conduct.feasible(38)
    assert not conduct.feasible(39)
    assert Conduct(patients_per_year=9.5).feasible(1e9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("patients_per_year", 0.0), ("most_years", math.nan), ("per_patient", -1.0), ("fixed", math.inf)],
)
def test_impossible_numbers_are_refused(name: str, value: float) -> None:
    """By a message that names them."""
    given: dict[str, Any] = {"patients_per_year": 10.0, name: value}
    with pytest.raises(InputError, match=name):
        Conduct(**given)
