"""The table of observations: each observation of the five documents once, and everything it names is there."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.errors import DataError
from lmssim.model.language.csvfile import Row, read_rows
from lmssim.published.ledger import SeedObservation, load_observations
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.scenario import Scenario

OBSERVATIONS = load_observations()
OF_SOURCE = {
    "seed_000_elms": 49,
    "seed_001_management": 15,
    "seed_002_review": 69,
    "seed_003_pcl": 5,
    "seed_004_plms": 11,
}
"""Observations of each document."""
ROUNDING = 0.006
"""Largest difference between a share as it is printed and as it is used: 0.15 printed of 11 in 75."""


@cache
def scenario(name: str) -> Scenario:
    """A bundled scenario."""
    return bundled_scenario(name)


@cache
def parameters(table: str) -> dict[str, Row]:
    """Rows of a bundled parameter table by id."""
    return {row["id"]: row for row in read_rows(scenarios_folder() / "parameters" / table, ["id", "value"], None)}


def of_status(*statuses: str) -> list[SeedObservation]:
    """Observations of some statuses."""
    return [observation for observation in OBSERVATIONS if observation.status in statuses]


def test_every_observation_stands_once() -> None:
    """Outcomes and inputs of the five documents; that ids are unique is checked as they are read."""
    assert Counter(f.source_id for f in OBSERVATIONS) == OF_SOURCE
    assert Counter(f.kind for f in OBSERVATIONS) == {"target": 94, "input": 55}


@pytest.mark.parametrize("observation", of_status("met", "missed"), ids=lambda f: f.observation_id)
def test_a_computed_observation_is_a_row_of_a_series(observation: SeedObservation) -> None:
    """The row has the observation as its target, and the value or range that was published."""
    for by in observation.by:
        name, _, rest = by.partition(":")
        series, _, target = rest.partition(".")
        rows = [
            row for row in scenario(name).file.series[series].rows if row.target == target == observation.observation_id
        ]
        assert len(rows) == 1
        if rows[0].observed is not None and observation.value is not None:
            alive = observation.outcome in ("os", "dss", "dfs") and rows[0].statistic == "proportion"
            assert rows[0].observed == pytest.approx(
                1 - observation.value if alive else observation.value, abs=ROUNDING
            )


@pytest.mark.parametrize("observation", of_status("used"), ids=lambda f: f.observation_id)
def test_a_used_observation_is_an_input(observation: SeedObservation) -> None:
    """A parameter has its value, from its source if `value`; or a section of a scenario is there."""
    for by in observation.by:
        place, _, key = by.partition(":")
        if not place.endswith(".csv"):
            section, _, name = key.partition(".")
            assert name in getattr(scenario(place).file, section)
            continue
        row = parameters(place)[key]
        if observation.how != "derived":
            assert float(row["value"]) == pytest.approx(observation.value, abs=ROUNDING)
        if observation.how == "value":
            assert row["source_id"] == observation.source_id


def test_no_observation_that_is_used_is_called_left_out() -> None:
    """No published parameter has the source and the value of a left-out observation, unless a used one has the same."""
    left = {(f.source_id, f.value) for f in of_status("left_out") if f.value is not None and f.value % 1}
    left -= {(f.source_id, f.value) for f in of_status("met", "used")}
    for table in (scenarios_folder() / "parameters").glob("*.csv"):
        if table.name != "sources.csv":
            for row in parameters(table.name).values():
                if row["kind"] == "published" and row["value"]:
                    assert (row["source_id"], float(row["value"])) not in left, row.where


def test_reasons_are_given() -> None:
    """Of everything that is missed or left out, at more than a word's length."""
    for observation in of_status("missed", "left_out"):
        assert len(observation.reason.split()) > 1, observation.observation_id


HEAD = (
    "observation_id,source_id,kind,site,population,outcome,statistic,time_years,value,unit,low,high,n,events,locator,status,"
    "by,how,reason\n"
)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,s,input,,,,,,1,,,,,,,taken,x:y,,", "column 'status': unknown status 'taken'."),
        ("a,s,input,,,,,,1,,,,,,,used,,value,", "column 'by': '' with status 'used'; it must say where."),
        ("a,s,input,,,,,,1,,,,,,,left_out,x:y,,no", "column 'by': 'x:y' with status 'left_out'; it must be blank."),
        ("a,s,input,,,,,,1,,,,,,,used,x:y,,", "it must be one of value, primary, derived."),
        ("a,s,input,,,,,,1,,,,,,,met,x:y,value,", "column 'how': 'value' with status 'met'; it must be blank."),
        ("a,s,input,,,,,,1,,,,,,,left_out,,,", "column 'reason': the cell is blank with status 'left_out'"),
        ("a,s,input,,,,,,one,,,,,,,met,x:y,,", "column 'value': 'one' is not a finite number."),
        (
            "a,s,input,,,,,,1,,,,,,,met,x:y,,\na,s,input,,,,,,1,,,,,,,met,x:y,,",
            "seed.csv:3: column 'observation_id': 'a'",
        ),
        (",s,input,,,,,,1,,,,,,,met,x:y,,", "column 'observation_id': the cell is blank."),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    """With file, line, column and what is allowed."""
    table = tmp_path / "seed.csv"
    table.write_text(HEAD + rows + "\n")
    with pytest.raises(DataError) as refused:
        load_observations(table)
    assert said in str(refused.value)
