"""Drugs and regimens: what a cycle costs for a patient, and when cycles are given.

A regimen becomes named expressions (`cost_of_REGIMEN`: one cycle, for the patient at hand), and a treatment that gives
it a plan (`cycles_of_TREATMENT`) with a cost at each tick; if a flag stops it, the tick is an event
(`cycle_of_TREATMENT`): what ticks cost is settled on entry, while events ask at their moment. Engines know of neither.

Notes
-----
`vial_use` says what a dose of a drug costs. `shared`: the dose at the lowest price per unit. `banded`: the same for the
dose rounded to the nearest band; a drug without a band is given in whole vials. `whole`: the cheapest vials that hold
the dose (`lmssim.model.language.vials`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.model.language.schema import Event, Period, Plan, Schedule
from lmssim.model.language.vials import ROUNDING, cheapest_vials, vials_name

if TYPE_CHECKING:
    from lmssim.model.language.schema import Costs, Given, Regimen, ScenarioFile, Treatment, Value

BODY = {"m2": "body_surface", "kg": "body_weight"}
"""Name that a dose per m2 or kg is multiplied by."""


def cost_name(regimen: str) -> str:
    """Named expression: cost of one cycle."""
    return f"cost_of_{regimen}"


def dose_name(regimen: str, i: int) -> str:
    """Named expression: a patient's dose of the i-th drug at one administration."""
    return f"dose_of_{regimen}_{i + 1}"


def plan_name(treatment: str) -> str:
    """Plan of a treatment's cycles."""
    return f"cycles_of_{treatment}"


def event_name(treatment: str) -> str:
    """Event of each cycle of a treatment that a flag stops."""
    return f"cycle_of_{treatment}"


def with_regimens(file: ScenarioFile, where: str) -> ScenarioFile:
    """File with the expressions, plans and ticks that drugs and regimens stand for; unchanged if it has none.

    Raises
    ------
    InputError
        If a drug or regimen does not exist, or a name is already taken.
    """
    for name, treatment in file.treatments.items():
        _check_use(file, treatment, f"{where}: treatments.{name}")
    if not (file.drugs or file.regimens):
        return file
    expressions: dict[str, Value] = {}
    for name, drug in file.drugs.items():
        for i, vial in enumerate(drug.vials):
            rest = "" if drug.discount == 0 else f" * (1 - {_text(drug.discount)})"
            expressions[_price_name(name, i)] = f"{_text(vial.price)}{rest}"
    for name, regimen in file.regimens.items():
        expressions |= _of_regimen(file, name, regimen, f"{where}: regimens.{name}")
    given = {name: t for name, t in file.treatments.items() if t.regimen is not None}
    plans = {plan_name(name): _plan(file, t) for name, t in given.items()}
    events = {event_name(name): _event(file, name, t) for name, t in given.items() if t.stop is not None}
    for kind, old, new in (
        ("expressions", file.expressions, expressions),
        ("plans", file.plans, plans),
        ("events", file.events, events),
    ):
        taken = next((name for name in new if name in old), None)
        if taken is not None:
            raise ScenarioError(f"{where}: {kind}.{taken}: this name is made from a regimen; rename one of them.")
    treatments = {name: _with_cycles(file, name, t) for name, t in given.items()}
    return file.model_copy(
        update={
            "expressions": {**file.expressions, **expressions},
            "plans": {**file.plans, **plans},
            "events": {**file.events, **events},
            "treatments": {**file.treatments, **treatments},
        }
    )


def _check_use(file: ScenarioFile, treatment: Treatment, where: str) -> None:
    if treatment.regimen is None:
        for key in ("cycles", "stop"):
            if getattr(treatment, key) is not None:
                raise ScenarioError(f"{where}.{key}: needs a `regimen`.")
    elif treatment.regimen not in file.regimens:
        raise ScenarioError(unknown("regimen", treatment.regimen, file.regimens, f"{where}.regimen"))


def _text(value: Value) -> str:
    return f"({value})" if isinstance(value, str) else f"{value!r}"


def _price_name(drug: str, i: int) -> str:
    return f"price_of_{drug}_{i + 1}"


# === Cost of a cycle ===


