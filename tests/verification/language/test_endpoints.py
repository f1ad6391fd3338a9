"""Endpoints, occupancy and entries: integer counts against the same histories read in plain Python."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import ScenarioError
from tests.kit.models import DEAD, OS, endpoint, event, frame, relapses, start, strategy
from tests.kit.plain import Lives, estimate, live

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build


def _model(**of_relapse: Any) -> str:
    """Endpoints of every kind; the arguments say more of the transition to relapse."""
    return (
        OS
        + relapses(events=["fall"], **of_relapse)
        + event("fall", 0.1)
        + endpoint("after", "second", origin="relapse", death="competing")
        + endpoint("fall", death="competing")
        + DEAD
    )


HORIZON = 12.3
N = 3000
ROLES = {
    # events, competing, role of death, origin
    "os": (["dead"], [], "event", None),
    "efs": (["relapse", "cough"], [], "event", None),
    "relapse": (["relapse"], [], "competing", None),
    "relapse_first": (["relapse"], ["cough", "withdrawn"], "censoring", None),
    "after": (["second"], [], "competing", "relapse"),
    "fall": (["fall"], [], "competing", None),
    "withdrawal": (["withdrawn"], [], "censoring", None),
}


@pytest.fixture
def program(build: Build) -> Program:
    """Two strategies; the second with the first's luck and slower relapse."""
    strategies = strategy("a") + strategy("b", set={"x": 1})
    return build(frame(HORIZON, strategies=strategies) + _model(effects={"age": "x * -0.01"}), {"x": 0.0})


def _happenings(lives: Lives, patient: int, strategy: int) -> list[tuple[float, str]]:
    """Entries and marks of one life in order of time."""
    p = lives.program
    rows, records = lives.rows, lives.records
    stays, events = (np.flatnonzero((x.patient == patient) & (x.strategy == strategy)) for x in (rows, records))
    result = [(float(rows.entered[i]), p.states[rows.state[i]]) for i in stays]
    return result + [(float(records.time[i]), p.marks[records.event[i]]) for i in events]


def _outcome(
    happenings: list[tuple[float, str]], events: list[str], competing: list[str], death: str, origin: str | None
) -> tuple[int, float] | None:
    """Kind (0 event, 1 competing, 2 censored) and time since the origin; None if the origin never comes."""
    start = 0.0 if origin is None else min((t for t, name in happenings if name == origin), default=math.inf)
    if start == math.inf:
        return None
    roles = {
        0: [*events, *(["dead"] if death == "event" else [])],
        1: [*competing, *(["dead"] if death == "competing" else [])],
        2: ["dead"] if death == "censoring" else [],
    }
    first = {
        kind: min((t for t, name in happenings if name in names and t >= start), default=math.inf)
        for kind, names in roles.items()
    }
    first[2] = min(first[2], HORIZON)
    kind = min((0, 1, 2), key=lambda k: (first[k], k))
    return kind, first[kind] - start


def test_endpoint_counts_are_those_of_the_histories(program: Program) -> None:
    """Every endpoint, kind and step of every strategy, and nothing else."""
    counts = estimate(program, N).counts.endpoint
    lives = live(program, N)
    expected = np.zeros_like(counts)
    for s in range(2):
        for patient in range(N):
            happenings = _happenings(lives, patient, s)
            for e, name in enumerate(program.endpoints):
                outcome = _outcome(happenings, *ROLES[name])
                if outcome is not None:
                    expected[s, e, outcome[0], math.ceil(outcome[1] * 16)] += 1
    np.testing.assert_array_equal(counts, expected)
    os, after = (program.endpoints.index(name) for name in ("os", "after"))
    assert counts[0, os].sum() == N
    assert counts[0, after].sum() == (lives.first_entry("relapse") < HORIZON).sum()
    assert (counts[0, :, :, :].sum(axis=(1, 2)) > 0).all()


