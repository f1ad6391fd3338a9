"""What a scenario and the labels of its switches claim, beside what the model gives.

A claim on parameters or on the file costs nothing. A claim on an outcome is read as a row of a published series is,
from lives that are the same under every option: so an option's number does not move by chance, and a parameter can be
solved for it. `N_BATCHES` batches of `PATIENTS` patients put a share of a third wrong by 0.1 percentage points (SE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from lmssim.errors import InputError, ScenarioError, nearest, unknown
from lmssim.model.language import expression
from lmssim.model.language.schema import FollowUp, Series, SeriesRow
from lmssim.model.parameters.claims import printed_as, subject
from lmssim.model.parameters.printed import ROUNDING
from lmssim.model.parameters.switches import switched
from lmssim.model.scenario import load_scenario, population_names
from lmssim.published.predict import reader_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Claim, ClaimedOutcome, Endpoint, ModelClaim
    from lmssim.model.scenario import Scenario
    from lmssim.published.predict import Reader

PATIENTS, N_BATCHES = 50_000, 4
"""Patients of a batch, and batches, from which the outcomes of claims are read."""
PARTS = 20
"""Batches of a scenario's own claims, of the same patients in all: their standard error has 19 degrees of freedom."""
CHANCE = 4.5
"""Standard errors by which chance may put a scenario's own claim off: once in 4,000 claims."""
SEED = 1
NAME = "claim"
"""Name of the series that a claim becomes."""


@dataclass(frozen=True)
class ClaimRead:
    """A claim and what the model gives.

    Attributes
    ----------
    switch, option : str
        Their ids.
    number : int
        Which claim of the option, from 0.
    claim : Claim
        What is claimed.
    claimed : float
        What the label prints.
    observed : float
        What the model gives; of a number that differs between categories, the one that is farthest off.
    error : float
        Standard error of what the model gives, from batches of patients; 0 of parameters and of the file.
    half_unit : float
        Half a unit of the last digit that the label prints.
    """

    switch: str
    option: str
    number: int
    claim: Claim
    claimed: float
    observed: float
    error: float
    half_unit: float

    @property
    def tolerance(self) -> float:
        """By how much the model may miss the label: what rounds to it, and twice the Monte-Carlo error."""
        return self.half_unit * (1.0 + ROUNDING) + 2.0 * self.error

    @property
    def holds(self) -> bool:
        """Whether the model gives what the label says."""
        return bool(abs(self.observed - self.claimed) <= self.tolerance)


@dataclass(frozen=True)
class ModelClaimRead:
    """What a scenario claims of an outcome, and what the model gives.

    Attributes
    ----------
    name : str
        Its id.
    claim : ModelClaim
        What is claimed.
    claimed, observed : float
        The number, and what the model gives; where the number differs between categories, the one farthest off.
    error : float
        Standard error of what the model gives, from batches of patients who are the same under both strategies.
    """

    name: str
    claim: ModelClaim
    claimed: float
    observed: float
    error: float
    refused: str = ""
    """Why it cannot be read, if it cannot."""

    @property
    def tolerance(self) -> float:
        """By how much the model may miss it: what the claim allows, and what chance may do."""
        return self.claim.within + CHANCE * self.error


def read_model_claims(scenario: Scenario) -> Iterator[ModelClaimRead]:
    """Every claim of a scenario about its own outcomes whose switches stand as it says."""
    held = {
        name: claim
        for name, claim in scenario.file.claims.items()
        if all(scenario.options[switch] == option for switch, option in claim.switches.items())
    }
    asked: dict[tuple[str, str], ClaimedOutcome] = {}
    for name, claim in held.items():
        asked[name, ""] = claim
        if claim.minus is not None:
            asked[name, claim.minus] = claim.model_copy(update={"strategy": claim.minus})
    try:
        found = dict(zip(asked, _together(scenario, asked), strict=True))
    except InputError as error:
        if len(held) > 1:
            for name, claim in held.items():
                yield from read_model_claims(_with_claims(scenario, {name: claim}))
        else:
            yield from (ModelClaimRead(name, claim, np.nan, np.nan, 0.0, str(error)) for name, claim in held.items())
        return
    for name, claim in held.items():
        each = found[name, ""] - (0.0 if claim.minus is None else found[name, claim.minus])
        observed, error_ = float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(len(each)))
        claimed = _farthest(_values_of(scenario, claim.value, f"{scenario.path}: claims.{name}.value"), observed)
        yield ModelClaimRead(name, claim, claimed, observed, error_)


