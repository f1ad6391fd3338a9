"""The command line: commands, and how errors reach the user: one line on stderr, an exit code, no traceback.

Exit codes: 0 done; 1 something failed while running; 2 bad input; 130 interrupted. Commands import what they need when
they are called, so that `lmssim --help` is immediate.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from itertools import pairwise
from typing import Annotated, Any

import typer

from lmssim.cli import calibrate, case, init, reproduce, run, sbc, schema, show, switches, trace, validate, verify
from lmssim.errors import LmssimError
from lmssim.version import __version__

DEBUG = "--debug"
INTERRUPTED = 130

app = typer.Typer(
    name="lmssim",
    help="Treatment strategies for leiomyosarcoma, simulated patient by patient.",
    epilog="`lmssim COMMAND --help` describes a command.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("trace")(trace.trace)
app.command("case")(case.case)
app.command("show")(show.show)
app.command("verify")(verify.verify)
app.command("validate")(validate.validate)
app.command("switches")(switches.switches)
app.command("calibrate")(calibrate.calibrate)
app.command("sbc")(sbc.sbc)
app.command("reproduce")(reproduce.reproduce)
app.command("init")(init.init)
app.command("schema")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lmssim {__version__}")
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
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG]  # taken anywhere on the line
    warnings.formatwarning = _warning_text
    try:
        code = app(words, prog_name="lmssim", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        code, message = _outcome(error, words)
        if message:
            print(f"lmssim: error: {' '.join(message.split())}", file=sys.stderr)
    if code == INTERRUPTED and not debug:
        print("lmssim: interrupted; files written so far are whole.", file=sys.stderr)
    sys.exit(_flushed(code if isinstance(code, int) else 0))


def _warning_text(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of ours in one line; any other with its place in the code."""
    if category.__module__.startswith("lmssim."):
        return f"lmssim: warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _outcome(error: BaseException, words: list[str]) -> tuple[int, str]:
    """Exit code of an error, and what to say."""
    if isinstance(error, LmssimError):
        return error.exit_code, str(error)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return INTERRUPTED, ""
    if isinstance(error, BrokenPipeError):
        return 1, ""
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
    given = [f" ({word} {value})" for word, value in pairwise(words) if word in options]
    command = context.command_path if context is not None else "lmssim"
    return f"{_one_line(error.format_message()).removesuffix('.')}{''.join(given[:1])}. Try '{command} --help'."


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!", ")")) else f"{line}."


def _flushed(code: int) -> int:
    """Code, once stdout has taken everything; 1 if whoever read it has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
