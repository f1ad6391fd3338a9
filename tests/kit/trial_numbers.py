"""A number that somebody else printed or computed beside lmssim's own, with the tolerance that its digits allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


@dataclass(frozen=True)
class Case:
    """Values of one source.

    Attributes
    ----------
    name : str
        What they are, and who says so.
    tag : str
        `P` printed by the source; `P=C` printed and computed again; `C` computed by an implementation of its own.
    expected : sequence of float
        The values.
    tolerance : float or sequence of float
        Largest absolute difference that the printed digits, or the source's own accuracy, allow.
    computed : callable
        Gives lmssim's values.
    """

    name: str
    tag: str
    expected: Sequence[float]
    tolerance: float | Sequence[float]
    computed: Callable[[], Any]

    def differences(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Absolute differences as shares of the tolerance: at most 1 if all is well."""
        got = np.asarray(self.computed(), dtype=np.float64).ravel()
        expected = np.asarray(self.expected, dtype=np.float64).ravel()
        assert got.shape == expected.shape, f"{self.name}: {got.shape} values for {expected.shape}"
        shares: np.ndarray[Any, np.dtype[np.float64]] = np.abs(got - expected) / np.asarray(self.tolerance)
        return shares


def name_of(case: Case) -> str:
    """Name of a case among pytest's."""
    return f"{case.name} [{case.tag}]"
