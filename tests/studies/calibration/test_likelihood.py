"""Which targets share a between-study effect, and how those of the same patients are read together."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from lmssim.model.language.schema import SeriesRow
from lmssim.studies.calibration.likelihood import effective_sizes, likelihood_of
from tests.kit.rows import target_row

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.likelihood import Likelihood
    from lmssim.studies.calibration.rows import Row

FAMILIES = ["death", "metastasis"]


def row(target: str, share: float, **more: object) -> Row:
    """A target of 80 patients."""
    reading = SeriesRow(target=target, label="A", statistic="proportion", events=["ill"], observed=share, n=80)
    plain = target_row(reading, 80, target, share=share)
    return replace(plain, **more)  # type: ignore[arg-type]


def of(rows: list[Row], columns: list[int] | None = None, per_patient: FloatArray | None = None) -> Likelihood:
    """Likelihood over an emulator without error."""
    columns = list(range(len(rows))) if columns is None else columns
    per_patient = np.ones(len(rows)) if per_patient is None else per_patient
    return likelihood_of(rows, columns, FAMILIES, per_patient, np.zeros(len(rows)))


def eta(*shares: float) -> FloatArray:
    """Complementary log-logs, (1, n)."""
    found: FloatArray = np.log(-np.log1p(-np.array([shares])))
    return found


def test_groups_are_cohorts_by_family() -> None:
    """Two studies of one cohort share an effect; another family, and times among events, have their own."""
    time = SeriesRow(target="t", label="T", statistic="median_time", events=["ill"], observed=3, n=20)
    rows = [
        row("a", 0.2),
        row("b", 0.3, cohort_id="two"),
        row("c", 0.1, family="death"),
        row("d", 0.4, study="again"),
        row("e", 0.5, reading=time),
    ]
    found = of(rows)
    group = {rows[k].target: g for k, g in zip(found.columns, found.effect, strict=True)}
    assert group["a"] == group["d"]
    assert len({group[target] for target in "abce"}) == 4
    assert sorted(found.effect) == list(found.effect)
    assert [FAMILIES[k] for k in found.family] == [rows[k].family for k in found.columns]


def test_order_of_rows_is_irrelevant() -> None:
    """Also of a chain of nested ones."""
    rows = [row("a", 0.1, within="b"), row("b", 0.3, within="c"), row("c", 0.5), row("x", 0.2, cohort_id="two")]
    shares, tau = [0.15, 0.25, 0.55, 0.3], np.array([[0.4, 0.6]])
    expected = of(rows)(eta(*shares), tau)[0]
    for order in itertools.permutations(range(4)):
        moved = of([rows[k] for k in order])(eta(*(shares[k] for k in order)), tau)[0]
        assert moved == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shares", [(0.1, 0.3, 0.6), (0.02, 0.5, 0.52), (0.3, 0.31, 0.9)])
def test_nested_rows_are_multinomial(shares: tuple[float, float, float]) -> None:
    """Without an effect the joint likelihood is the multinomial one, but for a constant of the targets alone."""
    rows = [row("a", 0.1, within="b"), row("b", 0.3, within="c"), row("c", 0.6)]
    counts = np.array([8, 16, 24, 32])
    constant = stats.multinomial.logpmf(counts, 80, counts / 80) - (counts * np.log(counts / 80)).sum()
    cells = np.diff([0.0, *shares, 1.0])
    found = of(rows)(eta(*shares), np.full((1, 2), 1e-9))[0]
    assert found + constant == pytest.approx(stats.multinomial.logpmf(counts, 80, cells), abs=1e-8)


def test_a_chain_holds_where_its_middle_is_not_read() -> None:
    """The inner events are still a part of the outer ones, not other patients'."""
    middle = row("b", 0.3, within="c", role="check")
    rows = [row("a", 0.1, within="b"), middle, row("c", 0.6)]
    found = of(rows, [0, 2])(eta(0.15, 0.3, 0.5), np.full((1, 2), 1e-9))[0]
    plain = of([row("a", 0.1, within="c"), row("c", 0.6)])(eta(0.15, 0.5), np.full((1, 2), 1e-9))[0]
    assert found == plain
    assert plain == pytest.approx(8 * np.log(0.15) + 40 * np.log(0.35) + 32 * np.log(0.5), abs=1e-8)


def test_a_part_whose_whole_is_not_read_stands_alone() -> None:
    """As a binomial share of all patients, either way."""
    rows = [row("a", 0.1, within="b"), row("b", 0.3)]
    no_effect = np.full((1, 2), 1e-9)
    assert of(rows, [0])(eta(0.2, 0.5), no_effect)[0] == pytest.approx(8 * np.log(0.2) + 72 * np.log(0.8), abs=1e-8)
    assert of(rows, [1])(eta(0.2, 0.5), no_effect)[0] == pytest.approx(80 * np.log(0.5), abs=1e-8)


def test_sizes_are_net_of_censoring_unless_they_are_so_already() -> None:
    """A published interval already has what censoring took."""
    rows = [row("a", 0.25), row("b", 0.25, is_effective=True, cohort_id="two")]
    per_patient = np.array([0.5, 0.5])
    assert np.array_equal(effective_sizes(rows, per_patient), [40.0, 80.0])
    found = of(rows, per_patient=per_patient)
    assert np.array_equal(found.size, [40.0, 80.0])
    assert np.array_equal(found.events, [10.0, 20.0])


def test_the_emulators_error_widens_the_effect() -> None:
    """It adds to tau in squares."""
    rows, tau = [row("a", 0.2)], np.array([[0.1, 0.3]])
    wide = likelihood_of(rows, [0], FAMILIES, np.ones(1), np.array([0.4]))(eta(0.5), tau)
    assert wide[0] == pytest.approx(of(rows)(eta(0.5), np.array([[0.1, 0.5]]))[0], abs=1e-12)


def test_tau_of_a_family_with_one_study() -> None:
    """It cannot be told from the mean setting: where the model can meet the target the likelihood favours none."""
    found = of([row("a", 0.2)])
    tau = np.array([[0.1, t] for t in (0.001, 0.1, 0.5, 1.5)])
    near, far = (found(np.repeat(eta(share), 4, axis=0), tau) for share in (0.2, 0.6))
    assert (np.diff(near) < 0.0).all()
    assert near[0] - near[-1] < 3.0
    assert far.argmax() in (2, 3)
