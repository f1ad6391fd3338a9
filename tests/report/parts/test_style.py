"""Styles of strategies: no two of a large scenario look alike."""

from __future__ import annotations

from lmssim.report.parts.style import LINES, MARKERS, PALETTE, line_style, marker_style


def test_no_two_strategies_look_alike() -> None:
    """Colour together with line or marker is another one for every strategy, until all pairs are used."""
    for style, others in ((line_style, LINES), (marker_style, MARKERS)):
        n = len(PALETTE) * len(others)
        assert len({str(style(index)) for index in range(n)}) == n
