"""Probabilistic analysis: the same bits however it is done, true errors and intervals, parameters that arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling, simulate_batches
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.posterior import read_columns
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.psa import work as work_module
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.parameters import parameter_frame, repeated_rows
from lmssim.studies.sensitivity.psa.plan import largest_error, precision_of
from lmssim.studies.sensitivity.psa.result import TABLES, ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.study import compiled_work, planned
from tests.kit.models import HEAD, covariate, frame
from tests.kit.parameters import parameter_table
from tests.kit.plants import parameter
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmssim.execution.estimates import Estimates
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.psa.work import Work

SAMPLING = Sampling(n_patients=100, random_numbers="independent")
DRAWS = 60


def work_of(sampling: Sampling = SAMPLING, n_draws: int = DRAWS) -> Work:
    """Work on a small published model."""
    return work_module.Work(bundled_program("hiv"), sampling, n_draws)


def analysis_of(work: Work, path: Path) -> ProbabilisticAnalysis:
    """Analysis whose draws stand in a file."""
    return ProbabilisticAnalysis(work, collect(work, work.parts(), path), DrawnOutcomes(path, len(work.strategies)))


def assert_same(a: ProbabilisticAnalysis, b: ProbabilisticAnalysis) -> None:
    """Every table to the last bit."""
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), check_exact=True)


@pytest.mark.parametrize("random_numbers", ["independent", "common"])
@pytest.mark.parametrize("changed", [{"jobs": 2}, {"jobs": 2, "backend": "loky"}, {"block": 7}], ids=str)
def test_workers_change_no_bit(tmp_path: Path, random_numbers: str, changed: dict[str, object]) -> None:
    """Threads, processes and blocks, whether draws share their patients or not."""
    sampling = replace(SAMPLING, random_numbers=random_numbers)  # type: ignore[arg-type]
    first = analysis_of(work_of(sampling), tmp_path / "a.parquet")
    other = replace(sampling, **changed)  # type: ignore[arg-type]
    assert_same(first, analysis_of(work_of(other), tmp_path / "b.parquet"))


@pytest.mark.parametrize("sampling", [SAMPLING, replace(SAMPLING, random_numbers="common"), Sampling(engine="cohort")])
def test_how_draws_are_parted_changes_no_bit(
    tmp_path: Path, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part of all draws, or many of a few."""
    first = analysis_of(work_of(sampling), tmp_path / "a.parquet")
    monkeypatch.setattr(work_module, "LONGEST", 7)
    assert_same(first, analysis_of(work_of(sampling), tmp_path / "b.parquet"))


def test_draws_that_were_kept_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that stopped after some parts goes on from there, and gives what it gives in one piece."""
    monkeypatch.setattr(work_module, "LONGEST", 20)
    work = work_of()
    first = analysis_of(work, tmp_path / "a.parquet")
    parts = work.parts(Checkpoint(tmp_path / "kept", work.key()))
    for _ in range(2):
        next(parts)
    made: list[int] = []

    def counted(program: Program, sampling: Sampling, draws: Any, first: int, **more: Any) -> Iterator[Estimates]:
        made.append(first)
        return simulate_batches(program, sampling, draws, first, **more)

    monkeypatch.setattr(work_module, "simulate_batches", counted)
    again = collect(work, work.parts(Checkpoint(tmp_path / "kept", work.key())), tmp_path / "b.parquet")
    assert made == [40]
    np.testing.assert_array_equal(again.main, first.collected.main)


def test_kept_draws_are_those_of_the_same_work() -> None:
    """Another seed, other patients, profiles or strategies, or a parameter held at its base value: another key."""
    work = work_of()
    changes: list[dict[str, Any]] = [{"seed": 2}, {"n_patients": 101}, {"strategies": ("mono",)}, {"engine": "cohort"}]
    keys = [work.key(), *(work_of(replace(SAMPLING, **change)).key() for change in changes)]
    keys.append(work_of(replace(SAMPLING, engine="cohort", profiles=2)).key())
    held = compile_scenario(load_scenario("hiv", {"p_cd": 437 / 1749}))
    keys.append(replace(work, program=held).key())
    assert len(set(keys)) == len(keys)
    same: list[dict[str, Any]] = [{"jobs": 2}, {"backend": "loky"}, {"block": 7}]
    assert {work_of(replace(SAMPLING, **each)).key() for each in same} == {work.key()}


def test_patients_and_the_exact_solution_agree(tmp_path: Path) -> None:
    """Means within their errors, intervals nearly: patient noise is taken out of what patients give."""
    lives = analysis_of(work_of(replace(SAMPLING, n_patients=400), 400), tmp_path / "a.parquet")
    exact = analysis_of(work_of(Sampling(engine="cohort"), 400), tmp_path / "b.parquet")
    for name, noise in (("life_years", 0.3), ("cost", 0.1)):
        a, b = (each.increment("combination", name) for each in (lives, exact))
        assert b.noise == 0.0
        assert a.noise > noise
        assert a.mean == pytest.approx(b.mean, abs=4 * np.sqrt(a.noise) * a.se)
        assert a.high - a.low == pytest.approx(b.high - b.low, rel=0.12)
    assert exact.evpi["patient_noise_bias"].eq(0.0).all()


def test_the_file_of_draws_holds_what_tables_are_made_of(tmp_path: Path) -> None:
    """A row a draw and strategy; the mean over draws is the summary's; survival at time 0 is 1."""
    analysis = analysis_of(work_of(), tmp_path / "a.parquet")
    frame = analysis.results
    assert len(frame) == DRAWS * 2
    summary = analysis.summary
    for outcome in ("cost", "qalys", "cost:drugs", "os:5y"):
        means = frame.groupby("strategy", sort=False)[outcome].mean()
        found = summary[summary["outcome"] == outcome]
        assert list(found["strategy"]) == list(means.index)
        np.testing.assert_allclose(found["mean"], means, rtol=1e-12)
    bands = analysis.survival_bands
    assert (bands.loc[bands["time"] == 0.0, "mean"] == 1.0).all()
    assert (bands["low"] <= bands["mean"]).all()


