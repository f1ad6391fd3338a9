"""Validation: published targets beside what the model predicts for a new study of the same size.

The 95% interval holds three uncertainties: parameters (draws), differences between studies (a between-study effect of
the outcome family) and sampling (as many patients as the study had). An interval without the second is too narrow for a
new study, and coverage means little unless the width is reported beside it. The formula is that of
`lmssim.published.new_study`; tau_k is the posterior's column `tau_<family>` (row k modulo rows), else half-normal(0.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from lmssim.errors import InputError
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.published.new_study import Column, NewStudies, study_uniforms
from lmssim.published.predict import Predicted, reader_of
from lmssim.published.readings import NOT_COMPUTABLE, NOT_READ
from lmssim.published.score import UNKNOWN, Score
from lmssim.published.series import is_time

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Series
    from lmssim.model.scenario import Scenario
    from lmssim.published.readings import Reading

TAU_SCALE = 0.5
"""Scale of the half-normal between-study SD where the posterior has none."""
LEAST_PATIENTS = 10
"""Fewest simulated patients, on average, from whom a target is computable."""
COLUMNS = (
    "target_id",
    "observed",
    "predicted",
    "low",
    "high",
    "inside",
    "reading",
    "study",
    "outcome",
    "statistic",
    "time_years",
    "n",
    "published_low",
    "published_high",
    "counted",
    "family",
    "width_ratio",
    "log_score",
    "log_score_reference",
)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Published targets beside predictions."""

    scenario: Scenario
    frame: pd.DataFrame
    """One row per target, columns `COLUMNS`, in the paper's own terms; blank where it is not computable. `low` and
    `high` are the 95% interval for a new study; `width_ratio` is its width over that of sampling alone (on the log
    scale for times); `log_score` is that of `lmssim.published.score`, beside that of its reference."""
    errors: pd.DataFrame
    """One row per counted target: study, kind (share with the event, or `log_time`), observed, predicted."""
    draws: int
    patients: int
    seed: int
    tau: dict[str, str]
    """Where the between-study SD of each family comes from."""
    refused: tuple[str, ...] = ()
    """Why rows of the table cannot be read; each stands in the frame too."""
    other_sites: int = 0
    """Rows of other sites, which are left out of the frame."""

    @property
    def summary(self) -> dict[str, Any]:
        """Counts, share inside and mean errors.

        `bias` is the calibration in the large: mean of observed minus predicted, its standard error clustered by study.
        """
        counted = self.frame[self.frame["counted"] & self.frame["inside"].notna()]
        inside = counted["inside"].astype(float)
        result: dict[str, Any] = {
            "targets": len(self.frame),
            "computed": int(self.frame["inside"].notna().sum()),
            "not_computable": int(self.frame["inside"].isna().sum()) - len(self.refused),
            "refused": len(self.refused),
            "other_sites": self.other_sites,
            "counted": len(counted),
            "studies": int(counted["study"].nunique()),
            "inside": int(inside.sum()),
            "share_inside": float(inside.mean()) if len(inside) else None,
            "median_width_ratio": _median(counted["width_ratio"]),
            "mean_log_score": _mean(counted["log_score"]),
            "mean_log_score_reference": _mean(counted["log_score_reference"]),
        }
        for kind in ("share", "log_time"):
            own = self.errors[self.errors["kind"] == kind]
            difference = own["observed"] - own["predicted"]
            result[kind] = {
                "targets": len(own),
                "mean_absolute_error": float(difference.abs().mean()) if len(own) else None,
                "bias": float(difference.mean()) if len(own) else None,
                "bias_se": clustered_error(difference.to_numpy(), own["study"].to_numpy()),
            }
        return result

    def to_frame(self) -> pd.DataFrame:
        """The targets."""
        return self.frame


def _median(values: pd.Series[float]) -> float | None:
    known = values.dropna()
    return float(known.median()) if len(known) else None


def _mean(values: pd.Series[float]) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def clustered_error(differences: FloatArray, studies: np.ndarray[Any, Any]) -> float | None:
    """Standard error of a mean whose terms go together within a study; None of fewer than two studies."""
    names = pd.unique(studies)
    if len(names) < 2:
        return None
    centred = differences - differences.mean()
    sums = np.array([centred[studies == name].sum() for name in names])
    return float(np.sqrt(np.sum(sums**2) * len(names) / (len(names) - 1)) / len(differences))


