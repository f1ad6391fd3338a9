"""A design file, read and planned: bounds alone, or a trial of a time to an event with its patients and dates."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError
from lmssim.model.language.files import read_toml
from lmssim.trials import checks
from lmssim.trials.planning import reading
from lmssim.trials.planning.reading import at, in_file
from lmssim.trials.sequential.design import GroupSequentialDesign, group_sequential
from lmssim.trials.sequential.rules import Efficacy, Futility
from lmssim.trials.sequential.spending import Spending
from lmssim.trials.survival.competing import CompetingEvents, competing_events
from lmssim.trials.survival.design import RATE, SOLVED, SurvivalDesign, survival_design
from lmssim.trials.survival.difference import MEASURES, DifferenceDesign, difference_design
from lmssim.trials.survival.formulas import SCHOENFELD
from lmssim.trials.survival.hazards import NONE, Hazard, TimesRatio, constant
from lmssim.trials.survival.population import Population, Stratum
from lmssim.trials.survival.weighted import WeightedDesign, weighted_design
from lmssim.trials.tests.weights import MAXCOMBO as USUAL_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lmssim.trials.survival.accrual import Accrual

LOG_RANK = "log_rank"
MAXCOMBO = "maxcombo"
TESTS = (LOG_RANK, MAXCOMBO, *MEASURES)
OF_TIME = ("control", "experimental", "dropout", "competing", "accrual", "timing", "endpoint", "strata")
"""Sections of a trial whose endpoint is a time."""


Trial = SurvivalDesign | WeightedDesign | DifferenceDesign


@dataclass(frozen=True)
class TrialPlan:
    """What a design file asks for.

    Attributes
    ----------
    title : str
        Title.
    time_unit : str
        Name of the unit of time, in the plural.
    settings : dict
        The file, as read.
    design : GroupSequentialDesign
        Bounds on Z.
    trial : SurvivalDesign, WeightedDesign, DifferenceDesign or None
        Patients and dates; None if the file states bounds alone.
    competing : CompetingEvents, optional
        Right and wrong answers, if there are competing events.
    """

    title: str
    time_unit: str
    settings: dict[str, Any]
    design: GroupSequentialDesign
    trial: Trial | None = None
    competing: CompetingEvents | None = None

    def summary(self) -> str:
        """Sentences for the protocol."""
        return self.design.summary() if self.trial is None else self.trial.summary()


def load_plan(path: Path, overrides: Mapping[str, Any] | None = None) -> TrialPlan:
    """Read a design file and plan it.

    Parameters
    ----------
    path : Path
        A TOML file; `lmssim.trials.planning.keys` lists its keys.
    overrides : mapping, optional
        Sections whose keys take the place of the file's.

    Raises
    ------
    InputError
        If it cannot be read, a key or value is wrong, or the plan cannot be met.
    """
    settings = read_toml(path)
    with in_file(path):
        reading.check_keys(settings)
    for section, keys in (overrides or {}).items():
        settings[section] = _overridden(settings.get(section, {}), section, keys) if isinstance(keys, dict) else keys
    with in_file(path):
        return plan_of(settings)


RIVALS = {
    "looks": ("information",),
    "information": ("looks",),
    "rate": ("patients",),
    "patients": ("rate",),
    "study_duration": ("follow_up",),
    "follow_up": ("study_duration",),
    "duration": ("durations", "rates"),
    "boundary": ("parameter", "cumulative"),
    "hazard_ratio": ("hazard_ratio_starts",),
    "spending": ("parameter",),
}
"""Keys that a key from outside takes the place of, with those that it does not state itself."""


def _overridden(table: Mapping[str, Any], section: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """A section with some keys from outside; a hazard is replaced whole."""
    if section in ("control", "experimental", "dropout"):
        return dict(keys)
    gone = {rival for key in keys for rival in RIVALS.get(key, ())}
    return {key: value for key, value in table.items() if key not in gone} | dict(keys)


def plan_of(settings: Mapping[str, Any]) -> TrialPlan:
    """Plan what settings ask for, as a design file states them."""
    reading.check_keys(settings)
    title, unit = settings.get("title", "Trial design"), settings.get("time_unit", "months")
    design = design_of(settings)
    if not any(section in settings for section in OF_TIME):
        return TrialPlan(title, unit, dict(settings), design)
    trial = _trial(settings, design, unit)
    found = None
    if isinstance(trial, SurvivalDesign) and any(
        s.competing != NONE or s.competing_experimental not in (None, NONE) for s in trial.population.strata
    ):
        told = settings.get("competing", {}).get("at", trial.study_duration)
        with at("competing"):
            found = competing_events(trial, checks.positive("at", told))
    return TrialPlan(title, unit, dict(settings), design, trial, found)


# === Bounds ===


def design_of(settings: Mapping[str, Any]) -> GroupSequentialDesign:
    """Bounds that the sections trial, efficacy and futility ask for."""
    table = settings.get("trial", {})
    with at("trial"):
        if "looks" in table and "information" in table:
            raise InputError("looks: stands in place of information; leave one of the two out.")
        planned: Any = table.get("information", table.get("looks", 1))
        if "looks" in table and (isinstance(planned, bool) or not isinstance(planned, int)):
            raise InputError(f"looks: {planned!r} is not a whole number.")
        if "information" in table:
            planned = checks.information_fractions("information", planned)
        sides = table.get("sides", 1)
        if isinstance(sides, bool) or sides not in (1, 2):
            raise InputError(f"sides: {sides!r} is not 1 or 2.")
        alpha, power = (
            checks.number("alpha", table.get("alpha", 0.025)),
            checks.number("power", table.get("power", 0.9)),
        )
    with at("efficacy"):
        efficacy = _efficacy(settings.get("efficacy", {}))
    futility = None
    if "futility" in settings:
        with at("futility"):
            futility = _futility(settings["futility"])
            if planned == 1 or (not isinstance(planned, int) and len(planned) == 1):
                raise InputError("rule: there is one look alone, the final one; plan interim looks, or no futility.")
    with at("trial"):
        return group_sequential(planned, alpha=alpha, sides=sides, power=power, efficacy=efficacy, futility=futility)


def _efficacy(table: Mapping[str, Any]) -> Efficacy:
    name = reading.text(table, "boundary", "ld_obf")
    try:
        return Efficacy(
            name,
            reading.optional(table, "parameter"),
            reading.looks(table),
            checks.numbers("cumulative", table.get("cumulative", [])),
        )
    except InputError as error:
        raise InputError(str(error).replace("efficacy: ", "boundary: ", 1)) from None


def _futility(table: Mapping[str, Any]) -> Futility:
    if "rule" not in table:
        raise InputError("rule: is missing; give beta_spending, z, conditional_power or predictive_power.")
    spending = None
    if "spending" in table:
        spending = Spending(reading.text(table, "spending", ""), reading.optional(table, "parameter"))
    elif "parameter" in table:
        raise InputError("parameter: belongs to spending, which is not given.")
    try:
        return Futility(
            reading.text(table, "rule", ""),
            spending,
            checks.numbers("z", table.get("z", [])),
            reading.optional(table, "threshold"),
            reading.text(table, "effect", "planned"),
            reading.flag(table, "binding"),
            reading.looks(table),
        )
    except InputError as error:
        raise InputError(str(error).replace("futility: ", "rule: ", 1)) from None


# === Trials of a time ===


def _trial(settings: Mapping[str, Any], design: GroupSequentialDesign, unit: str) -> Trial:
    endpoint, timing = settings.get("endpoint", {}), settings.get("timing", {})
    with at("endpoint"):
        test = checks.one_of("test", endpoint.get("test", LOG_RANK), TESTS)
        allocation = checks.ratio("allocation", endpoint.get("allocation", 1.0))
    with at("timing"):
        solve = checks.one_of("solve", timing.get("solve", RATE), SOLVED)
    if "accrual" not in settings:
        raise InputError("accrual: is missing; give its duration at least.")
    with at("accrual"):
        course = reading.accrual(settings["accrual"], scaled=solve == RATE)
    times: dict[str, Any] = {
        key: checks.number(f"timing.{key}", timing[key]) for key in ("study_duration", "follow_up") if key in timing
    }
    if test in MEASURES:
        return _difference(settings, design, course, times, test, allocation, solve, unit)
    if "tau" in endpoint:
        raise InputError(f"endpoint.tau: belongs to rmst and milestone; the test is {test}.")
    if "experimental" in settings:
        raise InputError(
            "experimental: belongs to rmst and milestone; for log_rank give endpoint.hazard_ratio, which may change "
            "with time."
        )
    population = Population(_strata(settings), allocation)
    if test == MAXCOMBO:
        return _weighted(endpoint, design, population, course, times, solve, unit)
    if "members" in endpoint:
        raise InputError("endpoint.members: belongs to maxcombo; the test is log_rank.")
    method = endpoint.get("method", SCHOENFELD)
    margin = checks.ratio("endpoint.margin", endpoint.get("margin", 1.0))
    with _placed():
        return survival_design(
            population, course, design, solve=solve, method=method, margin=margin, time_unit=unit, **times
        )


HOMES = {
    "study_duration": "timing",
    "follow_up": "timing",
    "solve": "timing",
    "method": "endpoint",
    "margin": "endpoint",
    "hazard_ratio": "endpoint",
    "measure": "endpoint",
    "tau": "endpoint",
    "information": "trial",
    "members": "endpoint",
    "rho": "endpoint.members",
    "gamma": "endpoint.members",
}


@contextmanager
def _placed() -> Iterator[None]:
    """Put the section before the key with which a message begins."""
    try:
        yield
    except InputError as error:
        key = str(error).partition(":")[0]
        raise InputError(f"{HOMES[key]}.{error}" if key in HOMES else str(error)) from None


def _ratios(table: Mapping[str, Any], fallback: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Hazard ratios and the beginnings of their intervals."""
    home = table if "hazard_ratio" in table else fallback
    if "hazard_ratio" not in home:
        raise InputError("hazard_ratio: is missing; give the planned hazard ratio.")
    ratios = checks.numbers("hazard_ratio", home["hazard_ratio"])
    starts = checks.numbers("hazard_ratio_starts", home.get("hazard_ratio_starts", [0.0]))
    TimesRatio(NONE, ratios, starts)
    return ratios, starts


