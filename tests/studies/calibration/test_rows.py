"""What a likelihood reads of a published target, and which targets it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import ScenarioError
from lmssim.model.language.schema import SeriesRow
from lmssim.model.language.schema.calibration import CalibrationFile
from lmssim.published.targets import Target
from lmssim.studies.calibration.rows import Row, rows_of_studies

if TYPE_CHECKING:
    from collections.abc import Mapping

FREE = {"label": "X", "value": 1, "low": 0.5, "high": 2}


def reading(target: str = "a", **more: Any) -> SeriesRow:
    """A target of a series."""
    plain = {"label": "A", "statistic": "proportion", "events": ["ill"], "observed": 0.2, "n": 75}
    return SeriesRow.model_validate({"target": target, **plain, **more})


def calibration(**studies: dict[str, Any]) -> CalibrationFile:
    """A calibration of these studies."""
    plain = {"schema_version": 1, "scenario": "x", "label": "X", "free": {"x": FREE}, "tau": {"metastasis": 0.5}}
    return CalibrationFile.model_validate({**plain, "studies": studies})


def read(
    readings: list[SeriesRow], rows: Mapping[str, Any], published: Mapping[str, Target] | None = None, **study: Any
) -> list[Row]:
    """Rows of one study whose series has these targets."""
    file = calibration(one={"series": "s", "cohort_id": "c", "rows": rows, **study})
    return rows_of_studies(file, [("s", row) for row in readings], published or {}, "file.toml")


def printed(n: int | None, low: float | None, high: float | None) -> Target:
    """A row of the table of targets: its size and interval."""
    return Target(target_id="a", site="all", outcome="os", statistic="km_survival", value=None, n=n, low=low, high=high)


def one(row: SeriesRow, published: Target | None = None, **spec: Any) -> Row:
    """A target alone."""
    return read([row], {"a": spec}, {} if published is None else {"a": published})[0]


def test_the_size_is_the_papers_number() -> None:
    """Of a proportion, whatever interval stands beside it: it may be a range."""
    row = one(reading(), printed(75, 0.05, 0.8))
    assert (row.n, row.is_effective, row.share, row.role) == (75, False, 0.2, "fit")
    assert one(reading(), n=40).n == 40
    assert one(reading(n=0), n=40).n == 40


@pytest.mark.parametrize("n", [30, 300])
@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_the_size_of_a_published_interval_is_the_number_that_gives_it(n: int, share: float) -> None:
    """An interval that is symmetric on the complementary log-log scale gives back its number of patients."""
    eta = np.log(-np.log1p(-share))
    se = np.sqrt(share * (1.0 - share) / n) / (-(1.0 - share) * np.log1p(-share))
    low, high = (float(-np.expm1(-np.exp(eta + k * 1.959964 * se))) for k in (-1, 1))
    row = one(reading(statistic="cumulative_incidence", by=5, observed=share), printed(1_000, low, high))
    assert row.n == pytest.approx(n, rel=1e-5)
    assert row.is_effective


def test_the_size_of_a_survivals_interval() -> None:
    """The share with an event is what survival is not; the interval is that of survival."""
    row = one(reading(statistic="km_survival", by=5, observed=0.7), printed(None, 0.6, 0.785))
    assert row.share == pytest.approx(0.3)
    assert row.n == pytest.approx(0.21 / ((0.785 - 0.6) / 3.92) ** 2, rel=0.05)


def test_the_size_of_a_medians_interval() -> None:
    """Where no number is printed: that of an exponential time, whose log median has the SD 1 / (ln 2 sqrt(n))."""
    spread = 1.0 / (np.log(2.0) * np.sqrt(50.0))
    low, high = (float(10.0 * np.exp(k * 1.959964 * spread)) for k in (-1, 1))
    row = one(reading(statistic="km_median", observed=10, n=0), printed(None, low, high))
    assert row.n == pytest.approx(50.0, rel=1e-5)
    assert row.is_effective
    assert row.share == 0.5
    numbered = one(reading(statistic="km_median", observed=10, n=60), printed(60, low, high))
    assert (numbered.n, numbered.is_effective) == (60, False)


@pytest.mark.parametrize(
    ("published", "why"),
    [
        (printed(75, 0.3, 0.5), "does not hold the value"),
        (printed(75, 0.2, 0.3), "ends at it"),
        (printed(75, None, 0.3), "has one end"),
    ],
)
def test_an_interval_that_cannot_be_one_is_not_read(published: Target, why: str) -> None:
    """The number of patients stands instead."""
    row = one(reading(statistic="cumulative_incidence", by=5), published)
    assert (row.n, row.is_effective) == (75, False), why


@pytest.mark.parametrize(
    ("events", "family"),
    [
        (["death_disease"], "death"),
        (["death_disease", "death_other"], "death"),
        (["local_recurrence"], "local_recurrence"),
        (["local_recurrence", "local_recurrence_with_metastasis"], "local_recurrence"),
        (["metastatic"], "metastasis"),
        (["local_recurrence", "metastatic"], "metastasis"),
        (["progression", "death_disease"], "progression"),
    ],
)
def test_families_are_read_off_the_events(events: list[str], family: str) -> None:
    """Unless the file says another."""
    assert one(reading(events=events)).family == family
    assert one(reading(events=events), family="death").family == "death"


def test_roles() -> None:
    """A target that is not named is a check; so is every one of a study that is a check."""
    rows = read([reading("a"), reading("b")], {"a": {}})
    assert [row.role for row in rows] == ["fit", "check"]
    assert [row.role for row in read([reading("a")], {"a": {}}, role="check", reason="a review")] == ["check"]
    bound = reading(observed=None, low=0.1, n=0)
    assert np.isnan(one(bound, role="check", reason="a bound").share)


@pytest.mark.parametrize(
    ("readings", "rows", "expected"),
    [
        ([reading()], {"b": {}}, "row 'b'"),
        ([reading()], {"a": {"within": "b"}}, "row 'b'"),
        ([reading(observed=None, high=0.3, n=0)], {"a": {}}, "rows.a: is a range, a bound or a mean"),
        ([reading(n=0)], {"a": {}}, "rows.a: has no number of patients"),
        (
            [reading("a"), reading("b"), reading("c", observed=0.4)],
            {"a": {"within": "c"}, "b": {"within": "c"}, "c": {}},
            "rows.b.within: 'c' already holds",
        ),
        (
            [reading("a"), reading("b", events=["death_disease"], observed=0.4)],
            {"a": {"within": "b"}, "b": {}},
            "rows.a.within: 'b' is of family death",
        ),
        (
            [reading("a"), reading("b", statistic="median_time", observed=4)],
            {"a": {"within": "b"}, "b": {}},
            "rows.a.within: 'b'",
        ),
        ([reading("a"), reading("b", observed=0.1)], {"a": {"within": "b"}, "b": {}}, "rows.a.within: 'b' has 0.1"),
        ([reading("a")], {"a": {"within": "a"}}, "rows.a.within"),
        (
            [reading("a"), reading("b"), reading("c")],
            {"a": {"within": "b"}, "b": {"within": "c"}, "c": {"within": "a"}},
            "within",
        ),
    ],
)
def test_refusals(readings: list[SeriesRow], rows: dict[str, Any], expected: str) -> None:
    """One message, with the file and the key."""
    with pytest.raises(ScenarioError) as caught:
        read(readings, rows)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("file.toml: studies.one.rows")
    assert "\n" not in str(caught.value)


def test_two_studies_cannot_read_one_series() -> None:
    """Else one of them would count for nothing."""
    study = {"series": "s", "cohort_id": "c", "rows": {"a": {}}}
    file = calibration(one=study, two={**study, "cohort_id": "d"})
    with pytest.raises(ScenarioError, match=r"studies\.two\.series"):
        rows_of_studies(file, [("s", reading())], {}, "file.toml")
