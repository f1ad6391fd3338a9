"""Tables: their figures are the evaluation's, and they fit."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from lmssim.evaluation import Sampling, evaluate
from lmssim.kernels import rewards
from lmssim.report.evaluation.answer import answer
from lmssim.report.evaluation.tables import (
    caps_table,
    causes_of_death_table,
    complications_table,
    cost_table,
    endpoint_table,
    frontier_table,
    icer_texts,
    main_table,
    standard_tables,
)
from lmssim.report.evaluation.terminal import strategy_table_text
from tests.kit.models import DEAD, curves, exponential, frame, move, section, start, state, strategy

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from tests.conftest import Build


def printed(evaluation: Evaluation) -> str:
    """The table of strategies on a terminal of 100 columns."""
    console = Console(width=100, file=io.StringIO(), color_system=None)
    console.print(strategy_table_text(evaluation))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_terminal_table_fits(two_strategies: Evaluation, rich: Evaluation) -> None:
    """No line is longer than 100 columns and nothing is cut."""
    for evaluation in (two_strategies, rich):
        text = printed(evaluation)
        assert max(map(len, text.splitlines())) <= 100
        assert "QALY" in text
    assert "New treatment" in printed(two_strategies)


def test_every_table_has_a_row_for_each_strategy_or_a_column(rich: Evaluation) -> None:
    """Cells are text, and none is empty."""
    for table in [main_table(rich), *standard_tables(rich)]:
        assert table.caption
        assert len(table.frame)
        assert table.frame.map(lambda cell: isinstance(cell, str) and bool(cell)).all(axis=None)


def test_dominance_and_mixes_have_words(rich: Evaluation) -> None:
    """A drug that only costs and harms is dominated, a mix is no choice, the least costly is the reference."""
    assert icer_texts(rich) == {"nothing": "reference", "drug": "dominated", "mixed": "not a choice"}


def test_net_monetary_benefit_agrees_with_its_difference(two_strategies: Evaluation) -> None:
    """The difference of two net benefits is the incremental one; the error is that of one strategy's own figures."""
    first, second = two_strategies.strategies
    values = [two_strategies.net_benefit(strategy, 20_000.0).mean for strategy in (first, second)]
    inmb = two_strategies.incremental_net_benefit(second, 20_000.0)
    assert values[1] - values[0] == pytest.approx(inmb.mean)
    cost_error = two_strategies.estimates.standard_error()[0, 0, rewards.COST]
    assert two_strategies.net_benefit(first, 0.0).se == pytest.approx(float(cost_error))


def test_optional_tables_are_empty_without_their_data(two_strategies: Evaluation) -> None:
    """No events, no causes of death: nothing to print, and `standard_tables` leaves them out."""
    assert complications_table(two_strategies).frame.empty
    assert causes_of_death_table(two_strategies).frame.empty
    assert "Causes of death" not in [t.title for t in standard_tables(two_strategies)]


def test_endpoint_table_reads_the_summary(two_strategies: Evaluation) -> None:
    """Survival at five years stands in its column, in percent."""
    cell = endpoint_table(two_strategies, "os").frame["5 y, %"][0]
    means = two_strategies.summary.set_index(["strategy", "outcome"])["mean"]
    assert float(cell.split(" ± ")[0]) == pytest.approx(100.0 * float(means["standard", "os:5y"]), abs=0.5)


def test_cost_table_ends_with_totals(rich: Evaluation) -> None:
    """Categories first, then all, discounted and not."""
    categories = cost_table(rich).frame["Category"].tolist()
    assert categories == ["Care", "Drugs", "All, discounted", "All, undiscounted"]
    assert np.unique(categories).size == 4


TIED = (
    strategy("usual") + strategy("dear", set={"price": 500.0}) + strategy("better", set={"price": 900.0, "rate": 0.2})
)


def test_ties_are_said_and_have_no_icer(build: Build) -> None:
    """A dearer strategy with the same QALYs is dominated, in the table and in words; the ICER has one per life-year."""
    settings = "currency = 'GBP'\nwtp = [20000]\ncost_categories = ['care']"
    text = frame(10, settings=settings, strategies=TIED) + section("cycles", length=1, correction="start")
    text += start("alive", utility=0.5, entry_cost={"care": "price"}) + DEAD + move("alive", "dead", probability="rate")
    found = evaluate(build(text, {"price": 100.0, "rate": 0.3}).scenario, Sampling(engine="cohort"))
    rows = found.frontier.set_index("strategy")
    assert [rows.loc["dear", name] for name in ("status", "dominated_by", "tie")] == [
        "dominated",
        "usual",
        "same QALYs",
    ]
    years = [(1.0 - (1.0 - p) ** 10) / p for p in (0.3, 0.2)]
    assert rows.loc["better", "icer"] == pytest.approx(800.0 / (0.5 * (years[1] - years[0])))
    assert rows.loc["better", "cost_per_life_year"] == pytest.approx(800.0 / (years[1] - years[0]))
    ratios = found.incremental.set_index(["strategy", "outcome"])["mean"]
    assert ratios["better", "cost_per_life_year"] == pytest.approx(800.0 / (years[1] - years[0]))
    assert np.isnan([ratios["dear", "icer"], ratios["dear", "cost_per_life_year"]]).all()
    said = "dear has the same QALYs as usual: dominated."
    assert said in " ".join(printed(found).split())
    assert said in frontier_table(found).caption
    assert said in answer(found)


def test_what_caps_cut_off_is_printed(build: Build) -> None:
    """Years, person-years and the most at one time, of a hazard of 1 that is held at one of 2 for ever."""
    text = frame(10) + start("free", utility=0.5) + state("progressed", utility=0.5) + DEAD
    text += curves(
        {"pfs": exponential(1.0), "os": exponential(2.0)},
        states=["free", "progressed", "dead"],
        background="none",
        crossing="cap",
    )
    found = evaluate(build(text).scenario, Sampling(engine="cohort"))
    (cap,) = found.caps.to_dict("records")
    assert (cap["draw"], cap["strategy"], cap["curve"], cap["capped_by"]) == (0, "one", "pfs", "os")
    assert cap["years"] == pytest.approx(10.0, abs=1e-3)
    assert cap["years_cut_off"] == pytest.approx(0.5, abs=1e-4)
    assert cap["most_cut_off"] == pytest.approx(0.25, abs=1e-3)
    assert "capped by os for 10 years, which cut off 0.5 person-years, at most 25% at one time" in " ".join(
        printed(found).split()
    )
    assert caps_table(found).frame.iloc[0]["Person-years cut off"] == "0.5"
    assert "caps" in found.tables
