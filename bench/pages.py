"""What README.md and bench/README.md say of speed, written from the tables of ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.ratios import FOLDER, PEERS, read_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.ratios import Ratio

README, BENCH = FOLDER.parent / "README.md", FOLDER / "README.md"


def between(text: str, name: str, body: str) -> str:
    """A page with the part between the marks of a name replaced.

    Raises
    ------
    ValueError
        If the page has not both marks, once each.
    """
    start, stop = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if text.count(start) != 1 or text.count(stop) != 1:
        raise ValueError(f"a page has not one {start} and one {stop}")
    before, rest = text.split(start)
    return f"{before}{start}{body}{stop}{rest.split(stop)[1]}"


def table(ratios: Sequence[Ratio]) -> str:
    """Markdown table of ratios."""
    heads = ["| name | what | CPU time |", "|---|---|---|"]
    return "\n".join([*heads, *(f"| {each.name} | {each.what} | {number(each)} {each.unit} |" for each in ratios)])


def number(ratio: Ratio) -> str:
    """A ratio to its three digits."""
    return f"{ratio.ratio:,.3g}" if ratio.ratio < 1e3 else f"{ratio.ratio:,.0f}"


def sentence(ratios: Sequence[Ratio]) -> str:
    """What README.md says."""
    life = {each.name: each for each in ratios}["extremity"]
    return (
        f"A life of the extremity scenario, with everything counted, takes the CPU time of {life.ratio:.0f} lives of a "
        "three-state\nmodel that is written by hand for that model alone."
    )


def pages() -> dict[Path, str]:
    """Both pages as they should be, by path."""
    ratios = read_ratios()
    return {
        README: between(README.read_text(), "speed", f"\n{sentence(ratios)}\n"),
        BENCH: between(
            between(BENCH.read_text(), "ratios", f"\n\n{table(ratios)}\n\n"),
            "peers",
            f"\n\n{table(read_ratios(PEERS))}\n\n",
        ),
    }


def save_pages() -> None:
    """Write both pages."""
    for path, text in pages().items():
        path.write_text(text)
