"""The report of a comparison of two results: one HTML file that needs no network and no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.sensitivity.diff.figures import CAPTION
from lmssim.report.sensitivity.diff.tables import report_tables, strategies_shown
from lmssim.report.sensitivity.diff.words import (
    agreement_sentences,
    change_sentence,
    method_sentence,
    notes,
    sampling_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.studies.diff.result import DifferenceStudy


def write_report(study: DifferenceStudy, folder: Path, manifest: Mapping[str, Any], figure: Sequence[Path]) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    figure : sequence of Path
        Files of the waterfall, of which the first is shown.
    """
    answer = [change_sentence(study, strategy) for strategy in strategies_shown(study)]
    answer += [method_sentence(study), sampling_sentence(study), *agreement_sentences(study), *notes(study.mixture)]
    mixture = study.mixture
    return write_study_page(
        folder / "report.html",
        report_tables(study),
        [picture(figure[0], "Waterfall", CAPTION)],
        title=f"{mixture.b.scenario.file.title or mixture.b.scenario.name}: what moved the result",
        question=f"Which inputs moved the results from {mixture.a.where} (A) to {mixture.b.where} (B)?",
        answer=answer,
        manifest=manifest,
    )
