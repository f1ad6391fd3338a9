"""Simulated trials as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.trials.simulated.tables import shown_tables
from lmssim.report.trials.simulated.words import answer_of, arms_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.report.parts.table import ReportTable
    from lmssim.studies.trials.study import TrialStudy

QUESTION = "How probable is it that the trial shows what it is to show, when does it end, and what does that hang on?"


def write_report(
    study: TrialStudy,
    folder: Path,
    manifest: Mapping[str, object],
    figures: Sequence[tuple[Path, str, str]],
    more: Sequence[ReportTable] = (),
    told: Sequence[str] = (),
) -> Path:
    """Write `report.html`: one file that needs no network and no script.

    Parameters
    ----------
    figures : sequence of (Path, str, str)
        Each picture with its title and its caption.
    more, told : sequence
        Further tables, and sentences after the answer.
    """
    design = study.design
    opening = [design.description] if design.description else []
    return write_study_page(
        folder / "report.html",
        [*shown_tables(study), *more],
        [picture(path, title, caption) for path, title, caption in figures],
        title=design.title,
        question=QUESTION,
        answer=[*opening, arms_sentence(design), *answer_of(study), *told],
        manifest=manifest,
    )
