"""Groups that draw from a file of posterior draws: which parameters they mean, how rows are paired, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.model.scenario import Scenario, load_scenario
from tests.kit.models import DEAD, HEAD, categorical, exponential, frame, move, start
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray

SEED = 7
N_ROWS = 40
LIMB = {"h5": 1.0, "rate": 2.0, "price": 3.0, "factor": 4.0, "cost": 5.0, "tau_death": 6.0}
"""Columns of the limb's posterior: `h5` and `tau_death` are no parameters, `cost` is derived."""
WOMB = {"rate": 7.0, "factor": 4.0}
AS_LIMB = """
parameters = ["limb.csv", "shared.csv"]
[groups.calibrated]
kind = "posterior"
file = "limb.parquet"
"""
BY_SITE = """
shared_parameters = ["shared.csv"]
[parameters_by.site]
limb = ["limb.csv"]
womb = ["womb.csv"]
[groups.limb_calibrated]
kind = "posterior"
category = "limb"
file = "limb.parquet"
[groups.womb_calibrated]
kind = "posterior"
category = "womb"
file = "womb.parquet"
[groups.shared_calibrated]
kind = "posterior"
members = ["factor"]
file = "limb.parquet"
"""
SWITCHES = """
[switches.deaths]
default = "as_is"
options.as_is = {}
options.twice = { set = { rate = "2 * rate" } }
options.other = { set = { rate = "0.01 * factor" } }
options.none = { set = { rate = 0 } }
"""
Write = Callable[..., "Path"]


def posterior(columns: dict[str, float], n_rows: int = N_ROWS) -> pd.DataFrame:
    """Draws that tell their column and their row: column x of row k is x + k / 1000."""
    return pd.DataFrame({"draw": range(n_rows)} | {name: x + np.arange(n_rows) / 1000 for name, x in columns.items()})


def in_row(column: float, draws: FloatArray | list[int]) -> FloatArray:
    """What `posterior` holds in a column at some draws."""
    return np.asarray(column + (np.asarray(draws) % N_ROWS) / 1000, dtype=np.float64)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a small model with its tables and posteriors; returns its path."""

    def make(head: str = AS_LIMB, more: str = "") -> Path:
        tables = {
            "limb": ("rate, 0.1", "price, 10"),
            "womb": ("rate, 0.2", "price, 20"),
            "shared": ("factor, 2", "cost = price * factor"),
        }
        for name, rows in tables.items():
            groups = {"rate": "calibrated"} if name == "limb" else {}
            (tmp_path / f"{name}.csv").write_text(parameter_table(*rows, kind="calibrated", groups=groups))
        for name, columns in (("limb", LIMB), ("womb", WOMB)):
            posterior(columns).to_parquet(tmp_path / f"{name}.parquet")
        model = frame(20, covariates=categorical("site", limb=0.5, womb=0.5))
        model += start("alive", utility=1, cost_per_year={"total": "cost"}) + DEAD
        model += move("alive", "dead", exponential("rate"))
        path = tmp_path / "test.toml"
        path.write_text(HEAD + head + model + more)
        return path

    return make


def drawn(scenario: Scenario, n_draws: int = 5, first_draw: int = 0) -> dict[str, FloatArray]:
    """Draws of every parameter."""
    return compile_scenario(scenario).sample(n_draws, SEED, first_draw)


def assert_in_rows(values: FloatArray, column: float, draws: list[int]) -> None:
    """Values are those of a column at some draws."""
    np.testing.assert_allclose(values, in_row(column, draws), rtol=1e-14)


# === Which parameters ===


def test_members_left_out_are_the_parameters_of_the_file(write: Write) -> None:
    """Every column that is a parameter and not derived, one row a draw; the base case keeps the table's values."""
    scenario = load_scenario(write())
    assert list(scenario.groups["calibrated"].members) == ["rate", "price", "factor"]
    draws = [38, 39, 40, 41]
    values = drawn(scenario, 4, first_draw=38)
    for name in ("rate", "price", "factor"):
        assert_in_rows(values[name], LIMB[name], draws)
    np.testing.assert_allclose(values["cost"], values["price"] * values["factor"], rtol=1e-14)
    assert {name: float(value[0]) for name, value in scenario.table.base().items()} == {
        "rate": 0.1,
        "price": 10.0,
        "factor": 2.0,
        "cost": 20.0,
    }


