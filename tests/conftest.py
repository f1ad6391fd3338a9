"""Shared fixtures: small scenarios written to a temporary folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lmssim.model.compile import compile_scenario
from lmssim.model.program import Program
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "schema_version = 1\nname = 'test'\ntitle = 'Test'\n"
PARAMETER_HEADER = "id,value,distribution,p1,p2,se,low,high,expression,unit,kind,source_id,locator,description,reason\n"

Build = Callable[..., Program]


@pytest.fixture
def write_scenario(tmp_path: Path) -> Callable[..., Path]:
    """Write a scenario (TOML text without its head) and its parameter values; returns its path."""

    def write(text: str, parameters: dict[str, float] | None = None, name: str = "test.toml", head: str = HEAD) -> Path:
        if parameters is not None:
            rows = [f"{k},{v},fixed,,,,,,,,definition,,,," for k, v in parameters.items()]
            (tmp_path / "test.csv").write_text(PARAMETER_HEADER + "\n".join(rows) + "\n")
            head += "parameters = ['test.csv']\n"
        path = tmp_path / name
        path.write_text(head + text)
        return path

    return write


@pytest.fixture
def build(write_scenario: Callable[..., Path]) -> Build:
    """Compile a scenario given as text and parameter values."""

    def make(text: str, parameters: dict[str, float] | None = None) -> Program:
        return compile_scenario(load_scenario(write_scenario(text, parameters)))

    return make


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compile a scenario given as text, once for all tests of a worker."""
    path = tmp_path_factory.mktemp("built") / "test.toml"

    @functools.cache
    def make(text: str) -> Program:
        path.write_text(HEAD + text)
        return compile_scenario(load_scenario(path))

    return make
