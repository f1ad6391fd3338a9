"""Statistics of clinical trials: designs, sample sizes and times. Nothing here knows a scenario or a disease model.

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmssim.trials.sequential.bounds import Bounds, Crossing
    from lmssim.trials.sequential.conditional import NormalPrior, conditional_power, predictive_power, trend_drift
    from lmssim.trials.sequential.design import GroupSequentialDesign, group_sequential
    from lmssim.trials.sequential.rules import Efficacy, Futility
    from lmssim.trials.sequential.spending import Spending

__all__ = [
    "Bounds",
    "Crossing",
    "Efficacy",
    "Futility",
    "GroupSequentialDesign",
    "NormalPrior",
    "Spending",
    "conditional_power",
    "group_sequential",
    "predictive_power",
    "trend_drift",
]

_HOME = {
    "Bounds": "sequential.bounds",
    "Crossing": "sequential.bounds",
    "Efficacy": "sequential.rules",
    "Futility": "sequential.rules",
    "GroupSequentialDesign": "sequential.design",
    "NormalPrior": "sequential.conditional",
    "Spending": "sequential.spending",
    "conditional_power": "sequential.conditional",
    "group_sequential": "sequential.design",
    "predictive_power": "sequential.conditional",
    "trend_drift": "sequential.conditional",
}


def __getattr__(name: str) -> Any:
    """Import a name's module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'lmssim.trials' has no attribute '{name}'")
    value = getattr(import_module(f"lmssim.trials.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names to offer."""
    return sorted({*globals(), *__all__})
