"""The command line, called in this process, and a scenario to spoil."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What a call left behind."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Calls `lmssim` with some words."""

    def __call__(self, *words: object) -> Outcome:
        """Exit code, stdout and stderr."""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call the command line."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        code = stopped.value.code
        assert isinstance(code, int)
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the illness-death example and its table, free to be edited."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("illness_death.toml", "illness_death.csv"):
        shutil.copy(scenarios_folder() / "examples" / name, folder / name)
    return folder / "illness_death.toml"
