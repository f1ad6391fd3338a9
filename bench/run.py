"""Measure speed, scaling and memory in one run, each beside its target: ``python -m bench.run [--quick] [--only ...]``.

Times are CPU seconds of the calling thread, the median of rounds in which all programs take turns, so that a ratio
holds on a machine whose speed changes; compilation is apart. The exit code is 0 whatever the outcome.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):
    sys.path.insert(0, str(ROOT))  # run as a file: imports follow (hence the ignored E402)

from bench import handwritten, illness_death, vectorised  # noqa: E402
from lmssim.engines import compiled  # noqa: E402
from lmssim.execution.simulate import Sampling, simulate  # noqa: E402
from lmssim.model.compile import compile_scenario  # noqa: E402
from lmssim.model.scenario import load_scenario  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.model.program import Program

MODEL, SMALL = "extremity", "illness_death"
SECTIONS = ("compile", "exact", "speed", "scaling", "memory")
README = ROOT / "bench" / "README.md"
START, STOP = "<!-- results -->", "<!-- end of results -->"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    value: str
    target: str = ""
    passed: bool | None = None

    @property
    def word(self) -> str:
        """Outcome in a word."""
        return {True: "pass", False: "FAIL", None: ""}[self.passed]


def at_most(what: str, value: float, limit: float, unit: str, digits: int = 0) -> Row:
    """Line with an upper limit."""
    return Row(what, f"{value:.{digits}f} {unit}", f"at most {limit:g} {unit}", value <= limit)


def medians(cases: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> dict[str, float]:
    """Nanoseconds of CPU a path, by case: median over rounds in which the cases take turns.

    Parameters
    ----------
    cases : dict
        By name: number of paths, what to call.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (n_paths, call) in cases.items():
            started = time.thread_time_ns()
            call()
            taken[name].append((time.thread_time_ns() - started) / n_paths)
    return {name: statistics.median(times) for name, times in taken.items()}


def load(name: str) -> Program | None:
    """Compiled scenario, warmed; None (with a note) if it cannot be loaded."""
    try:
        program = compile_scenario(load_scenario(name))
        compiled.warm(program)
    except Exception as problem:
        print(f"{name}: not measured: {problem}")
        return None
    return program


def speed_cases(quick: bool) -> dict[str, tuple[int, Callable[[], object]]]:
    """What is timed, by name."""
    n, n_draws, n_model = (50_000, 100, 4_096) if quick else (200_000, 1_000, 16_384)
    base, draws = illness_death.base_case(), illness_death.sample_draws(n_draws)
    handwritten.simulate(2, base)
    cases: dict[str, tuple[int, Callable[[], object]]] = {
        "numpy big": (2 * n, lambda: vectorised.simulate(n, base)),
        "numpy psa": (2_000 * n_draws, lambda: vectorised.simulate(1_000, draws)),
        "hand big": (2 * n, lambda: handwritten.simulate(n, base)),
        "hand psa": (2_000 * n_draws, lambda: handwritten.simulate(1_000, draws)),
    }
    if program := load(SMALL):
        sampled = program.sample(n_draws, 1)

        def psa(independent: bool) -> object:
            numbers: Literal["common", "independent"] = "independent" if independent else "common"
            how = Sampling(n_patients=1_000, counting=False, random_numbers=numbers)
            return simulate(program, how, sampled)

        cases |= {
            "generic big": (2 * n, lambda: simulate(program, Sampling(n_patients=n, counting=False))),
            "generic big counting": (2 * n, lambda: simulate(program, Sampling(n_patients=n))),
            "generic psa": (2_000 * n_draws, lambda: psa(False)),
            "generic psa independent": (2_000 * n_draws, lambda: psa(True)),
        }
    if model := load(MODEL):
        n_paths = n_model * len(model.strategies)
        cases["model"] = (n_paths, lambda: simulate(model, Sampling(n_patients=n_model)))
    return cases


