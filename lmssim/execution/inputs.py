"""The inputs that a folder of results keeps, so that two results can be compared later without their files.

Plain values under stable names: the scenario with all includes and chosen options merged, every parameter that the
model uses with its value and distribution, and what the study was asked for. `lmssim.model.language.schema` reads the
scenario back as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.execution.manifest import WHAT_DECIDES, with_paths_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.scenario import Scenario


HASHED = ("scenario", "parameters", "packages")
"""Of a manifest's result what stands here in full, or is no input of the user's."""


def inputs_of(
    scenario: Scenario, parameters: ParameterTable, manifest: Mapping[str, Any], **further: Mapping[str, Any]
) -> dict[str, Any]:
    """Inputs of a result.

    Parameters
    ----------
    parameters : ParameterTable
        Those that decide the result: of a program, `used`.
    manifest : mapping
        Manifest of the result, which says what was asked for: patients, seed, overrides, switches, conventions, ...
    further : mapping
        Other files as merged, by what they are.
    """
    return {
        "scenario": scenario_as_merged(scenario),
        "parameters": parameter_values(parameters),
        "asked": {name: value for name, value in manifest["result"].items() if name not in HASHED},
        **further,
    }


def scenario_as_merged(scenario: Scenario) -> dict[str, Any]:
    """What the files of a scenario say together, defaults left out, other files by their paths from its folder."""
    folder = scenario.path.parent.resolve()
    file: dict[str, Any] = scenario.file.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    relative: dict[str, Any] = with_paths_from(folder, file)
    return relative


def parameter_values(table: ParameterTable) -> dict[str, dict[str, Any]]:
    """Value of each parameter, derived ones computed, and what gives its draws."""
    values = table.base()
    return {
        id_: {name: getattr(parameter, name) for name in WHAT_DECIDES if getattr(parameter, name) not in (None, "")}
        | {"value": float(values[id_][0])}
        for id_, parameter in table.items()
    }
