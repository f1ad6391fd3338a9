"""What is timed beside the hand-written kernel: lives, draws, exact solutions, a whole run and a whole verification.

Everything runs in the calling thread. The short form has fewer paths of the same work, so that its ratios are those of
the long one.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import handwritten, illness_death
from bench.timing import Case
from lmssim.cli.app import main
from lmssim.engines import compiled
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.verify import run_battery

MODEL, SMALL = "extremity", "illness_death"
PATIENTS_A_DRAW, SOLUTIONS = 1_000, 20
RUN_PATIENTS, VERIFY_PATIENTS, STATIC_CHECK = 4_000, 1_000, "sampled-quantiles"
THOUSAND, MILLION = 1e3, 1e6


@dataclass(frozen=True)
class Sizes:
    """How much one call does."""

    hand: int
    big: int
    draws: int
    lives: int


FULL = Sizes(hand=100_000, big=100_000, draws=1_000, lives=4_096)
SHORT = Sizes(hand=50_000, big=25_000, draws=100, lives=1_024)


def by_hand(sizes: Sizes) -> Case:
    """The yardstick: paths of the kernel that is written for one model."""
    base = illness_death.base_case()
    n = 2 * sizes.hand
    return Case(
        what=f"{n:,} paths by hand", unit="s a path", n=n, call=lambda: handwritten.simulate(sizes.hand, base)
    )


def all_cases(sizes: Sizes) -> dict[str, Case]:
    """Everything that has a ratio, by name, each called once, so that its kernels are compiled and loaded."""
    cases = {
        "extremity": _model(sizes),
        "w1_psa": _draws(sizes),
        "w1_big": _big(sizes),
        "exact_small": _exact(SMALL, Fineness(), "", SOLUTIONS),
        "exact": _exact(MODEL, Fineness().coarser(), ", steps twice as long as by default", 1),
        "run": _run(),
        "verify": _verify(),
    }
    handwritten.simulate(2, illness_death.base_case())
    for case in cases.values():
        case.call()
    return cases


def _model(sizes: Sizes) -> Case:
    program = compile_scenario(load_scenario(MODEL))
    compiled.warm(program)
    n_strategies = len(program.strategies)
    return Case(
        what=f"a life of {MODEL}, everything counted ({sizes.lives:,} patients, all {n_strategies} strategies)",
        unit="hand-written paths",
        n=sizes.lives * n_strategies,
        call=lambda: simulate(program, Sampling(n_patients=sizes.lives)),
    )


def _draws(sizes: Sizes) -> Case:
    program = compile_scenario(load_scenario(SMALL))
    draws = program.sample(sizes.draws, 1)
    how = Sampling(n_patients=PATIENTS_A_DRAW, counting=False)
    return Case(
        what=f"W1-psa: a life of {SMALL} ({PATIENTS_A_DRAW:,} patients in each of {sizes.draws:,} parameter draws)",
        unit="hand-written paths",
        n=2 * PATIENTS_A_DRAW * sizes.draws,
        call=lambda: simulate(program, how, draws),
    )


def _big(sizes: Sizes) -> Case:
    program = compile_scenario(load_scenario(SMALL))
    return Case(
        what=f"W1-big: a life of {SMALL} ({sizes.big:,} patients, base case)",
        unit="hand-written paths",
        n=2 * sizes.big,
        call=lambda: simulate(program, Sampling(n_patients=sizes.big, counting=False)),
    )


def _exact(name: str, fineness: Fineness, how: str, times: int) -> Case:
    program = compile_scenario(load_scenario(name))
    numbers, profile = program.numbers()[0], choose_profiles(program, 1, 1).x[:1]

    def call() -> None:
        for _ in range(times):
            solve(program, numbers, profile, fineness, strategies=(0, 1))

    return Case(
        what=f"exact engine: one profile and the first two strategies of {name}{how}",
        unit="thousand hand-written paths",
        n=times * THOUSAND,
        call=call,
    )


def _run() -> Case:
    def call() -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "results")
            words = ["run", MODEL, "--patients", str(RUN_PATIENTS), "--jobs", "1", "--no-report", "--quiet"]
            command([*words, "--out", out])

    return Case(
        what=f"`lmssim run {MODEL} --patients {RUN_PATIENTS} --jobs 1 --no-report`, once imported",
        unit="million hand-written paths",
        n=MILLION,
        call=call,
    )


def command(words: list[str]) -> None:
    """Call the command line in this process.

    Raises
    ------
    RuntimeError
        If it fails: a refusal takes no time.
    """
    try:
        main(words)
    except SystemExit as stopped:
        if stopped.code:
            raise RuntimeError(f"lmssim {' '.join(words)}: exit code {stopped.code}") from stopped


def _verify() -> Case:
    small, model = load_scenario(SMALL), load_scenario(MODEL)

    def call() -> None:
        run_battery(small, Sampling(n_patients=VERIFY_PATIENTS))
        run_battery(model, Sampling(n_patients=VERIFY_PATIENTS), names=[STATIC_CHECK])

    return Case(
        what=f"all checks of {SMALL} and `{STATIC_CHECK}` of {MODEL} ({VERIFY_PATIENTS:,} patients, one worker)",
        unit="million hand-written paths",
        n=MILLION,
        call=call,
    )
