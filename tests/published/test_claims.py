"""Claims read from the model: closed forms, keys of the file, categories, and options chosen in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import bundled_names
from lmssim.errors import ScenarioError
from lmssim.model import edits
from lmssim.model.language.schema import Claim
from lmssim.model.scenario import load_scenario
from lmssim.published import claims
from lmssim.published.claims import claims_frame, observed_of, read_claims, read_model_claims, with_option
from tests.kit.models import OS, alive_dead, exponential, frame, section
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

SITES = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "all_sites")
MODEL = frame(horizon=50) + alive_dead(exponential("rate")) + OS


def model(**options: Mapping[str, Any]) -> str:
    """A switch, whose first option is the default."""
    return (
        MODEL
        + section("switches.s", default=next(iter(options)))
        + "".join(section(f"switches.s.options.{name}", **entries) for name, entries in options.items())
    )


SURVIVAL = model(
    usual={
        "label": "death 39% at 5 years, 63% of follow-up",
        "claims": [
            {"value": 0.39, "outcome": "os", "by": 5},
            {"value": 0.63, "events": ["dead"], "statistic": "proportion", "follow_up": {"low": 10, "high": 10}},
        ],
    },
    fast={
        "label": "rate 0.2, median 3.5 years, not 34%",
        "set": {"rate": "2 * rate"},
        "claims": [
            {"value": 0.2, "value_of": "rate"},
            {"value": 3.5, "outcome": "os", "statistic": "km_median"},
            {"value": 0.34, "outcome": "os", "by": 5},
        ],
    },
)


def test_outcomes_are_read_with_their_option(write_scenario: Callable[..., Path]) -> None:
    """As closed forms have them, within twice the error; what is planted does not hold."""
    scenario = load_scenario(write_scenario(SURVIVAL, {"rate": 0.1}))
    reads = list(read_claims(scenario))
    expected = [1 - math.exp(-0.5), 1 - math.exp(-1), 0.2, math.log(2) / 0.2, 1 - math.exp(-1)]
    assert [each.observed for each in reads] == pytest.approx(expected, abs=0.02)
    assert all(
        abs(each.observed - value) <= 4 * each.error + 1e-12 for each, value in zip(reads, expected, strict=True)
    )
    assert [each.holds for each in reads] == [True, True, True, True, False]
    assert reads[0].error < 0.003
    frame = claims_frame(scenario, reads)
    assert list(frame["claimed"]) == pytest.approx([0.39, 0.63, 0.2, 3.5, 0.34])
    assert frame["label"][4] == "rate 0.2, median 3.5 years, not 34%"


SETTINGS = model(
    usual={"label": "3%", "claims": [{"value": 0.03, "key": "settings.discount_rate_costs"}]},
    other={
        "label": "2% over 30 years, rate 1",
        "change": {"settings": {"discount_rate_costs": 0.02}, "transitions": []},
        "claims": [
            {"value": 0.02, "key": "settings.discount_rate_costs"},
            {"value": 30, "key": "settings.horizon"},
            {"value": 1, "key": "transitions.0.hazard.rate"},
        ],
    },
)


def test_keys_are_read_from_the_file_as_changed(write_scenario: Callable[..., Path]) -> None:
    """Numbers, and expressions of parameters; items of lists by number."""
    scenario = load_scenario(write_scenario(SETTINGS, {"rate": 0.1}))
    assert [each.observed for each in read_claims(scenario)] == [0.0, 0.02, 50.0, 0.1]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("settings.discont_rate_costs", "there is no 'discont_rate_costs'. Did you mean 'discount_rate_costs'"),
        ("settings", "is a table or a list, not a number"),
        ("transitions.4.hazard", "there is no '4'"),
    ],
)
def test_a_key_that_is_not_there_is_said(write_scenario: Callable[..., Path], key: str, message: str) -> None:
    """With what is near."""
    text = model(usual={"label": "3%", "claims": [{"value": 0.03, "key": key}]})
    scenario = load_scenario(write_scenario(text, {"rate": 0.1}))
    with pytest.raises(ScenarioError, match=message):
        list(read_claims(scenario))


def test_an_option_in_memory_is_the_option_that_is_loaded(write_scenario: Callable[..., Path]) -> None:
    """Its parameters and its name; and from another option the file is read again."""
    path = write_scenario(SURVIVAL, {"rate": 0.1})
    usual, fast = load_scenario(path), load_scenario(path, switches={"s": "fast"})
    assert with_option(usual, "s", "fast").table.base() == fast.table.base()
    assert with_option(usual, "s", "fast").options == fast.options
    assert with_option(fast, "s", "usual").table.base() == usual.table.base()
    assert with_option(usual, "s", "usual") is usual


def test_parameters_that_are_held_stay_held(write_scenario: Callable[..., Path]) -> None:
    """A claim is judged in the model that runs, not in the file's."""
    scenario = load_scenario(write_scenario(SURVIVAL, {"rate": 0.1}), {"rate": 0.3})
    assert [each.observed for each in read_claims(scenario)][2] == pytest.approx(0.6)


