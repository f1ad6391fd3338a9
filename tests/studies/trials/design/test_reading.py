"""Files of simulated trials: what is wrong is one message that names the key and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmssim.errors import InputError, LmssimError
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import collected
from lmssim.studies.trials.work import work_of
from tests.kit.virtual import design, four_states

if TYPE_CHECKING:
    from pathlib import Path

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"arm.control": 1}, "unknown key 'arm'. Did you mean 'arms'"),
    ({"arms.control.medium": 1}, "arms.control: unknown key 'medium'"),
    ({"arms.placebo": {}}, "arms: unknown arm 'placebo'"),
    ({"arms": {"control": {"event": {"median": 1.0}}}}, "arms.experimental: is missing"),
    ({"arms.control.event": 3}, "arms.control.event: is not a table"),
    ({"arms.control.event": {"median": -1}}, "arms.control.event.median: -1"),
    ({"arms.control": {}}, "arms.control.event: is missing"),
    ({"arms.control.strategy": "a"}, "arms.control.strategy: belongs to a scenario"),
    ({"arms.experimental.hazard_ratio": 0.6}, "arms.experimental.hazard_ratio: is not a table"),
    ({"arms.experimental.hazard_ratio": {"os": 0.6}}, "unknown transition 'os'"),
    ({"arms.experimental.hazard_ratio.event": {"value": 0.6, "low": 0.5}}, "give both ends"),
    ({"arms.experimental.hazard_ratio.event": {"value": 0.6, "low": 0.8, "high": 0.7}}, "does not lie below"),
    ({"arms.experimental.hazard_ratio.event": {"ratio": 0.6}}, "unknown key 'ratio'"),
    ({"endpoints": {}}, "endpoints: are missing"),
    ({"endpoints.pfs.events": "event"}, "endpoints.pfs.events: 'event' is not a list of texts"),
    ({"endpoints.pfs.events": ["relapse"]}, "unknown event 'relapse'"),
    ({"endpoints.pfs.death": "ignored"}, "endpoints.pfs.*unknown value 'ignored'"),
    ({"endpoints.pfs": {"events": [], "death": "competing"}}, "nobody can have one"),
    ({"design.endpoint": "os"}, "design.*unknown endpoint 'os'"),
    ({"design.test": "lograng"}, "Did you mean 'logrank'"),
    ({"design.options": {"rhoo": 1}}, "unknown option 'rhoo'"),
    ({"design.test": "one-sample-logrank"}, "unknown value 'one-sample-logrank'"),
    ({"design.test": "maxcombo"}, "maxcombo has one analysis"),
    ({"design.test": "milestone"}, "option 'at' is missing"),
    ({"design.test": "milestone", "design.options": {"at": "soon"}}, "is not what test 'milestone' takes"),
    ({"design.test": "bayes", "design.options": {"prior": 1}}, "options.prior: is no plain value"),
    ({"design.test": "rmst", "design.margin": 1.3}, "test 'rmst' has none"),
    ({"design.milestones": [5]}, "design.milestones: 1 times"),
    ({"design.strata": ["size > 5"]}, "no scenario is given"),
    ({"eligible": "size > 5"}, "eligible: belongs to a scenario"),
    ({"accrual.patients": 0}, "accrual.patients: 0"),
    ({"accrual.duration": 0}, "accrual.duration: 0"),
    ({"accrual": {}}, "accrual.patients: is missing"),
    ({"accrual.patients": 1}, "patients: 1 is not from 2"),
    ({"accrual.allocation": [1, 0]}, "is not two whole numbers"),
    ({"accrual.check_at": 6}, "give it together with check_below"),
    ({"accrual.entries": "poisson"}, "unknown value 'poisson'"),
    ({"analyses": []}, "analyses: 0 are given"),
    ({"analyses": [{}]}, r"analyses\[1\].events: give events"),
    ({"analyses.1.events": 0}, r"analyses\[1\].events: 0 is not a whole number"),
    ({"analyses.1.events": 90}, "must ascend"),
    ({"analyses.1.patients": 121}, r"analyses\[1\].patients: 121 are more than the trial's 120"),
    ({"accrual.patients": 60.7}, "patients: 60.7 is not a whole number"),
    ({"trial.information": [0.05, 1.0]}, "analysis 1 has 40 of 80 events, a fraction of 0.5"),
    ({"trial.information": [0.5, 0.9]}, "the last analysis has 0.9; it must be 1"),
    ({"crossover": {"at": "pfs", "share": 1.5}}, "share: 1.5 is not from 0 to 1"),
    ({"arms.experimental.hazard_ratio.event": {"value": 0.7, "low": 0.2, "high": 0.3}}, "lies outside its interval"),
    ({"analyses.3.events": 90}, "'3' is not a place of the list"),
    ({"trial.information": [1.0]}, "one fraction for each of the 2 analyses"),
    ({"trial.alpha": 0.7}, "trial.alpha: 0.7"),
    ({"trial.looks": 3}, "unknown key 'looks'"),
    ({"efficacy.boundary": "obx"}, "efficacy.boundary"),
    ({"rules": [{"efficacy": [2.0]}]}, r"rules\[1\].efficacy: 1 bounds for 2 analyses"),
    ({"crossover.share": 2}, "crossover"),
    ({"crossover": {"at": "ospfs", "share": 0.5}}, "crossover.*unknown value 'ospfs'"),
    ({"assessment": {"every": [2, 3]}}, "assessment.every: give one interval"),
    ({"dropout": {"probability": 0.1}}, "dropout.by: is missing"),
    ({"time_unit": "month"}, "unknown value 'month'.*months"),
    ({"facts": [{"kind": "guess"}]}, r"facts\[1\].*unknown value 'guess'"),
    ({"title": 3}, "title: 3 is not a text"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_wrong_values(given: dict[str, Any], said: str) -> None:
    """One message each."""
    with pytest.raises(InputError, match=said):
        design(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scenario": "fourr.toml"}, "fourr.toml"),
        ({"arms.control.strategy": "c"}, "arms.control.strategy: unknown strategy 'c'"),
        ({"arms.control.set": {"rate_dn": 1}}, "arms.control.set: unknown parameter 'rate_dn'"),
        ({"arms.experimental.hazard_ratio": {"ned": 0.5}}, "hazard_ratio: unknown transition 'ned'"),
        ({"set.rate_dn": 1}, "rate_dn"),
        ({"eligible": "size > 20"}, "fewer than 0.5% of the patients meet 'size > 20'"),
        ({"eligible": "sise > 2"}, "sise"),
        ({"origin": "lrr"}, r"trial.toml: origin: unknown state 'lrr'. Did you mean 'lr'"),
        ({"scenario": "../four.toml"}, "lies outside"),
        ({"endpoints.pfs": {}}, "unknown endpoint 'pfs'"),
        ({"endpoints.dfs.events": ["relapse"]}, "unknown state or mark 'relapse'"),
        ({"arms.control.event": {"median": 1}}, "arms.control.event: is stated where there is no scenario"),
    ],
)
def test_wrong_of_a_scenario(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    """What the scenario does not have is refused before any trial is run, or with the first."""
    with pytest.raises(LmssimError, match=said):
        list(work_of(four_states(tmp_path, given), 3).parts())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"arms.control.event.median": 1e8}, "endpoints.pfs: no patient of any trial has this event"),
        ({"analyses.2.events": 500}, r"analyses\[2\]: in no trial of 120 patients its 500 events come; at most 120"),
    ],
)
def test_nothing_to_read(given: dict[str, Any], said: str) -> None:
    """An endpoint without events, and an analysis that never comes."""
    later = {"analyses.1.calendar": 10.0, "analyses.2.calendar": 20.0} if "arms.control.event.median" in given else {}
    both = design(given | later) if not later else design(given, analyses=[{"calendar": 10.0}, {"calendar": 20.0}])
    work = work_of(both, 5)
    with pytest.raises(InputError, match=said):
        collected(work, work.parts())


def test_files(tmp_path: Path) -> None:
    """A file that is not there, is none, or is no TOML."""
    with pytest.raises(InputError, match="no such file or bundled trial"):
        load_trial("strasss")
    with pytest.raises(InputError, match="is a folder"):
        load_trial(tmp_path)
    (tmp_path / "a.toml").write_text("x = ")
    with pytest.raises(InputError, match=r"a\.toml"):
        load_trial(tmp_path / "a.toml")
