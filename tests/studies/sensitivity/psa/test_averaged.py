"""Structural averaging: each draw is that of its option alone, options have their weights, and averages add up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.psa import work as work_module
from lmssim.studies.sensitivity.psa.averaged import AveragedWork, averaged_work
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.result import AVERAGING, TABLES, ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.work import Work
from tests.kit.models import DEAD, DEEP, HEAD, OS, exponential, frame, move, start, strategy
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

DRAWS = 60
STRATEGIES = strategy("usual", set={"on": 0.0}) + strategy("new", set={"on": 1.0})
SWITCHES = """
[switches.effect]
default = "trial"
average = { weights = { trial = 0.5, none = "1 / 3", twice = "1 / 6" }, justification = "An example." }

[switches.effect.options.trial]

[switches.effect.options.none]
label = "no effect"
set = { effect = 0 }

[switches.effect.options.twice]
set = { effect = "2 * effect" }

[switches.shape]
default = "exponential"

[switches.shape.options.exponential]

[switches.shape.options.worse]
change.states.alive.utility = 0.5

[switches.discounting]
default = "stated"
options.stated = {}
options.none.change.settings.discount_rate_costs = 0
"""
BOTH = {"effect": None, "shape": {"exponential": 0.75, "worse": 0.25}}
SOLVED = Sampling(engine="cohort", profiles=4)
PATIENTS = Sampling(n_patients=40, random_numbers="independent")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uncertain effect on a hazard, and two things that are not known of the structure."""
    folder = tmp_path_factory.mktemp("averaged")
    (folder / "p.csv").write_text(
        parameter_table("on, 0", "effect, -0.5, normal, -0.5, 0.1", "care, 100, normal, 100, 10")
    )
    text = frame(10.0, covariates=DEEP, strategies=STRATEGIES, settings='wtp = [1000]\ncomparator = "usual"')
    hazard = exponential("0.2 * exp(on * effect * (1 + deep))")
    lives = start("alive", utility=1.0, cost_per_year={"total": "care"}) + DEAD + move("alive", "dead", hazard)
    found = folder / "test.toml"
    found.write_text(HEAD + "parameters = ['p.csv']\n" + text + lives + OS + SWITCHES)
    return found


def work_of(path: Path, sampling: Sampling = PATIENTS, asked: Any = BOTH, n_draws: int = DRAWS) -> AveragedWork:
    """Work averaged over both switches."""
    return averaged_work(path, asked, sampling, n_draws)


def analysed(work: Work, place: Path) -> ProbabilisticAnalysis:
    """An analysis whose draws stand in a file."""
    return ProbabilisticAnalysis(work, collect(work, work.parts(), place), DrawnOutcomes(place, len(work.strategies)))


@pytest.mark.parametrize("sampling", [PATIENTS, replace(PATIENTS, random_numbers="common"), SOLVED], ids=str)
def test_a_draw_is_that_of_its_option_alone(path: Path, tmp_path: Path, sampling: Sampling) -> None:
    """Bit for bit, outcomes and parameters, whether draws share patients or are solved."""
    work = work_of(path, sampling)
    averaged = analysed(work, tmp_path / "a.parquet")
    options = work.options(0, DRAWS)
    seen = set()
    for effect, shape in {*zip(options["effect"], options["shape"], strict=True)}:
        alone = Work(
            compile_scenario(load_scenario(path, switches={"effect": effect, "shape": shape})), sampling, DRAWS
        )
        own = analysed(alone, tmp_path / "b.parquet")
        have = (np.array(options["effect"]) == effect) & (np.array(options["shape"]) == shape)
        seen.add((effect, shape))
        assert (averaged.collected.main[have] == own.collected.main[have]).all()
        for name in ("effect", "care"):
            assert (averaged.draws[name][have] == own.draws[name][have]).all()
    assert len(seen) >= 4


def test_options_have_their_weights() -> None:
    """Within four standard errors in many draws, and independently of one another."""
    from lmssim.model.parameters.averaging import Averaging

    weights = {"a": {"x": 0.5, "y": 0.3, "z": 0.2}, "b": {"x": 0.9, "w": 0.1}}
    averaging = Averaging(weights, {})
    options = averaging.options(20_000, 1)
    for switch, option, had in averaging.had(options):
        p = weights[switch][option]
        assert abs(had.mean() - p) < 4.0 * np.sqrt(p * (1.0 - p) / 20_000)
    both = np.mean([a == "y" and b == "w" for a, b in zip(options["a"], options["b"], strict=True)])
    assert abs(both - 0.03) < 4.0 * np.sqrt(0.03 * 0.97 / 20_000)
    assert averaging.options(5, 1, 100)["a"] == options["a"][100:105]
    assert Averaging({"b": weights["b"]}, {}).options(50, 1)["b"] == options["b"][:50]


