"""`lmssim show` lists states, parameters (assumed first) and strategies, and draws the diagram."""

from __future__ import annotations

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
    table.write_text(text.replace(row, row.replace("definition", "assumed") + "A round figure"))
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
