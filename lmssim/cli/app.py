"""The command line: commands, and how errors reach the user: one line on stderr, an exit code, no traceback.

Exit codes: 0 done; 1 something failed while running; 2 bad input, or a file that cannot be written; 130, 143 or 129
stopped by Ctrl-C, SIGTERM or SIGHUP. Commands import what they need when they are called, so that `lmssim --help` is
immediate.
"""

from __future__ import annotations

import copy
import functools
import gc
import signal
import sys
import traceback
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from lmssim.cli import (
    calibrate,
    case,
    diff,
    init,
    reproduce,
    run,
    sbc,
    schema,
    show,
    trace,
    validate,
    verify,
)
from lmssim.cli.sensitivity import agency, psa, scenarios, sobol, switches, threshold, tornado, two_way, voi
from lmssim.cli.sweep import sweep
from lmssim.cli.terminal import complain, flushed, prepare, say
from lmssim.cli.trial import design, interim
from lmssim.cli.trial import run as trial_run
from lmssim.errors import LmssimError
from lmssim.execution.writing import interruption
from lmssim.text import one_line, shortened
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

DEBUG = "--debug"
OBJECTS = 50_000
"""New objects after which unused ones are looked for; those of modules are so many that looking costs half a second."""
INTERRUPTED = 130


def _literal(command: Any) -> Any:
    """A copy of a command whose help is text all through: rich would take `[value]` for the name of a style."""
    from rich.markup import escape

    found = copy.copy(command)
    found.params = [copy.copy(param) for param in command.params]
    for each in (found, *found.params):
        each.help = escape(each.help) if getattr(each, "help", None) else None
    if hasattr(found, "commands"):
        found.commands = {name: _literal(each) for name, each in found.commands.items()}
    return found


class Command(TyperCommand):
    """A command that takes an option once, unless its help says that it may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option that stands twice, then read the line."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for param in given:
            if given.count(param) > 1 and not getattr(param, "multiple", False) and param.param_type_name == "option":
                ctx.fail(f"Option '{param.opts[0]}' is given {given.count(param)} times; give it once.")
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help as it stands in the code, brackets and all."""
        TyperCommand.format_help(_literal(self) if self.rich_markup_mode else self, ctx, formatter)


class Group(TyperGroup):
    """Commands under one word."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help as it stands in the code, brackets and all."""
        TyperGroup.format_help(_literal(self) if self.rich_markup_mode else self, ctx, formatter)


app = typer.Typer(
    name="lmssim",
    help="Treatment strategies for leiomyosarcoma, simulated patient by patient.",
    epilog="`lmssim COMMAND --help` describes a command.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    cls=Group,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "psa": psa.psa,
    "voi": voi.voi,
    "trace": trace.trace,
    "case": case.case,
    "show": show.show,
    "verify": verify.verify,
    "validate": validate.validate,
    "switches": switches.switches,
    "tornado": tornado.tornado,
    "threshold": threshold.threshold,
    "two-way": two_way.two_way,
    "scenarios": scenarios.scenarios,
    "sobol": sobol.sobol,
    "agency": agency.agency,
    "sweep": sweep.sweep,
    "diff": diff.diff,
    "calibrate": calibrate.calibrate,
    "sbc": sbc.sbc,
    "reproduce": reproduce.reproduce,
    "init": init.init,
    "schema": schema.schema,
}
for _name, _function in COMMANDS.items():
    app.command(_name, cls=Command)(_function)


def _group(summary: str, commands: dict[str, Callable[..., None]]) -> typer.Typer:
    """Commands under one word, which alone prints its help."""
    group = typer.Typer(help=summary, add_completion=False, cls=Group)

    def begin(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            say(context.get_help())

    group.callback(invoke_without_command=True, help=summary)(begin)
    for name, function in commands.items():
        group.command(name, cls=Command)(function)
    return group


GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "trial": (
        "Clinical trials: bounds, sample size, dates and power.",
        {"design": design.design, "interim": interim.interim, "run": trial_run.run},
    ),
}
for _name, (_summary, _commands) in GROUPS.items():
    app.add_typer(_group(_summary, _commands), name=_name)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"lmssim {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show a traceback when something fails.")] = False,
) -> None:
    """Treatment strategies for leiomyosarcoma, simulated patient by patient."""
    if context.invoked_subcommand is None:
        say(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG]  # taken anywhere on the line
    warnings.formatwarning = _warning_text
    prepare()
    gc.set_threshold(OBJECTS)
    with interruption.signals_heard():
        code = _code_of(words, debug=debug)
    sys.exit(flushed(code))


@functools.cache
def commands_of(group: typer.Typer) -> Any:
    """All commands with their options, which typer would read from their functions anew for every call."""
    return typer.main.get_command(group)


def _code_of(words: list[str], *, debug: bool) -> int:
    """Exit code of the command that some words give, once what went wrong has been said."""
    returned: Any = 0
    error: BaseException | None = None
    try:
        returned = commands_of(app)(words, prog_name="lmssim", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as raised:
        error = raised
        if debug:
            traceback.print_exc()
    if (stop := interruption.received()) is not None or returned == INTERRUPTED:
        code, message = interruption.code_and_message(stop or signal.SIGINT)  # whatever the exception became on its way
    elif error is not None:
        code, message = _outcome(error, words)
    else:
        return returned if isinstance(returned, int) else 0
    if message:
        complain(f"lmssim: {shortened(one_line(message))}")
    return code


def _warning_text(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of ours in one line; any other with its place in the code."""
    if category.__module__.startswith("lmssim."):
        return f"lmssim: warning: {one_line(str(message))}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _outcome(error: BaseException, words: list[str]) -> tuple[int, str]:
    """Exit code of an error, and what to say."""
    if isinstance(error, typer.Abort) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return interruption.code_and_message(signal.SIGINT)
    if isinstance(error, BrokenPipeError):
        return 1, ""
    code, message = _failure(error, words)
    return code, f"error: {message}"


def _failure(error: BaseException, words: list[str]) -> tuple[int, str]:
    """Exit code and message of an error that is no wish to stop."""
    if isinstance(error, LmssimError):
        return error.exit_code, str(error)
    if isinstance(error, OSError):
        return 2, f"{error.filename or 'output'}: {error.strerror or error}."
    if hasattr(error, "format_message"):  # a usage error, whose class has moved between versions of typer
        return int(getattr(error, "exit_code", 2)), _usage(error, words)
    if isinstance(error, MemoryError):
        return 1, "out of memory; fewer --jobs need less, and so does a model with fewer states or a shorter horizon."
    return 1, f"unexpected {type(error).__name__}: {_one_line(str(error))} Run again with {DEBUG} for the traceback."


def _usage(error: Any, words: list[str]) -> str:
    """Message of a usage error, with the value that it does not name itself, and where to read more."""
    context, options = getattr(error, "ctx", None), getattr(getattr(error, "param", None), "opts", [])
    said = _one_line(error.format_message()).removesuffix(".")
    given = [f" ({word} {value})" for word, value in pairwise(words) if word in options and value not in said]
    command = context.command_path if context is not None else "lmssim"
    text = f"{said}{''.join(given[:1])}"
    return f"{text}{'' if text.endswith(('?', '!')) else '.'} Try '{command} --help'."


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!", ")")) else f"{line}."
