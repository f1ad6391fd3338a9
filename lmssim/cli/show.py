"""`lmssim show`: the states, transitions, parameters with their sources, and strategies of a scenario."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError, OutputError
from lmssim.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table
    from rich.text import Text

    from lmssim.model.language.schema import Given, Planned, SwitchOption
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario


def show(
    scenario: Annotated[
        str | None,
        typer.Argument(metavar="SCENARIO", help="A scenario file, or a bundled name; --evidence alone needs none."),
    ] = None,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Show only the parameters, assumed ones first.")
    ] = False,
    strategies: Annotated[
        bool, typer.Option("--strategies", help="Show only the strategies and their treatments.")
    ] = False,
    switches: Annotated[bool, typer.Option("--switches", help="Show only the switches and their options.")] = False,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence",
            help="Which published results of the seed documents the model meets, misses, uses or leaves out.",
        ),
    ] = False,
    chosen: options.Switches = None,
    diagram: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the state diagram to a file (SVG or PNG).")
    ] = None,
    allow: options.AllowFilesFrom = None,
    json: Annotated[bool, typer.Option("--json", help="With --evidence: print it as JSON, and nothing else.")] = False,
) -> None:
    """Show a scenario: states and transitions, parameters with their sources, strategies, switches, evidence."""
    chosen_ = options.switches_of(chosen)
    if json and not evidence:
        raise InputError("--json: is possible with --evidence alone.")
    if diagram is not None and diagram.suffix.lower() not in (".svg", ".png"):
        raise InputError(f"--diagram {diagram}: ends in neither .svg nor .png.")
    if scenario is None:
        if not evidence or parameters or strategies or switches or diagram:
            raise InputError("SCENARIO is missing: a scenario file, or the name of a bundled scenario.")
        _show_evidence(None, json)
        return

    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario

    loaded = load_scenario(scenario, switches=chosen_)
    program = compile_scenario(loaded)
    everything = not (parameters or strategies or switches or diagram or evidence)
    screen = console()
    if diagram is not None:
        _draw(loaded, diagram)
        say(f"Diagram: {diagram}")
    if everything:
        from lmssim.report.model.links import diagram_text

        screen.print(one_line(loaded.file.title), style="bold")
        screen.print(f"{loaded.file.description.strip()}\n")
        say(diagram_text(loaded))
    if everything or strategies:
        screen.print(_strategies(loaded))
    if switches or (everything and loaded.options):
        screen.print(_switches(loaded))
    if everything and loaded.file.regimens:
        screen.print(_regimens(program))
    if everything or parameters:
        screen.print(_parameters(program))
        for file, columns in loaded.further.items():
            screen.print(f"Not read: {file}: {', '.join(columns)}")
    if evidence:
        _show_evidence(loaded, json)


def _show_evidence(scenario: Scenario | None, json: bool) -> None:
    """Counts and list of all observations, or of those of a scenario."""
    from dataclasses import asdict

    from lmssim.execution.store import json_text
    from lmssim.published.ledger import load_observations
    from lmssim.report.published.evidence import counts, counts_table, observations_of_scenario, observations_table

    found = load_observations() if scenario is None else observations_of_scenario(load_observations(), scenario)
    if json:
        say(json_text({"counts": counts(found), "observations": [asdict(o) for o in found]}), end="")
        return
    screen = console()
    screen.print(counts_table(found))
    screen.print(observations_table(found))


def _draw(scenario: Scenario, path: Path) -> None:
    from lmssim.execution.store import make_folder, write_bytes
    from lmssim.execution.writing.stamps import is_stamped, stamped
    from lmssim.report.model.diagram import plot_diagram
    from lmssim.report.parts.style import save_figure

    if os.path.lexists(path) and not (path.is_file() and is_stamped(path.read_bytes())):
        raise OutputError(f"--diagram {path}: lmssim did not write this file as it is, so it stays; name another.")
    make_folder(path.parent)
    with TemporaryDirectory() as folder:
        (drawn,) = save_figure(plot_diagram(scenario), Path(folder), "diagram", [path.suffix.lower().removeprefix(".")])
        write_bytes(path, stamped(drawn.read_bytes()))


def _strategies(scenario: Scenario) -> Table:
    """Who gets what under each strategy, by which rule; rules that have a name stand beneath."""
    from rich.table import Table
    from rich.text import Text

    file = scenario.file
    table = Table(title="Strategies", title_justify="left", caption=_rules(scenario), caption_justify="left")
    columns = ["strategy", "label", "treatments", "sets", *(["sequence"] if file.sequences else []), "source"]
    for column in columns:
        table.add_column(column, overflow="fold")
    for name in scenario.strategies:
        spec = file.strategies[name]
        mark = " (comparator)" if name == scenario.comparator else ""
        given = [*map(_planned, spec.treatments)]
        given += [f"{component.fraction}: {', '.join(component.treatments) or 'none'}" for component in spec.mix]
        sets = [f"{key} = {value}" for key, value in spec.set.items()]
        sets += [f"plan {old}: {new}" for old, new in spec.plans.items()]
        sequence = [spec.sequence or file.settings.sequence or ""] if file.sequences else []
        cells = (
            name + mark,
            scenario.strategy_label(name),
            "\n".join(given),
            "\n".join(sets),
            *sequence,
            spec.source_id,
        )
        table.add_row(*map(Text, cells))
    return table


def _planned(treatment: str | Planned) -> str:
    """A treatment with the rule under which it is given."""
    if isinstance(treatment, str):
        return treatment
    return treatment.treatment if treatment.when is None else f"{treatment.treatment} if {treatment.when}"


def _rules(scenario: Scenario) -> Text | None:
    """Named expressions by which strategies choose their patients, and what the sequences that are used give."""
    from rich.text import Text

    from lmssim.model.language import expression

    file, strategies = scenario.file, [scenario.file.strategies[name] for name in scenario.strategies]
    used = dict.fromkeys(spec.sequence or file.settings.sequence for spec in strategies)
    sequences = {name: file.sequences[name].treatments for name in used if name is not None}
    planned = [each for spec in strategies for each in spec.treatments] + [e for s in sequences.values() for e in s]
    rules = [each.when for each in planned if not isinstance(each, str) and each.when is not None]
    read = dict.fromkeys(
        name for rule in rules for name in expression.names(expression.parse(rule, str(scenario.path)))
    )
    lines = [f"{name}: {file.expressions[name]}" for name in read if name in file.expressions]
    lines += [f"sequence {name}: {', '.join(map(_planned, given))}" for name, given in sequences.items()]
    return Text("\n".join(lines)) if lines else None


def _switches(scenario: Scenario) -> Table:
    from rich.table import Table
    from rich.text import Text

    from lmssim.report.parts.labels import option_label, switch_label

    table = Table(title="Switches", title_justify="left", caption="* chosen here", caption_justify="left")
    for column in ("switch, option", "label", "sets or changes", "reason"):
        table.add_column(column, overflow="fold")
    for name, switch in scenario.file.switches.items():
        average = switch.average
        why = Text("" if average is None else f"weights of --average: {average.justification}")
        table.add_row(Text(name, style="bold"), Text(switch_label(scenario, name), style="bold"), "", why)
        for option, spec in switch.options.items():
            mark = "*" if scenario.options[name] == option else " "
            base = " (base case)" if switch.default == option else ""
            if average is not None:
                base += f", weight {average.weights.get(option, 0.0):g}"
            does = "\n".join(_what_it_does(spec))
            cells = (f"{mark} {option}{base}", option_label(scenario, name, option), does, spec.reason)
            table.add_row(*map(Text, cells))
    return table


def _regimens(program: Program) -> Table:
    """Doses of each regimen, and the cost of a cycle for a patient with the middle body surface."""
    from rich.table import Table
    from rich.text import Text

    from lmssim.model.compile.regimens import typical_cost

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
    """Parameters that an option sets, tables that it changes, and what its label claims."""
    from lmssim.model.parameters.claims import subject

    for id_, value in option.set.items():
        yield f"{id_} = {value if isinstance(value, str) else f'{value:g}'}"
    for key, value in option.change.items():
        inner = [f"{key}.{each}" for each in value] if isinstance(value, dict) else [key]
        yield from (f"changes {each}" for each in inner)
    for claim in option.claims:
        solved = f" ({claim.solve.parameter} is solved for it)" if claim.solve is not None else ""
        yield f"claims {subject(claim)}: {claim.value:.6g}{solved}"


def _parameters(program: Program) -> Table:
    from rich.table import Table
    from rich.text import Text

    kinds = Counter(p.kind or "without a kind" for _, p in program.used.items())
    shares = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    table = Table(title=f"Parameters: {sum(kinds.values())}, of which {shares}", title_justify="left")
    for column in ("id", "value", "unit", "kind", "source", "description"):
        table.add_column(column, overflow="fold", justify="right" if column == "value" else "left")
    values = program.used.base()
    for id_, p in sorted(program.used.items(), key=lambda item: item[1].kind != "assumed"):
        source = ", ".join(text for text in (p.source_id, p.locator) if text) or p.reason
        table.add_row(*map(Text, (id_, f"{values[id_][0]:.6g}", p.unit, p.kind, source, p.description)))
    return table
