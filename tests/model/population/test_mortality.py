"""Life tables and utility norms: hazards, layout and life expectancy against closed forms, and clear refusals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from scipy import integrate

from lmssim.bundled import scenarios_folder
from lmssim.errors import DataError
from lmssim.model.language.csvfile import noting_further_columns
from lmssim.model.population.mortality import load_life_table, load_norms

if TYPE_CHECKING:
    from pathlib import Path

BUNDLED = scenarios_folder() / "tables" / "life_table_uk_2018_2020.csv"


def write(folder: Path, text: str) -> Path:
    """A table."""
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_layout_of_bands(tmp_path: Path) -> None:
    """Starts, hazards and cumulative hazards follow one another, key by key; a late start is held down to age 0."""
    table = load_life_table(write(tmp_path, "sex,age,q\nf,0,0.1\nf,5,0.2\nm,0,0.5\nm,1,0.3\nf,10,0.4\n"), "q")
    assert (table.keys, table.key_columns) == ([("f",), ("m",)], ("sex",))
    assert (table.offset.tolist(), table.n_intervals.tolist(), table.array.size) == ([0, 9], [3, 2], 15)
    starts, hazards, cumulative = table.intervals(0)
    assert starts.tolist() == [0.0, 5.0, 10.0]
    np.testing.assert_allclose(hazards, [-math.log(0.9) / 5, -math.log(0.8) / 5, -math.log(0.6)])
    np.testing.assert_allclose(cumulative, [0.0, -math.log(0.9), -math.log(0.72)])
    starts, hazards, cumulative = table.intervals(1)
    np.testing.assert_allclose(
        np.concatenate([starts, hazards, cumulative]), [0, 1, math.log(2), -math.log(0.7), 0, math.log(2)]
    )
    late = load_life_table(write(tmp_path, "age,m\n50,0.1\n60,0.2\n"), "m")
    np.testing.assert_allclose(late.array, [0, 50, 60, 0.1, 0.1, 0.2, 0, 5, 6])
    assert (late.keys, late.index_of({})) == ([()], 0)


@pytest.mark.parametrize("age", [0.0, 3.3, 5.0, 60.0, 200.0])
def test_life_expectancy_is_the_integral_of_survival(tmp_path: Path, age: float) -> None:
    """Life expectancy equals numerical integration, from any exact age, also across a band without deaths."""
    table = load_life_table(write(tmp_path, "age,m\n0,0.02\n5,0\n20,0.01\n70,0.2\n"), "m")
    starts, hazards, cumulative = table.intervals(0)

    def total(t: float) -> float:
        i = int(np.searchsorted(starts, t, side="right")) - 1
        return float(cumulative[i] + hazards[i] * (t - starts[i]))

    breaks = [5, 20, 70]
    expected, _ = integrate.quad(lambda t: math.exp(total(age) - total(t)), age, age + 400, points=breaks, limit=500)
    assert table.life_expectancy(0, age) == pytest.approx(expected, rel=1e-7)


def test_last_row_is_held_for_ever(tmp_path: Path) -> None:
    """Beyond the table the last hazard holds; without deaths life is endless."""
    assert load_life_table(write(tmp_path, "age,m\n0,0.5\n"), "m").life_expectancy(0, 300.0) == pytest.approx(2.0)
    assert load_life_table(write(tmp_path, "age,m\n0,0\n"), "m").life_expectancy(0) == math.inf


def test_a_probability_of_one_closes_the_table(tmp_path: Path) -> None:
    """Whoever reaches a last row with q = 1 dies there, within hours; only rows with q = 1 may follow."""
    table = load_life_table(write(tmp_path, "age,q\n99,0.3\n100,0.4\n101,1\n102,1\n"), "q")
    assert table.closed == 101.0
    assert table.life_expectancy(0, 101.0) == pytest.approx(0.0, abs=2e-3)
    hazard = -math.log(0.6)
    assert table.life_expectancy(0, 100.0) == pytest.approx(0.4 / hazard, abs=2e-3)
    assert load_life_table(write(tmp_path, "age,q\n0,0.5\n"), "q").closed is None


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ([0, 1, 2, 4, 5], r"table\.csv:5: column 'age': 4 follows 2: a row seems to be missing"),
        ([0, 1, 2, 3, 5], "5 follows 3"),
        ([0, 5, 10, 20, 25], "20 follows 10"),
        ([0, 1, 5, 10, 15, 25, 30], "25 follows 15"),
        ([0, 5, 10, 20, 30, 50], ""),
        ([0, 1, 5, 10, 15, 20], ""),
        ([0, 60, 80], ""),
    ],
)
def test_a_missing_row_is_noticed(tmp_path: Path, ages: list[int], said: str) -> None:
    """A neighbour must not cover silently what a missing row would say; irregular bands are no gap."""
    path = write(tmp_path, "age,m\n" + "".join(f"{age},0.1\n" for age in ages))
    if said:
        with pytest.raises(DataError, match=said):
            load_life_table(path, "m")
    else:
        assert load_life_table(path, "m").n_intervals.tolist() == [len(ages)]


def test_stated_bands_have_neither_gap_nor_overlap(tmp_path: Path) -> None:
    """Each band ends where the next one starts, in life tables and norms."""
    good = write(tmp_path, "age,age_end,q\n0,1,0.1\n1,3,0.2\n3,4,0.1\n4,5,0.5\n")
    np.testing.assert_allclose(load_life_table(good, "q", []).intervals(0)[1][1], -math.log(0.8) / 2)
    for end, said in (
        ("2", "the next band starts at 3, which is a gap"),
        ("4", "the next band starts at 3, which is an overlap"),
    ):
        path = write(tmp_path, f"age,age_end,utility\n0,1,0.9\n1,{end},0.8\n3,,0.7\n")
        with pytest.raises(DataError, match=rf"table\.csv:3: column 'age_end': {end}: {said}"):
            load_norms(path, [])


def test_keys_by_single_years_begin_and_end_together(tmp_path: Path) -> None:
    """Rows that one sex lacks at an end of the table would be covered by its neighbour."""
    rows = [f"{sex},{age},0.1" for sex in "fm" for age in range(4)]
    for missing, said in (("m,0,0.1", "sex m begins at 1, another key at 0"), ("f,3,0.1", "sex f ends at 2")):
        with pytest.raises(DataError, match=said):
            load_life_table(write(tmp_path, "\n".join(["sex,age,q", *(r for r in rows if r != missing)])), "q")


def test_a_misspelt_key_that_nobody_has_is_refused(tmp_path: Path) -> None:
    """Its rows are missing where they belong; a key of its own, such as both sexes together, is not."""
    table = load_life_table(write(tmp_path, "sex,age,q\nfemale,0,0.1\nmale,0,0.1\nfemal,1,0.2\nboth,0,0.1\n"), "q")
    with pytest.raises(DataError, match=r"table\.csv:4: unknown sex 'femal'. Did you mean 'female'"):
        table.check_unused({0, 1})
    of_both = load_life_table(write(tmp_path, "sex,age,q\nfemale,0,0.1\nmale,0,0.1\n"), "q")
    of_both.check_unused({1})  # men alone read their own part of a table of both


def test_keys_are_found_by_their_values(tmp_path: Path) -> None:
    """Several key columns in any order, numbers for labels, and a hint for a wrong value."""
    path = write(tmp_path, "sex,stage,age,q\nf,1,0,0.1\nf,2,0,0.2\nm,1,0,0.3\n")
    table = load_life_table(path, "q")
    assert table.index_of({"stage": 2.0, "sex": "f", "size_cm": 3}) == 1
    with pytest.raises(DataError, match=r"table\.csv: unknown sex, stage 'mm, 1'. Did you mean 'm, 1'"):
        table.index_of({"sex": "mm", "stage": "1"})
    with pytest.raises(DataError, match="no value given for the key column 'stage'"):
        table.index_of({"sex": "f"})
    assert load_life_table(path, "q", ["stage", "sex"]).keys[0] == ("1", "f")


@pytest.mark.parametrize(
    ("text", "measure", "message"),
    [
        ("age,q\n0,1\n1,0.5\n", "q", r"table\.csv:2: column 'q': the probability 1 leaves nobody for the row of age 1"),
        ("age,q\n0,1.2\n", "q", "the probability 1.2 lies outside 0 to 1"),
        ("age,q\n0,-0.1\n", "q", "the probability -0.1 lies outside 0 to 1"),
        ("age,m\n0,-0.1\n", "m", "the rate -0.1 is below 0"),
        ("age,m\n0,x\n", "m", "'x' is not a finite number"),
        ("age,qx\n0,0.1\n", "q", "the column 'q' is missing"),
        ("age,q\n-1,0.1\n", "q", "-1 is below 0"),
        ("age,q\n1,0.1\n1,0.1\n", "q", r":3: column 'age': 1 is not above the age before it, 1 \(the table has no key"),
        ("sex,age,q\nf,1,0.1\nf,0,0.1\n", "q", r"0 is not above the age before it, 1 \(rows are told apart by sex\)"),
        ("sex,age,q\n,1,0.1\n", "q", "column 'sex': the cell is blank"),
        ("age,q\n", "q", "a header but no rows"),
        ("age,q\n0,0.1\n", "qx", "unknown measure 'qx'. Did you mean 'q'"),
    ],
)
def test_bad_life_tables_are_refused(tmp_path: Path, text: str, measure: Literal["q", "m"], message: str) -> None:
    """Each message names the file, line, column and value."""
    with pytest.raises(DataError, match=message):
        load_life_table(write(tmp_path, text), measure)


def test_stated_keys_are_the_only_ones(tmp_path: Path) -> None:
    """A further column is passed over once the key columns are stated; a negative age has no expectancy."""
    path = write(tmp_path, "sex,year,age,q\nf,2020,0,0.1\n")
    with noting_further_columns() as further:
        assert load_life_table(path, "q", ["sex"]).keys == [("f",)]
    assert further == {str(path): ("year",)}
    with pytest.raises(DataError, match="age is -1; it must be 0 or more"):
        load_life_table(path, "q").life_expectancy(0, -1)


@pytest.mark.parametrize(("sex", "expectancy"), [("male", 79.04), ("female", 82.87)])
def test_bundled_table_gives_uk_life_expectancy(sex: str, expectancy: float) -> None:
    """UK 2018-2020 at birth; deaths spread evenly over a year of age give these, a constant hazard 0.01 less."""
    table = load_life_table(BUNDLED, "q")
    assert table.life_expectancy(table.index_of({"sex": sex})) == pytest.approx(expectancy, abs=0.02)


def test_norms_by_single_year(tmp_path: Path) -> None:
    """A row holds to the next; below the first and above the last the nearest row holds."""
    norms = load_norms(write(tmp_path, "sex,age,utility\nmale,16,0.95\nmale,25,0.9\nfemale,16,0.94\nmale,100,-0.1\n"))
    male = norms.array[norms.index_of({"sex": "male"})]
    assert norms.array.shape == (2, 121)
    assert male[[0, 15, 16, 24, 25, 99, 100, 120]].tolist() == [0.95, 0.95, 0.95, 0.95, 0.9, 0.9, -0.1, -0.1]
    assert set(norms.array[norms.index_of({"sex": "female"})]) == {0.94}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,utility\n16,1.2\n", r"table\.csv:2: column 'utility': 1.2 lies outside -1 to 1"),
        ("age,utility\n16.5,0.9\n", "16.5 is not a whole year from 0 to 120"),
        ("age,utility\n121,0.9\n", "121 is not a whole year from 0 to 120"),
        ("age,utlity\n16,0.9\n", "the column 'utility' is missing. Did you mean 'utlity'"),
        ("age,utility\n16,\n", "column 'utility': the cell is blank"),
    ],
)
def test_bad_norms_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each message names the file, line, column and value."""
    with pytest.raises(DataError, match=message):
        load_norms(write(tmp_path, text))
