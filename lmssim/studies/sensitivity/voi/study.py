"""A value-of-information analysis: everything from draws of a decision, as tidy tables.

`se` is the Monte-Carlo error. Values are per patient; `population` is the value times the discounted patients who get
what information favours, and blank where no population was described.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lmssim.economics.voi.draws import GROUP, PARAMETER, POSTERIOR
from lmssim.economics.voi.order import COLUMNS, ordered
from lmssim.economics.voi.partial import N_REPLICATES, gains, partial_information
from lmssim.economics.voi.perfect import implementation, perfect_information
from lmssim.economics.voi.ranking import ENOUGH, ranked, smallest_set
from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmssim.economics.voi.draws import ParameterSet
    from lmssim.economics.voi.order import Order
    from lmssim.economics.voi.partial import Gains, PartialInformation
    from lmssim.economics.voi.perfect import Perfect
    from lmssim.economics.voi.population import Population
    from lmssim.economics.voi.ranking import Rank, Step
    from lmssim.studies.sensitivity.voi.source import Source

DEFAULT_WTP = 30_000.0
TOP, STEPS, FEW_STEPS = 100_000.0, 50, 25
CURVES = 6
"""Sets whose value is followed over willingness to pay."""
CURVE_REPLICATES = 40
TABLES = ("evpi", "evppi", "evppi_by_wtp", "smallest_set", "order")


@dataclass(frozen=True)
class InformationStudy:
    """Value of information of a decision.

    Attributes
    ----------
    source : Source
        Draws, and what may be learnt.
    wtps : sequence of float
        Willingness to pay of the tables.
    population : Population, optional
        Who faces the decision.
    current : mapping of str to float
        Share of patients who get a strategy today; nothing if it is not known.
    seed : int
        Of the weights of rows that tell errors.
    progress : callable, optional
        Called with (regressions done, regressions in all).
    """

    source: Source
    wtps: Sequence[float]
    population: Population | None = None
    current: Mapping[str, float] = field(default_factory=dict)
    seed: int = 1
    progress: Callable[[int, int], None] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse a use of strategies that is not one."""
        for name in self.current:
            if name not in self.source.draws.strategies:
                raise InputError(unknown("strategy", name, self.source.draws.strategies, "--current"))
        total = sum(self.current.values())
        if self.current and (abs(total - 1.0) > 1e-6 or min(self.current.values()) < 0.0):
            raise InputError(f"--current: shares add up to {total:g}; they must be 0 or more and add up to 1.")

    @cached_property
    def curve_wtps(self) -> list[float]:
        """Willingness to pay of curves."""
        return self._wtps_up(STEPS)

    def _wtps_up(self, steps: int) -> list[float]:
        """Willingness to pay from 0 up, in so many steps, and that of the tables."""
        if self.source.is_net_benefit:
            return list(self.wtps)
        top = max(TOP, *self.wtps)
        return sorted({*(top * k / steps for k in range(steps + 1)), *self.wtps})

    @cached_property
    def patients(self) -> float:
        """Discounted patients who get what information favours; NaN if no population was described."""
        return float("nan") if self.population is None else self.population.patients()

    def gain(self, wtp: float, n_replicates: int = N_REPLICATES) -> Gains:
        """Gains over the strategy that is optimal now."""
        draws = self.source.draws
        return gains(draws.benefit(wtp), draws.rows, draws.acceptability.optimal(wtp), n_replicates, self.seed)

    def optimal(self, wtp: float) -> str:
        """Strategy that is optimal now."""
        return self.source.draws.strategies[self.source.draws.acceptability.optimal(wtp)]

    def perfect(self, wtp: float) -> Perfect:
        """Value of perfect information."""
        return perfect_information(self.source.draws, wtp)

    # === Perfect information ===

    @cached_property
    def evpi(self) -> pd.DataFrame:
        """Value of perfect information: wtp, optimal, evpi, se, patient_noise_bias, patients, population, ....

        `implementation` is the value of perfect implementation per patient, if today's use was given.
        """
        draws, rows = self.source.draws, []
        shares = np.array([self.current.get(name, 0.0) for name in draws.strategies])
        for wtp in self.curve_wtps:
            found = self.perfect(wtp)
            done = implementation(draws, wtp, shares) if self.current else (np.nan, np.nan)
            people = (self.patients, self.patients * found.evpi, self.patients * found.se)
            rows.append((wtp, self.optimal(wtp), *found, *people, *done))
        names = ["wtp", "optimal", "evpi", "se", "patient_noise_bias", "patients", "population", "population_se"]
        return pd.DataFrame(rows, columns=[*names, "implementation", "implementation_se"])

    # === Partial information ===

    @cached_property
    def found(self) -> dict[float, list[PartialInformation]]:
        """Value of each set by willingness to pay, in the order of the sets."""
        return {wtp: [each for each, _ in pairs] for wtp, pairs in self._pairs.items()}

    @cached_property
    def _pairs(self) -> dict[float, list[tuple[PartialInformation, float]]]:
        """Value of each set, and its estimate from half the draws."""
        total, done = len(self.wtps) * len(self.source.sets), 0
        draws, result = self.source.draws, {}
        half = draws.part(np.arange(0, draws.n_draws, 2))
        with threadpool_limits(limits=1):
            for wtp in self.wtps:
                gain = self.gain(wtp)
                benefit = half.benefit(wtp)
                less = gains(benefit, half.rows, int(benefit.mean(axis=0).argmax()), CURVE_REPLICATES, self.seed)
                pairs = []
                for each in self.source.sets:
                    value = partial_information(draws.columns(each.members), gain)
                    pairs.append((value, partial_information(half.columns(each.members), less).evppi))
                    done += 1
                    if self.progress is not None:
                        self.progress(done, total)
                result[wtp] = pairs
        return result

    @cached_property
    def evppi(self) -> pd.DataFrame:
        """Value of perfect information about each set, and what tells whether to believe it, most valuable first.

        wtp, name, label, kind, posterior, n_parameters, evppi, se, share (of EVPI), population, population_se, rank,
        rank_low, rank_high, leading (probability of being among the first five; ranks are among single parameters, or
        among groups and posteriors), bias (taken out), policy, policy_se, r2, residual_t, half (from half the draws),
        terms, n_terms.
        """
        rows = []
        for wtp in self.wtps:
            perfect = self.perfect(wtp).evpi
            places = self._ranks(wtp)
            for k, (each, (value, half)) in enumerate(zip(self.source.sets, self._pairs[wtp], strict=True)):
                share = value.evppi / perfect if perfect > 0.0 else np.nan
                people = (self.patients * value.evppi, self.patients * value.se)
                checks = (value.bias, value.policy, value.policy_se, value.r2, value.residual_t, half)
                who = (each.name, each.label, each.kind, each.posterior, len(each.members))
                rows.append(
                    (wtp, *who, value.evppi, value.se, share, *people, *places[k], *checks, value.terms, value.n_terms)
                )
        names = ["wtp", "name", "label", "kind", "posterior", "n_parameters", "evppi", "se", "share"]
        names += ["population", "population_se", "rank", "rank_low", "rank_high", "leading", "bias"]
        names += ["policy", "policy_se", "r2", "residual_t", "half", "terms", "n_terms"]
        frame = pd.DataFrame(rows, columns=names)
        return frame.sort_values(["wtp", "evppi"], ascending=[True, False], kind="stable", ignore_index=True)

    def _ranks(self, wtp: float) -> dict[int, Rank]:
        """Rank of each set among its like: single parameters, or groups and posteriors."""
        places: dict[int, Rank] = {}
        for single in (True, False):
            index = [k for k, each in enumerate(self.source.sets) if (each.kind == PARAMETER) == single]
            if index:
                places |= dict(zip(index, ranked([self.found[wtp][k] for k in index]), strict=True))
        return places

    @cached_property
    def evppi_by_wtp(self) -> pd.DataFrame:
        """Value of the leading sets over willingness to pay: wtp, name, evppi, se."""
        rows = []
        with threadpool_limits(limits=1):
            for wtp in self._wtps_up(FEW_STEPS):
                gain = self.gain(wtp, CURVE_REPLICATES)
                for each in self.leading():
                    value = partial_information(self.source.draws.columns(each.members), gain)
                    rows.append((wtp, each.name, value.evppi, value.se))
        return pd.DataFrame(rows, columns=["wtp", "name", "evppi", "se"])

    def leading(self) -> list[ParameterSet]:
        """Sets of the greatest value at any willingness to pay of the tables."""
        most = np.max([[each.evppi for each in self.found[wtp]] for wtp in self.wtps], axis=0)
        return [self.source.sets[k] for k in np.argsort(-most, kind="stable")[:CURVES]]

    @cached_property
    def steps(self) -> dict[float, list[Step]]:
        """Steps towards a small set, by willingness to pay; a posterior is learnt as one."""
        result = {}
        apart = [k for k, each in enumerate(self.source.sets) if not each.posterior and each.kind != GROUP]
        with threadpool_limits(limits=1):
            for wtp in self.wtps:
                sets = [self.source.sets[k] for k in apart]
                values = [self.found[wtp][k].evppi for k in apart]
                result[wtp] = list(
                    smallest_set(self.source.draws, self.gain(wtp), sets, values, self.perfect(wtp).evpi)
                )
        return result

    @cached_property
    def smallest_set(self) -> pd.DataFrame:
        """Sets joined one by one until they hold 90% of EVPI: wtp, step, added, label, evppi (together), se, share."""
        rows = []
        for wtp, steps in self.steps.items():
            perfect = self.perfect(wtp).evpi
            for k, (each, value) in enumerate(steps, 1):
                share = value.evppi / perfect if perfect > 0.0 else np.nan
                rows.append((wtp, k, each.name, each.label, value.evppi, value.se, share, share >= ENOUGH))
        return pd.DataFrame(rows, columns=["wtp", "step", "added", "label", "evppi", "se", "share", "holds_90_percent"])

    @cached_property
    def order(self) -> pd.DataFrame:
        """Whether values are in the order that theory gives: wtp, greater, lesser, difference, se, holds.

        EVPI is at least every EVPPI, and that of a posterior or group at least that of each of its members; estimates
        may break this by chance. `holds` is no where the difference is more than 3 errors below 0.
        """
        rows = [row for wtp in self.wtps for row in self._orders(wtp)]
        return pd.DataFrame(rows, columns=COLUMNS)

    def _orders(self, wtp: float) -> Iterator[Order]:
        perfect, chance = self.perfect(wtp).evpi, self.gain(wtp).perfect
        values = dict(zip((each.name for each in self.source.sets), self.found[wtp], strict=True))
        for name, value in values.items():
            yield ordered(wtp, "EVPI", name, perfect - value.evppi, chance, value.replicates)
        for each in self.source.sets:
            if each.kind in (GROUP, POSTERIOR):
                whole = values[each.name]
                for member in each.members:
                    if member in values:
                        part = values[member]
                        difference = whole.evppi - part.evppi
                        yield ordered(wtp, each.name, member, difference, whole.replicates, part.replicates)

    def to_frame(self) -> pd.DataFrame:
        """Value of perfect information about each set."""
        return self.evppi


def asked_wtps(source: Source, wtps: Sequence[float] = ()) -> list[float]:
    """Willingness to pay of the tables: what is asked for, or the source's own, or 30,000."""
    if source.is_net_benefit and wtps:
        raise InputError("--wtp: the tables hold net benefits, of which willingness to pay is a part: leave it out.")
    return sorted(set(wtps)) or list(source.wtps) or [DEFAULT_WTP]
