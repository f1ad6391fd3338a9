"""The battery passes on sound models, and each of its checks fails on an error planted for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import InputError
from lmssim.evaluation import Evaluation, Sampling
from lmssim.execution.simulate import simulate
from lmssim.model import edits
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.verification.battery import scores_table, write_verify_report
from lmssim.studies.sensitivity.paired.block_draws import BlockWork
from lmssim.studies.sensitivity.psa.work import Work
from lmssim.studies.verify import CHECKS, SECTIONS, Finding, Scope, Status, chosen, in_order, run_battery
from lmssim.studies.verify import battery as battery_module
from lmssim.studies.verify.bench import Bench, constant, possible, strategy_values
from lmssim.studies.verify.checks import agreement
from tests.kit.plants import PLANTS, option, parameter, references
from tests.kit.scenarios import bundled_scenario
from tests.kit.small import write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmssim.model.language.schema import Transition
    from lmssim.studies.verify import Battery

SAMPLING = Sampling(n_patients=1_500)
WARNS = (
    "all-dead",
    "bounds",
    "cure-restart",
    "documented",
    "effect-dose",
    "effect-size",
    "one-way-plausible",
    "psa-cloud",
    "psa-mean",
    "published-series",
    "switch-claims",
    "voi-bounds",
    "way-out",
)
"""Checks that warn and do not fail."""
LEIOMYOSARCOMA = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "all_sites", "advanced")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The small model."""
    return load_scenario(write_model(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="module")
def advanced() -> Scenario:
    """Lines of therapy, with drugs, regimens and tables."""
    return bundled_scenario("advanced")


@pytest.fixture(scope="module")
def battery(scenario: Scenario) -> Battery:
    """All checks on the small model."""
    return run_battery(scenario, SAMPLING)


def _another_seed(bench: Bench, group: agreement.Group) -> Evaluation:
    """The same people with other random numbers."""
    program = group.program.with_profiles(choose_profiles(group.program, agreement.N_PROFILES, 1))
    few = replace(bench.sampling, seed=bench.sampling.seed + 1, n_patients=agreement.MORE * bench.sampling.n_patients)
    return Evaluation(program, few, simulate(program, few))


def test_every_check_has_a_planted_error() -> None:
    """None can be added without an error that it finds; those that wait for something are named."""
    assert set(PLANTS) == {c.id for c in CHECKS.values() if not c.awaited}
    assert all(c.awaited or c.function.__doc__ for c in CHECKS.values())


def test_a_sound_model_passes(battery: Battery) -> None:
    """Every check that can be made is made on the small model, and none fails or warns."""
    assert {r.check.id: r.finding.note for r in battery.results if r.finding.status in ("failed", "warning")} == {}
    not_made = {r.check.id for r in battery.results if r.finding.status == Status.NOT_APPLICABLE}
    refused = {"engine-agreement"}  # it pays on entry what terminal care replaces, which `cohort` refuses
    assert not_made == {c.id for c in CHECKS.values() if c.awaited} | refused


@pytest.mark.parametrize("id_", list(PLANTS))
def test_a_planted_error_is_found(scenario: Scenario, id_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check fails (or warns), and says where."""
    spoilt = PLANTS[id_](scenario, monkeypatch)
    (result,) = run_battery(spoilt, SAMPLING, names=[id_]).results
    assert result.finding.status == (Status.WARNING if id_ in WARNS else Status.FAILED), result.finding
    assert result.finding.place
    assert result.finding.observed is not None


def test_a_block_whose_others_move_is_found(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the classic form the other parameters have their values."""
    monkeypatch.setattr(BlockWork, "draws", Work.draws)
    finding = _one(scenario, "one-way-joint")
    assert finding.status == Status.FAILED
    assert finding.where["parameter"] not in scenario.groups


def _one(scenario: Scenario, check: str) -> Finding:
    (result,) = run_battery(scenario, SAMPLING, names=[check]).results
    return result.finding


def _transitions(scenario: Scenario, changed: Callable[[Transition], Transition | None]) -> Scenario:
    new = [changed(t) for t in scenario.file.transitions]
    return edits.with_file(scenario, transitions=[t for t in new if t is not None])


def test_a_claim_that_cannot_be_read_fails(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody can check is not taken to be true."""
    claim = scenario.file.switches["toxicity"].options["many"].claims[0].model_copy(update={"events": ["toxcity"]})
    finding = _one(PLANTS["switch-claims"](scenario, monkeypatch), "switch-claims")
    assert finding.observed == "no claim of 23"
    finding = _one(option(claims=[claim])(scenario, monkeypatch), "switch-labels")
    assert finding.status == Status.FAILED
    assert "unknown state or mark 'toxcity'. Did you mean 'toxicity'" in finding.place


def test_a_discount_above_the_price_is_refused(advanced: Scenario) -> None:
    """By the drug that it would make a source of income."""
    with pytest.raises(InputError, match=r"drugs\.trabectedin\.discount: 1\.2 is not a probability"):
        run_battery(advanced.with_values({"discount_trabectedin": 1.2}), SAMPLING)


def test_cycles_that_do_not_follow_their_price_fail(advanced: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a drug costs, its cycles cost the same."""
    spoilt = references("cycle_of_doxorubicin.cost.systemic", lambda _: 1_000.0)(advanced, monkeypatch)
    finding = _one(spoilt, "acquisition-cost")
    assert finding.status == Status.FAILED
    assert finding.where["treatment"] == "doxorubicin"


def test_a_turned_effect_on_a_good_branch_fails(advanced: Scenario) -> None:
    """Metastases found at a visit are resected less often: a benefit that harms."""
    turned = advanced.with_values({"logor_metastasectomy_found_at_visit": -1.0})
    finding = _one(turned, "effect-direction")
    assert finding.status == Status.FAILED
    assert finding.where["parameter"] == "logor_metastasectomy_found_at_visit"


def test_a_lead_time_that_never_ends_is_named(advanced: Scenario) -> None:
    """Patients found at a visit, who never come to have symptoms."""
    stuck = _transitions(advanced, lambda t: None if t.source == "without_symptoms" and t.to == "advanced" else t)
    finding = _one(stuck, "way-out")
    assert finding.status == Status.WARNING
    assert finding.where == {"state": "without_symptoms"}


@pytest.mark.parametrize("event", ["febrile_neutropenia", "toxic_death"])
def test_a_harm_declared_a_benefit_fails(advanced: Scenario, event: str) -> None:
    """By its cost, or by the lives it takes."""
    events = advanced.file.events
    praised = edits.with_file(
        advanced, events={**events, event: events[event].model_copy(update={"expected": "benefit"})}
    )
    finding = _one(praised, "event-extremes")
    assert finding.status == Status.FAILED
    assert finding.where["event"] == event


def test_numbers_are_read_from_rules_and_named_expressions(scenario: Scenario) -> None:
    """Every alternative of a rule; nothing of what a table or a patient decides."""
    file = scenario.file.model_copy(update={"expressions": {"twice": "2 * half", "half": "u_ill / 2", "of_one": "age"}})
    values = strategy_values(replace(scenario, file=file), "drug")
    assert (values["half"], values["twice"]) == (0.3, 0.6)
    assert "of_one" not in values
    assert possible("u_well if subtype_a else (u_ill if age > 60 else 0.5)", values) == [0.9, 0.6, 0.5]
    assert possible("u_well if subtype_a else age", values) is None
    assert constant("u_well if subtype_a else u_ill", values) is None
    assert constant("p_table(1)", values) is None


def test_draws_that_are_refused_fail(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cost that is negative in some of them."""
    spoilt = parameter("c_toxicity", distribution="normal", p1=2000.0, p2=1500.0)(scenario, monkeypatch)
    finding = _one(spoilt, "draws-hold")
    assert finding.status == Status.FAILED
    assert "c_toxicity" in finding.note


@pytest.mark.parametrize("name", ["illness_death", "sick_sicker_dead", "hiv", "sick_sicker"])
def test_examples_pass(name: str) -> None:
    """No check fails on a bundled example."""
    found = run_battery(bundled_scenario(name), Sampling(n_patients=1_000))
    assert [r.check.id for r in found.results if r.finding.status == Status.FAILED] == []


def _failed(found: Battery) -> dict[str, str]:
    return {r.check.id: r.finding.note for r in found.results if r.finding.status == Status.FAILED}


@pytest.mark.parametrize("name", ["extremity", "all_sites"])
def test_a_sample_of_the_battery_passes(name: str) -> None:
    """Some checks of each group, with few patients."""
    names = [
        "effect-size",
        "nested-exponential",
        "occupancy-sum",
        "net-flow",
        "fixed-stay",
        "tunnel",
        "no-mortality",
        "background-life-table",
        "mean-utility-norm",
        "swapped-strategies",
        "increments",
        "bounds",
        "documented",
        "way-out",
    ]
    assert _failed(run_battery(bundled_scenario(name), Sampling(n_patients=500), names=names)) == {}


def test_the_battery_passes_on_advanced() -> None:
    """All of it but the comparison of engines and what takes longest."""
    without = ["engine-agreement", "psa-mean", "psa-repeat", "reproducible-jobs", "draw-means", "utility-lower"]
    found = run_battery(bundled_scenario("advanced"), Sampling(n_patients=300), without=without)
    assert _failed(found) == {}
    assert found.count(Status.PASSED) >= 50


@pytest.mark.study
@pytest.mark.parametrize("name", LEIOMYOSARCOMA)
def test_the_battery_passes(name: str) -> None:
    """All of it, with as many patients as the command uses."""
    found = run_battery(bundled_scenario(name), Sampling(n_patients=4_000))
    assert _failed(found) == {}
    assert found.count(Status.PASSED) >= 60 - 5 * (name == "advanced")  # which has no treatments of localised disease


def test_engines_are_compared_where_there_are_two(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another seed stands for another engine: z-scores of all outcomes, none large."""
    monkeypatch.setattr(agreement, "solved", _another_seed)
    found = run_battery(scenario, SAMPLING, names=["engine-agreement"])
    assert found.passed
    table = found.tables["compiled-engine-agreement"]
    assert {"life_years", "qalys", "cost", "os:5y"} <= set(table["outcome"])
    assert table["z"].abs().max() < 4.0
    assert scores_table(found, "compiled-engine-agreement").row_count == table["outcome"].nunique()


def test_patients_of_profiles_are_drawn_by_weight(scenario: Scenario) -> None:
    """Each patient is a profile, by number and not by block; shares are the weights within 4 standard errors."""
    program = Bench(scenario, SAMPLING).program
    four = choose_profiles(program, 4, seed=1)
    weighed = replace(four, weights=np.array([0.1, 0.2, 0.3, 0.4]))
    x = program.with_profiles(weighed).patients(0, 10_000, 1)
    assert np.array_equal(program.with_profiles(weighed).patients(500, 10, 1), x[500:510])
    shares = np.array([(x == row).all(axis=1).mean() for row in four.x])
    error = np.sqrt(weighed.weights * (1.0 - weighed.weights) / 10_000)
    assert shares.sum() == 1.0
    assert np.all(np.abs(shares - weighed.weights) < 4.0 * error)


def test_rare_events_do_not_make_engines_disagree(scenario: Scenario) -> None:
    """A sample without a rare event has no error of its own: the exact share's counts, or none is compared."""
    trial = Bench(scenario.with_values({"p_toxicity": 1e-4}), SAMPLING)
    rare = trial.base
    table = agreement.differences([(rare, rare)])
    assert (table["z"] == 0.0).all()
    assert "event:toxicity" in set(table["outcome"])
    assert np.isfinite(table["se"]).all()


def test_a_model_that_does_not_run_fails_where_its_inputs_say_why(scenario: Scenario) -> None:
    """A utility above 1 is a failed check; the others are not made."""
    found = run_battery(scenario.with_values({"u_well": 1.2}), SAMPLING)
    (failed,) = [r for r in found.results if r.finding.status == Status.FAILED]
    assert failed.check.id == "state-utility-norm"
    assert failed.finding.where["parameter"] == "u_well"
    assert found.program is None


def test_a_model_that_does_not_run_for_another_reason_is_bad_input(scenario: Scenario) -> None:
    """The compiler's own message goes through."""
    with pytest.raises(InputError, match="p_toxicity"):
        run_battery(scenario.with_values({"p_toxicity": 2.0}), SAMPLING)


def test_checks_are_chosen_by_name_or_section() -> None:
    """In the order of the battery; a name that is neither is refused with the nearest one."""
    assert [c.id for c in chosen(["utility-one", "effect-size"])] == ["effect-size", "utility-one"]
    assert {c.section for c in chosen(["results"])} == {"results"}
    sections = [SECTIONS.index(c.section) for c in in_order()]
    assert sections == sorted(sections)
    with pytest.raises(InputError, match="utility-one"):
        chosen(["utility-ones"])
    with pytest.raises(InputError, match=r"Sections: 'inputs'.*Checks: effect-direction, .*engine-agreement"):
        chosen(["xyzzy"])
    assert {c.section for c in chosen([], ["results", "overall"])} == {"inputs", "event/state", "uncertainty"}
    with pytest.raises(InputError, match="--skip"):
        chosen([], ["utility-ones"])
    with pytest.raises(InputError, match="no check is left"):
        chosen(["overall"], ["overall"])


@pytest.mark.parametrize("parameter", ["loghr_size", "logor_a", "logor_toxicity", "loghr_drug"])
def test_effects_of_every_kind_have_their_direction_tested(scenario: Scenario, parameter: str) -> None:
    """Of a covariate on a transition, on a branch, on an event, and of a treatment on a risk."""
    turned = scenario.with_values({parameter: -float(scenario.table[parameter].value)})
    (result,) = run_battery(turned, SAMPLING, names=["effect-direction"]).results
    assert result.finding.status == Status.FAILED
    assert parameter in result.finding.where["parameter"]


def test_too_few_patients_are_refused(scenario: Scenario) -> None:
    """With the least number."""
    with pytest.raises(InputError, match="at least 100"):
        run_battery(scenario, Sampling(n_patients=99))


def test_an_engine_that_does_not_exist_is_refused(scenario: Scenario) -> None:
    """By name."""
    with pytest.raises(InputError, match="nonsense"):
        run_battery(scenario, SAMPLING, engines=["nonsense"])


def test_the_battery_is_reproducible(scenario: Scenario, battery: Battery) -> None:
    """The same table, to the last bit, whatever is asked besides."""
    names = ["inputs", "uncertainty"]
    again = run_battery(scenario, SAMPLING, names=names).to_frame()
    before = battery.to_frame()
    before = before[before["section"].isin(names)].reset_index(drop=True)
    assert again.equals(before)


def test_results_do_not_depend_on_workers(scenario: Scenario) -> None:
    """The same table, to the last bit, by one worker and by three; progress names each check and ends with all."""
    told: list[tuple[str, int, int]] = []
    names = ["event/state", "engine-agreement"]
    tables = [
        run_battery(scenario, replace(SAMPLING, n_patients=300, jobs=jobs), names=names, progress=seen).to_frame()
        for jobs, seen in ((1, None), (3, lambda *each: told.append(each)))
    ]
    assert tables[0].equals(tables[1])
    assert {name for name, _, _ in told} == set(tables[0]["check"])
    assert max(done for _, done, _ in told) == len(tables[0])


def test_every_check_says_what_it_compares_and_of_what_it_is_true() -> None:
    """In a sentence, but for those that are not made."""
    for each in CHECKS.values():
        assert each.scope in Scope
        assert each.awaited or each.compares.endswith(".")


def test_inputs_ask_no_engine_for_lives(scenario: Scenario) -> None:
    """What is true of individual lives alone does not apply to the exact engine, which says so."""
    lives = [c.id for c in CHECKS.values() if c.scope == Scope.LIVES]
    bench = Bench(scenario, replace(SAMPLING, engine="cohort"), "cohort")
    notes = {battery_module._finding(bench, CHECKS[id_], None).note for id_ in lives}
    assert notes == {"engine 'cohort' has no individual lives"}


def test_the_page_holds_every_check(battery: Battery, tmp_path: Path) -> None:
    """One file without script or network."""
    text = write_verify_report(battery, tmp_path, {"seed": 1}).read_text()
    for each in CHECKS:
        assert each in text
    assert battery.summary in text
    assert "<script" not in text
    assert "http" not in text
    assert json.dumps({"seed": 1}, indent=2).replace('"', "&#34;") in text
