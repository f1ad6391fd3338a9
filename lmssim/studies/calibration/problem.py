"""A calibration as numbers: free quantities with their priors, given parameters, and targets as shares of patients."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from lmssim.bundled import bundled_names, find_calibration, find_scenario
from lmssim.errors import DataError, ScenarioError, nearest, unknown
from lmssim.execution.manifest import input_hashes
from lmssim.model.language import expression
from lmssim.model.language.duplicates import refuse_repeats
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.calibration import CalibrationFile
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.parameter import Parameter
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.model.parameters.table import ParameterTable
from lmssim.model.scenario import load_scenario
from lmssim.published.predict import reader_of, rows_of
from lmssim.published.targets import load_targets
from lmssim.published.vocabulary import vocabulary
from lmssim.reach import Reach
from lmssim.studies.calibration.rows import Row, rows_of_studies

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema.calibration import Free
    from lmssim.model.parameters.distributions import Distribution
    from lmssim.model.scenario import Scenario
    from lmssim.published.predict import Reader

N_ROWS = 4_000
"""Rows of a posterior, and so draws of the given parameters."""
TARGETS = "targets.csv"
"""Table of targets, beside the file of a calibration."""
GIVEN_SEED = 1
"""Key of the given parameters' draws: the same for every site, so that draw k is the same vector at each."""


@dataclass(frozen=True)
class FreeQuantity:
    """A free quantity; its prior is standard normal in z, and its value at z the prior's quantile of Phi(z)."""

    name: str
    label: str
    unit: str
    prior: Distribution
    spec: Free | None = None

    def at(self, z: FloatArray) -> FloatArray:
        """Values at z."""
        return self.prior.quantile(special.ndtr(z))


@dataclass(frozen=True)
class BetweenStudies:
    """Between-study standard deviation of a family, half-normal; z as for a free quantity."""

    family: str
    scale: float

    @property
    def label(self) -> str:
        """What people call it."""
        return f"Between-study SD, {self.family.replace('_', ' ')}"

    @property
    def name(self) -> str:
        """Column under which it is saved."""
        return f"tau_{self.family}"

    def at(self, z: FloatArray) -> FloatArray:
        """Values at z."""
        value: FloatArray = self.scale * special.ndtri(0.5 * (1.0 + special.ndtr(z)))
        return value


