"""Partitions of the patients into subgroups, by the values of covariates, by cuts of them, or by both crossed.

A partition is written as ``grade``, ``size_cm: 0, 5, 10`` or ``grade*deep``; each of its subgroups has a rule on
covariates, so that a run of those who meet the rule is a run of the subgroup.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, unknown
from lmssim.execution.subgroups import Subgroups, baseline_rule, meets, subgroups_of
from lmssim.model.population.joint import RowPopulation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.execution.subgroups import Grouping, Met
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.language.expression import Node
    from lmssim.model.population.joint import Covariate
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

MOST_VALUES = 20
"""Values of a covariate that is not cut."""
MOST_GROUPS = 100
"""Subgroups of a partition."""
HALVES = 2
"""Patients are parted by turns, so that what is chosen in one half is valued in the other."""

Rules = dict[str, str]
"""Label of each subgroup to its rule."""


def partition_rules(scenario: Scenario, text: str, place: str = "--by") -> Rules:
    """Subgroups of a partition as it is written.

    Raises
    ------
    InputError
        If a covariate is unknown, is set during life or has too many values, or a cut is no number above the one
        before it.
    """
    terms = [_term(scenario, part, f"{place} {text}") for part in text.split("*")]
    rules = {", ".join(labels): " and ".join(rules) for labels, rules in _crossed(terms)}
    if len(rules) > MOST_GROUPS:
        raise InputError(f"{place} {text}: {len(rules)} subgroups are too many; at most {MOST_GROUPS} are allowed.")
    return rules


def _crossed(terms: Sequence[Rules]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Labels and rules of each combination of the terms' subgroups."""
    several = len(terms) > 1
    combined = product(*(term.items() for term in terms))
    return [
        (tuple(label for label, _ in each), tuple(f"({rule})" if several else rule for _, rule in each))
        for each in combined
    ]


def _term(scenario: Scenario, text: str, place: str) -> Rules:
    """Subgroups by one covariate."""
    name, colon, cuts = (part.strip() for part in text.partition(":"))
    covariate = _covariate(scenario, name, place)
    return _by_cuts(name, cuts, covariate, place) if colon else _by_value(scenario, covariate, place)


def _covariate(scenario: Scenario, name: str, place: str) -> Covariate:
    known = {covariate.name: covariate for covariate in scenario.patients.covariates}
    if name in known:
        return known[name]
    if name in _set_during_life(scenario):
        raise InputError(
            f"{place}: '{name}' is set during life and depends on treatment, so that strategies would not be compared "
            f"in the same patients; subgroups are told apart by what is known at time zero: {', '.join(known)}."
        )
    raise InputError(unknown("covariate", name, known, place))


def _set_during_life(scenario: Scenario) -> set[str]:
    """Names of attributes, and of their levels."""
    found = scenario.file.attributes.items()
    levels = {f"{name}_{level}" for name, each in found if not isinstance(each, str) for level in each}
    return levels | set(scenario.file.attributes)


def _by_value(scenario: Scenario, covariate: Covariate, place: str) -> Rules:
    """A subgroup for each value that some patient can have."""
    name = covariate.name
    if covariate.labels:
        return {f"{name} {label}": f"{name} == '{label}'" for label in _possible(scenario, covariate)}
    values = _values(scenario, covariate)
    if len(values) > MOST_VALUES or (not values):
        raise InputError(
            f"{place}: '{name}' has more than {MOST_VALUES} values; say where to cut it, as in '{name}: 5, 10'."
        )
    return {f"{name} {value:g}": f"{name} == {_exact(value)}" for value in values}


def _possible(scenario: Scenario, covariate: Covariate) -> list[str]:
    from lmssim.model.population.patients import possible_labels

    return possible_labels(scenario.patients, covariate.name)


def _values(scenario: Scenario, covariate: Covariate) -> list[float]:
    """Numbers that a covariate can be, ascending; none if they are not to be counted."""
    patients = scenario.patients
    if isinstance(patients, RowPopulation):
        column = [each.name for each in patients.covariates].index(covariate.name)
        return [float(value) for value in np.unique(patients.rows[:, column])]
    if covariate.kind == "binary":
        p = covariate.probability or 0.0
        return [value for value, share in ((0.0, 1.0 - p), (1.0, p)) if share > 0.0]
    if covariate.kind == "categorical":
        shares = zip(covariate.codes, covariate.probabilities, strict=True)
        return sorted(code for code, share in shares if share > 0.0)
    return [float(covariate.value or 0.0)] if covariate.kind == "constant" else []


def _by_cuts(name: str, text: str, covariate: Covariate, place: str) -> Rules:
    """Subgroups between cuts, each from its lower cut on; what lies outside them is the first and the last one."""
    if covariate.labels:
        raise InputError(f"{place}: '{name}' has labels, not numbers, so that it cannot be cut; write '{name}' alone.")
    cuts = [_cut(part, place) for part in text.split(",")]
    for before, cut in pairwise(cuts):
        if not before < cut:
            raise InputError(f"{place}: {cut:g} does not lie above {before:g}; cuts must ascend.")
    rules = {f"{name} below {cuts[0]:g}": f"{name} < {_exact(cuts[0])}"}
    rules |= {
        f"{name} {low:g}-{high:g}": f"{name} >= {_exact(low)} and {name} < {_exact(high)}"
        for low, high in pairwise(cuts)
    }
    return rules | {f"{name} from {cuts[-1]:g}": f"{name} >= {_exact(cuts[-1])}"}


