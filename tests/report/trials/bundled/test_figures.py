"""Figures of the reference results of trials."""

from __future__ import annotations

import pandas as pd

from lmssim.bundled import results_folder
from lmssim.report.trials.bundled.figures import definitions_figure, effects_figure, replay_figure
from lmssim.studies.trials.bundled.replay import pooled_curves
from lmssim.studies.trials.design.reading import load_trial

FOLDER = results_folder() / "trials"


def table(name: str) -> pd.DataFrame:
    """A kept table."""
    return pd.read_csv(FOLDER / f"{name}.csv")


def test_every_definition_is_a_row_and_every_case_a_colour() -> None:
    """In the order of the table."""
    endpoints = table("endpoints")
    own = endpoints[endpoints["design"] == "strass_model"]
    (axes,) = definitions_figure(endpoints, "strass_model", 0.52).axes
    names = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert names == list(dict.fromkeys(own["label"]))
    assert axes.get_legend_handles_labels()[1] == list(dict.fromkeys(own["case"]))


def test_power_by_effect_and_assurance() -> None:
    """A curve each, and a line."""
    effects = table("effects")
    (axes,) = effects_figure(effects, table("assurance")).axes
    labels = axes.get_legend_handles_labels()[1]
    assert set(effects["curve"]) < set(labels)
    assert any(label.startswith("assurance") for label in labels)


def test_a_panel_for_each_endpoint_of_a_replay() -> None:
    """Both arms, and what was published."""
    design = load_trial("lms04")
    figure = replay_figure(pooled_curves("lms04", ("pfs", "os"), 2, 1), table("replay"), design)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Progression-free survival", "Overall survival"]
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == [*(arm.label for arm in design.arms), "published"]
