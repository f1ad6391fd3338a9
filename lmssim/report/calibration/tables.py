"""Tables of a calibration: targets beside the model, quantities, conflicts, diagnostics, how targets are computed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.published.score import MEANING
from lmssim.published.series import is_time
from lmssim.report.calibration.posterior import quantity_labels
from lmssim.report.parts.digits import MISSING, amount, plain
from lmssim.report.parts.labels import named, short
from lmssim.report.parts.table import ReportTable
from lmssim.studies.calibration.result import observed_interval

if TYPE_CHECKING:
    from lmssim.studies.calibration.result import Calibration

LEAST_P = 0.05
"""Posterior predictive p-value below which, or above one minus which, a target is in conflict."""
FITTED, HELD_OUT, CHECK = "Fitted", "Held out", "Compared only"
ROLES = (FITTED, HELD_OUT, CHECK)
NO_BREAK, NO_BREAK_HYPHEN = "\u00a0", "\u2011"


def each_row(frame: pd.DataFrame) -> list[Any]:
    """Rows with their columns as attributes."""
    return list(frame.itertuples(index=False))


def role_of(row: Any) -> str:
    """What a target was used for."""
    return CHECK if row.role != "fit" else HELD_OUT if row.held_out else FITTED


def left_out_targets(calibration: Calibration) -> pd.DataFrame:
    """Targets predicted without their cohort, with their names and sizes."""
    names = ["target_id", "label", "study", "statistic", "n"]
    own = [c for c in ("observed_low", "observed_high") if c in calibration.fit and c not in calibration.left_out]
    known = calibration.fit[[*names, *own]].drop_duplicates("target_id")
    frame = calibration.left_out.merge(known, on="target_id", how="left")
    frame["label"] = frame["label"].fillna(frame["target_id"])
    return frame.fillna({"study": "", "statistic": ""})


def target_name(row: Any, longest: int = 1000) -> str:
    """Study, target and number of patients; the text before the number is cut to a length in all."""
    study = f"{row.study}: " if row.study and not row.label.startswith(row.study) else ""
    size = f" (n {plain(row.n)})" if math.isfinite(row.n) else ""
    return f"{short(f'{study}{row.label}', longest - len(size))}{size}"


# === Conflicts ===


def conflicts(calibration: Calibration) -> list[dict[str, str]]:
    """Targets that the fit misses, studies that others do not predict, pairs, effects that the targets would move."""
    found = []
    for row in each_row(calibration.fit):
        if row.role == "fit" and (row.p_value < LEAST_P or row.p_value > 1.0 - LEAST_P):
            text = f"p {p_text(row.p_value)}; observed {value_text(row.observed, row)}, model {interval_text(row)}"
            found.append(_conflict(f"{role_of(row)} target", target_name(row), text))
    for row in each_row(left_out_targets(calibration)):
        if row.inside is not pd.NA and not row.inside:
            text = f"observed {value_text(row.observed, row)}, predicted without its study {interval_text(row)}"
            found.append(_conflict("Study left out", target_name(row), text))
    for row in each_row(calibration.pairs):
        if row.conflict:
            text = f"{row.z:+.1f} standard errors apart: both cannot hold in one setting"
            found.append(_conflict("Pair of targets", f"{row.target_id} and {row.other_id}", text))
    for row in each_row(calibration.shifts):
        if row.conflict or abs(row.shift) > 1.0:
            text = f"targets would move it by {row.shift:+.2f} prior standard deviations; it keeps its own evidence"
            found.append(_conflict("Given parameter", row.id, text))
    return found


def _conflict(kind: str, what: str, how: str) -> dict[str, str]:
    return {"Kind": kind, "What": what, "How far": how}


def value_text(value: float, row: Any) -> str:
    """A value with its unit."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:.2f} y" if is_time(row.statistic) else f"{100.0 * value:.1f}%"


def interval_text(row: Any) -> str:
    """The model's value and its 95% interval."""
    return f"{value_text(row.predicted, row)} ({range_text(row.low, row.high, row)})"


