"""Calibration files: what they become, and one clear message for what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from lmssim.errors import InputError
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.table import load_parameters
from lmssim.studies.calibration.posterior import COLUMNS, parameter_table
from lmssim.studies.calibration.problem import GIVEN_SEED, N_ROWS, load_problem
from tests.kit.toy import CALIBRATION, SCENARIO, TARGETS, write_toy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmssim.studies.calibration.problem import Problem

RATES = np.linspace(0.1, 2.0, 400)
DERIVED = CALIBRATION.replace("[sets]\n", "[sets]\nrate_death = 'ill_h5 / 2'\n").replace(
    'given = ["log_rate_death"]', "given = []"
)


def test_what_a_file_becomes(toy: Problem) -> None:
    """Quantities, targets and their uses in order."""
    assert toy.names == ["ill_shape", "ill_h5", "tau_metastasis", "tau_death"]
    assert toy.series == ["first", "second", "large", "kept"]
    assert [row.target for row in toy.rows if row.is_fitted] == [
        "first_by2",
        "first_by5",
        "second_by10",
        "second_survival",
        "second_time",
        "large_by5",
        "large_median",
    ]
    assert [toy.rows[k].target for k in toy.fitted("second")] == ["first_by2", "first_by5", "large_by5", "large_median"]
    assert [row.target for row in toy.rows if row.held_out] == ["kept_by5"]
    assert [row.target for row in toy.rows if row.role == "check"] == ["first_crude"]
    assert [row.family for row in toy.rows].count("death") == 2


def test_priors_are_quantiles_of_z(toy: Problem) -> None:
    """The 95% interval as the file states it; tau is half-normal."""
    ends = toy.free[0].at(special.ndtri(np.array([0.025, 0.5, 0.975])))
    assert np.allclose(ends, [0.45, 0.9, 1.8], rtol=1e-4)
    u = np.array([0.1, 0.5, 0.9])
    assert np.allclose(toy.tau[0].at(special.ndtri(u)), stats.halfnorm.ppf(u, scale=0.5))


def test_expressions_set_parameters(toy: Problem) -> None:
    """A free quantity that is a parameter sets itself."""
    z, rows = np.array([[0.0, 0.0], [1.0, -1.0]]), np.array([3.0, 4_003.0])
    draws, values = toy.draws(z, rows), toy.values(z)
    assert np.array_equal(draws["ill_shape"], values["ill_shape"])
    assert np.allclose((5.0 / draws["ill_scale"]) ** draws["ill_shape"], values["ill_h5"])
    assert draws["log_rate_death"][0] == draws["log_rate_death"][1]
    assert "rate_death" not in draws


def test_given_parameters_are_the_tables_own_draws(toy: Problem) -> None:
    """Row k is draw k of a fixed seed, so the same at every site."""
    drawn = sample_parameters(toy.scenario.table, toy.scenario.groups, N_ROWS, GIVEN_SEED)
    assert list(toy.given) == ["log_rate_death"]
    assert np.array_equal(toy.given["log_rate_death"], drawn["log_rate_death"])


def test_a_derived_parameter_may_be_fitted(tmp_path: Path) -> None:
    """Then it is drawn, and its expression in the table says nothing."""
    problem = load_problem(write_toy(tmp_path, DERIVED))
    draws = problem.draws(np.array([[0.0, -2.0], [0.0, 2.0]]), np.zeros(2))
    assert draws["rate_death"][1] > 4.0 * draws["rate_death"][0]
    same = {**draws, "ill_scale": np.full(2, 8.0)}
    survival = [row.target for row in problem.rows].index("second_survival")
    found = problem.reader.predict(same, 2_000).share[:, survival]
    assert found[1] > found[0] + 0.1


def before(folder: Path, scenario: str = SCENARIO) -> Problem:
    """The toy after a calibration that gives the rate of death, and a parameter of another scenario."""
    (folder / "posteriors").mkdir()
    draws = pd.DataFrame({"draw": range(400), "rate_death": RATES, "elsewhere": 1.0})
    draws.to_parquet(folder / "posteriors" / "before.parquet")
    text = CALIBRATION.replace("label = ", 'after = ["before"]\nlabel = ', 1)
    return load_problem(write_toy(folder, text.replace('["log_rate_death"]', '["loghr_size"]'), scenario=scenario))


def test_parameters_of_a_calibration_before_are_given(tmp_path: Path) -> None:
    """Row by row, in turn if it has fewer rows; also what the table derives."""
    problem = before(tmp_path, SCENARIO.replace("parameters =", "shared_parameters ="))
    assert problem.given_ids == ["rate_death", "loghr_size"]
    assert np.array_equal(problem.given["rate_death"], RATES[np.arange(N_ROWS) % 400])
    draws = problem.draws(np.zeros((2, 2)), np.array([0.0, 399.0]))
    survival = [row.target for row in problem.rows].index("second_survival")
    found = problem.reader.predict(draws, 2_000).share[:, survival]
    assert found[1] > found[0] + 0.1


def test_a_scenarios_own_parameters_stand_in_place_of_those_given(tmp_path: Path) -> None:
    """Only what scenarios share is taken from a calibration done before."""
    problem = before(tmp_path)
    assert problem.given_ids == ["loghr_size"]
    assert "rate_death" not in problem.draws(np.zeros((1, 2)), np.zeros(1))


def test_the_table_of_fitted_parameters_is_a_parameter_table(toy: Problem, tmp_path: Path) -> None:
    """It loads, and its central values and intervals are the posterior's."""
    rng = np.random.default_rng(1)
    centre = np.array([0.2, 0.1, 0.0, 0.0])
    z = centre[:2] + 0.2 * rng.normal(size=(900, 2))
    frame = parameter_table(toy, centre, pd.DataFrame(toy.parameters(z, np.arange(900.0))))
    assert tuple(frame.columns) == COLUMNS
    frame.to_csv(tmp_path / "fitted.csv", index=False)
    table = load_parameters([tmp_path / "fitted.csv"])
    assert set(table) == {"ill_shape", "ill_scale"}
    assert table["ill_shape"].value == pytest.approx(float(toy.free[0].at(np.array([0.2]))[0]), rel=1e-5)
    scale = toy.parameters(z, np.arange(900.0))["ill_scale"]
    assert table["ill_scale"].low == pytest.approx(np.quantile(scale, 0.025), rel=1e-5)
    drawn = distribution_of(table["ill_scale"]).quantile((np.arange(2_000) + 0.5) / 2_000)
    assert np.log(drawn).std() == pytest.approx(np.log(scale).std(), rel=0.1)
    assert (frame["kind"] == "calibrated").all()
    assert (frame["group"] == "calibrated").all()


