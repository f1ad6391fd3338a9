"""What a reader must know before using the results: each limitation is printed only of a model that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lmssim.model.parameters.groups import away_from_draws
from lmssim.model.program.restarts import restarted_cures
from lmssim.report.evaluation.exactness import words_of
from lmssim.report.evaluation.sources import used_parameters
from lmssim.report.parts.digits import listed, plain
from lmssim.report.parts.labels import argument_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.evaluation import Evaluation
    from lmssim.model.language.schema import ScenarioFile
    from lmssim.model.parameters.parameter import Parameter
    from lmssim.model.scenario import Scenario


def limitations(evaluation: Evaluation) -> list[str]:
    """Sentences, the most important first."""
    file, used = evaluation.scenario.file, used_parameters(evaluation)
    return [
        *_of_errors(evaluation, used),
        *_of_parameters(evaluation.scenario, used),
        "Structural choices (states, what they lead to, what effects act on) are not varied here"
        + (", but for the switches listed below." if file.switches else "."),
        *_of_the_model(evaluation),
    ]


def _of_errors(evaluation: Evaluation, used: list[Parameter]) -> Iterator[str]:
    """What the printed errors leave out."""
    words = words_of(evaluation)
    if evaluation.is_expectation:
        yield (
            "Results are means over draws of the parameters. How far the draws lie apart, and how likely each strategy "
            f"is to be optimal, a probabilistic analysis tells (lmssim psa {argument_of(evaluation.scenario)})."
        )
    elif evaluation.estimates.n_draws == 1 and any(_is_uncertain(p) for p in used):
        yield (
            f"Parameter uncertainty is not included: the errors are those of {words.numerical()}. A decision needs a "
            f"probabilistic analysis, over draws of the parameters (lmssim psa {argument_of(evaluation.scenario)})."
        )
    if words.stands_for_others():
        yield "One profile, with the middle value of every covariate, represents the whole population."


def _of_parameters(scenario: Scenario, used: list[Parameter]) -> Iterator[str]:
    """What sources and draws do not give."""
    file = scenario.file
    assumed = sum(p.kind == "assumed" for p in used)
    if assumed:
        yield (
            f"{assumed} of {len(used)} parameters are assumed, because no usable published value was found; they are "
            "listed first below, each with its reason."
        )
    unsourced = [
        p.id for p in used if not (p.kind in ("derived", "definition") or p.expression or p.source_id or p.reason)
    ]
    if unsourced:
        yield f"{len(unsourced)} of {len(used)} parameters state no source: {listed(unsourced)}."
    away = [text for group in scenario.groups.values() for text in away_from_draws(group, scenario.table)]
    if away:
        yield f"The base case lies outside the draws of the posterior for {listed(away)}."
    if any(p.source_id for p in used):
        what = "fitted distributions" if file.cycles is None else "the probabilities of a cycle"
        yield (
            f"Outcomes over {plain(file.settings.horizon)} years extrapolate {what} wherever the follow-up of their "
            "sources was shorter."
        )


def _is_uncertain(parameter: Parameter) -> bool:
    return bool(parameter.group) or parameter.distribution != "fixed"


def _of_the_model(evaluation: Evaluation) -> Iterator[str]:
    """What the model itself leaves out."""
    scenario, file = evaluation.scenario, evaluation.scenario.file
    if file.cycles is None and not _has_background(file):  # a model in cycles may look mortality up by age
        yield "The model has no background mortality."
    if restarts := restarted_cures(evaluation.program):
        yield (
            f"A mixture cure is met again at each entry, on a clock that restarts: {listed(restarts)}. A source that"
            " counted time from the first entry has another clock."
        )
    if scenario.norms is None and _has_utilities(file) and not _utilities_follow_age(file):
        yield "Utilities do not fall with age."
    if not file.settings.price_year and _has_costs(evaluation):
        yield "The price year of the costs is not stated."


def _has_background(file: ScenarioFile) -> bool:
    """Whether the mortality table kills anybody."""
    curves = file.partitioned_survival
    floor = curves is not None and curves.background == "floor"
    return file.mortality is not None and (floor or any(t.background is not None for t in file.transitions))


def _utilities(file: ScenarioFile) -> list[float | str]:
    """Utilities of states and treatments."""
    stated = [state.utility for state in file.states.values()] + [t.utility for t in file.treatments.values()]
    return [utility for utility in stated if utility is not None]


def _has_utilities(file: ScenarioFile) -> bool:
    return bool(_utilities(file))


def _utilities_follow_age(file: ScenarioFile) -> bool:
    """Whether a utility reads the patient's age, itself or by a named expression."""
    reads = [name for name, value in file.expressions.items() if re.search(r"\bage\b", str(value))]
    return any(re.search(rf"\b({'|'.join(['age', *reads])})\b", str(utility)) for utility in _utilities(file))


def _has_costs(evaluation: Evaluation) -> bool:
    costs = evaluation.summary[evaluation.summary["outcome"] == "cost"]["mean"]
    return bool((costs != 0.0).any())
