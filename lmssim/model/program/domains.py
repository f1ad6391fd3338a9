"""Whether the parameters of hazards lie in the domains of their families, in every draw and under every strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.kernels import families as codes
from lmssim.model.language import expression
from lmssim.model.language.families import FAMILIES, Family
from lmssim.model.program.rows import Hazard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.program.rows import Rows, Transition

FAMILY_OF = {family.code: family for family in FAMILIES.values() if family.code != codes.PIECEWISE}
"""Families whose parameters are numbers; the intervals of a piecewise exponential are checked one by one."""


def check_domains(rows: Rows, numbers: FloatArray, strategies: Sequence[str], where: str, first_draw: int = 0) -> None:
    """Refuse family parameters outside their domain.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    where : str
        The scenario's file, to begin a message with.
    first_draw : int
        Number of the first draw, for messages.

    Raises
    ------
    InputError
        With the transition, the value, the strategy, the draw, and the parameters that it comes from.
    """
    for transition in rows.transitions:
        hazard = transition.timing
        family = FAMILY_OF.get(hazard.family) if isinstance(hazard, Hazard) else None
        if not isinstance(hazard, Hazard) or family is None:
            continue
        refs = hazard.refs[: len(family.parameters)]
        if min(refs) >= 0 and (found := _first_problem(family, numbers[:, :, list(refs)])) is not None:
            problem, draw, strategy = found
            inputs = {name for ref in refs for name in expression.names(rows.slots[ref].node)}
            came = f", from {', '.join(sorted(inputs))}" if inputs else ""
            raise InputError(
                f"{where}: transition {_called(rows, transition)}: {problem}"
                f" (strategy '{strategies[strategy]}', draw {first_draw + draw}{came})."
            )


def _first_problem(family: Family, values: FloatArray) -> tuple[str, int, int] | None:
    """What is wrong with the parameters, (n_draws, n_strategies, n_parameters), the draw and the strategy."""
    if family.check({name: values[:, :, k] for k, name in enumerate(family.parameters)}) is None:
        return None
    for draw, by_strategy in enumerate(values):
        for strategy, one in enumerate(by_strategy):
            problem = family.check({name: float(one[k]) for k, name in enumerate(family.parameters)})
            if problem is not None:
                return problem, draw, strategy
    return None


def _called(rows: Rows, transition: Transition) -> str:
    target = transition.reason if transition.silent else rows.states[transition.to].name
    return f"{rows.states[transition.source].name} -> {target}"
