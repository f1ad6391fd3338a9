"""Compile strategies: who plans which treatment, the mixes of practice, and what a strategy sets."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Number
from lmssim.model.language.flat import planned
from lmssim.model.language.planning import choices
from lmssim.model.program import rows
from lmssim.model.program.numbers import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.expression import Node
    from lmssim.model.language.schema import Strategy


def compile_strategies(d: Draft) -> tuple[rows.Strategy, ...]:
    """Attributes at time 0: treatments planned for everybody, by rule, or for a share of patients."""
    plans = [_plans(d, name, strategy) for name, strategy in d.file.strategies.items()]
    return tuple(
        _strategy(d, name, strategy, own)
        for (name, strategy), own in zip(d.file.strategies.items(), plans, strict=True)
    )


def _plans(d: Draft, name: str, strategy: Strategy) -> tuple[int, ...]:
    """By plan, the plan whose ticks a strategy uses."""
    for plan in (each for pair in strategy.plans.items() for each in pair):
        d.index("plan", plan, d.plans, f"{d.where}: strategies.{name}.plans")
    return tuple(d.plans.index(strategy.plans.get(plan, plan)) for plan in d.plans)


def _strategy(d: Draft, name: str, strategy: Strategy, plans: tuple[int, ...]) -> rows.Strategy:
    where = f"{d.where}: strategies.{name}"
    bits, rules = d.names.initial_bits(), []
    for choice in choices(d.file, name, d.where):
        if choice.phase is not None:
            continue  # its phase asks the strategy
        bit = d.names.bits[planned(choice.treatment), "true"]
        if choice.when is None:
            bits |= bit
        else:
            node = d.names.resolve(expression.parse(choice.when, choice.where), f"{choice.where}.when")
            rules.append(rows.StartRule(d.code.add(node, where), bit))
    return rows.Strategy(
        name=name, start_bits=bits, rules=tuple(rules), mix=_mix(d, name, strategy, f"{where}.mix"), plans=plans
    )


def _mix(d: Draft, name: str, strategy: Strategy, where: str) -> tuple[rows.Share, ...]:
    """Shares of the patients, checked one by one and together, for each patient and in each draw."""
    places = [f"{where}[{i + 1}].fraction" for i in range(len(strategy.mix))]
    nodes = [
        d.names.resolve(expression.parse(component.fraction, place), place)
        for component, place in zip(strategy.mix, places, strict=True)
    ]
    refs = [_share(d, name, node, place) for node, place in zip(nodes, places, strict=True)]
    if nodes:
        total, place = added(nodes), f"{where}: the fractions"
        if d.names.is_constant(total):
            d.numbers.add(total, place, "share", only=name)
        else:  # whoever asks for the first share is told of the sum, where that is impossible
            too_many = Apply(">", (total, Number(1.0 + TOLERANCE)))
            refs[0] = d.code.ref_of(Apply("if", (too_many, total, nodes[0])), place, "probability")
    return tuple(
        rows.Share(ref, sum({d.names.bits[planned(t), "true"] for t in component.treatments}))
        for ref, component in zip(refs, strategy.mix, strict=True)
    )


def _share(d: Draft, name: str, node: Node, where: str) -> int:
    if d.names.is_constant(node):
        return d.numbers.add(node, where, "probability", only=name)
    return d.code.ref_of(node, where, "probability")


def added(nodes: Sequence[Node]) -> Node:
    """Sum of expressions."""
    return reduce(lambda left, right: Apply("+", (left, right)), nodes)


def check_rules(d: Draft) -> None:
    """Check the rules of treatments planned by phase, which the phases' questions read, where the file states them."""
    for name in d.file.strategies:
        for choice in choices(d.file, name, d.where):
            if choice.phase is not None and choice.when is not None:
                d.names.resolve(expression.parse(choice.when, choice.where), f"{choice.where}.when")


def compile_overrides(d: Draft) -> list[tuple[str, Mapping[str, expression.Node]]]:
    """Parameters that each strategy sets."""
    result: list[tuple[str, Mapping[str, expression.Node]]] = []
    for name, strategy in d.file.strategies.items():
        changes = {}
        for parameter, value in strategy.set.items():
            where = f"{d.where}: strategies.{name}.set.{parameter}"
            if parameter not in d.scenario.table and parameter not in d.by.ids:
                raise ScenarioError(unknown("parameter", parameter, [*d.scenario.table, *d.by.ids], where))
            for id_, text in d.by.spread(parameter, value).items():
                changes[id_] = _of_parameters(d, text, where, spread=parameter in d.by.ids)
                d.names.used.add(id_)
        result.append((name, changes))
    return result


def _of_parameters(d: Draft, value: float | str, where: str, *, spread: bool) -> expression.Node:
    """What a parameter is set to: an expression of parameters, each read as it stands if `spread` by category."""
    node = expression.parse(value, where)
    if spread and all(name in d.scenario.table for name in expression.names(node)):
        d.names.used.update(expression.names(node))
        return node
    node = d.names.resolve(node, where)
    if not d.names.is_constant(node):
        raise UnsupportedError(f"{where}: may depend on parameters alone{d.names.differing(node)}.")
    return node
