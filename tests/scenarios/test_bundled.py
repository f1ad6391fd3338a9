"""Bundled scenarios: every one compiles, every parameter is used, every source is known."""

from __future__ import annotations

import csv

import pytest

from lmssim.bundled import bundled_names, scenarios_folder
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.switches import named_parameters
from tests.kit.scenarios import bundled_program, bundled_scenario


@pytest.mark.parametrize("name", bundled_names())
def test_every_bundled_scenario_compiles(name: str) -> None:
    """Loading and compiling refuses nothing."""
    program = bundled_program(name)
    assert program.numbers().shape[1] == len(program.strategies)


def test_every_shared_parameter_is_used_by_some_scenario() -> None:
    """A row of a shared table that no bundled scenario uses is a leftover."""
    needed: set[str] = set()
    shared: set[str] = set()
    for name in bundled_names():
        scenario = bundled_scenario(name)
        used = set(compile_scenario(scenario).used)
        needed |= named_parameters(scenario.file.switches, scenario.table, scenario.by.spread) | used
        needed |= {id_ for id_, held in scenario.by.ids.items() if used & set(held.values())}
        of_one_category = {each for id_, held in scenario.by.ids.items() for each in held.values() if each != id_}
        shared |= set(scenario.table) - scenario.own - of_one_category
    assert shared - needed == set()


def test_every_cited_source_is_listed() -> None:
    """Each source_id of the parameter tables stands in sources.csv."""
    folder = scenarios_folder() / "parameters"
    with (folder / "sources.csv").open(newline="") as file:
        known = {row["source_id"] for row in csv.DictReader(file)}
    for path in folder.glob("*.csv"):
        if path.name == "sources.csv":
            continue
        with path.open(newline="") as file:
            cited = {row["source_id"] for row in csv.DictReader(file) if row["source_id"]}
        assert cited <= known, path.name


@pytest.mark.parametrize("name", bundled_names())
def test_thousands_of_draws_are_possible_models(name: str) -> None:
    """No probability leaves 0 to 1, nor a sum of them, in more draws than a probabilistic analysis makes."""
    program = bundled_program(name)
    assert len(program.numbers(program.sample(2_000, seed=10))) == 2_000
