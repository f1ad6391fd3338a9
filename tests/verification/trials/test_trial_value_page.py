"""docs/trial_value.md is run as it is written."""

from __future__ import annotations

from lmssim.bundled import scenarios_folder
from tests.kit.documents import printed_of

PAGE = scenarios_folder().parent / "docs" / "trial_value.md"


def test_every_block_prints_what_follows_it() -> None:
    """One after another, in one session."""
    rows = printed_of(PAGE)
    assert len(rows) == 4
    for code, printed, expected in rows:
        assert printed == expected, code
