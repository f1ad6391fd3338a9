"""A probabilistic analysis by subgroup: each subgroup's patients in the same draws, with the numbers that they have."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmssim.studies.sensitivity.psa.work import Work

TABLES = ("summary", "incremental", "inmb", "ceac", "ceaf", "expected_loss", "evpi")
"""Tables that are kept of each subgroup."""


@dataclass(frozen=True)
class SubgroupTables:
    """Tables of every subgroup, under one another, with the partition and the subgroup in their first columns.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        By the name of the table (`TABLES`).
    """

    tables: Mapping[str, pd.DataFrame]


def psa_by_subgroup(
    work: Work,
    partitions: Mapping[str, Mapping[str, str]],
    progress: Callable[[int, int], None] | None = None,
) -> SubgroupTables:
    """Analyse each subgroup of some partitions.

    Parameters
    ----------
    work : Work
        The analysis of all patients; each subgroup has its draws, and those of its patients who meet the rule.
    partitions : mapping of str to mapping of str to str
        Label of each subgroup to its rule, by partition.
    progress : callable, optional
        Called with (subgroups done, subgroups in all).

    Raises
    ------
    InputError
        If a draw has fewer than two patients of a subgroup.
    """
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    rules = [(name, *each) for name, partition in partitions.items() for each in partition.items()]
    for k, (partition, label, rule) in enumerate(rules, 1):
        for name, frame in _analysed(_part(work, rule)):
            who = pd.DataFrame([(partition, label)] * len(frame), columns=["partition", "subgroup"])
            found[name].append(pd.concat([who, frame.reset_index(drop=True)], axis=1))
        if progress is not None:
            progress(k, len(rules))
    return SubgroupTables({name: pd.concat(frames, ignore_index=True) for name, frames in found.items()})


def _part(work: Work, rule: str) -> Work:
    """The work on those who meet a rule, besides the one that all of them meet."""
    where = f"({work.sampling.where}) and ({rule})" if work.sampling.where else rule
    return replace(work, sampling=replace(work.sampling, where=where))


def _analysed(work: Work) -> Iterator[tuple[str, pd.DataFrame]]:
    with tempfile.TemporaryDirectory(prefix="lmssim-psa-") as place:
        path = Path(place) / "results.parquet"
        analysis = ProbabilisticAnalysis(
            work, collect(work, work.parts(), path), DrawnOutcomes(path, len(work.strategies))
        )
        yield from [(name, getattr(analysis, name)) for name in TABLES]
