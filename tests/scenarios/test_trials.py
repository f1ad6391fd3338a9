"""Bundled designs of trials: every one runs, and says what it is and where its numbers come from."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from lmssim.bundled import trial_names
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import AT, SimulatedTrials
from lmssim.studies.trials.study import simulate_trials
from lmssim.studies.trials.work import work_of

N_TRIALS = 50
DEFINITIONS = ("arfs", "arfs_committee", "arfs_strexit", "os")
"""Endpoints of STRASS in which each next one counts fewer kinds of events."""


@cache
def trials_of(name: str) -> SimulatedTrials:
    """Some trials of a bundled design."""
    return simulate_trials(name, n_trials=N_TRIALS, seed=5).planned


@pytest.mark.parametrize("name", trial_names())
def test_every_bundled_design_runs(name: str) -> None:
    """Every analysis comes, and its effect can be estimated, unless accrual stops the trial."""
    found = trials_of(name)
    assert found.looks.shape[0] == N_TRIALS
    going = found.going(0)
    assert going.all() or name == "gog0277"
    assert found.looks[going, 0, -1, AT["reached"]].all()
    assert np.isfinite(found.looks[going, 0, -1, AT["estimate"]]).all()


@pytest.mark.parametrize("name", trial_names())
def test_every_bundled_design_says_where_its_numbers_come_from(name: str) -> None:
    """What is published names its source; what is assumed is said, and so are the population and the effect."""
    design = load_trial(name)
    assert design.title != name
    assert len(design.description) > 100
    for fact in design.facts:
        assert fact["text"], name
        assert fact["source"] or fact["kind"] != "published", fact
    kinds = {fact["kind"] for fact in design.facts}
    assert {"published", "assumed"} <= kinds
    assert any(fact["key"].startswith("accrual") for fact in design.facts)


def test_an_endpoint_with_more_kinds_of_events_comes_no_later() -> None:
    """The definitions of abdominal-recurrence-free survival are ordered path by path."""
    work = work_of(load_trial("strass_model"), 10, seed=3)
    _, lives, _ = work.patients(0, 10, work.luck(0, 10))
    times = [lives.time[name] for name in DEFINITIONS]
    for wide, narrow in pairwise(times):
        assert (wide <= narrow).all()
        assert (wide < narrow).any()
    abstract = lives.event["arfs_abstract"] == 1  # death is none of its events
    assert (lives.time["arfs"][abstract] <= lives.time["arfs_abstract"][abstract]).all()
    assert (lives.event["arfs"][abstract] == 1).all()


def test_events_of_procedure_come_later_with_radiotherapy() -> None:
    """No incomplete resection can be seen before surgery, at week 4 in one arm and week 15.5 in the other."""
    work = work_of(load_trial("strass_model"), 10, seed=3)
    cohort, lives, _ = work.patients(0, 10, work.luck(0, 10))
    weeks = 365.25 / 7 * work.design.years
    time = lives.time["arfs_strexit"]
    for arm, surgery in ((0, 4.0), (1, 4.0 + 5.5 + 6.0)):
        living = (cohort.arm == arm) & (lives.event["arfs_strexit"] == 1) & (time < lives.death)
        assert weeks * time[living].min() == pytest.approx(surgery, abs=0.01)


def test_randomisation_after_surgery_leaves_nobody_with_known_disease() -> None:
    """Only a death of the treatment that begins then may fall on the moment of randomisation."""
    for name, endpoint in (("sarveillance", "dfs"), ("gog0277", "rfs")):
        work = work_of(load_trial(name), 5, seed=3)
        _, lives, _ = work.patients(0, 5, work.luck(0, 5))
        at_once = lives.time[endpoint] == 0.0
        assert (lives.time[endpoint] >= 0.0).all()
        assert (lives.death[at_once] == 0.0).all()
        assert at_once.mean() < 0.02


def test_slow_accrual_stops_the_uterine_trial() -> None:
    """At the rate as it was 38 of 216 have entered after four years; at the planned one most have."""
    found = trials_of("gog0277")
    entered = found.looks[:, 0, 0, AT["patients"]]
    assert found.stopped.all()
    assert entered.mean() == pytest.approx(38.0, abs=4 * np.sqrt(38.0 / N_TRIALS))
    planned = simulate_trials("gog0277", n_trials=N_TRIALS, seed=5, given={"accrual.rate": 216 / 68}).planned
    assert not planned.stopped.any()
    assert (planned.looks[:, 0, 0, AT["patients"]] == 216).all()


def test_disease_free_survival_as_found_favours_rarer_ct() -> None:
    """Recurrence that is found later is an event that comes later, though nobody lives longer."""
    found = simulate_trials("sarveillance", n_trials=100, seed=7).planned.secondary
    row = found[found["endpoint"] == "dfs"].to_dict("records")[0]
    assert row["log_hr"] < -4 * row["log_hr_se"]