def _losses(settings: Mapping[str, Any]) -> dict[str, tuple[Hazard, Hazard | None]]:
    """Hazards of dropout and of competing events."""
    found: dict[str, tuple[Hazard, Hazard | None]] = {}
    for section in ("dropout", "competing"):
        found[section] = (NONE, None)
        if section in settings:
            with at(f"{section}"):
                found[section] = reading.loss({k: v for k, v in settings[section].items() if k != "at"})
    return found


def _strata(settings: Mapping[str, Any]) -> tuple[Stratum, ...]:
    """Strata, or the one population."""
    losses, endpoint = _losses(settings), settings.get("endpoint", {})
    if "strata" not in settings:
        if "control" not in settings:
            raise InputError("control: is missing; give the median or the hazard of the control arm.")
        with at("control"):
            control = reading.hazard(settings["control"])
        with at("endpoint"):
            ratios, starts = _ratios({}, endpoint)
        return (_stratum(control, ratios, starts, losses),)
    if "control" in settings:
        raise InputError("control: the strata state their hazards; leave [control] out.")
    strata = []
    for i, table in enumerate(settings["strata"], start=1):
        with at(f"strata[{i}]"):
            control = reading.hazard(table)
            ratios, starts = _ratios(table, endpoint)
            own = dict(losses)
            for section in ("dropout", "competing"):
                if f"{section}_rate" in table:
                    rate = checks.not_negative(f"{section}_rate", table[f"{section}_rate"])
                    own[section] = (constant(rate), None)
            share = checks.positive("share", table.get("share", 1.0))
            strata.append(_stratum(control, ratios, starts, own, share, reading.text(table, "name", f"stratum {i}")))
    return tuple(strata)


