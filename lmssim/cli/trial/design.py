"""`lmssim trial design`: bounds, sample size, dates and power of a planned trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.cli import options
from lmssim.cli.terminal import console, say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.execution.folder import ResultFolder
    from lmssim.trials.planning.plan import TrialPlan
    from lmssim.trials.sequential.design import GroupSequentialDesign

BOUNDS, TRIAL, COSTS = "Bounds", "Trial", "Results"
LOOKS = 40


def _number(help_text: str, panel: str, **more: Any) -> Any:
    """Option that takes a finite number; the plan says what is allowed."""
    return options.finite(help_text, metavar="X", rich_help_panel=panel, **more)


def _numbers(help_text: str, panel: str, metavar: str = "X,X") -> Any:
    """Option that takes finite numbers between commas."""

    def parse(text: str | list[float]) -> list[float]:
        values = [options.number_of(part.strip()) for part in str(text).split(",")]
        if None in values:
            raise typer.BadParameter(f"'{str(text)[:60]}' is not a list of finite numbers, such as 0.5,1.")
        return [value for value in values if value is not None]

    return typer.Option(parser=parse, metavar=metavar, help=help_text, rich_help_panel=panel)


def _name(help_text: str, panel: str) -> Any:
    return typer.Option(metavar="NAME", help=help_text, rich_help_panel=panel)


Maybe = float | None
MaybeList = list[float] | None


def design(
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A design file (TOML); options take the place of its keys."),
    ] = None,
    looks: Annotated[
        int | None, options.whole("Equally spaced analyses.", 1, LOOKS, show_default="1", rich_help_panel=BOUNDS)
    ] = None,
    information: Annotated[
        Any, _numbers("Information of each analysis, as fractions of the final one.", BOUNDS, "T,T")
    ] = None,
    alpha: Annotated[Any, _number("Type I error, all sides together.", BOUNDS, show_default="0.025")] = None,
    sides: Annotated[int | None, options.whole("Sides.", 1, 2, show_default="1", rich_help_panel=BOUNDS)] = None,
    power: Annotated[Any, _number("Power.", BOUNDS, show_default="0.9")] = None,
    efficacy: Annotated[
        str | None,
        _name(
            "Efficacy bounds: obf, pocock, wang_tsiatis, haybittle_peto, ld_obf, ld_pocock, hsd, kim_demets or "
            "final_only.",
            BOUNDS,
        ),
    ] = None,
    parameter: Annotated[
        Any, _number("Delta of wang_tsiatis, interim Z of haybittle_peto, gamma of hsd, rho of kim_demets.", BOUNDS)
    ] = None,
    futility: Annotated[
        str | None, _name("Futility: beta_spending, z, conditional_power or predictive_power.", BOUNDS)
    ] = None,
    futility_spending: Annotated[
        str | None, _name("For beta_spending: ld_obf, ld_pocock, hsd or kim_demets.", BOUNDS)
    ] = None,
    futility_parameter: Annotated[Any, _number("Its gamma or rho.", BOUNDS)] = None,
    futility_z: Annotated[Any, _numbers("For z: the bound of each interim analysis.", BOUNDS, "Z,Z")] = None,
    futility_threshold: Annotated[Any, _number("For conditional_power and predictive_power.", BOUNDS)] = None,
    futility_effect: Annotated[str | None, _name("For conditional_power: planned, trend or null.", BOUNDS)] = None,
    binding: Annotated[
        bool | None,
        typer.Option("--binding/--non-binding", help="Whether futility binds.", rich_help_panel=BOUNDS),
    ] = None,
    test: Annotated[str | None, _name("log_rank, maxcombo, rmst or milestone.", TRIAL)] = None,
    hazard_ratio: Annotated[Any, _numbers("Planned hazard ratio, or one for each interval.", TRIAL, "HR,HR")] = None,
    hazard_ratio_starts: Annotated[Any, _numbers("Beginning of each interval.", TRIAL, "T,T")] = None,
    margin: Annotated[Any, _number("Non-inferiority margin.", TRIAL)] = None,
    allocation: Annotated[
        Any, _number("Experimental patients for each control patient.", TRIAL, show_default="1")
    ] = None,
    method: Annotated[str | None, _name("schoenfeld, freedman, lachin_foulkes or rubinstein.", TRIAL)] = None,
    tau: Annotated[Any, _number("Time since entry, for rmst and milestone.", TRIAL)] = None,
    control_median: Annotated[Any, _number("Median time to the event in the control arm.", TRIAL)] = None,
    control_rate: Annotated[Any, _number("Constant hazard of the control arm, in its place.", TRIAL)] = None,
    dropout_rate: Annotated[Any, _number("Hazard of dropout.", TRIAL)] = None,
    competing_rate: Annotated[Any, _number("Hazard of competing events.", TRIAL)] = None,
    accrual_duration: Annotated[Any, _number("Time from the first entry to the last.", TRIAL)] = None,
    accrual_rate: Annotated[Any, _number("Patients per unit of time.", TRIAL)] = None,
    patients: Annotated[Any, _number("Patients in all, in place of the rate.", TRIAL)] = None,
    ramp: Annotated[Any, _number("Time in which the rate of accrual rises from 0.", TRIAL)] = None,
    solve: Annotated[
        str | None, _name("What is solved for: accrual_rate, accrual_duration, follow_up or power.", TRIAL)
    ] = None,
    study_duration: Annotated[Any, _number("Time from the first entry to the final analysis.", TRIAL)] = None,
    follow_up: Annotated[Any, _number("Time from the last entry to the final analysis.", TRIAL)] = None,
    time_unit: Annotated[str | None, typer.Option(metavar="NAME", help="Unit of time, in the plural.")] = None,
    observed_information: Annotated[
        Any, _numbers("Bounds again at the information that was observed, as fractions of the plan.", BOUNDS, "T,T")
    ] = None,
    observed_events: Annotated[
        Any, _numbers("Bounds again at the events that were observed, of a log-rank trial.", BOUNDS, "D,D")
    ] = None,
    interim: Annotated[
        bool,
        typer.Option(
            "--interim/--final",
            help="Whether looks follow those observed, or the last of them is the final analysis.",
            rich_help_panel=BOUNDS,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=options.folder_of,
            help="Folder of tables, figures and report; nothing is written if absent.",
        ),
    ] = None,
    beside: options.BesideOtherFiles = False,
    figures: options.Figures = None,
    json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Plan a trial: bounds, events, patients, dates, power, and the hazard ratio that a test sees over time."""
    formats = options.formats_of(figures)
    given = {name: value for name, value in locals().items() if name in HOMES and value is not None}

    from lmssim.execution.manifest import Stopwatch

    clock = Stopwatch()
    plan = _planned(file, given)
    observed = _observed(plan, observed_information, observed_events, interim=interim)
    clock.lap("plan")
    manifest: dict[str, Any] | None = None
    if out is not None:
        from lmssim.execution.folder import ResultFolder

        with ResultFolder(out, [] if file is None else [file], beside=beside) as folder:
            manifest = _write(plan, observed, folder, clock.laps, formats)
    if json:
        say(_document(plan, observed, manifest, out), end="")
    elif not quiet:
        _print(plan, observed)
        if out is not None:
            say(f"Report: {out / 'report.html'}")


