"""Measure speed, scaling and memory in one run: ``python -m bench.run [--save] [--gate] [--only ...]``.

Ratios to the hand-written kernel are written to `ratios.csv`; `--save` also writes the tables of both pages. `--gate`
is the short form for continuous integration: it measures the same ratios in fewer rounds, writes nothing, and ends
with exit code 1 and a line for each ratio that is too far above the committed one.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench import handwritten, illness_death, trials, vectorised
from bench.cases import MODEL, SMALL, all_cases, case_of, measure
from bench.pages import BENCH, between, save_pages
from bench.ratios import FOLDER, Ratio, judge, read_ratios, three_digits, write_ratios
from bench.timing import Case
from lmssim.engines import compiled
from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.model.program import Program

SECTIONS = ("compile", "exact", "ratios", "trials", "scaling", "memory")
ROUNDS, GATE_ROUNDS = 5, 3


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


def load(name: str) -> Program:
    """Compiled scenario, warmed."""
    program = compile_scenario(load_scenario(name))
    compiled.warm(program)
    return program


# === Ratios ===


def measured_ratios() -> list[Ratio]:
    """Every ratio, written to the table that is committed."""
    cases = all_cases()
    found, hand = measure(cases, ROUNDS)
    print(f"A path by hand takes {hand:.0f} ns here.")
    each = [(name, cases[case_of(name)]) for name in found]
    ratios = [Ratio(name, three_digits(found[name]), case.unit, case.what) for name, case in each]
    write_ratios(ratios)
    return ratios


def gate() -> int:
    """Exit code of the short form: 1 if a ratio has risen."""
    started, cases = time.perf_counter(), all_cases()

    def again(names: Sequence[str]) -> dict[str, float]:
        return measure({case_of(name): cases[case_of(name)] for name in names}, GATE_ROUNDS)[0]

    committed, first = read_ratios(), again([*cases])
    for each in committed:
        if each.name in first:
            print(f"{each.name}: {first[each.name]:.3g} {each.unit} ({first[each.name] / each.ratio - 1.0:+.0%})")
    risen = judge(committed, first, again)
    print(f"{time.perf_counter() - started:.0f} s; {len(risen)} complaints")
    for line in risen:
        print(f"slower: {line}", file=sys.stderr)
    return int(bool(risen))


# === What else is measured ===


def exact() -> list[Row]:
    """Distance from the exact answers in standard errors, of each program."""
    n = 1_000_000
    rows = []
    for name, by_hand in (("hand", handwritten.simulate), ("numpy", vectorised.simulate)):
        mean, error = by_hand(n, illness_death.base_case())
        worst = illness_death.worst_deviation(mean[0], error[0])
        rows.append(at_most(f"{name}: worst distance from quadrature", worst, 3, "SE", 1))
    estimates = simulate(load(SMALL), Sampling(n_patients=n, counting=False))
    six = np.s_[0, :, : len(illness_death.OUTCOMES)]
    worst = illness_death.worst_deviation(estimates.mean[six], estimates.standard_error()[six])
    rows.append(at_most("lmssim: worst distance from quadrature", worst, 3, "SE", 1))
    return rows


def scaling() -> list[Row]:
    """Wall time with one worker over that with two."""
    program, n = load(MODEL), 65_536
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
    return subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=True).stdout.split()


def memory() -> list[Row]:
    """Peak resident memory of runs with two workers."""
    rows = []
    for n in (100_000, 1_000_000):
        peak, n_strategies = child("bench.memory", MODEL, n, 2)
        rows.append(at_most(f"{MODEL}, {n:,} patients x {n_strategies}: peak memory", float(peak), 1536, "MiB"))
    return rows


def compile_times() -> list[Row]:
    """CPU seconds to compile the kernels of the compiled engine once."""
    return [at_most("kernels, compiled with an empty cache", float(child("bench.cold", SMALL)[0]), 30, "CPU s", 1)]


def trial_tests() -> list[Row]:
    """CPU milliseconds of trial statistics: the median of five calls."""

    def median(call: Callable[[], object], n: int) -> float:
        case = Case(what="", unit="s", n=n, call=call)
        call()
        return 1e3 * statistics.median(case.seconds() for _ in range(ROUNDS))

    rows = [at_most("W3: a simulated log-rank trial of 500", median(trials.w3().call, trials.TRIALS), 0.03, "ms", 4)]
    for name in trials.TESTS:
        spent = median(trials.analysis(name), trials.TRIALS)
        rows.append(at_most(f"{name}: a look at a trial of 500", spent, 0.05, "ms", 4))
    rows.append(at_most("MaxCombo: a critical value of four members", median(trials.critical().call, 1), 20, "ms", 1))
    for name in trials.DESIGNS:
        rows.append(at_most(f"{name}: a design of five looks", median(trials.design(name), 1), 5, "ms", 1))
    return rows


def table(rows: list[Row]) -> str:
    """Markdown table."""
    cells = [("what", "measured", "target", ""), *((r.what, r.value, r.target, r.word) for r in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def save(text: str) -> None:
    """Put the table of what else is measured into the page."""
    machine = f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
    BENCH.write_text(between(BENCH.read_text(), "results", f"\n\n{machine}\n\n{text}\n\n"))


def main() -> int:
    """Measure what is asked for and print it; the exit code is 0 unless the gate finds a ratio that has risen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gate", action="store_true", help="judge the ratios by the committed ones, in under a minute")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections to measure")
    parser.add_argument("--save", action="store_true", help="write the tables of README.md and bench/README.md")
    asked = parser.parse_args()
    if asked.gate:
        return gate()
    if "ratios" in asked.only:
        for each in measured_ratios():
            print(f"{each.name}: {each.ratio:.3g} {each.unit}, {each.what}")
    sections = {
        "compile": compile_times,
        "exact": exact,
        "trials": trial_tests,
        "scaling": scaling,
        "memory": memory,
    }
    rows = [row for name, section in sections.items() if name in asked.only for row in section()]
    if rows:
        print(table(rows))
    if asked.save:
        save_pages()
        if set(asked.only) == set(SECTIONS):
            save(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
