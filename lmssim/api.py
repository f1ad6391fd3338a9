"""Studies as Python offers them: one function each, whose result has named tables, `to_frame` and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.evaluation import evaluate, expected_values
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.evaluation.subgroups import plot_subgroups
from lmssim.report.sensitivity.psa.bands import plot_bands
from lmssim.report.sensitivity.psa.figures import plot_acceptability, plot_draws, plot_loss
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.study import psa_in_memory
from lmssim.studies.subgroups import SubgroupStudy, with_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Literal

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Psa(ProbabilisticAnalysis):
    """A probabilistic analysis, and its pictures."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Cost-effectiveness plane of the draws."""
        return plot_draws(self, ax)

    def plot_ceac(self, ax: Axes | None = None) -> Axes:
        """Acceptability curves and frontier."""
        return plot_acceptability(self, ax)

    def plot_expected_loss(self, ax: Axes | None = None) -> Axes:
        """Expected loss, whose lowest curve is the value of perfect information."""
        return plot_loss(self, ax)

    def plot_survival(self, ax: Axes | None = None, endpoint: str | None = None) -> Axes:
        """Survival or incidence with credible bands."""
        return plot_bands(self, ax, endpoint)


def psa(
    scenario: Scenario | str | Path,
    n_draws: int = 1_000,
    n_patients: int = 1_000,
    *,
    seed: int = 1,
    engine: str = "compiled",
    random_numbers: Literal["common", "independent"] = "independent",
    strategies: Sequence[str] = (),
    profiles: int = 32,
    new_setting: bool = False,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[int, int], None] | None = None,
) -> Psa:
    """Draw all parameters jointly.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    n_draws, n_patients : int
        Draws, and patients of each, who meet every strategy.
    engine : str
        `compiled`, `des`, or `cohort`, which solves each draw without patients.
    random_numbers : str
        Whether each draw has patients of its own (`independent`), or all share them (`common`).
    strategies : sequence of str
        Strategies to run; all if empty.
    profiles : int
        Profiles of the population, for `cohort`.
    new_setting : bool
        Whether each draw stands in a setting of its own: the between-study spread that calibrations found is added.
    jobs, backend
        Workers, which change no result.
    progress : callable, optional
        Called with (draws done, draws in all).

    Returns
    -------
    Psa
        Tables `summary`, `incremental`, `inmb`, `ceac`, `ceaf`, `expected_loss`, `evpi`, `frontier_probability`,
        `survival_bands`, `running`, `parameters`, `results`.

    Raises
    ------
    InputError
        If the scenario cannot be run, down to the last draw.

    Examples
    --------
    >>> import lmssim
    >>> analysis = lmssim.psa("hiv", n_draws=200, engine="cohort")
    >>> analysis.ceaf.set_index("wtp").loc[30_000.0, "strategy"]
    'combination'
    """
    sampling = Sampling(
        n_patients=n_patients,
        seed=seed,
        random_numbers=random_numbers,
        strategies=strategies if isinstance(strategies, str) else tuple(strategies),  # type: ignore[arg-type]  # refused
        engine=engine,
        profiles=profiles,
        jobs=jobs,
        backend=backend,
    )
    return psa_in_memory(scenario, sampling, n_draws, progress, Psa, new_setting=new_setting)


@dataclass(frozen=True)
class Subgroups(SubgroupStudy):
    """Results by subgroup, and their pictures."""

    def plot(self, partition: str | None = None) -> Figure:
        """Incremental net benefit in each subgroup, a panel a strategy; of the first partition if none is named."""
        return plot_subgroups(self, self.partitions[0] if partition is None else partition)


def subgroups(
    scenario: Scenario | str | Path,
    by: Sequence[str],
    sampling: Sampling | None = None,
    *,
    n_draws: int | None = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Subgroups:
    """Evaluate the strategies in every subgroup of some partitions of the patients.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    by : sequence of str
        Partitions as `lmssim run --by` takes them, such as ``"grade"``, ``"size_cm: 5, 10"`` or ``"grade*deep"``.
    sampling : Sampling, optional
        Patients in all, seed, strategies, workers.
    n_draws : int, optional
        Draws of the parameters over which expectations are taken; 0 gives every parameter its value, and None takes as
        many draws as `expected_values` does.
    progress : callable, optional
        Called with (lives done, lives in all).

    Returns
    -------
    Subgroups
        Tables `outcomes`, `incremental`, `frontier`, `individualised_care`.

    Raises
    ------
    InputError
        If a partition cannot be read, or the scenario cannot be run.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.subgroups("extremity", ["grade"], lmssim.Sampling(n_patients=2_000))
    >>> sorted(set(found.outcomes["subgroup"]))
    ['grade 1', 'grade 2', 'grade 3']
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    asked = with_partitions(compile_scenario(loaded), Sampling() if sampling is None else sampling, list(by))
    if n_draws == 0:
        return Subgroups(evaluate(loaded, asked, progress=progress))
    return Subgroups(expected_values(loaded, asked, n_draws, progress))
