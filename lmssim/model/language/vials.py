"""The cheapest whole vials that hold a dose, as named expressions of the dose and the prices.

Notes
-----
Let F(x) be the least cost of vials that hold x, of sizes s_1 > s_2 > ... > s_K.

*Every size is a multiple of the next.* Any vials that hold s_k or more have some among them that hold it exactly. So
what holds s_k exactly costs c_K = p_K, c_k = min(p_k, s_k / s_(k+1) c_(k+1)), and with n = floor(x / s_k),
F_k(x) = n c_k + min(F_(k+1)(x - n s_k), c_k).

*Other sizes.* Among L items of sizes that are whole numbers, some add up to a multiple of L, for any L. With L the
least common multiple of s_k, ..., s_K it follows that F_(k+1)(x + L) - F_(k+1)(x) is the same for all x that need L
vials or more. Along n, n + L / s_k, ... vials of size s_k the cost is therefore linear but at its end: the cheapest n
is one of the first, of the last, or enough alone. It is linear throughout if the smaller sizes are multiples of one
another.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.language.schema import Value

MOST_OPTIONS = 64
"""Combinations of vials that an expression weighs, at most."""
SMALLEST, LARGEST = 1e-3, 1e6
"""Sizes of vials that can be combined, in the drug's unit."""
ROUNDING = "1e-9"
"""Share of a vial that rounding may add without another vial."""


def vials_name(dose: str) -> str:
    """Named expression: cost of the vials that hold a dose, itself a named expression."""
    return f"{dose}_vials"


def cheapest_vials(dose: str, sizes: Sequence[float], prices: Sequence[str], where: str) -> dict[str, Value]:
    """Named expressions, the last of them `vials_name(dose)`.

    Parameters
    ----------
    dose : str
        Name of the dose.
    sizes : sequence of float
        Descending.
    prices : sequence of str
        Names of the prices.

    Raises
    ------
    InputError
        If a size is not between `SMALLEST` and `LARGEST`, two sizes are the same, or too many combinations may be the
        cheapest.
    """
    for size in sizes:
        if not SMALLEST <= size <= LARGEST:
            raise ScenarioError(f"{where}: size = {size:g}: must lie between {SMALLEST:g} and {LARGEST:g}.")
    if len(set(sizes)) < len(sizes):
        raise ScenarioError(f"{where}: two vials have the same size.")
    units = _whole(sizes)
    if _options(units) > MOST_OPTIONS:
        raise UnsupportedError(
            f"{where}: sizes {', '.join(f'{s:g}' for s in sizes)} can be combined in more than {MOST_OPTIONS} ways that"
            " may be the cheapest; leave out a size that is no multiple of a smaller one."
        )
    result: dict[str, Value] = {}
    _cover(result, dose, sizes, prices)
    return result


def _whole(sizes: Sequence[float]) -> list[int]:
    """Sizes as whole numbers of the largest unit that they have in common."""
    parts = [Fraction(size).limit_denominator(1_000_000) for size in sizes]
    scale = math.lcm(*(part.denominator for part in parts))
    units = [int(part * scale) for part in parts]
    return [unit // math.gcd(*units) for unit in units]


def _is_chain(units: Sequence[int]) -> bool:
    return all(larger % smaller == 0 for larger, smaller in pairwise(units))


def _numbers(units: Sequence[int]) -> tuple[int, int]:
    """How many numbers of the largest, from 0 up and from the largest possible down, may be cheapest."""
    step, smaller = math.lcm(*units), units[1:]
    bound = 0 if _is_chain(smaller) else step * (smaller[0] - 1)
    return step // units[0], -(-(step + bound) // units[0])


def _options(units: Sequence[int]) -> int:
    return 1 if _is_chain(units) else sum(_numbers(units)) * _options(units[1:]) + 1


def _cover(into: dict[str, Value], left: str, sizes: Sequence[float], prices: Sequence[str]) -> str:
    """Name of the cost of the cheapest vials that hold what is left to cover, which is a name, of 0 or more."""
    units = _whole(sizes)
    if _is_chain(units):
        into[vials_name(left)] = _filled(into, left, left, sizes, _exact(into, left, units, prices))
        return vials_name(left)
    size, price = f"{sizes[0]!r}", prices[0]
    low, high = _numbers(units)
    numbers = [f"{n}" for n in range(low)]
    numbers += [f"max(0, floor({left} / {size} + {ROUNDING}) - {n})" for n in range(high)]
    options = [f"{price} * -floor({ROUNDING} - {left} / {size})"]
    for k, n in enumerate(numbers):
        rest = f"{left}_{k}"
        into[rest] = f"max({left} - {size} * {n}, 0)"
        options.append(f"{n} * {price} + {_cover(into, rest, sizes[1:], prices[1:])}")
    into[vials_name(left)] = f"min({', '.join(options)})"
    return vials_name(left)


def _exact(into: dict[str, Value], name: str, units: Sequence[int], prices: Sequence[str]) -> list[str]:
    """Names of what it costs to hold each size exactly."""
    names = list(prices)
    for k in range(len(units) - 2, -1, -1):
        names[k] = f"{name}_pack_{k + 1}"
        into[names[k]] = f"min({prices[k]}, {units[k] // units[k + 1]} * {names[k + 1]})"
    return names


def _filled(into: dict[str, Value], name: str, left: str, sizes: Sequence[float], exact: Sequence[str]) -> str:
    """Full vials of the largest size, and the cheapest of what holds the rest."""
    if len(sizes) == 1:
        return f"{exact[0]} * -floor({ROUNDING} - {left} / {sizes[0]!r})"
    full, rest = f"floor({left} / {sizes[0]!r} + {ROUNDING})", f"{name}_rest_{len(sizes)}"
    into[rest] = f"{left} - {sizes[0]!r} * {full}"
    return f"{full} * {exact[0]} + min({_filled(into, name, rest, sizes[1:], exact[1:])}, {exact[0]})"
