"""Events of one arm beside a reference hazard."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import one_sample_logrank, trial_data

DATA = trial_data([1, 2, 3, 4, 5], [1, 0, 1, 1, 1], [1, 1, 1, 1, 0])


def test_expected_events_are_the_cumulative_hazard() -> None:
    """Of the arm alone."""
    found = one_sample_logrank(DATA, rate=0.5)
    assert found.z[0] == pytest.approx((5.0 - 3) / 5.0**0.5)
    assert found.estimate[0] == pytest.approx(np.log(3 / 5))
    assert one_sample_logrank(DATA, rate=0.5, variance="mean").z[0] == pytest.approx(2 / 4.0**0.5)
    assert one_sample_logrank(DATA, rate=0.5, arm=0).events[0] == 1


def test_references_may_be_piecewise_or_weibull() -> None:
    """Rates 0.5 to 2, then 1; and 0.1 t^2."""
    piecewise = one_sample_logrank(DATA, rate=[0.5, 1.0], breaks=[2.0])
    expected = 0.5 + 1.0 + 2.0 + 3.0
    assert piecewise.z[0] == pytest.approx((expected - 3) / expected**0.5)
    weibull = one_sample_logrank(DATA, rate=0.1, shape=2.0)
    expected = 0.1 * (1 + 4 + 9 + 16)
    assert weibull.z[0] == pytest.approx((expected - 3) / expected**0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0.0}, "one above 0"),
        ({"rate": [1, 2]}, "one rate more"),
        ({"rate": [1, 2], "breaks": [-1]}, "breaks"),
        ({"rate": 1, "shape": 0}, "shape"),
        ({"rate": 1, "variance": "no"}, "variance"),
        ({"rate": 1, "arm": 2}, "arm"),
    ],
)
def test_impossible_references_are_refused(options: dict[str, object], message: str) -> None:
    """One message each."""
    with pytest.raises(InputError, match=message):
        one_sample_logrank(DATA, **options)  # type: ignore[arg-type]
