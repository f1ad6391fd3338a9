"""The manifest: what a result was made from, and on what it was made; enough to run it again.

`result` holds all that decides the numbers, and no more; workers, block size, times and the machine stand under
`environment`, so that the same result has the same `result` part wherever it is made.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.execution.backends import THREADS
from lmssim.execution.simulate import CHUNK
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.execution.simulate import Sampling
    from lmssim.model.parameters.parameter import Parameter
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

FORMAT = 2
"""Version of the manifest's own layout."""
PACKAGES = (
    "jinja2",
    "joblib",
    "llvmlite",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "salib",
    "scikit-learn",
    "scipy",
    "simpy",
    "typer",
)
WHAT_DECIDES = ("value", "distribution", "p1", "p2", "se", "low", "high", "lower", "upper", "expression", "group")
"""Fields of a parameter that can change a result."""


def manifest(
    result: Mapping[str, Any],
    *,
    command: Sequence[str],
    timings: Mapping[str, float],
    jobs: int = 1,
    backend: str = "threads",
    block: int | None = None,
    use: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A manifest, which a result folder completes with its files.

    Parameters
    ----------
    result : mapping
        All that decides the numbers: `evaluation_part` and `scenario_part` give what most studies need.
    command : sequence of str
        Command line, program first.
    timings : mapping of str to float
        Seconds by stage.
    jobs, backend, block
        How work was spread; of this no number depends.
    use : mapping, optional
        Processor time (`Stopwatch.use`).
    """
    workers = {"backend": backend, "jobs": jobs} | ({} if block is None else {"block": block})
    return {
        "format": FORMAT,
        "result": {"lmssim": __version__, **result},
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "machine": platform.machine(),
            "cpu_count": os.cpu_count(),
            **workers,
            "command": [Path(command[0]).name, *command[1:]] if command else [],
            "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
            **(use or {}),
        },
    }


def evaluation_part(
    program: Program,
    sampling: Sampling,
    overrides: Mapping[str, float],
    *,
    precision: float | None = None,
    solved: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that decides the numbers of one evaluation.

    Parameters
    ----------
    overrides : mapping of str to float
        Parameters held at other values than the scenario's.
    precision : float, optional
        Standard error that was asked for.
    solved : mapping, optional
        Of an exact solution, profiles and errors: they stand in the place of patients and random numbers.
    """
    drawn = {"patients": sampling.n_patients, "random_numbers": sampling.random_numbers}
    who = drawn if solved is None else {"solved": dict(solved)}
    scenario = program.scenario
    return {
        "scenario": scenario_part(scenario),
        "parameters": {"count": len(program.used), "sha256": parameter_hash(program.used)},
        "overrides": dict(overrides),
        "switches": dict(scenario.options),
        "where": sampling.where,
        "partitions": {name: dict(rules) for name, rules in sampling.partitions.items()},
        "seed": sampling.seed,
        **who,
        "precision": precision,
        "chunk": CHUNK,
        "engine": sampling.engine,
        "control_variate": sampling.control_variate,
        "strategies": [program.strategies[s] for s in sampling.positions(program)],
        "comparator": scenario.comparator,
        "conventions": conventions_part(scenario),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def conventions_part(scenario: Scenario) -> dict[str, Any]:
    """Every convention that the file states or takes by default: settings, and the keys that name a rule."""
    file = scenario.file
    sections = ("cycles", "mortality", "partitioned_survival", "utilities")
    stated = file.model_dump(mode="json", include=set(sections), exclude={"partitioned_survival": {"curves"}})
    losses = {
        name: {key: getattr(event, key) for key in ("years", "stop_on_leaving", "stack")}
        for name, event in file.events.items()
        if event.utility_loss is not None
    }
    conventions = {
        **file.settings.model_dump(mode="json"),
        **stated,
        "losses_of_events": losses,
        **file.model_dump(mode="json", include={"clocks", "terminal"}),
    }
    relative: dict[str, Any] = with_paths_from(scenario.path.parent.resolve(), conventions)
    return relative


def with_paths_from(folder: Path, value: Any) -> Any:
    """A value with each path of a file that is absolute, as includes make them, made relative to a folder."""
    if isinstance(value, dict):
        return {key: with_paths_from(folder, item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_paths_from(folder, item) for item in value]
    if isinstance(value, str) and os.path.isabs(value) and Path(value).is_file():
        return Path(os.path.relpath(value, folder)).as_posix()
    return value


def scenario_part(scenario: Scenario) -> dict[str, Any]:
    """A scenario by its name and the hashes of its files."""
    return {"name": scenario.name, "title": scenario.file.title, "inputs": input_hashes(scenario)}


def input_hashes(scenario: Scenario) -> dict[str, str]:
    """SHA-256 of every file read, by its path from the scenario's folder, with forward slashes."""
    folder = scenario.path.parent.resolve()
    return {Path(os.path.relpath(Path(p).resolve(), folder)).as_posix(): s for p, s in scenario.inputs.items()}


def parameter_hash(table: ParameterTable) -> str:
    """SHA-256 of all that parameters give to a result; order, descriptions and sources do not count."""
    rows = {id_: _decisive(parameter) for id_, parameter in table.items()}
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _decisive(parameter: Parameter) -> list[str]:
    return [repr(getattr(parameter, name)) for name in WHAT_DECIDES]


class Stopwatch:
    """Seconds spent by stage, and processor time of all threads of this process."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._last, self._last_cpu = time.perf_counter(), time.process_time()

    def lap(self, stage: str) -> None:
        """Close a stage."""
        now, cpu = time.perf_counter(), time.process_time()
        self.laps[stage], self.cpu[stage] = now - self._last, cpu - self._last_cpu
        self._last, self._last_cpu = now, cpu

    def use(self, stage: str, jobs: int, backend: str) -> dict[str, Any]:
        """Processor time by stage, and the share of its workers' time that a stage left idle; only of threads."""
        if backend != THREADS:
            return {}
        seconds = {name: round(spent, 3) for name, spent in self.cpu.items()}
        offered = self.laps.get(stage, 0.0) * jobs
        idle = {"idle_share": round(max(1.0 - self.cpu[stage] / offered, 0.0), 3)} if offered > 0.0 else {}
        return {"cpu_seconds": seconds, **idle}
