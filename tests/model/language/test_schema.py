"""The schema and docs/language.md say the same: each key has its line, and each example holds."""

from __future__ import annotations

import inspect
import re
import tomllib
import typing
from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter, ValidationError

from lmssim.bundled import scenarios_folder
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.language.schema.words import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

DOCS = scenarios_folder().parent / "docs"
TEXT = (DOCS / "language.md").read_text(encoding="utf-8")
EVERY_KEY = "## Every key"
HEADINGS = {
    "Averaged": "[switches.NAME]",
    "Background": "[[transitions]]",
    "Branch": "[states.NAME]",
    "Cap": "[drugs.NAME]",
    "Case": "[cases.NAME]",
    "Component": "[strategies.NAME]",
    "Correlation": "[population]",
    "Covariate": "[population]",
    "Curve": "[partitioned_survival]",
    "Cycles": "[cycles]",
    "Detection": "[[transitions]]",
    "Drug": "[drugs.NAME]",
    "Effect": "Effects",
    "Endpoint": "[endpoints.NAME]",
    "Event": "[events.NAME]",
    "Exclusion": "[[terminal]]",
    "FollowUp": "[series.NAME]",
    "Given": "[drugs.NAME]",
    "Group": "[groups.NAME]",
    "Hazard": "[[transitions]]",
    "Lasting": "[lasting.FLAG]",
    "Limited": "[states.NAME]",
    "Mortality": "[mortality]",
    "Observed": "[cases.NAME]",
    "PartitionedSurvival": "[partitioned_survival]",
    "Period": "[plans.NAME]",
    "Plan": "[plans.NAME]",
    "Planned": "[strategies.NAME]",
    "Population": "[population]",
    "Regimen": "[regimens.NAME]",
    "Schedule": "[states.NAME]",
    "ScenarioFile": "The file",
    "Sequence": "[sequences.NAME]",
    "Series": "[series.NAME]",
    "Outcome": "[outcomes.NAME]",
    "SeriesRow": "[series.NAME]",
    "Settings": "[settings]",
    "State": "[states.NAME]",
    "Strategy": "[strategies.NAME]",
    "Stratum": "[population]",
    "Analysis": "[analyses.N]",
    "Switch": "[switches.NAME]",
    "SwitchOption": "[switches.NAME]",
    "Claim": "[switches.NAME]",
    "ModelClaim": "[switches.NAME]",
    "Solve": "[switches.NAME]",
    "Table": "[tables.NAME]",
    "Transition": "[[transitions]]",
    "Treatment": "[treatments.NAME]",
    "TreatmentEffect": "[treatments.NAME]",
    "Utilities": "[utilities]",
    "Vial": "[drugs.NAME]",
}
"""Section of the schema, and what the heading contains under which docs/language.md lists its keys."""


def sections() -> dict[str, type[Section]]:
    """Every section of a scenario file, by the name of its class."""
    found: dict[str, type[Section]] = {}

    def walk(kind: object) -> None:
        if inspect.isclass(kind) and issubclass(kind, Section) and kind.__name__ not in found:
            found[kind.__name__] = kind
            for field in kind.model_fields.values():
                walk(field.annotation)
        for part in typing.get_args(kind):
            walk(part)

    walk(ScenarioFile)
    return found


def under(heading: str) -> str:
    """Text under a heading of the list of every key."""
    parts = re.split(r"^### (.*)$", TEXT.split(EVERY_KEY)[1], flags=re.MULTILINE)
    return "".join(text for title, text in zip(parts[1::2], parts[2::2], strict=True) if heading in title)


@pytest.mark.parametrize("name", sections())
def test_every_key_has_a_line(name: str) -> None:
    """In backticks, under the heading of its section."""
    assert name in HEADINGS, f"docs/language.md, '{EVERY_KEY}': list the keys of {name}, and name its heading here."
    keys = [field.alias or key for key, field in sections()[name].model_fields.items()]
    text = under(HEADINGS[name])
    assert [key for key in keys if f"`{key}`" not in text] == []


def examples() -> Iterator[tuple[str, object]]:
    """Top-level keys of the examples of the documentation, and what stands under them."""
    for block in re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        yield from tomllib.loads(block).items()


def adapter(field: FieldInfo) -> TypeAdapter[object]:
    """Checks a value as the field of a file does."""
    kind: typing.Any = typing.Annotated[field.annotation, field]
    return TypeAdapter(kind)


def test_every_example_holds() -> None:
    """An example may leave out what a section requires, but states nothing that the schema refuses."""
    wrong = []
    for key, value in examples():
        assert key in ScenarioFile.model_fields, key
        field = ScenarioFile.model_fields[key]
        try:
            adapter(field).validate_python(value)
        except ValidationError as error:
            wrong += [(key, each["loc"], each["msg"]) for each in error.errors() if each["type"] != "missing"]
    assert wrong == []