def speed(quick: bool) -> list[Row]:
    """Nanoseconds a patient and strategy, and their ratios."""
    ns = medians(speed_cases(quick), 3 if quick else 5)
    rows = [Row(f"{name}, ns a path", f"{value:.0f} ns") for name, value in ns.items()]
    rows.append(at_most("hand / numpy, big", ns["hand big"] / ns["numpy big"], 1.3, "x", 2))
    if "generic psa" in ns:
        rows += [
            at_most("W1-psa, common random numbers", ns["generic psa"], 150, "ns"),
            at_most("W1-psa, independent random numbers", ns["generic psa independent"], 150, "ns"),
            at_most("generic / hand, big", ns["generic big"] / ns["hand big"], 2, "x", 2),
            at_most("generic / hand, psa", ns["generic psa"] / ns["hand psa"], 2, "x", 2),
        ]
    if "model" in ns:
        rows.append(at_most(f"{MODEL} / hand", ns["model"] / ns["hand big"], 8, "x", 1))
    return rows


def exact(quick: bool) -> list[Row]:
    """Distance from the exact answers in standard errors, of each program."""
    n = 100_000 if quick else 1_000_000
    rows = []
    for name, by_hand in (("hand", handwritten.simulate), ("numpy", vectorised.simulate)):
        mean, error = by_hand(n, illness_death.base_case())
        worst = illness_death.worst_deviation(mean[0], error[0])
        rows.append(at_most(f"{name}: worst distance from quadrature", worst, 3, "SE", 1))
    if program := load(SMALL):
        estimates = simulate(program, Sampling(n_patients=n, counting=False))
        six = np.s_[0, :, : len(illness_death.OUTCOMES)]
        worst = illness_death.worst_deviation(estimates.mean[six], estimates.standard_error()[six])
        rows.append(at_most("generic: worst distance from quadrature", worst, 3, "SE", 1))
    return rows


def scaling(quick: bool) -> list[Row]:
    """Wall time with one worker over that with two."""
    program = load(MODEL) or load(SMALL)
    if program is None:
        return []
    n = 32_768 if quick else 131_072
    wall: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(3):
        for jobs, times in wall.items():
            started = time.perf_counter()
            simulate(program, Sampling(n_patients=n, jobs=jobs))
            times.append(time.perf_counter() - started)
    one, two = (statistics.median(wall[jobs]) for jobs in (1, 2))
    name, ratio = program.scenario.file.name, one / two
    return [
        Row(f"{name}, {n:,} patients x {len(program.strategies)}: 1 and 2 workers", f"{one:.2f} and {two:.2f} s"),
        Row("1 worker / 2 workers", f"{ratio:.2f} x", "at least 1.8 x", ratio >= 1.8),
    ]


def child(module: str, *arguments: object) -> list[str]:
    """Words printed by a module that is run in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def memory(quick: bool) -> list[Row]:
    """Peak resident memory of runs with two workers."""
    rows = []
    name = MODEL if load(MODEL) else SMALL
    for n in (100_000, 1_000_000) if quick else (1_000_000, 10_000_000):
        peak, n_strategies = child("bench.memory", name, n, 2)
        rows.append(at_most(f"{name}, {n:,} patients x {n_strategies}: peak memory", float(peak), 1536, "MiB"))
    return rows


def compile_times(quick: bool) -> list[Row]:
    """Seconds to compile all kernels once, and to load them from the cache."""
    started = time.perf_counter()
    load(SMALL)
    rows = [Row("kernels, first use in this process", f"{time.perf_counter() - started:.1f} s")]
    if not quick:
        rows.append(at_most("kernels, compiled with an empty cache", float(child("bench.cold", SMALL)[0]), 30, "s", 1))
    return rows


def table(rows: list[Row]) -> str:
    """Markdown table."""
    cells = [("what", "measured", "target", ""), *((r.what, r.value, r.target, r.word) for r in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def save(text: str) -> None:
    """Put the table between the marks in the README."""
    before, rest = README.read_text().split(START)
    machine = f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
    README.write_text(f"{before}{START}\n\n{machine}\n\n{text}\n\n{STOP}{rest.split(STOP)[1]}")


def main() -> None:
    """Run the sections asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: about half a minute")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to run")
    parser.add_argument("--save", action="store_true", help="put the table into bench/README.md")
    asked = parser.parse_args()
    sections: dict[str, Callable[[bool], list[Row]]] = {
        "compile": compile_times,
        "exact": exact,
        "speed": speed,
        "scaling": scaling,
        "memory": memory,
    }
    rows = [row for name in SECTIONS if name in asked.only for row in sections[name](asked.quick)]
    print(table(rows))
    if asked.save:
        save(table(rows))


if __name__ == "__main__":
    main()
