"""Simulation-based calibration: simulate targets from known parameters, fit them, and rank the known values.

If the sampler, the emulator and the likelihood are right, the known value has any rank among the draws of its posterior
with the same probability. The dimension is reduced: given parameters stand at their means, and the priors end at
2.5 SD, where the emulator is fitted. The targets come from the model itself, so a wrong emulator fails too.

References
----------
Talts S et al. Validating Bayesian inference algorithms with simulation-based calibration. arXiv:1804.06788, 2018.
Sailynoja T, Buerkner PC, Vehtari A. Graphical test for discrete uniformity and its applications in goodness-of-fit
evaluation and multiple sample comparison. Stat Comput 32:32, 2022. doi:10.1007/s11222-022-10090-6
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special, stats

from lmssim.errors import InputError
from lmssim.studies.calibration.density import Density, dispersed, standardised_given
from lmssim.studies.calibration.design import prior_points, run_design
from lmssim.studies.calibration.emulator import error_beside, eta_of_share, fit_emulator, share_of_eta
from lmssim.studies.calibration.likelihood import effective_sizes
from lmssim.studies.calibration.problem import N_ROWS, Problem
from lmssim.studies.calibration.sampler import sample

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.published.predict import Predicted
    from lmssim.studies.calibration.likelihood import Likelihood

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, in all)."""
LEVEL = 0.95
"""Of the simultaneous bands."""
SIMULATED = 20_000
"""Uniform samples from which the bands are found."""
MOST_DATASETS, MOST_PATIENTS = 10_000, 10_000_000
FEWEST_DATASETS = 20
"""Fewer cannot tell a right likelihood from a wrong one."""
ROUNDING = 1e-12
REFERENCE_POINTS = 16
FIRST_REFERENCE, FIRST_TRUTH = 1_000_000, 2_000_000
"""Numbers of the first points of these runs: all meet patients of their own."""


@dataclass(frozen=True, kw_only=True)
class SbcSettings:
    """Size of a simulation-based calibration."""

    datasets: int = 100
    """Data sets, each simulated from parameters of its own."""
    points: int = 1_024
    """Design points of the emulator."""
    patients: int = 2_000
    """Patients of each, and population."""
    truth_patients: int = 20_000
    """The same at the known parameters of each data set."""
    degree: int = 4
    """Degree of the emulator in the free quantities."""
    ensembles: int = 2
    """Separate ensembles for each data set."""
    walkers: int = 50
    """Walkers of each; their last states are the draws among which the truth is ranked."""
    steps: int = 600
    """Steps of each ensemble."""
    farthest: float = 2.5
    """The priors end so many SD from their centre."""
    seed: int = 1
    """Key of all random numbers."""

    def validate(self) -> None:
        """Refuse impossible values.

        Raises
        ------
        InputError
            With the setting, its value and what is allowed.
        """
        if self.datasets < FEWEST_DATASETS:
            raise InputError(f"--datasets {self.datasets}: at least {FEWEST_DATASETS} are needed to see a bias.")
        if min(self.points, self.patients, self.truth_patients) < 1:
            raise InputError(f"--patients {self.patients}: at least 1 is needed.")
        if self.datasets > MOST_DATASETS or max(self.points, self.patients, self.truth_patients) > MOST_PATIENTS:
            raise InputError(
                f"--datasets {self.datasets}, --patients {self.patients}: at most {MOST_DATASETS:,} data sets of "
                f"{MOST_PATIENTS:,} patients are allowed."
            )
        if not 0 <= self.seed < 2**63:
            raise InputError(f"--seed {self.seed}: is not between 0 and 2^63 - 1.")

    @property
    def n_draws(self) -> int:
        """Draws among which a truth is ranked."""
        return self.ensembles * self.walkers


