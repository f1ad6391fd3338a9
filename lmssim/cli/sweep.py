"""`lmssim sweep`: a result over many values of its inputs, in a folder that can be left and taken up again."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import json_lines, sweep_bar
from lmssim.cli.terminal import complain, console, say
from lmssim.errors import InputError, InUseError

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.studies.sweep.axes import Axis
    from lmssim.studies.sweep.file import SweepFile
    from lmssim.studies.sweep.result import Sweep
    from lmssim.studies.sweep.study import Planned
    from lmssim.studies.sweep.work import Done

DEFAULT_PATIENTS = 10_000
BAR, JSON, NONE = "bar", "json", "none"
PROGRESS = (BAR, JSON, NONE)
RESULT = "sweep.parquet"
WAIT_SECONDS, POLL_SECONDS = 5.0, 0.3
SHOWN = 12
"""Cells that a list on the terminal shows, at most."""


def sweep(
    scenario: Annotated[
        str | None,
        typer.Argument(metavar="[SCENARIO]", help="A scenario file (TOML), or the name of a bundled scenario."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME=LEVELS",
            help="What varies: a parameter, a switch, a field of the file (settings.horizon), or where, patients, "
            "seed, engine, profiles. Levels: LO:HI:N (N numbers; :log at the end for even steps of the logarithm), "
            "A,B,C, or LO:HI for lhs and sobol. NAME+NAME takes the same level together. ' if OTHER=LEVEL' at the "
            "end: varies only there; may be repeated.",
        ),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="grid: every level with every other; list: the k-th levels together; lhs: Latin hypercube; sobol: "
            "Sobol sequence, which more cells continue.",
            show_default="grid",
        ),
    ] = None,
    n_cells: Annotated[int | None, options.whole("Cells of lhs or sobol.", 1, 1_000_000)] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="A sweep as a TOML file (docs/sweeps.md).")] = None,
    strategies: options.Strategies = None,
    patients: Annotated[
        int | None,
        options.whole("Patients of each cell, the same in every cell.", 2, options.MOST_PATIENTS, show_default="10000"),
    ] = None,
    seed: options.Seed = 1,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="compiled, des, or cohort (solved exactly).")
    ] = "compiled",
    profiles: options.Profiles = None,
    where: options.Where = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    jobs: options.Jobs = None,
    backend: options.Backend = "threads",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=options.folder_of,
            help="Folder of the results; without SCENARIO, the one to read.",
            show_default="./lmssim-out/SCENARIO-sweep",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many cells, how long and how many bytes; run one as a pilot.")
    ] = False,
    status: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Say how far the sweep in a folder has come.")
    ] = None,
    best: Annotated[
        str | None,
        typer.Option(metavar="OUTCOME", help="Print the best strategy of each cell, by nmb:30000, qalys, cost, ..."),
    ] = None,
    progress: Annotated[
        str, typer.Option(metavar="FORM", help="On stderr: bar, json (a line each second) or none.")
    ] = BAR,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a scenario over many values of its inputs; the same command goes on where an earlier one was stopped.

    Exit code 1 if cells failed: they are listed, and the others are there.
    """
    options.check_known("--progress", progress, PROGRESS)
    if status is not None:
        _say_status(status, as_json=json)
        return
    if scenario is None and file is None:
        _read(out, best, as_json=json)
        return
    options.check_known("--engine", engine, options.ENGINES)
    options.check_known("--backend", backend, options.BACKENDS)
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_ = options.names_of(strategies)

    from lmssim.execution.simulate import Sampling
    from lmssim.studies.sweep.cells import Source
    from lmssim.studies.sweep.design import GRID
    from lmssim.studies.sweep.outcomes import Outcomes
    from lmssim.studies.sweep.study import planned

    asked, axes = _asked(scenario, file, vary)
    source = Source(str(asked.scenario), {**asked.set, **overrides_}, {**asked.switch, **switches_}, tuple(allow or ()))
    sampling = Sampling(
        n_patients=patients or asked.patients or DEFAULT_PATIENTS,
        seed=seed,
        strategies=strategies_ or tuple(asked.strategies or ()),
        engine=engine,
        profiles=options.DEFAULT_PROFILES if profiles is None else profiles,
        where=where.strip() or asked.where or "",
        jobs=options.jobs_or_all(jobs),
        backend=backend,
    )
    cells = n_cells or asked.n_cells
    plan = planned(source, sampling, axes, Outcomes(), design=design or asked.design or GRID, n_cells=cells)
    place = out or Path("lmssim-out") / f"{plan.scenario.name}-sweep"
    if dry_run:
        _say_forecast(plan, place, as_json=json)
        return
    found, done, manifest = _run(plan, place, beside=beside, progress=NONE if quiet else progress)
    if json:
        _say_json(found, done, manifest, place)
    elif not quiet:
        _print(found, done, place, best)
    if len(found.failed):
        _list_failed(found)
        raise typer.Exit(1)


# === What is asked ===


