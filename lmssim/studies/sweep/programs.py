"""Programs of cells, compiled where they are run, each once as long as it is remembered.

Recipes are small and programs are not, so recipes travel to workers. Threads share what one of them has compiled.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from lmssim.model.compile.scenario import compile_scenario

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from lmssim.studies.sweep.cells import Recipe, Source

MOST = 32
"""Programs that are remembered."""

_lock = threading.Lock()
_programs: OrderedDict[tuple[str, str], Program] = OrderedDict()


def program_of(source: Source, recipe: Recipe) -> Program:
    """Program of a recipe.

    Raises
    ------
    InputError
        If its scenario cannot be read or compiled.
    """
    key = str(source), recipe.makes
    with _lock:
        program = _programs.get(key)
        if program is None:
            program = _programs[key] = compile_scenario(recipe.load(source))
            while len(_programs) > MOST:
                _programs.popitem(last=False)
        _programs.move_to_end(key)
    return program


def forget() -> None:
    """Forget all programs: files may have changed since."""
    with _lock:
        _programs.clear()
