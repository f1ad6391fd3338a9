"""`lmssim threshold`: the value of an input at which the decision changes, or a value-based price."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.sensitivity import shared
from lmssim.errors import InputError


def threshold(
    scenario: options.Scenario,
    vary: Annotated[
        str | None,
        typer.Option(
            metavar="ID=LO:HI",
            help="Parameter, and the range in which the value is looked for: its 95% interval if =LO:HI is left out. "
            "One that is drawn jointly with others is followed in expectation given its value.",
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="A cost, whose value-based price is looked for at each willingness to pay; ID=LO:HI bounds it.",
        ),
    ] = None,
    strategy: shared.Strategy = None,
    against: shared.Against = None,
    wtp: shared.Wtp = None,
    steps: Annotated[int, options.whole("Values of the scan; within each step one change is found.", 3, 1_000)] = 21,
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
    out: Annotated[Path | None, shared.folder_option("threshold")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Find the value of an input at which another strategy becomes the best, or a value-based price.

    With --strategy or --against the sign of the increment of the one over the other is followed, in place of the best
    strategy.
    """
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)
    if (vary is None) == (price is None):
        raise InputError("threshold: give one of --vary ID=LO:HI and --price ID.")
    option = "--price" if vary is None else "--vary"
    name, low, high = _range(vary or price or "", option)

    from dataclasses import replace

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.report.sensitivity.threshold.tables import presented, threshold_table_text
    from lmssim.studies.sensitivity.paired.conditioned import DRAWS, PATIENTS
    from lmssim.studies.sensitivity.paired.varied import check_free, is_joint
    from lmssim.studies.sensitivity.threshold.result import TABLES
    from lmssim.studies.sensitivity.threshold.study import Asked, check_draws, followed, prices, range_of, thresholds

    clock = Stopwatch()
    source = shared.Source(scenario, overrides_, switches_)
    program = source.program({})
    asked = Asked(name, low, high, strategy, against, tuple(shared.wtps_of(wtp)), steps)
    asked.check(program, option)
    check_free(program.scenario, name, option, overrides_, switches_)
    if price is None:
        range_of(program, asked, option)
    backend, workers = options.backend_of(backend, scheduler), options.jobs_or_all(jobs)
    whom = shared.Whom(draws, patients, seed, engine, profiles, workers, backend, block)
    if price is None:
        check_draws(program, asked, drawn=not point and (engine != options.COHORT or draws is not None))
        if is_joint(program, name):
            each = None if engine == options.COHORT else patients or PATIENTS
            whom = replace(whom, draws=draws or DRAWS, patients=each)
    runs, made = shared.runs_of(program, whom, point=point)
    clock.lap("load")
    place = out or Path("lmssim-out") / f"{program.scenario.name}-threshold"
    with ResultFolder(place, program.scenario.inputs, beside=beside) as folder:
        kept = shared.kept(folder, runs.key(), resume=resume)
        with progress_bar(program.scenario.name, shown=not quiet) as progress:
            follow = followed(replace(runs, checkpoint=kept), asked, source.program, progress)
            found = (thresholds if price is None else prices)(follow, asked, made, progress)
        tables = {each: getattr(found, each) for each in TABLES}
        clock.lap("run")
        told = {"parameter": name, "range": [found.grid[0], found.grid[-1]], "steps": len(found.grid)}
        told |= {"strategies": list(found.among), "wtp": list(found.wtps), "method": found.method, **made}
        document = shared.write_study(
            folder,
            tables,
            program,
            lambda: shared.document_of(program, runs.sampling, overrides_, {found.kind: told}, clock),
            lambda: presented(found),
            output,
        )
    output.say(tables, document, folder.path, lambda: threshold_table_text(found))


def _range(text: str, option: str) -> tuple[str, float | None, float | None]:
    """Parameter, and the range if there is one."""
    from lmssim.studies.axes import axis_of

    if "=" not in text:
        return text.strip(), None, None
    axis = axis_of(text, option)
    if axis.within is None or axis.levels or axis.condition is not None or len(axis.names) > 1:
        raise InputError(f"{option} {text[:60]}: is not ID=LO:HI, a parameter and two numbers.")
    return axis.label, axis.within.low, axis.within.high
