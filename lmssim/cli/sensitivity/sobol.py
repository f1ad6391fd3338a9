"""`lmssim sobol`: global sensitivity of an increment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import phase_bars
from lmssim.cli.sensitivity import shared
from lmssim.cli.terminal import complain, say

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.sobol.plan import Plan
    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity
    from lmssim.studies.sensitivity.sobol.study import Study

ROWS, TRAJECTORIES, PATIENTS = 1_024, 20, 1_000
MOST_ROWS, MOST_TRAJECTORIES = 1 << 20, 100_000


def sobol(
    scenario: options.Scenario,
    strategy: shared.Strategy = None,
    against: shared.Against = None,
    wtp: shared.Wtp = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="NAME=ID,ID",
            help="Parameters that are one factor, by ids or patterns such as c_*; may be repeated. The others are then "
            "one more factor; without it, parameters are grouped by kind. What is drawn jointly stays whole.",
        ),
    ] = None,
    rows: Annotated[
        int, options.whole("Rows of Saltelli's design, a power of 2; 0: the screening alone.", 0, MOST_ROWS)
    ] = ROWS,
    morris: Annotated[
        int,
        options.whole(
            "Trajectories of Morris' screening of every parameter by itself; 0 leaves it out.", 0, MOST_TRAJECTORIES
        ),
    ] = TRAJECTORIES,
    shapley: Annotated[
        str,
        typer.Option(
            metavar="BLOCK",
            help="Divide the variance within a block that is drawn jointly by approximate Shapley effects.",
            show_default="none",
        ),
    ] = "",
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="NAME=ID,ID",
            help="Part of that block, by ids or patterns; may be repeated. Without it, each parameter is a part if "
            "there are at most 8, else parts are kinds.",
        ),
    ] = None,
    patients: Annotated[
        int | None,
        options.whole("Patients of every evaluation, the same in all.", 16, options.MOST_PATIENTS, show_default="1000"),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say how many evaluations and lives there are, and how long they take."),
    ] = False,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: shared.Engine = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    resume: shared.Resume = True,
    out: Annotated[Path | None, shared.folder_option("sobol")] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Global sensitivity: Morris' screening, then Sobol' indices of independent groups of parameters."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    wtps = shared.wtps_of(wtp)
    declared, divided = options.groups_of(groups), options.groups_of(parts, "--part")
    output = shared.output_of(report, figures, workbook=workbook, as_json=json, quiet=quiet)
    shared.check_fits(engine, patients, profiles)
    backend = options.backend_of(backend, scheduler)

    from dataclasses import replace

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario
    from lmssim.report.sensitivity.sobol.tables import presented, sobol_table_text
    from lmssim.report.sensitivity.sobol.words import plan_sentence
    from lmssim.studies.sensitivity.sobol.asked import Asked
    from lmssim.studies.sensitivity.sobol.study import Study

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    asked = Asked(strategy, against, tuple(wtps), rows, morris, declared, shapley, divided)
    asked.check(loaded)
    whom = shared.Whom(None, patients, seed, engine, profiles, options.jobs_or_all(jobs), backend, block)
    sampling = whom.sampling(PATIENTS)
    study = Study(compile_scenario(loaded), sampling, asked)
    study.validate()
    clock.lap("load")
    if dry_run:
        _say_plan(study.plan(), as_json=json)
        return
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-sobol", loaded.inputs, beside=beside) as folder:
        kept = shared.kept(folder, study.key(), resume=resume)
        if not quiet and not json:
            complain(f"Planned: {plan_sentence(study.plan())}")
        with phase_bars(shown=not quiet) as progress:
            found = replace(study, checkpoint=kept).run(progress)
        clock.lap("run")
        tables = {name: found.frame(name) for name in found.tables}
        told = _asked_part(found, study)
        document = shared.write_study(
            folder,
            tables,
            study.program,
            lambda: shared.document_of(study.program, sampling, overrides_, told, clock),
            lambda: presented(found),
            output,
        )
    output.say(tables, document, folder.path, lambda: sobol_table_text(found))


def _say_plan(plan: Plan, *, as_json: bool) -> None:
    from lmssim.execution.store import json_text
    from lmssim.report.sensitivity.sobol.words import plan_sentence

    counts = {"evaluations": plan.evaluations, "lives": plan.lives, "seconds": plan.seconds}
    say(json_text(counts) if as_json else f"{plan_sentence(plan)}\n", end="")


def _asked_part(found: GlobalSensitivity, study: Study) -> dict[str, Any]:
    """What decides the numbers beside the scenario and whom it follows."""
    asked = study.asked
    contrast = {"strategy": found.contrast.strategy, "against": found.contrast.against, "wtp": list(found.wtps)}
    design = {"rows": asked.rows, "trajectories": asked.trajectories, "evaluations": found.plan.evaluations}
    groups = {"groups": {name: list(ids) for name, ids in asked.groups.items()}}
    divided = {"shapley": asked.block, "parts": {name: list(ids) for name, ids in asked.parts.items()}}
    return {"sobol": {**contrast, **design, **groups, **divided}}
