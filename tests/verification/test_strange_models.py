"""Models that are strange and right pass the battery, by the engine that simulates patients and by the exact one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.evaluation import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.studies.verify import Status, run_battery
from tests.kit.strange import STRANGE

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.verify import Battery

BY_COHORT = ("certain_cycles", "fixed_course", "nobody_dies", "one_state")
"""Models that the exact engine solves fast."""


def _battery(folder: Path, name: str, engine: str = "") -> Battery:
    path = folder / f"{name}.toml"
    path.write_text(STRANGE[name])
    without = ["psa-mean", "reproducible-jobs"]
    return run_battery(load_scenario(path), Sampling(n_patients=1_000), [engine] if engine else [], without=without)


def _bad(battery: Battery) -> dict[str, str]:
    """Checks that fail, or that a broken change of the model stopped, and why."""
    return {
        r.check.id: f"{r.finding.place}: {r.finding.observed} v {r.finding.expected}; {r.finding.note}"
        for r in battery.results
        if r.finding.status == Status.FAILED
    }


@pytest.mark.parametrize("name", list(STRANGE))
def test_a_strange_model_passes(tmp_path: Path, name: str) -> None:
    """No check fails, and enough are made."""
    battery = _battery(tmp_path, name)
    assert _bad(battery) == {}
    assert battery.count(Status.PASSED) >= 30


@pytest.mark.parametrize("name", BY_COHORT)
def test_a_strange_model_passes_by_the_exact_engine(tmp_path: Path, name: str) -> None:
    """Rounding of the exact engine fails no check."""
    assert _bad(_battery(tmp_path, name, "cohort")) == {}


def test_some_alive_at_the_horizon_are_a_warning(tmp_path: Path) -> None:
    """A published horizon or hazard may leave them alive."""
    path = tmp_path / "alive.toml"
    path.write_text(STRANGE["alive_at_the_horizon"])
    (result,) = run_battery(load_scenario(path), Sampling(n_patients=500), names=["all-dead"]).results
    assert result.finding.status == Status.WARNING
