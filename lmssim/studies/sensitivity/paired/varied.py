"""Every uncertain parameter of a model: its 95% interval, and what it is drawn together with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact, unknown
from lmssim.studies.sensitivity.psa.parameters import asked_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario


@dataclass(frozen=True)
class Varied:
    """An uncertain parameter.

    Attributes
    ----------
    id, label, unit : str
        Name, description (the name if there is none), unit.
    low, high : float
        Its 2.5% and 97.5% quantiles.
    joint : str
        Group that it is drawn with, such as "posterior 'calibrated'"; blank if it is drawn alone.
    members : tuple of str
        Parameters that are drawn with it, itself among them: of that group, or of all posteriors.
    is_block : bool
        Whether it stands for the whole group, which has no values of its own: `low` and `high` are NaN.
    """

    id: str
    label: str
    unit: str
    low: float
    high: float
    joint: str
    members: tuple[str, ...]
    is_block: bool = False

    @property
    def why_not_alone(self) -> str:
        """Why it is not moved alone; blank if it can be."""
        if not self.joint:
            return ""
        return (
            f"it is drawn with {self.joint} ({len(self.members)} parameters), so that no other value of it comes with "
            "the values that the others have"
        )


def varied_of(program: Program) -> dict[str, Varied]:
    """Uncertain parameters that a model uses, in the order of its tables."""
    scenario, asked = program.scenario, asked_of(program)
    rows = tuple(m for group in scenario.groups.values() if group.kind == "posterior" for m in group.members)
    group_of = {  # draw k has row k of every posterior
        member: (f"{group.kind.replace('_', ' ')} '{name}'", rows if member in rows else tuple(group.members))
        for name, group in scenario.groups.items()
        for member in group.members
        if len(group.members) > 1
    }
    found = {}
    for id_ in scenario.uncertain:
        if id_ in program.used:
            row, given = scenario.table[id_], asked[id_]
            joint, members = group_of.get(id_, ("", (id_,)))
            label = row.description or id_
            found[id_] = Varied(id_, label, row.unit, given.low, given.high, joint, members)
    return found


def is_joint(program: Program, parameter: str) -> bool:
    """Whether a parameter is drawn jointly with others."""
    varied = varied_of(program).get(parameter)
    return varied is not None and bool(varied.joint)


def check_used(program: Program, parameter: str, option: str) -> None:
    """Refuse a parameter that is not there, or does nothing.

    Raises
    ------
    InputError
        With the option, and the reason.
    """
    scenario = program.scenario
    if parameter not in scenario.table:
        raise InputError(unknown("parameter", parameter, scenario.table, option))
    if parameter not in program.used:
        raise InputError(f"{option} {parameter}: the model does not use this parameter.")


def check_alone(program: Program, parameter: str, option: str) -> None:
    """Refuse a parameter that is not there, does nothing, or is drawn jointly.

    Raises
    ------
    InputError
        With the option, and the reason.
    """
    check_used(program, parameter, option)
    varied = varied_of(program).get(parameter)
    if varied is not None and varied.joint:
        raise InputError(
            f"{option} {parameter}: {varied.why_not_alone}; `lmssim threshold --vary {parameter}` follows what is "
            "expected given its value."
        )


def check_free(
    scenario: Scenario, parameter: str, option: str, overrides: Mapping[str, float], switches: Mapping[str, str]
) -> None:
    """Refuse a parameter that is asked to move and to stay.

    Parameters
    ----------
    overrides, switches : mapping
        Parameters that are held, and options that are chosen, by the same call.

    Raises
    ------
    InputError
        With what holds it.
    """
    held = ""
    if parameter in overrides:
        held = f"set holds it at {exact(overrides[parameter])}"
    for switch, chosen in switches.items():
        if parameter in scenario.file.switches[switch].options[chosen].set:
            held = f"switch '{switch} = {chosen}' sets it"
    if held:
        raise InputError(f"{option} {parameter}: {held}; leave one of the two out.")
