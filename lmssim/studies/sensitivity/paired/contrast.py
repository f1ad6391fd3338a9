"""Which strategy is compared with which: as asked for, or the best one with the comparator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError, unknown

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.response import Compared


@dataclass(frozen=True)
class Contrast:
    """A strategy and what it is compared with."""

    strategy: str
    against: str


def choices_of(scenario: Scenario) -> list[str]:
    """Strategies that are choices: mixes of practice are not, unless there is nothing else."""
    choices = [s for s, spec in scenario.file.strategies.items() if not spec.mix]
    return choices if len(choices) > 1 else scenario.strategies


def check_contrast(scenario: Scenario, strategy: str | None, against: str | None) -> None:
    """Refuse strategies that are not there, or are the same.

    Raises
    ------
    InputError
        With the option, and what is allowed.
    """
    for option, name in (("--strategy", strategy), ("--against", against)):
        if name is not None and name not in scenario.strategies:
            raise InputError(unknown("strategy", name, scenario.strategies, option))
    if len(scenario.strategies) < 2:
        raise InputError(f"{scenario.path}: the scenario has one strategy; nothing can be compared with it.")
    if strategy is not None and strategy == (against or scenario.comparator):
        raise InputError(f"--strategy {strategy}: is what it would be compared with; name another one in --against.")


def contrast_of(
    scenario: Scenario, response: Compared, wtp: float, strategy: str | None = None, against: str | None = None
) -> Contrast:
    """The strategies to compare: as asked for; else the comparator, and the best of the other choices."""
    against = against or scenario.comparator
    if strategy is None:
        among = [s for s in choices_of(scenario) if s in response.strategies and s != against]
        strategy = response.best_first(wtp, among or [s for s in response.strategies if s != against])[0]
    return Contrast(strategy, against)
