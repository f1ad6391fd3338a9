"""Global sensitivity of a linear model with a correlated block, whose answers are known; bits; what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.studies.sensitivity.sobol.asked import Asked
from lmssim.studies.sensitivity.sobol.study import Study
from tests.kit.global_functions import shapley_of_pair
from tests.kit.linear import CORRELATION, SDS, WTP, linear_program
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity

FEW = Sampling(n_patients=16, counting=False)
"""The linear model has no chance but that of the factors."""
GAIN_X, EXTRA_Y = WTP * SDS["gain_x"], -1_000.0 * SDS["extra_y"]
PAIR = GAIN_X**2 + EXTRA_Y**2 + 2.0 * CORRELATION * GAIN_X * EXTRA_Y
PARTS = {
    "pair": PAIR,
    "gain_a": (WTP * SDS["gain_a"]) ** 2,
    "gain_b": (WTP * SDS["gain_b"]) ** 2,
    "price": SDS["price"] ** 2,
    "idle": 0.0,
}
"""Variance of net benefit by block."""
SINGLE = {name: [name] for name in ("gain_a", "gain_b", "price", "idle")}
ASKED = Asked(strategy="new", rows=1_024, trajectories=100, groups=SINGLE, block="pair")
OUTCOME = f"inmb:{WTP:g}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The linear model."""
    return linear_program(tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def found(program: Program) -> GlobalSensitivity:
    """Each independent parameter and the pair as factors."""
    return Study(program, FEW, ASKED).run()


def test_indices_are_those_of_the_closed_form(found: GlobalSensitivity) -> None:
    """The block's too, all within 4 errors and 0.03; first-order and total ones, as nothing interacts."""
    rows = {row.factor: row for row in found.sobol_rows(OUTCOME)}
    assert set(rows) == set(PARTS)
    for name, part in PARTS.items():
        true = part / sum(PARTS.values())
        assert abs(rows[name].first - true) < min(4.0 * rows[name].first_se + 1e-9, 0.03)
        assert abs(rows[name].total - true) < min(4.0 * rows[name].total_se + 1e-9, 0.03)
    sd = found.variance.set_index("outcome").loc[OUTCOME, "sd"]
    assert sd == pytest.approx(sum(PARTS.values()) ** 0.5, rel=0.03)
    assert found.variance["patients"].abs().max() < 1e-9


def test_the_screening_is_that_of_the_closed_form(found: GlobalSensitivity) -> None:
    """Mean absolute changes within 4 errors; price lowers net benefit; the idle parameter moves nothing."""
    rows = {row.block: row for row in found.screening_rows(OUTCOME)}
    for name, part in PARTS.items():
        true = 2.0 / np.sqrt(np.pi) * np.sqrt(part)
        assert abs(rows[name].mu_star - true) < 4.0 * rows[name].mu_star_se + 1e-6
    assert rows["price"].mu == pytest.approx(-rows["price"].mu_star)
    assert np.isnan(rows["pair"].mu)
    assert list(rows)[-1] == "idle"


def test_errors_of_the_screening_hold_the_chance_of_patients() -> None:
    """Over 30 seeds of a simulated model the spread of each statistic is its printed error, within 30%."""
    program = bundled_program("illness_death")
    asked, told = Asked(strategy="new", rows=0, trajectories=40, wtps=[20_000.0]), []
    for seed in range(1, 31):
        found = Study(program, Sampling(n_patients=64, seed=seed, counting=False), asked).run()
        rows = sorted(found.screening_rows("inmb:20000"), key=lambda row: row.block)
        told.append([(r.mu_star, r.mu, r.sigma, r.mu_star_se, r.mu_se, r.sigma_se) for r in rows])
    statistics, errors = np.split(np.array(told), 2, axis=2)
    ratio = statistics.std(axis=0, ddof=1) / np.sqrt((errors**2).mean(axis=0))
    assert (np.abs(ratio - 1.0) < 0.3).all()


def test_shapley_effects_divide_the_block(found: GlobalSensitivity) -> None:
    """Owen and Prieur's closed form within 4 errors; the surrogate has all of the block, within 0.1."""
    rows = {row.part: row for row in found.shapley_rows(OUTCOME)}
    for name, true in zip(("gain_x", "extra_y"), shapley_of_pair(GAIN_X, EXTRA_Y, CORRELATION), strict=True):
        assert abs(rows[name].effect - true) < 4.0 * rows[name].effect_se
    check = found.check_row(OUTCOME)
    assert abs(check.r2 - check.first) < 4.0 * check.first_se


def test_factors_by_kind(program: Program) -> None:
    """Without declared ones: the block, then parameters by unit or name; parameters of no kind together."""
    factors = Study(program, FEW, Asked(strategy="new", rows=2)).factors
    assert {factor.name: factor.members for factor in factors} == {
        "pair": ["gain_x", "extra_y"],
        "price": ["price"],
        "other parameters": ["gain_a", "gain_b", "idle"],
    }


def test_the_exact_engine_agrees(program: Program, found: GlobalSensitivity) -> None:
    """The linear model has no chance, so that solving and simulating give the same indices, to 1e-6."""
    exact = Study(program, Sampling(engine="cohort", profiles=1), replace(ASKED, rows=4, trajectories=0)).run()
    few = Study(program, FEW, replace(ASKED, rows=4, trajectories=0)).run()
    np.testing.assert_allclose(exact.sobol["total"], few.sobol["total"], atol=1e-6)
    assert exact.plan.n_patients == 0


@pytest.mark.parametrize("workers", [{"jobs": 2, "block": 64}, {"jobs": 7}])
def test_bits_do_not_depend_on_workers(workers: dict[str, Any]) -> None:
    """A simulated model on 1, 2 and 7 workers."""
    program = bundled_program("illness_death")
    asked = Asked(strategy="new", rows=8, trajectories=2)
    one, many = (Study(program, Sampling(n_patients=100, counting=False, **how), asked).run() for how in ({}, workers))
    for name in one.tables:
        assert one.frame(name).equals(many.frame(name))


class _StoppedError(Exception):
    """The user has had enough."""


def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path: Any) -> None:
    """Whatever was kept is not made again."""
    program = bundled_program("illness_death")
    sampling = Sampling(n_patients=2_000, counting=False)
    asked = Asked(strategy="new", rows=64, trajectories=4)
    whole = Study(program, sampling, asked).run()
    kept = Checkpoint(tmp_path, "key")
    study = Study(program, sampling, asked, kept)

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "Sobol' indices" and 0 < done < total:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        study.run(stop)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) >= 2
    again = study.run()
    for name in whole.tables:
        assert again.frame(name).equals(whole.frame(name))
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before


