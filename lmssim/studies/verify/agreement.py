"""Agreement of an individual engine with the exact one: z-scores of every outcome of every strategy."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.errors import InputError
from lmssim.evaluation import Sampling, evaluate
from lmssim.studies.verify.finding import Finding, NotApplicableError, Z, compare
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.studies.verify.bench import Bench

EXACT_ENGINE = "cohort"
LEAST_SE = 1e-12
"""Standard error, relative to the figure, below which two engines must agree but for rounding."""


@check("engine-agreement", "overall", "The individual engine agrees with the cohort engine on every outcome")
def engines_agree(bench: Bench) -> Finding:
    """Differences in standard errors of both engines together."""
    if bench.engine == EXACT_ENGINE:
        raise NotApplicableError("the cohort engine is what others are compared with")
    table = z_scores(bench.base, solved(bench))
    where = [{"strategy": s, "outcome": o} for s, o in zip(table["strategy"], table["outcome"], strict=True)]
    finding = compare(table["z"], "equal to", 0.0, Z, where, "z-scores")
    return replace(finding, table=table)


def solved(bench: Bench) -> Evaluation:
    """Evaluation by the cohort engine.

    Raises
    ------
    NotApplicableError
        If there is no such engine, or it refuses the scenario.
    """
    if "engine" not in {f.name for f in fields(Sampling)}:
        raise NotApplicableError("no cohort engine yet")
    changed: dict[str, Any] = {"engine": EXACT_ENGINE}
    try:
        return evaluate(bench.scenario, replace(bench.sampling, **changed))
    except InputError as error:
        raise NotApplicableError(str(error)) from None


def z_scores(individual: Evaluation, exact: Evaluation) -> pd.DataFrame:
    """Difference of two evaluations in standard errors.

    Returns
    -------
    pandas.DataFrame
        strategy, outcome, unit, individual, se, exact, error, z; figures that only one engine gives are left out.
    """
    keys = ["strategy", "outcome", "unit"]
    columns = [*keys, "mean", "se"]
    both = individual.summary[columns].merge(exact.summary[columns], on=keys, suffixes=("_individual", "_exact"))
    both = both[np.isfinite(both["mean_individual"]) & np.isfinite(both["mean_exact"])].reset_index(drop=True)
    error = np.hypot(both["se_individual"].fillna(0.0), both["se_exact"].fillna(0.0))
    difference = both["mean_individual"] - both["mean_exact"]
    scale = np.maximum(error, LEAST_SE * np.maximum(both["mean_exact"].abs(), 1.0))
    both = both[(error > 0.0) | (both["se_individual"].notna())]
    return pd.DataFrame({
        **{key: both[key] for key in keys}, "individual": both["mean_individual"], "se": both["se_individual"],
        "exact": both["mean_exact"], "error": both["se_exact"], "z": (difference / scale).loc[both.index],
    })  # fmt: skip
