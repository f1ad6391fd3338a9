"""The ordered fold: chunks' moments merged into means and co-moments, strictly in chunk order.

Merging follows Chan, Golub and LeVeque; every operation is elementwise, so the bits depend on the order of chunks
alone, never on workers or blocks. Draws and subgroups are merged each on their own.

References
----------
Chan TF, Golub GH, LeVeque RJ. Algorithms for computing the sample variance. Am Stat 37:242-247, 1983.
doi:10.1080/00031305.1983.10483115
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.execution.estimates import CountsAtTimes, Estimates, Means, SubgroupEstimates
from lmssim.kernels.rewards import COST, N_MAIN, QALY
from lmssim.kernels.tally import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lmssim.engines.task import Sums
    from lmssim.kernels import CountArray, FloatArray, IntArray
    from lmssim.kernels.tally import Moments


@dataclass(frozen=True)
class Part:
    """Some patients of some draws.

    Attributes
    ----------
    means : Means
        By draw and subgroup; `n` is (n_draws, n_subgroups).
    whole : Counts
        Of all draws and subgroups together.
    by_draw : Counts
        (n_draws, ...); without draws if not wanted.
    by_subgroup : Counts
        (n_draws, n_subgroups, ...); without draws if not wanted.
    """

    means: Means
    whole: Counts
    by_draw: Counts
    by_subgroup: Counts


def finish(sums: Sums) -> Part:
    """Means, co-moments and counts of a single chunk."""
    return Part(
        _finish_moments(sums.moments),
        _each(lambda c: c.sum(axis=(0, 1)), sums.whole),
        _each(lambda c: c[:, 0].astype(_smallest(c)), sums.by_draw),
        _each(lambda c: c.astype(_smallest(c)), sums.by_subgroup),
    )


def _smallest(counts: IntArray) -> type[np.integer]:
    """Four bytes for a count if they hold every one of them."""
    return np.int32 if counts.size == 0 or max(counts.max(), -counts.min()) <= np.iinfo(np.int32).max else np.int64


def _finish_moments(m: Moments) -> Means:
    n = m.members
    delta = m.total / np.maximum(n, 1)[..., None, None]
    mean = m.shift + delta
    square = np.maximum(m.square - n[..., None, None] * delta * delta, 0.0)
    product = _whole_products(m.product)
    _add_products(product, -n[..., None, None], delta)
    return Means(n=n, mean=mean, square=square, product=product, state=m.state)


def _whole_products(product: FloatArray) -> FloatArray:
    """Products of main outcomes, then of QALYs with costs, between all strategies, from those of pairs (i, j <= i)."""
    lower, upper = np.tril_indices(product.shape[-2], -1)
    result = np.ascontiguousarray(np.moveaxis(product[..., : N_MAIN + 1], -1, -3))
    result[..., :N_MAIN, upper, lower] = result[..., :N_MAIN, lower, upper]
    result[..., N_MAIN, upper, lower] = product[..., lower, upper, N_MAIN + 1]
    return result


def _add_products(product: FloatArray, weight: CountArray, delta: FloatArray) -> None:
    """Add a weight times the products between strategies of differences of means, as `Means.product` has them."""
    for k in range(N_MAIN):
        product[..., k, :, :] += weight * delta[..., :, None, k] * delta[..., None, :, k]
    product[..., N_MAIN, :, :] += weight * delta[..., :, None, QALY] * delta[..., None, :, COST]


def merge(a: Part, b: Part) -> Part:
    """Patients of both; `a` comes first."""
    return Part(
        _merge_means(a.means, b.means),
        added(a.whole, b.whole),
        added(a.by_draw, b.by_draw),
        added(a.by_subgroup, b.by_subgroup),
    )


def _merge_means(a: Means, b: Means) -> Means:
    a_n, b_n = np.asarray(a.n), np.asarray(b.n)
    n = a_n + b_n
    some = np.maximum(n, 1)
    delta = b.mean - a.mean
    weight = (a_n * b_n / some)[..., None, None]
    product = a.product + b.product
    _add_products(product, weight, delta)
    return Means(
        n=n,
        mean=a.mean + delta * (b_n / some)[..., None, None],
        square=a.square + b.square + weight * delta * delta,
        product=product,
        state=a.state + b.state,
    )


def _over_subgroups(means: Means) -> Means:
    """Means of everybody, folded in the order of subgroups; `n` is (n_draws,)."""

    def subgroup(g: int) -> Means:
        return Means(**{each.name: getattr(means, each.name)[:, g] for each in fields(Means)})

    total = subgroup(0)
    for g in range(1, means.mean.shape[1]):
        total = _merge_means(total, subgroup(g))
    return total


def _each(function: Callable[[CountArray], CountArray], counts: Counts) -> Counts:
    return Counts(*(function(c) for c in counts))


def added(a: Counts, b: Counts) -> Counts:
    """Sums of counts."""
    return Counts(*(_add(x, y) for x, y in zip(a, b, strict=True)))


def _add(x: CountArray, y: CountArray) -> CountArray:
    """Sum of counts, in eight bytes where four might not hold it."""
    if x.dtype == np.int32 and x.size:
        total = x.astype(np.int64) + y
        return total.astype(_smallest(total))
    return x + y


@dataclass(frozen=True)
class Axes:
    """Names of what counts are kept by: times of the counts by draw and by subgroup, and the subgroups' labels."""

    draw_times: tuple[Sequence[float], Sequence[float]] | None = None
    subgroup_times: tuple[Sequence[float], Sequence[float]] | None = None
    labels: Sequence[str] = ()
    partitions: Mapping[str, tuple[Sequence[str], slice, slice]] = field(default_factory=dict)
    """Labels of each partition's subgroups, and where they and their halves stand among all groups."""


