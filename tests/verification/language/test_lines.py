"""Treatments of several phases: planned in each, by strategies and sequences, and the same in every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines.cohort.continuous import Fineness
from lmssim.errors import InputError, ScenarioError
from lmssim.execution.simulate import Sampling
from lmssim.kernels.rewards import COST
from lmssim.outcomes.first_times import first_times
from lmssim.report.model.links import diagram_text, links_of
from lmssim.report.parts.labels import state_label
from lmssim.studies.verify import run_battery
from tests.kit.agreement import assert_like, compare
from tests.kit.models import DEAD, frame
from tests.kit.plain import live, worth

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build


FIT = 'covariates.fit = { kind = "binary", probability = 0.7 }'
LINES = f"""
[attributes]
tired = "flag"

[states.line_1]
kind = "phase"
initial = true
next = "supportive"

[states.line_2]
kind = "phase"
label = "Second line"
next = "supportive"
set = {{ tired = false }}

[states.supportive]
{DEAD}
[treatments.dox]
phase = ["line_1", "line_2"]
eligible = "fit"

[treatments.trab]
phase = ["line_1", "line_2"]
label = "Trabectedin"

[treatments.best_care]
phase = "line_2"

[sequences.standard]
treatments = ["line_1.dox", "line_2.trab"]

[[transitions]]
from = "line_1"
to = "line_2"
name = "progression"
set = {{ tired = true }}
hazard = {{ family = "fixed", delay = 1 }}

[[transitions]]
from = ["line_2", "supportive"]
to = "dead"
hazard = {{ family = "fixed", delay = 2 }}
"""


def _model(build: Build, strategies: str, more: str = "", settings: str = "", lines: str = LINES) -> Program:
    return build(frame(covariates=FIT, strategies=strategies, settings=settings) + lines + more)


def _path(program: Program, patient: int, strategy: int = 0) -> list[str]:
    stays = live(program, 40).stays(patient, strategy)
    return [state for state, entered, left in stays if left > entered]


def _someone(program: Program, fit: int) -> int:
    return int(np.flatnonzero(program.patients(0, 40, 1)[:, 1] == fit)[0])


def test_sequence_is_lived_line_by_line(build: Build) -> None:
    """A treatment has a state in each phase, one clock, and the durations of its phase."""
    program = _model(build, '[strategies.one]\nsequence = "standard"')
    patient = _someone(program, 1)
    stays = live(program, 40).stays(patient)
    assert stays == [("line_1.dox", 0.0, 1.0), ("line_2.trab", 1.0, 3.0), ("dead", 3.0, 3.0)]
    assert list(program.flat.clocks) == ["dox", "trab", "best_care"]


def test_nothing_eligible_goes_to_next(build: Build) -> None:
    """Whoever is not eligible leaves the phase at once, and its later phases are never asked."""
    program = _model(build, '[strategies.one]\nsequence = "standard"')
    assert _path(program, _someone(program, 0)) == ["supportive"]


def test_phase_sets_its_attributes_without_any_treatment(build: Build) -> None:
    """What a phase sets is set where no strategy plans a treatment in it."""
    lines = LINES.replace('[treatments.best_care]\nphase = "line_2"\n', "")
    lines = lines.replace('name = "progression"\nset = { tired = true }', 'name = "progression"')
    lines = lines.replace("set = { tired = false }", "set = { tired = true }")
    lasting = "[lasting.tired]\ncost_per_year = { total = 100 }\n"
    program = _model(build, '[strategies.one]\ntreatments = ["line_1.trab"]', lasting, lines=lines)
    assert "line_2.trab" not in program.states
    assert worth(program)[0, COST] == pytest.approx(200.0)


def test_rule_is_read_when_the_phase_asks(build: Build) -> None:
    """An attribute set in the first line decides over the second; the phase's own `set` comes before its question."""
    plan = '[strategies.one]\ntreatments = ["line_1.trab", { treatment = "line_2.trab", when = "RULE" }]'
    tired = LINES.replace("set = { tired = false }", "")
    assert _path(_model(build, plan.replace("RULE", "tired"), lines=tired), 0)[1] == "line_2.trab"
    assert _path(_model(build, plan.replace("RULE", "not tired"), lines=tired), 0)[1] == "supportive"
    assert _path(_model(build, plan.replace("RULE", "tired")), 0)[1] == "supportive"
    assert _path(_model(build, plan.replace("RULE", "since_trab == 1")), 0)[1] == "line_2.trab"


