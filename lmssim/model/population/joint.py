"""Patients at time zero: a joint distribution of covariates, or the user's own rows.

Covariates are joined by a Gaussian copula: each is the quantile function of its own distribution, applied to a latent
standard normal, and the latent normals are correlated. Numbers are addressed by patient and covariate name, so any
slice of patients equals that slice of the whole, and adding a covariate at the end changes none before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import special

from lmssim.errors import DataError, exact, unknown
from lmssim.kernels.philox import STREAM_POPULATION, address_of, fill_uniforms
from lmssim.model.language.csvfile import Row, number, read_rows
from lmssim.model.parameters.distributions import LEAST_MASS, Distribution, lognormal_by_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.kernels import FloatArray

KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "normal": (("mean", "sd"),),
    "lognormal": (("median", "sdlog"), ("mean", "sd")),
    "uniform": (("low", "high"),),
    "binary": (("probability",),),
    "categorical": (("categories", "probabilities"),),
    "constant": (("value",),),
}
"""Kinds of covariate, with the sets of fields that determine each; normal and log-normal may also be truncated."""
POSITIVE = ("sd", "sdlog", "median")
"""Numbers that must be above 0."""
NO_COVARIATES = ("weight", "patient_id")
"""Columns of a table of patients that are no covariates: how often a row is drawn, and what is not read."""
EDGE = 2.0**-53
"""Distance that a correlated uniform keeps from 0 and 1."""


@dataclass(frozen=True, kw_only=True)
class Covariate:
    """One baseline covariate and its own distribution."""

    name: str
    """Name in rules and expressions."""
    kind: str
    """Key of `KINDS`."""
    mean: float | None = None
    """Mean before truncation."""
    sd: float | None = None
    """Standard deviation before truncation."""
    median: float | None = None
    """Median of a log-normal covariate before truncation."""
    sdlog: float | None = None
    """Standard deviation of its logarithm."""
    probability: float | None = None
    """Probability that a binary covariate is 1."""
    value: float | None = None
    """Value of a constant covariate."""
    low: float | None = None
    """Least value (of a uniform covariate: start of its range)."""
    high: float | None = None
    """Greatest value (of a uniform covariate: end of its range)."""
    categories: Sequence[str | float] = ()
    """Numeric codes, or labels, which are then coded 0, 1, ... in this order."""
    probabilities: Sequence[float] = ()
    """Probability of each category."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the codes 0, 1, ...; empty if the categories are numbers."""
        return tuple(c for c in self.categories if isinstance(c, str))

    @property
    def codes(self) -> tuple[float, ...]:
        """Value that stands for each category."""
        if self.labels:
            return tuple(float(i) for i in range(len(self.categories)))
        return tuple(float(c) for c in self.categories)

    @property
    def varies(self) -> bool:
        """Whether it has more than one possible value."""
        if self.kind == "binary":
            return self.probability not in (0.0, 1.0)
        if self.kind == "categorical":
            return sum(p > 0.0 for p in self.probabilities) > 1
        return self.kind != "constant"

    def code_of(self, label: str) -> float:
        """Code of a label."""
        if label not in self.labels:
            raise DataError(unknown("category", label, self.labels, f"covariate '{self.name}'"))
        return float(self.labels.index(label))

    def validate(self, where: str) -> None:
        """Refuse a covariate that cannot be sampled; `where` begins the message."""
        where = f"{where}: covariate '{self.name}'"
        if self.kind not in KINDS:
            raise DataError(unknown("kind", self.kind, KINDS, where))
        given = set(self._given())
        bounds = {"low", "high"} if self.kind in ("normal", "lognormal") else set()
        if not any(set(fields) <= given <= set(fields) | bounds for fields in KINDS[self.kind]):
            needs = " or ".join(" and ".join(fields) for fields in KINDS[self.kind])
            needs += ", and may have low and high" if bounds else ""
            there = ", ".join(sorted(given)) or "nothing"
            raise DataError(f"{where}: kind '{self.kind}' needs {needs}; given: {there}.")
        self._check_numbers(where)
        if self.kind == "categorical":
            self.check_categories(where)
            self._check_probabilities(where)

    def _check_numbers(self, where: str) -> None:
        for key, number_ in self._given().items():
            if isinstance(number_, Sequence):
                continue
            if not math.isfinite(number_):
                raise DataError(f"{where}: {key} is {number_}, which is not a finite number.")
            if (key in POSITIVE or (key == "mean" and self.kind == "lognormal")) and number_ <= 0.0:
                raise DataError(f"{where}: {key} is {number_:g}; it must be above 0.")
        if self.probability is not None and not 0.0 <= self.probability <= 1.0:
            raise DataError(f"{where}: probability is {self.probability:g}; it must lie from 0 to 1.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise DataError(f"{where}: low is {self.low:g} and high {self.high:g}; low must be below high.")
        try:
            mass = self._distribution().mass() if self.kind in ("normal", "lognormal") else 1.0
        except (OverflowError, ZeroDivisionError):
            raise DataError(f"{where}: mean and sd are too large or too small for one another.") from None
        if not mass >= LEAST_MASS:
            raise DataError(f"{where}: its distribution has no values from low {self.low} to high {self.high}.")

    def check_categories(self, where: str) -> None:
        """Refuse categories that repeat, or are partly labels and partly numbers."""
        texts = len(self.labels)
        mixed = 0 < texts < len(self.categories) or not all(math.isfinite(code) for code in self.codes)
        if mixed or not self.categories or len(set(self.categories)) < len(self.categories):
            raise DataError(
                f"{where}: categories are {list(self.categories)}; expected labels, or finite numbers, each once."
            )

    def _check_probabilities(self, where: str) -> None:
        p = list(self.probabilities)
        if len(p) != len(self.categories) or not all(0.0 <= x <= 1.0 for x in p) or abs(math.fsum(p) - 1.0) > 1e-6:
            raise DataError(
                f"{where}: probabilities are {p}, with sum {math.fsum(p):.9g}; expected "
                f"{len(self.categories)} numbers from 0 to 1 with sum 1."
            )

    def _distribution(self) -> Distribution:
        """Distribution of a normal, log-normal or uniform covariate."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if self.kind == "uniform":
            return Distribution("uniform", (low, high))
        mean, sd = self.mean or 0.0, self.sd or 0.0
        if self.kind == "normal":
            return Distribution("normal", (mean, sd), low, high)
        if self.median is not None:
            return Distribution("lognormal", (math.log(self.median), self.sdlog or 0.0), low, high)
        return Distribution("lognormal", lognormal_by_mean(mean, sd), low, high)

    def quantile(self, u: FloatArray) -> FloatArray:
        """Values at probabilities `u`, shape as `u`."""
        match self.kind:
            case "binary":
                return (u > 1.0 - (self.probability or 0.0)).astype(np.float64)
            case "categorical":
                cumulative = np.cumsum(self.probabilities)
                cumulative[np.flatnonzero(self.probabilities)[-1] :] = 1.0
                return np.array(self.codes)[np.searchsorted(cumulative, u, side="right")]
            case "constant":
                return np.full_like(u, self.value)
        return self._distribution().quantile(u)

    def describe(self) -> str:
        """One line: name, kind and numbers."""
        return f"{self.name}: {self.kind}, " + ", ".join(f"{key} {_text(x)}" for key, x in self._given().items())

    def _given(self) -> dict[str, float | Sequence[str | float]]:
        """Fields of the distribution that are not left out."""
        fields = {key: getattr(self, key) for key in _FIELDS}
        return {key: x for key, x in fields.items() if x is not None and not (isinstance(x, Sequence) and not x)}


_FIELDS = ("mean", "sd", "median", "sdlog", "probability", "value", "low", "high", "categories", "probabilities")


def _text(x: str | float | Sequence[str | float]) -> str:
    if isinstance(x, str):
        return x
    return "/".join(map(_text, x)) if isinstance(x, Sequence) else f"{x:g}"


class Patients(Protocol):
    """What the two kinds of population have in common."""

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """Covariates in the order of the columns."""

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..., shape (n, n_covariates), C-contiguous."""

    def describe(self) -> list[str]:
        """Lines that say what the population is."""


@dataclass(frozen=True)
class Population:
    """Patients drawn from a joint distribution.

    Raises
    ------
    DataError
        If a covariate or the correlation is not valid.
    """

    covariates: tuple[Covariate, ...]
    """Covariates in the order of the columns."""
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Correlation of the latent normals of two covariates, each pair once; others are 0."""
    where: str = "population"
    """File and key, to begin messages with."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        _check_names(self.covariates, self.where)
        for covariate in self.covariates:
            covariate.validate(self.where)
        self._factor()

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..., shape (n, n_covariates), C-contiguous."""
        return self.at([uniforms_of(covariate.name, first, n, seed) for covariate in self.covariates])

    def at(self, uniforms: Sequence[FloatArray]) -> FloatArray:
        """Covariates at points of the unit cube, which the copula joins; shape (n_points, n_covariates).

        Parameters
        ----------
        uniforms : sequence of ndarray(float, ndim=1)
            For each covariate, a number between 0 and 1 by point.
        """
        out = np.empty((len(uniforms[0]), len(self.covariates)))
        factor = self._factor()
        for j, covariate in enumerate(self.covariates):
            u = uniforms[j]
            if factor[j, :j].any():
                latent = factor[j, j] * special.ndtri(u)
                for i in np.flatnonzero(factor[j, :j]):  # no matrix product: its bits depend on n
                    latent += factor[j, i] * special.ndtri(uniforms[int(i)])
                u = np.clip(special.ndtr(latent), EDGE, 1.0 - EDGE)
            out[:, j] = covariate.quantile(u)
        return out

    def is_correlated(self, one: str, other: str) -> bool:
        """Whether two covariates are."""
        return self.correlation.get((one, other), self.correlation.get((other, one), 0.0)) != 0.0

    def describe(self) -> list[str]:
        """One line per covariate and correlation."""
        pairs = [f"latent correlation of {a} and {b}: {r:g}" for (a, b), r in self.correlation.items()]
        return [*(covariate.describe() for covariate in self.covariates), *pairs]

    def _factor(self) -> FloatArray:
        """Lower Cholesky factor of the latent correlation, shape (n_covariates, n_covariates)."""
        matrix = self._matrix()
        try:
            return np.array(np.linalg.cholesky(matrix), dtype=np.float64)
        except np.linalg.LinAlgError:
            values, vectors = np.linalg.eigh(matrix)
            strain = np.triu(matrix * np.outer(vectors[:, 0], vectors[:, 0]), 1)
            i, j = np.unravel_index(np.argmin(strain), strain.shape)
            raise DataError(
                f"{self.where}: these correlations cannot all hold (least eigenvalue {values[0]:.3g}). The worst is "
                f"{self.covariates[i].name} with {self.covariates[j].name}, {matrix[i, j]:g}; bring it nearer to 0."
            ) from None

    def _matrix(self) -> FloatArray:
        position = {covariate.name: i for i, covariate in enumerate(self.covariates)}
        matrix = np.eye(len(position))
        for (a, b), r in self.correlation.items():
            pair = f"{self.where}: correlation of '{a}' and '{b}'"
            for name in (a, b):
                if name not in position:
                    raise DataError(unknown("covariate", name, position, pair))
                if self.covariates[position[name]].kind == "constant":
                    raise DataError(f"{pair}: '{name}' is constant.")
            if a == b or (b, a) in self.correlation:
                raise DataError(f"{pair}: a pair is two different covariates, stated once.")
            if not -1.0 < r < 1.0:
                raise DataError(f"{pair} is {r:g}; it must lie between -1 and 1.")
            matrix[position[a], position[b]] = matrix[position[b], position[a]] = r
        return matrix


@dataclass(frozen=True)
class RowPopulation:
    """Patients that are rows of a table: patient i is row i modulo rows, or a row chosen by weight."""

    covariates: tuple[Covariate, ...]
    """Covariates in the order of the columns."""
    rows: FloatArray
    """Values, shape (n_rows, n_covariates)."""
    weights: FloatArray | None = None
    """Weight of each row, shape (n_rows,); only the ratios matter."""
    where: str = "population"
    """File, to begin messages with."""

    def __post_init__(self) -> None:
        """Refuse rows and weights that cannot be sampled."""
        _check_names(self.covariates, self.where)
        for covariate in self.covariates:
            if covariate.categories:
                covariate.check_categories(f"{self.where}: covariate '{covariate.name}'")
        n_rows = self.rows.shape[0]
        if self.rows.shape != (n_rows, len(self.covariates)) or n_rows == 0 or not np.isfinite(self.rows).all():
            raise DataError(
                f"{self.where}: rows have shape {self.rows.shape}; expected one or more rows of "
                f"{len(self.covariates)} finite numbers."
            )
        w = self.weights
        if w is not None and (w.shape != (n_rows,) or not (np.isfinite(w) & (w >= 0.0)).all() or not w.sum() > 0.0):
            raise DataError(f"{self.where}: weights must be {n_rows} finite numbers of 0 or more, not all 0.")

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..., shape (n, n_covariates), C-contiguous."""
        if self.weights is None:
            chosen = (first + np.arange(n)) % self.rows.shape[0]
        else:
            cumulative = np.cumsum(self.weights) / np.sum(self.weights)
            cumulative[np.flatnonzero(self.weights)[-1] :] = 1.0
            chosen = np.searchsorted(cumulative, uniforms_of("population_row", first, n, seed), side="right")
        return np.ascontiguousarray(self.rows[chosen], dtype=np.float64)

    def describe(self) -> list[str]:
        """One line for the table, one per covariate."""
        how = "taken in turn" if self.weights is None else "chosen by weight"
        lines = [f"{self.rows.shape[0]} rows of {self.where}, {how}"]
        for covariate, column in zip(self.covariates, self.rows.T, strict=True):
            mean = np.average(column, weights=self.weights)
            lines.append(f"{covariate.name}: mean {mean:.6g}, from {column.min():g} to {column.max():g}")
        return lines


@dataclass(frozen=True)
class HeldPopulation:
    """Patients of a population of whom some covariates are known.

    The others keep the population's distribution: what the known ones say of them by their correlation is not used.

    Raises
    ------
    DataError
        If a held covariate does not exist, or cannot have its value.
    """

    patients: Patients
    """Population."""
    held: Mapping[str, float | str]
    """Covariate to its value, or to a category's label."""
    where: str
    """File and key, to begin messages with."""

    def __post_init__(self) -> None:
        """Refuse what no patient can have."""
        self._values()

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """Covariates in the order of the columns."""
        return self.patients.covariates

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..., shape (n, n_covariates), C-contiguous."""
        x = self.patients.sample(first, n, seed)
        for column, value in self._values().items():
            x[:, column] = value
        return x

    def describe(self) -> list[str]:
        """The population's lines, and what is held."""
        return [*self.patients.describe(), *(f"{name}: held at {value}" for name, value in self.held.items())]

    def _values(self) -> dict[int, float]:
        """Column to its value."""
        known = {covariate.name: i for i, covariate in enumerate(self.covariates)}
        values = {}
        for name, value in self.held.items():
            if name not in known:
                raise DataError(unknown("covariate", name, known, self.where))
            values[known[name]] = _possible(self.covariates[known[name]], value, f"{self.where}.{name}")
        return values


def _possible(covariate: Covariate, value: float | str, where: str) -> float:
    """Number that stands for a value, which the covariate must be able to have."""
    if isinstance(value, str):
        if value not in covariate.labels:
            raise DataError(unknown("category", value, covariate.labels, where))
        return covariate.code_of(value)
    allowed = (0.0, 1.0) if covariate.kind == "binary" else covariate.codes
    if covariate.labels or (allowed and value not in allowed):
        words = ", ".join(covariate.labels or (f"{code:g}" for code in allowed))
        raise DataError(f"{where}: {value:g} is none of {words}.")
    if not math.isfinite(value):
        raise DataError(f"{where}: {value} is not a finite number.")
    low, high = covariate.low, covariate.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise DataError(f"{where}: {exact(value)} lies outside low {low} to high {high} of the population.")
    if covariate.kind == "constant" and covariate.value is not None and value != covariate.value:
        raise DataError(
            f"{where}: {exact(value)} is not what every patient of the population has, {covariate.value:g}."
        )
    if covariate.kind == "lognormal" and value <= 0.0:
        raise DataError(f"{where}: {exact(value)} is not above 0, as every value of a log-normal covariate is.")
    if covariate.kind == "lognormal" and value <= 0.0:
        raise DataError(f"{where}: {value:g} is not above 0, and the covariate is log-normal.")
    return float(value)


def load_rows(path: Path | str, covariates: Sequence[Covariate]) -> RowPopulation:
    """Population whose patients are the rows of a CSV.

    Parameters
    ----------
    path : Path or str
        File with a column per covariate and, if wanted, ``weight`` and ``patient_id`` (which is not read).
    covariates : sequence of Covariate
        What the columns are; of their distributions only categories, low and high are used.

    Raises
    ------
    DataError
        If a cell is not a finite number or a known category, or lies outside low to high.
    """
    rows = read_rows(path, [covariate.name for covariate in covariates], NO_COVARIATES)
    for covariate in covariates:
        if covariate.kind not in KINDS:
            raise DataError(unknown("kind", covariate.kind, KINDS, f"{path}: covariate '{covariate.name}'"))
    values = np.array([[_cell(row, covariate) for covariate in covariates] for row in rows], dtype=np.float64)
    weights = np.array([_weight(row) for row in rows]) if "weight" in rows[0].cells else None
    return RowPopulation(tuple(covariates), values, weights, str(path))


def _cell(row: Row, covariate: Covariate) -> float:
    name, text = covariate.name, row[covariate.name]
    if covariate.labels and text:
        if text not in covariate.labels:
            raise DataError(unknown("category", text, covariate.labels, f"{row.where}: column '{name}'"))
        return covariate.code_of(text)
    value = number(row, name)
    allowed = (0.0, 1.0) if covariate.kind == "binary" else covariate.codes
    if allowed and value not in allowed:
        raise row.refuse(name, f"{text} is none of {', '.join(f'{code:g}' for code in allowed)}.")
    if not (covariate.low is None or value >= covariate.low) or not (covariate.high is None or value <= covariate.high):
        raise row.refuse(name, f"{text} lies outside low {covariate.low} to high {covariate.high}.")
    return value


def _weight(row: Row) -> float:
    weight = number(row, "weight")
    if weight < 0.0:
        raise row.refuse("weight", f"{weight:g} is below 0.")
    return weight


def uniforms_of(name: str, first: int, n: int, seed: int) -> FloatArray:
    """Numbers of patients first, first + 1, ... for a covariate, shape (n,)."""
    out = np.empty(n)
    fill_uniforms(seed, STREAM_POPULATION, first, address_of(name), 0, out)
    return out


def _check_names(covariates: Sequence[Covariate], where: str) -> None:
    names = [covariate.name for covariate in covariates]
    for i, name in enumerate(names):
        if not name.isidentifier() or name in names[:i]:
            raise DataError(f"{where}: covariate name '{name}' is not a name, or stands twice.")
    if len({address_of(name) for name in names}) < len(names):
        raise DataError(f"{where}: two covariates share one random address; please rename the one added last.")
