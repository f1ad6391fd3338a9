"""Convergence of the ensembles, and what the targets say about each free quantity.

References
----------
Vehtari A et al. Rank-normalization, folding, and localization: an improved R-hat. Bayesian Anal 16:667-718, 2021.
doi:10.1214/20-BA1221
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from emcee.autocorr import integrated_time
from scipy import special

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.problem import Problem
    from lmssim.studies.calibration.sampler import Chains

MOST_R_HAT = 1.02
LEAST_ESS = 400.0
LEAST_LENGTH = 50.0
"""Kept steps as a multiple of the autocorrelation time."""
MOST_ERROR = 0.1
"""Error of an emulator, complementary log-log: too small for any study to tell from chance."""
INFORMED = 0.1
"""Least contraction, 1 - posterior variance / prior variance, of a quantity that the targets inform."""


def table_of_free(problem: Problem, chains: Chains, burn_in: int, mode: FloatArray) -> pd.DataFrame:
    """Prior, posterior, contraction and convergence of each free quantity and between-study SD.

    Parameters
    ----------
    burn_in : int
        Steps that are not used.
    mode : ndarray(float, ndim=1)
        Coordinates of the highest density, (n_free + n_tau,).

    Notes
    -----
    The posterior is the last state of every walker; `ess_bulk` and `ess_tail` are of these draws. Whether walkers have
    forgotten their starts is shown by R-hat between ensembles over all kept steps, and by `tau_int` (steps).
    """
    kept, (last, _) = chains.after(burn_in), chains.last()
    grid = special.ndtri((np.arange(4000) + 0.5) / 4000)
    n_ensembles = len(kept)
    rows = []
    for k, quantity in enumerate(problem.quantities):
        prior, posterior = quantity.at(grid), quantity.at(last[:, k])
        by_ensemble = kept[:, :, :, k].reshape(n_ensembles, -1)
        of_rows = chains.z[:, -1, :, k]
        steps = np.moveaxis(kept[:, :, :, k], 0, 1).reshape(kept.shape[1], -1)
        spec = getattr(quantity, "spec", None)
        rows.append(
            {
                "id": quantity.name,
                "label": quantity.label,
                "unit": getattr(quantity, "unit", "complementary log-log"),
                "prior_mean": prior.mean(),
                "prior_sd": prior.std(),
                **dict(zip(("prior_low", "prior_high"), np.quantile(prior, [0.025, 0.975]), strict=True)),
                "mean": posterior.mean(),
                "sd": posterior.std(ddof=1),
                **dict(zip(("low", "high"), np.quantile(posterior, [0.025, 0.975]), strict=True)),
                "central": float(quantity.at(last[:, k].mean(keepdims=True))[0]),
                "contraction": 1.0 - last[:, k].var(ddof=1),
                "informed": bool(1.0 - last[:, k].var(ddof=1) >= INFORMED),
                "r_hat": _r_hat(by_ensemble),
                "ess_bulk": _ess(of_rows, "bulk"),
                "ess_tail": _ess(of_rows, "tail"),
                "tau_int": chains.thin * _tau(steps),
                "map": float(quantity.at(mode[k : k + 1])[0]),
                "distribution": spec.distribution if spec else "half_normal",
                "kind": spec.kind if spec else "assumed",
                "reason": spec.reason if spec else "The same for all sites: half-normal prior of the between-study SD",
            }
        )
    return pd.DataFrame(rows)


def _tau(steps: FloatArray) -> float:
    """Integrated autocorrelation time; NaN of a chain that never moves."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(integrated_time(steps[:, :, None], tol=0, quiet=True)[0])


def _r_hat(draws: FloatArray) -> float:
    return float(array_stats.rhat(draws, chain_axis=0, draw_axis=1, method="rank"))


def _ess(draws: FloatArray, kind: str) -> float:
    prob = {"prob": (0.05, 0.95)} if kind == "tail" else {}
    return float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method=kind, **prob))


def verdict(free: pd.DataFrame, kept_steps: int, emulator: pd.DataFrame) -> tuple[bool, list[str]]:
    """Whether the ensembles have converged on the model's posterior, and if not why.

    Parameters
    ----------
    free : DataFrame
        `table_of_free`.
    kept_steps : int
        Steps of each ensemble after burn-in.
    emulator : DataFrame
        target_id, sd, check_rmse.
    """
    reasons = []
    for row in free.to_dict("records"):
        least = min(row["ess_bulk"], row["ess_tail"])
        if not row["r_hat"] < MOST_R_HAT:
            reasons.append(f"{row['id']}: R-hat {row['r_hat']:.3f} is not below {MOST_R_HAT}")
        if not least > LEAST_ESS:
            reasons.append(f"{row['id']}: effective size {least:.0f} is not above {LEAST_ESS:g}")
        if not kept_steps >= LEAST_LENGTH * row["tau_int"]:
            longest = f"{LEAST_LENGTH:g} autocorrelation times of {row['tau_int']:.0f}"
            reasons.append(f"{row['id']}: {kept_steps} steps are fewer than {longest}")
    for row in emulator.to_dict("records"):
        if row["check_rmse"] > max(2.0 * row["sd"], MOST_ERROR):
            reasons.append(f"{row['target_id']}: emulator off by {row['check_rmse']:.2f}, stated {row['sd']:.2f}")
    return not reasons, reasons


def trace_of(problem: Problem, chains: Chains, burn_in: int) -> pd.DataFrame:
    """Mean and middle 90% over walkers, by ensemble, saved step and quantity.

    Parameters
    ----------
    burn_in : int
        Steps that are not used.
    """
    parts = []
    steps = np.arange(chains.z.shape[1]) * chains.thin
    for k, quantity in enumerate(problem.quantities):
        values = quantity.at(chains.z[:, :, :, k].reshape(-1)).reshape(chains.z.shape[:3])
        low, high = np.quantile(values, [0.05, 0.95], axis=2)
        for e in range(len(values)):
            parts.append(
                pd.DataFrame(
                    {
                        "ensemble": e,
                        "step": steps,
                        "burn_in": steps < burn_in,
                        "quantity": quantity.name,
                        "mean": values[e].mean(axis=1),
                        "low": low[e],
                        "high": high[e],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def chain_of(problem: Problem, chains: Chains, burn_in: int, most: int = 20_000) -> pd.DataFrame:
    """Walkers after burn-in, thinned to about `most` rows, in natural units.

    Parameters
    ----------
    burn_in : int
        Steps that are not used.
    """
    kept = chains.after(burn_in)
    every = max(1, kept[:, :, :, 0].size // most)
    columns: dict[str, Any] = {}
    shape = kept.shape[:3]
    ensemble, step, walker = (x.reshape(-1)[::every] for x in np.indices(shape))
    columns |= {"ensemble": ensemble, "step": burn_in + step * chains.thin, "walker": walker}
    for k, quantity in enumerate(problem.quantities):
        columns[quantity.name] = quantity.at(kept[:, :, :, k].reshape(-1)[::every])
    return pd.DataFrame(columns)
