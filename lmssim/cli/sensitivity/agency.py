"""`lmssim agency`: what agencies ask beside the base case: severity, budget, patients, discount rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import phase_bars
from lmssim.cli.sensitivity import shared
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.agency.study import Question

DEFAULT_PATIENTS, FEWEST, MOST_PATIENTS = 50_000, 1_024, 5_000_000
FEWEST_DRAWS, MOST_DRAWS = 16, 1_000_000
PARTS = ("severity", "rates", "patients", "budget")


def agency(
    scenario: options.Scenario,
    parts: Annotated[
        str | None,
        typer.Option(
            metavar="PART,PART", help=f"Some of: {', '.join(PARTS)}.", show_default="all that the scenario can tell"
        ),
    ] = None,
    standard_care: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Strategy that patients get today, under which the severity modifier counts what they lose.",
            show_default="the scenario's comparator",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A file (TOML) that says who is treated each year, and how, in two worlds; or the name of a bundled "
            "one.",
            show_default="the bundled one of a bundled scenario, if there is one",
        ),
    ] = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients in all, each of whom meets every strategy.", FEWEST, MOST_PATIENTS, show_default="50000"
        ),
    ] = None,
    draws: Annotated[
        int | None,
        options.whole(
            "Joint draws of the parameters, over which the patients are split, or each of which is solved.",
            FEWEST_DRAWS,
            MOST_DRAWS,
            show_default="1000 of a calibrated scenario; else, and with --engine cohort, none: every parameter has its "
            "value",
        ),
    ] = None,
    point: Annotated[bool, typer.Option("--point", help="Give every parameter its value, in place of draws.")] = False,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: shared.Engine = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    strategies: options.Strategies = None,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    resume: shared.Resume = True,
    out: Annotated[Path | None, shared.folder_option("agency")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """What agencies ask: severity modifier, budget impact, spread over patients, other discount rates."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_ = options.names_of(strategies)
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)
    asked_parts = options.names_of(parts, "--parts")
    for part in asked_parts:
        options.check_known("--parts", part, PARTS)
    shared.check_fits(engine, patients, profiles)
    backend = options.backend_of(backend, scheduler)
    if point and draws is not None:
        raise InputError("--point: takes no draws of the parameters: leave one of --point and --draws out.")

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario
    from lmssim.report.sensitivity.agency.page import presented, table_text
    from lmssim.studies.sensitivity.agency.study import question

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    options.check_strategies(strategies_, loaded)
    if standard_care is not None:
        options.check_strategies([standard_care], loaded, "--standard-care")
    sampling = Sampling(
        n_patients=DEFAULT_PATIENTS if patients is None else patients,
        seed=seed,
        strategies=strategies_,
        engine=engine,
        profiles=options.DEFAULT_PROFILES if profiles is None else profiles,
        jobs=options.jobs_or_all(jobs),
        backend=backend,
        block=block,
    )
    asked = question(
        compile_scenario(loaded),
        sampling,
        0 if point else draws,
        parts=asked_parts,
        standard_care=standard_care,
        budget=budget,
    )
    clock.lap("load")
    inputs: list[str | Path] = [*loaded.inputs, *asked.inputs]
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-agency", inputs, beside=beside) as folder:
        kept = shared.kept(folder, asked.key(), resume=resume)
        with phase_bars(shown=not quiet) as progress:
            found = asked.kept_in(kept).run(progress)
        clock.lap("run")
        told = _asked_part(asked)
        tables = found.tables
        clock.lap("tables")
        document = shared.write_study(
            folder,
            tables,
            asked.program,
            lambda: shared.document_of(asked.program, asked.people.sampling, overrides_, told, clock),
            lambda: presented(found),
            output,
        )
    output.say(tables, document, folder.path, lambda: table_text(found))


def _asked_part(asked: Question) -> dict[str, Any]:
    """What decides the numbers beside the scenario and whom it follows."""
    budget = None if asked.budget is None else asked.budget.part()
    return {
        "draws": asked.people.n_draws or None,
        "agency": {"parts": list(asked.parts), "standard_care": asked.standard_care, "budget": budget},
    }
