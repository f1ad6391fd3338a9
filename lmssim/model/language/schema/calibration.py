"""A calibration: which published targets a model is fitted to, which parameters are free, and what is held out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lmssim.model.language.schema.readings import Series
from lmssim.model.language.schema.treatments import Strategy
from lmssim.model.language.schema.words import Id, Name, Section


class Free(Section):
    """A free quantity and its prior: columns as in a parameter table."""

    label: str
    unit: str = ""
    distribution: Literal["normal", "lognormal", "beta", "gamma", "uniform"] = "lognormal"
    value: float
    se: float | None = None
    low: float | None = None
    """Lower end of the prior's 95% interval, or of a uniform's range."""
    high: float | None = None
    lower: float | None = None
    """Least possible value."""
    upper: float | None = None
    kind: Literal["published", "derived", "assumed"] = "assumed"
    source_id: str = ""
    locator: str = ""
    reason: str = ""
    """Why this prior."""


class StudyRow(Section):
    """What a target of a study is used for."""

    role: Literal["fit", "check"] = "fit"
    """`fit`: part of the likelihood. `check`: only compared, for the stated reason."""
    family: Name | None = None
    """Outcome family; that of the row's events if absent."""
    within: str | None = None
    """Target of the same patients whose events contain the events of this one: the two have a joint likelihood."""
    n: float | None = Field(default=None, gt=0)
    """Effective number of patients, where the paper prints none or another than that of the target."""
    reason: str = ""
    """Why it is a check, or why this number."""


class Study(Section):
    """A study: one cohort of patients, whose targets are the rows of a series."""

    series: str
    """Series of the calibration file or of its scenario."""
    cohort_id: Id
    """Patients: two papers about the same patients have one."""
    rows: dict[str, StudyRow] = {}
    """Target -> what it is used for; rows of the series that are not named here are checks."""
    role: Literal["fit", "check"] = "fit"
    """`check`: no target is part of the likelihood."""
    reason: str = ""
    """Why the study is used so; for a check, why it is not fitted."""


class Later(Section):
    """Cohorts that came after the first fit, and those of them that are held out by the rule, among them alone."""

    evidence: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """Date of the evidence, year-month-day."""
    cohorts: list[Id] = Field(min_length=1)
    """New cohorts with at least one target that could be fitted."""
    held_out: list[Id]
    """Those of them that are held out."""


class CalibrationFile(Section):
    """Which parameters of a scenario are fitted to which published targets."""

    schema_version: Annotated[int, Field(ge=1, le=1)]
    scenario: str
    """Bundled name, or path from this file."""
    label: str
    after: list[Id] = []
    """Calibrations that are done before: their parameters are given here, draw by draw."""
    given: list[str] = []
    """Other parameters that affect the targets and are not fitted: draw k has the same values at every site."""
    free: dict[Name, Free]
    sets: dict[str, str] = {}
    """Model parameter -> expression of free quantities and parameters; a free parameter of the model sets itself."""
    tau: dict[Name, Annotated[float, Field(gt=0, le=10)]]
    """Scale of the half-normal prior of the between-study standard deviation, by outcome family: targets of one family
    in one study share a between-study effect."""
    studies: dict[Id, Study]
    held_out: list[Id] = []
    """Cohorts held out for validation, by the rule of `lmssim.studies.calibration.holdout`."""
    later: list[Later] = []
    """The same, of cohorts that came after the first fit, once for each time that evidence was added."""
    always_fitted: list[Id] = []
    """Cohorts that the rule passes over."""
    series: dict[str, Series] = {}
    """Further series, beside those of the scenario."""
    strategies: dict[Id, Strategy] = {}
    """Strategies of further series: what their patients had."""

    @property
    def all_held_out(self) -> list[str]:
        """Cohorts held out, of the first evidence and of all that came later."""
        return [*self.held_out, *(cohort for later in self.later for cohort in later.held_out)]
