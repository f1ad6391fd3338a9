"""Global sensitivity analysis as Python offers it: one function, with tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.sensitivity.sobol.figures import plot_indices, plot_screening, plot_shapley
from lmssim.studies.sensitivity.sobol.asked import DEFAULT_PATIENTS, DEFAULT_ROWS, DEFAULT_TRAJECTORIES, Asked
from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity
from lmssim.studies.sensitivity.sobol.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Sobol(GlobalSensitivity):
    """A global sensitivity analysis, and its pictures."""

    def plot(self, ax: Axes | None = None, outcome: str | None = None) -> Axes:
        """Sobol' indices of an outcome; the screening if there are none."""
        return plot_indices(self, outcome, ax) if self.indices else self.plot_screening(ax, outcome)

    def plot_screening(self, ax: Axes | None = None, outcome: str | None = None) -> Axes:
        """Mean absolute effects of an outcome."""
        return plot_screening(self, outcome, ax)

    def plot_shapley(self, ax: Axes | None = None, outcome: str | None = None) -> Axes:
        """Approximate Shapley effects within a block."""
        return plot_shapley(self, outcome, ax)


def sobol(
    scenario: Scenario | str | Path,
    n_rows: int = DEFAULT_ROWS,
    n_patients: int = DEFAULT_PATIENTS,
    *,
    n_trajectories: int = DEFAULT_TRAJECTORIES,
    strategy: str | None = None,
    against: str | None = None,
    wtp: Sequence[float] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    shapley: str = "",
    parts: Mapping[str, Sequence[str]] | None = None,
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[str, int, int], None] | None = None,
) -> Sobol:
    """Global sensitivity of increments: Morris' screening, and Sobol' indices of independent groups of parameters.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    n_rows, n_trajectories : int
        Rows of Saltelli's design, a power of 2, and trajectories of the screening; 0 leaves one out.
    n_patients : int
        Patients of every evaluation, the same in all.
    strategy, against : str, optional
        What is compared; the best of the other strategies, and the comparator, if absent.
    wtp : sequence of float
        Willingness to pay; the scenario's own if empty.
    groups : mapping of str to sequence of str, optional
        Parameters, blocks or patterns of each declared factor; by kind if absent.
    shapley : str
        Block that is drawn jointly whose variance Shapley effects divide.
    parts : mapping of str to sequence of str, optional
        Its parts.
    progress : callable, optional
        Called with (what is done, done, in all).

    Returns
    -------
    Sobol
        Tables `sobol`, `screening`, `variance`, `factors_table`; `shapley` and `shapley_check`.

    Raises
    ------
    InputError
        If the scenario cannot be run, nothing can be compared, or an index is asked for that has no meaning.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.sobol("illness_death", n_rows=64, n_patients=200, n_trajectories=4)
    >>> found.sobol["factor"].iloc[0]
    'loghr_progression'
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    asked = Asked(strategy, against, tuple(wtp), n_rows, n_trajectories, groups or {}, shapley, parts or {})
    asked.check(loaded)
    sampling = Sampling(
        n_patients=n_patients,
        seed=seed,
        engine=engine,
        profiles=profiles,
        jobs=jobs,
        backend=backend,
        counting=False,
    )
    study = Study(compile_scenario(loaded), sampling, asked)
    study.validate()
    return Sobol(**vars(study.run(progress)))
