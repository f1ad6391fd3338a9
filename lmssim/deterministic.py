"""Deterministic sensitivity analyses as Python offers them: one function each, with tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.sensitivity.tornado.figures import plot_icer, plot_tornado
from lmssim.studies.sensitivity.one_way.joint import draws_of_folder
from lmssim.studies.sensitivity.one_way.result import OneWay
from lmssim.studies.sensitivity.one_way.study import (
    DEFAULT_DRAWS,
    DEFAULT_PATIENTS,
    MOST_OF_RUNS,
    TOP,
    Asked,
    classic,
    one_way,
)
from lmssim.studies.sensitivity.paired.runs import Drawn, at_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

PATIENTS_AT_VALUES = 20_000


@dataclass(frozen=True)
class Tornado(OneWay):
    """A one-way analysis, and its pictures."""

    def plot(self, ax: Axes | None = None, wtp: float | None = None) -> Axes:
        """Tornado diagram of the increment of net benefit."""
        return plot_tornado(self, wtp, ax)

    def plot_icer(self, ax: Axes | None = None) -> Axes:
        """Tornado diagram of the cost per QALY gained."""
        return plot_icer(self, ax)


def tornado(
    scenario: Scenario | str | Path,
    n_draws: int = DEFAULT_DRAWS,
    n_patients: int | None = None,
    *,
    strategy: str | None = None,
    against: str | None = None,
    wtp: Sequence[float] = (),
    at_base: bool = False,
    top: int = TOP,
    psa: str | Path | None = None,
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[str, int, int], None] | None = None,
) -> Tornado:
    """One-way analysis: expected increments with each uncertain parameter at the ends of its 95% interval.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    n_draws : int
        Joint draws for the regression.
    n_patients : int, optional
        Patients of each draw (100), or of each run with the others at their values (20,000).
    strategy, against : str, optional
        What is compared; the best of the other strategies, and the comparator, if absent.
    wtp : sequence of float
        Willingness to pay; the scenario's own if empty.
    at_base : bool
        Whether all other parameters have their values, in place of their distribution (the classic form).
    top : int
        Independent parameters whose bars come from runs of the model.
    psa : path, optional
        A folder of `lmssim psa` whose draws the regression takes.
    progress : callable, optional
        Called with (what is done, done, in all).

    Returns
    -------
    Tornado
        Tables `tornado`, `tornado_icer`, `not_moved_alone`.

    Raises
    ------
    InputError
        If the scenario cannot be run, or nothing can be compared.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.tornado("illness_death", n_draws=200, n_patients=50)
    >>> found.tornado["parameter"].iloc[0]
    'loghr_progression'
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    asked = Asked(strategy, against, tuple(wtp), top)
    asked.check(loaded)
    program = compile_scenario(loaded)
    sampling = Sampling(
        n_patients=n_patients or (PATIENTS_AT_VALUES if at_base else DEFAULT_PATIENTS),
        seed=seed,
        engine=engine,
        profiles=profiles,
        jobs=jobs,
        backend=backend,
        counting=False,
    )
    if at_base:
        found = classic(at_values(program, sampling), asked, progress)
    else:
        runs = Drawn(program, sampling, min(n_draws, MOST_OF_RUNS))
        given = None if psa is None else draws_of_folder(Path(psa), program)
        found = one_way(runs, n_draws, asked, progress, given)
    return Tornado(**vars(found))
