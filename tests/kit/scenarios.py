"""The bundled scenarios, each read and compiled once by every worker."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lmssim.bundled import bundled_names
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario


@functools.cache
def bundled_scenario(name: str) -> Scenario:
    """A bundled scenario as it stands."""
    return load_scenario(name)


@functools.cache
def bundled_program(name: str) -> Program:
    """A bundled scenario, compiled."""
    return compile_scenario(bundled_scenario(name))


LIVED = [name for name in bundled_names() if bundled_scenario(name).file.partitioned_survival is None]
"""Bundled scenarios that have individual histories."""
