"""A probabilistic analysis averaged over structure: draws have options of switches, with stated probabilities.

Each choice of options is a program of its own. A draw has the parameters and the patients that it would have in an
analysis of its program alone, so that options are compared with common random numbers.

References
----------
Jackson CH, Bojke L, Thompson SG, Claxton K, Sharples LD. A framework for addressing structural uncertainty in decision
models. Med Decis Making 31:662-674, 2011. doi:10.1177/0272989X11406986
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.execution.checkpoint import Part, key_of
from lmssim.execution.simulate import draw_times
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.averaging import Averaging, averaging_of, indicators
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.psa.collected import further_columns
from lmssim.studies.sensitivity.psa.work import CHECKED, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

MOST_PROGRAMS = 64
"""Choices of options, each of which is compiled."""
METHOD = "settings"
"""Section of a file that holds choices of method."""
Options = tuple[str, ...]
"""An option of each switch that is averaged over."""


@dataclass(frozen=True)
class AveragedWork(Work):
    """Draws of the parameters and of options of switches.

    Attributes
    ----------
    averaging : Averaging
        Probabilities of the options.
    programs : mapping of tuple of str to Program
        By an option of each switch; `program` is that of the options that the scenario has.
    """

    averaging: Averaging = field(default_factory=lambda: Averaging({}, {}))
    programs: Mapping[Options, Program] = field(default_factory=dict)

    def validate(self) -> None:
        """Refuse what cannot be run, down to the last draw, before any is run.

        Raises
        ------
        InputError
            As of `Work`; and if programs have no strategies or outcomes in common.
        """
        self._check_draws()
        for options, work in self._works.items():
            self._check_alike(options, work)
            work.validate_sampling()
        for first in range(0, self.n_draws, CHECKED):
            for options, some in self._which(first, min(CHECKED, self.n_draws - first)):
                self._check_numbers(self._works[options], first, some)

    def _check_numbers(self, work: Work, first: int, some: IntArray) -> None:
        """Refuse values that are impossible in some draws, counted from `first`; the message has the draw's number."""
        drawn = work.draws(first, int(some[-1]) + 1)
        try:
            work.program.numbers({name: values[some] for name, values in drawn.items()}, first)
        except InputError:
            for k in some.tolist():
                work.program.numbers({name: values[[k]] for name, values in drawn.items()}, first + k)
            raise

    def _check_alike(self, options: Options, work: Work) -> None:
        """Refuse a program whose outcomes are not those of the scenario's own."""
        ours, theirs = _outcomes(self.program), _outcomes(work.program)
        for what, own in ours.items():
            if theirs[what] != own:
                said = ", ".join(f"{s} = {o}" for s, o in zip(self.averaging.weights, options, strict=True))
                raise InputError(
                    f"average: with {said} the scenario has other {what} than in the base case, so that there is no "
                    "average over both."
                )

    @cached_property
    def _works(self) -> dict[Options, Work]:
        """The work on each program alone."""
        return {o: Work(p, self.sampling, self.n_draws, self.new_setting) for o, p in self.programs.items()}

    def options(self, first: int, n: int) -> dict[str, list[str]]:
        """Option of each switch in draws first, first + 1, ..., n of them."""
        return self.averaging.options(n, self.sampling.seed, first)

    def _which(self, first: int, n: int) -> Iterator[tuple[Options, IntArray]]:
        """Each choice of options that draws first, first + 1, ... have, and which of them, counted from 0."""
        drawn = list(zip(*self.options(first, n).values(), strict=True))
        for options in self.programs:
            some = np.array([k for k, each in enumerate(drawn) if each == options], dtype=np.int64)
            if some.size:
                yield options, some

    @property
    def quantities(self) -> list[str]:
        """The parameters that all programs have and the scenario uses, and which options draws have."""
        drawn = self.draws(0, 1)
        return [name for name in drawn if name in self.program.used or name not in self.program.scenario.table]

    def draws(self, first: int, n: int) -> dict[str, FloatArray]:
        """Draws first, first + 1, ... of every parameter, and which options they have (`NAME=OPTION`, 1 or 0)."""
        found: dict[str, FloatArray] = {}
        for options, some in self._which(first, n):
            for name, values in self._works[options].draws(first, n).items():
                if name in self._common:
                    found.setdefault(name, np.empty(n))[some] = values[some]
        return found | indicators(self.averaging, self.options(first, n))

    @cached_property
    def _common(self) -> frozenset[str]:
        """Parameters of every program: an option may keep what it replaces under another name."""
        return frozenset.intersection(*(frozenset(program.scenario.table) for program in self.programs.values()))

    def run(self, first: int, n: int, some: IntArray | None = None) -> Part:
        """Draws first, first + 1, ..., n of them, or only `some`, each by its own program."""
        asked = np.arange(n) if some is None else some
        found: list[Part] = []
        places: list[IntArray] = []
        for options, which in self._which(first, n):
            wanted = which[np.isin(which, asked)]
            if wanted.size:
                found.append(self._works[options].run(first, n, wanted))
                places.append(wanted)
        order = np.argsort(np.concatenate(places), kind="stable")
        names = found[0].arrays
        return Part({name: np.concatenate([part.arrays[name] for part in found])[order] for name in names})

    def key(self) -> str:
        """Hash of all that decides the parts, but for how many there are."""
        return key_of(super().key(), {switch: dict(weights) for switch, weights in self.averaging.weights.items()})


