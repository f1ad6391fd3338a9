"""Published patients among simulated lives, against closed forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.published.cases import CaseTime, read_cases
from lmssim.report.evaluation.cases import case_text, percentile_text, plot_case
from tests.kit.examples import CASE, CASE_VALUES, DIE, RECUR
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

N = 40_000


def cases(write_scenario: Write, change: dict[str, str] | None = None, n: int = N) -> list[CaseTime]:
    """Observed times of the case, its text edited."""
    text = CASE
    for old, new in (change or {}).items():
        assert old in text
        text = text.replace(old, new)
    return read_cases(compile_scenario(load_scenario(write_scenario(text, CASE_VALUES))), ["one"], n)


def percentile(rate: float, time: float) -> float:
    """Distribution function of the time to recurrence among those who recur, death competing."""
    return 1 - math.exp(-(rate + DIE) * time)


@pytest.mark.parametrize(
    ("change", "rate"),
    [
        ({}, 2 * RECUR),
        ({"high = 1": "high = 0"}, RECUR),
        ({'sex = "female"': 'sex = "male"'}, 6 * RECUR),
        ({'strategy = "usual"': 'strategy = "treated"'}, 0.2),
        ({'strategy = "usual"': 'strategy = "usual"\nset = { loghr = 0, rate = 0.5 }'}, 0.5),
    ],
)
def test_the_percentile_is_the_closed_form(write_scenario: Write, change: dict[str, str], rate: float) -> None:
    """With covariates, strategy and parameters held: shares, median and percentile, within 4 standard errors."""
    first, _ = cases(write_scenario, change)
    ever, p = rate / (rate + DIE), percentile(rate, 1.5)
    assert first.lives == N
    assert abs(first.share_ever - ever) < 4 * math.sqrt(ever * (1 - ever) / N)
    assert abs(first.percentile - p) < 4 * first.standard_error
    assert first.standard_error == pytest.approx(math.sqrt(p * (1 - p) / (ever * N)), rel=0.05)
    assert abs(first.share_by_then - ever * p) < 4 * math.sqrt(ever * p * (1 - ever * p) / N)
    assert first.quantile(0.5) == pytest.approx(math.log(2) / (rate + DIE), rel=0.03)


def test_time_from_another_origin_counts_the_lives_that_reach_it(write_scenario: Write) -> None:
    """Death since recurrence is exponential, among the share that recurs."""
    _, second = cases(write_scenario)
    assert second.lives == pytest.approx(N * 0.4 / 0.5, rel=0.02)
    assert second.share_ever == 1.0
    assert abs(second.percentile - (1 - math.exp(-4 * DIE))) < 4 * second.standard_error


def test_given_and_without_choose_lives(write_scenario: Write) -> None:
    """Only those who recur; only those who never do, of whom nobody has the event."""
    given, _ = cases(write_scenario, {'sex = "female" }': 'sex = "female" }\ngiven = ["recurred"]'})
    assert given.share_ever == 1.0
    assert abs(given.percentile - percentile(2 * RECUR, 1.5)) < 4 * given.standard_error
    without, after = cases(write_scenario, {'sex = "female" }': 'sex = "female" }\nwithout = ["recurred"]'})
    assert without.share_ever == 0.0
    assert math.isnan(without.percentile)
    assert after.lives == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({'strategy = "usual"': 'strategy = "usul"'}, "cases.one: strategy: unknown strategy 'usul'. Did you mean"),
        ({'strategy = "usual"': 'strategy = "usual"\nsequence = "x"'}, "cases.one: sequence: unknown sequence 'x'."),
        ({"high = 1": "hihg = 1"}, "cases.one.covariates: unknown covariate 'hihg'. Did you mean 'high'?"),
        ({"high = 1": "high = 2"}, "cases.one.covariates.high: 2 is none of 0, 1."),
        ({'sex = "female" }': 'sex = "femal" }'}, "cases.one.covariates.sex: unknown category 'femal'. Did"),
        ({'sex = "female" }': "sex = 1 }"}, "cases.one.covariates.sex: 1 is none of female, male."),
        ({'sex = "female" }': "size = inf }"}, "cases.one.covariates.size: inf is not a finite number."),
        ({'strategy = "usual"': 'strategy = "usual"\nset = { rat = 1 }'}, "cases.one.set: unknown parameter 'rat'."),
        ({'events = ["dead"]': 'events = ["ded"]'}, "cases.one.observed[2]: unknown state or mark 'ded'."),
        ({'since = ["recurred"]': 'since = ["x"]'}, "cases.one.observed[2].since: unknown state or mark 'x'."),
        ({"time = 1.5": "time = 0"}, "cases.one.observed[1].time = 0"),
    ],
)
def test_bad_cases_are_refused(write_scenario: Write, change: dict[str, str], said: str) -> None:
    """One message with case, key, value and what is near."""
    with pytest.raises(InputError) as refused:
        cases(write_scenario, change, n=10)
    assert said in str(refused.value)


def test_the_figure_shows_every_observed_time(write_scenario: Write) -> None:
    """A panel for each, with the patient's time and percentile in words; also where no life has the event."""
    path = write_scenario(
        CASE.replace("covariates = { high", "without = ['recurred']\ncovariates = { high"), CASE_VALUES
    )
    scenario = load_scenario(path)
    for found in (cases(write_scenario, n=500), read_cases(compile_scenario(scenario), ["one"], 500)):
        figure = plot_case(scenario.file.cases["one"], found)
        assert [ax.get_title(loc="left") for ax in figure.axes] == ["To recurrence", "Recurrence to death"]
        texts = " ".join(text.get_text() for ax in figure.axes for text in ax.texts)
        assert all(case_text(each) in texts and percentile_text(each) in texts for each in found)
    assert "over 4 years" in texts


def test_a_sequence_stands_in_place_of_the_strategys() -> None:
    """The published patient's first line is given in the sequence that the case names, in no strategy of the file."""
    program = bundled_program("retroperitoneal")
    (found,) = read_cases(program, ["plms"], 1000)
    assert found.lives > 300
    assert found.share_ever == 1.0
    assert not any(spec.sequence == "doxifo_first" for spec in program.scenario.file.strategies.values())
