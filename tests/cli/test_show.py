"""`lmssim show` lists states, parameters (assumed first) and strategies, and draws the diagram."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import bundled_names

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_scenario_can_be_shown(cli: Cli, name: str) -> None:
    """Without an error."""
    outcome = cli("show", name)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""


def test_parts_can_be_shown_alone(cli: Cli) -> None:
    """Parameters without strategies, and the other way round."""
    parameters = cli("show", "illness_death", "--parameters").out
    strategies = cli("show", "illness_death", "--strategies").out
    assert "c_progressed" in parameters
    assert "New treatment" not in parameters
    assert "New treatment" in strategies
    assert "c_progressed" not in strategies
    assert "(comparator)" in strategies


def test_assumed_parameters_come_first(cli: Cli, model: Path) -> None:
    """They are what a reviewer looks for."""
    table = model.with_suffix(".csv")
    text = table.read_text()
    row = next(line for line in text.splitlines() if line.startswith("c_progressed"))
    table.write_text(text.replace(row, row.replace("definition", "assumed") + "A round observation"))
    lines = cli("show", model, "--parameters").out
    assert lines.index("c_progressed") < lines.index("u_stable")
    assert "round" in lines


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_diagram_is_drawn(cli: Cli, tmp_path: Path, suffix: str) -> None:
    """To the file that was named."""
    path = tmp_path / f"diagram{suffix}"
    assert cli("show", "illness_death", "--diagram", path).code == 0
    assert path.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [path]


def test_evidence_lists_every_observation_with_counts(cli: Cli) -> None:
    """Without a scenario: all observations; each row has its place, or its reason."""
    shown = cli("show", "--evidence")
    assert shown.code == 0
    assert "elms_lr_crude" in shown.out
    assert "rev_hipec_os" in shown.out
    document = json.loads(cli("show", "--evidence", "--json").out)
    total = document["counts"][-1]
    assert total["observations"] == len(document["observations"]) == 149
    assert sum(total[status] for status in ("met", "missed", "used", "left_out")) == 149
    for row in document["observations"]:
        assert row["by"] or row["reason"]


def test_evidence_of_a_scenario_is_its_own(cli: Cli) -> None:
    """Only what its series compute and its files use."""
    observations = json.loads(cli("show", "cutaneous", "--evidence", "--json").out)["observations"]
    ids = {observation["observation_id"] for observation in observations}
    assert {"pcl_lr_max", "pcl_case_mets", "neoadj_rt_dose"} <= ids
    assert not ids & {"elms_lr_crude", "rev_met_uterine", "rev_hipec_os"}


def test_evidence_alone_needs_no_scenario(cli: Cli) -> None:
    """Everything else does, and JSON is of evidence alone."""
    assert cli("show").code == cli("show", "--parameters").code == cli("show", "--evidence", "--parameters").code == 2
    assert "SCENARIO is missing" in cli("show").err
    assert "--json: is possible with --evidence" in cli("show", "cutaneous", "--json").err


def test_parameters_are_counted_by_kind(cli: Cli) -> None:
    """The title has the number of each kind."""
    shown = cli("show", "examples/illness_death", "--parameters").out
    assert shown.startswith("Parameters: ")
    assert "of which " in shown.splitlines()[0]


REGIMEN = """
[drugs.a]
unit = "mg"
vials = [{ size = 10, price = 7 }]
[regimens.r]
label = "Weekly a"
drugs = [{ drug = "a", dose = 25, per = "flat", administrations = 2 }]
cycle = 0.25
max_cycles = 6
delivery = 1000
"""


def test_regimens_are_shown_with_the_price_of_a_cycle(cli: Cli, model: Path) -> None:
    """Dose, length, number and cost: two times three vials, and delivery."""
    model.write_text(model.read_text() + REGIMEN)
    shown = cli("show", str(model)).out
    assert "Weekly a" in shown
    assert "a 25.0 mg x 2.0" in shown
    assert "1,042" in shown
