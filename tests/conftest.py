"""Shared fixtures: small scenarios written to a temporary folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lmssim.model.compile import compile_scenario
from lmssim.model.program import Program
from lmssim.model.scenario import load_scenario
from tests.kit.models import HEAD
from tests.kit.parameters import fixed_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.calibration.problem import Problem

Build = Callable[..., Program]


def write_files(folder: Path, text: str, parameters: dict[str, float] | None, name: str = "test.toml") -> Path:
    """Write a scenario (TOML text without its head) and its parameter values; returns its path."""
    head = HEAD
    if parameters is not None:
        (folder / "test.csv").write_text(fixed_parameters(parameters))
        head += "parameters = ['test.csv']\n"
    path = folder / name
    path.write_text(head + text)
    return path


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[..., Path]:
    """Write a scenario (TOML text without its head) and its parameter values; returns its path."""

    def write(text: str, parameters: dict[str, float] | None = None, name: str = "test.toml") -> Path:
        return write_files(tmp_path, text, parameters, name)

    return write


@pytest.fixture
def build(write_scenario: Callable[..., Path]) -> Build:
    """Compile a scenario given as text and parameter values."""

    def make(text: str, parameters: dict[str, float] | None = None) -> Program:
        return compile_scenario(load_scenario(write_scenario(text, parameters)))

    return make


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The same, once for all tests of a worker."""
    folder, built = tmp_path_factory.mktemp("built"), {}

    def make(text: str, parameters: dict[str, float] | None = None) -> Program:
        key = text, str(parameters)
        if key not in built:
            built[key] = compile_scenario(load_scenario(write_files(folder, text, parameters)))
        return built[key]

    return make


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The toy calibration, read once."""
    from lmssim.studies.calibration.problem import load_problem
    from tests.kit.toy import write_toy

    return load_problem(write_toy(tmp_path_factory.mktemp("toy")))
