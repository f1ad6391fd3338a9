"""Errors a user can cause, each one clear message without a traceback.

LmssimError          anything the user should read
  InputError         bad input: exit code 2
    ScenarioError      a key or value in a scenario file
    ParameterError     a row of a parameter table, or a draw from it
    DataError          a table: population, life table, norms
    ExpressionError    a rule or expression that the safe evaluator refuses
    UnsupportedError   something that the chosen engine does not run
      TooLargeError      because it would need too much time or memory
        LowMemoryError     on this machine, as it stands
    OutputError        a file or folder that cannot be written
      InUseError         a folder that another process writes to
  RunError           something failed while running: exit code 1

NotApplicableError is not the user's fault: a check does not apply to a model.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from lmssim.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable


class LmssimError(Exception):
    """Anything the user should read; of an endless word that is quoted, both ends stand."""

    exit_code = 1

    def __init__(self, *args: object) -> None:
        super().__init__(*(shortened(arg) if isinstance(arg, str) else arg for arg in args))


class InputError(LmssimError):
    """Bad input."""

    exit_code = 2


class ScenarioError(InputError):
    """A key or value in a scenario file."""


class ParameterError(InputError):
    """A row of a parameter table, or a draw from it."""


class DataError(InputError):
    """A table: population, life table, norms."""


class ExpressionError(InputError):
    """A rule or expression that the safe evaluator refuses."""


class UnsupportedError(InputError):
    """Something that the chosen engine does not run."""


class TooLargeError(UnsupportedError):
    """Something that would need more time or memory than an engine takes."""


class LowMemoryError(TooLargeError):
    """Something that would need more memory than is available at the time; another machine may do it."""


class OutputError(InputError):
    """A file or folder that cannot be written."""


class InUseError(OutputError):
    """A folder that another process writes to."""


class RunError(LmssimError):
    """Something failed while running."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Hint naming the nearest valid name, or the valid names when they are few, or nothing."""
    names = sorted(set(allowed))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    if 0 < len(names) <= 12:
        return f" Allowed: {', '.join(names)}."
    return ""


def unknown(kind: str, name: str, allowed: Iterable[str], where: str) -> str:
    """Message for a name that does not exist: where it stands, what it is, what is near."""
    return f"{where}: unknown {kind} '{name}'.{nearest(name, allowed)}"


def exact(value: float) -> str:
    """A number for a message: six digits where they say it all, else twelve."""
    short = f"{value:.6g}"
    return short if float(short) == value else f"{value:.12g}"


class NotApplicableError(Exception):
    """A check that does not apply to a model; its text is the reason."""
