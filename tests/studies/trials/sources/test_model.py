"""Patients of a scenario: the lives of the engine, the eligible ones, randomised where the design says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.studies.trials.design.reading import trial_of
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.studies.trials.work import work_of
from tests.kit.virtual import four_states

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.trials.work import TrialWork

SITE: dict[str, Any] = {
    "time_unit": "years",
    "scenario": "retroperitoneal",
    "arms": {"control": {"strategy": "surgery_only"}, "experimental": {"strategy": "neoadj_ct"}},
    "endpoints": {"os": {}, "dfs": {}},
    "accrual": {"patients": 250, "duration": 6},
    "analyses": [{"calendar": 9.0}],
}


def lives(work: TrialWork, n: int = 20) -> Any:
    """Patients of the first trials."""
    return work.patients(0, n, work.luck(0, n))


def test_a_site_as_the_engine_has_it() -> None:
    """Survival and disease-free survival at 5 years of both arms are those that `evaluate` gives at point values."""
    cohort, found, _ = lives(work_of(trial_of(SITE), 16), 16)
    sampling = Sampling(n_patients=20_000, strategies=("surgery_only", "neoadj_ct"))
    survival = evaluate(load_scenario("retroperitoneal"), sampling).survival
    for name in ("os", "dfs"):
        for arm, strategy in enumerate(("surgery_only", "neoadj_ct")):
            alive = (found.time[name] > 5.0)[cohort.arm == arm]
            row = survival[
                (survival["strategy"] == strategy) & (survival["endpoint"] == name) & (survival["time"] == 5.0)
            ].iloc[0]
            exact, se = float(row["value"]), float(row["se"])
            error = math.hypot(se, math.sqrt(exact * (1.0 - exact) / alive.size))
            assert abs(alive.mean() - exact) < 4.0 * error, (name, strategy)


def test_a_hazard_ratio_is_another_rate(tmp_path: Path) -> None:
    """A hazard ratio of .6 on metastasis is the rate .09 in place of .15: the same lives, but for rounding."""
    (tmp_path / "a").mkdir()
    by_rate = work_of(four_states(tmp_path), 5)
    given = {"arms.experimental.strategy": "a", "arms.experimental.hazard_ratio": {"dm": 0.6}}
    by_ratio = work_of(four_states(tmp_path, given), 5)
    (one, first, _), (two, second, _) = lives(by_rate, 5), lives(by_ratio, 5)
    assert np.array_equal(one.arm, two.arm)
    ned = one.arm == 0
    assert np.array_equal(first.time["os"][ned], second.time["os"][ned])
    # after a local recurrence the ratio acts on its transition to metastasis too, which the rate does not
    same = np.isclose(first.time["dfs"], second.time["dfs"], rtol=1e-12)
    assert same.all()


def test_late_ratio_acts_later(tmp_path: Path) -> None:
    """Before the delay both arms' courses are one."""
    ratio = {"dm": {"value": 0.3, "delay": 2.0}}
    given = {
        "arms.experimental.strategy": "a",
        "arms.experimental.hazard_ratio": ratio,
        "crossover": {"at": "dfs", "share": 0.1},
    }
    work = work_of(four_states(tmp_path, given), 5)
    cohort = work.source.cohort(0, 5, 200, work.luck(0, 5), 1, drawn=False, null=False, both=True)
    assert cohort.other is not None
    own, other = cohort.own.time["dfs"], cohort.other.time["dfs"]
    early = np.minimum(own, other) < 2.0
    assert np.array_equal(own[early], other[early])
    assert (own[~early] != other[~early]).mean() > 0.3


def test_eligible_patients_and_strata(tmp_path: Path) -> None:
    """Patients larger than 6 alone; two strata of them, in which the arms are balanced."""
    given = {"eligible": "size > 6", "design.strata": ["size > 8.5"]}
    work = work_of(four_states(tmp_path, given), 10)
    cohort, found, _ = lives(work, 10)
    assert cohort.screened == pytest.approx(10 * 400, rel=0.1)
    assert not np.isnan(found.time["os"]).any()
    for trial in range(10):
        for s in (0, 1):
            mine = cohort.stratum[trial] == s
            assert abs(mine.sum() - 2 * int(cohort.arm[trial][mine].sum())) <= 1


def test_randomisation_at_a_state(tmp_path: Path) -> None:
    """Patients enter at local recurrence; times run from there, and who never has one does not enter."""
    given = {"origin": "lr", "endpoints": {"os": {}}}
    cohort, found, _ = lives(work_of(four_states(tmp_path, given), 20), 20)
    assert cohort.own.time["os"].shape == (20, 200)
    # from local recurrence: to metastasis .25, to death .05; then .5
    t = 4.0
    total = 0.25 + 0.05
    exact = math.exp(-total * t) + 0.25 / (0.5 - total) * (math.exp(-total * t) - math.exp(-0.5 * t))
    alive = found.time["os"][cohort.arm == 0] > t
    assert abs(alive.mean() - exact) < 4.0 * math.sqrt(exact * (1 - exact) / alive.size)


def test_no_effect_is_one_course(tmp_path: Path) -> None:
    """Without an effect both arms follow the control course, under the same numbers."""
    source = ModelSource(four_states(tmp_path))
    work = work_of(source.design, 3)
    luck = work.luck(0, 3)
    null = source.cohort(0, 3, 200, luck, 1, drawn=False, null=True, both=False)
    real = source.cohort(0, 3, 200, luck, 1, drawn=False, null=False, both=False)
    control = real.arm == 0
    assert np.array_equal(null.own.time["os"][control], real.own.time["os"][control])
    assert (null.own.time["dfs"][~control] <= real.own.time["dfs"][~control]).all()
