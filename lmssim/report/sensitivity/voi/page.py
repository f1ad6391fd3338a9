"""The report of a value-of-information analysis: one HTML file that needs no network and no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.sensitivity.voi.cheers import cheers_table
from lmssim.report.sensitivity.voi.figures import CAPTIONS
from lmssim.report.sensitivity.voi.multilevel import multilevel_tables
from lmssim.report.sensitivity.voi.samples import sample_sentences, sample_tables
from lmssim.report.sensitivity.voi.tables import report_tables
from lmssim.report.sensitivity.voi.words import (
    leading_sentences,
    noise_sentence,
    perfect_sentences,
    posterior_note,
    small_set_sentences,
    structure_note,
    trust_sentences,
    who_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.studies.sensitivity.voi.conditional import MultilevelCheck
    from lmssim.studies.sensitivity.voi.samples import Samples


def write_report(
    samples: Samples,
    folder: Path,
    manifest: Mapping[str, Any],
    figures: Mapping[str, Sequence[Path]],
    check: MultilevelCheck | None = None,
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    figures : mapping of str to sequence of Path
        Files of each figure, of which the first is shown.
    check : MultilevelCheck, optional
        Values through the model.
    """
    study = samples.study
    answer = [*perfect_sentences(study), *leading_sentences(study), *small_set_sentences(study)]
    answer += sample_sentences(samples)
    answer += [who_sentence(study), noise_sentence(study), *trust_sentences(study)]
    answer += [posterior_note(study), structure_note(study)]
    return write_study_page(
        folder / "report.html",
        [*report_tables(study), *sample_tables(samples), *multilevel_tables(check), cheers_table(samples)],
        [picture(files[0], *CAPTIONS[name]) for name, files in figures.items()],
        title=f"Value of information: {study.source.title}",
        question="What is it worth to know more, and about what?",
        answer=[each for each in [*answer, *study.source.notes] if each],
        manifest=manifest,
    )