HOMES: dict[str, tuple[str, str]] = {
    "looks": ("trial", "looks"),
    "information": ("trial", "information"),
    "alpha": ("trial", "alpha"),
    "sides": ("trial", "sides"),
    "power": ("trial", "power"),
    "efficacy": ("efficacy", "boundary"),
    "parameter": ("efficacy", "parameter"),
    "futility": ("futility", "rule"),
    "futility_spending": ("futility", "spending"),
    "futility_parameter": ("futility", "parameter"),
    "futility_z": ("futility", "z"),
    "futility_threshold": ("futility", "threshold"),
    "futility_effect": ("futility", "effect"),
    "binding": ("futility", "binding"),
    "test": ("endpoint", "test"),
    "hazard_ratio": ("endpoint", "hazard_ratio"),
    "hazard_ratio_starts": ("endpoint", "hazard_ratio_starts"),
    "margin": ("endpoint", "margin"),
    "allocation": ("endpoint", "allocation"),
    "method": ("endpoint", "method"),
    "tau": ("endpoint", "tau"),
    "control_median": ("control", "median"),
    "control_rate": ("control", "rate"),
    "dropout_rate": ("dropout", "rate"),
    "competing_rate": ("competing", "rate"),
    "accrual_duration": ("accrual", "duration"),
    "accrual_rate": ("accrual", "rate"),
    "patients": ("accrual", "patients"),
    "ramp": ("accrual", "ramp"),
    "solve": ("timing", "solve"),
    "study_duration": ("timing", "study_duration"),
    "follow_up": ("timing", "follow_up"),
    "time_unit": ("", "time_unit"),
}
"""Option, and the section and key of a design file that it stands for."""


