"""`lmssim calibrate`: fit free quantities of a model to published targets."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.bundled import find_calibration
from lmssim.cli import options
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.studies.calibration.calibrate import Settings
    from lmssim.studies.calibration.result import Calibration

    Phases = Callable[[str, int, int], None]

SECOND_DESIGN, SECOND_PATIENTS = 1.5, 2
"""Points and patients of the second wave of the emulator, as multiples of the first."""
FOLDER = "calibration"


def calibrate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundled calibration, or a calibration file (TOML).")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="./lmssim-out/calibration/NAME"),
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    design: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Design points of the emulator; half as many again in its second wave."),
    ] = None,
    patients: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Patients at each design point; twice as many in the second wave."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=4, help="Steps of each ensemble, a quarter of them burn-in.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Continue from a checkpoint of the same inputs, if there is one."),
    ] = True,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Fit a model to published targets: posterior, diagnostics, conflicts. Exit code 1 if the fit has not converged."""
    path = find_calibration(name)
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: {jobs}; it must be 1 or more.")

    from lmssim.execution.store import json_text, make_folder
    from lmssim.studies.calibration.calibrate import Settings

    given: dict[str, Any] = {"seed": seed}
    given |= {} if design is None else {"design": (design, round(SECOND_DESIGN * design))}
    given |= {} if patients is None else {"patients": (patients, SECOND_PATIENTS * patients)}
    given |= {} if steps is None else {"steps": steps, "burn_in": steps // 4}
    folder = make_folder(out or Path("lmssim-out") / FOLDER / path.stem)
    calibration, manifest = calibrate_to(
        path, Settings(**given), folder, options.jobs_or_all(jobs), resume=resume, quiet=quiet or json
    )
    if json:
        typer.echo(json_text(_document(calibration, manifest, folder)), nl=False)
    if not calibration.diagnostics.get("converged"):
        raise typer.Exit(1)


def calibrate_to(
    path: Path, settings: Settings, folder: Path, jobs: int, *, resume: bool = True, quiet: bool = False
) -> tuple[Calibration, dict[str, Any]]:
    """Calibrate into a folder; returns the calibration and its manifest."""
    from lmssim.cli.run import Stopwatch
    from lmssim.studies.calibration.calibrate import calibrate as run

    clock = Stopwatch()
    with phase_bars(shown=not quiet) as progress:
        calibration = run(str(path), settings, folder, resume, jobs, progress)
    clock.lap("calibrate")
    manifest = _write(calibration, folder, _manifest(path, settings, jobs), clock.lap, clock.laps)
    if not quiet:
        _print(calibration, folder)
    return calibration, manifest


# === Progress ===


@contextmanager
def phase_bars(*, shown: bool = True) -> Iterator[Phases | None]:
    """Callable taking (phase, done, total), a bar with the time left for each phase; None if nobody looks at stderr."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield show


# === Results ===


def _manifest(path: Path, settings: Any, jobs: int) -> dict[str, Any]:
    """What determines the numbers and, under `environment`, what does not."""
    import hashlib
    import platform
    from dataclasses import asdict

    from lmssim.execution.manifest import FORMAT
    from lmssim.version import __version__

    inputs = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    result = {"lmssim": __version__, "calibration": path.stem, "inputs": inputs, "settings": asdict(settings)}
    command = ["lmssim", *sys.argv[1:]]
    environment = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "jobs": jobs,
        "command": command,
    }
    return {"format": FORMAT, "result": result, "environment": environment}


def _write(
    calibration: Calibration,
    folder: Path,
    manifest: dict[str, Any],
    lap: Callable[[str], None],
    laps: dict[str, float],
) -> dict[str, Any]:
    """Write tables and report, and last of all the manifest; returns it with the files."""
    from lmssim.cli import results
    from lmssim.execution import store
    from lmssim.report.calibration.page import write_report

    earlier = results.take_manifest(folder)
    written = calibration.write(folder)
    own = {key: value for key, value in calibration.diagnostics.items() if key not in ("inputs", "settings")}
    inputs = manifest["result"]["inputs"] | calibration.diagnostics.get("inputs", {})
    document = manifest | {"result": {**manifest["result"], "inputs": inputs}, "diagnostics": own}
    written += write_report(calibration, folder, document)
    lap("report")
    files = sorted(path.relative_to(folder).as_posix() for path in written)
    results.remove(folder, sorted(set(earlier) - set(files)))
    timings = {name: round(seconds, 3) for name, seconds in laps.items()}
    document |= {"environment": {**manifest["environment"], "timings": timings}, "files": files}
    store.write_json(folder / results.MANIFEST, document)
    return document


def _document(calibration: Calibration, manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Tables that people read, and the manifest, as plain values."""
    from lmssim.cli.results import objects
    from lmssim.report.calibration.page import headline
    from lmssim.report.calibration.tables import conflicts
    from lmssim.studies.calibration.result import without_na

    names = ("fit", "free", "shifts", "left_out", "emulator")
    tables = {name: objects(without_na(getattr(calibration, name))) for name in names}
    heading = {"name": calibration.name, "headline": headline(calibration), "conflicts": conflicts(calibration)}
    return {**heading, **tables, "manifest": manifest, "folder": str(folder)}


def _print(calibration: Calibration, folder: Path) -> None:
    from lmssim.report.calibration.page import calibration_text

    options.console().print(calibration_text(calibration))
    typer.echo(f"Report: {folder / 'report.html'}")
