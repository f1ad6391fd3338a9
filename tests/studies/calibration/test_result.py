"""Tables of a calibration: written and read back unchanged, and refused where they are not what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmssim.errors import DataError
from lmssim.studies.calibration.result import COLUMNS, Calibration, observed_interval
from tests.kit.calibrated import synthetic

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Eighteen targets, one of them without a value."""
    return synthetic()


def test_what_is_read_is_what_was_written(calibration: Calibration, tmp_path: Path) -> None:
    """Every table to the last bit and its kinds, further columns, missing values and all of the diagnostics."""
    paths = calibration.write(tmp_path)
    assert {p.name for p in paths} == {p.name for p in tmp_path.iterdir()}
    again = Calibration.read(tmp_path)
    assert (again.name, again.label) == (calibration.name, calibration.label)
    assert again.diagnostics == calibration.diagnostics
    for name in COLUMNS:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(calibration, name), check_exact=True)


def test_the_same_tables_are_the_same_bytes(calibration: Calibration, tmp_path: Path) -> None:
    """Also after they were read."""
    calibration.write(tmp_path / "a")
    paths = Calibration.read(tmp_path / "a").write(tmp_path / "b")
    assert all(path.read_bytes() == (tmp_path / "a" / path.name).read_bytes() for path in paths)


def test_odd_values_survive(calibration: Calibration, tmp_path: Path) -> None:
    """Text that looks like a number or a blank, quotes and line ends, infinity, an empty table."""
    free = calibration.free.assign(label=['0012, "a"\nb', "NA", "", "None", "<b>"], r_hat=np.inf)
    empty = calibration.left_out.iloc[:0]
    parts = {name: getattr(calibration, name) for name in COLUMNS} | {"free": free, "left_out": empty}
    odd = Calibration(name="x", label="é", **parts, diagnostics={"max_r_hat": np.float64(np.nan), "steps": (1, 2)})
    odd.write(tmp_path)
    again = Calibration.read(tmp_path)
    assert list(again.free["label"]) == list(free["label"])
    pd.testing.assert_frame_equal(again.free, odd.free, check_exact=True)
    pd.testing.assert_frame_equal(again.left_out, odd.left_out)
    assert again.diagnostics == {"max_r_hat": None, "steps": [1, 2]}


def test_a_missing_column_is_named(calibration: Calibration) -> None:
    """At once, not when a picture is drawn."""
    parts = {name: getattr(calibration, name) for name in COLUMNS} | {"fit": calibration.fit.drop(columns="n")}
    with pytest.raises(DataError, match="calibration x: table 'fit' has no column n"):
        Calibration(name="x", label="", **parts, diagnostics={})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("fit.csv", None, "fit.csv: No such file or directory; expected a table of a calibration"),
        ("free.csv", "id,label\na,b\n", "table 'free' has no column unit"),
        ("shifts.csv", "id,prior_mean,prior_sd,shift,conflict\na,1,2,x,True\n", "table 'shifts': could not convert"),
        ("shifts.csv", "id,prior_mean,prior_sd,shift,conflict\na,1,2,3,maybe\n", "'maybe' is neither True nor False"),
        ("shifts.csv", "", "shifts.csv: is not a table"),
        ("chain.parquet", "text", "chain.parquet"),
        ("diagnostics.json", "[]", "diagnostics.json: is not the diagnostics of a calibration"),
        ("diagnostics.json", None, "diagnostics.json: No such file or directory; expected the folder"),
    ],
)
def test_a_spoilt_folder_is_refused(
    calibration: Calibration, tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    """With the file and what is wrong."""
    calibration.write(tmp_path)
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        Calibration.read(tmp_path)


def test_the_observed_interval_is_stated_or_exact(calibration: Calibration) -> None:
    """Of 11 in 75 the exact binomial one; of a time the stated one; nothing where nothing is known."""
    fit = calibration.fit.iloc[:4].assign(
        n=[75.0, 20.0, 20.0, np.nan],
        observed=[11 / 75, 0.0, 1.0, 0.3],
        statistic=["proportion", "proportion", "km_median", "proportion"],
    )
    low, high = observed_interval(fit)
    exact = stats.binomtest(11, 75).proportion_ci(0.95, method="exact")
    assert (low[0], high[0]) == pytest.approx((exact.low, exact.high))
    assert low[1] == 0.0
    assert high[1] == pytest.approx(1.0 - 0.025 ** (1 / 20))
    assert np.isnan([low[2], high[2], low[3], high[3]]).all()
    times = calibration.fit[calibration.fit["statistic"] == "median_time"]
    assert [float(x[0]) for x in observed_interval(times)] == [0.8, 5.5]
