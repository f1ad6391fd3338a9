"""`lmssim trial design`: what it prints and writes, and every bad design as one message."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Outcome

DESIGN = """
title = "Adjuvant trial"
time_unit = "months"

[trial]
alpha = 0.025
power = 0.8
information = [0.5, 0.75, 1.0]

[efficacy]
boundary = "hsd"
parameter = -4

[futility]
rule = "beta_spending"
spending = "hsd"
parameter = -2

[endpoint]
hazard_ratio = [1.0, 0.6]
hazard_ratio_starts = [0, 6]

[control]
median = 12

[dropout]
probability = 0.05
by = 12

[competing]
rate = 0.002
at = 24

[accrual]
duration = 24
ramp = 6

[timing]
study_duration = 48
"""
FILES = {
    "design.csv",
    "design_observed.csv",
    "over_time.csv",
    "competing_events.csv",
    "figures/bounds.png",
    "figures/course.png",
    "figures/over_time.png",
    "figures/survival.png",
    "report.html",
    "inputs.json",
    "manifest.json",
}
OF_TIME = ("--hazard-ratio", "0.7", "--control-median", "12", "--accrual-duration", "24")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A design file."""
    path = tmp_path / "design.toml"
    path.write_text(DESIGN)
    return path


def refused(outcome: Outcome, *words: str) -> None:
    """Exit code 2 and one line that says it."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err, outcome.err


def test_a_file_is_planned_printed_and_written(cli: Cli, file: Path, tmp_path: Path) -> None:
    """Tables on the terminal; CSV, figures and report in the folder; the same bytes again."""
    out = tmp_path / "out"
    words = ("trial", "design", "--file", file, "--out", out, "--observed-events", "250,420", "--interim")
    outcome = cli(*words)
    assert outcome.code == 0, outcome.err
    for text in ("Efficacy HR", "Average HR", "1 - KM treats competing as censoring", "725 patients are randomised"):
        assert text in outcome.out
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == FILES
    with (out / "design.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["look"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["cumulative_power"]) == pytest.approx(0.8, abs=1e-8)
    page = (out / "report.html").read_text()
    assert "Adjuvant trial" in page
    assert "Bounds by look" in page
    before = {name: (out / name).read_bytes() for name in FILES if name not in ("manifest.json", "report.html")}
    assert cli(*words).code == 0
    assert before == {name: (out / name).read_bytes() for name in before}


def test_options_alone_print_bounds(cli: Cli) -> None:
    """No file is needed, and nothing is written."""
    outcome = cli("trial", "design", "--looks", 3, "--efficacy", "obf")
    assert outcome.code == 0, outcome.err
    for number in ("3.4711", "2.4544", "2.0040", "0.0003", "0.0071", "0.0225"):
        assert number in outcome.out


def test_options_take_the_place_of_keys(cli: Cli, file: Path) -> None:
    """Another hazard ratio takes its starts with it; a median takes the whole control arm."""
    words = ("--hazard-ratio", 0.7, "--looks", 2, "--control-rate", 0.1, "--efficacy", "pocock", "--json")
    outcome = cli("trial", "design", "--file", file, *words)
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["settings"]["endpoint"] == {"hazard_ratio": [0.7]}
    assert document["settings"]["control"] == {"rate": 0.1}
    assert len(document["design"]) == 2
    assert document["power"] == pytest.approx(0.8, abs=1e-8)
    assert document["design"][0]["z_efficacy"] == pytest.approx(2.178272, abs=1e-5)
    assert [row["average_hr"] for row in document["over_time"]] == pytest.approx([0.7] * 40)


@pytest.mark.parametrize("measure", ["rmst", "milestone"])
def test_other_endpoints(cli: Cli, tmp_path: Path, measure: str) -> None:
    """Restricted mean and milestone, with a picture of the planned curves."""
    words = (*OF_TIME, "--study-duration", 60, "--test", measure, "--tau", 36, "--out", tmp_path / "out")
    outcome = cli("trial", "design", *words)
    assert outcome.code == 0, outcome.err
    assert "Efficacy difference" in outcome.out
    assert (tmp_path / "out" / "figures" / "survival.png").is_file()


@pytest.mark.parametrize("solve", ["accrual_rate", "accrual_duration", "follow_up", "power"])
def test_what_is_solved_for(cli: Cli, solve: str) -> None:
    """Each with its own givens."""
    times = {"follow_up": (), "accrual_rate": ("--study-duration", 40)}.get(solve, ("--follow-up", 12))
    rate = () if solve == "accrual_rate" else ("--accrual-rate", 30)
    outcome = cli("trial", "design", *OF_TIME, *times, *rate, "--solve", solve, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["power"] > 0.5
    assert document["patients"] > document["events"] > 100


def test_trial_alone_prints_its_help(cli: Cli) -> None:
    """As `lmssim` does."""
    outcome = cli("trial")
    assert outcome.code == 0
    assert "design" in outcome.out


BAD_OPTIONS = [
    ((), ["give --file FILE, or options"]),
    (("--information", "0.5,0.4,1"), ["--information: 0.4 does not lie above 0.5", "must ascend"]),
    (
        ("--information", "0.5,1.5"),
        ["--information: 1.5 is not a fraction of the final information", "1.5% is written 0.015"],
    ),
    (("--information", "half"), ["information", "'half' is not a list of finite numbers"]),
    (("--looks", "0"), ["looks", "from 1 to 40"]),
    (("--looks", "3", "--alpha", "0"), ["--alpha: 0 must be above 0 and below 0.5"]),
    (("--looks", "3", "--alpha", "nan"), ["alpha", "'nan' is not a finite number"]),
    (("--looks", "3", "--power", "1"), ["--power: 1 must be above"]),
    (("--looks", "3", "--sides", "3"), ["sides", "from 1 to 2"]),
    (("--looks", "3", "--efficacy", "pocok"), ["--efficacy: unknown value 'pocok'", "Did you mean 'pocock'"]),
    (("--looks", "3", "--efficacy", "hsd"), ["--parameter", "needs gamma"]),
    (("--looks", "3", "--efficacy", "obf", "--parameter", "2"), ["--parameter: 'obf' takes none"]),
    (("--looks", "3", "--parameter", "2"), ["--parameter", "takes none"]),
    (("--looks", "3", "--futility", "beta"), ["--futility: unknown value 'beta'"]),
    (("--looks", "3", "--futility", "beta_spending"), ["--futility-spending", "needs a function"]),
    (("--looks", "1", "--futility", "z", "--futility-z", "0"), ["--futility: there is one look alone"]),
    (("--looks", "3", "--binding"), ["--futility: is missing"]),
    ((*OF_TIME, "--study-duration", "12"), ["--study-duration: 12 is shorter than accrual, 24"]),
    (OF_TIME, ["give either follow_up"]),
    ((*OF_TIME, "--follow-up", "-3"), ["--follow-up: -3 must not be negative"]),
    ((*OF_TIME, "--follow-up", "3", "--margin", "0.6"), ["--margin: 0.6 is on the wrong side"]),
    ((*OF_TIME, "--follow-up", "3", "--margin", "-1"), ["--margin: -1 must be above 0"]),
    ((*OF_TIME, "--follow-up", "3", "--allocation", "0"), ["--allocation: 0 must be above 0"]),
    ((*OF_TIME, "--follow-up", "3", "--method", "shoenfeld"), ["--method", "Did you mean 'schoenfeld'"]),
    ((*OF_TIME, "--follow-up", "3", "--dropout-rate", "-1"), ["--dropout-rate: -1 must not be negative"]),
    ((*OF_TIME, "--follow-up", "3", "--control-rate", "0.1"), ["both median and rate are given"]),
    ((*OF_TIME, "--follow-up", "3", "--ramp", "30"), ["--ramp: 30 is longer than duration, 24"]),
    ((*OF_TIME, "--solve", "follow_up"), ["--accrual-rate: is missing"]),
    ((*OF_TIME, "--solve", "follow_up", "--accrual-rate", "1"), ["events: 330.4 are never reached", "24.0 patients"]),
    ((*OF_TIME, "--follow-up", "3", "--patients", "300"), ["--patients: solve = 'accrual_rate' finds it"]),
    ((*OF_TIME, "--solve", "folow_up"), ["--solve: unknown value 'folow_up'", "Did you mean 'follow_up'"]),
    ((*OF_TIME, "--follow-up", "3", "--tau", "5"), ["--tau: belongs to rmst and milestone"]),
    ((*OF_TIME, "--follow-up", "3", "--test", "rmst"), ["--tau: is missing"]),
    ((*OF_TIME, "--follow-up", "3", "--test", "rmst", "--tau", "50"), ["--tau: 50 must be below study_duration, 27"]),
    (("--hazard-ratio", "0.7"), ["accrual: is missing"]),
    (("--hazard-ratio", "0.7", "--accrual-duration", "24", "--follow-up", "3"), ["control: is missing"]),
    (("--control-median", "9", "--accrual-duration", "24", "--follow-up", "3"), ["--hazard-ratio: is missing"]),
    (
        ("--hazard-ratio", "1", "--control-median", "9", "--accrual-duration", "24", "--follow-up", "3"),
        ["--hazard-ratio: 1 is that of the null hypothesis"],
    ),
    (
        ("--hazard-ratio", "1,0.5", "--control-median", "9", "--accrual-duration", "24", "--follow-up", "3"),
        ["--hazard-ratio: 2 ratios for 1 starts"],
    ),
    (
        ("--hazard-ratio", "-0.5", "--control-median", "9", "--accrual-duration", "24", "--follow-up", "3"),
        ["--hazard-ratio: -0.5 must be above 0"],
    ),
    (("--looks", "3", "--observed-information", "0.5,0.2"), ["--observed-information", "does not lie above"]),
    (("--looks", "3", "--observed-information", "0.5,1", "--interim"), ["no look is left"]),
    (("--looks", "3", "--observed-events", "20"), ["not of a log-rank trial"]),
    (("--looks", "3", "--interim"), ["--interim: says"]),
    (("--looks", "3", "--looks", "4"), ["looks", "2 times"]),
    (("--file", "absent.toml"), ["absent.toml"]),
    (("--looks", "3", "--figures", "gif"), ["--figures", "gif"]),
]


@pytest.mark.parametrize(("words", "said"), BAD_OPTIONS, ids=lambda value: " ".join(value)[:60])
def test_bad_options_are_one_message(
    cli: Cli, words: tuple[str, ...], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message begins with the option; nothing is written."""
    monkeypatch.chdir(tmp_path)
    refused(cli("trial", "design", *words), *said)
    assert list(tmp_path.iterdir()) == []


