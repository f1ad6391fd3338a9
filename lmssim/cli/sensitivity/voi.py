"""`lmssim voi`: value of information, from a folder of `lmssim psa` or from tables of anybody's draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from lmssim.economics.voi.population import Population
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.sensitivity.voi.conditional import MultilevelCheck, ThroughModel
    from lmssim.studies.sensitivity.voi.samples import Samples
    from lmssim.studies.sensitivity.voi.source import Source

POPULATION = ("discount_rate", "delay", "uptake", "uptake_years")


def voi(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PSA_FOLDER",
            help="A folder of `lmssim psa`; after --from, one to three tables.",
            show_default=False,
        ),
    ],
    tables: Annotated[
        bool,
        typer.Option(
            "--from",
            help="Read tables (CSV or Parquet) in the place of a folder: effects, costs and parameters, a row a draw; "
            "or net benefits and parameters; or results in long form (draw, strategy, cost, effect), with parameters "
            "beside them or in a second table.",
        ),
    ] = False,
    wtp: Annotated[
        str | None,
        typer.Option(
            metavar="W,W", help="Willingness to pay of the tables.", show_default="the scenario's own; of tables, 30000"
        ),
    ] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="NAME=ID,ID",
            help="Parameters to be learnt together, by ids or patterns such as c_*; may be repeated.",
        ),
    ] = None,
    incidence: Annotated[
        float | None,
        options.above_zero("New patients a year who face the decision.", metavar="N", show_default="per patient only"),
    ] = None,
    horizon: Annotated[
        float | None,
        options.above_zero("Years for which the decision stands.", metavar="YEARS", show_default="with --incidence"),
    ] = None,
    discount_rate: Annotated[
        float | None, options.finite("Discount rate a year. From 0 to 1.", metavar="RATE", show_default="0.035")
    ] = None,
    delay: Annotated[
        float | None,
        options.finite("Years until information is there. From 0 to 200.", metavar="YEARS", show_default="0"),
    ] = None,
    uptake: Annotated[
        float | None,
        options.finite(
            "Share of patients who in the end get what information favours. From 0 to 1.", metavar="P", show_default="1"
        ),
    ] = None,
    uptake_years: Annotated[
        float | None,
        options.finite(
            "Years over which that share is reached, from 0. From 0 to 200.", metavar="YEARS", show_default="0"
        ),
    ] = None,
    current: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=SHARE",
            help="Share of patients who get a strategy today, for the value of implementation; may be repeated.",
        ),
    ] = None,
    studies: Annotated[
        list[Path] | None,
        typer.Option(
            "--study",
            metavar="FILE",
            help="A proposed study (TOML): the data it would give, its conduct and costs; may be repeated.",
        ),
    ] = None,
    through: Annotated[
        list[str] | None,
        typer.Option(
            "--multilevel",
            metavar="NAME",
            help="Check the value of a parameter, group or posterior by multilevel Monte Carlo through the model, "
            "without regression; may be repeated.",
        ),
    ] = None,
    outer: Annotated[
        int,
        options.whole(
            "Values of what is learnt at the first level of --multilevel.", 10, 1_000_000, show_default="400"
        ),
    ] = 400,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            help="Scenario of the folder, for --multilevel.",
            show_default="the bundled one of that name",
        ),
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    out: Annotated[
        Path | None,
        options.results_folder("NAME-voi"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Value of information: perfect, about each parameter, group and posterior, and of a study."""
    formats = options.formats_of(figures)
    reported = options.is_reported(report, figures, as_json=json)
    wtps = options.amounts_of(wtp, "--wtp")
    shares = _shares(current)
    declared = options.groups_of(groups)
    given = {"discount_rate": discount_rate, "delay": delay, "uptake": uptake, "uptake_years": uptake_years}
    people = _population(incidence, horizon, given)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.sensitivity.voi.conditional import MultilevelCheck
    from lmssim.studies.sensitivity.voi.proposal import read_proposal
    from lmssim.studies.sensitivity.voi.samples import Samples
    from lmssim.studies.sensitivity.voi.study import InformationStudy, asked_wtps

    clock = Stopwatch()
    source = _source(paths, tables=tables).with_groups(declared)
    proposals = [read_proposal(path) for path in studies or []]
    if len({each.name for each in proposals}) < len(proposals):
        raise InputError("--study: two files of one name; give each study a name of its own.")
    model = _model(source, scenario, jobs) if through else None
    inputs = [*source.inputs, *(Path(each.where) for each in proposals)]
    clock.lap("read")
    with (
        ResultFolder(out or Path("lmssim-out") / f"{_name(paths)}-voi", inputs, beside=beside) as folder,
        progress_bar("regressions", shown=not quiet) as progress,
    ):
        study = InformationStudy(source, asked_wtps(source, wtps), people, shares, seed, progress)

        samples = Samples(study, proposals)
        _ = samples.found  # first: what a study's file says wrong is said before regressions run long
        clock.lap("studies")
        check = None
        if model is not None:
            check = MultilevelCheck(study, model, options.each_once("--multilevel", through), outer)

        def document() -> dict[str, Any]:
            return _manifest(samples, declared, clock.laps, check)

        shown = formats if reported else None
        written = _write(samples, folder, document, clock.lap, shown, check, workbook=workbook)
    if json:
        say(_document(samples, written, folder.path, check), end="")
    elif not quiet:
        _print(samples, check)
        say(f"Report: {folder.path / 'report.html'}" if reported else f"Tables: {folder.path}")


