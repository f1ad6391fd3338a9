"""`lmssim tornado`: one-way analysis of every uncertain parameter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import phase_bars
from lmssim.cli.sensitivity import shared
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.one_way.result import OneWay
    from lmssim.studies.sensitivity.one_way.study import Asked
    from lmssim.studies.sensitivity.paired.joint import JointDraws
    from lmssim.studies.sensitivity.paired.runs import Runs

AXES = ("nb", "icer")
DRAWS, PATIENTS, PATIENTS_AT_VALUES, MOST_BARS = 8_000, 200, 20_000, 10_000


def tornado(
    scenario: options.Scenario,
    strategy: shared.Strategy = None,
    against: shared.Against = None,
    wtp: shared.Wtp = None,
    axis: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="nb: incremental net benefit; icer: the cost per QALY gained too, its cases told apart.",
        ),
    ] = "nb",
    classic: Annotated[
        bool,
        typer.Option(
            "--classic",
            help="Give all other parameters their values, in place of their distribution. Parameters that are drawn "
            "jointly then have one bar, as a whole.",
        ),
    ] = False,
    psa: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder of `lmssim psa` of the same scenario, whose draws the regression takes.",
            show_default="own draws",
        ),
    ] = None,
    draws: Annotated[
        int | None,
        options.whole("Joint draws for the regression.", shared.FEWEST, shared.MOST_DRAWS, show_default="8000"),
    ] = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients of each joint draw, a quarter of them in draws of runs; with --classic, of each run.",
            2,
            options.MOST_PATIENTS,
            show_default="200; with --classic 20000",
        ),
    ] = None,
    top: Annotated[
        int, options.whole("Parameters that are drawn alone whose bars come from longer runs.", 0, MOST_BARS)
    ] = 20,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: shared.Engine = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    resume: shared.Resume = True,
    out: Annotated[Path | None, shared.folder_option("tornado")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """One-way analysis: what each uncertain parameter does to an increment, the longest bars first."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    wtps = shared.wtps_of(wtp)
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)
    options.check_known("--axis", axis, AXES)
    shared.check_fits(engine, patients, profiles)
    backend = options.backend_of(backend, scheduler)
    for option, value in (("--psa", psa), ("--draws", draws)):
        if classic and value is not None:
            raise InputError(f"{option}: --classic draws nothing: leave one of the two out.")
    if psa is not None and draws is not None:
        raise InputError("--draws: --psa has draws of its own: leave one of the two out.")

    from dataclasses import replace

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario
    from lmssim.report.sensitivity.tornado.tables import presented, tornado_table_text
    from lmssim.studies.sensitivity.one_way.result import TABLES
    from lmssim.studies.sensitivity.one_way.study import Asked
    from lmssim.studies.sensitivity.paired.joint import draws_of_folder

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    asked = Asked(strategy, against, tuple(wtps), top)
    asked.check(loaded)
    program = compile_scenario(loaded)
    whom = shared.Whom(draws, patients, seed, engine, profiles, options.jobs_or_all(jobs), backend, block)
    sampling = whom.sampling(PATIENTS_AT_VALUES if classic else PATIENTS)
    n_draws = DRAWS if draws is None else draws
    runs = _runs(program, sampling, n_draws, classic=classic)
    given = None if psa is None else draws_of_folder(psa, program)
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-tornado", loaded.inputs, beside=beside) as folder:
        kept = shared.kept(folder, runs.key(), resume=resume)
        with phase_bars(shown=not quiet) as progress:
            found = _run(replace(runs, checkpoint=kept), asked, n_draws, given, progress)
        tables = {name: getattr(found, name) for name in TABLES}
        clock.lap("run")
        told = _asked_part(found, axis)
        document = shared.write_study(
            folder,
            tables,
            program,
            lambda: shared.document_of(program, sampling, overrides_, told, clock),
            lambda: presented(found, axis),
            output,
        )
    output.say(tables, document, folder.path, lambda: tornado_table_text(found, axis))


def _runs(program: Program, sampling: Sampling, n_draws: int, *, classic: bool) -> Runs:
    """Runs of the model, checked down to the last draw."""
    from lmssim.studies.sensitivity.one_way.study import MOST_OF_RUNS
    from lmssim.studies.sensitivity.paired.runs import Drawn, at_values

    if classic:
        return at_values(program, sampling)
    runs = Drawn(program, sampling, min(n_draws, MOST_OF_RUNS))
    _ = runs.work
    return runs


def _run(runs: Runs, asked: Asked, n_draws: int, given: JointDraws | None, progress: Any) -> OneWay:
    from lmssim.studies.sensitivity.one_way.study import classic, one_way
    from lmssim.studies.sensitivity.paired.runs import Drawn

    if isinstance(runs, Drawn):
        return one_way(runs, n_draws, asked, progress, given)
    return classic(runs, asked, progress)


def _asked_part(found: OneWay, axis: str) -> dict[str, Any]:
    """What decides the numbers beside the scenario and whom it follows."""
    contrast = {"strategy": found.contrast.strategy, "against": found.contrast.against}
    return {"tornado": {**contrast, "wtp": list(found.wtps), "axis": axis, "classic": found.classic, **found.made}}
