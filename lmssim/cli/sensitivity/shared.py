"""What the commands of sensitivity analysis share: options, how runs are kept, and how a study is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from rich.console import RenderableType

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program
    from lmssim.report.sensitivity.presented import Presented
    from lmssim.studies.sensitivity.paired.runs import Runs

CHECKPOINT = "checkpoint"
FEWEST, MOST_DRAWS = 2, 1_000_000
DEFAULT_DRAWS, PATIENTS_OF_DRAW, PATIENTS_AT_VALUES = 1_000, 20, 20_000

Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy", metavar="ID", help="Strategy whose increment is shown.", show_default="the best of the others"
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against", metavar="ID", help="Strategy that it is compared with.", show_default="the scenario's comparator"
    ),
]
Wtp = Annotated[
    str | None,
    typer.Option(metavar="W,W", help="Willingness to pay of the results.", show_default="the scenario's own"),
]
Engine = Annotated[
    str,
    options.engine("solved without random numbers"),
]
Draws = Annotated[
    int | None,
    options.whole(
        "Draws of the other parameters, over which results are expectations.",
        FEWEST,
        MOST_DRAWS,
        show_default="1000 of a calibrated scenario; else --point",
    ),
]
Point = Annotated[
    bool,
    typer.Option("--point", help="Give the other parameters their values. --engine cohort does so unless --draws."),
]
Patients = Annotated[
    int | None,
    options.whole(
        "Patients of each draw; with --point, of each run.",
        2,
        options.MOST_PATIENTS,
        show_default="20; with --point 20000",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Continue from runs of the same inputs that were kept, if any.")
]


@dataclass(frozen=True)
class Source:
    """A scenario as it is asked for.

    Attributes
    ----------
    name : str
        Path or name.
    overrides, switches : mapping
        Parameters that are held, and options that are chosen.
    """

    name: str
    overrides: Mapping[str, float]
    switches: Mapping[str, str]

    def program(
        self,
        held: Mapping[str, float],
        switches: Mapping[str, str] | None = None,
        change: Mapping[str, Any] | None = None,
    ) -> Program:
        """The scenario with further parameters held, options chosen and tables merged, compiled."""
        from lmssim.model.compile import compile_scenario
        from lmssim.model.scenario import load_scenario

        chosen = {**self.switches, **(switches or {})}
        loaded = load_scenario(self.name, {**self.overrides, **held}, chosen, change)
        return compile_scenario(replace(loaded, own=frozenset()) if change else loaded)


@dataclass(frozen=True)
class Whom:
    """Options of whom runs follow, and how: as their commands name them."""

    draws: int | None
    patients: int | None
    seed: int
    engine: str
    profiles: int | None
    jobs: int
    backend: str
    block: int

    def sampling(self, n_patients: int) -> Sampling:
        """Patients, so many if none are asked for, and how they are run."""
        from lmssim.execution.simulate import Sampling

        return Sampling(
            n_patients=self.patients or n_patients,
            seed=self.seed,
            engine=self.engine,
            profiles=options.DEFAULT_PROFILES if self.profiles is None else self.profiles,
            jobs=self.jobs,
            backend=self.backend,
            block=self.block,
            counting=False,
        )


def runs_of(program: Program, whom: Whom, *, point: bool) -> tuple[Runs, dict[str, Any]]:
    """Runs over draws, at values or solved, as `lmssim run` chooses; and what a manifest says of them."""
    from lmssim.studies.sensitivity.paired.runs import Drawn, at_values

    if point and whom.draws is not None:
        raise InputError("--draws: --point draws nothing: leave one of the two out.")
    check_fits(whom.engine, whom.patients, whom.profiles)
    exact = whom.engine == options.COHORT
    drawn = whom.draws is not None or (program.scenario.is_calibrated and not point and not exact)
    sampling = whom.sampling(PATIENTS_OF_DRAW if drawn else PATIENTS_AT_VALUES)
    n_draws = (whom.draws or DEFAULT_DRAWS) if drawn else 0
    made = {"draws": n_draws, "patients": sampling.n_patients, "exact": exact and not drawn, "solved": exact}
    if not drawn:
        return at_values(program, sampling), made
    runs = Drawn(program, sampling, n_draws)
    _ = runs.work  # checked down to the last draw
    return runs, made


def folder_option(name: str) -> Any:
    """Option of the folder of results."""
    return options.results_folder(f"SCENARIO-{name}")


def wtps_of(text: str | None) -> list[float]:
    """Willingness to pay of `--wtp W,W`."""
    return options.amounts_of(text, "--wtp")


@dataclass(frozen=True)
class Output:
    """What is written beside tables, and what is printed.

    Attributes
    ----------
    formats : tuple of str, optional
        Those of the figures; neither figures nor report if absent.
    workbook, json, quiet : bool
        Whether tables are written as a workbook, or printed as JSON; whether nothing is printed.
    """

    formats: tuple[str, ...] | None
    workbook: bool
    json: bool
    quiet: bool

    def say(
        self,
        tables: Mapping[str, pd.DataFrame],
        document: Mapping[str, Any],
        folder: Path,
        text: Callable[[], RenderableType],
    ) -> None:
        """Print the tables as JSON, or the answer and where it is."""
        if self.json:
            say(json_of(tables, document, folder), end="")
        elif not self.quiet:
            console().print(text())
            say(f"Tables: {folder}" if self.formats is None else f"Report: {folder / 'report.html'}")


def output_of(report: bool | None, figures: str | None, *, workbook: bool, as_json: bool, quiet: bool) -> Output:
    """Options of what is written and printed, checked."""
    formats = options.formats_of(figures)
    written = options.is_reported(report, figures, as_json=as_json)
    return Output(formats if written else None, workbook, as_json, quiet)


def check_fits(engine: str, patients: int | None, profiles: int | None) -> None:
    """Refuse options that the engine does not use."""
    options.check_known("--engine", engine, options.ENGINES)
    if engine == options.COHORT and patients is not None:
        raise InputError(f"--patients: engine '{engine}' is solved for profiles, not patients: give --profiles.")
    if engine != options.COHORT and profiles is not None:
        raise InputError(
            f"--profiles: engine '{engine}' simulates patients: give --patients or --engine {options.COHORT}."
        )


def kept(folder: ResultFolder, key: Mapping[str, Any], *, resume: bool) -> Checkpoint:
    """Where runs are kept until the study is written."""
    from lmssim.execution.checkpoint import Checkpoint, key_of

    return Checkpoint(folder.begin() / CHECKPOINT, key_of(dict(key)), resume=resume)


def document_of(
    program: Program, sampling: Sampling, overrides: Mapping[str, float], asked: Mapping[str, Any], clock: Stopwatch
) -> dict[str, Any]:
    """Manifest of a study."""
    from lmssim.execution.manifest import evaluation_part, manifest

    solved = {"profiles": sampling.profiles} if sampling.engine == options.COHORT else None
    result = evaluation_part(program, sampling, overrides, solved=solved) | dict(asked)
    return manifest(
        result,
        command=options.command_line(),
        timings=clock.laps,
        jobs=sampling.jobs,
        backend=sampling.backend,
        block=sampling.block,
    )


def write_study(
    folder: ResultFolder,
    tables: Mapping[str, pd.DataFrame],
    program: Program,
    manifest: Callable[[], dict[str, Any]],
    presented: Callable[[], Presented],
    output: Output,
    further: Sequence[str] = (),
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written.

    Parameters
    ----------
    further : sequence of str
        Folders of runs that were kept beside `CHECKPOINT`.
    """
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_bytes, write_csv
    from lmssim.report.parts.workbook import FILE, table_sheets, workbook_bytes

    for name, frame in tables.items():
        write_csv(folder.place(f"{name}.csv"), frame)
    if output.workbook:
        content = workbook_bytes(program.scenario.file.title, table_sheets(tables))
        write_bytes(folder.place(FILE), content)
    if output.formats is not None:
        presented().write(folder, manifest(), output.formats)
    for each in (CHECKPOINT, *further):
        folder.discard(each)  # not before: whoever is stopped while tables are written goes on from these runs
    document = manifest()
    return folder.finish(document, inputs_of(program.scenario, program.used, document))


def json_of(tables: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any], folder: Path) -> str:
    """The tables as one JSON document."""
    from lmssim.execution.store import json_text, objects

    each = {name: objects(frame) for name, frame in tables.items()}
    return json_text({**each, "manifest": dict(manifest), "folder": str(folder)})
