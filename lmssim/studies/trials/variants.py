"""What a trial's power hangs on: slower accrual, more deaths, a late effect, crossover, and no effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.errors import exact
from lmssim.studies.trials.design.keys import AFTER, DEATH, EXPERIMENTAL
from lmssim.studies.trials.design.objects import Crossover, Ratio
from lmssim.studies.trials.result import SimulatedTrials, share_of
from lmssim.studies.trials.sources.hazards import HazardSource
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.trials.survival.hazards import PiecewiseHazard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.studies.trials.design.objects import TrialDesign
    from lmssim.studies.trials.sources.lives import Source
    from lmssim.studies.trials.work import TrialWork
    from lmssim.trials.survival.hazards import Hazard

SLOWER, MORE_DEATHS, SHARE = 0.5, 2.0, 0.25
"""Accrual rate of the slow trial, death rate of the frail one, and share who cross over, each against the design."""
LATE = 0.5
"""Years by which a late effect begins later."""
COLUMNS = ["change", "what", "trials", "power", "se", "events", "duration", "crossed", "not_computed"]
DEATHS = (DEATH, AFTER)
OVERALL = "os"
"""Endpoint after which nothing comes."""


SLUGS = {
    name: name.replace(" ", "-")
    for name in (
        "no effect",
        "at the margin",
        "slow accrual",
        "more deaths",
        "late effect",
        "crossover",
        "no crossover",
    )
}
"""Word of each change for names of folders."""


@dataclass(frozen=True)
class Variant:
    """A change of a design, and why it cannot be made if it cannot."""

    name: str
    told: str
    work: TrialWork | None
    reason: str = ""


def variants_of(work: TrialWork, n_trials: int) -> list[Variant]:
    """Changes that every design is tried with."""
    base = replace(work, n_trials=n_trials, sizes=(work.design.patients,), drawn=False)
    told = "both arms follow the control arm's course" + ("" if work.design.margin != 1.0 else ": type I error")
    return [
        Variant("no effect", told, replace(base, null=True)),
        *_at_margin(base),
        _slow(base),
        _frail(base),
        _late(base),
        _crossing(base),
    ]


def _at_margin(base: TrialWork) -> list[Variant]:
    """Of a non-inferiority trial with stated hazards, every hazard ratio at the margin: its type I error."""
    design = base.design
    if design.margin == 1.0 or design.scenario:
        return []
    ratios = tuple(Ratio(name, design.margin) for name in design.arms[0].hazards)
    arms = (design.arms[0], replace(design.arms[1], ratios=ratios, hazards={}))
    told = f"every hazard ratio is the margin, {exact(design.margin)}: type I error"
    return [Variant("at the margin", told, _remade(base, replace(design, arms=arms)))]


def _slow(base: TrialWork) -> Variant:
    accrual = base.design.accrual
    slow = replace(
        accrual,
        durations=tuple(d / SLOWER for d in accrual.durations),
        rates=tuple(r * SLOWER for r in accrual.rates),
        end_rates=tuple(r * SLOWER for r in accrual.end_rates),
    )
    return Variant("slow accrual", "patients enter at half the rate", _with(base, replace(base.design, accrual=slow)))


def _frail(base: TrialWork) -> Variant:
    name, told = "more deaths", "twice the hazard of death from other causes"
    source, design = base.source, base.design
    if isinstance(source, ModelSource):
        if not any(t.background is not None for t in source.program.scenario.file.transitions):
            return Variant(name, told, None, "the scenario has no background mortality")
        return Variant(name, told, replace(base, source=source.with_background(MORE_DEATHS)))
    if not design.arms[0].hazards.get(DEATH):
        return Variant(name, "twice the hazard of death", None, "the design states no deaths")
    arms = tuple(
        replace(arm, hazards={k: _times(h, MORE_DEATHS) if k in DEATHS else h for k, h in arm.hazards.items()})
        for arm in design.arms
    )
    changed = replace(design, arms=(arms[0], arms[1]))
    return Variant(name, "twice the hazard of death", _with(base, changed))


def _times(hazard: Hazard, factor: float) -> Hazard:
    if isinstance(hazard, PiecewiseHazard):
        return PiecewiseHazard(tuple(factor * r for r in hazard.rates), hazard.starts)
    return hazard


def _late(base: TrialWork) -> Variant:
    design = base.design
    months = round(12 * LATE)
    name, told = "late effect", f"hazard ratios begin {months} months later"
    arm = design.arms[1]
    if not arm.ratios:
        return Variant(name, told, None, f"arms.{EXPERIMENTAL} states no hazard ratio that could begin later")
    later = replace(arm, ratios=tuple(replace(r, delay=r.delay + LATE / design.years) for r in arm.ratios))
    return Variant(name, told, _remade(base, replace(design, arms=(design.arms[0], later))))


def _crossing(base: TrialWork) -> Variant:
    design = base.design
    if design.crossover is not None:
        told = "nobody crosses over"
        return Variant("no crossover", told, _with(base, replace(design, crossover=None)))
    at = next((e for e in design.endpoints if e not in (design.primary, OVERALL)), None)
    told = f"{SHARE:.0%} of the control arm change to the other arm's course at the event of {at or 'an endpoint'}"
    if at is None:
        return Variant("crossover", told, None, "no endpoint that may come before the primary one is declared")
    return Variant("crossover", told, _with(base, replace(design, crossover=Crossover(0, at, SHARE))))


def _with(base: TrialWork, design: TrialDesign) -> TrialWork:
    """The same patients under another conduct."""
    return replace(base, design=design, source=_reconducted(base.source, design))


def _reconducted(source: Source, design: TrialDesign) -> Source:
    return source.conducted(design) if isinstance(source, ModelSource) else HazardSource(design)


def _remade(base: TrialWork, design: TrialDesign) -> TrialWork:
    """Other patients."""
    return replace(base, design=design, source=ModelSource(design) if design.scenario else HazardSource(design))


def sensitivity(
    variants: Sequence[Variant], run: Callable[[str, TrialWork], SimulatedTrials], base: SimulatedTrials
) -> pd.DataFrame:
    """Power of each variant beside the design's: change, what it is, power, se, events, duration, not_computed."""
    rows = [_row("as designed", "", base)]
    for variant in variants:
        if variant.work is None:
            rows.append({"change": variant.name, "what": variant.told, "not_computed": variant.reason})
        else:
            rows.append(_row(variant.name, variant.told, run(SLUGS[variant.name], variant.work)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(name: str, told: str, found: SimulatedTrials) -> dict[str, object]:
    n = found.work.sizes[found.size_at(None)]
    power, se = share_of(found.score(found.rules[0]).success)
    own = found.characteristics
    first = own[(own["n"] == n) & (own["rule"] == found.rules[0].name)].iloc[0]
    return {
        "change": name,
        "what": told,
        "trials": found.work.n_trials,
        "power": power,
        "se": se,
        "events": first["events"],
        "duration": first["duration"],
        "crossed": float(found.moved.mean()) / found.work.largest,
        "not_computed": "",
    }
