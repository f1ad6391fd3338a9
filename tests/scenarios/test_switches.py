"""Bundled switches: every option compiles, every row is used, and the table of conflicts names them all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lmssim.bundled import bundled_names, scenarios_folder
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.claims import unclaimed
from lmssim.model.parameters.switches import NAMES
from lmssim.model.parameters.table import load_parameters
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.published import claims
from lmssim.studies.reference import reference
from tests.kit.scenarios import bundled_scenario

FILES = sorted((scenarios_folder() / "models").glob("switches*.toml"))
CONFLICTS = Path(__file__).parents[2] / "docs" / "conflicts.md"
ROW = re.compile(r"\| `(?P<switch>\w+)`: (?P<options>[\w, ]+) \|$", re.MULTILINE)


def switches(path: Path) -> dict[str, Any]:
    """What a file says of switches."""
    found: dict[str, Any] = tomllib.loads(path.read_text())["switches"]
    return found


def test_every_switch_stands_in_the_table_of_conflicts() -> None:
    """With all of its options, the base case first; and the table names no other."""
    written = {(m["switch"], tuple(m["options"].split(", "))) for m in ROW.finditer(CONFLICTS.read_text())}
    there = {
        (name, (switch["default"], *(o for o in switch["options"] if o != switch["default"])))
        for path in FILES
        for name, switch in switches(path).items()
    }
    assert written == there


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_option_says_why(path: Path) -> None:
    """Each has a label and a reason; the base case is as the model stands, and every other option does something."""
    for name, switch in switches(path).items():
        assert switch["label"], name
        for option, spec in switch["options"].items():
            assert spec["label"], (name, option)
            assert spec["reason"], (name, option)
            assert (option == switch["default"]) == (not spec.get("set") and not spec.get("change")), (name, option)


def test_every_row_is_used_by_an_option() -> None:
    """Of the table that switches share."""
    table = load_parameters([scenarios_folder() / "parameters" / "switches.csv"])
    named = set(NAMES.findall("\n".join(path.read_text() for path in FILES)))
    assert set(table) - named == set()


@pytest.mark.parametrize("name", bundled_names())
def test_every_option_compiles(name: str) -> None:
    """One at a time, and whatever it sets has a source, or is said to be assumed."""
    for switch, option in _options(bundled_scenario(name)):
        program = compile_scenario(load_scenario(name, switches={switch: option}))
        for row in program.used.values():
            assert row.source_id or row.reason or row.kind == "definition", (switch, option, row.id)


@pytest.mark.parametrize("name", bundled_names())
def test_every_number_of_a_label_is_claimed(name: str) -> None:
    """Or is part of a name, such as that of a trial: no label drifts from the model unseen."""
    open_ = {
        (switch, option): numbers
        for switch, spec in bundled_scenario(name).file.switches.items()
        for option, each in spec.options.items()
        if (numbers := unclaimed(each))
    }
    assert open_ == {}


@pytest.mark.parametrize("name", bundled_names())
def test_every_label_says_what_the_model_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters, settings and outcomes; those that every site has come from few patients but where they are solved."""
    scenario, solved = bundled_scenario(name), list(reference().solved.values())
    shared = switches(scenarios_folder() / "models" / "switches.toml")
    reads: list[claims.ClaimRead] = []
    for switch in scenario.file.switches:
        few = switch in shared and name != reference().solved["switches"]
        monkeypatch.setattr(claims, "PATIENTS", 2_000 if few or name not in solved else 50_000)
        reads += claims.read_claims(scenario, switch)
    assert [each for each in reads if not each.holds] == []


def _options(scenario: Scenario) -> list[tuple[str, str]]:
    pairs = [(name, option) for name, switch in scenario.file.switches.items() for option in switch.options]
    return [(name, option) for name, option in pairs if option != scenario.options[name]]
