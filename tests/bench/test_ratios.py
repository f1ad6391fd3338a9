"""The gate: what it lets pass, what it fails, and that the pages say what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.pages import between, pages
from bench.ratios import MOST, Ratio, judge, read_ratios, write_ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COMMITTED = [Ratio("life", 40.0, "paths", "a life"), Ratio("run", 2.0, "million paths", "a run")]


class Machine:
    """Gives one made-up measurement after the other, and notes what it was asked."""

    def __init__(self, *measurements: Mapping[str, float]) -> None:
        self.first, *self.later = measurements
        self.asked: list[list[str]] = []

    def measure(self, names: Sequence[str]) -> dict[str, float]:
        """The next measurement of some names."""
        self.asked.append(list(names))
        found = self.later.pop(0)
        return {name: found[name] for name in names}

    def complaints(self) -> list[str]:
        """What the gate says."""
        return judge(COMMITTED, self.first, self.measure)


def test_ratios_below_the_limit_pass_at_once() -> None:
    """Nothing is measured again."""
    machine = Machine({"life": 40.0 * MOST - 0.1, "run": 0.5})
    assert machine.complaints() == []
    assert machine.asked == []


def test_a_slowdown_fails_with_one_line() -> None:
    """It names the ratio, what was committed and how far each of three measurements is above it."""
    machine = Machine(*[{"life": 40.0, "run": 2.0 * MOST + more} for more in (0.0, 0.5, 0.1)])
    (line,) = machine.complaints()
    assert line == "run: 2.5 million paths, committed 2: +25%, +50%, +30% in 3 measurements, the limit is +25%."
    assert machine.asked == [["run"], ["run"]]


def test_each_slowdown_has_its_line() -> None:
    """In the order of the table."""
    machine = Machine(*3 * [{"life": 60.0, "run": 3.0}])
    assert [line.split(":")[0] for line in machine.complaints()] == ["life", "run"]


@pytest.mark.parametrize("calm", [1, 2])
def test_noise_passes(calm: int) -> None:
    """A ratio that any measurement finds below the limit has not risen, and is not measured further."""
    measurements = [{"life": 80.0, "run": 2.0} for _ in range(3)]
    measurements[calm]["life"] = 41.0
    machine = Machine(*measurements)
    assert machine.complaints() == []
    assert machine.asked == [["life"]] * calm


def test_a_time_that_is_no_number_fails() -> None:
    """It is not below the limit."""
    assert len(Machine(*3 * [{"life": float("nan"), "run": 2.0}]).complaints()) == 1


def test_ratios_without_a_partner_fail() -> None:
    """Neither a new ratio nor a lost one passes unseen."""
    lines = Machine({"life": 40.0, "verify": 1.0}).complaints()
    assert [line.split(":")[0] for line in lines] == ["verify", "run"]


def test_ratios_are_read_as_they_are_written(tmp_path: Path) -> None:
    """To three digits."""
    write_ratios([Ratio("life", 40.04, "paths", 'of a "life", whole')], tmp_path / "ratios.csv")
    assert read_ratios(tmp_path / "ratios.csv") == [Ratio("life", 40.0, "paths", 'of a "life", whole')]


def test_the_pages_say_what_was_measured() -> None:
    """`python -m bench.run --save` writes README.md and bench/README.md from the committed table."""
    for path, text in pages().items():
        assert path.read_text() == text, f"{path.name} does not say what bench/ratios.csv says."


def test_a_page_without_marks_is_refused() -> None:
    """Nothing is written beside them."""
    assert between("a <!-- x -->old<!-- end of x --> b", "x", "new") == "a <!-- x -->new<!-- end of x --> b"
    with pytest.raises(ValueError, match="end of x"):
        between("a <!-- x --> b", "x", "new")
