"""`lmssim sbc`: simulation-based calibration, whether known parameters are found again."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar

if TYPE_CHECKING:
    from lmssim.studies.calibration.sbc import SbcSettings, SimulationBased

DEFAULT_DATASETS, DEFAULT_PATIENTS = 100, 2_000
TRUTH = 10
"""Patients of a truth, as a multiple of those of a design point."""
FIGURE = "ranks"


def sbc(
    calibration: Annotated[
        str, typer.Argument(metavar="CALIBRATION", help="A calibration file (TOML), or the name of a bundled one.")
    ],
    datasets: Annotated[
        int, typer.Option(metavar="N", help="Sets of figures, each simulated from parameters of its own.")
    ] = DEFAULT_DATASETS,
    patients: Annotated[
        int, typer.Option(metavar="N", help="Patients of each of the emulator's design points; ten times as many of a truth.")
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="./lmssim-out/sbc/CALIBRATION"),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Simulate figures from known parameters, fit them, and rank the truth. Exit code 1 if ranks are not uniform."""
    from lmssim.cli.run import Stopwatch
    from lmssim.execution.store import make_folder
    from lmssim.studies.calibration.problem import load_problem
    from lmssim.studies.calibration.sbc import SbcSettings, run_sbc

    clock = Stopwatch()
    settings = SbcSettings(datasets=datasets, patients=patients, truth_patients=TRUTH * patients, seed=seed)
    settings.validate()
    problem = load_problem(calibration)
    folder = make_folder(out or Path("lmssim-out") / "sbc" / problem.name)
    clock.lap("load")
    with progress_bar(problem.name, shown=not quiet) as progress:
        tell = None if progress is None else lambda _phase, done, total: progress(done, total)
        study = run_sbc(problem, settings, options.jobs_or_all(jobs), tell)
    clock.lap("simulate and fit")
    _write(study, folder, _manifest(study, clock.laps))
    if not quiet:
        _print(study, folder)
    if not study.passed:
        raise typer.Exit(1)
