"""From lives to data: entry, assessments, crossover, and loss to follow-up."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.studies.trials.conduct.entry import assessed, crossed_over, entry_times, next_assessment
from lmssim.studies.trials.design.objects import Assessment, Crossover
from lmssim.studies.trials.sources.lives import Cohort, Lives
from lmssim.studies.trials.work import work_of
from tests.kit.virtual import design, small


def lives(time: float, event: int, death: float, os: float | None = None) -> Lives:
    """One patient of one trial."""
    end = death if os is None else os
    return Lives(
        {"pfs": np.array([[time]]), "os": np.array([[end]])},
        {"pfs": np.array([[event]], np.int8), "os": np.array([[1]], np.int8)},
        np.array([[death]]),
    )


def test_assessments() -> None:
    """Every 2 until 6, then every 3: an event is seen at the first assessment at or after it."""
    schedule = Assessment((2.0, 3.0), (6.0,))
    times = np.array([[0.0, 0.5, 2.0, 2.1, 5.9, 6.0, 6.1, 9.0, 9.5]])
    assert next_assessment(schedule, times).tolist() == [[0.0, 2.0, 2.0, 4.0, 6.0, 6.0, 9.0, 9.0, 12.0]]


@pytest.mark.parametrize(
    ("time", "death", "seen"),
    [(2.5, 10.0, 4.0), (2.5, 3.0, 3.0), (3.0, 3.0, 3.0)],
)
def test_death_between_assessments(time: float, death: float, seen: float) -> None:
    """Progression is seen at the next assessment, unless death comes first; death has its own day."""
    found = assessed(lives(time, 1, death), Assessment((2.0,), ()))
    assert found.time["pfs"][0, 0] == seen
    assert found.time["os"][0, 0] == death


def test_who_crosses_over_has_the_other_courses_rest_of_life() -> None:
    """Progression at 3 and death at 5; in the other course death comes 7 after progression: death at 10."""
    own, other = lives(3.0, 1, 5.0), lives(6.0, 1, 13.0)
    cohort = Cohort(np.zeros((1, 1), np.int8), np.zeros((1, 1), np.int32), own, other)
    crossing = design(
        endpoints={"pfs": {"events": ["event"]}, "os": {"events": []}}, crossover={"at": "pfs", "share": 0.5}
    )
    assert crossing.crossover == Crossover(0, "pfs", 0.5)
    luck = np.full((1, 1, 8), 0.4)
    found, moved = crossed_over(crossing, cohort, luck)
    assert moved.tolist() == [[1]]
    assert (found.time["os"][0, 0], found.time["pfs"][0, 0], found.death[0, 0]) == (10.0, 3.0, 10.0)
    stays, nobody = crossed_over(crossing, cohort, luck + 0.2)
    assert nobody.tolist() == [[0]]
    assert stays.time["os"][0, 0] == 5.0


def test_who_crosses_over_lives_longer_in_his_own_course() -> None:
    """With a time ratio of 2: progression at 3 and death at 5 become death at 7; the other course is not needed."""
    cohort = Cohort(np.zeros((1, 1), np.int8), np.zeros((1, 1), np.int32), lives(3.0, 1, 5.0))
    crossing = design(
        endpoints={"pfs": {"events": ["event"]}, "os": {"events": []}},
        crossover={"at": "pfs", "share": 0.5, "time_ratio": 2.0},
    )
    assert crossing.crossover == Crossover(0, "pfs", 0.5, 2.0)
    luck = np.full((1, 1, 8), 0.4)
    found, moved = crossed_over(crossing, cohort, luck)
    assert moved.tolist() == [[1]]
    assert (found.time["os"][0, 0], found.time["pfs"][0, 0], found.death[0, 0]) == (7.0, 3.0, 7.0)
    stays, nobody = crossed_over(crossing, cohort, luck + 0.2)
    assert nobody.tolist() == [[0]]
    assert (stays.time["os"][0, 0], stays.death[0, 0]) == (5.0, 5.0)


def test_entries() -> None:
    """Evenly, or as a Poisson process with the same rate."""
    luck = work_of(design(), 400).luck(0, 400)
    even = entry_times(design({"accrual.entries": "even"}), luck)
    assert even[0, [0, -1]] == pytest.approx([0.05, 11.95])
    last = entry_times(design(), luck)[:, -1]
    assert abs(last.mean() - 12.0) < 4.0 * last.std(ddof=1) / 20.0


def test_loss_to_follow_up_ends_everything() -> None:
    """A tenth lost by 12 months: of patients without hazards a tenth is censored by then."""
    work = small({"dropout": {"probability": 0.1, "by": 12.0}, "arms.control.event.median": 1e7}, n_trials=200)
    _, found, _ = work.patients(0, 200, work.luck(0, 200))
    lost = (found.time["pfs"] <= 12.0) & (found.event["pfs"] == 0)
    assert abs(lost.mean() - 0.1) < 4.0 * np.sqrt(0.09 / lost.size)
