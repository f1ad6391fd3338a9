"""Series read in parameter draws: the same however the draws are cut, each in its own population."""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import ScenarioError
from lmssim.published.predict import Predicted, reader_of, rows_of
from lmssim.studies.calibration.problem import load_problem
from tests.kit.toy import SCENARIO, TRUTH, write_toy

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.problem import Problem

OTHER = """strategies.other = { label = "Other" }
cases.one.label = "One"
cases.one.source_id = "a"
cases.one.strategy = "other"
cases.one.observed = [{ label = "Ill", events = ["ill"], time = 1 }]
"""
N = 300
SCALE = 5.0 / TRUTH["ill_h5"] ** (1.0 / TRUTH["ill_shape"])


def draws_of(toy: Problem, n: int = 11) -> dict[str, FloatArray]:
    """Draws about the middle of the prior."""
    return toy.draws(0.3 * np.random.default_rng(1).normal(size=(n, 2)), np.arange(n, dtype=np.float64))


def equal(left: Predicted, right: Predicted) -> bool:
    """Every bit; what is missing in one is missing in the other."""
    return all(
        np.array_equal(x, y, equal_nan=True) for x, y in zip(vars(left).values(), vars(right).values(), strict=True)
    )


def part(predicted: Predicted, k: int) -> Predicted:
    """One draw of many."""
    return Predicted(*(x[[k]] for x in vars(predicted).values()))


def test_a_draw_alone_is_the_draw_of_many(toy: Problem) -> None:
    """For any number of workers."""
    draws = draws_of(toy)
    whole = toy.reader.predict(draws, N, seed=3, first=20)
    assert equal(whole, toy.reader.predict(draws, N, seed=3, first=20, jobs=2))
    for k in (0, 7, 10):
        alone = toy.reader.predict({id_: x[[k]] for id_, x in draws.items()}, N, seed=3, first=20 + k)
        assert equal(part(whole, k), alone)
    assert equal(whole, reader_of(toy.scenario, toy.series).predict(draws, N, seed=3, first=20))


def test_draws_meet_patients_of_their_own(toy: Problem) -> None:
    """The same parameters twice give two values, as independent as their patients."""
    draws = {id_: np.repeat(x[:1], 40) for id_, x in draws_of(toy).items()}
    found = toy.reader.predict(draws, N, seed=3).share[:, 0]
    assert len(set(found)) > 10
    assert found.std() == pytest.approx(np.sqrt(found.mean() * (1.0 - found.mean()) / N), rel=0.5)


def test_progress_tells_draws(toy: Problem) -> None:
    """Up to all of them."""
    told: list[tuple[int, int]] = []
    toy.fitted_reader.predict(draws_of(toy), 20, progress=lambda done, total: told.append((done, total)))
    assert told == [(8, 11), (11, 11)]


def test_a_series_may_hold_a_population_of_its_own(toy: Problem) -> None:
    """Larger tumours fall ill more; others are not touched, and a draw does not undo what is held."""
    found = toy.reader.predict({"ill_scale": np.array([SCALE]), "pop_size": np.array([2.0])}, 4_000)
    column = {row.target: k for k, row in enumerate(toy.rows)}
    own, held = found.share[0, column["first_by5"]], found.share[0, column["large_by5"]]
    assert held > own + 0.05
    larger = reader_of(toy.scenario.with_values({"pop_size": 8.0}), ["first"]).predict(
        {"ill_scale": np.array([SCALE])}, 4_000
    )
    assert larger.share[0, 1] > own + 0.05


def test_a_draw_of_what_is_held_alone_changes_nothing(toy: Problem) -> None:
    """Every draw stands at the base values."""
    found = reader_of(toy.scenario, ["large"]).predict({"pop_size": np.array([2.0, 5.0, 9.0])}, N)
    assert found.share.shape == (3, 2)
    assert np.isfinite(found.share).all()


def test_derived_parameters_are_computed(toy: Problem) -> None:
    """From the draw of what they come from, whatever stands beside it."""
    column = [row.target for _, row in rows_of(toy.scenario, toy.series)].index("second_survival")
    logs = np.repeat([log(0.2), log(2.0)], 2)
    plain = toy.reader.predict({"log_rate_death": logs}, N)
    stated = toy.reader.predict({"log_rate_death": logs, "rate_death": np.full(4, 0.5)}, N)
    assert equal(plain, stated)
    assert plain.share[2:, column].min() > plain.share[:2, column].max()


def test_some_rows_alone(toy: Problem) -> None:
    """Those that are wanted are as they were; the others are missing."""
    draws = draws_of(toy, 3)
    whole = toy.reader.predict(draws, N)
    wanted = {("first", "first_by5"), ("second", "second_time")}
    some = reader_of(toy.scenario, toy.series, wanted).predict(draws, N)
    keys = [(name, row.target) for name, row in rows_of(toy.scenario, toy.series)]
    for k, key in enumerate(keys):
        for left, right in zip(vars(some).values(), vars(whole).values(), strict=True):
            expected = right[:, k] if key in wanted else np.full(3, np.nan)
            assert np.array_equal(left[:, k], expected, equal_nan=True)


def test_held_out_targets_are_not_read_while_fitting(toy: Problem) -> None:
    """Nor checks: the design is blind to them."""
    found = toy.fitted_reader.predict(draws_of(toy, 2), N)
    for k, row in enumerate(toy.rows):
        assert np.isfinite(found.share[:, k]).all() == row.is_fitted
        assert not (row.held_out and np.isfinite(found.share[:, k]).any())


def test_published_patients_may_have_a_strategy_that_no_series_has(toy: Problem, tmp_path: Path) -> None:
    """They are not read here, and change nothing."""
    nothing = "strategies.nothing ="
    other = load_problem(write_toy(tmp_path, scenario=SCENARIO.replace(nothing, OTHER + nothing)))
    draws = draws_of(toy, 2)
    assert other.scenario.file.cases
    assert equal(other.reader.predict(draws, N), toy.reader.predict(draws, N))


def test_shares_are_those_of_the_law(toy: Problem) -> None:
    """The share ill by 5 years of tumours of 5 cm, and the median of survival as the share dead by then."""
    values = {"ill_shape": TRUTH["ill_shape"], "ill_scale": SCALE, "loghr_size": 0.0, "log_rate_death": -0.7}
    found = toy.reader.predict({id_: np.array([x]) for id_, x in values.items()}, 40_000)
    column = {row.target: k for k, row in enumerate(toy.rows)}
    t = np.linspace(0.0, 5.0, 20_001)
    h = TRUTH["ill_shape"] / SCALE * (np.maximum(t, 1e-9) / SCALE) ** (TRUTH["ill_shape"] - 1.0)
    density = h * np.exp(-((t / SCALE) ** TRUTH["ill_shape"]) - 0.02 * t)
    expected = float(np.trapezoid(density, t))
    assert found.share[0, column["first_by5"]] == pytest.approx(expected, abs=0.015)
    k = column["large_by5"]
    assert found.value[0, k] == pytest.approx(exp(-TRUTH["ill_h5"]), abs=0.015)
    assert found.value[0, k] == 1.0 - found.share[0, k]
    assert 0.5 < found.per_patient[0, k] < 1.0
    time = column["second_time"]
    assert found.patients[0, time] == pytest.approx(40_000 * found.share[0, column["second_by10"]])


def test_an_unknown_series_is_refused(toy: Problem) -> None:
    """By its name."""
    with pytest.raises(ScenarioError, match="unknown series 'frist'"):
        reader_of(toy.scenario, ["frist"])