def _asked(scenario: str | None, file: Path | None, vary: list[str] | None) -> tuple[SweepFile, list[Axis]]:
    """What a file and options ask for, and all axes: those of the file before those of options."""
    from lmssim.studies.sweep.axes import axis_of
    from lmssim.studies.sweep.file import SweepFile, read_sweep

    asked, axes = (SweepFile(), []) if file is None else read_sweep(file)
    if scenario is None and asked.scenario is None:
        raise InputError(f"{file}: names no scenario: give it as SCENARIO, or as scenario in the file.")
    name = scenario or _beside(file, str(asked.scenario))
    return asked.model_copy(update={"scenario": name}), [*axes, *(axis_of(text) for text in vary or [])]


def _beside(file: Path | None, name: str) -> str:
    """A scenario that a file names: from the file's folder, if it is there, else a bundled one."""
    path = (file or Path()).parent / name
    return str(path) if path.is_file() else name


# === Running ===


def _run(plan: Planned, place: Path, *, beside: bool, progress: str) -> tuple[Sweep, Done, dict[str, Any]]:
    """Run what is missing, alone or with others who run the same, and write the results if nobody else does."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.execution.writing.sharing import SHARED

    clock = Stopwatch()
    tables = SharedTables(place / SHARED)
    with ExitStack() as opened:
        folder = ResultFolder(place, plan.scenario.inputs, beside=beside)
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
        return found, done, _write(found, plan, folder, done, clock.laps)


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
    return Sweep(plan.table().to_pandas(), rows.to_pandas(), plan.about)


def _write(found: Sweep, plan: Planned, folder: ResultFolder, done: Done, timings: dict[str, float]) -> dict[str, Any]:
    """Write the table and the manifest."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_parquet_stream
    from lmssim.model.compile import compile_scenario

    table = found.to_table()
    with write_parquet_stream(folder.place(RESULT), table.schema) as writer:
        writer.write_table(table)
    program = compile_scenario(plan.scenario)
    document = _manifest(program, plan, done, timings)
    return folder.finish(document, inputs_of(plan.scenario, program.used, document))


def _manifest(program: Any, plan: Planned, done: Done, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim.execution.checkpoint import key_of
    from lmssim.execution.manifest import evaluation_part, manifest
    from lmssim.execution.shared.code import installed

    sampling = replace(plan.sampling, strategies=tuple(plan.work.strategies))
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
    return sweep_bar(plan.scenario.name) if progress == BAR else nullcontext()


# === What is said ===


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


def _say_forecast(plan: Planned, place: Path, *, as_json: bool) -> None:
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.execution.store import json_text
    from lmssim.execution.writing.sharing import SHARED
    from lmssim.report.sensitivity.sweep.text import forecast_text
    from lmssim.studies.sweep.study import forecast

    tables = SharedTables(place / SHARED)
    tables.look()
    done = plan.work.done(tables, set(tables.done))
    expected = forecast(plan, done.left) if done.left else None
    if as_json:
        more = {} if expected is None else {"seconds": expected.seconds, "megabytes": expected.megabytes}
        counts = {"cells": done.cells, "kept": done.kept, "to_run": done.left, "programs": plan.n_programs}
        say(json_text(counts | more), end="")
    else:
        say(forecast_text(plan, done, expected))


def _say_status(place: Path, *, as_json: bool) -> None:
    from lmssim.execution.store import json_text
    from lmssim.report.sensitivity.sweep.text import status_text
    from lmssim.studies.sweep.status import status_of

    found = status_of(place)
    say(json_text(found.document()), end="") if as_json else say(status_text(found))


def _read(place: Path | None, best: str | None, *, as_json: bool) -> None:
    """Answer from a folder."""
    from lmssim.execution.store import json_text, objects
    from lmssim.report.sensitivity.sweep.text import best_text
    from lmssim.studies.sweep.status import sweep_from

    if place is None or best is None:
        raise InputError(
            "sweep: SCENARIO is missing; give a scenario, or --status DIR, or --out DIR with --best OUTCOME."
        )
    found = sweep_from(place)
    if as_json:
        say(json_text({"best": objects(found.best(best))}), end="")
    else:
        console().print(best_text(found, best))


def _print(found: Sweep, done: Done, place: Path, best: str | None) -> None:
    from lmssim.report.sensitivity.sweep.text import best_text, done_text

    say(done_text(done))
    if best is not None:
        console().print(best_text(found, best))
    say(f"Table: {place / RESULT}")


def _list_failed(found: Sweep) -> None:
    from lmssim.report.sensitivity.sweep.text import failed_lines

    for line in failed_lines(found, SHOWN):
        complain(f"lmssim: {line}")


def _say_json(found: Sweep, done: Done, manifest: dict[str, Any], place: Path) -> None:
    from lmssim.execution.store import json_text, objects

    counts = {"cells": done.cells, "kept": done.kept, "made": done.made, "failed": done.failed}
    document = {**counts, "failures": objects(found.failed), "manifest": manifest, "folder": str(place)}
    say(json_text(document), end="")