def test_columns_that_nothing_uses_do_no_harm(write: Write) -> None:
    """A parameter that the model does not use is none of its own because a posterior knows it; with a name, it is."""
    head = AS_LIMB.replace('"shared.csv"]', '"shared.csv"]\nshared_parameters = ["more.csv"]')
    path = write(head)
    (path.parent / "more.csv").write_text(parameter_table("h5, 1", kind="calibrated"))
    assert "h5" not in compile_scenario(load_scenario(path)).used
    named = write(head + 'members = ["rate", "h5"]\n')
    assert "h5" in compile_scenario(load_scenario(named)).used


def test_columns_belong_to_the_parameters_of_their_category(write: Write) -> None:
    """Column x of a category is its own x; what all share comes from the one group that names it; row k goes with k."""
    scenario = load_scenario(write(BY_SITE))
    assert list(scenario.groups["limb_calibrated"].members) == ["limb_rate", "limb_price"]
    assert list(scenario.groups["womb_calibrated"].members) == ["womb_rate"]
    draws = list(range(39, 44))
    values = drawn(scenario, 5, first_draw=39)
    assert_in_rows(values["limb_rate"], LIMB["rate"], draws)
    assert_in_rows(values["womb_rate"], WOMB["rate"], draws)
    assert_in_rows(values["factor"], LIMB["factor"], draws)
    assert set(values["womb_price"]) == {20.0}


def test_a_category_may_name_what_all_share(write: Write) -> None:
    """Named members of a category are its own where it has one, else the shared parameter."""
    head = BY_SITE[: BY_SITE.index("[groups.womb")] + 'members = ["rate", "factor"]\n'
    scenario = load_scenario(write(head))
    assert list(scenario.groups["limb_calibrated"].members) == ["limb_rate", "factor"]
    values = drawn(scenario)
    assert_in_rows(values["limb_rate"], LIMB["rate"], [0, 1, 2, 3, 4])
    assert_in_rows(values["factor"], LIMB["factor"], [0, 1, 2, 3, 4])
    assert set(values["limb_price"]) == {10.0}


def test_a_file_of_an_included_group_stands_beside_its_file(write: Write) -> None:
    """As all other files that a scenario names."""
    path = write('include = ["models/part.toml"]\nparameters = ["limb.csv", "shared.csv"]\n')
    (path.parent / "models").mkdir()
    (path.parent / "models" / "part.toml").write_text(AS_LIMB[AS_LIMB.index("[groups") :])
    (path.parent / "limb.parquet").rename(path.parent / "models" / "limb.parquet")
    scenario = load_scenario(path)
    assert_in_rows(drawn(scenario)["rate"], LIMB["rate"], [0, 1, 2, 3, 4])
    assert any(name.endswith("limb.parquet") for name in scenario.inputs)


# === Rows ===


def test_rows_stay_whole(write: Write) -> None:
    """Shape and scale of a row stay together, in every group and draw: their correlation is that of the file."""
    path = write(BY_SITE)
    rng = np.random.default_rng(SEED)
    both = rng.multivariate_normal([0.0, 0.0], [[1.0, -0.9], [-0.9, 1.0]], 500)
    frames = [pd.DataFrame({"rate": np.exp(both[:, k])}) for k in (0, 1)]
    frames[0]["factor"] = frames[1]["rate"] ** 2
    for name, each in zip(("limb", "womb"), frames, strict=True):
        each.to_parquet(path.parent / f"{name}.parquet")
    values = drawn(load_scenario(path), 1000)
    logs = np.log([values["limb_rate"], values["womb_rate"]])
    np.testing.assert_array_equal(logs, np.log(np.vstack([np.exp(both), np.exp(both)]).T))
    np.testing.assert_allclose(values["factor"], values["womb_rate"] ** 2, rtol=1e-14)
    assert np.corrcoef(logs)[0, 1] < -0.85


