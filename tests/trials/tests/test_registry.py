"""A test is one function, added by name."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import (
    TESTS,
    Comparison,
    ExponentialPatients,
    TrialData,
    named,
    options_of,
    run_test,
    trial_data,
)
from tests.kit.made_trials import tied_trials

NEEDED = {"modestly-weighted": {"delay": 1.0}, "milestone": {"at": 1.0}, "one-sample-logrank": {"rate": 0.3}}
EMPTY = {
    "no events": ([1, 2, 3, 4], [0, 0, 0, 0], [0, 1, 0, 1]),
    "an empty arm": ([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 1, 1]),
    "all tied": ([2, 2, 2, 2], [1, 1, 1, 1], [0, 1, 0, 1]),
    "one patient": ([1], [1], [1]),
    "all at time zero": ([0, 0, 0], [1, 1, 1], [0, 1, 1]),
}


@pytest.mark.parametrize("name", sorted(TESTS))
def test_every_test_gives_a_comparison(name: str) -> None:
    """One entry a trial, p from z, a frame."""
    data = tied_trials(7, 60, seed=17, causes=2)
    found = run_test(name, data, **NEEDED.get(name, {}))
    assert len(found) == 7
    frame = found.to_frame()
    assert list(frame.columns) == ["test", "z", "p", "p_two_sided", "estimate", "se", "low", "high", "events"]
    assert frame["test"].unique().tolist() == [name]
    assert ((found.p > 0) & (found.p < 1)).all()
    assert (np.argsort(found.z) == np.argsort(-found.p)).all() or name == "maxcombo"


@pytest.mark.parametrize("name", sorted(TESTS))
def test_a_trial_is_the_same_alone(name: str) -> None:
    """As among others."""
    data = tied_trials(7, 60, seed=17, causes=2)
    alone = trial_data(data.time[3], data.event[3], data.arm[3])
    together, single = (run_test(name, x, **NEEDED.get(name, {})) for x in (data, alone))
    assert together.z[3] == single.z[0]
    assert together.p[3] == single.p[0]


@pytest.mark.parametrize("case", EMPTY)
@pytest.mark.parametrize("name", sorted(TESTS))
def test_what_cannot_be_compared_is_no_rejection(name: str, case: str) -> None:
    """NaN, or a statistic that no bound is below; never a warning, never an infinite statistic."""
    if name == "one-sample-logrank":
        pytest.skip("has one arm")
    time, event, arm = EMPTY[case]
    found = run_test(name, trial_data(time, event, arm), **NEEDED.get(name, {}))
    assert np.isnan(found.z[0]) or (np.isfinite(found.z[0]) and found.p[0] > 0.2)
    found.to_frame()


@pytest.mark.parametrize("name", sorted(TESTS))
def test_before_anyone_enters_there_is_nothing_to_compare(name: str) -> None:
    """Nor where nothing ever befalls anybody."""
    patients = ExponentialPatients(n=20, hazard=[0.8, 0.0], breaks=[0.5], accrual=2.0, competing=0.1)
    nobody = patients.simulate(3).at(-1.0)
    silent = ExponentialPatients(n=20, hazard=0.0).simulate(3)
    for data in (nobody, silent):
        found = run_test(name, data, **NEEDED.get(name, {}))
        assert name == "bayes" or np.isnan(found.z).all()
        found.to_frame()
    run_test(name, patients.simulate(3), **NEEDED.get(name, {})).to_frame()


def test_a_new_test_is_found_by_its_name() -> None:
    """Options and all."""

    @named("events-of-both")
    def events_of_both(data: TrialData, *, more: float = 0.0) -> Comparison:
        """Nothing but a count."""
        z = data.events().astype(np.float64) + more
        return Comparison("events-of-both", z, z, z, z, "events", data.events())

    try:
        assert run_test("events-of-both", tied_trials(2, 20, seed=1), more=1.0).z[0] > 1
        assert options_of("events-of-both") == {"more": 0.0}
        with pytest.raises(InputError, match="the name is taken"):
            named("events-of-both")(events_of_both)
    finally:
        del TESTS["events-of-both"]


def test_unknown_names_are_refused() -> None:
    """With what is near."""
    data = tied_trials(1, 9, seed=1)
    with pytest.raises(InputError, match=r"unknown test 'log-rank'\. Did you mean 'logrank'"):
        run_test("log-rank", data)
    with pytest.raises(InputError, match="unknown option 'taw'"):
        run_test("rmst", data, taw=1)
    with pytest.raises(InputError, match="option 'delay' is missing"):
        run_test("modestly-weighted", data)
