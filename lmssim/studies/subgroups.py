"""Results by subgroup of the patients, and what it is worth to choose the strategy subgroup by subgroup.

Each subgroup is evaluated as a population of its own: its means and increments are, bit for bit, those of a run of the
patients who meet its rule.

References
----------
Basu A, Meltzer D. Value of information on preference heterogeneity and individualized care. Med Decis Making
27:112-127, 2007. doi:10.1177/0272989X06297393
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import InputError
from lmssim.execution.estimates import Means
from lmssim.execution.partitions import HALVES, partition_rules, told_apart, without_empty
from lmssim.execution.simulate import CHUNK, COHORT
from lmssim.kernels import layout
from lmssim.outcomes.endpoint import EndpointCounts
from lmssim.outcomes.expectation import SubgroupExpectation, over_draws_of
from lmssim.outcomes.tables import SUMMARY, Results, outcome_summary, with_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from lmssim.evaluation import Evaluation
    from lmssim.execution.estimates import SubgroupEstimates
    from lmssim.execution.partitions import Rules
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

NET_BENEFIT = "nmb"
WHO = ["partition", "subgroup", "n", "share"]
"""First columns of the tables."""
CARE = ["partition", "wtp", "currency", "best_for_all", "best_by_subgroup", "value", "se", "low", "high"]


@dataclass(frozen=True)
class Subgroup:
    """One subgroup as a population of its own.

    Attributes
    ----------
    partition, label : str
        Their names.
    rule : str
        Which patients are in it.
    n : float
        Patients, in all draws; of an exact solution, NaN.
    share : float
        Of all patients.
    evaluation : Evaluation
        Its results, but for counts.
    shares : DataFrame
        Endpoints at the named times: columns of a summary.
    """

    partition: str
    label: str
    rule: str
    n: float
    share: float
    evaluation: Evaluation
    shares: pd.DataFrame


@dataclass(frozen=True)
class Care:
    """What choosing strategies by subgroup is worth at a willingness to pay, per patient.

    Attributes
    ----------
    wtp : float
        Willingness to pay for a QALY.
    best : str
        The best strategy for all patients.
    by_subgroup : list of str
        The best strategy in each subgroup.
    value : Estimate
        Gain in net monetary benefit over the one best strategy.
    """

    wtp: float
    best: str
    by_subgroup: list[str]
    value: Estimate


@dataclass(frozen=True)
class SubgroupStudy:
    """Results by subgroup of each partition.

    Attributes
    ----------
    evaluation : Evaluation
        Of all patients; it holds the estimates of the partitions.
    """

    evaluation: Evaluation

    @property
    def partitions(self) -> list[str]:
        """Names of the partitions."""
        return list(self.evaluation.estimates.partitions)

    @cached_property
    def subgroups(self) -> dict[str, list[Subgroup]]:
        """Subgroups of each partition."""
        return {name: list(self._of(name)) for name in self.partitions}

    def _of(self, name: str) -> Iterator[Subgroup]:
        found = self.evaluation.estimates.partitions[name]
        members = np.asarray(found.counts.members, dtype=np.float64).sum(axis=0)
        exact = not self.evaluation.estimates.individual
        for g, (label, rule) in enumerate(self.evaluation.sampling.partitions[name].items()):
            own = self._evaluated(found, g)
            share = float(members[g] / members.sum())
            n = float("nan") if exact else float(members[g])
            yield Subgroup(name, label, rule, n, share, own, self._shares(found, g))

    def _evaluated(self, found: SubgroupEstimates, g: int, every: slice = slice(None)) -> Evaluation:
        """A subgroup's estimates in the place of everybody's."""
        whole = self.evaluation.estimates
        own = one_of(found, g, every)
        parts = {name: getattr(own, name) for name in ("n", "mean", "square", "product", "state")}
        if isinstance(found, SubgroupExpectation):
            unknown = np.full(1, np.nan)
            parts |= {"members": np.asarray(found.n)[every, g], "within": unknown, "pairs": unknown}
        return replace(self.evaluation, estimates=replace(whole, **parts, partitions={}, halves={}), controlled=None)

    def _shares(self, found: SubgroupEstimates, g: int) -> pd.DataFrame:
        """Survival, or incidence, at the named times in a subgroup; errors of exact solutions are not known."""
        program, exact = self.evaluation.program, not self.evaluation.estimates.individual
        counts = found.counts.counts.endpoint[:, g].sum(axis=0)
        known = found.shares.error[g] if isinstance(found, SubgroupExpectation) else None
        per_year, stepped = float(program.packed.f[layout.F_STEPS_PER_YEAR]), program.scenario.file.cycles is not None
        rows = []
        for s, strategy in enumerate(self.evaluation.strategies):
            for e, (name, spec) in enumerate(program.scenario.file.endpoints.items()):
                each = EndpointCounts(counts[s, e], per_year, None, stepped)
                value = each.survival() if spec.kind == "survival" else each.incidence()
                error = np.full(len(value), np.nan) if exact else each.standard_error(value)
                for t, time in enumerate(program.scenario.file.settings.times):
                    k = each.at(time)
                    se = float(error[k] if known is None else known[s, e, t])
                    rows.append((strategy, f"{name}:{time:g}y", "probability", float(value[k]), se))
        return with_interval(pd.DataFrame(rows, columns=SUMMARY))

    # --- tables ---

    def every(self) -> Iterator[Subgroup]:
        """All subgroups, partition by partition."""
        for subgroups in self.subgroups.values():
            yield from subgroups

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Every outcome by subgroup and strategy: means, net benefits, endpoints at the named times."""
        return _joined(self.every(), lambda each: pd.concat([_outcomes(each.evaluation), each.shares]))

    @cached_property
    def incremental(self) -> pd.DataFrame:
        """Paired increments over the comparator by subgroup, as a run's own table."""
        return _joined(self.every(), lambda each: each.evaluation.incremental)

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """Incremental analysis of each subgroup."""
        return _joined(self.every(), lambda each: each.evaluation.frontier)

    @cached_property
    def individualised_care(self) -> pd.DataFrame:
        """What choosing by subgroup is worth, by partition and willingness to pay; per patient."""
        rows = []
        currency = self.evaluation.scenario.file.settings.currency
        for name in self.partitions:
            labels = [each.label for each in self.subgroups[name]]
            for care in self.care(name):
                chosen = "; ".join(f"{label}: {s}" for label, s in zip(labels, care.by_subgroup, strict=True))
                rows.append((name, care.wtp, currency, care.best, chosen, *care.value))
        frame = pd.DataFrame(rows, columns=CARE[:7]).rename(columns={"value": "mean"}).assign(unit=currency)
        return with_interval(frame).rename(columns={"mean": "value"})[CARE]

    def to_frame(self) -> pd.DataFrame:
        """The outcomes."""
        return self.outcomes

    # --- individualised care ---

    def care(self, name: str) -> list[Care]:
        """What choosing by the subgroups of a partition is worth, at each willingness to pay.

        Notes
        -----
        Strategies are chosen in one half of the patients, for all and by subgroup, and valued in the other half; then
        the halves change places, and the two values are averaged. A strategy that is best by chance in the half where
        it is chosen is not so in the other, so that the value carries no winner's curse; it is too low by what a choice
        from half of the patients loses. The error holds the distance of the two values too, as the choices depend on
        the half. Where the best strategy of all patients is that of every subgroup, the value is 0. Of an expectation
        over parameter draws the halves are every other draw, with its patients.
        """
        return [self._care(name, wtp) for wtp in self.evaluation.scenario.file.settings.wtp]

    def _care(self, name: str, wtp: float) -> Care:
        own = [each.evaluation for each in self.subgroups[name]]
        shares = np.array([each.share for each in self.subgroups[name]])
        best = self.evaluation.best_first(wtp)[0]
        by_subgroup = _best_of_each(own, best, wtp)
        halves = self._halves(name)
        if not halves:
            return Care(wtp, best, by_subgroup, _gain(own, shares, best, by_subgroup, wtp))
        values = []
        for (chosen_in, weights), (valued_in, shares_there) in (halves, halves[::-1]):
            for_all = _best_of_all(chosen_in, weights, wtp)
            values.append(_gain(valued_in, shares_there, for_all, _best_of_each(chosen_in, for_all, wtp), wtp))
        if set(by_subgroup) == {best}:
            return Care(wtp, best, by_subgroup, Estimate(0.0, 0.0))  # the same choice everywhere is worth nothing more
        mean, given = np.mean([value.mean for value in values]), np.hypot(values[0].se, values[1].se) / HALVES
        apart = (values[0].mean - values[1].mean) / HALVES  # what choices in other patients change
        return Care(wtp, best, by_subgroup, Estimate(float(mean), float(np.hypot(given, apart))))

    def _halves(self, name: str) -> list[tuple[list[Evaluation], FloatArray]]:
        """Evaluations and shares of the subgroups in each half; none of an exact solution."""
        if self.evaluation.is_expectation:
            return self._halves_of_draws(name)
        found = self.evaluation.estimates.halves.get(name)
        if found is None:
            return []
        n, halves = len(self.subgroups[name]), []
        members = np.asarray(found.n, dtype=np.float64).sum(axis=0)
        for half in range(HALVES):
            of = range(half * n, (half + 1) * n)
            halves.append(([self._evaluated(found, g) for g in of], members[list(of)] / members[list(of)].sum()))
        return halves

    def _halves_of_draws(self, name: str) -> list[tuple[list[Evaluation], FloatArray]]:
        """The same in every other draw."""
        found, halves = self.evaluation.estimates.partitions[name], []
        for half in range(HALVES):
            every = slice(half, None, HALVES)
            members = np.asarray(found.n, dtype=np.float64)[every].sum(axis=0)
            own = [self._evaluated(found, g, every) for g in range(len(self.subgroups[name]))]
            halves.append((own, members / members.sum()))
        return halves