def test_what_is_kept_is_told_by_all_that_decides_it(program: Program) -> None:
    """Patients, seed, and the profiles of an exact solution; not workers."""
    exact = Sampling(engine="cohort", profiles=1)
    changed = [replace(FEW, n_patients=17), replace(FEW, seed=2), exact, replace(exact, profiles=2)]
    keys = [repr(Study(program, each, ASKED).key()) for each in (FEW, *changed)]
    assert len(set(keys)) == len(keys)
    assert repr(Study(program, replace(FEW, jobs=2, block=64), ASKED).key()) == keys[0]


def test_levels_of_a_posterior_are_whole_rows() -> None:
    """Every evaluation has a row of the file, and one factor takes all of it."""
    program = bundled_program("extremity")
    study = Study(program, FEW, Asked(strategy="neoadj_rt", rows=8, trajectories=0))
    group = program.scenario.groups["calibrated"]
    rows = {row.tobytes() for row in np.column_stack(group.sample(group.n_rows, 1))}
    draws = study._evaluations(FEW, study.factors).draws(study.design)
    drawn = np.column_stack([draws[member] for member in group.members])
    assert {row.tobytes() for row in drawn} <= rows
    whole = drawn.reshape(8, len(study.factors) + 2, -1)
    assert study.factors[0].name == "calibrated"
    assert (whole[:, 1] == whole[:, -1]).all()
    assert (whole[:, 2:-1] == whole[:, :1]).all()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"groups": {"x": ["gain_x"]}}, "no index of 'gain_x': it is drawn with multivariate normal 'pair'"),
        ({"groups": {"x": ["gain_*"]}}, "no index of 'gain_x'"),
        ({"groups": {"x": ["gian_a"]}}, "unknown uncertain parameter 'gian_a'"),
        ({"groups": {"x": ["gain_a"], "y": ["gain_a", "price"]}}, "'gain_a' is in 'x' too"),
        ({"groups": {"all": ["*"]}}, "every uncertain parameter is in one factor, 'all'"),
        ({"rows": 100}, "--rows 100: a Sobol' sequence is balanced at powers of 2: give 64 or 128"),
        ({"rows": 1}, "--rows 1: no error can be told from one row"),
        ({"rows": 0, "trajectories": 0}, "nothing is left to do"),
        ({"block": "pare"}, "unknown block that is drawn jointly 'pare'"),
        ({"block": "pair", "parts": {"x": ["price"]}}, "unknown parameter of 'pair' 'price'"),
        ({"block": "pair", "parts": {"x": ["gain_x", "extra_y"]}}, "1 part; from 2 to 8 are divided"),
        ({"parts": {"x": ["gain_x"]}}, "--part: divides the block of --shapley"),
        ({"block": "pair", "rows": 0}, "--shapley pair: is fitted to the evaluations of --rows"),
        ({"strategy": "old"}, "--strategy old: is what it would be compared with"),
    ],
)
def test_questions_without_a_meaning_are_refused(program: Program, asked: dict[str, Any], said: str) -> None:
    """With the reason, before anything is run."""
    with pytest.raises(InputError) as refused:
        Study(program, FEW, Asked(**{"strategy": "new", "rows": 4, **asked})).validate()
    assert said in str(refused.value)


def test_too_many_factors_are_refused() -> None:
    """16 declared ones."""
    program = bundled_program("extremity")
    alone = [block.name for block in Study(program, FEW, Asked()).blocks if not block.joint][:16]
    with pytest.raises(InputError, match="18 factors; at most 15"):
        Study(program, FEW, Asked(groups={name: [name] for name in alone})).validate()


def test_too_few_patients_are_refused(program: Program) -> None:
    """Sets of patients need two each."""
    with pytest.raises(InputError, match="patients: 15 are too few"):
        Study(program, replace(FEW, n_patients=15), ASKED).validate()
