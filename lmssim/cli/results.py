"""The output folder of a run: tidy tables, figures, the report, and last of all the manifest."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lmssim.execution import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lmssim.evaluation import Evaluation
    from lmssim.report.parts.table import ReportTable

TABLES = ("summary", "incremental", "frontier", "survival", "occupancy", "states", "series")
EXACT_TABLES = (*TABLES[:-1], "errors")
"""Tables of an exact solution, which has no individual lives for published series."""
PARAMETER_COLUMNS = ("id", "value", "unit", "kind", "source_id", "locator", "description", "reason")
MANIFEST = "manifest.json"


def write_results(
    evaluation: Evaluation,
    folder: Path,
    manifest: Callable[[], dict[str, Any]],
    lap: Callable[[str], None],
    *,
    histories: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write everything about an evaluation.

    While files are written the folder has no manifest; what an earlier run left there and this one did not write again
    is removed, and nothing else is.

    Parameters
    ----------
    manifest : callable
        Gives the manifest, timings up to now included.
    lap : callable
        Closes a stage of the timings.

    Returns
    -------
    dict
        The manifest as written.

    Raises
    ------
    OutputError
        If a file cannot be written; those written before it stay.
    """
    earlier = take_manifest(folder)
    names = TABLES if evaluation.solution is None else EXACT_TABLES
    written = [store.write_csv(folder / f"{name}.csv", getattr(evaluation, name)) for name in names]
    if evaluation.controlled is not None:
        written.append(store.write_csv(folder / "control_variate.csv", evaluation.control_variate))
    if evaluation.case_times:
        written.append(store.write_csv(folder / "cases.csv", evaluation.cases))
    written.append(store.write_rows(folder / "parameters.csv", PARAMETER_COLUMNS, _parameters(evaluation)))
    if histories:
        from lmssim.execution.histories import write_histories

        written += write_histories(evaluation.program, evaluation.sampling, folder, progress)
    lap("tables")
    document = manifest()
    written += write_report(evaluation, folder, document)
    lap("report")
    files = sorted(path.relative_to(folder).as_posix() for path in written)
    document = manifest() | {"files": files}
    remove(folder, sorted(set(earlier) - set(files)))
    store.write_json(folder / MANIFEST, document)
    return document


def _parameters(evaluation: Evaluation) -> Iterator[list[Any]]:
    table = evaluation.program.used
    values = table.base()
    for id_, parameter in table.items():
        yield [id_, float(values[id_][0]), *(getattr(parameter, column) for column in PARAMETER_COLUMNS[2:])]


def write_report(evaluation: Evaluation, folder: Path, manifest: dict[str, Any]) -> list[Path]:
    """Write the figures, and the report that holds them."""
    from lmssim.report.evaluation.cases import case_table
    from lmssim.report.evaluation.figures import write_figures
    from lmssim.report.evaluation.page import write_report as write_html

    figures = write_figures(evaluation, folder / "figures")
    tables = series_tables(evaluation)
    tables += [case_table(evaluation.scenario, evaluation.case_times)] if evaluation.case_times else []
    report = write_html(evaluation, folder, manifest, figures, tables)
    return [*figures.values(), *(path.with_suffix(".png") for path in figures.values()), report]


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
    names = ["summary", "incremental", "frontier", *(["errors"] if evaluation.solution is not None else [])]
    tables = {name: objects(getattr(evaluation, name)) for name in names}
    return store.json_text({**tables, "manifest": manifest, "folder": str(folder)})


def objects(frame: Any) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries."""
    return [dict(zip(frame.columns, row, strict=True)) for row in store.records(frame)]


def take_manifest(folder: Path) -> list[str]:
    """Files an earlier run wrote; its manifest is taken away, for it will not hold."""
    path = folder / MANIFEST
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        files = []
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise store.refusal(path, error) from None
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []


def remove(folder: Path, names: list[str]) -> None:
    """Remove files of a folder, but nothing outside of it."""
    for name in names:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            with suppress(OSError):
                path.unlink(missing_ok=True)
