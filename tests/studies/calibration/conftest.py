"""The toy calibration as a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.studies.calibration.problem import load_problem
from tests.kit.toy import write_toy

if TYPE_CHECKING:
    from lmssim.studies.calibration.problem import Problem


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The toy calibration, read once."""
    return load_problem(write_toy(tmp_path_factory.mktemp("toy")))
