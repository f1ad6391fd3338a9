"""The folder of a sweep: cells are run into it, and its table, figures, report and manifest are written."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmssim.cli import options
from lmssim.cli.progress import json_lines, sweep_bar
from lmssim.cli.terminal import complain, say
from lmssim.errors import InputError, InUseError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.studies.sweep.result import Sweep
    from lmssim.studies.sweep.study import Planned
    from lmssim.studies.sweep.work import Done

BAR, JSON, NONE = "bar", "json", "none"
PROGRESS = (BAR, JSON, NONE)
RESULT = "sweep.parquet"
WAIT_SECONDS, POLL_SECONDS = 5.0, 0.3


@dataclass(frozen=True)
class Drawn:
    """What figures show."""

    outcome: str | None
    axes: tuple[str, ...]
    pareto: tuple[str, ...]
    formats: tuple[str, ...]


# === Running ===


def run_into(
    plan: Planned, place: Path, drawn: Drawn | None, *, beside: bool, progress: str
) -> tuple[Sweep, Done, dict[str, Any]]:
    """Run what is missing, alone or with others who run the same, and write the results if nobody else does."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.execution.writing.sharing import SHARED

    clock = Stopwatch()
    tables = SharedTables(place / SHARED)
    with ExitStack() as opened:
        folder = ResultFolder(place, plan.inputs, beside=beside)
        writes = _entered(folder, opened, tables)
        if writes:
            folder.begin()
        opened.enter_context(tables.opened())
        tables.look()
        _say_others(tables)
        if writes or tables.plan() is None:
            tables.write_plan(plan.table(), plan.about)
        try:
            with _shown(progress, plan) as report:
                done = plan.work.run(tables, report)
        except KeyboardInterrupt:
            _say_how_to_go_on(plan, tables, place)
            raise
        clock.lap("cells")
        if not writes and (document := _written_by_others(folder, plan, opened)) is not None:
            return _result(tables, plan), done, document
        tables.write_plan(plan.table(), plan.about)
        tables.compact()
        found = _result(tables, plan)
        return found, done, _write(found, plan, folder, done, clock.laps, drawn)


def _entered(folder: ResultFolder, opened: ExitStack, tables: SharedTables) -> bool:
    """Enter a folder to write its results; False if another process that runs a sweep there will do that."""
    began = time.monotonic()
    while True:
        try:
            opened.enter_context(folder)
        except InUseError:
            if tables.plan() is not None:
                return False
            if time.monotonic() - began > WAIT_SECONDS:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return True


def _written_by_others(folder: ResultFolder, plan: Planned, opened: ExitStack) -> dict[str, Any] | None:
    """Manifest of the results once the process that writes them has ended; None if it ended before, so that we must.

    The folder is entered then.
    """
    from lmssim.execution.checkpoint import key_of

    while True:
        with suppress(InUseError):
            opened.enter_context(folder)
            break
        time.sleep(POLL_SECONDS)
    document = _document_in(folder.path)
    wanted = key_of([cell.key for cell in plan.cells], plan.work.strategies)
    if document is None or document.get("result", {}).get("cells_sha256") != wanted:
        folder.begin()
        return None
    return document


def _document_in(place: Path) -> dict[str, Any] | None:
    import json

    with suppress(OSError, ValueError):
        document: dict[str, Any] = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        return document
    return None


def _result(tables: SharedTables, plan: Planned) -> Sweep:
    """Cells with their results."""
    from lmssim.studies.sweep.result import Sweep

    rows = tables.rows([cell.key for cell in plan.cells])
    return Sweep(plan.table().to_pandas(), rows.to_pandas(split_blocks=True, self_destruct=True), plan.about)


