"""Plain functions whose global sensitivity is known: Ishigami's, and a linear one with a correlated block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

A, B = 7.0, 0.1
_V1, _V2, _V13 = 0.5 * (1.0 + B * np.pi**4 / 5.0) ** 2, A**2 / 8.0, 8.0 * B**2 * np.pi**8 / 225.0
VARIANCE = _V1 + _V2 + _V13
FIRST = np.array([_V1, _V2, 0.0]) / VARIANCE
TOTAL = np.array([_V1 + _V13, _V2, _V13]) / VARIANCE
SHAPLEY = np.array([_V1 + _V13 / 2.0, _V2, _V13 / 2.0]) / VARIANCE
"""Of independent inputs: an interaction is divided evenly."""
EFFECTS = np.array(
    [
        8.0 / np.pi**2 * (1.0 + B * np.pi**4 / 5.0),
        A / 2.0 * 8.0 / np.pi**2,
        B * np.pi**4 * 4.0 / 15.0 * 2.0 / np.pi,
    ]
)
"""Mean absolute change as one input is drawn anew: E|sin a - sin b| = 8 / pi^2, E|u^4 - v^4| = 4 / 15."""


def ishigami(u: FloatArray) -> FloatArray:
    """Ishigami's function of three uniforms, (n, 3).

    Ishigami T, Homma T. An importance quantification technique in uncertainty analysis for computer models. ISUMA 1990.
    doi:10.1109/ISUMA.1990.151285
    """
    x = np.pi * (2.0 * u - 1.0)
    found: FloatArray = np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])
    return found


def explained_of_ishigami(known: tuple[int, ...]) -> float:
    """Variance of what is expected given some inputs."""
    return _V1 * (0 in known) + _V2 * (1 in known) + _V13 * ({0, 2} <= set(known))


SLOPES, CORRELATION = np.array([2.0, -1.0, 1.5, 0.0]), 0.8
"""Of the linear function: inputs 0 and 1 are correlated; input 3 does nothing."""
BLOCK = float(SLOPES[0] ** 2 + SLOPES[1] ** 2 + 2.0 * CORRELATION * SLOPES[0] * SLOPES[1])
LINEAR_SHARES = np.array([BLOCK, SLOPES[2] ** 2, 0.0]) / (BLOCK + SLOPES[2] ** 2)
"""Of the block of inputs 0 and 1, of input 2 and of input 3: first-order and total indices are the same."""


def shapley_of_pair(b1: float, b2: float, rho: float) -> FloatArray:
    """Shapley effects of two correlated normal inputs of a linear function.

    Owen AB, Prieur C. On Shapley value for measuring importance of dependent inputs. SIAM/ASA J Uncertain Quantif
    2017;5:986-1002, section 3. doi:10.1137/16M1097717
    """
    both = rho * b1 * b2
    one = b1**2 * (1.0 - rho**2 / 2.0) + both + b2**2 * rho**2 / 2.0
    two = b2**2 * (1.0 - rho**2 / 2.0) + both + b1**2 * rho**2 / 2.0
    return np.array([one, two]) / (one + two)


def pair(u: FloatArray) -> FloatArray:
    """Four normal inputs of uniforms, (n, 4), the first two correlated."""
    z = special.ndtri(u)
    second = CORRELATION * z[:, 0] + np.sqrt(1.0 - CORRELATION**2) * z[:, 1]
    return np.column_stack([z[:, 0], second, z[:, 2], z[:, 3]])


def linear(u: FloatArray) -> FloatArray:
    """The linear function of uniforms, (n, 4)."""
    found: FloatArray = pair(u) @ SLOPES
    return found
