"""Tables of a calibration: published figures beside the model, quantities, conflicts, diagnostics and readings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.report.calibration.posterior import quantity_labels
from lmssim.report.parts.digits import MISSING, amount, plain
from lmssim.report.parts.labels import readable, short
from lmssim.report.parts.table import ReportTable
from lmssim.studies.calibration.result import is_time, observed_interval

if TYPE_CHECKING:
    from lmssim.studies.calibration.result import Calibration

LEAST_P = 0.05
"""Posterior predictive p-value below which, or above one less which, a figure is in conflict."""
FITTED, HELD_OUT, CHECK = "Fitted", "Held out", "Compared only"
ROLES = (FITTED, HELD_OUT, CHECK)
NO_BREAK, NO_BREAK_HYPHEN = "\u00a0", "\u2011"


def each_row(frame: pd.DataFrame) -> list[Any]:
    """Rows with their columns as attributes."""
    return list(frame.itertuples(index=False))


def role_of(row: Any) -> str:
    """What a figure was used for."""
    return CHECK if row.role != "fit" else HELD_OUT if row.held_out else FITTED


def left_out_figures(calibration: Calibration) -> pd.DataFrame:
    """Figures predicted without their cohort, with their names and sizes."""
    names = ["target_id", "label", "study", "statistic", "n"]
    own = [c for c in ("observed_low", "observed_high") if c in calibration.fit and c not in calibration.left_out]
    known = calibration.fit[[*names, *own]].drop_duplicates("target_id")
    frame = calibration.left_out.merge(known, on="target_id", how="left")
    frame["label"] = frame["label"].fillna(frame["target_id"])
    return frame.fillna({"study": "", "statistic": ""})


def figure_name(row: Any, longest: int = 1000) -> str:
    """Study, what was observed and in how many, cut before the number to at most so many characters."""
    study = f"{row.study}: " if row.study and not row.label.startswith(row.study) else ""
    size = f" (n {plain(row.n)})" if math.isfinite(row.n) else ""
    return f"{short(f'{study}{row.label}', longest - len(size))}{size}"


# === Conflicts ===


def conflicts(calibration: Calibration) -> list[dict[str, str]]:
    """Figures that the fit cannot meet, studies that others do not foresee, pairs, effects that series would move."""
    found = []
    for row in each_row(calibration.fit):
        if row.role == "fit" and (row.p_value < LEAST_P or row.p_value > 1.0 - LEAST_P):
            text = f"p {p_text(row.p_value)}; observed {value_text(row.observed, row)}, model {interval_text(row)}"
            found.append(_conflict(f"{role_of(row)} figure", figure_name(row), text))
    for row in each_row(left_out_figures(calibration)):
        if row.inside is not pd.NA and not row.inside:
            text = f"observed {value_text(row.observed, row)}, without its study {interval_text(row)}"
            found.append(_conflict("Study left out", figure_name(row), text))
    for row in each_row(calibration.pairs):
        if row.conflict:
            text = f"{row.z:+.1f} standard errors apart: both are met as different settings alone"
            found.append(_conflict("Pair of figures", f"{row.target_id} and {row.other_id}", text))
    for row in each_row(calibration.shifts):
        if row.conflict or abs(row.shift) > 1.0:
            text = f"series would move it by {row.shift:+.2f} prior standard deviations; it is held at its own evidence"
            found.append(_conflict("Given parameter", row.id, text))
    return found


def _conflict(kind: str, what: str, how: str) -> dict[str, str]:
    return {"Kind": kind, "What": what, "How far": how}


def value_text(value: float, row: Any) -> str:
    """A figure with its unit."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:.2f} y" if is_time(row.statistic) else f"{100.0 * value:.1f}%"


def interval_text(row: Any) -> str:
    """The model's figure and its 95% interval."""
    return f"{value_text(row.predicted, row)} ({range_text(row.low, row.high, row)})"