def test_strategies_differ_on_the_same_luck(build: Build) -> None:
    """Each strategy lives its own plan: the default sequence, another, its own treatments besides."""
    strategies = """
[strategies.standard]
[strategies.other]
sequence = "other"
[strategies.added]
treatments = ["line_1.trab", "best_care"]
[strategies.nothing]
sequence = "none"
"""
    more = '[sequences.none]\n[sequences.other]\ntreatments = [{ treatment = "line_1.trab", when = "not fit" }]\n'
    program = _model(build, strategies, more, 'sequence = "standard"')
    fit, unfit = _someone(program, 1), _someone(program, 0)
    paths = [[_path(program, patient, s)[0] for s in range(4)] for patient in (fit, unfit)]
    assert paths == [
        ["line_1.dox", "supportive", "line_1.dox", "supportive"],
        ["supportive", "line_1.trab", "line_1.trab", "supportive"],
    ]
    assert _path(program, fit, 2)[1] == "line_2.trab"  # before best care, in the file's order


def test_unused_combinations_cost_nothing(build: Build) -> None:
    """No state for what nobody plans, no attribute for what nobody reads."""
    program = _model(build, '[strategies.one]\nsequence = "standard"')
    assert "line_1.trab" not in program.states
    assert list(program.flat.levels) == ["tired", "planned_best_care", "received_best_care"]
    effect = '[treatments.trab]\nphase = ["line_1", "line_2"]\neffects = [{ risk = "dead", effect = -1 }]\n'
    lines = LINES.replace('[treatments.trab]\nphase = ["line_1", "line_2"]\n', effect)
    lines = lines.replace('"fixed", delay = 2', '"exponential", rate = 1')
    assert "received_trab" in _model(build, '[strategies.one]\nsequence = "standard"', lines=lines).flat.levels


@pytest.mark.parametrize(("fit", "paid"), [(1, [0, 4]), (0, [2, 1])])
def test_received_and_planned_can_be_read(build: Build, fit: int, paid: list[float]) -> None:
    """`received_T` is true from the first entry in any phase; `planned_T` where the strategy plans it in any."""
    strategies = '[strategies.one]\nsequence = "standard"\n[strategies.two]\ntreatments = ["line_1.dox"]'
    cost = 'entry_cost.total = "4 if received_dox else 2 if planned_trab else 1"'
    lines = LINES.replace("[states.supportive]\n", f"[states.supportive]\n{cost}\n")
    covariates = f'covariates.fit = {{ kind = "constant", value = {fit} }}'
    program = build(frame(covariates=covariates, strategies=strategies) + lines)
    assert worth(program)[:, COST].tolist() == paid


def test_events_are_named_by_treatment_or_in_a_phase(build: Build) -> None:
    """`trab` is any of its states, `line_2.trab` the one; what nobody plans never happens."""
    strategies = '[strategies.one]\ntreatments = ["line_1.dox", "line_2.trab", "line_1.trab", "line_2.best_care"]'
    endpoints = "".join(
        f'[endpoints.e{i}]\nevents = ["{name}"]\ndeath = "competing"\nkind = "incidence"\n'
        for i, name in enumerate(("trab", "line_2.trab", "line_2.dox", "line_2.best_care", "best_care"))
    )
    program = _model(build, strategies, endpoints)
    bits = {
        s.name: roles.event_of for s, roles in zip(program.rows.states, program.rows.counting.of_state, strict=True)
    }
    assert {name: bit for name, bit in bits.items() if bit} == {"line_1.trab": 1, "line_2.trab": 3, "best_care": 24}
    times = first_times(program, ["one"], 40, 1)["one"]
    earliest = times.first(["trab"], "here")
    assert np.array_equal(earliest, np.minimum(times.by_name["line_1.trab"], times.by_name["line_2.trab"]))
    assert np.isinf(times.by_name["line_2.dox"]).all()


def test_labels_say_the_phase(build: Build) -> None:
    """In tables a treatment of several phases stands with its phase."""
    scenario = _model(build, '[strategies.one]\nsequence = "standard"').scenario
    assert state_label(scenario, "line_2.trab") == "Second line: Trabectedin"
    assert state_label(scenario, "line_1.dox.wait") == "Line 1: Dox, waiting"
    assert state_label(scenario, "best_care") == "Best care"


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ('treatments = ["dox"]', "'dox' is a treatment of several phases; name one of line_1.dox, line_2.dox"),
        ('treatments = ["line_3.dox"]', "unknown treatment in a phase 'line_3.dox'. Did you mean 'line_2.dox'"),
        ('treatments = ["line_1.dix"]', "strategies.one.treatments: unknown treatment 'dix'. Did you mean 'dox'"),
        ('sequence = "standart"', "strategies.one.sequence: unknown sequence 'standart'. Did you mean 'standard'"),
        ('mix = [{ fraction = 1, treatments = ["line_1.dox"] }]', "'line_1.dox' is planned in a phase, which a mix"),
        ('treatments = [{ treatment = "line_1.dox", when = "fitt" }]', "one.treatments.when: unknown name 'fitt'"),
    ],
)
def test_wrong_names_are_refused(build: Build, strategies: str, message: str) -> None:
    """One message that says where and what is allowed."""
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        _model(build, f"[strategies.one]\n{strategies}")


