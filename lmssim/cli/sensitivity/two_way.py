"""`lmssim two-way`: a map of the best strategy over two inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.sensitivity import shared


def two_way(
    scenario: options.Scenario,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=LO:HI:N",
            help="Parameter and its values: LO:HI:N (N numbers; :log at the end for even steps of the logarithm) or "
            "A,B,C; may be repeated, and is given twice: across, then upwards.",
        ),
    ] = None,
    wtp: shared.Wtp = None,
    draws: shared.Draws = None,
    point: shared.Point = False,
    patients: shared.Patients = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: shared.Engine = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    resume: shared.Resume = True,
    out: Annotated[Path | None, shared.folder_option("two-way")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Map the best strategy over two inputs, and show where noise leaves it open."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)

    from dataclasses import replace

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.report.sensitivity.two_way.shown import presented, two_way_table_text
    from lmssim.studies.axes import axis_of
    from lmssim.studies.sensitivity.paired.runs import Reloaded
    from lmssim.studies.sensitivity.paired.varied import check_free
    from lmssim.studies.sensitivity.two_way import study
    from lmssim.studies.sensitivity.two_way.result import TABLES

    clock = Stopwatch()
    source = shared.Source(scenario, overrides_, switches_)
    program = source.program({})
    axes = study.check_axes(program, [axis_of(text) for text in vary or []])
    for axis in axes:
        check_free(program.scenario, axis.label, "--vary", overrides_, switches_)
    wtps = study.wtps_of(program.scenario, shared.wtps_of(wtp))
    backend, workers = options.backend_of(backend, scheduler), options.jobs_or_all(jobs)
    whom = shared.Whom(draws, patients, seed, engine, profiles, workers, backend, block)
    runs, made = shared.runs_of(program, whom, point=point)
    clock.lap("load")
    place = out or Path("lmssim-out") / f"{program.scenario.name}-two-way"
    with ResultFolder(place, program.scenario.inputs, beside=beside) as folder:
        kept = shared.kept(folder, runs.key(), resume=resume)
        follow = Reloaded(replace(runs, checkpoint=kept), source.program)
        with progress_bar(program.scenario.name, shown=not quiet) as progress:
            found = study.two_way(follow, axes, wtps, made, progress)
        tables = {name: getattr(found, name) for name in TABLES}
        clock.lap("run")
        told = {"vary": {axis.label: list(axis.levels) for axis in axes}, "wtp": wtps, **made}
        document = shared.write_study(
            folder,
            tables,
            program,
            lambda: shared.document_of(program, runs.sampling, overrides_, {"two_way": told}, clock),
            lambda: presented(found),
            output,
        )
    output.say(tables, document, folder.path, lambda: two_way_table_text(found))
