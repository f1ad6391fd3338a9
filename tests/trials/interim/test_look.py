"""A look takes its bound from the design at the observed information, and its test from the data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.estimates import estimate_after_stop
from lmssim.trials.interim.look import EFFICACY, FUTILITY, GOES_ON, NOT_REACHED, look_at
from lmssim.trials.interim.patients import read_patients
from lmssim.trials.planning.plan import load_plan
from lmssim.trials.tests import cox, logrank
from tests.kit.trial_files import BOUNDS, DESIGN, RMST, write_patients

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.trials.interim.patients import TrialPatients
    from lmssim.trials.planning.plan import TrialPlan


def plan_of(folder: Path, text: str = DESIGN) -> TrialPlan:
    """A design file, read."""
    path = folder / "design.toml"
    path.write_text(text)
    return load_plan(path)


def people(folder: Path, events: int, **more: float) -> TrialPatients:
    """Patients as they stand at an event."""
    return read_patients(write_patients(folder / "p.csv", events, **more))  # type: ignore[arg-type]


def test_an_interim_look(tmp_path: Path) -> None:
    """Information by events, stratified log-rank test, bound, powers and dates."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 90)
    found = look_at(plan, patients)
    assert plan.trial is not None
    fraction = 90 / plan.trial.look_events[-1]  # type: ignore[union-attr]
    assert found.look == 1
    assert found.measured.fraction == pytest.approx(fraction)
    assert found.bound == plan.design.at_information([fraction], final=False).efficacy[0]
    assert found.z == logrank(patients.data, cause=1).z[0]
    design = found.design
    drift = plan.design.drift
    assert found.powers["planned"] == design.conditional_power(1, found.z, drift)
    assert found.powers["observed"] == design.conditional_power(1, found.z, found.z / math.sqrt(fraction))
    assert found.powers["none"] < min(found.powers["planned"], found.powers["observed"])
    effect = cox(patients.data)
    width = found.bound * effect.se[0]
    assert found.repeated == pytest.approx(
        np.exp([effect.estimate[0], effect.estimate[0] - width, effect.estimate[0] + width])
    )
    assert found.effect_of(found.z) == pytest.approx(math.exp(logrank(patients.data).estimate[0]))
    (second, events, (time, early, late)), *_ = found.later_looks()
    assert second == 2
    assert events == math.ceil(0.75 * found.measured.whole)
    assert patients.cutoff < early < time < late


def test_what_earlier_looks_had_counts(tmp_path: Path) -> None:
    """Bounds of a second look depend on the first one's information."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 130)
    told, planned = look_at(plan, patients, earlier=[70]), look_at(plan, patients)
    assert (told.look, planned.look) == (2, 2)
    assert (told.earlier_as_planned, planned.earlier_as_planned) == (False, True)
    assert told.design.information[0] == pytest.approx(70 / told.measured.whole)
    assert told.bound != planned.bound


def test_verdicts(tmp_path: Path) -> None:
    """By where Z lies."""
    plan = plan_of(tmp_path)
    assert look_at(plan, people(tmp_path, 90, hazard_ratio=0.3)).verdict == EFFICACY
    assert look_at(plan, people(tmp_path, 90, hazard_ratio=1.8)).verdict == FUTILITY
    assert look_at(plan, people(tmp_path, 90, hazard_ratio=0.75, seed=3)).verdict == GOES_ON
    assert look_at(plan, people(tmp_path, 175, hazard_ratio=1.0)).verdict == NOT_REACHED


def test_a_final_look_has_an_estimate_and_nothing_to_come(tmp_path: Path) -> None:
    """By the stage-wise ordering."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 165)
    found = look_at(plan, patients, earlier=[80, 125])
    assert found.is_final
    assert found.powers == {}
    assert found.later_looks() == []
    assert found.stopped == estimate_after_stop(found.design, 3, found.z)
    assert found.stopped_effect is not None
    best, low, high = found.stopped_effect
    assert low < best < high
    root = math.sqrt(found.measured.information / found.measured.fraction)
    assert best == pytest.approx(math.exp(-found.stopped.drift / root))


def test_an_early_end_spends_all_of_alpha(tmp_path: Path) -> None:
    """If the look is said to be final."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 120)
    found = look_at(plan, patients, look=2, final=True)
    assert found.is_final
    assert found.design.alpha_spent[-1] == pytest.approx(0.025)


def test_priors_move_the_predictive_probability(tmp_path: Path) -> None:
    """A sure prior gives the conditional power under its median."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 90)
    found = look_at(plan, patients, prior=(0.8, 1e-4))
    root = math.sqrt(found.measured.information / found.measured.fraction)
    expected = found.conditional_power(-math.log(0.8) * root)
    assert found.powers["predictive"] == pytest.approx(expected, abs=1e-4)
    flat = look_at(plan, patients).powers["predictive"]
    assert look_at(plan, patients, prior=(0.8, 1e4)).powers["predictive"] == pytest.approx(flat, abs=1e-4)


