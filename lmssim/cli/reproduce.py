"""`lmssim reproduce`: everything in results/."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError, OutputError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.evaluation import Evaluation
    from lmssim.execution.folder import ResultFolder

PATIENTS = 100_000
FEWEST_PATIENTS = 20
FOR_SWITCHES, FEWEST = 5, 1024
"""Options of switches have so many times fewer patients, but at least this number: paired differences need fewer."""
POSTERIOR = {"posterior.parquet": ".parquet", "parameters.csv": ".csv"}
"""Files of a calibration that scenarios read, and the endings of their names beside the other posteriors."""
PARTS = ("calibration", "labels", "validation", "base_case", "switches", "sensitivity", "agency", "sweeps", "trials")
DRIVERS = ("tornado", "price", "two-way", "scenarios", "sobol", "averaged")
"""Sensitivity analyses of a site, each a folder."""
OF_EVALUATION = 500
"""Patients of an evaluation of a global analysis."""
DRAWN, FEW = 500, 200
"""Draws of a price and of a map, and of scenario analyses."""
OF_DRAW = 500
"""Patients of each draw of an analysis that is averaged over structure."""
SWEPT = 10_000
"""Patients of a cell of a sweep that does not say how many."""
SBC = "simulation_based_calibration"
POWER_DRAWS = 50
"""Rows of the posterior over which the power of a published series is averaged."""


def reproduce(
    patients: Annotated[
        int, options.whole("Patients of each scenario.", FEWEST_PATIENTS, options.MOST_PATIENTS)
    ] = PATIENTS,
    only: Annotated[
        str | None, typer.Option(metavar="PART", help=f"One part: {', '.join(PARTS)}. All if absent.")
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[Path, typer.Option(metavar="DIR", parser=options.folder_of, help="Folder of the results.")] = Path(
        "results"
    ),
    quiet: options.Quiet = False,
) -> None:
    """Compute the reference results again: calibrations, validation, base cases, sensitivity, sweeps, trials."""
    if only is not None and only not in PARTS:
        raise InputError(unknown("part", only, PARTS, "--only"))
    _check_folders(out, only)
    if only in (None, "calibration"):  # first: the other parts draw on its posteriors
        _calibrations(out, seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "calibration", "labels"):
        _labels(out / "labels", quiet=quiet)
    if only in (None, "validation"):
        _validation(out / "validation", seed, jobs, quiet=quiet)
    if only in (None, "base_case"):
        _base_case(out / "base_case", patients, seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "switches"):
        from lmssim.cli.sensitivity.switches import switches
        from lmssim.studies.reference import reference

        shown, few = ",".join(reference().strategies_of_switches), max(patients // FOR_SWITCHES, FEWEST)
        for site in reference().scenarios:
            switches(site, few, seed, jobs, shown, out=out / "switches" / site, quiet=quiet)
    if only in (None, "sensitivity"):
        _sensitivity(out / "sensitivity", seed, jobs, quiet=quiet)
    if only in (None, "agency"):
        from lmssim.cli.sensitivity.agency import agency
        from lmssim.studies.reference import reference

        for site, care in reference().agency.items():
            agency(site, None, care, patients=patients, seed=seed, jobs=jobs, out=out / "agency" / site, quiet=quiet)
    if only in (None, "sweeps"):
        _sweeps(out / "sweeps", seed, options.jobs_or_all(jobs), quiet=quiet)
    if only in (None, "trials"):
        from lmssim.cli.trial.bundled import trials_into

        trials_into(out / "trials", seed, options.jobs_or_all(jobs), quiet=quiet)


def _check_folders(out: Path, only: str | None) -> None:
    """Refuse folders that results cannot be written to, before hours of work."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.reference import calibrations_in_order, reference

    folders: dict[str, Callable[[], list[str]]] = {
        "calibration": lambda: [f"calibration/{name}" for name in calibrations_in_order()],
        "labels": lambda: [f"labels/{table}" for table in reference().solved],
        "validation": lambda: [*(f"validation/{name}" for name in (*calibrations_in_order(), SBC)), "validation"],
        "base_case": lambda: ["base_case"],
        "switches": lambda: [f"switches/{site}" for site in reference().scenarios],
        "sensitivity": lambda: [f"sensitivity/{site}/{part}" for site in reference().sensitivity for part in DRIVERS],
        "agency": lambda: [f"agency/{site}" for site in reference().agency],
        "sweeps": lambda: [f"sweeps/{name}" for name in reference().sweeps],
        "trials": lambda: ["trials"],
    }
    for part in PARTS:
        wanted = only in (None, part) or (only, part) == ("calibration", "labels")
        for folder in folders[part]() if wanted else ():
            with ResultFolder(out / folder):
                pass


