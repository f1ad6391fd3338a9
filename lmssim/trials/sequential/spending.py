r"""Spending functions: how much of an error a design has spent by each fraction of its information.

======================== =====================================================================================
name                     error spent at information fraction t, of a total :math:`\alpha`
======================== =====================================================================================
``ld_obf``               Lan-DeMets, O'Brien-Fleming type: :math:`2 - 2 \Phi(z_{\alpha/2} / \sqrt t)`
``ld_pocock``            Lan-DeMets, Pocock type: :math:`\alpha \ln(1 + (e - 1) t)`
``hsd``                  Hwang-Shih-DeCani: :math:`\alpha (1 - e^{-\gamma t}) / (1 - e^{-\gamma})`;
                         :math:`\gamma = 0`: :math:`\alpha t`
``kim_demets``           Kim-DeMets: :math:`\alpha t^\rho`
======================== =====================================================================================

References
----------
Lan KKG, DeMets DL (1983). Biometrika 70:659-663. doi:10.1093/biomet/70.3.659.
Hwang IK, Shih WJ, De Cani JS (1990). Stat Med 9:1439-1445. doi:10.1002/sim.4780091207.
Kim K, DeMets DL (1987). Biometrika 74:149-154. doi:10.1093/biomet/74.1.149.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from lmssim.errors import InputError, exact
from lmssim.trials import checks

if TYPE_CHECKING:
    from collections.abc import Callable

LD_OBF, LD_POCOCK, HSD, KIM_DEMETS = "ld_obf", "ld_pocock", "hsd", "kim_demets"
NAMES = {
    LD_OBF: "Lan-DeMets spending of O'Brien-Fleming type",
    LD_POCOCK: "Lan-DeMets spending of Pocock type",
    HSD: "Hwang-Shih-DeCani spending",
    KIM_DEMETS: "Kim-DeMets spending",
}
SYMBOLS = {HSD: "gamma", KIM_DEMETS: "rho"}
"""Letter of the parameter of those that have one."""
STEEPEST = 50.0


@dataclass(frozen=True)
class Spending:
    """A spending function by name.

    Attributes
    ----------
    name : str
        `ld_obf`, `ld_pocock`, `hsd` or `kim_demets`.
    parameter : float, optional
        Gamma of `hsd` (any number from -50 to 50), rho of `kim_demets` (above 0, at most 50).
    """

    name: str
    parameter: float | None = None

    def __post_init__(self) -> None:
        checks.one_of("spending", self.name, NAMES)
        if self.name not in SYMBOLS:
            if self.parameter is not None:
                raise InputError(f"parameter: {NAMES[self.name]} ('{self.name}') takes none; leave it out.")
            return
        if self.parameter is None:
            raise InputError(f"parameter: {NAMES[self.name]} ('{self.name}') needs {SYMBOLS[self.name]}.")
        value = checks.number("parameter", self.parameter)
        if abs(value) > STEEPEST or (self.name == KIM_DEMETS and value <= 0.0):
            allowed = f"from -{STEEPEST:g} to {STEEPEST:g}" if self.name == HSD else f"above 0, at most {STEEPEST:g}"
            raise InputError(f"parameter: {SYMBOLS[self.name]} of '{self.name}' is {exact(value)}; allowed: {allowed}.")

    def spent(self, information: float, total: float) -> float:
        """Error spent at an information fraction (0 or more; from 1 on all of it)."""
        t = min(information, 1.0)
        return total if t == 1.0 else _FORMULAS[self.name](t, total, self.parameter or 0.0)

    def label(self) -> str:
        """Name in words, with its parameter."""
        letter = SYMBOLS.get(self.name)
        return NAMES[self.name] + (f" ({letter} = {exact(self.parameter or 0.0)})" if letter else "")


def _ld_obf(t: float, total: float, _: float) -> float:
    return float(2.0 * ndtr(ndtri(0.5 * total) / math.sqrt(t)))


def _ld_pocock(t: float, total: float, _: float) -> float:
    return total * math.log1p((math.e - 1.0) * t)


def _hsd(t: float, total: float, gamma: float) -> float:
    return total * t if gamma == 0.0 else total * float(np.expm1(-gamma * t) / np.expm1(-gamma))


def _kim_demets(t: float, total: float, rho: float) -> float:
    return float(total * t**rho)


_FORMULAS: dict[str, Callable[[float, float, float], float]] = {
    LD_OBF: _ld_obf,
    LD_POCOCK: _ld_pocock,
    HSD: _hsd,
    KIM_DEMETS: _kim_demets,
}
