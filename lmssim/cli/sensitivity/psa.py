"""`lmssim psa`: probabilistic analysis, joint draws of all parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.options import RandomNumbers
from lmssim.cli.progress import progress_bar
from lmssim.cli.sensitivity import shared
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.sensitivity.psa.plan import Precision
    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
    from lmssim.studies.sensitivity.psa.subgroups import SubgroupTables
    from lmssim.studies.sensitivity.psa.work import Work

DEFAULT_DRAWS = DEFAULT_PATIENTS = 1_000
FEWEST, MOST_DRAWS = 2, 1_000_000
JSON_TABLES = ("summary", "incremental", "inmb", "ceac", "ceaf", "expected_loss", "evpi", "frontier_probability")


def psa(
    scenario: options.Scenario,
    draws: Annotated[
        int | None, options.whole("Joint draws of the parameters.", FEWEST, MOST_DRAWS, show_default="1000")
    ] = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients of each draw, each of whom meets every strategy.",
            FEWEST,
            options.MOST_PATIENTS,
            show_default="1000",
        ),
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    engine: Annotated[
        str,
        options.engine("each draw solved without random numbers, so without patient noise"),
    ] = "compiled",
    profiles: options.Profiles = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    strategies: options.Strategies = None,
    by: options.By = None,
    where: options.Where = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    random_numbers: Annotated[
        RandomNumbers,
        typer.Option(
            help="Whether each draw has patients and random numbers of its own (independent), which makes means over "
            "draws most exact, or all draws share them (common). Strategies share them either way."
        ),
    ] = RandomNumbers.independent,
    average: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SWITCH[=OPTION:P,OPTION:P]",
            help="Structural averaging: give each draw an option of this switch at random, with the weights that the "
            "scenario states for it, or with those given here. May be repeated; all: every switch with stated weights.",
        ),
    ] = None,
    new_setting: Annotated[
        bool,
        typer.Option(
            "--new-setting",
            help="Put each draw in a setting of its own: add the spread between studies that the calibration found to "
            "the uncertainty of the mean over settings.",
        ),
    ] = False,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT:SE",
            help="Plan draws and patients, from a pilot, for a standard error: inmb:500 (of every incremental net "
            "benefit, in the scenario's currency), icer:0.01 (of every ICER on the frontier, as a share of it) or "
            "ceac:0.01 (of every probability of being optimal). What that takes is said beforehand.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Continue from draws of the same inputs that were kept, if any."),
    ] = True,
    out: Annotated[
        Path | None,
        options.results_folder("SCENARIO-psa"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.LiveWorkbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
    block: options.Block = 256,
) -> None:
    """Draw all parameters jointly: credible intervals, acceptability, expected loss, value of perfect information."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)
    reported = options.is_reported(report, figures, as_json=json)
    backend = options.backend_of(backend, scheduler)
    shared.check_fits(engine, patients, profiles)
    if precision is not None and (draws is not None or patients is not None):
        raise InputError("--precision: plans draws and patients: leave --draws and --patients out.")

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import load_scenario
    from lmssim.studies.sensitivity.psa.averaged import averaged_work
    from lmssim.studies.sensitivity.psa.plan import precision_of
    from lmssim.studies.sensitivity.psa.study import CHECKPOINT, compiled_work, planned, run_psa
    from lmssim.studies.sensitivity.psa.subgroups import psa_by_subgroup

    asked = None if precision is None else precision_of(precision)

    clock = Stopwatch()
    loaded = load_scenario(scenario, overrides_, switches_)
    options.check_strategies(strategies_, loaded)
    sampling = Sampling(
        n_patients=DEFAULT_PATIENTS if patients is None else patients,
        seed=seed,
        random_numbers="independent" if random_numbers == RandomNumbers.independent else "common",
        strategies=strategies_,
        engine=engine,
        profiles=options.DEFAULT_PROFILES if profiles is None else profiles,
        jobs=options.jobs_or_all(jobs),
        backend=backend,
        block=block,
        where=where.strip(),
    )
    n_draws = DEFAULT_DRAWS if draws is None else draws
    if average:
        work: Work = averaged_work(
            scenario,
            options.averages_of(average, loaded),
            sampling,
            n_draws,
            overrides=overrides_,
            switches=switches_,
            new_setting=new_setting,
        )
    else:
        work = compiled_work(loaded, sampling, n_draws, new_setting=new_setting)
    clock.lap("load")
    if asked is not None:
        found = planned(work, asked)
        work = found.applied(work)
        work.validate()
        clock.lap("pilot")
        if not (json or quiet):
            say(found.sentence())
    partitions = _partitions(work, options.each_once("--by", by))
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-psa", loaded.inputs, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            analysis = run_psa(work, folder.begin(), resume=resume, progress=progress)
        clock.lap("simulate")
        apart = None
        if partitions:

            def kept(number: str, key: str) -> Checkpoint:
                return Checkpoint(folder.begin() / f"{CHECKPOINT}-{number}", key, resume=resume)

            with progress_bar("subgroups", shown=not quiet) as progress:
                apart = psa_by_subgroup(work, partitions, progress, kept)
            clock.lap("subgroups")

        def document() -> dict[str, Any]:
            return _manifest(work, overrides_, clock, precision, partitions)

        written = _write(analysis, folder, document, clock.lap, formats if reported else None, apart, workbook=workbook)
    if json:
        say(_document(analysis, written, folder.path), end="")
    elif not quiet:
        _print(analysis, apart)
        if asked is not None:
            say(_reached(analysis, asked))
        say(f"Report: {folder.path / 'report.html'}" if reported else f"Tables: {folder.path}")


