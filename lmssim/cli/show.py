"""`lmssim show`: what a scenario says: its states and transitions, its parameters and their sources, its strategies."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.model.schema import Given, SwitchOption


def show(
    scenario: options.Scenario,
    parameters: Annotated[bool, typer.Option("--parameters", help="Only the parameters, assumed ones first.")] = False,
    strategies: Annotated[bool, typer.Option("--strategies", help="Only the strategies and their treatments.")] = False,
    switches: Annotated[bool, typer.Option("--switches", help="Only the switches and their options.")] = False,
    chosen: options.Switches = None,
    diagram: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the state diagram to a file (SVG or PNG).")
    ] = None,
) -> None:
    """Show a scenario: states and transitions, parameters with their sources, strategies, switches."""
    chosen_ = options.switches_of(chosen)

    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario

    loaded = load_scenario(scenario, switches=chosen_)
    program = compile_scenario(loaded)
    everything = not (parameters or strategies or switches or diagram)
    console = options.console()
    if diagram is not None:
        _draw(loaded, diagram)
        typer.echo(f"Diagram: {diagram}")
    if everything:
        from lmssim.report.links import diagram_text

        console.print(loaded.file.title, style="bold", markup=False)
        console.print(f"{loaded.file.description.strip()}\n", markup=False)
        typer.echo(diagram_text(loaded))
    if everything or strategies:
        console.print(_strategies(loaded))
    if switches or (everything and loaded.options):
        console.print(_switches(loaded))
    if everything and loaded.file.regimens:
        console.print(_regimens(program))
    if everything or parameters:
        console.print(_parameters(program))


def _draw(scenario: Scenario, path: Path) -> None:
    from lmssim.errors import InputError

    if path.suffix.lower() not in (".svg", ".png"):
        raise InputError(f"--diagram {path}: ends in neither .svg nor .png.")
    from lmssim.execution.store import make_folder, write_bytes
    from lmssim.report.diagram import plot_diagram
    from lmssim.report.style import save_figure

    make_folder(path.parent)
    with TemporaryDirectory() as folder:
        drawn = save_figure(plot_diagram(scenario), Path(folder), "diagram")
        write_bytes(path, drawn.with_suffix(path.suffix.lower()).read_bytes())


def _strategies(scenario: Scenario) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Strategies", title_justify="left")
    for column in ("strategy", "label", "treatments", "sets"):
        table.add_column(column, overflow="fold")
    for name in scenario.strategies:
        mark = " (comparator)" if name == scenario.comparator else ""
        sets = [f"{key} = {value}" for key, value in scenario.file.strategies[name].set.items()]
        sets += [f"plan {old}: {new}" for old, new in scenario.file.strategies[name].plans.items()]
        given = "\n".join(_treatments(scenario, name))
        table.add_row(*map(Text, (name + mark, scenario.strategy_label(name), given, "\n".join(sets))))
    return table


def _treatments(scenario: Scenario, strategy: str) -> Iterator[str]:
    """Treatments a strategy plans, with the rule under which it gives them."""
    from lmssim.model.planning import choices

    for choice in choices(scenario.file, strategy, str(scenario.path)):
        name = choice.treatment if choice.phase is None else f"{choice.phase}.{choice.treatment}"
        yield name if choice.when is None else f"{name} if {choice.when}"
    for component in scenario.file.strategies[strategy].mix:
        yield f"{component.fraction}: {', '.join(component.treatments) or 'none'}"


def _switches(scenario: Scenario) -> Table:
    from rich.table import Table
    from rich.text import Text

    from lmssim.report.labels import option_label, switch_label

    table = Table(title="Switches", title_justify="left", caption="* holds here", caption_justify="left")
    for column in ("switch, option", "label", "sets or changes", "reason"):
        table.add_column(column, overflow="fold")
    for name, switch in scenario.file.switches.items():
        table.add_row(Text(name, style="bold"), Text(switch_label(scenario, name), style="bold"))
        for option, spec in switch.options.items():
            mark = "*" if scenario.options[name] == option else " "
            base = " (base case)" if switch.default == option else ""
            does = "\n".join(_what_it_does(spec))
            cells = (f"{mark} {option}{base}", option_label(scenario, name, option), does, spec.reason)
            table.add_row(*map(Text, cells))
    return table


def _regimens(program: Program) -> Table:
    """Doses of each regimen, and what a cycle costs for a patient of middle body surface."""
    from rich.table import Table
    from rich.text import Text

    from lmssim.model.regimens import typical_cost

    file = program.scenario.file
    table = Table(title=f"Regimens (vials: {file.settings.vial_use})", title_justify="left")
    for column in ("regimen", "label", "drugs", "cycle, years", "at most"):
        table.add_column(column, overflow="fold")
    table.add_column(f"a cycle, {file.settings.currency}", justify="right")
    for name, regimen in file.regimens.items():
        drugs = "\n".join(_dose(file.drugs[given.drug].unit, given) for given in regimen.drugs)
        most = "" if regimen.max_cycles is None else f"{regimen.max_cycles}"
        cost = typical_cost(program, name)
        price = "varies" if cost is None else f"{cost:,.0f}"
        table.add_row(*map(Text, (name, regimen.label or "", drugs, f"{regimen.cycle}", most, price)))
    return table


def _dose(unit: str, given: Given) -> str:
    per = "" if given.per == "flat" else f"/{given.per}"
    times = "" if given.administrations == 1 else f" x {given.administrations}"
    return f"{given.drug} {given.dose} {unit}{per}{times}"


def _what_it_does(option: SwitchOption) -> Iterator[str]:
    """What an option sets, and the tables that it changes."""
    for id_, value in option.set.items():
        yield f"{id_} = {value if isinstance(value, str) else f'{value:g}'}"
    for key, value in option.change.items():
        inner = [f"{key}.{each}" for each in value] if isinstance(value, dict) else [key]
        yield from (f"changes {each}" for each in inner)


def _parameters(program: Program) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Parameters", title_justify="left")
    for column in ("id", "value", "unit", "kind", "source", "description"):
        table.add_column(column, overflow="fold", justify="right" if column == "value" else "left")
    values = program.used.base()
    for id_, p in sorted(program.used.items(), key=lambda item: item[1].kind != "assumed"):
        source = ", ".join(text for text in (p.source_id, p.locator) if text) or p.reason
        table.add_row(*map(Text, (id_, f"{values[id_][0]:.6g}", p.unit, p.kind, source, p.description)))
    return table
