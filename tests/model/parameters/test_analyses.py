"""Scenario analyses of a file are sound when it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import ScenarioError
from lmssim.model.scenario import load_scenario
from tests.kit.linear import linear_path

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = '\n[analyses.1]\nlabel = "Another table"\njustification = "Asked for."\n'


def with_analysis(folder: Path, text: str) -> Path:
    """The linear model with one analysis."""
    path = linear_path(folder)
    path.write_text(path.read_text() + ABOUT + text)
    return path


def test_a_value_beyond_the_bounds_of_its_parameter_is_refused(tmp_path: Path) -> None:
    """With the key, the value and the bound."""
    path = with_analysis(tmp_path, "set = { price = -3 }\n")
    table = tmp_path / "linear.csv"
    header, *rows = table.read_text().splitlines()
    bounded = [f"{row},{0 if row.startswith('price') else ''}" for row in rows]
    table.write_text("\n".join([f"{header},lower", *bounded]) + "\n")
    with pytest.raises(ScenarioError, match=r"analyses\.1\.set\.price = -3: .* is -3, beyond its lower bound 0"):
        load_scenario(path)


def test_names_may_come_with_what_an_analysis_adds(tmp_path: Path) -> None:
    """A parameter of a table, and an option of a switch, that only the analysis brings: known once it is loaded."""
    (tmp_path / "more.csv").write_text("id,value,description\nfee,7,A fee\n")
    change = {"parameters": ["more.csv"], "states": {"alive": {"cost_per_year": {"care": "3000 + price + fee"}}}}
    text = 'set = { fee = 9 }\nchange.parameters = ["more.csv"]\nchange.states.alive.cost_per_year.care = '
    path = with_analysis(tmp_path, f'{text}"3000 + price + fee"\n')
    load_scenario(path)
    assert load_scenario(path, {"fee": 9.0}, additions=change).table["fee"].value == 9.0


@pytest.mark.parametrize("key", ["schema_version = 2", 'include = ["a.toml"]', 'analyses.2.label = "a"'])
def test_what_is_the_files_own_stays(tmp_path: Path, key: str) -> None:
    """No analysis changes it."""
    with pytest.raises(ScenarioError, match="is the file's own; no analysis may change it"):
        load_scenario(with_analysis(tmp_path, f"change.{key}\n"))