@dataclass(frozen=True)
class Problem:
    """Quantities that are fitted, and the targets that they are fitted to.

    Attributes
    ----------
    name : str
        Name of the calibration.
    file : CalibrationFile
        What its file says.
    scenario : Scenario
        With the series and strategies of the calibration's file.
    series : list of str
        Series whose rows are predicted, in order.
    rows : list of Row
        Every row of these series, in order: the columns of a prediction.
    free : list of FreeQuantity
        Free quantities.
    tau : list of BetweenStudies
        Between-study standard deviations of the families that are fitted.
    path : Path
        File of the calibration.
    """

    name: str
    file: CalibrationFile
    scenario: Scenario
    series: list[str]
    rows: list[Row]
    free: list[FreeQuantity]
    tau: list[BetweenStudies]
    path: Path

    @property
    def quantities(self) -> list[FreeQuantity | BetweenStudies]:
        """What the sampler's coordinates stand for, in order."""
        return [*self.free, *self.tau]

    @property
    def names(self) -> list[str]:
        """Free quantities, then between-study standard deviations: the sampler's coordinates."""
        return [*(q.name for q in self.free), *(t.name for t in self.tau)]

    @cached_property
    def given(self) -> dict[str, FloatArray]:
        """Draws of the given parameters, (N_ROWS,) each: row k is the same vector at every site."""
        return {id_: self._drawn[id_] for id_ in self.given_ids}

    @cached_property
    def given_ids(self) -> list[str]:
        """Given parameters: those of calibrations done before, then those that the file names."""
        return [*self._before, *(id_ for id_ in self.file.given if id_ not in self._before)]

    @cached_property
    def _before(self) -> dict[str, FloatArray]:
        """Parameters of calibrations done before that this scenario shares; its own rows stand in place of them."""
        table = {id_ for id_ in self.scenario.table if id_ not in self.scenario.own}
        columns: dict[str, FloatArray] = {}
        for name in self.file.after:
            path = _posterior(self.path, name)
            Reach.of(self.path).check(path, str(path), f"{self.path}: after")
            if not path.is_file():
                raise DataError(f"{path}: no such file; run `lmssim calibrate {name}` and put its posterior there.")
            names = [id_ for id_ in column_names(path) if id_ in table]
            columns |= dict(zip(names, read_columns(path, names), strict=True))
        return {id_: x[np.arange(N_ROWS) % len(x)] for id_, x in columns.items()}

    @cached_property
    def _drawn(self) -> dict[str, FloatArray]:
        """Draws of every parameter of the scenario from its own distribution, or from a calibration done before."""
        groups = {name: g for name, g in self.scenario.groups.items() if g.kind != "posterior"}
        held = {name for name, g in self.scenario.groups.items() if g.kind == "posterior"}
        table = ParameterTable(replace(p, group="") if p.group in held else p for p in self.scenario.table.values())
        drawn = sample_parameters(table, groups, N_ROWS, GIVEN_SEED)
        return {id_: x for id_, x in drawn.items() if not table[id_].expression} | self._before

    @property
    def sets(self) -> dict[str, str]:
        """Model parameters that are fitted, and the expression of free quantities that gives each."""
        return {q.name: q.name for q in self.free if q.name in self.scenario.table} | self.file.sets

    @cached_property
    def run(self) -> Scenario:
        """The scenario as it is run: parameters that are or were fitted are drawn, even if the table derives them."""
        table, base = self.scenario.table, self.scenario.table.base()
        drawn = {id_: float(base[id_][0]) for id_ in (*self.sets, *self._before) if table[id_].expression}
        return self.scenario.with_values(drawn) if drawn else self.scenario

    @property
    def files(self) -> list[Path]:
        """Every file read."""
        return [*self._own_files, *(Path(name) for name in self.scenario.inputs)]

    @property
    def _own_files(self) -> list[Path]:
        folder = self.path.parent
        return [self.path, folder / TARGETS, *(_posterior(self.path, name) for name in self.file.after)]

    def inputs(self) -> dict[str, str]:
        """SHA-256 of every file read, by its path from the scenario's folder."""
        where = self.scenario.path.parent.resolve()
        own = {Path(os.path.relpath(p.resolve(), where)).as_posix(): p.read_bytes() for p in self._own_files}
        return input_hashes(self.scenario) | {
            name: hashlib.sha256(content).hexdigest() for name, content in own.items()
        }

    def as_read(self) -> dict[str, Any]:
        """What decides the fit beside the scenario, as plain values: what the file says, and what each row observed."""
        file: dict[str, Any] = self.file.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        )
        rows = {f"{row.study}: {row.target}": {"n": row.n, "observed": row.reading.observed} for row in self.rows}
        return {"file": file, "rows": rows}

    @cached_property
    def reader(self) -> Reader:
        """Reader of every row."""
        return reader_of(self.run, self.series)

    @cached_property
    def fitted_reader(self) -> Reader:
        """Reader of the rows of the likelihood; other columns are NaN."""
        return reader_of(self.run, self.series, {(row.series, row.target) for row in self.rows if row.is_fitted})

    def values(self, z: FloatArray) -> dict[str, FloatArray]:
        """Free quantities at z, (n, n_free)."""
        return {q.name: q.at(z[:, k]) for k, q in enumerate(self.free)}

    def parameters(self, z: FloatArray, row: FloatArray) -> dict[str, FloatArray]:
        """Model parameters that free quantities set, at z (n, n_free) and rows of the given parameters (n,)."""
        return self.parameters_at(z, {id_: x[row.astype(np.int64) % N_ROWS] for id_, x in self._drawn.items()})

    def parameters_at(self, z: FloatArray, others: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Model parameters that free quantities set, (n,) each.

        Parameters
        ----------
        z : ndarray(float, ndim=2)
            (n, n_free).
        others : mapping of str to ndarray(float, ndim=1)
            Values of the other parameters, (n,) or (1,).

        Raises
        ------
        ExpressionError
            If an expression is none, or names what is not there.
        """
        known = dict(others) | self.values(z)
        result = {}
        for id_, text in self.sets.items():
            where = f"{self.path}: sets.{id_}"
            value = expression.evaluate(expression.parse(text, where), known, where)
            result[id_] = np.broadcast_to(np.asarray(value, dtype=np.float64), (len(z),)).copy()
            self.scenario.table[id_].check_draws(result[id_], f" of '{text}' ({where})")
        return result

    def draws(self, z: FloatArray, row: FloatArray) -> dict[str, FloatArray]:
        """Every parameter of the scenario that is drawn, for a prediction, (n,) each.

        Parameters
        ----------
        z : ndarray(float, ndim=2)
            (n, n_free).
        row : ndarray(float, ndim=1)
            Row of the given parameters, (n,).

        Raises
        ------
        DataError
            If the posterior of a calibration done before is not there.
        """
        return {id_: x[row.astype(np.int64) % N_ROWS] for id_, x in self._drawn.items()} | self.parameters(z, row)

    def fitted(self, without: str | None = None) -> list[int]:
        """Columns of the rows of the likelihood; without those of a cohort, if one is named."""
        return [k for k, row in enumerate(self.rows) if row.is_fitted and row.cohort_id != without]


def load_problem(name: str | Path) -> Problem:
    """Load a calibration by its bundled name or path.

    Parameters
    ----------
    name : str or Path
        Name of a bundled calibration, or path of a file with `targets.csv` beside it.

    Raises
    ------
    InputError
        With one message that names file, key, value and what is allowed.
    """
    path = find_calibration(name)
    data = read_toml(path)
    file = checked(CalibrationFile, data, path)
    model = _scenario_file(file.scenario, path)
    Reach.of(path).check(path.parent / TARGETS, TARGETS, str(path))
    additions: dict[str, Any] = {key: data[key] for key in ("series", "strategies") if key in data}
    scenario = load_scenario(model, additions=additions)
    where = str(path)
    refuse_repeats(file, where)
    _check_names(file, scenario, where)
    series = list(dict.fromkeys(study.series for study in file.studies.values()))
    published = {target.target_id: target for target in load_targets(path.parent / TARGETS, False)}
    rows = rows_of_studies(file, rows_of(scenario, series), published, where, scenario.file.events)
    _refuse_fitted_twice(rows, where)
    free = [_quantity(id_, spec, where) for id_, spec in file.free.items()]
    if not any(row.is_fitted for row in rows):
        raise ScenarioError(f"{where}: studies: no target is fitted; each is a check, or held out.")
    families = {row.family for row in rows if row.role == "fit"}
    tau = [BetweenStudies(family, scale) for family, scale in file.tau.items() if family in families]
    for family in sorted(families - set(file.tau)):
        raise ScenarioError(f"{where}: tau: has no '{family}', and some fitted targets are of this family.")
    return Problem(path.stem, file, scenario, series, rows, free, tau, path)


def _scenario_file(name: str, path: Path) -> Path:
    """The scenario of the calibration at a path: a file in its reach, or a bundled scenario by its name."""
    beside = path.parent / name
    is_word = Path(name).name == name and not beside.suffix
    found = find_scenario(name) if not beside.is_file() and (is_word or name in bundled_names()) else beside
    Reach.of(path).check(found, name, f"{path}: scenario")
    return found


def _posterior(path: Path, name: str) -> Path:
    """Posterior of a calibration that was done before the one at a path."""
    return path.parent / "posteriors" / f"{name}.parquet"


def _refuse_fitted_twice(rows: list[Row], where: str) -> None:
    """A target that two rows fit would count twice in the likelihood."""
    study_of: dict[str, str] = {}
    for row in rows:
        if row.is_fitted and row.target in study_of:
            raise ScenarioError(
                f"{where}: studies.{row.study}.rows.{row.target}: studies.{study_of[row.target]} fits this target too,"
                " so it would count twice; make one of them a check."
            )
        if row.is_fitted:
            study_of[row.target] = row.study


def _check_names(file: CalibrationFile, scenario: Scenario, where: str) -> None:
    """Refuse names that are not there, and a given parameter that is no draw of its own."""
    table, cohorts = scenario.table, {study.cohort_id for study in file.studies.values()}
    fitted = {*file.sets, *file.free}
    _check_families(file, where)
    for key, ids in (("given", file.given), ("sets", list(file.sets))):
        for id_ in ids:
            if id_ not in table:
                raise ScenarioError(unknown("parameter", id_, table, f"{where}: {key}"))
    for id_ in file.given:
        if text := table[id_].expression:
            raise ScenarioError(f"{where}: given: '{id_}' is derived ({text}); name what it comes from.")
        if id_ in fitted:
            raise ScenarioError(f"{where}: given: '{id_}' is fitted, so it cannot be given.")
    _check_free(file, table, where)
    for key, study in file.studies.items():
        if study.series not in scenario.file.series:
            raise ScenarioError(unknown("series", study.series, scenario.file.series, f"{where}: studies.{key}.series"))
    named = [("held_out", file.held_out, cohorts), ("always_fitted", file.always_fitted, cohorts)]
    for later in file.later:
        named += [("later.cohorts", later.cohorts, cohorts), ("later.held_out", later.held_out, set(later.cohorts))]
    for key, names, known in named:
        for cohort in names:
            if cohort not in known:
                raise ScenarioError(unknown("cohort", cohort, sorted(known), f"{where}: {key}"))


def _check_free(file: CalibrationFile, table: Collection[str], where: str) -> None:
    """Refuse a free quantity that nothing uses, and a name in `sets` that nothing has."""
    read = set()
    for key, text in file.sets.items():
        for name in expression.names(expression.parse(text, f"{where}: sets.{key}")):
            if name not in table and name not in file.free:
                raise ScenarioError(unknown("name", name, [*table, *file.free], f"{where}: sets.{key}"))
            read.add(name)
    for id_ in file.free:
        if id_ not in table and id_ not in read:
            hint = nearest(id_, [*table, *read])
            raise ScenarioError(
                f"{where}: free.{id_}: is no parameter of the scenario, and no expression of `sets` uses it.{hint}"
            )


def _check_families(file: CalibrationFile, where: str) -> None:
    """Refuse an outcome family that is not in the vocabulary."""
    families = vocabulary().family_names
    named: list[tuple[str, str | None]] = [("tau", family) for family in file.tau]
    named += [
        (f"studies.{key}.rows.{target}.family", row.family)
        for key, study in file.studies.items()
        for target, row in study.rows.items()
    ]
    for key, family in named:
        if family is not None and family not in families:
            raise ScenarioError(unknown("family", family, families, f"{where}: {key}"))


def _quantity(name: str, spec: Free, where: str) -> FreeQuantity:
    parameter = Parameter(
        id=name,
        value=spec.value,
        distribution=spec.distribution,
        se=spec.se,
        low=spec.low,
        high=spec.high,
        lower=spec.lower,
        upper=spec.upper,
        file=f"{where}: free",
    )
    return FreeQuantity(name, spec.label, spec.unit, distribution_of(parameter), spec)


def given_of(problem: Problem, row: FloatArray) -> dict[str, FloatArray]:
    """Given parameters at some rows."""
    return {id_: x[row.astype(np.int64) % N_ROWS] for id_, x in problem.given.items()}
