"""Pages and pictures of what agencies ask."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure

import lmssim
from lmssim.errors import InputError
from lmssim.report.parts.style import new_figure, save_figure
from lmssim.report.sensitivity.agency.page import figure_of, presented, table_text
from lmssim.studies.sensitivity.agency.severity import EVER
from tests.kit.agency import BACKGROUND, BUDGET, DRUG, write_disease

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.submission import Agency

PICTURES = ("plot", "plot_severity", "plot_rates", "plot_distribution", "plot_gains", "plot_budget")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Every part, over draws."""
    folder = tmp_path_factory.mktemp("page")
    path = write_disease(folder, uncertain=", uniform, , , , 0.1, 0.2")
    (folder / "budget.toml").write_text(BUDGET)
    return lmssim.agency(path, 1_600, 40, budget=folder / "budget.toml")


def test_every_picture_takes_axes_or_makes_them(found: Agency) -> None:
    """As those of any result."""
    for name in PICTURES:
        ax = getattr(found, name)()
        assert isinstance(figure_of(ax), Figure)
        given = new_figure(5.0, 4.0).subplots()
        assert getattr(found, name)(ax=given) is given


def test_pictures_have_no_text_outside(found: Agency, tmp_path: Path) -> None:
    """Every text of every figure of the page lies within it."""
    for name, each in presented(found).figures.items():
        figure = each.draw()
        assert save_figure(figure, tmp_path, name)[0].stat().st_size > 5_000
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        width, height = figure.bbox.width, figure.bbox.height
        for ax in figure.axes:
            for text in (ax.title, ax.xaxis.label, ax.yaxis.label, ax._left_title):  # type: ignore[attr-defined]
                box = text.get_window_extent(renderer)
                inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                assert not text.get_text() or inside, (name, text.get_text())


def test_the_answer_says_how_sure_the_weight_is(found: Agency) -> None:
    """A shortfall that is spread over a bound is said to lie near it."""
    told = " ".join(presented(found).answer)
    assert "The shortfall lies near a bound: a weight of 1" in told
    assert "probability of each weight is" in told
    assert str(table_text(found).caption)


BOUND = """
[threshold]
amount = {amount}
years = {years}
assumed = "a number"
"""


def budget_words(tmp_path: Path, text: str) -> tuple[str, list[str]]:
    """What the answer says of a budget, and the columns of the page's tables."""
    (tmp_path / "budget.toml").write_text(text)
    found = lmssim.agency(write_disease(tmp_path), 1_024, parts=["budget"], budget=tmp_path / "budget.toml")
    page = presented(found)
    return " ".join(page.answer), [str(name) for each in page.tables for name in each.frame.columns]


def test_the_answer_says_whether_a_payer_would_ask(tmp_path: Path) -> None:
    """In which years the difference exceeds the threshold, in words that fit one year and several."""
    told, columns = budget_words(tmp_path, BUDGET + BOUND.format(amount=300_000, years=2))
    assert "The difference exceeds 300,000 GBP in year 2." in told
    assert "Patients" in columns
    told, _ = budget_words(tmp_path, BUDGET + BOUND.format(amount=1e9, years=1))
    assert "The difference exceeds 1,000,000,000 GBP not in year 1." not in told
    assert "The difference does not exceed 1,000,000,000 GBP in year 1." in told
    told, _ = budget_words(tmp_path, BUDGET + BOUND.format(amount=1e9, years=3))
    assert "The difference exceeds 1,000,000,000 GBP in none of the first 2 years." in told


def test_nobody_costs_nothing(tmp_path: Path) -> None:
    """Without new cases no cost of a patient is told."""
    told, _ = budget_words(tmp_path, BUDGET.replace("cases = 20", "cases = 0"))
    assert "Over 2 years and 0 patients, the change of care from none to drug adds 0 GBP; care now costs 0." in told


def test_one_strategy_has_pictures_without_rows(tmp_path: Path) -> None:
    """And no warning."""
    found = lmssim.agency(write_disease(tmp_path), 1_024, strategies=["none"])
    assert not found.plot_gains().patches
    assert found.plot_rates().get_ylim() == (0.5, -0.5)
    tables = "severity, severity_weights, severity_incremental, rates, rates_incremental, rates_frontier, "
    assert repr(found) == f"<Agency of 'disease': 1,024 patients; {tables}distribution, patients_reaching, gains>"


def test_the_answer_of_one_year(tmp_path: Path) -> None:
    """Without a way from the first year to the last."""
    told, _ = budget_words(tmp_path, BUDGET.replace("[0.5, 1]", "[1]"))
    assert "Over 1 year and 100 patients, the change of care from none to drug adds" in told
    assert "The difference goes from" not in told