@dataclass(frozen=True)
class SimulationBased:
    """Result of a simulation-based calibration.

    Attributes
    ----------
    problem : HeldProblem
        In its reduced dimension.
    settings : SbcSettings
        Size.
    ranks : DataFrame
        dataset, and a column a quantity: how many of the draws are below the truth.
    table : DataFrame
        quantity, n, p_value (chi-squared), max_difference, band, inside (`uniformity`).
    emulator : DataFrame
        target_id, sd (as the likelihood adds it), check_rmse (against the truths' own runs), on the complementary
        log-log scale.
    """

    problem: HeldProblem
    settings: SbcSettings
    ranks: pd.DataFrame
    table: pd.DataFrame
    emulator: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether every quantity lies within its band."""
        return bool(self.table["inside"].all())

    @property
    def summary(self) -> str:
        """Verdict, and what to expect by chance alone."""
        n, outside = len(self.table), int((~self.table["inside"]).sum())
        verdict = "passed" if self.passed else "failed"
        return (
            f"Simulation-based calibration {verdict}: {n - outside} of {n} quantities within their {LEVEL:.0%} bands. "
            f"With a right likelihood {n * (1.0 - LEVEL):.2g} lie outside on average; with independent quantities "
            f"none does in {LEVEL**n:.0%} of studies."
        )


def run_sbc(
    problem: Problem, settings: SbcSettings | None = None, jobs: int = 1, progress: Progress | None = None
) -> SimulationBased:
    """Simulation-based calibration of a calibration's free quantities.

    Parameters
    ----------
    problem : Problem
        In its whole dimension.
    jobs : int
        Worker threads of the model's runs.

    Raises
    ------
    InputError
        If a setting is impossible.
    """
    settings = settings or SbcSettings()
    settings.validate()
    tell = progress or _silent
    held = at_means(problem)
    density = density_of(held, settings, jobs, tell)
    z = true_points(len(held.names), settings)
    truth = _run(held, z, settings.truth_patients, FIRST_TRUTH, settings.seed, jobs, "truths", tell)
    shares = simulated_targets(density, z, _between(truth), settings.seed)
    ranks = rank_truths(density, z, shares, settings, tell)
    table = uniformity(ranks, settings.n_draws, settings.seed)
    return SimulationBased(held, settings, ranks, table, _emulator_table(density, z, truth))


def _silent(_phase: str, _done: int, _total: int) -> None:
    pass


# === The reduced problem ===


@dataclass(frozen=True)
class HeldProblem(Problem):
    """A problem whose given parameters stand at values that are known.

    Attributes
    ----------
    held : dict of str to float
        Every parameter of the scenario that free quantities do not set.
    """

    held: dict[str, float]

    @cached_property
    def given_ids(self) -> list[str]:
        """None: they are known."""
        return []

    @cached_property
    def _drawn(self) -> dict[str, FloatArray]:
        return {id_: np.full(N_ROWS, x) for id_, x in self.held.items()}


def at_means(problem: Problem) -> HeldProblem:
    """A problem with its given parameters at their means."""
    drawn = problem.draws(np.zeros((N_ROWS, len(problem.free))), np.arange(N_ROWS, dtype=np.float64))
    own = {field.name: getattr(problem, field.name) for field in fields(Problem)}
    return HeldProblem(**own, held={id_: float(x.mean()) for id_, x in drawn.items() if id_ not in problem.sets})


def with_whole_sizes(problem: HeldProblem, per_patient: FloatArray) -> HeldProblem:
    """The problem with each row's n its effective number of patients, a whole one: what can be simulated."""
    sizes = np.nan_to_num(effective_sizes(problem.rows, per_patient))
    rows = [
        replace(row, n=float(max(round(n), 1)), is_effective=False) for row, n in zip(problem.rows, sizes, strict=True)
    ]
    return replace(problem, rows=rows)


def density_of(held: HeldProblem, settings: SbcSettings, jobs: int, progress: Progress) -> Density:
    """Density of the reduced problem, over one emulator for all data sets."""
    n_free, patients, seed = len(held.free), settings.patients, settings.seed
    at_centre = np.zeros((REFERENCE_POINTS, n_free))
    reference = _run(held, at_centre, patients, FIRST_REFERENCE, seed, jobs, "censoring", progress)
    per_patient = np.nan_to_num(reference.per_patient.mean(axis=0), nan=1.0)
    z = prior_points(settings.points, n_free, seed)
    found = _run(held, z, patients, 0, seed, jobs, "design over the prior", progress)
    given = np.broadcast_to(standardised_given(held)[N_ROWS], (len(z), 0))
    emulator = fit_emulator(z, given, found.share, found.information, settings.degree)
    whole = with_whole_sizes(held, per_patient)
    return Density(whole, emulator, np.ones(len(whole.rows)), whole.fitted(), farthest=settings.farthest)


def _run(
    problem: Problem, z: FloatArray, n_patients: int, first: int, seed: int, jobs: int, phase: str, progress: Progress
) -> Predicted:
    return run_design(
        problem,
        z[:, : len(problem.free)],
        n_patients,
        seed,
        first,
        jobs,
        progress=lambda done, total: progress(phase, done, total),
    )


def _between(truth: Predicted) -> FloatArray:
    """Shares strictly between 0 and 1: half a patient where none or all had the event."""
    least = 0.5 / np.maximum(truth.patients, 1.0)
    return np.clip(truth.share, least, 1.0 - least)


