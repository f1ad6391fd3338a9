"""The JSON schema of scenario files, for editors and checkers."""

from __future__ import annotations

from typing import Any

from lmssim.model.language.schema import ScenarioFile


def schema_document(*, whole: bool = True) -> dict[str, Any]:
    """JSON schema of scenario files.

    Parameters
    ----------
    whole : bool
        Whether a file must be complete; a part, which others include, may lack any section.
    """
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    document |= ScenarioFile.model_json_schema(by_alias=True)
    return document if whole else document | {"required": []}
