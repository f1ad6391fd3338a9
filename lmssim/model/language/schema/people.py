"""Populations, and the norms that hold for everybody: mortality and utilities by age."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lmssim.model.language.schema.words import Section, Value


class Covariate(Section):
    """A baseline characteristic: a distribution, or the column of a file."""

    kind: Literal["normal", "lognormal", "uniform", "binary", "categorical", "constant"]
    label: str | None = None
    unit: str = ""
    mean: Value | None = None
    sd: Value | None = None
    median: Value | None = None
    sdlog: Value | None = None
    low: Value | None = None
    high: Value | None = None
    probability: Value | None = None
    value: Value | None = None
    categories: list[str | float] = []
    probabilities: list[Value] = []


class Correlation(Section):
    """Correlation of two covariates' latent normals."""

    between: Annotated[tuple[str, str], Field(strict=False)]
    value: Value


class Stratum(Section):
    """Part of a mixed population: its share of the patients, and their own covariates."""

    share: Value
    """Shares add up to 1."""
    file: str | None = None
    """TOML file whose `[population]` gives what follows; what stands here goes before it."""
    label: str | None = None
    covariates: dict[str, Covariate] = {}
    correlations: list[Correlation] = []


class Population(Section):
    """Joint distribution of covariates, or rows of a file, or a mix of strata."""

    label: str | None = None
    covariates: dict[str, Covariate] = {}
    correlations: list[Correlation] = []
    rows: str | None = None
    """CSV with a column per covariate, and optionally `weight`."""
    age: str = "age"
    """Covariate that holds age at time zero, in years."""
    by: str | None = None
    """Covariate whose labels are the names of the strata."""
    strata: dict[str, Stratum] = {}
    """Populations that are mixed, in place of covariates."""


class Mortality(Section):
    """Background mortality table."""

    table: str
    measure: Literal["q", "m"] = "q"
    keys: dict[str, str] = {"sex": "sex"}
    """Key column of the table -> covariate."""


class Utilities(Section):
    """How utilities are read."""

    norms: str | None = None
    """CSV of population norms by age and sex; state utilities are then relative to it."""
    combine: Literal["multiplicative", "additive"] = "multiplicative"
    keys: dict[str, str] = {"sex": "sex"}
