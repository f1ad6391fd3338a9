"""`lmssim diff`: which inputs moved the result between two runs, or two cells of a sweep, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.diff.mixing import Mixture
    from lmssim.studies.diff.result import DifferenceStudy
    from lmssim.studies.diff.study import Asked

WATERFALL = "waterfall"
TABLES = {"changed_inputs": "changed", "parts": "to_frame", "totals": "totals", "interactions": "pairwise"}
"""Files of tables, by what gives them."""
PNG, SVG = "png", "svg"


def diff(
    a: Annotated[
        Path, typer.Argument(metavar="A", help="Folder of `lmssim run` or `psa`; with --cells, of `lmssim sweep`.")
    ],
    b: Annotated[
        Path | None,
        typer.Argument(metavar="B", help="Folder to compare it with; not with --cells.", show_default=False),
    ] = None,
    cells: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="CELL CELL",
            help="Compare two cells of a sweep, each by its number in the table, or by levels that tell it apart, such "
            "as 'settings.horizon=10,u_stable=0.7'.",
            show_default=False,
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(metavar="ID,ID", help="Compare these strategies beside the comparator; all of both if absent."),
    ] = None,
    wtp: Annotated[
        str | None,
        typer.Option(
            metavar="W,W", help="Willingness to pay at which net benefits are compared.", show_default="the scenario's"
        ),
    ] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="NAME=ID,ID",
            help="Changed inputs that count as one, by ids or patterns such as c_*; may be repeated.",
        ),
    ] = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients in all, the same for every model that is run; profiles, of results that were solved.",
            2,
            options.MOST_PATIENTS,
            show_default="as the results had, at most 20000",
        ),
    ] = None,
    draws: Annotated[
        int | None,
        options.whole(
            "Draws of the parameters, over which the patients are split.",
            2,
            1_000_000,
            show_default="as the results had",
        ),
    ] = None,
    orders: Annotated[
        int, options.whole("Orders of the inputs that are sampled where more than 8 differ.", 4, 100_000)
    ] = 32,
    files_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--files-from",
            metavar="DIR",
            help="Look here for files that the runs read and that are neither kept in the folders nor part of this "
            "installation; they are known by their hashes; may be repeated.",
        ),
    ] = None,
    jobs: options.Jobs = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    out: Annotated[
        Path | None,
        options.results_folder("SCENARIO-diff"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare two results: which inputs differ, and how much of the change in each result each of them explains."""
    strategies_, formats = options.names_of(strategies), options.formats_of(figures)
    reported = options.is_reported(report, figures, as_json=json)
    wtps = options.amounts_of(wtp, "--wtp")
    declared = options.groups_of(groups)
    backend = options.backend_of(backend, scheduler)

    from lmssim.api import sides_of
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.diff.study import Asked, compare_mixture, mixture_of

    clock = Stopwatch()
    asked = Asked(
        patients=patients,
        draws=draws,
        strategies=strategies_,
        wtps=wtps,
        groups=declared,
        orders=orders,
        jobs=options.jobs_or_all(jobs),
        backend=backend,
    )
    mixture = mixture_of(*sides_of(a, b, cells, files_from or []), asked)
    if not mixture.inputs:
        _say_alike(mixture, as_json=json, quiet=quiet)
        return
    clock.lap("load")
    name = mixture.b.scenario.name
    with ResultFolder(out or Path("lmssim-out") / f"{name}-diff", _inputs(a, b), beside=beside) as folder:
        with progress_bar(f"{name}: {len(mixture.inputs)} inputs", shown=not quiet) as progress:
            study = compare_mixture(mixture, asked, progress)
        clock.lap("run")
        document = _manifest(study, asked, clock.laps)
        manifest = _write(study, folder, document, formats if reported else None, workbook=workbook)
    if json:
        say(_document(study, manifest, folder.path), end="")
    elif not quiet:
        _print(study)
        say(f"Report: {folder.path / 'report.html'}" if reported else f"Tables: {folder.path}")


def _inputs(a: Path, b: Path | None) -> list[Path]:
    """Files that are read, so that results do not go among them."""
    return [place / "inputs.json" for place in (a, b) if place is not None]


