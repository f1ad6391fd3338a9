"""A message names the file, of several that are merged, in which the key stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.models import HEAD, alive_dead, exponential, frame

if TYPE_CHECKING:
    from pathlib import Path

BASE = frame(horizon=20) + alive_dead(exponential(0.1))


@pytest.mark.parametrize(
    ("change", "main", "words"),
    [
        (("horizon = 20", "horizon = -1"), "", r"base\.toml: settings\.horizon = -1: .*\(line 3\)$"),
        (("rate = 0.1", 'rate = "x"'), "", r"base\.toml: transition alive -> dead.*unknown name 'x'"),
        (("rate = 0.1", "rate = -0.1"), "", r"base\.toml: transition alive -> dead: .*-0\.1"),
        (("utility = 1", "utility = 3"), "", r"base\.toml: states\.alive\.utility: 3 .*\(line \d+\)$"),
        (("", ""), "[settings]\nhorizon = -1\n", r"main\.toml: settings\.horizon = -1: .*\(line 6\)$"),
        (("", ""), "[states.alive]\nutility = 3\n", r"main\.toml: states\.alive\.utility: 3 .*\(line 6\)$"),
    ],
)
def test_the_file_with_the_fault_is_named(tmp_path: Path, change: tuple[str, str], main: str, words: str) -> None:
    """The included one, unless the including file states the key: then that one."""
    (tmp_path / "base.toml").write_text(BASE.replace(*change))
    (tmp_path / "main.toml").write_text(HEAD + 'include = ["base.toml"]\n' + main)
    with pytest.raises(InputError, match=words):
        compile_scenario(load_scenario(tmp_path / "main.toml"))
