"""What a report of the value of information is expected to state, after CHEERS-VOI, answered from the analysis.

The items are put in our own words. Where lmssim cannot know an answer, the cell says what the author has to write.

References
----------
Kunst N, Siu A, Drummond M, et al. Consolidated Health Economic Evaluation Reporting Standards - Value of Information
(CHEERS-VOI): explanation and elaboration. Value Health 26:1461-1473, 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lmssim.economics.voi.draws import PARAMETER, STRUCTURE
from lmssim.report.parts.digits import listed
from lmssim.report.parts.labels import short
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.voi.samples import described, sample_sentences
from lmssim.report.sensitivity.voi.words import (
    leading_sentences,
    noise_sentence,
    perfect_sentences,
    population_sentence,
    small_set_sentences,
    trust_sentences,
    who_sentence,
)

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.voi.samples import Samples
    from lmssim.studies.sensitivity.voi.source import Source
    from lmssim.studies.sensitivity.voi.study import InformationStudy

AUTHOR = "To be stated by the author"


def cheers_table(samples: Samples) -> ReportTable:
    """The items and their answers."""
    study = samples.study
    source = study.source
    labels = [short(source.labels[name], 40) for name in source.draws.strategies]
    joint = [each for each in source.sets if each.kind != PARAMETER]
    groups = listed([f"{short(each.label, 40)}" for each in joint]) or "none"
    conventions = source.scenario.get("conventions", {})
    known = dict(conventions) if isinstance(conventions, dict) else {}
    rows = [
        ("Title", f"Value of information: {short(source.title, 120)}"),
        ("Decision and alternatives", f"Choice among {listed(labels)}."),
        ("Research question", f"{AUTHOR}: which research is considered, and who decides on it."),
        ("Perspective", str(known.get("perspective") or AUTHOR)),
        ("Population and horizon of the decision", population_sentence(study)),
        ("Discounting", _discounting(known)),
        ("Currency, price year", f"{source.currency}, {known.get('price_year') or AUTHOR.lower()}"),
        ("Willingness to pay", listed([f"{wtp:,.0f}" for wtp in study.wtps])),
        ("Uncertain parameters, distributions, sources", _parameters(study)),
        ("Groups of parameters, and why", f"{groups}. {AUTHOR}: why other groups would be studied together."),
        ("Uncertainty that parameters do not hold", _structure(source)),
        ("Measures", "EVPI; EVPPI of every parameter, group and posterior; EVSI and ENBS where a study is described."),
        ("Methods and software", f"lmssim. {who_sentence(study)} {noise_sentence(study)}"),
        ("Estimation of EVPPI", _method(study)),
        ("Monte-Carlo error and convergence", "Standard errors by posterior row; each estimate from half the draws."),
        ("Results: EVPI", " ".join(perfect_sentences(study))),
        ("Results: EVPPI", " ".join(leading_sentences(study))),
        ("Results: small set", " ".join(small_set_sentences(study))),
        ("Proposed studies, their data, conduct and costs", _studies(samples)),
        ("Estimation of EVSI", "One simulated data set a draw, net benefits regressed on it; moment matching beside."),
        ("Results: EVSI and ENBS", " ".join(sample_sentences(samples)) or "No study was described."),
        ("Limits", " ".join(trust_sentences(study))),
        ("Implication for research", AUTHOR),
    ]
    caption = "After CHEERS-VOI (Kunst et al., Value Health 2023), in our own words."
    return ReportTable("Reporting checklist", caption, pd.DataFrame(rows, columns=["item", "answer"]))


def _studies(samples: Samples) -> str:
    if not samples.proposals:
        return "None was described."
    return " ".join(f"{each.title}: {described(each)}." for each in samples.proposals)


def _discounting(known: dict[str, object]) -> str:
    costs, effects = known.get("discount_rate_costs"), known.get("discount_rate_effects")
    if costs is None:
        return f"{AUTHOR} for costs and effects."
    return f"Costs {costs} and effects {effects} a year in the model; the population as above."


def _structure(source: Source) -> str:
    """What of the structure is drawn."""
    drawn = [short(each.label, 60) for each in source.sets if each.kind == STRUCTURE]
    if not drawn:
        return f"{AUTHOR}: structure; switches of the scenario are outside."
    return f"Drawn with the parameters: {listed(drawn)}. {AUTHOR}: other structure; other switches are outside."


def _parameters(study: InformationStudy) -> str:
    n = sum(each.kind == PARAMETER for each in study.source.sets)
    if study.source.scenario:
        return f"{n}; distributions and sources stand in parameters.csv of {study.source.where} and in `lmssim show`."
    return f"{n}. {AUTHOR}: distributions and sources."


def _method(study: InformationStudy) -> str:
    terms = study.evppi["terms"].value_counts()
    used = listed([f"{name} ({n})" for name, n in terms.items()])
    return (
        f"Ridge regression of the net benefits of all strategies at once; terms by 5-fold cross-validation: {used}. "
        "The bias of the fit's noise is taken out."
    )
