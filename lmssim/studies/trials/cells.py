"""A simulated trial as what is done in each cell of a sweep over fields of its design: operating characteristics.

`power` is the share of trials with success under the design's rule, `power_analytic` Schoenfeld's at the simulated
events and effect; `duration`, `patients` and `events` are means when the trial ends, `log_hr` is the mean effect of the
last analysis, and `assurance` the share with success over draws, if that is asked for. Every cell has the same trials:
the same patients where its design lets them be.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lmssim.bundled import find_trial
from lmssim.errors import InputError
from lmssim.execution.checkpoint import key_of
from lmssim.execution.shared.code import installed
from lmssim.model.language.files import read_toml
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.design.settings import check_settings, with_set
from lmssim.studies.trials.result import AT, SimulatedTrials, collected
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.studies.trials.study import check_uncertain
from lmssim.studies.trials.work import work_of
from lmssim.trials.planning.reading import in_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmssim.studies.trials.design.objects import TrialDesign

PART, SCENARIO = "trial", "scenario"
"""The one row of each cell; a key of a design."""
OUTCOMES = ("power", "duration", "patients", "events", "log_hr")
"""Columns that have a standard error beside them."""
PILOT = 25
"""Trials of a pilot."""


@dataclass(frozen=True)
class TrialsInCells:
    """The study that simulates the trials of each cell.

    Attributes
    ----------
    n_trials : int
        Of each cell.
    assurance : bool
        Whether to simulate as many over draws of the parameters.
    """

    n_trials: int
    assurance: bool = False
    name: str = "trial"
    together: bool = True
    """Whether the rows of a cell depend on each other: there is one."""

    def document(self) -> dict[str, Any]:
        """All that it asks besides the cells."""
        return {"study": self.name, "trials": self.n_trials, "assurance": self.assurance}

    @property
    def outcomes(self) -> list[str]:
        """Columns of a cell that have an error."""
        return [*OUTCOMES, *(["assurance"] if self.assurance else [])]

    def per_task(self, sampling: Any, n_strategies: int) -> int:
        """Cells of a task: one, as each is a program of its own."""
        del sampling, n_strategies
        return 1

    def seconds(self, design: TrialDesign, seed: int) -> float:
        """Time of a cell, from a few trials."""
        few = replace(self, n_trials=min(self.n_trials, PILOT))
        few.columns(design, seed)  # so that kernels are there
        began = time.perf_counter()
        few.columns(design, seed)
        return (time.perf_counter() - began) * self.n_trials / few.n_trials

    def columns(self, design: TrialDesign, seed: int) -> dict[str, float]:
        """Results of a cell.

        Raises
        ------
        InputError
            If it cannot be simulated.
        """
        work = work_of(design, self.n_trials, seed=seed)
        if self.assurance:
            check_uncertain(work)
        found = collected(work, work.parts())
        columns = _columns(found)
        if self.assurance:
            drawn = replace(work, drawn=True)
            over = collected(drawn, drawn.parts())
            columns["assurance"], columns["assurance_se"] = over.power(over.rules[0])
        return columns


def _columns(found: SimulatedTrials) -> dict[str, float]:
    row = found.characteristics.iloc[0]
    last = found.looks[found.going(0), 0, -1, AT["estimate"]]
    known = last[~_isnan(last)]
    error = float(known.std(ddof=1) / math.sqrt(known.size)) if known.size > 1 else math.nan
    return {
        "power": float(row["power"]),
        "power_se": float(row["se"]),
        "power_analytic": found.analytic_power(),
        "duration": float(row["duration"]),
        "duration_se": float(row["duration_se"]),
        "patients": float(row["patients"]),
        "patients_se": float(row["patients_se"]),
        "events": float(row["events"]),
        "events_se": float(row["events_se"]),
        "log_hr": float(known.mean()) if known.size else math.nan,
        "log_hr_se": error,
        "accrual_stopped": float(row["accrual_stopped"]),
    }


def _isnan(values: Any) -> Any:
    return values != values  # noqa: PLR0124  # NaN alone is not itself


@dataclass(frozen=True)
class DesignSource:
    """A design as the user gives it, before anything varies.

    Attributes
    ----------
    name : str
        Path, or the name of a bundled design.
    given : mapping
        Values by dotted keys that hold in every cell in which they do not vary.
    seed : int
        Of all random numbers.
    """

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 1

    def check_key(self, key: str, value: Any) -> None:
        """Refuse a key that no design has.

        Raises
        ------
        InputError
            With the nearest one.
        """
        path = find_trial(self.name)
        with in_file(path):
            check_settings(with_set(read_toml(path), {**self.given, key: _whole(value)}))

    def load(self, fields: Mapping[str, Any]) -> TrialDesign:
        """The design with some fields, whole numbers as such."""
        return load_trial(self.name, {**self.given, **{k: _whole(v) for k, v in fields.items()}})


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Keys:
    """Keys of cells: hashes of all that their rows are made from."""

    source: DesignSource
    study: TrialsInCells
    file: str
    """Hash of what the design's file says."""
    patients: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file of the design's own scenario."""

    def key(self, fields: Mapping[str, Any]) -> str:
        """Key of a cell; one whose design cannot be read has one too, and its row will say why."""
        said = {**self.source.given, **{k: _whole(v) for k, v in fields.items()}}
        patients = self.patients if SCENARIO not in fields else self._patients(fields)
        return key_of(
            installed().digest, self.study.document(), self.file, _plain(said), dict(patients), self.source.seed
        )

    def _patients(self, fields: Mapping[str, Any]) -> Mapping[str, str]:
        """Files of another scenario; none if it cannot be read, which the row of the cell will say."""
        try:
            return files_of(self.source.load(fields))
        except InputError:
            return {}


def _bare(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without what no number depends on."""
    return {k: _plain(v) for k, v in settings.items() if k not in ("title", "description", "facts", "value")}


def _plain(value: Any) -> Any:
    """Settings as JSON can hold them."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def keys_of(source: DesignSource, study: TrialsInCells) -> Keys:
    """What gives cells their keys.

    Raises
    ------
    InputError
        If the design, before anything varies, cannot be read.
    """
    design = source.load({})
    return Keys(source, study, key_of(_bare(read_toml(design.path))), files_of(design))


def files_of(design: TrialDesign) -> dict[str, str]:
    """SHA-256 of each file that a design's patients come from."""
    return dict(ModelSource(design).program.scenario.inputs) if design.scenario else {}


def run_cells(shared: Any, batch: Any) -> list[tuple[str, str, dict[str, float], str | None]]:
    """Rows of the cells of a task, each with its key; those of a cell that cannot be run say why.

    Parameters
    ----------
    shared : object
        With the `study`, a `TrialsInCells`, and the `source`, a `DesignSource`.
    batch : object
        With the `recipe`, whose `fields` vary, and the `keys` of its cells.
    """
    return list(_rows(shared.study, shared.source, batch))


def _rows(
    study: TrialsInCells, source: DesignSource, batch: Any
) -> Iterator[tuple[str, str, dict[str, float], str | None]]:
    for key in batch.keys:
        try:
            yield key, PART, study.columns(source.load(batch.recipe.fields), source.seed), None
        except InputError as error:
            yield key, PART, {}, str(error)