def _exact(value: float) -> str:
    """A number as an expression that gives it back, to the last bit."""
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def _cut(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{place}: the cut '{text.strip()}' is not a finite number.")
    return value


# === Whose sums are kept apart ===


@dataclass(frozen=True)
class Halves:
    """Subgroups, each in two halves: by turns, every other patient.

    Attributes
    ----------
    whole : Subgroups
        The subgroups.
    """

    whole: Subgroups

    @property
    def labels(self) -> list[str]:
        """Labels of the first halves, then of the second ones."""
        return [f"{label} / {half + 1}" for half in range(HALVES) for label in self.whole.labels]

    def of(self, x: FloatArray) -> IntArray:
        """Half of a subgroup of each patient."""
        halves: IntArray = self.whole.of(x) + np.arange(len(x)) % HALVES * len(self.whole.labels)
        return halves


@dataclass(frozen=True)
class Told:
    """Who is followed, and how patients are told apart: by a first grouping, and by partitions and their halves.

    Attributes
    ----------
    first : Grouping, optional
        Whose sums add up to everybody's; everybody is in one group if absent.
    where : Node, optional
        Rule that patients meet who are followed; all are if absent.
    covariates : list of str
        Names of patients' first columns.
    partitions : dict of str to Subgroups
        By name; there is no first grouping beside them.
    halved : bool
        Whether sums of halves are kept; draws that have patients of their own are parted themselves instead.
    """

    first: Grouping | None
    where: Node | None
    covariates: list[str]
    partitions: dict[str, Subgroups]
    halved: bool = True

    @property
    def n_first(self) -> int:
        """Groups of the first grouping."""
        return 1 if self.first is None else len(self.first.labels)

    @property
    def n_counted(self) -> int:
        """Groups whose counts are kept: not those of halves."""
        return self.n_first + sum(len(partition.labels) for partition in self.partitions.values())

    @property
    def n_groups(self) -> int:
        """All groups."""
        return self.n_counted + self._n_halves * (self.n_counted - self.n_first)

    @property
    def _n_halves(self) -> int:
        return HALVES if self.halved and self.partitions else 0

    def slices(self) -> dict[str, tuple[slice, slice]]:
        """Positions of each partition's groups, and of their halves."""
        found, start, half = {}, self.n_first, self.n_counted
        for name, partition in self.partitions.items():
            n = len(partition.labels)
            found[name] = slice(start, start + n), slice(half, half + self._n_halves * n)
            start, half = start + n, half + self._n_halves * n
        return found

    def met(self, x: FloatArray) -> Met | None:
        """Whether each patient is followed; None if all are."""
        return None if self.where is None else meets(self.covariates, self.where, x, "where")

    def of(self, x: FloatArray) -> IntArray:
        """Groups of each patient, (n_patients, n_partitions); -1 for who is not followed."""
        columns = [np.zeros(len(x), dtype=np.int64) if self.first is None else self.first.of(x)]
        slices = self.slices()
        columns += [slices[name][0].start + partition.of(x) for name, partition in self.partitions.items()]
        if self.halved:
            columns += [slices[name][1].start + Halves(partition).of(x) for name, partition in self.partitions.items()]
        found = np.stack(columns, axis=1)
        met = self.met(x)
        if met is not None:
            found[~met] = -1
        return found


def told_apart(
    program: Program,
    where: str,
    partitions: Mapping[str, Mapping[str, str]],
    first: Grouping | None = None,
    *,
    halved: bool = True,
) -> Told:
    """Part and partitions by their rules.

    Raises
    ------
    InputError
        If a rule cannot be read, or reads more than covariates.
    """
    node = baseline_rule(program, where, "where") if where else None
    found = {name: subgroups_of(program, rules) for name, rules in partitions.items()}
    told = {name: subgroups for name, subgroups in found.items() if subgroups is not None}
    return Told(first, node, list(program.names.covariates), told, halved)


def without_empty(
    partitions: Mapping[str, Mapping[str, str]], shares: Mapping[str, FloatArray], who: str
) -> dict[str, Rules]:
    """Partitions without subgroups that nobody is in: beyond the outer cuts, or of a crossing.

    Parameters
    ----------
    shares : mapping of str to ndarray(float, ndim=1)
        Share of each subgroup of each partition.
    who : str
        Whose shares they are, for messages.

    Raises
    ------
    InputError
        If nobody is in any other subgroup.
    """
    kept: dict[str, Rules] = {}
    for name, rules in partitions.items():
        own = shares[name]
        for k, label in enumerate(rules):
            spare = "*" in name or (":" in name and k in (0, len(rules) - 1))
            if not own[k] > 0.0 and not spare:
                raise InputError(f"--by {name}: nobody of {who} is in the subgroup '{label}'; leave it out.")
        kept[name] = {label: rule for k, (label, rule) in enumerate(rules.items()) if own[k] > 0.0}
    return kept
