"""What to say of a file that does not fit the language: key, value, what is allowed, the nearest name."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from lmssim.errors import ScenarioError, exact, nearest
from lmssim.model.language.messages.file_kinds import other_kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails


Model = TypeVar("Model", bound=BaseModel)
QUOTED = " Please write it without quotes."
SHOWN = 80
"""Characters of a value that a message repeats."""
WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "{ge} or greater",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "a {field_type} of at least {min_length}",
    "too_long": "a {field_type} of at most {max_length}",
    "string_too_short": "text of at least {min_length} character(s)",
    "string_too_long": "text of at most {max_length} characters",
    "literal_error": "{expected}",
    "tuple_type": "a list of two",
}
"""What may stand where something else does, by the kind of mistake; what stands in braces comes from the schema."""
COLLECTIONS = {"List": "list", "Tuple": "list", "Dictionary": "table"}
"""What files call that of which there may be too few or too many."""
PATTERNS = {
    "Id": "a name of letters, digits, `_` and `-`",
    "Name": "a name of letters, digits and `_` that does not begin with a digit",
    "name": "a name of letters, digits, `_`, `.` and `-` that begins with a letter or digit",
    "number": "a whole number from 1 to 9999",
}


def checked(model: type[Model], data: dict[str, Any], path: Path) -> Model:
    """What a file says, as the objects that a schema makes of it.

    Raises
    ------
    ScenarioError
        With one message, if a key or value is not as the schema has it.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        if other := other_kind(data, model.model_fields):
            raise ScenarioError(f"{path}: {other}") from None
        raise ScenarioError(_message(error, path, model, data)) from None
    except RecursionError:
        raise ScenarioError(f"{path}: nested too deep.") from None


def _message(error: ValidationError, path: Path, model: type[BaseModel], data: dict[str, Any]) -> str:
    """One message: the key, its value and what is allowed; unknown keys first, as they explain the others."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors():
        by_key.setdefault(_key(problem["loc"], data), []).append(problem)
    problems = sorted(by_key.items(), key=lambda item: min(map(_rank, item[1])))
    key, first = problems[0]
    first = sorted(first, key=_rank)
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    kind, name = first[0]["type"], first[0]["loc"][-1] if first[0]["loc"] else ""
    if kind == "extra_forbidden":
        allowed = _allowed(first[0]["loc"][:-1], model)
        return f"{path}: {key}: unknown key '{name}'.{nearest(str(name), allowed)}{more}"
    if kind == "missing":
        return f"{path}: {key}: is required and missing.{more}"
    value = first[0]["input"]
    return f"{path}: {key} = {_value(value)}: should be {_wanted(first)}.{_hint(first[0], value)}{more}"


def _rank(problem: ErrorDetails) -> int:
    """Unknown keys explain the others, then missing ones; a table where a number may stand too is meant as a table."""
    order = {"extra_forbidden": 0, "missing": 1}
    table_meant = isinstance(problem["input"], dict) and problem["type"] not in ("extra_forbidden", "missing")
    return order.get(problem["type"], 3 if table_meant else 2)


def _wanted(problems: list[ErrorDetails]) -> str:
    """What may stand there; a union says each of its alternatives."""
    words = []
    for problem in problems:
        context = {key: _number(value) for key, value in problem.get("ctx", {}).items()}
        context["field_type"] = COLLECTIONS.get(str(context.get("field_type")), "list")
        if problem["type"] == "value_error":
            words.append(str(problem["ctx"]["error"]))
        elif problem["type"] == "string_pattern_mismatch":
            words.append(_pattern(str(context["pattern"])))
        else:
            words.append(WANTED.get(problem["type"], problem["msg"].replace("Input should be ", "")).format(**context))
    found = list(dict.fromkeys(words))
    if "text" in found and "a number" in found:
        found = ["a number or an expression", *(word for word in found if word not in ("text", "a number"))]
    return " or ".join(found)


def _number(value: Any) -> Any:
    return exact(value) if isinstance(value, float) else value


def _pattern(pattern: str) -> str:
    if pattern.startswith("^[1-9]"):
        return PATTERNS["number"]
    if "." in pattern:
        return PATTERNS["name"]
    return PATTERNS["Id"] if "-]" in pattern else PATTERNS["Name"]


def _value(value: Any) -> str:
    """A value as TOML has it."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _hint(problem: ErrorDetails, value: Any) -> str:
    """Nearest of some words, or what a quoted number means."""
    if problem["type"] == "literal_error" and isinstance(value, str):
        expected = problem["ctx"]["expected"]
        words = expected.replace("'", "").replace(" or ", ", ").split(", ")
        if value in words and repr(value) not in expected:
            return QUOTED
        close = nearest(value, words)
        return close if "Did you mean" in close else ""
    if problem["type"] in ("float_type", "int_type") and isinstance(value, str):
        return QUOTED
    return ""


def _key(location: tuple[int | str, ...], data: Any) -> str:
    """Key as the file writes it; list positions count from 1, and what only the schema knows of is left out."""
    text = ""
    for i, part in enumerate(location):
        if isinstance(part, int) and isinstance(data, list):
            text += f"[{part + 1}]"
            data = data[part] if part < len(data) else None
        elif isinstance(data, dict) and (part in data or i == len(location) - 1):
            if part not in data and not _is_key(part):
                continue
            text += f".{part}" if text else str(part)
            data = data.get(part)
    return text


def _is_key(part: int | str) -> bool:
    """Whether a part of a location may be a key that is missing, and not an alternative of a union."""
    return str(part).isidentifier() and part not in ("float", "str", "int", "bool") and not str(part)[:1].isupper()


def _allowed(location: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    """Keys allowed at a place, found by following the sections' fields."""
    models: list[Any] = [root]
    for part in location:
        following: list[Any] = []
        for model in models:
            if isinstance(model, type) and issubclass(model, BaseModel):
                names = {f.alias or n: f.annotation for n, f in model.model_fields.items()}
                if part in names:
                    following += list(_sections(names[str(part)]))
                elif part == model.__name__:
                    following.append(model)
        models = following or models
    return [f.alias or n for m in models if issubclass(m, BaseModel) for n, f in m.model_fields.items()]


def _sections(annotation: Any) -> Iterator[Any]:
    """Sections within an annotation such as dict[str, list[State]]."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _sections(argument)
