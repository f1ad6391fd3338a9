"""A compiled scenario: its rows, the memory that kernels read, and the names by which results are read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ParameterError, UnsupportedError
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.new_setting import in_new_settings
from lmssim.model.program.domains import check_domains
from lmssim.model.program.numbers import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.expression import Node
    from lmssim.model.language.flat import FlatModel
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.population.profiles import Profiles
    from lmssim.model.program.names import Names
    from lmssim.model.program.pack import Packed
    from lmssim.model.program.rows import Rows
    from lmssim.model.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Program:
    """What engines run: the same for every draw but for its numbers."""

    scenario: Scenario
    used: ParameterTable
    """Parameters that the model uses."""
    flat: FlatModel
    names: Names
    rows: Rows
    """What the model says, row by row."""
    packed: Packed
    """The rows as kernels read them."""
    overrides: list[tuple[str, Mapping[str, Node]]]
    """What each strategy sets."""
    shaped_by: Mapping[str, float] = field(default_factory=dict)
    """Parameters whose value shapes the program's tables (times of plans, say), with the value that they had: with any
    other it would be another program."""
    profiles: Profiles | None = None
    """Patients that stand for the population, if not all of it is drawn from."""

    @cached_property
    def states(self) -> list[str]:
        """Flat states in order."""
        return [state.name for state in self.rows.states]

    @cached_property
    def transitions(self) -> list[tuple[str, str | None, str]]:
        """(source, target, reason) of each transition in order."""
        return [
            (self.states[t.source], None if t.silent else self.states[t.to], t.reason) for t in self.rows.transitions
        ]

    @cached_property
    def decisions(self) -> list[str]:
        """Names under which random numbers are addressed, in order of their codes."""
        return [decision.name for decision in self.rows.decisions]

    @cached_property
    def marks(self) -> list[str]:
        """Events and marks of transitions in order of their codes."""
        return list(self.rows.marks)

    @cached_property
    def endpoints(self) -> list[str]:
        """Endpoints in order."""
        return [endpoint.name for endpoint in self.rows.counting.endpoints]

    @property
    def strategies(self) -> list[str]:
        """Strategy ids in order."""
        return [name for name, _ in self.overrides]

    @property
    def categories(self) -> list[str]:
        """Cost categories in order."""
        return self.scenario.file.settings.cost_categories

    @property
    def n_categories(self) -> int:
        """Cost categories and further sums."""
        return self.rows.rewards.n_categories

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

    def numbers(self, draws: Mapping[str, FloatArray] | None = None, first_draw: int = 0) -> FloatArray:
        """Numbers of the base case, or of parameter draws: shape (n_draws, n_strategies, n_numbers).

        Messages count the draws from `first_draw` on.

        Raises
        ------
        InputError
            If a value is impossible in some draw; the message names where it stands, the strategy and the draw.
        """
        table = self.scenario.table
        self._check_shape(draws or {})
        with self.scenario.origins.named():
            numbers = evaluate(self.rows.slots, table, draws or table.base(), self.overrides, first_draw)
            check_domains(self.rows, numbers, self.strategies, str(self.scenario.path), first_draw)
        return numbers

    def _check_shape(self, draws: Mapping[str, FloatArray]) -> None:
        """Refuse draws of what the program was made with: they would change nothing."""
        for name, value in self.shaped_by.items():
            if name in draws and not (np.asarray(draws[name]) == value).all():
                raise ParameterError(
                    f"draws: parameter '{name}' shapes the program (times of plans or of effects), so that it has one "
                    "value in all draws; load the scenario with another value instead (--set, or overrides)."
                )

    def sample(
        self, n_draws: int, seed: int, first_draw: int = 0, *, new_setting: bool = False
    ) -> dict[str, FloatArray]:
        """Parameter draws first_draw, first_draw + 1, ..., each in a setting of its own if `new_setting`."""
        scenario = self.scenario
        draws = sample_parameters(scenario.table, scenario.groups, n_draws, seed, first_draw)
        if not new_setting:
            return draws
        changes, where = scenario.file.new_setting, f"{scenario.path}: new_setting"
        return in_new_settings(scenario.table, scenario.groups, changes, draws, seed, first_draw, where)

    def patients(self, first: int, n: int, seed: int) -> FloatArray:
        """Columns of patients first, first + 1, ...: covariates, expressions of them, life-table key, norm key."""
        if self.profiles is not None:
            return self.profiles.sample(first, n, seed)
        return self.columns_of(self.scenario.patients.sample(first, n, seed), first)

    def with_profiles(self, profiles: Profiles) -> Program:
        """The same program, its patients drawn from profiles: their random numbers depend on their number alone."""
        return replace(self, profiles=profiles)

    def columns_of(self, covariates: FloatArray, first: int = 0) -> FloatArray:
        """Columns of patients with given covariates, (n_patients, n_covariates); `first` numbers them in messages."""
        return self.rows.columns.fill(covariates, first, str(self.scenario.path))