# === Overrides and switches ===


@pytest.mark.parametrize("late", [False, True])
def test_an_override_holds_against_the_posterior(write: Write, late: bool) -> None:
    """An overridden member keeps its value, a derived one too; the others keep their draws."""
    overrides = {"rate": 0.5, "cost": 3.0}
    path = write()
    scenario = load_scenario(path).with_values(overrides) if late else load_scenario(path, overrides)
    values = sample_parameters(scenario.table, scenario.groups, 5, SEED)
    assert set(values["rate"]) == {0.5}
    assert set(values["cost"]) == {3.0}
    assert_in_rows(values["price"], LIMB["price"], [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("as_is", lambda limb, _: limb),
        ("twice", lambda limb, _: 2 * limb),
        ("other", lambda _, factor: 0.01 * factor),
        ("none", lambda limb, _: 0 * limb),
    ],
)
@pytest.mark.parametrize("head", [AS_LIMB, BY_SITE])
def test_a_switch_stands_against_the_posterior(write: Write, head: str, option: str, expected: Any) -> None:
    """What an option sets holds in every draw; a member in its expression has its draws, as all others."""
    scenario = load_scenario(write(head, SWITCHES), switches={"deaths": option})
    values = drawn(scenario)
    draws = [0, 1, 2, 3, 4]
    factor = in_row(LIMB["factor"], draws)
    sites = [("rate", LIMB)] if head is AS_LIMB else [("limb_rate", LIMB), ("womb_rate", WOMB)]
    for id_, columns in sites:
        np.testing.assert_allclose(values[id_], expected(in_row(columns["rate"], draws), factor), rtol=1e-14)
    assert_in_rows(values["factor"], LIMB["factor"], draws)


def test_a_switch_stands_against_any_group(write: Write) -> None:
    """Shares drawn together: the one that an option sets leaves the others' draws as they are."""
    head = 'parameters = ["limb.csv", "shared.csv"]\n[groups.calibrated]\nkind = "dirichlet"\n'
    path = write(head + 'members = ["rate", "factor"]\ncounts = [3, 4]\n', SWITCHES)
    for name, value in (("limb", "0.43"), ("shared", "0.57")):  # of a Dirichlet distribution of these counts
        table = path.parent / f"{name}.csv"
        table.write_text(re.sub(r"^(rate|factor),[^,]*", rf"\1,{value}", table.read_text(), flags=re.MULTILINE))
    free, twice, other = (drawn(load_scenario(path, switches={"deaths": o})) for o in ("as_is", "twice", "other"))
    np.testing.assert_allclose(twice["rate"], 2 * free["rate"], rtol=1e-14)
    np.testing.assert_allclose(other["rate"], 0.01 * free["factor"], rtol=1e-14)
    for values in (twice, other):
        np.testing.assert_array_equal(values["factor"], free["factor"])


# === Refusals ===


