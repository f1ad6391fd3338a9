"""Options that commands share, and how their values are read."""

from __future__ import annotations

import math
import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.model.scenario import Scenario as LoadedScenario

COHORT = "cohort"
FORMATS = ("png", "svg", "pdf")
"""Formats of figures; the first is always written."""
ENGINES = ("compiled", "des", COHORT)
BACKENDS = ("threads", "loky", "dask")
DEFAULT_PROFILES, MOST_PROFILES = 32, 1_000_000
LARGEST_SEED = 2**63 - 1
MOST_PATIENTS = 1_000_000_000
MOST_JOBS = 1_024
MOST_MONEY = 1e12
LONGEST_SHOWN = 60
"""Characters of a value that a message repeats."""


# === Numbers, each with its range in the help and in the message ===


def whole(help_text: str, low: int, high: int, *, metavar: str = "N", **more: Any) -> Any:
    """Option that takes a whole number between two bounds, which its help states."""

    def parse(text: str | int) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,30}", str(text)) and low <= int(text) <= high:
            return int(text)
        raise typer.BadParameter(f"{_shown(text)} is not a whole number from {_count(low)} to {_count(high)}.")

    return typer.Option(
        parser=parse, metavar=metavar, help=f"{help_text} From {_count(low)} to {_count(high)}.", **more
    )


def above_zero(help_text: str, *, metavar: str, **more: Any) -> Any:
    """Option that takes a finite number above 0, which its help states."""

    def parse(text: str | float) -> float:
        value = number_of(str(text))
        if value is None or value <= 0:
            raise typer.BadParameter(f"{_shown(text)} is not a finite number above 0.")
        return value

    return typer.Option(parser=parse, metavar=metavar, help=f"{help_text} Above 0.", **more)


def number_of(text: str) -> float | None:
    """Finite number that a text is, in digits, with a point and an exponent perhaps; else None."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _count(number: int) -> str:
    """A bound as people read it."""
    return "2^63 - 1" if number == LARGEST_SEED else f"{number:,}"


def _shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    text = str(value)
    return f"'{text}'" if len(text) <= LONGEST_SHOWN else f"'{text[:LONGEST_SHOWN]}...'"


def _allow(context: typer.Context, folders: list[Path] | None) -> list[Path]:
    """Let the inputs of a command name files of some folders."""
    if folders:
        from lmssim.reach import files_allowed_from

        context.with_resource(files_allowed_from(folders))
    return folders or []


def folder_of(text: str | Path) -> Path:
    """Folder of `--out DIR`."""
    if not str(text).strip():
        raise InputError("--out: is blank; name a folder.")
    return Path(text)


def is_reported(report: bool | None, figures: str | None, *, as_json: bool) -> bool:
    """Whether figures and a report are written: as asked, else where figures are asked for, or --json is not.

    Raises
    ------
    InputError
        If figures are asked for beside --no-report.
    """
    if figures is not None and report is False:
        raise InputError("--figures: --no-report writes no figures: leave one of the two out.")
    return (figures is not None or not as_json) if report is None else report


def engine(cohort: str) -> Any:
    """Option of the engine; the words are what `cohort` does."""
    told = f"compiled; des: the reference engine, slower and with the same results; cohort: {cohort}."
    return typer.Option(metavar="NAME", help=told)


def finite(help_text: str, *, metavar: str, **more: Any) -> Any:
    """Option that takes a finite number, whose range is checked where it is used."""

    def parse(text: str | float) -> float:
        value = number_of(str(text))
        if value is None:
            raise typer.BadParameter(f"{_shown(text)} is not a finite number.")
        return value

    return typer.Option(parser=parse, metavar=metavar, help=help_text, **more)


def results_folder(default: str) -> Any:
    """Option of the folder of results, in `lmssim-out` if absent."""
    return typer.Option(
        metavar="DIR", parser=folder_of, help="Folder of the results.", show_default=f"./lmssim-out/{default}"
    )


Scenario = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file (TOML), or the name of a bundled scenario.")
]
Seed = Annotated[int, whole("Seed of all random numbers.", 0, LARGEST_SEED)]
Jobs = Annotated[int | None, whole("Workers; as many as there are cores if absent.", 1, MOST_JOBS)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="ID=VALUE", help="Hold a parameter at a value, a finite number in its unit; may be repeated."
    ),
]
Switches = Annotated[
    list[str] | None,
    typer.Option("--switch", metavar="NAME=OPTION", help="Choose an option of a switch; may be repeated."),
]
Strategies = Annotated[
    str | None, typer.Option("--strategies", metavar="ID,ID", help="Run these strategies alone; all if absent.")
]
By = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="PARTITION",
        help="Every result by subgroup too: by values of a covariate (grade), between cuts (size_cm: 0, 5, 10), or "
        "crossed (grade*deep); may be repeated, each a partition of its own.",
    ),
]
Where = Annotated[
    str,
    typer.Option(
        metavar="RULE",
        help="Follow only those patients who meet a rule on covariates, such as 'size_cm >= 5 and grade == 3'; "
        "they are the same patients, with the same random numbers, as in a run of all.",
        show_default="all patients",
    ),
]
Profiles = Annotated[
    int | None,
    whole("Profiles of the population over which --engine cohort averages.", 1, MOST_PROFILES, show_default="32"),
]
Backend = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What the workers are: threads, processes (loky), or those of a Dask scheduler (dask, with --scheduler).",
    ),
]
Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Address of a Dask scheduler, such as tcp://localhost:8786, whose workers do the work.",
        show_default="none",
    ),
]
Report = Annotated[
    bool | None,
    typer.Option(
        "--report/--no-report",
        help="Write figures and report.html, or the tables alone.",
        show_default="--report; with --json, --no-report",
    ),
]
Block = Annotated[int, whole("Patients per block of the kernels.", 1, 1_000_000, hidden=True)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors, and the JSON of --json.")]
AllowFilesFrom = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow-files-from",
        metavar="DIR",
        help="Let the input name files of this folder too, outside its own; may be repeated.",
        callback=_allow,
    ),
]
Figures = Annotated[
    str | None,
    typer.Option(
        "--figures",
        metavar="FORMAT,FORMAT",
        help="Write the figures also as svg, pdf or both. PNG files are always written.",
        show_default="png",
    ),
]
BesideOtherFiles = Annotated[
    bool,
    typer.Option(
        "--beside-other-files",
        help="Write to a folder that holds other files too; none of them is overwritten or removed.",
    ),
]
Workbook = Annotated[bool, typer.Option("--xlsx", help="Write the tables as one Excel workbook too (tables.xlsx).")]
LiveWorkbook = Annotated[
    bool,
    typer.Option(
        "--xlsx",
        help="Write the tables as one Excel workbook too (tables.xlsx); formulas there add up costs and net benefits.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else.")]


class RandomNumbers(StrEnum):
    """Whether all draws of the parameters share their random numbers, or each has its own."""

    common = "common"
    independent = "independent"


def check_known(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that an option does not have."""
    if value not in known:
        raise InputError(unknown("value", value, known, option))


