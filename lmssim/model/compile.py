"""Compile a scenario into arrays: names become numbers, values become refs, rules become masks or programs.

The order of a state's transitions is the order in which simultaneous ones win: deaths, then the file's order, then
visits, then the fixed end of the stay.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError, ParameterError, ScenarioError, UnsupportedError, nearest, unknown
from lmssim.kernels import families as codes
from lmssim.kernels.layout import (
    ABSORBING,
    CHANCE,
    CLOCK_AGE,
    CLOCK_ENTRY,
    CLOCK_MODEL,
    DWELLING,
    NONE,
    ON_HAZARD,
    ON_LOGIT,
    ON_TIME,

)
from lmssim.kernels.philox import address_of
from lmssim.kernels.race import TICK_BITS
from lmssim.model import expression
from lmssim.model.compile_rewards import Readers, Rewards, compile_readers, compile_rewards
from lmssim.model.expression import Apply, Name, Number
from lmssim.model.families import FAMILIES
from lmssim.model.flat import FlatModel, flatten, planned
from lmssim.model.pack import Packed, pack
from lmssim.model.program import Program
from lmssim.model.scenario import Scenario, population_names
from lmssim.model.schema import Effect, Effects, Hazard, Planned, Plan, Transition
from lmssim.model.symbols import Symbols

KINDS = {"dwelling": DWELLING, "chance": CHANCE, "absorbing": ABSORBING}
ON = {"hazard": ON_HAZARD, "time": ON_TIME, "logit": ON_LOGIT}
CLOCKS = {"entry": CLOCK_ENTRY, "model": CLOCK_MODEL, "age": CLOCK_AGE}
MAX_TRANSITIONS = 62
MAX_TICKS = 1 << TICK_BITS


def compile_scenario(scenario: Scenario) -> Program:
    """Compile a scenario.

    Raises
    ------
    InputError
        If a name does not exist, a value is impossible, or a construct is not supported by the compiled engine.
    """
    return _Compiler(scenario).program()


class _Compiler:
    """The tables under construction, and what is known so far."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.file, self.where = scenario, scenario.file, str(scenario.path)
        self.flat: FlatModel = flatten(self.file, self.where)
        covariates = {c.name: list(c.labels) for c in scenario.patients.covariates}
        category_codes = {
            c.name: [float(v) for v in c.codes] for c in scenario.patients.covariates if len(c.categories)
        }
        self.names = Symbols(
            parameters=frozenset(scenario.table), covariates=covariates, codes=category_codes,
            levels=self.flat.levels, clocks=list(self.flat.clocks), strategies=scenario.strategies,
        )  # fmt: skip
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

    def program(self) -> Program:
        """Compile part by part; the order of parts does not matter."""
        self._events()
        self._states()
        self._plans()
        self._strategies()
        rewards = compile_rewards(self)
        readers = compile_readers(self)
        packed = self._packed(rewards, readers)
        overrides = self._overrides()
        self._refuse_unused()
        program = Program(
            scenario=self.scenario, flat=self.flat, symbols=self.names, packed=packed, columns=self.out,
            states=self.states, transitions=self.transitions, marks=self.marks,
            endpoints=list(self.file.endpoints), overrides=overrides,
            life_keys=self.life_keys, norm_keys=self.norm_keys,
        )  # fmt: skip
        self._check_domains(program)
        return program

    # --- names ---

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
        if name not in self.flat.members and name not in self.flat.states:
            raise ScenarioError(unknown("state", name, [*self.flat.members, *self.states], where))
        return [self.states.index(s) for s in self.flat.members.get(name, [name])]

    def clock(self, name: str, where: str) -> int:
        """Code of a clock."""
        if name in CLOCKS:
            return CLOCKS[name]
        return self.index("clock", name, list(self.flat.clocks), where)

    # --- effects ---

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
            changing = effect.delay > 0 or effect.full is not None or effect.wane > 0
            if changing and on != "hazard":
                raise UnsupportedError(f"{place}: an effect that changes with time must be on = 'hazard'.")
            self.out["effect_ref"].append(self.names.ref(effect.value, place, "number"))
            self.out["effect_on"].append(ON[on])
            clock = self.clock(effect.clock or "model", place) if changing else NONE
            if clock in (CLOCK_ENTRY, CLOCK_AGE):
                raise UnsupportedError(f"{place}: the clock of an effect must be `model` or a named clock.")
            self.out["effect_clock"].append(clock)
            self._steps(effect if changing else None)
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

    def _steps(self, effect: Effect | None) -> None:
        """Share of an effect by time since its clock started: none, full, waning in equal steps, none."""
        if effect is not None:
            times, factors = [effect.delay], [1.0]
            if effect.full is not None:
                ends = effect.delay + effect.full
                n = effect.steps if effect.wane > 0 else 0
                for k in range(n):
                    times.append(ends + effect.wane * k / n)
                    factors.append(1.0 - (k + 0.5) / n)
                times.append(ends + effect.wane)
                factors.append(0.0)
            self.out["step_time"] += times
            self.out["step_factor"] += factors
        self.out["effect_step_start"].append(len(self.out["step_time"]))

    def _open(self, column: str) -> None:
        """Begin a list of lists: the first start is 0."""
        if not self.out[column]:
            self.out[column].append(0)

    # --- events ---

    def _events(self) -> None:
        self.out["effect_step_start"].append(0)
        for name, event in self.file.events.items():
            where = f"{self.where}: events.{name}"
            self.out["event_ref"].append(self.names.ref(event.probability, f"{where}.probability", "probability"))
            care, want, rule = self.names.rule(event.when, f"{where}.when")
            clear, mark = self.names.masks(event.set, f"{where}.set")
            self.out["event_care"].append(care)
            self.out["event_want"].append(want)
            self.out["event_rule"].append(rule)
            self.out["event_clear"].append(clear)
            self.out["event_set"].append(mark)
            self.out["event_decision"].append(self.decision(f"event {name}"))
            self.out["event_death_ref"].append(self.names.ref(event.death, f"{where}.death", "probability"))
            self.out["event_death_decision"].append(self.decision(f"event {name} death"))
            if (event.death is None) != (event.death_state is None):
                raise ScenarioError(f"{where}: `death` and `death_state` go together.")
            target = -1 if event.death_state is None else self.state(event.death_state, f"{where}.death_state")
            self.out["event_death_state"].append(target)
            self.out["event_effect_start"].append(len(self.out["effect_ref"]))
            self.effects(event.effects, "logit", where)
            self.out["event_effect_end"].append(len(self.out["effect_ref"]))

    # --- states ---

    def _states(self) -> None:
        by_source: dict[str, list[Transition]] = defaultdict(list)
        for source, transition in self.flat.transitions:
            by_source[source].append(transition)
        for number, (name, state) in enumerate(self.flat.states.items()):
            where = f"{self.where}: states.{name}"
            self.out["state_kind"].append(KINDS[state.kind])
            clear, mark = self.names.masks(state.set, f"{where}.set")
            self.out["enter_clear"].append(clear)
            self.out["enter_set"].append(mark)
            self.out["chance_decision"].append(self.decision(f"chance {name}") if state.kind == "chance" else -1)
            for column, names, known, kind in (
                ("entry_clock", state.starts, list(self.flat.clocks), "clock"),
                ("entry_event", state.events, self.marks, "event"),
            ):
                self._open(f"{column}_start")
                self.out[column] += [self.index(kind, n, known, f"{where}") for n in names]
                self.out[f"{column}_start"].append(len(self.out[column]))
            self._open("transition_first")
            for transition in sorted(by_source[name], key=self._priority):
                self._transition(name, transition)
            for schedule in state.schedule:
                if schedule.event is not None:
                    self._tick_event(name, schedule.event, schedule.at, f"{where}.schedule")
            if state.duration is not None:
                end = Transition.model_validate(
                    {"from": name, "to": state.next, "name": f"end of {name}",
                     "hazard": {"family": "fixed", "delay": state.duration}}
                )  # fmt: skip
                self._transition(name, end)
            self.out["transition_first"].append(len(self.transitions))
            if len(self.transitions) - self.out["transition_first"][number] > MAX_TRANSITIONS:
                raise UnsupportedError(f"{where}: more than {MAX_TRANSITIONS} transitions out of one state.")
            if state.kind == "dwelling" and not by_source[name] and state.duration is None:
                raise ScenarioError(f"{where}: nothing leads out of it; make it absorbing or give it a transition.")
            self._branches(name)

    def _priority(self, transition: Transition) -> int:
        if transition.to is not None and self.flat.states[transition.to].death is not None:
            return 0
        return 2 if transition.detection is not None else 1

    def _branches(self, name: str) -> None:
        self._open("branch_start")
        branches = self.flat.states[name].branches
        constant = 0.0
        for i, branch in enumerate(branches):
            where = f"{self.where}: states.{name}.branches[{i + 1}]"
            self.out["branch_to"].append(self.state(branch.to, f"{where}.to"))
            p = None if branch.p == "rest" else branch.p
            if branch.p == "rest" and i < len(branches) - 1:
                raise ScenarioError(f"{where}: p = 'rest' must be the last branch.")
            self.out["branch_ref"].append(self.names.ref(p, f"{where}.p", "probability"))
            if isinstance(branch.p, (int, float)):
                constant += branch.p
            care, want, rule = self.names.rule(branch.when, f"{where}.when")
            clear, mark = self.names.masks(branch.set, f"{where}.set")
            for column, value in zip(
                ("branch_care", "branch_want", "branch_rule", "branch_clear", "branch_set"),
                (care, want, rule, clear, mark), strict=True,
            ):  # fmt: skip
                self.out[column].append(value)
            self.out["branch_effect_start"].append(len(self.out["effect_ref"]))
            self.effects(branch.effects, "logit", where)
            self.out["branch_effect_end"].append(len(self.out["effect_ref"]))
        if constant > 1.0 + 1e-9:
            raise ScenarioError(f"{self.where}: states.{name}.branches: probabilities add up to {constant:g}, over 1.")
        self.out["branch_start"].append(len(self.out["branch_to"]))

    # --- transitions ---

    def _transition(self, source: str, transition: Transition, event: int = -1) -> None:
        """Append a transition out of one state."""
        where = f"{self.where}: transition {source} -> {transition.to or transition.name or transition.mark}"
        out = self.out
        if transition.all_cause:
            raise UnsupportedError(f"{where}: all_cause is not supported by engine 'compiled' yet.")
        name = transition.name or transition.to or str(transition.mark)
        first_effect = len(out["effect_ref"])
        default = "logit" if transition.detection is not None else "hazard"
        bits, timed = self.effects(transition.effects, default, where)
        out["effect_start"].append(first_effect)
        out["effect_end"].append(len(out["effect_ref"]))
        care, want, rule = self.names.rule(transition.when, f"{where}.when")
        clear, mark = self.names.masks(transition.set, f"{where}.set")
        out["to"].append(-1 if transition.to is None else self.state(transition.to, where))
        for column, value in (
            ("care", care), ("want", want), ("rule", rule), ("clear_bits", clear), ("set_bits", mark),
            ("silent", int(transition.to is None)), ("timed", int(timed)), ("transition_event", event),
            ("transition_mark", self._mark(transition, event)),
        ):  # fmt: skip
            out[column].append(value)
        if transition.detection is not None:
            risk, spec = self._detection(transition, source, name, where), None
        elif transition.background is not None:
            risk, spec = self._background(transition, name, where)
        else:
            assert transition.hazard is not None
            risk, spec = self._hazard(transition, transition.hazard, source, name, where)
        for ref in (out["ref_a"][-1], out["ref_b"][-1], out["ref_c"][-1], *out["effect_ref"][first_effect:]):
            bits |= self._ref_bits(ref, where)
        out["effect_bits"].append(bits)
        out["rate_id"].append(-1 if spec is None else self._rate(spec, first_effect))
        self.transitions.append((source, transition.to, risk))
        self.flat_transitions_in_order.append(None if event >= 0 else transition)

    def _mark(self, transition: Transition, event: int) -> int:
        if event >= 0:
            return event
        if transition.mark is None:
            return -1
        if transition.mark not in self.marks:
            self.marks.append(transition.mark)
        return self.marks.index(transition.mark)

    def _ref_bits(self, ref: int, where: str) -> int:
        """Attribute bits that a ref's program reads; programs of hazards must not read the time."""
        if ref >= 0 or ref == NONE:
            return 0
        node = next(n for n, k in self.names.programs.items() if k == -1 - ref)
        if self.names.depends_on_time(node):
            raise UnsupportedError(
                f"{where}: a hazard may not depend on age, time or a clock within a stay; choose a family on that clock."
            )
        return self.names.bits_of(node)

    def _rate(self, spec: tuple[Any, ...], first_effect: int) -> int:
        effects = tuple(
            tuple(self.out[c][i] for c in ("effect_column", "effect_mask", "effect_ref", "effect_on", "effect_clock"))
            for i in range(first_effect, len(self.out["effect_ref"]))
        )
        key = (*spec, effects)
        if key not in self.rates:
            self.rates[key] = len(self.rates)
            self.out["rate_family"].append(spec[0])
        return self.rates[key]

    def _risk(self, name: str, fresh: bool, where: str) -> int:
        if self.fresh_risks.setdefault(name, fresh) != fresh:
            raise ScenarioError(f"{where}: risk '{name}' is carried in one place and drawn at each entry in another.")
        if name not in self.risks:
            self.risks[name] = len(self.risks)
            self.out["risk_decision"].append(self.decision(f"risk {name}"))
            self.out["cure_decision"].append(self.decision(f"cure {name}"))
        return self.risks[name]

    def _fill(self, **values: int) -> None:
        """Columns of a transition; those not given take their neutral value."""
        neutral = {
            "ref_a": NONE, "ref_b": NONE, "ref_c": NONE, "clock": CLOCK_ENTRY, "default_model": 0, "risk": -1,
            "fresh": 0, "cure": NONE, "cure_redraw": 0, "plan": -1, "test_decision": -1,
        }  # fmt: skip
        for column, value in (neutral | values).items():
            self.out[column].append(value)

    def _detection(self, transition: Transition, source: str, name: str, where: str) -> str:
        detection = transition.detection
        assert detection is not None
        plan = self.index("plan", detection.plan, self.plans, f"{where}.detection.plan")
        test = self.decision(f"test {detection.test or f'{detection.plan} {name}'}")
        ref = self.names.ref(detection.sensitivity, f"{where}.detection.sensitivity", "probability")
        self._fill(family=codes.VISIT, ref_a=ref, plan=plan, test_decision=test)
        return name

    def _tick_event(self, source: str, event: str, plan: str, where: str) -> None:
        """An event that may happen at each tick of a plan, without leaving the state."""
        number = self.index("event", event, list(self.file.events), f"{where}.event")
        spec = self.file.events[event]
        tick = Transition.model_validate(
            {"from": source, "name": f"tick {event}", "when": spec.when, "effects": spec.effects,
             "detection": {"plan": plan, "sensitivity": spec.probability, "test": f"tick {event}"}}
        )  # fmt: skip
        self._transition(source, tick, number)

    def _background(self, transition: Transition, name: str, where: str) -> tuple[str, tuple[Any, ...]]:
        if self.scenario.life is None:
            raise ScenarioError(f"{where}: background needs a [mortality] table.")
        assert transition.background is not None
        ref = self.names.ref(transition.background.multiplier, f"{where}.background.multiplier", "multiplier")
        risk = transition.risk or name
        self._fill(family=codes.LIFE_TABLE, ref_a=ref, clock=CLOCK_AGE, risk=self._risk(risk, False, where))
        return risk, (codes.LIFE_TABLE, ref)

    def _hazard(
        self, transition: Transition, hazard: Hazard, source: str, name: str, where: str
    ) -> tuple[str, tuple[Any, ...]]:
        family = FAMILIES[hazard.family]
        refs = self._family_refs(hazard, where)
        clock = self.clock(hazard.clock, f"{where}.hazard.clock")
        fresh = clock == CLOCK_ENTRY and transition.risk is None
        if fresh:
            risk = f"{name} from {self._luck_place(source)}"
        else:
            risk = transition.risk or name
        if family.code == codes.FIXED:
            if clock == CLOCK_AGE:
                raise UnsupportedError(f"{where}: a fixed delay runs on `entry`, `model` or a named clock.")
            if transition.to is None and clock != CLOCK_ENTRY:
                raise UnsupportedError(f"{where}: a silent event after a fixed delay is not supported.")
        cure = self.names.ref(hazard.cure, f"{where}.hazard.cure", "probability")
        default = int(hazard.default_origin == "model")
        self._fill(
            family=family.code, ref_a=refs[0], ref_b=refs[1], ref_c=refs[2], clock=clock, default_model=default,
            risk=-1 if family.code == codes.FIXED else self._risk(risk, fresh, where), fresh=int(fresh and family.code != codes.FIXED),
            cure=cure, cure_redraw=int(hazard.redraw),
        )  # fmt: skip
        return risk, (family.code, *refs, clock, default, cure)

    def _luck_place(self, source: str) -> str:
        """Name under which a state's fresh risks are drawn: treatments that exclude each other share their phase's."""
        group = self.flat.group[source]
        treatment = self.file.treatments.get(source)
        return group if treatment is not None and treatment.duration is None else source

    def _family_refs(self, hazard: Hazard, where: str) -> tuple[int, int, int]:
        family = FAMILIES[hazard.family]
        given = [p for p in _FAMILY_KEYS if getattr(hazard, p) is not None]
        extra, missing = set(given) - set(family.parameters), set(family.parameters) - set(given)
        if extra or missing:
            raise ScenarioError(
                f"{where}.hazard: {hazard.family} takes {', '.join(family.parameters)}; given: {', '.join(given) or 'none'}."
            )
        if family.code == codes.PIECEWISE:
            return self._piecewise(hazard, where)
        refs = [self.names.ref(getattr(hazard, p), f"{where}.hazard.{p}", "number") for p in family.parameters]
        return tuple([*refs, NONE, NONE][:3])  # type: ignore[return-value]

    def _piecewise(self, hazard: Hazard, where: str) -> tuple[int, int, int]:
        """Starts, rates and cumulative hazards in neighbouring slots."""
        assert hazard.starts is not None and hazard.rates is not None
        rates = [self.names.resolve(expression.parse(r, where), f"{where}.hazard.rates") for r in hazard.rates]
        problem = FAMILIES[hazard.family].check({"starts": hazard.starts, "rates": [0.0] * len(rates)})
        if problem is not None:
            raise ScenarioError(f"{where}.hazard: {problem}.")
        if not all(self.names.is_constant(r) for r in rates):
            raise UnsupportedError(f"{where}.hazard.rates: may depend on parameters alone; use effects for covariates.")
        cumulative: list[expression.Node] = [Number(0.0)]
        for i, width in enumerate(np.diff(hazard.starts)):
            cumulative.append(Apply("+", (cumulative[-1], Apply("*", (rates[i], Number(float(width)))))))
        slots = [
            self.names.numbers.add(node, f"{where}.hazard.rates", "multiplier", shared=False)
            for node in [*map(Number, hazard.starts), *rates, *cumulative]
        ]
        return slots[0], len(rates), NONE

    # --- plans ---

    def _plans(self) -> None:
        """Tables of ticks: one for each plan; a strategy may use another plan's table."""
        self.out["tick_start"].append(0)
        for name, plan in self.file.plans.items():
            where = f"{self.where}: plans.{name}"
            origin = self.clock(plan.origin, f"{where}.origin")
            if origin == CLOCK_AGE:
                raise UnsupportedError(f"{where}.origin: `age` is not possible; allowed: entry, model or a named clock.")
            self.out["plan_origin"].append(origin)
            self.out["tick_time"] += self._ticks(plan, where)
            self.out["tick_start"].append(len(self.out["tick_time"]))
        for strategy, spec in self.file.strategies.items():
            for old, new in spec.plans.items():
                for plan_name in (old, new):
                    self.index("plan", plan_name, self.plans, f"{self.where}: strategies.{strategy}.plans")
            self.out["plan_table"] += [self.plans.index(spec.plans.get(p, p)) for p in self.plans]

    def _fixed(self, value: float | str, where: str) -> float:
        """Value that must be the same in every draw: it shapes a table."""
        node = self.names.resolve(expression.parse(value, where), where)
        for name in expression.names(node):
            if name not in self.scenario.table:
                raise UnsupportedError(f"{where}: '{name}' is not a parameter; times of plans depend on parameters alone.")
            if self.scenario.table[name].distribution != "fixed":
                raise UnsupportedError(
                    f"{where}: parameter '{name}' has distribution '{self.scenario.table[name].distribution}';"
                    " times of plans must be fixed."
                )
        base = self.scenario.table.base()
        number = float(np.ravel(expression.evaluate(node, base, where))[0])
        if not np.isfinite(number) or number < 0:
            raise ScenarioError(f"{where}: {number} is not a time of 0 or more, in years.")
        return number

    def _ticks(self, plan: Plan, where: str) -> list[float]:
        horizon = self.file.settings.horizon
        most = MAX_TICKS if plan.max is None else int(self._fixed(plan.max, f"{where}.max"))
        ticks: list[float] = []
        base = 0.0
        for i, period in enumerate(plan.periods):
            place = f"{where}.periods[{i + 1}]"
            every = self._fixed(period.every, f"{place}.every")
            if every <= 0:
                raise ScenarioError(f"{place}.every: {every} is not greater than 0 years.")
            until = horizon if period.until is None else min(horizon, self._fixed(period.until, f"{place}.until"))
            first = self._fixed(plan.first, f"{where}.first") if plan.first is not None and i == 0 else base + every
            for k in itertools.count():
                tick = first + k * every
                if tick > until * (1 + 1e-12) or len(ticks) >= most:
                    break
                ticks.append(tick)
                if len(ticks) > MAX_TICKS:
                    raise UnsupportedError(f"{place}: more than {MAX_TICKS} ticks before the horizon.")
            base = until
        return ticks[:most]

    # --- strategies ---

    def _strategies(self) -> None:
        self._open("start_rule_start")
        self._open("mix_start")
        for name, strategy in self.file.strategies.items():
            where = f"{self.where}: strategies.{name}"
            bits = self.names.initial_bits()
            for item in strategy.treatments:
                given = item if isinstance(item, Planned) else Planned(treatment=item)
                bit = self._planned_bit(given.treatment, f"{where}.treatments")
                if given.when is None:
                    bits |= bit
                else:
                    node = self.names.resolve(expression.parse(given.when, where), f"{where}.treatments.when")
                    self.out["start_rule"].append(self.names.program(node, where))
                    self.out["start_rule_set"].append(bit)
            self.out["start_bits"].append(bits)
            self.out["start_rule_start"].append(len(self.out["start_rule"]))
            total = 0.0
            for i, component in enumerate(strategy.mix):
                place = f"{where}.mix[{i + 1}]"
                self.out["mix_ref"].append(self.names.ref(component.fraction, f"{place}.fraction", "probability"))
                total += component.fraction if isinstance(component.fraction, (int, float)) else 0.0
                self.out["mix_set"].append(
                    sum({self._planned_bit(t, f"{place}.treatments") for t in component.treatments})
                )
            if total > 1.0 + 1e-9:
                raise ScenarioError(f"{where}.mix: fractions add up to {total:g}, over 1.")
            self.out["mix_start"].append(len(self.out["mix_ref"]))

    def _planned_bit(self, treatment: str, where: str) -> int:
        if treatment not in self.file.treatments:
            raise ScenarioError(unknown("treatment", treatment, self.file.treatments, where))
        return self.names.bits[planned(treatment), "true"]

    def _overrides(self) -> list[tuple[str, dict[str, expression.Node]]]:
        result = []
        for name, strategy in self.file.strategies.items():
            changes = {}
            for parameter, value in strategy.set.items():
                where = f"{self.where}: strategies.{name}.set.{parameter}"
                if parameter not in self.scenario.table:
                    raise ScenarioError(unknown("parameter", parameter, self.scenario.table, where))
                node = self.names.resolve(expression.parse(value, where), where)
                if not self.names.is_constant(node):
                    raise UnsupportedError(f"{where}: may depend on parameters alone.")
                self.names.used.add(parameter)
                changes[parameter] = node
            result.append((name, changes))
        return result

    # --- the whole ---

    def _packed(self, rewards: Rewards, readers: Readers) -> Packed:
        out, life = self.out, self.scenario.life
        self.life_keys = self._keys(life, self.file.mortality.keys if self.file.mortality else {}, "mortality.keys")
        self.norm_keys = self._keys(self.scenario.norms, self.file.utilities.keys, "utilities.keys")
        out |= {"code_start": self.names.code_start, "code_op": self.names.code_op, "code_arg": self.names.code_arg}
        out["recorded"] = [int(self._is_recorded(i, name)) for i, name in enumerate(self.states)]
        out["clock_first"] = [int(keep == "first") for keep in self.flat.clocks.values()]
        out |= {"life": np.zeros(3) if life is None else life.array, "life_offset": [0] if life is None else life.offset}
        out["life_n"] = [1] if life is None else life.n_intervals
        n_columns = len(self.names.columns)
        single = {
            "n_states": len(self.states), "n_clocks": len(self.flat.clocks), "n_risks": len(self.risks),
            "n_plans": len(self.plans), "start_state": self.state(self.flat.initial, self.where),
            "mix_decision": self.decision("treatment mix"),
            "age_column": list(self.names.covariates).index(self.file.population.age),
            "life_column": n_columns, "norm_column": n_columns + 1,
        }  # fmt: skip
        real = {"horizon": self.file.settings.horizon}
        columns = defaultdict(list, {**out, **rewards.columns, **readers.columns})
        return pack(columns, single | rewards.single | readers.single, real | rewards.real | readers.real)

    def _is_recorded(self, number: int, name: str) -> bool:
        """Whether a state of no duration appears in histories: if it is paid, starts a clock or is an endpoint."""
        state = self.flat.states[name]
        pays = bool(state.entry_cost) or state.entry_utility is not None
        return state.kind != "chance" or pays or bool(state.starts) or number in self.recorded

    def _keys(self, table: Any, keys: dict[str, str], where: str) -> dict[tuple[float, ...], int]:
        """Codes of the key covariates -> key of a table."""
        if table is None:
            return {}
        place = f"{self.where}: {where}"
        for covariate in keys.values():
            if covariate not in self.names.covariates:
                raise ScenarioError(unknown("covariate", covariate, self.names.covariates, place))
        result = {}
        columns = list(keys)
        options = [self._categories(keys[c]) for c in columns]
        for combination in itertools.product(*options):
            labels = {column: label for column, (label, _) in zip(columns, combination, strict=True)}
            result[tuple(code for _, code in combination)] = table.index_of(labels)
        return result

    def _categories(self, covariate: str) -> list[tuple[str, float]]:
        spec = next(c for c in self.scenario.patients.covariates if c.name == covariate)
        if spec.kind == "binary":
            return [("0", 0.0), ("1", 1.0)]
        if spec.kind == "constant" and not len(spec.categories):
            return [(f"{spec.value:g}", float(spec.value or 0.0))]
        return [(str(c), float(k)) for c, k in zip(spec.categories, spec.codes, strict=True)]

    def _refuse_unused(self) -> None:
        used = set(self.names.used) | set(population_names(self.file))
        needed = set(self.scenario.table.select(used & set(self.scenario.table)))
        unused = [p for p in self.scenario.own if p not in needed]
        if unused:
            first = min(unused, key=lambda p: self.scenario.table[p].line)
            hint = nearest(first, [n for n in self.names.used if n not in self.scenario.own])
            more = f" ({len(unused) - 1} more.)" if len(unused) > 1 else ""
            raise ParameterError(f"{self.scenario.table[first].where}: nothing uses this parameter.{hint}{more}")

    def _check_domains(self, program: Program) -> None:
        """Numbers of every family within its domain, in the base case."""
        check_domains(program, program.numbers())


_FAMILY_KEYS = ("rate", "shape", "scale", "meanlog", "sdlog", "mu", "sigma", "q", "delay", "starts", "rates")


def check_domains(program: Program, numbers: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Refuse family parameters outside their domain.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    """
    columns = program.columns
    by_code = {f.code: f for f in FAMILIES.values()}
    for j, (source, target, risk) in enumerate(program.transitions):
        family = by_code.get(columns["family"][j])
        refs = [columns[c][j] for c in ("ref_a", "ref_b", "ref_c")]
        if family is None or family.code == codes.PIECEWISE:
            continue
        values = {}
        for name, ref in zip(family.parameters, refs, strict=False):
            if ref < 0:
                break
            values[name] = numbers[:, :, ref]
        problem = family.check(values) if len(values) == len(family.parameters) else None
        if problem is not None:
            slots = program.symbols.numbers.slots
            inputs = sorted({n for r in refs if r >= 0 for n in expression.names(slots[r].node)})
            came = f" (from {', '.join(inputs)})" if inputs else ""
            raise InputError(f"{program.scenario.path}: transition {source} -> {target or risk}: {problem}{came}.")


def _allowed_on(default: str) -> str:
    return "logit" if default == "logit" else "hazard, time"
