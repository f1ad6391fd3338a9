"""`lmssim sweep`: a result over many values of its inputs, in a folder that can be left and taken up again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.sweep.folder import BAR, NONE, PROGRESS, RESULT, Drawn, plot_folder, run_into
from lmssim.cli.terminal import complain, console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.studies.axes import Axis
    from lmssim.studies.sweep.file import SweepFile
    from lmssim.studies.sweep.result import Sweep
    from lmssim.studies.sweep.study import Planned
    from lmssim.studies.sweep.work import Done

RUN, PSA, TRIAL = "run", "psa", "trial"
STUDIES = (RUN, PSA, TRIAL)
DEFAULT_PATIENTS = {RUN: 10_000, PSA: 1_000}
DEFAULT_DRAWS = 200
SHOWN = 12
"""Cells that a list on the terminal shows, at most."""


def sweep(
    scenario: Annotated[
        str | None,
        typer.Argument(metavar="[SCENARIO]", help="A scenario file (TOML), or the name of a bundled scenario."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME=LEVELS",
            help="What varies: a parameter, a switch, a field of the file (settings.horizon), or where, patients, "
            "seed, engine, profiles. Levels: LO:HI:N (N numbers; :log at the end for even steps of the logarithm), "
            "A,B,C, or LO:HI for lhs and sobol. NAME+NAME takes the same level together. ' if OTHER=LEVEL' at the "
            "end: varies only there; may be repeated.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What is done in each cell. run: one evaluation at the cell's own values; psa: over draws of the "
            "parameters that the cell does not hold; trial: trials of a design, given as SCENARIO, of whose fields "
            "any may vary.",
            show_default="run",
        ),
    ] = None,
    draws: Annotated[int | None, options.whole("Draws of each cell of psa.", 2, 1_000_000, show_default="200")] = None,
    trials: Annotated[
        int | None, options.whole("Simulated trials of each cell of trial.", 1, 1_000_000, show_default="1000")
    ] = None,
    assurance: Annotated[
        bool, typer.Option("--assurance", help="Of trial: as many again over draws of what is uncertain.")
    ] = False,
    design: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="grid: every level with every other; list: the k-th levels together; lhs: Latin hypercube; sobol: "
            "Sobol sequence, which more cells continue.",
            show_default="grid",
        ),
    ] = None,
    n_cells: Annotated[int | None, options.whole("Cells of lhs or sobol.", 1, 1_000_000)] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="A sweep as a TOML file (docs/sweeps.md).")] = None,
    strategies: options.Strategies = None,
    patients: Annotated[
        int | None,
        options.whole(
            "Patients of each cell, or of each draw of psa; the same in every cell.",
            2,
            options.MOST_PATIENTS,
            show_default="10000; of psa 1000",
        ),
    ] = None,
    seed: options.Seed = 1,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="compiled, des, or cohort (solved exactly).")
    ] = "compiled",
    profiles: options.Profiles = None,
    where: options.Where = "",
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    jobs: options.Jobs = None,
    backend: options.Backend = "threads",
    scheduler: options.Scheduler = "",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=options.folder_of,
            help="Folder of the results; without SCENARIO, the one to read.",
            show_default="./lmssim-out/SCENARIO-sweep",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many cells, how long and how many bytes; run one as a pilot.")
    ] = False,
    status: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Say how far the sweep in a folder has come.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Draw what the sweep in a folder has found, complete or not; into --out, or that folder.",
        ),
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="OUTCOME", help="What figures show, such as inmb:30000, qalys, os:5.", show_default="inmb"
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Axes across figures and upwards; those of most levels if absent.")
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(metavar="OUTCOME,OUTCOME", help="Draw the Pareto front of two outcomes too, such as cost,qalys."),
    ] = None,
    best: Annotated[
        str | None,
        typer.Option(metavar="OUTCOME", help="Print the best strategy of each cell, by nmb:30000, qalys, cost, ..."),
    ] = None,
    progress: Annotated[
        str, typer.Option(metavar="FORM", help="On stderr: bar, json (a line each second) or none.")
    ] = BAR,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    report: options.Report = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a scenario over many values of its inputs; the same command goes on where an earlier one was stopped.

    Exit code 1 if cells failed: they are listed, and the others are there.
    """
    options.check_known("--progress", progress, PROGRESS)
    drawn = _drawn(outcome, axes, pareto, figures)
    if status is not None:
        _say_status(status, as_json=json)
        return
    if plot is not None:
        plot_folder(plot, out, drawn, beside=beside)
        if best is not None:
            _read(plot, best, as_json=json)
        return
    if scenario is None and file is None:
        _read(out, best, as_json=json)
        return
    reported = (figures is not None or not json) if report is None else report
    asked_for = _outcomes(drawn, best)
    shown = Shown(
        out, drawn if reported else None, asked_for, drawn.axes, best, NONE if quiet else progress, beside, json, quiet
    )
    asked, varied = _asked(scenario, file, vary)
    name = study or asked.study or RUN
    options.check_known("--study", name, STUDIES)
    backend = options.backend_of(backend, scheduler)
    if name == TRIAL:
        given = {"strategies": strategies, "patients": patients, "where": where, "switch": switches, "draws": draws}
        _check_of_trials({**given, "engine": engine != "compiled", "profiles": profiles})
        plan = _of_trials(
            asked,
            varied,
            overrides,
            n_trials=trials,
            assurance=assurance,
            design=design or asked.design or "grid",
            n_cells=n_cells or asked.n_cells,
            seed=seed,
            jobs=options.jobs_or_all(jobs),
            backend=backend,
        )
        _carry_out(plan, shown, dry_run=dry_run)
        return
    if trials is not None or assurance:
        raise InputError(f"--{'assurance' if trials is None else 'trials'}: belongs to --study {TRIAL}.")
    options.check_known("--engine", engine, options.ENGINES)
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    strategies_ = options.names_of(strategies)

    from lmssim.execution.simulate import Sampling
    from lmssim.studies.sweep.cells import Source
    from lmssim.studies.sweep.design import GRID
    from lmssim.studies.sweep.study import planned

    source = Source(
        name=str(asked.scenario),
        overrides={**asked.set, **overrides_},
        switches={**asked.switch, **switches_},
        allow=tuple(allow or ()),
        fields=asked.fields,
    )
    done_in_cells = _study(name, draws or asked.draws)
    sampling = Sampling(
        n_patients=patients or asked.patients or DEFAULT_PATIENTS[done_in_cells.name],
        seed=seed,
        strategies=strategies_ or tuple(asked.strategies or ()),
        engine=engine,
        profiles=options.DEFAULT_PROFILES if profiles is None else profiles,
        where=where.strip() or asked.where or "",
        jobs=options.jobs_or_all(jobs),
        backend=backend,
    )
    cells = n_cells or asked.n_cells
    plan = planned(source, sampling, varied, done_in_cells, design=design or asked.design or GRID, n_cells=cells)
    _carry_out(plan, shown, dry_run=dry_run)


