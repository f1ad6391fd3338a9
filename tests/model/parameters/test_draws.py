"""Draws of parameters: laws of addressing, groups, derived values, and clear refusals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmssim.errors import DataError, ParameterError
from lmssim.model.parameters.draws import Group, sample_parameters
from lmssim.model.parameters.parameter import Parameter
from lmssim.model.parameters.table import ParameterTable, load_parameters
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20


@pytest.fixture
def table(tmp_path: Path) -> ParameterTable:
    """One parameter of every distribution, and two derived."""
    rows = parameter_table(
        "utility, 0.7, beta,,, 0.05",
        "cost, 1000, gamma,,, 200",
        "log_hr, -0.4, normal,,,, -0.8, 0.0",
        "hr, 0.6, lognormal,,,, 0.4, 0.9",
        "size, 5, triangular,,,, 2, 12",
        "share, 0.5, uniform,,,, 0, 1",
        "rate, 0.035",
        "total = cost * share + twice",
        "twice = 2 * cost",
    )
    path = tmp_path / "parameters.csv"
    path.write_text(rows)
    return load_parameters([path])


def test_draw_alone_equals_draw_of_many(table: ParameterTable) -> None:
    """Draw k alone is draw k of many, bit for bit, groups and derived values too."""
    groups = {
        "g": Group(
            name="g",
            kind="multivariate_normal",
            members=["log_hr", "size"],
            mean=[0.1, 5.0],
            covariance=[[0.04, 0.01], [0.01, 0.3]],
        ),
        "d": Group(name="d", kind="dirichlet", members=["share", "utility"], counts=[3, 4]),
    }
    many = sample_parameters(table, groups, 257, SEED)
    for k in (0, 1, 100, 256):
        alone = sample_parameters(table, groups, 1, SEED, first_draw=k)
        assert {id_: float(x[0]) for id_, x in alone.items()} == {id_: float(x[k]) for id_, x in many.items()}


def test_adding_a_parameter_leaves_other_draws(table: ParameterTable) -> None:
    """A parameter put before all others changes nobody else's draws; nor does leaving some out."""
    before = sample_parameters(table, {}, 50, SEED)
    more = ParameterTable([Parameter(id="new", value=1.0, distribution="normal", se=1.0), *table.values()])
    after = sample_parameters(more, {}, 50, SEED)
    fewer = sample_parameters(table.select(["total"]), {}, 50, SEED)
    assert list(fewer) == ["cost", "share", "total", "twice"]
    for id_, draws in before.items():
        np.testing.assert_array_equal(after[id_], draws)
        np.testing.assert_array_equal(fewer.get(id_, draws), draws)


def test_another_seed_gives_other_draws(table: ParameterTable) -> None:
    """Seeds are separate."""
    assert sample_parameters(table, {}, 1, 1)["hr"] != sample_parameters(table, {}, 1, 2)["hr"]


def test_derived_follow_draws_and_overrides(table: ParameterTable) -> None:
    """Derived values are recomputed in draws and after overrides; an override of one replaces it."""
    assert table.base()["total"].tolist() == [2500.0]
    draws = sample_parameters(table, {}, 9, SEED)
    np.testing.assert_array_equal(draws["total"], draws["cost"] * draws["share"] + 2 * draws["cost"])
    assert table.with_values({"cost": 10.0}).base()["total"].tolist() == [25.0]
    replaced = table.with_values({"twice": 1.0})
    assert replaced.base()["total"].tolist() == [501.0]
    assert set(sample_parameters(replaced, {}, 5, SEED)["twice"]) == {1.0}
    assert table["twice"].expression == "2 * cost"
    given = table.evaluate({"cost": np.array([1.0, 2.0]), "twice": np.array([0.0, 7.0])})
    assert given["total"].tolist() == [0.5, 8.0]
    assert given["rate"].tolist() == [0.035, 0.035]


def test_override_holds_against_its_group(table: ParameterTable) -> None:
    """An overridden member of a group keeps its value; the others keep their draws."""
    groups = {"d": Group(name="d", kind="dirichlet", members=["share", "utility"], counts=[3, 4])}
    free = sample_parameters(table, groups, 5, SEED)
    held = sample_parameters(table.with_values({"share": 0.25}), groups, 5, SEED)
    assert set(held["share"]) == {0.25}
    np.testing.assert_array_equal(held["utility"], free["utility"])


def parameters(*ids: str) -> ParameterTable:
    """A table of fixed parameters."""
    return ParameterTable(Parameter(id=id_, value=0.5) for id_ in ids)


def test_dirichlet_moments_and_zeros() -> None:
    """Shares sum to 1, follow their beta marginals, and a zero count stays exactly zero."""
    group = Group(name="g", kind="dirichlet", members=["a", "b", "c"], counts=[2, 0, 6])
    draws = sample_parameters(parameters("a", "b", "c"), {"g": group}, 10_000, SEED)
    np.testing.assert_allclose(draws["a"] + draws["b"] + draws["c"], 1.0, rtol=1e-12)
    assert not draws["b"].any()
    assert stats.kstest(draws["a"], stats.beta(2, 6).cdf).pvalue > 1e-3