def _partitions(work: Work, by: list[str]) -> Mapping[str, Mapping[str, str]]:
    """Subgroups of each partition, of which every draw has patients enough."""
    from dataclasses import replace

    from lmssim.studies.sensitivity.psa.subgroups import check_subgroups
    from lmssim.studies.subgroups import with_partitions

    if not by:
        return {}
    everybody = work.sampling.n_patients * (1 if work.exact or work.shares_patients else work.n_draws)
    found = with_partitions(work.program, replace(work.sampling, n_patients=everybody), by).partitions
    check_subgroups(work, found)
    return found


def _reached(analysis: ProbabilisticAnalysis, asked: Precision) -> str:
    from lmssim.studies.sensitivity.psa.plan import KINDS, largest_error

    return f"Largest {KINDS[asked.kind].replace('every', 'any')}: {largest_error(analysis, asked):.3g}."


def _manifest(
    work: Work, overrides: dict[str, float], clock: Stopwatch, precision: str | None, by: Mapping[str, Any]
) -> dict[str, Any]:
    from lmssim.execution.manifest import evaluation_part, manifest
    from lmssim.studies.sensitivity.psa.averaged import AveragedWork

    sampling = work.sampling
    solved = {"profiles": sampling.profiles} if work.exact else None
    result = evaluation_part(work.program, sampling, overrides, solved=solved)
    if isinstance(work, AveragedWork):
        result["average"] = {switch: dict(weights) for switch, weights in work.averaging.weights.items()}
    result |= {
        "new_setting": work.new_setting,
        "draws": work.n_draws,
        "precision": precision,
        "partitions": {k: dict(v) for k, v in by.items()},
    }
    return manifest(
        result,
        command=options.command_line(),
        timings=clock.laps,
        jobs=sampling.jobs,
        backend=sampling.backend,
        block=sampling.block,
        use=clock.use("simulate", sampling.jobs, sampling.backend),
    )


def _write(
    analysis: ProbabilisticAnalysis,
    folder: ResultFolder,
    manifest: Callable[[], dict[str, Any]],
    lap: Callable[[str], None],
    formats: tuple[str, ...] | None,
    apart: SubgroupTables | None = None,
    *,
    workbook: bool = False,
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.kept.source import keep_source
    from lmssim.execution.store import write_csv
    from lmssim.report.sensitivity.psa.figures import write_figures
    from lmssim.report.sensitivity.psa.page import write_report
    from lmssim.report.sensitivity.psa.subgroups import subgroup_figures
    from lmssim.studies.sensitivity.psa.study import CHECKPOINT

    tables: dict[str, pd.DataFrame] = {name: getattr(analysis, name) for name in analysis.tables}
    if apart is not None:
        tables |= {f"subgroup_{name}": frame for name, frame in apart.tables.items()}
    for name, frame in tables.items():
        write_csv(folder.place(f"{name}.csv"), frame)
    if workbook:
        _write_workbook(analysis, tables, folder)
    analysis.write_draws(folder.place("draws.parquet"))
    lap("tables")
    if formats is not None:
        further = {} if apart is None else subgroup_figures(analysis, apart)
        shown = write_figures(analysis, folder, formats, {name: figure for name, (figure, _) in further.items()})
        captions = {name: told for name, (_, told) in further.items()}
        folder.add([write_report(analysis, folder.begin(), manifest(), shown, apart, captions)])
        lap("report")
    for k in range(1, (0 if apart is None else apart.n_subgroups) + 1):
        folder.discard(f"{CHECKPOINT}-{k}")
    folder.discard(CHECKPOINT)  # not before: whoever is stopped while tables are written goes on from these parts
    document = manifest()
    program = analysis.work.program
    keep_source(program.scenario, folder)
    return folder.finish(document, inputs_of(program.scenario, program.used, document))


def _write_workbook(analysis: ProbabilisticAnalysis, tables: dict[str, pd.DataFrame], folder: ResultFolder) -> None:
    """Tables, after sheets that add up net benefits and costs."""
    from lmssim.execution.store import write_bytes
    from lmssim.report.parts.labels import strategy_labels
    from lmssim.report.parts.workbook import FILE, live_sheets, table_sheets, workbook_bytes

    scenario = analysis.work.program.scenario
    settings, labels = scenario.file.settings, strategy_labels(scenario)
    live = live_sheets(analysis.summary, labels, settings.currency, settings.wtp, scenario.comparator)
    content = workbook_bytes(scenario.file.title, [*live, *table_sheets(tables)])
    write_bytes(folder.place(FILE), content)


def _document(analysis: ProbabilisticAnalysis, manifest: dict[str, Any], folder: Path) -> str:
    from lmssim.execution.store import json_text, objects
    from lmssim.studies.sensitivity.psa.result import TABLES

    names = [*JSON_TABLES, *(name for name in analysis.tables if name not in TABLES)]
    tables = {name: objects(getattr(analysis, name)) for name in names}
    return json_text({**tables, "manifest": manifest, "folder": str(folder)})


def _print(analysis: ProbabilisticAnalysis, apart: SubgroupTables | None) -> None:
    from lmssim.report.sensitivity.psa.subgroups import subgroups_text
    from lmssim.report.sensitivity.psa.tables import psa_table_text

    console().print(psa_table_text(analysis))
    if apart is not None:
        console().print(subgroups_text(analysis, apart))
