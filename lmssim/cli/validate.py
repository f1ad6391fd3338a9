"""`lmssim validate`: published targets beside what the model predicts for a new study of their size."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.errors import DataError

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario
    from lmssim.published.readings import Reading
    from lmssim.studies.validation import Validation

DEFAULT_DRAWS, DEFAULT_PATIENTS = 400, 2_000
TABLE, FIGURE = "validation.csv", "forest"


def validate(
    scenario: options.Scenario,
    targets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Published targets (CSV with the columns of calibration/targets.csv). If absent: the targets that the "
            "scenario's calibration holds out.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(metavar="N", help="Parameter draws.")] = DEFAULT_DRAWS,
    patients: Annotated[int, typer.Option(metavar="N", help="Simulated patients of each draw.")] = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="./lmssim-out/SCENARIO-validate"),
    ] = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare published targets with the model: which lie inside the 95% interval for a new study."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)

    from lmssim.cli.run import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.store import make_folder
    from lmssim.studies import validation as study

    clock = Stopwatch()
    sampling = Sampling(n_patients=patients, seed=seed, jobs=options.jobs_or_all(jobs))
    sampling.validate()
    loaded, readings = _readings(scenario, targets, overrides_, switches_)
    folder = make_folder(out or Path("lmssim-out") / f"{loaded.name}-validate")
    clock.lap("load")
    with progress_bar(loaded.name, shown=not quiet) as progress:
        found = study.validate(loaded, readings, draws, patients, seed, sampling.jobs, progress)
    clock.lap("simulate")
    manifest = _manifest(found, sampling, overrides_, targets, clock.laps)
    manifest = _write(found, folder, manifest)
    if json:
        typer.echo(_document(found, manifest, folder), nl=False)
    elif not quiet:
        _print(found, folder)


def _readings(
    scenario: str, targets: Path | None, overrides: dict[str, float], switches: dict[str, str]
) -> tuple[Scenario, list[Reading]]:
    """The scenario, and how each target is computed from it."""
    from lmssim.model.scenario import load_scenario
    from lmssim.published.readings import readings_of
    from lmssim.published.targets import load_targets
    from lmssim.studies.calibration.holdout import load_held_out

    if targets is None:
        return load_held_out(scenario, overrides, switches)
    loaded = load_scenario(scenario, overrides, switches)
    if targets.is_dir():
        raise DataError(f"{targets}: is a folder, not a table of targets (CSV).")
    return loaded, readings_of(load_targets(targets), loaded)


def _manifest(
    found: Validation, sampling: Any, overrides: dict[str, float], targets: Path | None, timings: dict[str, float]
) -> dict[str, Any]:
    """Manifest of a run, with the draws and the table of targets."""
    import hashlib

    from lmssim.execution.manifest import manifest
    from lmssim.model.compile import compile_scenario

    document = manifest(
        compile_scenario(found.scenario),
        sampling,
        engine="compiled",
        overrides=overrides,
        command=["lmssim", *sys.argv[1:]],
        timings=timings,
    )
    hashed = None if targets is None else {targets.name: hashlib.sha256(targets.read_bytes()).hexdigest()}
    document["result"] |= {"draws": found.draws, "targets": hashed or "held out of the calibration"}
    return document


def _write(found: Validation, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write table, figure and report, and last of all the manifest; returns it with the files."""
    from lmssim.cli import results
    from lmssim.execution import store
    from lmssim.report.parts.style import save_figure
    from lmssim.report.published.validation import forest_of, write_validation_report

    earlier = results.take_manifest(folder)
    written = [store.write_csv(folder / TABLE, found.to_frame())]
    forest, drawn = forest_of(found), None
    if forest is not None:
        drawn = save_figure(forest, folder / "figures", FIGURE)
        written += [drawn, drawn.with_suffix(".png")]
    document = manifest | {"validation": found.summary}
    written.append(write_validation_report(found, folder, document, drawn))
    names = sorted(str(path.relative_to(folder)) for path in written)
    results.remove(folder, sorted(set(earlier) - set(names)))
    document = document | {"files": names}
    store.write_json(folder / results.MANIFEST, document)
    return document


def _document(found: Validation, manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.cli import results
    from lmssim.execution.store import json_text

    rows = results.objects(found.to_frame())
    return json_text({"validation": rows, "summary": found.summary, "manifest": manifest, "folder": str(folder)})


def _print(found: Validation, folder: Path) -> None:
    from lmssim.report.published.validation import validation_table

    options.console().print(validation_table(found))
    typer.echo(f"Report: {folder / 'report.html'}")
