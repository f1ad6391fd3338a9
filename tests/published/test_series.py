"""Published targets computed from lives whose law is known: illness and death at constant rates."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import LmssimError
from lmssim.published.series import read_series
from tests.kit.models import exponential, illness_death

if TYPE_CHECKING:
    from tests.conftest import Build

ILL, DIE, DIE_ILL = 0.2, 0.1, 0.5
N = 20_000
TOLERANCE = 4.0 / sqrt(N)

TEXT = f"""
settings = {{ horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }}
strategies.nothing = {{ label = "Nothing" }}
strategies.slow = {{ label = "Slow", set = {{ ill = {ILL / 2} }} }}

[population.covariates]
age = {{ kind = "constant", value = 50 }}
grade = {{ kind = "categorical", categories = [1, 2], probabilities = [0.5, 0.5] }}
sex = {{ kind = "categorical", categories = ["female", "male"], probabilities = [0.5, 0.5] }}
"""
TEXT += illness_death(exponential("ill"), exponential(DIE), exponential(DIE_ILL), effects={"grade_2": "log(2)"})
TEXT += """
[series.known]
label = "Known"
source_id = "nobody"
strategy = "nothing"
"""
FOLLOW_UP = "follow_up = { low = 1, high = 12 }\n"

Read = Callable[..., pd.DataFrame]


@pytest.fixture
def read(build: Build) -> Read:
    """Rows of a series (TOML keys and values each) as the model meets them."""

    def rows(*texts: str, series: str = "") -> pd.DataFrame:
        series = series if "follow_up" in series else FOLLOW_UP + series
        heads = [f'\n[[series.known.rows]]\ntarget = "row{i}"\nlabel = "Row"\n{text}' for i, text in enumerate(texts)]
        return read_series(build(TEXT + series + "".join(heads), {"ill": ILL}), ["known"], n=N)

    return rows


def row(statistic: str, *events: str, n: int = 100, more: str = "observed = 0.5") -> str:
    """TOML of a row."""
    return f'statistic = "{statistic}"\nevents = {list(events)}\nn = {n}\n{more}\n'


def incidence(t: float, rate: float = ILL) -> float:
    """Share ill by a time: its share of all exits."""
    return rate / (rate + DIE) * (1.0 - exp(-(rate + DIE) * t))


def test_statistics_at_a_time_are_free_of_follow_up(read: Read) -> None:
    """Cumulative incidence counts deaths as competing; Kaplan-Meier censors at deaths that are no events."""
    table = read(
        row("cumulative_incidence", "ill", more="by = 5\nobserved = 0.5"),
        row("km_survival", "ill", more="by = 5\nobserved = 0.5"),
        row("km_survival", "ill", "dead", more="by = 5\nobserved = 0.5"),
        row("km_median", "ill", "dead", more="observed = 3"),
        series='where = "grade == 1"\n',
    )
    expected = [incidence(5.0), exp(-5 * ILL), exp(-5 * (ILL + DIE)), log(2.0) / (ILL + DIE)]
    assert np.allclose(table["model"], expected, atol=[*[2 * TOLERANCE] * 3, 0.15])
    assert (table["low"] < table["model"]).all()
    assert (table["model"] < table["high"]).all()


def test_a_small_study_under_censoring_is_less_certain_than_its_number(read: Read) -> None:
    """The interval is wider than the binomial one, and narrows with n."""
    table = read(*(row("cumulative_incidence", "ill", n=n, more="by = 8\nobserved = 0.5") for n in (100, 10_000)))
    width = (table["high"] - table["low"]).to_numpy()
    share = table["model"][0]
    assert width[0] > 1.1 * 2 * 1.96 * sqrt(share * (1 - share) / 100)
    assert width[1] == pytest.approx(width[0] / 10, rel=0.05)


def test_covariate_rules_choose_patients(read: Read) -> None:
    """A row's rule; labels of a covariate; and a rule of the series beside it."""
    at = "by = 4\nobserved = 0.5\n"
    texts = [row("cumulative_incidence", "ill", more=f'{at}where = "{rule}"') for rule in ("grade == 2", "grade_1")]
    model = read(*texts, series="where = \"sex == 'male'\"\n")["model"]
    assert np.allclose(model, [incidence(4.0, 2 * ILL), incidence(4.0)], atol=2 * TOLERANCE)


def test_time_may_count_from_a_state(read: Read) -> None:
    """Survival since illness; and of those who are well at 3 years, illness in the next two."""
    table = read(
        row("km_survival", "dead", more='by = 2\nsince = ["ill"]\nobserved = 0.5'),
        row("km_median", "dead", more='since = ["ill"]\nobserved = 0.5'),
        row("cumulative_incidence", "ill", more='by = 5\nafter = 3\nwhere = "grade == 1"\nobserved = 0.5'),
    )
    assert np.allclose(table["model"], [exp(-2 * DIE_ILL), log(2) / DIE_ILL, incidence(2.0)], atol=3 * TOLERANCE)


def test_follow_up_counts_from_the_origin_too(read: Read) -> None:
    """With 3 years after illness for everybody, the share dead has a closed form."""
    series = "follow_up = { low = 3, high = 3 }\n"
    table = read(row("proportion", "dead", more='since = ["ill"]\nobserved = 0.5'), series=series)
    assert table["model"][0] == pytest.approx(1.0 - exp(-3 * DIE_ILL), abs=2 * TOLERANCE)