@dataclass(frozen=True)
class Shown:
    """Where results go, and what is said of them."""

    out: Path | None
    drawn: Drawn | None
    outcomes: Mapping[str, tuple[str, ...]]
    axes: tuple[str, ...]
    best: str | None
    progress: str
    beside: bool
    json: bool
    quiet: bool


def _carry_out(plan: Planned, shown: Shown, *, dry_run: bool) -> None:
    """Run a sweep, or say what it would take."""
    from lmssim.studies.sweep.study import check_asked

    place = shown.out or Path("lmssim-out") / f"{plan.name}-sweep"
    for sentence in () if shown.quiet else plan.about.get("held_alone", ()):
        complain(f"lmssim: note: {sentence}")
    if dry_run:
        _say_forecast(plan, place, as_json=shown.json)
        return
    check_asked(plan, shown.outcomes, shown.axes)
    found, done, manifest = run_into(plan, place, shown.drawn, beside=shown.beside, progress=shown.progress)
    if shown.json:
        _say_json(found, done, manifest, place)
    elif not shown.quiet:
        _print(found, done, place, shown.best, reported=shown.drawn is not None)
    if len(found.failed):
        _list_failed(found)
        raise typer.Exit(1)


# === What is asked ===


def _asked(scenario: str | None, file: Path | None, vary: list[str] | None) -> tuple[SweepFile, list[Axis]]:
    """What a file and options ask for, and all axes: those of the file before those of options."""
    from lmssim.studies.axes import axis_of
    from lmssim.studies.sweep.file import SweepFile, read_sweep

    asked, axes = (SweepFile(), []) if file is None else read_sweep(file)
    if scenario is None and asked.scenario is None:
        raise InputError(f"{file}: names no scenario: give it as SCENARIO, or as scenario in the file.")
    name = scenario or _beside(file, str(asked.scenario))
    return asked.model_copy(update={"scenario": name}), [*axes, *(axis_of(text) for text in vary or [])]


def _study(name: str, draws: int | None) -> Any:
    """What is done in each cell: a function from cells to their rows."""
    from lmssim.studies.sensitivity.psa.cells import DrawsInCells
    from lmssim.studies.sweep.outcomes import Outcomes

    options.check_known("--study", name, STUDIES)
    if name == PSA:
        return DrawsInCells(draws or DEFAULT_DRAWS)
    if draws is not None:
        raise InputError(f"--draws: study '{name}' draws no parameters; give --study {PSA}.")
    return Outcomes()