def test_parameters_have_the_intervals_they_were_asked_to_have() -> None:
    """Of many draws: means within their errors, and ends near; Dirichlet shares have those of their beta."""
    found = parameter_frame(bundled_program("hiv"), work_of().draws(0, 4_000))
    assert set(found["source"]) == {
        "gamma",
        "lognormal",
        "dirichlet 'from_a'",
        "dirichlet 'from_b'",
        "dirichlet 'from_c'",
    }
    assert (np.abs(found["mean"] - found["asked_mean"]) < 4.5 * found["se"]).all()
    width = found["asked_high"] - found["asked_low"]
    assert (np.abs(found["high"] - found["asked_high"]) < 0.08 * width).all()
    assert (np.abs(found["low"] - found["asked_low"]) < 0.08 * width).all()


def test_common_random_numbers_tell_their_own_error(tmp_path: Path) -> None:
    """Draws that share a few patients share most of their error: what is printed is seen from seed to seed."""
    sampling = Sampling(n_patients=60, random_numbers="common")
    found = []
    for seed in range(1, 61):
        work = work_of(replace(sampling, seed=seed), 20)
        collected = collect(work, work.parts(), tmp_path / "draws.parquet")
        found.append(collected.net_benefit(20_000.0, 1, 0))
    seen = np.std([each.mean for each in found], ddof=1)
    assert np.sqrt(np.mean([each.se**2 for each in found])) == pytest.approx(seen, rel=0.3)


@pytest.mark.parametrize(
    ("sampling", "n_draws", "words"),
    [
        (replace(SAMPLING, n_patients=1), 10, "patients: 1 is not 2 or more"),
        (SAMPLING, 1, "draws: 1 is not from 2"),
        (SAMPLING, 10**7, "draws: 10,000,000 is not from 2"),
        (replace(SAMPLING, strategies=("monoo",)), 10, "'monoo'"),
    ],
)
def test_impossible_work_is_refused(sampling: Sampling, n_draws: int, words: str) -> None:
    """Before any of it is done."""
    with pytest.raises(InputError, match=words):
        compiled_work("hiv", sampling, n_draws)


def test_without_uncertainty_there_is_nothing_to_draw() -> None:
    """A scenario whose parameters are all fixed."""
    with pytest.raises(InputError, match="no parameter that the model uses is uncertain"):
        compiled_work(load_scenario("sick_sicker_dead"), SAMPLING, 10)


def test_an_impossible_draw_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any draw is run, however the draws are parted for the check."""
    monkeypatch.setattr(work_module, "CHECKED", 16)
    plant = parameter("c_stable", distribution="normal", value=300.0, p1=300.0, p2=120.0)
    scenario = plant(load_scenario("illness_death"), monkeypatch)
    first = int(np.argmax(compile_scenario(scenario).sample(2_000, 1)["c_stable"] < 0.0))
    assert first > 16
    with pytest.raises(InputError, match=rf"draw {first}, from .*c_stable"):
        compiled_work(scenario, SAMPLING, 2_000)


def test_a_draw_that_an_engine_refuses_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probability of a model in cycles, which is computed as patients walk."""
    plant = parameter("rr", distribution="normal", value=0.3, p1=0.3, p2=0.12)
    program = compile_scenario(plant(load_scenario("hiv"), monkeypatch))
    first = int(np.argmax(program.sample(200, 1)["rr"] < 0.0))
    work = work_module.Work(program, replace(SAMPLING, n_patients=10), 200)
    with pytest.raises(InputError, match=rf"cycle 1: the probability of '.*must lie from 0 to 1 \(draw {first}\)"):
        list(work.parts())