def _write(
    found: Sweep,
    plan: Planned,
    folder: ResultFolder,
    done: Done,
    timings: dict[str, float],
    drawn: Drawn | None,
) -> dict[str, Any]:
    """Write the table, the figures and the report that shows them, and the manifest."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.kept.source import keep_source
    from lmssim.execution.store import write_parquet_stream
    from lmssim.model.compile import compile_scenario

    table = found.to_table()
    with write_parquet_stream(folder.place(RESULT), table.schema) as writer:
        writer.write_table(table)
    program = None if plan.scenario is None else compile_scenario(plan.scenario)
    document = _manifest(program, plan, done, timings)
    refused = None
    if drawn is not None:
        try:
            _draw(found, folder, document, drawn)
        except OutputError:
            raise
        except InputError as error:  # what figures were asked for: the table is written all the same
            refused = error
    kept = {} if plan.subject is None else plan.subject.kept
    if plan.scenario is not None and program is not None:
        keep_source(plan.scenario, folder)
        kept = inputs_of(plan.scenario, program.used, document)
    document = folder.finish(document, kept)
    if refused is not None:
        raise refused
    return document


def _draw(found: Sweep, folder: ResultFolder, document: dict[str, Any], drawn: Drawn) -> None:
    """Write the figures, and the page that holds them."""
    from lmssim.report.sensitivity.sweep.figures import write_figures
    from lmssim.report.sensitivity.sweep.page import write_report

    files = {}
    if found.frame["error"].isna().any():
        files = write_figures(
            found,
            folder.begin() / "figures",
            drawn.formats,
            outcome=drawn.outcome,
            axes=drawn.axes,
            pareto=drawn.pareto,
        )
    for each in files.values():
        folder.add(each)
    page = write_report(found, folder.begin(), document, files, outcome=drawn.outcome, axes=drawn.axes)
    folder.add([page])


def _manifest(program: Any, plan: Planned, done: Done, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim.execution.checkpoint import key_of
    from lmssim.execution.manifest import evaluation_part, manifest
    from lmssim.execution.shared.code import installed

    sampling = replace(plan.sampling, strategies=tuple(plan.work.strategies))
    if program is None:
        result = dict(plan.subject.result) if plan.subject is not None else {}
    else:
        solved = {"profiles": sampling.profiles} if sampling.engine == options.COHORT else None
        result = evaluation_part(program, sampling, dict(plan.work.source.overrides), solved=solved)
    result |= {
        "axes": plan.about["axes"],
        "design": plan.about["design"],
        "study": plan.about["study"],
        "cells": len(plan.cells),
        "cells_sha256": key_of([cell.key for cell in plan.cells], plan.work.strategies),
        "code": installed().digest,
    }
    document = manifest(
        result, command=options.command_line(), timings=timings, jobs=sampling.jobs, backend=sampling.backend
    )
    document["environment"]["cells"] = {"kept": done.kept, "made": done.made, "failed": done.failed}
    return document


def _shown(progress: str, plan: Planned) -> Any:
    """Context whose value takes reports of progress."""
    from contextlib import nullcontext

    if progress == JSON:
        return json_lines()
    return sweep_bar(plan.name) if progress == BAR else nullcontext()


# === What is said meanwhile ===


def _say_others(tables: SharedTables) -> None:
    from lmssim.execution.shared.code import installed

    for name, n in tables.others.items():
        complain(
            f"lmssim: {tables.folder}: holds {n:,} rows of other code, {name}; this is {installed().name}. They are "
            "kept but not used."
        )


def _say_how_to_go_on(plan: Planned, tables: SharedTables, place: Path) -> None:
    done = plan.work.done(tables, set())
    complain(
        f"lmssim: {done.made + done.kept:,} of {done.cells:,} cells are kept in {place}; the same command goes on "
        "from them."
    )


# === Figures of a folder ===


def plot_folder(place: Path, out: Path | None, drawn: Drawn, *, beside: bool) -> None:
    """Draw what the sweep of a folder has found until now."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.report.sensitivity.sweep.figures import plots_of, write_figures
    from lmssim.studies.sweep.status import sweep_from

    found = sweep_from(place)
    document = _document_in(place)
    if out is None and document is None:
        raise InputError(f"--plot {place}: the sweep is not complete; name another folder for its figures by --out.")
    plots_of(found, *_what(found, drawn))
    with ResultFolder(out or place, beside=beside) as folder:
        inputs = _inputs_in(place)
        folder.begin()
        for name in (document or {}).get("files", []) if out is None else ():
            folder.keep(place / name)
        what = _what(found, drawn)
        files = write_figures(
            found, folder.path / "figures", drawn.formats, outcome=what[0], axes=what[1], pareto=what[2]
        )
        for each in files.values():
            folder.add(each)
        folder.finish(_of_figures(found, document), inputs)
    for each in files.values():
        say(f"Figure: {each[0]}")


def _what(found: Sweep, drawn: Drawn) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    from lmssim.report.sensitivity.sweep.figures import default_outcome

    return drawn.outcome or default_outcome(found), drawn.axes, drawn.pareto


def _of_figures(found: Sweep, document: dict[str, Any] | None) -> dict[str, Any]:
    """Manifest of figures: the sweep's own, or one that says what they are of."""
    from lmssim.execution.manifest import manifest

    if document is not None:
        return {name: part for name, part in document.items() if name not in ("files", "sha256")}
    return manifest({"sweep": found.about}, command=options.command_line(), timings={})


def _inputs_in(place: Path) -> dict[str, Any]:
    import json

    with suppress(OSError, ValueError):
        document: dict[str, Any] = json.loads((place / "inputs.json").read_text(encoding="utf-8"))
        return document
    return {}
