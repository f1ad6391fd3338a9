"""`lmssim switches`: every option of every switch compared with the base case, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.published.claims import ClaimRead
    from lmssim.studies.sensitivity.switches import SwitchStudy

DEFAULT_PATIENTS, FEWEST = 20_000, 1_024
"""Patients; fewer than 1,024 give no errors (16 batches of 64)."""
TABLE, FIGURE, CLAIMS = "switches.csv", "switches", "labels.csv"


def switches(
    scenario: options.Scenario,
    patients: Annotated[
        int, options.whole("Patients, each of whom meets every strategy.", FEWEST, options.MOST_PATIENTS)
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    strategies: Annotated[
        str | None, typer.Option(metavar="ID,ID", help="Show these strategies beside the comparator. All if absent.")
    ] = None,
    overrides: options.Overrides = None,
    chosen: options.Switches = None,
    solve: Annotated[
        bool,
        typer.Option(
            "--solve",
            help="Solve parameters so that labels hold, and write their tables; runs nothing else, at base values.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        options.results_folder("SCENARIO-switches"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run the base case and every other option of each switch, with the same patients and random numbers."""
    overrides_, chosen_ = options.overrides_of(overrides), options.switches_of(chosen)
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)
    if solve:
        if overrides_ or chosen_ or strategies_:
            raise InputError(
                "--solve: parameters are solved in the base case; leave out --set, --switch, --strategies."
            )
        solve_to(scenario, out, beside=beside, as_json=json, quiet=quiet)
        return

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.published.claims import read_claims
    from lmssim.studies.sensitivity.switches import run_switches

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, chosen_)
    options.check_strategies(strategies_, loaded)
    name = loaded.name
    sampling = Sampling(n_patients=patients, seed=seed, block=block, jobs=options.jobs_or_all(jobs))
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / f"{name}-switches", loaded.inputs, beside=beside) as folder:
        claims = list(read_claims(loaded))  # first: what cannot be read is said before anything runs long
        clock.lap("labels")
        with progress_bar(name, shown=not quiet) as progress:
            study = run_switches(scenario, sampling, overrides_, chosen_, strategies_, progress)
        clock.lap("simulate")
        document = _manifest(study, overrides_, clock.laps)
        manifest = _write(study, claims, folder, document, formats, workbook=workbook)
    if json:
        say(_document(study, claims, manifest, folder.path), end="")
    elif not quiet:
        _print(study, claims, folder.path)


def solve_to(
    scenario: str | Path,
    out: Path | None,
    table: str | None = None,
    *,
    beside: bool = False,
    as_json: bool = False,
    quiet: bool = False,
) -> None:
    """Solve the parameters of a scenario's claims, of one table if wanted, and write a folder with their tables."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.manifest import Stopwatch, manifest, scenario_part
    from lmssim.execution.store import json_text, objects, write_csv
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.sensitivity.solving import solve_switches

    clock, loaded = Stopwatch(), load_scenario(scenario)
    path = out or Path("lmssim-out") / f"{loaded.name}-solved"
    with ResultFolder(path, loaded.inputs, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            solutions = solve_switches(scenario, table, progress)
        clock.lap("solve")
        frame = solutions.to_frame()
        write_csv(folder.place(CLAIMS), frame)
        for name, each in solutions.tables.items():
            write_csv(folder.place(name), each)
        asked = {"scenario": scenario_part(loaded), "solved": list(frame["parameter"])}
        document = manifest(asked, command=options.command_line(), timings=clock.laps)
        document = folder.finish(document, inputs_of(loaded, loaded.table, document))
    if as_json:
        say(json_text({"solved": objects(frame), "manifest": document, "folder": str(path)}), end="")
    elif not quiet:
        from lmssim.report.sensitivity.labels import solved_table_text

        console().print(solved_table_text(solutions))
        say(f"Tables: {', '.join(str(path / name) for name in solutions.tables)}")


def _manifest(study: SwitchStudy, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """Manifest of the base case, with the other options that were run."""
    from lmssim.execution.manifest import evaluation_part, manifest

    result = evaluation_part(study.program, study.sampling, overrides)
    result["options_run"] = [f"{case.switch}={case.option}" for case in study.cases]
    sampling = study.sampling
    return manifest(result, command=options.command_line(), timings=timings, jobs=sampling.jobs, block=sampling.block)


def _write(
    study: SwitchStudy,
    claims: list[ClaimRead],
    folder: ResultFolder,
    manifest: dict[str, Any],
    formats: tuple[str, ...],
    *,
    workbook: bool = False,
) -> dict[str, Any]:
    """Write tables and figure; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_bytes, write_csv
    from lmssim.published.claims import claims_frame
    from lmssim.report.parts.style import save_figure
    from lmssim.report.parts.workbook import FILE, table_sheets, workbook_bytes
    from lmssim.report.sensitivity.switches import plot_switches

    tables = {Path(TABLE).stem: study.to_frame()}
    if claims:
        tables[Path(CLAIMS).stem] = claims_frame(study.scenario, claims)
    for name, frame in tables.items():
        write_csv(folder.place(f"{name}.csv"), frame)
    if workbook:
        content = workbook_bytes(study.scenario.file.title, table_sheets(tables))
        write_bytes(folder.place(FILE), content)
    if study.compared and study.cases:
        folder.add(save_figure(plot_switches(study), folder.begin(), FIGURE, formats))
    return folder.finish(manifest, inputs_of(study.scenario, study.program.used, manifest))


def _document(study: SwitchStudy, claims: list[ClaimRead], manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.execution.store import json_text, objects
    from lmssim.published.claims import claims_frame

    tables = {"switches": objects(study.to_frame()), "labels": objects(claims_frame(study.scenario, claims))}
    return json_text({**tables, "manifest": manifest, "folder": str(folder)})


def _print(study: SwitchStudy, claims: list[ClaimRead], folder: Path) -> None:
    from lmssim.report.sensitivity.labels import claims_table_text
    from lmssim.report.sensitivity.switches import switch_table_text

    console().print(switch_table_text(study))
    if claims:
        console().print(claims_table_text(study.scenario, claims))
    say(f"Table: {folder / TABLE}")
