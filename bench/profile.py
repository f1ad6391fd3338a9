"""Where the time of a life goes: ``python -m bench.profile [SCENARIO] [--patients N]``.

Rows are the stages of a simulation: patients are sampled, lives are walked, then valued and counted. Columns say how
much of each the interpreter of expressions and the functions exp, log and pow take: the time that is added when each
of their calls is made twice. All are CPU time of one thread, by blocks of patients in which all take turns, the median
of some rounds. The kernels are compiled once more for this, which takes a minute or two, in the folder `.bench`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.intercept import Interception
    from lmssim.engines.histories import Histories
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

FOLDER = Path(__file__).resolve().parents[1] / ".bench"
STAGES = ("patients", "walk", "rewards", "counts")
MODES = ("", "expressions", "mathematics")
"""What is done twice."""
BLOCK, ROUNDS, SEED = 256, 5, 1
Times = dict[tuple[str, str], float]
"""Nanoseconds by stage and mode."""


def own_cache() -> None:
    """Name the folder of kernels that are compiled with the interception, before any is imported."""
    sources = [path.read_bytes() for path in (Path(__file__), Path(__file__).with_name("intercept.py"))]
    os.environ["LMSSIM_CACHE"] = str(FOLDER / f"profile-{hashlib.sha256(b''.join(sources)).hexdigest()[:16]}")


class Reading:
    """Readers of a block's histories: what lives are worth alone, and with what they count."""

    def __init__(self, program: Program) -> None:
        from lmssim.engines.task import Wanted, empty_sums
        from lmssim.engines.workspace import workspace

        self.program, self.space, self.numbers = program, workspace(program, BLOCK), program.numbers()[0]
        n_arms = len(program.strategies)
        self.sums = {whole: empty_sums(program, 1, n_arms, Wanted(whole=whole)) for whole in (False, True)}

    def nanoseconds(self, x: FloatArray, histories: Histories, counting: bool) -> int:
        """CPU time of valuing a block, and of counting it if asked."""
        import numpy as np

        from lmssim.engines.task import every_strategy
        from lmssim.engines.workspace import read_block

        arms, subgroup = every_strategy(self.program), np.zeros(len(x), dtype=np.int64)
        sums = self.sums[counting]
        started = time.thread_time_ns()
        read_block(self.program, self.space, self.numbers, x, arms, subgroup, histories, sums)
        return time.thread_time_ns() - started


def one_round(program: Program, interception: Interception, n_patients: int) -> Times:
    """Nanoseconds a life, by stage and mode: in each block all modes take turns."""
    from lmssim.engines import compiled

    taken: Times = {(stage, mode): 0.0 for stage in STAGES for mode in MODES}
    numbers, reading = program.numbers()[0], Reading(program)
    lives = {mode: compiled.simulate(program, 0, n_patients, numbers, SEED, 0, BLOCK) for mode in MODES}
    for first in range(0, n_patients, BLOCK):
        for mode in MODES:
            interception.repeat(mode)
            started = time.thread_time_ns()
            program.patients(first, BLOCK, SEED)
            sampled = time.thread_time_ns()
            _, x, histories = next(lives[mode])
            walked = time.thread_time_ns()
            worth = reading.nanoseconds(x, histories, counting=False)
            both = reading.nanoseconds(x, histories, counting=True)
            spent = (sampled - started, walked - 2 * sampled + started, worth, both - worth)
            for stage, nanoseconds in zip(STAGES, spent, strict=True):
                taken[stage, mode] += nanoseconds / (n_patients * len(program.strategies))
    return taken


def blocks(program: Program, n_patients: int) -> Iterator[Histories]:
    """Histories, block by block."""
    from lmssim.engines import compiled

    for _, _, histories in compiled.simulate(program, 0, n_patients, program.numbers()[0], SEED, 0, BLOCK):
        yield histories


def distinct(histories: Histories, n_arms: int) -> int:
    """Lives of a block that no earlier strategy of the same patient gives, stay for stay."""
    seen = set()
    for path in range(len(histories.starts) - 1):
        what, times = histories.life(path)
        seen.add((path // n_arms, what.tobytes(), times.tobytes()))
    return len(seen)


def per_life(program: Program, interception: Interception, n_patients: int) -> dict[str, float]:
    """Counts of one simulation, by life."""
    from lmssim.execution.simulate import Sampling, simulate

    interception.repeat("")
    before = interception.counts()
    simulate(program, Sampling(n_patients=n_patients, seed=SEED))
    n_lives = n_patients * len(program.strategies)
    found = {name: (n - before[name]) / n_lives for name, n in interception.counts().items()}
    stays = unlike = 0
    for histories in blocks(program, n_patients):
        stays += int(histories.starts[-1, 0])
        unlike += distinct(histories, len(program.strategies))
    return {"distinct lives": unlike / n_lives, "stays": stays / n_lives, **found}


def shares(times: Times) -> list[tuple[str, float, float, float]]:
    """By stage and in all: nanoseconds, those of expressions, those of mathematics."""
    lines = []
    for stage in STAGES:
        once = times[stage, ""]
        expressions, mathematics = (max(times[stage, mode] - once, 0.0) for mode in MODES[1:])
        lines.append((stage, once, expressions, mathematics))
    return [*lines, ("life", sum(a for _, a, _, _ in lines), sum(b for _, _, b, _ in lines), sum(c for *_, c in lines))]


def show(program: Program, times: Times, counts: dict[str, float]) -> str:
    """The profile as a Markdown table, and what a life holds."""
    lines = shares(times)
    whole = lines[-1][1]
    heads = ("stage", "ns a life", "share", "of it expressions", "of it exp, log, pow")
    text = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * 4 + "|"]
    for stage, once, expressions, mathematics in lines:
        cells = (f"{once:.0f}", *(f"{part / whole:.1%}" for part in (once, expressions, mathematics)))
        text.append(f"| {stage} | " + " | ".join(cells) + " |")
    name, n = program.scenario.name, len(program.strategies)
    held = ", ".join(f"{value:.3g} {what}" for what, value in counts.items() if value > 0)
    each = lines[-1][2] / counts["instructions"] if counts["instructions"] else 0.0
    text.append(f"\nA life of {name} ({n} strategies) holds {held}; an instruction takes {each:.1f} ns.")
    return "\n".join(text)


def main() -> None:
    """Profile a scenario and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="?", default="extremity")
    parser.add_argument("--patients", type=int, default=2_048, help="rounded up to whole blocks")
    asked = parser.parse_args()
    own_cache()
    from bench.intercept import Interception
    from lmssim.engines import compiled
    from lmssim.model.compile import compile_scenario
    from lmssim.model.scenario import load_scenario

    interception = Interception()
    program = compile_scenario(load_scenario(asked.scenario))
    n_patients = -(-asked.patients // BLOCK) * BLOCK
    compiled.warm(program)
    one_round(program, interception, BLOCK)
    rounds = [one_round(program, interception, n_patients) for _ in range(ROUNDS)]
    times = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
    print(show(program, times, per_life(program, interception, n_patients)))


if __name__ == "__main__":
    main()