def _with_claims(scenario: Scenario, claims: Mapping[str, ModelClaim]) -> Scenario:
    return replace(scenario, file=scenario.file.model_copy(update={"claims": dict(claims)}))


def _together(scenario: Scenario, claims: Mapping[tuple[str, str], ClaimedOutcome]) -> FloatArray:
    """Outcomes of several claims, in each batch of patients, (n_claims, PARTS): read from the same lives."""
    if not claims:
        return np.zeros((0, PARTS))
    series = {
        f"{name} {minus}": _series_of(scenario, claim, f"{scenario.path}: claims.{name}")
        for (name, minus), claim in claims.items()
    }
    reader = reader_of(replace(scenario, file=scenario.file.model_copy(update={"series": series})), list(series))
    size = max(PATIENTS * N_BATCHES // PARTS, 1)
    return np.array([reader.predict({}, size, SEED, first=k).value[0] for k in range(PARTS)]).T


def model_claims_frame(reads: Iterable[ModelClaimRead]) -> pd.DataFrame:
    """A row for each claim of a scenario: what of, claimed beside observed, and the accepted difference."""
    return pd.DataFrame(
        {
            "claim": each.name,
            "label": each.claim.label,
            "of": subject(each.claim),
            "claimed": each.claimed,
            "observed": each.observed,
            "tolerance": each.tolerance,
        }
        for each in reads
    )


def claims_of(scenario: Scenario) -> Iterator[tuple[str, str, int, Claim]]:
    """Switch, option, number and claim of every claim of a scenario."""
    for name, switch in scenario.file.switches.items():
        for option, spec in switch.options.items():
            for i, claim in enumerate(spec.claims):
                yield name, option, i, claim


def read_claims(scenario: Scenario, switch: str | None = None) -> Iterator[ClaimRead]:
    """Every claim of a scenario, each with its option chosen and the other switches as they are.

    Parameters
    ----------
    switch : str, optional
        Only claims of this switch.
    """
    chosen: tuple[tuple[str, str], Scenario] | None = None
    for name, option, i, claim in claims_of(scenario):
        if switch in (None, name):
            if chosen is None or chosen[0] != (name, option):
                chosen = (name, option), with_option(scenario, name, option)
            spec = scenario.file.switches[name].options[option]
            place = f"{scenario.path}: switches.{name}.options.{option}.claims[{i + 1}]"
            claimed, half_unit = printed_as(claim, spec) or (claim.value, 0.0)
            yield ClaimRead(name, option, i, claim, claimed, *observed_of(chosen[1], claim, place), half_unit)


def claims_frame(scenario: Scenario, reads: Iterable[ClaimRead]) -> pd.DataFrame:
    """A row for each claim: what the label says, what gives it, claimed beside observed, and whether it holds."""
    return pd.DataFrame(
        {
            "switch": each.switch,
            "option": each.option,
            "label": scenario.file.switches[each.switch].options[each.option].label or each.option,
            "of": subject(each.claim),
            "claimed": each.claimed,
            "observed": each.observed,
            "tolerance": each.tolerance,
            "holds": each.holds,
        }
        for each in reads
    )


def with_option(scenario: Scenario, name: str, option: str) -> Scenario:
    """The scenario with another option of one switch; read again only where more than parameters would change."""
    switch = scenario.file.switches[name]
    old, new = switch.options[scenario.options[name]], switch.options[option]
    if old is new:
        return scenario
    options = {**scenario.options, name: option}
    if old.set or old.change or new.change or set(new.set) & set(population_names(scenario)):
        return load_scenario(scenario.path, switches=options)
    table = switched(scenario.table, {name: switch}, {name: option}, str(scenario.path), scenario.by.spread)
    return replace(scenario, table=table, options=options, own=frozenset())


def observed_of(scenario: Scenario, claim: Claim, where: str) -> tuple[float, float]:
    """What the scenario, as it is, gives in the place of a claim's value, and its standard error."""
    if claim.value_of is not None:
        return _farthest(_values_of(scenario, claim.value_of, f"{where}.value_of"), claim.value), 0.0
    if claim.key is not None:
        found = _at_key(scenario, claim.key, f"{where}.key")
        return _farthest(_values_of(scenario, found, f"{where}.key"), claim.value), 0.0
    each = OutcomeReader(scenario, claim, where).batches()
    return float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(len(each)))