def validate(
    scenario: Scenario,
    readings: Sequence[Reading],
    draws: int = 400,
    patients: int = 2000,
    seed: int = 1,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Validation:
    """Predict targets for new studies, and compare.

    Parameters
    ----------
    scenario : Scenario
        The model, with its parameter distributions.
    readings : sequence of Reading
        Targets and how each is computed.
    draws : int
        Parameter draws.
    patients : int
        Simulated patients a draw.
    seed : int
        Key of all random numbers.
    jobs : int
        Worker threads; no result depends on their number.
    progress : callable, optional
        Called with (draws done, draws in all).

    Raises
    ------
    InputError
        If a number is out of range, or there is nothing to compare.
    """
    left_out = sum(reading.other_site for reading in readings)
    readings = [reading for reading in readings if not reading.other_site]
    _check(readings, draws, patients)
    computable = [k for k, reading in enumerate(readings) if reading.series is not None]
    rows: list[dict[str, Any]] = [_blank(reading) for reading in readings]
    errors: list[dict[str, Any]] = []
    families = sorted({readings[k].family for k in computable})
    if computable:
        compile_scenario(scenario)  # what is wrong with the scenario is no fault of a row
        work = partial(_predict, scenario, draws=draws, patients=patients, seed=seed, jobs=jobs, progress=progress)
        found = _columns(work, [readings[k] for k in computable])
        taus = {family: between_study(scenario, family, draws, seed) for family in families}
        for k, (reading, column) in zip(computable, found, strict=True):
            if column is None:
                readings[k], rows[k] = reading, _blank(reading)
            else:
                _compare(rows[k], errors, reading, column, taus[reading.family][0], seed)
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)  # so that what is missing stays None
    frame = frame.astype(dict.fromkeys(FLOATS, "float64") | {"counted": bool})
    return Validation(
        scenario=scenario,
        frame=frame,
        errors=pd.DataFrame(errors, columns=["study", "kind", "observed", "predicted"]),
        draws=draws,
        patients=patients,
        seed=seed,
        tau={family: taus[family][1] for family in families},
        refused=tuple(reading.text for reading in readings if reading.refused),
        other_sites=left_out,
    )


MOST_DRAWS, MOST_PATIENTS = 100_000, 10_000_000
FLOATS = ("observed", "predicted", "low", "high", "published_low", "published_high", "width_ratio", *Score._fields)


def _check(readings: Sequence[Reading], draws: int, patients: int) -> None:
    if not readings:
        raise InputError("validate: there is no target to compare.")
    if draws < 20:
        raise InputError(f"draws: {draws} are too few for a 95% interval; at least 20 are needed.")
    if patients < 100:
        raise InputError(f"patients: {patients} are too few to compute a target; at least 100 are needed.")
    if draws > MOST_DRAWS or patients > MOST_PATIENTS:
        raise InputError(
            f"draws: {draws:,} of {patients:,} patients are too many; at most {MOST_DRAWS:,} of {MOST_PATIENTS:,}."
        )


def _blank(reading: Reading) -> dict[str, Any]:
    """Row of a target before it is compared."""
    return {
        "target_id": reading.target_id,
        "observed": reading.observed,
        "inside": None,
        "reading": reading.text,
        "study": reading.study,
        "outcome": reading.outcome,
        "statistic": reading.statistic,
        "time_years": reading.time_years,
        "n": reading.n,
        "published_low": reading.low,
        "published_high": reading.high,
        "counted": False,
        "family": reading.family,
    }


def _columns(
    predict: Callable[[Sequence[Reading]], Predicted], readings: Sequence[Reading]
) -> list[tuple[Reading, Column | None]]:
    """Each reading with its prediction; one that cannot be computed is refused, and found by halving."""
    try:
        predicted = predict(readings)
    except InputError as error:
        if len(readings) == 1:
            said = re.sub(r"^.*series\.targets [0-9]+\.[0-9]+:", "", str(error))
            return [(replace(readings[0], refused=True, counted=False, text=f"{NOT_READ}{said}"), None)]
        half = len(readings) // 2
        return _columns(predict, readings[:half]) + _columns(predict, readings[half:])
    return [(reading, Column.of(predicted, k)) for k, reading in enumerate(readings)]


