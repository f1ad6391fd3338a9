"""A file of another kind than is wanted is named as what it is, with the command that reads it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import find_budget, find_calibration, find_scenario, find_trial
from lmssim.errors import InputError
from lmssim.model.language.messages.file_kinds import KINDS
from lmssim.model.scenario import load_scenario
from lmssim.studies.calibration.problem import load_problem
from lmssim.studies.sensitivity.agency.budget.file import read_budget
from lmssim.studies.sensitivity.voi.proposal import read_proposal
from lmssim.studies.sweep.file import read_sweep
from lmssim.studies.trials.design.reading import load_trial
from lmssim.trials.planning.plan import load_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmssim.model.scenario import Scenario

PLAN = """
title = "A plan"
[trial]
alpha = 0.025
[endpoint]
hazard_ratio = 0.6
[control]
median = 12
[accrual]
duration = 24
[timing]
follow_up = 12
"""
PROPOSAL = """
[conduct]
patients_per_year = 50
[[data]]
kind = "normal"
mean = "effect"
sd = 1
"""
SWEEP = 'scenario = "extremity"\n[vary]\nc_rt_fraction = "100:500:3"\n'


@cache
def uterine() -> Scenario:
    """The scenario of a budget."""
    return load_scenario("uterine")


READERS: dict[str, Callable[[Path], object]] = {
    "lmssim run": load_scenario,
    "lmssim trial run": load_trial,
    "lmssim trial design --file": load_plan,
    "lmssim calibrate": load_problem,
    "lmssim agency --budget": lambda path: read_budget(path, uterine()),
    "lmssim voi --study": read_proposal,
    "lmssim sweep": read_sweep,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each kind, by the command that reads it."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "plan.toml").write_text(PLAN)
    (folder / "sweep.toml").write_text(SWEEP)
    (folder / "proposal.toml").write_text(PROPOSAL)
    return {
        "lmssim run": find_scenario("hiv"),
        "lmssim trial run": find_trial("strass2"),
        "lmssim trial design --file": folder / "plan.toml",
        "lmssim calibrate": find_calibration("extremity"),
        "lmssim agency --budget": find_budget("uterine"),
        "lmssim voi --study": folder / "proposal.toml",
        "lmssim sweep": folder / "sweep.toml",
    }


def test_every_kind_is_tried() -> None:
    """With a file and a reader."""
    assert {kind.command for kind in KINDS} == set(READERS)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_not_there_has_its_nearest_name(files: dict[str, Path], reader: str, tmp_path: Path) -> None:
    """To every reader."""
    near = tmp_path / "study_b.toml"
    near.write_bytes(files[reader].read_bytes())
    with pytest.raises(InputError, match=r"study_c\.toml: no such file\. Did you mean 'study_b\.toml'\?"):
        READERS[reader](tmp_path / "study_c.toml")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("command", READERS)
def test_what_a_file_is_is_said(files: dict[str, Path], command: str, reader: str) -> None:
    """Of every kind to every reader but its own."""
    if command == reader:
        READERS[reader](files[command])
        return
    with pytest.raises(InputError) as error:
        READERS[reader](files[command])
    kind = next(each for each in KINDS if each.command == command)
    assert str(error.value) == f"{files[command]}: is {kind.what}, which `{command}` reads."
