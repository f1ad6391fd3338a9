"""Draws from tables that others wrote: every form, and one message for each that is bad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import DataError, InputError
from lmssim.studies.sensitivity.voi.files import read_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Frames = dict[str, pd.DataFrame]

N = 60


@pytest.fixture
def frames() -> Frames:
    """Effects, costs and parameters of two strategies."""
    rng = np.random.default_rng(1)
    p = pd.DataFrame({"p1": rng.normal(1.0, 1.0, N), "p2": rng.normal(0.0, 2.0, N)})
    nothing = np.zeros(N)
    return {
        "effects": pd.DataFrame({"old": nothing, "new": p["p1"]}),
        "costs": pd.DataFrame({"old": nothing, "new": p["p2"]}),
        "parameters": p,
    }


def written(frames: Frames, folder: Path, **how: Any) -> list[Path]:
    """The tables as CSV."""
    paths = []
    for name, frame in frames.items():
        paths.append(folder / f"{name}.csv")
        frame.to_csv(paths[-1], index=how.get("index", False))
    return paths


def test_three_tables(frames: Frames, tmp_path: Path) -> None:
    """A column a strategy, a column a parameter; and R's or pandas' numbers of rows in front are left out."""
    source = read_files(written(frames, tmp_path))
    again = read_files(written(frames, tmp_path, index=True))
    for each in (source, again):
        assert list(each.draws.strategies) == ["old", "new"]
        assert list(each.draws.parameters) == ["p1", "p2"]
        assert each.draws.benefit(2.0)[:, 1] == pytest.approx(2.0 * frames["parameters"]["p1"] - frames["costs"]["new"])
    assert source.draws.noise is None


def test_strategies_are_matched_by_name(frames: Frames, tmp_path: Path) -> None:
    """Whatever their order, and with the word for what the table holds before or after each."""
    frames["costs"] = frames["costs"][["new", "old"]].rename(columns=lambda name: f"cost_{name}")
    frames["effects"] = frames["effects"].rename(columns=lambda name: f"{name}.qalys")
    draws = read_files(written(frames, tmp_path)).draws
    assert list(draws.strategies) == ["old", "new"]
    assert draws.cost[:, 0] == pytest.approx(0.0)


def test_parquet(frames: Frames, tmp_path: Path) -> None:
    """As CSV."""
    paths = []
    for name, frame in frames.items():
        paths.append(tmp_path / f"{name}.parquet")
        frame.to_parquet(paths[-1])
    csv = read_files(written(frames, tmp_path)).draws
    assert read_files(paths).draws.cost == pytest.approx(csv.cost)


def long_form(frames: Frames) -> pd.DataFrame:
    """One table, a row a draw and strategy, parameters beside."""
    parts = []
    for name in ("old", "new"):
        columns = {"sample": np.arange(1, N + 1), "strategy": name, "costs": frames["costs"][name]}
        parts.append(pd.DataFrame({**columns, "qalys": frames["effects"][name], **frames["parameters"]}))
    return pd.concat(parts, ignore_index=True)


def test_long_form(frames: Frames, tmp_path: Path) -> None:
    """With parameters beside, or in a second table, in CSV or Parquet: the draws of the three tables."""
    wide = read_files(written(frames, tmp_path)).draws
    table = long_form(frames)
    table.to_csv(tmp_path / "long.csv", index=False)
    table.to_parquet(tmp_path / "long.parquet")
    table.drop(columns=["p1", "p2"]).to_csv(tmp_path / "bare.csv", index=False)
    sources = (
        [tmp_path / "long.csv"],
        [tmp_path / "long.parquet"],
        [tmp_path / "bare.csv", tmp_path / "parameters.csv"],
    )
    for paths in sources:
        draws = read_files(paths).draws
        assert list(draws.strategies) == ["old", "new"]
        assert draws.cost == pytest.approx(wide.cost)
        assert draws.effect == pytest.approx(wide.effect)
        assert draws.columns(["p1", "p2"]) == pytest.approx(wide.columns(["p1", "p2"]))


def test_net_benefits(frames: Frames, tmp_path: Path) -> None:
    """Two tables: willingness to pay is part of them."""
    benefit = 3.0 * frames["effects"] - frames["costs"]
    paths = written({"benefit": benefit, "parameters": frames["parameters"]}, tmp_path)
    source = read_files(paths)
    assert source.is_net_benefit
    assert source.draws.benefit(12.0) == pytest.approx(benefit.to_numpy())
    assert "read as net benefits" in source.notes[0]


def test_constant_parameters_are_left_out_and_said(frames: Frames, tmp_path: Path) -> None:
    """One sentence."""
    frames["parameters"]["rate"] = 0.035
    source = read_files(written(frames, tmp_path))
    assert list(source.draws.parameters) == ["p1", "p2"]
    assert source.notes == ["Left out, as the same in every draw: rate."]


def _short(frames: Frames) -> None:
    frames["costs"] = frames["costs"].iloc[:-1]


def _blank(frames: Frames) -> None:
    frames["effects"].loc[3, "new"] = np.nan


def _text(frames: Frames) -> None:
    frames["costs"]["new"] = frames["costs"]["new"].astype(object)
    frames["costs"].loc[3, "new"] = "n/a"


def _endless(frames: Frames) -> None:
    frames["parameters"].loc[0, "p2"] = np.inf


def _one(frames: Frames) -> None:
    for name in ("effects", "costs"):
        frames[name] = frames[name][["new"]]


def _other_name(frames: Frames) -> None:
    frames["costs"] = frames["costs"].rename(columns={"new": "newer"})


def _one_less(frames: Frames) -> None:
    frames["costs"] = frames["costs"][["old"]]


def _constant(frames: Frames) -> None:
    frames["parameters"] = pd.DataFrame({"p1": np.ones(N)})


def _few(frames: Frames) -> None:
    for name in frames:
        frames[name] = frames[name].iloc[:10]


def _no_header(frames: Frames) -> None:
    frames["effects"].columns = pd.Index(["1.5", "2.5"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_short, r"costs.csv: 59 rows, but .*effects.csv has 60; row k of each table must be draw k"),
        (_blank, r"effects.csv:5: column 'new': the cell is blank"),
        (_text, r"costs.csv:5: column 'new': 'n/a' is not a finite number"),
        (_endless, r"parameters.csv:2: column 'p2': 'inf' is not a finite number"),
        (_one, r"effects.csv: one strategy \('new'\); a decision takes two or more"),
        (_other_name, r"costs.csv: the column 'newer' is no strategy of .* Did you mean 'new'\?"),
        (_one_less, r"costs.csv: no column for strategy 'new' of .*effects.csv"),
        (_constant, r"parameters.csv: no column varies"),
        (_few, r"effects.csv: 10 draws; at least 50 are needed"),
        (_no_header, r"effects.csv:1: the first row holds numbers"),
    ],
)
def test_bad_tables(frames: Frames, tmp_path: Path, spoil: Callable[[Frames], None], message: str) -> None:
    """One message that names the file, the line and the column."""
    spoil(frames)
    with pytest.raises(DataError, match=message):
        read_files(written(frames, tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the file is empty"),
        ("old,new\n", r"a header but no rows"),
        ("old;new\n1;2\n", r"separate columns by commas"),
        ("old,old\n1,2\n", r"'old' stands twice"),
        ("old,new\n1,2,3\n4,5\n", r"not a table in CSV"),
        ("old,n\xffw\n1,2\n", r"not UTF-8"),
    ],
)
def test_bad_text(frames: Frames, tmp_path: Path, text: str, message: str) -> None:
    """What is no table is one message too."""
    paths = written(frames, tmp_path)
    paths[0].write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        read_files(paths)


def test_bad_long_form(frames: Frames, tmp_path: Path) -> None:
    """A draw that lacks a strategy or has it twice, a column that is missing or stands twice."""
    path = tmp_path / "long.csv"
    table = long_form(frames)
    cases = (
        (table.iloc[:-1], r"draw 60 has 1 strategies of 2"),
        (pd.concat([table, table.iloc[[0]]]), r"long.csv:122: draw 1 has strategy 'old' twice"),
        (table.drop(columns="costs"), r"needs a column of the cost"),
        (table.assign(cost=1.0), r"columns 'costs' and 'cost' both name the cost"),
        (table.drop(columns="strategy"), r"needs a column of the strategy"),
        (table.drop(columns=["p1", "p2"]), r"no column is a parameter"),
    )
    for frame, message in cases:
        frame.to_csv(path, index=False)
        with pytest.raises(DataError, match=message):
            read_files([path])


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """Their name, and the number that is expected."""
    with pytest.raises(DataError, match="there is no such file"):
        read_files([tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"])
    with pytest.raises(InputError, match="4 files; expected effects, costs and parameters"):
        read_files([tmp_path / name for name in "abcd"])
