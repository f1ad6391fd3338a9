"""A sweep whose cells are simulated trials: fields of a design vary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.studies.axes import Axis
    from lmssim.studies.sweep.study import Planned

DEFAULT_TRIALS = 1_000


def planned_trials(
    name: str,
    given: Mapping[str, Any],
    axes: Sequence[Axis],
    *,
    n_trials: int | None,
    assurance: bool,
    design: str,
    n_cells: int | None,
    seed: int,
    jobs: int,
    backend: str,
) -> Planned:
    """Lay out a sweep over fields of a trial's design.

    Raises
    ------
    InputError
        If nothing varies, or the design cannot be read.
    """
    from lmssim.execution.simulate import Sampling
    from lmssim.studies.sweep.cells import Cell, Recipe
    from lmssim.studies.sweep.design import settings_of
    from lmssim.studies.sweep.study import Planned, Subject
    from lmssim.studies.sweep.work import Work
    from lmssim.studies.trials.cells import PART, DesignSource, TrialsInCells, keys_of, run_cells
    from lmssim.studies.trials.design.keys import meaning_of
    from lmssim.studies.trials.design.settings import stated

    if not axes:
        raise InputError("--vary: nothing varies: give --vary KEY=LEVELS, such as accrual.patients=150:400:6.")
    source, study = DesignSource(name, given, seed), TrialsInCells(n_trials or DEFAULT_TRIALS, assurance)
    keys, sampling = keys_of(source, study), Sampling(seed=seed, jobs=jobs, backend=backend)
    loaded = source.load({})
    for axis in axes:
        for key in axis.names:
            source.check_key(key, axis.levels[0] if axis.levels else 0.0)
    cells = []
    for setting in settings_of(axes, design, n_cells, seed):
        fields = _fields(setting, axes)
        cells.append(Cell(keys.key(fields), setting, Recipe({}, fields, {}, sampling), {}))
    own = {axis.label: stated(loaded.settings, axis.label) for axis in axes}
    work = Work(source, study, cells, [PART], {}, jobs, backend, run_cells)  # type: ignore[arg-type]
    about = {
        "scenario": loaded.name,
        "title": loaded.title,
        "study": study.document(),
        "design": design,
        "axes": [axis.document() for axis in axes],
        "strategies": [PART],
        "strategy_labels": {PART: "Trial"},
        "choices": [PART],
        "comparator": "",
        "wtp": [],
        "currency": "",
        "outcome": "power",
        "time_unit": loaded.time_unit,
        "labels": {axis.label: axis.title or meaning_of(axis.names[0], loaded.time_unit) for axis in axes},
        "base": {name: value for name, value in own.items() if value is not None},
    }
    result = {"trial": loaded.settings, "seed": seed, "set": dict(given), "patients": dict(keys.patients)}
    subject = Subject(
        loaded.name,
        [str(loaded.path)],
        result,
        {"trial": loaded.settings},
        study.outcomes,
        lambda: study.seconds(loaded, seed),
    )
    return Planned(work, list(axes), None, sampling, about, subject)


def _fields(setting: Mapping[str, Any], axes: Sequence[Axis]) -> dict[str, Any]:
    """Keys of the design that a cell gives a value."""
    names = {axis.label: axis.names for axis in axes}
    return {name: level for label, level in setting.items() if level is not None for name in names[label]}
