"""Proposed studies from TOML: what they say, and one message for what they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lmssim
from lmssim.errors import InputError
from lmssim.studies.sensitivity.voi.proposal import read_proposal
from lmssim.studies.sensitivity.voi.samples import Samples
from lmssim.studies.sensitivity.voi.study import InformationStudy
from tests.kit.information import value_of_normal, within
from tests.studies.sensitivity.voi.test_study import two_normals

if TYPE_CHECKING:
    from pathlib import Path

MEAN = """
title = "Mean of p1"
sizes = [10, 1000]

[conduct]
patients_per_year = 100
follow_up = 1
reporting = 0.5

[costs]
fixed = 10
per_patient = 0.01

[[data]]
kind = "normal"
mean = "p1"
sd = 1
"""


def written(folder: Path, text: str) -> Path:
    """A file."""
    path = folder / "mean.toml"
    path.write_text(text)
    return path


def test_a_study_is_valued(tmp_path: Path) -> None:
    """Closed form per patient; beyond its cost in the population, for those who come after its result."""
    people = lmssim.Population(incidence=100.0, horizon=20.0)
    study = InformationStudy(two_normals(), [1.0], people)
    samples = Samples(study, [read_proposal(written(tmp_path, MEAN))])
    for row in samples.evsi.to_dict("records"):
        truth = value_of_normal(1.0, float(np.sqrt(row["size"] / (row["size"] + 1.0))))
        assert within(row["evsi"], truth, row["se"])
    first = samples.enbs.iloc[0]
    assert first["patients"] == pytest.approx(people.later(0.1 + 1.5).patients())
    rate = np.log(1.035)
    assert first["cost"] == pytest.approx(10.0 + 0.1 * (1.0 - np.exp(-0.1 * rate)) / (0.1 * rate))
    assert first["enbs"] == pytest.approx(first["patients"] * samples.evsi["evsi"].iloc[0] - first["cost"])
    assert list(samples.enbs["best"]) == ["no", "no", "yes"]
    assert set(samples.order["holds"]) <= {"yes", "within error"}


def test_accrual_that_is_not_feasible_is_cut(tmp_path: Path) -> None:
    """To the most that can be recruited, and said."""
    text = MEAN.replace("reporting = 0.5", "reporting = 0.5\nmost_years = 5")
    proposal = read_proposal(written(tmp_path, text))
    assert list(proposal.sizes) == [10, 500]
    assert proposal.notes == ["At most 500 patients can be recruited in 5 years."]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title", "titel", r"mean.toml: unknown key 'titel'. Did you mean 'title'\?"),
        ("[10, 1000]", "[0]", r"sizes: expected 1 to 20 whole numbers from 1 to 20,000"),
        ("fixed = 10", "fixed = -1", r"costs.fixed: -1 is not a number of at least 0"),
        (
            "patients_per_year = 100",
            "patients_per_year = 0",
            r"patients_per_year: 0 is not a number above 0",
        ),
        ('kind = "normal"', 'kind = "norml"', r"data\[0\]: unknown kind 'norml'. Did you mean 'normal'\?"),
        ("sd = 1", "", r"data\[0\]: 'sd' is missing"),
        ("sd = 1", "sd = 1\nshare = 2", r"data\[0\].share: 2 is more than 1"),
        ("sd = 1", "sd = true", r"data\[0\].sd: True is not an expression"),
        ("[[data]]", "[[date]]", r"unknown key 'date'. Did you mean 'data'\?"),
        ('kind = "normal"\nmean = "p1"\nsd = 1', 'kind = "survival"\nfamily = "weibul"', r"Did you mean 'weibull'\?"),
        ("title =", "title", r"not valid TOML"),
    ],
)
def test_bad_files(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The file, the key, the value, and what is allowed."""
    with pytest.raises(InputError, match=message):
        read_proposal(written(tmp_path, MEAN.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"p1"', '"p9"', r"data\[0\].mean: unknown name 'p9'"),
        ('"p1"', '"log(p1 - 100)"', r"data\[0\].mean: is nan in draw 0; it must be a finite number"),
        ("sd = 1", 'sd = "p1 - 50"', r"data\[0\].sd: is -.* in draw 0; it must be above 0"),
        ('"p1"', "1", r"data depend on no uncertain parameter: they tell nothing"),
    ],
)
def test_data_that_do_not_fit_the_draws(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The key, and the draw in which it is impossible."""
    proposal = read_proposal(written(tmp_path, MEAN.replace(old, new)))
    with pytest.raises(InputError, match=message):
        _ = Samples(InformationStudy(two_normals(), [1.0]), [proposal]).found
