"""`lmssim trial run`: simulate a trial on virtual patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.progress import progress_bar
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.trials.study import TrialStudy

DEFAULT_TRIALS, MOST_TRIALS = 1_000, 1_000_000
MOST_SIZES = 200


def run(
    design: Annotated[
        str, typer.Argument(metavar="DESIGN", help="A file of a simulated trial (TOML), or the name of a bundled one.")
    ],
    trials: Annotated[int, options.whole("Simulated trials.", 1, MOST_TRIALS)] = DEFAULT_TRIALS,
    n: Annotated[
        str | None,
        typer.Option(
            "--n",
            metavar="N,N | LOW:HIGH:STEP",
            help="Numbers of patients, beside the design's own; events of analyses change in proportion.",
        ),
    ] = None,
    assurance: Annotated[
        bool, typer.Option("--assurance", help="Simulate as many trials over draws of what is uncertain, too.")
    ] = False,
    value: Annotated[
        bool,
        typer.Option(
            "--value",
            help="What the trial is worth, by section [value] of the design: EVSI and ENBS by size, other significance "
            "levels, and stopping on value. Simulates over draws, as --assurance.",
        ),
    ] = False,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients of each draw whose costs and QALYs --value takes.", 2, 1_000_000, show_default="with --value, 200"
        ),
    ] = None,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity/--no-sensitivity",
            help="Simulate the design without an effect, with slow accrual, more deaths, a late effect and crossover.",
        ),
    ] = True,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A value of the design, such as accrual.patients=300; may be repeated."
        ),
    ] = None,
    seed: options.Seed = 1,
    jobs: options.Jobs = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Continue from trials of the same design that were kept, if any."),
    ] = True,
    out: Annotated[
        Path | None,
        options.results_folder("DESIGN-trial"),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    workbook: options.Workbook = False,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Simulate a trial on virtual patients: power, type I error, events, duration, estimates, assurance and value."""
    if patients is not None and not value:
        raise InputError("--patients: are of --value: give it too, or leave it out.")
    sizes, formats = _sizes(n), options.formats_of(figures)
    reported = options.is_reported(report, figures, as_json=json)
    backend = options.backend_of(backend, scheduler)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.studies.trials.design.reading import load_trial
    from lmssim.studies.trials.study import run_study, sizes_of
    from lmssim.studies.trials.value.study import DEFAULT_PATIENTS
    from lmssim.studies.trials.work import work_of

    clock = Stopwatch()
    loaded = load_trial(design, _settings(settings))
    work = work_of(loaded, trials, sizes=sizes_of(loaded, sizes, value=value), seed=seed)
    of_value = (patients or DEFAULT_PATIENTS) if value else None
    clock.lap("load")
    inputs: list[str | Path] = [loaded.path, *_inputs(work.source)]
    with ResultFolder(out or Path("lmssim-out") / f"{loaded.name}-trial", inputs, beside=beside) as folder:
        with progress_bar(loaded.name, shown=not quiet) as progress:
            study = run_study(
                work,
                folder.begin(),
                assurance=assurance,
                variants=sensitivity,
                value_patients=of_value,
                resume=resume,
                progress=progress,
                backend=backend,
                jobs=options.jobs_or_all(jobs),
            )
        clock.lap("simulate")

        def document() -> dict[str, Any]:
            from lmssim.execution.manifest import manifest

            asked = {"trials": trials, "sizes": work.sizes, "seed": seed, "assurance": assurance}
            asked |= {
                "sensitivity": sensitivity,
                "value_patients": of_value,
                "design": loaded.settings,
                "patients": list(work.source.identity()),
            }
            use = clock.use("simulate", options.jobs_or_all(jobs), backend)
            command = options.command_line()
            return manifest(
                asked, command=command, timings=clock.laps, jobs=options.jobs_or_all(jobs), backend=backend, use=use
            )

        written = _write(study, folder, document, formats if reported else None, workbook=workbook)
    if json:
        say(_document(study, written, folder.path), end="")
    elif not quiet:
        _print(study)
        say(f"Report: {folder.path / 'report.html'}" if reported else f"Tables: {folder.path}")


