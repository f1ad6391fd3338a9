"""Scenario analysis: each option beside the base case, on the same patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.report.sensitivity.switches import case_label, plot_switches, switch_table_text
from lmssim.studies.sensitivity.switches import SwitchStudy, run_switches
from tests.kit.examples import SWITCHED

if TYPE_CHECKING:
    from pathlib import Path

SAMPLING = Sampling(n_patients=4_000)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drug that prolongs life, with switches on its effect, its price and nothing."""
    path = tmp_path_factory.mktemp("switches") / "small.toml"
    path.write_text(SWITCHED)
    return path


@pytest.fixture(scope="module")
def study(path: Path) -> SwitchStudy:
    """All of its options."""
    return run_switches(path, SAMPLING)


def test_every_other_option_runs_once(study: SwitchStudy) -> None:
    """In file order, after the base case; a row for each strategy."""
    names = [("effect", "null"), ("effect", "better"), ("price", "low"), ("idle", "b")]
    assert [(case.switch, case.option) for case in study.cases] == names
    frame = study.to_frame()
    assert len(frame) == 5 * 4
    assert list(frame["option"][:4]) == ["base case"] * 4
    assert frame["switch"][0] == ""


def test_the_base_case_is_that_of_a_run(study: SwitchStudy, path: Path) -> None:
    """Means and errors of outcomes and increments, but for the order of sums and the size of batches."""
    evaluation = evaluate(load_scenario(path), SAMPLING)
    for strategy in evaluation.strategies:
        cost, qalys = (study.increment(study.base, strategy, o) for o in ("cost", "qalys"))
        assert cost.mean == pytest.approx(evaluation.increment(strategy, "cost").mean, rel=1e-9, abs=1e-9)
        assert qalys.mean == pytest.approx(evaluation.increment(strategy, "qalys").mean, rel=1e-9, abs=1e-12)
        inmb = evaluation.incremental_net_benefit(strategy, 5000)
        assert study.increment(study.base, strategy, 5000.0).mean == pytest.approx(inmb.mean, rel=1e-9, abs=1e-9)
        assert study.increment(study.base, strategy, 5000.0).se == pytest.approx(inmb.se, rel=0.35, abs=1e-9)


def test_an_option_is_the_run_with_that_option(study: SwitchStudy, path: Path) -> None:
    """The same patients with the same luck."""
    evaluation = evaluate(load_scenario(path, switches={"effect": "better"}), SAMPLING)
    case = study.cases[1]
    assert study.estimate(case, "drug", "qalys").mean == pytest.approx(evaluation.mean("qalys")[1], rel=1e-12)


def test_changes_have_a_known_sign_and_size(study: SwitchStudy) -> None:
    """A price moves cost alone and without noise; no effect leaves no benefit; what is idle changes nothing."""
    null, better, price, idle = study.cases
    assert study.change(price, "drug", "cost").mean == pytest.approx(-1000.0, rel=1e-9)
    assert study.change(price, "drug", "cost").se < 1e-9
    assert study.change(price, "drug", "qalys").mean == 0.0
    assert study.change(price, "drug", 5000.0).mean == pytest.approx(1000.0)
    assert study.increment(null, "drug", "qalys").mean == pytest.approx(0.0, abs=1e-12)
    assert study.change(null, "drug", 5000.0).mean < 0 < study.change(better, "drug", 5000.0).mean
    assert 0 < study.change(better, "some", 5000.0).mean < study.change(better, "drug", 5000.0).mean
    assert study.change(idle, "drug", 5000.0) == (0.0, 0.0)
    assert study.change(better, "none", 5000.0).mean == 0.0


def test_the_error_of_a_change_is_that_of_paired_patients(path: Path) -> None:
    """As the spread over independent seeds says, and well below what unpaired results would have."""
    found = [run_switches(path, Sampling(n_patients=1024, seed=seed)) for seed in range(24)]
    changes = [study.change(study.cases[1], "drug", 5000.0) for study in found]
    spread, said = np.std([c.mean for c in changes], ddof=1), np.mean([c.se for c in changes])
    assert said == pytest.approx(spread, rel=0.5)  # 24 seeds tell a spread to 15%
    both = [np.hypot(s.increment(s.base, "drug", 5000.0).se, s.increment(s.cases[1], "drug", 5000.0).se) for s in found]
    assert said < 0.5 * np.mean(both)


