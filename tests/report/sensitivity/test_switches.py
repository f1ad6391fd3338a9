"""The figure of switches has room for the names of options, however long they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.execution.simulate import Sampling
from lmssim.report.parts.style import figure_style
from lmssim.report.sensitivity.switches import PANEL, plot_switches
from lmssim.studies.sensitivity.switches import run_switches
from tests.kit.examples import SWITCHED

if TYPE_CHECKING:
    from pathlib import Path

WIDE, LONG = "EFFECT ON MORTALITY OF ALL WOMEN AND MEN", "The effect of the drug upon the mortality of all patients"


def test_long_names_leave_room_for_the_bars(tmp_path: Path) -> None:
    """The panel keeps most of its width, nothing leaves the figure, and no two rows read the same."""
    for label, option in ((WIDE, "NO EFFECT WHATSOEVER"), (LONG, f"{LONG}, which has none")):
        path = tmp_path / "small.toml"
        path.write_text(SWITCHED.replace("Effect of the drug", label).replace("no effect", option))
        study = run_switches(str(path), Sampling(n_patients=1024), {}, {}, ("drug",))
        figure = plot_switches(study)
        with figure_style():
            figure.draw_without_rendering()
        (panel,) = figure.axes
        assert panel.get_window_extent().width > 0.7 * PANEL * figure.dpi
        names = [each for each in panel.get_yticklabels() if each.get_text()]
        assert all(each.get_window_extent().x0 >= 0.0 for each in names)
        assert len({each.get_text() for each in names}) == len(names)
