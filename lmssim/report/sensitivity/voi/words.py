"""Sentences about the value of information: what it is worth to know more, about what, and how far to trust it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lmssim.economics.voi.draws import PARAMETER, POSTERIOR, STRUCTURE
from lmssim.report.parts.digits import amount, listed, plain, rounded, with_error
from lmssim.report.parts.labels import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from lmssim.economics.voi.draws import ParameterSet
    from lmssim.studies.sensitivity.voi.study import InformationStudy

MANY = 20
"""Parameters of a set from which on a regression of a few thousand draws finds less than there is."""
LOW_R2 = 0.3
APART = 3.0
"""Standard errors between the two estimators from which on neither is to be trusted."""
SUSPECT_T = 4.5
"""|t| of a mean residual from which on a fit misses something."""


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, their cells by name."""
    yield from frame.itertuples(index=False)


def at(study: InformationStudy, wtp: float) -> str:
    """A willingness to pay in a sentence."""
    if study.source.is_net_benefit:
        return "in net benefits as given"
    return f"at {amount(wtp)} {study.source.currency} per {study.source.effect}"


def _first(text: str) -> str:
    """A text with a capital."""
    return text[:1].upper() + text[1:]


def who_sentence(study: InformationStudy) -> str:
    """What the analysis rests on."""
    source, draws = study.source, study.source.draws
    n = sum(each.kind == PARAMETER for each in source.sets)
    said = f"{draws.n_draws:,} draws of {len(draws.strategies)} strategies and {n} uncertain parameters"
    if source.scenario:
        made = source.scenario
        who = f"{made['patients']:,} patients in each draw" if "patients" in made else "draws solved without patients"
        return f"{said}, from `lmssim psa` ({who}, seed {made['seed']})."
    return f"{said}, from {source.where}."


def noise_sentence(study: InformationStudy) -> str:
    """Whether patient noise was taken out."""
    noise = study.source.draws.noise
    if noise is None:
        return (
            "The tables do not tell patient noise: if the model follows simulated patients, the value of perfect "
            "information is too great by what their noise adds, while regression takes noise out of partial values."
        )
    if not noise.any():
        return "The draws hold no patient noise."
    return (
        "Patient noise is taken out of the value of perfect information, and regression takes it out of partial ones."
    )


def perfect_sentences(study: InformationStudy) -> list[str]:
    """EVPI at each willingness to pay."""
    said = []
    for row in records(study.evpi[study.evpi["wtp"].isin(study.wtps)]):
        text = (
            f"{_first(at(study, row.wtp))}, {short(study.source.labels[row.optimal])} is optimal now; perfect "
            f"information is worth {with_error(row.evpi, row.se)} {study.source.currency} per patient"
        )
        if math.isfinite(row.population):
            people = with_error(row.population, row.population_se)
            text += f", {people} in the population"
        if math.isfinite(row.implementation):
            text += f"; perfect implementation {with_error(row.implementation, row.implementation_se)} per patient"
        said.append(f"{text}.")
    return said


def leading_sentences(study: InformationStudy, n: int = 5) -> list[str]:
    """The single parameters worth most, and groups, at each willingness to pay."""
    said = []
    for wtp in study.wtps:
        frame = study.evppi[study.evppi["wtp"] == wtp]
        single = frame[frame["kind"].isin([PARAMETER, STRUCTURE]) & (frame["evppi"] > 2.0 * frame["se"])].head(n)
        if single.empty:
            said.append(f"{_first(at(study, wtp))}, no single parameter is worth more than 2 errors above 0.")
            continue
        words = [f"{short(r.label, 60)} ({with_error(r.evppi, r.se)})" for r in records(single)]
        said.append(f"Worth most to know alone, {at(study, wtp)}: {listed(words)}.")
    return said


def small_set_sentences(study: InformationStudy) -> list[str]:
    """The small set that holds 90% of EVPI, or how far a set gets."""
    said = []
    for wtp, steps in study.steps.items():
        if not steps or not study.perfect(wtp).evpi > 0.0:
            continue
        share = 100.0 * steps[-1].found.evppi / study.perfect(wtp).evpi
        names = [short(step.added.label, 60) for step in steps]
        verb = "hold" if len(names) > 1 else "holds"
        text = f"{_first(at(study, wtp))}, {listed(names)} {verb} {share:.0f}% of EVPI"
        if share < 90.0:
            text += "; no further one adds 1% that these draws can show"
        said.append(f"{text}.")
    return said


