"""`lmssim case`: where published patients lie among simulated lives like theirs."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from rich.table import Table

    from lmssim.execution.folder import ResultFolder
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.published.cases import CaseTime

DEFAULT_LIVES = 50_000


def case(
    scenario: options.Scenario,
    name: Annotated[
        list[str] | None, typer.Option("--case", metavar="ID", help="Only this case; may be repeated.")
    ] = None,
    patients: Annotated[
        int, options.whole("Simulated lives like the patient's.", 1, options.MOST_PATIENTS)
    ] = DEFAULT_LIVES,
    seed: options.Seed = 1,
    overrides: options.Overrides = None,
    switches: options.Switches = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=options.folder_of, help="Write the table and a figure of each case to this folder."
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    allow: options.AllowFilesFrom = None,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare published patients with simulated lives like theirs: where each observed time lies among theirs."""
    overrides_, switches_ = options.overrides_of(overrides), options.switches_of(switches)
    formats = options.formats_of(figures)

    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.manifest import Stopwatch, evaluation_part, manifest
    from lmssim.execution.simulate import Sampling
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario
    from lmssim.published.cases import read_cases

    clock = Stopwatch()
    sampling = Sampling(n_patients=patients, seed=seed)
    sampling.validate()
    loaded = load_scenario(scenario, overrides_, switches_)
    names = _names(loaded, options.each_once("--case", name))
    with nullcontext() if out is None else ResultFolder(out, loaded.inputs, beside=beside) as folder:
        program = compile_scenario(loaded)
        clock.lap("load")
        found = read_cases(program, names, patients, seed)
        clock.lap("simulate")
        result = evaluation_part(program, sampling, overrides_)
        document = manifest(result, command=options.command_line(), timings=clock.laps)
        if folder is not None:
            document = _write(program, found, folder, document, formats)
    if json:
        say(_document(found, document), end="")
    elif not quiet:
        console().print(_table(loaded, found))


def _names(scenario: Scenario, asked: list[str]) -> list[str]:
    cases = scenario.file.cases
    if not cases:
        raise InputError(f"{scenario.path}: cases: the scenario has none.")
    for name in asked:
        if name not in cases:
            raise InputError(unknown("case", name, cases, "--case"))
    return [name for name in cases if not asked or name in asked]


def _write(
    program: Program,
    found: list[CaseTime],
    folder: ResultFolder,
    manifest: dict[str, Any],
    formats: tuple[str, ...],
) -> dict[str, Any]:
    """Write table and figures; returns the manifest as written."""
    from lmssim.execution.inputs import inputs_of
    from lmssim.execution.store import write_csv
    from lmssim.published.cases import case_frame
    from lmssim.report.evaluation.cases import plot_case
    from lmssim.report.parts.style import save_figure

    write_csv(folder.place("cases.csv"), case_frame(found))
    for name in dict.fromkeys(each.case for each in found):
        figure = plot_case(program.scenario.file.cases[name], [each for each in found if each.case == name])
        folder.add(save_figure(figure, folder.begin(), f"case_{name}", formats))
    return folder.finish(manifest, inputs_of(program.scenario, program.used, manifest))


def _document(found: list[CaseTime], manifest: dict[str, Any]) -> str:
    from lmssim.execution.store import json_text, objects
    from lmssim.published.cases import case_frame

    return json_text({"cases": objects(case_frame(found)), "manifest": manifest})


def _table(scenario: Scenario, found: list[CaseTime]) -> Table:
    from rich.text import Text

    from lmssim.report.evaluation.cases import case_table
    from lmssim.report.parts.terminal import plain_table

    content = case_table(scenario, found)
    table = plain_table(content.caption)
    for i, column in enumerate(content.frame.columns):
        table.add_column(column, overflow="fold", justify="left" if i < 2 else "right")
    for row in content.frame.itertuples(index=False):
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