def _check_of_trials(given: Mapping[str, Any]) -> None:
    """Refuse options that cells of trials do not take."""
    for option, value in given.items():
        if value:
            raise InputError(f"--{option}: study '{TRIAL}' takes it from the design; vary or --set a key of that.")


def _of_trials(asked: SweepFile, varied: list[Axis], overrides: list[str] | None, **how: Any) -> Planned:
    """A sweep over fields of a trial's design."""
    from lmssim.cli.sweep.trials import planned_trials
    from lmssim.studies.trials.design.settings import value_of

    form = "KEY=VALUE, a key of the design and its value"
    given = {key: value_of(text) for key, text in options.pairs_of("--set", overrides, form, "is set twice")}
    return planned_trials(str(asked.scenario), {**asked.fields, **asked.set, **given}, varied, **how)


def _beside(file: Path | None, name: str) -> str:
    """A scenario that a file names: from the file's folder, if it is there, else a bundled one."""
    path = (file or Path()).parent / name
    return str(path) if path.is_file() else name


def _drawn(outcome: str | None, axes: str | None, pareto: str | None, figures: str | None) -> Drawn:
    """What options ask figures to show."""
    two = options.names_of(pareto, "--pareto")
    if pareto is not None and len(two) != 2:
        raise InputError(f"--pareto {pareto}: is not two outcomes, such as cost,qalys.")
    names = options.names_of(axes, "--axes")
    if len(names) > 2:
        raise InputError(f"--axes {axes}: names more than two axes.")
    return Drawn(outcome, names, two, options.formats_of(figures))


def _outcomes(drawn: Drawn, best: str | None) -> dict[str, tuple[str, ...]]:
    """Outcomes that options name."""
    one = {"--outcome": drawn.outcome, "--best": best}
    return {option: (name,) for option, name in one.items() if name is not None} | {"--pareto": drawn.pareto}


# === What is said ===


def _say_forecast(plan: Planned, place: Path, *, as_json: bool) -> None:
    from lmssim.execution.shared.tables import SharedTables
    from lmssim.execution.store import json_text
    from lmssim.execution.writing.sharing import SHARED
    from lmssim.report.sensitivity.sweep.text import forecast_text
    from lmssim.studies.sweep.study import forecast

    tables = SharedTables(place / SHARED)
    tables.look()
    done = plan.work.done(tables, set(tables.done))
    expected = forecast(plan, done.left) if done.left else None
    if as_json:
        more = {} if expected is None else {"seconds": expected.seconds, "megabytes": expected.megabytes}
        counts = {"cells": done.cells, "kept": done.kept, "to_run": done.left, "programs": plan.n_programs}
        say(json_text(counts | more), end="")
    else:
        say(forecast_text(plan, done, expected))


def _say_status(place: Path, *, as_json: bool) -> None:
    from lmssim.execution.store import json_text
    from lmssim.report.sensitivity.sweep.text import status_text
    from lmssim.studies.sweep.status import status_of

    found = status_of(place)
    say(json_text(found.document()), end="") if as_json else say(status_text(found))


def _read(place: Path | None, best: str | None, *, as_json: bool) -> None:
    """Answer from a folder."""
    from lmssim.execution.store import json_text, objects
    from lmssim.report.sensitivity.sweep.text import best_text
    from lmssim.studies.sweep.status import sweep_from

    if place is None or best is None:
        raise InputError(
            "sweep: SCENARIO is missing; give one, or --status DIR, --plot DIR, or --out DIR with --best OUTCOME."
        )
    found = sweep_from(place)
    if as_json:
        say(json_text({"best": objects(found.best(best))}), end="")
    else:
        console().print(best_text(found, best))


def _print(found: Sweep, done: Done, place: Path, best: str | None, *, reported: bool) -> None:
    from lmssim.report.sensitivity.sweep.text import best_text, done_text

    say(done_text(done))
    if best is not None:
        console().print(best_text(found, best))
    say(f"Table: {place / RESULT}")
    if reported:
        say(f"Report: {place / 'report.html'}")


def _list_failed(found: Sweep) -> None:
    from lmssim.report.sensitivity.sweep.text import failed_lines

    for line in failed_lines(found, SHOWN):
        complain(f"lmssim: {line}")


def _say_json(found: Sweep, done: Done, manifest: dict[str, Any], place: Path) -> None:
    from lmssim.execution.store import json_text, objects

    counts = {"cells": done.cells, "kept": done.kept, "made": done.made, "failed": done.failed}
    document = {**counts, "failures": objects(found.failed), "manifest": manifest, "folder": str(place)}
    say(json_text(document), end="")
