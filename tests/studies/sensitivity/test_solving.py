"""Parameters solved for labels: closed forms, ranges that do not reach, and tables that would lose rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.model.scenario import load_scenario
from lmssim.published.claims import read_claims
from lmssim.report.sensitivity.labels import solved_table_text
from lmssim.studies.sensitivity.solving import COLUMNS, solve_switches
from tests.kit.models import OS, alive_dead, exponential, frame, section
from tests.kit.parameters import fixed_parameters

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

HEAD = (
    'schema_version = 2\nname = "test"\ntitle = "Test"\nparameters = ["own.csv"]\nshared_parameters = ["solved.csv"]\n'
)
MODEL = HEAD + frame(horizon=50) + alive_dead(exponential("rate")) + OS + section("switches.s", default="usual")
MODEL += section("switches.s.options.usual", label="as it is")


def write(folder: Path, label: str, beside: dict[str, float] | None = None, **claim: Any) -> Path:
    """A model whose option multiplies the rate by a parameter of a table of its own."""
    option = {"label": label, "set": {"rate": "rate * ratio"}, "claims": [claim]}
    path = folder / "test.toml"
    path.write_text(MODEL + section("switches.s.options.other", **option))
    (folder / "own.csv").write_text(fixed_parameters({"rate": 0.1}))
    (folder / "solved.csv").write_text(fixed_parameters({"ratio": 1.0} | (beside or {})))
    return path


SOLVE = {"parameter": "ratio", "low": 0.01, "high": 100}
CLAIM: dict[str, Any] = {"value": "14 / 34", "outcome": "os", "by": 5, "solve": SOLVE | {"spread": 2}}


def test_an_outcome_is_solved_for(tmp_path: Path) -> None:
    """As the closed form has it; the table that is written takes the place of the old one, and the label then holds."""
    path = write(tmp_path, "41% at 5 years", **CLAIM)
    assert not next(read_claims(load_scenario(path))).holds
    found = solve_switches(path)
    (solved,) = found.solved
    assert solved.value == pytest.approx(-math.log(1 - 14 / 34) / 0.5, rel=0.02)
    assert solved.observed_before == pytest.approx(1 - math.exp(-0.5), abs=0.005)
    assert solved.observed == pytest.approx(14 / 34, abs=1e-4)
    table = found.tables["solved.csv"]
    assert list(table.columns) == list(COLUMNS)
    assert list(table["id"]) == ["ratio"]
    assert table["low"][0] == pytest.approx(solved.value / 2)
    assert "cumulative_incidence of os by 5 years = 0.411765 under one" in table["reason"][0]
    table.to_csv(tmp_path / "solved.csv", index=False)
    assert next(read_claims(load_scenario(path))).holds
    again = solve_switches(path)
    pd.testing.assert_frame_equal(again.tables["solved.csv"], table)
    assert solved_table_text(again).row_count == 1


def test_a_median_is_solved_for(tmp_path: Path) -> None:
    """On the scale of times; without a spread the parameter is fixed."""
    found = solve_switches(
        write(tmp_path, "8 months", value="8 / 12", outcome="os", statistic="km_median", solve=SOLVE)
    )
    (solved,) = found.solved
    assert solved.value == pytest.approx(math.log(2) / (8 / 12) / 0.1, rel=0.02)
    assert list(found.tables["solved.csv"]["distribution"]) == ["fixed"]


def test_a_median_that_is_not_reached_counts_as_late(tmp_path: Path) -> None:
    """At the low end of the range hardly anybody dies within the horizon, and still the solution is found."""
    solve = SOLVE | {"low": 1e-5}
    path = write(tmp_path, "40 years", value=40, outcome="os", statistic="km_median", solve=solve)
    assert solve_switches(path).solved[0].value == pytest.approx(math.log(2) / 40 / 0.1, rel=0.02)


def test_a_target_out_of_reach_is_said(tmp_path: Path) -> None:
    """With what the outcome is between the ends of the range."""
    path = write(tmp_path, "41% at 5 years", **(CLAIM | {"solve": SOLVE | {"high": 0.5}}))
    message = (
        r"claims\[1\]\.solve: 0\.41176\d* cannot be reached: cumulative_incidence of os by 5 years is between 0\.00"
    )
    with pytest.raises(InputError, match=message + r".* and 0\.22.* for ratio between 0\.01 and 0\.5\."):
        solve_switches(path)


def test_a_table_with_other_rows_is_not_written_again(tmp_path: Path) -> None:
    """The new one would lack them."""
    path = write(tmp_path, "41% at 5 years", {"more": 1.0}, **CLAIM)
    with pytest.raises(InputError, match=r"solved\.csv: 'ratio' is solved for a claim, and stands beside 'more'"):
        solve_switches(path)


def test_nothing_to_solve_is_said(tmp_path: Path) -> None:
    """Where no claim names a parameter."""
    path = write(tmp_path, "41% at 5 years", **{key: CLAIM[key] for key in ("value", "outcome", "by")})
    with pytest.raises(InputError, match="no claim names a parameter to solve"):
        solve_switches(path)
