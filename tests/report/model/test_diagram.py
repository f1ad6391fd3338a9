"""State diagram: what leads where, in layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.report.model.diagram import diagram_text, plot_diagram
from lmssim.report.model.layering import layered
from lmssim.report.model.links import links_of

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation


def test_links_follow_transitions_branches_phases_and_deadly_events(rich: Evaluation) -> None:
    """Each kind of way between states is found, a treatment counting as its phase."""
    found = {(link.source, link.target) for link in links_of(rich.scenario)}
    assert found == {
        ("stable", "treated"),
        ("treated", "well"),
        ("treated", "death_treatment"),
        ("well", "question"),
        ("question", "worse"),
        ("question", "stable"),
        ("worse", "death_disease"),
    }


def test_text_names_every_state(rich: Evaluation) -> None:
    """Every state with its kind and where it leads."""
    text = diagram_text(rich.scenario)
    for name, state in rich.scenario.file.states.items():
        assert f"[{name}: {state.kind}" in text
    assert "-> Death treatment: sepsis & shock" in text


def test_diagram_has_a_box_for_every_state_but_questions(rich: Evaluation) -> None:
    """The chance state that costs nothing is left out."""
    texts = [t.get_text() for t in plot_diagram(rich.scenario).axes[0].texts]
    assert {"Stable", "Treated", "Well", "Worse", "Death disease", "Death treatment"} <= set(texts)
    assert "Question" not in texts


def test_layers_go_down_and_boxes_keep_apart() -> None:
    """Edges lead down but for those that close a circle, and boxes of a row do not overlap."""
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "a"), ("a", "d")]
    widths = dict.fromkeys("abcd", 1.0)
    layout = layered(list("abcd"), edges, "a", widths)
    layer = {n: row for n, (_, row) in layout.position.items()}
    assert layer == {"a": 0, "b": 1, "c": 1, "d": 2}
    assert abs(layout.position["b"][0] - layout.position["c"][0]) >= 1.0
    assert len(layout.route["a", "d"]) == 1
    assert len(layout.route["d", "a"]) == 1
