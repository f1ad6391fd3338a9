"""Draws of a scenario given some of its parameters, and the value of learning these by multilevel Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.economics.cea import net_monetary_benefit
from lmssim.economics.voi.multilevel import multilevel
from lmssim.errors import InputError, unknown
from lmssim.execution.manifest import scenario_part
from lmssim.execution.simulate import COHORT, Sampling, simulate_batches
from lmssim.execution.solve import settle, solve_population
from lmssim.kernels.ledger import COST, QALY
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.economics.voi.draws import ParameterSet
    from lmssim.economics.voi.multilevel import Multilevel
    from lmssim.execution.solve import Settled
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.voi.source import Source
    from lmssim.studies.sensitivity.voi.study import InformationStudy

PATIENTS = 20
"""Patients of each draw, at most: draws of other parameters tell more than further patients do."""
SELDOM = 0.001
"""Share of the draws in which a strategy is the best, below which it is not run."""
DEFAULT_OUTER = 400
APART = 1_000_000
"""Distance between the numbers of outer draws and of the others."""


@dataclass(frozen=True)
class ThroughModel:
    """A scenario whose draws a folder of `lmssim psa` holds.

    Attributes
    ----------
    program : Program
        The scenario, compiled.
    sampling : Sampling
        Patients and engine.
    """

    program: Program
    sampling: Sampling

    def refusal(self, each: ParameterSet) -> str:
        """Why a set cannot be learnt through the model; blank if it can."""
        groups = self.program.scenario.groups
        for name, group in groups.items():
            inside = [member for member in group.members if member in each.members]
            if inside and len(inside) < len(group.members):
                why = (
                    "its draws are whole rows of a calibration, so that the others cannot be drawn given one"
                    if group.kind == "posterior"
                    else "its members are drawn together, and not given one of them"
                )
                return f"'{inside[0]}' is part of the {group.kind.replace('_', ' ')} '{name}': {why}; name '{name}'"
        table = self.program.scenario.table
        derived = [m for m in each.members if table[m].expression and not table[m].held]
        return f"'{derived[0]}' is derived from others" if derived else ""

    def gains(self, each: ParameterSet, study: InformationStudy, wtp: float) -> Callable[[int, IntArray], FloatArray]:
        """Gains of strategies over the one that is optimal now, as `multilevel` asks for them."""
        strategies = self._strategies(study, wtp)
        sampling = replace(self.sampling, strategies=tuple(strategies))
        order = [s for s in self.program.strategies if s in strategies]
        best = order.index(study.optimal(wtp))
        settled: list[Settled] = []

        def gained(first: int, outer: IntArray) -> FloatArray:
            draws = self._draws(each, first, outer)
            benefit = self._benefit(sampling, draws, first, settled, wtp)
            return benefit - benefit[:, [best]]

        return gained

    def _strategies(self, study: InformationStudy, wtp: float) -> list[str]:
        """Strategies that are the best in some draws, and the optimal one."""
        weights = study.gain(wtp).weights
        often = [s for s, w in zip(study.source.draws.strategies, weights, strict=True) if w >= SELDOM]
        return list(dict.fromkeys([*often, study.optimal(wtp)]))

    def _draws(self, each: ParameterSet, first: int, outer: IntArray) -> dict[str, FloatArray]:
        """Draws with values of the set by their outer number; rows of posteriors come in random order."""
        scenario, seed = self.program.scenario, self.sampling.seed
        distinct, which = np.unique(outer, return_inverse=True)
        start = APART + int(distinct[0])
        learnt = sample_parameters(scenario.table, scenario.groups, int(np.ptp(distinct)) + 1, seed, start)
        given = {member: learnt[member][distinct[which] - distinct[0]] for member in each.members}
        shuffled = np.random.Generator(np.random.Philox(key=[seed, first])).permutation(len(outer))
        drawn = sample_parameters(scenario.table, scenario.groups, len(outer), seed, 2 * APART + first)
        free = {name for group in scenario.groups.values() for name in group.members}
        given |= {name: drawn[name][shuffled] for name in free if name not in given}
        return sample_parameters(scenario.table, scenario.groups, len(outer), seed, 2 * APART + first, given)

    def _benefit(
        self, sampling: Sampling, draws: dict[str, FloatArray], first: int, settled: list[Settled], wtp: float
    ) -> FloatArray:
        if sampling.engine == COHORT:
            if not settled:
                settled.append(settle(self.program, sampling, {name: each[:1] for name, each in draws.items()}))
            means = solve_population(self.program, sampling, draws, settled=settled[0]).mean
        else:
            batches = simulate_batches(self.program, sampling, draws, 2 * APART + first)
            means = np.concatenate([batch.mean for batch in batches])
        return net_monetary_benefit(means[:, :, COST], means[:, :, QALY], wtp)


def through_model(source: Source, scenario: str | None, jobs: int = 1) -> ThroughModel:
    """The scenario of a folder of `lmssim psa`, as it was run.

    Parameters
    ----------
    scenario : str, optional
        Its file or name; the bundled one of the folder's name if absent.

    Raises
    ------
    InputError
        If the draws are not of a folder, or the scenario has changed since.
    """
    made: Any = source.scenario
    if not made:
        raise InputError("--multilevel: needs the model: give a folder of `lmssim psa`, not tables.")
    if made.get("average"):
        raise InputError(f"--multilevel: {source.where} is averaged over options (--average): it is of no one model.")
    loaded = load_scenario(scenario or made["scenario"]["name"], made["overrides"], made["switches"])
    if scenario_part(loaded)["inputs"] != made["scenario"]["inputs"]:
        raise InputError(
            f"--multilevel: the files of scenario '{loaded.name}' are not those that {source.where} was made from; "
            "name the scenario by --scenario, or run `lmssim psa` again."
        )
    exact = made["engine"] == COHORT
    sampling = Sampling(
        n_patients=1 if exact else min(PATIENTS, made["patients"]),
        seed=made["seed"],
        random_numbers="independent",
        engine=made["engine"],
        profiles=made["solved"]["profiles"] if exact else 32,
        where=made["where"],
        jobs=jobs,
        counting=False,
    )
    return ThroughModel(compile_scenario(loaded), sampling)


@dataclass(frozen=True)
class MultilevelCheck:
    """Values of some sets through the model, beside those by regression.

    Attributes
    ----------
    study : InformationStudy
        The analysis.
    model : ThroughModel
        The scenario.
    names : sequence of str
        Sets.
    n_outer : int
        Values of the learnt parameters at the first level.
    progress : callable, optional
        Called with (draws done, draws in all) of one set.
    """

    study: InformationStudy
    model: ThroughModel
    names: Sequence[str]
    n_outer: int = DEFAULT_OUTER
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        """Refuse sets that are not there."""
        known = {each.name for each in self.study.source.sets}
        for name in self.names:
            if name not in known:
                raise InputError(unknown("parameter, group or posterior", name, known, "--multilevel"))

    @cached_property
    def found(self) -> list[tuple[float, ParameterSet, Multilevel | str]]:
        """Willingness to pay, set, and its value, or why there is none."""
        sets = {each.name: each for each in self.study.source.sets}
        return [(wtp, sets[name], self._value(sets[name], wtp)) for wtp in self.study.wtps for name in self.names]

    def _value(self, each: ParameterSet, wtp: float) -> Multilevel | str:
        reason = self.model.refusal(each)
        if reason:
            return reason
        return multilevel(self.model.gains(each, self.study, wtp), self.n_outer, self.study.seed, self.progress)

    def to_frame(self) -> pd.DataFrame:
        """Both values: wtp, name, evppi, se, first_level, draws, regression, regression_se, z, refused."""
        rows = []
        for wtp, each, value in self.found:
            k = self.study.source.sets.index(each)
            own = self.study.found[wtp][k]
            if isinstance(value, str):
                rows.append((wtp, each.name, np.nan, np.nan, np.nan, 0, own.evppi, own.se, np.nan, value))
                continue
            apart = (value.evppi - own.evppi) / float(np.hypot(value.se, own.se) or np.nan)
            through = (value.evppi, value.se, value.first, value.n_draws)
            rows.append((wtp, each.name, *through, own.evppi, own.se, apart, ""))
        names = ["wtp", "name", "evppi", "se", "first_level", "draws", "regression", "regression_se", "z", "refused"]
        return pd.DataFrame(rows, columns=names)
