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
    from collections.abc import Callable

    from lmssim.studies.calibration.sbc import SimulationBased

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
        int,
        typer.Option(metavar="N", help="Patients of each design point of the emulator; of a truth ten times as many."),
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
        study = run_sbc(problem, settings, options.jobs_or_all(jobs), progress and _phases(progress))
    clock.lap("simulate and fit")
    _write(study, folder, _manifest(study, clock.laps))
    if not quiet:
        _print(study, folder)
    if not study.passed:
        raise typer.Exit(1)


def _phases(progress: Callable[[int, int], None]) -> Callable[[str, int, int], None]:
    """Progress of each phase from its own beginning to its own end."""
    return lambda _phase, done, total: progress(done, total)


def _manifest(study: SimulationBased, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim import __version__
    from lmssim.execution.manifest import FORMAT, input_hashes

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
    from lmssim.report.sbc import plot_ranks
    from lmssim.report.style import save_figure

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
    from lmssim.report.sbc import sbc_table

    options.console().print(sbc_table(study))
    typer.echo(f"Figure: {folder / FIGURE}.svg")
