"""`lmssim switches`: every option of every switch compared with the base case, one at a time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.switches import SwitchStudy

DEFAULT_PATIENTS = 20_000
TABLE, FIGURE = "switches.csv", "switches"


def switches(
    scenario: options.Scenario,
    patients: options.Patients = DEFAULT_PATIENTS,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    strategies: Annotated[
        str | None, typer.Option(metavar="ID,ID", help="Show these strategies beside the comparator. All if absent.")
    ] = None,
    overrides: options.Overrides = None,
    chosen: options.Switches = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="./lmssim-out/SCENARIO-switches"),
    ] = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Run the base case and every other option of each switch, with the same patients and random numbers."""
    overrides_, chosen_ = options.overrides_of(overrides), options.switches_of(chosen)
    strategies_ = [name.strip() for name in (strategies or "").split(",") if name.strip()]

    from lmssim.cli.run import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.store import make_folder
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.sensitivity.switches import run_switches

    clock = Stopwatch()
    name = load_scenario(scenario, overrides_, chosen_).name
    folder = make_folder(out or Path("lmssim-out") / f"{name}-switches")
    sampling = Sampling(n_patients=patients, seed=seed, block=block, jobs=options.jobs_or_all(jobs))
    clock.lap("load")
    with progress_bar(name, shown=not quiet) as progress:
        study = run_switches(scenario, sampling, overrides_, chosen_, strategies_, progress)
    clock.lap("simulate")
    manifest = _write(study, folder, _manifest(study, overrides_, clock.laps))
    if json:
        typer.echo(_document(study, manifest, folder), nl=False)
    elif not quiet:
        _print(study, folder)


def _manifest(study: SwitchStudy, overrides: dict[str, float], timings: dict[str, float]) -> dict[str, Any]:
    """Manifest of the base case, with the other options that were run."""
    from lmssim.execution.manifest import manifest

    document = manifest(
        study.program,
        study.sampling,
        engine=study.sampling.engine,
        overrides=overrides,
        command=["lmssim", *sys.argv[1:]],
        timings=timings,
    )
    document["result"]["options_run"] = [f"{case.switch}={case.option}" for case in study.cases]
    return document


def _write(study: SwitchStudy, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write table and figure, and last of all the manifest; returns it with the files."""
    from lmssim.cli import results
    from lmssim.execution import store
    from lmssim.report.parts.style import save_figure
    from lmssim.report.sensitivity.switches import plot_switches

    earlier = results.take_manifest(folder)
    written = [store.write_csv(folder / TABLE, study.to_frame())]
    if study.compared and study.cases:
        figure = save_figure(plot_switches(study), folder, FIGURE)
        written += [figure, figure.with_suffix(".png")]
    names = sorted(path.name for path in written)
    results.remove(folder, sorted(set(earlier) - set(names)))
    document = manifest | {"files": names}
    store.write_json(folder / results.MANIFEST, document)
    return document


def _document(study: SwitchStudy, manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.cli import results
    from lmssim.execution.store import json_text

    return json_text({"switches": results.objects(study.to_frame()), "manifest": manifest, "folder": str(folder)})


def _print(study: SwitchStudy, folder: Path) -> None:
    from lmssim.report.sensitivity.switches import switch_table_text

    options.console().print(switch_table_text(study))
    typer.echo(f"Table: {folder / TABLE}")