def _of_regimen(file: ScenarioFile, name: str, regimen: Regimen, where: str) -> dict[str, Value]:
    result: dict[str, Value] = {}
    terms = [_text(value) for value in (regimen.delivery, regimen.premedication, regimen.monitoring) if value != 0]
    for i, given in enumerate(regimen.drugs):
        place = f"{where}.drugs[{i + 1}]"
        if given.drug not in file.drugs:
            raise ScenarioError(unknown("drug", given.drug, file.drugs, f"{place}.drug"))
        dose = dose_name(name, i)
        factors = [_text(given.dose)]
        if regimen.relative_dose_intensity != 1:
            factors.append(_text(regimen.relative_dose_intensity))
        result[dose] = " * ".join([*factors, *([BODY[given.per]] if given.per in BODY else [])])
        cost = _dispensed(result, file, given, dose, f"{where.rpartition(': ')[0]}: drugs.{given.drug}.vials")
        terms.append(cost if given.administrations == 1 else f"{_text(given.administrations)} * {cost}")
    result[cost_name(name)] = " + ".join(terms) or "0"
    return result


def _dispensed(into: dict[str, Value], file: ScenarioFile, given: Given, dose: str, where: str) -> str:
    """Cost of one administration: the name of an expression, or its text."""
    drug, use = file.drugs[given.drug], file.settings.vial_use
    if use == "whole" or (use == "banded" and drug.band is None):
        vials = sorted(enumerate(drug.vials), key=lambda pair: -pair[1].size)
        prices = [_price_name(given.drug, i) for i, _ in vials]
        into |= cheapest_vials(dose, [vial.size for _, vial in vials], prices, where)
        return vials_name(dose)
    amount = dose if use == "shared" else f"floor({dose} / {drug.band!r} + 0.5) * {drug.band!r}"
    unit = [f"{_price_name(given.drug, i)} / {vial.size!r}" for i, vial in enumerate(drug.vials)]
    return f"{amount} * {_least(unit)}"


def _least(options: list[str]) -> str:
    return f"min({', '.join(options)})" if len(options) > 1 else options[0]


# === Cycles ===


def _plan(file: ScenarioFile, treatment: Treatment) -> Plan:
    regimen = file.regimens[str(treatment.regimen)]
    most = treatment.cycles if treatment.cycles is not None else regimen.max_cycles
    limits = [_text(most)] if most is not None else []
    if regimen.cap is not None:
        limits.append(f"floor({_text(regimen.cap.dose)} / ({_capped(regimen)}) + {ROUNDING})")
    return Plan(first=0, periods=[Period(every=regimen.cycle)], max=_least(limits) if limits else None)


def _capped(regimen: Regimen) -> str:
    """Dose per cycle, as prescribed, of the drug whose cumulative dose is limited."""
    assert regimen.cap is not None
    lines = [given for given in regimen.drugs if given.drug == regimen.cap.drug]
    return " + ".join(f"{_text(given.dose)} * {_text(given.administrations)}" for given in lines) or "0"


def _with_cycles(file: ScenarioFile, name: str, treatment: Treatment) -> Treatment:
    if treatment.stop is None:
        tick = Schedule(name="cycle", at=plan_name(name), cost=_cost(file, treatment))
    else:
        tick = Schedule(name="cycle", at=plan_name(name), event=event_name(name))
    return treatment.model_copy(update={"schedule": [*treatment.schedule, tick]})


def _event(file: ScenarioFile, name: str, treatment: Treatment) -> Event:
    given = treatment.label or name.replace("_", " ")
    if given[1:2].islower():
        given = given[0].lower() + given[1:]
    return Event(label=f"Cycle of {given}", probability=1, when=f"not {treatment.stop}", cost=_cost(file, treatment))


def _cost(file: ScenarioFile, treatment: Treatment) -> Costs:
    regimen = str(treatment.regimen)
    return {category_of(file, file.regimens[regimen]): cost_name(regimen)}


def category_of(file: ScenarioFile, regimen: Regimen) -> str:
    """Cost category of a regimen: the stated one, else the first."""
    return regimen.category or file.settings.cost_categories[0]


# === Checks ===
