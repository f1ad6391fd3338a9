"""The parameters that a result uses, each with its source, and the sources that they cite."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.scenario import population_names
from lmssim.report.parts.digits import plain
from lmssim.report.parts.table import ReportTable
from lmssim.text import cell_text

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.model.parameters.parameter import Parameter

SOURCES = "sources.csv"
MISSING = dict.fromkeys(("doi", "pmid", "year", "design", "n"), "") | {"citation": "not in the table of sources"}
"""Of a source that the table lacks, or that has no such column."""
KINDS = {
    "assumed": ("Assumed parameters", "No source gives these values; each has a reason."),
    "calibrated": ("Calibrated parameters", "Fitted so that the model reproduces published results."),
    "published": ("Published parameters", "As printed in the source."),
    "derived": ("Derived parameters", "Computed from published results, or from other parameters."),
    "definition": ("Definitions", "Constants of the scenario."),
    "": ("Other parameters", "The parameter table does not say where these come from."),
}


def used_parameters(evaluation: Evaluation) -> list[Parameter]:
    """Parameters that the scenario names, and the parameters that their expressions need."""
    scenario = evaluation.scenario
    named = (set(evaluation.program.names.used) | set(population_names(scenario))) & set(scenario.table)
    return list(scenario.table.select(named).values())


def parameter_tables(evaluation: Evaluation) -> list[ReportTable]:
    """A table for each kind of parameter, the assumed first."""
    base = {name: float(value[0]) for name, value in evaluation.scenario.table.base().items()}
    used = used_parameters(evaluation)
    tables = []
    for kind, (title, caption) in KINDS.items():
        rows = [_row(p, base[p.id]) for p in used if p.kind == kind]
        if rows:
            frame = pd.DataFrame(rows)
            blank = [c for c in ("Reason", "Source", "Note") if c in frame and not frame[c].any()]
            tables.append(ReportTable(f"{title} ({len(rows)})", caption, frame.drop(columns=blank)))
    return tables


def _row(p: Parameter, value: float) -> dict[str, str]:
    source = f"{p.source_id}: {p.locator}" if p.source_id and p.locator else p.source_id or p.locator
    return {
        "Parameter": f"{p.description or p.id} [{p.id}]",
        "Value": plain(value),
        "95% interval": interval(p),
        "Unit": p.unit,
        "Source": source,
        "Reason" if p.kind == "assumed" else "Note": p.reason,
    }


def interval(p: Parameter) -> str:
    """Central 95% of a parameter's distribution, with the distribution's name."""
    if p.expression:
        return f"= {p.expression}"
    if p.held:
        return "held"
    if p.group and p.distribution == "fixed":
        return f"drawn with {p.group}"
    if p.distribution == "fixed":
        return "fixed"
    low, high = distribution_of(p).quantile(np.array([0.025, 0.975]))
    return f"{plain(float(low))} to {plain(float(high))}, {p.distribution}"


def cited_sources(evaluation: Evaluation) -> list[dict[str, str]]:
    """Rows of the sources tables beside the parameter files that used parameters or series cite, in order of id."""
    scenario = evaluation.scenario
    used = used_parameters(evaluation)
    cited = {p.source_id for p in used if p.source_id} | {s.source_id for s in scenario.file.series.values()}
    folders = dict.fromkeys([*(Path(p.file).parent for p in used if p.file), scenario.path.parent / "parameters"])
    known: dict[str, dict[str, str]] = {}
    for folder in folders:
        if (folder / SOURCES).is_file():
            with (folder / SOURCES).open(encoding="utf-8-sig", errors="replace", newline="") as file:
                for row in csv.DictReader(file):
                    given = {k: cell_text(v or "") for k, v in row.items() if k is not None}
                    known.setdefault(given.get("source_id", ""), given)
    return [MISSING | known.get(source, {}) | {"source_id": source} for source in sorted(cited)]
