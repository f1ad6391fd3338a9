"""Rows of published series, computed from lives, against the exact engine's endpoints of the same events."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import pytest

from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.published.series import read_series
from tests.kit.models import OS, endpoint, exponential, frame, illness_death, move, section, strategy, toml, weibull

if TYPE_CHECKING:
    import pandas as pd

    from tests.conftest import Build

N = 40_000
ROWS = {
    "mean": {"statistic": "rmst", "events": ["dead"], "by": 5},
    "mean_10": {"statistic": "rmst", "events": ["ill", "dead"], "by": 10},
    "late": {"statistic": "cumulative_incidence", "events": ["ill"], "after": 5, "by": 10},
    "first": {"statistic": "cumulative_incidence", "events": ["ill"], "others": ["cough"], "window": 1e-9, "by": 5},
    "other": {"statistic": "cumulative_incidence", "events": ["cough"], "others": ["ill"], "window": 1e-9, "by": 5},
}
TEXT = (
    frame(20, strategies=strategy("one", label="One")).replace("times = [1.0]", "times = [5.0, 10.0]")
    + illness_death(weibull(1.3, 6), exponential(0.05), exponential(0.4))
    + move(["well", "ill"], None, exponential(0.2, clock="model"), name="cough", mark="cough")
    + OS
    + endpoint("efs", "ill", "dead")
    + endpoint("ill", kind="incidence", death="competing")
    + endpoint("first", "ill", competing=["cough"], kind="incidence", death="competing")
    + endpoint("other", "cough", competing=["ill"], kind="incidence", death="competing")
)


def series() -> str:
    """The rows as a series whose patients are all followed to the end."""
    head = section("series.own", label="Own", source_id="nobody", strategy="one", follow_up={"low": 19, "high": 20})
    rows = (
        f"\n[[series.own.rows]]\ntarget = '{name}'\nlabel = '{name}'\nobserved = 0.5\nn = 100\n"
        + "\n".join(f"{key} = {toml(value)}" for key, value in row.items())
        for name, row in ROWS.items()
    )
    return head + "\n".join(rows) + "\n"


def exact(summary: pd.DataFrame) -> dict[str, float]:
    """The rows by the exact engine."""
    by = dict(zip(summary["outcome"], summary["mean"], strict=True))
    late = (by["ill:10y"] - by["ill:5y"]) / by["efs:5y"]
    return {
        "mean": by["os:rmst_5y"],
        "mean_10": by["efs:rmst_10y"],
        "late": late,
        "first": by["first:5y"],
        "other": by["other:5y"],
    }


def test_series_agree_with_the_exact_engine(build: Build) -> None:
    """Restricted means, an event between two times, and which of two events came first: within Monte-Carlo error."""
    program = build(TEXT + series())
    found = read_series(program, n=N).set_index("target_id")["model"]
    expected = exact(evaluate(program.scenario, Sampling(engine="cohort", profiles=1)).summary)
    for name, value in expected.items():
        spread = 4.0 if name.startswith("mean") else sqrt(value * (1.0 - value))
        remaining = 0.2 if name == "late" else 1.0
        assert found[name] == pytest.approx(value, abs=4.0 * spread / sqrt(N * remaining)), name
