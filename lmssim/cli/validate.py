"""`lmssim validate`: published targets beside what the model predicts for a new study of their size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import DataError

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.published.readings import Reading
    from lmssim.studies.validation import Validation

DEFAULT_DRAWS, FEWEST_DRAWS, MOST_DRAWS = 400, 20, 1_000_000
"""Draws of the parameters; fewer than 20 give no 95% interval."""
DEFAULT_PATIENTS, FEWEST_PATIENTS = 2_000, 100
TABLE, FIGURE = "validation.csv", "forest"
MOST_SAID = 20
"""Refused rows whose reasons are printed."""


def validate(
    scenario: options.Scenario,
    targets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Published targets of any sites (CSV with the columns of calibration/targets.csv). If absent: the "
            "targets that the scenario's calibration holds out.",
        ),
    ] = None,
    draws: Annotated[int, options.whole("Draws of the parameters.", FEWEST_DRAWS, MOST_DRAWS)] = DEFAULT_DRAWS,
    patients: Annotated[
        int, options.whole("Simulated patients of each draw.", FEWEST_PATIENTS, options.MOST_PATIENTS)
    ] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    out: Annotated[
        Path | None,
        options.results_folder("SCENARIO-validate"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare published targets with the model: which lie inside the 95% interval for a new study."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    formats = options.formats_of(figures)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.compile import compile_scenario
    from lmssim.studies import validation as study

    clock = Stopwatch()
    sampling = Sampling(n_patients=patients, seed=seed, jobs=options.jobs_or_all(jobs))
    sampling.validate()
    loaded, readings = _readings(scenario, targets, overrides_, switches_)
    read: list[str | Path] = [*loaded.inputs, *([] if targets is None else [targets])]
    clock.lap("load")
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-validate", read, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            found = study.validate(loaded, readings, draws, patients, seed, sampling.jobs, progress)
        clock.lap("simulate")
        program = compile_scenario(found.scenario)
        manifest = _manifest(found, program, sampling, overrides_, targets, clock.laps)
        manifest = _write(found, program, folder, manifest, formats)
    if json:
        say(_document(found, manifest, folder.path), end="")
    elif not quiet:
        _print(found, folder.path)


def _readings(
    scenario: str, targets: Path | None, overrides: dict[str, float], switches: dict[str, str]
) -> tuple[Scenario, list[Reading]]:
    """The scenario, and how each target is computed from it."""
    from lmssim.model.scenario import load_scenario
    from lmssim.published.readings import readings_of
    from lmssim.published.targets import read_targets
    from lmssim.studies.calibration.holdout import load_held_out

    if targets is None:
        return load_held_out(scenario, overrides, switches)
    loaded = load_scenario(scenario, overrides, switches)
    if targets.is_dir():
        raise DataError(f"{targets}: is a folder, not a table of targets (CSV).")
    readings = readings_of(read_targets(targets), loaded)
    _refuse_if_none_can_be_read(readings, targets)
    return loaded, readings


def _refuse_if_none_can_be_read(readings: list[Reading], targets: Path) -> None:
    """Refuse a table without a row that can be read for the scenario: by its first bad row, or by its sites."""
    from lmssim.published.readings import NOT_COMPUTABLE, NOT_READ

    if any(not reading.refused and not reading.other_site for reading in readings):
        return
    refused = [reading.text.removeprefix(NOT_READ) for reading in readings if reading.refused]
    if not refused:
        reason = readings[0].text.removeprefix(NOT_COMPUTABLE)
        raise DataError(f"{targets}: no row is of the scenario's site: the first is {reason}")
    more = f" No row can be read; {len(refused) - 1} more are refused." if len(refused) > 1 else ""
    raise DataError(f"{refused[0]}{more}")


def _manifest(
    found: Validation,
    program: Program,
    sampling: Sampling,
    overrides: dict[str, float],
    targets: Path | None,
    timings: dict[str, float],
) -> dict[str, Any]:
    """Manifest of a run, with the draws and the table of targets."""
    import hashlib

    from lmssim.execution.manifest import evaluation_part, manifest

    hashed = None if targets is None else {targets.name: hashlib.sha256(targets.read_bytes()).hexdigest()}
    result = evaluation_part(program, sampling, overrides)
    result |= {"draws": found.draws, "targets": hashed or "held out of the calibration"}
    document = manifest(result, command=options.command_line(), timings=timings, jobs=sampling.jobs)
    return document | {"validation": found.summary}


def _write(
    found: Validation, program: Program, folder: ResultFolder, manifest: dict[str, Any], formats: tuple[str, ...]
) -> dict[str, Any]:
    """Write table, figure and report; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_csv
    from lmssim.report.parts.style import save_figure
    from lmssim.report.published.validation import forest_of, write_validation_report

    write_csv(folder.place(TABLE), found.to_frame())
    forest, drawn = forest_of(found), None
    if forest is not None:
        files = save_figure(forest, folder.begin() / "figures", FIGURE, formats)
        folder.add(files)
        drawn = files[0]
    folder.add([write_validation_report(found, folder.begin(), manifest, drawn)])
    return folder.finish(manifest, inputs_of(found.scenario, program.used, manifest))


def _document(found: Validation, manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.execution.store import json_text, objects

    rows = objects(found.to_frame())
    return json_text({"validation": rows, "summary": found.summary, "manifest": manifest, "folder": str(folder)})


def _print(found: Validation, folder: Path) -> None:
    from lmssim.report.published.validation import validation_table

    console().print(validation_table(found))
    for text in found.refused[:MOST_SAID]:
        say(text)
    if len(found.refused) > MOST_SAID:
        say(f"{len(found.refused) - MOST_SAID} more rows are refused: see {folder / TABLE}")
    say(f"Report: {folder / 'report.html'}")
