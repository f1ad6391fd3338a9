"""Compare two results: find the inputs that differ, run the models between them, and share out the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, unknown
from lmssim.execution.simulate import COHORT, Sampling
from lmssim.outcomes.main import position_of
from lmssim.studies.diff.changes import changed_inputs, together
from lmssim.studies.diff.mixing import Mixture
from lmssim.studies.diff.result import KEPT, DifferenceStudy, Ends
from lmssim.studies.diff.shares import MOST_EXACT, exact_plan, pairs_plan, sampled_plan
from lmssim.studies.diff.values import Common

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.studies.diff.shares import Coalition, Plan
    from lmssim.studies.diff.side import Side

DEFAULT_PATIENTS = 20_000
"""Patients in all, at most, unless more are asked for."""
DEFAULT_ORDERS = 32
"""Orders of the inputs that are sampled where they are too many."""
FOREMOST, SETS = 4, 8
"""Where orders are sampled: inputs whose interactions are estimated, and sets of others for each pair."""
MOST_WTP = 20


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a comparison."""

    patients: int | None = None
    """Patients in all; as many as the results had, at most `DEFAULT_PATIENTS`, if absent."""
    draws: int | None = None
    """Draws of the parameters, if any; as many as the results had if absent."""
    strategies: Sequence[str] = ()
    """Strategies beside the comparator; all that both have if empty."""
    wtps: Sequence[float] = ()
    """Willingness to pay; the scenarios' own if empty."""
    groups: Mapping[str, Sequence[str]] | None = None
    """Inputs that count as one, by ids or patterns."""
    orders: int = DEFAULT_ORDERS
    """Orders that are sampled where inputs are more than `MOST_EXACT`."""
    jobs: int = 1
    """Workers."""
    backend: str = "threads"
    """What the workers are."""


def mixture_of(a: Side, b: Side, asked: Asked) -> Mixture:
    """Two results whose inputs can be put together.

    Raises
    ------
    InputError
        If they are of different scenarios or patients, or have no strategies in common.
    """
    _check_alike(a, b)
    strategies = _strategies(a, b, asked.strategies)
    return Mixture(a, b, together(changed_inputs(a, b), asked.groups or {}), strategies)


def _check_alike(a: Side, b: Side) -> None:
    names = [side.scenario.name for side in (a, b)]
    if names[0] != names[1]:
        raise InputError(
            f"{a.where} is of scenario '{names[0]}' and {b.where} of '{names[1]}'; diff compares results of one "
            "scenario."
        )
    currencies = [side.scenario.file.settings.currency for side in (a, b)]
    if currencies[0] != currencies[1]:
        raise InputError(f"{a.where} is in {currencies[0]} and {b.where} in {currencies[1]}; costs cannot be compared.")
    if a.way.where != b.way.where:
        rules = [side.way.where or "all patients" for side in (a, b)]
        raise InputError(
            f"{a.where} follows {rules[0]!r} and {b.where} {rules[1]!r}; diff compares results of the same patients."
        )


def _strategies(a: Side, b: Side, wanted: Sequence[str]) -> list[str]:
    """Strategies of both results, the comparator among them."""
    both = [name for name in a.strategies if name in b.strategies]
    for name in wanted:
        if name not in both:
            raise InputError(unknown("strategy of both results", name, both, "--strategies"))
    comparator = a.scenario.comparator
    if comparator not in both:
        raise InputError(f"the comparator '{comparator}' of {a.where} is no strategy of {b.where}.")
    return [name for name in both if not wanted or name in wanted or name == comparator]


def common_of(mixture: Mixture, asked: Asked) -> Common:
    """Draws and patients of all coalitions: those of the first result, unless it is asked for others.

    Raises
    ------
    InputError
        If what is asked for does not fit the results.
    """
    ways = [side.way for side in (mixture.a, mixture.b)]
    solved = all(way.is_solved for way in ways)
    if any(way.is_solved for way in ways) and not solved and any(way.draws for way in ways):
        raise InputError("one result is solved and the other simulated over draws; compare results of one engine.")
    most_draws = max(way.draws for way in ways)
    if asked.draws is not None and not most_draws:
        raise InputError("--draws: neither result draws its parameters.")
    draws = (asked.draws or most_draws) if most_draws else 0
    people = [way.patients for way in ways if way.is_solved == solved]
    patients = max(people) if solved else max(min(max(people), DEFAULT_PATIENTS), 2 * draws)
    sampling = Sampling(
        n_patients=1 if solved else (asked.patients or patients),
        profiles=max((asked.patients or patients) if solved else 1, 1),
        seed=ways[0].seed,
        engine=COHORT if solved else "compiled",
        where=ways[0].where,
        strategies=tuple(mixture.strategies),
        jobs=asked.jobs,
        backend=asked.backend,
    )
    common = Common(sampling, draws)
    common.validate()
    return common


def compare(
    a: Side, b: Side, asked: Asked | None = None, progress: Callable[[int, int], None] | None = None
) -> DifferenceStudy:
    """Share out the change between two results among the inputs that differ.

    Parameters
    ----------
    a, b : Side
        The results (`lmssim.studies.diff.side`).
    asked : Asked, optional
        Strategies, willingness to pay, draws, patients.
    progress : callable, optional
        Called with (models run, models in all).

    Raises
    ------
    InputError
        If the results cannot be compared, or some inputs do not fit together.
    """
    asked = Asked() if asked is None else asked
    return compare_mixture(mixture_of(a, b, asked), asked, progress)


