"""Numbered scenario analyses: each is the run with what it changes, against the base case on the same patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmssim.cli.sensitivity.shared import Source
from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.report.sensitivity.scenarios.shown import _numbers, plot_scenarios, sentences
from lmssim.studies.sensitivity.paired.runs import Drawn, at_values
from lmssim.studies.sensitivity.scenarios.numbered import chosen, numbered
from lmssim.studies.sensitivity.scenarios.study import run_scenarios
from tests.kit.linear import MEANS, WTP, linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.scenarios.numbered import Numbered
    from lmssim.studies.sensitivity.scenarios.result import ScenarioStudy

ANALYSES = """
[analyses.7]
label = "The list price"
set = { price = 2500 }
justification = "The price was negotiated."
category = "costs"

[analyses.2]
label = "A wider perspective"
change.settings.wtp = [40000]
switches = { gain = "half" }
justification = "Committees ask for it."

[switches.gain]
label = "Gain"
default = "full"
options.full.label = "as found"
options.half = { label = "half of it", set = { gain_a = 0.025 }, reason = "Effects shrink." }
options.none = { label = "none", set = { gain_a = 0 } }
"""
MADE: dict[str, object] = {"draws": 0, "patients": 2_048, "exact": False}
SAMPLING = Sampling(n_patients=2_048)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The linear model with two analyses, and a switch with two other options."""
    path = linear_path(tmp_path_factory.mktemp("linear"))
    path.write_text(path.read_text() + ANALYSES)
    return path


@pytest.fixture(scope="module")
def found(path: Path) -> ScenarioStudy:
    """All of them."""
    source = Source(str(path), {}, {})

    def load(each: Numbered) -> Program:
        return source.program(each.set, each.switches, each.change)

    whole = source.program({})
    return run_scenarios(at_values(whole, SAMPLING), numbered(whole.scenario), load, [WTP], MADE)


def test_numbers_are_those_of_the_file_and_options_come_behind(path: Path) -> None:
    """In order; each says what it changes and why."""
    every = numbered(load_scenario(path))
    assert [each.number for each in every] == [2, 7, 8, 9]
    assert [each.label for each in every[2:]] == ["Gain: half of it", "Gain: none"]
    assert every[0].changes == "gain = half; settings.wtp = [40000]"
    assert every[1].changes == "price = 2500"
    assert every[2].justification == "Effects shrink."


def test_each_analysis_is_the_run_with_what_it_changes(found: ScenarioStudy, path: Path) -> None:
    """The same patients: to the last digits but for the order of sums."""
    expected = {
        2: load_scenario(path, switches={"gain": "half"}),
        7: load_scenario(path, {"price": 2500.0}),
        9: load_scenario(path, switches={"gain": "none"}),
    }
    for case in found.cases:
        if case.about.number in expected:
            run = evaluate(expected[case.about.number], SAMPLING)
            mean = run.incremental_net_benefit("new", WTP).mean
            assert found.increment(case, "new", WTP).mean == pytest.approx(mean, rel=1e-9, abs=1e-6)


def test_changes_are_known_and_without_noise(found: ScenarioStudy) -> None:
    """A price moves net benefit by itself, half of the gain by what it is worth."""
    by_number = {case.about.number: case for case in found.cases}
    assert found.change(by_number[7], "new", WTP).mean == pytest.approx(MEANS["price"] - 2_500.0)
    assert found.change(by_number[8], "new", WTP).mean == pytest.approx(-WTP * 0.025)
    assert max(found.change(case, "new", WTP).se for case in found.cases) < 1e-6
    assert found.change(found.base, "new", WTP) == (0.0, 0.0)


def test_one_table_holds_them_all(found: ScenarioStudy) -> None:
    """A row for each analysis and strategy; the decision of each."""
    frame = found.scenarios
    assert list(frame["number"].unique()) == [0, 2, 7, 8, 9]
    best = frame[frame[f"best:{WTP:g}"]].set_index("number")["strategy"]
    assert dict(best) == {0: "new", 2: "new", 7: "old", 8: "new", 9: "new"}
    assert "another one is in 1 of 4 scenario analyses (number 7)" in sentences(found)[0]
    assert [text.get_text()[:1] for text in plot_scenarios(found).get_yticklabels()] == ["2", "7", "8", "9"]


