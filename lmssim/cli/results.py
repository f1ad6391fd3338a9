"""What a run writes to its folder: tidy tables, figures and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.execution import store
from lmssim.execution.inputs import inputs_of
from lmssim.execution.kept.source import keep_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from lmssim.evaluation import Evaluation
    from lmssim.execution.folder import ResultFolder
    from lmssim.report.parts.table import ReportTable
    from lmssim.studies.periods import BenefitByPeriod
    from lmssim.studies.point_values import PointValues
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
    workbook: bool = False,
    histories: bool = False,
    benefit: BenefitByPeriod | None = None,
    beside: PointValues | None = None,
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
    workbook : bool
        Whether to write the tables as an Excel workbook too.
    benefit : BenefitByPeriod, optional
        When the benefit falls, if it was asked for.
    beside : PointValues, optional
        Results at the parameters' own values beside an expectation, if they were run.
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
    tables = _tables(evaluation, benefit, beside, by)
    for name, frame in tables.items():
        store.write_csv(folder.place(f"{name}.csv"), frame)
    if workbook:
        _write_workbook(evaluation, tables, folder)
    store.write_rows(folder.place("parameters.csv"), PARAMETER_COLUMNS, _parameters(evaluation))
    if histories:
        from lmssim.execution.histories import write_histories

        write_histories(evaluation.program, evaluation.sampling, folder, progress)
    lap("tables")
    if formats is not None:
        write_report(evaluation, folder, manifest(), formats, benefit, beside, by)
        lap("report")
    document = manifest()
    keep_source(evaluation.program.scenario, folder)
    return folder.finish(document, inputs_of(evaluation.program.scenario, evaluation.program.used, document))


def _tables(
    evaluation: Evaluation, benefit: BenefitByPeriod | None, beside: PointValues | None, by: SubgroupStudy | None
) -> dict[str, pd.DataFrame]:
    """Every table by the name of its file."""
    tables: dict[str, pd.DataFrame] = {name: getattr(evaluation, name) for name in evaluation.tables}
    if evaluation.controlled is not None:
        tables["control_variate"] = evaluation.control_variate
    if evaluation.case_times:
        tables["cases"] = evaluation.cases
    if benefit is not None:
        tables[PERIODS] = benefit.to_frame()
    if beside is not None:
        tables["point_values"] = beside.to_frame()
    if by is not None:
        tables |= {"subgroups": by.outcomes, "subgroup_incremental": by.incremental}
        tables |= {"subgroup_frontier": by.frontier, "individualised_care": by.individualised_care}
    return tables


def _write_workbook(evaluation: Evaluation, tables: dict[str, pd.DataFrame], folder: ResultFolder) -> None:
    """Tables, after sheets that add up net benefits and costs."""
    from lmssim.report.parts.labels import strategy_labels
    from lmssim.report.parts.workbook import FILE, live_sheets, table_sheets, workbook_bytes

    scenario = evaluation.scenario
    settings, labels = scenario.file.settings, strategy_labels(scenario)
    live = live_sheets(evaluation.summary, labels, settings.currency, settings.wtp, scenario.comparator)
    content = workbook_bytes(scenario.file.title, [*live, *table_sheets(tables)])
    store.write_bytes(folder.place(FILE), content)


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
    beside: PointValues | None = None,
    by: SubgroupStudy | None = None,
) -> None:
    """Write the figures, and the report that holds them."""
    from lmssim.report.evaluation.cases import case_table
    from lmssim.report.evaluation.figures.standard import write_figures
    from lmssim.report.evaluation.page import write_report as write_html
    from lmssim.report.evaluation.periods import caption_of, period_tables, plot_benefit_by_period
    from lmssim.report.evaluation.point_values import point_value_tables
    from lmssim.report.evaluation.subgroups import subgroup_figures, subgroup_tables
    from lmssim.report.parts.style import save_figure

    figures, captions, tables = {}, {}, []
    if beside is not None:
        tables += point_value_tables(beside)
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
            + (" The model's parameters are at their point values." if evaluation.is_expectation else "")
        )
        tables.append(ReportTable(f"Series as published: {label}", caption, shown))
    return tables


def json_document(evaluation: Evaluation, manifest: dict[str, Any], folder: Path) -> str:
    """The result as one JSON document."""
    names = [name for name in ("summary", "incremental", "frontier", "errors", "caps") if name in evaluation.tables]
    tables = {name: store.objects(getattr(evaluation, name)) for name in names}
    return store.json_text({**tables, "manifest": manifest, "folder": str(folder)})
