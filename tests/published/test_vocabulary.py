"""The words of papers: what the bundled scenarios call them, and how a wrong vocabulary is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import bundled_names, scenarios_folder
from lmssim.errors import ScenarioError
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.published.targets import load_targets
from lmssim.published.vocabulary import OTHER, load_vocabulary, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (scenarios_folder() / "evidence" / "vocabulary.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known() -> set[str]:
    """States, events, endpoints and strategies of the bundled decision problems."""
    names: set[str] = set()
    for scenario in (load_scenario(name) for name in bundled_names() if "/" not in name):
        program = compile_scenario(scenario)
        names |= {*program.states, *program.flat.names(), *program.marks, *scenario.file.treatments}
        names |= {*scenario.file.strategies, *scenario.file.endpoints, *scenario.file.states}
    return names


def test_every_name_is_one_of_a_bundled_scenario(known: set[str]) -> None:
    """Strategies, states, endpoints and events that words stand for; a drug may be part of a regimen alone."""
    words = vocabulary()
    stated = {words.strategies.observed, words.strategies.surgery}
    stated |= {plan.strategy for plan in words.treatments.plans}
    stated |= {operation.state for operation in words.operations.values()}
    own = [event for event in words.events.values() if not event.absent]
    stated |= {state for event in own for state in event.states}
    stated |= {event.endpoints[0] for event in own if event.endpoints}
    assert not {state for event in words.events.values() if event.absent for state in event.states} & known
    complications = words.named["complication"]
    stated |= {name for name in complications.same.values() if name not in complications.graded}
    stated |= {event for graded in complications.graded.values() for event in graded.events}
    assert not complications.absent.keys() & known
    stated |= {*words.abbreviations, words.advanced.has, *words.advanced.has_none_of}
    assert stated <= known
    assert all(any(drug in name for name in known) for drug in words.lines.drugs.values())


def test_every_outcome_of_the_bundled_table_is_known() -> None:
    """By its id, or by its prefix."""
    words = vocabulary()
    for target in load_targets(scenarios_folder().parent / "calibration" / "targets.csv"):
        prefix = target.outcome.partition(":")[0]
        assert target.outcome in words.outcomes or prefix in words.named, target.outcome


@pytest.mark.parametrize(
    ("population", "time"),
    [
        ("STS alive and event-free at 3 y", 3.0),
        ("distant-recurrence-free at 5 y", 5.0),
        ("alive at 2.5 y", 2.5),
        ("median age 60 y, treated at 3 centres", None),
    ],
)
def test_late_as_the_words_for_patients_say(population: str, time: float | None) -> None:
    """The time at which patients were free of the event, where the words for them say it."""
    assert vocabulary().late.time_of(population) == time


@pytest.mark.parametrize(
    ("events", "family"),
    [
        (["death_disease", "death_other"], "death"),
        (["progression_2", "death_disease"], "progression"),
        (["local_recurrence_with_metastasis"], "local_recurrence"),
        (["local_recurrence", "metastatic"], "metastasis"),
    ],
)
def test_the_first_rule_that_holds_gives_the_family(events: list[str], family: str) -> None:
    """All of the events, or one of them, as the rule says."""
    assert vocabulary().family_of(events) == family


def test_an_outcome_without_a_family_is_never_fitted() -> None:
    """As complications are."""
    assert vocabulary().family_of_outcome("dfs") == "metastasis"
    assert vocabulary().family_of_outcome("complication:pain") == OTHER


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('text = "death"', 'txet = "death"', "outcomes.os.txet: unknown key 'txet'. Did you mean 'text'?"),
        ('deaths = "disease"', 'deaths = "some"', "outcomes.dss.deaths = 'some'"),
        ('follows = "local"', 'follows = "locla"', "operations.salvage surgery.follows: unknown event 'locla'"),
        ('events = ["local", "distant"]', 'events = ["lokal"]', "outcomes.dfs: unknown event 'lokal'"),
        ('family = "death"', 'family = "dying"', "outcomes.os.family: unknown family 'dying'"),
        ('others = ["distant"]', 'others = ["distnt"]', "outcomes.local_first: unknown event 'distnt'"),
        ('words = ["death of disease"', 'words = ["mortality"', "'mortality' stands for 'all_cause_death' too"),
        ('grades = ">=2"', 'grades = "bad"', "named.complication.graded.fibrosis.grades: 'bad' is not a grade"),
        ('given = ["neoadj_rt"]', 'given = ["cold"]', "treatments.plans: neoadj_rt: unknown treatment 'cold'"),
        (
            'not_curative = "at_presentation"',
            'not_curative = "cured"',
            "treatments.not_curative: unknown event 'cured'",
        ),
    ],
)
def test_a_wrong_vocabulary_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """With file, key and the nearest name."""
    path = tmp_path / "vocabulary.toml"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        load_vocabulary(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
