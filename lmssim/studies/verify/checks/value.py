"""A check of the value of information on the user's own model: no part is worth more than the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.cea import net_monetary_benefit
from lmssim.economics.voi import partial
from lmssim.errors import NotApplicableError
from lmssim.studies.verify.bench import COST, QALY
from lmssim.studies.verify.chance import by_chance
from lmssim.studies.verify.finding import EXACT, Finding, places, warning
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.economics.voi.partial import Gains, PartialInformation
    from lmssim.kernels import FloatArray
    from lmssim.studies.verify.bench import Bench

MOST = 8
"""Sets of parameters that are valued: those that go most with a difference between strategies."""


@check("voi-bounds", "uncertainty", "EVPI is at least each EVPPI, and EVPPI at least EVSI", effort=10)
def no_part_is_worth_more_than_the_whole(bench: Bench) -> Finding:
    """Value of all parameters against that of some, and of some against that of a study that sees these with noise.

    What is drawn together is one set. The study's error is as wide as the draws of each parameter.
    Regressions on so few draws are rough, so that a failure is a warning.
    """
    choices = [s for s, name in enumerate(bench.strategies) if not bench.scenario.file.strategies[name].mix]
    if len(choices) < 2:
        raise NotApplicableError("there is one strategy to choose")
    mean = bench.drawn.estimates.mean[:, choices]
    noise = np.random.Generator(np.random.Philox(bench.sampling.seed))
    wtps = bench.scenario.file.settings.wtp or (30_000.0,)
    some, whole, errors, where = [], [], [], []
    for wtp in map(float, wtps):
        benefit = net_monetary_benefit(mean[..., COST], mean[..., QALY], wtp)
        gain = partial.gains(benefit, np.arange(len(benefit)), int(benefit.mean(axis=0).argmax()))
        for name, columns in _sets(bench, gain.values):
            seen = columns + noise.normal(size=columns.shape) * columns.std(axis=0)
            known, studied = (partial.partial_information(each, gain) for each in (columns, seen))
            some += [known.evppi, studied.evppi]
            whole += [_perfect(gain), known.evppi]
            errors += [_apart(known, gain.perfect), _apart(studied, known.replicates)]
            where += [{**place, "value": each} for place in places(wtp=[wtp], of=[name]) for each in ("EVPPI", "EVSI")]
    size = np.abs(whole).max(initial=1.0)
    return warning(by_chance(some, "at most", whole, errors, where, "values", slack=EXACT * size))


def _apart(part: PartialInformation, whole: FloatArray) -> float:
    """Standard error of the difference of two values that the same draws gave."""
    return float((part.replicates - whole).std(ddof=1))


def _perfect(gain: Gains) -> float:
    return float(gain.values.max(axis=1).mean() - gain.values.mean(axis=0).max())


def _sets(bench: Bench, values: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Parameters that are drawn together, and each that is drawn alone: those that differences follow most."""
    groups = {name: sorted(set(group.members) & set(bench.uncertain)) for name, group in bench.scenario.groups.items()}
    grouped = {member for members in groups.values() for member in members}
    sets = {name: members for name, members in groups.items() if members}
    sets |= {id_: [id_] for id_ in bench.uncertain if id_ not in grouped}
    columns = {name: np.column_stack([bench.draws[id_] for id_ in members]) for name, members in sets.items()}
    moved = {name: each for name, each in columns.items() if np.ptp(each, axis=0).all()}
    for name in sorted(moved, key=lambda name: -_followed(moved[name], values))[:MOST]:
        yield name, moved[name]


def _followed(columns: FloatArray, values: FloatArray) -> float:
    """Largest correlation, in size, of a column with a difference between strategies."""
    differences = values[:, np.ptp(values, axis=0) > 0.0]
    if not differences.size:
        return 0.0
    k = columns.shape[1]
    found: FloatArray = np.abs(np.corrcoef(columns, differences, rowvar=False)[:k, k:])
    return float(found.max())