def test_a_lead_within_error_is_open(path: Path, tmp_path: Path) -> None:
    """At a price at which both strategies are worth the same in expectation; such an analysis is counted apart."""
    (tmp_path / "linear.csv").write_text((path.parent / "linear.csv").read_text())
    near = tmp_path / "near.toml"
    near.write_text(path.read_text() + ANALYSES.partition("[analyses.2]")[0].replace("7", "3").replace("2500", "1700"))
    source = Source(str(near), {}, {})
    whole = source.program({})
    analyses = [each for each in numbered(whole.scenario) if each.number in (3, 7)]
    runs = Drawn(whole, Sampling(n_patients=4), 64)
    found = run_scenarios(runs, analyses, lambda each: source.program(each.set), [WTP, WTP + 1.0], MADE)
    by_number = {case.about.number: case for case in found.cases}
    assert abs(found.increment(by_number[3], "new", WTP).mean) < 300.0
    assert (found.is_open(by_number[3], WTP), found.is_other(by_number[3], WTP)) == (True, False)
    assert (found.is_open(by_number[7], WTP), found.is_other(by_number[7], WTP)) == (False, True)
    assert found.scenarios.groupby("number")[f"open:{WTP:g}"].all().to_dict() == {0: False, 3: True, 7: False}
    said = sentences(found)
    assert said[0].startswith(
        "At 20,000 and 20,001 per QALY new is the best strategy in the base case; another one is in"
    )
    assert "1 of 2 scenario analyses (number 7); noise leaves it open in 1 (number 3)" in said[0]


def test_a_change_by_rounding_alone_is_none(path: Path, tmp_path: Path) -> None:
    """A parameter held at the value that it has: 0, not the last digits of sums."""
    (tmp_path / "linear.csv").write_text((path.parent / "linear.csv").read_text())
    same = tmp_path / "same.toml"
    same.write_text(path.read_text().replace("price = 2500", "price = 500.0000000000001"))
    source = Source(str(same), {}, {})
    whole = source.program({})
    analyses = chosen(whole.scenario, [7])
    found = run_scenarios(at_values(whole, SAMPLING), analyses, lambda each: source.program(each.set), [WTP], MADE)
    assert found.change(found.cases[0], "new", WTP) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([1], "1"), ([1, 2], "1 and 2"), ([1, 2, 3, 5], "1 to 3 and 5"), ([2, 4, 5, 6], "2 and 4 to 6")],
)
def test_numbers_that_follow_each_other_are_told_by_their_ends(numbers: list[int], said: str) -> None:
    """Forty-eight of them would be no sentence."""
    assert _numbers(numbers) == said


def test_numbers_that_are_not_there_are_refused(path: Path) -> None:
    """With those that are; and a scenario without any."""
    scenario = load_scenario(path)
    assert [each.number for each in chosen(scenario, [7])] == [7]
    with pytest.raises(InputError, match="unknown number '3'"):
        chosen(scenario, [3])
    with pytest.raises(InputError, match="neither"):
        chosen(load_scenario("illness_death"), [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[analyses.x]\nlabel = "a"\njustification = "b"\n', "analyses"),
        ('[analyses.1]\nlabel = "a"\n', "justification"),
        ('[analyses.1]\nlabel = "a"\njustification = "b"\nsets = { price = 1 }\n', "sets"),
    ],
)
def test_a_bad_analysis_is_refused(path: Path, tmp_path: Any, text: str, said: str) -> None:
    """A number that is none, a missing reason, an unknown key."""
    bad = tmp_path / "bad.toml"
    (tmp_path / "linear.csv").write_text((path.parent / "linear.csv").read_text())
    bad.write_text(path.read_text().partition("[analyses.7]")[0] + text)
    with pytest.raises(InputError, match=said):
        load_scenario(bad)
