"""The committed ratios, and the judgement of a program whose ratios have risen.

A ratio is the CPU time of some work over that of a path of the hand-written kernel, both measured in the same run, so
that it says the same on a slower or a busier machine of one kind.
"""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FOLDER = Path(__file__).resolve().parent
RATIOS, PEERS = FOLDER / "ratios.csv", FOLDER / "peers.csv"
MOST = 1.25
"""A ratio that is this many times the committed one, or more, has risen."""
MORE_TIMES = 2
"""How often a ratio that seems to have risen is measured again."""


@dataclass(frozen=True)
class Ratio:
    """One line of the table: its name, how many paths of the hand-written kernel it takes, of what, in which unit."""

    name: str
    ratio: float
    unit: str
    what: str


def three_digits(value: float) -> float:
    """A measured value, which says no more."""
    return float(f"{value:.3g}")


def read_ratios(path: Path = RATIOS) -> list[Ratio]:
    """Committed ratios, in order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Ratio(row["name"], float(row["ratio"]), row["unit"], row["what"]) for row in csv.DictReader(file)]


def write_ratios(ratios: Iterable[Ratio], path: Path = RATIOS) -> None:
    """Write ratios with three digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Ratio)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) | {"ratio": f"{three_digits(each.ratio):g}"} for each in ratios)


def has_risen(committed: float, measured: float) -> bool:
    """Whether a ratio is too far above the committed one; a time that is not a number is."""
    return not measured < MOST * committed


def judge(
    committed: Sequence[Ratio], first: Mapping[str, float], measure: Callable[[Sequence[str]], Mapping[str, float]]
) -> list[str]:
    """One line for each ratio that has risen, every time that it was measured.

    Parameters
    ----------
    first : mapping
        The ratios as measured, by name; what seems to have risen is measured again: noise seldom strikes thrice.
    measure : callable
        Measures the ratios of some names once more.
    """
    known = {each.name: each for each in committed}
    found = {name: [ratio] for name, ratio in first.items()}
    suspects = [name for name in first if name in known and has_risen(known[name].ratio, first[name])]
    for _ in range(MORE_TIMES):
        again = measure(suspects) if suspects else {}
        for name in suspects:
            found[name].append(again[name])
        suspects = [name for name in suspects if has_risen(known[name].ratio, again[name])]
    unknown = [f"{name}: no ratio is committed; `make bench` measures it." for name in first if name not in known]
    unmeasured = [f"{name}: nothing measures this ratio any more." for name in known if name not in first]
    return [_complaint(known[name], found[name]) for name in suspects] + unknown + unmeasured


def _complaint(committed: Ratio, found: Sequence[float]) -> str:
    """How far a ratio has risen."""
    above = ", ".join(f"{ratio / committed.ratio - 1.0:+.0%}" for ratio in found)
    return (
        f"{committed.name}: {min(found):.3g} {committed.unit}, committed {committed.ratio:.3g}: {above} in "
        f"{len(found)} measurements, the limit is +{MOST - 1.0:.0%}."
    )
