"""`lmssim calibrate`: fit free quantities of a model to published targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.bundled import find_calibration
from lmssim.cli import options
from lmssim.cli.progress import phase_bars
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.calibration.calibrate import Settings
    from lmssim.studies.calibration.problem import Problem
    from lmssim.studies.calibration.result import Calibration

SECOND_DESIGN, SECOND_PATIENTS = 1.5, 2
"""Points and patients of the second wave of the emulator, as multiples of the first."""
MOST_POINTS, MOST_STEPS = 100_000, 10_000_000
FOLDER = "calibration"


def calibrate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundled calibration, or a calibration file (TOML).")],
    out: Annotated[
        Path | None,
        options.results_folder("calibration/NAME"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    design: Annotated[
        int | None,
        options.whole(
            "Design points of the emulator; half as many again in its second wave.", 1, MOST_POINTS, show_default="1024"
        ),
    ] = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients at each design point; twice as many in the second wave.",
            1,
            options.MOST_PATIENTS // SECOND_PATIENTS,
            show_default="1000",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        options.whole("Steps of each ensemble, a quarter of them burn-in.", 4, MOST_STEPS, show_default="4000"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Continue from a checkpoint of the same inputs, if there is one."),
    ] = True,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Fit a model to published targets: posterior, diagnostics, conflicts. Exit code 1 if the fit has not converged."""
    path, formats = find_calibration(name), options.formats_of(figures)

    from lmssim.execution.store import json_text
    from lmssim.studies.calibration.calibrate import Settings

    given: dict[str, Any] = {"seed": seed}
    given |= {} if design is None else {"design": (design, round(SECOND_DESIGN * design))}
    given |= {} if patients is None else {"patients": (patients, SECOND_PATIENTS * patients)}
    given |= {} if steps is None else {"steps": steps, "burn_in": steps // 4}
    folder = out or Path("lmssim-out") / FOLDER / path.stem
    calibration, manifest = calibrate_to(
        path,
        Settings(**given),
        folder,
        options.jobs_or_all(jobs),
        formats,
        resume=resume,
        quiet=quiet or json,
        beside=beside,
    )
    if json:
        say(json_text(_document(calibration, manifest, folder)), end="")
    if not calibration.diagnostics.get("converged"):
        raise typer.Exit(1)


def calibrate_to(
    path: Path,
    settings: Settings,
    out: Path,
    jobs: int,
    formats: tuple[str, ...] = options.FORMATS[:1],
    *,
    resume: bool = True,
    quiet: bool = False,
    beside: bool = False,
) -> tuple[Calibration, dict[str, Any]]:
    """Calibrate into a folder; returns the calibration and its manifest."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.calibration.calibrate import calibrate as run
    from lmssim.studies.calibration.problem import load_problem

    clock = Stopwatch()
    problem = load_problem(path)
    with ResultFolder(out, problem.files, beside=beside) as folder:
        with phase_bars(shown=not quiet) as progress:
            calibration = run(str(path), settings, folder.path, resume, jobs, progress)
        clock.lap("calibrate")
        manifest = _manifest(path, calibration, settings, jobs, clock.laps)
        manifest = _write(calibration, problem, folder, manifest, formats)
    if not quiet:
        _print(calibration, out)
    return calibration, manifest


# === Results ===


def _manifest(
    path: Path, calibration: Calibration, settings: Settings, jobs: int, timings: dict[str, float]
) -> dict[str, Any]:
    """Manifest of the calibration, its settings and every file that was read, with the diagnostics."""
    import hashlib
    from dataclasses import asdict

    from lmssim.execution.manifest import manifest

    diagnostics = dict(calibration.diagnostics)
    inputs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()} | diagnostics.pop("inputs", {})
    diagnostics.pop("settings", None)
    result = {"calibration": path.stem, "inputs": inputs, "settings": asdict(settings)}
    document = manifest(result, command=options.command_line(), timings=timings, jobs=jobs)
    return document | {"diagnostics": diagnostics}


def _write(
    calibration: Calibration,
    problem: Problem,
    folder: ResultFolder,
    manifest: dict[str, Any],
    formats: tuple[str, ...],
) -> dict[str, Any]:
    """Write tables and report; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.report.calibration.page import write_report

    folder.add(calibration.write(folder.begin()))
    folder.add(write_report(calibration, folder.begin(), manifest, formats))
    inputs = inputs_of(problem.scenario, problem.scenario.table, manifest, calibration=problem.as_read())
    return folder.finish(manifest, inputs)


def _document(calibration: Calibration, manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Tables that people read, and the manifest, as plain values."""
    from lmssim.execution.store import objects
    from lmssim.report.calibration.page import headline
    from lmssim.report.calibration.tables import conflicts
    from lmssim.studies.calibration.result import without_na

    names = ("fit", "free", "shifts", "left_out", "emulator")
    tables = {name: objects(without_na(getattr(calibration, name))) for name in names}
    heading = {"name": calibration.name, "headline": headline(calibration), "conflicts": conflicts(calibration)}
    return {**heading, **tables, "manifest": manifest, "folder": str(folder)}


def _print(calibration: Calibration, folder: Path) -> None:
    from lmssim.report.calibration.page import calibration_text

    console().print(calibration_text(calibration))
    say(f"Report: {folder / 'report.html'}")