def trust_sentences(study: InformationStudy) -> list[str]:
    """What tells against estimates: order, fits that miss something, large sets, few draws."""
    frame = study.evppi
    said = []
    broken = study.order[study.order["holds"] == "no"]
    if len(broken):
        row = broken.iloc[0]
        said.append(
            f"Order broken beyond error in {len(broken)} comparisons, first {row['greater']} < {row['lesser']}: give "
            "more draws."
        )
    else:
        said.append("EVPI is at least every EVPPI, and each joint EVPPI at least those of its members, within error.")
    suspect = frame[(frame["residual_t"] > SUSPECT_T) & (frame["evppi"] > 2.0 * frame["se"])]
    if len(suspect):
        names = [short(label, 40) for label in dict.fromkeys(suspect["label"])][:3]
        said.append(f"Residuals show that the fit misses something for {listed(names)}: see residual_t in evppi.csv.")
    apart = (frame["evppi"] - frame["policy"]).abs() > APART * (frame["se"] ** 2 + frame["policy_se"] ** 2) ** 0.5
    doubtful = frame[apart & (frame["evppi"] > 2.0 * frame["se"])]
    if len(doubtful):
        names = [short(label, 40) for label in dict.fromkeys(doubtful["label"])][:3]
        said.append(
            f"Do not trust the value of {listed(names)}: decisions by the fit gain something else than it says, beyond "
            "error (column policy); check it by --multilevel, or give more draws."
        )
    for each in study.source.sets:
        if len(each.members) >= MANY:
            said.append(large_set_sentence(study, each))
    return said


def large_set_sentence(study: InformationStudy, each: ParameterSet) -> str:
    """What to expect of a regression on many parameters."""
    rows = study.evppi[study.evppi["name"] == each.name]
    r2 = float(rows["r2"].max())
    half, whole = float(rows["half"].sum()), float(rows["evppi"].sum())
    text = f"{short(each.label, 50)}: regression on so many parameters finds less than there is"
    text += f" (R2 {r2:.2f}" + (
        f"; half the draws gave {100.0 * half / whole:.0f}% of the value)" if whole > 0 else ")"
    )
    return f"{text}; more draws, and more patients in each, raise it."


def convergence_text(evppi: float, se: float, half: float) -> str:
    """The estimate from half the draws, as a share of the estimate, where this is told from 0."""
    return f"{100.0 * half / evppi:.0f}%" if evppi > 2.0 * se else "-"


def posterior_note(study: InformationStudy) -> str:
    """What it means to learn a calibrated parameter alone."""
    if not any(each.kind == POSTERIOR for each in study.source.sets):
        return ""
    return (
        "Calibrated parameters are drawn jointly: what one of them alone is worth includes what it tells of the others."
    )


def structure_note(study: InformationStudy) -> str:
    """What it means to learn a parameter alone where options of switches are drawn too."""
    if not any(each.kind == STRUCTURE for each in study.source.sets):
        return ""
    return (
        "Draws have options of switches. A parameter that options change has the value that the option of a draw makes "
        "of it, so that what it is worth alone includes what it tells of the structure."
    )


def population_sentence(study: InformationStudy) -> str:
    """Who the population is."""
    p = study.population
    if p is None:
        return "No population was described, so values are per patient (--incidence, --horizon)."
    parts = [f"{plain(p.incidence)} new patients a year for {plain(p.horizon)} years"]
    parts.append(f"discounted at {100.0 * p.discount_rate:.3g}% a year")
    if p.delay:
        parts.append(f"information comes after {plain(p.delay)} years")
    if p.uptake < 1.0 or p.uptake_years:
        grown = f", reached over {plain(p.uptake_years)} years" if p.uptake_years else ""
        parts.append(f"{100.0 * p.uptake:.3g}% of patients get what it favours{grown}")
    return f"Population: {', '.join(parts)}: {rounded(study.patients, 0.0)} discounted patients."