def _say_alike(mixture: Mixture, *, as_json: bool, quiet: bool) -> None:
    from lmssim.execution.store import json_text
    from lmssim.report.sensitivity.diff.words import notes

    told = notes(mixture)
    if as_json:
        say(json_text({"changed_inputs": [], "notes": told}), end="")
    elif not quiet:
        say("No input of the model differs, so there is nothing to explain.")
        for note in told:
            say(note)


def _manifest(study: DifferenceStudy, asked: Asked, timings: dict[str, float]) -> dict[str, Any]:
    from lmssim.execution.manifest import manifest

    mixture, common = study.mixture, study.common
    sampling = common.sampling
    who = {"profiles": sampling.profiles} if common.is_exact else {"patients": sampling.n_patients}
    result = {
        "scenario": mixture.b.scenario.name,
        "a": {"where": mixture.a.where, "lmssim": mixture.a.version, "agrees": study.agreement("a").agrees},
        "b": {"where": mixture.b.where, "lmssim": mixture.b.version, "agrees": study.agreement("b").agrees},
        "inputs": [each.id for each in study.inputs],
        "groups": {name: list(ids) for name, ids in (asked.groups or {}).items()},
        "exact": study.is_exact,
        "orders": None if study.is_exact else asked.orders,
        "models_run": study.n_runs,
        "seed": sampling.seed,
        **who,
        "draws": common.n_draws or None,
        "strategies": study.strategies,
        "comparator": study.comparator,
        "wtp": study.wtps,
    }
    return manifest(
        result, command=options.command_line(), timings=timings, jobs=sampling.jobs, backend=sampling.backend
    )


def _tables(study: DifferenceStudy) -> dict[str, Any]:
    """Every table by the name of its file."""
    return {name: study.to_frame() if what == "to_frame" else getattr(study, what) for name, what in TABLES.items()}


def _write(
    study: DifferenceStudy,
    folder: ResultFolder,
    manifest: dict[str, Any],
    formats: tuple[str, ...] | None,
    *,
    workbook: bool,
) -> dict[str, Any]:
    """Write tables, the waterfall and the report; returns the manifest as written."""
    from lmssim.execution.store import write_bytes, write_csv, write_text
    from lmssim.report.parts.style import save_figure
    from lmssim.report.parts.workbook import FILE, table_sheets, workbook_bytes
    from lmssim.report.sensitivity.diff.figures import plot_all
    from lmssim.report.sensitivity.diff.page import write_report

    tables = _tables(study)
    for name, frame in tables.items():
        write_csv(folder.place(f"{name}.csv"), frame)
    if workbook:
        write_bytes(folder.place(FILE), workbook_bytes("What moved the result", table_sheets(tables)))
    write_text(folder.place("diff.json"), _document(study, manifest, None))
    if formats is not None:
        both = tuple(dict.fromkeys([PNG, SVG, *formats]))
        files = save_figure(plot_all(study), folder.begin(), WATERFALL, both)
        folder.add(files)
        folder.add([write_report(study, folder.begin(), manifest, files)])
    return folder.finish(manifest, {"asked": manifest["result"]})


def _document(study: DifferenceStudy, manifest: dict[str, Any], folder: Path | None) -> str:
    from lmssim.execution.store import json_text, objects
    from lmssim.report.sensitivity.diff.words import agreement_sentences, notes

    tables = {name: objects(frame) for name, frame in _tables(study).items()}
    agreement = {which: study.agreement(which)._asdict() | {"agrees": study.agreement(which).agrees} for which in "ab"}
    told = [*agreement_sentences(study), *notes(study.mixture)]
    more = {} if folder is None else {"manifest": manifest, "folder": str(folder)}
    return json_text({**tables, "agreement": agreement, "notes": told, **more})


def _print(study: DifferenceStudy) -> None:
    from lmssim.report.sensitivity.diff.tables import changed_text, interactions_text, parts_text, strategies_shown
    from lmssim.report.sensitivity.diff.words import agreement_sentences, method_sentence, notes, sampling_sentence

    console().print(changed_text(study.inputs))
    shown = strategies_shown(study)
    for strategy in shown:
        console().print(parts_text(study, strategy))
    if (table := interactions_text(study, shown)) is not None:
        console().print(table)
    told = [method_sentence(study), sampling_sentence(study), *agreement_sentences(study), *notes(study.mixture)]
    if len(shown) < len(study.compared):
        told.append(f"The {len(shown)} strategies that changed most are shown; the tables hold all.")
    for sentence in told:
        say(sentence)
