"""Strategies of the sites: who gets what, as the documentation has it in one table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lmssim.bundled import bundled_names, scenarios_folder
from tests.kit.plain import assert_share, live
from tests.kit.scenarios import bundled_program, bundled_scenario

SITES = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "all_sites")
SCENARIOS = scenarios_folder()
DOCS = Path(__file__).parents[2] / "docs" / "leiomyosarcoma.md"
INDICATED = (
    "guideline",
    "guideline_neoadj_rt",
    "guideline_adj_both",
    "guideline_neoadj_both",
    "guideline_neoadj_ct_ht",
)
COUNT = re.compile(r"\b(two|three|four|five|six|seven|eight|nine|ten|\w+teen|twenty|\d+) strategies", re.IGNORECASE)


def documented() -> dict[str, tuple[str, set[str]]]:
    """Strategy -> its label and the sites that have it, as the documentation says."""
    text = DOCS.read_text().partition("<!-- strategies -->")[2].partition("<!-- end of strategies -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    every = set(SITES)
    return {
        name.strip("`"): (label, every if sites == "every site" else set(re.findall(r"`(\w+)`", sites)))
        for name, label, _, sites in rows
    }


def test_the_table_is_that_of_the_scenarios() -> None:
    """Every strategy with its label, at the sites that have it."""
    found: dict[str, tuple[str, set[str]]] = {}
    for site in SITES:
        scenario = bundled_scenario(site)
        for name in scenario.strategies:
            label, sites = found.setdefault(name, (scenario.strategy_label(name), set()))
            assert label == scenario.strategy_label(name)
            sites.add(site)
    assert found == documented()


@pytest.mark.parametrize("site", ["extremity", pytest.param("all_sites", marks=pytest.mark.study)])
def test_who_is_not_selected_has_surgery_alone(site: str) -> None:
    """To the last stay; and each of those selected is treated differently."""
    program, n = bundled_program(site), 60
    lives = live(program, n)
    column = {name: lives.x[:, i] for i, name in enumerate(program.names.covariates)}
    selected = (column["site"] == 0) & (column["deep"] == 1) & (column["size_cm"] > 5) & (column["grade"] >= 2)
    assert 10 < selected.sum() < n
    surgery = program.strategies.index("surgery_only")
    for name in INDICATED:
        s = program.strategies.index(name)
        same = np.array([lives.stays(i, s) == lives.stays(i, surgery) for i in range(n)])
        assert same[~selected].all()
        assert not same[selected].all()


@pytest.mark.parametrize("site", SITES)
def test_sources_of_strategies_are_known(site: str) -> None:
    """They stand in the table of sources."""
    known = {line.partition(",")[0] for line in (SCENARIOS / "parameters" / "sources.csv").read_text().splitlines()}
    assert {spec.source_id for spec in bundled_scenario(site).file.strategies.values()} <= known | {""}


@pytest.mark.parametrize("name", bundled_names())
def test_descriptions_count_no_strategies(name: str) -> None:
    """They would be wrong with the next strategy."""
    assert not COUNT.search(bundled_scenario(name).file.description)


def test_neutropenia_is_counted_once() -> None:
    """Where it brings fever, as in the trial; other toxicity has a share of its own beside it."""
    program = bundled_program("extremity")
    lives, s = live(program, 4000), program.strategies.index("adj_ct")
    begun = lives.first_entry("adj_ct", s)
    treated = np.isfinite(begun)
    fever, other = (
        lives.first_mark(name, s)[treated] == begun[treated] for name in ("febrile_neutropenia", "severe_toxicity")
    )
    assert_share(fever, 0.362)
    assert_share(other, 0.493)
    assert_share(fever & other, 0.362 * 0.493)
