"""What a run writes to its folder: tidy tables, figures and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.execution import store
from lmssim.execution.inputs import inputs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lmssim.evaluation import Evaluation
    from lmssim.execution.folder import ResultFolder
    from lmssim.report.parts.table import ReportTable
    from lmssim.studies.periods import BenefitByPeriod
    from lmssim.studies.subgroups import SubgroupStudy

PERIODS = "benefit_by_period"
PARAMETER_COLUMNS = ("id", "value", "unit", "kind", "source_id", "locator", "description", "reason")


def write_results(
    evaluation: Evaluation,
    folder: ResultFolder,
    manifest: Callable[[], dict[str, Any]],
    lap: Callable[[str], None],
    *,
    formats: Sequence[str] | None = None,
    histories: bool = False,
    benefit: BenefitByPeriod | None = None,
    by: SubgroupStudy | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write everything about an evaluation.

    Parameters
    ----------
    manifest : callable
        Gives the manifest, timings up to now included.
    lap : callable
        Closes a stage of the timings.
    formats : sequence of str, optional
        Those of the figures, the first of which the report shows; if absent, there are neither figures nor report.
    benefit : BenefitByPeriod, optional
        When the benefit falls, if it was asked for.
    by : SubgroupStudy, optional
        Results by subgroup, if they were asked for.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    OutputError
        If a file cannot be written; those written before it stay.
    """
    for name in evaluation.tables:
        store.write_csv(folder.place(f"{name}.csv"), getattr(evaluation, name))
    if evaluation.controlled is not None:
        store.write_csv(folder.place("control_variate.csv"), evaluation.control_variate)
    if evaluation.case_times:
        store.write_csv(folder.place("cases.csv"), evaluation.cases)
    if benefit is not None:
        store.write_csv(folder.place(f"{PERIODS}.csv"), benefit.to_frame())
    if by is not None:
        for name, frame in (("subgroups", by.outcomes), ("subgroup_incremental", by.incremental)):
            store.write_csv(folder.place(f"{name}.csv"), frame)
        for name, frame in (("subgroup_frontier", by.frontier), ("individualised_care", by.individualised_care)):
            store.write_csv(folder.place(f"{name}.csv"), frame)
    store.write_rows(folder.place("parameters.csv"), PARAMETER_COLUMNS, _parameters(evaluation))
    if histories:
        from lmssim.execution.histories import write_histories

        write_histories(evaluation.program, evaluation.sampling, folder, progress)
    lap("tables")
    if formats is not None:
        write_report(evaluation, folder, manifest(), formats, benefit, by)
        lap("report")
    document = manifest()
    return folder.finish(document, inputs_of(evaluation.program.scenario, evaluation.program.used, document))


def _parameters(evaluation: Evaluation) -> Iterator[list[Any]]:
    table = evaluation.program.used
    values = table.base()
    for id_, parameter in table.items():
        yield [id_, float(values[id_][0]), *(getattr(parameter, column) for column in PARAMETER_COLUMNS[2:])]


def write_report(
    evaluation: Evaluation,
    folder: ResultFolder,
    manifest: dict[str, Any],
    formats: Sequence[str],
    benefit: BenefitByPeriod | None = None,
    by: SubgroupStudy | None = None,
) -> None:
    """Write the figures, and the report that holds them."""
    from lmssim.report.evaluation.cases import case_table
    from lmssim.report.evaluation.figures.standard import write_figures
    from lmssim.report.evaluation.page import write_report as write_html
    from lmssim.report.evaluation.periods import caption_of, period_tables, plot_benefit_by_period
    from lmssim.report.evaluation.subgroups import subgroup_figures, subgroup_tables
    from lmssim.report.parts.style import save_figure

    figures, captions, tables = {}, {}, []
    if benefit is not None:
        figures[PERIODS] = save_figure(plot_benefit_by_period(benefit), folder.begin() / "figures", PERIODS, formats)
        captions[PERIODS] = caption_of(benefit)
        tables += period_tables(benefit)
    if by is not None:
        for name, (figure, told) in subgroup_figures(by).items():
            figures[name], captions[name] = save_figure(figure, folder.begin() / "figures", name, formats), told
        tables += subgroup_tables(by)
    figures |= write_figures(evaluation, folder.begin() / "figures", formats)
    for files in figures.values():
        folder.add(files)
    shown = {name: files[0] for name, files in figures.items()}
    tables += series_tables(evaluation)
    tables += [case_table(evaluation.scenario, evaluation.case_times)] if evaluation.case_times else []
    folder.add([write_html(evaluation, folder.begin(), manifest, shown, tables, captions)])


def series_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Tables of published series, paper beside model."""
    from lmssim.report.parts.table import ReportTable

    tables = []
    for label, frame in evaluation.series.groupby("series", sort=False):
        shown = frame.drop(columns=["series", "target_id"]).dropna(axis="columns", how="all")
        names = {name: name.replace("_", " ") for name in ("paper_low", "paper_high")}
        shown = shown.rename(columns={"figure": "target", "low": "model low", "high": "model high"} | names)
        caption = (
            "Each result as its paper computed it, under the series' own treatment mix and follow-up. Model low and "
            "high: 95% interval for a study of the paper's n around the model's value, with sampling error alone."
        )
        tables.append(ReportTable(f"Series as published: {label}", caption, shown))
    return tables


def json_document(evaluation: Evaluation, manifest: dict[str, Any], folder: Path) -> str:
    """The result as one JSON document."""
    names = [name for name in ("summary", "incremental", "frontier", "errors", "caps") if name in evaluation.tables]
    tables = {name: store.objects(getattr(evaluation, name)) for name in names}
    return store.json_text({**tables, "manifest": manifest, "folder": str(folder)})
