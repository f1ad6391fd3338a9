"""Signals that ask the program to stop: the work is left in order, and the exit code tells which signal came.

The first signal is raised as an exception in the main thread, so that everything open is closed and temporary files go.
Should that exception be lost on its way, the next file or task raises it again. A second signal ends the program at
once, after temporary files have gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
AGAIN_SECONDS = 0.05
"""After which a signal whose exception was lost is sent again."""
BASE_CODE = 128
"""Exit code of a program that a signal stops, less the number of the signal."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to stop."""


_received: list[int] = []
_last_acts: list[Callable[[], None]] = []
_kept: dict[Path, bool] = {}
"""Folders that hold parts of the work under way, and whether the same command would go on from them."""


def received() -> signal.Signals | None:
    """The first signal that came, if any."""
    return signal.Signals(_received[0]) if _received else None


def code_and_message(by: signal.Signals) -> tuple[int, str]:
    """Exit code of a program that a signal stopped, and what to say."""
    what = "interrupted" if by == signal.SIGINT else f"stopped by {by.name}"
    return BASE_CODE + by, f"{what}; files written so far are whole, and temporary files are removed.{_how_to_go_on()}"


def work_is_kept(folder: Path, *, resume: bool) -> None:
    """Have it said, should a signal come, that a folder keeps parts of the work, from which it can go on.

    Parameters
    ----------
    resume : bool
        Whether the same command would take them.
    """
    _kept[folder] = resume


def _how_to_go_on() -> str:
    for folder, resume in _kept.items():
        if folder.is_dir():  # it goes once results are written
            command = "the same command" if resume else "the same command without --no-resume"
            return f" Finished work is kept in {folder.parent}; {command} goes on from it."
    return ""


def check() -> None:
    """Raise again what a signal raised, if somebody lost it.

    Raises
    ------
    Interrupted
        In the main thread, once a signal has come, as long as signals are heard.
    """
    if _received and _are_heard() and threading.current_thread() is threading.main_thread():
        raise Interrupted


def before_the_end(act: Callable[[], None]) -> Callable[[], None]:
    """Have something done before a second signal ends the program."""
    _last_acts.append(act)
    return act


@contextmanager
def signals_heard() -> Iterator[None]:
    """Hear signals while something runs; a signal that whoever started the program chose to ignore stays ignored."""
    if _are_heard():
        yield
        return
    _received.clear()
    _kept.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    hook = sys.unraisablehook
    sys.unraisablehook = lambda lost: _send_again() if isinstance(lost.exc_value, Interrupted) else hook(lost)
    try:
        for number in heard:
            signal.signal(number, _hear)
        yield
    finally:
        sys.unraisablehook = hook
        for number in heard:
            signal.signal(number, before[number])


def _are_heard() -> bool:
    return any(signal.getsignal(number) is _hear for number in SIGNALS)


def _send_again() -> None:
    """Send the signal once more: Python lost its exception, in a callback of its own, where none can be raised."""
    if _received:
        timer = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), _received.pop()))
        timer.daemon = True
        timer.start()


def _hear(number: int, _frame: FrameType | None) -> None:
    if _received:
        for act in _last_acts:
            with suppress(Exception):
                act()
        sys.stderr.flush()
        os._exit(BASE_CODE + number)
    _received.append(number)
    raise Interrupted
