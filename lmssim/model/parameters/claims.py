"""What a scenario and the labels of its switches claim, checked when a file is loaded: whether it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, exact, unknown
from lmssim.model.language import expression
from lmssim.model.parameters.printed import printed_numbers
from lmssim.model.published import Figures, problem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lmssim.model.language.schema import Claim, ClaimedOutcome, ModelClaim, ScenarioFile, SwitchOption
    from lmssim.model.parameters.printed import Printed
    from lmssim.model.parameters.table import ParameterTable

SOURCES = ("value_of", "key", "outcome", "events")
"""Keys of a claim of which one says what gives its number."""
OF_OUTCOMES = ("strategy", "by", "since", "given", "without", "where", "follow_up", "solve", "statistic")


def check_claims(file: ScenarioFile, table: ParameterTable, where: str, differing: Collection[str] = ()) -> None:
    """Refuse a claim that its label does not print, or that nothing or more than one thing gives.

    Parameters
    ----------
    differing : collection of str
        Parameters that differ by a covariate, which an expression may name.

    Raises
    ------
    ScenarioError
        With the place of the claim.
    """
    for name, switch in file.switches.items():
        for option, spec in switch.options.items():
            place = f"{where}: switches.{name}.options.{option}"
            label = spec.label or ""
            for text in spec.words:
                if text not in label:
                    raise ScenarioError(f"{place}.words: '{text}' is no part of the label '{label}'.")
            for i, claim in enumerate(spec.claims, 1):
                _check(claim, spec, file, f"{place}.claims[{i}]")
                _check_solve(claim, table, f"{place}.claims[{i}].solve")
                _check_expression(claim.value_of, {*table, *differing}, f"{place}.claims[{i}].value_of")
    for name, stated in file.claims.items():
        _check_model(stated, file, f"{where}: claims.{name}")
        _check_expression(stated.value, {*table, *differing}, f"{where}: claims.{name}.value")


def _check(claim: Claim, option: SwitchOption, file: ScenarioFile, where: str) -> None:
    given = [key for key in SOURCES if getattr(claim, key)]
    if len(given) != 1:
        said = f"{', '.join(given)} stand beside one another" if given else "nothing says what gives the number"
        raise ScenarioError(f"{where}: {said}; give one of {', '.join(SOURCES)}.")
    if given[0] in ("value_of", "key"):
        for key in OF_OUTCOMES:
            if key in claim.model_fields_set:
                raise ScenarioError(f"{where}.{key}: belongs to outcome or events, not to {given[0]}.")
    if printed_as(claim, option) is None:
        raise ScenarioError(f"{where}.value: {exact(claim.value)}; the label '{option.label or ''}' does not print it.")
    if claim.outcome is not None and claim.outcome not in file.endpoints:
        raise ScenarioError(unknown("endpoint", claim.outcome, file.endpoints, f"{where}.outcome"))
    if claim.strategy is not None and claim.strategy not in file.strategies:
        raise ScenarioError(unknown("strategy", claim.strategy, file.strategies, f"{where}.strategy"))
    if given[0] in ("outcome", "events") and (wrong := problem(Figures(statistic=claim.statistic, value=claim.value))):
        raise ScenarioError(f"{where}.value: {wrong[1]}")


def _check_expression(value: float | str | None, known: Collection[str], where: str) -> None:
    if value is None:
        return
    for name in expression.names(expression.parse(value, where)):
        if name not in known:
            raise ScenarioError(unknown("parameter", name, known, where))


def _check_model(claim: ModelClaim, file: ScenarioFile, where: str) -> None:
    if bool(claim.outcome) == bool(claim.events):
        raise ScenarioError(f"{where}: give either an outcome or events.")
    if claim.outcome is not None and claim.outcome not in file.endpoints:
        raise ScenarioError(unknown("endpoint", claim.outcome, file.endpoints, f"{where}.outcome"))
    for key, strategy in (("strategy", claim.strategy), ("minus", claim.minus)):
        if strategy is not None and strategy not in file.strategies:
            raise ScenarioError(unknown("strategy", strategy, file.strategies, f"{where}.{key}"))
    if claim.minus is not None and claim.minus == claim.strategy:
        raise ScenarioError(f"{where}.minus: '{claim.minus}' is the strategy itself, so that nothing is compared.")
    if claim.by is not None and claim.by > file.settings.horizon:
        raise ScenarioError(f"{where}.by: {claim.by:g} years lie beyond the horizon, {file.settings.horizon:g} years.")
    for switch, option in claim.switches.items():
        if switch not in file.switches:
            raise ScenarioError(unknown("switch", switch, file.switches, f"{where}.switches"))
        if option not in file.switches[switch].options:
            raise ScenarioError(unknown("option", option, file.switches[switch].options, f"{where}.switches.{switch}"))


def _check_solve(claim: Claim, table: Mapping[str, object], where: str) -> None:
    solve = claim.solve
    if solve is None:
        return
    if solve.parameter not in table:
        raise ScenarioError(unknown("parameter", solve.parameter, table, f"{where}.parameter"))
    if not solve.low < solve.high:
        raise ScenarioError(f"{where}.low: {exact(solve.low)} is not below high, {exact(solve.high)}.")


def printed_as(claim: Claim, option: SwitchOption) -> tuple[float, float] | None:
    """The number of the label to which a claim's value rounds, and half a unit of its last digit; None if none."""
    found = [reading for each in numbers_of(option) if (reading := each.of(claim.value)) is not None]
    return min(found, key=lambda each: each[1], default=None)


def subject(claim: ClaimedOutcome) -> str:
    """What gives a claim's number, in words."""
    if (of := getattr(claim, "value_of", None) or getattr(claim, "key", None)) is not None:
        return str(of)
    by = f" by {claim.by:g} years" if claim.by else ""
    since = f" since {' or '.join(claim.since)}" if claim.since else ""
    without = f" without {' or '.join(claim.without)}" if claim.without else ""
    return f"{claim.statistic} of {claim.outcome or ' or '.join(claim.events)}{since}{by}{without}"


def numbers_of(option: SwitchOption) -> list[Printed]:
    """Numbers that the label of an option prints, but for those in its `words`."""
    return printed_numbers(option.label or "", option.words)


def unclaimed(option: SwitchOption) -> list[str]:
    """Numbers of the label that no claim of the option gives, neither as its value nor as its time."""
    known = [value for claim in option.claims for value in (claim.value, claim.by) if value is not None]
    return [each.text for each in numbers_of(option) if all(each.of(value) is None for value in known)]
