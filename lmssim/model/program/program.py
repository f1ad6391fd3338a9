"""A compiled scenario: arrays that engines run, and the names by which their results are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import DataError, UnsupportedError
from lmssim.model.parameters.draws import sample_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.expression import Node
    from lmssim.model.language.flat import FlatModel
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.population.profiles import Profiles
    from lmssim.model.program.names import Names
    from lmssim.model.program.pack import Packed
    from lmssim.model.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Program:
    """What engines run: the same for every draw but for its numbers."""

    scenario: Scenario
    used: ParameterTable
    """Parameters that the model uses."""
    flat: FlatModel
    names: Names
    packed: Packed
    """What kernels read."""
    columns: Mapping[str, Any]
    """What was packed, by column, for checks and for other engines."""
    states: list[str]
    """Flat states in order."""
    transitions: list[tuple[str, str | None, str]]
    """(source, target, risk) of each transition in order."""
    decisions: list[str]
    """Names under which luck is addressed, in order of their codes."""
    marks: list[str]
    """Events and transition marks in order of their codes."""
    endpoints: list[str]
    overrides: list[tuple[str, Mapping[str, Node]]]
    """What each strategy sets."""
    life_keys: Mapping[tuple[float, ...], int]
    """Key covariates' codes to the life table's key."""
    norm_keys: Mapping[tuple[float, ...], int]
    profiles: Profiles | None = None
    """Patients that stand for the population, if not all of it is drawn from."""

    @property
    def strategies(self) -> list[str]:
        """Strategy ids in order."""
        return [name for name, _ in self.overrides]

    @property
    def categories(self) -> list[str]:
        """Cost categories in order."""
        return self.scenario.file.settings.cost_categories

    @property
    def is_continuous(self) -> bool:
        """Whether the model runs in continuous time: neither in cycles nor by nested survival curves."""
        return self.scenario.file.cycles is None and self.scenario.file.partitioned_survival is None

    def require_histories(self) -> None:
        """Refuse to walk patients through a model that has no individual histories.

        Raises
        ------
        UnsupportedError
            If the model is one of partitioned survival.
        """
        if self.scenario.file.partitioned_survival is not None:
            raise UnsupportedError(
                f"{self.scenario.path}: a partitioned survival model has no individual histories: --engine cohort."
            )

    def numbers(self, draws: Mapping[str, FloatArray] | None = None) -> FloatArray:
        """Numbers of the base case, or of parameter draws: shape (n_draws, n_strategies, n_numbers)."""
        table = self.scenario.table
        return self.names.numbers.evaluate(table, draws or table.base(), self.overrides)

    def sample(self, n_draws: int, seed: int, first_draw: int = 0) -> dict[str, FloatArray]:
        """Parameter draws first_draw, first_draw + 1, ..."""
        return sample_parameters(self.scenario.table, self.scenario.groups, n_draws, seed, first_draw)

    def patients(self, first: int, n: int, seed: int) -> FloatArray:
        """Columns of patients first, first + 1, ...: covariates, expressions of them, life-table key, norm key."""
        if self.profiles is not None:
            return self.profiles.sample(first, n, seed)
        return self.columns_of(self.scenario.patients.sample(first, n, seed), first)

    def with_profiles(self, profiles: Profiles) -> Program:
        """The same program, its patients drawn from profiles: luck is theirs by number, as ever."""
        return replace(self, profiles=profiles)

    def columns_of(self, covariates: FloatArray, first: int = 0) -> FloatArray:
        """Columns of patients with given covariates, (n_patients, n_covariates); `first` numbers them in messages."""
        names = list(self.names.covariates)
        self._check_ages(covariates[:, names.index(self.scenario.file.population.age)], first)
        x = self.names.fill_columns(covariates, 2)
        mortality, utilities = self.scenario.file.mortality, self.scenario.file.utilities
        x[:, -2] = self._key(covariates, names, self.life_keys, list(mortality.keys.values()) if mortality else [])
        x[:, -1] = self._key(covariates, names, self.norm_keys, list(utilities.keys.values()))
        return x

    def _check_ages(self, ages: FloatArray, first: int) -> None:
        wrong = np.flatnonzero(~(ages >= 0.0))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{self.scenario.path}: population.{self.scenario.file.population.age}: patient {first + i} has age"
                f" {ages[i]:g}; it must be 0 or more. Give the covariate low = 0 or more."
            )

    @staticmethod
    def _key(
        covariates: FloatArray, names: list[str], keys: Mapping[tuple[float, ...], int], columns: list[str]
    ) -> FloatArray:
        result = np.zeros(covariates.shape[0])
        for codes, key in keys.items():
            match = np.ones(covariates.shape[0], dtype=bool)
            for column, code in zip(columns, codes, strict=True):
                match &= covariates[:, names.index(column)] == code
            result[match] = key
        return result