def test_occupancy_entries_and_marks_are_those_of_the_histories(program: Program) -> None:
    """Occupancy at each quarter of a year; entries and marks, and patients with at least one."""
    result, lives = estimate(program, N), live(program, N)
    occupancy = np.cumsum(result.counts.occupancy, axis=2)
    for s in range(2):
        for k, name in enumerate(program.states):
            chosen = (lives.rows.strategy == s) & (lives.rows.state == k)
            entered, left = lives.rows.entered[chosen], lives.rows.left[chosen]
            if name in ("dead", "withdrawn"):
                left = np.full_like(left, math.inf)
            for quarter in range(math.ceil(HORIZON * 4)):
                here = (entered <= quarter / 4) & (quarter / 4 < left)
                assert occupancy[s, k, quarter] == here.sum()
            entries = lives.entries(name, s)
            assert result.counts.entries[s, k].tolist() == [entries.sum(), (entries > 0).sum()]
        for k, mark in enumerate(program.marks):
            marks = lives.count_marks(mark, s)
            assert result.counts.marks[s, k].tolist() == [marks.sum(), (marks > 0).sum()]
    np.testing.assert_array_equal(occupancy[:, :, : math.ceil(HORIZON * 4)].sum(axis=1), N)


def test_an_origin_that_comes_again_counts_once(program: Program) -> None:
    """The clock of an endpoint starts at the first entry into its origin, and its event may come at once after."""
    lives = live(program, N)
    assert (lives.entries("relapse") > 1).any()
    after = program.endpoints.index("after")
    assert estimate(program, N).counts.endpoint[0, after].sum() == (lives.entries("relapse") > 0).sum()


def test_grid_is_exact_at_named_times(build: Build) -> None:
    """An event at exactly 1 year counts by 1 year, one just after does not."""
    for time, by_then in ((1.0, 1), (1.0000000001, 0), (0.9999999, 1)):
        text = frame(5) + start("a", duration=time, next="dead") + DEAD + OS
        counts = estimate(build(text), 1).counts.endpoint[0, 0, 0]
        assert counts[:17].sum() == by_then


def test_times_off_the_grid_are_refused(build: Build) -> None:
    """A named time must be a multiple of the grid's step, up to the horizon."""
    for times in ("[0.3]", "[200.5]"):
        with pytest.raises(ScenarioError, match=r"settings.times"):
            build(frame().replace("times = [1.0]", f"times = {times}") + _model())


# === Kaplan-Meier ===


def _product_limit(times: np.ndarray, events: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Kaplan-Meier survival at some times."""
    order = np.unique(times[events])
    factors = [1 - (times[events] == t).sum() / (times >= t).sum() for t in order]
    return np.array([np.prod([f for t, f in zip(order, factors, strict=True) if t <= when]) for when in at])


def test_kaplan_meier_equals_lifelines(program: Program) -> None:
    """Event times of the histories, with deaths censored: lifelines and the product limit agree to the last digits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifelines
    lives, at = live(program, 800), np.arange(0, 12, 0.5)
    for name in ("os", "relapse_first", "withdrawal", "after"):
        outcomes = [_outcome(_happenings(lives, patient, 0), *ROLES[name]) for patient in range(lives.n)]
        times = np.array([o[1] for o in outcomes if o is not None])
        events = np.array([o[0] == 0 for o in outcomes if o is not None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = lifelines.KaplanMeierFitter().fit(times, events)
            survival = fit.survival_function_at_times(at).to_numpy()
        np.testing.assert_allclose(_product_limit(times, events, at), survival, atol=1e-12)
        if name == "os":  # censored by the horizon alone: the counts give the same curve
            counts = estimate(program, lives.n).counts.endpoint[0, program.endpoints.index(name), 0]
            by_counts = 1 - np.cumsum(counts)[(at * 16).astype(int)] / lives.n
            np.testing.assert_allclose(by_counts, survival, atol=1e-12)
