"""Parameter tables of test scenarios, written from short rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "id,value,distribution,p1,p2,se,low,high,expression,unit,kind,source_id,locator,description,reason"


def parameter_table(*rows: str, kind: str = "definition", groups: Mapping[str, str] | None = None) -> str:
    """A table of rows `id, value`, `id, value, distribution, p1, p2` or `id = expression`.

    Parameters
    ----------
    kind : str
        Kind of every parameter.
    groups : mapping of str to str, optional
        Parameter to the group that it is drawn in.
    """
    lines = [HEADER] if groups is None else [f"{HEADER},group"]
    for row in rows:
        id_, is_derived, expression = (part.strip() for part in row.partition("="))
        cells = [id_] if is_derived else [cell.strip() for cell in row.split(",")]
        cells += ["fixed"] * (len(cells) == 2)
        cells += [""] * (8 - len(cells)) + [expression, "", kind, "", "", "", ""]
        lines.append(",".join(cells if groups is None else [*cells, groups.get(cells[0], "")]))
    return "\n".join(lines) + "\n"


def fixed_parameters(values: Mapping[str, float]) -> str:
    """A table of parameters that have no distribution."""
    return parameter_table(*(f"{id_}, {value}" for id_, value in values.items()))


def described_parameters(rows: str) -> str:
    """A table of rows that end with the unit; each parameter says what it is."""
    described = [f"{row},definition,,,What {row.split(',')[0]} is," for row in rows.strip().splitlines()]
    return "\n".join([HEADER, *described]) + "\n"
