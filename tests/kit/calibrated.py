"""A calibration that was never run: tables such as one would leave, for the tests of what is made of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.studies.calibration.result import Calibration

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

ENSEMBLES, WALKERS, STEPS, BURN_IN = 4, 30, 160, 60
FREE = (
    ("lr_shape", "Local recurrence: shape", "", 0.9, 0.354, 0.85, 0.06),
    ("lr_h5", "Local recurrence: cumulative hazard at 5 years", "", 0.12, 1.175, 0.16, 0.10),
    ("dm_shape", "Metastasis: shape", "", 0.9, 0.354, 0.72, 0.05),
    ("dm_h5", "Metastasis: cumulative hazard at 5 years", "", 0.2, 1.325, 0.42, 0.08),
    ("death_frailty", "Death after metastasis: ratio to trials", "hazard ratio", 1.0, 0.25, 1.02, 0.24),
)
"""Id, label, unit, prior median and sd of its logarithm, posterior likewise."""
TAUS = ("tau_local_recurrence", "tau_metastasis", "tau_death")
FAMILIES = ("local_recurrence", "metastasis", "death")
OUTCOMES = ("Local recurrence by 5 years", "Distant metastasis by 5 years", "Overall survival at 5 years")
STUDIES = ("Farshid 2002", "Gladdy 2013", "Massi 2004 & others", "Svarvar 2006", "Lamm 2014", "eLMS series", "Abraham")


def synthetic(n_figures: int = 18, n_free: int = 5, *, converged: bool = True, seed: int = 5) -> Calibration:
    """A sensible calibration.

    Parameters
    ----------
    n_figures : int
        Published figures.
    n_free : int
        Free quantities; those after the fifth repeat the first five under other names.
    converged : bool
        Whether its diagnostics say so.
    """
    rng = np.random.default_rng(seed)
    fit = _fit(rng, n_figures)
    quantities = _quantities(n_free)
    chain = _chain(rng, quantities)
    fitted = fit[(fit["role"] == "fit") & ~fit["held_out"] & fit["observed"].notna()]
    return Calibration(
        name="extremity",
        label="Leiomyosarcoma of the extremities",
        chain=chain,
        trace=_trace(rng, quantities),
        posterior=_posterior(rng, chain),
        free=_free(chain, quantities),
        parameters=_parameters(),
        fit=fit,
        pairs=_pairs(fitted),
        shifts=_shifts(),
        left_out=_left_out(rng, fitted),
        emulator=_emulator(rng, fit),
        diagnostics=_diagnostics(converged),
    )


def _pairs(fitted: pd.DataFrame) -> pd.DataFrame:
    ids = list(fitted["target_id"])
    pairs = [("metastasis", a, b, 0.2, 0.4, 0.5, False) for a, b in itertools.pairwise(ids)]
    columns = ["family", "target_id", "other_id", "difference", "se", "z", "conflict"]
    return pd.DataFrame(pairs, columns=columns)


def _parameters() -> pd.DataFrame:
    row = {
        "id": "lr_scale",
        "value": 40.0,
        "distribution": "lognormal",
        "low": 20.0,
        "high": 80.0,
        "unit": "years",
        "kind": "calibrated",
        "source_id": "calibration_extremity",
        "description": "Scale",
        "group": "calibrated",
    }
    return pd.DataFrame([row])


def _quantities(n_free: int) -> list[tuple[str, str, str, float, float, float, float]]:
    again = [
        (f"{id_}_{i // 5}", f"{label} ({i // 5})", *rest)
        for i in range(5, n_free)
        for id_, label, *rest in [FREE[i % 5]]
    ]
    return [*FREE[:n_free], *again]  # type: ignore[list-item]  # a starred tuple loses its kinds


def _chain(rng: np.random.Generator, quantities: list[Any]) -> pd.DataFrame:
    steps = np.arange(BURN_IN, STEPS, 4)
    index = pd.MultiIndex.from_product(
        [range(ENSEMBLES), steps, range(WALKERS)], names=["ensemble", "step", "walker"]
    ).to_frame(index=False)
    correlation = np.eye(len(quantities))
    for i in range(len(quantities) - 1):
        correlation[i, i + 1] = correlation[i + 1, i] = -0.45
    z = rng.multivariate_normal(np.zeros(len(quantities)), correlation, size=len(index), check_valid="ignore")
    for i, (id_, _, _, _, _, median, sd) in enumerate(quantities):
        index[id_] = median * np.exp(sd * z[:, i])
    for tau in TAUS:
        index[tau] = np.abs(0.3 + 0.12 * rng.standard_normal(len(index)))
    return index


def _trace(rng: np.random.Generator, quantities: list[Any]) -> pd.DataFrame:
    taus = [(tau, "", "", 0.0, 0.0, 0.3, 0.4) for tau in TAUS]
    frames = []
    for ensemble in range(ENSEMBLES):
        for id_, _, _, _, _, median, sd in [*quantities, *taus]:
            step = np.arange(STEPS)
            start = np.exp((ensemble - 1.5) * np.exp(-step / 15.0))
            centre = median * start * np.exp(0.15 * sd * rng.standard_normal(STEPS))
            frame = {
                "ensemble": ensemble,
                "step": step,
                "burn_in": step < BURN_IN,
                "quantity": id_,
                "mean": centre,
                "low": centre * np.exp(-1.6 * sd),
                "high": centre * np.exp(1.6 * sd),
            }
            frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True)


def _posterior(rng: np.random.Generator, chain: pd.DataFrame) -> pd.DataFrame:
    rows = chain.drop(columns=["ensemble", "step", "walker"]).iloc[-1000:].reset_index(drop=True)
    rows.insert(0, "draw", np.arange(len(rows)))
    rows["loghr_lr_r1"] = 0.7 + 0.2 * rng.standard_normal(len(rows))
    return rows


def _free(chain: pd.DataFrame, quantities: list[Any]) -> pd.DataFrame:
    rows = []
    for id_, label, unit, median, sdlog, _, _ in quantities:
        values = chain[id_].to_numpy()
        law = stats.lognorm(s=sdlog, scale=median)
        contraction = 1.0 - float(np.log(values).var() / sdlog**2)
        rows.append(
            {
                "id": id_,
                "label": label,
                "unit": unit,
                "prior_mean": law.mean(),
                "prior_sd": law.std(),
                "prior_low": law.ppf(0.025),
                "prior_high": law.ppf(0.975),
                "mean": values.mean(),
                "sd": values.std(),
                "low": np.quantile(values, 0.025),
                "high": np.quantile(values, 0.975),
                "central": np.exp(np.log(values).mean()),
                "contraction": contraction,
                "informed": contraction > 0.5,
                "r_hat": 1.004,
                "ess_bulk": 1213.0,
                "ess_tail": 988.4,
                "tau_int": 14.2,
                "map": np.median(values),
                "distribution": "lognormal",
                "kind": "assumed",
                "reason": "Weak, and the same at every site.",
            }
        )
    return pd.DataFrame(rows)


def _fit(rng: np.random.Generator, n_figures: int) -> pd.DataFrame:
    return pd.DataFrame([_figure(rng, i) for i in range(n_figures)])


def _figure(rng: np.random.Generator, i: int) -> dict[str, Any]:
    k, study = i % 3, (i // 3) % len(STUDIES)
    n = float(rng.integers(25, 180))
    truth = (0.15, 0.36, 0.62)[k]
    spread = float(np.sqrt(truth * (1.0 - truth) * (1.0 / n + 0.02)))
    low, high = max(truth - 1.96 * spread, 0.0), min(truth + 1.96 * spread, 1.0)
    observed = float(np.clip(round(n * (truth + 0.7 * spread * rng.standard_normal())) / n, 0.0, 1.0))
    row = {
        "target_id": f"target_{i}",
        "label": OUTCOMES[k],
        "study": STUDIES[study],
        "cohort_id": f"cohort_{study}",
        "family": FAMILIES[k],
        "role": "check" if i % 7 == 6 else "fit",
        "held_out": study == 3,
        "statistic": ("cumulative_incidence", "proportion", "km_survival")[k],
        "n": n,
        "observed": observed,
        "predicted": truth,
        "low": low,
        "high": high,
        "inside": low <= observed <= high,
        "width_ratio": spread / float(np.sqrt(truth * (1.0 - truth) / n)),
        "p_value": float(stats.norm.sf((observed - truth) / spread)),
        "log_score": float(stats.binom.logpmf(round(observed * n), n, truth)),
        "log_score_reference": -float(np.log(n + 1.0)),
        "reading": "Follow-up uniform from 1 to 12 years; events counted within it.",
        "reason": "A review that quotes another series." if i % 7 == 6 else "",
    }
    return row | _awkward(i)


def _awkward(i: int) -> dict[str, Any]:
    """A figure far from the model, a median time with an interval of its own, one that is not computable."""
    if i == 4:
        return {"observed": 0.62, "inside": False, "p_value": 0.001}
    if i == 6:
        time = {"label": "Time to metastasis, median of those who have it", "statistic": "median_time"}
        return time | {
            "observed": 2.4,
            "predicted": 1.9,
            "low": 1.1,
            "high": 3.6,
            "inside": True,
            "observed_low": 0.8,
            "observed_high": 5.5,
        }
    if i == 13:
        numbers = ("observed", "predicted", "low", "high", "width_ratio", "p_value", "n")
        blank = dict.fromkeys((*numbers, "log_score", "log_score_reference"), float("nan"))
        return blank | {"inside": None, "reading": "not computable: no denominator is printed", "role": "check"}
    return {}


def _left_out(rng: np.random.Generator, fitted: pd.DataFrame) -> pd.DataFrame:
    names = ["cohort_id", "target_id", "observed", "predicted", "low", "high", "inside", "width_ratio"]
    rows = fitted[[*names, "log_score", "log_score_reference"]].copy()
    rows["predicted"] = np.clip(rows["predicted"] + 0.02 * rng.standard_normal(len(rows)), 0.0, None)
    rows["low"], rows["high"] = np.maximum(rows["low"] - 0.02, 0.0), rows["high"] + 0.02
    rows["inside"] = (rows["low"] <= rows["observed"]) & (rows["observed"] <= rows["high"])
    rows["error"] = rows["predicted"] - rows["observed"]
    return rows.reset_index(drop=True)


def _shifts() -> pd.DataFrame:
    ids = ["loghr_lr_r1", "loghr_dm_grade3", "loghr_dm_size"]
    return pd.DataFrame(
        {
            "id": ids,
            "prior_mean": [0.7, 0.9, 0.4],
            "prior_sd": [0.2, 0.25, 0.1],
            "shift": [0.1, -1.4, 0.3],
            "conflict": [False, True, False],
        }
    )


def _emulator(rng: np.random.Generator, fit: pd.DataFrame) -> pd.DataFrame:
    error: FloatArray = np.abs(0.02 + 0.005 * rng.standard_normal(len(fit)))
    columns = {"target_id": fit["target_id"], "sd": error, "check_rmse": 0.9 * error}
    return pd.DataFrame(columns).assign(check_n=100)


def _diagnostics(converged: bool) -> dict[str, Any]:
    reasons = [] if converged else ["R-hat of dm_h5 is 1.041, above 1.02.", "Bulk effective size of dm_h5 is 212."]
    return {
        "converged": converged,
        "reasons": reasons,
        "n_ensembles": ENSEMBLES,
        "n_walkers": WALKERS,
        "n_steps": STEPS,
        "burn_in": BURN_IN,
        "acceptance": [0.31, 0.29, 0.3, 0.32],
        "max_r_hat": 1.006 if converged else 1.041,
        "min_ess": 844.0 if converged else 212.0,
        "seconds": 412.6,
        "evaluations": 2_000_000,
    }
