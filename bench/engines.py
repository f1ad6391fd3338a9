"""Do the engines that walk through lives agree, and how fast is each: ``python -m bench.engines [--patients N]``.

Every bundled scenario that has individual histories: lives of the compiled and of the reference engine that differ in
anything, the largest difference of times, and CPU microseconds a life (patient and strategy), in turns of a block of
patients each. Beside them, CPU milliseconds of the exact engine for the middle profile: all strategies, the fastest of
some runs; and of one evaluation as calibration asks for, observed practice over 10 years.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.bundled import bundled_names
from lmssim.engines import compiled, des
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.engines.histories import compare_histories
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from lmssim.engines.histories import Histories
    from lmssim.execution.simulate import Engine
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

BLOCK = 1_000
RUNS = 3
HEADINGS = (
    "scenario",
    "lives",
    "that differ",
    "largest time difference",
    "compiled, us",
    "des, us",
    "des / compiled",
    "cohort, ms",
)
CALIBRATED, PRACTICE, YEARS = "extremity", "observed", 10.0


def timed(engine: Engine, program: Program, first: int, n: int) -> tuple[Histories, float]:
    """Histories of a block, and the CPU seconds they took."""
    started = time.process_time()
    _, _, histories = next(iter(engine.simulate(program, first, n, program.numbers()[0], 1, 0, n)))
    return histories, time.process_time() - started


def solved(program: Program) -> float:
    """CPU milliseconds of the exact engine for the middle profile under every strategy, compiled before."""
    numbers, x = program.numbers()[0], choose_profiles(program, 1, 1).x[:1]
    solve(program, numbers, x, Fineness())
    spent = []
    for _ in range(RUNS):
        started = time.process_time()
        solve(program, numbers, x, Fineness())
        spent.append(time.process_time() - started)
    return 1e3 * min(spent)


def practice(scenario: Scenario) -> Scenario:
    """The scenario with the one strategy of observed practice, over the years that series follow."""
    file = scenario.file
    settings = file.settings.model_copy(
        update={"horizon": YEARS, "comparator": None, "times": [t for t in file.settings.times if t <= YEARS]}
    )
    strategies = {PRACTICE: file.strategies[PRACTICE]}
    return replace(scenario, file=file.model_copy(update={"settings": settings, "strategies": strategies}))


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
        f"{solved(program):.1f}",
    )


def main() -> None:
    """Measure every bundled scenario and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    asked = parser.parse_args()
    print("| " + " | ".join(HEADINGS) + " |\n" + "|---" * len(HEADINGS) + "|", flush=True)
    for name in bundled_names():
        if load_scenario(name).file.partitioned_survival is not None:
            continue
        print("| " + " | ".join(measure(name, asked.patients)) + " |", flush=True)
    program = compile_scenario(practice(load_scenario(CALIBRATED)))
    print(f"\ncohort, {CALIBRATED}, {PRACTICE} alone, {YEARS:g} years: {solved(program):.1f} ms")


if __name__ == "__main__":
    main()
