"""What people are shown of a study: sentences, tables and figures, which a page, a folder and a terminal share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmssim.execution.store import write_text
from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.parts.style import save_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmssim.execution.folder import ResultFolder
    from lmssim.report.parts.table import ReportTable


ANSWER = "answer.md"
"""The sentences of a page, alone."""


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn, with its title and caption."""

    draw: Callable[[], Figure]
    title: str
    caption: str


@dataclass(frozen=True)
class Presented:
    """A study as its page shows it.

    Attributes
    ----------
    title, question : str
        Heading, and what the page answers.
    answer : sequence of str
        Sentences, the most important first.
    tables : sequence of ReportTable
        Tables of the page.
    figures : mapping of str to Drawing
        Figures by the name of their file.
    """

    title: str
    question: str
    answer: Sequence[str]
    tables: Sequence[ReportTable]
    figures: Mapping[str, Drawing] = field(default_factory=dict)

    def write(self, folder: ResultFolder, manifest: Mapping[str, Any], formats: Sequence[str]) -> Path:
        """Write the figures, and the page that holds them."""
        shown = []
        for name, each in self.figures.items():
            files = save_figure(each.draw(), folder.begin() / "figures", name, formats)
            folder.add(files)
            shown.append(picture(files[0], each.title, each.caption))
        page = write_study_page(
            folder.begin() / "report.html",
            self.tables,
            shown,
            title=self.title,
            question=self.question,
            answer=[sentence for sentence in self.answer if sentence],
            manifest=manifest,
        )
        told = write_text(folder.place(ANSWER), "\n\n".join(each for each in self.answer if each) + "\n")
        folder.add([page, told])
        return page