def _predict(
    scenario: Scenario,
    readings: Sequence[Reading],
    draws: int,
    patients: int,
    seed: int,
    jobs: int,
    progress: Callable[[int, int], None] | None,
) -> Predicted:
    """Every target in every draw, columns in the order of the readings."""
    series, order = _joined(readings)
    mixes = {name: strategy for reading in readings for name, strategy in reading.strategies.items()}
    update = {"series": series, "strategies": scenario.file.strategies | mixes}
    read = replace(scenario, file=scenario.file.model_copy(update=update))
    values = sample_parameters(scenario.table, scenario.groups, draws, seed)
    found = reader_of(read, list(series)).predict(values, patients, seed, jobs=jobs, progress=progress)
    column = np.argsort(order)
    return Predicted(*(getattr(found, field.name)[:, column] for field in fields(Predicted)))


def _joined(readings: Sequence[Reading]) -> tuple[dict[str, Series], list[int]]:
    """Series of the readings, those of the same patients joined, and the reading of each of their rows in turn."""
    alike: dict[str, list[int]] = {}
    specs = [reading.series for reading in readings if reading.series is not None]
    for k, spec in enumerate(specs):
        alike.setdefault(spec.model_dump_json(exclude={"label", "source_id", "rows"}), []).append(k)
    series: dict[str, Series] = {}
    for members in alike.values():
        rows = [specs[k].rows[0].model_copy(update={"target": f"{k + 1}:{readings[k].target_id}"}) for k in members]
        series[f"targets {len(series) + 1}"] = specs[members[0]].model_copy(update={"rows": rows})
    return series, [k for members in alike.values() for k in members]


def between_study(scenario: Scenario, family: str, draws: int, seed: int) -> tuple[FloatArray, str]:
    """Between-study SD of a family by draw, (draws,), and where it comes from."""
    column = f"tau_{family}"
    for name, group in scenario.groups.items():
        if group.kind == "posterior" and group.file is not None and column in column_names(group.file):
            (values,) = read_columns(group.file, [column])
            return values[np.arange(draws) % len(values)], f"posterior of group {name}"
    u = study_uniforms(f"tau/{family}", 0, draws, seed)
    return TAU_SCALE * special.ndtri(0.5 + 0.5 * u), f"half-normal({TAU_SCALE:g}), assumed"


# === One target ===


def _compare(
    row: dict[str, Any], errors: list[dict[str, Any]], reading: Reading, column: Column, tau: FloatArray, seed: int
) -> None:
    """Fill a row, and add the error of a counted target."""
    assert reading.series is not None
    spec = reading.series.rows[0]
    n_known = int(column.known.sum())
    if 2 * n_known < len(column.known) or column.patients.mean() < LEAST_PATIENTS:
        row["reading"] = f"{NOT_COMPUTABLE}too few simulated patients; {reading.text}"
        return
    n, is_effective = (spec.n, False) if reading.effective is None else (reading.effective, True)
    new = NewStudies(reading.study, reading.family, reading.target_id, n, spec.n, is_effective, tau[column.known], seed)
    timed = is_time(spec.statistic)
    found = new.of_a_row(column, spec)
    if not timed and (reading.without or spec.statistic == "km_survival"):
        found = found.turned()
    predicted, low, high = found.predicted, found.low, found.high
    row |= {"predicted": predicted, "low": low, "high": high, "width_ratio": found.width_ratio}
    row["counted"] = reading.counted
    row["inside"] = _is_inside(reading, predicted, low, high)
    row |= (UNKNOWN if reading.observed is None else found.score(reading.observed))._asdict()
    if reading.counted:
        errors += _error(reading, spec.statistic, predicted)


def _is_inside(reading: Reading, predicted: float, low: float, high: float) -> bool:
    """Whether the observed value lies in the interval, or the prediction in the published range."""
    if reading.observed is not None:
        return bool(low - 1e-9 <= reading.observed <= high + 1e-9)
    least = -np.inf if reading.low is None else reading.low
    most = np.inf if reading.high is None else reading.high
    return bool(least <= predicted <= most)


def _error(reading: Reading, statistic: str, predicted: float) -> list[dict[str, Any]]:
    """Observed and predicted as a share with the event or a log time; none for a time of 0 or infinity."""
    assert reading.observed is not None
    pair = (reading.observed, predicted)
    if is_time(statistic):
        if not all(0.0 < x < np.inf for x in pair):
            return []
        kind, pair = "log_time", (float(np.log(pair[0])), float(np.log(pair[1])))
    else:
        flipped = reading.without or statistic == "km_survival"
        kind, pair = "share", (1.0 - pair[0], 1.0 - pair[1]) if flipped else pair
    return [{"study": reading.study, "kind": kind, "observed": pair[0], "predicted": pair[1]}]
