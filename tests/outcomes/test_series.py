"""Published series: rows read by product limit, from another origin, of chosen patients; against closed forms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from scipy import stats

from lmssim.errors import InputError
from lmssim.outcomes.product_limit import product_limit
from lmssim.outcomes.series import read_all_series, read_series

if TYPE_CHECKING:
    import pandas as pd

    from tests.conftest import Build

N = 40_000
RECUR, DIE, OTHER = 0.3, 0.5, 0.1

MODEL = """
[settings]
horizon = 200
[population]
covariates.age = { kind = "constant", value = 60 }
covariates.high = { kind = "binary", probability = 0.25 }
[states.free]
initial = true
[states.recurred]
[states.dead]
kind = "absorbing"
death = "disease"
[states.gone]
kind = "absorbing"
death = "other"
[[transitions]]
from = "free"
to = "recurred"
hazard = { family = "exponential", rate = "recur" }
effects = { high = { value = "log(2)", on = "hazard" } }
[[transitions]]
from = "recurred"
to = "dead"
hazard = { family = "exponential", rate = "die" }
[[transitions]]
from = ["free", "recurred"]
to = "gone"
hazard = { family = "exponential", rate = "other" }
[strategies.usual]
[strategies.slow]
set = { recur = 0.15 }
[series.paper]
label = "Paper"
source_id = "nobody"
strategy = "usual"
follow_up = { low = FOLLOW }
rows = [ROWS]
"""

ROW = '{{ target = "{0}", label = "{0}", observed = {1}, n = {2}, {3} }}'


def read(build: Build, *rows: str, follow_up: str = "2, high = 9") -> pd.DataFrame:
    """Rows of the series."""
    text = MODEL.replace("FOLLOW", follow_up).replace("ROWS", ", ".join(rows))
    program = build(text, {"recur": RECUR, "die": DIE, "other": OTHER})
    return read_series(program, "paper", n=N).set_index("target_id")


def row(target: str, rest: str, observed: float = 0.5, n: int = 100) -> str:
    """One row in TOML."""
    return ROW.format(target, observed, n, rest)


def close(table: pd.DataFrame, target: str, share: float, n: float) -> bool:
    """Whether the model is within 4 standard errors of a share."""
    return abs(float(table["model"].to_dict()[target]) - share) < 4 * math.sqrt(share * (1 - share) / n)


def test_product_limit_from_another_origin_censors_other_deaths(build: Build) -> None:
    """Death of disease since recurrence is exponential, though follow-up ends and other deaths compete."""
    event = 'events = ["dead"], origin = "recurred"'
    table = read(
        build, row("s", f'statistic = "survival", by = 2, {event}'), row("m", f'statistic = "median_survival", {event}')
    )
    assert close(table, "s", math.exp(-2 * DIE), N / 2)
    assert table.loc["m", "model"] == pytest.approx(math.log(2) / DIE, rel=0.03)


def test_a_proportion_counts_follow_up_from_the_origin(build: Build) -> None:
    """With 3 years after recurrence for everybody, the share dead of disease has a closed form."""
    total = DIE + OTHER
    table = read(
        build, row("p", 'statistic = "proportion", events = ["dead"], origin = "recurred"'), follow_up="3, high = 3"
    )
    assert close(table, "p", DIE / total * (1 - math.exp(-3 * total)), N / 2)


def test_late_events_are_counted_among_those_still_free(build: Build) -> None:
    """From 4 to 6 years, among those alive and free at 4; by covariate and by strategy."""
    rest = 'statistic = "proportion", events = ["recurred"], after = 4, by = 6'
    table = read(
        build, row("low", f'{rest}, where = "high == 0"'), row("high", f'{rest}, where = "high"'),
        row("slow", f'{rest}, strategy = "slow", where = "not high"'), follow_up="50, high = 60",
    )  # fmt: skip
    for target, rate in (("low", RECUR), ("high", 2 * RECUR), ("slow", RECUR / 2)):
        total, free = rate + OTHER, math.exp(-4 * (rate + OTHER)) * N * (0.25 if target == "high" else 0.75)
        assert close(table, target, rate / total * (1 - math.exp(-2 * total)), free)


def test_a_printed_range_holds_the_model_or_not(build: Build) -> None:
    """The model must lie in the range, wherever the study's interval lies."""
    rest = 'statistic = "survival", by = 2, events = ["dead"], origin = "recurred"'
    table = read(
        build, row("in", f"{rest}, observed_low = 0.3, observed_high = 0.4", 0.9),
        row("out", f"{rest}, observed_low = 0.5", 0.37), row("above", f"{rest}, observed_high = 0.3", 0.37),
        row("no range", rest, math.exp(-2 * DIE)),
    )  # fmt: skip
    assert list(table["inside"]) == [True, False, False, True]


def test_product_limit_meets_lifelines() -> None:
    """Survival and Greenwood's interval, with ties, against an outside reckoning."""
    rng = np.random.default_rng(5)
    times = np.ceil(rng.exponential(3.0, 200) * 4) / 4
    happened = rng.random(200) < 0.7
    ours, theirs = product_limit(times, happened), KaplanMeierFitter().fit(times, happened)
    for t in (0.5, 1.0, 2.5, 5.0):
        assert ours.at(t) == pytest.approx(float(theirs.predict(t)), abs=1e-12)
    assert ours.quantile(0.5) == theirs.median_survival_time_
    assert ours.at(0.0) == 1.0


def test_the_interval_of_a_study_without_censoring_is_binomial() -> None:
    """Peto's effective number is n itself, and a study's median lies in its interval as often as promised."""
    times = stats.expon.ppf((np.arange(100_000) + 0.5) / 100_000)
    curve = product_limit(times, np.ones(len(times), dtype=bool))
    assert curve.effective_n(1.0, 50) == pytest.approx(50, rel=1e-6)
    low, high = curve.study_median(60)
    medians = np.median(np.random.default_rng(2).exponential(1.0, (4000, 60)), axis=1)
    assert 0.92 < np.mean((low <= medians) & (medians <= high)) < 0.97


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('statistic = "survival", events = ["dead"]', "paper.x: by: is missing"),
        ('statistic = "proportion", events = ["ded"]', "paper.x: unknown state or mark 'ded'. Did you mean 'dead'?"),
        ('statistic = "proportion", events = ["dead"], origin = "recured"', "Did you mean 'recurred'?"),
        ('statistic = "proportion", events = ["dead"], strategy = "slw"', "paper.x: strategy: unknown strategy 'slw'"),
        ('statistic = "proportion", events = ["dead"], where = "time > 3"', "reads time; it may read covariates alone"),
        ('statistic = "proportion", events = ["dead"], where = "hih"', "paper.x: where: unknown name 'hih'"),
    ],
)
def test_bad_rows_are_refused(build: Build, rest: str, said: str) -> None:
    """One message with series, row, key and what is near."""
    with pytest.raises(InputError) as refused:
        read(build, row("x", rest))
    assert said in str(refused.value)


def test_series_share_their_patients(build: Build) -> None:
    """All series together read as each alone does."""
    text = MODEL.replace("FOLLOW", "2, high = 9").replace("ROWS", row("p", 'statistic = "proportion", events=["dead"]'))
    program = build(text, {"recur": RECUR, "die": DIE, "other": OTHER})
    assert read_all_series(program, n=500).equals(read_series(program, "paper", n=500))
