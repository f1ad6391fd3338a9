"""Agreement of an individual engine with the exact one: z-scores of every outcome of every strategy.

Both engines have the same people: the individual engine draws its patients from the profiles that the exact engine
solves, so that they differ by random numbers and by the steps of the solution alone. Whether those profiles represent
the population well is another question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import InputError, NotApplicableError
from lmssim.evaluation import Evaluation
from lmssim.execution.simulate import COHORT, simulate
from lmssim.execution.solve import solve_population
from lmssim.studies.verify.finding import Finding, Z, compare
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.studies.verify.bench import Bench

N_PROFILES = 2
"""Profiles of the comparison, if the population is a joint distribution."""
LEAST_EVENTS = 5.0
"""Expected events, and patients without, below which a share is not near enough to normal."""
ROUNDING = 1e-8
"""Least standard error of an outcome, relative to it: two engines need not agree beyond rounding."""


@check(
    "engine-agreement", "overall", "The engine that simulates patients agrees with the cohort engine on every outcome"
)
def engines_agree(bench: Bench) -> Finding:
    """Differences on the same few profiles, in standard errors of both engines together."""
    if bench.engine == COHORT:
        raise NotApplicableError("other engines are compared with the cohort engine")
    exact = solved(bench)
    table = z_scores(simulated(bench, exact), exact)
    if not bench.program.is_continuous:  # where time goes in steps, a median may stand at either end of one
        table = table[~table["outcome"].str.contains(":median")].reset_index(drop=True)
    where = [{"strategy": s, "outcome": o} for s, o in zip(table["strategy"], table["outcome"], strict=True)]
    finding = compare(table["z"], "equal to", 0.0, Z, where, "z-scores")
    return replace(finding, table=table)


def solved(bench: Bench) -> Evaluation:
    """Evaluation of a few profiles by the cohort engine, with the error of its steps alone.

    Raises
    ------
    NotApplicableError
        If it refuses the scenario.
    """
    try:
        program, sampling = bench.program, replace(bench.sampling, engine=COHORT, profiles=N_PROFILES)
        return Evaluation(program, sampling, solve_population(program, sampling).alone())
    except InputError as error:
        raise NotApplicableError(str(error)) from None


def simulated(bench: Bench, exact: Evaluation) -> Evaluation:
    """Evaluation, by the engine under test, of patients drawn from the profiles of an exact one."""
    profiles = choose_profiles(exact.program, exact.sampling.profiles, exact.sampling.seed)
    program = bench.program.with_profiles(profiles)
    return Evaluation(program, bench.base.sampling, simulate(program, bench.base.sampling))


def z_scores(individual: Evaluation, exact: Evaluation) -> pd.DataFrame:
    """Difference of two evaluations in standard errors.

    The error of a share is that of the exact share, as a sample without events has none of its own; shares of which too
    few events are expected are left out, and so are outcomes without a standard error or that one engine lacks.

    Returns
    -------
    pandas.DataFrame
        strategy, outcome, unit, individual, se, exact, error, z.
    """
    keys, n = ["strategy", "outcome", "unit"], individual.estimates.n_lives
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