def _planned(file: Path | None, given: dict[str, Any]) -> TrialPlan:
    """The plan of a file, of options, or of both; messages name options where the values come from them."""
    from lmssim.trials.planning.plan import load_plan, plan_of

    asked: dict[str, Any] = {}
    for name, value in given.items():
        section, key = HOMES[name]
        (asked.setdefault(section, {}) if section else asked)[key] = value
    if file is None and not given:
        raise InputError("trial design: give --file FILE, or options such as --looks 3; --help lists them.")
    try:
        return plan_of(asked) if file is None else load_plan(file, asked)
    except InputError as error:
        raise InputError(_by_option(str(error), given, file)) from None


def _by_option(message: str, given: dict[str, Any], file: Path | None) -> str:
    """A message that begins with the option from which a bad value came."""
    start = f"{file}: " if file is not None else ""
    body = message.removeprefix(start)
    for name in given if file is not None else HOMES:
        section, key = HOMES[name]
        place = f"{section}.{key}" if section else key
        if body.startswith(f"{place}:"):
            return f"--{name.replace('_', '-')}{body.removeprefix(place)}"
    return message


def _observed(
    plan: TrialPlan, information: list[float] | None, events: list[float] | None, *, interim: bool
) -> GroupSequentialDesign | None:
    """The design at what was observed, if that is told."""
    from lmssim.trials.survival.design import SurvivalDesign

    if information is not None and events is not None:
        raise InputError("--observed-events: stands in place of --observed-information; leave one of the two out.")
    if events is not None:
        if not isinstance(plan.trial, SurvivalDesign):
            raise InputError("--observed-events: the plan is not of a log-rank trial; give --observed-information.")
        information = [count / plan.trial.events * plan.design.information[-1] for count in events]
    if information is None:
        if interim:
            raise InputError("--interim: says that looks follow those observed; give --observed-information.")
        return None
    try:
        return plan.design.at_information(information, final=not interim)
    except InputError as error:
        option = "--observed-information" if events is None else "--observed-events"
        raise InputError(f"{option}: {error}") from None


