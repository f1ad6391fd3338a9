"""Tables of parameters: what is refused, with file, line and reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import DataError, InputError, ParameterError
from lmssim.model.parameters.table import load_parameters
from tests.kit.parameters import HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "parameters.csv") -> Path:
    """A table with these rows."""
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def row(start: str, kind: str = "definition", reason: str = "") -> str:
    """A row that begins so, padded to the columns of the header."""
    cells = start.split(",")
    return ",".join([*cells, *[""] * (9 - len(cells)), "", kind, "", "", "", reason])


REFUSED = [
    ([row("a,1"), row("a,2")], r"parameters\.csv:3: parameter 'a' is already defined at .*parameters\.csv:2"),
    ([row("2a,1")], r":2: column 'id': '2a' is not a free name"),
    ([row("exp,1")], "'exp' is not a free name"),
    ([row("a,1,norml")], r":2: parameter 'a': unknown distribution 'norml'\. Did you mean 'normal'"),
    ([row("a,1", kind="publishd")], "unknown kind 'publishd'. Did you mean 'published'"),
    ([row("a,1", kind="")], "unknown kind ''. Allowed: assumed"),
    ([row("a,1", kind="assumed")], "column 'reason'.*'a' is assumed"),
    ([row("a,1", kind="published")], "column 'source_id'.*'a' is published"),
    ([row("alpha,1"), row("b,,,,,,,,2 * alpah")], r":3: parameter 'b': unknown parameter .* 'alpah'.*'alpha'"),
    ([row("a,,,,,,,,b"), row("b,,,,,,,,a + 1")], "goes round in a circle: a -> b -> a|b -> a -> b"),
    ([row("a,,,,,,,,'x'")], "does not give a number"),
    ([row("a,,,,,,,,1 / 0")], "value of '1 / 0' is inf"),
    ([row("a,,,,,,,,x.y")], "which is not allowed"),
    ([row("a,1,,,,,,,2")], "has no value"),
    ([row("a,nan")], "column 'value': 'nan' is not a finite number"),
    ([row("a,1_0")], "'1_0' is not a finite number"),
    ([row("a,")], "column 'value': the cell is blank"),
    ([row("a,1,,,,0.1")], "column 'distribution': the cell is blank, but"),
    ([row("a,0.5,beta,,,0.5")], "cannot have mean 0.5 with standard deviation 0.5: it must be below 0.5"),
    ([row("a,1,beta,,,0.1")], "has mean 1; it must lie between 0 and 1"),
    ([row("a,-1,gamma,,,0.1")], "has mean -1"),
    ([row("a,0,lognormal,,,0.1")], "has value 0"),
    ([row("a,1,lognormal,,,,0,2")], "has low 0"),
    ([row("a,1,normal,,,0")], "has se 0"),
    ([row("a,1,normal,1")], "needs both p1 and p2"),
    ([row("a,1,gamma,-1,2")], "cannot have p1 -1 and p2 2"),
    ([row("a,1,normal")], "needs p1 and p2, or se, or low and high"),
    ([row("a,1,uniform")], "needs low and high"),
    ([row("a,5,uniform,,,,1,2")], "low is 1, value 5, high 2"),
    ([row("a,5,normal,,,,1,2")], "low is 1, value 5, high 2"),
]


@pytest.mark.parametrize(("rows", "message"), REFUSED)
def test_bad_rows_are_refused(tmp_path: Path, rows: Sequence[str], message: str) -> None:
    """Each message names the file, the line and the reason."""
    with pytest.raises(InputError, match=message):
        load_parameters([write(tmp_path, *rows)]).base()


def test_bounds_are_kept(tmp_path: Path) -> None:
    """Values and overrides beyond lower or upper are refused, and so is a truncation that leaves nothing."""
    header = HEADER + ",lower,upper"
    with pytest.raises(ParameterError, match="value is 2, beyond its upper bound 1"):
        load_parameters([write(tmp_path, row("a,2") + ",0,1", header=header)])
    with pytest.raises(ParameterError, match="no values between lower 0 and upper 9"):
        load_parameters([write(tmp_path, row("a,5,normal,-100,1") + ",0,9", header=header)])
    table = load_parameters([write(tmp_path, row("a,0.5") + ",0,1", header=header)])
    with pytest.raises(ParameterError, match="its override is -1, beyond its lower bound 0"):
        table.with_values({"a": -1.0})
    with pytest.raises(ParameterError, match="its override is inf"):
        table.with_values({"a": math.inf})
    with pytest.raises(ParameterError, match="unknown parameter 'b'"):
        table.with_values({"b": 1.0})
    with pytest.raises(ParameterError, match="unknown parameter 'b'"):
        table.evaluate({"b": np.ones(1)})
    with pytest.raises(ParameterError, match="unknown parameter 'b'"):
        table.select(["b"])


def test_bad_files_are_refused(tmp_path: Path) -> None:
    """Files that are missing, not text, or not the table expected."""
    path = write(tmp_path, row("a,1"))
    with pytest.raises(DataError, match=r"paramters\.csv: there is no such file\. Did you mean 'parameters\.csv'"):
        load_parameters([tmp_path / "paramters.csv"])
    for header, message in (
        (HEADER.replace("value", "valeu"), "column 'value' is missing. Did you mean 'valeu'"),
        (HEADER.replace("reason", "reson"), "unknown column 'reson'. Did you mean 'reason'"),
        (HEADER.replace("reason", "unit"), "column 'unit' stands twice"),
        (HEADER.replace("unit", ""), "column 10 has no name"),
        (HEADER.replace(",", ";"), "separate columns by commas"),
    ):
        with pytest.raises(DataError, match=message):
            load_parameters([write(tmp_path, row("a,1"), header=header)])
    for content, message in (
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"", "the file is empty"),
        (HEADER.encode(), "a header but no rows"),
        (HEADER.encode() + b"\na,1", ":2: the row has 2 cells, the header 15"),
        (HEADER.encode() + b'\n"a,1', ":2: not a CSV record"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_parameters([path])
