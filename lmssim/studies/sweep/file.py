"""A sweep as a TOML file: its axes, or its cells one by one, and how they are run.

```toml
design = "grid"
patients = 5000
strategies = ["surgery_only", "neoadj_ct"]

[vary]
loghr_dm_ct = "-0.6:0.2:9"
n_adj_ct_cycles = [3, 6]
"settings.horizon" = [10, 40]

[vary.vial_use]
levels = ["whole", "shared"]
only_where = { n_adj_ct_cycles = 6 }
```

In the place of `vary`, `[[cells]]` lists cells, each a table of names and levels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from lmssim.errors import InputError
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.words import Section
from lmssim.studies.axes import Axis, axis_from
from lmssim.studies.sweep.design import LIST, MOST_CELLS

if TYPE_CHECKING:
    from pathlib import Path


KEYS = ("levels", "label", "only_where")
"""Of an axis that is a table."""


class SweepFile(Section):
    """`sweep.toml`."""

    scenario: str | None = None
    study: str | None = None
    draws: int | None = Field(default=None, ge=2)
    """Of a probabilistic analysis of each cell."""
    design: str | None = None
    n_cells: int | None = Field(default=None, ge=1, le=MOST_CELLS)
    """Cells of a design that samples."""
    patients: int | None = None
    strategies: list[str] | None = None
    where: str | None = None
    set: dict[str, float] = Field(default_factory=dict)
    switch: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, Any] = Field(default_factory=dict)
    """Fields of the scenario file that hold something else in every cell, by their paths."""
    vary: dict[str, Any] = Field(default_factory=dict)
    """Name -> levels, or a table of `levels`, `label` (for figures) and `only_where`."""
    cells: list[dict[str, Any]] = Field(default_factory=list)


def read_sweep(path: Path) -> tuple[SweepFile, list[Axis]]:
    """A file, and the axes that it gives; cells one by one are axes of the design `list`.

    Raises
    ------
    InputError
        If it cannot be read, or is not as it must be.
    """
    return sweep_of(read_toml(path), path)


def sweep_of(data: dict[str, Any], path: Path) -> tuple[SweepFile, list[Axis]]:
    """The same of what a file holds.

    Raises
    ------
    InputError
        If it is not as it must be; the message names the file.
    """
    file = checked(SweepFile, data, path)
    if file.cells and file.vary:
        raise InputError(f"{path}: gives both vary and cells; give one of them.")
    if file.cells:
        return file.model_copy(update={"design": _design_of_cells(file, path)}), _axes_of_cells(file, path)
    return file, [_axis(name, given, f"{path}: vary.{name}") for name, given in file.vary.items()]


def _axis(name: str, given: Any, where: str) -> Axis:
    if not isinstance(given, dict):
        return axis_from(name, given, None, where)
    if extra := sorted(set(given) - set(KEYS)):
        raise InputError(f"{where}: unknown key '{extra[0]}'. Allowed: {', '.join(KEYS)}.")
    if "levels" not in given:
        raise InputError(f"{where}: levels are missing.")
    label = given.get("label", "")
    if not isinstance(label, str):
        raise InputError(f"{where}.label: {label!r} is not text.")
    return replace(axis_from(name, given["levels"], given.get("only_where"), where), title=label)


def _design_of_cells(file: SweepFile, path: Path) -> str:
    if file.design not in (None, LIST):
        raise InputError(f"{path}: design '{file.design}' does not fit cells one by one; leave it out.")
    return LIST


def _axes_of_cells(file: SweepFile, path: Path) -> list[Axis]:
    """Cells as axes with as many levels as there are cells."""
    names = list(file.cells[0])
    for i, cell in enumerate(file.cells, 1):
        if list(cell) != names and set(cell) != set(names):
            raise InputError(
                f"{path}: cells[{i}]: has {', '.join(cell)}, and cells[1] {', '.join(names)}; give all of them."
            )
    return [
        axis_from(name, [cell[name] for cell in file.cells], None, f"{path}: cells: {name}", repeated=True)
        for name in names
    ]
