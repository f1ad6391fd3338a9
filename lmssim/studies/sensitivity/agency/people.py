"""Whom the study asks: patients who are followed, or the population solved; and the key of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.execution.manifest import evaluation_part
from lmssim.execution.simulate import COHORT
from lmssim.studies.sensitivity.agency.followed import Followed, followed
from lmssim.studies.sensitivity.agency.solved import Solved, solved
from lmssim.version import __version__

if TYPE_CHECKING:
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program

People = Followed | Solved


def people_of(program: Program, sampling: Sampling, n_draws: int) -> People:
    """Patients, or profiles, by the engine that is asked for."""
    return solved(program, sampling, n_draws) if sampling.engine == COHORT else followed(sampling, n_draws)


def key_of_runs(program: Program, people: People) -> dict[str, Any]:
    """All that decides the runs, but for their names."""
    exact = {"profiles": people.sampling.profiles} if isinstance(people, Solved) else None
    part = evaluation_part(program, people.sampling, {}, solved=exact)
    return part | {"lmssim": __version__, "draws": people.n_draws, "uncertain": list(program.scenario.uncertain)}
