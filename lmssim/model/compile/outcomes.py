"""Compile further sums: counts of events, entries, ticks and transitions, years in states, and what adds them up.

A further sum stands beside the cost categories: what belongs to it is paid into it as a cost is paid into its category,
so that every engine carries it, discounted and not. Weighted sums of costs are added up at the end of a life.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.kernels.layout import ABSORBING, CHANCE, DWELLING
from lmssim.model.language.schema import Outcome
from lmssim.model.program.rewards import Combined, Cost, Costs, FurtherSum
from lmssim.model.program.rows import Visits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.program.rows import State, Transition

UNITS = {
    "costs": "",
    "events": "events",
    "entries": "entries",
    "ticks": "ticks",
    "transitions": "transitions",
    "years": "years",
}
"""What a sum may add up, and the unit of a sum of that alone; blank for the scenario's currency."""
ARROW = " -> "
"""Between the two states of a transition."""


@dataclass(kw_only=True)
class Further:
    """Further sums, and what is paid into them.

    Attributes
    ----------
    sums : list of FurtherSum
        In order.
    combined : list of Combined
        Parts that are cost categories.
    rate, entry, mark, transition : dict of int to Costs
        By state, event record and transition.
    ticks : dict of tuple to Costs
        By state and plan.
    """

    sums: list[FurtherSum] = field(default_factory=list)
    combined: list[Combined] = field(default_factory=list)
    rate: dict[int, Costs] = field(default_factory=lambda: defaultdict(tuple))
    entry: dict[int, Costs] = field(default_factory=lambda: defaultdict(tuple))
    mark: dict[int, Costs] = field(default_factory=lambda: defaultdict(tuple))
    transition: dict[int, Costs] = field(default_factory=lambda: defaultdict(tuple))
    ticks: dict[tuple[int, int], Costs] = field(default_factory=lambda: defaultdict(tuple))


def compile_outcomes(d: Draft, states: Sequence[State]) -> Further:
    """Sums that the settings ask for, then those of the file by name."""
    compiler = _Compiler(d, states)
    for kind in d.file.settings.outcomes:
        for name in compiler.names(kind):
            asked = Outcome.model_validate({kind: {name: 1.0}})
            compiler.add(f"{kind}:{name.replace(ARROW, '->')}", asked, f"{d.where}: settings.outcomes")
    for name, outcome in d.file.outcomes.items():
        compiler.add(f"sum:{name}", outcome, f"{d.where}: outcomes.{name}")
    return compiler.further


class _Compiler:
    """Adds one sum after the other."""

    def __init__(self, d: Draft, states: Sequence[State]) -> None:
        self.d, self.states, self.further = d, states, Further()
        self.categories = d.file.settings.cost_categories

    def names(self, kind: str) -> list[str]:
        """Everything of a kind that the model has."""
        if kind == "events":
            return list(self.d.marks)
        if kind == "ticks":
            return [plan for k, plan in enumerate(self.d.plans) if any(self._runs(state, k) for state in self.states)]
        if kind == "transitions":
            group = self.d.flat.group
            ways = (ARROW.join((group[a.name], group[self.states[t.to].name])) for a, t in self._ways())
            return list(dict.fromkeys(ways))
        kinds = (DWELLING,) if kind == "years" else (DWELLING, ABSORBING)
        return [name for name in self.d.flat.members if any(self._kept(name, kinds))]

    def add(self, name: str, outcome: Outcome, where: str) -> None:
        """Add a sum: its parts of every kind."""
        number = len(self.categories) + len(self.further.sums)
        kinds = [kind for kind in UNITS if getattr(outcome, kind)]
        if not kinds:
            raise ScenarioError(f"{where}: adds up nothing; give one or more of {', '.join(UNITS)}.")
        if len(kinds) > 1 and outcome.unit is None:
            raise ScenarioError(f"{where}.unit: is needed, since it adds up {' and '.join(kinds)}.")
        unit = UNITS[kinds[0]] if outcome.unit is None else outcome.unit
        self.further.sums.append(FurtherSum(name, unit))
        for kind in kinds:
            parts: Mapping[str, float] = getattr(outcome, kind)
            for part, weight in parts.items():
                place = f"{where}.{kind}"
                cost = Cost(number, self.d.code.ref(weight, f"{place}.{part}", "size"))
                getattr(self, f"_{kind}")(part, weight, cost, place)

    # --- one part of each kind ---

    def _costs(self, part: str, weight: float, cost: Cost, where: str) -> None:
        source = self.d.index("cost category", part, self.categories, where)
        self.further.combined.append(Combined(cost.category, source, weight))

    def _events(self, part: str, _weight: float, cost: Cost, where: str) -> None:
        self.further.mark[self.d.index("event record", part, self.d.marks, where)] += (cost,)

    def _entries(self, part: str, _weight: float, cost: Cost, where: str) -> None:
        for number in self.d.members(part, where):
            if self.states[number].kind != CHANCE or part not in self.d.flat.members or self._is_moment(part):
                self.further.entry[number] += (cost,)
                self.d.recorded.add(number)

    def _years(self, part: str, _weight: float, cost: Cost, where: str) -> None:
        stays = [number for number in self.d.members(part, where) if self.states[number].kind == DWELLING]
        if not stays:
            raise ScenarioError(f"{where}: '{part}' is not a state in which patients stay; no years are spent there.")
        for number in stays:
            self.further.rate[number] += (cost,)

    def _ticks(self, part: str, _weight: float, cost: Cost, where: str) -> None:
        plan = self.d.index("plan", part, self.d.plans, where)
        running = [state.number for state in self.states if self._runs(state, plan)]
        if not running:
            raise ScenarioError(f"{where}: no state has a schedule or a detection at the plan '{part}'.")
        for number in running:
            self.further.ticks[number, plan] += (cost,)

    def _transitions(self, part: str, _weight: float, cost: Cost, where: str) -> None:
        source, arrow, target = (text.strip() for text in part.partition(ARROW.strip()))
        if not arrow:
            raise ScenarioError(unknown("transition", part, self.names("transitions"), where))
        sources, targets = self.d.members(source, where), self.d.members(target, where)
        found = [t.number for _, t in self._ways() if t.source in sources and t.to in targets]
        if not found:
            raise ScenarioError(unknown("transition", part, self.names("transitions"), where))
        for number in found:
            self.further.transition[number] += (cost,)

    # --- what the model has ---

    def _ways(self) -> Iterator[tuple[State, Transition]]:
        """Transitions that lead to another stay, each with the state out of which it leads."""
        return ((state, t) for state in self.states for t in state.transitions if not t.silent)

    def _runs(self, state: State, plan: int) -> bool:
        """Whether a plan runs in a state: a schedule or a detection is at it."""
        spec, name = self.d.flat.states[state.name], self.d.plans[plan]
        visits = (t.timing for t in state.transitions)
        return any(tick.at == name for tick in spec.schedule) or any(
            isinstance(timing, Visits) and timing.plan == plan for timing in visits
        )

    def _kept(self, name: str, kinds: tuple[int, ...]) -> Iterator[bool]:
        return (self.states[number].kind in kinds for number in self.d.members(name, ""))

    def _is_moment(self, name: str) -> bool:
        """Whether a state of the file is one of no duration as a whole."""
        return all(self.states[number].kind == CHANCE for number in self.d.members(name, ""))
