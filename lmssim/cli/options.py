"""Options that commands share, and how their values are read."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.errors import InputError, unknown
from lmssim.model.language.csvfile import brief, number_hint, plain_number

if TYPE_CHECKING:
    from rich.console import Console

Scenario = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file (TOML), or the name of a bundled scenario.")
]
Patients = Annotated[int, typer.Option(metavar="N", help="Patients, each of whom meets every strategy.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of all random numbers.")]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Workers; as many as there are cores if absent.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="ID=VALUE", help="Hold a parameter at a value; may be repeated.")
]
Switches = Annotated[
    list[str] | None,
    typer.Option("--switch", metavar="NAME=OPTION", help="Choose an option of a switch; may be repeated."),
]
Strategies = Annotated[
    str | None, typer.Option("--strategies", metavar="ID,ID", help="Run these strategies alone; all if absent.")
]
Block = Annotated[int, typer.Option(metavar="N", hidden=True, help="Patients per block of the kernels.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else.")]


class RandomNumbers(StrEnum):
    """Whether all draws of the parameters share their random numbers, or each has its own."""

    common = "common"
    independent = "independent"


def console() -> Console:
    """Console on stdout, as wide as the terminal; wide enough for any table where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)


def check_known(option: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a value that an option does not have."""
    if value not in known:
        raise InputError(unknown("value", value, known, option))


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
    for item in items or []:
        id_, separator, text = (part.strip() for part in item.partition("="))
        if not separator or not id_ or not text:
            raise InputError(f"--set {item}: is not ID=VALUE, a parameter's id and a number.")
        value = plain_number(text)
        if value is None:
            raise InputError(f"--set {id_}: '{brief(text)}' is not a finite number.{number_hint(text)}")
        if id_ in values:
            raise InputError(f"--set {item}: '{id_}' is set twice.")
        values[id_] = value
    return values


def names_of(text: str | None) -> tuple[str, ...]:
    """Names of `--strategies ID,ID`."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def switches_of(items: list[str] | None) -> dict[str, str]:
    """Switches and options of `--switch NAME=OPTION`."""
    options: dict[str, str] = {}
    for item in items or []:
        name, separator, option = (part.strip() for part in item.partition("="))
        if not separator or not name or not option:
            raise InputError(f"--switch {item}: is not NAME=OPTION, a switch and one of its options.")
        if name in options:
            raise InputError(f"--switch {item}: '{name}' is chosen twice.")
        options[name] = option
    return options