def _stratum(
    control: Hazard,
    ratios: tuple[float, ...],
    starts: tuple[float, ...],
    losses: Mapping[str, tuple[Hazard, Hazard | None]],
    share: float = 1.0,
    name: str = "",
) -> Stratum:
    return Stratum(
        control=control,
        hazard_ratio=ratios,
        hazard_ratio_starts=starts,
        share=share,
        dropout=losses["dropout"][0],
        dropout_experimental=losses["dropout"][1],
        competing=losses["competing"][0],
        competing_experimental=losses["competing"][1],
        name=name,
    )


def _weighted(
    endpoint: Mapping[str, Any],
    design: GroupSequentialDesign,
    population: Population,
    course: Accrual,
    times: Mapping[str, float],
    solve: str,
    unit: str,
) -> WeightedDesign:
    """A trial tested by MaxCombo, or by one weighted log-rank statistic."""
    for key in ("method", "margin"):
        if key in endpoint:
            raise InputError(f"endpoint.{key}: belongs to other tests; maxcombo has none.")
    if design.looks > 1:
        raise InputError("trial.looks: maxcombo is planned with one look, the final one.")
    given = endpoint.get("members", [list(pair) for pair in USUAL_MEMBERS])
    if not isinstance(given, list) or not all(isinstance(pair, list) for pair in given):
        raise InputError(f"endpoint.members: {given!r} is not a list of pairs [rho, gamma].")
    members: list[Any] = [checks.numbers("endpoint.members", pair) for pair in given]
    if len(times) != 1:
        raise InputError("timing.study_duration: give it, or follow_up.")
    end = times.get("study_duration", course.duration + times.get("follow_up", 0.0))
    with _placed():
        return weighted_design(
            population,
            course,
            study_duration=end,
            members=members,
            alpha=design.alpha,
            sides=design.sides,
            power=1.0 - design.plan.beta,
            solve=solve,
            time_unit=unit,
        )


