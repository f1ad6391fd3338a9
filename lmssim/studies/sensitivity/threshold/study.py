"""Find thresholds and value-based prices of one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.studies.sensitivity.paired.conditioned import Conditioned
from lmssim.studies.sensitivity.paired.contrast import Contrast, check_contrast, choices_of, contrast_of
from lmssim.studies.sensitivity.paired.runs import Drawn, Reloaded, restricted
from lmssim.studies.sensitivity.paired.varied import check_alone, check_used, is_joint, varied_of
from lmssim.studies.sensitivity.threshold.result import CHANGE, PRICE, ThresholdStudy
from lmssim.studies.sensitivity.threshold.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.response import Compared
    from lmssim.studies.sensitivity.paired.runs import Runs

    Progress = Callable[[int, int], None]

STEPS, PRICE_STEPS = 21, 5
DEFAULT_DRAWS, DEFAULT_PATIENTS, PATIENTS_AT_VALUES = 1_000, 20, 20_000
LEAST_SLOPE = 1e-9
"""Change of net benefit, as a share of the costs that it is made of, below which a price moves nothing."""
SAME = 1e-9
"""Share of QALYs that rounding may move."""
LARGEST = 1e12
"""Price beyond which none is looked for."""
Followed = Reloaded | Conditioned
"""Runs that hold a parameter, or expectations given it."""


@dataclass(frozen=True)
class Asked:
    """What is looked for.

    Attributes
    ----------
    parameter : str
        Whose value.
    low, high : float, optional
        Range in which; the parameter's 95% interval if absent.
    strategy, against : str, optional
        If either is given, the sign of the increment of the one over the other is followed; else the best strategy.
    wtps : sequence of float
        The scenario's own if empty.
    steps : int
        Values of the scan.
    """

    parameter: str
    low: float | None = None
    high: float | None = None
    strategy: str | None = None
    against: str | None = None
    wtps: Sequence[float] = ()
    steps: int = STEPS

    def all_wtps(self, scenario: Scenario) -> list[float]:
        """Willingness to pay of the results."""
        return sorted(set(self.wtps)) or scenario.file.settings.wtp

    def check(self, program: Program, option: str) -> None:
        """Refuse what is not there, and a price that is drawn jointly.

        Raises
        ------
        InputError
            With the option, and what is allowed.
        """
        scenario = program.scenario
        check_contrast(scenario, self.strategy, self.against)
        (check_alone if option == "--price" else check_used)(program, self.parameter, option)
        if not self.all_wtps(scenario):
            raise InputError("--wtp: the scenario names no willingness to pay (settings.wtp); give one or more.")


def range_of(program: Program, asked: Asked, option: str) -> tuple[float, float]:
    """Range in which a threshold is looked for.

    Raises
    ------
    InputError
        If none is given and the parameter is fixed.
    """
    if asked.low is not None and asked.high is not None:
        if not np.isfinite(asked.high - asked.low):
            raise InputError(f"{option} {asked.parameter}: from {exact(asked.low)} to {exact(asked.high)} is too far.")
        return asked.low, asked.high
    varied = varied_of(program).get(asked.parameter)
    if varied is None or not varied.low < varied.high:
        raise InputError(
            f"{option} {asked.parameter}: the parameter has no distribution, so give a range: {asked.parameter}=LO:HI."
        )
    return varied.low, varied.high


def followed(
    runs: Runs, asked: Asked, load: Callable[[Mapping[str, float]], Program], progress: Progress | None = None
) -> Followed:
    """What follows a parameter: runs that hold it, or expectations given it where it is drawn jointly with others.

    Parameters
    ----------
    load : callable
        Program with some parameters held from the start.
    progress : callable, optional
        Called with (draws done, draws in all) while joint draws are made.
    """
    if not (isinstance(runs, Drawn) and is_joint(runs.program, asked.parameter)):
        return Reloaded(runs, load)
    scenario = runs.program.scenario
    if asked.strategy is not None:
        runs = restricted(runs, Contrast(asked.strategy, asked.against or scenario.comparator))
    return Conditioned(runs, asked.parameter, asked.all_wtps(scenario), progress)


def check_draws(program: Program, asked: Asked, *, drawn: bool) -> None:
    """Refuse to follow a parameter that is drawn jointly without draws.

    Raises
    ------
    InputError
        With what to ask for.
    """
    if not drawn and is_joint(program, asked.parameter):
        varied = varied_of(program)[asked.parameter]
        raise InputError(
            f"--vary {asked.parameter}: {varied.why_not_alone}; what is expected given its value comes from joint "
            "draws: leave --point out, and give --draws with --engine cohort."
        )


def thresholds(
    runs: Followed, asked: Asked, made: Mapping[str, object], progress: Progress | None = None
) -> ThresholdStudy:
    """Values at which the best strategy, or the sign of an increment, changes.

    Raises
    ------
    InputError
        If there is none in the range at any willingness to pay; the message says which strategy leads throughout.
    """
    asked.check(runs.program, "--vary")
    check_draws(runs.program, asked, drawn=isinstance(runs, Conditioned))
    low, high = range_of(runs.program, asked, "--vary")
    if isinstance(runs, Conditioned):
        runs.check_range(low, high, "--vary")
    scenario, follow = runs.program.scenario, _Followed(runs, asked.parameter)
    grid = np.linspace(low, high, asked.steps).tolist()
    for done, x in enumerate(grid, 1):
        follow(x)
        if progress is not None:
            progress(done, len(grid))
    wtps = asked.all_wtps(scenario)
    among = choices_of(scenario)
    if asked.strategy is not None or asked.against is not None:
        pair = contrast_of(scenario, follow(grid[0]), wtps[0], asked.strategy, asked.against)
        among = [pair.against, pair.strategy]
    found = {wtp: Search(follow, among, wtp).crossings(grid) for wtp in wtps}
    study = _study(runs, CHANGE, asked.parameter, among, wtps, grid, follow, found, made)
    if not any(found.values()):
        raise InputError(f"--vary {asked.parameter}: {_throughout(study)}")
    return study


def prices(
    runs: Followed, asked: Asked, made: Mapping[str, object], progress: Progress | None = None
) -> ThresholdStudy:
    """Value-based price: the value of a cost at which an increment of net benefit is 0, at each willingness to pay.

    Raises
    ------
    InputError
        If the cost does not move the increment, or no price of 0 or more gives 0 at any willingness to pay.
    """
    asked.check(runs.program, "--price")
    scenario, follow = runs.program.scenario, _Followed(runs, asked.parameter)
    wtps = asked.all_wtps(scenario)
    present = float(scenario.table.base()[asked.parameter][0])
    pair = contrast_of(scenario, follow(present), wtps[0], asked.strategy, asked.against)
    among = [pair.against, pair.strategy]
    low, high = (asked.low or 0.0), asked.high
    if high is None:
        high = _reach(follow, pair, wtps, present, asked.parameter)
    grid = np.linspace(low, high, asked.steps if asked.high is not None else PRICE_STEPS).tolist()
    for done, x in enumerate(grid, 1):
        follow(x)
        if progress is not None:
            progress(done, len(grid))
    _check_is_cost(follow, grid, asked.parameter)
    found = {wtp: Search(follow, among, wtp).crossings(grid) for wtp in wtps}
    study = _study(runs, PRICE, asked.parameter, among, wtps, grid, follow, found, made)
    if not any(found.values()):
        raise InputError(f"--price {asked.parameter}: {_throughout(study)}")
    return study


def _reach(follow: _Followed, pair: Contrast, wtps: Sequence[float], present: float, name: str) -> float:
    """A price beyond which none is needed: twice as far as a straight line through 0 and the present one leads."""
    step = present if present > 0.0 else 1.0
    here, there = (follow(x).increment(pair.strategy, pair.against) for x in (0.0, step))
    size = float(np.abs(follow(step).means[:, 0]).max())
    furthest = 0.0
    for wtp in wtps:
        at_zero, gained = here.net_benefit(wtp).mean, (there - here).net_benefit(wtp).mean
        if abs(gained) <= LEAST_SLOPE * size:
            raise InputError(
                f"--price {name}: it does not move the increment of net benefit of '{pair.strategy}' over "
                f"'{pair.against}'; name strategies that pay it (--strategy, --against)."
            )
        furthest = max(furthest, -at_zero / gained * step)
    return min(2.0 * max(furthest, step), LARGEST)


def _check_is_cost(follow: _Followed, grid: Sequence[float], name: str) -> None:
    """Refuse a price that moves QALYs."""
    low, high = (follow(x).means[:, 1] for x in (grid[0], grid[-1]))
    if float(np.abs(high - low).max()) > SAME * float(np.abs(low).max()):
        raise InputError(f"--price {name}: it moves QALYs, so that it is no price; --vary {name} finds its thresholds.")


class _Followed:
    """The model along one parameter; every value is run once."""

    def __init__(self, runs: Followed, parameter: str) -> None:
        self.runs, self.parameter = runs, parameter
        self._known: dict[float, Compared] = {}

    def __call__(self, x: float) -> Compared:
        if x not in self._known:
            self._known[x] = self.runs.at({self.parameter: x})
        return self._known[x]


def _study(
    runs: Followed,
    kind: str,
    parameter: str,
    among: Sequence[str],
    wtps: Sequence[float],
    grid: Sequence[float],
    follow: _Followed,
    found: Mapping[float, Sequence[object]],
    made: Mapping[str, object],
) -> ThresholdStudy:
    scenario = runs.program.scenario
    against = scenario.comparator if scenario.comparator in among else among[0]
    return ThresholdStudy(
        program=runs.program,
        kind=kind,
        parameter=parameter,
        among=among,
        wtps=wtps,
        grid=grid,
        responses=[follow(x) for x in grid],
        crossings=found,  # type: ignore[arg-type]  # of crossings
        present=float(scenario.table.base()[parameter][0]),
        comparator=against,
        made=dict(made),
    )


def _throughout(study: ThresholdStudy) -> str:
    """Which strategy leads throughout, at each willingness to pay."""
    parts = [f"'{study.leader(0, wtp)}' leads at {wtp:,.0f} per QALY" for wtp in study.wtps]
    low, high = study.grid[0], study.grid[-1]
    return (
        f"the decision does not change between {low:.6g} and {high:.6g}: {', '.join(parts)} throughout; give "
        f"another range ({study.parameter}=LO:HI)."
    )