def one_of(found: SubgroupEstimates, g: int, every: slice = slice(None)) -> Means:
    """Means of one subgroup, of which draws with patients of their own are made one: they are its units.

    Parameters
    ----------
    every : slice
        Which of the draws, if each has its own patients.
    """
    if isinstance(found, SubgroupExpectation):
        of = over_draws_of(np.asarray(found.n)[every, g], found.mean[every, g])
        return replace(of, state=found.state[:, g])
    n = int(np.asarray(found.n)[0, g])
    parts = {name: getattr(found, name)[:, g] for name in ("mean", "square", "product", "state")}
    return Means(n=n, **parts)


def _best_of_all(own: Sequence[Evaluation], shares: FloatArray, wtp: float) -> str:
    """The best strategy for all patients of some subgroups."""
    choices = own[0].choices
    benefits = np.array([[each.net_benefit(s, wtp).mean for s in choices] for each in own])
    known = np.where(np.isfinite(benefits), benefits, 0.0)
    return choices[int(np.argmax((shares[:, None] * known).sum(axis=0)))]


def _best_of_each(own: Sequence[Evaluation], for_all: str, wtp: float) -> list[str]:
    """The best strategy of each subgroup; that for all where it is tied with it, or nobody is in the subgroup."""
    found = []
    for each in own:
        best = each.best_first(wtp)[0] if np.isfinite(each.net_benefit(for_all, wtp).mean) else for_all
        found.append(for_all if best == for_all or each.are_tied(best, wtp, for_all) else best)
    return found


