"""Populations: slices, addresses, marginals and correlation, the user's rows, and clear refusals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from lmssim.errors import DataError
from lmssim.model.population.joint import Covariate, Patients, Population, RowPopulation, load_rows
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

SEED = 7
N = 20_000
AGE = Covariate(name="age", kind="normal", mean=60.0, sd=12.0, low=18.0, high=95.0)
SEX = Covariate(name="sex", kind="categorical", categories=["female", "male"], probabilities=[0.44, 0.56])
SIZE = Covariate(name="size_cm", kind="lognormal", median=8.0, sdlog=0.6, low=1.0, high=40.0)
GRADE = Covariate(name="grade", kind="categorical", categories=[1, 2, 3], probabilities=[0.05, 0.3, 0.65])
DEEP = Covariate(name="deep", kind="binary", probability=0.72)
ALL = (AGE, SEX, SIZE, GRADE, DEEP, Covariate(name="one", kind="constant", value=1.0))
CORRELATION = {("size_cm", "grade"): 0.3, ("deep", "size_cm"): 0.4}


def test_any_slice_equals_that_slice_of_the_whole() -> None:
    """Patients are addressed one by one, so that slices agree bit for bit."""
    population: Patients = Population(ALL, CORRELATION)
    whole = population.sample(0, 1_000, SEED)
    assert whole.flags.c_contiguous
    assert whole.dtype == np.float64
    for first, n in ((0, 1), (17, 5), (333, 667), (999, 1), (5, 0)):
        np.testing.assert_array_equal(population.sample(first, n, SEED), whole[first : first + n])


def test_adding_a_covariate_leaves_the_others() -> None:
    """A new covariate anywhere leaves uncorrelated ones, and those before it, as they were."""
    before = Population((AGE, SIZE, GRADE), {("size_cm", "grade"): 0.3}).sample(0, 500, SEED)
    after = Population((DEEP, AGE, SIZE, GRADE, SEX), {("size_cm", "grade"): 0.3}).sample(0, 500, SEED)
    np.testing.assert_array_equal(after[:, 1:4], before)
    correlation = {("size_cm", "grade"): 0.3, ("grade", "deep"): 0.2}
    also = Population((AGE, SIZE, GRADE, DEEP), correlation).sample(0, 500, SEED)
    np.testing.assert_array_equal(also[:, :3], before)


@pytest.mark.parametrize(
    ("covariate", "law"),
    [
        (AGE, stats.truncnorm(-3.5, 35 / 12, 60, 12)),
        (Covariate(name="x", kind="normal", mean=1.0, sd=2.0), stats.norm(1, 2)),
        (Covariate(name="x", kind="lognormal", median=8.0, sdlog=0.6), stats.lognorm(0.6, scale=8)),
        (
            Covariate(name="x", kind="lognormal", mean=3.0, sd=3.0 * math.sqrt(math.expm1(0.25))),
            stats.lognorm(0.5, scale=3 * math.exp(-0.125)),
        ),
        (Covariate(name="x", kind="uniform", low=2.0, high=5.0), stats.uniform(2, 3)),
    ],
)
def test_marginals_follow_scipy(covariate: Covariate, law: Any) -> None:
    """Mean within four standard errors, and the whole distribution by Kolmogorov-Smirnov, also within a copula."""
    partner = Covariate(name="partner", kind="normal", mean=0.0, sd=1.0)
    for population in (Population((covariate,)), Population((partner, covariate), {("partner", covariate.name): -0.7})):
        values = population.sample(0, N, SEED)[:, -1]
        assert abs(values.mean() - law.mean()) < 4.0 * law.std() / math.sqrt(N)
        assert stats.kstest(values, law.cdf).pvalue > 1e-3


def test_frequencies() -> None:
    """Binary and categorical covariates hit their probabilities within four standard errors."""
    x = Population(ALL, CORRELATION).sample(0, N, SEED)
    assert set(x[:, 1]) == {0.0, 1.0}
    assert set(x[:, 5]) == {1.0}
    for found, p in ((x[:, 1] == 1.0, 0.56), (x[:, 3] == 1.0, 0.05), (x[:, 3] == 3.0, 0.65), (x[:, 4] == 1.0, 0.72)):
        assert abs(found.mean() - p) < 4.0 * math.sqrt(p * (1.0 - p) / N)


def test_impossible_categories_never_occur() -> None:
    """A category of probability 0 never occurs, wherever it stands; nor does a binary of probability 0."""
    categories = Covariate(name="c", kind="categorical", categories=[5, 6, 7, 8], probabilities=[0, 0.9, 0.1, 0])
    never = Covariate(name="never", kind="binary", probability=0.0)
    always = Covariate(name="always", kind="binary", probability=1.0)
    x = Population((categories, never, always)).sample(0, N, SEED)
    assert set(x[:, 0]) == {6.0, 7.0}
    assert not x[:, 1].any()
    assert x[:, 2].all()


def test_correlation_is_recovered() -> None:
    """Normals recover the stated correlations; a binary covariate moves the stated way."""
    normals = tuple(Covariate(name=name, kind="normal", mean=0.0, sd=1.0) for name in "abc")
    wanted = {("a", "b"): 0.5, ("c", "a"): -0.3, ("b", "c"): 0.2}
    found = np.asarray(np.corrcoef(Population(normals, wanted).sample(0, N, SEED).T))
    for (one, two), r in wanted.items():
        assert abs(found["abc".index(one), "abc".index(two)] - r) < 4.0 * (1.0 - r * r) / math.sqrt(N)
    x = Population(ALL, CORRELATION).sample(0, N, SEED)
    assert x[x[:, 4] == 1.0, 2].mean() > x[x[:, 4] == 0.0, 2].mean() + 1.0
    assert x[x[:, 3] == 3.0, 2].mean() > x[x[:, 3] == 1.0, 2].mean() + 1.0
    ranks = np.asarray(stats.spearmanr(x[:, 0], x[:, 2]).statistic)
    assert abs(float(ranks)) < 4.0 / math.sqrt(N)


def test_codes_of_labels() -> None:
    """Labels are coded from 0; numeric categories stand for themselves."""
    assert (SEX.codes, SEX.labels, SEX.code_of("male")) == ((0.0, 1.0), ("female", "male"), 1.0)
    assert (GRADE.codes, GRADE.labels) == ((1.0, 2.0, 3.0), ())
    with pytest.raises(DataError, match=r"covariate 'sex': unknown category 'mail'\. Did you mean 'male'"):
        SEX.code_of("mail")


def test_describe() -> None:
    """One line per covariate and correlation."""
    lines = Population((SIZE, GRADE), {("size_cm", "grade"): 0.3}).describe()
    assert lines == [
        "size_cm: lognormal, median 8, sdlog 0.6, low 1, high 40",
        "grade: categorical, categories 1/2/3, probabilities 0.05/0.3/0.65",
        "latent correlation of size_cm and grade: 0.3",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "norml"}, "file.toml: covariate 'x': unknown kind 'norml'. Did you mean 'normal'"),
        ({"kind": "normal", "mean": 1.0}, "kind 'normal' needs mean and sd, and may have low and high; given: mean"),
        ({"kind": "normal", "mean": 1.0, "sd": 1.0, "value": 1.0}, "given: mean, sd, value"),
        ({"kind": "lognormal", "median": 1.0, "sd": 1.0}, "needs median and sdlog or mean and sd"),
        ({"kind": "constant"}, "needs value; given: nothing"),
        ({"kind": "normal", "mean": math.nan, "sd": 1.0}, "mean is nan"),
        ({"kind": "normal", "mean": 1.0, "sd": 0.0}, "sd is 0; it must be above 0"),
        ({"kind": "lognormal", "mean": -1.0, "sd": 1.0}, "mean is -1; it must be above 0"),
        ({"kind": "normal", "mean": 1.0, "sd": 1.0, "low": 2.0, "high": 2.0}, "low must be below high"),
        ({"kind": "normal", "mean": 1.0, "sd": 1.0, "low": 50.0}, "no values from low 50.0"),
        ({"kind": "binary", "probability": 1.2}, "probability is 1.2; it must lie from 0 to 1"),
        ({"kind": "categorical", "categories": ["a", "b"], "probabilities": [0.5, 0.6]}, "with sum 1.1; expected 2"),
        ({"kind": "categorical", "categories": ["a", "a"], "probabilities": [0.5, 0.5]}, "each once"),
        ({"kind": "categorical", "categories": ["a", 2], "probabilities": [0.5, 0.5]}, "labels, or finite numbers"),
        ({"kind": "constant", "value": 1.0, "name": "2x"}, "'2x' is not a name"),
    ],
)
def test_bad_covariates_are_refused(fields: dict[str, Any], message: str) -> None:
    """Each message names the covariate, the field and the rule."""
    with pytest.raises(DataError, match=message):
        Population((Covariate(**{"name": "x", **fields}),), where="file.toml")


@pytest.mark.parametrize(
    ("correlation", "message"),
    [
        ({("size", "grade"): 0.3}, "unknown covariate 'size'. Did you mean 'size_cm'"),
        ({("one", "grade"): 0.3}, "'one' is constant"),
        ({("age", "age"): 0.3}, "two different covariates"),
        ({("age", "sex"): 0.3, ("sex", "age"): 0.3}, "stated once"),
        ({("age", "sex"): 1.0}, "'age' and 'sex' is 1; it must lie between -1 and 1"),
        ({("age", "sex"): 0.9, ("age", "grade"): 0.9, ("sex", "grade"): -0.95}, "The worst is sex with grade, -0.95"),
    ],
)
def test_bad_correlations_are_refused(correlation: dict[tuple[str, str], float], message: str) -> None:
    """Each message names the pair."""
    with pytest.raises(DataError, match=message):
        Population(ALL, correlation)


def test_a_name_stands_once() -> None:
    """Two covariates of one name are refused."""
    with pytest.raises(DataError, match="'age' is not a name, or stands twice"):
        Population((AGE, AGE))


def write(folder: Path, text: str) -> Path:
    """A table of rows."""
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_taken_in_turn(tmp_path: Path) -> None:
    """Without weights patient i is row i modulo rows, in the order of the covariates."""
    rows = load_rows(write(tmp_path, "sex,patient_id,age\nmale,a,61\nfemale,b,48.5\n"), (AGE, SEX))
    assert rows.sample(1, 3, SEED).tolist() == [[48.5, 0.0], [61.0, 1.0], [48.5, 0.0]]
    assert rows.describe()[1] == "age: mean 54.75, from 48.5 to 61"


def test_rows_are_chosen_by_weight(tmp_path: Path) -> None:
    """With weights rows come in proportion, those of weight 0 never, and slices agree."""
    rows = load_rows(write(tmp_path, "age,weight\n20,0\n30,1\n40,3\n50,0\n"), (AGE,))
    ages = rows.sample(0, N, SEED)
    assert set(ages[:, 0]) == {30.0, 40.0}
    assert abs((ages == 40.0).mean() - 0.75) < 4.0 * math.sqrt(0.75 * 0.25 / N)
    np.testing.assert_array_equal(rows.sample(40, 9, SEED), ages[40:49])
    assert "chosen by weight" in rows.describe()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,sex\n60,male\n,male\n", r"rows\.csv:3: column 'age': the cell is blank"),
        ("age,sex\nnan,male\n", r"rows\.csv:2: column 'age': 'nan' is not a finite number"),
        ("age,sex\nold,male\n", "'old' is not a finite number"),
        ("age,sex\n60,mael\n", r":2: column 'sex': unknown category 'mael'. Did you mean 'male'"),
        ("age,sex\n60,\n", "column 'sex': the cell is blank"),
        ("age,sex\n10,male\n", r"10 lies outside low 18.0 to high 95.0"),
        ("age\n60\n", "the column 'sex' is missing"),
        ("age,sex,wight\n60,male,2\n", "unknown column 'wight'. Did you mean 'weight'"),
        ("age,sex\n", "a header but no rows"),
        ("age,sex,weight\n60,male,-1\n", "column 'weight': -1 is below 0"),
        ("age,sex,weight\n60,male,0\n", "not all 0"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """Each message names the file, line, column and value."""
    with pytest.raises(DataError, match=message):
        load_rows(write(tmp_path, text), (AGE, SEX))


def test_codes_in_rows(tmp_path: Path) -> None:
    """Numeric categories and binaries must be one of their codes; a blank line of one column is a blank cell."""
    assert load_rows(write(tmp_path, "grade\n3\n1\n\n\n"), (GRADE,)).rows.tolist() == [[3.0], [1.0]]
    for text, covariate, message in (
        ("grade\n4\n", GRADE, "4 is none of 1, 2, 3"),
        ("deep\n2\n", DEEP, "2 is none of 0, 1"),
        ("deep\n1\n\n0\n", DEEP, ":3: column 'deep': the cell is blank"),
    ):
        with pytest.raises(DataError, match=message):
            load_rows(write(tmp_path, text), (covariate,))


def test_rows_must_fit_their_covariates() -> None:
    """Shape and finiteness of rows built in Python."""
    for values in ([[1.0, 2.0]], [[math.nan]], np.empty((0, 1))):
        with pytest.raises(DataError, match="expected one or more rows of 1 finite numbers"):
            RowPopulation((AGE,), np.array(values))


def test_a_covariate_of_another_kind_replaces_the_included_one(tmp_path: Path) -> None:
    """A site's stage stands in place of the constant that the included file gives; one of the same kind is merged."""
    (tmp_path / "part.toml").write_text(
        "[population.covariates]\n"
        'age = { kind = "normal", mean = 60, sd = 10, low = 20, high = 90 }\n'
        'stage = { kind = "constant", label = "Stage", value = 0 }\n'
    )
    (tmp_path / "main.toml").write_text(
        'schema_version = 2\nname = "a"\ntitle = "a"\ninclude = ["part.toml"]\n'
        "[population.covariates]\nage = { low = 40 }\n"
        'stage = { kind = "categorical", categories = [1, 2], probabilities = [0.25, 0.75] }\n'
        "[settings]\nhorizon = 1\n[strategies.one]\n"
        '[states.alive]\ninitial = true\n[states.dead]\nkind = "absorbing"\ndeath = "other"\n'
        '[[transitions]]\nfrom = "alive"\nto = "dead"\nhazard = { family = "exponential", rate = 0.1 }\n'
    )
    ages, stages = load_scenario(tmp_path / "main.toml").patients.sample(0, 2000, SEED).T
    assert set(stages) == {1.0, 2.0}
    assert ages.min() >= 40.0
    assert ages.max() <= 90.0