def test_a_mean_that_is_not_the_value_is_refused(write: Write) -> None:
    """The base case uses the value; rounding to a tenth of a standard deviation is allowed."""
    head = 'parameters = ["limb.csv", "shared.csv"]\n[groups.calibrated]\nkind = "multivariate_normal"\n'
    rest = 'members = ["rate"]\ncovariance = [[0.0001]]\n'
    value = float(load_scenario(write(AS_LIMB)).table.base()["rate"][0])
    load_scenario(write(f"{head}{rest}mean = [{value + 0.0009}]\n"))
    with pytest.raises(InputError, match=r"groups\.calibrated: mean of 'rate' is .* but its value is"):
        load_scenario(write(f"{head}{rest}mean = [{value + 0.002}]\n"))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (AS_LIMB + 'category = "limb"', "groups.calibrated.category = 'limb': no parameter differs by category"),
        (BY_SITE.replace('"limb"\n', '"lim"\n'), r"unknown category of site 'lim'\. Did you mean 'limb'"),
        (
            AS_LIMB + 'members = ["rate", "pricce"]',
            "groups.calibrated.members: unknown parameter 'pricce'. Did you mean",
        ),
        (AS_LIMB + 'members = ["rate", "rate"]', "members: one stands twice"),
        (AS_LIMB + "members = []", "must be one or more"),
        (AS_LIMB.replace("file", "#"), "groups.calibrated.file: is required and missing"),
        (AS_LIMB.replace("limb.parquet", "limp.parquet"), "no such file 'limp.parquet'. Did you mean 'limb.parquet'"),
        (AS_LIMB.replace("posterior", "dirichlet"), "groups.calibrated.members: is required and missing"),
        (
            AS_LIMB.replace("posterior", "dirichlet") + "members = ['rate']\ncounts = [1]",
            "file: only a posterior has one",
        ),
    ],
)
def test_bad_groups_are_refused_when_a_scenario_is_loaded(write: Write, head: str, message: str) -> None:
    """One message that names the key and what is allowed."""
    with pytest.raises(InputError, match=message):
        load_scenario(write(head))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": None}, r"(column 'rate': the cell is blank)|(rate.*blank)"),
        ({"rate": np.inf}, "column 'rate': .*inf.* is not a finite number"),
        ({"rate": "fast"}, "(column 'rate': 'fast' is not)|(column 'rate' holds)"),
        ("columns", "no column of .* is a parameter. It has draw, h5, tau_death."),
        ("rows", "(has no rows)|(has a header but no rows)"),
        ("all", "(not a Parquet table of numbers)|(file is empty. Expected a header with names)"),
    ],
)
def test_bad_files_are_refused(write: Write, suffix: str, change: Any, message: str) -> None:
    """Missing values, text, no parameter, no rows, no table: one message, before anything runs."""
    path = write(AS_LIMB.replace("limb.parquet", f"bad.{suffix}"))
    table = posterior(LIMB)
    if isinstance(change, dict):
        table = table.astype(object)
        table.loc[3, "rate"] = change["rate"]
        table = table if change["rate"] == "fast" else table.astype(float)
        table["rate"] = table["rate"].astype(str) if change["rate"] == "fast" else table["rate"]
    elif change == "columns":
        table = table[["draw", "h5", "tau_death"]]
    else:
        table = table.iloc[:0]
    bad = path.parent / f"bad.{suffix}"
    table.to_csv(bad, index=False) if suffix == "csv" else table.to_parquet(bad)
    if change == "all":
        bad.write_bytes(b"")
    with pytest.raises(InputError, match=message) as refused:
        load_scenario(path)
    assert str(bad) in str(refused.value)


def test_a_blank_cell_of_parquet_is_named(tmp_path: Path) -> None:
    """A missing value is not a number that happens to be NaN."""
    frame = pd.DataFrame({"rate": pd.array([1.0, None, 2.0], dtype="Float64"), "name": ["a", "b", "c"]})
    frame.to_parquet(tmp_path / "p.parquet")
    assert column_names(tmp_path / "p.parquet") == ["rate", "name"]
    with pytest.raises(InputError, match="row 2, column 'rate': the cell is blank"):
        read_columns(tmp_path / "p.parquet", ["rate"])


def test_no_parameter_is_drawn_twice(write: Write) -> None:
    """Two posteriors that both know a parameter: one must say which are its members."""
    twice = load_scenario(write(AS_LIMB + '[groups.again]\nkind = "posterior"\nfile = "womb.parquet"\n'))
    with pytest.raises(
        InputError, match=r"test.toml: groups\.again: its member 'rate' is already drawn with group 'calibrated'"
    ):
        drawn(twice)


def test_a_row_of_a_group_needs_its_column(write: Write) -> None:
    """A table that says its row is drawn with a group whose file lacks it."""
    path = write()
    posterior({"price": 3.0}).to_parquet(path.parent / "limb.parquet")
    with pytest.raises(InputError, match="parameter 'rate' is said to be drawn with group 'calibrated'"):
        drawn(load_scenario(path))