def backend_of(backend: str, scheduler: str) -> str:
    """Backend of `--backend` and `--scheduler`, either of which may be left out where the other tells."""
    check_known("--backend", backend, BACKENDS)
    if scheduler and backend not in (BACKENDS[0], "dask"):
        raise InputError(f"--scheduler: the backend '{backend}' has none; leave one of the two out.")
    if not scheduler and backend != "dask":
        return backend
    if not scheduler.startswith(("tcp://", "tls://")):
        raise InputError(
            f"--scheduler {_shown(scheduler)}: backend 'dask' needs an address such as tcp://localhost:8786; "
            "`dask scheduler` starts one."
        )
    return f"dask:{scheduler}"


def command_line() -> list[str]:
    """The command line, for manifests."""
    return ["lmssim", *sys.argv[1:]]


def jobs_or_all(jobs: int | None) -> int:
    """Workers asked for, or as many as there are cores this process may use."""
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def overrides_of(items: list[str] | None) -> dict[str, float]:
    """Parameter ids and values of `--set ID=VALUE`."""
    values: dict[str, float] = {}
    for id_, text in pairs_of("--set", items, "ID=VALUE, a parameter's id and a number", "is set twice"):
        value = number_of(text)
        if value is None:
            raise InputError(f"--set {id_}={_cut(text)}: {_shown(text)} is not a finite number.")
        values[id_] = value
    return values


def switches_of(items: list[str] | None) -> dict[str, str]:
    """Switches and options of `--switch NAME=OPTION`."""
    return dict(pairs_of("--switch", items, "NAME=OPTION, a switch and one of its options", "is chosen twice"))


def pairs_of(option: str, items: list[str] | None, form: str, twice: str) -> Iterator[tuple[str, str]]:
    """Names and values of an option that may be repeated, each name once."""
    seen: set[str] = set()
    for item in items or []:
        name, separator, value = (part.strip() for part in item.partition("="))
        if not separator or not name or not value:
            raise InputError(f"{option} {_cut(item)}: is not {form}.")
        if name in seen:
            raise InputError(f"{option} {_cut(item)}: {_shown(name)} {twice}.")
        seen.add(name)
        yield name, value


