"""A patient's columns: covariates, expressions of them that effects multiply, and the keys of mortality and norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import DataError, exact
from lmssim.model.language import expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.expression import Node


OLDEST = 150.0
"""Largest age at time zero; what is larger is no age in years."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Which key of a table belongs to a patient."""

    covariates: tuple[int, ...]
    """Columns that tell the keys apart."""
    numbers: Mapping[tuple[float, ...], int]
    """Values of these columns to the number of the key."""

    def of(self, covariates: FloatArray) -> FloatArray:
        """Key of each patient, 0 for values that have none; (n_patients,)."""
        result = np.zeros(covariates.shape[0])
        for values, key in self.numbers.items():
            match = np.ones(covariates.shape[0], dtype=bool)
            for column, value in zip(self.covariates, values, strict=True):
                match &= covariates[:, column] == value
            result[match] = key
        return result


@dataclass(frozen=True, slots=True)
class Columns:
    """What each column of a patient holds, and at which position."""

    covariates: tuple[str, ...]
    expressions: tuple[Node, ...]
    """Expressions of covariates, which follow these."""
    age: int
    """Position of the age at time zero."""
    life_keys: Keys
    norm_keys: Keys

    @property
    def life(self) -> int:
        """Position of the life table's key."""
        return len(self.covariates) + len(self.expressions)

    @property
    def norm(self) -> int:
        """Position of the utility norms' key, the last."""
        return self.life + 1

    def fill(self, covariates: FloatArray, first: int, where: str) -> FloatArray:
        """Columns of patients with given covariates.

        Parameters
        ----------
        covariates : ndarray(float, ndim=2)
            (n_patients, n_covariates).
        first : int
            Number of the first patient, for messages.

        Raises
        ------
        DataError
            If an age is below 0 or over `OLDEST`.
        """
        self._check_ages(covariates[:, self.age], first, where)
        x = np.empty((len(covariates), self.norm + 1))
        x[:, : len(self.covariates)] = covariates
        values: dict[str, Any] = {name: covariates[:, i] for i, name in enumerate(self.covariates)}
        for k, node in enumerate(self.expressions, len(self.covariates)):
            x[:, k] = expression.evaluate(node, values, "effect")
        x[:, self.life], x[:, self.norm] = self.life_keys.of(covariates), self.norm_keys.of(covariates)
        return x

    def _check_ages(self, ages: FloatArray, first: int, where: str) -> None:
        wrong = np.flatnonzero(~((ages >= 0.0) & (ages <= OLDEST)))
        if wrong.size:
            i = int(wrong[0])
            raise DataError(
                f"{where}: population.{self.covariates[self.age]}: patient {first + i} has age {exact(ages[i])}; it"
                f" must lie between 0 and {OLDEST:g} years. Give the covariate low and high in them."
            )
