"""Diagrams and sentences of thresholds: lines with their errors, and how values were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.report.sensitivity.threshold.figures import plot_threshold
from lmssim.report.sensitivity.threshold.words import method_sentences
from lmssim.studies.sensitivity.paired.runs import Drawn, at_values
from lmssim.studies.sensitivity.threshold.study import Asked, followed, thresholds
from tests.kit.linear import linear_path

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.threshold.result import ThresholdStudy


def found_of(folder: pytest.TempPathFactory, asked: Asked, *, exact: bool) -> ThresholdStudy:
    """A threshold of the linear model, solved or over draws."""
    path = linear_path(folder.mktemp("linear"))
    program = compile_scenario(load_scenario(path))
    if exact:
        runs = at_values(program, Sampling(engine="cohort", profiles=1))
    else:
        runs = Drawn(program, Sampling(n_patients=2, counting=False), 400)  # type: ignore[assignment]
    follow = followed(runs, asked, lambda held: compile_scenario(load_scenario(path, held)))
    return thresholds(follow, asked, {"draws": 400, "patients": 2, "exact": exact})


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> ThresholdStudy:
    """Of a gain."""
    return found_of(tmp_path_factory, Asked("gain_a", -0.1, 0.1), exact=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> ThresholdStudy:
    """Of a gain that is drawn jointly with a cost."""
    return found_of(tmp_path_factory, Asked("gain_x", wtps=(6_500.0,)), exact=False)


def test_lines_with_errors_have_bands(solved: ThresholdStudy, expected: ThresholdStudy) -> None:
    """What is solved has none; the comparator, which all are held against, has none either."""
    assert not plot_threshold(solved).collections
    ax = plot_threshold(expected)
    assert len(ax.collections) == 1
    assert len(ax.get_legend_handles_labels()[1]) == 2


def test_words_say_how_values_were_found(solved: ThresholdStudy, expected: ThresholdStudy) -> None:
    """A parameter that is drawn jointly is not held."""
    assert method_sentences(solved)[0].startswith("Solved exactly")
    assert "so that it is not held" in method_sentences(expected)[0]
    assert "400 joint draws of 2 patients each" in method_sentences(expected)[0]
