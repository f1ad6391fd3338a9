"""Checks of the model as a whole: its documentation, and the published results that it claims to reproduce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import NotApplicableError
from lmssim.studies.verify.finding import Finding, Status, verdict, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.studies.verify.bench import Bench

EXPECTED_INSIDE = 0.5
"""Share of published results that should lie within the model's interval for a study of that size."""


@check("documented", "overall", "Every parameter in use has a description, a kind and a source", scope=Scope.INPUTS)
def parameters_are_documented(bench: Bench) -> Finding:
    """Description and kind of each; a source if published, a reason if assumed. What is missing is a warning."""
    findings = []
    for id_, p in bench.program.used.items():
        missing = [name for name in ("description", "kind") if not getattr(p, name)]
        missing += ["source_id"] if p.kind == "published" and not p.source_id else []
        missing += ["reason"] if p.kind == "assumed" and not p.reason else []
        observed = f"no {', '.join(missing)}" if missing else "documented"
        findings.append(verdict(not missing, observed, "documented", {"parameter": id_}, "parameters"))
    return warning(worst_of(findings))


@check(
    "published-series",
    "overall",
    "Published series, computed as their papers did, agree with the model",
    scope=Scope.LIVES,
    effort=10,
)
def series_agree(bench: Bench) -> Finding:
    """Share of the published results within the model's 95% interval for a study of that size; few is a warning."""
    if "series" not in bench.base.tables:
        raise NotApplicableError("published series are computed from individual lives, and an exact solution has none")
    table = bench.base.series
    if table.empty:
        raise NotApplicableError("the scenario reproduces no published series")
    outside = table[~table["inside"].astype(bool)]
    share = 1.0 - len(outside) / len(table)
    return Finding(
        status=Status.PASSED if share >= EXPECTED_INSIDE else Status.WARNING,
        observed=share,
        expected=EXPECTED_INSIDE,
        relation="at least",
        tolerance=0.0,
        where={"outside": ", ".join(outside["target_id"])} if len(outside) else {},
        n=len(table),
        what="published results",
        reason=f"{len(table) - len(outside)} inside",
    )
