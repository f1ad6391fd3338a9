"""`lmssim sbc`: simulation-based calibration, which tests whether the method recovers known parameters."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.bundled import find_calibration
from lmssim.cli import options
from lmssim.cli.progress import phase_bars
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.calibration.checks.sbc import SbcSettings, SimulationBased

DEFAULT_DATASETS, FEWEST_DATASETS, MOST_DATASETS = 100, 20, 100_000
"""Data sets; fewer than 20 cannot tell a right likelihood from a wrong one."""
DEFAULT_PATIENTS = 2_000
TRUTH = 10
"""Patients of a data set, as a multiple of those of a design point."""
FIGURE = "ranks"


def sbc(
    calibration: Annotated[
        str, typer.Argument(metavar="CALIBRATION", help="A calibration file (TOML), or the name of a bundled one.")
    ],
    datasets: Annotated[
        int, options.whole("Data sets, each simulated from parameters of its own.", FEWEST_DATASETS, MOST_DATASETS)
    ] = DEFAULT_DATASETS,
    patients: Annotated[
        int,
        options.whole(
            "Patients at each design point of the emulator; ten times as many for a data set.",
            1,
            options.MOST_PATIENTS // TRUTH,
        ),
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[
        Path | None,
        options.results_folder("sbc/CALIBRATION"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    quiet: options.Quiet = False,
) -> None:
    """Fit targets simulated from known parameters, and rank those parameters. Exit code 1 if ranks are not uniform."""
    from lmssim.studies.calibration.checks.sbc import SbcSettings

    path, formats = find_calibration(calibration), options.formats_of(figures)
    settings = SbcSettings(datasets=datasets, patients=patients, truth_patients=TRUTH * patients, seed=seed)
    settings.validate()
    folder = out or Path("lmssim-out") / "sbc" / path.stem
    if not sbc_to(path, settings, folder, options.jobs_or_all(jobs), formats, quiet=quiet, beside=beside).passed:
        raise typer.Exit(1)


def sbc_to(
    path: Path,
    settings: SbcSettings,
    out: Path,
    jobs: int,
    formats: tuple[str, ...] = options.FORMATS[:1],
    *,
    quiet: bool = False,
    beside: bool = False,
) -> SimulationBased:
    """Simulation-based calibration into a folder."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.calibration.checks.sbc import run_sbc
    from lmssim.studies.calibration.problem import load_problem

    clock = Stopwatch()
    problem = load_problem(path)
    clock.lap("load")
    with ResultFolder(out, problem.files, beside=beside) as folder:
        with phase_bars(shown=not quiet) as progress:
            study = run_sbc(problem, settings, jobs, progress)
        clock.lap("simulate and fit")
        _write(study, folder, _manifest(study, jobs, clock.laps), formats)
    if not quiet:
        _print(study, out)
    return study


def _manifest(study: SimulationBased, jobs: int, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim.execution.manifest import manifest, scenario_part

    result = {
        "calibration": study.problem.name,
        "scenario": scenario_part(study.problem.scenario),
        "settings": asdict(study.settings),
    }
    return manifest(result, command=options.command_line(), timings=timings, jobs=jobs)


def _write(study: SimulationBased, folder: ResultFolder, manifest: dict[str, Any], formats: tuple[str, ...]) -> None:
    """Write tables and figure."""
    import pandas as pd

    from lmssim.execution import store
    from lmssim.execution.inputs import inputs_of
    from lmssim.report.calibration.sbc import plot_ranks
    from lmssim.report.parts.style import save_figure

    problem = study.problem
    held = pd.DataFrame({"id": problem.held.keys(), "value": problem.held.values()})
    tables = {"sbc": study.table, "ranks": study.ranks, "emulator": study.emulator, "held": held}
    for name, table in tables.items():
        store.write_csv(folder.place(f"{name}.csv"), table)
    verdict = {"passed": study.passed, "summary": study.summary, "settings": asdict(study.settings)}
    store.write_json(folder.place("verdict.json"), verdict)
    folder.add(save_figure(plot_ranks(study), folder.begin(), FIGURE, formats))
    inputs = inputs_of(problem.scenario, problem.scenario.table, manifest, calibration=problem.as_read())
    folder.finish(manifest, inputs)


def _print(study: SimulationBased, folder: Path) -> None:
    from lmssim.report.calibration.sbc import sbc_table

    console().print(sbc_table(study))
    say(f"Figure: {folder / FIGURE}.png")
