"""Cases of designs and assumed effects as tables."""

from __future__ import annotations

import math

import pytest

from lmssim.studies.reference import reference
from lmssim.studies.trials.bundled.cases import Case, Effects, run_cases, run_effects
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.study import simulate_trials

N_TRIALS = 40


def test_rows_are_those_of_the_study() -> None:
    """Each rule is a row of one table, each endpoint one of the other, the primary one first."""
    given = {"arms.experimental.hazard_ratio.death": 1.0}
    rows, ends = run_cases([Case("jcog1306", "a"), Case("jcog1306", "b", given)], N_TRIALS, 3, 1)
    found = simulate_trials("jcog1306", n_trials=N_TRIALS, seed=3, given=given).planned
    own = rows[rows["case"] == "b"].reset_index(drop=True)
    assert list(own["rule"]) == [rule.name for rule in found.rules]
    assert list(own["power"]) == list(found.characteristics["power"])
    assert own["early"][0] == 0.0
    assert own["early"][2] > 0.0
    assert list(ends["endpoint"]) == ["os", "os"]
    _, lms = run_cases([Case("lms04", "c")], N_TRIALS, 3, 1)
    assert list(lms["primary"]) == [True, False]
    assert set(lms["endpoint"]) == {"pfs", "os"}


def test_effects_set_the_logarithm_of_the_hazard_ratio() -> None:
    """At every key of a curve; a stronger effect has more power."""
    effects = Effects("strass", (0.5, 1.0), {"both": ("set.a", "set.b")})
    (curve, ratio, case), _ = effects.cases()
    assert (curve, ratio) == ("both", 0.5)
    assert case.given == pytest.approx({"set.a": math.log(0.5), "set.b": math.log(0.5)})
    found = run_effects(Effects("strass2", (0.3, 1.0), {"dm": ("arms.experimental.set.loghr_dm_ct",)}), N_TRIALS, 3, 1)
    assert found["power"][0] > found["power"][1] + 0.3
    assert found["log_hr"][0] < found["log_hr"][1]


def test_every_case_of_the_reference_results_is_a_design() -> None:
    """Loaded with what it sets; names of cases are unique within a design."""
    asked = reference().trials
    for case in asked.cases:
        load_trial(case.design, case.given)
    assert len({(case.design, case.case) for case in asked.cases}) == len(asked.cases)
