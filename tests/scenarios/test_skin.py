"""The cutaneous and subcutaneous scenarios: what excision and depth do, whom the guideline selects, their series."""

from __future__ import annotations

import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.published.series import read_series
from tests.kit.plain import live
from tests.kit.scenarios import bundled_program, bundled_scenario

SITES = ("cutaneous", "subcutaneous")
CONTRADICTED = {
    "cutaneous": {
        "wong_os5_derm",
        "sandhu_os5",
        "winchester_dm_derm",
        "seerskin_dss5_derm",
        "llombart_lr_dermal",
        "deneve_rec",  # none of 33, where 15% of another series recur; inside the interval of a new study
    },
    "subcutaneous": {"wong_lr5_sub_nort", "wong_os5_sub", "sup41_dss_sub"},
}
"""Figures that other series of the site contradict, so that the model lies between or with the others."""
RARE = pytest.mark.xfail(
    reason="calibrated to 31 patients, in whom metastasis is rarer than in the held-out series and in collected cases"
)


@pytest.fixture(scope="module")
def evaluations() -> dict[str, Evaluation]:
    """Base cases, 10,000 patients."""
    return {site: evaluate(bundled_scenario(site), Sampling(n_patients=10_000, jobs=2)) for site in SITES}


def share(evaluation: Evaluation, strategy: str, outcome: str) -> float:
    """Mean of an outcome."""
    table = evaluation.summary
    return float(table[(table.strategy == strategy) & (table.outcome == outcome)]["mean"].iloc[0])


def test_the_wider_the_excision_the_less_recurs(evaluations: dict[str, Evaluation]) -> None:
    """Local recurrence of dermal tumours: narrow excision, wide excision, Mohs surgery."""
    narrow, wide, mohs = (
        share(evaluations["cutaneous"], s, "local_recurrence:5y") for s in ("narrow_excision", "surgery_only", "mohs")
    )
    assert narrow > 1.5 * wide
    assert wide > 2 * mohs


def test_narrow_then_wide_excision_recurs_as_wide_and_costs_more(evaluations: dict[str, Evaluation]) -> None:
    """The same margins at the price of two operations."""
    lr, surgery = (
        [share(evaluations["cutaneous"], s, outcome) for s in ("surgery_only", "narrow_then_wide")]
        for outcome in ("local_recurrence:5y", "cost:surgery")
    )
    assert lr[0] == lr[1]
    assert surgery[1] > surgery[0]


def test_dermal_tumours_hardly_metastasise(evaluations: dict[str, Evaluation]) -> None:
    """At 5 years after surgery alone: at most 1 in 40."""
    assert 0.005 < share(evaluations["cutaneous"], "surgery_only", "metastasis:5y") < 0.025


@RARE
def test_subcutaneous_tumours_metastasise(evaluations: dict[str, Evaluation]) -> None:
    """At 5 years after surgery alone: at least 1 in 4."""
    assert 0.25 < share(evaluations["subcutaneous"], "surgery_only", "metastasis:5y") < 0.45


@pytest.mark.parametrize("site", SITES)
def test_the_guideline_selects_nobody_above_the_fascia(evaluations: dict[str, Evaluation], site: str) -> None:
    """Its indication asks for a deep tumour: guideline treatment is surgery alone, and no strategy selects patients."""
    program = evaluations[site].program
    lives = live(program, 200)
    assert not any(
        lives.entries("adj_rt", program.strategies.index(name)).any() for name in ("watch_ct", "lines_doxtrab")
    )
    assert not any(name.startswith("guideline") for name in program.strategies)


@pytest.mark.parametrize("site", ["cutaneous", pytest.param("subcutaneous", marks=RARE)])
def test_the_series_are_met_but_for_those_that_contradict_others(site: str) -> None:
    """Every target lies in the interval of a study of its size, apart from the known conflicts."""
    table = read_series(bundled_program(site), n=20_000)
    missed = {row.target_id for row in table.itertuples() if not row.inside}
    assert missed <= CONTRADICTED[site]
