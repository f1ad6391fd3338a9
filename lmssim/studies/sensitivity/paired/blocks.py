"""Blocks of the uncertain parameters: one parameter that is drawn alone, or several that are drawn jointly.

What is drawn jointly is a block: all rows of posteriors together (draw k has row k of each), a Dirichlet or a
multivariate normal group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.model.parameters.draws import Group
    from lmssim.model.program import Program

ROWS = "rows of posteriors"
"""Stream that says which row of every posterior a draw has."""
POSTERIORS = "posteriors"


@dataclass(frozen=True)
class Block:
    """What is drawn together: one parameter, or several jointly.

    Attributes
    ----------
    name, label : str
        Parameter or group; what people read.
    members : tuple of str
        Parameters, those that the model uses and that vary.
    streams : tuple of str
        Streams of uniforms that decide its draw.
    joint : str
        How it is drawn, such as "posterior 'calibrated'"; blank of a parameter that is drawn alone.
    """

    name: str
    label: str
    members: tuple[str, ...]
    streams: tuple[str, ...]
    joint: str = ""

    @property
    def holds_rows(self) -> bool:
        """Whether its draws are rows of posteriors, which repeat."""
        return ROWS in self.streams

    @property
    def why_not_divided(self) -> str:
        """Why no index of one of its members is given."""
        return (
            f"it is drawn with {self.joint} ({len(self.members)} parameters); Sobol' indices do not divide variance "
            f"between parameters that depend on each other, so '{self.name}' is one factor. --shapley {self.name} "
            "divides the variance within it"
        )


def blocks_of(program: Program) -> list[Block]:
    """Blocks of the uncertain parameters that a model uses: those drawn jointly first, then in the tables' order."""
    scenario = program.scenario
    used = [id_ for id_ in scenario.uncertain if id_ in program.used]
    jointly = list(_joint(list(scenario.groups.values()), used))
    inside = {member for block in jointly for member in block.members}
    return [*jointly, *(_alone(program, id_) for id_ in used if id_ not in inside)]


def joint_blocks(program: Program) -> list[Block]:
    """Blocks of two parameters or more."""
    return [block for block in blocks_of(program) if len(block.members) > 1]


def _alone(program: Program, id_: str) -> Block:
    return Block(id_, program.scenario.table[id_].description or id_, (id_,), (id_,))


def _joint(groups: Sequence[Group], used: Sequence[str]) -> Iterator[Block]:
    """Blocks that are drawn jointly; posteriors together, because draw k has row k of each."""
    posteriors = [group for group in groups if group.kind == "posterior" and set(group.members) & set(used)]
    if posteriors:
        members = tuple(id_ for group in posteriors for id_ in group.members if id_ in used)
        name = posteriors[0].name if len(posteriors) == 1 else POSTERIORS
        joint = (
            f"posterior '{name}'" if len(posteriors) == 1 else f"{len(posteriors)} posteriors, whose rows are paired"
        )
        yield Block(name, _label(name, members), members, (ROWS,), joint)
    for group in groups:
        members = tuple(id_ for id_ in group.members if id_ in used)
        if group.kind != "posterior" and members:
            kind = group.kind.replace("_", " ")
            streams, joint = tuple(group.addresses()), f"{kind} '{group.name}'"
            yield Block(group.name, _label(group.name, members), members, streams, joint)


def _label(name: str, members: Sequence[str]) -> str:
    return f"{name} ({len(members)} parameter{'s' * (len(members) > 1)})"
