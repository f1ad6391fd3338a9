"""The battery of `lmssim verify` for a terminal and as a page: failures first, each with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import MISSING
from lmssim.report.parts.page import write_study_page
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.studies.verify.finding import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from lmssim.studies.verify.battery import Battery, Result
    from lmssim.studies.verify.finding import Finding

STYLES = {Status.FAILED: "bold red", Status.WARNING: "yellow", Status.PASSED: "green", Status.NOT_APPLICABLE: "dim"}
TITLES = {
    Status.FAILED: "Failed",
    Status.WARNING: "Warnings",
    Status.PASSED: "Passed",
    Status.NOT_APPLICABLE: "Not applicable",
}
COLUMNS = ("check", "what must hold", "observed", "expected", "where", "compared")
STATED = ("check", "section", "what it compares", "true of")
NUMBERS = (
    "The engine that simulates patients against the exact engine, on the same few people. `allowed` is the largest "
    "difference that chance, steps of the exact solution and rounding explain."
)
CLAIMS = (
    "Each number in the label of a switch's option, and what the model gives with that option. `tolerance` is half a "
    "unit of the last digit that is printed, and for an outcome twice its Monte-Carlo error."
)
ROUNDING = 1e-8
"""Relative tolerance up to which it is that of rounding, and not worth a reader's while."""
RELATIONS = {"equal to": "", "at most": "at most ", "at least": "at least "}


def battery_table(battery: Battery) -> Table:
    """Checks that failed or warn, then those that passed, then those not applicable, one line each.

    Returns
    -------
    rich.table.Table
        With the counts as its caption.
    """
    table = plain_table(battery.summary)
    for heading in ("Status", "Check", "Observed", "Expected", "Where"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Status", "Check"))
    for r in ordered(battery.results):
        where = r.finding.place if r.finding.status != Status.PASSED else ""
        note = f" ({r.finding.note})" if where else r.finding.note
        texts = (name_of(battery, r), observed_text(r.finding), expected_text(r.finding), where + note)
        table.add_row(Text(str(r.finding.status), style=STYLES[r.finding.status]), *(Text(t) for t in texts))
    return table


def scores_table(battery: Battery, name: str) -> Table:
    """Z-scores behind a check of agreement: a line per outcome, a column per strategy."""
    frame = battery.tables[name]
    strategies = list(dict.fromkeys(frame["strategy"]))
    scores = dict(zip(zip(frame["outcome"], frame["strategy"], strict=True), frame["z"], strict=True))
    table = plain_table()
    table.title = f"z-scores, {name}"
    table.add_column("Outcome", no_wrap=True)
    for strategy in strategies:
        table.add_column(strategy, justify="right")
    for outcome in dict.fromkeys(frame["outcome"]):
        known = [scores.get((outcome, s)) for s in strategies]
        table.add_row(outcome, *(MISSING if z is None else f"{z:.2f}" for z in known))
    return table


def ordered(results: Sequence[Result]) -> list[Result]:
    """Failures first, then warnings, then the rest, each in the order of the battery."""
    return sorted(results, key=lambda r: list(Status).index(r.finding.status))


def name_of(battery: Battery, result: Result) -> str:
    """Id of a check, with the engine if there are several."""
    several = len({r.engine for r in battery.results}) > 1
    return f"{result.check.id} ({result.engine})" if several else result.check.id


def observed_text(finding: Finding) -> str:
    """What was observed."""
    return _text(finding.observed)


def expected_text(finding: Finding) -> str:
    """What was expected, and the tolerance."""
    if finding.expected is None:
        return MISSING
    slack = finding.tolerance or 0.0
    shown = not isinstance(finding.expected, float) or slack > ROUNDING * max(abs(finding.expected), 1.0)
    margin = f" ± {slack:.2g}" if slack > 0.0 and shown else ""
    return f"{RELATIONS[finding.relation]}{_text(finding.expected)}{margin}"


def _text(value: float | str | None) -> str:
    return MISSING if value is None else value if isinstance(value, str) else f"{value:.6g}"


# === Page ===


def write_verify_report(battery: Battery, folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write `verify.html`: one file that needs no network and no script.

    Parameters
    ----------
    folder : Path
        Where.
    manifest : mapping
        What was run, printed at the end.
    """
    return write_study_page(
        folder / "verify.html",
        report_tables(battery),
        title=f"Verification: {battery.scenario.file.title}",
        question=f"Do the results of scenario '{battery.scenario.name}' follow its inputs as they must?",
        answer=_answer(battery),
        manifest=manifest,
    )


def _answer(battery: Battery) -> list[str]:
    sentences = [f"{battery.summary}, with {battery.sampling.n_patients:,} patients, seed {battery.sampling.seed}."]
    return sentences + [
        f"{name_of(battery, r)} {'fails' if r.finding.status == Status.FAILED else 'warns'}: {r.check.title}. Observed "
        f"{observed_text(r.finding)}, expected {expected_text(r.finding)}"
        f"{f', at {r.finding.place}' if r.finding.place else ''}."
        for r in ordered(battery.results)
        if r.finding.status in (Status.FAILED, Status.WARNING)
    ]


def report_tables(battery: Battery) -> list[ReportTable]:
    """A table for each status, then the numbers behind checks."""
    tables = []
    for status in Status:
        rows = [_row(battery, r) for r in battery.results if r.finding.status == status]
        if rows and status == Status.NOT_APPLICABLE:
            frame = pd.DataFrame(rows, columns=list(COLUMNS))[["check", "what must hold", "compared"]]
            frame = frame.rename(columns={"compared": "reason"})
            caption = "Checks that do not apply to this model, and checks that lmssim does not make."
            tables.append(ReportTable(TITLES[status], caption, frame))
        elif rows:
            caption = "One number of each check: the one that fails worst or, if all hold, the one nearest to failing."
            tables.append(ReportTable(TITLES[status], caption, pd.DataFrame(rows, columns=list(COLUMNS))))
    tables.append(_stated(battery))
    for name, frame in battery.tables.items():
        shown = frame.copy()
        for column in frame.select_dtypes("number").columns:
            shown[column] = [f"{value:.6g}" for value in frame[column]]
        tables.append(ReportTable(f"Numbers behind {name}", NUMBERS if "z" in frame else CLAIMS, shown))
    return tables


def _stated(battery: Battery) -> ReportTable:
    """What each check compares, and of which engines it is true."""
    made = {r.check.id: r.check for r in battery.results if not r.check.awaited}
    rows = [(c.id, c.section, c.compares, str(c.scope)) for c in made.values()]
    return ReportTable(
        "What each check compares", "And of which engines it is true.", pd.DataFrame(rows, columns=STATED)
    )


def _row(battery: Battery, r: Result) -> tuple[str, ...]:
    f = r.finding
    return (
        name_of(battery, r),
        r.check.title,
        observed_text(f),
        expected_text(f),
        f.place or MISSING,
        f.note,
    )
