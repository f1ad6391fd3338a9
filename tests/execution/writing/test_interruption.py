"""A signal ends the program in order, whenever it comes and whatever became of the first one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lmssim.execution.writing import interruption

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", interruption.SIGNALS, ids=lambda number: number.name)
def test_a_signal_is_raised_once_and_again_if_it_is_lost(number: signal.Signals) -> None:
    """Afterwards signals do what they did before."""
    before = signal.getsignal(number)
    with interruption.signals_heard():
        with pytest.raises(interruption.Interrupted):
            os.kill(os.getpid(), number)
        assert interruption.received() == number
        assert interruption.code_and_message(number)[0] == 128 + number
        with pytest.raises(interruption.Interrupted), interruption.signals_heard():
            interruption.check()
    assert signal.getsignal(number) is before
    interruption.check()  # a later piece of work in the same process is not interrupted
    with interruption.signals_heard():
        interruption.check()


def test_a_signal_says_how_kept_work_goes_on(tmp_path: Path) -> None:
    """As long as it is kept, and only in the piece of work that kept it."""
    (place := tmp_path / "out" / "checkpoint").mkdir(parents=True)
    with interruption.signals_heard():
        assert "kept" not in interruption.code_and_message(signal.SIGINT)[1]
        interruption.work_is_kept(place, resume=True)
        told = interruption.code_and_message(signal.SIGINT)[1]
        assert told.endswith(f" Finished work is kept in {tmp_path / 'out'}; the same command goes on from it.")
        interruption.work_is_kept(place, resume=False)
        assert "the same command without --no-resume goes" in interruption.code_and_message(signal.SIGINT)[1]
        place.rmdir()
        assert "kept" not in interruption.code_and_message(signal.SIGINT)[1]
        place.mkdir()
    with interruption.signals_heard():
        assert "kept" not in interruption.code_and_message(signal.SIGINT)[1]


def test_what_the_caller_ignores_stays_ignored() -> None:
    """As `nohup` asks."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.signals_heard():
            os.kill(os.getpid(), signal.SIGHUP)
        assert interruption.received() is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_that_python_loses_comes_again() -> None:
    """In a callback no exception can be raised: nothing is printed, and it is raised a moment later."""

    class Lost:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    def lose() -> None:
        Lost()
        time.sleep(5.0)

    with interruption.signals_heard():
        with pytest.raises(interruption.Interrupted):
            lose()
        assert interruption.received() == signal.SIGTERM


SCRIPT = """
import os, signal, sys
from pathlib import Path
from lmssim.execution import store
from lmssim.execution.writing.interruption import signals_heard
with signals_heard(), store.replacing(Path(sys.argv[1])) as part:
    part.write_text("half")
    for _ in range(2):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            pass
"""


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Temporary files go all the same."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "a")], check=False)
    assert done.returncode == 143
    assert not list(tmp_path.iterdir())


LOADING = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *rest):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from lmssim.__main__ import main
main()
"""


def test_signals_are_heard_while_the_program_is_loaded() -> None:
    """One line, and no traceback."""
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)
    assert done.stderr.startswith("lmssim: interrupted")
