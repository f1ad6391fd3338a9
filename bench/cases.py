"""What is timed beside the hand-written kernel: lives, draws, exact solutions, a whole run and a whole verification.

Everything runs in the calling thread. The sizes are those of every form of the benchmark, since what a call costs
whatever its size is part of the ratio.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import handwritten, illness_death, trials, vectorised
from bench.timing import Case, time_in_turns
from lmssim.cli.app import main
from lmssim.engines import compiled
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.verify import run_battery

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL, SMALL = "extremity", "illness_death"
PATIENTS, LIVES, DRAWS, PATIENTS_A_DRAW, SOLUTIONS = 100_000, 8_192, 1_000, 1_000, 20
RUN_PATIENTS, VERIFY_PATIENTS, STATIC_CHECK = 4_000, 1_000, "sampled-quantiles"
THOUSAND, MILLION = 1e3, 1e6
NUMPY, YARDSTICK = "numpy", "hand"
"""The same model in NumPy: what it takes is turned round, since the yardstick is judged by it."""


def by_hand() -> Case:
    """The yardstick: paths of the kernel that is written for one model."""
    base = illness_death.base_case()
    n = 2 * PATIENTS
    return Case(what=f"{n:,} paths by hand", unit="s a path", n=n, call=lambda: handwritten.simulate(PATIENTS, base))


def all_cases() -> dict[str, Case]:
    """Everything that has a ratio, by name, each called once, so that its kernels are compiled and loaded."""
    cases = {
        "extremity": _model(),
        "w1_psa": _draws(),
        "w1_big": _big(),
        "exact_small": _exact(SMALL, Fineness(), THOUSAND, SOLUTIONS),
        "exact": _exact(MODEL, Fineness().coarser(), MILLION, 1),
        "run": _run(),
        "verify": _verify(),
        "w3": trials.w3(),
        "trial_tests": trials.analyses(),
        "maxcombo": trials.critical(),
        NUMPY: _in_numpy(),
    }
    handwritten.simulate(2, illness_death.base_case())
    for case in cases.values():
        case.call()
    return cases


def measure(cases: Mapping[str, Case], rounds: int) -> tuple[dict[str, float], float]:
    """Ratios by name, and nanoseconds of a path by hand."""
    ratios, hand = time_in_turns(cases, by_hand(), rounds)
    if NUMPY in ratios:
        ratios[YARDSTICK] = 1.0 / ratios.pop(NUMPY)
    return ratios, 1e9 * hand


def case_of(name: str) -> str:
    """Name of the case that gives a ratio."""
    return NUMPY if name == YARDSTICK else name


def _in_numpy() -> Case:
    base = illness_death.base_case()
    return Case(
        what="the hand-written kernel: its generator of random numbers is the simulator's",
        unit="paths of NumPy code for the same model",
        n=2 * PATIENTS,
        call=lambda: vectorised.simulate(PATIENTS, base),
    )


def _model() -> Case:
    program = compile_scenario(load_scenario(MODEL))
    compiled.warm(program)
    n_strategies = len(program.strategies)
    return Case(
        what=f"a life of {MODEL}, everything counted ({LIVES:,} patients, all {n_strategies} strategies)",
        unit="hand-written paths",
        n=LIVES * n_strategies,
        call=lambda: simulate(program, Sampling(n_patients=LIVES)),
    )


def _draws() -> Case:
    program = compile_scenario(load_scenario(SMALL))
    draws = program.sample(DRAWS, 1)
    how = Sampling(n_patients=PATIENTS_A_DRAW, counting=False)
    return Case(
        what=f"W1-psa: a life of {SMALL} ({PATIENTS_A_DRAW:,} patients in each of {DRAWS:,} parameter draws)",
        unit="hand-written paths",
        n=2 * PATIENTS_A_DRAW * DRAWS,
        call=lambda: simulate(program, how, draws),
    )


def _big() -> Case:
    program = compile_scenario(load_scenario(SMALL))
    return Case(
        what=f"W1-big: a life of {SMALL} ({PATIENTS:,} patients, base case)",
        unit="hand-written paths",
        n=2 * PATIENTS,
        call=lambda: simulate(program, Sampling(n_patients=PATIENTS, counting=False)),
    )


def _exact(name: str, fineness: Fineness, paths: float, times: int) -> Case:
    program = compile_scenario(load_scenario(name))
    numbers, profile = program.numbers()[0], choose_profiles(program, 1, 1).x[:1]

    def call() -> None:
        for _ in range(times):
            solve(program, numbers, profile, fineness, strategies=(0, 1))

    coarse = "" if fineness == Fineness() else ", in steps twice as long as by default"
    return Case(
        what=f"exact engine: one profile and the first two strategies of {name}{coarse}",
        unit=f"{'thousand' if paths == THOUSAND else 'million'} hand-written paths",
        n=times * paths,
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