@pytest.mark.parametrize(("lead", "words"), [(0.5, True), (-0.5, True), (3.0, False)])
def test_what_errors_leave_open_is_said(tmp_path: Path, lead: float, words: bool) -> None:
    """A price moves the net benefit of every patient alike, so that the lead can be any multiple of its error."""
    path = write_disease(tmp_path)
    found = lmssim.agency(path, 1_024, parts=["rates"]).of_rates
    mean, se = found.inmb(found.own, "drug", 20_000.0)
    path.write_text(path.read_text().replace(f"price = {DRUG}", f"price = {DRUG + mean - lead * se}"))
    moved = lmssim.agency(path, 1_024, parts=["rates"])
    assert moved.of_rates.inmb(moved.of_rates.own, "drug", 20_000.0).mean == pytest.approx(lead * se)
    told = " ".join(presented(moved).answer)
    assert ("The errors leave open whether" in told and "is the best at 3.5%" in told) == words
    assert ("the best strategy is" in told or "is best" in told) != words


def test_gains_are_those_of_the_best_strategy(tmp_path: Path) -> None:
    """Not of the one that gains most; of that one where the comparator is the best, and the answer says which it is."""
    path = write_disease(tmp_path)
    more = "\n[strategies.more]\nset = { ratio = 0.3, price = 9_000_000 }\n"
    path.write_text(path.read_text() + more)
    told = " ".join(presented(lmssim.agency(path, 1_024, parts=["patients"])).answer)
    assert "drug, the strategy of the greatest net benefit at 20,000 per QALY, gains" in told
    path.write_text(path.read_text().replace(f"price = {DRUG}", "price = 8_000_000"))
    told = " ".join(presented(lmssim.agency(path, 1_024, parts=["patients"])).answer)
    assert "more, the strategy that gains most QALYs, gains" in told


def test_the_horizon_is_told_by_discounted_qalys(tmp_path: Path) -> None:
    """Both shares, with a constant hazard and utility, where nobody lives for 200 years."""
    path = write_disease(tmp_path)
    horizon = 30.0
    path.write_text(re.sub(r"horizon = [0-9.]+", f"horizon = {horizon}", path.read_text(), count=1))
    found = lmssim.agency(path, 1_024, parts=["severity"])
    severity = found.of_severity
    assert severity is not None
    rate = math.log1p(found.scenario.file.settings.discount_rate_effects)

    def beyond(fall: float) -> float:
        return 1.0 - math.expm1(-fall * horizon) / math.expm1(-fall * EVER)

    assert severity.beyond_horizon == pytest.approx(beyond(BACKGROUND), rel=1e-6)
    assert severity.beyond_horizon_discounted == pytest.approx(beyond(BACKGROUND + rate), rel=1e-6)
    discounted, plain = 100 * severity.beyond_horizon_discounted, 100 * severity.beyond_horizon
    told = " ".join(presented(found).answer)
    assert f"{discounted:.2g}% of the discounted QALYs of the general population ({plain:.2g}% of them und" in told


def test_the_budget_names_the_mixes(tmp_path: Path) -> None:
    """With shares where there are several."""
    told, _ = budget_words(tmp_path, BUDGET.replace("mix = { none = 1 }", "mix = { none = 0.9, drug = 0.1 }"))
    assert "the change of care from 90% none and 10% drug to drug adds" in told


def test_a_part_that_was_not_run_says_so(tmp_path: Path) -> None:
    """Its tables and pictures are refused with the reason."""
    found = lmssim.agency(write_disease(tmp_path), 1_024, parts=["rates"])
    with pytest.raises(InputError, match="severity: this part was not run"):
        found.plot_severity()
    with pytest.raises(InputError, match="severity: the part severity was not run"):
        _ = found.severity
    with pytest.raises(AttributeError):
        _ = found.nothing
    assert found.plot().get_title(loc="left").startswith("Discount rates")
    assert "severity" not in found.tables


def test_wrong_words_in_python_are_refused(found: Agency, tmp_path: Path) -> None:
    """With what is allowed."""
    with pytest.raises(InputError, match=r"unknown outcome 'qaly'\. Did you mean 'qalys'"):
        found.plot_distribution(outcome="qaly")
    with pytest.raises(InputError, match="budget_scenarios: the budget file states no scenarios"):
        _ = found.budget_scenarios
    path = write_disease(tmp_path)
    with pytest.raises(InputError, match="parts: 'severity' is not a sequence of parts"):
        lmssim.agency(path, 1_024, parts="severity")
    with pytest.raises(InputError, match="draws: -5 are too few"):
        lmssim.agency(path, 1_024, -5)
