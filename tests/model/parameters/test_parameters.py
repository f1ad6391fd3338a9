"""Parameter tables and their draws: laws of addressing, moments against SciPy, and clear refusals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmssim.errors import DataError, InputError, ParameterError
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.draws import Group, sample_parameters
from lmssim.model.parameters.parameter import Parameter
from lmssim.model.parameters.table import ParameterTable, load_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = "id,value,distribution,p1,p2,se,low,high,expression,unit,kind,source_id,locator,description,reason"
SEED = 20


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "parameters.csv") -> Path:
    """A table with these rows."""
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def row(start: str, kind: str = "definition", reason: str = "") -> str:
    """A row that begins so, padded to the columns of the header."""
    cells = start.split(",")
    return ",".join([*cells, *[""] * (9 - len(cells)), "", kind, "", "", "", reason])


@pytest.fixture
def table(tmp_path: Path) -> ParameterTable:
    """One parameter of every distribution, and two derived."""
    return load_parameters(
        [
            write(
                tmp_path,
                row("utility,0.7,beta,,,0.05"),
                row("cost,1000,gamma,,,200"),
                row("log_hr,-0.4,normal,,,,-0.8,0.0"),
                row("hr,0.6,lognormal,,,,0.4,0.9"),
                row("size,5,triangular,,,,2,12"),
                row("share,0.5,uniform,,,,0,1"),
                row("rate,0.035,fixed"),
                row("total,,,,,,,,cost * share + twice"),
                row("twice,,,,,,,,2 * cost"),
            )
        ]
    )


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


SDLOG = math.log(0.9 / 0.4) / 3.919928
CASES: list[tuple[dict[str, Any], Any]] = [
    ({"value": -0.4, "distribution": "normal", "se": 0.2}, stats.norm(-0.4, 0.2)),
    ({"value": 9.0, "distribution": "normal", "p1": 1.0, "p2": 2.0, "se": 7.0}, stats.norm(1.0, 2.0)),
    ({"value": 0.0, "distribution": "normal", "low": -1.959964, "high": 1.959964}, stats.norm(0.0, 1.0)),
    ({"value": 0.6, "distribution": "lognormal", "low": 0.4, "high": 0.9}, stats.lognorm(SDLOG, scale=0.6)),
    ({"value": 0.6, "distribution": "lognormal", "p1": -0.5, "p2": 0.3}, stats.lognorm(0.3, scale=math.exp(-0.5))),
    ({"value": 0.7, "distribution": "beta", "p1": 7.0, "p2": 3.0}, stats.beta(7, 3)),
    ({"value": 0.7, "distribution": "beta", "se": 0.1}, stats.beta(0.7 * 20, 0.3 * 20)),
    ({"value": 8.0, "distribution": "gamma", "p1": 4.0, "p2": 2.0}, stats.gamma(4, scale=2)),
    ({"value": 8.0, "distribution": "gamma", "se": 4.0}, stats.gamma(4, scale=2)),
    ({"value": 3.0, "distribution": "uniform", "low": 1.0, "high": 6.0}, stats.uniform(1, 5)),
    ({"value": 3.0, "distribution": "triangular", "low": 1.0, "high": 6.0}, stats.triang(0.4, 1, 5)),
    ({"value": 1.0, "distribution": "triangular", "low": 1.0, "high": 6.0}, stats.triang(0.0, 1, 5)),
    ({"value": 1.0, "distribution": "normal", "se": 1.0, "lower": 0.0, "upper": 4.0}, stats.truncnorm(-1, 3, 1)),
]


@pytest.mark.parametrize(("fields", "law"), CASES)
def test_draws_follow_scipy(fields: dict[str, Any], law: Any) -> None:
    """Mean within four standard errors, and the whole distribution by Kolmogorov-Smirnov."""
    n = 20_000
    draws = sample_parameters(ParameterTable([Parameter(id="x", **fields)]), {}, n, SEED)["x"]
    assert abs(draws.mean() - law.mean()) < 4.0 * law.std() / math.sqrt(n)
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("fields", "law"), CASES)
def test_quantiles_equal_scipy(fields: dict[str, Any], law: Any) -> None:
    """Quantiles of the whole range agree, and distribution functions invert them."""
    u = np.linspace(0.001, 0.999, 101)
    distribution = distribution_of(Parameter(id="x", **fields))
    np.testing.assert_allclose(distribution.quantile(u), law.ppf(u), rtol=1e-6, atol=1e-6)
    if "lower" not in fields:
        back = [distribution.cdf(float(x)) for x in law.ppf(u)]
        np.testing.assert_allclose(back, u, atol=1e-6)


def test_lognormal_with_se_has_value_as_mean() -> None:
    """With a standard error, value and se are the moments of the draws."""
    distribution = distribution_of(Parameter(id="x", value=3.0, distribution="lognormal", se=0.6))
    meanlog, sdlog = distribution.native
    law = stats.lognorm(sdlog, scale=math.exp(meanlog))
    assert (law.mean(), law.std()) == pytest.approx((3.0, 0.6))


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 2.0, "distribution": "lognormal", "se": 1.0},
        {"value": 2.0, "distribution": "gamma", "se": 1.0},
        {"value": 1.5, "distribution": "triangular", "low": 0.0, "high": 4.0},
        {"value": 1.5, "distribution": "fixed"},
        {"value": 1.5, "distribution": "uniform", "low": 0.0, "high": 4.0},
    ],
)
def test_truncated_draws_stay_within(fields: dict[str, Any]) -> None:
    """No draw lies beyond lower or upper."""
    parameter = Parameter(id="x", **fields, lower=1.0, upper=2.5)
    draws = sample_parameters(ParameterTable([parameter]), {}, 2_000, SEED)["x"]
    assert draws.min() >= 1.0
    assert draws.max() <= 2.5


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
        (HEADER.replace("reason", ""), "column 15 has no name"),
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