def _source(paths: list[Path], *, tables: bool) -> Source:
    from lmssim.studies.sensitivity.voi.files import read_files
    from lmssim.studies.sensitivity.voi.folder import read_folder

    if tables:
        return read_files(paths)
    if len(paths) > 1:
        raise InputError(f"{paths[1]}: one folder of `lmssim psa` is read; give tables after --from.")
    if paths[0].is_file():
        raise InputError(f"{paths[0]}: is a file, not a folder of `lmssim psa`; give tables after --from.")
    return read_folder(paths[0])


def _model(source: Source, scenario: str | None, jobs: int | None) -> ThroughModel:
    """The scenario of the folder, checked before regressions run long."""
    from lmssim.studies.sensitivity.voi.conditional import through_model

    return through_model(source, scenario, options.jobs_or_all(jobs))


def _name(paths: list[Path]) -> str:
    name = paths[0].resolve().stem or "draws"
    return name.removesuffix("-psa")


def _shares(items: list[str] | None) -> dict[str, float]:
    found = {}
    for name, text in options.pairs_of("--current", items, "ID=SHARE, a strategy and a number", "is given twice"):
        value = options.number_of(text)
        if value is None:
            raise InputError(f"--current {name}={text[:60]}: '{text[:60]}' is not a finite number.")
        found[name] = value
    return found


def _population(incidence: float | None, horizon: float | None, more: dict[str, float | None]) -> Population | None:
    from lmssim.economics.voi.population import Population

    given = {name: value for name, value in more.items() if value is not None}
    if incidence is None and horizon is None:
        for name in given:
            raise InputError(f"--{name.replace('_', '-')}: needs --incidence and --horizon.")
        return None
    if incidence is None or horizon is None:
        missing = "--incidence" if incidence is None else "--horizon"
        raise InputError(f"{missing}: a population takes --incidence and --horizon, both.")
    try:
        return Population(incidence=incidence, horizon=horizon, **given)
    except InputError as error:
        name, _, rest = str(error).partition(":")
        raise InputError(f"--{name.replace('_', '-')}:{rest}") from None


def _manifest(
    samples: Samples, declared: dict[str, list[str]], timings: dict[str, float], check: MultilevelCheck | None
) -> dict[str, Any]:
    from dataclasses import asdict

    from lmssim.execution.manifest import manifest

    study = samples.study
    source = study.source
    result = {
        "source": source.where,
        "read": {path.name: digest for path, digest in source.inputs.items()},
        "psa": dict(source.scenario) or None,
        "draws": source.draws.n_draws,
        "wtp": list(study.wtps),
        "population": None if study.population is None else asdict(study.population),
        "current": dict(study.current),
        "groups": declared,
        "studies": {each.name: each.digest for each in samples.proposals},
        "multilevel": None if check is None else {"sets": list(check.names), "outer": check.n_outer},
        "seed": study.seed,
    }
    return manifest(result, command=options.command_line(), timings=timings)


def _tables(samples: Samples, check: MultilevelCheck | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every table with its name, each made when it is its turn."""
    from lmssim.studies.sensitivity.voi.samples import TABLES as OF_SAMPLES
    from lmssim.studies.sensitivity.voi.study import TABLES

    for name in TABLES:
        yield name, samples.order_of_all if name == "order" else getattr(samples.study, name)
    for name in OF_SAMPLES if samples.proposals else ():
        yield name, getattr(samples, name)
    if check is not None:
        yield "multilevel", check.to_frame()


def _write(
    samples: Samples,
    folder: ResultFolder,
    manifest: Callable[[], dict[str, Any]],
    lap: Callable[[str], None],
    formats: tuple[str, ...] | None,
    check: MultilevelCheck | None,
    *,
    workbook: bool = False,
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written."""
    from lmssim.execution.store import write_bytes, write_csv
    from lmssim.report.parts.workbook import FILE, table_sheets, workbook_bytes
    from lmssim.report.sensitivity.voi.figures import write_figures
    from lmssim.report.sensitivity.voi.page import write_report

    folder.begin()
    written = {}
    for name, frame in _tables(samples, check):
        write_csv(folder.place(f"{name}.csv"), frame)
        written[name] = frame
        lap(name)
    if workbook:
        write_bytes(folder.place(FILE), workbook_bytes("Value of information", table_sheets(written)))
    if formats is not None:
        shown = write_figures(samples, folder, formats)
        folder.add([write_report(samples, folder.begin(), manifest(), shown, check)])
        lap("report")
    document = manifest()
    return folder.finish(document, {"asked": document["result"]})


def _document(samples: Samples, manifest: dict[str, Any], folder: Path, check: MultilevelCheck | None) -> str:
    from lmssim.execution.store import json_text, objects

    tables = {name: objects(frame) for name, frame in _tables(samples, check)}
    return json_text({**tables, "manifest": manifest, "folder": str(folder)})


def _print(samples: Samples, check: MultilevelCheck | None) -> None:
    from lmssim.report.sensitivity.voi.multilevel import multilevel_table_text
    from lmssim.report.sensitivity.voi.samples import sample_table_text
    from lmssim.report.sensitivity.voi.tables import voi_table_text

    console().print(voi_table_text(samples.study))
    if samples.proposals:
        console().print(sample_table_text(samples))
    if check is not None:
        console().print(multilevel_table_text(check))
