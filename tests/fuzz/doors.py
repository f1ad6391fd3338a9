"""What is done with an input: functions called as from Python, and commands called as from a terminal.

A door answers with the exit code that a command would give and what it would print as its error.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from typing import TYPE_CHECKING

from lmssim.cli.app import main
from lmssim.errors import LmssimError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

Answer = tuple[int, str]
"""Exit code, and what was printed as errors."""
COMMANDS: dict[str, list[list[str]]] = {
    "show": [[], ["--parameters"], ["--strategies"], ["--switches"]],
    "run": [["--patients", "20"], ["--patients", "20", "--json"], ["--engine", "cohort", "--profiles", "2"]],
    "trace": [["--patient", "1"], ["--patient", "3", "--draw", "2"]],
    "case": [["--patients", "100"]],
    "validate": [["--draws", "20", "--patients", "50"]],
    "verify": [["--patients", "100", "--check", check] for check in ("structure", "costs", "utilities", "parameters")],
    "calibrate": [["--design", "40", "--patients", "50", "--steps", "20"]],
}
"""Commands and the options that keep them short; some have a folder of their own to write to."""
WRITES = {"run", "case", "validate", "verify", "calibrate"}
SLOW = {"run": 0.04, "verify": 0.04, "validate": 0.1, "calibrate": 0.1, "case": 0.3}
"""Share of the inputs for which a door that draws figures is taken."""


def choose(doors: tuple[str, ...], rng: Random) -> str:
    """A door, slow ones less often."""
    while True:
        door = rng.choice(doors)
        if rng.random() < SLOW.get(door, 1):
            return door


def enter(door: str, path: Path, out: Path, rng: Random) -> Answer:
    """Do with an input what a door does.

    Parameters
    ----------
    door : str
        Its name.
    path : Path
        The file.
    out : Path
        The folder that it may write to.
    """
    if door in COMMANDS:
        words = [door, str(path), *rng.choice(COMMANDS[door])]
        return command([*words, "--out", str(out)] if door in WRITES else words)
    return _called(lambda: PYTHON[door](path))


def command(words: list[str]) -> Answer:
    """Call the command line in this process."""
    printed, errors = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors), warnings.catch_warnings():
        warnings.simplefilter("always")
        try:
            main(words)
        except SystemExit as stopped:
            code = stopped.code
    return code if isinstance(code, int) else 1, errors.getvalue()


def _called(act: Callable[[], None]) -> Answer:
    """Call a function, and tell its errors as the command line does."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), warnings.catch_warnings():
        warnings.simplefilter("always")
        try:
            act()
        except LmssimError as error:
            return error.exit_code, f"{errors.getvalue()}lmssim: error: {error}"
    return 0, errors.getvalue()


def _load(path: Path) -> None:
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario

    compile_scenario(load_scenario(path))


def _evaluate(engine: str) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        import lmssim

        if engine == "cohort":
            sampling = lmssim.Sampling(engine=engine, jobs=1, profiles=2)
        else:
            sampling = lmssim.Sampling(engine=engine, jobs=1, n_patients=20)
        evaluation = lmssim.evaluate(lmssim.load_scenario(path), sampling=sampling)
        evaluation.incremental, evaluation.frontier  # noqa: B018 - tables are made when they are read
        for outcome, mean in evaluation.summary[["outcome", "mean"]].itertuples(index=False):
            if not (math.isfinite(mean) or outcome.endswith(MAY_BE_BLANK)):
                raise AssertionError(f"{outcome} is {mean}")

    return act


def _problem(path: Path) -> None:
    from lmssim.studies.calibration.problem import load_problem

    load_problem(path)


MAY_BE_BLANK = (":median", ":median_time_if_any")
"""Outcomes that may have no value: a median that is not reached, a time of those who have an event if nobody has."""
PYTHON: dict[str, Callable[[Path], None]] = {
    "load": _load,
    "problem": _problem,
    **{engine: _evaluate(engine) for engine in ("compiled", "des", "cohort")},
}
