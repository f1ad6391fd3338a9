"""Lines of keys in TOML text."""

from __future__ import annotations

import pytest

from lmssim.model.language.messages.lines import line_of

TEXT = '''title = "x"
[settings]
horizon = 5
note = """
[states.fake]
"""
[[transitions]]
from = "a"
[[transitions]]
from = "b"
[transitions.hazard]
rate = 1
[states."two words"]
cost.care = 3
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (["settings", "horizon"], 3),
        (["settings", "times"], 2),
        (["transitions", 0, "from"], 8),
        (["transitions", 1, "hazard", "rate"], 12),
        (["states", "two words", "cost", "care"], 14),
        (["states", "fake"], 0),
        (["nothing"], 0),
    ],
)
def test_a_key_is_found_where_it_stands(key: list[str | int], line: int) -> None:
    """Under headers, in lists of tables, dotted and quoted; what stands in a text is none."""
    assert line_of(TEXT, key) == line
