"""A global sensitivity analysis as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.studies.sensitivity.sobol.rows import CheckRow, ScreeningRow, ShapleyRow, SobolRow, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.economics.variance_based.indices import Indices
    from lmssim.economics.variance_based.screening import Screening
    from lmssim.economics.variance_based.shapley import Shapley
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.paired.contrast import Contrast
    from lmssim.studies.sensitivity.sobol.factors import Factor
    from lmssim.studies.sensitivity.sobol.plan import Plan

TABLES = ("sobol", "screening", "variance", "factors")
SHAPLEY_TABLES = ("shapley", "shapley_check")


@dataclass(frozen=True)
class Divided:
    """A block whose variance is divided by Shapley effects.

    Attributes
    ----------
    block : Block
        The block.
    parts : mapping of str to sequence of str
        Parameters of each part.
    effects : mapping of str to Shapley
        By outcome.
    """

    block: Block
    parts: Mapping[str, Sequence[str]]
    effects: Mapping[str, Shapley]


@dataclass(frozen=True)
class GlobalSensitivity:
    """What drives the variance of an increment.

    Attributes
    ----------
    program : Program
        What was run.
    contrast : Contrast
        Which strategy, against which.
    wtps : sequence of float
        Willingness to pay.
    factors : sequence of Factor
        Of the indices.
    blocks : sequence of Block
        Factors of the screening: what is drawn together.
    indices : mapping of str to Indices
        By outcome; empty if there are none.
    screenings : mapping of str to Screening
        By outcome; empty if there are none.
    divided : Divided, optional
        A block and its Shapley effects.
    plan : Plan
        What it took.
    """

    program: Program
    contrast: Contrast
    wtps: Sequence[float]
    factors: Sequence[Factor]
    blocks: Sequence[Block]
    indices: Mapping[str, Indices]
    screenings: Mapping[str, Screening]
    divided: Divided | None
    plan: Plan

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are offered."""
        return TABLES if self.divided is None else (*TABLES, *SHAPLEY_TABLES)

    @cached_property
    def sobol(self) -> pd.DataFrame:
        """Sobol' indices, a row for each outcome and factor, the greatest total index first.

        outcome (`inmb:20000`, `cost`, `qalys`, increments all), rank, factor, label, parameters (how many), first and
        total with `_se`, `_low`, `_high` (95%), interactions (total less first).
        """
        rows = [row for outcome in self.indices for row in self.sobol_rows(outcome)]
        return pd.DataFrame(rows, columns=SobolRow._fields)

    def sobol_rows(self, outcome: str) -> list[SobolRow]:
        """Indices of an outcome, the greatest total one first."""
        found, rows = self.indices[outcome], []
        for rank, k in enumerate(np.argsort(-found.total, kind="stable").tolist(), 1):
            factor, first, total = self.factors[k], float(found.first[k]), float(found.total[k])
            both = (*share_of(first, float(found.first_se[k])), *share_of(total, float(found.total_se[k])))
            rows.append(SobolRow(outcome, rank, factor.name, factor.label, len(factor.members), *both, total - first))
        return rows

    @cached_property
    def screening(self) -> pd.DataFrame:
        """Elementary effects, a row for each outcome and block, the greatest mu_star first.

        outcome, rank, block, label, unit, joint, parameters, mu_star with `_se`, `_low`, `_high`; mu and sigma, each
        with `_se` (blank of a block that is drawn jointly, whose draws have no order), patients (noise of patients in
        one effect). Errors hold the chance of trajectories and patients.
        """
        rows = [row for outcome in self.screenings for row in self.screening_rows(outcome)]
        return pd.DataFrame(rows, columns=ScreeningRow._fields)

    def screening_rows(self, outcome: str) -> list[ScreeningRow]:
        """Elementary effects of an outcome, the greatest first."""
        found, rows = self.screenings[outcome], []
        for rank, k in enumerate(np.argsort(-found.mu_star, kind="stable").tolist(), 1):
            block = self.blocks[k]
            unit = "" if block.joint else self.scenario.table[block.name].unit
            about = (block.name, block.label, unit, block.joint, len(block.members))
            effect = share_of(float(found.mu_star[k]), float(found.mu_star_se[k]), float(found.reach[k]))
            mu, sigma = (np.nan, np.nan), (np.nan, np.nan)
            if not block.joint:
                mu, sigma = (
                    (float(value[k]), float(se[k]))
                    for value, se in ((found.mu, found.mu_se), (found.sigma, found.sigma_se))
                )
            rows.append(ScreeningRow(outcome, rank, *about, *effect, *mu, *sigma, float(found.patients[k])))
        return rows

    @cached_property
    def variance(self) -> pd.DataFrame:
        """What is divided: outcome, unit, mean, mean_se, sd (over the factors), sd_se, first, patients.

        `first` is the sum of the first-order indices.

        `patients` is the share that the noise of patients has in the variance between evaluations; no index holds it.
        """
        rows = [
            (
                outcome,
                self.unit(outcome),
                found.mean,
                found.mean_se,
                found.sd,
                found.sd_se,
                float(found.first.sum()),
                found.noise / whole if (whole := found.variance + found.noise) > 0.0 else 0.0,
            )
            for outcome, found in self.indices.items()
        ]
        return pd.DataFrame(rows, columns=["outcome", "unit", "mean", "mean_se", "sd", "sd_se", "first", "patients"])

    def unit(self, outcome: str) -> str:
        """Unit of an outcome."""
        return "QALYs" if outcome == "qalys" else self.scenario.file.settings.currency

    @cached_property
    def factors_table(self) -> pd.DataFrame:
        """Parameters of each factor: factor, parameter, label, unit, joint."""
        rows = [
            (factor.name, id_, self.scenario.table[id_].description, self.scenario.table[id_].unit, block.joint)
            for factor in self.factors
            for block in factor.blocks
            for id_ in block.members
        ]
        return pd.DataFrame(rows, columns=["factor", "parameter", "label", "unit", "joint"])

    @cached_property
    def shapley(self) -> pd.DataFrame:
        """Shapley effects in a block, approximate.

        outcome, block, rank, part, parameters, effect (share of what the surrogate explains; they add up to 1) with
        `_se`, `_low`, `_high`.
        """
        outcomes = [] if self.divided is None else self.divided.effects
        return pd.DataFrame([row for each in outcomes for row in self.shapley_rows(each)], columns=ShapleyRow._fields)

    def shapley_rows(self, outcome: str) -> list[ShapleyRow]:
        """Shapley effects of an outcome, the greatest first."""
        assert self.divided is not None
        found, parts, rows = self.divided.effects[outcome], self.divided.parts, []
        names = list(parts)
        for rank, k in enumerate(np.argsort(-found.effects, kind="stable").tolist(), 1):
            effect = share_of(float(found.effects[k]), float(found.se[k]))
            rows.append(ShapleyRow(outcome, self.divided.block.name, rank, names[k], len(parts[names[k]]), *effect))
        return rows

    @cached_property
    def shapley_check(self) -> pd.DataFrame:
        """Check of the surrogate, by outcome.

        outcome, block, terms, r2 (share of the variance of all evaluations that it explains in unseen rows), first
        (first-order index of the factor that holds the block: what a perfect surrogate would explain, if the factor is
        the block alone), first_se, share (what the surrogate explains over what the factor explains; patients' noise
        is in the variance of evaluations, and so in r2, but not in indices).
        """
        outcomes = [] if self.divided is None else self.divided.effects
        return pd.DataFrame([self.check_row(outcome) for outcome in outcomes], columns=CheckRow._fields)

    def check_row(self, outcome: str) -> CheckRow:
        """Check of the surrogate of an outcome."""
        assert self.divided is not None
        block, fit = self.divided.block, self.divided.effects[outcome].surrogate
        k = next(k for k, factor in enumerate(self.factors) if block in factor.blocks)
        found = self.indices[outcome]
        first, se, of_factor = float(found.first[k]), float(found.first_se[k]), float(found.first[k]) * found.variance
        share = fit.r2 * (found.variance + found.noise) / of_factor if of_factor > 0.0 else np.nan
        return CheckRow(outcome, block.name, fit.terms, fit.r2, first, se, share)

    def frame(self, name: str) -> pd.DataFrame:
        """A table by its name."""
        found: pd.DataFrame = self.factors_table if name == "factors" else getattr(self, name)
        return found

    def to_frame(self) -> pd.DataFrame:
        """Sobol' indices; the screening if there are none."""
        return self.sobol if self.indices else self.screening
