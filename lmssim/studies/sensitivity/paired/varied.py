"""Every uncertain parameter of a model: its 95% interval, and what it is drawn together with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError, unknown
from lmssim.studies.sensitivity.psa.parameters import asked_of

if TYPE_CHECKING:
    from lmssim.model.program import Program


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
        Parameters of that group; the parameter alone if it has none.
    """

    id: str
    label: str
    unit: str
    low: float
    high: float
    joint: str
    members: tuple[str, ...]

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
    group_of = {
        member: (f"{group.kind.replace('_', ' ')} '{name}'", tuple(group.members))
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


def check_alone(program: Program, parameter: str, option: str) -> None:
    """Refuse a parameter that is not there, does nothing, is derived from others, or is drawn jointly.

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
    varied = varied_of(program).get(parameter)
    if varied is not None and varied.joint:
        raise InputError(
            f"{option} {parameter}: {varied.why_not_alone}; `lmssim tornado` shows what is expected given its value."
        )
