"""A calibration from file to posterior: it finds the truth, and nothing but its inputs decides what it finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError, ScenarioError
from lmssim.studies.calibration.calibrate import Settings, calibrate, fingerprint
from lmssim.studies.calibration.problem import load_problem
from tests.kit.toy import CALIBRATION, PARAMETERS, SMALL, TARGETS, TRUTH, write_toy

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.calibration.calibrate import Progress
    from lmssim.studies.calibration.result import Calibration

TABLES = ("chain", "trace", "posterior", "free", "parameters", "fit", "shifts", "left_out", "emulator")
KEPT = "observed = 0.39\nn = 90"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """The toy calibration, never interrupted."""
    return calibrate(write_toy(tmp_path_factory.mktemp("whole")), SMALL)


def assert_same(one: Calibration, other: Calibration) -> None:
    """Every table, bit for bit, and all that is known of the run but its time."""
    for table in TABLES:
        left, right = getattr(one, table), getattr(other, table)
        assert list(left.columns) == list(right.columns)
        assert left.equals(right), table
    known = [{k: v for k, v in each.diagnostics.items() if k != "seconds"} for each in (one, other)]
    assert known[0] == known[1]


def interrupting(phase: str, after: int) -> Progress:
    """Somebody who presses Ctrl-C once so much of a phase is done."""

    def tell(now: str, done: int, _total: int) -> None:
        if now == phase and done >= after:
            raise KeyboardInterrupt

    return tell


def test_it_finds_the_truth(whole: Calibration) -> None:
    """Within 3 SD of the posterior, which is much narrower than the prior."""
    free = {row["id"]: row for row in whole.free.to_dict("records")}
    for name, truth in TRUTH.items():
        assert abs(free[name]["mean"] - truth) < 3.0 * free[name]["sd"], name
        assert free[name]["contraction"] > 0.7
        assert free[name]["informed"]
        assert free[name]["low"] < free[name]["central"] < free[name]["high"]
    assert (whole.free["r_hat"] < 1.1).all()
    assert free["tau_death"]["contraction"] < 0.7


def test_the_posterior_has_a_row_for_each_walker(whole: Calibration, toy_given: np.ndarray) -> None:
    """Free quantities, between-study SDs, the parameters that they set, and row k of those given."""
    posterior = whole.posterior
    assert list(posterior.columns) == [
        "draw",
        "ill_shape",
        "ill_h5",
        "tau_metastasis",
        "tau_death",
        "ill_scale",
        "log_rate_death",
    ]
    assert posterior["draw"].tolist() == list(range(SMALL.ensembles * SMALL.walkers))
    assert np.array_equal(posterior["log_rate_death"], toy_given[: len(posterior)])
    assert np.allclose(posterior["ill_scale"], 5.0 / posterior["ill_h5"] ** (1.0 / posterior["ill_shape"]))
    assert (posterior[["tau_metastasis", "tau_death"]] > 0.0).all().all()


@pytest.fixture
def toy_given(tmp_path: Path) -> np.ndarray:
    """Draws of the given parameter."""
    return load_problem(write_toy(tmp_path)).given["log_rate_death"]


def test_targets_stand_beside_their_predictions(whole: Calibration) -> None:
    """Every row of the studies' series, with its role; the truth's own targets are inside."""
    fit = whole.fit.set_index("target_id")
    assert list(fit.index) == [
        "first_by2",
        "first_by5",
        "first_crude",
        "second_by10",
        "second_survival",
        "second_time",
        "large_by5",
        "large_median",
        "kept_by5",
    ]
    assert fit["inside"].all()
    assert (fit["low"] < fit["predicted"]).all()
    assert (fit["predicted"] < fit["high"]).all()
    assert fit.index[fit["held_out"]].tolist() == ["kept_by5"]
    assert fit.loc["first_crude", "role"] == "check"
    assert fit.loc["first_crude", "reason"] == "the same patients"
    assert fit.loc["large_by5", "reading"] == (
        "Kaplan-Meier survival: ill; by 5 years; under strategy nothing; "
        "follow-up low 0.5, high 20.0, median 6.0, sdlog 0.5; held pop_size = 8"
    )
    assert whole.emulator["target_id"].tolist() == [t for t in fit.index if t not in ("first_crude", "kept_by5")]
    assert not whole.shifts["conflict"].any()


def test_a_run_this_short_says_that_it_has_not_converged(whole: Calibration) -> None:
    """And why."""
    assert not whole.diagnostics["converged"]
    assert any("autocorrelation" in reason for reason in whole.diagnostics["reasons"])


def test_workers_do_not_matter(whole: Calibration, tmp_path: Path) -> None:
    """Nor whether anything is saved."""
    assert_same(whole, calibrate(write_toy(tmp_path), SMALL, folder=tmp_path / "out", jobs=2))


@pytest.mark.parametrize(("phase", "after"), [("design over the prior", 64), ("sampling", 400)])
def test_interrupted_and_resumed_is_as_if_never_interrupted(
    phase: str, after: int, whole: Calibration, tmp_path: Path
) -> None:
    """Half way through the design, and through the second ensemble."""
    path, folder = write_toy(tmp_path), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        calibrate(path, SMALL, folder, progress=interrupting(phase, after))
    held = {path.name: path.stat().st_mtime_ns for path in (folder / "checkpoint").glob("*.npz")}
    assert ("ensemble_1.npz" in held) == (phase == "sampling")
    assert_same(whole, calibrate(path, SMALL, folder))
    taken_up = [name for name, time in held.items() if (folder / "checkpoint" / name).stat().st_mtime_ns == time]
    assert {name for name in held if name.startswith("design")} <= set(taken_up)
    with pytest.raises(KeyboardInterrupt):  # other inputs: nothing of what is there is taken up
        calibrate(path, replace(SMALL, seed=2), folder, progress=interrupting("censoring", 1))
    assert [path.name for path in (folder / "checkpoint").glob("*.npz")] == ["design_10000000.npz"]


def test_checkpoints_are_of_their_inputs(tmp_path: Path) -> None:
    """Every input that matters is part of their identity; asked not to, a run takes none up."""

    def key(settings: Settings = SMALL, **files: str) -> str:
        return fingerprint(load_problem(write_toy(tmp_path, **files)), settings)

    own = key()
    others = [
        key(replace(SMALL, seed=2)),
        key(replace(SMALL, thin=10)),
        key(text=CALIBRATION.replace("observed = 0.16", "observed = 0.17")),
        key(text=CALIBRATION.replace('within = "first_by5"', "")),
        key(parameters=PARAMETERS.replace("0.02,fixed", "0.03,fixed")),
        key(parameters=PARAMETERS.replace("-0.7,normal,,,0.1", "-0.7,normal,,,0.2")),
        key(targets=TARGETS.replace("5,0.39,,,", "5,0.39,0.3,0.49,")),
    ]
    assert len({own, *others}) == len(others) + 1
    assert key() == own
    path, folder = write_toy(tmp_path), tmp_path / "out"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            calibrate(path, SMALL, folder, progress=interrupting("design over the prior", 64))
    with pytest.raises(KeyboardInterrupt):
        calibrate(path, SMALL, folder, resume=False, progress=interrupting("censoring", 1))
    assert [path.name for path in (folder / "checkpoint").glob("*.npz")] == ["design_10000000.npz"]


def test_cohorts_held_out_and_checks_change_nothing(whole: Calibration, tmp_path: Path) -> None:
    """Whatever they observed; and each cohort that is fitted is predicted without it."""
    text = CALIBRATION.replace(KEPT, "observed = 0.95\nn = 9000").replace("observed = 0.448", "observed = 0.9")
    found = calibrate(write_toy(tmp_path, text), replace(SMALL, leave_out=(10, 200)))
    assert found.posterior.equals(whole.posterior)
    assert found.emulator.equals(whole.emulator)
    assert found.shifts.equals(whole.shifts)
    columns = ["target_id", "predicted", "low", "high", "p_value"]
    others = ~whole.fit["target_id"].isin(["kept_by5", "first_crude"])
    assert found.fit.loc[others, columns].equals(whole.fit.loc[others, columns])
    assert not found.fit.set_index("target_id").loc["kept_by5", "inside"]
    left_out = found.left_out
    assert left_out["cohort_id"].tolist() == ["first"] * 2 + ["second"] * 3 + ["large"] * 2
    assert left_out["inside"].all()
    assert np.allclose(left_out["error"], left_out["predicted"] - left_out["observed"])
    assert left_out["log_score"].mean() > left_out["log_score_reference"].mean()


def test_a_design_too_small_for_its_emulator_is_refused_before_any_run(tmp_path: Path) -> None:
    """The message speaks of the design, not of a target that had no patients."""
    with pytest.raises(InputError, match=r"design: 2 points are too few for this calibration's emulator: \d+ or more"):
        calibrate(write_toy(tmp_path), replace(SMALL, design=(2, 2)))


def test_a_target_without_patients_is_refused(tmp_path: Path) -> None:
    """With its place in the file, before anything is sampled."""
    text = CALIBRATION.replace('label = "Ill"\n', 'label = "Ill"\nwhere = "size > 1000"\n')
    with pytest.raises(ScenarioError, match=r"toy_fit\.toml: studies\.second\.rows\.second_by10: .*no patient"):
        calibrate(write_toy(tmp_path, text), SMALL)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"burn_in": 300}, "burn-in: 300"),
        ({"ensembles": 1}, "walkers: 1"),
        ({"walkers": 10}, "walkers: 2 ensembles of 10"),
        ({"patients": (0, 10)}, "design"),
        ({"seed": -1}, "seed: -1"),
        ({"thin": 0}, "thin: 0"),
        ({"degree": 0}, "degree: 0"),
        ({"checks": (0, 100)}, "checks: (0, 100)"),
        ({"predictive": (10, 0)}, "predictive: (10, 0)"),
        ({"leave_out": (10, 0)}, "leave-out: (10, 0)"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, int], expected: str, tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(InputError) as caught:
        calibrate(tmp_path / "nothing.toml", replace(SMALL, **settings))  # type: ignore[arg-type]
    assert expected in str(caught.value)
