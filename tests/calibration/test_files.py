"""Every calibration file says where its targets come from, and what each of them is used for."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.model.language import expression
from lmssim.model.language.schema.calibration import CalibrationFile
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.studies.calibration.holdout import held_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.language.schema import SeriesRow
    from lmssim.model.language.schema.calibration import Study, StudyRow

FOLDER = Path(__file__).parents[2] / "calibration"
FILES = sorted(FOLDER.glob("*.toml"))
ALIVE = ("os", "dss", "dfs", "os_after_metastasis", "pfs_metastatic")
"""Outcomes whose printed share is of patients without the event."""
MEDIANS = ("median_time", "km_median")
ADDED_AFTER = "scielo_pm_os90m"
"""Last target of the first evidence; those that follow are each computed, or listed with the reason why not."""
SITE_FREE = ("lr_shape", "lr_h5", "dm_shape", "dm_h5")


@dataclass(frozen=True)
class Calibration:
    """A file, and its scenario with the series and strategies of the file."""

    name: str
    file: CalibrationFile
    scenario: Scenario

    @cached_property
    def readings(self) -> dict[tuple[str, str], SeriesRow]:
        """Rows of the studies' series, by study and target."""
        series = self.scenario.file.series
        return {(key, row.target): row for key, study in self.file.studies.items() for row in series[study.series].rows}

    def rows(self) -> Iterator[tuple[str, Study, str, StudyRow]]:
        """Every target that the file says something about."""
        for key, study in self.file.studies.items():
            for target, row in study.rows.items():
                yield key, study, target, row


@cache
def _calibration(path: Path) -> Calibration:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    file = CalibrationFile.model_validate(data)
    additions: dict[str, Any] = {key: data[key] for key in ("series", "strategies") if key in data}
    return Calibration(path.stem, file, load_scenario(file.scenario, additions=additions))


