"""The program while it is compiled: its tables under construction, and what names mean so far."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.kernels.layout import (
    CLOCK_AGE,
    CLOCK_ENTRY,
    CLOCK_MODEL,
    NONE,
    ON_HAZARD,
    ON_LOGIT,
    ON_TIME,
)
from lmssim.kernels.philox import address_of
from lmssim.model.language import expression
from lmssim.model.language.cycles import CycleClock, cycle_clock
from lmssim.model.language.expression import Name
from lmssim.model.language.flat import FlatModel, flatten
from lmssim.model.language.schema import Effect, Effects, Transition
from lmssim.model.parameters.by_covariate import ByCovariate
from lmssim.model.program.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.scenario import Scenario

ON = {"hazard": ON_HAZARD, "time": ON_TIME, "logit": ON_LOGIT}
CLOCKS = {"entry": CLOCK_ENTRY, "model": CLOCK_MODEL, "age": CLOCK_AGE}


class Draft:
    """Tables under construction; the other modules of the compiler fill `out`, column by column."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.file, self.where = scenario, scenario.file, str(scenario.path)
        self.cycle: CycleClock | None = cycle_clock(self.file, self.where)
        self.flat: FlatModel = flatten(self.file, self.where)
        covariates = {c.name: list(c.labels) for c in scenario.patients.covariates}
        category_codes = {
            c.name: [float(v) for v in c.codes] for c in scenario.patients.covariates if len(c.categories)
        }
        self.by = scenario.by if scenario.by.covariate in covariates else ByCovariate()
        self._refuse_two_meanings(covariates)
        self.names = Names(
            parameters=frozenset(scenario.table),
            covariates=covariates,
            codes=category_codes,
            levels=self.flat.levels,
            clocks=list(self.flat.clocks),
            strategies=scenario.strategies,
            tables=dict(scenario.tables),
            expressions={**self.file.expressions, **self.flat.expressions},
            cycle=self.cycle,
            by=self.by,
        )
        self.states = list(self.flat.states)
        self.marks = list(self.file.events)
        self.plans = list(self.file.plans)
        self.out: dict[str, list[Any]] = defaultdict(list)
        self.risks: dict[str, int] = {}
        self.fresh_risks: dict[str, bool] = {}
        self.rates: dict[Any, int] = {}
        self.decisions: dict[str, int] = {}
        self.addresses: dict[int, str] = {}
        self.transitions: list[tuple[str, str | None, str]] = []
        self.flat_transitions_in_order: list[Transition | None] = []
        self.recorded: set[int] = set()

    def _refuse_two_meanings(self, covariates: Mapping[str, object]) -> None:
        kinds = {
            "parameter": {**self.scenario.table, **self.by.ids},
            "covariate": covariates,
            "attribute": self.flat.levels,
            "named expression": self.file.expressions,
            "rule of a treatment planned by phase": self.flat.expressions,
        }
        for (a, first), (b, second) in itertools.combinations(kinds.items(), 2):
            both = [name for name in first if name in second]
            if both:
                raise ScenarioError(f"{self.where}: the name '{both[0]}' is both a {a} and a {b}; rename one of them.")

    def index(self, kind: str, name: str, names: list[str], where: str) -> int:
        """Position of a name, or an error with the nearest one."""
        if name not in names:
            raise ScenarioError(unknown(kind, name, names, where))
        return names.index(name)

    def state(self, name: str, where: str) -> int:
        """Position of a state."""
        return self.index("state", name, self.states, where)

    def decision(self, name: str) -> int:
        """Position of a decision; its luck is addressed by its name, and two names must not share an address."""
        if name not in self.decisions:
            address = address_of(name)
            if address in self.addresses:
                raise ScenarioError(
                    f"{self.where}: the names '{name}' and '{self.addresses[address]}' have the same address of luck;"
                    " rename one of them."
                )
            self.addresses[address] = name
            self.decisions[name] = len(self.decisions)
            self.out["decision_address"].append(address)
        return self.decisions[name]

    def members(self, name: str, where: str) -> list[int]:
        """Flat states of a state of the file."""
        members = self.flat.states_of(name)
        if members is None:
            raise ScenarioError(unknown("state", name, self.flat.names(), where))
        return [self.states.index(s) for s in members]

    def clock(self, name: str, where: str) -> int:
        """Code of a clock."""
        if name in CLOCKS:
            return CLOCKS[name]
        return self.index("clock", name, list(self.flat.clocks), where)

    def fixed(self, value: float | str, where: str, what: str = "times of plans") -> float:
        """Value that must be the same in every draw, as it shapes a table: 0 or more, usually years.

        Raises
        ------
        InputError
            If it depends on more than fixed parameters, or is impossible.
        """
        node = self.names.resolve(expression.parse(value, where), where)
        if differing := self.names.differing(node):
            raise UnsupportedError(f"{where}: {what} depend on parameters alone{differing}.")
        names = sorted(set(expression.names(node)))
        for name in names:
            if name not in self.scenario.table:
                raise UnsupportedError(f"{where}: '{name}' is not a parameter; {what} depend on parameters alone.")
            if self.scenario.table[name].distribution != "fixed":
                raise UnsupportedError(
                    f"{where}: parameter '{name}' has distribution '{self.scenario.table[name].distribution}';"
                    f" {what} must be fixed."
                )
        base = self.scenario.table.base() if names else {}
        number = float(np.ravel(expression.evaluate(node, base, where))[0])
        if not np.isfinite(number) or number < 0:
            raise ScenarioError(f"{where}: {number} is not a time of 0 or more, in years.")
        return number

    def effects(self, effects: Effects, default: str, where: str) -> tuple[int, bool]:
        """Append effects; returns the attribute bits they depend on and whether any changes with time."""
        bits, timed = 0, False
        for key, value in effects.items():
            place = f"{where}.effects.{key}"
            effect = value if isinstance(value, Effect) else Effect(value=value)
            on = effect.on or default
            if (on == "logit") != (default == "logit"):
                raise ScenarioError(f"{place}: on = '{on}' is not possible here; allowed: {_allowed_on(default)}.")
            bits |= self._effect_key(key, place)
            delay, full, wane = self._course(effect, place)
            changing = delay > 0 or full is not None or wane > 0
            if changing and on != "hazard":
                raise UnsupportedError(f"{place}: an effect that changes with time must be on = 'hazard'.")
            ref = self.names.ref(effect.value, place, "number")
            if changing and ref < 0 and not self.names.is_of_covariates(self.names.origins[-1 - ref][0]):
                raise UnsupportedError(
                    f"{place}: an effect that changes with time may depend on parameters and covariates alone."
                )
            self.out["effect_ref"].append(ref)
            self.out["effect_on"].append(ON[on])
            clock = self.clock(effect.clock or "model", place) if changing else NONE
            if clock in (CLOCK_ENTRY, CLOCK_AGE):
                raise UnsupportedError(f"{place}: the clock of an effect must be `model` or a named clock.")
            self.out["effect_clock"].append(clock)
            if changing:
                self._steps(delay, full, wane, effect.steps)
            self.out["effect_step_start"].append(len(self.out["step_time"]))
            timed |= changing
        return bits, timed

    def _effect_key(self, key: str, where: str) -> int:
        node = self.names.resolve(expression.parse(key, where), where)
        is_attribute = isinstance(node, Name) and node.name not in self.names.covariates
        bit = self.names.attribute_bit(node.name) if isinstance(node, Name) and is_attribute else None
        if bit is not None:
            self.out["effect_column"].append(-1)
            self.out["effect_mask"].append(bit)
            return bit
        if not self.names.is_baseline(node):
            raise UnsupportedError(
                f"{where}: the key of an effect must be an attribute, or an expression of covariates alone."
            )
        self.out["effect_column"].append(self.names.column(node))
        self.out["effect_mask"].append(0)
        return 0

    def _course(self, effect: Effect, where: str) -> tuple[float, float | None, float]:
        """Years of delay, of full effect and of waning."""
        what = "times of effects"
        full = None if effect.full is None else self.fixed(effect.full, f"{where}.full", what)
        delay = self.fixed(effect.delay, f"{where}.delay", what)
        return delay, full, self.fixed(effect.wane, f"{where}.wane", what)

    def _steps(self, delay: float, full: float | None, wane: float, steps: int) -> None:
        """Share of an effect by time since its clock started: none, full, waning in equal steps, none."""
        times, factors = [delay], [1.0]
        if full is not None:
            ends = delay + full
            n = steps if wane > 0 else 0
            for k in range(n):
                times.append(ends + wane * k / n)
                factors.append(1.0 - (k + 0.5) / n)
            times.append(ends + wane)
            factors.append(0.0)
        self.out["step_time"] += times
        self.out["step_factor"] += factors

    def open(self, column: str) -> None:
        """Begin a list of lists: the first start is 0."""
        if not self.out[column]:
            self.out[column].append(0)


def _allowed_on(default: str) -> str:
    return "logit" if default == "logit" else "hazard, time"
