"""Commands that are killed at any moment harm nobody's files, and what they leave is no hindrance to the next run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.bundled import scenarios_folder
from lmssim.execution import store
from lmssim.execution.writing.names import USUAL
from tests.kit.agency import BUDGET
from tests.kit.toy import write_toy

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
KILLS = 80
"""Of the long study, over all commands and signals."""
COMMANDS = {
    "run": "run illness_death.toml --patients 30000 --histories",
    "switches": "switches switched.toml --patients 4000",
    "verify": "verify illness_death.toml --patients 500 --check results",
    "calibrate": "calibrate toy_fit.toml --design 30 --patients 50 --steps 60",
    "reproduce": "reproduce --only base_case --patients 200",
    "psa": "psa illness_death.toml --draws 500 --patients 1000",
    "trial": "trial run trial.toml --trials 3000",
    "agency": "agency illness_death.toml --budget budget.toml --draws 200 --patients 100000",
}


TRIAL = """
scenario = "illness_death.toml"
time_unit = "years"
arms.control.strategy = "standard"
arms.experimental.strategy = "new"
endpoints.os = {}
accrual = { patients = 200, duration = 3 }
analyses = [{ calendar = 6 }]
"""


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    err: str


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A user's folder with models, and things of theirs."""
    for name in ("illness_death.toml", "illness_death.csv"):
        shutil.copy(scenarios_folder() / "examples" / name, tmp_path / name)
    text = (tmp_path / "illness_death.toml").read_text()
    switch = (
        '\n[switches.care]\nlabel = "Care"\ndefault = "usual"\noptions.usual.reason = "as it is"\n'
        'options.dear = { reason = "dearer", set = { c_stable = 5000 } }\n'
    )
    (tmp_path / "switched.toml").write_text(text + switch)
    write_toy(tmp_path)
    (tmp_path / "trial.toml").write_text(TRIAL)
    (tmp_path / "budget.toml").write_text(BUDGET.replace("none", "standard").replace("drug", "new"))
    (tmp_path / "thesis.docx").write_text("mine")
    return tmp_path


def start(work: Path, words: str, out: str = "out") -> subprocess.Popen[str]:
    """Begin a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "lmssim", *words.split(), "--out", out, "--quiet"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command."""
    _, err = process.communicate(timeout=600)
    return Ended(process.returncode, err)


def users_files(work: Path) -> dict[str, bytes]:
    """Everything outside the results."""
    return {path.name: path.read_bytes() for path in work.iterdir() if path.is_file()}


def temporary(out: Path) -> set[Path]:
    """What is there only while a command runs."""
    return {path for path in out.rglob("*") if path.name.endswith((".part", ".lmssim-lock"))}


def check_folder(out: Path) -> bool:
    """Of a folder that has a manifest, all that it lists is as it says; returns whether it has."""
    manifests = [path for path in out.rglob("manifest.json") if path.is_file()]
    for path in manifests:
        listed = json.loads(path.read_text())["sha256"]
        assert all(USUAL.fullmatch(name) or name.startswith("checkpoint/") for name in listed)
        assert listed == {name: store.hash_of(path.parent / name) for name in listed}
    return bool(manifests)


def check_killed(work: Path, process: subprocess.Popen[str], number: signal.Signals, wait: float) -> bool:
    """Kill a command after some time, and see what it left; returns whether it was still running."""
    before, left = users_files(work), temporary(work / "out")
    with suppress(subprocess.TimeoutExpired):
        process.wait(wait)
    process.send_signal(number)
    ended = end(process)
    assert "Traceback" not in ended.err
    assert users_files(work) == before
    check_folder(work / "out")
    if 0 <= ended.code <= 2:
        return False
    if number == signal.SIGKILL or not ended.err:  # or before the program was there to hear
        assert ended.code == -number
    else:
        assert ended.code == 128 + number
        assert "temporary files are removed" in ended.err
        assert temporary(work / "out") <= left
    return True


def seconds_of(work: Path, words: str) -> float:
    """Time that a command takes when nothing ends it, once its kernels are compiled."""
    assert end(start(work, words, "whole")).code in (0, 1)
    began = time.monotonic()
    assert end(start(work, words, "whole")).code in (0, 1)
    return time.monotonic() - began


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_run_that_is_killed_leaves_what_the_next_one_takes(work: Path, number: signal.Signals) -> None:
    """Once it has begun to write: the next run gives what one that nobody ends gives, and leaves nothing else."""
    process = start(work, "run illness_death.toml --patients 200 --histories")
    while process.poll() is None and not list(work.glob("out/unfinished.json")):
        time.sleep(0.01)
    assert check_killed(work, process, number, 0.0)
    assert (work / "out" / "unfinished.json").exists()
    assert not (work / "out" / "manifest.json").exists()
    assert end(start(work, "run illness_death.toml --patients 200 --histories")).code == 0
    assert check_folder(work / "out")
    assert not temporary(work / "out")
    assert not (work / "out" / "unfinished.json").exists()


def test_of_two_runs_on_a_folder_the_second_is_refused(work: Path) -> None:
    """With the first one's process and host; the first one's results are whole."""
    first = start(work, "run illness_death.toml --patients 20000")
    while first.poll() is None and not list(work.glob("out/.lmssim-lock")):
        time.sleep(0.01)
    second = end(start(work, "run illness_death.toml --patients 20000"))
    assert second.code == 2
    assert f"another lmssim is writing to this folder (process {first.pid} on " in second.err
    assert end(first).code == 0
    assert check_folder(work / "out")
    assert not temporary(work / "out")


@pytest.mark.study
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_killed_at_random(work: Path, command: str) -> None:
    """Nothing of the user's is touched, manifests are of whole results, and the next run gives the same tables."""
    rng, words = np.random.default_rng(len(command)), COMMANDS[command]
    whole = seconds_of(work, words)
    killed = 0
    for k in range(KILLS // len(COMMANDS)):
        process = start(work, words)
        killed += check_killed(work, process, SIGNALS[k % len(SIGNALS)], rng.uniform(0.2, 0.95) * whole)
    assert end(start(work, words)).code in (0, 1)
    assert check_folder(work / "out")
    assert not temporary(work / "out")
    tables = sorted(path.relative_to(work / "whole") for path in (work / "whole").rglob("*.csv"))
    assert tables
    for table in tables:
        assert (work / "out" / table).read_bytes() == (work / "whole" / table).read_bytes(), table
    print(f"{command}: {killed} of {KILLS // len(COMMANDS)} were killed while they ran, of {whole:.0f} seconds each")
    assert killed
