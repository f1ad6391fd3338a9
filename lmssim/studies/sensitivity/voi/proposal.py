"""A proposed study, described in TOML by the data that it would give, its conduct and its costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.economics.voi.evidence.binomial import Binomial
from lmssim.economics.voi.evidence.normal import Normal
from lmssim.economics.voi.evidence.survival import Survival
from lmssim.economics.voi.population import mean_discount
from lmssim.errors import InputError, unknown
from lmssim.execution.store import hash_of
from lmssim.model.language.expression import evaluate, names, parse
from lmssim.model.language.families import FAMILIES
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages.file_kinds import other_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lmssim.economics.voi.evidence.kind import Evidence
    from lmssim.kernels import FloatArray

DEFAULT_SIZES = (25, 50, 100, 200, 400, 800)
MOST_PATIENTS, MOST_SIZES, MOST_DATA = 20_000, 20, 20
PARTS = ("title", "sizes", "costs", "conduct", "data")
COSTS = ("fixed", "per_patient")
CONDUCT = ("patients_per_year", "most_years", "follow_up", "reporting", "dropout_rate")
KINDS: dict[str, tuple[str, ...]] = {"binomial": ("probability",), "normal": ("mean", "sd"), "survival": ("family",)}
UNFIT = ("piecewise_exponential", "fixed")
"""Families whose numbers are lists, or that are no chance."""


@dataclass(frozen=True)
class Proposal:
    """A study that could be done.

    Attributes
    ----------
    name, title : str
        Name of its file, and what people read.
    sizes : sequence of int
        Numbers of patients, ascending.
    data : sequence of mapping
        What it observes, as the file says.
    fixed, per_patient : float
        Costs.
    patients_per_year : float
        Who can be recruited in a year; all at once if infinite.
    follow_up, reporting : float
        Years from the last entry to the end, and from there to the decision.
    dropout_rate : float
        Patients lost a year, as a rate.
    notes : sequence of str
        What was cut.
    where, digest : str
        The file, and its SHA-256.
    """

    name: str
    title: str
    sizes: Sequence[int]
    data: Sequence[Mapping[str, Any]]
    fixed: float
    per_patient: float
    patients_per_year: float
    follow_up: float
    reporting: float
    dropout_rate: float
    notes: Sequence[str]
    where: str
    digest: str

    def years(self, size: float) -> float:
        """Years from the start to the decision."""
        return size / self.patients_per_year + self.follow_up + self.reporting

    def cost(self, size: float, discount_rate: float) -> float:
        """Cost, discounted: fixed at the start, of patients as they enter."""
        entered = size * float(mean_discount(np.array(size / self.patients_per_year), discount_rate))
        return self.fixed + self.per_patient * entered

    def names(self) -> list[str]:
        """Parameters on which the data depend."""
        used: dict[str, None] = {}
        for entry in self.data:
            for key, value in entry.items():
                if key not in ("kind", "family", "share", "name"):
                    used |= dict.fromkeys(names(parse(value, self.where)))
        return list(used)

    def evidence(self, values: Mapping[str, FloatArray]) -> list[Evidence]:
        """What the study observes under each draw.

        Raises
        ------
        InputError
            If an expression names no parameter, or gives impossible numbers in a draw.
        """
        return [self._piece(f"{self.where}: data[{k}]", entry, values) for k, entry in enumerate(self.data)]

    def _piece(self, where: str, entry: Mapping[str, Any], values: Mapping[str, FloatArray]) -> Evidence:
        n = len(next(iter(values.values())))
        share = float(entry.get("share", 1.0))

        def number(key: str, good: Callable[[FloatArray], Any], rule: str) -> FloatArray:
            found = np.broadcast_to(
                np.asarray(evaluate(parse(entry[key], f"{where}.{key}"), values, f"{where}.{key}"), dtype=np.float64),
                (n,),
            )
            wrong = np.flatnonzero(~(np.isfinite(found) & good(found)))
            if wrong.size:
                raise InputError(f"{where}.{key}: is {found[wrong[0]]:g} in draw {wrong[0]}; it must be {rule}.")
            return found

        if entry["kind"] == "binomial":
            return Binomial(number("probability", lambda p: (p >= 0.0) & (p <= 1.0), "from 0 to 1"), share)
        if entry["kind"] == "normal":
            mean = number("mean", np.isfinite, "a finite number")
            return Normal(mean, number("sd", lambda sd: sd > 0.0, "above 0"), share)
        family = FAMILIES[entry["family"]]
        columns = {name: number(name, np.isfinite, "a finite number") for name in family.parameters}
        if (wrong := family.check(columns)) is not None:
            raise InputError(f"{where}: {wrong}.")
        numbers = np.zeros((n, 3))
        numbers[:, : len(columns)] = np.column_stack(list(columns.values()))
        return Survival(family.code, numbers, self.follow_up, self.patients_per_year, self.dropout_rate, share)


def read_proposal(path: Path) -> Proposal:
    """A proposed study.

    Raises
    ------
    InputError
        If the file is not there, is not TOML, or says something impossible.
    """
    document = read_toml(path)
    if other := other_kind(document, PARTS):
        raise InputError(f"{path}: {other}")
    _check_keys(document, PARTS, str(path))
    costs, conduct = (_table(document, name, keys, path) for name, keys in (("costs", COSTS), ("conduct", CONDUCT)))
    pace = _number(conduct, "patients_per_year", math.inf, f"{path}: conduct", least=0.0, above=True)
    sizes, notes = _sizes(
        document, path, pace, _number(conduct, "most_years", math.inf, f"{path}: conduct", above=True)
    )
    data = document.get("data")
    if not isinstance(data, list) or not data or len(data) > MOST_DATA:
        raise InputError(f"{path}: data: a study observes something: give 1 to {MOST_DATA} tables [[data]].")
    for k, entry in enumerate(data):
        _check_entry(entry, f"{path}: data[{k}]")
    follow_up = _number(conduct, "follow_up", 0.0, f"{path}: conduct")
    if any(entry["kind"] == "survival" for entry in data) and not follow_up > 0.0:
        raise InputError(f"{path}: conduct.follow_up: survival needs years of follow-up above 0.")
    return Proposal(
        name=path.stem,
        title=str(document.get("title") or path.stem),
        sizes=sizes,
        data=data,
        fixed=_number(costs, "fixed", 0.0, f"{path}: costs"),
        per_patient=_number(costs, "per_patient", 0.0, f"{path}: costs"),
        patients_per_year=pace,
        follow_up=follow_up,
        reporting=_number(conduct, "reporting", 0.0, f"{path}: conduct"),
        dropout_rate=_number(conduct, "dropout_rate", 0.0, f"{path}: conduct"),
        notes=notes,
        where=str(path),
        digest=hash_of(path),
    )


def _check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise InputError(unknown("key", str(key), known, where))


def _table(document: Mapping[str, Any], name: str, keys: Sequence[str], path: Path) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name}: is not a table.")
    _check_keys(table, keys, f"{path}: {name}")
    return table


def _number(
    table: Mapping[str, Any], key: str, default: float, where: str, *, least: float = 0.0, above: bool = False
) -> float:
    value = table.get(key, default)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not (value > least if above else value >= least) or (key in table and not math.isfinite(value)):
        raise InputError(f"{where}.{key}: {value!r} is not a number {'above' if above else 'of at least'} {least:g}.")
    return float(value)


def _sizes(document: Mapping[str, Any], path: Path, pace: float, years: float) -> tuple[list[int], list[str]]:
    """Sizes that can be recruited, and a note about those that cannot."""
    sizes = document.get("sizes", list(DEFAULT_SIZES))
    whole = isinstance(sizes, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in sizes)
    if not whole or not sizes or len(sizes) > MOST_SIZES or min(sizes) < 1 or max(sizes) > MOST_PATIENTS:
        raise InputError(f"{path}: sizes: expected 1 to {MOST_SIZES} whole numbers from 1 to {MOST_PATIENTS:,}.")
    sizes = sorted(set(sizes))
    most = pace * years
    if max(sizes) <= most:
        return sizes, []
    kept = [n for n in sizes if n <= most]
    if int(most) >= 1 and int(most) not in kept:
        kept.append(int(most))
    if not kept:
        raise InputError(f"{path}: conduct.most_years: nobody can be recruited in {years:g} years at {pace:g} a year.")
    return kept, [f"At most {int(most):,} patients can be recruited in {years:g} years."]


def _check_entry(entry: Any, where: str) -> None:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: is not a table.")
    kind = entry.get("kind")
    if kind not in KINDS:
        raise InputError(unknown("kind", str(kind), KINDS, where))
    needed = KINDS[kind]
    if kind == "survival":
        fit = [name for name in FAMILIES if name not in UNFIT]
        if entry.get("family") not in fit:
            raise InputError(unknown("family", str(entry.get("family")), fit, where))
        needed = ("family", *FAMILIES[entry["family"]].parameters)
    _check_keys(entry, ("kind", "name", "share", *needed), where)
    for key in needed:
        if key not in entry:
            raise InputError(f"{where}: '{key}' is missing.")
        if isinstance(entry[key], bool) or not isinstance(entry[key], str | int | float):
            raise InputError(f"{where}.{key}: {entry[key]!r} is not an expression.")
    share = _number(entry, "share", 1.0, where, above=True)
    if share > 1.0:
        raise InputError(f"{where}.share: {share:g} is more than 1.")
