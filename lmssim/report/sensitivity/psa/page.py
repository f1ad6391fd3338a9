"""The report of a probabilistic analysis: one HTML file that needs no network and no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.sensitivity.psa.figures import CAPTIONS
from lmssim.report.sensitivity.psa.subgroups import subgroup_tables
from lmssim.report.sensitivity.psa.tables import report_tables
from lmssim.report.sensitivity.psa.words import (
    PROGRAMME,
    averaging_sentences,
    choice_sentences,
    in_pounds,
    noise_sentences,
    optimal_sentence,
    repeated_sentences,
    who_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
    from lmssim.studies.sensitivity.psa.subgroups import SubgroupTables


def write_report(
    analysis: ProbabilisticAnalysis,
    folder: Path,
    manifest: Mapping[str, Any],
    figures: Mapping[str, Sequence[Path]],
    apart: SubgroupTables | None = None,
    captions: Mapping[str, tuple[str, str]] | None = None,
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    figures : mapping of str to sequence of Path
        Files of each figure, of which the first is shown.
    apart : SubgroupTables, optional
        Tables of subgroups.
    captions : mapping of str to (str, str), optional
        Title and caption of figures that are not standard.
    """
    told = {**CAPTIONS, **(captions or {})}
    answer = [optimal_sentence(analysis), *choice_sentences(analysis), who_sentence(analysis)]
    answer += averaging_sentences(analysis)
    answer += [*noise_sentences(analysis), *repeated_sentences(analysis), *([PROGRAMME] if in_pounds(analysis) else [])]
    return write_study_page(
        folder / "report.html",
        [*report_tables(analysis), *(subgroup_tables(analysis, apart) if apart is not None else [])],
        [picture(files[0], *told[name]) for name, files in figures.items()],
        title=f"Probabilistic analysis: {analysis.scenario.file.title}",
        question="Which strategy is optimal, how sure is that, and what would more information be worth?",
        answer=answer,
        manifest=manifest,
    )