def test_restricted_means_count_information(tmp_path: Path) -> None:
    """One over the squared standard error, as planned at the final look."""
    plan, patients = plan_of(tmp_path, RMST), people(tmp_path, 130)
    found = look_at(plan, patients)
    assert not found.is_ratio
    assert found.measured.information == pytest.approx(float(found.measured.test.se[0]) ** -2)
    assert found.effect_of(found.z) == pytest.approx(float(found.measured.test.estimate[0]))
    low, high = found.repeated[1:]
    assert low < found.repeated[0] < high
    assert found.later_looks() == []


def test_bounds_alone_need_events(tmp_path: Path) -> None:
    """Of the last look; then nobody is thought to enter any more."""
    plan, patients = plan_of(tmp_path, BOUNDS), people(tmp_path, 90)
    with pytest.raises(InputError, match="--planned-events: the design states bounds alone"):
        look_at(plan, patients)
    found = look_at(plan, patients, planned_events=180)
    assert found.measured.fraction == pytest.approx(0.5)
    assert found.outlook is not None
    assert found.outlook.accrual is None


def test_a_margin_is_set_against_cox(tmp_path: Path) -> None:
    """Wald's test of the hazard ratio."""
    plan = plan_of(tmp_path, DESIGN.replace("hazard_ratio = 0.6", "hazard_ratio = 0.8\nmargin = 1.3"))
    patients = people(tmp_path, 150, hazard_ratio=0.9)
    found = look_at(plan, patients, look=1)
    effect = cox(patients.data)
    assert found.z == pytest.approx((math.log(1.3) - effect.estimate[0]) / effect.se[0])
    assert found.effect_of(found.z) == pytest.approx(math.exp(effect.estimate[0]))


def test_a_planned_harm_turns_the_sign(tmp_path: Path) -> None:
    """Z is positive in the direction of the plan."""
    plan = plan_of(tmp_path, DESIGN.replace("hazard_ratio = 0.6", "hazard_ratio = 1.6"))
    patients = people(tmp_path, 90, hazard_ratio=1.8)
    found = look_at(plan, patients)
    assert found.z == -logrank(patients.data).z[0]
    assert found.z > 0
    assert found.effect_of(found.bound) > 1


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """One message each."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 90)
    with pytest.raises(InputError, match="--look: 4 is not a look of the design, 1 to 3"):
        look_at(plan, patients, look=4)
    with pytest.raises(InputError, match="--earlier: 1 looks before look 3"):
        look_at(plan, patients, look=3, earlier=[40])
    with pytest.raises(InputError, match="--earlier: look 1 has 95 events, look 2 has 90"):
        look_at(plan, patients, earlier=[95])
    with pytest.raises(InputError, match=r"--earlier: look 2 has .* events as planned, look 3 has 90"):
        look_at(plan, patients, look=3)
    with pytest.raises(InputError, match="--planned-events: the design states its events already"):
        look_at(plan, patients, planned_events=100)
    with pytest.raises(InputError, match="--prior"):
        look_at(plan, patients, prior=(-1.0, 0.3))
    combined = RMST.replace('"rmst"\ntau = 18', '"maxcombo"').replace("information = [0.6, 1.0]", "looks = 1")
    with pytest.raises(InputError, match=r"endpoint\.test: maxcombo is planned with its final look alone"):
        look_at(plan_of(tmp_path, combined), patients)
    rmst = plan_of(tmp_path, RMST)
    with pytest.raises(InputError, match="--prior: is of a hazard ratio"):
        look_at(rmst, patients, prior=(0.8, 0.3))


def test_earlier_looks_ascend(tmp_path: Path) -> None:
    """And are above 0."""
    plan, patients = plan_of(tmp_path), people(tmp_path, 90)
    with pytest.raises(InputError, match="--earlier: 0 must be above 0"):
        look_at(plan, patients, earlier=[0])
    with pytest.raises(InputError, match="--earlier: 50 does not lie above 60"):
        look_at(plan, patients, earlier=[60, 50])


def test_an_arm_without_events_has_a_one_step_ratio(tmp_path: Path) -> None:
    """Cox's is 0."""
    (tmp_path / "p.csv").write_text("arm,time,event\n0,5,1\n0,6,1\n0,7,1\n1,8,0\n1,9,0\n")
    patients = read_patients(tmp_path / "p.csv")
    found = look_at(plan_of(tmp_path), patients, look=1)
    assert found.measured.effect is found.measured.test
    assert 0 < found.repeated[0] < 1
    (tmp_path / "p.csv").write_text("arm,time,event\n0,1,1\n1,1,1\n")
    with pytest.raises(InputError, match="the arms cannot be compared"):
        look_at(plan_of(tmp_path), read_patients(tmp_path / "p.csv"), look=1)
