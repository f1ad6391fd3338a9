"""lmssim: treatment strategies for leiomyosarcoma, simulated patient by patient.

Names are imported when they are first used, so that `import lmssim` and `lmssim --help` are immediate.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lmssim.version import __version__

if TYPE_CHECKING:
    from lmssim.api import Difference, Psa, Subgroups, SweepResult, Voi, diff, psa, subgroups, sweep, voi
    from lmssim.deterministic import (
        Scenarios,
        Threshold,
        Tornado,
        TwoWayMap,
        scenarios,
        threshold,
        tornado,
        two_way,
    )
    from lmssim.economics.voi.population import Population
    from lmssim.evaluation import Evaluation, evaluate, expected_values
    from lmssim.execution.simulate import Sampling
    from lmssim.global_sensitivity import Sobol, sobol
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import Scenario, load_scenario
    from lmssim.studies.trials.study import simulate_trials
    from lmssim.submission import Agency, agency

__all__ = [
    "Agency",
    "Difference",
    "Evaluation",
    "Population",
    "Psa",
    "Sampling",
    "Scenario",
    "Scenarios",
    "Sobol",
    "Subgroups",
    "SweepResult",
    "Threshold",
    "Tornado",
    "TwoWayMap",
    "Voi",
    "__version__",
    "agency",
    "compile_scenario",
    "diff",
    "evaluate",
    "expected_values",
    "load_scenario",
    "psa",
    "scenarios",
    "simulate_trials",
    "sobol",
    "subgroups",
    "sweep",
    "threshold",
    "tornado",
    "two_way",
    "voi",
]

_HOME = {
    "Agency": "lmssim.submission",
    "Difference": "lmssim.api",
    "Evaluation": "lmssim.evaluation",
    "Population": "lmssim.economics.voi.population",
    "Psa": "lmssim.api",
    "Sampling": "lmssim.execution.simulate",
    "Scenario": "lmssim.model.scenario",
    "Sobol": "lmssim.global_sensitivity",
    "Subgroups": "lmssim.api",
    "SweepResult": "lmssim.api",
    "Threshold": "lmssim.deterministic",
    "Scenarios": "lmssim.deterministic",
    "Tornado": "lmssim.deterministic",
    "TwoWayMap": "lmssim.deterministic",
    "Voi": "lmssim.api",
    "agency": "lmssim.submission",
    "compile_scenario": "lmssim.model.compile",
    "diff": "lmssim.api",
    "evaluate": "lmssim.evaluation",
    "expected_values": "lmssim.evaluation",
    "load_scenario": "lmssim.model.scenario",
    "psa": "lmssim.api",
    "simulate_trials": "lmssim.studies.trials.study",
    "sobol": "lmssim.global_sensitivity",
    "subgroups": "lmssim.api",
    "sweep": "lmssim.api",
    "threshold": "lmssim.deterministic",
    "scenarios": "lmssim.deterministic",
    "tornado": "lmssim.deterministic",
    "two_way": "lmssim.deterministic",
    "voi": "lmssim.api",
}


def __getattr__(name: str) -> Any:
    """Import a name's module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'lmssim' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names to offer."""
    return sorted({*globals(), *__all__})
