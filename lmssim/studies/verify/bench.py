"""The bench on which checks run a scenario and its changed copies; a run that two checks share is made once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from lmssim.engines.histories import Records, Stays, joined, rows_of
from lmssim.engines.task import every_strategy
from lmssim.errors import NotApplicableError
from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.execution.simulate import ENGINES
from lmssim.model import edits
from lmssim.model.compile import compile_scenario
from lmssim.model.language import expression
from lmssim.outcomes.main import MAIN, position_of
from lmssim.studies.verify.finding import places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from lmssim.engines.histories import Histories
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.verify.finding import Place

MOST_LIVES = 2_000
"""Patients whose individual lives are read, at most."""
MOST_KEPT = 4
"""Sets of lives that are kept."""
MOST_RUNS = 24
"""Evaluations that are kept: those that several checks share come often enough to stay."""
PART = 4
"""A statement about each patient needs fewer of them than one about means: this part of those asked for."""
LEAST = 250
"""Patients of such a statement, at least, if so many are asked for."""
BLOCK = 512
"""Patients whose histories are held at a time."""
N_DRAWS = 100
"""Parameter draws of the checks of uncertainty."""
OUTCOMES = list(MAIN)
DISCOUNTED, UNDISCOUNTED = OUTCOMES[:3], OUTCOMES[3:]
LY, QALY, COST, LY_PLAIN, QALY_PLAIN, COST_PLAIN = (position_of(outcome) for outcome in OUTCOMES)

Edit = tuple[Any, ...]
"""A function of `edits` and its arguments after the scenario."""

T = TypeVar("T")


class _Cell(Generic[T]):
    """A result, or the error that came instead, once somebody has made it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.made: list[T] = []
        self.error: Exception | None = None

    def get(self, make: Callable[[], T]) -> T:
        """The result, made by the first who asks; what it raises, it raises for all."""
        with self.lock:
            if not self.made and self.error is None:
                try:
                    self.made.append(make())
                except Exception as error:
                    self.error = error
        if self.error is not None:
            raise self.error
        return self.made[0]


class Shared(Generic[T]):
    """Results that are made once, whichever of several threads asks first; only the last few are kept."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = Lock()
        self._cells: OrderedDict[Any, _Cell[T]] = OrderedDict()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Result of a key."""
        with self._lock:
            cell = self._cells.setdefault(key, _Cell())
            self._cells.move_to_end(key)
            if len(self._cells) > self.most:
                self._cells.popitem(last=False)
        return cell.get(make)


@dataclass(frozen=True)
class Lives:
    """Stays and event records of some patients under every strategy.

    Attributes
    ----------
    stays, records : Stays, Records
        Patients are numbered from 0.
    x : ndarray(float, ndim=2)
        Patients' columns.
    """

    program: Program
    stays: Stays
    records: Records
    x: FloatArray

    @property
    def path(self) -> IntArray:
        """Whose each stay is: patient x n_strategies + strategy."""
        return self.stays.patient * self.shape[1] + self.stays.strategy

    @property
    def shape(self) -> tuple[int, int]:
        """Patients, strategies."""
        return len(self.x), len(self.program.strategies)

    @cached_property
    def absorbed(self) -> NDArray[np.bool_]:
        """Whether each stay is in an absorbing state, which nobody leaves."""
        kinds = np.array([self.program.flat.states[s].kind == "absorbing" for s in self.program.states])
        return kinds[self.stays.state]

    @cached_property
    def life_years(self) -> FloatArray:
        """Undiscounted years in states of stay, (n_patients, n_strategies)."""
        alive = np.array([self.program.flat.states[s].kind == "dwelling" for s in self.program.states])
        stays, total = self.stays, np.zeros(self.shape)
        years = np.where(alive[stays.state], stays.left - stays.entered, 0.0)
        np.add.at(total, (stays.patient, stays.strategy), years)
        return total

    def first(self, *names: str) -> FloatArray:
        """Time of the first mark or entry of any name, (n_patients, n_strategies); infinite if there is none."""
        stays, records, times = self.stays, self.records, np.full(self.shape, np.inf)
        states = [self.program.states.index(name) for name in names if name in self.program.states]
        events = [self.program.marks.index(name) for name in names if name in self.program.marks]
        entry, own = np.isin(stays.state, states), np.isin(records.event, events)
        np.minimum.at(times, (stays.patient[entry], stays.strategy[entry]), stays.entered[entry])
        np.minimum.at(times, (records.patient[own], records.strategy[own]), records.time[own])
        return times


