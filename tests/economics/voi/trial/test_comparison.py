"""Ways to conduct a trial in one table, against exact values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.voi.trial.boundaries import Boundaries
from lmssim.economics.voi.trial.comparison import BY_TEST, StoppingRow, StoppingValue, stopping_value
from lmssim.economics.voi.trial.conduct import Conduct
from lmssim.economics.voi.trial.looks import Looks
from lmssim.errors import InputError
from tests.kit.information import within
from tests.kit.normal_trials import NEW, STANDARD, NormalTrial, interim

BOUNDS = Boundaries((2.2, 1.98), (-0.5, -np.inf))
TRIAL = interim(80)


def compared(trial: NormalTrial = TRIAL, n: int = 2**14) -> StoppingValue:
    """All ways, on evenly spread draws."""
    stakes, looks = trial.simulated(n, 1, even=True)
    sizes = trial.prefixes(looks)
    return stopping_value(looks, stakes, sizes, 200, new=NEW, standard=STANDARD, boundaries=BOUNDS)


@pytest.fixture(scope="module")
def found() -> StoppingValue:
    """Shared by the tests that only read."""
    return compared()


def row_of(found: StoppingValue, rule: str, adoption: str = "") -> StoppingRow:
    """The row of a way."""
    (row,) = [each for each in found.rows if each.rule == rule and adoption in each.adoption]
    return row


def test_every_way_against_its_exact_value(found: StoppingValue) -> None:
    """Fixed, best fixed and stopping on value to 1%; none is better than stopping on value, within error."""
    assert row_of(found, "fixed size 200", "net").enbs == pytest.approx(TRIAL.fixed(1), rel=0.01)
    assert row_of(found, "best fixed size: 80").enbs == pytest.approx(TRIAL.fixed(0), rel=0.01)
    assert row_of(found, "stopping on value").enbs == pytest.approx(TRIAL.exact[0], rel=0.01)
    for row in found.rows:
        assert row.below >= -3.0 * row.below_se
        assert row.net_benefit == row.enbs  # the strategy in use is the best now
    assert abs(row_of(found, "stopping on value").optimism) < 0.01 * TRIAL.exact[0]


def test_group_sequential_by_its_bounds(found: StoppingValue) -> None:
    """Stopping at the first look against the normal law of its statistic; expectations are those of the looks."""
    wide = np.sqrt(1.0 + 80.0 / 64.0)  # of z at 80 patients over the prior, whose mean is -0.1
    mean = -0.1 * np.sqrt(80.0) / 8.0
    above = float(stats.norm.sf(2.2, mean, wide))
    below = float(stats.norm.cdf(-0.5, mean, wide))
    first, second = [each for each in found.stops if each.rule == "group-sequential" and each.adoption == BY_TEST]
    assert first.probability == pytest.approx(above + below, abs=0.005)
    assert first.adopts_new == pytest.approx(above, abs=0.005)
    assert first.probability + second.probability == pytest.approx(1.0)
    row = row_of(found, "group-sequential", BY_TEST)
    assert row.patients == pytest.approx(80.0 * first.probability + 200.0 * second.probability)
    assert row.years == pytest.approx(2.35 * first.probability + 4.75 * second.probability)
    assert row.adopts_new == pytest.approx(first.adopts_new + second.adopts_new)
    assert row.enbs < row_of(found, "group-sequential", "net").enbs


def test_the_fixed_size_by_its_test(found: StoppingValue) -> None:
    """Probability of a significant result at the end."""
    wide = np.sqrt(1.0 + 200.0 / 64.0)
    power = float(stats.norm.sf((stats.norm.isf(0.025) + 0.1 * np.sqrt(200.0) / 8.0) / wide))
    assert row_of(found, "fixed size 200", BY_TEST).adopts_new == pytest.approx(power, abs=0.005)


def test_an_infeasible_size_is_marked_and_never_the_best() -> None:
    """3 years at 20 a year: neither 80 nor 200."""
    slow = replace(TRIAL, conduct=replace(TRIAL.conduct, patients_per_year=50.0, most_years=2.0))
    rows = compared(slow, 2**10).rows
    assert [(row.rule, row.feasible) for row in rows if "fixed" in row.rule] == [
        ("fixed size 200", False),
        ("fixed size 200", False),
        ("best fixed size: 80", True),
    ]
    assert not rows[-1].feasible
    assert all(row.feasible for row in compared(n=2**10).rows)


def test_looks_at_times_of_their_own() -> None:
    """A trial whose end comes late in half of the draws is worth the mean of both; waiting is part of the state."""
    trial = replace(TRIAL, sizes=(200,), conduct=Conduct(patients_per_year=50.0))
    stakes, looks = trial.simulated(2**14, 1, even=True)
    late = np.random.default_rng(2).random(2**14) < 0.5
    mixed = Looks(looks.summaries, looks.years + 3.0 * late[:, None], looks.patients, looks.z)
    early, last = (
        stopping_value(x, stakes, {200: x}, 200, new=NEW, standard=STANDARD).rows[-1].enbs
        for x in (looks, replace(looks, years=looks.years + 3.0))
    )
    both = stopping_value(mixed, stakes, {200: mixed}, 200, new=NEW, standard=STANDARD).rows[-1]
    assert within(both.enbs, 0.5 * (early + last), both.se)
    assert early > last + 10.0 * both.se


def test_delay_where_the_best_strategy_waits() -> None:
    """The new strategy is the best now, but patients get the standard one until the trial stops.

    Where the new one looks good at the first look more trials stop there than if everyone got it already, and where it
    looks bad fewer do, as nobody outside gets it. The trial is worth less, beyond adopting the new one today.
    """
    stakes, looks = interim(80, mean=0.4).simulated(2**12, 1, even=True)
    waits = replace(stakes, current=STANDARD)
    at_once, later = (
        stopping_value(looks, each, {200: looks_of_end(looks)}, 200, new=NEW, standard=STANDARD)
        for each in (stakes, waits)
    )
    good = looks.summaries[:, 0, 0] > 0.0
    stops, sooner = at_once.scored[-1].look == 0, later.scored[-1].look == 0
    assert sooner[good].mean() > stops[good].mean() + 0.05
    assert sooner[~good].mean() < stops[~good].mean() - 0.05
    assert later.rows[-1].enbs < at_once.rows[-1].enbs
    today = float(waits.today.mean())
    assert today == pytest.approx(0.4 * stakes.population.patients(), rel=0.01)
    assert later.rows[-1].net_benefit == pytest.approx(later.rows[-1].enbs + today)


def looks_of_end(looks: Looks) -> Looks:
    """The end alone."""
    return Looks(looks.summaries[:, -1:], looks.years[:, -1:], looks.patients[:, -1:], None)


def test_what_does_not_fit_is_refused() -> None:
    """A size without trials, bounds of another number of looks, arrays of another shape."""
    stakes, looks = TRIAL.simulated(100, 1)
    sizes = TRIAL.prefixes(looks)
    with pytest.raises(InputError, match="given: 150 is not among"):
        stopping_value(looks, stakes, sizes, 150, new=NEW, standard=STANDARD)
    with pytest.raises(InputError, match="efficacy: 1 bounds; the trial has 2 looks"):
        stopping_value(looks, stakes, sizes, 200, new=NEW, standard=STANDARD, boundaries=Boundaries((2.0,)))
    with pytest.raises(InputError, match="years: of shape"):
        replace(looks, years=np.zeros((100, 3)))
    blind = replace(looks, z=None)
    with pytest.raises(InputError, match="no statistic z"):
        stopping_value(blind, stakes, sizes, 200, new=NEW, standard=STANDARD, boundaries=BOUNDS)
