"""Net benefit of trials over their size: sums by hand, sizes that cannot be recruited, and the best size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from lmssim.economics.voi.population import Population
from lmssim.economics.voi.trial.conduct import Conduct
from lmssim.economics.voi.trial.net import NetBenefitOfTrial
from lmssim.economics.voi.trial.value import trial_value
from tests.kit.normal_trials import interim

PEOPLE = Population(incidence=100.0, horizon=10.0)


def net(mean: float, conduct: Conduct, n: int = 4_000) -> NetBenefitOfTrial:
    """Of normal trials of 20 to 400 patients."""
    rng = np.random.default_rng(1)
    gain = rng.normal(mean, 1.0, n)
    sizes = [20, 50, 100, 200, 400]
    summaries = [(gain + 8.0 / np.sqrt(size) * rng.normal(size=n))[:, None] for size in sizes]
    found = trial_value(np.column_stack([np.zeros(n), gain]), summaries, sizes)
    return NetBenefitOfTrial(found, conduct, PEOPLE, (0.5, 0.5))


CONDUCT = Conduct(patients_per_year=50.0, follow_up=0.5, reporting=0.25, fixed=20.0, per_patient=0.2, per_year=3.0)


def discount(t: float) -> float:
    """Discount factor."""
    return float(1.035**-t)


def test_sums_by_hand() -> None:
    """A trial of 100: patients, costs and arms against integrals, the standard strategy the best now."""
    found = net(-0.3, CONDUCT)
    row = found.rows[2]
    gain = found.information.gain.values[:, 1]
    assert row.size == 100
    assert row.years == pytest.approx(2.75)
    assert row.patients == pytest.approx(100.0 * integrate.quad(discount, 2.75, 10.0)[0])
    entered = 50.0 * integrate.quad(discount, 0.0, 2.0)[0]
    assert row.cost == pytest.approx(20.0 + 0.2 * entered + 3.0 * integrate.quad(discount, 0.0, 2.75)[0])
    assert row.arms == pytest.approx(-0.5 * gain.mean() * entered)
    assert row.delay == 0.0
    assert row.enbs == pytest.approx(row.patients * float(found.information.evsi[2]) - row.cost - row.arms)
    assert row.se == pytest.approx(row.patients * float(found.information.se[2]), rel=0.2)


def test_delay_costs_where_the_best_strategy_waits() -> None:
    """The new strategy is the best now and waits for the trial: patients until then lose, those in its arm gain."""
    adopted = net(0.3, CONDUCT, n=1_000)
    waits = replace(adopted, current=0)
    mean = float(waits.information.gain.values[:, 0].mean()) * -1.0
    for row, other in zip(waits.rows, adopted.rows, strict=True):
        before = 100.0 * integrate.quad(discount, 0.0, row.years)[0]
        assert row.delay == pytest.approx(before * mean)
        assert row.arms == pytest.approx(-other.arms)
        assert row.population == other.population
        assert row.enbs < other.enbs


def test_sizes_that_cannot_be_recruited_are_marked() -> None:
    """500 a year for 0.27 years: 200 and 400 stay in the table, and the best size is at most 135."""
    free = net(-0.3, Conduct(patients_per_year=500.0), n=1_000)
    bound = replace(free, conduct=Conduct(patients_per_year=500.0, most_years=0.27))
    assert [row.feasible for row in bound.rows] == [True, True, True, False, False]
    assert [row.enbs for row in bound.rows] == [row.enbs for row in free.rows]
    assert free.best is not None
    assert bound.best is not None
    assert free.best.size > 135
    assert bound.best.size <= 135
    assert bound.best.enbs <= free.best.enbs
    none = replace(free, conduct=Conduct(patients_per_year=500.0, most_years=0.03))
    assert none.best is None
    assert not any(row.feasible for row in none.rows)


def test_the_best_size_against_the_exact_curve() -> None:
    """Its interval holds the exact best size, and the size found loses under 2% of the exact net benefit."""
    found = net(-0.1, CONDUCT, n=20_000)
    sizes = np.arange(20, 401, 5)
    trial = interim(mean=-0.1)
    exact = []
    for n in sizes.tolist():
        one = type(trial)(-0.1, 1.0, 8.0, (n,), PEOPLE, CONDUCT)
        exact.append(one.fixed(0))
    best = found.best
    assert best is not None
    assert best.low <= int(sizes[int(np.argmax(exact))]) <= best.high
    assert np.interp(best.size, sizes, exact) > 0.98 * max(exact)
