"""The picture of a life: every stay where it was, every event, and nothing on top of anything else."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from lmssim.report.trace.timeline import plot_timeline
from lmssim.studies.trace import Trace, trace
from tests.kit.scenarios import bundled_scenario


@pytest.fixture(scope="module")
def life() -> Trace:
    """A life with a recurrence, a metastasis and several complications."""
    return trace(bundled_scenario("extremity"), 7)


def _spans(ax: object) -> list[tuple[float, float, int]]:
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]  # type: ignore[attr-defined]
    return [(b.get_x(), b.get_x() + b.get_width(), round(b.get_y() + b.get_height() / 2)) for b in boxes]


def test_a_lane_for_each_strategy_holds_its_stays(life: Trace) -> None:
    """Whole life on the right; on the left the same, cut after the first years."""
    early, whole, *_ = plot_timeline(life).axes
    assert early.get_yticklabels()[0].get_text() == "Surgery only"
    stays = life.stays[life.stays["left"] > life.stays["entered"]]
    lanes = [life.strategies.index(s) for s in stays["strategy"]]
    expected = list(zip(stays["entered"], stays["left"], lanes, strict=True))
    assert _spans(whole) == [pytest.approx(span) for span in expected]
    assert max(stop for _, stop, _ in _spans(early)) == 2.0


def test_every_event_has_a_symbol(life: Trace) -> None:
    """As many as happened but for cycles of treatment, which are strokes in their lane; none before its time."""
    _, whole, *_ = plot_timeline(life).axes
    events = life.steps[life.steps["kind"] == "event"]
    cycles = events["what"].str.startswith(("cycle_of_", "trabectedin_maintenance"))
    strokes = [len(each.get_segments()) for each in whole.collections]  # type: ignore[attr-defined]
    assert sum(strokes) == cycles.sum()
    events = events[~cycles]
    places = [float(line.get_xdata()[0]) for line in whole.lines]  # type: ignore[index, arg-type]
    assert len(places) == len(events)
    assert all(place >= time for place, time in zip(places, events["time"], strict=True))


def test_the_legend_is_clear_of_the_axes(life: Trace) -> None:
    """And names every state and event once."""
    figure = plot_timeline(life)
    figure.canvas.draw()
    legend = figure.legends[0]
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names))
    states = life.scenario.file.states
    entered = {states[name].label for name in life.stays["state"] if name in states and states[name].kind == "dwelling"}
    assert len(entered) >= 4
    assert {str(label)[:20] for label in entered} <= {name[:20] for name in names}
    box = legend.get_window_extent()
    assert box.x0 >= 0.0
    assert box.x1 <= figure.bbox.x1
    for ax in figure.axes:
        tight = ax.get_tightbbox()
        assert tight is not None
        assert tight.y0 >= box.y1
        assert tight.x1 <= figure.bbox.x1


def test_a_short_life_has_one_panel() -> None:
    """Nothing is shown twice."""
    figure = plot_timeline(trace(bundled_scenario("sick_sicker_dead"), 3))
    assert len(figure.axes) == 1
