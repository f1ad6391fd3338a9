"""Designs of a sweep: which levels of its axes stand together in a cell.

`grid`: every level of every axis with every level of the others. `list`: the first levels of all axes together, then
the second, and so on. `lhs`: a Latin hypercube. `sobol`: a scrambled Sobol sequence, whose first points stay when more
are asked for. Designs that sample take numbers between the bounds of a range, and levels of a list in equal shares.

References
----------
McKay MD, Beckman RJ, Conover WJ. A comparison of three methods for selecting values of input variables in the analysis
of output from a computer code. Technometrics 21:239-245, 1979. doi:10.1080/00401706.1979.10489755
Owen AB. Scrambling Sobol' and Niederreiter-Xing points. J Complexity 14:466-489, 1998. doi:10.1006/jcom.1998.0487
"""

from __future__ import annotations

import warnings
from itertools import product
from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.studies.axes import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.studies.axes import Axis, Level

GRID, LHS, SOBOL, LIST = "grid", "lhs", "sobol", "list"
DESIGNS = (GRID, LHS, SOBOL, LIST)
SAMPLED = (LHS, SOBOL)
MOST_CELLS = 1_000_000

Setting = dict[str, "Level | None"]
"""Level of each axis by its label; None where a dependent axis does not vary."""


def settings_of(axes: Sequence[Axis], design: str = GRID, n: int | None = None, seed: int = 1) -> list[Setting]:
    """Settings of every cell, each once, in order.

    Parameters
    ----------
    n : int, optional
        Cells of a design that samples.
    seed : int
        Of a design that samples.

    Raises
    ------
    InputError
        If axes do not fit the design, or there are too many cells.
    """
    _check_axes(axes)
    if design in SAMPLED:
        found = _sampled(axes, design, n or 0, seed)
    elif n is not None:
        raise InputError(f"--n-cells: design '{design}' has as many cells as its levels make; leave it out.")
    else:
        for axis in axes:
            if not axis.levels:
                raise InputError(
                    f"--vary {axis.label}: design '{design}' needs levels, not only bounds: give LO:HI:N or A,B,C."
                )
        found = _grid(axes) if design == GRID else _listed(axes)
    seen: dict[tuple[str, ...], Setting] = {}
    for setting in found:
        kept = _where_they_vary(axes, setting)
        seen.setdefault(tuple(shown(level) + ("" if level is not None else "\0") for level in kept.values()), kept)
    return list(seen.values())


def _check_axes(axes: Sequence[Axis]) -> None:
    labels = [axis.label for axis in axes]
    names = [name for axis in axes for name in axis.names]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--vary {name}: varies twice.")
    for i, axis in enumerate(axes):
        if axis.condition is not None and axis.condition.axis not in labels[:i]:
            raise InputError(
                f"--vary {axis.label}: depends on '{axis.condition.axis}', which does not vary before it; give that "
                "axis first."
            )


def _grid(axes: Sequence[Axis]) -> Iterator[Setting]:
    n = 1
    for axis in axes:
        n *= len(axis.levels)
    _check_size(n)
    for levels in product(*(axis.levels for axis in axes)):
        yield dict(zip((axis.label for axis in axes), levels, strict=True))


def _listed(axes: Sequence[Axis]) -> Iterator[Setting]:
    lengths = {axis.label: len(axis.levels) for axis in axes}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{label} {n}" for label, n in lengths.items())
        raise InputError(f"--design {LIST}: every axis needs as many levels as the others; they have {told}.")
    _check_size(next(iter(lengths.values()), 0))
    for levels in zip(*(axis.levels for axis in axes), strict=True):
        yield dict(zip((axis.label for axis in axes), levels, strict=True))


def _sampled(axes: Sequence[Axis], design: str, n: int, seed: int) -> Iterator[Setting]:
    from scipy.stats import qmc

    if n < 1:
        raise InputError(f"--design {design}: say how many cells by --n-cells N.")
    _check_size(n)
    if design == LHS:
        points = qmc.LatinHypercube(len(axes), rng=seed).random(n)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a number that is no power of two is balanced less well
            points = qmc.Sobol(len(axes), scramble=True, rng=seed).random(n)
    for point in points.tolist():
        yield {axis.label: _level_at(axis, share) for axis, share in zip(axes, point, strict=True)}


def _level_at(axis: Axis, share: float) -> Level:
    if axis.within is not None:
        return axis.within.at(share)
    return axis.levels[min(int(share * len(axis.levels)), len(axis.levels) - 1)]


def _check_size(n: int) -> None:
    if n > MOST_CELLS:
        raise InputError(f"--vary: {n:,} cells; at most {MOST_CELLS:,} are allowed.")


def _where_they_vary(axes: Sequence[Axis], setting: Setting) -> Setting:
    """A setting in which axes that depend on others stand only where they vary."""
    kept: Setting = {}
    for axis in axes:
        condition = axis.condition
        wanted = None if condition is None else [shown(level) for level in condition.levels]
        varies = condition is None or shown(kept[condition.axis]) in (wanted or [])
        kept[axis.label] = setting[axis.label] if varies else None
    return kept
