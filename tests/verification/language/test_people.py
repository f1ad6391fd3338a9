"""Rows of a file as patients, and a life table that is closed: the same in every engine, and by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.kernels.rewards import COST_UNDISCOUNTED, LY_UNDISCOUNTED
from tests.kit.exact import solved
from tests.kit.models import DEAD, alive_dead, exponential, frame
from tests.kit.plain import estimate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build

BACKGROUND = f"""
[states.alive]
initial = true
utility = 1
{DEAD}
[[transitions]]
from = "alive"
to = "dead"
background = {{}}
[mortality]
table = "life.csv"
keys = {{ KEYS }}
"""


def _of_rows(rows: str, folder: Path, text: str, horizon: float = 200.0) -> str:
    """A model whose population is a file alone."""
    (folder / "people.csv").write_text(rows)
    constant = 'covariates.age = { kind = "constant", value = 60.0 }'
    framed = frame(horizon)
    assert constant in framed
    return framed.replace(constant, 'rows = "people.csv"') + text


def test_columns_of_rows_are_covariates(build: Build, tmp_path: Path) -> None:
    """Numbers as they stand, texts as categories; rows by weight, and an id that is not read."""
    rows = "patient_id,age,grade,weight\nx1,20,low,0\nx2,30,low,1\nx3,40,high,3\n"
    cost = "cost_per_year.total = \"2000 if grade == 'high' else 1000\""
    text = alive_dead(exponential(0.1)).replace("utility = 1", f"utility = 1\n{cost}")
    program = build(_of_rows(rows, tmp_path, text))
    years = 10.0 * (1.0 - math.exp(-20.0))
    drawn = program.patients(0, 4000, 1)
    costs = solved(program, 20).outcomes[:, 0, COST_UNDISCOUNTED]
    young = drawn[:20, 0] == 30.0
    assert 0 < young.sum() < 20
    assert costs[young] == pytest.approx(1000.0 * years)
    assert costs[~young] == pytest.approx(2000.0 * years)
    assert set(np.unique(drawn[:, 0])) == {30.0, 40.0}
    assert (drawn[:, 0] == 40.0).mean() == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("age,grade\n20,1\n30,low\n", r"people\.csv:3: column 'grade': 'low' is not a finite number"),
        ("age,grade\n20,low\n30,1\n", r"people\.csv:3: column 'grade': 1 is a number, but the column begins with"),
        ("age,grade\n20,low\n30,\n", r"people\.csv:3: column 'grade': the cell is blank"),
        ("size\n20\n", "unknown covariate 'age'"),
    ],
)
def test_mixed_columns_are_refused(build: Build, tmp_path: Path, rows: str, said: str) -> None:
    """With file, line, column and value."""
    with pytest.raises(InputError, match=said):
        build(_of_rows(rows, tmp_path, alive_dead(exponential(0.1))))


def test_a_closed_life_table_kills_in_every_engine(build: Build, tmp_path: Path) -> None:
    """Whoever reaches the age with q = 1, or begins beyond it, dies there."""
    (tmp_path / "life.csv").write_text("age,q\n98,0.2\n99,0.3\n100,1\n")
    text = BACKGROUND.replace("{ KEYS }", "{}")
    program = build(_of_rows("age\n98.5\n100\n103\n", tmp_path, text))
    first, second = -math.log(0.8), -math.log(0.7)
    alive = math.exp(-0.5 * first)
    expected = (1.0 - alive) / first + alive * (1.0 - math.exp(-second)) / second
    assert solved(program, 3).outcomes[:, 0, LY_UNDISCOUNTED] == pytest.approx([expected, 0.0, 0.0], abs=2e-3)
    assert estimate(program, 6000, seed=3).mean[0, 0, LY_UNDISCOUNTED] == pytest.approx(expected / 3, abs=0.02)


def test_a_number_is_a_key_of_rows_alone(build: Build, tmp_path: Path) -> None:
    """Each code has its own table; a covariate without categories is refused."""
    (tmp_path / "life.csv").write_text("sex,age,m\n0,0,0.1\n1,0,0.5\n")
    text = BACKGROUND.replace("{ KEYS }", '{ sex = "sex" }').replace("[mortality]", '[mortality]\nmeasure = "m"')
    program = build(_of_rows("age,sex\n50,0\n50,1\n", tmp_path, text))
    assert solved(program, 2).outcomes[:, 0, LY_UNDISCOUNTED] == pytest.approx([10.0, 2.0], rel=1e-6)
    drawn = 'covariates.sex = { kind = "uniform", low = 0, high = 1 }'
    with pytest.raises(InputError, match="'sex' is uniform; only categories tell the keys of a table apart"):
        build(frame(covariates=drawn) + text)
