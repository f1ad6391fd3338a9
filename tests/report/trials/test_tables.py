"""What a reader sees of a design: no column that says nothing, errors that are not rounded to 0."""

from __future__ import annotations

from lmssim.report.trials.design import design_figures
from lmssim.report.trials.tables import p_text, report_tables, shown_frame
from lmssim.trials.planning.plan import plan_of

TRIAL = {
    "trial": {"looks": 3},
    "endpoint": {"hazard_ratio": [0.7]},
    "control": {"median": 12.0},
    "accrual": {"duration": 24},
    "timing": {"study_duration": 40},
}


def test_only_what_a_design_has_is_shown() -> None:
    """No futility, no average hazard ratio where one hazard ratio holds."""
    plain = shown_frame(plan_of(TRIAL))
    assert "Futility Z" not in plain
    assert "Average HR" not in plain
    assert "Efficacy HR" in plain
    changing = {**TRIAL, "endpoint": {"hazard_ratio": [1.0, 0.6], "hazard_ratio_starts": [0.0, 6.0]}}
    stopping = {**changing, "futility": {"rule": "z", "z": [0.0, 0.5]}}
    assert {"Average HR", "Futility Z", "Futility HR"} <= set(shown_frame(plan_of(stopping)))


def test_small_errors_are_not_0() -> None:
    """They are written with an exponent."""
    assert p_text(5.4e-7) == "5.4e-07"
    assert p_text(0.025) == "0.0250"


def test_pages_hold_tables_and_figures() -> None:
    """Of bounds alone, and of a trial."""
    alone, trial = plan_of({"trial": {"looks": 2, "sides": 2, "alpha": 0.05}}), plan_of(TRIAL)
    assert [table.title for table in report_tables(alone)] == ["Bounds by look", "The plan"]
    assert len(report_tables(trial)) == 3
    assert list(design_figures(alone)) == ["bounds"]
    assert set(design_figures(trial)) == {"bounds", "course", "over_time", "survival"}
