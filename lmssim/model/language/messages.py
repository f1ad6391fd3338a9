"""What to say of a file that does not fit the language: key, value, what is allowed, the nearest name."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from lmssim.errors import ScenarioError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


Model = TypeVar("Model", bound=BaseModel)


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
        raise ScenarioError(_message(error, path, model)) from None
    except RecursionError:
        raise ScenarioError(f"{path}: nested too deep.") from None


def _message(error: ValidationError, path: Path, model: type[BaseModel]) -> str:
    """One message: the key, its value and what is allowed; unknown keys first, as they explain the others."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    key = _key(first["loc"])
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        allowed = _allowed(first["loc"][:-1], model)
        return f"{path}: {key}: unknown key '{first['loc'][-1]}'.{nearest(str(first['loc'][-1]), allowed)}{more}"
    if first["type"] == "missing":
        return f"{path}: {key}: is required and missing.{more}"
    value = repr(first["input"])
    hint = ""
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        words = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(first["input"], words)
    message = first["msg"].replace("Input should", "should")
    return f"{path}: {key} = {value[:80]}: {message}.{hint}{more}"


def _key(location: tuple[int | str, ...]) -> str:
    """Key as the file writes it; list positions count from 1."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part not in ("Effect", "Planned", "float", "str") and not part.startswith(("literal", "list[")):
            text += f".{part}" if text else part
    return text


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
