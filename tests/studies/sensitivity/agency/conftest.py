"""The disease with closed forms, for every test of the study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.execution.simulate import Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency.study import AgencyStudy, question
from tests.kit.agency import BUDGET, write_disease

if TYPE_CHECKING:
    from pathlib import Path

SAMPLING = Sampling(n_patients=16_384)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the disease, and of its budget."""
    folder = tmp_path_factory.mktemp("agency")
    write_disease(folder)
    (folder / "budget.toml").write_text(BUDGET)
    return folder


@pytest.fixture(scope="session")
def found(folder: Path) -> AgencyStudy:
    """Every part, at the parameters' values."""
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    return question(program, SAMPLING, budget=folder / "budget.toml").run()
