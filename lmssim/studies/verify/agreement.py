"""Agreement of an individual engine with the exact one: z-scores of every outcome of every strategy."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError
from lmssim.evaluation import Sampling, evaluate
from lmssim.studies.verify.finding import Finding, NotApplicableError, Z, compare
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.evaluation import Evaluation
    from lmssim.studies.verify.bench import Bench

EXACT_ENGINE = "cohort"
LEAST_EVENTS = 5.0
"""Expected events, and patients without, below which a share is not near enough to normal."""
ROUNDING = 1e-8
"""Least standard error of a figure, relative to it: two engines need not agree beyond rounding."""


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

    The error of a share is that of the exact share, as a sample without events has none of its own; shares of which too
    few events are expected are left out, and so are figures that have no standard error or that one engine lacks.

    Returns
    -------
    pandas.DataFrame
        strategy, outcome, unit, individual, se, exact, error, z.
    """
    keys, n = ["strategy", "outcome", "unit"], individual.n * len(individual.estimates.mean)
    columns = [*keys, "mean", "se"]
    both = individual.summary[columns].merge(exact.summary[columns], on=keys, suffixes=("", "_exact"))
    both = both.rename(columns={"mean": "individual", "mean_exact": "exact", "se_exact": "error"})
    share = both["unit"] == "probability"
    spread = both["exact"] * (1.0 - both["exact"])
    both["se"] = both["se"].where(~share, np.sqrt(np.maximum(spread, 0.0) / n))
    common = ~share | (n * spread >= LEAST_EVENTS)
    both = both[common].dropna(subset=["individual", "se", "exact"]).reset_index(drop=True)
    floor = ROUNDING * np.maximum(both["exact"].abs(), 1.0)
    error = np.maximum(np.hypot(both["se"], both["error"].fillna(0.0)), floor)
    both["z"] = (both["individual"] - both["exact"]) / error
    return both[[*keys, "individual", "se", "exact", "error", "z"]]