def simulator(engine: str) -> Callable[..., Iterator[tuple[int, FloatArray, Histories]]]:
    """Function that gives an engine's histories.

    Raises
    ------
    NotApplicableError
        If the engine has no individual lives.
    """
    if engine not in ENGINES:
        raise NotApplicableError(f"engine '{engine}' has no individual lives")
    return ENGINES[engine].simulate


def live(program: Program, engine: str, first: int, n: int, seed: int, stream: int = 0) -> Lives:
    """Lives of patients first, first + 1, ... by an engine that simulates patients."""
    blocks, columns, arms = [], [], every_strategy(program)
    for start, x, h in simulator(engine)(program, first, n, program.numbers()[0], seed, stream, BLOCK):
        blocks.append(rows_of(h, len(x), arms, start - first))
        columns.append(x)
    stays, records = zip(*blocks, strict=True)
    return Lives(program, joined(stays), joined(records), np.concatenate(columns))


@dataclass
class Bench:
    """A scenario under test.

    Parameters
    ----------
    scenario : Scenario
        As the user gave it.
    sampling : Sampling
        Patients, seed, workers.
    engine : str
        Engine under test.
    jobs : int
        Workers of a check that spreads its own work.
    """

    scenario: Scenario
    sampling: Sampling
    engine: str = "compiled"
    jobs: int = 1
    _evaluations: Shared[Evaluation] = field(default_factory=lambda: Shared(MOST_RUNS))
    _lives: Shared[Lives] = field(default_factory=lambda: Shared(MOST_KEPT))
    _once: Shared[Any] = field(default_factory=lambda: Shared(MOST_RUNS))

    def edited(self, *changes: Edit) -> Scenario:
        """The scenario after some changes."""
        scenario = self.scenario
        for function, *arguments in changes:
            scenario = function(scenario, *arguments)
        return scenario

    def run(self, *changes: Edit, **sampling: Any) -> Evaluation:
        """Evaluation of the scenario after some changes, with another sampling if wanted."""
        if not changes and not sampling:
            return self.base
        key = (_key(changes), tuple(sorted(sampling.items())))
        return self._evaluations.get(key, lambda: self.fresh(*changes, **sampling))

    def fresh(self, *changes: Edit, **sampling: Any) -> Evaluation:
        """As `run`, computed again."""
        return evaluate(self.edited(*changes), replace(self.sampling, engine=self.engine, **sampling))

    def mean(self, *changes: Edit, **sampling: Any) -> FloatArray:
        """Main outcomes of the changed scenario, (n_strategies, 6) in the order of `OUTCOMES`."""
        return outcomes(self.run(*changes, **sampling))

    def se(self, *changes: Edit) -> FloatArray:
        """Monte-Carlo standard errors of `mean`."""
        error: FloatArray = self.run(*changes).estimates.standard_error()[0, :, : len(OUTCOMES)]
        return error

    def lives(self, *changes: Edit, stream: int = 0) -> Lives:
        """Lives under the changed scenario; only the last few are kept, as they take much memory."""
        return self._lives.get((_key(changes), stream), lambda: self._live(*changes, stream=stream))

    def _live(self, *changes: Edit, stream: int) -> Lives:
        program = compile_scenario(self.edited(*changes))
        return live(program, self.engine, 0, self.n_lives, self.sampling.seed, stream)

    @cached_property
    def base(self) -> Evaluation:
        """Evaluation of the scenario as it is."""
        return self.fresh()

    @property
    def program(self) -> Program:
        """The scenario compiled."""
        return self.base.program

    @property
    def n_few(self) -> int:
        """Patients of a statement that holds for each of them."""
        n = self.sampling.n_patients
        return min(n, max(n // PART, LEAST))

    @property
    def n_lives(self) -> int:
        """Patients whose individual lives are read."""
        return min(self.sampling.n_patients, MOST_LIVES)

    @property
    def strategies(self) -> list[str]:
        """Strategy ids."""
        return self.scenario.strategies

    def grid(self, outcomes: Sequence[str] = OUTCOMES) -> list[Place]:
        """Places of (strategy, outcome)."""
        return places(strategy=self.strategies, outcome=list(outcomes))

    @property
    def draws(self) -> Mapping[str, FloatArray]:
        """Parameter draws.

        Raises
        ------
        NotApplicableError
            If no parameter is uncertain.
        """
        if not self.uncertain:
            raise NotApplicableError("no parameter has a distribution")
        found: Mapping[str, FloatArray] = self._once.get(
            "draws", lambda: self.program.sample(N_DRAWS, self.sampling.seed)
        )
        return found

    @property
    def drawn(self) -> Evaluation:
        """Evaluation of the parameter draws, each with the first few patients."""
        few = replace(self.sampling, engine=self.engine, n_patients=min(self.sampling.n_patients, 500))
        found: Evaluation = self._once.get("drawn", lambda: evaluate(self.scenario, few, self.draws))
        return found

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What several checks read, made by the first of them."""
        found: T = self._once.get(key, make)
        return found

    @cached_property
    def uncertain(self) -> list[str]:
        """Parameters that the model uses and that have a distribution, of their own or of a group."""
        grouped = {member for group in self.scenario.groups.values() for member in group.members}
        return [
            id_
            for id_, p in self.scenario.table.items()
            if id_ in self.program.used
            and not p.held
            and not p.expression
            and (p.distribution != "fixed" or id_ in grouped)
        ]

    def values(self, strategy: str) -> dict[str, float]:
        """Values under a strategy of all parameters that are the same for every patient."""
        return strategy_values(self.scenario, strategy)


def strategy_values(scenario: Scenario, strategy: str) -> dict[str, float]:
    """Base values under a strategy of all parameters that are the same for every patient."""
    base = scenario.table.base()
    spec = scenario.file.strategies[strategy]
    changed = {
        id_: np.atleast_1d(expression.evaluate(expression.parse(value, strategy), base, strategy))
        for name, stated in spec.set.items()
        for id_, value in scenario.by.spread(name, stated).items()
    }
    if changed:
        given = {id_: v for id_, v in base.items() if not scenario.table[id_].expression}
        base = scenario.table.evaluate({**given, **changed})
    known = {id_: float(value[0]) for id_, value in base.items() if id_ not in scenario.by.ids}
    return known | _named(scenario, known)


def _named(scenario: Scenario, values: Mapping[str, float]) -> dict[str, float]:
    """Values of the named expressions that depend on parameters, or on one another, alone."""
    found: dict[str, float] = {}
    while True:
        known = {**values, **found}
        numbers = {n: constant(v, known) for n, v in scenario.file.expressions.items() if n not in found}
        more = {name: number for name, number in numbers.items() if number is not None}
        if not more:
            return found
        found |= more


def constant(value: float | str, values: Mapping[str, float]) -> float | None:
    """Number that a value stands for; None if it depends on more than parameters."""
    return _number(expression.parse(value, "value"), values)


def possible(value: float | str, values: Mapping[str, float]) -> list[float] | None:
    """Numbers that a value may take, whichever way its rules go; None if they depend on more than parameters."""
    return _alternatives(expression.parse(value, "value"), values)


def _number(node: expression.Node, values: Mapping[str, float]) -> float | None:
    if expression.looks_up(node) or any(name not in values for name in expression.names(node)):
        return None
    return float(expression.evaluate(node, values, "value"))


def _alternatives(node: expression.Node, values: Mapping[str, float]) -> list[float] | None:
    number = _number(node, values)
    if number is not None:
        return [number]
    if not isinstance(node, expression.Apply) or node.function != "if":
        return None
    _, yes, no = node.arguments
    first, second = _alternatives(yes, values), _alternatives(no, values)
    return None if first is None or second is None else first + second


def outcomes(evaluation: Evaluation) -> FloatArray:
    """Main outcomes over draws, (n_strategies, 6) in the order of `OUTCOMES`."""
    return np.stack([evaluation.mean(name) for name in OUTCOMES], axis=1)


def _key(changes: Sequence[Edit]) -> tuple[Any, ...]:
    return tuple((function.__name__, *arguments) for function, *arguments in changes)


__all__ = [
    "DISCOUNTED",
    "N_DRAWS",
    "OUTCOMES",
    "UNDISCOUNTED",
    "Bench",
    "Edit",
    "Lives",
    "constant",
    "edits",
    "evaluate",
    "live",
    "outcomes",
    "possible",
    "strategy_values",
]