def _calibrations(out: Path, seed: int, jobs: int, *, quiet: bool) -> None:
    """Calibrate everything; in the results of a working copy, its scenarios then draw from the new posteriors."""
    from lmssim.bundled import calibration_folder, find_calibration
    from lmssim.cli.calibrate import calibrate_to
    from lmssim.studies.calibration.calibrate import Settings
    from lmssim.studies.reference import calibrations_in_order

    posteriors = calibration_folder() / "posteriors"
    for name in calibrations_in_order():
        folder = out / "calibration" / name
        copies = {made: posteriors / f"{name}{suffix}" for made, suffix in POSTERIOR.items()} if _is_own(out) else {}
        _check_copies(folder, copies)
        calibrate_to(find_calibration(name), Settings(seed=seed), folder, jobs, quiet=quiet)
        _copy(folder, copies)


def _labels(out: Path, *, quiet: bool) -> None:
    """Solve the parameters that make labels of switches true; scenarios of a working copy then read them."""
    from lmssim.bundled import calibration_folder
    from lmssim.cli.sensitivity.switches import solve_to
    from lmssim.studies.reference import reference

    for table, scenario in reference().solved.items():
        folder, made = out / table, f"{table}.csv"
        copies = {made: calibration_folder() / "posteriors" / made} if _is_own(out.parent) else {}
        _check_copies(folder, copies)
        solve_to(scenario, folder, made, quiet=quiet)
        _copy(folder, copies)


def _is_own(out: Path) -> bool:
    """Whether results are those of a working copy, whose scenarios draw from them."""
    from lmssim.bundled import calibration_folder, in_working_copy

    return in_working_copy() and out.resolve() == (calibration_folder().parent / "results").resolve()


def _copy(folder: Path, copies: dict[str, Path]) -> None:
    """Copy files of results to where scenarios read them."""
    from lmssim.execution.store import make_parents, write_bytes

    for made, copy in copies.items():
        make_parents(copy)
        write_bytes(copy, (folder / made).read_bytes())


def _check_copies(folder: Path, copies: dict[str, Path]) -> None:
    """Refuse to replace posteriors that are no copies of what lmssim wrote to a folder."""
    from lmssim.execution.store import hash_of
    from lmssim.execution.writing.journal import known_in

    earlier = known_in(folder)[0].hashes
    for made, copy in copies.items():
        if copy.exists() and hash_of(copy) not in earlier.get(made, []):
            raise OutputError(f"{copy}: is no copy of the earlier {folder / made}, so it stays; move it away.")


def _validation(out: Path, seed: int, jobs: int | None, *, quiet: bool) -> None:
    """Held-out targets of every calibration, its method on known parameters, and the power of a published series."""
    from lmssim.bundled import find_calibration
    from lmssim.cli.sbc import sbc_to
    from lmssim.cli.validate import validate
    from lmssim.studies.calibration.checks.sbc import SbcSettings
    from lmssim.studies.reference import calibrations_in_order, reference

    for name in calibrations_in_order():
        validate(name, seed=seed, jobs=jobs, out=out / name, quiet=quiet)
    folder = out / SBC
    known = find_calibration(reference().simulation_based_calibration)
    sbc_to(known, SbcSettings(seed=seed), folder, options.jobs_or_all(jobs), quiet=quiet)
    _power(out, seed)


def _power(out: Path, seed: int) -> None:
    """Power of the comparisons of a published series, over draws of the parameters."""
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.manifest import manifest, scenario_part
    from lmssim.execution.store import write_csv
    from lmssim.model.parameters.draws import sample_parameters
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.reference import reference
    from lmssim.studies.trials.series_power import power_of_series

    power = reference().power
    scenario = load_scenario(power.scenario)
    with ResultFolder(out) as folder:
        draws = sample_parameters(scenario.table, scenario.groups, POWER_DRAWS, seed)
        table = power_of_series(scenario, power.series, power.compared, seed=seed, draws=draws)
        write_csv(folder.place("power.csv"), table)
        asked = {"series": power.series, "compared": power.compared, "draws": POWER_DRAWS, "seed": seed}
        document = manifest({"scenario": scenario_part(scenario), **asked}, command=options.command_line(), timings={})
        folder.finish(document, inputs_of(scenario, scenario.table, document))


