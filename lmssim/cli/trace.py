"""`lmssim trace`: one life in every strategy, event by event."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from lmssim.studies.trace import Trace

TABLES = {"trace": "steps", "stays": "stays", "marks": "marks", "draws": "draws"}
"""CSV files, and the tables of a trace that they hold."""


def trace(
    scenario: options.Scenario,
    patient: Annotated[int, typer.Option(metavar="N", help="Number of the patient, from 0.")],
    draw: Annotated[
        int | None, typer.Option(metavar="K", help="Number of a draw of the parameters, from 0; base case if absent.")
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Show this strategy; may be repeated. All if absent.")
    ] = None,
    seed: options.Seed = 1,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the tables and a figure of the life to this folder.")
    ] = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Trace one patient under every strategy: each event, the random number behind it, costs and QALYs so far."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    for option, value in (("--patient", patient), ("--draw", draw), ("--seed", seed)):
        if value is not None and not 0 <= value < 2**63:
            raise InputError(f"{option}: {value} is not between 0 and 2^63 - 1.")

    from lmssim.cli.run import Stopwatch
    from lmssim.execution.store import make_folder
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.trace import trace as live

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    for name in strategy or []:
        if name not in loaded.strategies:
            raise InputError(unknown("strategy", name, loaded.strategies, "--strategy"))
    if out is not None:
        make_folder(out)
    clock.lap("load")
    life = live(loaded, patient, seed, draw).only(strategy or loaded.strategies)
    clock.lap("simulate")
    manifest = _manifest(life, overrides_, clock.laps)
    if out is not None:
        manifest = _write(life, out, manifest)
    if json:
        typer.echo(_document(life, manifest), nl=False)
    elif not quiet:
        _print(life, out)


def _manifest(life: Trace, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """Manifest of a run, with the patient and the draw."""
    from lmssim.execution.manifest import manifest
    from lmssim.execution.simulate import Sampling

    document = manifest(
        life.program,
        Sampling(n_patients=1, seed=life.seed, engine="des"),
        engine="des",
        overrides=overrides,
        command=["lmssim", *sys.argv[1:]],
        timings=timings,
    )
    document["result"] |= {"patient": life.patient, "draw": life.draw, "strategies": life.strategies}
    return document


def _write(life: Trace, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write tables and picture, and last of all the manifest; returns it with the files."""
    from lmssim.cli import results
    from lmssim.execution import store
    from lmssim.report.parts.style import save_figure
    from lmssim.report.trace.timeline import plot_timeline

    earlier = results.take_manifest(folder)
    written = [store.write_csv(folder / f"{name}.csv", getattr(life, table)) for name, table in TABLES.items()]
    picture = save_figure(plot_timeline(life), folder, "timeline")
    names = sorted(path.name for path in (*written, picture, picture.with_suffix(".png")))
    results.remove(folder, sorted(set(earlier) - set(names)))
    document = manifest | {"files": names}
    store.write_json(folder / results.MANIFEST, document)
    return document


def _document(life: Trace, manifest: dict[str, Any]) -> str:
    """The trace as one JSON document."""
    from lmssim.cli import results
    from lmssim.execution.store import json_text

    tables = {name: results.objects(getattr(life, table)) for name, table in TABLES.items()}
    return json_text({"patient": life.patient, "covariates": life.covariates, **tables, "manifest": manifest})


def _print(life: Trace, folder: Path | None) -> None:
    from lmssim.report.trace.steps import print_trace

    print_trace(life, options.console())
    if folder is not None:
        typer.echo(f"Picture: {folder / 'timeline.svg'}")
