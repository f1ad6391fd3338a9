"""Designs of global sensitivity analysis: rows of numbers in (0, 1), a column for each stream of a factor.

A factor may have several columns, such as a vector that is drawn jointly. They always change together, so that a level
of a factor is a whole draw. Designs come from SALib.

References
----------
Iwanaga T, Usher W, Herman J. Toward SALib 2.0. Socio-Environmental Systems Modelling 2022;4:18155.
doi:10.18174/sesmo.18155
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray, IntArray

HALF_STEP = 2.0**-31
"""Half of the spacing of a Sobol' sequence of 30 bits, which moves its numbers off 0."""
STEP = 2
"""Levels of a factor in a trajectory of the screening."""


@dataclass(frozen=True)
class Layout:
    """Columns of a design.

    Attributes
    ----------
    owners : sequence of int
        Factor of each column; columns of a factor stand together, factors in order.
    ordered : sequence of bool
        Of each factor, whether it is one column whose numbers have an order (a parameter that is drawn alone).
    """

    owners: Sequence[int]
    ordered: Sequence[bool]

    @property
    def n_factors(self) -> int:
        """Factors."""
        return len(self.ordered)


def sobol_design(layout: Layout, n_rows: int, seed: int) -> FloatArray:
    """Saltelli's design on a scrambled Sobol' sequence, (n_rows * (n_factors + 2), n_columns).

    For each row: base A; A with one factor after another from B; and B.

    Parameters
    ----------
    n_rows : int
        A power of 2.

    References
    ----------
    Saltelli A et al. Variance based sensitivity analysis of model output. Comput Phys Commun 2010;181:259-270.
    doi:10.1016/j.cpc.2009.09.018
    """
    from SALib.sample import sobol

    problem = _problem(len(layout.owners)) | {"groups": [f"g{owner}" for owner in layout.owners]}
    numbers: FloatArray = sobol.sample(problem, n_rows, calc_second_order=False, scramble=True, seed=seed)
    return numbers + HALF_STEP


@dataclass(frozen=True)
class Trajectories:
    """A design of the screening: in each trajectory one factor after another goes from one draw of it to another.

    Attributes
    ----------
    steps : ndarray(float, ndim=2)
        (n * (n_factors + 1), n_factors): 0 or 1, which of its two draws a factor has.
    numbers : ndarray(float, ndim=2)
        (n * (n_factors + 1), n_columns).
    """

    steps: FloatArray
    numbers: FloatArray


def trajectories(layout: Layout, n: int, seed: int) -> Trajectories:
    """Morris' trajectories between two independent draws of each factor, new ones in each trajectory.

    Of a parameter that is drawn alone draw 0 is the smaller one, so that a step from 0 to 1 is upwards.

    References
    ----------
    Morris MD. Factorial sampling plans for preliminary computational experiments. Technometrics 1991;33:161-174.
    doi:10.1080/00401706.1991.10484804
    """
    from SALib.sample import morris

    k = layout.n_factors
    steps: FloatArray = morris.sample(_problem(k), n, num_levels=STEP, seed=seed)
    owners = np.asarray(layout.owners)
    draws = np.random.Generator(np.random.Philox(seed)).random((n, STEP, len(owners)))
    ordered = np.asarray(layout.ordered)[owners]
    draws[:, :, ordered] = np.sort(draws[:, :, ordered], axis=1)
    which: IntArray = steps.astype(np.int64).reshape(n, k + 1, k)[:, :, owners]
    numbers = np.take_along_axis(draws, which, axis=1).reshape(n * (k + 1), len(owners))
    return Trajectories(steps, np.clip(numbers, HALF_STEP, 1.0 - HALF_STEP))


def problem_of_steps(n_factors: int) -> dict[str, Any]:
    """What SALib calls the problem of a screening."""
    return _problem(n_factors)


def _problem(n: int) -> dict[str, Any]:
    return {"num_vars": n, "names": [f"x{k}" for k in range(n)], "bounds": [[0.0, 1.0]] * n}
