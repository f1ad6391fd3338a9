"""`lmssim reproduce`: everything under results/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation

SITES = ("extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine", "all_sites")
PATIENTS = 100_000
FOR_SWITCHES, FEWEST = 5, 1024
"""Each option of a switch is run on so many times fewer patients, at least so many: paired differences need fewer."""
SHOWN = "neoadj_rt,neoadj_ct,adj_rt,adj_ct,lines_doxtrab"
"""Strategies of the tables of switches."""
CALIBRATIONS = ("advanced", "extremity", "subcutaneous", "cutaneous", "retroperitoneal", "uterine")
"""In this order: sites take the course of advanced disease as it was fitted before."""
POSTERIOR = {"posterior.parquet": ".parquet", "parameters.csv": ".csv"}
"""What scenarios read of a calibration: its file there, and how it ends beside the other posteriors."""
PARTS = ("base_case", "switches", "calibration")


def reproduce(
    patients: Annotated[int, typer.Option(metavar="N", help="Patients of each scenario.")] = PATIENTS,
    only: Annotated[
        str | None, typer.Option(metavar="PART", help=f"One part: {', '.join(PARTS)}. All if absent.")
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")] = Path("results"),
    quiet: options.Quiet = False,
) -> None:
    """Make the reference results again: calibrations, the base case of every site, each option of each switch."""
    if only is not None and only not in PARTS:
        raise InputError(unknown("part", only, PARTS, "--only"))
    if only in (None, "calibration"):  # first: the other parts draw on its posteriors
        _calibrations(out, seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "base_case"):
        _base_case(out / "base_case", patients, seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "switches"):
        from lmssim.cli.switches import switches

        for site in SITES:
            switches(
                site, max(patients // FOR_SWITCHES, FEWEST), seed, jobs, SHOWN, out=out / "switches" / site, quiet=quiet
            )


def _calibrations(out: Path, seed: int, jobs: int, *, quiet: bool) -> None:
    """Calibrate everything; in a working copy's own results, scenarios then draw from what was found."""
    from lmssim.bundled import calibration_folder, find_calibration, in_working_copy
    from lmssim.cli.calibrate import calibrate_to
    from lmssim.execution.store import make_folder, write_bytes
    from lmssim.studies.calibration.calibrate import Settings

    own = in_working_copy() and out.resolve() == (calibration_folder().parent / "results").resolve()
    for name in CALIBRATIONS:
        folder = make_folder(out / "calibration" / name)
        calibrate_to(find_calibration(name), Settings(seed=seed), folder, jobs, quiet=quiet)
        for made, suffix in POSTERIOR.items() if own else ():
            posteriors = make_folder(calibration_folder() / "posteriors")
            write_bytes(posteriors / f"{name}{suffix}", (folder / made).read_bytes())


def _base_case(folder: Path, patients: int, seed: int, jobs: int, *, quiet: bool) -> None:
    """One table of every site and strategy."""
    from lmssim.evaluation import evaluate
    from lmssim.execution import store
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.by_site import by_site

    sampling = Sampling(n_patients=patients, seed=seed, jobs=jobs)
    sampling.validate()
    evaluations = []
    store.make_folder(folder)
    for site in SITES:
        scenario = load_scenario(site)
        with progress_bar(site, shown=not quiet) as progress:
            evaluations.append(evaluate(scenario, sampling, progress=progress))
    table = by_site(evaluations)
    store.write_csv(folder / "by_site.csv", table)
    store.write_json(folder / "manifest.json", {"scenarios": [_manifest(each) for each in evaluations]})
    if not quiet:
        from lmssim.report.by_site import site_table_text

        options.console().print(site_table_text(table, patients))
        typer.echo(f"Table: {folder / 'by_site.csv'}")


def _manifest(evaluation: Evaluation) -> dict[str, Any]:
    from lmssim.execution.manifest import manifest

    document = manifest(
        evaluation.program, evaluation.sampling, engine=evaluation.sampling.engine, overrides={},
        command=["lmssim", *sys.argv[1:]], timings={},
    )  # fmt: skip
    return {key: value for key, value in document.items() if key != "environment"}
