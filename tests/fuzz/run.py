"""`python -m tests.fuzz.run`: many spoilt inputs, in workers that may be killed.

A worker takes one input after another; one that takes too long, or dies, is replaced, and its input is a finding.
Findings are kept in a folder, each with its files, so that it can be tried again alone by `--only NUMBER`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.fuzz.subjects import write_subjects
from tests.fuzz.trial import BYTES, SECONDS, Verdict, attempt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GRACE = 3.0
"""How much longer than `SECONDS` of CPU time a worker lives."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try inputs and print what was found; 1 if anything was."""
    asked = _parser().parse_args(arguments)
    if asked.worker:
        work(asked.seed, Path(asked.out))
        return 0
    out = Path(asked.out)
    shutil.rmtree(out, ignore_errors=True)
    numbers = [asked.only] if asked.only is not None else range(asked.first, asked.first + asked.inputs)
    verdicts = []
    for verdict in explore(asked.seed, numbers, out, asked.jobs):
        verdicts.append(verdict)
        if verdict.faults:
            print(f"{verdict.number}: {verdict.what!r}: {'; '.join(verdict.faults)}", flush=True)
    print(summary(verdicts))
    return int(any(verdict.faults for verdict in verdicts))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--only", type=int, help="try one input alone")
    parser.add_argument("--seed", type=int, default=1, help="seed of the inputs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="workers")
    parser.add_argument("--out", default="fuzz-out", help="folder of the findings, emptied first")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many inputs came to which end."""
    codes = Counter(verdict.code for verdict in verdicts)
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    return (
        f"{len(verdicts)} inputs: {codes[0]} taken, {codes[2]} refused, "
        f"{sum(bool(verdict.faults) for verdict in verdicts)} findings; "
        f"the slowest took {slowest.seconds:.1f} s of CPU time ({slowest.what!r})."
    )


def explore(seed: int, numbers: Sequence[int], out: Path, jobs: int) -> Iterator[Verdict]:
    """Verdicts of inputs, as they come; findings are kept under `out`."""
    waiting, workers = list(reversed(numbers)), [_Worker(seed, out / f"worker_{k}") for k in range(jobs)]
    try:
        while waiting or any(worker.busy for worker in workers):
            for worker in workers:
                if (verdict := worker.verdict()) is not None:
                    if verdict.faults:
                        _keep(verdict, worker.folder / "input", out / "findings" / str(verdict.number))
                    yield verdict
                if worker.ready and waiting:
                    worker.give(waiting.pop())
            time.sleep(0.002)
    finally:
        for worker in workers:
            worker.end()


def _keep(verdict: Verdict, made: Path, place: Path) -> None:
    shutil.copytree(made, place, dirs_exist_ok=True)
    (place / "verdict.json").write_text(json.dumps(verdict.to_dict(), indent=1))


class _Worker:
    """A process that takes one input after another."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.folder, self._seed, self.busy = folder, seed, False
        self._number, self._started = 0, 0.0
        self._start()

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [
            sys.executable,
            "-m",
            "tests.fuzz.run",
            "--worker",
            "--seed",
            str(self._seed),
            "--out",
            str(self.folder),
        ]
        with self.folder.with_suffix(".stderr").open("ab") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        os.set_blocking(self._pipe(self._process.stdout).fileno(), False)
        self.busy, self._text = True, b""  # until it says that it is there
        self._number, self._started = -1, 0.0

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe

    @property
    def ready(self) -> bool:
        """Whether it waits for an input."""
        return not self.busy

    def give(self, number: int) -> None:
        """Hand it an input."""
        self.busy, self._number, self._started = True, number, self._cpu()
        pipe = self._pipe(self._process.stdin)
        pipe.write(f"{number}\n".encode())
        pipe.flush()

    def verdict(self) -> Verdict | None:
        """What it found, if it has; it is replaced if it died or takes too long."""
        if not self.busy:
            return None
        self._text += self._pipe(self._process.stdout).read() or b""
        if self._text.endswith(b"\n"):
            answer, self._text, self.busy = json.loads(self._text), b"", False
            return None if answer is None else Verdict(**{**answer, "faults": tuple(answer["faults"])})
        if self._number < 0 and self._process.poll() is None:
            return None
        spent = self._cpu() - self._started
        fault = (
            "died"
            if self._process.poll() is not None
            else f"did not end in {spent:.0f} s"
            if spent > SECONDS + GRACE
            else ""
        )
        if not fault:
            return None
        number = self._number
        self.end()
        if number < 0:
            raise RuntimeError("A worker does not start.")
        self._start()
        return Verdict(number, "a worker", -9, spent, (fault,))

    def _cpu(self) -> float:
        """CPU time of the process so far, in seconds."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


def work(seed: int, folder: Path) -> None:
    """Read numbers of inputs from stdin, and write a verdict a line to stdout."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory() as made:
        subjects = write_subjects(Path(made))
        _warm(subjects, folder)
        os.chdir(folder)
        _bound()
        print("null", file=answers, flush=True)
        for line in sys.stdin:
            verdict = attempt(seed, int(line), subjects, folder / "input")
            strays = sorted(path.name for path in folder.iterdir() if path.name != "input")
            if strays:
                verdict = Verdict(**{**verdict.to_dict(), "faults": (*verdict.faults, f"wrote {strays}")})
                for name in strays:
                    shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
            print(json.dumps(verdict.to_dict()), file=answers, flush=True)
            if "used too much memory" in verdict.faults:
                return


def _warm(subjects: Sequence, folder: Path) -> None:  # type: ignore[type-arg]
    """Compile what inputs need, so that it counts for none of them."""
    from random import Random

    from tests.fuzz.doors import PYTHON, enter

    for subject in subjects:
        for door in subject.doors:
            if door in PYTHON or (door in ("run", "trace", "show") and subject.folder.name in ("rich", "hiv")):
                enter(door, subject.folder / subject.main, folder / "input" / "out", Random(0))
    shutil.rmtree(folder / "input", ignore_errors=True)


def _bound() -> None:
    """Let no allocation succeed that is far above what inputs may use."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + 2 * BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
