"""Value of trials through the engine, against exact values; and what cannot be valued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import AT
from lmssim.studies.trials.study import simulate_trials
from lmssim.studies.trials.value.study import STANDARD, TrialValue, benefit_work
from lmssim.studies.trials.work import work_of
from tests.kit.information import within
from tests.kit.valued import TRIAL, exact_evpi, exact_evsi, valued

if TYPE_CHECKING:
    from pathlib import Path

N_TRIALS = 2_000


def value_of(folder: Path, n_trials: int = N_TRIALS, given: dict[str, Any] | None = None) -> TrialValue:
    """Value of the trial that is known."""
    found = simulate_trials(valued(folder, given), n_trials=n_trials, value=True, value_patients=100)
    assert found.value is not None
    return found.value


@pytest.fixture(scope="module")
def value(tmp_path_factory: pytest.TempPathFactory) -> TrialValue:
    """Shared by the tests that only read."""
    return value_of(tmp_path_factory.mktemp("valued"))


def sizes_of(value: TrialValue) -> Any:
    """Rows of sizes that were simulated, a data frame."""
    return value.value[value.value["best"] == "no"]


def test_perfect_information(value: TrialValue) -> None:
    """EVPI without the noise of patients, and EVPPI of the hazard ratio, which is all that the trial informs."""
    row = sizes_of(value).iloc[0]
    assert value.informed == ["trial_log_hazard_ratio_1_0"]
    assert within(row["evpi"], exact_evpi(), row["evpi_se"])
    assert within(row["evppi"], exact_evpi(), row["evppi_se"])


def test_evsi_against_the_exact_value(value: TrialValue) -> None:
    """What the trial leaves unknown, EVPPI - EVSI, between two exact values, each within 3 standard errors.

    The hazard of the control arm is known, so the experimental arm's d events alone tell the log hazard ratio, with
    variance 1 / d; this is the most that can be learnt. The log-rank test learns with variance 4 / events.
    """
    for s, (n, found) in enumerate(zip(value.sizes, value.information.found, strict=True)):
        events = value.trials.looks[:, s, -1]
        experimental, both = events[:, AT["events_experimental"]].mean(), 0.7 * n
        assert value.information.evppi is not None
        left = value.information.evppi.evppi - found.evppi
        error = float((value.information.evppi.replicates - found.replicates).std())
        assert left > exact_evpi() - exact_evsi(4.0 * experimental) - 3.0 * error
        assert left < exact_evpi() - exact_evsi(both) + 3.0 * error


def test_the_order_of_values(value: TrialValue) -> None:
    """0, EVSI by size, EVPPI, EVPI."""
    assert set(value.value_order["holds"]) <= {"yes", "within error"}
    assert (np.diff(sizes_of(value)["evsi"]) > 0.0).all()


def test_what_a_size_brings(value: TrialValue) -> None:
    """Sums add up, and agree with the same size among the ways to conduct the trial."""
    rows = sizes_of(value).set_index("n")
    net = rows["population"] - rows["cost"] - rows["arms"] - rows["delay"]
    assert rows["enbs"].tolist() == pytest.approx(net.tolist())
    way, row = value.stopping_on_value.rows[1]._asdict(), rows.loc[100]
    assert (way["rule"], way["adoption"]) == ("fixed size 100", "expected net benefit")
    assert way["cost"] == pytest.approx(row["cost"])
    assert way["arms"] == pytest.approx(row["arms"])
    assert way["years"] == pytest.approx(row["years"])
    assert way["enbs"] == pytest.approx(row["enbs"], abs=3.0 * row["enbs_se"])


def test_sizes_that_cannot_be_recruited(value: TrialValue) -> None:
    """50 a year for at most 3 years: 200 is marked, and never the best."""
    rows = sizes_of(value).set_index("n")
    assert rows["feasible"].to_dict() == {30: "yes", 100: "yes", 200: "no"}
    (best,) = value.value[value.value["best"] == "yes"].to_dict("records")
    assert 30 <= best["low"] <= best["n"] <= best["high"] <= 150


def test_ways_to_conduct_the_trial(value: TrialValue) -> None:
    """Stopping on value is not beaten, within error; adoption by value beats adoption by test."""
    frame: Any = value.stopping
    assert frame["rule"].tolist() == [
        "fixed size 100",
        "fixed size 100",
        frame["rule"].iloc[2],
        "group-sequential, as designed",
        "group-sequential, as designed",
        "stopping on value",
    ]
    assert (frame["below"] >= -3.0 * frame["below_se"]).all()
    assert frame["enbs"].iloc[1] > frame["enbs"].iloc[0]
    looks = value.stopping_looks.groupby(["rule", "adoption"])["probability"].sum()
    assert looks.tolist() == pytest.approx([1.0] * len(looks))
    passed = value.stopping_looks[value.stopping_looks["goes_on_low"].notna()]
    assert passed[["rule", "look"]].to_numpy().tolist() == [["stopping on value", 1]]
    assert passed["goes_on_low"].iloc[0] < passed["goes_on_high"].iloc[0]
    designed = value.trials.power(value.trials.rules[0], 100)[0]
    assert frame["adopts_new"].iloc[3] == pytest.approx(designed)


def test_adoption(value: TrialValue) -> None:
    """Levels of the file at each size, and no level is worth more than expected net benefit, within error."""
    frame: Any = value.adoption
    assert len(frame) == 3 * 3
    assert (frame["lost"] >= -3.0 * frame["lost_se"]).all()
    tested = value.trials.looks[:, 1, -1, AT["z"]]
    row = frame[(frame["n"] == 100) & (frame["alpha"] == 0.025)].iloc[0]
    assert row["adopted"] == pytest.approx((tested >= 1.959964).mean())


def test_costs_of_waiting_where_the_control_treatment_is_used(tmp_path: Path) -> None:
    """The new treatment is the best now: patients who get the old one until the decision lose."""
    at_once, waits = (value_of(tmp_path, 300, {"value.current": name}) for name in ("best", "control"))
    assert (sizes_of(at_once)["delay"] == 0.0).all()
    assert (sizes_of(waits)["delay"] > 0.0).all()
    assert (sizes_of(waits)["arms"] < 0.0).all()
    assert sizes_of(waits)["evsi"].tolist() == sizes_of(at_once)["evsi"].tolist()


def test_a_trial_that_accrual_stops(tmp_path: Path) -> None:
    """It costs the patients it had, and its test says nothing: half the trials are closed with few patients."""
    given = {"accrual.check_at": 1, "accrual.check_below": 0.5}
    found = value_of(tmp_path, 300, given)
    share = float(found.trials.stopped[:, 1].mean())
    assert 0.2 < share < 0.8
    (fixed,) = found.stopping[found.stopping["adoption"] == "test"].iloc[:1].to_dict("records")
    assert 50.0 < fixed["patients"] < 100.0
    assert fixed["cost"] < 100_000.0 + 1_000.0 * 100.0 * 0.98
    by_test = found.stopping_on_value.scored[0]
    assert (by_test.adopted[found.trials.stopped[:, 1] != 0] == STANDARD).all()
    assert (by_test.adopted != STANDARD).any()


def test_what_cannot_be_valued(tmp_path: Path) -> None:
    """No [value], no scenario, too few trials or patients: one message each."""
    plain = TRIAL[: TRIAL.index("[value]")]
    with pytest.raises(InputError, match=r"value: \[value\] is missing"):
        benefit_work(work_of(valued(tmp_path, trial=plain), 500))
    with pytest.raises(InputError, match="trials: 100 are too few for --value; give 200 or more"):
        benefit_work(work_of(valued(tmp_path), 100))
    with pytest.raises(InputError, match="patients: 1 is not from 2"):
        benefit_work(work_of(valued(tmp_path), 500), 1)
    stated = """
        arms.control.event.median = 12
        arms.experimental.hazard_ratio.event = 0.7
        endpoints.pfs.events = ["event"]
        accrual = { patients = 50, duration = 12 }
        analyses = [{ events = 30 }]
        value = { willingness_to_pay = 1, incidence = 1, horizon = 1 }
    """
    (tmp_path / "stated.toml").write_text(stated)
    with pytest.raises(InputError, match="stated hazards have no costs and QALYs"):
        benefit_work(work_of(load_trial(tmp_path / "stated.toml"), 500))