def _sizes(text: str | None) -> tuple[int, ...]:
    """Numbers of patients of `--n`."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(":" if ":" in text else ",")]
    if not all(part.isdigit() and len(part) < 8 for part in parts) or (":" in text and len(parts) != 3):
        raise InputError(f"--n: '{text[:60]}' is not numbers such as 150,200, or LOW:HIGH:STEP such as 150:400:50.")
    numbers = [int(part) for part in parts]
    if ":" in text:
        low, high, step = numbers
        if step < 1 or high < low:
            raise InputError(f"--n: '{text[:60]}': STEP must be 1 or more, and HIGH not below LOW.")
        numbers = list(range(low, high + 1, step))
    if len(numbers) > MOST_SIZES:
        raise InputError(f"--n: {len(numbers)} numbers of patients; at most {MOST_SIZES}.")
    return tuple(numbers)


def _settings(items: list[str] | None) -> dict[str, Any]:
    """Keys and values of `--set KEY=VALUE`."""
    from lmssim.studies.trials.design.settings import value_of

    form = "KEY=VALUE, a key of the design and its value"
    return {key: value_of(text) for key, text in options.pairs_of("--set", items, form, "is set twice")}


def _inputs(source: Any) -> list[str]:
    """Files that the patients come from."""
    from lmssim.studies.trials.sources.model import ModelSource

    if not isinstance(source, ModelSource):
        return []
    scenario = source.program.scenario
    return [str(scenario.path.parent / name) for name in scenario.inputs]


def _write(
    study: TrialStudy,
    folder: ResultFolder,
    manifest: Callable[[], dict[str, Any]],
    formats: tuple[str, ...] | None,
    *,
    workbook: bool,
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written."""
    from lmssim.execution import store
    from lmssim.report.parts.style import save_figure
    from lmssim.report.parts.workbook import FILE, table_sheets, workbook_bytes
    from lmssim.report.trials.simulated.figures import study_figures
    from lmssim.report.trials.simulated.page import write_report
    from lmssim.report.trials.simulated.tables import frames_of
    from lmssim.studies.trials.study import CHECKPOINTS

    frames = frames_of(study)
    for name, frame in frames.items():
        store.write_csv(folder.place(f"{name}.csv"), frame)
    if workbook:
        content = workbook_bytes(study.design.title, table_sheets(frames))
        store.write_bytes(folder.place(FILE), content)
    _write_trials(study, folder)
    if formats is not None:
        drawn = []
        for name, (figure, title, caption) in study_figures(study).items():
            files = save_figure(figure, folder.begin() / "figures", name, formats)
            folder.add(files)
            drawn.append((files[0], title, caption))
        folder.add([write_report(study, folder.begin(), manifest(), drawn)])
    for name in CHECKPOINTS:  # not before: whoever is stopped while tables are written goes on from these parts
        folder.discard(name)
    return folder.finish(manifest(), {"trial": study.design.settings})


def _write_trials(study: TrialStudy, folder: ResultFolder) -> None:
    """What was read from each trial, one row a trial, number of patients and analysis."""
    import pyarrow as pa

    from lmssim.execution.store import write_parquet_stream
    from lmssim.studies.trials.conduct.readings import COLUMNS

    schema = pa.schema([(name, pa.float64() if name in COLUMNS else pa.int64()) for name in study.planned.columns])
    with write_parquet_stream(folder.place("trials.parquet"), schema) as writer:
        for batch in study.planned.batches():
            writer.write_table(pa.Table.from_pydict(batch, schema=schema))


def _document(study: TrialStudy, manifest: dict[str, Any], folder: Path) -> str:
    """The study as one JSON document."""
    from lmssim.execution.store import json_text, objects
    from lmssim.report.trials.simulated.tables import frames_of
    from lmssim.report.trials.simulated.words import answer_of

    tables = {name: objects(frame) for name, frame in frames_of(study).items()}
    return json_text({"summary": answer_of(study), **tables, "manifest": manifest, "folder": str(folder)})


def _print(study: TrialStudy) -> None:
    from lmssim.report.trials.design import terminal_table
    from lmssim.report.trials.simulated.tables import shown_tables
    from lmssim.report.trials.simulated.words import answer_of

    screen = console()
    for table in shown_tables(study):
        if table.title in ("Estimated effect", "Where trials stop", "Sources of the design"):
            continue
        screen.print(terminal_table(table.frame, title=table.title))
    for sentence in answer_of(study):
        say(sentence)