def range_text(low: float, high: float, row: Any) -> str:
    """An interval of a figure, with its unit."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{value_text(low, row).removesuffix('%').removesuffix(' y')} to {value_text(high, row)}"


# === Tables ===


def report_tables(calibration: Calibration) -> dict[str, ReportTable]:
    """Every table of the report by name; those that would be empty are left out."""
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
    """The table with intervals that no line break may part."""
    intervals = [column for column in map(str, table.frame) if column.endswith("95%")]
    whole = {column: table.frame[column].str.replace(" ", NO_BREAK) for column in intervals}
    return ReportTable(table.title, table.caption, table.frame.assign(**whole))


def _fit_table(calibration: Calibration, role: str) -> ReportTable:
    fit = calibration.fit
    rows = [row for row in each_row(fit) if role_of(row) == role]
    caption = {
        FITTED: "Figures of the likelihood.",
        HELD_OUT: "Figures of cohorts that a rule written before the first fit kept back: the fit never saw them.",
        CHECK: "Figures that are inputs, totals of fitted ones, of other populations, or of patients counted already.",
    }[role]
    caption += (
        " Own 95%: the study's own interval. Width: of the predicted interval, as a multiple of that. p: posterior "
        "predictive; of many figures a tenth lie below 0.05 or above 0.95 by chance."
    )
    known = [row.inside for row in rows if row.inside is not pd.NA]
    title = f"{role}: {sum(known)} of {len(known)} inside" if known else role
    chosen = np.array([role_of(row) == role for row in each_row(fit)], dtype=bool)
    return ReportTable(title, caption, _compared(fit[chosen], p=True))


def _compared(frame: pd.DataFrame, *, p: bool) -> pd.DataFrame:
    """Observed figures beside predicted ones."""
    rows = []
    own_low, own_high = observed_interval(frame)
    for figure, low, high in zip(each_row(frame), own_low, own_high, strict=True):
        shown = {
            "Figure": figure.label,
            "Study": figure.study,
            "n": figure.n,
            "Observed": value_text(figure.observed, figure),
            "Own 95%": range_text(float(low), float(high), figure),
            "Model": value_text(figure.predicted, figure),
            "Model 95%": range_text(figure.low, figure.high, figure),
            "Inside": answer_text(figure.inside),
            "Width": MISSING if math.isnan(figure.width_ratio) else f"{figure.width_ratio:.2f}",
        }
        p_value = {"p": p_text(figure.p_value)} if p else {}
        rows.append(shown | p_value)
    return pd.DataFrame(rows)


def p_text(p: float) -> str:
    """A p-value to three decimal places."""
    return MISSING if math.isnan(p) else "<0.001" if p < 0.0005 else ">0.999" if p > 0.9995 else f"{p:.3f}"


def answer_text(inside: Any) -> str:
    """Yes, or a no that is seen."""
    return MISSING if inside is pd.NA else "yes" if inside else "NO"


def _left_out_table(calibration: Calibration) -> ReportTable:
    caption = "Each figure predicted by a fit without its cohort. Own 95% and width as above."
    return ReportTable("Each study predicted without it", caption, _compared(left_out_figures(calibration), p=False))


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
    caption = "What was fitted. Contraction: share of the prior's variance that the data took away."
    return ReportTable("Free quantities: prior and posterior", caption, pd.DataFrame(rows))


def quantity_text(row: Any) -> str:
    """Label, unit and id of a free quantity."""
    unit = f", {row.unit}" if row.unit else ""
    return f"{row.label or readable(row.id)}{unit} [{row.id}]"


def short_number(value: float) -> str:
    """Three significant digits: a chain leaves no more."""
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
    caption = "The published figures say next to nothing about these: results that depend on them rest on their priors."
    return ReportTable("Not informed by the data", caption, pd.DataFrame(rows))


def _conflict_table(calibration: Calibration) -> ReportTable:
    caption = (
        f"Figures with a posterior predictive p-value below {LEAST_P:g} or above {1 - LEAST_P:g} (a tenth of all by "
        "chance), figures that the other studies do not foresee, and given parameters that the series would move by "
        "more than one prior standard deviation."
    )
    return ReportTable("Conflicts", caption, pd.DataFrame(conflicts(calibration)))


def _tau_table(calibration: Calibration) -> ReportTable:
    labels, known = quantity_labels(calibration), set(calibration.free["id"])
    rows = []
    for name in (q for q in calibration.quantities() if q not in known):
        low, high = np.quantile(calibration.chain[name], [0.025, 0.975])
        mean = short_number(float(calibration.chain[name].mean()))
        rows.append({"Quantity": labels[name], "Mean": mean, "95%": span_text(low, high)})
    caption = "Standard deviation between studies on the complementary log-log scale, half-normal prior."
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
    caption = "Effects keep the evidence of their trials; shift: how far the series would move them if they could."
    return ReportTable("Given parameters", caption, pd.DataFrame(rows))


NAMES = {
    "converged": "Converged",
    "reasons": "Why not",
    "n_ensembles": "Ensembles",
    "n_walkers": "Walkers of each",
    "n_steps": "Steps",
    "burn_in": "of which burn-in",
    "acceptance": "Acceptance by ensemble",
    "max_r_hat": "Largest R-hat",
    "min_ess": "Least effective size",
    "seconds": "Seconds",
    "evaluations": "Evaluations of the likelihood",
}


def _diagnostics_table(calibration: Calibration) -> ReportTable:
    found = calibration.diagnostics
    rows = [{"Measure": NAMES[key], "Value": _words(key, found[key])} for key in NAMES if key in found]
    rows = [row for row in rows if row["Value"]]
    caption = (
        "R-hat is rank-normalised, between ensembles of dispersed starts; bounds: 1.02, and 400 for effective size."
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
    caption = "As ArviZ defines them, over all ensembles after burn-in."
    return ReportTable("Convergence of each quantity", caption, pd.DataFrame(rows))


def _emulator_table(calibration: Calibration) -> ReportTable:
    names = dict(zip(calibration.fit["target_id"], each_row(calibration.fit), strict=True))
    rows = [
        {
            "Figure": figure_name(names[row.target_id]) if row.target_id in names else row.target_id,
            "Error in the likelihood": fixed(row.sd, 4),
            "Error at checks": fixed(row.check_rmse, 4),
            "Checks": row.check_n,
        }
        for row in each_row(calibration.emulator)
    ]
    caption = (
        "Standard deviations on the complementary log-log scale, of what stands in for the model while sampling; "
        "predictions above are of the model itself."
    )
    return ReportTable("Error of the emulator", caption, pd.DataFrame(rows))


def _prior_table(calibration: Calibration) -> ReportTable:
    """Priors that no source gives; all of them where the kinds are not stated."""
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
    return ReportTable("Assumed priors", "No source gives these.", pd.DataFrame(rows))


def _reading_table(calibration: Calibration) -> ReportTable:
    rows = [
        {
            "Figure": row.label,
            "Study": row.study,
            "Target": row.target_id,
            "Cohort": row.cohort_id,
            "Use": role_of(row).lower(),
            "Read as": row.reading or MISSING,
            "Why": row.reason or MISSING,
        }
        for row in each_row(calibration.fit)
    ]
    caption = "How each published figure was read off the model, and why it was used so."
    return ReportTable("How each figure was read", caption, pd.DataFrame(rows))