@cache
def _table(name: str, key: str) -> dict[str, dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    table = {row[key]: row for row in rows}
    assert len(table) == len(rows)
    return table


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def calibration(request: pytest.FixtureRequest) -> Calibration:
    """Each calibration file in turn."""
    return _calibration(request.param)


def test_studies_name_targets_of_their_series(calibration: Calibration) -> None:
    """Every target stands in its series and in the table of targets, and is used in one place."""
    series = calibration.scenario.file.series
    assert {study.series for study in calibration.file.studies.values()} <= set(series)
    assert set(calibration.file.series) <= {study.series for study in calibration.file.studies.values()}
    targets = [target for _, _, target, _ in calibration.rows()]
    assert len(targets) == len(set(targets))
    for key, _, target, row in calibration.rows():
        assert (key, target) in calibration.readings
        assert target in _table("targets.csv", "target_id")
        assert row.within is None or row.within in calibration.file.studies[key].rows
    for spec in calibration.file.series.values():
        assert {row.target for row in spec.rows} <= set(_table("targets.csv", "target_id"))


def test_observed_targets_are_the_published_ones(calibration: Calibration) -> None:
    """Up to rounding, and in the row's own direction."""
    for key, _, target, _ in calibration.rows():
        reading, printed = calibration.readings[key, target], _table("targets.csv", "target_id")[target]
        value = float(printed["value"])
        if reading.observed is None:
            low, high = (-np.inf if reading.low is None else reading.low), (reading.high or np.inf)
            assert low <= value <= high, target
        elif reading.statistic in MEDIANS:
            assert reading.observed == pytest.approx(value, rel=0.005), target
        else:
            is_alive = printed["outcome"] in ALIVE or printed["statistic"] == "km_survival"
            share = _share(reading)
            assert share == pytest.approx(1.0 - value if is_alive else value, abs=0.0051), target
            if printed["events"] and printed["n"] and printed["statistic"] == "crude_proportion":
                assert share == pytest.approx(float(printed["events"]) / float(printed["n"]), abs=0.0011), target


def test_numbers_of_patients_are_the_published_ones(calibration: Calibration) -> None:
    """Where the table prints one; another number, or one that is printed nowhere and fitted, says where it is from."""
    for key, study, target, row in calibration.rows():
        reading, printed = calibration.readings[key, target], _table("targets.csv", "target_id")[target]
        if printed["n"]:
            assert reading.n in (0, int(printed["n"])) or reading.note or (row.n is not None and row.reason), target
        elif study.role == row.role == "fit":
            assert reading.note or row.reason, target
        assert row.n is None or row.reason, target


def test_held_out_cohorts_follow_the_rule(calibration: Calibration) -> None:
    """Those of the rule, whatever any target says; cohorts that came later by the rule among themselves."""
    file = calibration.file
    cohorts = {study.cohort_id for _, study, _, row in calibration.rows() if study.role == row.role == "fit"}
    for later in file.later:
        assert sorted(later.held_out) == held_out(calibration.name, later.cohorts)
        assert set(later.cohorts) <= cohorts
        assert not set(later.cohorts) & {*file.held_out, *file.always_fitted}
        cohorts -= set(later.cohorts)
    assert set(file.always_fitted) <= cohorts
    assert sorted(file.held_out) == held_out(calibration.name, cohorts, file.always_fitted)
    assert file.always_fitted == (["elms"] if calibration.name == "extremity" else [])


def test_every_added_target_is_computed_or_listed_with_its_reason() -> None:
    """One or the other, never neither."""
    targets = list(_table("targets.csv", "target_id"))
    added = set(targets[targets.index(ADDED_AFTER) + 1 :])
    computed = {target for path in FILES for _, _, target, _ in _calibration(path).rows()}
    listed = _table("not_computed.csv", "target_id")
    assert added
    assert set(listed) == added - computed
    assert all(row["reason"] for row in listed.values())


def test_checks_have_reasons(calibration: Calibration) -> None:
    """Why a target is only compared: the study's reason, or its own within a study that is fitted."""
    for _, study, target, row in calibration.rows():
        if study.role == "check":
            assert study.reason or row.reason, target
        elif row.role == "check":
            assert row.reason, target


def test_sources_are_listed(calibration: Calibration) -> None:
    """Of the targets, and of the series that read them."""
    sources = _table("sources.csv", "source_id")
    for study in calibration.file.studies.values():
        assert calibration.scenario.file.series[study.series].source_id in sources
    for _, _, target, _ in calibration.rows():
        assert _table("targets.csv", "target_id")[target]["source_id"] in sources


def test_parts_lie_within_their_wholes(calibration: Calibration) -> None:
    """Both fitted, of one family, with no more events; a whole holds one part."""
    wholes = [(key, row.within) for key, _, _, row in calibration.rows() if row.within]
    assert len(wholes) == len(set(wholes))
    for key, study, target, row in calibration.rows():
        if row.within is None:
            continue
        whole = study.rows[row.within]
        assert row.role == whole.role, target
        assert row.family == whole.family, target
        inner, outer = (_share(calibration.readings[key, name]) for name in (target, row.within))
        assert inner <= outer, target


def _share(reading: SeriesRow) -> float:
    """Patients with the event: a half, of a median."""
    assert reading.observed is not None
    if reading.statistic in MEDIANS:
        return 0.5
    return 1.0 - reading.observed if reading.statistic == "km_survival" else reading.observed


def test_given_parameters_are_uncertain_and_not_fitted(calibration: Calibration) -> None:
    """Parameters with a distribution of their own, in none of the places that the fit sets."""
    file, table = calibration.file, calibration.scenario.table
    assert len(set(file.given)) == len(file.given)
    for id_ in file.given:
        assert not table[id_].expression, id_
        assert table[id_].distribution != "fixed", id_
    assert not set(file.given) & (set(file.free) | set(file.sets))
    base = {id_: float(value[0]) for id_, value in table.base().items()}
    base |= {name: free.value for name, free in file.free.items()}
    for id_, text in file.sets.items():
        assert id_ in table
        assert np.isfinite(expression.evaluate(expression.parse(text, id_), base, id_)), id_


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "advanced"], ids=lambda path: path.stem)
def test_priors_are_the_same_at_every_site(path: Path) -> None:
    """A prior that differs between sites would bring in what was seen there."""
    own, other = _calibration(path).file, _calibration(FOLDER / "extremity.toml").file
    for name in SITE_FREE:
        mine, theirs = (
            (prior.distribution, prior.value, prior.se, prior.low, prior.high, prior.lower, prior.upper)
            for prior in (own.free[name], other.free[name])
        )
        assert mine == theirs, name
        assert own.free[name].kind == "assumed"
        assert own.free[name].reason, name
    assert own.tau == other.tau


def test_sources_of_all_targets() -> None:
    """The table of targets stands with its sources, and with no other."""
    sources = _table("sources.csv", "source_id")
    assert set(sources) == {row["source_id"] for row in _table("targets.csv", "target_id").values()}
    assert all(row["citation"] for row in sources.values())