SPOILT = [
    ("[trial]", "[trail]", "unknown key 'trail'. Did you mean 'trial'"),
    ("alpha =", "aplha =", "trial: unknown key 'aplha'. Did you mean 'alpha'"),
    ('title = "Adjuvant trial"', "alpha = 0.05", "unknown key 'alpha'. It belongs to [trial]"),
    ('title = "Adjuvant trial"', "title = 3", "title: 3 is not a text"),
    ("alpha = 0.025", "alpha = 0", "trial.alpha: 0 must be above 0"),
    ("alpha = 0.025", "alpha = true", "trial.alpha: True is not a finite number"),
    ("alpha = 0.025", "alpha = [0.1]", "trial.alpha"),
    ("[0.5, 0.75, 1.0]", "[0.5, 0.75, 1.2]", "trial.information: 1.2 is not a fraction"),
    ("[0.5, 0.75, 1.0]", "[0.75, 0.5, 1.0]", "trial.information: 0.5 does not lie above 0.75"),
    ("[0.5, 0.75, 1.0]", "[]", "trial.information: 0 looks"),
    ('boundary = "hsd"', 'boundary = "hds"', "efficacy.boundary: unknown value 'hds'"),
    ("parameter = -4", "parameter = -400", "efficacy.parameter: gamma of 'hsd' is -400"),
    ('rule = "beta_spending"', 'rule = "beta"', "futility.rule: unknown value 'beta'"),
    ('rule = "beta_spending"', "", "futility.rule: is missing"),
    ("hazard_ratio = [1.0, 0.6]", "hazard_ratio = [1.0, 0]", "endpoint.hazard_ratio: 0 must be above 0"),
    ("hazard_ratio_starts = [0, 6]", "hazard_ratio_starts = [6, 0]", "hazard_ratio_starts: the first is 6"),
    ("hazard_ratio_starts = [0, 6]", 'method = "freedman"', "endpoint.hazard_ratio: 2 ratios for 1 starts"),
    ("hazard_ratio_starts = [0, 6]", 'hazard_ratio_starts = [0, 6]\nmethod = "freedman"', "takes one hazard ratio"),
    ("median = 12", "rate = -1", "control.rate: -1 must be above 0"),
    ("median = 12", "meadian = 12", "control: unknown key 'meadian'. Did you mean 'median'"),
    ("median = 12", "", "control: no hazard is given"),
    ("median = 12", "cured = 0.3", "control.cured: give one of uncured_median"),
    ("by = 12", "", "dropout.by: is missing"),
    ("rate = 0.002", "rate = -0.002", "competing.rate: -0.002 must not be negative"),
    ("ramp = 6", "rate = 6", "accrual.rate: solve = 'accrual_rate' finds it"),
    ("duration = 24", "durations = [3, 4]", "accrual.durations: with rates"),
    ("study_duration = 48", "study_duration = 20", "timing.study_duration: 20 is shorter than accrual, 24"),
    ("study_duration = 48", "study_duration = 1979-05-27", "timing.study_duration"),
    ('title = "Adjuvant trial"', "control = 12", "Cannot overwrite"),
    ("[timing]", "[[strata]]\nmedian = 9\n[timing]", "control: the strata state their hazards"),
    ("[trial]", "[trial", "not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "said"), SPOILT, ids=[f"{old} -> {new}"[:60] for old, new, _ in SPOILT])
def test_a_spoilt_file_is_one_message(cli: Cli, file: Path, old: str, new: str, said: str) -> None:
    """File, key, value, what is allowed."""
    assert old in DESIGN
    file.write_text(DESIGN.replace(old, new, 1))
    refused(cli("trial", "design", "--file", file), str(file), said)


def test_strata_in_a_file(cli: Cli, file: Path) -> None:
    """Two strata with a hazard ratio of their own; a bad one names its number."""
    strata = '[[strata]]\nname = "low"\nmedian = 30\nshare = 2\n[[strata]]\nrates = [0.2, 0.1]\nstarts = [0, 3]\n'
    file.write_text(DESIGN.replace("[control]\nmedian = 12\n", "") + strata)
    outcome = cli("trial", "design", "--file", file, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["power"] == pytest.approx(0.8, abs=1e-8)
    file.write_text(DESIGN.replace("[control]\nmedian = 12\n", "") + strata.replace("share = 2", "share = -2"))
    refused(cli("trial", "design", "--file", file), "strata[1].share: -2 must be above 0")