def test_multivariate_normal_moments() -> None:
    """Mean and covariance are recovered within four standard errors."""
    covariance = [[1.0, 0.6], [0.6, 2.0]]
    group = Group(name="g", kind="multivariate_normal", members=["a", "b"], mean=[1, -2], covariance=covariance)
    n = 20_000
    draws = sample_parameters(parameters("a", "b"), {"g": group}, n, SEED)
    found = np.cov([draws["a"], draws["b"]])
    assert abs(draws["a"].mean() - 1.0) < 4.0 / math.sqrt(n)
    assert abs(draws["b"].mean() + 2.0) < 4.0 * math.sqrt(2.0 / n)
    assert abs(found[0, 1] - 0.6) < 4.0 * math.sqrt((0.36 + 2.0) / n)
    assert abs(found[1, 1] - 2.0) < 4.0 * math.sqrt(2.0 * 4.0 / n)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_posterior_rows_repeat(tmp_path: Path, suffix: str) -> None:
    """Draw k is row k modulo rows, and a changed file is read again."""
    frame = pd.DataFrame({"draw": [0, 1, 2], "a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    path = tmp_path / f"posterior.{suffix}"
    for scale in (1.0, 10.0):
        data = frame * scale
        path.unlink(missing_ok=True)
        data.to_csv(path, index=False) if suffix == "csv" else data.to_parquet(path)
        group = Group(name="g", kind="posterior", members=["b", "a"], file=path)
        draws = sample_parameters(parameters("a", "b"), {"g": group}, 4, SEED, first_draw=2)
        assert draws["a"].tolist() == [3.0 * scale, 1.0 * scale, 2.0 * scale, 3.0 * scale]
        assert draws["b"].tolist() == [6.0 * scale, 4.0 * scale, 5.0 * scale, 6.0 * scale]


def test_impossible_draw_is_named() -> None:
    """A draw that gives an impossible value stops with parameter, draw and value."""
    table = ParameterTable(
        [
            Parameter(id="x", value=1.0, distribution="uniform", low=-1.0, high=1.0),
            Parameter(id="root", expression="sqrt(x)"),
        ]
    )
    draws = sample_parameters(table.select(["x"]), {}, 100, SEED)["x"]
    first = int(np.flatnonzero(draws < 0.0)[0])
    with pytest.raises(ParameterError, match=rf"'root'.*draw {first} of 'sqrt\(x\)' is nan"):
        sample_parameters(table, {}, 100, SEED)
    bounded = ParameterTable([table["x"], Parameter(id="bounded", expression="x + 1", upper=1.0)])
    with pytest.raises(ParameterError, match=r"'bounded'.*draw \d+ of 'x \+ 1'.*beyond its upper bound 1"):
        sample_parameters(bounded, {}, 100, SEED)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "dirichlt"}, "unknown kind 'dirichlt'. Did you mean 'dirichlet'"),
        ({"kind": "dirichlet", "counts": [1]}, "expected 2 numbers"),
        ({"kind": "dirichlet", "counts": [0, 0]}, "not all 0"),
        ({"kind": "dirichlet", "members": ["a", "a"], "counts": [1, 1]}, "each once"),
        ({"kind": "multivariate_normal", "mean": [0]}, "size 2 and 2 x 2"),
        ({"kind": "multivariate_normal", "mean": [0, 0], "covariance": [[1, 2], [2, 1]]}, "least eigenvalue is -1"),
        (
            {"kind": "multivariate_normal", "mean": [0, 0], "covariance": [[1, 0.1], [0.2, 1]]},
            "a and b is stated as both",
        ),
        ({"kind": "multivariate_normal", "mean": [0, math.nan], "covariance": [[1, 0], [0, 1]]}, "not finite"),
        ({"kind": "posterior"}, "needs a file"),
    ],
)
def test_bad_groups_are_refused(fields: dict[str, Any], message: str) -> None:
    """Groups whose numbers do not fit their members."""
    with pytest.raises(ParameterError, match=message):
        Group(**{"name": "g", "members": ["a", "b"], **fields})


def test_groups_must_fit_the_table(tmp_path: Path) -> None:
    """Unknown, derived, shared and undeclared members, and files without their columns."""
    table = ParameterTable([*parameters("a", "b").values(), Parameter(id="twice", expression="2 * a")])

    def sample(**members: list[str]) -> None:
        groups = [Group(name=name, kind="dirichlet", members=m, counts=[1] * len(m)) for name, m in members.items()]
        sample_parameters(table, {group.name: group for group in groups}, 1, SEED)

    with pytest.raises(ParameterError, match="unknown member 'c'"):
        sample(g=["a", "c"])
    with pytest.raises(ParameterError, match="'twice' is derived"):
        sample(g=["a", "twice"])
    with pytest.raises(ParameterError, match="'a' is already drawn with group 'g'"):
        sample(g=["a"], h=["a", "b"])
    with pytest.raises(ParameterError, match="said to be drawn with group 'g'"):
        sample_parameters(ParameterTable([Parameter(id="a", value=1.0, group="g")]), {}, 1, SEED)
    pd.DataFrame({"alpha": [1.0], "b": ["x"]}).to_parquet(tmp_path / "p.parquet")
    for members, message in ((["a"], "unknown column 'a'"), (["b"], "not a Parquet table of numbers")):
        group = Group(name="g", kind="posterior", members=members, file=tmp_path / "p.parquet")
        with pytest.raises(DataError, match=message):
            sample_parameters(table, {"g": group}, 1, SEED)
