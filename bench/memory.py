"""Peak memory of one simulation, in a process of its own: ``python -m bench.memory SCENARIO N_PATIENTS JOBS``."""

from __future__ import annotations

import resource
import sys

from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario


def main(scenario: str, n_patients: int, jobs: int) -> None:
    """Simulate, then print the peak resident set in MiB and the number of strategies."""
    program = compile_scenario(load_scenario(scenario))
    simulate(program, Sampling(n_patients=n_patients, jobs=jobs))
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB elsewhere
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, len(program.strategies))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
