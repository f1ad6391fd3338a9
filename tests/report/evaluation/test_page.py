"""The report: one file that needs nothing else, in which text is text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.model.scenario import load_scenario
from lmssim.report.evaluation.answer import answer
from lmssim.report.evaluation.figures.standard import plot_plane
from lmssim.report.evaluation.page import write_report
from lmssim.report.parts.style import save_figure
from lmssim.report.parts.table import ReportTable
from tests.kit.page import Tags, figure_of
from tests.report.conftest import NAME

if TYPE_CHECKING:
    from pathlib import Path

EXTRA = ReportTable(
    "Series as published",
    "Paper beside model.",
    pd.DataFrame({"figure": ["Local recurrence"], "paper": [15.0], "model_low": [float("nan")], "n": [75]}),
)


def written(evaluation: Evaluation, folder: Path) -> str:
    """The report of an evaluation with one figure and one extra table."""
    figures = {"plane": save_figure(figure_of(plot_plane(evaluation)), folder / "figures", "plane")[0]}
    manifest = {"command": "lmssim run <test>", "seed": 1}
    return write_report(evaluation, folder, manifest, figures, [EXTRA]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(two_strategies: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the bundled illness-death model."""
    return written(two_strategies, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page_of_rich(rich: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a model with something of everything."""
    return written(rich, tmp_path_factory.mktemp("rich"))


def test_report_stands_alone(page_of_rich: str) -> None:
    """No script, no style sheet, no picture and no link but to a DOI or within the page."""
    Tags(page_of_rich).assert_stands_alone(r"#|https://doi\.org/")
    assert "@import" not in page_of_rich
    assert "url(" not in page_of_rich


def test_labels_are_escaped(page_of_rich: str) -> None:
    """A label with a script is printed, not run; so is the manifest."""
    assert "<script" not in page_of_rich
    assert NAME.replace("<", "&lt;").replace(">", "&gt;") in page_of_rich
    assert "Sepsis &amp; shock" in page_of_rich
    assert "lmssim run &lt;test&gt;" in page_of_rich


def test_report_is_the_same_each_time(two_strategies: Evaluation, page: str, tmp_path: Path) -> None:
    """Two reports of one evaluation are the same text."""
    assert written(two_strategies, tmp_path) == page


def test_headings_do_not_skip_a_level(page: str) -> None:
    """One h1; levels go down one at a time."""
    Tags(page).assert_headings_in_order()


def test_settings_and_extra_table_are_printed(two_strategies: Evaluation, page: str) -> None:
    """Conventions, every parameter, and the caller's table with numbers as text."""
    for part in ("exp(-ln(1 + r) t)", "50 years", "3.5% per year", "1,000, each under every strategy"):
        assert part in page
    assert all(f"[{name}]" in page for name in two_strategies.scenario.table)
    assert '<th scope="row">Local recurrence</th><td class="n">15</td><td class="n">-</td>' in page


def test_answer_says_what_is_best_and_what_is_not_included(two_strategies: Evaluation) -> None:
    """The best strategy at each willingness to pay, the frontier, and that parameters stand still."""
    sentences = answer(two_strategies)
    assert sentences[0].startswith("At GBP 20,000 per QALY, New treatment is best; its lead over Standard is GBP 13,")
    assert "On the efficiency frontier: Standard (least costly) and New treatment (GBP " in " ".join(sentences)
    assert "uncertainty of the parameters is not included" in sentences[-1]


def test_answer_does_not_tell_equals_apart(two_strategies: Evaluation) -> None:
    """Two strategies alike in effect and cost to within the error are said to be so."""
    scenario = load_scenario("illness_death", {"loghr_progression": -1e-6})
    sentences = answer(evaluate(scenario, Sampling(n_patients=200)))
    assert "200 patients are too few" in sentences[0] or "is GBP 0" in sentences[0]
