"""`lmssim scenarios`: numbered scenario analyses, all against the base case in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.sensitivity import shared
from lmssim.cli.terminal import complain
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Runs
    from lmssim.studies.sensitivity.scenarios.numbered import Numbered


def scenarios(
    scenario: options.Scenario,
    only: Annotated[
        str | None, typer.Option(metavar="N,N", help="Run the analyses of these numbers alone; all if absent.")
    ] = None,
    strategy: shared.Strategy = None,
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
    out: Annotated[Path | None, shared.folder_option("scenarios")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run numbered scenario analyses: those of [analyses.N], and behind them every other option of a switch.

    Exit code 1 if some could not be run: they are named, and the others are there.
    """
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    numbers = _numbers(only)
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)
    shared.check_fits(engine, patients, profiles)
    backend = options.backend_of(backend, scheduler)

    from lmssim.execution.checkpoint import Checkpoint, key_of
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.report.sensitivity.scenarios.shown import presented, scenario_table_text
    from lmssim.studies.sensitivity.paired.contrast import check_contrast
    from lmssim.studies.sensitivity.scenarios.numbered import chosen
    from lmssim.studies.sensitivity.scenarios.result import TABLES
    from lmssim.studies.sensitivity.scenarios.study import run_scenarios

    clock = Stopwatch()
    source = shared.Source(scenario, overrides_, switches_)
    program = source.program({})
    check_contrast(program.scenario, strategy, None)
    analyses = chosen(program.scenario, numbers)
    wtps = sorted(set(shared.wtps_of(wtp))) or program.scenario.file.settings.wtp
    workers = options.jobs_or_all(jobs)
    whom = shared.Whom(draws, patients, seed, engine, profiles, workers, backend, block)
    runs, made = shared.runs_of(program, whom, point=point)
    clock.lap("load")
    place = out or Path("lmssim-out") / f"{program.scenario.name}-scenarios"
    with ResultFolder(place, program.scenario.inputs, beside=beside) as folder:

        def kept(number: int, each: Runs) -> Checkpoint:
            key = key_of(dict(each.key()), number)
            return Checkpoint(folder.begin() / f"{shared.CHECKPOINT}-{number}", key, resume=resume)

        def load(each: Numbered) -> Program:
            return source.program(each.set, each.switches, each.change)

        with progress_bar(program.scenario.name, shown=not quiet) as progress:
            found = run_scenarios(runs, analyses, load, wtps, made, strategy=strategy, kept=kept, progress=progress)
        tables = {name: getattr(found, name) for name in TABLES}
        clock.lap("run")
        told = {"numbers": [each.number for each in analyses], "wtp": list(wtps), **made}
        document = shared.write_study(
            folder,
            tables,
            program,
            lambda: shared.document_of(program, runs.sampling, overrides_, {"scenarios": told}, clock),
            lambda: presented(found),
            output,
            further=[f"{shared.CHECKPOINT}-{number}" for number in (0, *(each.number for each in analyses))],
        )
    output.say(tables, document, folder.path, lambda: scenario_table_text(found))
    for each, reason in found.failed:
        complain(f"lmssim: analysis {each.number} ({each.label[:60]}) could not be run: {reason}")
    if found.failed:
        raise typer.Exit(1)


def _numbers(text: str | None) -> list[int]:
    found = []
    for word in options.names_of(text, "--only"):
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 10_000):
            raise InputError(f"--only {word[:60]}: is not the number of an analysis.")
        found.append(int(word))
    return found
