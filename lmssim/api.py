"""Studies as Python offers them: one function each, whose result has named tables, `to_frame` and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.execution.simulate import Sampling
from lmssim.report.sensitivity.psa.bands import plot_bands
from lmssim.report.sensitivity.psa.figures import plot_acceptability, plot_draws, plot_loss
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.study import psa_in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Literal

    from matplotlib.axes import Axes

    from lmssim.model.scenario import Scenario


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
    return psa_in_memory(scenario, sampling, n_draws, progress, Psa)
