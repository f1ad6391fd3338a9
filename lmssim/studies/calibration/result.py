"""Results of a calibration, as tables that are written to a folder and read back from it unchanged.

Every table has the columns of `COLUMNS`, each of a stated kind; further columns are kept. Tables that people read and
compare are CSV, long ones are Parquet, and the diagnostics of the run are JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.errors import DataError
from lmssim.execution import store
from lmssim.published.series import is_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.kernels import FloatArray

TEXT, NUMBER, WHOLE, FLAG, ANSWER = "text", "number", "whole", "flag", "answer"
"""Kinds of columns; a `flag` is true or false, an `answer` may also be missing."""
PREDICTION = {
    "observed": NUMBER,
    "predicted": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "inside": ANSWER,
    "width_ratio": NUMBER,
}
"""A target beside its prediction."""
SCORE = {"log_score": NUMBER, "log_score_reference": NUMBER}
"""Log score of a prediction and of the reference of `lmssim.published.score`; results of earlier versions lack it."""
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "chain": {"ensemble": WHOLE, "step": WHOLE, "walker": WHOLE},
    "trace": {
        "ensemble": WHOLE,
        "step": WHOLE,
        "burn_in": FLAG,
        "quantity": TEXT,
        "mean": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
    },
    "posterior": {"draw": WHOLE},
    "free": {
        "id": TEXT,
        "label": TEXT,
        "unit": TEXT,
        "prior_mean": NUMBER,
        "prior_sd": NUMBER,
        "prior_low": NUMBER,
        "prior_high": NUMBER,
        "mean": NUMBER,
        "sd": NUMBER,
        "low": NUMBER,
        "high": NUMBER,
        "central": NUMBER,
        "contraction": NUMBER,
        "informed": FLAG,
        "r_hat": NUMBER,
        "ess_bulk": NUMBER,
        "ess_tail": NUMBER,
        "tau_int": NUMBER,
        "map": NUMBER,
    },
    "fit": {
        "target_id": TEXT,
        "label": TEXT,
        "study": TEXT,
        "cohort_id": TEXT,
        "family": TEXT,
        "role": TEXT,
        "held_out": FLAG,
        "statistic": TEXT,
        "n": NUMBER,
        **PREDICTION,
        "p_value": NUMBER,
        "reading": TEXT,
        "reason": TEXT,
    },
    "parameters": {
        "id": TEXT,
        "value": NUMBER,
        "distribution": TEXT,
        "low": NUMBER,
        "high": NUMBER,
        "kind": TEXT,
        "source_id": TEXT,
        "description": TEXT,
        "group": TEXT,
    },
    "pairs": {
        "family": TEXT,
        "target_id": TEXT,
        "other_id": TEXT,
        "difference": NUMBER,
        "se": NUMBER,
        "z": NUMBER,
        "conflict": FLAG,
    },
    "shifts": {"id": TEXT, "prior_mean": NUMBER, "prior_sd": NUMBER, "shift": NUMBER, "conflict": FLAG},
    "left_out": {"cohort_id": TEXT, "target_id": TEXT, **PREDICTION, "error": NUMBER},
    "emulator": {"target_id": TEXT, "sd": NUMBER, "check_rmse": NUMBER, "check_n": WHOLE},
}
"""Columns of each table and their kinds."""
FURTHER: Mapping[str, Mapping[str, str]] = {
    "free": {"distribution": TEXT, "kind": TEXT, "reason": TEXT},
    "fit": {"observed_low": NUMBER, "observed_high": NUMBER, **SCORE},
    "left_out": {"observed_low": NUMBER, "observed_high": NUMBER, **SCORE},
    "parameters": dict.fromkeys(("unit", "locator", "expression", "reason"), TEXT)
    | dict.fromkeys(("p1", "p2", "se"), NUMBER),
}
"""Columns that a table may have, and their kinds; any other column holds numbers if all its values are numbers."""
LONG = ("chain", "trace", "posterior")
"""Tables that are written as Parquet."""
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True, eq=False)
class Calibration:
    """Posterior of a calibration, and how it fits the published targets.

    Raises
    ------
    DataError
        If a table lacks a column, or a value is not of its column's kind.
    """

    name: str
    """Name of the calibration file, without its ending."""
    label: str
    """What people call it."""
    chain: pd.DataFrame
    """Walkers after burn-in, thinned: ensemble, step, walker, every free quantity, `tau_<family>`."""
    trace: pd.DataFrame
    """Mean over the walkers and the range of their middle 90%, by ensemble, step and quantity; with burn-in."""
    posterior: pd.DataFrame
    """Draws: free quantities, `tau_<family>`, parameters of the model that they set, given parameters."""
    free: pd.DataFrame
    """Each free quantity: prior and posterior with their 95% intervals, contraction, convergence, highest density
    (`map`), autocorrelation time (`tau_int`, steps), value of the base case (`central`)."""
    parameters: pd.DataFrame
    """The fitted parameters of the model, as a parameter table."""
    fit: pd.DataFrame
    """Each target: observed, and predicted for a study of its size with the 95% interval of parameters,
    setting and sampling. `held_out`: its cohort was held out. `width_ratio`: width as a multiple of the study's own
    sampling interval. `p_value`: posterior predictive probability. `log_score`, `log_score_reference`: logarithm of the
    probability of what was observed, by the prediction and by the reference. `observed_low`, `observed_high`: the
    study's own 95% interval, if stated."""
    pairs: pd.DataFrame
    """Pairs of fitted targets of one family and two cohorts: how far apart their cloglog residuals are."""
    shifts: pd.DataFrame
    """Each given parameter, and how far the targets would move it if they could (prior standard deviations)."""
    left_out: pd.DataFrame
    """Each fitted target, predicted without its cohort; `error` is predicted less observed."""
    emulator: pd.DataFrame
    """Emulator of each target: error that the likelihood adds, error at checks (both cloglog), number of checks."""
    diagnostics: dict[str, Any]
    """converged, reasons, n_ensembles, n_walkers, n_steps, burn_in, acceptance, max_r_hat, min_ess, seconds,
    evaluations."""

    def __post_init__(self) -> None:
        """Bring every column to its kind, so that what is read back is what was written."""
        for name in COLUMNS:
            object.__setattr__(self, name, _tidy(name, getattr(self, name), self.name))
        object.__setattr__(self, "diagnostics", json.loads(store.json_text(self.diagnostics)))

    def write(self, folder: Path) -> list[Path]:
        """Write every table and the diagnostics; returns the files.

        Raises
        ------
        OutputError
            If a file cannot be written; those written before it stay.
        """
        store.make_folder(folder)
        written = [
            _write_parquet(folder / f"{name}.parquet", getattr(self, name))
            if name in LONG
            else store.write_csv(folder / f"{name}.csv", without_na(getattr(self, name)))
            for name in COLUMNS
        ]
        heading = {"name": self.name, "label": self.label}
        return [*written, store.write_json(folder / DIAGNOSTICS, {**heading, "diagnostics": self.diagnostics})]

    @classmethod
    def read(cls, folder: Path) -> Calibration:
        """Calibration that was written to a folder.

        Raises
        ------
        DataError
            If a file is missing or is not what it should be.
        """
        path = folder / DIAGNOSTICS
        try:
            heading = json.loads(path.read_text(encoding="utf-8"))
            parts: dict[str, Any] = {key: heading[key] for key in ("name", "label", "diagnostics")}
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; expected the folder of a calibration.") from None
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}: is not the diagnostics of a calibration.") from None
        return cls(**parts | {name: _read_table(folder, name) for name in COLUMNS})

    def quantities(self) -> list[str]:
        """Free quantities, then the between-study standard deviations, as the chain names them."""
        return [column for column in self.chain.columns if column not in COLUMNS["chain"]]


