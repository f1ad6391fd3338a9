"""The scenario analyses of a file by number: those that it states, and behind them every other option of a switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.model.scenario import Scenario

SWITCHES = "switches"
"""Category of the options of switches."""


@dataclass(frozen=True)
class Numbered:
    """A scenario analysis.

    Attributes
    ----------
    number : int
        Its number; 0 is the base case.
    label, category, justification : str
        What people read.
    set, switches, change : mapping
        Parameters that are held, options that are chosen, tables that are merged into the file.
    stated : bool
        Whether the file states it under `[analyses.N]`.
    """

    number: int
    label: str
    category: str = ""
    justification: str = ""
    set: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    stated: bool = False

    @property
    def changes(self) -> str:
        """What it changes, in one line."""
        held = [f"{name} = {value:g}" for name, value in self.set.items()]
        return "; ".join([*held, *(f"{n} = {o}" for n, o in self.switches.items()), *_leaves(self.change)])


def _leaves(tables: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key} = {value}"


def numbered(scenario: Scenario) -> list[Numbered]:
    """Every scenario analysis, in order of its number."""
    found = [
        Numbered(int(n), a.label, a.category, a.justification, dict(a.set), dict(a.switches), dict(a.change), True)
        for n, a in scenario.file.analyses.items()
    ]
    found.sort(key=lambda each: each.number)
    last = max((each.number for each in found), default=0)
    stated = {tuple(each.switches.items()) for each in found if not (each.set or each.change)}
    for name, switch in scenario.file.switches.items():
        for option, spec in switch.options.items():
            if option == scenario.options[name] or ((name, option),) in stated:
                continue
            last += 1
            label = f"{switch.label or name}: {spec.label or option}"
            why = spec.reason or "An option of a switch of the scenario."
            found.append(Numbered(last, label, SWITCHES, why, switches={name: option}))
    return found


def chosen(scenario: Scenario, only: Sequence[int]) -> list[Numbered]:
    """Those of some numbers; all if none are given.

    Raises
    ------
    InputError
        If there is none, or a number is not there.
    """
    every = numbered(scenario)
    if not every:
        raise InputError(f"{scenario.path}: the scenario has neither [analyses.N] nor switches (docs/sensitivity.md).")
    numbers = [each.number for each in every]
    for number in only:
        if number not in numbers:
            raise InputError(unknown("number", str(number), [str(n) for n in numbers], "--only"))
    return [each for each in every if not only or each.number in only]
