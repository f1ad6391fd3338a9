"""`lmssim trace`: one life in every strategy, event by event."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.trace import Trace

TABLES = {"trace": "steps", "stays": "stays", "marks": "marks", "draws": "draws"}
"""CSV files, and the tables of a trace that they hold."""


def trace(
    scenario: options.Scenario,
    patient: Annotated[int, options.whole("Number of the patient.", 0, options.LARGEST_SEED)],
    draw: Annotated[
        int | None,
        options.whole("Number of a draw of the parameters; base case if absent.", 0, options.LARGEST_SEED, metavar="K"),
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Show this strategy; may be repeated. All if absent.")
    ] = None,
    seed: options.Seed = 1,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=options.folder_of, help="Write the tables and a figure of the life to this folder."
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Trace one patient under every strategy: each event, the random number behind it, costs and QALYs so far."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    shown, formats = options.each_once("--strategy", strategy), options.formats_of(figures)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.trace import trace as live

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    options.check_strategies(shown, loaded, "--strategy")
    clock.lap("load")
    with nullcontext() if out is None else ResultFolder(out, loaded.inputs, beside=beside) as folder:
        life = live(loaded, patient, seed, draw).only(shown or loaded.strategies)
        clock.lap("simulate")
        manifest = _manifest(life, overrides_, clock.laps)
        if folder is not None:
            manifest = _write(life, folder, manifest, formats)
    if json:
        say(_document(life, manifest), end="")
    elif not quiet:
        _print(life, out)


def _manifest(life: Trace, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """As a run's, with whose life it is."""
    from lmssim.execution.manifest import evaluation_part, manifest
    from lmssim.execution.simulate import Sampling

    result = evaluation_part(life.program, Sampling(n_patients=1, seed=life.seed, engine="des"), overrides)
    result |= {"patient": life.patient, "draw": life.draw, "strategies": life.strategies}
    return manifest(result, command=options.command_line(), timings=timings)


def _write(life: Trace, folder: ResultFolder, manifest: dict[str, Any], formats: tuple[str, ...]) -> dict[str, Any]:
    """Write tables and picture; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_csv
    from lmssim.report.parts.style import save_figure
    from lmssim.report.trace.timeline import plot_timeline

    for name, table in TABLES.items():
        write_csv(folder.place(f"{name}.csv"), getattr(life, table))
    folder.add(save_figure(plot_timeline(life), folder.begin(), "timeline", formats))
    return folder.finish(manifest, inputs_of(life.scenario, life.program.used, manifest))


def _document(life: Trace, manifest: dict[str, Any]) -> str:
    """The trace as one JSON document."""
    from lmssim.execution.store import json_text, objects

    tables = {name: objects(getattr(life, table)) for name, table in TABLES.items()}
    return json_text({"patient": life.patient, "covariates": life.covariates, **tables, "manifest": manifest})


def _print(life: Trace, folder: Path | None) -> None:
    from lmssim.report.trace.steps import print_trace

    print_trace(life, console())
    if folder is not None:
        say(f"Picture: {folder / 'timeline.png'}")
