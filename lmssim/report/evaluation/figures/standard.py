"""The figures of a result by name, their captions, and the files they are written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.report.evaluation.cases import CAPTION, plot_case
from lmssim.report.evaluation.exactness import words_of
from lmssim.report.evaluation.figures.causes import plot_causes_of_death
from lmssim.report.evaluation.figures.curves import plot_incidence, plot_survival
from lmssim.report.evaluation.figures.differences import MANY
from lmssim.report.evaluation.figures.occupancy import plot_occupancies, plot_occupancy
from lmssim.report.evaluation.figures.panels import years_shown
from lmssim.report.evaluation.figures.plane import plot_plane
from lmssim.report.model.diagram import plot_diagram
from lmssim.report.parts.digits import listed, plain
from lmssim.report.parts.labels import (
    LONGEST_LABEL,
    computed_endpoints,
    death_endpoints,
    endpoint_label,
    event_label,
    readable,
    short,
    state_label,
    strategy_labels,
)
from lmssim.report.parts.style import PNG, save_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation

__all__ = [
    "caption",
    "plot_case",
    "plot_causes_of_death",
    "plot_incidence",
    "plot_occupancies",
    "plot_occupancy",
    "plot_plane",
    "plot_survival",
    "standard_figures",
    "write_figures",
]


def standard_figures(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    """Name and figure of the plane, every endpoint, the causes of death, cases, the occupancy and the state diagram.

    Deaths by cause are stacked in one figure, so the endpoints that count them have none of their own.
    """
    if len(evaluation.strategies) > 1:
        yield "plane", plot_plane(evaluation).figure  # type: ignore[misc]
    stacked = death_endpoints(evaluation)
    for name in computed_endpoints(evaluation):
        if name in stacked:
            continue
        spec = evaluation.scenario.file.endpoints[name]
        plot = plot_survival if spec.kind == "survival" else plot_incidence
        yield f"{spec.kind}_{name}", plot(evaluation, name).figure  # type: ignore[misc]
    causes = plot_causes_of_death(evaluation)
    if causes is not None:
        yield "causes_of_death", causes
    for name in dict.fromkeys(found.case for found in evaluation.case_times):
        of = [found for found in evaluation.case_times if found.case == name]
        yield f"case_{name}", plot_case(evaluation.scenario.file.cases[name], of)
    yield "occupancy", plot_occupancies(evaluation)
    yield "diagram", plot_diagram(evaluation.scenario)


def write_figures(evaluation: Evaluation, folder: Path, formats: Sequence[str] = (PNG,)) -> dict[str, list[Path]]:
    """Write the standard figures; name to files, one of each format, in the order of the report."""
    return {name: save_figure(figure, folder, name, formats) for name, figure in standard_figures(evaluation)}


def caption(evaluation: Evaluation, name: str) -> tuple[str, str]:
    """Title and caption of a figure by its name; a name that is not standard is its own title."""
    shown, words = plain(years_shown(evaluation)), words_of(evaluation)
    comparator = strategy_labels(evaluation.scenario)[evaluation.scenario.comparator]
    mixed = len(evaluation.choices) < len(evaluation.strategies)
    hollow = " Hollow point: a mix of practice, not a choice." if mixed else ""
    fixed = {
        "plane": (
            "Cost-effectiveness plane",
            f"Increments over {comparator}, discounted. Shaded: region that contains the pair of means with 95% "
            f"probability, given the {words.kind_of_error()} alone. Grey lines: willingness to pay for a QALY; a "
            f"strategy below a line is cost-effective at that rate.{hollow}",
        ),
        "causes_of_death": ("Causes of death", f"Cumulative incidence of death by cause over {shown} years, stacked."),
        "occupancy": (
            "State occupancy",
            f"Share of patients in each state over {shown} years; states that never reach 1.5% are shown together.",
        ),
        "diagram": (
            "States and transitions",
            "Patients enter at the top. Blue arrows lead back. Chance states without time and cost are left out.",
        ),
    }
    kind, _, endpoint = name.partition("_")
    beside = f" Right: each curve less that of {comparator}." if len(evaluation.strategies) >= MANY else ""
    if kind == "case" and endpoint in evaluation.scenario.file.cases:
        return short(evaluation.scenario.file.cases[endpoint].label, LONGEST_LABEL), CAPTION
    if kind in ("survival", "incidence") and endpoint in evaluation.scenario.file.endpoints:
        return endpoint_label(evaluation, endpoint), f"{_definition(evaluation, endpoint)} {words.band_note()}{beside}"
    return fixed.get(name, (readable(name), ""))


def _definition(evaluation: Evaluation, endpoint: str) -> str:
    """What counts as the event, and what death does."""
    spec, scenario = evaluation.scenario.file.endpoints[endpoint], evaluation.scenario
    names = [state_label(scenario, e) if e in scenario.file.states else event_label(scenario, e) for e in spec.events]
    death = {"event": "", "competing": " Death competes.", "censoring": " Death censors."}[spec.death]
    deaths = all(e in scenario.file.states and scenario.file.states[e].death for e in spec.events)
    counted = " or death" if spec.death == "event" and not deaths else ""
    return f"Event: {listed(names, 'or')}{counted}.{'' if deaths else death}"