def test_a_row_may_have_a_strategy_of_its_own(read: Read) -> None:
    """Two arms in one series."""
    more = 'by = 4\nwhere = "grade == 1"\nobserved = 0.5\n'
    table = read(row("cumulative_incidence", "ill", more=f'{more}strategy = "slow"'))
    assert table["model"][0] == pytest.approx(incidence(4.0, ILL / 2), abs=2 * TOLERANCE)


def test_all_series_read_as_each_alone(build: Build) -> None:
    """They share their patients."""
    head = "[[series.known.rows]]\ntarget = 'a'\nlabel = 'a'\n"
    program = build(TEXT + FOLLOW_UP + head + row("proportion", "ill"), {"ill": ILL})
    pd.testing.assert_frame_equal(read_series(program, n=500), read_series(program, ["known"], n=500))


def test_series_of_different_populations_are_read_together(build: Build) -> None:
    """Each holds what it says, as if it were alone; in the order of the file."""
    head = "label = 'Row'\n" + row("cumulative_incidence", "ill", more='by = 4\nwhere = "grade == 1"\nobserved = 0.5')
    rows = "".join(f"\n[[series.{name}.rows]]\ntarget = '{name}'\n{head}" for name in ("known", "twice", "again"))
    others = "".join(
        f'\n[series.{name}]\nlabel = "{name}"\nsource_id = "nobody"\nstrategy = "nothing"\n{FOLLOW_UP}{held}'
        for name, held in (("twice", f"set = {{ ill = {2 * ILL} }}\n"), ("again", ""))
    )
    program = build(TEXT + FOLLOW_UP + others + rows, {"ill": ILL})
    table = read_series(program, n=N)
    assert table["target_id"].tolist() == ["known", "twice", "again"]
    assert np.allclose(table["model"], [incidence(4.0), incidence(4.0, 2 * ILL), incidence(4.0)], atol=2 * TOLERANCE)
    alone = [read_series(program, [name], n=N) for name in ("known", "twice", "again")]
    pd.testing.assert_frame_equal(table, pd.concat(alone, ignore_index=True))


def test_a_value_held_for_a_series_is_a_parameter_of_the_scenario(read: Read) -> None:
    """Or is refused by its name."""
    with pytest.raises(LmssimError, match="unknown parameter 'il'"):
        read(row("proportion", "ill"), series="set = { il = 0.5 }\n")


def test_a_state_of_no_duration_is_read_too(build: Build) -> None:
    """Nothing but the series names the state that all pass on their way to illness."""
    text = TEXT.replace('to = "ill"', 'to = "falling_ill"') + FOLLOW_UP
    falling = '[states.falling_ill]\nkind = "chance"\nbranches = [{ to = "ill" }]\n\n'
    text = text.replace("[states.ill]", f"{falling}[states.ill]")
    events = row("proportion", "falling_ill"), row("proportion", "dead", more='given = ["falling_ill"]\nobserved = 0.5')
    heads = [f'\n[[series.known.rows]]\ntarget = "row"\nlabel = "Row"\n{each}' for each in events]
    assert (read_series(build(text + "".join(heads), {"ill": ILL}), ["known"], n=500)["model"] > 0.3).all()


def test_a_published_range_is_met_by_a_model_that_lies_within(read: Read) -> None:
    """Range, upper bound, lower bound; without n there is no interval."""
    at = "by = 5\n"
    table = read(
        *(row("cumulative_incidence", "ill", n=0, more=at + more) for more in ("low = 0.3\nhigh = 0.9", "high = 0.3")),
        row("cumulative_incidence", "ill", n=0, more=at + "low = 0.3"),
    )
    assert table["inside"].tolist() == [True, False, True]
    assert table[["paper", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (row("proportion", "ill", more=""), "expected `observed`, or `low` or `high` or both in its place"),
        (row("proportion", "ill", more="observed = 0.5\nlow = 0.1"), "expected `observed`, or `low`"),
        (row("proportion", "ill", n=0), "needs its number of patients"),
        (row("km_survival", "ill"), "by: missing; km_survival is computed at a time"),
        (row("km_median", "ill", more="by = 2\nobserved = 2"), "a km_median is computed over all of follow-up"),
        (row("km_survival", "ill", more="by = 15\nobserved = 0.5"), "follow_up of the series ends at 12 years"),
        (row("proportion", "ill", more="by = 2\nafter = 3\nobserved = 0.5"), "must be above after, 3"),
        (row("proportion", "ill", more='where = "grad == 2"\nobserved = 0.5'), "grade"),
        (row("proportion", "ill", more='where = "time > 2"\nobserved = 0.5'), "reads time; it may read covariates"),
        (row("proportion", "ill", more='since = ["il"]\nobserved = 0.5'), "Did you mean 'ill'"),
        (row("proportion", "ill", more='strategy = "slw"\nobserved = 0.5'), "row0: strategy: unknown strategy 'slw'"),
    ],
)
def test_what_cannot_be_read_is_refused(read: Read, text: str, said: str) -> None:
    """One message that names the row and what is expected."""
    with pytest.raises(LmssimError, match=said):
        read(text)