def observed_interval(targets: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """The 95% interval of each observed value in its own study.

    Parameters
    ----------
    targets : DataFrame
        Rows of `Calibration.fit`.

    Returns
    -------
    low, high : ndarray(float, ndim=1)
        Shape (n_targets,): the study's own interval where it is stated; else, of a share, the exact binomial one of
        its n (Clopper and Pearson); NaN where there is neither.
    """
    low, high = _binomial(targets)
    if "observed_low" in targets and "observed_high" in targets:
        stated = np.isfinite(targets["observed_low"].to_numpy()) & np.isfinite(targets["observed_high"].to_numpy())
        low = np.where(stated, targets["observed_low"], low)
        high = np.where(stated, targets["observed_high"], high)
    return low, high


def _binomial(targets: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    n, share = targets["n"].to_numpy(), targets["observed"].to_numpy()
    known = np.isfinite(n) & (n > 0) & (share >= 0.0) & (share <= 1.0)
    known &= ~np.array([is_time(statistic) for statistic in targets["statistic"]], dtype=bool)
    events = np.where(known, n * share, 0.0)
    rest = np.where(known, n - events, 1.0)
    low = np.where(events > 0.0, stats.beta.ppf(0.025, np.maximum(events, 1e-9), rest + 1.0), 0.0)
    high = np.where(rest > 0.0, stats.beta.ppf(0.975, events + 1.0, np.maximum(rest, 1e-9)), 1.0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


# === Tables ===


def _tidy(name: str, frame: pd.DataFrame, calibration: str) -> pd.DataFrame:
    """The table with its own columns first, each of its kind."""
    kinds = COLUMNS[name]
    missing = [column for column in kinds if column not in frame]
    if missing:
        raise DataError(f"calibration {calibration}: table '{name}' has no column {', '.join(missing)}.")
    kinds = {**kinds, **FURTHER.get(name, {})}
    order = [*COLUMNS[name], *(column for column in frame.columns if column not in COLUMNS[name])]
    try:
        columns = {str(c): _typed(frame[c].reset_index(drop=True), kinds.get(c)) for c in order}
    except (ValueError, TypeError) as error:
        raise DataError(f"calibration {calibration}: table '{name}': {error}.") from None
    return pd.DataFrame(columns)


def _typed(values: pd.Series, kind: str | None) -> pd.Series:
    """Values of a column as its kind has them, from values or from text; blanks are what is missing."""
    match kind:
        case "text":
            return pd.Series(["" if _blank(v) else str(v) for v in values], dtype=object)
        case "flag":
            return pd.Series([_truth(v) for v in values], dtype=bool)
        case "answer":
            return pd.Series([pd.NA if _blank(v) else _truth(v) for v in values], dtype="boolean")
        case "whole":
            return _numbers(values).astype(np.int64)
        case "number":
            return _numbers(values)
    try:
        return _numbers(values)
    except (ValueError, TypeError):
        return _typed(values, TEXT)


def _numbers(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_extension_array_dtype(values):
        return values.astype(np.float64)
    return pd.Series([np.nan if _blank(v) else float(v) for v in values], dtype=np.float64)


def _blank(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, str) and not value) or value != value  # noqa: PLR0124


def _truth(value: Any) -> bool:
    if str(value) not in ("True", "False"):
        raise ValueError(f"'{value}' is neither True nor False")
    return str(value) == "True"


def without_na(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with None for an answer that is missing."""
    answers = frame.select_dtypes("boolean").columns
    return frame.assign(**{c: frame[c].astype(object).where(frame[c].notna(), None) for c in answers})


def _write_parquet(path: Path, frame: pd.DataFrame) -> Path:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with store.write_parquet_stream(path, table.schema) as writer:
        writer.write_table(table)
    return path


def _read_table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.{'parquet' if name in LONG else 'csv'}"
    try:
        if name in LONG:
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        reason = error.strerror or "is not a Parquet table"
        raise DataError(f"{path}: {reason}; expected a table of a calibration.") from None
    except ValueError as error:
        raise DataError(f"{path}: is not a table ({str(error).splitlines()[0]}).") from None
