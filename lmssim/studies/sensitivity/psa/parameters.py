"""Parameters of a probabilistic analysis: the mean and interval that each was asked to have, and those of its draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from lmssim.economics.nesting import INTERVAL
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.posterior import read_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.draws import Group
    from lmssim.model.program import Program

FINE = 10_000
"""Points at which a quantile function is averaged."""
COLUMNS = [
    "id",
    "description",
    "unit",
    "source",
    "asked_mean",
    "asked_low",
    "asked_high",
    "mean",
    "se",
    "low",
    "high",
    "base_case",
]
DERIVED = "derived"


class Asked(NamedTuple):
    """What a parameter was asked to be: by whom, its mean, and its 95% interval."""

    source: str
    mean: float
    low: float
    high: float


def asked_of(program: Program) -> dict[str, Asked]:
    """What each uncertain parameter was asked to be, by its distribution or its group."""
    found: dict[str, Asked] = {}
    free = set(program.scenario.uncertain)
    for group in program.scenario.groups.values():
        found |= {id_: asked for id_, asked in _by_group(group) if id_ in free}
    for id_ in free - found.keys():
        parameter = program.scenario.table[id_]
        distribution = distribution_of(parameter)
        mean = distribution.quantile((np.arange(FINE) + 0.5) / FINE).mean()
        found[id_] = Asked(parameter.distribution, float(mean), *distribution.quantile(np.array(INTERVAL)).tolist())
    return found


def _by_group(group: Group) -> Iterator[tuple[str, Asked]]:
    """Each member's own mean and interval."""
    source = f"{group.kind.replace('_', ' ')} '{group.name}'"
    if group.kind == "posterior":
        for id_, column in zip(
            group.members, read_columns(group.file or "", group.columns or group.members), strict=True
        ):
            yield id_, Asked(source, float(column.mean()), *np.quantile(column, INTERVAL).tolist())
    elif group.kind == "dirichlet":
        total = sum(group.counts)
        for id_, count in zip(group.members, group.counts, strict=True):
            inside = 0.0 < count < total
            ends = special.betaincinv(count, total - count, INTERVAL) if inside else (count / total,) * 2
            yield id_, Asked(source, count / total, float(ends[0]), float(ends[1]))
    else:
        sd = np.sqrt(np.diag(np.array(group.covariance, dtype=np.float64)))
        for id_, mean, each in zip(group.members, group.mean, sd.tolist(), strict=True):
            low, high = (mean + each * float(special.ndtri(p)) for p in INTERVAL)
            yield id_, Asked(source, float(mean), low, high)


def parameter_frame(program: Program, draws: Mapping[str, FloatArray]) -> pd.DataFrame:
    """Every parameter that varies and that the model uses: `COLUMNS`.

    `asked_...` is what its distribution or group says, blank if it is derived from others; `mean`, `se` (of the mean
    over draws), `low` and `high` are what the draws gave; `base_case` is its value there.
    """
    asked, base = asked_of(program), program.scenario.table.base()
    nothing = Asked(DERIVED, np.nan, np.nan, np.nan)
    rows = []
    for id_, parameter in program.used.items():
        values = draws.get(id_)
        if values is None:  # not a parameter in every program that is averaged over
            continue
        if id_ in asked or np.ptp(values) > 0.0:
            low, high = np.quantile(values, INTERVAL).tolist()
            error = float(values.std(ddof=1) / np.sqrt(len(values)))
            given = float(values.mean()), error, low, high, float(base[id_][0])
            rows.append((id_, parameter.description, parameter.unit, *asked.get(id_, nothing), *given))
    return pd.DataFrame(rows, columns=COLUMNS)


def repeated_rows(program: Program, n_draws: int) -> dict[str, int]:
    """Groups of posterior draws with fewer rows than there are draws, so that rows repeat, and how many they have."""
    groups = program.scenario.groups
    return {name: group.n_rows for name, group in groups.items() if 0 < group.n_rows < n_draws}
