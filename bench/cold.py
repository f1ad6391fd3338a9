"""CPU seconds to compile the kernels with an empty cache, in a process of its own: ``python -m bench.cold NAME``."""

from __future__ import annotations

import os
import sys
import tempfile
import time


def main(scenario: str) -> None:
    """Compile into a cache folder that is then thrown away; print the CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LMSSIM_CACHE"] = folder  # read on import of the kernels
        from lmssim.engines import compiled
        from lmssim.model.compile import compile_scenario
        from lmssim.model.scenario import load_scenario

        started = time.process_time()
        compiled.warm(compile_scenario(load_scenario(scenario)))
        print(time.process_time() - started)


if __name__ == "__main__":
    main(sys.argv[1])