def range_text(low: float, high: float, row: Any) -> str:
    """An interval with its unit."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{value_text(low, row).removesuffix('%').removesuffix(' y')} to {value_text(high, row)}"


# === Tables ===


def report_tables(calibration: Calibration) -> dict[str, ReportTable]:
    """Every table of the report by name, without empty ones."""
    made = {
        "free": _free_table(calibration),
        "not_informed": _not_informed_table(calibration),
        "conflicts": _conflict_table(calibration),
        **{f"fit_{i}": _fit_table(calibration, role) for i, role in enumerate(ROLES)},
        "left_out": _left_out_table(calibration),
        "tau": _tau_table(calibration),
        "shifts": _shift_table(calibration),
        "diagnostics": _diagnostics_table(calibration),
        "convergence": _convergence_table(calibration),
        "emulator": _emulator_table(calibration),
        "priors": _prior_table(calibration),
        "readings": _reading_table(calibration),
    }
    return {name: _unbroken(table) for name, table in made.items() if not table.frame.empty}


def _unbroken(table: ReportTable) -> ReportTable:
    """The table with intervals that are not broken over lines."""
    intervals = [column for column in map(str, table.frame) if column.endswith("95%")]
    whole = {column: table.frame[column].str.replace(" ", NO_BREAK) for column in intervals}
    return ReportTable(table.title, table.caption, table.frame.assign(**whole))


def _fit_table(calibration: Calibration, role: str) -> ReportTable:
    fit = calibration.fit
    rows = [row for row in each_row(fit) if role_of(row) == role]
    caption = {
        FITTED: "Targets of the likelihood.",
        HELD_OUT: "Targets of cohorts that are held out by a rule written before the first fit.",
        CHECK: "Inputs of the model, totals of fitted targets, other populations, or patients who are counted already.",
    }[role]
    caption += (
        " Own 95%: the study's own interval. Width: the predicted interval as a multiple of that interval. p: "
        "posterior predictive p-value; by chance a tenth of the targets lie below 0.05 or above 0.95. "
        f"{MEANING}"
    )
    known = [row.inside for row in rows if row.inside is not pd.NA]
    title = f"{role}: {sum(known)} of {len(known)} inside" if known else role
    chosen = np.array([role_of(row) == role for row in each_row(fit)], dtype=bool)
    return ReportTable(title, caption, _compared(fit[chosen], p=True))


def _compared(frame: pd.DataFrame, *, p: bool) -> pd.DataFrame:
    """Observed values beside predicted ones."""
    rows = []
    own_low, own_high = observed_interval(frame)
    for row, low, high in zip(each_row(frame), own_low, own_high, strict=True):
        shown = {
            "Target": row.label,
            "Study": row.study,
            "n": row.n,
            "Observed": value_text(row.observed, row),
            "Own 95%": range_text(float(low), float(high), row),
            "Model": value_text(row.predicted, row),
            "Model 95%": range_text(row.low, row.high, row),
            "Inside": answer_text(row.inside),
            "Width": MISSING if math.isnan(row.width_ratio) else f"{row.width_ratio:.2f}",
        }
        shown |= _scores(row) if "log_score" in frame else {}
        p_value = {"p": p_text(row.p_value)} if p else {}
        rows.append(shown | p_value)
    return pd.DataFrame(rows)


def _scores(row: Any) -> dict[str, str]:
    return {"Log score": fixed(row.log_score, 2), "Reference": fixed(row.log_score_reference, 2)}


def mean_score_text(frame: pd.DataFrame) -> str:
    """Mean log score of some targets, and of the reference; empty where no score is known."""
    known = frame.dropna(subset=["log_score"]) if "log_score" in frame else frame[:0]
    if known.empty:
        return ""
    return f"{known['log_score'].mean():.2f} (reference {known['log_score_reference'].mean():.2f})"


def p_text(p: float) -> str:
    """A p-value to three decimal places."""
    return MISSING if math.isnan(p) else "<0.001" if p < 0.0005 else ">0.999" if p > 0.9995 else f"{p:.3f}"


def answer_text(inside: Any) -> str:
    """Yes, or a no in capitals."""
    return MISSING if inside is pd.NA else "yes" if inside else "NO"


def _left_out_table(calibration: Calibration) -> ReportTable:
    caption = f"Each target predicted by a fit without its cohort. Own 95% and width as above. {MEANING}"
    return ReportTable("Each study predicted without it", caption, _compared(left_out_targets(calibration), p=False))


def _free_table(calibration: Calibration) -> ReportTable:
    rows = [
        {
            "Quantity": quantity_text(row),
            "Prior mean": short_number(row.prior_mean),
            "Prior 95%": span_text(row.prior_low, row.prior_high),
            "Posterior mean": short_number(row.mean),
            "Posterior 95%": span_text(row.low, row.high),
            "Base case": short_number(row.central),
            "Highest density": short_number(row.map),
            "Contraction": fixed(row.contraction, 2),
            "Informed": answer_text(row.informed),
        }
        for row in each_row(calibration.free)
    ]
    caption = "The fitted quantities. Contraction: share of the prior's variance that the targets remove."
    return ReportTable("Free quantities: prior and posterior", caption, pd.DataFrame(rows))


def quantity_text(row: Any) -> str:
    """Label, unit and id of a free quantity."""
    unit = f", {row.unit}" if row.unit else ""
    return f"{named(row.label, row.id)}{unit} [{row.id}]"


def short_number(value: float) -> str:
    """Three significant digits: the Monte-Carlo error of a chain leaves no more."""
    return plain(float(f"{value:.3g}")) if math.isfinite(value) else MISSING


def span_text(low: float, high: float) -> str:
    """An interval of a quantity."""
    return f"{short_number(low)} to {short_number(high)}"


def fixed(value: float, places: int) -> str:
    """A number with so many decimal places."""
    return f"{value:,.{places}f}" if math.isfinite(value) else MISSING


def _not_informed_table(calibration: Calibration) -> ReportTable:
    blind = calibration.free[~calibration.free["informed"]]
    rows = [
        {
            "Quantity": quantity_text(row),
            "Contraction": fixed(row.contraction, 2),
            "Prior 95%": span_text(row.prior_low, row.prior_high),
            "Posterior 95%": span_text(row.low, row.high),
        }
        for row in each_row(blind)
    ]
    caption = "The targets say almost nothing about these: results that depend on them depend on their priors."
    return ReportTable("Not informed by the targets", caption, pd.DataFrame(rows))


def _conflict_table(calibration: Calibration) -> ReportTable:
    caption = (
        f"Targets with a posterior predictive p-value below {LEAST_P:g} or above {1 - LEAST_P:g} (a tenth of all by "
        "chance), targets that the other studies do not predict, pairs of published results that cannot both hold in "
        "one setting, and given parameters that the targets would move by more than one prior standard deviation."
    )
    return ReportTable("Conflicts", caption, pd.DataFrame(conflicts(calibration)))


def _tau_table(calibration: Calibration) -> ReportTable:
    labels, known = quantity_labels(calibration), set(calibration.free["id"])
    rows = []
    for name in (q for q in calibration.quantities() if q not in known):
        low, high = np.quantile(calibration.chain[name], [0.025, 0.975])
        mean = short_number(float(calibration.chain[name].mean()))
        rows.append({"Quantity": labels[name], "Mean": mean, "95%": span_text(low, high)})
    caption = "Standard deviation between studies on the complementary log-log scale, with a half-normal prior."
    return ReportTable("Differences between studies", caption, pd.DataFrame(rows))


def _shift_table(calibration: Calibration) -> ReportTable:
    rows = [
        {
            "Given parameter": row.id,
            "Prior mean": short_number(row.prior_mean),
            "Prior sd": short_number(row.prior_sd),
            "Shift, prior sd": f"{row.shift:+.2f}" if math.isfinite(row.shift) else MISSING,
            "Conflict": "YES" if row.conflict else "no",
        }
        for row in each_row(calibration.shifts)
    ]
    caption = "Effects keep the evidence of their trials. Shift: how far the targets would move them if they could."
    return ReportTable("Given parameters", caption, pd.DataFrame(rows))


NAMES = {
    "converged": "Converged",
    "reasons": "Why not",
    "n_ensembles": "Ensembles",
    "n_walkers": "Walkers per ensemble",
    "n_steps": "Steps",
    "burn_in": "of which burn-in",
    "acceptance": "Acceptance by ensemble",
    "max_r_hat": "Largest R-hat",
    "min_ess": "Smallest effective size",
    "seconds": "Seconds",
    "evaluations": "Evaluations of the model",
}


def _diagnostics_table(calibration: Calibration) -> ReportTable:
    found = calibration.diagnostics
    rows = [{"Measure": NAMES[key], "Value": _words(key, found[key])} for key in NAMES if key in found]
    rows = [row for row in rows if row["Value"]]
    caption = (
        "R-hat is rank-normalised, between ensembles with dispersed starts; it must be below 1.02. Effective sizes "
        "must be above 400."
    )
    return ReportTable("Diagnostics", caption, pd.DataFrame(rows))


def _words(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_words(key, item) for item in value)
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, int | float):
        places = {"max_r_hat": 3, "acceptance": 2, "seconds": 0, "min_ess": 0}.get(key)
        return amount(value) if places is None else f"{value:,.{places}f}"
    return str(value)


def _convergence_table(calibration: Calibration) -> ReportTable:
    rows = [
        {
            "Quantity": quantity_text(row),
            f"R{NO_BREAK_HYPHEN}hat": fixed(row.r_hat, 3),
            "Effective size, bulk": fixed(row.ess_bulk, 0),
            "Effective size, tail": fixed(row.ess_tail, 0),
            "Autocorrelation time, steps": fixed(row.tau_int, 1),
        }
        for row in each_row(calibration.free)
    ]
    caption = "R-hat and effective sizes as ArviZ defines them, over all ensembles after burn-in."
    return ReportTable("Convergence of each quantity", caption, pd.DataFrame(rows))


def _emulator_table(calibration: Calibration) -> ReportTable:
    names = dict(zip(calibration.fit["target_id"], each_row(calibration.fit), strict=True))
    rows = [
        {
            "Target": target_name(names[row.target_id]) if row.target_id in names else row.target_id,
            "Error in the likelihood": fixed(row.sd, 4),
            "Error at checks": fixed(row.check_rmse, 4),
            "Checks": row.check_n,
        }
        for row in each_row(calibration.emulator)
    ]
    caption = (
        "Standard deviations on the complementary log-log scale. The emulator replaces the model during sampling; the "
        "predictions above are runs of the model itself."
    )
    return ReportTable("Error of the emulator", caption, pd.DataFrame(rows))


def _prior_table(calibration: Calibration) -> ReportTable:
    """Priors without a source; all priors where the kinds are not stated."""
    free = calibration.free
    assumed = free[free["kind"].isin(["assumed", ""])] if "kind" in free else free
    rows = [
        {
            "Quantity": quantity_text(row),
            "Distribution": (getattr(row, "distribution", "") or MISSING).replace("_", "-"),
            "Mean": short_number(row.prior_mean),
            "95%": span_text(row.prior_low, row.prior_high),
            "Why": getattr(row, "reason", "") or MISSING,
        }
        for row in each_row(assumed)
    ]
    return ReportTable("Assumed priors", "Priors without a published source.", pd.DataFrame(rows))


def _reading_table(calibration: Calibration) -> ReportTable:
    rows = [
        {
            "Target": row.label,
            "Study": row.study,
            "Id": row.target_id,
            "Cohort": row.cohort_id,
            "Use": role_of(row).lower(),
            "Computed as": row.reading or MISSING,
            "Why": row.reason or MISSING,
        }
        for row in each_row(calibration.fit)
    ]
    caption = "How the model computes each target, and why the target was used so."
    return ReportTable("How each target is computed", caption, pd.DataFrame(rows))
