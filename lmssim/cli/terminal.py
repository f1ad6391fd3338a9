"""What reaches the terminal: text that commands nothing, on any encoding, also where nobody reads any more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lmssim.text import ERRORS, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.segment import Segment

WIDTH = 200
"""Columns where there is no terminal: enough for any table."""


def prepare() -> None:
    """Make the standard streams fit for any text: a closed one goes nowhere, a poor encoding shows what is nearest."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)


def say(text: object, *, end: str = "\n") -> None:
    """Print text on stdout."""
    print(visible(str(text)), end=end)


def complain(message: str) -> None:
    """Print a line on stderr, if anybody reads it."""
    with suppress(OSError):
        print(message, file=sys.stderr)


def console() -> Console:
    """Console on stdout, as wide as the terminal; wide enough for any table where there is none.

    Text is text for it, not markup, and its hidden characters are made visible.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

    class PlainConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            if isinstance(renderable, Text) and visible(renderable.plain) != renderable.plain:
                plain = renderable.blank_copy(visible(renderable.plain))
                plain.end = renderable.end
                renderable = plain
            return super().render(renderable, options)

        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(visible(text), **how)

    width = None if sys.stdout.isatty() else WIDTH
    return PlainConsole(width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


def flushed(code: int) -> int:
    """Code, once stdout has taken everything; 1 if its reader has gone, 2 if its disk is full."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with suppress(OSError, ValueError):  # what is left is not written again when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        if not code:
            complain(f"lmssim: error: output: {error.strerror or error}.")
        return code or 2
    return code