def _outcomes(program: Program) -> dict[str, object]:
    """All that says what columns results have."""
    return {
        "strategies": list(program.strategies),
        "endpoints": list(program.endpoints),
        "cost categories or further outcomes": further_columns(program),
        "times or horizon": (draw_times(program), program.scenario.file.settings.horizon),
    }


def averaged_work(
    name: str | Path,
    asked: Mapping[str, Mapping[str, float] | None],
    sampling: Sampling,
    n_draws: int,
    *,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    new_setting: bool = False,
) -> AveragedWork:
    """Work on a scenario averaged over options of some of its switches, checked down to the last draw.

    Parameters
    ----------
    name : str or Path
        Path of a scenario, or the name of a bundled one.
    asked : mapping of str to mapping of str to float, or None
        Switches that are averaged over, with weights of their options; None for those that the scenario states.
    overrides, switches : mapping, optional
        Parameters that are held, and options of other switches.

    Raises
    ------
    InputError
        If options cannot be averaged, or a program cannot be run in some draw.
    """
    chosen = dict(switches or {})
    for switch in asked:
        if switch in chosen:
            raise InputError(f"average: '{switch}' is held at '{chosen[switch]}' (--switch): leave one of the two out.")
    scenario = load_scenario(name, overrides, chosen)
    averaging = averaging_of(scenario.file.switches, asked)
    _refuse_methods(scenario, averaging)
    _refuse_held(scenario, averaging, overrides or {})
    if averaging.n_combinations > MOST_PROGRAMS:
        raise InputError(
            f"average: {averaging.n_combinations} choices of options; at most {MOST_PROGRAMS} are averaged over."
        )

    def compiled(options: Mapping[str, str]) -> Program:
        return compile_scenario(load_scenario(name, overrides, {**chosen, **options}))

    work = AveragedWork(
        compile_scenario(scenario), sampling, n_draws, new_setting, averaging, _programs(averaging, compiled)
    )
    work.validate()
    return work


def _programs(averaging: Averaging, compiled: Callable[[Mapping[str, str]], Program]) -> dict[Options, Program]:
    return {tuple(options.values()): compiled(options) for options in averaging.combinations()}


def _refuse_methods(scenario: Scenario, averaging: Averaging) -> None:
    """Refuse options that change a method of the analysis: nobody is uncertain of it."""
    for switch, weights in averaging.weights.items():
        for option in weights:
            if METHOD in scenario.file.switches[switch].options[option].change:
                raise InputError(
                    f"average: '{switch} = {option}' changes {METHOD}, which are a choice of method and not uncertain; "
                    "run it as a scenario analysis (`lmssim scenarios`)."
                )


def _refuse_held(scenario: Scenario, averaging: Averaging, overrides: Mapping[str, float]) -> None:
    """Refuse parameters that are held where options set them: draws would be told to differ in what is the same."""
    for switch, weights in averaging.weights.items():
        for option in weights:
            for name in overrides.keys() & scenario.file.switches[switch].options[option].set.keys():
                raise InputError(
                    f"set: {name} is held at {exact(overrides[name])}, and '{switch} = {option}', which is averaged "
                    "over, sets it too: leave one of the two out."
                )