def _emulator_table(density: Density, z: FloatArray, truth: Predicted) -> pd.DataFrame:
    """The emulator against the model's runs at the true parameters, of the rows that are fitted."""
    problem, n_free = density.problem, len(density.problem.free)
    eta = density.emulator.predict(z[:, :n_free], np.zeros((len(z), 0)))
    rmse = error_beside(eta, truth.share, truth.information)
    columns = density.columns
    return pd.DataFrame(
        {
            "target_id": [problem.rows[k].target for k in columns],
            "n": [problem.rows[k].n for k in columns],
            "sd": density.emulator.sd[columns],
            "check_rmse": rmse[columns],
        }
    )


# === Targets from known parameters, and the rank of the truth ===


def true_points(n: int, settings: SbcSettings) -> FloatArray:
    """Draws of the priors, which end at `farthest` SD, (n_datasets, n)."""
    u = np.random.default_rng([settings.seed, 11]).random((settings.datasets, n))
    edge = special.ndtr(settings.farthest)
    z: FloatArray = special.ndtri(1.0 - edge + (2.0 * edge - 1.0) * u)
    return z


def simulated_shares(
    likelihood: Likelihood, n: FloatArray, share: FloatArray, tau: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Shares that studies would print, drawn as the likelihood reads them, (n_rows,); NaN of rows that it does not.

    Parameters
    ----------
    n : ndarray(float, ndim=1)
        Patients of each row, whole numbers, (n_rows,).
    share : ndarray(float, ndim=1)
        True shares at the mean setting, (n_rows,).
    tau : ndarray(float, ndim=1)
        Between-study SD by family.
    """
    effect = rng.normal(size=likelihood.effect.max() + 1)[likelihood.effect]
    setting = share_of_eta(eta_of_share(share[likelihood.columns]) + tau[likelihood.family] * effect)
    size, found = n[likelihood.columns], np.zeros(len(setting))
    for i in _inside_out(likelihood.inner):
        j = likelihood.inner[i]
        inside, expected = (found[j], setting[j]) if j >= 0 else (0.0, 0.0)
        left = float(np.clip((setting[i] - expected) / (1.0 - expected), 0.0, 1.0))
        could = round(size[i] * (1.0 - inside))
        found[i] = inside + (1.0 - inside) * (rng.binomial(could, left) / could if could else 0.0)
    shares: FloatArray = np.full(len(share), np.nan)
    shares[likelihood.columns] = found
    return shares


def _inside_out(inner: IntArray) -> list[int]:
    """Positions of rows, each after the one that it contains."""

    def depth(i: int) -> int:
        return 0 if inner[i] < 0 else 1 + depth(int(inner[i]))

    return sorted(range(len(inner)), key=depth)


def simulated_targets(density: Density, z: FloatArray, share: FloatArray, seed: int) -> FloatArray:
    """What studies would print at true coordinates, (n_datasets, n_rows).

    Parameters
    ----------
    density : Density
        The right one; of its problem the rows' n are whole numbers.
    z : ndarray(float, ndim=2)
        True coordinates, (n_datasets, n_free + n_tau).
    share : ndarray(float, ndim=2)
        The model's shares there, (n_datasets, n_rows).
    """
    problem, n_free = density.problem, len(density.problem.free)
    n = np.array([row.n for row in problem.rows])
    taus = np.stack([tau.at(z[:, n_free + k]) for k, tau in enumerate(problem.tau)], axis=1)
    found = [
        simulated_shares(density.likelihood, n, share[i], taus[i], np.random.default_rng([seed, 12, i]))
        for i in range(len(z))
    ]
    return np.array(found)


def rank_truths(
    density: Density, z: FloatArray, shares: FloatArray, settings: SbcSettings, progress: Progress = _silent
) -> pd.DataFrame:
    """Rank of each true value among draws of the posterior of its data set.

    Parameters
    ----------
    density : Density
        The density under test.
    z : ndarray(float, ndim=2)
        True coordinates, (n_datasets, n_free + n_tau).
    shares : ndarray(float, ndim=2)
        Simulated shares, (n_datasets, n_rows).

    Returns
    -------
    DataFrame
        dataset, and a column a quantity with ranks 0, ..., `settings.n_draws`: z ranks as the quantity itself does.
    """
    ranks = []
    for i in range(len(z)):
        seed = int(np.random.default_rng([settings.seed, 14, i]).integers(2**31))
        draws = _posterior(replace(density, share=shares[i]), settings, seed)
        ranks.append((draws < z[i]).sum(axis=0))
        progress("sampling", i + 1, len(z))
    table = pd.DataFrame(np.array(ranks), columns=pd.Index(density.problem.names))
    table.insert(0, "dataset", np.arange(len(z)))
    return table


def _posterior(density: Density, settings: SbcSettings, seed: int) -> FloatArray:
    """Last states of the walkers, (n_draws, n_free + n_tau): those of an ensemble are independent of one another."""
    start, rows = dispersed(density, density.mode(), settings.ensembles, settings.walkers, seed)
    chains = sample(density, start, np.full_like(rows, N_ROWS), settings.steps, settings.steps, seed)
    last: FloatArray = chains.last()[0]
    return last


# === Uniformity ===


@dataclass(frozen=True)
class Band:
    """Simultaneous band of the ECDF of ranks 0, ..., n_draws of a uniform sample.

    Attributes
    ----------
    expected : ndarray(float, ndim=1)
        P(rank <= j) for j = 0, ..., n_draws - 1.
    low, high : ndarray(float, ndim=1)
        Shares of the sample between which the ECDF lies at all j together, with probability `LEVEL` or more.
    """

    expected: FloatArray
    low: FloatArray
    high: FloatArray


def ecdf_band(n: int, n_draws: int, seed: int) -> Band:
    """Band of a sample of n ranks.

    Notes
    -----
    At each j the count of ranks up to j is binomial. The pointwise level g is the one at which all counts of a share
    `LEVEL` of uniform samples have two-sided binomial probabilities of at least g; it is found by simulation.
    """
    expected = np.arange(1, n_draws + 1) / (n_draws + 1.0)
    count = np.arange(n + 1)[:, None]
    at_most, at_least = stats.binom.cdf(count, n, expected), stats.binom.sf(count - 1, n, expected)
    probability = 2.0 * np.minimum(at_most, at_least)
    ranks = np.random.default_rng([seed, 13]).integers(0, n_draws + 1, (SIMULATED, n))
    places = np.arange(SIMULATED)[:, None] * (n_draws + 1) + ranks
    of_rank = np.bincount(places.reshape(-1), minlength=SIMULATED * (n_draws + 1)).reshape(SIMULATED, -1)
    least = probability[of_rank.cumsum(axis=1)[:, :-1], np.arange(n_draws)].min(axis=1)
    possible = probability >= np.quantile(least, 1.0 - LEVEL, method="lower")
    low, high = possible.argmax(axis=0), n - possible[::-1].argmax(axis=0)
    return Band(expected, low / n, high / n)


def ecdf(ranks: IntArray, n_draws: int) -> FloatArray:
    """Share of ranks up to j for j = 0, ..., n_draws - 1."""
    share: FloatArray = np.bincount(ranks, minlength=n_draws + 1).cumsum()[:-1] / len(ranks)
    return share


def uniformity(ranks: pd.DataFrame, n_draws: int, seed: int) -> pd.DataFrame:
    """Whether ranks are uniform, quantity by quantity.

    Returns
    -------
    DataFrame
        quantity, n (data sets), p_value (chi-squared), max_difference (of the ECDF from the uniform one; if it leaves
        its band, where it does so most), band (its limit there), inside (whether it is within its band everywhere).
    """
    band = ecdf_band(len(ranks), n_draws, seed)
    rows: list[dict[str, Any]] = []
    for name in ranks.columns.drop("dataset"):
        own = ranks[name].to_numpy()
        difference = ecdf(own, n_draws) - band.expected
        limit = np.where(difference >= 0.0, band.high - band.expected, band.expected - band.low)
        outside = np.abs(difference) > limit + ROUNDING
        worst = int(np.argmax(np.abs(difference) - limit if outside.any() else np.abs(difference)))
        rows.append(
            {
                "quantity": name,
                "n": len(own),
                "p_value": chi_squared(own, n_draws),
                "max_difference": float(abs(difference[worst])),
                "band": float(limit[worst]),
                "inside": not outside.any(),
            }
        )
    return pd.DataFrame(rows)


def chi_squared(ranks: IntArray, n_draws: int) -> float:
    """P-value of a chi-squared test of uniform ranks in 5 to 20 bins of about ten."""
    n_bins = int(np.clip(len(ranks) // 10, 5, 20))
    bin_of = np.arange(n_draws + 1) * n_bins // (n_draws + 1)
    expected = np.bincount(bin_of) * len(ranks) / (n_draws + 1.0)
    return float(stats.chisquare(np.bincount(bin_of[ranks], minlength=n_bins), expected).pvalue)