def _difference(
    settings: Mapping[str, Any],
    design: GroupSequentialDesign,
    course: Accrual,
    times: Mapping[str, float],
    measure: str,
    allocation: float,
    solve: str,
    unit: str,
) -> DifferenceDesign:
    """A trial of restricted mean survival times, or of survival at a milestone."""
    endpoint = settings.get("endpoint", {})
    for section in ("strata", "competing"):
        if section in settings:
            raise InputError(f"{section}: {measure} is planned without; leave it out.")
    for key, home in (("method", LOG_RANK), ("members", MAXCOMBO)):
        if key in endpoint:
            raise InputError(f"endpoint.{key}: belongs to {home}.")
    if "control" not in settings:
        raise InputError("control: is missing; give the median or the hazard of the control arm.")
    with at("control"):
        control = reading.hazard(settings["control"])
    experimental: Hazard
    if "experimental" in settings:
        if "hazard_ratio" in endpoint:
            raise InputError("experimental: stands in place of endpoint.hazard_ratio; leave one of the two out.")
        with at("experimental"):
            experimental = reading.hazard(settings["experimental"])
    else:
        with at("endpoint"):
            experimental = TimesRatio(control, *_ratios({}, endpoint))
    dropout, other = _losses(settings)["dropout"]
    if other is not None:
        raise InputError(f"dropout.experimental_rate: {measure} is planned with one dropout for both arms.")
    if "tau" not in endpoint:
        raise InputError(f"endpoint.tau: is missing; say at which time since entry {measure} compares the arms.")
    tau, margin = (checks.number(f"endpoint.{key}", endpoint.get(key, 0.0)) for key in ("tau", "margin"))
    if len(times) != 1:
        raise InputError("timing.study_duration: give it, or follow_up.")
    end = times.get("study_duration", course.duration + times.get("follow_up", 0.0))
    with _placed():
        return difference_design(
            measure,
            control,
            experimental,
            tau,
            course,
            design,
            study_duration=end,
            dropout=dropout,
            allocation=allocation,
            margin=margin,
            solve=solve,
            time_unit=unit,
        )
