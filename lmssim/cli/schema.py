"""`lmssim schema`: the JSON schema of scenario files."""

from __future__ import annotations

from lmssim.cli.terminal import say


def schema() -> None:
    """Print the JSON schema of scenario files, for editors and checkers."""
    say(schema_text(), end="")


def schema_text() -> str:
    """JSON schema of scenario files."""
    from lmssim.execution.store import json_text
    from lmssim.model.language.schema.document import schema_document

    return json_text(schema_document())
