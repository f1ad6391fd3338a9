"""Scenario analyses of a file, checked when it is loaded: whether what each holds and chooses is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import ParameterError, ScenarioError, exact, nearest, unknown
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.parameters.switches import leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.language.schema import Analysis, Switch
    from lmssim.model.parameters.table import ParameterTable

FIXED = ("schema_version", "name", "include", "analyses")
"""Keys of a file that no analysis may change."""
FURTHER = {"parameters", "shared_parameters", "parameters_by", "switches"}
"""Tables with which a change may bring parameters, and options, that the file itself does not have."""


def check_analyses(file: ScenarioFile, table: ParameterTable, where: str) -> None:
    """Refuse an analysis with a mistake, whether it is run or not.

    Parameters
    ----------
    where : str
        The scenario's file.

    Raises
    ------
    ScenarioError
        If an analysis changes nothing or what none may, or what it holds or chooses is not there, or is impossible.
    """
    for number, analysis in file.analyses.items():
        place = f"{where}: analyses.{number}"
        if not (analysis.set or analysis.switches or any(leaves(analysis.change))):
            raise ScenarioError(f"{place}: changes nothing: give it `set`, `switches` or `change`.")
        _check_keys(analysis, f"{place}.change")
        if not _brings_further(analysis, file.switches):
            _check_chosen(analysis, file.switches, f"{place}.switches")
            _check_held(analysis, table, f"{place}.set")


def _check_keys(analysis: Analysis, where: str) -> None:
    allowed = [key for key in ScenarioFile.model_fields if key not in FIXED]
    for key in analysis.change:
        if key in FIXED:
            raise ScenarioError(f"{where}.{key}: is the file's own; no analysis may change it.")
        if key not in allowed:
            raise ScenarioError(f"{where}.{key}: unknown key '{key}'.{nearest(key, allowed)}")


def _brings_further(analysis: Analysis, switches: Mapping[str, Switch]) -> bool:
    """Whether parameters or options may come with what changes, so that names are known only when it is loaded."""
    chosen = (switches[name].options.get(option) for name, option in analysis.switches.items() if name in switches)
    changes = [analysis.change, *(option.change for option in chosen if option is not None)]
    return any(FURTHER & set(change) for change in changes)


def _check_chosen(analysis: Analysis, switches: Mapping[str, Switch], where: str) -> None:
    for name, option in analysis.switches.items():
        place = f"{where}.{name} = '{option}'"
        if name not in switches:
            none = "" if switches else " The scenario has no switches."
            raise ScenarioError(unknown("switch", name, switches, place) + none)
        if option not in switches[name].options:
            raise ScenarioError(unknown("option", option, switches[name].options, place))


def _check_held(analysis: Analysis, table: ParameterTable, where: str) -> None:
    for id_, value in analysis.set.items():
        if id_ not in table:
            raise ScenarioError(unknown("parameter", id_, table, f"{where}.{id_} = {exact(value)}"))
        try:
            table[id_].check(value, "what the analysis sets")
        except ParameterError as error:
            raise ScenarioError(f"{where}.{id_} = {exact(value)}: {error}") from None
