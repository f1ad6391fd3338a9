"""Studies as Python offers them: one function each, whose result has named tables, `to_frame` and pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError
from lmssim.evaluation import evaluate, expected_values
from lmssim.execution.kept.reading import Finder, read_kept
from lmssim.execution.shared.tables import SharedTables
from lmssim.execution.simulate import Sampling
from lmssim.execution.writing.sharing import SHARED
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.evaluation.subgroups import plot_subgroups
from lmssim.report.sensitivity.diff.figures import plot_all, plot_waterfall
from lmssim.report.sensitivity.psa.bands import plot_bands
from lmssim.report.sensitivity.psa.figures import plot_acceptability, plot_draws, plot_loss
from lmssim.report.sensitivity.sweep.figures import default_outcome
from lmssim.report.sensitivity.sweep.lines import plot_lines
from lmssim.report.sensitivity.sweep.maps import plot_decision, plot_heat
from lmssim.report.sensitivity.sweep.points import plot_pareto
from lmssim.report.sensitivity.voi.figures import plot_by_wtp, plot_ranks
from lmssim.report.sensitivity.voi.samples import plot_samples
from lmssim.studies.axes import axis_from
from lmssim.studies.diff.result import DifferenceStudy
from lmssim.studies.diff.side import Side, base_of, cell_side, folder_side
from lmssim.studies.diff.study import Asked, compare
from lmssim.studies.sensitivity.psa.averaged import averaged_work
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.study import compiled_work, psa_in_memory
from lmssim.studies.sensitivity.voi.files import read_files
from lmssim.studies.sensitivity.voi.folder import read_folder
from lmssim.studies.sensitivity.voi.proposal import read_proposal
from lmssim.studies.sensitivity.voi.samples import Samples
from lmssim.studies.sensitivity.voi.study import InformationStudy, asked_wtps
from lmssim.studies.subgroups import SubgroupStudy, with_partitions
from lmssim.studies.sweep.cells import Source
from lmssim.studies.sweep.chosen import chosen_cell
from lmssim.studies.sweep.outcomes import Outcomes
from lmssim.studies.sweep.result import Sweep
from lmssim.studies.sweep.status import sweep_from
from lmssim.studies.sweep.study import planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.economics.voi.population import Population
    from lmssim.studies.sensitivity.psa.work import Work
    from lmssim.studies.sensitivity.voi.proposal import Proposal


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
    average: Sequence[str] | Mapping[str, Mapping[str, float] | None] = (),
    switches: Mapping[str, str] | None = None,
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
    average : sequence of str, or mapping of str to mapping of str to float
        Switches of which each draw has an option at random (structural averaging): by the weights that the scenario
        states, or by those given here, such as ``{"effect": {"pooled": 0.7, "null": 0.3}}``.
    switches : mapping of str to str, optional
        Options of other switches, beside `average`; a scenario from `load_scenario` has its own.
    jobs, backend
        Workers, which change no result.
    progress : callable, optional
        Called with (draws done, draws in all).

    Returns
    -------
    Psa
        Tables `summary`, `incremental`, `inmb`, `ceac`, `ceaf`, `expected_loss`, `evpi`, `frontier_probability`,
        `survival_bands`, `running`, `parameters`, `results`; with `average`, `averaging`: results by option.

    Raises
    ------
    InputError
        If the scenario cannot be run, down to the last draw, or options cannot be averaged.

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
    return psa_in_memory(_work(scenario, sampling, n_draws, average, switches, new_setting=new_setting), Psa, progress)


def _work(
    scenario: Scenario | str | Path,
    sampling: Sampling,
    n_draws: int,
    average: Sequence[str] | Mapping[str, Mapping[str, float] | None],
    switches: Mapping[str, str] | None,
    *,
    new_setting: bool,
) -> Work:
    """Work of a probabilistic analysis, averaged over structure if that is asked for."""
    if isinstance(average, str):
        raise InputError(f"average: {average!r} is not a sequence of switches such as ['a', 'b'].")
    if not average and not switches:
        return compiled_work(scenario, sampling, n_draws, new_setting=new_setting)
    if isinstance(scenario, Scenario):
        raise InputError(
            "average and switches: options are chosen when a file is loaded: give the scenario's path or name, or "
            "load_scenario(name, switches={...})."
        )
    if not average:
        return compiled_work(load_scenario(scenario, switches=switches), sampling, n_draws, new_setting=new_setting)
    asked = dict.fromkeys(average) if isinstance(average, Sequence) else average
    return averaged_work(scenario, asked, sampling, n_draws, switches=switches, new_setting=new_setting)


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
    by = [by] if isinstance(by, str) else by
    asked = with_partitions(compile_scenario(loaded), Sampling() if sampling is None else sampling, list(by))
    if n_draws == 0:
        return Subgroups(evaluate(loaded, asked, progress=progress))
    return Subgroups(expected_values(loaded, asked, n_draws, progress))


@dataclass(frozen=True)
class Voi(InformationStudy):
    """A value-of-information analysis, with proposed studies, and its pictures."""

    proposals: Sequence[Proposal] = ()

    @cached_property
    def samples(self) -> Samples:
        """What the proposed studies are worth."""
        return Samples(self, self.proposals)

    @property
    def evsi(self) -> pd.DataFrame:
        """Value of each study by size, per patient."""
        return self.samples.evsi

    @property
    def enbs(self) -> pd.DataFrame:
        """Net benefit of each study by size in the population, and its best size."""
        return self.samples.enbs

    def plot_evsi(self, ax: Axes | None = None) -> Axes:
        """Value of the studies over their size; beyond their cost, if a population was described."""
        return plot_samples(self.samples, ax)

    def plot(self, ax: Axes | None = None) -> Axes:
        """What is worth knowing, ranked, with errors."""
        return plot_ranks(self, ax)

    def plot_by_wtp(self, ax: Axes | None = None) -> Axes:
        """Value of information over willingness to pay."""
        return plot_by_wtp(self, ax)


def voi(
    source: str | Path | Sequence[str | Path],
    *,
    wtp: Sequence[float] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    population: Population | None = None,
    current: Mapping[str, float] | None = None,
    studies: Sequence[str | Path] = (),
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Voi:
    """Value of information from a folder of `lmssim psa`, or from tables of anybody's draws.

    Parameters
    ----------
    source : path, or sequence of paths
        A folder; or tables of effects, costs and parameters, of net benefits and parameters, or in long form.
    wtp : sequence of float
        Willingness to pay of the tables; the source's own, or 30,000, if empty.
    groups : mapping of str to sequence of str, optional
        Parameters to be learnt together, by ids or patterns.
    population : Population, optional
        Who faces the decision.
    current : mapping of str to float, optional
        Share of patients who get a strategy today.
    studies : sequence of path
        Proposed studies, TOML files.
    seed : int
        Of the weights of rows that tell errors.
    progress : callable, optional
        Called with (regressions done, regressions in all).

    Returns
    -------
    Voi
        Tables `evpi`, `evppi`, `evppi_by_wtp`, `smallest_set`, `order`, `evsi`, `enbs`, each made when first asked for.

    Raises
    ------
    InputError
        If the draws cannot be read, or do not fit together.
    """
    read = read_folder(Path(source)) if isinstance(source, str | Path) else read_files([*map(Path, source)])
    proposals = [read_proposal(Path(path)) for path in studies]
    sets = read.with_groups(groups or {})
    return Voi(sets, asked_wtps(read, wtp), population, current or {}, seed, progress, proposals)


@dataclass(frozen=True)
class SweepResult(Sweep):
    """Cells of a sweep with their results, and pictures of them."""

    def plot(self, outcome: str | None = None, axes: Sequence[str] = ()) -> Figure:
        """An outcome along one axis by strategy, a panel for each setting of the other axes."""
        return plot_lines(self, outcome or default_outcome(self), tuple(axes))

    def plot_best(self, outcome: str | None = None, axes: Sequence[str] = ()) -> Figure:
        """Which strategy is best over two axes, and the boundaries between strategies."""
        return plot_decision(self, outcome or default_outcome(self), tuple(axes))

    def plot_map(self, outcome: str | None = None, axes: Sequence[str] = ()) -> Figure:
        """An outcome over two axes, a panel for each strategy."""
        return plot_heat(self, outcome or default_outcome(self), tuple(axes))

    def plot_pareto(self, first: str, second: str) -> Figure:
        """Two outcomes of every cell and strategy, and the front that no other one beats in both."""
        return plot_pareto(self, first, second)


def sweep(
    scenario: str | Path,
    vary: Mapping[str, str | Sequence[Any]],
    n_patients: int = 10_000,
    *,
    design: str = "grid",
    n_cells: int | None = None,
    seed: int = 1,
    engine: str = "compiled",
    strategies: Sequence[str] = (),
    profiles: int = 32,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    jobs: int = 1,
    backend: str = "threads",
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult:
    """Run a scenario over many values of its inputs, with the same patients in every cell.

    Parameters
    ----------
    scenario : str or Path
        Path of a file, or the name of a bundled scenario.
    vary : mapping of str to str or sequence
        What varies (a parameter, a switch, a field such as `settings.horizon`, `where`, `patients`, ...) to its
        levels: a list, or text such as `"-0.6:0.2:9"`.
    n_patients : int
        Patients of each cell, who meet every strategy.
    design : str
        `grid`, `list`, `lhs` or `sobol`; `n_cells` says how many cells the last two have.
    overrides, switches : mapping, optional
        Parameters held at other values in every cell, and options of switches.
    folder : str or Path, optional
        Where rows are kept, so that a later call, also of other levels, runs only the cells that are missing.
    progress : callable, optional
        Called with (cells done, cells in all).

    Returns
    -------
    SweepResult
        `frame`, `best(outcome)`, `values(outcome)`, `failed`, and pictures.

    Raises
    ------
    InputError
        If nothing varies, or a name stands for nothing; a cell that cannot be run is a row with its error instead.

    Examples
    --------
    >>> import lmssim
    >>> found = lmssim.sweep("illness_death", {"loghr_progression": [-0.4, 0.1]}, n_patients=500)
    >>> found.best("nmb:20000")["best"].tolist()
    ['new', 'standard']
    """
    sampling = Sampling(
        n_patients=n_patients,
        seed=seed,
        engine=engine,
        strategies=strategies if isinstance(strategies, str) else tuple(strategies),  # type: ignore[arg-type]  # refused
        profiles=profiles,
        jobs=jobs,
        backend=backend,
    )
    axes = [axis_from(name, levels, None, f"vary: {name}") for name, levels in vary.items()]
    plan = planned(
        Source(scenario, overrides or {}, switches or {}), sampling, axes, Outcomes(), design=design, n_cells=n_cells
    )
    told = None if progress is None else lambda done: progress(done.cells - done.left, done.cells)
    with tempfile.TemporaryDirectory(prefix="lmssim-sweep-") as place:
        tables = SharedTables(Path(folder or place) / SHARED)
        with tables.opened():
            tables.look()
            plan.work.run(tables, told)
        rows = tables.rows([cell.key for cell in plan.cells])
        return SweepResult(plan.table().to_pandas(), rows.to_pandas(), plan.about)


@dataclass(frozen=True)
class Difference(DifferenceStudy):
    """The change between two results, the part of each input, and pictures of it."""

    def plot(self, ax: Axes | None = None, strategy: str | None = None, outcome: str | float | None = None) -> Axes:
        """Waterfall from the first result to the second, of one strategy's increment over the comparator.

        `outcome` is an outcome by name, or a willingness to pay, for the net benefit there.
        """
        return plot_waterfall(self, ax, strategy, outcome)

    def plot_all(self) -> Figure:
        """A waterfall for each strategy that is compared."""
        return plot_all(self)


def diff(
    a: str | Path,
    b: str | Path | None = None,
    *,
    cells: tuple[str | int, str | int] | None = None,
    strategies: Sequence[str] = (),
    wtp: Sequence[float] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    n_patients: int | None = None,
    n_draws: int | None = None,
    n_orders: int = 32,
    files_from: Sequence[str | Path] = (),
    jobs: int = 1,
    backend: str = "threads",
    progress: Callable[[int, int], None] | None = None,
) -> Difference:
    """Compare two results: which inputs differ, and how much of the change in each result each of them explains.

    Parameters
    ----------
    a, b : str or Path
        Folders of `lmssim run` or `lmssim psa`; with `cells`, `a` is the folder of a sweep.
    cells : tuple of two, optional
        Two cells of a sweep, each by its number or by levels, such as ``"u_stable=0.7,c_stable=3000"``.
    strategies : sequence of str
        Strategies beside the comparator; all that both have if empty.
    wtp : sequence of float
        Willingness to pay; the scenario's own if empty.
    groups : mapping of str to sequence of str, optional
        Changed inputs that count as one, by ids or patterns.
    n_patients, n_draws : int, optional
        Patients in all, and draws of the parameters over which they are split; as the results had, at most 20,000
        patients, if absent.
    n_orders : int
        Orders of the inputs that are sampled where more than eight differ.
    files_from : sequence of path
        Folders to look in for files that are neither kept in the folders nor part of this installation.
    jobs, backend
        Workers, which change no result.
    progress : callable, optional
        Called with (models run, models in all).

    Returns
    -------
    Difference
        Tables `changed`, `totals`, `pairwise`, and `to_frame()`, the part of each input.

    Raises
    ------
    InputError
        If the results cannot be compared.
    """
    asked = Asked(
        patients=n_patients,
        draws=n_draws,
        strategies=strategies,
        wtps=wtp,
        groups=groups,
        orders=n_orders,
        jobs=jobs,
        backend=backend,
    )
    two = None if cells is None else (str(cells[0]), str(cells[1]))
    sides = sides_of(Path(a), None if b is None else Path(b), two, [Path(place) for place in files_from])
    return Difference(**vars(compare(*sides, asked, progress)))


def sides_of(a: Path, b: Path | None, cells: tuple[str, str] | None, files_from: Sequence[Path]) -> tuple[Side, Side]:
    """Two results: of two folders, or of two cells of a sweep.

    Raises
    ------
    InputError
        If neither is given, or they cannot be read.
    """
    for place in files_from:
        if not place.is_dir():
            raise InputError(f"--files-from {place}: there is no such folder.")
    if cells is not None and b is not None:
        raise InputError("--cells: compares two cells of one sweep: leave B out.")
    if cells is None and b is None:
        raise InputError("diff: B is missing: give two folders of results, or one of a sweep and --cells CELL CELL.")
    finder = Finder((a, *([] if b is None else [b])), files_from)
    if cells is None:
        assert b is not None
        return folder_side(a, finder), folder_side(b, finder)
    kept = read_kept(a)
    if "axes" not in kept.asked:
        raise InputError(f"{a}: is no sweep, so it has no cells; give two folders instead.")
    found, scenario = sweep_from(a), base_of(kept, finder)
    chosen = [chosen_cell(found, scenario, text, "--cells") for text in cells]
    return cell_side(kept, finder, chosen[0]), cell_side(kept, finder, chosen[1])
