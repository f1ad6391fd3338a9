"""A file of a simulated trial, read and checked: unknown keys, wrong values and missing partners are one message."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.bundled import find_trial
from lmssim.errors import InputError, exact, nearest, unknown
from lmssim.model.language.files import read_toml
from lmssim.outcomes.estimators import Z975
from lmssim.studies.trials.design import keys
from lmssim.studies.trials.design.keys import ARMS, CONTROL, HAZARDS, RATIO_TESTS
from lmssim.studies.trials.design.objects import (
    Analysis,
    Arm,
    Assessment,
    Crossover,
    Ratio,
    Rule,
    TrialDesign,
    TrialEndpoint,
)
from lmssim.studies.trials.design.settings import check_settings, with_set
from lmssim.studies.trials.design.valuation import valuation_of
from lmssim.trials import checks
from lmssim.trials.planning import reading
from lmssim.trials.planning.keys import SECTIONS as PLANNED
from lmssim.trials.planning.plan import MAXCOMBO, design_of
from lmssim.trials.planning.reading import at, in_file
from lmssim.trials.tests.data import trial_data
from lmssim.trials.tests.registry import TESTS, options_of, run_test

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.trials.sequential.design import GroupSequentialDesign
    from lmssim.trials.survival.accrual import Accrual

MOST_PATIENTS = 100_000
MOST_ANALYSES = 40
OF_ONE_ARM = ("one-sample-logrank",)
MOST_STRATA = 6
"""Rules that make strata."""
FARTHEST = 0.02
"""Difference of a stated fraction of information from that of the events, at most."""


def load_trial(name: str | Path, given: Mapping[str, Any] | None = None) -> TrialDesign:
    """Read a trial that is to be simulated.

    Parameters
    ----------
    name : str or Path
        A bundled design by its name, or a TOML file; `lmssim.studies.trials.design.keys` lists its keys.
    given : mapping, optional
        Values that take the place of the file's, by dotted keys such as `accrual.patients`.

    Raises
    ------
    InputError
        If it cannot be read, or a key or value is wrong: the message names the file, the key and what is allowed.
    """
    path = find_trial(name)
    settings = read_toml(path)
    with in_file(path):
        check_settings(settings)
        settings = with_set(settings, given or {})
        return trial_of(settings, path)


def trial_of(settings: Mapping[str, Any], path: Path = Path("trial.toml")) -> TrialDesign:
    """A trial from settings, as a file states them."""
    check_settings(settings)
    scenario = reading.text(settings, "scenario", "")
    arms = _arms(settings, scenario)
    endpoints = _endpoints(settings, scenario)
    design, trial = settings.get("design", {}), settings.get("accrual", {})
    with at("design"):
        primary = reading.text(design, "endpoint", next(iter(endpoints)))
        if primary not in endpoints:
            raise InputError(unknown("endpoint", primary, endpoints, "endpoint"))
        test, options = _test(design)
        margin = checks.ratio("margin", design.get("margin", 1.0))
        if margin != 1.0 and test not in RATIO_TESTS:
            raise InputError(f"margin: is of the hazard ratio; test '{test}' has none. Use {' or '.join(RATIO_TESTS)}.")
        planned = checks.ratio("hazard_ratio", design["hazard_ratio"]) if "hazard_ratio" in design else None
    with at("accrual"):
        course, patients = accrual_of(trial)
        allocation = _allocation(trial)
        entries = checks.one_of("entries", trial.get("entries", "random"), ("random", "even"))
        check_at = checks.positive("check_at", trial["check_at"]) if "check_at" in trial else None
        if (check_at is None) != ("check_below" not in trial):
            raise InputError("check_at: give it together with check_below, the share of the patients needed by then.")
        below = checks.share("check_below", trial["check_below"]) if check_at is not None else 0.0
    analyses = _analyses(settings)
    for i, analysis in enumerate(analyses, start=1):
        if analysis.patients is not None and analysis.patients > patients:
            raise InputError(f"analyses[{i}].patients: {analysis.patients} are more than the trial's {patients}.")
    sequential = _sequential(settings, analyses)
    if test == MAXCOMBO and len(analyses) > 1:
        raise InputError(f"design.test: {MAXCOMBO} has one analysis, the final one; {len(analyses)} are given.")
    if len(design.get("strata", [])) > MOST_STRATA:
        raise InputError(f"design.strata: {len(design['strata'])} rules; at most {MOST_STRATA}.")
    with at("dropout"):
        dropout = reading.loss(settings["dropout"])[0] if "dropout" in settings else None
    if not scenario:
        for key in ("eligible", "origin", "set"):
            if key in settings:
                raise InputError(f"{key}: belongs to a scenario, and none is given.")
        if design.get("strata"):
            raise InputError("design.strata: are rules on a scenario's patients, and no scenario is given.")
    return TrialDesign(
        path=path,
        settings=dict(settings),
        title=reading.text(settings, "title", path.stem),
        description=reading.text(settings, "description", "").strip(),
        time_unit=checks.one_of("time_unit", settings.get("time_unit", "months"), keys.UNITS),
        scenario=scenario,
        set=_numbers(settings.get("set", {})),
        eligible=reading.text(settings, "eligible", "").strip(),
        origin=reading.text(settings, "origin", "").strip(),
        arms=arms,
        endpoints=endpoints,
        primary=primary,
        test=test,
        options=options,
        margin=margin,
        planned_ratio=planned,
        milestones=_milestones(design, course),
        strata=_texts("design.strata", design.get("strata", [])),
        accrual=course,
        patients=patients,
        random_entry=entries == "random",
        allocation=allocation,
        check_at=check_at,
        check_below=below,
        dropout=dropout,
        assessment=_assessment(settings),
        crossover=_crossover(settings, endpoints),
        analyses=analyses,
        sequential=sequential,
        rules=_rules(settings, sequential),
        facts=_facts(settings),
        value=valuation_of(settings["value"]) if "value" in settings else None,
    )


# === Arms and endpoints ===


def _arms(settings: Mapping[str, Any], scenario: str) -> tuple[Arm, Arm]:
    tables = settings.get("arms", {})
    for name in ARMS:
        if name not in tables:
            raise InputError(f"arms.{name}: is missing; a trial has the arms {' and '.join(ARMS)}.")
    for name in tables:
        if name not in ARMS:
            raise InputError(unknown("arm", name, ARMS, "arms"))
    control, experimental = (_arm(name, tables[name], scenario) for name in ARMS)
    return control, experimental


def _arm(name: str, table: Mapping[str, Any], scenario: str) -> Arm:
    with at(f"arms.{name}"):
        label = reading.text(table, "label", name.capitalize())
        ratios = _ratios(table.get("hazard_ratio", {}))
        if scenario:
            for key in HAZARDS:
                if key in table:
                    raise InputError(f"{key}: is stated where there is no scenario; leave one of the two out.")
            if "strategy" not in table:
                raise InputError("strategy: is missing; name a strategy of the scenario.")
            return Arm(label, reading.text(table, "strategy", ""), _values(table.get("set", {})), ratios)
        for key in ("strategy", "set"):
            if key in table:
                raise InputError(f"{key}: belongs to a scenario, and none is given.")
        hazards = {}
        for key in HAZARDS:
            if key in table:
                with at(key):
                    if not isinstance(table[key], dict):
                        raise InputError("is not a table; write median = 12, say, beneath.")
                    hazards[key] = reading.hazard(table[key])
        if name == CONTROL and not hazards:
            raise InputError("event: is missing; give the hazard of the event, or a scenario with a strategy.")
        for ratio in ratios:
            if name == CONTROL:
                raise InputError("hazard_ratio: belongs to the experimental arm, whose hazards are the control arm's.")
            if ratio.transition not in HAZARDS:
                raise InputError(unknown("transition", ratio.transition, HAZARDS, "hazard_ratio"))
        return Arm(label, ratios=ratios, hazards=hazards)


def _ratios(table: Any) -> tuple[Ratio, ...]:
    if not isinstance(table, dict):
        raise InputError("hazard_ratio: is not a table; write the name of a transition and its ratio beneath.")
    found = []
    for name, value in table.items():
        with at(f"hazard_ratio.{name}"):
            given = value if isinstance(value, dict) else {"value": value}
            for key in given:
                if key not in keys.RATIO:
                    raise InputError(f"unknown key '{key}'.{nearest(key, keys.RATIO)}")
            if "value" not in given:
                raise InputError("value: is missing.")
            if ("low" in given) != ("high" in given):
                raise InputError("low: give both ends of the interval, low and high.")
            ratio, delay = checks.ratio("value", given["value"]), checks.not_negative("delay", given.get("delay", 0))
            middle = spread = 0.0
            if "low" in given:
                low, high = checks.ratio("low", given["low"]), checks.ratio("high", given["high"])
                if not low < high:
                    raise InputError(f"low: {exact(low)} does not lie below high, {exact(high)}.")
                if not low <= ratio <= high:
                    raise InputError(f"value: {exact(ratio)} lies outside its interval, {exact(low)} to {exact(high)}.")
                middle = 0.5 * math.log(high * low)
                spread = math.log(high / low) / (2.0 * Z975)
            found.append(Ratio(name, ratio, delay, middle, spread))
    return tuple(found)


def _endpoints(settings: Mapping[str, Any], scenario: str) -> dict[str, TrialEndpoint]:
    tables = settings.get("endpoints", {})
    if not tables:
        raise InputError("endpoints: are missing; write [endpoints.os], say, for each.")
    found = {}
    for name, table in tables.items():
        with at(f"endpoints.{name}"):
            label = reading.text(table, "label", name.upper())
            death = checks.one_of("death", table.get("death", "event"), ("event", "competing", "censoring"))
            events = _texts("events", table["events"]) if "events" in table else None
            competing = _texts("competing", table.get("competing", []))
            if events is None and (competing or "death" in table):
                raise InputError("events: are missing; without them the endpoint is the scenario's own of that name.")
            if not scenario:
                events = events or ()
                for what in (*events, *competing):
                    if what != keys.EVENT:
                        raise InputError(unknown("event", what, (keys.EVENT,), "events"))
                if not events and death != "event":
                    raise InputError("events: names none, and death is none of them, so that nobody can have one.")
            found[name] = TrialEndpoint(label, events, competing, death)
    return found


def _test(design: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    test = checks.one_of("test", design.get("test", "logrank"), [name for name in TESTS if name not in OF_ONE_ARM])
    options = design.get("options", {})
    if not isinstance(options, dict):
        raise InputError(f"options: {options!r} is not a table.")
    known = options_of(test)
    for key in options:
        if key not in known:
            raise InputError(unknown("option", key, known, "options"))
        if key == "prior":
            raise InputError("options.prior: is no plain value; give a hazard ratio an interval, for assurance.")
    _try(test, options)
    return test, dict(options)


def _try(test: str, options: Mapping[str, Any]) -> None:
    """Refuse options that the test refuses, on four patients."""
    few = trial_data([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1], [0, 1, 0, 1])
    try:
        run_test(test, few, **options)
    except InputError as error:
        said = str(error).removeprefix(f"test '{test}': ")
        raise InputError(f"options: {said}") from None
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"options: {dict(options)!r} is not what test '{test}' takes.") from None


# === Conduct ===


def accrual_of(table: Mapping[str, Any]) -> tuple[Accrual, int]:
    """Course of accrual, and patients."""
    own = {k: v for k, v in table.items() if k in PLANNED["accrual"]}
    if isinstance(own.get("patients"), float) and not own["patients"].is_integer():
        raise InputError(f"patients: {exact(own['patients'])} is not a whole number.")
    if not own:
        raise InputError("patients: is missing; give patients with a duration or a rate.")
    if "rate" in own and "patients" in own and "duration" not in own:
        rate, wanted = checks.positive("rate", own["rate"]), checks.positive("patients", own.pop("patients"))
        own["duration"] = wanted / rate
    course = reading.accrual(own, scaled=False)
    patients = round(course.total)
    if not 2 <= patients <= MOST_PATIENTS:
        raise InputError(f"patients: {patients} is not from 2 to {MOST_PATIENTS:,}.")
    return course, patients


def _allocation(table: Mapping[str, Any]) -> tuple[int, int]:
    given = table.get("allocation", [1, 1])
    if (
        not isinstance(given, list)
        or len(given) != len(ARMS)
        or any(isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_ANALYSES for k in given)
    ):
        raise InputError(f"allocation: {given!r} is not two whole numbers from 1 to {MOST_ANALYSES}, such as [1, 1].")
    return given[0], given[1]


def _analyses(settings: Mapping[str, Any]) -> tuple[Analysis, ...]:
    tables = settings.get("analyses", [])
    if not 1 <= len(tables) <= MOST_ANALYSES:
        raise InputError(
            f"analyses: {len(tables)} are given; write [[analyses]] with events, calendar, follow_up or patients for "
            f"each, 1 to {MOST_ANALYSES}."
        )
    found = []
    for i, table in enumerate(tables, start=1):
        with at(f"analyses[{i}]"):
            counts = {key: _count(key, table[key]) for key in ("events", "patients") if key in table}
            times = {
                key: checks.not_negative(key, table[key]) for key in ("calendar", "follow_up", "latest") if key in table
            }
            if not (counts or times):
                raise InputError("events: give events, patients, calendar or follow_up.")
            combine = checks.one_of("combine", table.get("combine", "all"), ("all", "any"))
            found.append(Analysis(**counts, **times, combine=combine))  # type: ignore[arg-type]
    events = [a.events for a in found if a.events is not None]
    if any(after <= before for before, after in pairwise(events)):
        raise InputError(f"analyses: their events, {events}, must ascend.")
    return tuple(found)


def _count(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{key}: {value!r} is not a whole number of 1 or more.")
    return value


def _sequential(settings: Mapping[str, Any], analyses: tuple[Analysis, ...]) -> GroupSequentialDesign:
    """Bounds at the information that the analyses have, if it is not stated: in proportion to their events."""
    trial = dict(settings.get("trial", {}))
    n = len(analyses)
    if "information" not in trial:
        events = [a.events for a in analyses]
        counted = [e for e in events if e is not None]
        trial["information"] = (
            [e / counted[-1] for e in counted] if len(counted) == n else [(k + 1) / n for k in range(n)]
        )
    elif not isinstance(trial["information"], list) or len(trial["information"]) != n:
        raise InputError(f"trial.information: give one fraction for each of the {n} analyses.")
    else:
        _check_information(checks.information_fractions("trial.information", trial["information"]), analyses)
    sections = {key: settings[key] for key in ("efficacy", "futility") if key in settings}
    return design_of({"trial": trial, **sections})


def _check_information(information: tuple[float, ...], analyses: tuple[Analysis, ...]) -> None:
    """Refuse fractions that do not end with 1, or that the events of the analyses contradict."""
    if information[-1] != 1.0:
        raise InputError(f"trial.information: the last analysis has {exact(information[-1])}; it must be 1.")
    events = [a.events for a in analyses if a.events is not None]
    if len(events) < len(analyses):
        return
    for k, (fraction, own) in enumerate(zip(information, events, strict=True), start=1):
        if abs(fraction - own / events[-1]) > FARTHEST:
            raise InputError(
                f"trial.information: analysis {k} has {own} of {events[-1]} events, a fraction of "
                f"{own / events[-1]:.3g} and not {exact(fraction)}; leave information out."
            )


def _rules(settings: Mapping[str, Any], sequential: GroupSequentialDesign) -> tuple[Rule, ...]:
    tables, found, n = settings.get("rules", []), [], sequential.looks
    for i, table in enumerate(tables, start=1):
        with at(f"rules[{i}]"):
            name = reading.text(table, "name", f"rule {i}")
            bounds = {}
            for key in ("efficacy", "futility"):
                bounds[key] = checks.numbers(key, table[key]) if key in table else getattr(sequential, key)
                if key in table and len(bounds[key]) not in (n, n - (key == "futility")):
                    raise InputError(f"{key}: {len(bounds[key])} bounds for {n} analyses.")
            low = (*bounds["futility"][: n - 1], -math.inf)
            above = (
                checks.ratio("hazard_ratio_above", table["hazard_ratio_above"])
                if "hazard_ratio_above" in table
                else None
            )
            found.append(Rule(name, bounds["efficacy"], low, above))
    return tuple(found)


def _assessment(settings: Mapping[str, Any]) -> Assessment | None:
    if "assessment" not in settings:
        return None
    table = settings["assessment"]
    with at("assessment"):
        every = checks.numbers("every", table.get("every", []))
        until = checks.ascending("until", checks.numbers("until", table.get("until", [])))
        if not every or len(until) != len(every) - 1:
            raise InputError("every: give one interval, or several with until for each but the last.")
        for value in (*every, *until):
            checks.positive("every", value)
        return Assessment(every, until)


def _crossover(settings: Mapping[str, Any], endpoints: Mapping[str, TrialEndpoint]) -> Crossover | None:
    if "crossover" not in settings:
        return None
    table = settings["crossover"]
    with at("crossover"):
        arm = checks.one_of("arm", table.get("arm", CONTROL), ARMS)
        name = checks.one_of("at", table.get("at"), endpoints)
        value = checks.number("share", table.get("share"))
        if not 0.0 <= value <= 1.0:
            raise InputError(f"share: {exact(value)} is not from 0 to 1.")
        longer = checks.ratio("time_ratio", table["time_ratio"]) if "time_ratio" in table else None
        return Crossover(ARMS.index(arm), name, value, longer)


def _milestones(design: Mapping[str, Any], course: Accrual) -> tuple[float, float]:
    given = checks.numbers("design.milestones", design.get("milestones", [0.5 * course.duration, course.duration]))
    checks.ascending("design.milestones", given)
    if len(given) != 2 or given[0] <= 0.0:
        raise InputError(f"design.milestones: {len(given)} times; give two above 0.")
    return given[0], given[1]


# === Plain values ===


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    return {key: checks.number(f"set.{key}", value) for key, value in table.items()}


def _values(table: Any) -> dict[str, float | str]:
    if not isinstance(table, dict):
        raise InputError("set: is not a table.")
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InputError(f"set.{key}: {value!r} is not a number or an expression.")
    return dict(table)


def _texts(key: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{key}: {values!r} is not a list of texts.")
    return tuple(values)


def _facts(settings: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    found = []
    for i, table in enumerate(settings.get("facts", []), start=1):
        with at(f"facts[{i}]"):
            kind = checks.one_of("kind", table.get("kind"), ("published", "computed", "assumed"))
            found.append({key: reading.text(table, key, "") for key in keys.LISTS["facts"]} | {"kind": kind})
    return tuple(found)
