"""A check of results by subgroup: they add up to everybody's, and are those of a run of the subgroup's patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, NotApplicableError
from lmssim.execution.partitions import partition_rules
from lmssim.kernels.ledger import N_MAIN
from lmssim.outcomes.main import MAIN
from lmssim.studies.verify.finding import Finding, close, places, same, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.execution.partitions import Rules
    from lmssim.studies.verify.bench import Bench


@check("subgroups", "results", "Subgroups add up to everybody", scope=Scope.LIVES, effort=3)
def subgroups_add_up(bench: Bench) -> Finding:
    """Outcomes of subgroups, weighted by their patients, against everybody's; of the first, against a run of it."""
    rules = _partition(bench)
    whole = bench.fresh(partitions={"halves": rules}).estimates
    part = whole.partitions["halves"]
    members, mean = np.asarray(part.n, dtype=np.float64)[0], part.mean[0][..., :N_MAIN]
    together = np.tensordot(members / members.sum(), mean, axes=1)
    where = places(strategy=bench.strategies, outcome=list(MAIN))
    added = close(together, whole.mean[0][:, :N_MAIN], where, "outcomes")
    label, rule = next(iter(rules.items()))
    alone = bench.fresh(where=rule).estimates.mean[0][:, :N_MAIN]
    own = places(subgroup=[label], strategy=bench.strategies, outcome=list(MAIN))
    return worst_of([added, same(mean[:1], alone[None], own, "outcomes")])


def _partition(bench: Bench) -> Rules:
    """A partition whose subgroups all have patients: by the first covariate that differs, cut where it is measured."""
    program, n = bench.program, bench.sampling.n_patients
    x = program.patients(0, n, bench.sampling.seed)
    for i, covariate in enumerate(bench.scenario.patients.covariates):
        values = np.unique(x[:, i])
        if len(values) < 2:
            continue
        cut = float(values[len(values) // 2])
        text = covariate.name if covariate.labels else f"{covariate.name}: {cut!r}"
        try:
            rules = partition_rules(bench.scenario, text)
        except InputError:
            continue
        if not covariate.labels or len(rules) == len(values):
            return rules
    raise NotApplicableError("all patients are alike")
