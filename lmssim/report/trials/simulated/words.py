"""What simulated trials say, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.errors import exact
from lmssim.report.parts.digits import MISSING
from lmssim.report.trials.simulated.value.words import value_sentences
from lmssim.studies.trials.design.keys import ARMS

if TYPE_CHECKING:
    from lmssim.studies.trials.design.objects import TrialDesign
    from lmssim.studies.trials.study import TrialStudy

TARGET = 0.8
"""Power for which a number of patients is told, beside the design's own."""
NOTABLE = 0.005
"""Share of trials below which nothing is said."""


def percent(value: float, se: float = math.nan) -> str:
    """A share with its Monte-Carlo standard error."""
    if not math.isfinite(value):
        return MISSING
    return f"{value:.1%}" if not math.isfinite(se) else f"{value:.1%} ± {100 * se:.1f}"


def answer_of(study: TrialStudy) -> list[str]:
    """Sentences that answer the page's question."""
    planned, design = study.planned, study.design
    n = planned.work.sizes[planned.size_at(None)]
    row = planned.characteristics[planned.characteristics["n"] == n].iloc[0]
    unit = design.time_unit
    found = [
        f"With {n} patients {percent(row['power'], row['se'])} of {planned.work.n_trials:,} simulated trials "
        f"{goal_of(design)}, after {row['duration']:.1f} {unit} and {row['events']:.0f} events on average."
    ]
    analytic = planned.analytic_power(n)
    if math.isfinite(analytic):
        found.append(
            f"Schoenfeld's approximation gives {percent(analytic)} at the events and the average effect of the "
            "simulated trials."
        )
    if design.planned_ratio is not None and math.isfinite(promised := planned.analytic_power(n, planned=True)):
        found.append(f"At the planned hazard ratio of {exact(design.planned_ratio)} it would give {percent(promised)}.")
    found += [*_error(study), *_sizes(study), *_assurance(study, n), *_stopped(study, n)]
    return found if study.value is None else [*found, *value_sentences(study.value)]


def goal_of(design: TrialDesign) -> str:
    """What a trial that succeeds shows."""
    label = design.endpoints[design.primary].label
    if design.margin != 1.0:
        return f"show that {design.arms[1].label} is not worse than the margin (HR {exact(design.margin)}) for {label}"
    return f"show that {design.arms[1].label} is better for {label}"


def _error(study: TrialStudy) -> list[str]:
    error, se = study.type_i_error
    if not math.isfinite(error):
        return []
    allowed = study.design.sequential.alpha / study.design.sequential.sides
    null = "Without an effect" if study.design.margin == 1.0 else "At the margin"
    return [f"{null} {percent(error, se)} do (allowed: {percent(allowed)})."]


def _sizes(study: TrialStudy) -> list[str]:
    if len(study.planned.work.sizes) < 2:
        return []
    told = []
    wanted = round(1.0 - study.design.sequential.plan.beta, 12)
    for target in sorted({TARGET, wanted}):
        n, low, high = study.planned.size_for(target)
        if math.isfinite(n):
            ends = f" ({low:.0f} to {high:.0f})" if math.isfinite(low) and math.isfinite(high) else ""
            told.append(f"{n:.0f} patients{ends} give a power of {target:.0%}")
    if not told:
        most = study.planned.work.largest
        return [f"Up to {most} patients no number gives the power of {wanted:.0%} that the design asks for."]
    return [f"{', and '.join(told)}, events in proportion."]


def _assurance(study: TrialStudy, n: int) -> list[str]:
    table = study.assurance
    if table.empty:
        return []
    row = table[table["n"] == n].iloc[0]
    return [
        f"Over what is uncertain the probability of success (assurance) is "
        f"{percent(row['assurance'], row['assurance_se'])}; in {percent(row['favourable'])} of the trials the estimate "
        "favours the experimental arm."
    ]


def _stopped(study: TrialStudy, n: int) -> list[str]:
    s = study.planned.size_at(n)
    share = float(study.planned.stopped[:, s].mean())
    if share < NOTABLE:
        return []
    return [f"{percent(share)} of the trials stop because too few patients have entered."]


def arms_sentence(design: TrialDesign) -> str:
    """What is compared."""
    control, experimental = (
        arm.label if arm.label.lower() == name else f"{arm.label} ({name})"
        for name, arm in zip(ARMS, design.arms, strict=True)
    )
    return f"{control} against {experimental}."
