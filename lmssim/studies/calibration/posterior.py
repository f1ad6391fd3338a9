"""The posterior as a scenario uses it: a file of joint draws, and a table of the fitted parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.studies.calibration.problem import N_ROWS

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.problem import Problem

GROUP = "calibrated"
COLUMNS = (
    "id",
    "value",
    "distribution",
    "p1",
    "p2",
    "se",
    "low",
    "high",
    "expression",
    "unit",
    "kind",
    "source_id",
    "locator",
    "description",
    "reason",
    "group",
)


def parameter_table(problem: Problem, centre: FloatArray, posterior: pd.DataFrame) -> pd.DataFrame:
    """Rows of the fitted parameters as a parameter table has them.

    Parameters
    ----------
    centre : ndarray(float, ndim=1)
        Posterior mean of z: the base case stands there, with the given parameters at their own base values.
    posterior : DataFrame
        Draws of every fitted parameter; their 95% interval is the distribution of each alone.
    """
    base = {id_: x[:1] for id_, x in problem.scenario.table.base().items()}
    values = problem.parameters_at(centre[None, : len(problem.free)], base)
    rows = []
    for id_, value in values.items():
        low, high = np.quantile(posterior[id_], [0.025, 0.975])
        own = problem.scenario.table[id_]
        rows.append(
            {
                "id": id_,
                "value": _rounded(float(value[0])),
                "distribution": _distribution(own.unit, low),
                "low": _rounded(low),
                "high": _rounded(high),
                "unit": own.unit,
                "kind": "calibrated",
                "source_id": f"calibration_{problem.name}",
                "locator": f"results/calibration/{problem.name}",
                "description": own.description,
                "reason": f"Posterior mean on the sampler's scale; {N_ROWS} joint draws in the file of this name",
                "group": GROUP,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _distribution(unit: str, low: float) -> str:
    """Distribution of a parameter alone: on the range that it may have."""
    if unit == "probability":
        return "beta"
    return "lognormal" if low > 0.0 else "normal"


def _rounded(value: float) -> float:
    """Six significant digits: more would be noise of the sampler."""
    return float(f"{value:.6g}")