NOBODY = Counts(*[np.zeros(0, dtype=np.int64)] * len(Counts._fields))
"""In the place of counts that have been added to others."""


def estimates_of(part: Part, axes: Axes, independent: bool) -> Estimates:
    """Estimates of all patients of some draws, which have patients of their own if `independent`."""
    means = part.means
    if axes.partitions:
        means, apart = _groups(means, slice(0, 1)), means
    total, members = _over_subgroups(means), np.asarray(means.n)
    by_subgroup = None
    partitions, halves = {}, {}
    for name, (labels, own, of_halves) in axes.partitions.items():
        assert axes.subgroup_times is not None
        counted = Counts(*(each[:, own] for each in part.by_subgroup))
        partitions[name] = _subgroups(_groups(apart, own), labels, axes.subgroup_times, counted)
        if of_halves.stop > of_halves.start:
            halves[name] = _subgroups(_groups(apart, of_halves), labels, ((), ()), NOBODY)
    if axes.subgroup_times is not None and not axes.partitions:
        counts = CountsAtTimes(*axes.subgroup_times, members, part.by_subgroup)
        by_subgroup = SubgroupEstimates(**_known(means, members), labels=axes.labels, counts=counts)
    by_draw = None
    if axes.draw_times is not None:
        by_draw = CountsAtTimes(*axes.draw_times, members.sum(axis=1), part.by_draw)
    return Estimates(
        n=int(np.asarray(total.n)[0]),
        mean=total.mean,
        square=total.square,
        product=total.product,
        state=total.state,
        independent=independent,
        counts=part.whole,
        by_draw=by_draw,
        by_subgroup=by_subgroup,
        partitions=partitions,
        halves=halves,
    )


def _groups(means: Means, part: slice) -> Means:
    """Those of some groups."""
    return Means(**{each.name: np.asarray(getattr(means, each.name))[:, part] for each in fields(Means)})


def _subgroups(
    means: Means, labels: Sequence[str], times: tuple[Sequence[float], Sequence[float]], counts: Counts
) -> SubgroupEstimates:
    """Estimates of a partition, whose sums by state are not kept."""
    members = np.asarray(means.n)
    found = _known(means, members) | {"state": np.full_like(means.state, np.nan)}
    return SubgroupEstimates(**found, labels=labels, counts=CountsAtTimes(*times, members, counts))


def _known(means: Means, members: IntArray) -> dict[str, CountArray]:
    """Fields of means; what nobody stands behind is not a number."""
    some = (members > 0)[..., None, None]
    return {
        "n": members,
        "mean": np.where(some, means.mean, np.nan),
        "square": means.square,
        "product": means.product,
        "state": means.state,
    }


def stack(batches: Iterable[Estimates]) -> Estimates:
    """Estimates of batches of draws, side by side; whole counts are summed as they come, one of them held at a time."""
    parts: list[Estimates] = []
    total: Counts | None = None
    for batch in batches:
        total = batch.counts if total is None else added(total, batch.counts)
        parts.append(replace(batch, counts=NOBODY))
    assert total is not None
    return Estimates(
        n=parts[0].n,
        **_stacked(parts),
        independent=parts[0].independent,
        counts=total,
        by_draw=_stacked_counts([part.by_draw for part in parts if part.by_draw is not None]),
        by_subgroup=_stacked_subgroups([part.by_subgroup for part in parts if part.by_subgroup is not None]),
        partitions=_stacked_partitions([part.partitions for part in parts]),
        halves=_stacked_partitions([part.halves for part in parts]),
    )


def _stacked_partitions(parts: Sequence[Mapping[str, SubgroupEstimates]]) -> dict[str, SubgroupEstimates]:
    each = {name: _stacked_subgroups([part[name] for part in parts]) for name in parts[0]}
    return {name: found for name, found in each.items() if found is not None}


def _stacked(parts: Sequence[Means]) -> dict[str, FloatArray]:
    return {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("mean", "square", "product", "state")}


def _stacked_counts(parts: Sequence[CountsAtTimes]) -> CountsAtTimes | None:
    if not parts:
        return None
    counts = Counts(*(np.concatenate(each) for each in zip(*(part.counts for part in parts), strict=True)))
    members = np.concatenate([part.members for part in parts])
    return CountsAtTimes(parts[0].times, parts[0].occupancy_times, members, counts)


def _stacked_subgroups(parts: Sequence[SubgroupEstimates]) -> SubgroupEstimates | None:
    if not parts:
        return None
    counts = _stacked_counts([part.counts for part in parts])
    assert counts is not None
    return SubgroupEstimates(
        n=np.concatenate([np.asarray(part.n) for part in parts]),
        **_stacked(parts),
        labels=parts[0].labels,
        counts=counts,
    )