def test_a_parameter_that_differs_is_read_in_every_category() -> None:
    """Where it is farthest from what is claimed."""
    scenario = bundled_scenario("all_sites")
    claim = Claim(value=0.28, value_of="exp(loghr_lr_adj_rt)")
    assert observed_of(scenario, claim, "here") == (1.0, 0.0)
    claim = Claim(value=1.0, value_of="exp(loghr_lr_adj_rt)")
    assert observed_of(scenario, claim, "here")[0] == pytest.approx(0.28, abs=0.001)


# === What a scenario claims of its own outcomes ===


def stated(**entries: Any) -> str:
    """A claim of a scenario with one strategy more, of twice the rate of death."""
    more = section("strategies.fast", set={"rate": "2 * rate"})
    return MODEL + more + section("claims.stated", label="stated", within=0.001, **entries)


@pytest.mark.parametrize(
    ("entries", "claimed", "observed"),
    [
        ({"outcome": "os", "by": 5, "value": "1 - exp(-5 * rate)"}, 1 - math.exp(-0.5), 1 - math.exp(-0.5)),
        ({"events": ["dead"], "by": 5, "strategy": "fast", "minus": "one"}, 0.0, math.exp(-0.5) - math.exp(-1.0)),
    ],
)
def test_claims_of_outcomes_and_of_differences(
    write_scenario: Callable[..., Path], entries: dict[str, Any], claimed: float, observed: float
) -> None:
    """As closed forms have them; a difference has the same patients under both strategies."""
    (read,) = read_model_claims(load_scenario(write_scenario(stated(**entries), {"rate": 0.1})))
    assert read.claimed == pytest.approx(claimed)
    assert abs(read.observed - observed) <= 4 * read.error + 1e-12
    assert read.tolerance == 0.001 + claims.CHANCE * read.error


def test_a_claim_is_of_its_options(write_scenario: Callable[..., Path]) -> None:
    """With another option of a switch that it names it is not read."""
    switch = section("switches.s", default="a") + section("switches.s.options.a") + section("switches.s.options.b")
    path = write_scenario(stated(outcome="os", by=5, switches={"s": "a"}) + switch, {"rate": 0.1})
    assert len(list(read_model_claims(load_scenario(path)))) == 1
    assert list(read_model_claims(load_scenario(path, switches={"s": "b"}))) == []


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_scenarios_are_what_they_claim(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Toxicity as its sources have it, counted once; the same local control before and after surgery."""
    monkeypatch.setattr(claims, "PATIENTS", 5_000)
    reads = list(read_model_claims(bundled_scenario(name)))
    assert [each.name for each in reads if abs(each.observed - each.claimed) > each.claim.within + 4 * each.error] == []
    sites = {"same_local_control", "febrile_neutropenia", "severe_toxicity", "toxicity_once"}
    assert name not in SITES or sites <= {each.name for each in reads}


@pytest.mark.parametrize(
    ("parameter", "value", "claim"),
    [
        ("loghr_lr_rt_pre_v_post", -1.0, "same_local_control"),
        ("p_severe_toxicity_doxorubicin_ifosfamide", 0.884, "severe_toxicity"),
        ("p_fibrosis_preop", 0.315, "fibrosis_before_surgery"),
    ],
)
def test_what_is_planted_breaks_a_claim(
    parameter: str, value: float, claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better control before surgery; all neutropenia beside that with fever; fibrosis of the 1990s."""
    monkeypatch.setattr(claims, "PATIENTS", 5_000)
    reads = {each.name: each for each in read_model_claims(load_scenario("extremity", {parameter: value}))}
    assert abs(reads[claim].observed - reads[claim].claimed) > reads[claim].tolerance


def test_toxicity_that_is_counted_twice_breaks_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The phase counts what the treatment counts already."""
    monkeypatch.setattr(claims, "PATIENTS", 5_000)
    scenario = bundled_scenario("extremity")
    state = scenario.file.states["adjuvant"].model_copy(update={"events": ["febrile_neutropenia"]})
    twice = edits.with_file(scenario, states={**scenario.file.states, "adjuvant": state})
    reads = {each.name: each for each in read_model_claims(twice)}
    assert reads["toxicity_once"].observed > reads["toxicity_once"].claimed + reads["toxicity_once"].tolerance


def test_a_claim_that_cannot_be_read_leaves_the_others(write_scenario: Callable[..., Path]) -> None:
    """It is refused with the reason, and fails; the others are read as without it."""
    broken = section("claims.broken", label="broken", within=0.1, events=["deed"], by=5)
    scenario = load_scenario(write_scenario(stated(outcome="os", by=5, value=0.5) + broken, {"rate": 0.1}))
    read, refused = read_model_claims(scenario)
    assert read.observed == pytest.approx(1 - math.exp(-0.5), abs=0.01)
    assert "deed" in refused.refused
