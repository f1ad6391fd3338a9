"""What a name of an axis stands for: a parameter, a switch, a field of the scenario file, or how patients are sampled.

A name with dots is a path in the scenario file (`settings.horizon`, `strategies.neoadj_ct.treatments`). A name without
is a parameter, a switch, or one of `where`, `patients`, `seed`, `engine` and `profiles`, whichever has it; where two
have it, `parameter.`, `switch.` or `sampling.` before it says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from lmssim.errors import InputError, nearest, unknown

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario
    from lmssim.studies.axes import Level

PARAMETER, SWITCH, FIELD, SAMPLING = "parameter", "switch", "field", "sampling"
SAMPLED = {"where": str, "patients": int, "seed": int, "engine": str, "profiles": int}
"""What a cell may say of whom it follows, and what its level must be."""


@dataclass(frozen=True)
class Target:
    """What takes a level.

    Attributes
    ----------
    kind : str
        `parameter`, `switch`, `field` or `sampling`.
    name : str
        Id, or the path of a field.
    """

    kind: str
    name: str

    def value(self, level: Level, where: str) -> Any:
        """A level as what the target takes.

        Raises
        ------
        InputError
            If it is of another kind.
        """
        if self.kind == PARAMETER and not (isinstance(level, (int, float)) and not isinstance(level, bool)):
            raise InputError(f"{where}: {level!r} is not a number, which parameter '{self.name}' needs.")
        if self.kind == SWITCH:
            return _text(level)
        if self.kind == SAMPLING:
            return _sampling(self.name, level, where)
        return level


def target_of(name: str, scenario: Scenario, where: str) -> Target:
    """What a name stands for.

    Raises
    ------
    InputError
        If it stands for nothing, or for more than one thing.
    """
    first, dot, rest = name.partition(".")
    known = {PARAMETER: list(scenario.table), SWITCH: list(scenario.file.switches), SAMPLING: list(SAMPLED)}
    if dot and first in known:
        if rest not in known[first]:
            raise InputError(unknown(first, rest, known[first], where))
        return Target(first, rest)
    if dot:
        _check_field(name, scenario, where)
        return Target(FIELD, name)
    kinds = [kind for kind, names in known.items() if name in names]
    if len(kinds) > 1:
        raise InputError(
            f"{where}: '{name}' is a {' and a '.join(kinds)}; write {kinds[0]}.{name} or {kinds[1]}.{name}."
        )
    if not kinds:
        every = {other for names in known.values() for other in names}
        raise InputError(
            f"{where}: '{name}' is no parameter, switch, field of the file (such as settings.horizon) or option of "
            f"sampling ({', '.join(SAMPLED)}).{nearest(name, every)}"
        )
    return Target(kinds[0], name)


def _check_field(path: str, scenario: Scenario, where: str) -> None:
    """Refuse a path that leads nowhere; the last key of a table of names may be new."""
    place: Any = scenario.file
    keys = path.split(".")
    for i, key in enumerate(keys):
        if isinstance(place, BaseModel):
            fields = {field.alias or name: name for name, field in type(place).model_fields.items()}
            if key not in fields:
                raise InputError(unknown("field", ".".join(keys[: i + 1]), _paths(keys[:i], fields), where))
            place = getattr(place, fields[key])
        elif isinstance(place, Mapping):
            if key not in place and (i < len(keys) - 1 or any(isinstance(item, BaseModel) for item in place.values())):
                raise InputError(unknown("field", ".".join(keys[: i + 1]), _paths(keys[:i], place), where))
            place = place.get(key)
        else:
            raise InputError(f"{where}: '{'.'.join(keys[:i])}' has no fields of names; a path cannot lead on from it.")


def _paths(keys: list[str], names: Any) -> list[str]:
    return [".".join([*keys, str(name)]) for name in names]


def is_stated(scenario: Scenario, path: str, value: Any) -> bool:
    """Whether the files say this of a field anyway; lists are not compared, as some are joined to what stands there."""
    place: Any = scenario.origins.merged
    for key in path.split("."):
        if not isinstance(place, dict) or key not in place:
            return False
        place = place[key]
    return not isinstance(place, (list, dict)) and type(value) in (str, float, bool, int) and bool(place == value)


def _text(level: Level) -> str:
    if isinstance(level, bool):
        return "true" if level else "false"
    return f"{level:g}" if isinstance(level, float) else str(level)


def _sampling(name: str, level: Level, where: str) -> Any:
    if SAMPLED[name] is str:
        return _text(level)
    if not isinstance(level, (int, float)) or isinstance(level, bool) or not float(level).is_integer():
        raise InputError(f"{where}: {level!r} is not a whole number, which '{name}' needs.")
    return int(level)
