"""`lmssim verify`: the black-box battery on the user's own model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import named_bar
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.verify import Battery

DEFAULT_PATIENTS, FEWEST = 4_000, 100


def verify(
    scenario: Annotated[
        str | None,
        typer.Argument(metavar="SCENARIO", help="A scenario file (TOML), or the name of a bundled scenario."),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Engine to test: compiled, des or cohort; may be repeated. Default: compiled; cohort for models of "
            "partitioned survival.",
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Run only this check, or the checks of this section (--list names them); may be repeated.",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Leave out this check, or the checks of this section (--list names them); may be repeated.",
        ),
    ] = None,
    patients: Annotated[
        int, options.whole("Patients, each of whom meets every strategy.", FEWEST, options.MOST_PATIENTS)
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    listed: Annotated[bool, typer.Option("--list", help="List the checks and stop.")] = False,
    out: Annotated[
        Path | None,
        options.results_folder("SCENARIO-verify"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Change a model's inputs, run it, and check that the results change as they must. Exit code 1 if a check fails."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)

    from lmssim.errors import InputError
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.store import json_text
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.verify import chosen, default_engine, run_battery

    engines = options.each_once("--engine", engine)
    for name in engines:
        options.check_known("--engine", name, options.ENGINES)
    checks = chosen(check or [], skip or [])
    if listed:
        for each in checks:
            say(f"{each.section:<12} {each.id:<26} {each.title}")
            say(f"{'':<40}compares: {each.compares}")
            say(f"{'':<40}true of: {each.scope}" + (f"; not made: {each.awaited}" if each.awaited else ""))
        return
    if scenario is None:
        raise InputError("verify: SCENARIO is missing; give a file (TOML) or the name of a bundled scenario.")
    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    sampling = Sampling(n_patients=patients, seed=seed, jobs=options.jobs_or_all(jobs))
    folder_path = out or Path("lmssim-out") / f"{loaded.name}-verify"
    with ResultFolder(folder_path, loaded.inputs, beside=beside) as folder:
        with named_bar(shown=not quiet) as progress:
            engines = engines or [default_engine(loaded)]
            battery = run_battery(loaded, sampling, engines, check or [], skip or [], progress)
        clock.lap("battery")
        manifest = _write(battery, folder, _manifest(battery, overrides_, clock.laps))
    if json:
        more = {"seconds": _seconds(battery), "manifest": manifest, "folder": str(folder.path)}
        say(json_text(_document(battery) | more), end="")
    elif not quiet:
        _print(battery, folder.path)
    if not battery.passed:
        raise typer.Exit(1)


def _manifest(battery: Battery, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """Manifest of the scenario and the outcome of the battery; of a model that does not run, the files alone."""
    from lmssim.execution.manifest import evaluation_part, manifest, scenario_part

    scenario, sampling = battery.scenario, battery.sampling
    if battery.program is None:
        chosen = dict(scenario.options)
        result: dict[str, Any] = {"scenario": scenario_part(scenario), "overrides": overrides, "switches": chosen}
    else:
        result = evaluation_part(battery.program, sampling, overrides)
    result["engine"] = ", ".join(sorted({r.engine for r in battery.results}))
    document = manifest(result, command=options.command_line(), timings=timings, jobs=sampling.jobs)
    document["environment"]["seconds_by_check"] = _seconds(battery)
    return document | {"verify": {"summary": battery.summary, "passed": battery.passed}}


def _seconds(battery: Battery) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in battery.seconds.items()}


def _write(battery: Battery, folder: ResultFolder, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write tables and report; returns the manifest as written."""
    from lmssim.execution import store
    from lmssim.execution.inputs import inputs_of
    from lmssim.report.verification.battery import write_verify_report

    store.write_csv(folder.place("verify.csv"), battery.to_frame())
    store.write_json(folder.place("verify.json"), _document(battery))
    for name, table in battery.tables.items():
        store.write_csv(folder.place(f"{name}.csv"), table)
    folder.add([write_verify_report(battery, folder.begin(), manifest)])
    used = battery.scenario.table if battery.program is None else battery.program.used
    return folder.finish(manifest, inputs_of(battery.scenario, used, manifest))


def _document(battery: Battery) -> dict[str, Any]:
    """Counts and results as plain values."""
    from lmssim.execution import store

    return {
        "scenario": battery.scenario.name,
        "passed": battery.passed,
        "summary": battery.summary,
        "results": store.objects(battery.to_frame()),
    }


def _print(battery: Battery, folder: Path) -> None:
    from lmssim.report.verification.battery import battery_table, scores_table

    screen = console()
    for name, table in battery.tables.items():
        if "z" in table:
            screen.print(scores_table(battery, name))
    screen.print(battery_table(battery))
    say(f"Report: {folder / 'verify.html'}")
