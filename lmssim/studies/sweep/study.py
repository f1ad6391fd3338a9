"""A sweep from its axes to its rows: cells are laid out, keyed, run where they are missing, and read back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lmssim.errors import InputError, unknown
from lmssim.execution.shared.tables import ERROR, KEY, PART
from lmssim.execution.subgroups import baseline_rule
from lmssim.model.compile.scenario import compile_scenario
from lmssim.outcomes.main import MAIN
from lmssim.studies.sweep.alone import held_alone
from lmssim.studies.sweep.cells import Cell, Source, cells_of
from lmssim.studies.sweep.design import DESIGNS, GRID, settings_of
from lmssim.studies.sweep.programs import forget, program_of
from lmssim.studies.sweep.result import CELL, COMPARATOR, STRATEGY, Sweep, plan_table
from lmssim.studies.sweep.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.execution.simulate import Sampling
    from lmssim.model.scenario import Scenario
    from lmssim.studies.axes import Axis

RESERVED = {CELL, KEY, STRATEGY, COMPARATOR, PART, ERROR, "icer", "cost_per_life_year", *MAIN}
"""Names of columns that no axis may have."""
PILOT_PATIENTS = 1_000
FEW = 20
"""Patients of a pilot that only tells which results there are."""
OTHER_COLUMNS = 20
"""Columns of a sweep of something else than a scenario, about."""


@dataclass(frozen=True)
class Subject:
    """What a sweep is of, if it is of no scenario.

    Attributes
    ----------
    name : str
        For the folder.
    inputs : list of str
        Files that are read.
    result, kept : dict
        What decides the numbers, for the manifest, and what the folder keeps of the inputs.
    """

    name: str
    inputs: list[str]
    result: dict[str, Any]
    kept: dict[str, Any]
    outcomes: list[str]
    """Names of results."""
    pilot: Callable[[], float]
    """Seconds of a cell with one worker; raises `InputError` if it cannot be run."""


@dataclass(frozen=True)
class Planned:
    """A sweep that is ready to run.

    Attributes
    ----------
    work : Work
        Cells, and who runs them.
    axes : list of Axis
        What varies.
    scenario : Scenario or None
        The scenario as its own options have it; None if the sweep is of something else, its `subject`.
    sampling : Sampling
        Whom cells follow, where that does not vary.
    about : dict
        What the rows are of, for whoever reads them later.
    """

    work: Work
    axes: list[Axis]
    scenario: Scenario | None
    sampling: Sampling
    about: dict[str, Any]
    subject: Subject | None = None

    @property
    def name(self) -> str:
        """Of the scenario or the subject."""
        return str(self.about["scenario"])

    @property
    def inputs(self) -> list[str]:
        """Files that are read."""
        if self.scenario is not None:
            return list(self.scenario.inputs)
        return [] if self.subject is None else self.subject.inputs

    @property
    def cells(self) -> list[Cell]:
        """Every cell."""
        return self.work.cells

    @property
    def n_programs(self) -> int:
        """Programs that are compiled."""
        return len({cell.recipe.makes for cell in self.cells})

    def table(self) -> pa.Table:
        """Cells with their keys and levels."""
        return plan_table(self.cells, self.axes)


def planned(
    source: Source,
    sampling: Sampling,
    axes: Sequence[Axis],
    study: Any,
    *,
    design: str = GRID,
    n_cells: int | None = None,
) -> Planned:
    """Lay out a sweep.

    Parameters
    ----------
    study : Study
        What is done in each cell (`lmssim.studies.sweep.work.Study`).
    n_cells : int, optional
        Cells of a design that samples.

    Raises
    ------
    InputError
        If nothing varies, a name stands for nothing, or axes do not fit the design.
    """
    sampling.validate()
    forget()
    scenario = source.base()
    strategies = _strategies(scenario, sampling)
    if sampling.where:
        baseline_rule(compile_scenario(scenario), sampling.where, "where")
    if not axes:
        raise InputError("--vary: nothing varies: give --vary NAME=LEVELS, or a file that does.")
    if design not in DESIGNS:
        raise InputError(unknown("value", design, DESIGNS, "--design"))
    for axis in axes:
        if axis.label in RESERVED:
            raise InputError(f"--vary {axis.label}: is a column of results; write parameter.{axis.label}.")
    bare = replace(sampling, strategies=())
    settings = settings_of(axes, design, n_cells, sampling.seed)
    asked = study.document() | ({"strategies": strategies} if study.together else {})
    cells = cells_of(source, bare, axes, settings, asked, scenario)
    work = Work(source, study, cells, strategies, scenario.inputs, sampling.jobs, sampling.backend)
    settings_ = scenario.file.settings
    about = {
        "scenario": scenario.name,
        "title": scenario.file.title,
        "study": study.document(),
        "design": design,
        "axes": [axis.document() for axis in axes],
        "strategies": strategies,
        "strategy_labels": {name: scenario.strategy_label(name) for name in strategies},
        "choices": [name for name in strategies if not scenario.file.strategies[name].mix],
        "comparator": scenario.comparator,
        "wtp": settings_.wtp,
        "currency": settings_.currency,
        "labels": _labels(scenario, axes),
        "base": _base(scenario, axes),
        "held_alone": held_alone(scenario, axes, source.overrides, drawn="draws" in study.document()),
    }
    return Planned(work, list(axes), scenario, sampling, about)


def _strategies(scenario: Scenario, sampling: Sampling) -> list[str]:
    """Strategies whose rows are wanted, in the scenario's order, the comparator among them."""
    for name in sampling.strategies:
        if name not in scenario.strategies:
            raise InputError(unknown("strategy", name, scenario.strategies, "--strategies"))
    wanted = [name for name in scenario.strategies if not sampling.strategies or name in sampling.strategies]
    if scenario.comparator not in wanted:
        raise InputError(
            f"--strategies: the comparator '{scenario.comparator}' is not among {', '.join(wanted)}; add it, or state "
            "another one in the scenario (settings.comparator)."
        )
    return wanted


