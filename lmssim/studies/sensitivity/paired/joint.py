"""Joint draws of the parameters and what they gave: made here, or read from a folder of `lmssim psa`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError
from lmssim.execution.manifest import parameter_hash, scenario_part
from lmssim.studies.sensitivity.paired.response import Response
from lmssim.studies.sensitivity.voi.folder import read_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Drawn


@dataclass(frozen=True)
class JointDraws:
    """Draws of the parameters.

    Attributes
    ----------
    response : Response
        Costs and QALYs by draw.
    parameters : mapping of str to ndarray(float, ndim=1)
        (n_draws,) each.
    origin : str
        Where they come from: a folder, or nothing where they were made here.
    """

    response: Response
    parameters: Mapping[str, FloatArray]
    origin: str = ""

    @property
    def n_draws(self) -> int:
        """Draws."""
        return len(self.response.values)


def own_draws(runs: Drawn, progress: Callable[[int, int], None] | None = None) -> JointDraws:
    """Draws that are made here."""
    return JointDraws(runs.at({}, progress), runs.work.draws(0, runs.n_draws))


def draws_of_folder(path: Path, program: Program) -> JointDraws:
    """Draws of a folder of `lmssim psa`, which must be of the same scenario.

    Raises
    ------
    InputError
        If it is not complete, or the scenario, its options or what is held differ.
    """
    source = read_folder(path)
    made: Any = source.scenario
    scenario = program.scenario
    same = {
        "files": (made["scenario"]["inputs"], scenario_part(scenario)["inputs"]),
        "switches": (made["switches"], dict(scenario.options)),
        "parameters": (made["parameters"]["sha256"], parameter_hash(program.used)),
        "part of the population (--where)": (made["where"], ""),
        "between-study spread (--new-setting)": (bool(made.get("new_setting")), False),
        "options that draws have (--average)": (made.get("average") or {}, {}),
    }
    for what, (theirs, ours) in same.items():
        if theirs != ours:
            raise InputError(
                f"--psa {path}: its {what} are not those of scenario '{scenario.name}' as it is asked for here; run "
                "`lmssim psa` again, or leave --psa out."
            )
    draws = source.draws
    values = np.stack([draws.cost, draws.effect], axis=2)
    shares = np.full(draws.n_draws, 1.0 / draws.n_draws)
    return JointDraws(Response(draws.strategies, values, shares, draws.rows), draws.parameters, str(path))
