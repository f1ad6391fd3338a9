"""Structural averaging: which option of a switch each draw of the parameters has, by stated weights.

Options are addressed by switch and draw, as parameters are: draw k alone equals draw k of many, and averaging over one
more switch changes nobody else's draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, unknown
from lmssim.model.parameters.draws import Addressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Switch

Had = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Weights = dict[str, float]
"""Option to weight, in the order of the options."""
GIVEN = "stated for this analysis, with --average or average."
CLOSE = 1e-6
"""How far a sum of weights may be from 1: what decimals leave of thirds."""


@dataclass(frozen=True)
class Averaging:
    """Switches whose options are drawn.

    Attributes
    ----------
    weights : mapping of str to mapping of str to float
        By switch: probability of each option, in the order of the options; of those above 0.
    justifications : mapping of str to str
        By switch: whose judgement these are.
    """

    weights: Mapping[str, Weights]
    justifications: Mapping[str, str]

    def options(self, n: int, seed: int, first: int = 0) -> dict[str, list[str]]:
        """Option of each switch in draws first, first + 1, ..., n of them."""
        source, found = Addressed(n, seed, first), {}
        for switch, weights in self.weights.items():
            names, ends = list(weights), np.cumsum(list(weights.values()))[:-1]
            where = np.searchsorted(ends, source.uniforms(f"switches.{switch}"), side="right")
            found[switch] = [names[k] for k in where.tolist()]
        return found

    def combinations(self) -> Iterator[dict[str, str]]:
        """Every choice of an option of each switch."""
        for options in product(*self.weights.values()):
            yield dict(zip(self.weights, options, strict=True))

    @property
    def n_combinations(self) -> int:
        """Choices in all."""
        return math.prod(map(len, self.weights.values()))

    def had(self, options: Mapping[str, list[str]]) -> Iterator[tuple[str, str, Had]]:
        """Each switch and option, and which draws have it, (n_draws,)."""
        for switch, weights in self.weights.items():
            drawn = np.array(options[switch], dtype=object)
            for option in weights:
                yield switch, option, drawn == option


def indicator(switch: str, option: str) -> str:
    """Name of the quantity that is 1 in draws that have an option, else 0."""
    return f"{switch}={option}"


def indicators(averaging: Averaging, options: Mapping[str, list[str]]) -> dict[str, FloatArray]:
    """That quantity of each option, (n_draws,) each."""
    return {indicator(switch, option): drawn.astype(float) for switch, option, drawn in averaging.had(options)}


def check_averages(switches: Mapping[str, Switch], where: str) -> None:
    """Refuse weights of a file that are not those of a choice.

    Raises
    ------
    ScenarioError
        With the switch, the weight and what is allowed.
    """
    for name, switch in switches.items():
        if switch.average is not None:
            checked_weights(switch.average.weights, switch.options, f"{where}: switches.{name}.average.weights")


def checked_weights(weights: Mapping[str, float], options: Iterable[str], where: str) -> Weights:
    """Weights of options, those of 0 left out, in the order of the options and adding up to 1 exactly.

    Raises
    ------
    ScenarioError
        If an option does not exist, a weight is no number from 0 to 1, they do not add up to 1, or all stand on one.
    """
    known = list(options)
    for option, weight in weights.items():
        if option not in known:
            raise ScenarioError(unknown("option", option, known, where))
        if not 0.0 <= weight <= 1.0:
            raise ScenarioError(f"{where}.{option}: {weight:g} is not a weight from 0 to 1.")
    total = math.fsum(weights.values())
    if abs(total - 1.0) > CLOSE:
        raise ScenarioError(f"{where}: add up to {total:.9g}; they must add up to 1.")
    found = {option: weights[option] / total for option in known if weights.get(option, 0.0) > 0.0}
    if len(found) < 2:
        raise ScenarioError(f"{where}: only '{next(iter(found))}' has a weight above 0; an average takes two or more.")
    return found


def averaging_of(switches: Mapping[str, Switch], asked: Mapping[str, Mapping[str, float] | None]) -> Averaging:
    """Averaging over some switches, by the weights that are asked for, or else by those that the file states.

    Parameters
    ----------
    asked : mapping of str to mapping of str to float, or None
        By switch: weights of its options, or None for those of the file.

    Raises
    ------
    ScenarioError
        If a switch does not exist, has no weights, or weights are not those of a choice.
    """
    found: dict[str, Weights] = {}
    why: dict[str, str] = {}
    for name, given in asked.items():
        if name not in switches:
            none = "" if switches else " The scenario has no switches."
            raise ScenarioError(unknown("switch", name, switches, "average") + none)
        switch, where = switches[name], f"average: {name}"
        if given is None and switch.average is None:
            raise ScenarioError(
                f"{where}: the scenario states no weights of its options (switches.{name}.average.weights): give them, "
                f"such as {name}={_example(switch)}."
            )
        if given is None and switch.average is not None:
            found[name] = checked_weights(switch.average.weights, switch.options, where)
            why[name] = switch.average.justification
        else:
            found[name], why[name] = checked_weights(given or {}, switch.options, where), GIVEN
    return Averaging({name: found[name] for name in switches if name in found}, why)


def stated_averages(switches: Mapping[str, Switch]) -> list[str]:
    """Switches whose options have weights in the file."""
    return [name for name, switch in switches.items() if switch.average is not None]


def _example(switch: Switch) -> str:
    first, *rest = list(switch.options)[:2]
    return ",".join([f"{first}:0.5", *(f"{option}:0.5" for option in rest)])