def _write(
    plan: TrialPlan,
    observed: GroupSequentialDesign | None,
    folder: ResultFolder,
    timings: dict[str, float],
    formats: tuple[str, ...],
) -> dict[str, Any]:
    """Write tables, figures and report; returns the manifest as written."""
    from lmssim.execution import store
    from lmssim.execution.manifest import manifest
    from lmssim.report.parts.style import save_figure
    from lmssim.report.trials.design import design_figures, write_design_report
    from lmssim.report.trials.tables import boundary_frame
    from lmssim.trials.survival.design import SurvivalDesign
    from lmssim.trials.survival.weighted import WeightedDesign

    document = manifest({"design": plan.settings}, command=options.command_line(), timings=timings)
    store.write_csv(folder.place("design.csv"), boundary_frame(plan))
    if observed is not None:
        store.write_csv(folder.place("design_observed.csv"), observed.to_frame())
    if isinstance(plan.trial, SurvivalDesign | WeightedDesign):
        store.write_csv(folder.place("over_time.csv"), plan.trial.over_time())
    if isinstance(plan.trial, WeightedDesign):
        store.write_csv(folder.place("members.csv"), plan.trial.members_frame())
    if plan.competing is not None:
        store.write_csv(folder.place("competing_events.csv"), plan.competing.to_frame())
    drawn = []
    for name, (figure, title, caption) in design_figures(plan).items():
        files = save_figure(figure, folder.begin() / "figures", name, formats)
        folder.add(files)
        drawn.append((files[0], title, caption))
    folder.add([write_design_report(plan, folder.begin(), document, drawn)])
    return folder.finish(document, {"design": plan.settings})


def _document(
    plan: TrialPlan, observed: GroupSequentialDesign | None, manifest: dict[str, Any] | None, out: Path | None
) -> str:
    """The plan as one JSON document."""
    from lmssim.execution.store import json_text, objects
    from lmssim.report.trials.tables import boundary_frame
    from lmssim.trials.survival.design import SurvivalDesign
    from lmssim.trials.survival.difference import DifferenceDesign

    design, trial = plan.design, plan.trial
    document: dict[str, Any] = {
        "summary": plan.summary(),
        "design": objects(boundary_frame(plan)),
        "drift": design.drift,
        "inflation_factor": design.inflation_factor,
        "expected_information": dict(zip(("null", "half", "planned"), design.expected_information, strict=True)),
        "power": (trial or design).power,
        "settings": plan.settings,
    }
    if isinstance(trial, SurvivalDesign):
        document |= {
            "events": trial.events,
            "patients": trial.patients,
            "accrual_duration": trial.accrual.duration,
            "study_duration": trial.study_duration,
            "expected_events": dict(zip(("null", "planned"), trial.expected_events, strict=True)),
            "expected_duration": trial.expected_duration,
            "over_time": objects(trial.over_time()),
        }
    elif isinstance(trial, DifferenceDesign):
        document |= {"patients": trial.patients, "standard_error": trial.standard_error()}
    elif trial is not None:
        members = objects(trial.members_frame())
        document |= {"patients": trial.patients, "events": trial.events, "members": members}
    if plan.competing is not None:
        document["competing_events"] = objects(plan.competing.to_frame())
    if observed is not None:
        document["observed"] = objects(observed.to_frame())
    if manifest is not None:
        document |= {"manifest": manifest, "folder": str(out)}
    return json_text(document)


def _print(plan: TrialPlan, observed: GroupSequentialDesign | None) -> None:
    from lmssim.report.trials.design import design_table, terminal_table
    from lmssim.report.trials.tables import (
        MEMBERS_CAPTION,
        TIME_CAPTION,
        characteristics,
        competing_frame,
        members_frame,
        observed_frame,
        time_frame,
    )
    from lmssim.trials.survival.design import SurvivalDesign
    from lmssim.trials.survival.weighted import WeightedDesign

    screen = console()
    screen.print(design_table(plan))
    if observed is not None:
        screen.print(terminal_table(observed_frame(observed), "Bounds at the information that was observed."))
    if isinstance(plan.trial, WeightedDesign):
        screen.print(terminal_table(members_frame(plan.trial), MEMBERS_CAPTION))
    if isinstance(plan.trial, SurvivalDesign | WeightedDesign):
        screen.print(terminal_table(time_frame(plan.trial, 6), TIME_CAPTION))
    if plan.competing is not None:
        screen.print(terminal_table(competing_frame(plan), "Competing events: the right answer beside wrong ones."))
    screen.print(terminal_table(characteristics(plan)))
    say(plan.summary())
