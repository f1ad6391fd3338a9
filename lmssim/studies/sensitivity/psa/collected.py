"""Draws collected: the main outcomes of each, what patients put them off by, and everything else on disk.

Sums over draws are carried draw by draw, in order, so that no bit depends on how the draws were parted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.acceptability import Acceptability
from lmssim.economics.nesting import Credible, summarised, without_noise
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.outcomes.main import COST as COST_ID
from lmssim.outcomes.main import MAIN, UNDISCOUNTED, cost_positions
from lmssim.studies.sensitivity.psa.spool import writing_draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lmssim.execution.checkpoint import Part
    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.averaging import Had
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.psa.work import Work


@dataclass(frozen=True)
class Chance:
    """What patients put the draws' means of some outcomes off by.

    Attributes
    ----------
    noise : ndarray(float)
        Covariance of what differs between draws: it is taken out of the variance between them.
    shared : ndarray(float)
        Covariance of what all draws have in common, where they share their patients.
    """

    noise: FloatArray
    shared: FloatArray


@dataclass(frozen=True)
class Collected:
    """Results of all draws.

    Attributes
    ----------
    main : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_main): means of the main outcomes.
    chance : list of Chance
        Of each main outcome, (n_strategies, n_strategies).
    pair : Chance
        Of costs, then QALYs, together, (2 n_strategies, 2 n_strategies).
    spread : dict of str to ndarray(float, ndim=1)
        By further outcome: variance by patients of a draw's mean, averaged over draws, (n_strategies,).
    bound : ndarray(float, ndim=2)
        (n_strategies, n_main): how far means may be off other than by chance.
    fresh : bool
        Whether each draw has patients of its own, so that all of `spread` differs between draws.
    """

    main: FloatArray
    chance: list[Chance]
    pair: Chance
    spread: dict[str, FloatArray]
    bound: FloatArray
    fresh: bool

    @cached_property
    def both(self) -> FloatArray:
        """Costs, then QALYs, of the strategies, (n_draws, 2 n_strategies)."""
        return np.concatenate([self.main[:, :, COST], self.main[:, :, QALY]], axis=1)

    @cached_property
    def expected(self) -> FloatArray:
        """The same without the noise of patients."""
        return without_noise(self.both, self.pair.noise)

    def acceptability(self, strategies: Sequence[int]) -> Acceptability:
        """Draws of costs and QALYs of some strategies, by position."""
        n = self.main.shape[1]
        both = [*strategies, *(n + k for k in strategies)]
        main, noise = self.main[:, strategies], self.pair.noise[np.ix_(both, both)]
        return Acceptability(main[:, :, COST], main[:, :, QALY], noise if noise.any() else None)

    def of(self, some: Had) -> Collected:
        """Some of the draws, (n_draws,)."""
        return replace(self, main=self.main[some])

    def outcome(self, k: int, s: int, c: int | None = None) -> Credible:
        """A main outcome of strategy `s`, or its increment over strategy `c`."""
        weights = self._weights(s, c)
        noise, shared = (float(weights @ part @ weights) for part in (self.chance[k].noise, self.chance[k].shared))
        return summarised(self.main[:, :, k] @ weights, noise, shared, self._bound(k, s, c))

    def net_benefit(self, wtp: float, s: int, c: int | None = None) -> Credible:
        """Net monetary benefit of strategy `s`, or its increment over strategy `c`."""
        weights = self._weights(s, c)
        both = np.concatenate([-weights, wtp * weights])
        shared = float(both @ self.pair.shared @ both)
        bound = self._bound(COST, s, c) + wtp * self._bound(QALY, s, c)
        noise = float(both @ self.pair.noise @ both)
        found = summarised(self.both @ both, noise, shared, bound)
        low, high = np.quantile(self.expected @ both, (0.025, 0.975))
        return found._replace(low=float(low), high=float(high))

    def further(self, name: str, values: FloatArray) -> list[Credible]:
        """Another outcome of each strategy, given its values, (n_draws, n_strategies).

        Of shared patients it is not known how much of their noise the draws have in common: all of it is counted to the
        error of the mean, and none is taken out of the interval.
        """
        spread = self.spread[name].tolist()
        apart = [(each, 0.0) if self.fresh else (0.0, each) for each in spread]
        return [summarised(values[:, s], *each) for s, each in enumerate(apart)]

    def ratio_error(self, s: int, c: int, effect: int) -> float:
        """Monte-Carlo error of the cost of a unit of an effect gained by strategy `s` over `c`, by the delta method."""
        weights = self._weights(s, c)
        cost, gain = self.main[:, :, COST] @ weights, self.main[:, :, effect] @ weights
        if gain.mean() == 0.0:
            return float("nan")
        ratio = cost.mean() / gain.mean()
        shared = 0.0
        if effect == QALY:
            both = np.concatenate([weights, -ratio * weights])
            shared = float(both @ self.pair.shared @ both)
        bound = self._bound(COST, s, c) + abs(ratio) * self._bound(effect, s, c)
        return summarised(cost - ratio * gain, 0.0, shared, bound).se / abs(float(gain.mean()))

    def _weights(self, s: int, c: int | None) -> FloatArray:
        weights = np.zeros(self.main.shape[1])
        weights[s] += 1.0
        if c is not None:
            weights[c] -= 1.0
        return weights

    def _bound(self, k: int, s: int, c: int | None) -> float:
        if s == c:
            return 0.0
        return float(self.bound[s, k] + (0.0 if c is None else self.bound[c, k]))


class _Sum:
    """A sum carried draw by draw."""

    def __init__(self) -> None:
        self.total: FloatArray | None = None
        self.n = 0

    def add(self, values: FloatArray) -> None:
        """Add draws, leading axis."""
        for value in values:
            self.total = value.copy() if self.total is None else self.total + value
            self.n += 1

    @property
    def mean(self) -> FloatArray:
        """Over draws."""
        assert self.total is not None
        mean: FloatArray = self.total / self.n
        return mean


def further_columns(program: Program) -> list[tuple[str, str, int]]:
    """Name, unit and position of each outcome beside the main ones: costs by category, and further sums."""
    currency = program.scenario.file.settings.currency
    n_paid, n_all = len(program.categories), program.n_categories
    found = []
    for name, positions in zip((COST_ID, COST_ID + UNDISCOUNTED), cost_positions(0, n_paid, n_all), strict=True):
        found += [(f"{name}:{c}", currency, k) for c, k in zip(program.categories, positions, strict=True)]
    discounted, plain = cost_positions(n_paid, n_all, n_all)
    for (name, unit), k, k_plain in zip(program.rows.rewards.further, discounted, plain, strict=True):
        kind, _, what = name.partition(":")
        found += [(name, unit or currency, k_plain), (f"{kind}_discounted:{what}", unit or currency, k)]
    return found


def share_name(endpoint: str, time: float) -> str:
    """Name of survival or incidence at a time."""
    return f"{endpoint}:{time:g}y"


def collect(work: Work, parts: Iterable[Part], path: Path) -> Collected:
    """Collect parts, and write what each draw gave to a file.

    Parameters
    ----------
    path : Path
        Parquet file: a row a draw and strategy, a column an outcome.
    """
    further = further_columns(work.program)
    shares = [(share_name(e, t), i, j) for i, e in enumerate(work.program.endpoints) for j, t in enumerate(work.times)]
    names = [*MAIN, *(name for name, _, _ in further), *(name for name, _, _ in shares)]
    sums = {name: _Sum() for name in ("covariance", "variance", "spread", "sets", "sizes")}
    main: list[FloatArray] = []
    bound = np.zeros(0)
    first = 0
    with writing_draws(path, work.strategies, names) as write:
        for part in parts:
            arrays = part.arrays
            for name, total in sums.items():
                if name in arrays:
                    total.add(arrays[name])
            main.append(arrays["mean"][:, :, :N_MAIN])
            most = arrays["bound"][:, :, :N_MAIN].max(axis=0)
            bound = np.maximum(bound, most) if bound.size else most
            values = {name: arrays["mean"][:, :, outcome.position] for name, outcome in MAIN.items()}
            values |= {name: arrays["mean"][:, :, k] for name, _, k in further}
            values |= {name: arrays["share"][:, :, e, t] for name, e, t in shares}
            write(first, values)
            first += len(arrays["mean"])
    variance, spread = sums["variance"].mean, sums["spread"].mean
    noise = {name: variance[:, k] for name, _, k in further} | {name: spread[:, e, t] for name, e, t in shares}
    chance, pair = _chance(work, sums, first)
    fresh = not (work.exact or work.shares_patients)
    return Collected(np.concatenate(main), chance, pair, noise, bound, fresh)


def _chance(work: Work, sums: dict[str, _Sum], n_draws: int) -> tuple[list[Chance], Chance]:
    """What patients put off, by the way in which draws and patients meet.

    Notes
    -----
    Within a draw, patients give its means a covariance W. If each draw has its own, all of W differs between draws. If
    draws share their patients, sets of these tell the covariance B of the mean over draws; W - B is then what patients
    and parameters do together, less its average over draws, and n / (n - 1) times it differs between draws. Profiles of
    an exact solution are shared, and what they and parameters do together is taken for none.
    """
    within = sums["covariance"].mean
    joined = _joined(within[COST], within[QALY], within[N_MAIN])
    zero = np.zeros_like(within[0]), np.zeros_like(joined)
    if work.exact:
        return [Chance(zero[0], within[k]) for k in range(N_MAIN)], Chance(zero[1], joined)
    if not work.shares_patients:
        return [Chance(within[k], zero[0]) for k in range(N_MAIN)], Chance(joined, zero[1])
    sets, sizes = sums["sets"].mean, sums["sizes"].mean
    pair = np.concatenate([sets[:, :, COST], sets[:, :, QALY]], axis=1)
    by_outcome = [_apart(within[k], _between_sets(sets[:, :, k], sizes), n_draws) for k in range(N_MAIN)]
    return by_outcome, _apart(joined, _between_sets(pair, sizes), n_draws)


def _apart(within: FloatArray, between: FloatArray, n_draws: int) -> Chance:
    together = (within - between) * (n_draws / (n_draws - 1.0))
    return Chance(together, between - together / n_draws)


def _between_sets(means: FloatArray, sizes: FloatArray) -> FloatArray:
    """Covariance of the mean over patients, from sets of them, (n_sets, n) with their sizes."""
    beyond = means - (sizes[:, None] * means).sum(axis=0) / sizes.sum()
    covariance: FloatArray = np.einsum("g,gi,gj->ij", sizes, beyond, beyond) / ((len(sizes) - 1) * sizes.sum())
    return covariance


def _joined(cost: FloatArray, qaly: FloatArray, qaly_with_cost: FloatArray) -> FloatArray:
    """Covariance of costs, then QALYs."""
    return np.block([[cost, qaly_with_cost.T], [qaly_with_cost, qaly]])
