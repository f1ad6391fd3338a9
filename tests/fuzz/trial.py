"""One input: spoil a subject, take it through a door, and judge what happened.

An input is known by the seed and its number, and is the same on every machine.
"""

from __future__ import annotations

import hashlib
import resource
import shutil
import time
import traceback
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from tests.fuzz import options
from tests.fuzz.doors import choose, command, enter
from tests.fuzz.spoil import spoil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fuzz.subjects import Subject

SECONDS, BYTES = 10.0, 2 * 2**30
"""CPU time and memory that no input of this size may need."""
FOREIGN = ("Warning:", "Traceback", "error: unexpected ", "out of memory")
"""Words of a fault that was not foreseen."""
MAY_FAIL = {"verify", "calibrate"}
"""Commands whose exit code 1 is an answer: a check failed, a calibration has not converged."""


@dataclass(frozen=True)
class Verdict:
    """What became of an input."""

    number: int
    """Number of the input."""
    what: str
    """The subject and the door, or the words of the command line."""
    code: int
    """Exit code."""
    seconds: float
    """CPU time."""
    faults: tuple[str, ...]
    """What must not happen and did."""
    message: str = ""
    """What was printed as errors."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def attempt(seed: int, number: int, subjects: Sequence[Subject], folder: Path) -> Verdict:
    """Make an input in a folder and take it through a door.

    Parameters
    ----------
    seed, number : int
        Which input.
    folder : Path
        Emptied, then filled with the files of the input and `out`, which it may write to.
    """
    rng = Random(f"{seed}:{number}")
    shutil.rmtree(folder, ignore_errors=True)
    if rng.random() < options.SHARE:
        return _judged(number, folder, _with_options(rng, subjects, folder))
    return _judged(number, folder, _with_files(rng, subjects, folder))


@dataclass(frozen=True)
class _Act:
    """What is to be done: a name, a function that does it, and the command whose exit codes hold."""

    what: str
    door: str
    words: tuple[str, ...]
    path: Path
    rng: Random


def _with_files(rng: Random, subjects: Sequence[Subject], folder: Path) -> _Act:
    subject = rng.choice(subjects[: 7 if rng.random() < 0.6 else None])  # bundled features are small and many
    shutil.copytree(subject.folder, folder)
    names = sorted(path.name for path in folder.iterdir())
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        name = subject.main if rng.random() < 0.6 else rng.choice(names)
        other = (folder / rng.choice(names)).read_bytes()
        (folder / name).write_bytes(spoil((folder / name).read_bytes(), name, rng, other))
    door = choose(subject.doors, rng)
    return _Act(f"{subject.folder.name} {door}", door, (), folder / subject.main, rng)


def _with_options(rng: Random, subjects: Sequence[Subject], folder: Path) -> _Act:
    subject = next(subject for subject in subjects if subject.folder.name == "small")
    shutil.copytree(subject.folder, folder)
    words = options.words(rng, folder / subject.main, folder / "out")
    return _Act(" ".join(words), words[0] if words else "", tuple(words), folder / subject.main, rng)


def _judged(number: int, folder: Path, act: _Act) -> Verdict:
    before, out = _held(folder), folder / "out"
    started, faults = time.process_time(), []
    try:
        code, message = command(list(act.words)) if act.words else enter(act.door, act.path, out, act.rng)
    except BaseException:  # whatever it is, it is a finding
        code, message = 1, traceback.format_exc()
    seconds = time.process_time() - started
    faults += [f"says '{word}'" for word in FOREIGN if word in message]
    if code not in (0, 2) and not (code == 1 and act.door in MAY_FAIL):
        faults.append(f"exit code {code}")
    if code == 2 and not message.strip():
        faults.append("refused without a word")
    if code == 2 and len(message) > 2000:
        faults.append("a message of many pages")
    if _held(folder) != before:
        faults.append("files of the input have changed")
    if seconds > SECONDS:
        faults.append(f"took {seconds:.0f} s")
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > BYTES:
        faults.append("used too much memory")
    return Verdict(number, act.what[:300], code, round(seconds, 3), tuple(faults), message[-3000:] if faults else "")


def _held(folder: Path) -> dict[str, str]:
    """Hash of each file of the input, those it may write left out."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()
    }
