"""Axes that hold a parameter alone which is drawn together with others: said, as no draw has such values together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.studies.sweep.names import PARAMETER, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lmssim.model.scenario import Scenario
    from lmssim.studies.axes import Axis

FEW = 3
"""Parameters that a sentence names one by one."""


def held_alone(scenario: Scenario, axes: Sequence[Axis], held: Iterable[str], *, drawn: bool) -> list[str]:
    """A sentence for each group of which axes move some parameters and leave others.

    Parameters
    ----------
    held : iterable of str
        Parameters that every cell holds, whose value is the user's own wish.
    drawn : bool
        Whether cells draw the parameters that they do not hold.
    """
    moved = {name: axis.label for axis in axes for name in _parameters(scenario, axis)}
    return list(_sentences(scenario, moved, set(held), drawn=drawn))


def _parameters(scenario: Scenario, axis: Axis) -> list[str]:
    targets = [target_of(name, scenario, f"--vary {axis.label}") for name in axis.names]
    return [target.name for target in targets if target.kind == PARAMETER]


def _sentences(scenario: Scenario, moved: dict[str, str], held: set[str], *, drawn: bool) -> Iterator[str]:
    for name, group in scenario.groups.items():
        own = [member for member in group.members if member in moved]
        others = [member for member in group.members if member not in moved and member not in held]
        if own and others:
            these, rest = _named(own, "parameters"), _named(others, "other parameters")
            kept = f"draw {rest} as if it were unknown" if drawn else f"leave {rest} at the scenario's values"
            yield (
                f"The {group.kind.replace('_', ' ')} '{name}' draws {these} jointly with {rest}. Cells give {these} a "
                f"value alone and {kept}, so that the values of a cell may not fit together."
            )


def _named(names: Sequence[str], kind: str) -> str:
    return " and ".join(f"'{name}'" for name in names) if len(names) <= FEW else f"{len(names)} {kind}"
