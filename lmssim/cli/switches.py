"""`lmssim switches`: every option of every switch compared with the base case, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.sensitivity.switches import SwitchStudy

DEFAULT_PATIENTS, FEWEST = 20_000, 1_024
"""Patients; fewer than 1,024 give no errors (16 batches of 64)."""
TABLE, FIGURE = "switches.csv", "switches"


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
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=options.folder_of,
            help="Folder of the results.",
            show_default="./lmssim-out/SCENARIO-switches",
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run the base case and every other option of each switch, with the same patients and random numbers."""
    overrides_, chosen_ = options.overrides_of(overrides), options.switches_of(chosen)
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.sensitivity.switches import run_switches

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, chosen_)
    options.check_strategies(strategies_, loaded)
    name = loaded.name
    sampling = Sampling(n_patients=patients, seed=seed, block=block, jobs=options.jobs_or_all(jobs))
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / f"{name}-switches", loaded.inputs, beside=beside) as folder:
        with progress_bar(name, shown=not quiet) as progress:
            study = run_switches(scenario, sampling, overrides_, chosen_, strategies_, progress)
        clock.lap("simulate")
        manifest = _write(study, folder, _manifest(study, overrides_, clock.laps), formats)
    if json:
        say(_document(study, manifest, folder.path), end="")
    elif not quiet:
        _print(study, folder.path)


def _manifest(study: SwitchStudy, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """Manifest of the base case, with the other options that were run."""
    from lmssim.execution.manifest import evaluation_part, manifest

    result = evaluation_part(study.program, study.sampling, overrides)
    result["options_run"] = [f"{case.switch}={case.option}" for case in study.cases]
    sampling = study.sampling
    return manifest(result, command=options.command_line(), timings=timings, jobs=sampling.jobs, block=sampling.block)


def _write(
    study: SwitchStudy, folder: ResultFolder, manifest: dict[str, Any], formats: tuple[str, ...]
) -> dict[str, Any]:
    """Write table and figure; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_csv
    from lmssim.report.parts.style import save_figure
    from lmssim.report.sensitivity.switches import plot_switches

    write_csv(folder.place(TABLE), study.to_frame())
    if study.compared and study.cases:
        folder.add(save_figure(plot_switches(study), folder.begin(), FIGURE, formats))
    return folder.finish(manifest, inputs_of(study.scenario, study.program.used, manifest))


def _document(study: SwitchStudy, manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.execution.store import json_text, objects

    return json_text({"switches": objects(study.to_frame()), "manifest": manifest, "folder": str(folder)})


def _print(study: SwitchStudy, folder: Path) -> None:
    from lmssim.report.sensitivity.switches import switch_table_text

    console().print(switch_table_text(study))
    say(f"Table: {folder / TABLE}")
