"""Deterministic sensitivity analyses as Python offers them: one function each, with tables and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.execution.simulate import COHORT, Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.sensitivity.scenarios.shown import plot_scenarios
from lmssim.report.sensitivity.threshold.figures import plot_threshold
from lmssim.report.sensitivity.tornado.figures import plot_icer, plot_tornado
from lmssim.report.sensitivity.two_way.shown import plot_map
from lmssim.studies.axes import axis_from
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
from lmssim.studies.sensitivity.paired.conditioned import DRAWS, PATIENTS
from lmssim.studies.sensitivity.paired.joint import draws_of_folder
from lmssim.studies.sensitivity.paired.runs import Drawn, Reloaded, at_values
from lmssim.studies.sensitivity.paired.varied import check_free, is_joint
from lmssim.studies.sensitivity.scenarios.numbered import Numbered, chosen
from lmssim.studies.sensitivity.scenarios.result import ScenarioStudy
from lmssim.studies.sensitivity.scenarios.study import run_scenarios
from lmssim.studies.sensitivity.threshold.result import ThresholdStudy
from lmssim.studies.sensitivity.threshold.study import Asked as AskedThreshold
from lmssim.studies.sensitivity.threshold.study import check_draws, followed, prices, thresholds
from lmssim.studies.sensitivity.two_way.result import TwoWay
from lmssim.studies.sensitivity.two_way.study import check_axes, wtps_of
from lmssim.studies.sensitivity.two_way.study import two_way as run_two_way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Runs

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
        Patients of each joint draw (200; a quarter of them in draws of runs), or of each run with the others at their
        values (20,000).
    strategy, against : str, optional
        What is compared; the best of the other strategies, and the comparator, if absent.
    wtp : sequence of float
        Willingness to pay; the scenario's own if empty.
    at_base : bool
        Whether all other parameters have their values, in place of their distribution (the classic form).
    top : int
        Parameters that are drawn alone whose bars come from longer runs.
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


@dataclass(frozen=True)
class Threshold(ThresholdStudy):
    """Thresholds or value-based prices, and their picture."""

    def plot(self, ax: Axes | None = None, wtp: float | None = None) -> Axes:
        """Net benefit along the parameter, and where the lead changes."""
        return plot_threshold(self, wtp, ax)


def threshold(
    scenario: str | Path,
    vary: str | None = None,
    low: float | None = None,
    high: float | None = None,
    *,
    price: str | None = None,
    strategy: str | None = None,
    against: str | None = None,
    wtp: Sequence[float] = (),
    steps: int = 21,
    n_draws: int | None = None,
    n_patients: int | None = None,
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[int, int], None] | None = None,
) -> Threshold:
    """Find the value of an input at which the decision changes, or a value-based price.

    Parameters
    ----------
    scenario : str or Path
        Path of a file, or the name of a bundled scenario.
    vary, price : str
        A parameter, or a cost whose price is looked for: one of the two.
    low, high : float, optional
        Range; the parameter's 95% interval if absent, and of a price what is needed.
    strategy, against : str, optional
        If either is given, the sign of the increment of the one over the other is followed.
    n_draws : int, optional
        Draws of the other parameters; 1,000 of a calibrated scenario, else none, and 0 is none. Of a parameter that is
        drawn jointly with others: joint draws (8,000), by which what is expected given its value is followed.
    n_patients : int, optional
        Patients of each draw (20, of joint draws 100), or of each run without draws (20,000).

    Returns
    -------
    Threshold
        Tables `thresholds`, `net_benefit`.

    Raises
    ------
    InputError
        If there is none in the range; the message says which strategy leads throughout.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.threshold("illness_death", "loghr_progression", -0.4, 0.4, steps=4, n_patients=2_000)
    >>> [round(each.value.mean, 6) + 0.0 for each in found.crossings[20_000.0]]
    [0.0]
    """
    if (vary is None) == (price is None):
        raise InputError("threshold: give one of vary and price.")

    def program(held: Mapping[str, float]) -> Program:
        return compile_scenario(load_scenario(scenario, {**(overrides or {}), **held}, switches))

    whole = program({})
    asked = AskedThreshold(vary or price or "", low, high, strategy, against, tuple(wtp), steps)
    asked.check(whole, "--vary" if price is None else "--price")
    check_free(whole.scenario, asked.parameter, "vary" if price is None else "price", overrides or {}, switches or {})
    if price is None:
        check_draws(whole, asked, drawn=n_draws != 0 and (engine != COHORT or n_draws is not None))
        if is_joint(whole, asked.parameter):
            n_draws = DRAWS if n_draws is None else n_draws
            n_patients = PATIENTS if n_patients is None else n_patients
    runs, made = _runs(whole, n_draws, n_patients, seed, engine, profiles, jobs, backend)
    follow = followed(runs, asked, program, progress)
    found = (thresholds if price is None else prices)(follow, asked, made, progress)
    return Threshold(**vars(found))


@dataclass(frozen=True)
class TwoWayMap(TwoWay):
    """A map of the best strategy, and its picture."""

    def plot(self, ax: Axes | None = None, wtp: float | None = None) -> Axes:
        """The best strategy over the two inputs, hatched where noise leaves it open."""
        return plot_map(self, wtp, ax)


def two_way(
    scenario: str | Path,
    vary: Mapping[str, str | Sequence[float]],
    *,
    wtp: Sequence[float] = (),
    n_draws: int | None = None,
    n_patients: int | None = None,
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[int, int], None] | None = None,
) -> TwoWayMap:
    """Map the best strategy over two inputs.

    Parameters
    ----------
    scenario : str or Path
        Path of a file, or the name of a bundled scenario.
    vary : mapping of str to str or sequence of float
        Two parameters, across and upwards, and the values of each: numbers, or text such as `"0:100:5"`.
    n_draws : int, optional
        Draws of the other parameters; 1,000 of a calibrated scenario, else none, and 0 is none.
    n_patients : int, optional
        Patients of each draw (20), or of each run without draws (20,000).

    Returns
    -------
    TwoWayMap
        Tables `two_way`, `two_way_outcomes`.

    Raises
    ------
    InputError
        If there are not two parameters that may be moved alone.

    Examples
    --------
    >>> import lmssim
    >>> levels = {"loghr_progression": [-0.3, 0.3], "c_progressed": [1_000, 9_000]}
    >>> found = lmssim.two_way("illness_death", levels, n_patients=2_000, wtp=[20_000])
    >>> found.two_way["best"].tolist()
    ['new', 'standard', 'new', 'standard']
    """

    def program(held: Mapping[str, float]) -> Program:
        return compile_scenario(load_scenario(scenario, {**(overrides or {}), **held}, switches))

    whole = program({})
    axes = check_axes(whole, [axis_from(name, levels, None, f"vary: {name}") for name, levels in vary.items()])
    for axis in axes:
        check_free(whole.scenario, axis.label, "vary", overrides or {}, switches or {})
    wtps = wtps_of(whole.scenario, wtp)
    runs, made = _runs(whole, n_draws, n_patients, seed, engine, profiles, jobs, backend)
    return TwoWayMap(**vars(run_two_way(Reloaded(runs, program), axes, wtps, made, progress)))


@dataclass(frozen=True)
class Scenarios(ScenarioStudy):
    """Scenario analyses, and their picture."""

    def plot(self, ax: Axes | None = None, wtp: float | None = None) -> Axes:
        """Increments of net benefit by analysis, with the errors of their changes."""
        return plot_scenarios(self, wtp, ax)


def scenarios(
    scenario: str | Path,
    only: Sequence[int] = (),
    *,
    strategy: str | None = None,
    wtp: Sequence[float] = (),
    n_draws: int | None = None,
    n_patients: int | None = None,
    seed: int = 1,
    engine: str = "compiled",
    profiles: int = 32,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[int, int], None] | None = None,
) -> Scenarios:
    """Run numbered scenario analyses, and every other option of a switch, against the base case.

    Parameters
    ----------
    scenario : str or Path
        Path of a file, or the name of a bundled scenario.
    only : sequence of int
        Numbers; all if empty.
    strategy : str, optional
        Whose increment over the comparator the picture shows; the best of the others if absent.
    n_draws : int, optional
        Draws of the parameters; 1,000 of a calibrated scenario, else none, and 0 is none.
    n_patients : int, optional
        Patients of each draw (20), or of each run without draws (20,000).

    Returns
    -------
    Scenarios
        Table `scenarios`.

    Raises
    ------
    InputError
        If there are no analyses, or one cannot be run; the message names its number.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.scenarios("extremity", [1], n_draws=0, n_patients=1_024)
    >>> found.scenarios["number"].unique().tolist()
    [0, 1]
    """

    def load(each: Numbered) -> Program:
        held, chosen_ = {**(overrides or {}), **each.set}, {**(switches or {}), **each.switches}
        loaded = load_scenario(scenario, held, chosen_, each.change)
        return compile_scenario(replace(loaded, own=frozenset()) if each.change else loaded)

    whole = load(Numbered(0, ""))
    analyses = chosen(whole.scenario, only)
    runs, made = _runs(whole, n_draws, n_patients, seed, engine, profiles, jobs, backend)
    found = run_scenarios(
        runs, analyses, load, wtps_of(whole.scenario, wtp), made, strategy=strategy, progress=progress
    )
    return Scenarios(**vars(found))


def _runs(
    program: Program,
    n_draws: int | None,
    n_patients: int | None,
    seed: int,
    engine: str,
    profiles: int,
    jobs: int,
    backend: str,
) -> tuple[Runs, dict[str, object]]:
    """Runs over draws, at values or solved, as `lmssim run` chooses."""
    exact = engine == COHORT
    if n_draws is None:
        n_draws = 1_000 if program.scenario.is_calibrated and not exact else 0
    sampling = Sampling(
        n_patients=n_patients or (20 if n_draws else PATIENTS_AT_VALUES),
        seed=seed,
        engine=engine,
        profiles=profiles,
        jobs=jobs,
        backend=backend,
        counting=False,
    )
    made: dict[str, object] = {"draws": n_draws, "patients": sampling.n_patients}
    made |= {"exact": exact and not n_draws, "solved": exact}
    return Drawn(program, sampling, n_draws) if n_draws else at_values(program, sampling), made
