"""Checks of drugs and regimens by the names of a model, and what a cycle costs a typical patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ExpressionError, ScenarioError, unknown
from lmssim.model.compile.plans import check_interval
from lmssim.model.language import expression
from lmssim.model.language.expression import Name
from lmssim.model.language.regimens import BODY, _capped, category_of, cost_name

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Drug, Regimen
    from lmssim.model.program import Program


TYPICAL_OF = 1_000
"""Patients among whom the one of middle body surface is sought."""


def typical_cost(program: Program, regimen: str) -> float | None:
    """Cost of a cycle for the patient of middle body surface; None if it depends on more than the patient."""
    names, where = program.names, f"{program.scenario.path}: regimens.{regimen}"
    columns = program.patients(0, TYPICAL_OF, 1).T
    values = {name: base[0] for name, base in program.scenario.table.base().items()}
    values |= dict(zip(names.covariates, columns, strict=False))

    def by_patient(name: str) -> FloatArray:
        node = names.resolve(Name(name), where)
        return np.broadcast_to(expression.evaluate(node, values, where), columns.shape[1])

    try:
        cost = by_patient(cost_name(regimen))
        surface = by_patient(BODY["m2"]) if BODY["m2"] in names.known() else np.zeros_like(cost)
    except ExpressionError:
        return None
    return float(cost[np.argmin(np.abs(surface - surface.mean()))])


def check_regimens(d: Draft) -> None:
    """Check every number of drugs and regimens where the file states it, also of those that nobody gives.

    Raises
    ------
    InputError
        If a number is impossible, or a name is missing.
    """
    for name, drug in d.file.drugs.items():
        _check_drug(d, drug, f"{d.where}: drugs.{name}")
    for name, regimen in d.file.regimens.items():
        _check_regimen(d, regimen, f"{d.where}: regimens.{name}")
    for name, treatment in d.file.treatments.items():
        if treatment.stop is not None and d.flat.levels.get(treatment.stop) != ["true"]:
            flags = [flag for flag, levels in d.flat.levels.items() if levels == ["true"]]
            raise ScenarioError(unknown("flag", treatment.stop, flags, f"{d.where}: treatments.{name}.stop"))


def _check_drug(d: Draft, drug: Drug, where: str) -> None:
    for i, vial in enumerate(drug.vials):
        d.code.ref(vial.price, f"{where}.vials[{i + 1}].price", "cost")
    d.code.ref(drug.discount, f"{where}.discount", "probability")


def _check_regimen(d: Draft, regimen: Regimen, where: str) -> None:
    for i, given in enumerate(regimen.drugs):
        place = f"{where}.drugs[{i + 1}]"
        body = BODY.get(given.per)
        if body is not None and body not in d.names.known():
            raise ScenarioError(
                f"{place}: a dose per {given.per} needs the name '{body}' ({given.per}): a covariate, a parameter or"
                " a named expression."
            )
        d.code.ref(given.dose, f"{place}.dose", "amount")
        d.code.ref(given.administrations, f"{place}.administrations", "amount")
    for key in ("delivery", "premedication", "monitoring"):
        d.code.ref(getattr(regimen, key), f"{where}.{key}", "cost")
    d.code.ref(regimen.relative_dose_intensity, f"{where}.relative_dose_intensity", "amount")
    d.index("cost category", category_of(d.file, regimen), d.file.settings.cost_categories, f"{where}.category")
    check_interval(d.fixed(regimen.cycle, f"{where}.cycle"), f"{where}.cycle")
    if regimen.cap is not None:
        drugs = [given.drug for given in regimen.drugs]
        d.index("drug of the regimen", regimen.cap.drug, drugs, f"{where}.cap.drug")
        if d.fixed(_capped(regimen), f"{where}.drugs") <= 0:
            raise ScenarioError(f"{where}.cap: the dose of '{regimen.cap.drug}' in a cycle is 0.")