def test_posterior_rows_that_repeat_are_counted() -> None:
    """Of more draws than the file has rows."""
    program = bundled_program("cutaneous")
    rows = len(read_columns(program.scenario.groups["calibrated"].file or "", ["lr_scale"])[0])
    assert repeated_rows(program, rows) == {}
    assert repeated_rows(program, rows + 1) == {"calibrated": rows}


# === Precision ===


@pytest.mark.parametrize("text", ["inmb:300", "icer:0.05", "ceac:0.05"])
def test_a_plan_reaches_its_precision(tmp_path: Path, text: str) -> None:
    """The error that is printed afterwards is that which was asked for, nearly; the sentence says what it takes."""
    work, asked = work_of(), precision_of(text)
    found = planned(work, asked)
    analysis = analysis_of(found.applied(work), tmp_path / "draws.parquet")
    assert largest_error(analysis, asked) < 1.25 * asked.error
    assert f"Precision {text} takes {found.n_draws:,} draws x {found.n_patients:,} patients x 2" in found.sentence()


def test_exact_solutions_need_draws_alone() -> None:
    """Fewer than draws of patients do."""
    asked = precision_of("inmb:300")
    exact, lives = planned(work_of(Sampling(engine="cohort")), asked), planned(work_of(), asked)
    assert exact.n_patients == 0
    assert exact.n_draws <= lives.n_draws
    assert "solutions" in exact.sentence()


def test_a_plan_without_end_is_refused() -> None:
    """With what it would take."""
    with pytest.raises(InputError, match=r"inmb:0.01: .* draws x .* hours. At most 1,000,000 draws"):
        planned(work_of(), precision_of("inmb:0.01"))
    with pytest.raises(InputError, match="leave --random-numbers common out"):
        planned(work_of(replace(SAMPLING, random_numbers="common")), precision_of("inmb:300"))


@pytest.mark.parametrize("text", ["inmb", "inmb:", "imnb:5", "inmb:-1", "inmb:0", "ceac:2", "inmb:nan", "inmb:1e999"])
def test_a_precision_that_is_none_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(InputError, match=r"inmb"):
        precision_of(text)


# === The value of perfect information ===

TWO_NORMALS = frame(
    horizon=1.0,
    settings="wtp = [20000]\ncost_categories = ['care']",
    covariates=covariate("luck", "normal", mean=0, sd=10),
    strategies="[strategies.old]\nset = { treated = 0 }\n\n[strategies.new]",
)
ONE_STATE = """
[states.well]
initial = true
utility = 1
entry_cost.care = "200 + treated * (p2 - p1 + luck)"

[states.dead]
kind = "absorbing"
death = "disease"

[[transitions]]
from = "well"
to = "dead"
hazard = { family = "exponential", rate = 0.1 }
"""
ROWS = parameter_table("p1, 1, normal, 1, 1", "p2, 0, normal, 0, 2", "treated, 1")


@pytest.mark.parametrize("random_numbers", ["independent", "common"])
def test_the_value_of_perfect_information_of_a_scenario(tmp_path: Path, random_numbers: str) -> None:
    """A saving of p1 - p2, p1 ~ N(1, 1), p2 ~ N(0, 2): 0.4798, though patients differ by 10 and each draw has 20."""
    path = tmp_path / "two.toml"
    path.write_text(f"{HEAD}parameters = ['two.csv']\n{TWO_NORMALS}{ONE_STATE}")
    (tmp_path / "two.csv").write_text(ROWS)
    sampling = Sampling(n_patients=20, random_numbers=random_numbers)  # type: ignore[arg-type]
    found = analysis_of(compiled_work(path, sampling, 4_000), tmp_path / "draws.parquet")
    value = found.acceptability.perfect_information(20_000.0)
    if random_numbers == "independent":
        assert value.evpi == pytest.approx(0.4798107, abs=4 * value.se)
        assert value.with_patient_noise > 0.75
    share = found.increment("new", "cost").noise
    assert share == pytest.approx(0.5 if random_numbers == "independent" else 0.0, abs=0.05)
