"""The model of a coalition: some inputs as in the second result, the others as in the first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError
from lmssim.model.parameters.table import ParameterTable
from lmssim.studies.diff.changes import DRAWING, Input, flat
from lmssim.studies.diff.side import scenario_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmssim.model.scenario import Scenario
    from lmssim.studies.diff.changes import Path
    from lmssim.studies.diff.side import Side

HORIZON = "settings.horizon"


@dataclass(frozen=True)
class Mixture:
    """Two results whose inputs can be put together.

    Attributes
    ----------
    a, b : Side
        The results.
    inputs : sequence of Input
        What differs.
    strategies : sequence of str
        That both have.
    """

    a: Side
    b: Side
    inputs: Sequence[Input]
    strategies: Sequence[str]

    @cached_property
    def _values(self) -> tuple[dict[Path, Any], dict[Path, Any]]:
        return dict(flat(self.a.merged, words=True)), dict(flat(self.b.merged, words=True))

    def is_drawn(self, coalition: Iterable[int]) -> bool:
        """Whether parameters are drawn."""
        return bool((self.b if self._has(coalition, DRAWING) else self.a).way.draws)

    def scenario(self, coalition: frozenset[int]) -> Scenario:
        """The scenario in which the inputs of a coalition are as in the second result.

        Raises
        ------
        InputError
            If they do not fit together.
        """
        changed = [self.inputs[i] for i in sorted(coalition)]
        horizon = (self.b if any(HORIZON in _ids(each) for each in changed) else self.a).horizon
        try:
            return scenario_from(
                (self.b if len(coalition) == len(self.inputs) else self.a).path,
                self._merged(changed),
                {**self.a.places, **self.b.places},
                self._overrides(changed),
                horizon,
                (self._table(changed), (self.b if self._is_structure(changed) else self.a).scenario.by),
            )
        except InputError as error:
            raise self._refusal(changed, error) from None

    def _refusal(self, changed: Sequence[Input], error: InputError) -> InputError:
        names = ", ".join(each.id for each in changed) or "no input"
        return InputError(
            f"the model of A with {names} as in B cannot be run: {error} Inputs that fit only together can count as "
            "one: --group NAME=ID,ID."
        )

    def _has(self, coalition: Iterable[int], kind: str) -> bool:
        return any(leaf.kind == kind for i in coalition for leaf in (self.inputs[i].parts or (self.inputs[i],)))

    def _is_structure(self, changed: Sequence[Input]) -> bool:
        return any("structure" in _ids(each) for each in changed)

    def _merged(self, changed: Sequence[Input]) -> dict[str, Any]:
        """Tables of the file: of strategies, those that both have."""
        ours, theirs = self._values
        own = {path for each in changed for path in each.paths}
        values = {path: value for path, value in ours.items() if path not in own}
        values |= {path: theirs[path] for path in own if path in theirs}
        ordered = sorted(values, key=self._order.__getitem__)
        tables: dict[str, Any] = {}
        for path in ordered:
            if path[0] == "strategies" and len(path) > 1 and path[1] not in self.strategies:
                continue
            if path[0] != "switches":
                _put(tables, path, values[path])
        tables["switches"] = self._switches(changed)
        return tables

    @cached_property
    def _order(self) -> dict[Path, int]:
        return {path: i for i, path in enumerate(dict.fromkeys([*self._values[0], *self._values[1]]))}

    def _switches(self, changed: Sequence[Input]) -> dict[str, Any]:
        ours, theirs = (side.merged.get("switches") or {} for side in (self.a, self.b))
        own = {name for each in changed for name in each.switches}
        every = {name for each in self.inputs for name in each.switches}
        switches = {name: spec for name, spec in ours.items() if name not in own}
        switches |= {name: theirs[name] for name in own if name in theirs}
        return switches | {name: spec for name, spec in theirs.items() if name not in (*ours, *every)}

    def _overrides(self, changed: Sequence[Input]) -> dict[str, float]:
        own = {name for each in changed for name in each.overrides}
        held = {name: value for name, value in self.a.overrides.items() if name not in own}
        return held | {name: self.b.overrides[name] for name in own if name in self.b.overrides}

    def _table(self, changed: Sequence[Input]) -> ParameterTable:
        """Rows of all parameters that either has."""
        own = {name for each in changed for name in each.rows}
        rows = {name: row for name, row in self.a.table.items() if name not in own}
        rows |= {name: self.b.table[name] for name in own}
        return ParameterTable([*rows.values(), *(row for name, row in self.b.table.items() if name not in rows)])


def _ids(each: Input) -> list[str]:
    return [part.id for part in (each.parts or (each,))]


def _put(tables: dict[str, Any], path: Path, value: Any) -> None:
    """Put a value where its keys lead."""
    place: Mapping[str, Any] = tables
    for key in path[:-1]:
        inner = place.get(key)
        if not isinstance(inner, dict):
            inner = {}
            place[key] = inner  # type: ignore[index]  # a plain dictionary
        place = inner
    place[path[-1]] = value  # type: ignore[index]
