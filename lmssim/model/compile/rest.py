"""`rest` in a model in cycles: the probability of a transition that takes what the others out of its state leave.

It is an expression like any other, so that every engine computes it as it computes a probability: 1 less the others'
probabilities after their effects, each where its rule holds.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError
from lmssim.model.language import expression
from lmssim.model.language.expression import AGE_START, Apply, Name, Number
from lmssim.model.language.schema import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.expression import Node
    from lmssim.model.language.schema import Transition

REST = "rest"


def takes_rest(transition: Transition) -> bool:
    """Whether a transition takes what the others leave."""
    return transition.probability == REST


def refuse_two_rests(transitions: Sequence[Transition], where: str) -> None:
    """Refuse a second `rest` out of one state, and effects on one.

    Raises
    ------
    ScenarioError
        Which names the targets.
    """
    taking = [t for t in transitions if takes_rest(t)]
    if len(taking) > 1:
        targets = " and ".join(f"'{t.to}'" for t in taking)
        raise ScenarioError(f"{where}: the transitions to {targets} both have probability = 'rest'; one can.")
    if taking and taking[0].effects:
        raise ScenarioError(
            f"{where}: the transition to '{taking[0].to}' has probability = 'rest', so it has no effects of its own:"
            " state them for the others."
        )


def rest_of(d: Draft, transitions: Sequence[Transition], where: str) -> Node:
    """Probability that is left: 1 less those of the other transitions out of a state, and not below 0."""
    left: Node = Number(1.0)
    for transition in transitions:
        if not takes_rest(transition):
            place = f"{where} -> {transition.to}"
            left = Apply("-", (left, _given_rule(d, _tilted(d, transition, place), transition.when, place)))
    return Apply("max", (left, Number(0.0)))  # the sum of the others is checked by itself


def probability_in_cycle(d: Draft, transition: Transition, where: str) -> Node:
    """Probability of a cycle before effects and rules, also from a rate."""
    key = "rate" if transition.rate is not None else "probability"
    place = f"{where}.{key}"
    node = d.names.resolve(expression.parse(getattr(transition, key), place), place)
    if key == "probability":
        return node
    assert d.cycle is not None
    exponent = Apply("neg", (Apply("*", (node, Number(d.cycle.length))),))
    return Apply("-", (Number(1.0), Apply("exp", (exponent,))))


def _given_rule(d: Draft, node: Node, when: str | None, where: str) -> Node:
    if when is None:
        return node
    return Apply("if", (d.names.resolve(expression.parse(when, f"{where}.when"), f"{where}.when"), node, Number(0.0)))


def _tilted(d: Draft, transition: Transition, where: str) -> Node:
    """Probability after its effects on the log odds; 0 and 1 stay as they are, as in the kernels."""
    p = probability_in_cycle(d, transition, where)
    if not transition.effects:
        return p
    terms = [_term(d, key, value, f"{where}.effects.{key}") for key, value in transition.effects.items()]
    total = reduce(lambda left, right: Apply("+", (left, right)), terms)
    odds = Apply("*", (Apply("/", (p, Apply("-", (Number(1.0), p)))), Apply("exp", (total,))))
    inside = Apply("and", (Apply(">", (p, Number(0.0))), Apply("<", (p, Number(1.0)))))
    return Apply("if", (inside, Apply("/", (odds, Apply("+", (Number(1.0), odds)))), p))


def _term(d: Draft, key: str, value: float | str | Effect, where: str) -> Node:
    """Log odds ratio times what it is for: an attribute, or covariates at time zero."""
    size = d.names.resolve(expression.parse(value.value if isinstance(value, Effect) else value, where), where)
    of = _at_start(d, d.names.resolve(expression.parse(key, where), where))
    return Apply("*", (size, of))


def _at_start(d: Draft, node: Node) -> Node:
    """An expression in which the age is that at time zero, as in every key of an effect."""
    match node:
        case Name("age") if "age" in d.names.covariates:
            return Name(AGE_START)
        case Apply(function, arguments):
            return Apply(function, tuple(_at_start(d, argument) for argument in arguments))
    return node
