"""Agreement of an individual engine with the exact one: every outcome of every strategy, on the same few people.

Both engines have the same people: the individual engine draws its patients from the profiles that the exact engine
solves, so that they differ by random numbers and by the steps of the solution alone. Whether those profiles represent
the population well is another question. In a large model each strategy meets one profile, in turn, and is solved half
as fine: for most outcomes the error of steps is then still a small part of that of chance.

Shares are judged by the binomial distribution at the exact probability, since a sample without events has no error of
its own. Means are judged by their standard error; where something rare may have befallen nobody in the sample, what it
could have changed is allowed for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import InputError, NotApplicableError
from lmssim.evaluation import Evaluation
from lmssim.execution.simulate import COHORT, simulate
from lmssim.execution.solve import LARGE, solve_population
from lmssim.model.population.joint import RowPopulation
from lmssim.outcomes.main import COST, cost_positions
from lmssim.studies.verify.chance import least_p, limit
from lmssim.studies.verify.finding import Finding, compare
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.studies.verify.bench import Bench

N_PROFILES = 2
"""Profiles of the comparison."""
MORE = 5
"""Patients, as a multiple of those asked for, whom the compiled engine follows: they cost it little."""
RARE = 60.0
"""Expected number of entries below which a state is rare."""
CERTAIN = 1e-12
"""Probability below which, but for rounding, nothing happens."""
ROUNDING = 1e-8
"""Least error of an outcome, relative to it: two engines need not agree beyond rounding."""
SHARE, MEAN, MEDIAN = "share", "mean", "median"
"""Kinds of outcome, each with its own comparison."""
ALLOWED = "allowed"
COLUMNS = ("strategy", "outcome", "unit", "individual", "se", "exact", "error", ALLOWED, "z")


@check(
    "engine-agreement",
    "overall",
    "The engine that simulates patients agrees with the cohort engine on every outcome",
    scope=Scope.LIVES,
    effort=100,
)
def engines_agree(bench: Bench) -> Finding:
    """Each outcome of every strategy by both engines, on the same few profiles, against what chance allows."""
    groups = people(bench)
    try:
        exact = [solved(bench, group) for group in groups]
    except NotApplicableError:
        raise
    except (InputError, MemoryError) as error:
        raise NotApplicableError(f"skipped: the exact engine refuses: {error}") from None
    pairs = [(simulated(bench, group), each) for group, each in zip(groups, exact, strict=True)]
    table = differences(pairs)
    where = [{"strategy": s, "outcome": o} for s, o in zip(table["strategy"], table["outcome"], strict=True)]
    finding = compare(table["individual"], "equal to", table["exact"], table[ALLOWED], where, "outcomes")
    return replace(finding, table=table)


@dataclass(frozen=True)
class Group:
    """A few people, and the strategies that they meet."""

    program: Program
    """The scenario compiled, with these people for its population."""
    strategies: tuple[str, ...]


def people(bench: Bench) -> list[Group]:
    """Whom both engines follow: all profiles under every strategy or, in a large model, one under each in turn."""
    program, strategies = bench.program, tuple(bench.strategies)
    profiles = choose_profiles(program, N_PROFILES, bench.sampling.seed)
    chosen = np.argsort(-profiles.weights, kind="stable")[:N_PROFILES]
    covariates = bench.scenario.patients.covariates
    rows = profiles.x[chosen][:, : len(covariates)]
    parts = [list(range(len(rows)))]
    if len(program.states) >= LARGE and len(strategies) > 1:
        parts = [[k] for k in range(len(rows))]
    return [
        Group(_with_rows(program, RowPopulation(covariates, rows[part])), strategies[k :: len(parts)])
        for k, part in enumerate(parts)
    ]


def _with_rows(program: Program, rows: RowPopulation) -> Program:
    return replace(program, scenario=replace(program.scenario, patients=rows))


def solved(bench: Bench, group: Group) -> Evaluation:
    """Evaluation of a group by the cohort engine, with the error of its steps alone.

    Raises
    ------
    InputError
        If it refuses the scenario.
    """
    sampling = replace(bench.sampling, engine=COHORT, profiles=N_PROFILES, strategies=group.strategies, jobs=bench.jobs)
    start = Fineness().coarser() if len(group.program.states) >= LARGE else None
    return Evaluation(group.program, sampling, solve_population(group.program, sampling, start=start).alone())


def simulated(bench: Bench, group: Group) -> Evaluation:
    """Evaluation of patients drawn from a group by the engine under test."""
    profiles = choose_profiles(group.program, N_PROFILES, bench.sampling.seed)
    program = group.program.with_profiles(profiles)
    n = bench.sampling.n_patients * (MORE if bench.engine == "compiled" else 1)
    sampling = replace(bench.base.sampling, n_patients=n, strategies=group.strategies, jobs=bench.jobs)
    return Evaluation(program, sampling, simulate(program, sampling))


# === What is compared ===


def differences(pairs: list[tuple[Evaluation, Evaluation]]) -> pd.DataFrame:
    """Outcomes by an individual engine and by the exact one, and how far apart they may be.

    Outcomes that one engine lacks are left out, and those without a standard error.

    Returns
    -------
    pandas.DataFrame
        strategy, outcome, unit, individual, se, exact, error (of steps), allowed (difference), z.
    """
    parts = [_outcomes(individual, exact) for individual, exact in pairs]
    n = sum(len(part) for part in parts)
    tables = [_judged(part, *pair, n) for part, pair in zip(parts, pairs, strict=True)]
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def _outcomes(individual: Evaluation, exact: Evaluation) -> pd.DataFrame:
    """Outcomes that both have, and the kind of each."""
    keys = ["strategy", "outcome", "unit"]
    columns = [*keys, "mean", "se"]
    both = individual.summary[columns].merge(exact.summary[columns], on=keys, suffixes=("", "_exact"))
    both = both.rename(columns={"mean": "individual", "mean_exact": "exact", "se_exact": "error"})
    both["kind"] = np.where(both["unit"] == "probability", SHARE, MEAN)
    both.loc[both["outcome"].str.endswith(":median"), "kind"] = MEDIAN
    known = both["individual"].notna() & both["se"].notna()
    return both[both["exact"].notna() & (known | (both["kind"] == MEDIAN))].reset_index(drop=True)


def _judged(both: pd.DataFrame, individual: Evaluation, exact: Evaluation, n: int) -> pd.DataFrame:
    """Add what is allowed of each outcome, and its z-score; medians are compared by the shares at their time."""
    size, rows = individual.n, []
    rare = {strategy: _Rare.under(exact, strategy, size) for strategy in exact.strategies}
    for record in both.to_dict("records"):
        row: dict[str, Any] = {str(key): value for key, value in record.items()}
        error = 0.0 if math.isnan(row["error"]) else float(row["error"])
        if row["kind"] == SHARE:
            se, allowed = _of_share(row, individual, size, n)
        elif row["kind"] == MEDIAN:
            row, se, allowed = _of_median(row, individual, size, n)
            error = 0.0
        else:
            se = float(row["se"])
            allowed = limit(n) * se + rare[row["strategy"]].unseen(str(row["outcome"]), n)
        floor = ROUNDING * max(abs(row["exact"]), 1.0)
        allowed = allowed + limit(n) * error + floor
        z = (row["individual"] - row["exact"]) / allowed * limit(n)
        rows.append(row | {"se": se, "error": error, ALLOWED: allowed, "z": z})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _of_share(row: dict[str, Any], individual: Evaluation, size: int, n: int) -> tuple[float, float]:
    """Standard error of a share at its exact probability, and the difference that the binomial distribution allows.

    Where some are censored the estimator's own error may be greater.
    """
    p = min(max(float(row["exact"]), 0.0), 1.0)
    se = math.sqrt(p * (1.0 - p) / size)
    allowed = _binomial(float(row["individual"]), p, size, n)
    name = str(row["outcome"]).partition(":")[0]
    endpoint = individual.scenario.file.endpoints.get(name)
    if endpoint is not None and endpoint.death == "censoring" and not math.isnan(row["se"]):
        inflated = max(float(row["se"]) / se, 1.0) if se > 0.0 else 1.0
        se, allowed = se * inflated, allowed * inflated
    return se, allowed


def _binomial(observed: float, p: float, size: int, n: int) -> float:
    alpha = least_p(n) / 2.0
    if observed > p:
        return float(stats.binom.isf(alpha, size, p)) / size - p
    return p - float(stats.binom.ppf(alpha, size, p)) / size


def _of_median(row: dict[str, Any], individual: Evaluation, size: int, n: int) -> tuple[dict[str, Any], float, float]:
    """A median, as the share without the event at the exact one, which is a half: of the step before or after it.

    A median itself has no error to be trusted where the curve is flat.
    """
    name, exact = str(row["outcome"]).partition(":")[0], float(row["exact"])
    counts = individual.endpoint(name, str(row["strategy"]))
    survival, times = counts.survival(), counts.times
    before = max(int(np.searchsorted(times, exact - 1e-9)) - 1, 0)
    after = min(int(np.searchsorted(times, exact + 1e-9, side="right")), len(times) - 1)
    high, low = float(survival[before]), float(survival[after])
    observed = min(max(0.5, low), high)  # a half, if the curve falls through it there
    at = {"outcome": f"{name}:survival at the exact median", "unit": "probability", "individual": observed}
    return row | at | {"exact": 0.5}, math.sqrt(0.25 / size), _binomial(observed, 0.5, size, n)


@dataclass(frozen=True)
class _Rare:
    """What rare states and events could change in the outcomes of a patient."""

    size: int
    """Patients of the sample."""
    years: float
    """Years that one may gain or lose."""
    cost: float
    """Cost that one may cause or save; both are 0 where nothing is left to chance."""

    @classmethod
    def under(cls, exact: Evaluation, strategy: str, size: int) -> _Rare:
        """By the exact probabilities under a strategy: the horizon, all of its cost, that of the rare, a lump sum."""
        s, estimates = exact.strategies.index(strategy), exact.estimates
        n, counts = estimates.n_lives, estimates.counts
        entries, marks = counts.entries[s, :, 0] / n, counts.marks[s, :, 0] / n
        present = counts.occupancy[s].cumsum(axis=-1) / n
        if not any((_by_chance(each)).any() for each in (entries, marks, present)):
            return cls(size, 0.0, 0.0)
        states = entries * size < RARE
        spent = np.abs(estimates.state[0][s, :, 2:4]).max(axis=-1) / estimates.n
        within = float(np.max(spent[states] / np.maximum(entries[states], 1e-300), initial=0.0))
        program = exact.program
        plain = cost_positions(0, len(program.categories), program.n_categories)[1]
        total = float(np.abs(estimates.mean[0, s, plain]).sum())
        return cls(size, exact.scenario.file.settings.horizon, total + within + _largest_lump(exact))

    def unseen(self, outcome: str, n: int) -> float:
        """Change of the mean by what befalls nobody in the sample, but with the least probability accepted."""
        weight = self.cost if outcome.split(":", maxsplit=1)[0].startswith(COST) else self.years
        return weight * -math.log(least_p(n)) / self.size


def _by_chance(expected: FloatArray) -> NDArray[np.bool_]:
    """Whether something befalls some and not others: what is certain happens a whole number of times."""
    by_chance: NDArray[np.bool_] = np.abs(expected - np.round(expected)) > CERTAIN
    return by_chance


def _largest_lump(exact: Evaluation) -> float:
    """Largest number that stands for a cost."""
    slots = [k for k, slot in enumerate(exact.program.rows.slots) if slot.check == "cost"]
    return float(np.abs(exact.program.numbers()[0][:, slots]).max(initial=0.0))
