"""Checks of what a scenario and the labels of its switches claim, against what the model gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.errors import InputError, NotApplicableError
from lmssim.model.parameters.claims import unclaimed
from lmssim.published.claims import claims_frame, model_claims_frame, read_claims, read_model_claims
from lmssim.studies.verify.finding import Finding, compare, verdict, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.published.claims import ModelClaimRead
    from lmssim.studies.verify.bench import Bench
    from lmssim.studies.verify.finding import Place


@check(
    "claims",
    "overall",
    "What the scenario claims of its outcomes is what the model gives",
    scope=Scope.INPUTS,
    effort=9,
)
def claims_are_true(bench: Bench) -> Finding:
    """Each claim whose switches stand as it says: the same patients under both strategies that it compares."""
    reads = list(read_model_claims(bench.scenario))
    if not reads:
        raise NotApplicableError("the scenario claims nothing of its outcomes")
    for read in reads:
        if read.refused:
            return verdict(False, f"refused: {read.refused}", "a claim that can be read", _claim(read), "claims")
    places = [_claim(read) for read in reads]
    observed, claimed, tolerance = ([getattr(r, key) for r in reads] for key in ("observed", "claimed", "tolerance"))
    finding = compare(observed, "equal to", claimed, tolerance, places, "claims")
    return replace(finding, table=model_claims_frame(reads))


def _claim(read: ModelClaimRead) -> Place:
    return {"claim": read.name, "label": f"'{read.claim.label}'"}


@check(
    "switch-labels",
    "overall",
    "The numbers in the labels of switches are what the model gives",
    scope=Scope.INPUTS,
    effort=9,
)
def labels_are_true(bench: Bench) -> Finding:
    """Each claim of each option, with the option chosen: half a unit of the last printed digit may be missed."""
    try:
        reads = list(read_claims(bench.scenario))
    except InputError as error:
        return verdict(False, "cannot be read", "a number", {"claim": str(error)}, "claims")
    if not reads:
        raise NotApplicableError("no option of a switch claims a number")
    places = [_place(r.switch, r.option, _label(bench, r.switch, r.option)) for r in reads]
    observed, claimed, tolerance = ([getattr(r, key) for r in reads] for key in ("observed", "claimed", "tolerance"))
    finding = compare(observed, "equal to", claimed, tolerance, places, "numbers of labels")
    return replace(finding, table=claims_frame(bench.scenario, reads))


@check(
    "switch-claims",
    "overall",
    "Every number in the label of a switch's option is a claim that can be checked",
    scope=Scope.INPUTS,
)
def labels_are_claimed(bench: Bench) -> Finding:
    """A number that no claim gives, and that `words` does not explain, is a warning."""
    findings = []
    for name, switch in bench.scenario.file.switches.items():
        for option, spec in switch.options.items():
            numbers = unclaimed(spec)
            observed = f"no claim of {', '.join(numbers)}" if numbers else "claimed"
            place = _place(name, option, spec.label or option)
            findings.append(verdict(not numbers, observed, "claimed", place, "options"))
    if not findings:
        raise NotApplicableError("the scenario has no switches")
    return warning(worst_of(findings))


def _label(bench: Bench, switch: str, option: str) -> str:
    return bench.scenario.file.switches[switch].options[option].label or option


def _place(switch: str, option: str, label: str) -> Place:
    return {"switch": f"{switch}={option}", "label": f"'{label}'"}