def _labels(scenario: Scenario, axes: Sequence[Axis]) -> dict[str, str]:
    """What each axis is, in the scenario's words."""
    labels = {}
    for axis in axes:
        name = axis.names[0].rpartition("parameter.")[2]
        parameter = scenario.table.get(name)
        if axis.title:
            labels[axis.label] = axis.title
        elif parameter is not None:
            labels[axis.label] = parameter.description
        elif name in scenario.file.switches:
            labels[axis.label] = scenario.file.switches[name].label or ""
    return labels


def _base(scenario: Scenario, axes: Sequence[Axis]) -> dict[str, float]:
    """Of each axis of one parameter, the value that the scenario has."""
    names = {axis.label: axis.names[0].rpartition("parameter.")[2] for axis in axes if len(axis.names) == 1}
    values = scenario.table.base()
    return {label: float(values[name][0]) for label, name in names.items() if name in scenario.table}


@dataclass(frozen=True)
class Forecast:
    """What a sweep will take, from a pilot of one cell.

    Attributes
    ----------
    seconds : float
        Of all cells to run, with the workers asked for.
    megabytes : float
        On disk.
    columns : int
        Of the table.
    """

    seconds: float
    megabytes: float
    columns: int


@dataclass(frozen=True)
class Pilot:
    """The first cell with few patients.

    Attributes
    ----------
    rows : dict of str to dict of str to float
        Columns of each strategy.
    compiling, running : float
        Seconds.
    n_patients : int
        Patients that it follows.
    """

    rows: dict[str, dict[str, float]]
    compiling: float
    running: float
    n_patients: int


def pilot(plan: Planned, n_patients: int = PILOT_PATIENTS) -> Pilot | None:
    """Run the first cell with few patients, the second time by the clock; None if it cannot be run."""
    cell, work = plan.cells[0], plan.work
    few = replace(
        cell.recipe.sampling,
        n_patients=min(n_patients, cell.recipe.sampling.n_patients),
        strategies=tuple(work.strategies),
        jobs=1,
    )
    began = time.perf_counter()
    try:
        program = program_of(work.source, cell.recipe)
        compiled = time.perf_counter() - began
        work.study.warm(program, few)
        list(work.study.rows(program, few, [cell.values]))
        began = time.perf_counter()
        found = list(work.study.rows(program, few, [cell.values]))
    except InputError:
        return None
    return Pilot(found[0], compiled, time.perf_counter() - began, few.n_patients)


def forecast(plan: Planned, n_cells: int) -> Forecast | None:
    """What so many cells will take; None if the first one cannot be run."""
    if plan.subject is not None:
        return _of_subject(plan, plan.subject, n_cells)
    if (first := pilot(plan)) is None:
        return None
    work = plan.work
    share = sum(each.recipe.sampling.n_patients for each in plan.cells) / len(plan.cells) / first.n_patients
    each = first.running * (1.0 if plan.sampling.engine == "cohort" else share)
    programs = first.compiling * plan.n_programs * n_cells / len(plan.cells)
    columns = len(next(iter(first.rows.values()))) + len(plan.axes) + 5
    megabytes = n_cells * len(work.strategies) * columns * 8 / 1e6
    return Forecast(programs + each * n_cells / max(1, work.jobs), megabytes, columns)


def check_asked(plan: Planned, outcomes: Mapping[str, Sequence[str]], axes: Sequence[str]) -> None:
    """Refuse outcomes and axes that the results will not have, before anything is run for long.

    Parameters
    ----------
    outcomes : mapping of str to sequence of str
        Outcomes that are asked for, by the option that names them.
    axes : sequence of str
        Axes of figures.

    Raises
    ------
    InputError
        With the option, the name and the nearest one.
    """
    known = [axis.label for axis in plan.axes]
    for name in axes:
        if name not in known:
            raise InputError(unknown("axis", name, known, "--axes"))
    if plan.subject is not None:
        for option, names in outcomes.items():
            for name in names:
                if name not in plan.subject.outcomes:
                    raise InputError(unknown("outcome", name, plan.subject.outcomes, option))
        return
    if not any(outcomes.values()) or (first := pilot(plan, FEW)) is None:
        return
    rows = [{KEY: plan.cells[0].key, PART: name, ERROR: None, **row} for name, row in first.rows.items()]
    found = Sweep(plan_table(plan.cells[:1], plan.axes).to_pandas(), pa.Table.from_pylist(rows).to_pandas(), plan.about)
    for option, names in outcomes.items():
        for name in names:
            try:
                found.values(name)
            except InputError as error:
                raise InputError(f"{option}: {str(error).removeprefix('outcome: ')}") from None


def _of_subject(plan: Planned, subject: Subject, n_cells: int) -> Forecast | None:
    """What cells of something else than a scenario will take."""
    try:
        each = subject.pilot()
    except InputError:
        return None
    columns = len(plan.axes) + OTHER_COLUMNS
    return Forecast(each * n_cells / max(1, plan.work.jobs), n_cells * columns * 8 / 1e6, columns)
