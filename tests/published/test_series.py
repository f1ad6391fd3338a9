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
from tests.kit.models import DEAD, attributes, exponential, illness_death, move, start

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


def restricted(rate: float, horizon: float) -> float:
    """Restricted mean of an exponential time."""
    return (1.0 - exp(-rate * horizon)) / rate


def test_a_restricted_mean_is_the_area_under_the_curve(read: Read) -> None:
    """Up to its horizon, since the origin; deaths that are no events censor; its interval narrows with n."""
    wells = 'where = "grade == 1"\n'
    table = read(
        row("rmst", "ill", "dead", more=f"by = 5\nobserved = 3\n{wells}"),
        row("rmst", "ill", more=f"by = 8\nobserved = 3\n{wells}"),
        row("rmst", "dead", more='by = 4\nobserved = 3\nsince = ["ill"]'),
        row("rmst", "dead", n=10_000, more='by = 4\nobserved = 3\nsince = ["ill"]'),
    )
    expected = [restricted(ILL + DIE, 5.0), restricted(ILL, 8.0), restricted(DIE_ILL, 4.0), restricted(DIE_ILL, 4.0)]
    assert np.allclose(table["model"], expected, atol=6 * TOLERANCE)
    width = (table["high"] - table["low"]).to_numpy()
    rate, end = DIE_ILL, 4.0
    second = 2.0 * (1.0 - exp(-rate * end) * (1.0 + rate * end)) / rate**2
    sd = sqrt(second - restricted(rate, end) ** 2)
    assert width[3] == pytest.approx(2 * 1.96 * sd / 100, rel=0.05)
    assert width[2] == pytest.approx(10 * width[3], rel=1e-6)


TOGETHER = 'others = ["b"]\ntogether = true\n'
A, B, LOSS = 0.3, 0.2, 0.1
RACE = """
settings = { horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }
strategies.nothing = { label = "Nothing" }
population.covariates.age = { kind = "constant", value = 50 }

[series.known]
label = "Known"
source_id = "nobody"
strategy = "nothing"
follow_up = { low = 6, high = 6 }
"""
RACE += start("well") + DEAD + attributes(a="flag", b="flag") + move("well", "dead", exponential(LOSS))
for which, rate in (("a", A), ("b", B)):
    RACE += move("well", None, exponential(rate), name=which, mark=which, when=f"not {which}", set={which: True})


def first_alone(rate: float, other: float, window: float, end: float) -> float:
    """Share whose first event by the end is one of two, the other not within a window of it (nor after death)."""
    anything = rate + other + LOSS
    followed = other / (other + LOSS) * (1.0 - exp(-(other + LOSS) * window))  # the other comes within the window
    whole = rate / anything * (1.0 - exp(-anything * (end - window))) * (1.0 - followed)
    cut = rate / anything * (exp(-anything * (end - window)) - exp(-anything * end))
    late = rate * other / (other + LOSS) * exp(-anything * (end - window))
    late *= (1.0 - exp(-anything * window)) / anything - exp(-(other + LOSS) * window) * (
        1.0 - exp(-rate * window)
    ) / rate
    return whole + cut - late


def test_first_events_are_told_apart(build: Build) -> None:
    """One alone, the other alone, both within a window: in closed form; the three add up to any."""
    window = 'window = 1.5\nothers = ["b"]\nobserved = 0.5\n'
    rows = [
        row("proportion", "a", more=window),
        row("proportion", "b", more=window.replace('"b"', '"a"')),
        row("proportion", "a", more=f"{window}together = true"),
        row("proportion", "a", "b"),
        row("proportion", "a", more='others = ["b"]\nobserved = 0.5'),
        row("proportion", "a", more='others = ["b"]\nobserved = 0.5\ntogether = true'),
        row("proportion", "a"),
        row("cumulative_incidence", "a", more=f"{window}by = 6"),
    ]
    heads = [f'\n[[series.known.rows]]\ntarget = "row{i}"\nlabel = "Row"\n{text}' for i, text in enumerate(rows)]
    share = read_series(build(RACE + "".join(heads)), ["known"], n=N)["model"].to_numpy()
    expected = [first_alone(A, B, 1.5, 6.0), first_alone(B, A, 1.5, 6.0)]
    assert np.allclose(share[:2], expected, atol=TOLERANCE)
    assert share[:3].sum() == pytest.approx(share[3], abs=1e-12)
    assert share[4] + share[5] == pytest.approx(share[6], abs=1e-12)
    assert share[4] < share[0]
    assert share[5] > share[2]
    assert share[7] == pytest.approx(share[0], abs=1e-9)