def names_of(text: str | None, option: str = "--strategies") -> tuple[str, ...]:
    """Names of `--strategies ID,ID`, each once; empty if the option is absent."""
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(f"{option} {_shown(text)}: a name is missing; give one or more, such as ID or ID,ID.")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{option} {_shown(text)}: {_shown(name)} stands twice.")
    return names


def amounts_of(text: str | None, option: str) -> list[float]:
    """Amounts of `OPTION W,W`, each from 0 to `MOST_MONEY`; none if the option is absent."""
    found = []
    for part in (text or "").split(",") if text is not None else ():
        value = number_of(part.strip())
        if value is None or not 0.0 <= value <= MOST_MONEY:
            raise InputError(
                f"{option} {_cut(text or '')}: {_shown(part.strip())} is not a number from 0 to {MOST_MONEY:,.0f}."
            )
        found.append(value)
    return found


def groups_of(items: list[str] | None, option: str = "--group") -> dict[str, list[str]]:
    """Names and ids of `OPTION NAME=ID,ID`."""
    found = {}
    for name, text in pairs_of(option, items, "NAME=ID,ID, a name and ids", "is declared twice"):
        found[name] = list(names_of(text, f"{option} {name}"))
    return found


def averages_of(items: list[str], scenario: LoadedScenario) -> dict[str, dict[str, float] | None]:
    """Switches and weights of `--average SWITCH` or `--average SWITCH=OPTION:P,OPTION:P`; None for stated weights."""
    from lmssim.model.parameters.averaging import stated_averages

    found: dict[str, dict[str, float] | None] = {}
    for item in items:
        name, separator, text = (part.strip() for part in item.partition("="))
        every = name == "all" and not separator and "all" not in scenario.file.switches
        names = stated_averages(scenario.file.switches) if every else [name]
        if not names:
            raise InputError(
                "--average all: the scenario states no weights of options (switches.NAME.average.weights)."
            )
        for each in names:
            if each in found:
                raise InputError(f"--average {_cut(item)}: {_shown(each)} is given twice.")
            found[each] = _weights_of(item, text) if separator else None
    return found


def _weights_of(item: str, text: str) -> dict[str, float]:
    """Weights of `OPTION:P,OPTION:P`."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        option, separator, value = (each.strip() for each in part.partition(":"))
        weight = number_of(value)
        if not option or not separator or weight is None:
            raise InputError(
                f"--average {_cut(item)}: is not of the form SWITCH=OPTION:P,OPTION:P, such as a=b:0.7,c:0.3."
            )
        if option in weights:
            raise InputError(f"--average {_cut(item)}: {_shown(option)} has two weights.")
        weights[option] = weight
    return weights


def check_strategies(names: Sequence[str], scenario: LoadedScenario, option: str = "--strategies") -> None:
    """Refuse a strategy that a scenario does not have."""
    for name in names:
        if name not in scenario.strategies:
            raise InputError(unknown("strategy", name, scenario.strategies, option))


def formats_of(text: str | None) -> tuple[str, ...]:
    """Formats of `--figures FORMAT,FORMAT`: PNG, which reports show, and those that are asked for besides."""
    asked = names_of(text, "--figures")
    for name in asked:
        check_known("--figures", name, FORMATS)
    return tuple(name for name in FORMATS if name == FORMATS[0] or name in asked)


def years_of(text: str | None, option: str) -> tuple[float, ...] | None:
    """Years of `OPTION YEARS,YEARS`, ascending and above 0; None if the option is absent, none if it is `none`."""
    if text is None:
        return None
    if text.strip() == "none":
        return ()
    years: list[float] = []
    for part in (each.strip() for each in text.split(",")):
        value = number_of(part)
        if value is None or value <= 0.0:
            raise InputError(f"{option} {_cut(text)}: {_shown(part)} is not a number of years above 0.")
        if years and value <= years[-1]:
            raise InputError(f"{option} {_cut(text)}: {value:g} does not lie above {years[-1]:g}; years must ascend.")
        years.append(value)
    return tuple(years)


def each_once(option: str, names: list[str] | None) -> list[str]:
    """Names of an option that may be repeated, each once and none empty."""
    for name in names or []:
        if not name.strip():
            raise InputError(f"{option} {_shown(name)}: a name is missing.")
        if (names or []).count(name) > 1:
            raise InputError(f"{option} {_cut(name)}: is given twice.")
    return list(names or [])


def _cut(text: str) -> str:
    return _shown(text)[1:-1]