def _farthest(values: list[float], claimed: float) -> float:
    return max(values, key=lambda value: abs(value - claimed) if np.isfinite(value) else np.inf)


def _values_of(scenario: Scenario, value: float | str, where: str) -> list[float]:
    """An expression of parameters; where one differs by a covariate, in each category that patients can have."""
    by, base = scenario.by, scenario.table.base()
    named = expression.names(expression.parse(value, where))
    read = {by.read(value, each) for each in by.possible} if set(named) & set(by.ids) else {value}
    values = []
    for each in sorted(read, key=str):
        node = expression.parse(each, where)
        for name in expression.names(node):
            if name not in base:
                raise ScenarioError(unknown("parameter", name, base, where))
        values.append(float(np.ravel(expression.evaluate(node, base, where))[0]))
    return values


def _at_key(scenario: Scenario, key: str, where: str) -> float | str:
    """What stands at a key of the file: a number or an expression."""
    found: Any = scenario.file
    for part in key.split("."):
        found = _entry(found, part, f"{where}: {key}")
    if isinstance(found, (int, float, str)):
        return found
    raise ScenarioError(f"{where}: {key} is a table or a list, not a number.")


def _entry(found: Any, part: str, where: str) -> Any:
    if isinstance(found, list) and part.isdigit() and int(part) < len(found):
        return found[int(part)]
    entries = found
    if isinstance(found, BaseModel):
        entries = {name: getattr(found, name) for name in type(found).model_fields}
    if isinstance(entries, dict) and part in entries:
        return entries[part]
    known = entries if isinstance(entries, dict) else ()
    raise ScenarioError(f"{where}: there is no '{part}'.{nearest(part, known)}")


# === Outcomes ===


class OutcomeReader:
    """Reads an outcome of a scenario from the same lives, whatever its parameters are."""

    def __init__(self, scenario: Scenario, claim: ClaimedOutcome, where: str) -> None:
        series = _series_of(scenario, claim, where)
        file = scenario.file.model_copy(update={"series": {NAME: series}})
        self.reader: Reader = reader_of(replace(scenario, file=file), [NAME])

    def batches(self, **parameters: float) -> FloatArray:
        """The outcome in each batch of patients, (N_BATCHES,), with some parameters at other values."""
        draws = {name: np.array([value]) for name, value in parameters.items()}
        return np.array([self.reader.predict(draws, PATIENTS, SEED, first=k).value[0, 0] for k in range(N_BATCHES)])

    def value(self, **parameters: float) -> float:
        """The outcome, with some parameters at other values."""
        return float(self.batches(**parameters).mean())


def _series_of(scenario: Scenario, claim: ClaimedOutcome, where: str) -> Series:
    """A claim as a series of one row."""
    events, since = claim.events, claim.since
    if claim.outcome is not None:
        events, since = _endpoint(scenario, scenario.file.endpoints[claim.outcome], claim)
    horizon = scenario.file.settings.horizon
    row = SeriesRow(
        target=where.rpartition(": ")[2],
        label=claim.outcome or "",
        statistic=claim.statistic,
        events=events,
        by=claim.by,
        since=since,
        given=claim.given,
        without=claim.without,
        where=claim.where,
        observed=0.5,  # what is observed does not bear on what is read
        n=1,
    )
    follow_up = claim.follow_up or FollowUp(low=horizon, high=horizon)
    strategy = claim.strategy or scenario.comparator
    return Series(label=NAME, source_id="", strategy=strategy, follow_up=follow_up, rows=[row])


def _endpoint(scenario: Scenario, endpoint: Endpoint, claim: ClaimedOutcome) -> tuple[list[str], list[str]]:
    """Events of an endpoint, deaths among them if they count, and what its time counts from."""
    deaths = [name for name, state in scenario.file.states.items() if state.kind == "absorbing"]
    events = [*endpoint.events, *(deaths if endpoint.death == "event" else [])]
    origin = [] if endpoint.origin == "model" else [endpoint.origin]
    return list(dict.fromkeys(events)), claim.since or origin