def compare_mixture(
    mixture: Mixture, asked: Asked, progress: Callable[[int, int], None] | None = None
) -> DifferenceStudy:
    """The same, of results that have been put together."""
    common = common_of(mixture, asked)
    runner = _Runner(mixture, common, progress)
    rng = np.random.default_rng(common.sampling.seed)
    n = len(mixture.inputs)
    if n <= MOST_EXACT:
        plan = exact_plan(n)
        shares = runner.run(plan)
        pairs, together_ = plan.pairs, shares
    else:
        plan = sampled_plan(n, asked.orders, rng)
        more = FOREMOST * (FOREMOST - 1) // 2 * SETS * 4
        shares = runner.run(plan, more)
        pairs = _foremost(shares.parts, wtps_of(mixture, asked))
        together_ = runner.run(pairs_plan(n, pairs, SETS, rng))
    return DifferenceStudy(
        mixture=mixture,
        common=common,
        wtps=wtps_of(mixture, asked),
        sizes=runner.sizes,
        ends=Ends(runner.ends[frozenset()], runner.ends[frozenset(range(n))]),
        parts=shares.parts,
        samples=None if n <= MOST_EXACT else shares.samples,
        pairs=pairs,
        interactions=together_.interactions,
        sets=None if n <= MOST_EXACT else together_.sets,
        n_runs=runner.done,
    )


def wtps_of(mixture: Mixture, asked: Asked) -> list[float]:
    """Willingness to pay at which net benefits are compared."""
    own = [*mixture.a.scenario.file.settings.wtp, *mixture.b.scenario.file.settings.wtp]
    return list(dict.fromkeys(float(wtp) for wtp in (asked.wtps or own)))[:MOST_WTP]


def _foremost(parts: FloatArray, wtps: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of the inputs with the greatest shares of the net benefits, at the first willingness to pay."""
    means = np.abs(parts.mean(axis=1))
    cost, qalys = (means[..., KEPT.index(outcome)] for outcome in ("cost", "qalys"))
    size = (cost + (wtps[0] if wtps else 0.0) * qalys).max(axis=1)
    first = sorted(np.argsort(-size, kind="stable")[:FOREMOST].tolist())
    return [(i, j) for k, i in enumerate(first) for j in first[k + 1 :]]


@dataclass(frozen=True)
class _Sums:
    """What a plan gives."""

    parts: FloatArray
    samples: FloatArray
    interactions: FloatArray
    sets: FloatArray


class _Runner:
    """Runs coalitions one after another, and adds up what each weighs."""

    def __init__(self, mixture: Mixture, common: Common, progress: Callable[[int, int], None] | None) -> None:
        self.mixture, self.common, self.progress = mixture, common, progress
        self.sizes: FloatArray = np.ones(1)
        self.done = 0
        self.ends: dict[Coalition, FloatArray] = {}

    def run(self, plan: Plan, more: int = 0) -> _Sums:
        """Sums over the coalitions of a plan, of which more may follow."""
        sums: _Sums | None = None
        coalitions = plan.coalitions
        total = self.done + len(coalitions) + more
        for coalition in coalitions:
            values = self._values(coalition)
            sums = _empty(plan, values) if sums is None else sums
            self._add(sums, plan, coalition, values)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, total)
        assert sums is not None
        return sums

    def _values(self, coalition: Coalition) -> FloatArray:
        if coalition in self.ends:
            return self.ends[coalition]
        scenario = self.mixture.scenario(coalition)
        self.sizes, main = self.common.values(scenario, drawn=self.mixture.is_drawn(coalition))
        values: FloatArray = main[..., [position_of(outcome) for outcome in KEPT]]
        if len(coalition) in (0, len(self.mixture.inputs)):
            self.ends[coalition] = values
        return values

    def _add(self, sums: _Sums, plan: Plan, coalition: Coalition, values: FloatArray) -> None:
        mean = (self.sizes[:, None, None] * values).sum(axis=0) / self.sizes.sum()
        if (weights := plan.shares.get(coalition)) is not None:
            sums.parts[:] += _outer(weights.mean(axis=0), values)
            sums.samples[:] += _outer(weights, mean)
        if (weights := plan.interactions.get(coalition)) is not None:
            sums.interactions[:] += _outer(weights.mean(axis=0), values)
            sums.sets[:] += _outer(weights, mean)


def _outer(weights: FloatArray, values: FloatArray) -> FloatArray:
    product: FloatArray = np.multiply.outer(weights, values)
    return product


def _empty(plan: Plan, values: FloatArray) -> _Sums:
    shape, n_pairs = values.shape, len(plan.pairs)
    n_samples, n_sets = (len(next(iter(each.values()), ())) for each in (plan.shares, plan.interactions))
    return _Sums(
        np.zeros((plan.n, *shape)),
        np.zeros((n_samples, plan.n, *shape[1:])),
        np.zeros((n_pairs, *shape)),
        np.zeros((n_sets, n_pairs, *shape[1:])),
    )
