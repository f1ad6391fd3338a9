"""`lmssim sbc`: simulation-based calibration, which tests whether the method recovers known parameters."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.bundled import find_calibration
from lmssim.cli import options
from lmssim.cli.calibrate import phase_bars
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.studies.calibration.checks.sbc import SbcSettings, SimulationBased

DEFAULT_DATASETS, DEFAULT_PATIENTS = 100, 2_000
TRUTH = 10
"""Patients of a data set, as a multiple of those of a design point."""
FIGURE = "ranks"


def sbc(
    calibration: Annotated[
        str, typer.Argument(metavar="CALIBRATION", help="A calibration file (TOML), or the name of a bundled one.")
    ],
    datasets: Annotated[
        int, typer.Option(metavar="N", help="Data sets, each simulated from parameters of its own.")
    ] = DEFAULT_DATASETS,
    patients: Annotated[
        int,
        typer.Option(
            metavar="N", help="Patients at each design point of the emulator; ten times as many for a data set."
        ),
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="./lmssim-out/sbc/CALIBRATION"),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Fit targets simulated from known parameters, and rank those parameters. Exit code 1 if ranks are not uniform."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: {jobs}; it must be 1 or more.")

    from lmssim.execution.store import make_folder
    from lmssim.studies.calibration.checks.sbc import SbcSettings

    path = find_calibration(calibration)
    settings = SbcSettings(datasets=datasets, patients=patients, truth_patients=TRUTH * patients, seed=seed)
    settings.validate()
    folder = make_folder(out or Path("lmssim-out") / "sbc" / path.stem)
    if not sbc_to(path, settings, folder, options.jobs_or_all(jobs), quiet=quiet).passed:
        raise typer.Exit(1)


def sbc_to(path: Path, settings: SbcSettings, folder: Path, jobs: int, *, quiet: bool = False) -> SimulationBased:
    """Simulation-based calibration into a folder."""
    from lmssim.cli.run import Stopwatch
    from lmssim.studies.calibration.checks.sbc import run_sbc
    from lmssim.studies.calibration.problem import load_problem

    clock = Stopwatch()
    problem = load_problem(path)
    clock.lap("load")
    with phase_bars(shown=not quiet) as progress:
        study = run_sbc(problem, settings, jobs, progress)
    clock.lap("simulate and fit")
    _write(study, folder, _manifest(study, clock.laps))
    if not quiet:
        _print(study, folder)
    return study


def _manifest(study: SimulationBased, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim.execution.manifest import FORMAT, input_hashes
    from lmssim.version import __version__

    scenario = study.problem.scenario
    return {
        "format": FORMAT,
        "result": {
            "lmssim": __version__,
            "calibration": study.problem.name,
            "scenario": {"name": scenario.name, "title": scenario.file.title, "inputs": input_hashes(scenario)},
            "settings": asdict(study.settings),
        },
        "environment": {
            "command": ["lmssim", *sys.argv[1:]],
            "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
        },
    }


def _write(study: SimulationBased, folder: Path, manifest: dict[str, Any]) -> None:
    """Write tables and figure, and last of all the manifest."""
    import pandas as pd

    from lmssim.cli import results
    from lmssim.execution import store
    from lmssim.report.calibration.sbc import plot_ranks
    from lmssim.report.parts.style import save_figure

    earlier = results.take_manifest(folder)
    held = pd.DataFrame({"id": study.problem.held.keys(), "value": study.problem.held.values()})
    tables = {"sbc": study.table, "ranks": study.ranks, "emulator": study.emulator, "held": held}
    written = [store.write_csv(folder / f"{name}.csv", table) for name, table in tables.items()]
    verdict = {"passed": study.passed, "summary": study.summary, "settings": asdict(study.settings)}
    written.append(store.write_json(folder / "verdict.json", verdict))
    figure = save_figure(plot_ranks(study), folder, FIGURE)
    names = sorted(path.name for path in (*written, figure, figure.with_suffix(".png")))
    results.remove(folder, sorted(set(earlier) - set(names)))
    store.write_json(folder / results.MANIFEST, manifest | {"files": names})


def _print(study: SimulationBased, folder: Path) -> None:
    from lmssim.report.calibration.sbc import sbc_table

    options.console().print(sbc_table(study))
    typer.echo(f"Figure: {folder / FIGURE}.svg")