# === Refusals ===


def changed(old: str, new: str, most: int = -1) -> Callable[[Path], Path]:
    """The calibration with one thing changed, at most so many times."""
    assert old in CALIBRATION

    def write(folder: Path) -> Path:
        return write_toy(folder, CALIBRATION.replace(old, new, most))

    return write


def without_targets(folder: Path) -> Path:
    """No table of targets."""
    path = write_toy(folder)
    (folder / "targets.csv").unlink()
    return path


def test_cohorts_that_came_later_are_held_out_beside_the_first(tmp_path: Path) -> None:
    """The union of the lists is what is not fitted."""
    problem = load_problem(changed(HELD, HELD + "\n" + LATER.format("second", "second"))(tmp_path))
    assert {row.cohort_id for row in problem.rows if row.held_out} == {"kept", "second"}
    assert not {problem.rows[k].cohort_id for k in problem.fitted()} & {"kept", "second"}


GIVEN = 'given = ["log_rate_death"]'
HELD = 'held_out = ["kept"]'
LATER = "later = [{{ evidence = '2026-11-30', cohorts = ['{}'], held_out = ['{}'] }}]"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (changed("tau =", "tua ="), ["toy_fit.toml", "unknown key 'tua'", "tau"]),
        (changed("low = 0.45", "lwo = 0.45"), ["toy_fit.toml", "free.ill_shape", "'lwo'", "low"]),
        (changed("schema_version = 1", "schema_version = 2"), ["toy_fit.toml", "schema_version"]),
        (changed('label = "Toy"', "label = Toy"), ["toy_fit.toml", "not valid TOML"]),
        (changed('"toy.toml"', '"tyo.toml"'), ["tyo.toml"]),
        (changed('"toy.toml"', '"extremty"'), ["bundled scenario", "Did you mean 'extremity'"]),
        (changed('"toy.toml"', '"/etc/passwd"'), ["toy_fit.toml: scenario", "lies outside", "--allow-files-from"]),
        (changed("[free.ill_shape]", "[free.ill_shap]"), ["toy_fit.toml: free.ill_shap", "Did you mean 'ill_shape'?"]),
        (
            lambda folder: write_toy(folder, targets=TARGETS.replace("incidence,2,", "incidence,900,", 1)),
            ["targets.csv:2", "'time_years'", "from 0 to 200 years"],
        ),
        (changed(GIVEN, 'given = ["log_rate_deth"]'), ["toy_fit.toml: given", "'log_rate_deth'", "log_rate_death"]),
        (changed(GIVEN, 'given = ["rate_death"]'), ["toy_fit.toml: given", "'rate_death' is derived"]),
        (changed(GIVEN, 'given = ["ill_scale"]'), ["toy_fit.toml: given", "'ill_scale' is fitted"]),
        (changed("[sets]\n", "[sets]\nill_scael = '1'\n"), ["toy_fit.toml: sets", "'ill_scael'", "ill_scale"]),
        (changed('series = "first"', 'series = "frist"'), ["studies.first.series", "'frist'", "first"]),
        (changed(HELD, 'held_out = ["kpet"]'), ["toy_fit.toml: held_out", "'kpet'", "kept"]),
        (changed(HELD, HELD + '\nalways_fitted = ["kpet"]'), ["toy_fit.toml: always_fitted", "'kpet'"]),
        (changed(HELD, LATER.format("kpet", "kept")), ["toy_fit.toml: later.cohorts", "'kpet'", "kept"]),
        (changed(HELD, LATER.format("kept", "first")), ["toy_fit.toml: later.held_out", "'first'", "kept"]),
        (changed(HELD, 'held_out = ["first", "second", "large", "kept"]'), ["toy_fit.toml: studies", "held out"]),
        (changed(", death = 0.5 }", " }"), ["toy_fit.toml: tau", "'death'"]),
        (changed("death = 0.5", "deaths = 0.5"), ["toy_fit.toml: tau", "'deaths'", "Did you mean 'death'?"]),
        (changed("kept_by5 = {}", "kept_by5 = { family = 'ill' }"), ["rows.kept_by5.family", "'ill'", "metastasis"]),
        (changed("tau = { metastasis = 0.5", "tau = { metastasis = 0"), ["toy_fit.toml: tau.metastasis"]),
        (changed("high = 1.8", "high = 0.2"), ["toy_fit.toml: free", "ill_shape"]),
        (changed("rows.second_by10", "rows.second_by11"), ["studies.second.rows", "second_by11", "second_by10"]),
        (changed("set = { pop_size = 8 }", "set = { pop_siez = 8 }"), ["pop_siez", "pop_size"]),
        (without_targets, ["targets.csv", "no such file"]),
        (lambda folder: write_toy(folder, targets="n,ci_low\n1,\n"), ["targets.csv", "'target_id'"]),
        (lambda folder: write_toy(folder, targets=TARGETS.replace("200", "many", 1)), ["targets.csv:2", "'n'", "many"]),
        (lambda folder: folder / "toy_fti.toml", ["toy_fti.toml", "no such file"]),
        (changed("label = ", 'after = ["before"]\nlabel = ', 1), ["posteriors", "before.parquet", "lmssim calibrate"]),
        (
            changed("5 / ill_h5 ** (1 / ill_shape)", "-5 * ill_h5"),
            ["toy.toml: transition alive -> ill: weibull: scale is -", "greater than 0", "draw 0", "ill_scale"],
        ),
        (changed("ill_h5 **", "ill_h6 **"), ["toy_fit.toml: sets.ill_scale", "ill_h6"]),
        (changed("ill_h5 ** (1 /", "ill_h5 ** ((1 /"), ["toy_fit.toml: sets.ill_scale"]),
        (changed("0.663\nn = 150\n", "0.663\nn = 0\n"), ["rows.second_by10", "number of patients"]),
        (changed('events = ["ill"]\nby = 2', 'events = ["illness"]\nby = 2'), ["illness", "first_by2"]),
    ],
)
def test_refusals(write: Callable[[Path], Path], expected: list[str], tmp_path: Path) -> None:
    """One line that names the file, the key, and what is wrong, at the latest when draws are made and read."""
    with pytest.raises(InputError) as caught:  # noqa: PT012 - some are found when draws are made
        problem = load_problem(write(tmp_path))
        problem.reader.predict(problem.draws(np.zeros((1, 2)), np.zeros(1)), 10)
    message = str(caught.value)
    assert "\n" not in message
    for part in expected:
        assert part in message
