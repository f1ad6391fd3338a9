"""Do the engines that walk through lives agree, and how fast is each: ``python -m bench.engines [--save]``.

Every bundled scenario that has individual histories: lives of the compiled and of the reference engine that differ in
anything, the largest difference of times, and CPU microseconds a life (patient and strategy), in turns of a block of
patients each.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from bench.pages import BENCH, between
from lmssim.bundled import bundled_names
from lmssim.engines import compiled, des
from lmssim.engines.histories import compare_histories
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from lmssim.engines.histories import Histories
    from lmssim.execution.simulate import Engine
    from lmssim.model.program import Program

BLOCK = 1_000
HEADINGS = (
    "scenario",
    "lives",
    "that differ",
    "largest time difference",
    "compiled, us",
    "des, us",
    "des / compiled",
)


def timed(engine: Engine, program: Program, first: int, n: int) -> tuple[Histories, float]:
    """Histories of a block, and the CPU seconds they took."""
    started = time.process_time()
    _, _, histories = next(iter(engine.simulate(program, first, n, program.numbers()[0], 1, 0, n)))
    return histories, time.process_time() - started


def measure(name: str, n_patients: int) -> tuple[str, ...]:
    """One line of the table."""
    program = compile_scenario(load_scenario(name))
    for engine in (compiled, des):
        timed(engine, program, 0, 1)
    differing, largest, seconds = 0, 0.0, {compiled: 0.0, des: 0.0}
    for first in range(0, n_patients, BLOCK):
        n = min(BLOCK, n_patients - first)
        blocks = []
        for engine in (compiled, des):
            histories, spent = timed(engine, program, first, n)
            blocks.append(histories)
            seconds[engine] += spent
        more, distance = compare_histories(blocks[0], blocks[1], n * len(program.strategies))
        differing, largest = differing + more, max(largest, distance)
    n_lives = n_patients * len(program.strategies)
    fast, slow = (1e6 * seconds[engine] / n_lives for engine in (compiled, des))
    return (
        program.scenario.name,
        f"{n_lives:,}",
        str(differing),
        f"{largest:g}",
        f"{fast:.2f}",
        f"{slow:.0f}",
        f"{slow / fast:.0f}",
    )


def main() -> None:
    """Measure every bundled scenario, print the table and write it into the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2_000)
    parser.add_argument("--save", action="store_true", help="write the table into bench/README.md")
    asked = parser.parse_args()
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    for name in bundled_names():
        if load_scenario(name).file.partitioned_survival is None:
            lines.append("| " + " | ".join(measure(name, asked.patients)) + " |")
            print(lines[-1], flush=True)
    if asked.save:
        table = "\n".join(lines)
        BENCH.write_text(between(BENCH.read_text(), "engines", f"\n\n{table}\n\n"))


if __name__ == "__main__":
    main()
