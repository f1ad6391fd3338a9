"""A probabilistic analysis by subgroup: each subgroup's patients in the same draws, with the numbers that they have."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import InputError
from lmssim.execution.partitions import told_apart
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.work import FEWEST_OF_A_PART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmssim.execution.checkpoint import Checkpoint
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
    n_subgroups: int = 0
    """Subgroups of all partitions."""


def psa_by_subgroup(
    work: Work,
    partitions: Mapping[str, Mapping[str, str]],
    progress: Callable[[int, int], None] | None = None,
    kept: Callable[[str, str], Checkpoint] | None = None,
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
    kept : callable, optional
        Checkpoint of a subgroup, from its number and the key of its work, so that an analysis that is stopped goes on.

    Raises
    ------
    InputError
        If a draw has fewer than two patients of a subgroup.
    """
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    rules = [(name, *each) for name, partition in partitions.items() for each in partition.items()]
    for k, (partition, label, rule) in enumerate(rules, 1):
        part = _part(work, rule)
        for name, frame in _analysed(part, None if kept is None else kept(str(k), part.key())):
            who = pd.DataFrame([(partition, label)] * len(frame), columns=["partition", "subgroup"])
            found[name].append(pd.concat([who, frame.reset_index(drop=True)], axis=1))
        if progress is not None:
            progress(k, len(rules))
    tables = {name: pd.concat(frames, ignore_index=True) for name, frames in found.items()}
    return SubgroupTables(tables, len(rules))


def _part(work: Work, rule: str) -> Work:
    """The work on those who meet a rule, besides the one that all of them meet."""
    where = f"({work.sampling.where}) and ({rule})" if work.sampling.where else rule
    return replace(work, sampling=replace(work.sampling, where=where))


def _analysed(work: Work, checkpoint: Checkpoint | None) -> Iterator[tuple[str, pd.DataFrame]]:
    with tempfile.TemporaryDirectory(prefix="lmssim-psa-") as place:
        path = Path(place) / "results.parquet"
        analysis = ProbabilisticAnalysis(
            work, collect(work, work.parts(checkpoint), path), DrawnOutcomes(path, len(work.strategies))
        )
        yield from [(name, getattr(analysis, name)) for name in TABLES]


def check_subgroups(work: Work, partitions: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse subgroups of which a draw has fewer than two patients, before anything is run.

    Raises
    ------
    InputError
        With the partition, the subgroup, the draw, and how many patients it has.
    """
    if work.exact or not partitions:
        return
    program, n, seed = work.program, work.sampling.n_patients, work.sampling.seed
    told = told_apart(program, work.sampling.where, partitions)
    for draw in range(1 if work.shares_patients else work.n_draws):
        x = program.patients(draw * n, n, seed)
        met = told.met(x)
        for name, partition in told.partitions.items():
            groups = partition.of(x) if met is None else partition.of(x)[met]
            counts = np.bincount(groups, minlength=len(partition.labels))
            if counts.min() < FEWEST_OF_A_PART:
                label = partition.labels[int(counts.argmin())]
                raise InputError(
                    f"--by {name}: draw {draw} has {counts.min()} of {n:,} patients in the subgroup '{label}'; "
                    f"{FEWEST_OF_A_PART} or more are needed in every draw: give more --patients, or fewer subgroups."
                )