def test_the_best_strategy_is_found_among_choices(study: SwitchStudy) -> None:
    """What the decision would be: never a mix of practice."""
    null, better, _, _ = study.cases
    assert study.best(null, 5000.0) == "none"
    assert study.best(better, 5000.0) == "drug"
    frame = study.to_frame().set_index(["option", "strategy"])
    assert frame.loc[("better", "drug"), "best:5000"]
    assert frame["best:5000"].groupby("option").sum().eq(1).all()


def test_columns_agree_with_each_other(study: SwitchStudy) -> None:
    """Net benefits are made of costs and QALYs, changes of increments."""
    frame = study.to_frame()
    np.testing.assert_allclose(frame["nmb:1000"], 1000 * frame["qalys"] - frame["cost"], rtol=1e-9)
    inmb = 1000 * frame["incremental_qalys"] - frame["incremental_cost"]
    np.testing.assert_allclose(frame["inmb:1000"], inmb, rtol=1e-9, atol=1e-9)
    base = frame[frame["option"] == "base case"].set_index("strategy")["inmb:1000"]
    change = frame["inmb:1000"] - frame["strategy"].map(base)
    np.testing.assert_allclose(frame["change_inmb:1000"], change, atol=1e-9)
    drug = frame["strategy"] == "drug"
    gained = drug & (frame["incremental_qalys"].abs() > 1e-9)
    icer = frame["incremental_cost"] / frame["incremental_qalys"]
    np.testing.assert_allclose(frame.loc[gained, "icer"], icer[gained], rtol=1e-9)
    assert frame.loc[drug & ~gained, "icer"].isna().all()


def test_the_base_case_may_stand_elsewhere(path: Path) -> None:
    """Then the default is among the alternatives."""
    moved = run_switches(path, SAMPLING, switches={"effect": "null"}, strategies=["drug"])
    assert ("effect", "good") in [(case.switch, case.option) for case in moved.cases]
    assert moved.increment(moved.base, "drug", "qalys").mean == pytest.approx(0.0, abs=1e-12)
    assert moved.shown == moved.compared == ["drug"]


def test_workers_do_not_matter(path: Path, study: SwitchStudy) -> None:
    """Bit for bit."""
    many = run_switches(path, Sampling(n_patients=4_000, jobs=2, block=64))
    assert many.to_frame().equals(study.to_frame())


@pytest.mark.parametrize(
    ("sampling", "strategies", "message"),
    [
        (Sampling(n_patients=100), [], "patients: 100 are too few to estimate errors; 1024 or more are needed"),
        (Sampling(engine="cohort"), [], "engine 'cohort' has no patients to pair"),
        (SAMPLING, ["drugs"], "--strategies: unknown strategy 'drugs'. Did you mean 'drug'?"),
    ],
)
def test_bad_requests_are_refused(path: Path, sampling: Sampling, strategies: list[str], message: str) -> None:
    """With a way out."""
    with pytest.raises(InputError) as refused:
        run_switches(path, sampling, strategies=strategies)
    assert message in str(refused.value)


def test_an_option_may_not_change_who_is_compared(path: Path) -> None:
    """It could not be set beside the base case."""
    other = path.with_name("other.toml")
    other.write_text(SWITCHED + "[switches.idle.options.b.change.strategies.new]\n")
    with pytest.raises(InputError, match=r"switches.idle.options.b: it changes the strategies"):
        run_switches(other, SAMPLING)


def test_table_and_figure_show_every_option(study: SwitchStudy) -> None:
    """With labels, the base case first, and no bar for what changes nothing."""
    table = switch_table_text(study)
    assert table.row_count == 5
    labels = [case_label(study, case) for case in study.cases]
    assert labels[0] == "Effect of the drug: no effect"
    figure = plot_switches(study)
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert set(ticks) == set(labels[:3])
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["drug", "some", "practice"]
    assert len(figure.axes[0].patches) == 3