def test_what_is_given_is_known_by_the_end_of_follow_up(read: Read) -> None:
    """Deaths within 3 years of those seen to fall ill, or not; a later illness is not known to the study."""
    series = 'follow_up = { low = 3, high = 3 }\nwhere = "grade == 1"\n'
    table = read(
        row("proportion", "dead", more='given = ["ill"]\nobserved = 0.5'),
        row("proportion", "dead", more='without = ["ill"]\nobserved = 0.5'),
        series=series,
    )
    leave, die = ILL + DIE, DIE_ILL
    # illness at s, death by 3: the integral of ILL exp(-leave s) (1 - exp(-die (3 - s)))
    both = incidence(3.0) - ILL * (exp(-3 * leave) - exp(-3 * die)) / (die - leave)
    expected = [both / incidence(3.0), incidence(3.0) * DIE / ILL / (1.0 - incidence(3.0))]
    assert np.allclose(table["model"], expected, atol=3 * TOLERANCE)
    assert "immortal" not in table["note"][1]


def test_what_is_given_may_have_a_time_and_patients_may_be_alive_at_one(read: Read) -> None:
    """Deaths by 3 years of those ill by 1 and of those ill later; illness of those alive at 2 years: in closed form."""
    leave, die = ILL + DIE, DIE_ILL
    given = 'given = ["ill"]\nobserved = 0.5\n'
    early, late = read(
        row("proportion", "dead", more=f"{given}given_by = 1"),
        row("proportion", "dead", more=f"{given}given_after = 1"),
        series='follow_up = { low = 3, high = 3 }\nwhere = "grade == 1"\n',
    )["model"]

    def dead(first: float, last: float) -> float:
        """Share ill between two times and dead by 3."""
        fall = ILL / leave * (exp(-leave * first) - exp(-leave * last))
        alive = ILL * exp(-3 * die) / (die - leave) * (exp((die - leave) * last) - exp((die - leave) * first))
        return fall - alive

    assert early == pytest.approx(dead(0.0, 1.0) / incidence(1.0), abs=3 * TOLERANCE)
    assert late == pytest.approx(dead(1.0, 3.0) / (incidence(3.0) - incidence(1.0)), abs=3 * TOLERANCE)
    (ill,) = read(
        row("proportion", "ill", more="alive_at = 2\nobserved = 0.5"),
        series='follow_up = { low = 2, high = 2 }\nwhere = "grade == 1"\n',
    )["model"]
    ill_alive, well = ILL * (exp(-2 * leave) - exp(-2 * die)) / (die - leave), exp(-2 * leave)
    assert ill == pytest.approx(ill_alive / (ill_alive + well), abs=3 * TOLERANCE)


def test_time_before_what_is_given_is_immortal_and_said_to_be(read: Read) -> None:
    """Survival of the ill from time zero is that of who lived to be ill; from illness on, of the ill."""
    at = "by = 2\nobserved = 0.5\n"
    table = read(
        row("km_survival", "dead", more=f'{at}given = ["ill"]'),
        row("km_survival", "dead", more=f'{at}given = ["ill"]\nsince = ["ill"]'),
        series="follow_up = { low = 40, high = 40 }\n",
    )
    assert table["model"][1] == pytest.approx(exp(-2 * DIE_ILL), abs=2 * TOLERANCE)
    assert table["model"][0] > table["model"][1] + 0.1
    assert "time before ill is immortal" in table["note"][0]
    assert table["note"][1] == ""


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
    head = '\n[[series.known.rows]]\ntarget = "row"\nlabel = "Row"\n'
    for each in (
        row("proportion", "falling_ill"),
        row("proportion", "dead", more='given = ["falling_ill"]\nobserved = 0.5'),
        row("proportion", "dead", more='others = ["falling_ill"]\ntogether = true\nobserved = 0.5'),
    ):
        assert read_series(build(text + head + each, {"ill": ILL}), ["known"], n=500)["model"][0] > 0.3


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
        (row("proportion", "ill", more="given_by = 2\nobserved = 0.5"), "given_by: needs `given`"),
        (
            row("proportion", "ill", more='given = ["dead"]\ngiven_after = 3\ngiven_by = 2\nobserved = 0.5'),
            "must be above given_after, 3",
        ),
        (row("rmst", "ill"), "by: missing; rmst is computed at a time"),
        (row("rmst", "ill", more="by = 2\nobserved = 2.5"), "a restricted mean is at most its horizon"),
        (row("rmst", "ill", more="by = 15\nobserved = 2"), "follow_up of the series ends at 12 years"),
        (row("rmst", "ill", more="by = 5\nafter = 1\nobserved = 2"), "a restricted mean counts from its origin"),
        (row("km_survival", "ill", more='by = 5\nothers = ["dead"]\nobserved = 0.5'), "cannot tell events apart"),
        (row("median_time", "ill", more='others = ["dead"]\nobserved = 2'), "window: missing"),
        (row("proportion", "ill", more="together = true\nobserved = 0.5"), "together: needs `others`"),
        (row("proportion", "ill", more='others = ["ill"]\nobserved = 0.5'), "'ill' is one of `events`"),
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
