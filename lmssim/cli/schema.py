"""`lmssim schema`: the JSON schema of scenario files."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON schema of scenario files, for editors and checkers."""
    typer.echo(schema_text(), nl=False)


def schema_text(*, whole: bool = True) -> str:
    """JSON schema of scenario files.

    Parameters
    ----------
    whole : bool
        Whether a file must be complete; a part, which others include, may lack any section.
    """
    from lmssim.execution.store import json_text
    from lmssim.model.language.schema import ScenarioFile

    document = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    document |= ScenarioFile.model_json_schema(by_alias=True)
    return json_text(document if whole else document | {"required": []})
