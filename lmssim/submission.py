"""What agencies ask, as Python offers it: one function, whose result has named tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.outcomes.main import LY, UNDISCOUNTED
from lmssim.report.sensitivity.agency.budget import plot_budget
from lmssim.report.sensitivity.agency.patients import plot_distribution, plot_gains
from lmssim.report.sensitivity.agency.rates import plot_rates
from lmssim.report.sensitivity.agency.severity import plot_severity
from lmssim.studies.sensitivity.agency.study import BUDGET, PATIENTS, SEVERITY, AgencyStudy, question

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeVar

    from matplotlib.axes import Axes

    T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Agency(AgencyStudy):
    """What agencies ask, and its pictures."""

    def __repr__(self) -> str:
        """Whom it rests on and which tables it has; their numbers would fill screens."""
        draws = f", {self.n_draws:,} draws" if self.n_draws else ""
        return f"<Agency of '{self.scenario.name}': {self.n_patients:,} patients{draws}; {', '.join(self.tables)}>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """The severity modifier, if it was told; else net benefit by discount rate."""
        return plot_rates(self.of_rates, ax) if self.of_severity is None else plot_severity(self.of_severity, ax)

    def plot_severity(self, ax: Axes | None = None) -> Axes:
        """QALYs with and without the disease, and the weight that they give."""
        return plot_severity(self._part(self.of_severity, SEVERITY), ax)

    def plot_rates(self, ax: Axes | None = None, wtp: float | None = None) -> Axes:
        """Net benefit of each strategy by discount rate."""
        return plot_rates(self.of_rates, ax, wtp)

    def plot_distribution(self, ax: Axes | None = None, outcome: str = LY + UNDISCOUNTED) -> Axes:
        """Histogram of an outcome over patients, by strategy."""
        return plot_distribution(self._part(self.of_patients, PATIENTS), outcome, ax)

    def plot_gains(self, ax: Axes | None = None) -> Axes:
        """Shares of patients who gain and who lose more than a month."""
        return plot_gains(self._part(self.of_patients, PATIENTS), ax)

    def plot_budget(self, ax: Axes | None = None) -> Axes:
        """Difference between the two worlds by year and cost category."""
        return plot_budget(self._part(self.of_budget, BUDGET), ax)

    def _part(self, part: T | None, name: str) -> T:
        if part is None:
            raise InputError(f"{name}: {self.left_out.get(name) or 'this part was not run.'}")
        return part


def agency(
    scenario: Scenario | str | Path,
    n_patients: int = 50_000,
    n_draws: int | None = None,
    *,
    parts: Sequence[str] = (),
    standard_care: str | None = None,
    budget: str | Path | None = None,
    strategies: Sequence[str] = (),
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[str, int, int], None] | None = None,
) -> Agency:
    """Severity modifier, other discount rates, spread over patients, budget impact.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    n_patients : int
        Patients in all, each of whom meets every strategy.
    n_draws : int, optional
        Joint draws of the parameters, over which the patients are split; 0 gives every parameter its value. If absent,
        1,000 (or one for ten patients) of a calibrated scenario, and none of another, nor by engine `cohort`.
    parts : sequence of str
        Of `severity`, `rates`, `patients`, `budget`; all that the scenario can tell if empty.
    standard_care : str, optional
        Strategy that patients get today; the scenario's comparator if absent.
    budget : str or Path, optional
        File of a budget impact analysis, or the name of a bundled one; the bundled one of a bundled scenario if absent.
    strategies : sequence of str
        Strategies to run; all if empty.
    engine : str
        `compiled`, `des`, or `cohort`, which solves the population without patients.
    profiles : int
        Profiles of the population, for `cohort`.
    jobs, backend
        Workers, which change no result.
    progress : callable, optional
        Called with (part, done, in all).

    Returns
    -------
    Agency
        Tables `severity`, `severity_weights`, `severity_incremental`, `rates`, `rates_incremental`, `rates_frontier`,
        `distribution`, `patients_reaching`, `gains`, `budget_impact`, `budget_patients`, `cost_by_year`,
        `budget_inputs`, and `budget_scenarios` if the file has any.

    Raises
    ------
    InputError
        If the scenario cannot be run, or a part is asked for that it cannot tell.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.agency("extremity", n_patients=2_000, n_draws=50, parts=["severity"])
    >>> found.severity_weights.set_index("weight")["applies"].to_dict()
    {1.0: True, 1.2: False, 1.7: False}
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    sampling = Sampling(
        n_patients=n_patients,
        seed=seed,
        strategies=strategies if isinstance(strategies, str) else tuple(strategies),  # type: ignore[arg-type]  # refused
        engine=engine,
        profiles=profiles,
        jobs=jobs,
        backend=backend,
    )
    asked = question(
        compile_scenario(loaded),
        sampling,
        n_draws,
        parts=parts if isinstance(parts, str) else tuple(parts),
        standard_care=standard_care,
        budget=budget,
    )
    return Agency(**vars(asked.run(progress)))