def _gain(own: Sequence[Evaluation], shares: FloatArray, best: str, by_subgroup: Sequence[str], wtp: float) -> Estimate:
    """What the choices by subgroup gain over the one for all, and its error given the choices."""
    mean = variance = 0.0
    for each, share, chosen in zip(own, shares, by_subgroup, strict=True):
        if chosen != best and share > 0.0:
            gain = each.incremental_net_benefit(chosen, wtp, best)
            mean, variance = mean + share * gain.mean, variance + (share * gain.se) ** 2
    return Estimate(float(mean), float(variance**0.5))


def _outcomes(evaluation: Evaluation) -> pd.DataFrame:
    """Means of outcomes, and net benefits."""
    results = Results(evaluation.program, evaluation.estimates, evaluation.strategies)
    settings = evaluation.scenario.file.settings
    rows = [
        (strategy, f"{NET_BENEFIT}:{wtp:g}", settings.currency, *evaluation.net_benefit(strategy, wtp))
        for strategy in evaluation.strategies
        for wtp in settings.wtp
    ]
    means = outcome_summary(results)
    return pd.concat([means, with_interval(pd.DataFrame(rows, columns=SUMMARY))]) if rows else means


def _joined(subgroups: Iterable[Subgroup], table: Callable[[Subgroup], pd.DataFrame]) -> pd.DataFrame:
    """A table of each subgroup, under one another."""
    parts = []
    for each in subgroups:
        frame = table(each)
        who = pd.DataFrame([(each.partition, each.label, each.n, each.share)] * len(frame), columns=WHO)
        parts.append(pd.concat([who, frame.reset_index(drop=True)], axis=1))
    return pd.concat(parts, ignore_index=True)


# === Asking for them ===


def with_partitions(program: Program, sampling: Sampling, by: Sequence[str]) -> Sampling:
    """Sampling that keeps the sums of some partitions apart, without subgroups that nobody can be in.

    Parameters
    ----------
    by : sequence of str
        Partitions as they are written, such as ``grade`` or ``size_cm: 5, 10``.

    Raises
    ------
    InputError
        If a partition cannot be read, stands twice, or has a subgroup of nobody.
    """
    rules = partitions_of(program.scenario, by)
    if not rules:
        return sampling
    shares, who = shares_of(program, sampling, rules)
    return replace(sampling, partitions=without_empty(rules, shares, who))


def shares_of(
    program: Program, sampling: Sampling, partitions: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, FloatArray], str]:
    """Share of each subgroup among those who are followed, and who these are in words."""
    told = told_apart(program, sampling.where, partitions)
    sums = {name: np.zeros(len(partition.labels)) for name, partition in told.partitions.items()}
    if sampling.engine == COHORT:
        profiles = choose_profiles(program, sampling.profiles, sampling.seed)
        blocks, who = iter([(profiles.x, profiles.weights)]), f"{len(profiles.x):,} profiles"
    else:
        sizes = ((first, min(CHUNK, sampling.n_patients - first)) for first in range(0, sampling.n_patients, CHUNK))
        blocks = ((program.patients(first, n, sampling.seed), np.ones(n)) for first, n in sizes)
        who = f"{sampling.n_patients:,} patients"
    for x, weights in blocks:
        met = told.met(x)
        followed = weights if met is None else weights * met
        for name, partition in told.partitions.items():
            sums[name] += np.bincount(partition.of(x), weights=followed, minlength=len(partition.labels))
    return {name: own / max(own.sum(), 1e-300) for name, own in sums.items()}, who


def partitions_of(scenario: Scenario, by: Sequence[str]) -> dict[str, Rules]:
    """Rules of each partition by its name."""
    found: dict[str, Rules] = {}
    for text in by:
        name = " ".join(text.split())
        if name in found:
            raise InputError(f"--by {name}: is given twice.")
        found[name] = partition_rules(scenario, name)
    return found
