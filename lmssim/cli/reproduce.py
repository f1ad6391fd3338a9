"""`lmssim reproduce`: everything under results/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.execution.folder import ResultFolder

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
PARTS = ("calibration", "validation", "base_case", "switches")
POWER_SERIES, POWER_SPLITS = "elms", {"size": "size_cm > 10", "depth": "deep", "grade": "grade == 3"}
"""Series of 75 patients in whom no difference of survival was found, and what it was compared by."""
POWER_DRAWS = 50
"""Rows of the posterior over which the power of that series is averaged."""


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
    """Make the reference results again: calibrations, what they never saw, base cases, each option of each switch."""
    if only is not None and only not in PARTS:
        raise InputError(unknown("part", only, PARTS, "--only"))
    if only in (None, "calibration"):  # first: the other parts draw on its posteriors
        _calibrations(out, seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "validation"):
        _validation(out / "validation", seed, jobs, quiet=quiet)
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


def _validation(out: Path, seed: int, jobs: int | None, *, quiet: bool) -> None:
    """Held-out figures of every calibration, its method on known truths, and what a series of 75 could have found."""
    from lmssim.bundled import find_calibration
    from lmssim.cli.sbc import sbc_to
    from lmssim.cli.validate import validate
    from lmssim.studies.calibration.checks.sbc import SbcSettings

    for name in CALIBRATIONS:
        validate(name, seed=seed, jobs=jobs, out=out / name, quiet=quiet)
    folder = out / "simulation_based_calibration"
    sbc_to(find_calibration("extremity"), SbcSettings(seed=seed), folder, options.jobs_or_all(jobs), quiet=quiet)
    _power(out, seed)


def _power(out: Path, seed: int) -> None:
    """Power of a series' comparisons, over draws of the parameters."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.manifest import manifest, scenario_part
    from lmssim.execution.store import write_csv
    from lmssim.model.parameters.draws import sample_parameters
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.trials.series_power import power_of_series

    scenario = load_scenario("extremity")
    with ResultFolder(out) as folder:
        draws = sample_parameters(scenario.table, scenario.groups, POWER_DRAWS, seed)
        table = power_of_series(scenario, POWER_SERIES, POWER_SPLITS, seed=seed, draws=draws)
        write_csv(folder.place("power.csv"), table)
        asked = {"series": POWER_SERIES, "splits": POWER_SPLITS, "draws": POWER_DRAWS, "seed": seed}
        document = manifest({"scenario": scenario_part(scenario), **asked}, command=options.command_line(), timings={})
        folder.finish(document, inputs_of(scenario, scenario.table, document))


def _base_case(out: Path, patients: int, seed: int, jobs: int, *, quiet: bool) -> None:
    """One table of every site and strategy."""
    from lmssim.evaluation import evaluate
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.store import write_csv
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.by_site import by_site

    sampling = Sampling(n_patients=patients, seed=seed, jobs=jobs)
    sampling.validate()
    evaluations = []
    with ResultFolder(out) as folder:
        for site in SITES:
            scenario = load_scenario(site)
            with progress_bar(site, shown=not quiet) as progress:
                evaluations.append(evaluate(scenario, sampling, progress=progress))
        table = by_site(evaluations)
        write_csv(folder.place("by_site.csv"), table)
        _finish(folder, evaluations)
    if not quiet:
        from lmssim.report.evaluation.by_site import site_table_text

        options.console().print(site_table_text(table, patients))
        typer.echo(f"Table: {out / 'by_site.csv'}")


def _finish(folder: ResultFolder, evaluations: list[Evaluation]) -> None:
    """Manifest and inputs, a part for each scenario."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.manifest import evaluation_part, manifest

    parts = [manifest(evaluation_part(e.program, e.sampling, {}), command=[], timings={}) for e in evaluations]
    inputs = [inputs_of(e.scenario, e.program.used, part) for e, part in zip(evaluations, parts, strict=True)]
    sampling = evaluations[0].sampling
    document = manifest({}, command=options.command_line(), timings={}, jobs=sampling.jobs, block=sampling.block)
    folder.finish(document | {"scenarios": [part["result"] for part in parts]}, {"scenarios": inputs})
