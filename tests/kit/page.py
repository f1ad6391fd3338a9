"""What the tests of reports ask of pages and figures."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def figure_of(ax: Axes) -> Figure:
    """The figure of axes that stand in no sub-figure."""
    assert isinstance(ax.figure, Figure)
    return ax.figure


class Tags(HTMLParser):
    """Tags of a page with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))

    def assert_stands_alone(self, links: str = "#") -> None:
        """No script, no style sheet, no picture of another file, and no link but to what is allowed."""
        assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in self.tags}
        for tag, attributes in self.tags:
            assert (attributes.get("src") or "data:").startswith("data:")
            assert re.match(links, attributes.get("href") or "#")
            assert tag != "img" or attributes.get("alt")

    def assert_headings_in_order(self) -> None:
        """One h1; levels go down one at a time."""
        levels = [int(tag[1]) for tag, _ in self.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