def test_unused_sequence_and_unknown_phase_are_refused(build: Build) -> None:
    """Also where no strategy leads there."""
    with pytest.raises(ScenarioError, match=r"sequences.odd.treatments: unknown treatment 'tarb'. Did you mean 'trab'"):
        _model(build, "[strategies.one]", '[sequences.odd]\ntreatments = ["line_1.tarb"]\n')
    with pytest.raises(ScenarioError, match=r"treatments.dox.phase: unknown phase 'line_3'"):
        _model(build, "[strategies.one]", lines=LINES.replace('["line_1", "line_2"]\nel', '["line_1", "line_3"]\nel'))


# === Engines ===

COSTLY = f"""
[attributes]
stopped = "flag"

[states.line_1]
kind = "phase"
initial = true
utility = 0.7
next = "supportive"
set = {{ stopped = false }}

[states.line_2]
kind = "phase"
utility = 0.6
next = "supportive"
set = {{ stopped = false }}

[states.supportive]
utility = 0.4
{DEAD}
[drugs.a]
vials = [{{ size = 1, price = 40 }}, {{ size = 0.25, price = 11 }}]

[regimens.dox]
drugs = [{{ drug = "a", dose = 1.5, per = "m2" }}]
cycle = 0.0625
max_cycles = 6

[regimens.trab]
drugs = [{{ drug = "a", dose = 3, per = "m2", administrations = 2 }}]
cycle = 0.0625
delivery = 50

[treatments.dox]
phase = ["line_1", "line_2"]
eligible = "fit"
regimen = "dox"
stop = "stopped"

[treatments.trab]
phase = ["line_1", "line_2"]
effects = [{{ risk = "death", effect = -0.5 }}]
regimen = "trab"
cycles = 20
stop = "stopped"

[[transitions]]
from = "line_1"
to = "line_2"
name = "progression"
hazard = {{ family = "weibull", shape = 1.2, scale = 0.6 }}

[[transitions]]
from = ["dox", "trab"]
name = "toxicity"
when = "not stopped"
set = {{ stopped = true }}
hazard = {{ family = "exponential", rate = 2 }}

[[transitions]]
from = ["line_1", "line_2", "supportive"]
to = "dead"
risk = "death"
hazard = {{ family = "exponential", rate = 0.8 }}

[endpoints.trab]
events = ["trab"]
death = "competing"
kind = "incidence"

[endpoints.second]
events = ["line_2"]
"""
STRATEGIES = """
[strategies.one]
treatments = ["line_1.dox", "line_2.trab"]
[strategies.two]
treatments = ["line_1.trab", { treatment = "line_2.dox", when = "not received_dox" }]
"""


SURFACE = 'covariates.body_surface = { kind = "normal", mean = 1.8, sd = 0.2, low = 1, high = 3 }'


def _costly(build: Build) -> Program:
    return build(frame(horizon=8, rate=0.03, covariates=f"{FIT}\n{SURFACE}", strategies=STRATEGIES) + COSTLY)


def test_engines_agree_on_lines(build: Build) -> None:
    """Costs of cycles until toxicity stops them, endpoints and entries: exact against lives, and lives bit for bit."""
    program = _costly(build)
    live(program, 200, seed=4)
    x = program.patients(0, 40, 1)
    both = x[[np.flatnonzero(x[:, 1] == value)[0] for value in (0, 1)]]
    assert_like(compare(program, both, 20_000, seed=5, fineness=Fineness().finer().finer(), halving=False))


def test_battery_passes_on_lines(build: Build) -> None:
    """Checks that follow utilities, costs and effects to the states of a treatment find all of them."""
    names = ["utility-lower", "acquisition-cost", "mean-utility-norm", "price-up", "effect-size", "event-probability"]
    battery = run_battery(_costly(build).scenario, Sampling(n_patients=500), names=names)
    assert {r.check.id: r.finding.status for r in battery.results} == dict.fromkeys(names, "passed")


def test_diagram_shows_treatments_in_each_phase(build: Build) -> None:
    """Ways out of a treatment are ways out of each of its phases."""
    text = diagram_text(_costly(build).scenario)
    phase = text[text.index("Line 2 [") : text.index("Supportive [")]
    assert "treatment: Dox" in phase
    assert "treatment: Trab" in phase
    links = {(link.source, link.target) for link in links_of(_costly(build).scenario)}
    assert links >= {("line_1", "line_2"), ("line_1", "dead"), ("line_2", "dead"), ("line_2", "supportive")}