def test_workers_parts_and_interruptions_change_no_bit(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads, processes, blocks, parts of few draws, and work that goes on from what was kept."""
    first = analysed(work_of(path), tmp_path / "a.parquet")
    monkeypatch.setattr(work_module, "LONGEST", 7)
    work = work_of(path, replace(PATIENTS, jobs=2, backend="loky", block=7))
    parts = work.parts(Checkpoint(tmp_path / "kept", work.key()))
    for _ in range(3):
        next(parts)
    place = tmp_path / "b.parquet"
    collected = collect(work, work.parts(Checkpoint(tmp_path / "kept", work.key())), place)
    other = ProbabilisticAnalysis(work, collected, DrawnOutcomes(place, len(work.strategies)))
    for name in (*TABLES, AVERAGING):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(other, name), check_exact=True)


def test_other_weights_are_other_work(path: Path) -> None:
    """What was kept with other weights, or of other switches, is not gone on from."""
    keys = {
        work_of(path, asked=asked, n_draws=4).key()
        for asked in ({"effect": None}, {"effect": {"trial": 0.9, "none": 0.1}}, BOTH)
    }
    assert len(keys) == 3


def test_the_average_is_that_of_the_options(path: Path, tmp_path: Path) -> None:
    """Means of the options, weighted by the draws that have them, add up to the mean of all."""
    frame_ = analysed(work_of(path, SOLVED), tmp_path / "a.parquet").averaging
    gain = frame_[(frame_["strategy"] == "new") & (frame_["outcome"] == "inmb:1000")]
    total = gain[gain["option"] == "all"].iloc[0]
    for switch in ("effect", "shape"):
        part = gain[gain["switch"] == switch]
        assert part["weight"].sum() == pytest.approx(1.0)
        assert (part["mean"] * part["draws"]).sum() / DRAWS == pytest.approx(total["mean"], rel=1e-9)
    none = gain[gain["option"] == "none"].iloc[0]
    assert none["label"] == "no effect"
    assert abs(none["mean"]) < 1e-6  # without an effect the strategies are the same
    assert not none["optimal"] or none["probability"] == pytest.approx(0.5)


def test_a_strategy_is_behind_by_paired_draws(path: Path, tmp_path: Path) -> None:
    """Of the same draws: in an option without an effect, where strategies are the same, by nothing and no error."""
    frame_ = analysed(work_of(path), tmp_path / "a.parquet").averaging
    at = frame_[frame_["outcome"] == "inmb:1000"]
    for option in ("all", "trial"):
        rows = at[at["option"] == option]
        optimal = rows["optimal"].astype(bool)
        (least,), (new,) = (each.to_dict("records") for each in (rows[~optimal], rows[rows["strategy"] == "new"]))
        assert least["behind"] == pytest.approx(abs(new["mean"]))
        assert least["behind_se"] == pytest.approx(new["se"])
        assert rows.loc[optimal, "behind"].tolist() == [0.0]
    assert at.loc[at["option"] == "none", "behind"].abs().max() < 1e-9


def test_parameters_tell_how_many_draws_have_an_option(path: Path, tmp_path: Path) -> None:
    """Weights as they were asked for, and shares of the draws."""
    analysis = analysed(work_of(path, SOLVED), tmp_path / "a.parquet")
    rows: dict[str, Any] = analysis.parameters.set_index("id").to_dict("index")  # type: ignore[assignment]
    assert rows["effect=none"]["asked_mean"] == pytest.approx(1.0 / 3.0)
    assert rows["effect=trial"]["base_case"] == 1.0
    shares = [rows[f"effect={option}"]["mean"] for option in ("trial", "none", "twice")]
    assert sum(shares) == pytest.approx(1.0)
    assert rows["effect"]["low"] < -0.6 < rows["effect"]["high"] <= 0.0  # 0 in draws without an effect


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"efect": None}, "unknown switch 'efect'"),
        ({"shape": None}, "states no weights"),
        ({"effect": {"trial": 0.5, "nothing": 0.5}}, "unknown option 'nothing'"),
        ({"effect": {"trial": 0.5, "none": 0.4}}, "add up to 0.9"),
        ({"effect": {"trial": 1.5, "none": -0.5}}, "1.5 is not a weight from 0 to 1"),
        ({"effect": {"trial": float("nan"), "none": 1.0}}, "nan is not a weight"),
        ({"effect": {"trial": 1.0, "none": 0.0}}, "an average takes two or more"),
        ({"effect": {}}, "add up to 0"),
        ({"discounting": {"stated": 0.5, "none": 0.5}}, "a choice of method"),
    ],
)
def test_what_cannot_be_averaged_is_refused(path: Path, asked: Any, said: str) -> None:
    """Before any draw, with what is wrong."""
    with pytest.raises(InputError, match=said):
        work_of(path, asked=asked)


def test_a_switch_is_held_or_averaged(path: Path) -> None:
    """Not both."""
    with pytest.raises(InputError, match="is held at 'none'"):
        averaged_work(path, {"effect": None}, PATIENTS, 4, switches={"effect": "none"})


def test_options_that_change_the_outcomes_are_refused(path: Path, tmp_path: Path) -> None:
    """A program with another endpoint has no average with the others."""
    text = path.read_text() + '\n[switches.more]\ndefault = "no"\noptions.no = {}\n'
    text += 'options.yes.change.endpoints.PFS = { events = ["dead"], kind = "survival" }\n'
    (tmp_path / "p.csv").write_text((path.parent / "p.csv").read_text())
    other = tmp_path / "test.toml"
    other.write_text(text)
    with pytest.raises(InputError, match="has other endpoints"):
        averaged_work(other, {"more": {"no": 0.5, "yes": 0.5}}, PATIENTS, 4)


def test_an_impossible_draw_is_named(path: Path) -> None:
    """With its number, of the program that has it."""
    with pytest.raises(InputError, match=r"draw \d+"):
        averaged_work(path, {"effect": None}, PATIENTS, 30, overrides={"care": float("-1e3")})
