"""Proposed studies of an analysis: what they are worth, by size and willingness to pay, and the best size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.order import COLUMNS, ordered
from lmssim.economics.voi.partial import value_of_fit
from lmssim.economics.voi.ridge import best_fit
from lmssim.economics.voi.sampling import optimum, sample_information
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.voi.order import Order
    from lmssim.economics.voi.partial import PartialInformation
    from lmssim.economics.voi.sampling import Optimum, SampleInformation
    from lmssim.studies.sensitivity.voi.proposal import Proposal
    from lmssim.studies.sensitivity.voi.study import InformationStudy

TABLES = ("evsi", "enbs")


@dataclass(frozen=True)
class Samples:
    """Values of proposed studies.

    Attributes
    ----------
    study : InformationStudy
        The analysis.
    proposals : sequence of Proposal
        The studies.
    """

    study: InformationStudy
    proposals: Sequence[Proposal]

    @cached_property
    def found(self) -> dict[tuple[str, float], tuple[PartialInformation, SampleInformation]]:
        """Value of perfect information about what a proposal's data depend on, and of the proposal, by size."""
        values, result = self.study.source.values, {}  # noqa: PD011  # a mapping
        with threadpool_limits(limits=1):
            for proposal in self.proposals:
                evidence = proposal.evidence(values)
                depends = [values[name] for name in proposal.names() if np.ptp(values[name]) > 0.0]
                if not depends:
                    raise InputError(f"{proposal.where}: data depend on no uncertain parameter: they tell nothing.")
                for wtp in self.study.wtps:
                    gain = self.study.gain(wtp)
                    fit = best_fit(bases(np.column_stack(depends)), gain.values, gain.weights, gain.folds)
                    sample = sample_information(evidence, proposal.sizes, gain, fit.fitted, self.study.seed)
                    result[proposal.name, wtp] = value_of_fit(fit, gain), sample
        return result

    @cached_property
    def evsi(self) -> pd.DataFrame:
        """Value per patient by size: study, wtp, size, years, evsi, se, moment_matching, policy, policy_se, r2, ....

        `evppi` is perfect information about the same parameters, which no size can exceed.
        """
        rows = []
        for proposal, wtp, perfect, sample in self._each():
            for size, value, matched in zip(sample.sizes, sample.found, sample.matched.tolist(), strict=True):
                checks = (value.policy, value.policy_se, value.r2, perfect.evppi, perfect.se, value.terms)
                years = proposal.years(size)
                rows.append((proposal.name, wtp, size, years, value.evppi, value.se, matched, *checks))
        names = ["study", "wtp", "size", "years", "evsi", "se", "moment_matching"]
        return pd.DataFrame(rows, columns=[*names, "policy", "policy_se", "r2", "evppi", "evppi_se", "terms"])

    @cached_property
    def enbs(self) -> pd.DataFrame:
        """Expected net benefit of sampling in the population: study, wtp, size, patients, population, cost, enbs, se.

        `best` is yes for the size of the greatest, which may lie between those of the file; `low` and `high` hold the
        95% interval of that size. Nothing without a population.
        """
        rows: list[tuple[Any, ...]] = []
        for proposal, wtp, _, sample in self._each():
            best = self.best(proposal, wtp)
            if best is None:
                continue
            for size, value in zip(sample.sizes, sample.found, strict=True):
                people, cost = self.patients(proposal, size), self.cost(proposal, size)
                worth = people * value.evppi
                net = (worth, cost, worth - cost, people * value.se)
                rows.append((proposal.name, wtp, size, people, *net, "no", None, None))
            people, cost = self.patients(proposal, best.size), self.cost(proposal, best.size)
            net = (best.enbs + cost, cost, best.enbs, best.se)
            rows.append((proposal.name, wtp, best.size, people, *net, "yes", best.low, best.high))
        names = ["study", "wtp", "size", "patients", "population", "cost", "enbs", "se", "best", "low", "high"]
        return pd.DataFrame(rows, columns=names).astype({"low": "Int64", "high": "Int64"})

    def best(self, proposal: Proposal, wtp: float) -> Optimum | None:
        """The best size of a proposal; none without a population."""
        if self.study.population is None:
            return None
        sample = self.found[proposal.name, wtp][1]
        return optimum(sample, lambda n: self.patients(proposal, n), lambda n: self.cost(proposal, n))

    def patients(self, proposal: Proposal, size: float) -> float:
        """Discounted patients who profit from a study of a size: those who come after its result."""
        assert self.study.population is not None
        return self.study.population.later(proposal.years(size)).patients()

    def cost(self, proposal: Proposal, size: float) -> float:
        """Discounted cost of a study."""
        assert self.study.population is not None
        return proposal.cost(size, self.study.population.discount_rate)

    def _each(self) -> Iterator[tuple[Proposal, float, PartialInformation, SampleInformation]]:
        for proposal in self.proposals:
            for wtp in self.study.wtps:
                yield proposal, wtp, *self.found[proposal.name, wtp]

    @cached_property
    def order(self) -> pd.DataFrame:
        """Whether EVPPI of what the data depend on is at least EVSI of each size; as `InformationStudy.order`."""
        return pd.DataFrame(list(self._orders()), columns=COLUMNS)

    @property
    def order_of_all(self) -> pd.DataFrame:
        """The same with the analysis' own order before it."""
        return pd.concat([self.study.order, self.order], ignore_index=True) if self.proposals else self.study.order

    def _orders(self) -> Iterator[Order]:
        for proposal, wtp, perfect, sample in self._each():
            for size, value in zip(sample.sizes, sample.found, strict=True):
                difference = perfect.evppi - value.evppi
                greater, lesser = f"EVPPI of {proposal.name}", f"EVSI of {proposal.name}, {size} patients"
                yield ordered(wtp, greater, lesser, difference, perfect.replicates, value.replicates)
