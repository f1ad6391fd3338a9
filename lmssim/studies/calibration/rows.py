"""Targets of studies as the likelihood reads them: a share of patients with an event, and its effective sample size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, unknown
from lmssim.outcomes.estimators import Z975
from lmssim.published.series import AT_A_TIME, RESTRICTED
from lmssim.published.vocabulary import OTHER, vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmssim.model.language.schema import SeriesRow
    from lmssim.model.language.schema.calibration import CalibrationFile, Study, StudyRow
    from lmssim.published.targets import Target

MEDIANS = ("median_time", "km_median")
EXPONENTIAL_SLOPE = 0.5 * np.log(2.0)
"""Slope of the share with an event over log time at the median of an exponential distribution."""


@dataclass(frozen=True)
class Row:
    """A target of a study.

    Attributes
    ----------
    target, study, cohort_id, series : str
        Ids.
    family : str
        Outcome family.
    role : str
        `fit` or `check`.
    held_out : bool
        Whether its cohort is held out.
    reading : SeriesRow
        How the model reads it.
    share : float
        Observed share of patients with an event (a half, of a median); NaN of a range alone.
    n : float
        Patients, before any are censored.
    is_effective : bool
        Whether `n` is already the effective number after censoring: it comes from a published interval.
    within : str
        Row of which this one's events are a part; empty if of none.
    reason : str
        Why it is computed or used so.
    """

    target: str
    study: str
    cohort_id: str
    series: str
    family: str
    role: str
    held_out: bool
    reading: SeriesRow
    share: float
    n: float
    is_effective: bool
    within: str
    reason: str

    @property
    def is_fitted(self) -> bool:
        """Whether it is part of the likelihood."""
        return self.role == "fit" and not self.held_out

    @property
    def is_time(self) -> bool:
        """Whether it is a time among those with the event: its between-study effect is apart from that of shares."""
        return self.reading.statistic == "median_time"


def rows_of_studies(
    file: CalibrationFile,
    read: list[tuple[str, SeriesRow]],
    published: Mapping[str, Target],
    where: str,
    complications: Collection[str] = (),
) -> list[Row]:
    """Every row of the studies' series, in the order of the prediction.

    Rows of `complications`, which are events of the scenario, are of no outcome family.

    Parameters
    ----------
    read : list of (str, SeriesRow)
        Series and row of each column of a prediction.
    published : mapping of str to Target
        Table of targets.
    where : str
        The file, to begin a message with.

    Raises
    ------
    ScenarioError
        If a study names a row that its series does not have, or a row that cannot be fitted; if two studies read one
        series; if rows are not nested in line.
    """
    study_of: dict[str, tuple[str, Study]] = {}
    for key, study in file.studies.items():
        if study.series in study_of:
            place = f"{where}: studies.{key}.series"
            raise ScenarioError(f"{place}: '{study.series}' is already read by '{study_of[study.series][0]}'.")
        study_of[study.series] = key, study
    targets = {(name, row.target) for name, row in read}
    for key, study in file.studies.items():
        for target, spec in study.rows.items():
            for name in (target, spec.within or target):
                if (study.series, name) not in targets:
                    known = sorted(t for s, t in targets if s == study.series)
                    raise ScenarioError(unknown("row", name, known, f"{where}: studies.{key}.rows"))
    rows = [_row(*study_of[name], row, file, published, where, complications) for name, row in read]
    _check_nesting(rows, where)
    return rows


def _row(
    key: str,
    study: Study,
    row: SeriesRow,
    file: CalibrationFile,
    published: Mapping[str, Target],
    where: str,
    complications: Collection[str],
) -> Row:
    spec = study.rows.get(row.target)
    role = "check" if spec is None or study.role == "check" else spec.role
    share = _share(row)
    n, is_effective = _size(row, spec, published.get(row.target))
    place = f"{where}: studies.{key}.rows.{row.target}"
    if role == "fit" and not np.isfinite(share):
        raise ScenarioError(
            f"{place}: is a range, a bound or a mean (a restricted one too), which a likelihood cannot read; its role"
            " is 'check'."
        )
    if role == "fit" and not n > 0:
        raise ScenarioError(f"{place}: has no number of patients and no interval; state n, or its role is 'check'.")
    return Row(
        target=row.target,
        study=key,
        cohort_id=study.cohort_id,
        series=study.series,
        family=(spec.family if spec else None) or _family(row, complications),
        role=role,
        held_out=study.cohort_id in file.all_held_out,
        reading=row,
        share=share,
        n=n,
        is_effective=is_effective,
        within=(spec.within if spec else None) or "",
        reason=(spec.reason if spec else "") or study.reason or row.note,
    )


def _share(row: SeriesRow) -> float:
    if row.observed is None or row.statistic in ("mean_time", RESTRICTED):
        return float("nan")
    if row.statistic in MEDIANS:
        return 0.5
    return 1.0 - row.observed if row.statistic == "km_survival" else row.observed


def _family(row: SeriesRow, complications: Collection[str]) -> str:
    """Outcome family of a row by its events; complications are of none."""
    if all(event in complications for event in row.events):
        return OTHER
    return vocabulary().family_of(row.events)


def _size(row: SeriesRow, spec: StudyRow | None, published: Target | None) -> tuple[float, bool]:
    """Patients behind a row, and whether that number is already the effective one after censoring."""
    if spec is not None and spec.n is not None:
        return spec.n, False
    if published is not None and published.low is not None and published.high is not None:
        low, high = published.low, published.high
        if row.statistic in AT_A_TIME and row.observed is not None and 0.0 < low < row.observed < high < 1.0:
            return _size_of_share(row.observed, low, high), True
        if row.statistic == "km_median" and published.n is None and 0.0 < low < high:
            spread = np.log(high / low) / (2.0 * Z975)
            return float(0.25 / (EXPONENTIAL_SLOPE * spread) ** 2), True
    return float(row.n), False


def _size_of_share(value: float, low: float, high: float) -> float:
    """Patients without censoring whose share has this 95% interval on the complementary log-log scale."""
    edges = np.log(-np.log1p(-np.array([low, high])))
    spread = (edges[1] - edges[0]) / (2.0 * Z975)
    slope = -(1.0 - value) * np.log1p(-value)  # of the share over its complementary log-log
    return float(value * (1.0 - value) / (slope * spread) ** 2)


def _check_nesting(rows: list[Row], where: str) -> None:
    """Refuse rows that are not nested one in the other, like the events of the same patients."""
    by_name = {(row.study, row.target): row for row in rows}
    taken: set[tuple[str, str]] = set()
    for row in rows:
        if not row.within:
            continue
        outer, place = by_name[row.study, row.within], f"{where}: studies.{row.study}.rows.{row.target}.within"
        if (row.study, row.within) in taken:
            raise ScenarioError(f"{place}: '{row.within}' already holds another row; nest them in line.")
        if outer.family != row.family or outer.is_time != row.is_time:
            raise ScenarioError(f"{place}: '{row.within}' is of family {outer.family}, this row of {row.family}.")
        if outer.role == "fit" and row.role == "fit" and outer.share < row.share:
            raise ScenarioError(f"{place}: '{row.within}' has {outer.share:g}, fewer than {row.share:g} here.")
        if row.target in wholes(row, by_name):
            raise ScenarioError(f"{place}: '{row.within}' lies within '{row.target}' itself.")
        taken.add((row.study, row.within))


def wholes(row: Row, by_name: Mapping[tuple[str, str], Row]) -> list[str]:
    """Targets that contain one, from the nearest outwards."""
    found: list[str] = []
    while row.within and row.within not in found:
        found.append(row.within)
        row = by_name[row.study, row.within]
    return found
