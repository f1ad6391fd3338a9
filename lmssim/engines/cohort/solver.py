"""The exact engine: solves a program for given profiles, by the method that its kind of model asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.engines.cohort.continuous import follow_of
from lmssim.engines.cohort.cycles import solve_cycles
from lmssim.engines.cohort.liveness import NO_ROOM, Liveness, analyse
from lmssim.engines.cohort.partitioned import solve_partitioned
from lmssim.engines.cohort.reachable import Patient
from lmssim.engines.cohort.result import CohortResult
from lmssim.engines.cohort.workspace import Sizes, Workspace, workspace_of
from lmssim.engines.workspace import refusal
from lmssim.errors import InputError, RunError, TooLargeError, UnsupportedError
from lmssim.kernels import layout
from lmssim.kernels.cohort import memory
from lmssim.kernels.cohort.sheet import MOST_STEPS
from lmssim.kernels.cohort.solve import solve as solve_kernel

if TYPE_CHECKING:
    from lmssim.engines.cohort.continuous import Fineness
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

GROWS = {
    memory.NODES_FULL: ("nodes",),
    memory.KINDS_FULL: ("kinds", "moves"),
    memory.CHAINS_FULL: ("outs",),
    memory.LINKS_FULL: ("links",),
    memory.BOXES_FULL: ("boxes",),
    memory.TOO_DEEP: ("chain",),
    memory.TOO_MANY: ("slots",),
    memory.LOSSES_FULL: ("losses",),
}
"""What to double when something is full."""
LARGEST = 1 << 17
"""Largest size; what asks for more is refused."""
Runner = Callable[[Callable[[Any, Any], Any], Any, Iterable[Any]], Iterable[Any]]
"""Runs a function of something shared and a task for each task; gives the results in order."""


def one_by_one(function: Callable[[Any, Any], Any], shared: Any, tasks: Iterable[Any]) -> Iterable[Any]:
    """Run tasks in the calling thread."""
    return (function(shared, task) for task in tasks)


def solve(
    program: Program,
    numbers: FloatArray,
    x: FloatArray,
    fineness: Fineness,
    run: Runner = one_by_one,
    strategies: Sequence[int] | None = None,
) -> CohortResult:
    """Expected outcomes of each profile under some strategies.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_profiles, n_columns) columns of the profiles.
    fineness : Fineness
        How fine a model in continuous time is solved; others are exact.
    run : callable
        Of a model in continuous time, what runs `function(shared, task)` for each task and gives the results in order.
    strategies : sequence of int, optional
        Positions of the strategies; all if absent.

    Raises
    ------
    InputError
        If the program asks for what cannot be solved, or a value computed for a profile is impossible.
    """
    wanted = list(range(len(program.strategies)) if strategies is None else strategies)
    if program.is_continuous:
        result = _Continuous(program, fineness).solve(numbers, x, run, wanted)
    else:
        whole = solve_cycles if program.scenario.file.cycles is not None else solve_partitioned
        result = _only(whole(program, numbers, x), wanted)
    _refuse_lost(program, result, wanted)
    return result


def _refuse_lost(program: Program, result: CohortResult, strategies: Sequence[int]) -> None:
    """Refuse probabilities that are not numbers: a hazard that overflows leaves no others."""
    lost = ~np.isfinite(result.endpoint).all(axis=(0, 2, 3, 4))
    if lost.any():
        raise InputError(
            f"{program.scenario.path}: strategy '{program.strategies[strategies[int(lost.argmax())]]}': probabilities"
            " are not numbers; check its hazards and the effects on them for values that are too large."
        )


def _only(result: CohortResult, strategies: list[int]) -> CohortResult:
    """Results of some of all strategies."""
    if len(strategies) == result.outcomes.shape[1]:
        return result
    arrays = {each.name: getattr(result, each.name) for each in fields(result)}
    return replace(result, **{name: a[:, strategies] for name, a in arrays.items() if a is not None})


class _Continuous:
    """Solves one program in continuous time, with a workspace for each thread that works at once."""

    def __init__(self, program: Program, fineness: Fineness) -> None:
        self.program, self.fineness = program, fineness
        self.live: Liveness = analyse(program)
        self.follow = follow_of(program, self.live, fineness)
        self.sizes = Sizes()
        self.free: list[Workspace] = []

    def solve(self, numbers: FloatArray, x: FloatArray, run: Runner, strategies: list[int]) -> CohortResult:
        """Results of all profiles under some strategies."""
        numbers, x = np.array(numbers, order="C"), np.array(x, order="C")  # owned and writable: one numba type
        tasks = [(numbers[s], x[p], p, s) for p in range(len(x)) for s in strategies]
        first = self.one(*tasks[0])  # compiles, and finds the sizes
        parts = [first, *(run(_one, self, tasks[1:]) if tasks[1:] else ())]
        arrays = {
            name: np.stack([part[name] for part in parts]).reshape(len(x), len(strategies), *parts[0][name].shape)
            for name in parts[0]
        }
        return CohortResult(**arrays)

    def __getstate__(self) -> dict[str, Any]:
        """All but the workspaces: a process makes its own."""
        return self.__dict__ | {"free": []}

    def one(self, v: FloatArray, x: FloatArray, profile: int, strategy: int) -> dict[str, FloatArray]:
        """One profile under one strategy."""
        try:
            space = self.free.pop()
        except IndexError:
            space = self._workspace()
        live = analyse(self.program, Patient(strategy, v, x))
        follow = follow_of(self.program, live, self.fineness)
        while True:
            space.wi[layout.W_BAD] = 0
            solve_kernel(
                self.program.packed.m,
                self.program.packed.f,
                space.wi,
                space.wf,
                v,
                x,
                follow,
                space.kinds,
                space.nodes,
                space.boxes,
                space.chain,
                space.solved,
                space.count,
                strategy,
            )
            failed = int(space.count[memory.FAILED])
            if failed == memory.OK:
                break
            space = self._larger(space, failed, profile, strategy)
        if space.wi[layout.W_BAD] != 0:
            raise self._refused(space, layout.BAD_VALUE, profile, strategy)
        result = self._read(space, live)
        self.free.append(space)
        return result

    def _larger(self, space: Workspace, failed: int, profile: int, strategy: int) -> Workspace:
        """A larger workspace, or the reason why there can be none."""
        where = f"{self.program.scenario.path}: engine 'cohort'"
        if failed == memory.TOO_LONG:
            raise TooLargeError(f"{where} {self._too_long(int(space.count[memory.FAILED_STATE]), strategy)}")
        if failed == memory.LOSS_TWICE:
            mark = self.program.marks[int(space.count[memory.FAILED_STATE])]
            raise UnsupportedError(
                f"{self.program.scenario.path}: event '{mark}' may happen twice in an instant with losses of utility"
                " that stack; engine 'cohort' cannot tell how often: use engine 'compiled'."
            )
        if failed not in GROWS:
            status = layout.BAD_PROBABILITY if failed == memory.BRANCHES_WRONG else layout.CLOCK_UNSET
            raise self._refused(space, status, profile, strategy)
        for name in GROWS[failed]:
            size = 2 * getattr(space.sizes, name)
            if size > LARGEST:
                state = self.program.states[int(space.count[memory.FAILED_STATE])]
                raise TooLargeError(
                    f"{where} would have to tell more than {size // 2:,} {name} apart (state '{state}', strategy"
                    f" '{self.program.strategies[strategy]}'); use engine 'compiled'."
                )
            self.sizes = self.sizes.doubled(name, space.sizes)
        return self._workspace()

    def _too_long(self, state: int, strategy: int) -> str:
        """Why a solution would take too many steps."""
        whose = f"strategy '{self.program.strategies[strategy]}'"
        if state >= 0:
            whose = f"state '{self.program.states[state]}', {whose}"
            return (
                f"would take more than {MOST_STEPS:,} steps, because patients return to states with such large hazards"
                f" too often ({whose}); check the hazards and their unit, which is per year, or use engine 'compiled'."
            )
        return (
            f"would take more than {MOST_STEPS:,} steps ({whose}), because many states depend on the time since entry;"
            " shorten settings.horizon or use engine 'compiled'."
        )

    def _workspace(self) -> Workspace:
        return workspace_of(self.program, self.follow, self.live.n_watchers, self.sizes)

    def _refused(self, space: Workspace, status: int, profile: int, strategy: int) -> Exception:
        where = int(space.count[memory.FAILED_STATE])
        if status == layout.CLOCK_UNSET:
            transitions = self.program.packed.transitions
            if where < transitions.base:
                return RunError(f"{self.program.scenario.path}: engine 'cohort' stopped: code {space.count[0:15]}.")
            where = transitions.number(where)
        space.wi[layout.W_INFO], space.wi[layout.W_PATIENT], space.wi[layout.W_STRATEGY] = where, profile, strategy
        return refusal(self.program, space.wi, space.wf, status)

    def _read(self, space: Workspace, live: Liveness) -> dict[str, FloatArray]:
        """What has been solved, in the shapes of `CohortResult` for one profile and strategy."""
        solved, program = space.solved, self.program
        endpoint, early = (each[: len(program.endpoints)].copy() for each in (solved.endpoint, solved.early))
        for e, spec in enumerate(program.scenario.file.endpoints.values()):
            if spec.origin != "model":
                endpoint[e] = early[e] = np.nan
        marks = np.stack([solved.marks, solved.marks], axis=1)
        for mark, watcher in enumerate(live.watcher):
            if watcher >= 0:
                marks[mark, 1] = solved.endpoint[watcher, 0].sum()
            elif watcher == NO_ROOM:
                marks[mark, 1] = np.nan
        entries = np.full((len(program.states), 2), np.nan)
        entries[:, 0] = solved.entries
        ended = solved.ended.cumsum(axis=1)
        present = solved.level.sum(axis=0)  # between named times some wait for their interval's sheet
        present[present <= 0.0] = 1.0
        level = solved.level * (np.clip(1.0 - ended.sum(axis=0), 0.0, 1.0) / present) + ended
        level[:, -1] = 0.0
        occupancy = np.diff(level, axis=1, prepend=0.0)
        return {
            "outcomes": solved.outcome.copy(),
            "state": solved.state.copy(),
            "endpoint": endpoint,
            "early": early,
            "occupancy": occupancy,
            "entries": entries,
            "marks": marks,
        }


def _one(shared: _Continuous, task: tuple[FloatArray, FloatArray, int, int]) -> dict[str, FloatArray]:
    """One profile under one strategy."""
    return shared.one(*task)