def _base_case(out: Path, patients: int, seed: int, jobs: int, *, quiet: bool) -> None:
    """One table of every site and strategy: expectations of calibrated scenarios, else point values."""
    from lmssim.evaluation import evaluate, expected_values
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.store import write_csv
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.by_site import by_site
    from lmssim.studies.reference import reference

    sampling = Sampling(n_patients=patients, seed=seed, jobs=jobs)
    sampling.validate()
    evaluations = []
    with ResultFolder(out) as folder:
        for site in reference().scenarios:
            scenario = load_scenario(site)
            with progress_bar(site, shown=not quiet) as progress:
                if scenario.is_calibrated:
                    evaluations.append(expected_values(scenario, sampling, progress=progress))
                else:
                    evaluations.append(evaluate(scenario, sampling, progress=progress))
        table = by_site(evaluations)
        write_csv(folder.place("by_site.csv"), table)
        _finish(folder, evaluations)
    if not quiet:
        from lmssim.report.evaluation.by_site import site_table_text

        console().print(site_table_text(table, patients))
        say(f"Table: {out / 'by_site.csv'}")


def _sensitivity(out: Path, seed: int, jobs: int | None, *, quiet: bool) -> None:
    """What drives the decision of some sites: tornado diagram, price, map, scenarios, global indices, structure."""
    from lmssim.cli.sensitivity.psa import psa
    from lmssim.cli.sensitivity.scenarios import scenarios
    from lmssim.cli.sensitivity.sobol import sobol
    from lmssim.cli.sensitivity.threshold import threshold
    from lmssim.cli.sensitivity.tornado import tornado
    from lmssim.cli.sensitivity.two_way import two_way
    from lmssim.studies.reference import reference

    for site, asked in reference().sensitivity.items():
        folders = [out / site / name for name in DRIVERS]
        tornado(site, asked.strategy, axis="icer", seed=seed, jobs=jobs, out=folders[0], quiet=quiet)
        price, vary = asked.price, [f"{name}={levels}" for name, levels in asked.two_way.items()]
        threshold(
            site,
            price=price,
            strategy=asked.payer,
            draws=DRAWN,
            seed=seed,
            jobs=jobs,
            out=folders[1],
            quiet=quiet,
        )
        two_way(site, vary, draws=DRAWN, seed=seed, jobs=jobs, out=folders[2], quiet=quiet)
        with suppress(typer.Exit):  # analyses that cannot be run in every draw are named, and the others are there
            scenarios(site, strategy=asked.strategy, draws=FEW, seed=seed, jobs=jobs, out=folders[3], quiet=quiet)
        parts = [f"{name}={ids}" for name, ids in asked.parts.items()]
        sobol(
            site,
            asked.strategy,
            patients=OF_EVALUATION,
            shapley=asked.block,
            parts=parts,
            seed=seed,
            jobs=jobs,
            out=folders[4],
            quiet=quiet,
        )
        psa(site, patients=OF_DRAW, average=["all"], seed=seed, jobs=jobs, out=folders[5], quiet=quiet)


def _sweeps(out: Path, seed: int, jobs: int, *, quiet: bool) -> None:
    """Sweeps of real questions, each a table with its figures and report; cells that are there are kept."""
    from lmssim.bundled import results_folder
    from lmssim.cli.sweep.folder import BAR, NONE, Drawn, run_into
    from lmssim.execution.simulate import Sampling
    from lmssim.studies.reference import reference
    from lmssim.studies.sweep.cells import Source
    from lmssim.studies.sweep.file import sweep_of
    from lmssim.studies.sweep.outcomes import Outcomes
    from lmssim.studies.sweep.study import planned

    for name, spec in reference().sweeps.items():
        asked, axes = sweep_of(spec, results_folder() / f"reference.toml: sweeps.{name}")
        sampling = Sampling(
            n_patients=asked.patients or SWEPT, seed=seed, strategies=tuple(asked.strategies or ()), jobs=jobs
        )
        plan = planned(Source(str(asked.scenario), fields=asked.fields), sampling, axes, Outcomes())
        drawn = Drawn(None, (), (), options.formats_of(None))
        run_into(plan, out / name, drawn, beside=False, progress=NONE if quiet else BAR)
        if not quiet:
            say(f"Table: {out / name / 'sweep.parquet'}")


def _finish(folder: ResultFolder, evaluations: list[Evaluation]) -> None:
    """Manifest and inputs, a part for each scenario."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.manifest import evaluation_part, manifest

    drawn = [{"draws": e.estimates.n if e.is_expectation else None} for e in evaluations]
    each = [evaluation_part(e.program, e.sampling, {}) | draws for e, draws in zip(evaluations, drawn, strict=True)]
    parts = [manifest(part, command=[], timings={}) for part in each]
    inputs = [inputs_of(e.scenario, e.program.used, part) for e, part in zip(evaluations, parts, strict=True)]
    sampling = evaluations[0].sampling
    document = manifest({}, command=options.command_line(), timings={}, jobs=sampling.jobs, block=sampling.block)
    folder.finish(document | {"scenarios": [part["result"] for part in parts]}, {"scenarios": inputs})
