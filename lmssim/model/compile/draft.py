"""The program while it is compiled: what names mean, and the numbers by which rows refer to one another."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.kernels.layout import CLOCK_AGE, CLOCK_ENTRY, CLOCK_MODEL
from lmssim.kernels.philox import address_of
from lmssim.model.language import expression
from lmssim.model.language.cycles import CycleClock, cycle_clock
from lmssim.model.language.expression import Name
from lmssim.model.language.flat import FlatModel, flatten
from lmssim.model.parameters.by_covariate import ByCovariate
from lmssim.model.program.code import CodeTable
from lmssim.model.program.lookups import Lookups
from lmssim.model.program.meanings import refuse_two_meanings
from lmssim.model.program.names import Names
from lmssim.model.program.numbers import NumberTable

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.language.expression import Node
    from lmssim.model.language.schema import Schedule, Transition
    from lmssim.model.program.rows import Effect, Risk
    from lmssim.model.scenario import Scenario

    Rate = tuple[int, tuple[int, ...], tuple[Effect, ...]]
    """What makes hazards equal: family, refs and clock, effects."""

CLOCKS = {"entry": CLOCK_ENTRY, "model": CLOCK_MODEL, "age": CLOCK_AGE}


class Draft:
    """Names, and numbers that rows share, under construction; the other modules of the compiler make rows with it.

    Attributes
    ----------
    numbers, lookups, code : NumberTable, Lookups, CodeTable
        Filled as values are read.
    expressions : list of Node
        Expressions of covariates that have a column of their own.
    marks : list of str
        Events, then marks of transitions in the order in which they are met.
    risks : dict of str to Risk
        In order.
    fresh_risks : dict of str to bool
        Whether a risk's budget is drawn anew at each entry.
    rates : dict
        What makes hazards equal, to the number that they share.
    transitions : list of Transition or None
        What the file says of each transition compiled; None of a tick of an event.
    schedules : list of Schedule
        Schedules of the file in the order in which they are met.
    recorded : set of int
        States that are asked for in histories.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.file, self.where = scenario, scenario.file, str(scenario.path)
        self.cycle: CycleClock | None = cycle_clock(self.file, self.where)
        self.flat: FlatModel = flatten(self.file, self.where)
        covariates = {c.name: list(c.labels) for c in scenario.patients.covariates}
        self.by = scenario.by if scenario.by.covariate in covariates else ByCovariate()
        refuse_two_meanings(scenario, self.flat, self.where)
        self.numbers = NumberTable()
        self.lookups = Lookups(self.numbers)
        self.names = Names(
            parameters=frozenset(scenario.table),
            covariates=covariates,
            codes={c.name: [float(v) for v in c.codes] for c in scenario.patients.covariates if len(c.categories)},
            levels=self.flat.levels,
            clocks=list(self.flat.clocks),
            strategies=scenario.strategies,
            lookups=self.lookups,
            tables=dict(scenario.tables),
            expressions={**self.file.expressions, **self.flat.expressions},
            cycle=self.cycle,
            age=self.file.population.age,
            by=self.by,
        )
        self.code = CodeTable(self.names, self.numbers)
        self.expressions: list[Node] = []
        self.states = list(self.flat.states)
        self.marks = list(self.file.events)
        self.plans = list(self.file.plans)
        self.risks: dict[str, Risk] = {}
        self.fresh_risks: dict[str, bool] = {}
        self.rates: dict[Rate, int] = {}
        self.decisions: dict[str, int] = {}
        self.addresses: dict[int, str] = {}
        self.transitions: list[Transition | None] = []
        self.schedules: list[Schedule] = []
        self.recorded: set[int] = set()
        self.shaped_by: set[str] = set()

    def index(self, kind: str, name: str, names: list[str], where: str) -> int:
        """Position of a name, or an error with the nearest one."""
        if name not in names:
            raise ScenarioError(unknown(kind, name, names, where))
        return names.index(name)

    def state(self, name: str, where: str) -> int:
        """Position of a state."""
        return self.index("state", name, self.states, where)

    def decision(self, name: str) -> int:
        """Position of a decision; its name addresses its random numbers, so two names must not share an address."""
        if name not in self.decisions:
            address = address_of(name)
            if address in self.addresses:
                raise ScenarioError(
                    f"{self.where}: the names '{name}' and '{self.addresses[address]}' have the same address of random"
                    " numbers; rename one of them."
                )
            self.addresses[address] = name
            self.decisions[name] = len(self.decisions)
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

    @cached_property
    def base(self) -> dict[str, FloatArray]:
        """Base-case value of every parameter, shape (1,)."""
        return self.scenario.table.base()

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
        self.shaped_by |= self.scenario.table.needed(names)
        number = float(np.ravel(expression.evaluate(node, self.base if names else {}, where))[0])
        if not np.isfinite(number) or number < 0:
            raise ScenarioError(f"{where}: {number} is not a time of 0 or more, in years.")
        return number

    def column(self, node: Node) -> int:
        """Column of an expression of covariates, added to the patient's columns if new."""
        covariates = list(self.names.covariates)
        if isinstance(node, Name) and node.name in covariates:
            return covariates.index(node.name)
        if node not in self.expressions:
            self.expressions.append(node)
        return len(covariates) + self.expressions.index(node)
