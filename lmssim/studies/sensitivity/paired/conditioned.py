"""A parameter that is drawn jointly with others, followed by what is expected of every strategy given its value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.conditional import Draws
from lmssim.errors import InputError, exact
from lmssim.studies.sensitivity.paired.curves import Curves
from lmssim.studies.sensitivity.paired.joint import own_draws
from lmssim.studies.sensitivity.paired.response import Expected
from lmssim.studies.sensitivity.paired.varied import varied_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.economics.one_way.conditional import Curve
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Drawn

DRAWS, PATIENTS = 8_000, 100
"""Joint draws, and patients of each, if none are asked for."""


@dataclass(frozen=True)
class Conditioned:
    """Expectations given one parameter, in the place of runs that hold it.

    Attributes
    ----------
    runs : Drawn
        Joint draws are made by it.
    parameter : str
        Id of a parameter that is drawn jointly with others.
    wtps : sequence of float
        Willingness to pay at whose mean the terms of fits are chosen.
    progress : callable, optional
        Called with (draws done, draws in all).
    """

    runs: Drawn
    parameter: str
    wtps: Sequence[float]
    progress: Callable[[int, int], None] | None = None

    @property
    def program(self) -> Program:
        """What is run."""
        return self.runs.program

    def check_range(self, low: float, high: float, option: str) -> None:
        """Refuse a range beyond the draws of the parameter, where nothing is known of the others.

        Raises
        ------
        InputError
            With the range of the draws.
        """
        drawn = self.runs.work.draws(0, self.runs.n_draws)[self.parameter]
        least, most = float(drawn.min()), float(drawn.max())
        if low < least or high > most:
            joint = varied_of(self.program)[self.parameter].joint
            raise InputError(
                f"{option} {self.parameter}={exact(low)}:{exact(high)}: its draws lie between {exact(least)} and "
                f"{exact(most)}; beyond them nothing says which values the parameters have that are drawn with it "
                f"({joint}); give a range within."
            )

    def at(self, held: Mapping[str, float]) -> Expected:
        """What is expected of every strategy given a value of the parameter."""
        return Expected(self.runs.work.strategies, self._curve.at(held[self.parameter]))

    @cached_property
    def _curve(self) -> Curve:
        joint = own_draws(self.runs, None if self.progress is None else partial(self.progress))
        values = joint.response.values.reshape(joint.n_draws, -1)
        draws = Draws(values, joint.response.units, self._leading(len(self.runs.work.strategies)))
        varied = varied_of(self.program)
        return Curves(joint, list(varied.values()), draws).along(varied[self.parameter])

    def _leading(self, n: int) -> FloatArray:
        """Weights of the net benefit of each strategy less the mean of all, (2 n, n)."""
        of_one = np.kron(np.eye(n), np.array([[-1.0], [float(np.mean(self.wtps))]]))
        leading: FloatArray = of_one - of_one.mean(axis=1, keepdims=True)
        return leading
