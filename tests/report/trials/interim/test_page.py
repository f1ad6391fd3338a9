"""Tables, sentences and figures of a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.report.trials.interim.figures import look_figures
from lmssim.report.trials.interim.page import report_tables, shown_looks
from lmssim.report.trials.interim.tables import arms_frame, looks_frame, results_frame
from lmssim.report.trials.interim.words import sentences
from lmssim.trials.interim.look import InterimLook, look_at
from lmssim.trials.interim.patients import read_patients
from lmssim.trials.planning.plan import load_plan
from tests.kit.trial_files import DESIGN, write_patients

if TYPE_CHECKING:
    from pathlib import Path


def looked(folder: Path, events: int = 90, **more: float) -> InterimLook:
    """A look."""
    (folder / "design.toml").write_text(DESIGN)
    patients = read_patients(write_patients(folder / "p.csv", events, **more))  # type: ignore[arg-type]
    return look_at(load_plan(folder / "design.toml"), patients)


def test_tables_agree_with_the_look(tmp_path: Path) -> None:
    """Number by number."""
    look = looked(tmp_path)
    results = results_frame(look).set_index("quantity")
    assert results.loc["z", "value"] == look.z
    assert tuple(results.loc["effect_repeated_interval", ["value", "low", "high"]]) == look.repeated
    assert results.loc["conditional_power_planned_effect", "value"] == look.powers["planned"]
    looks = looks_frame(look)
    assert looks["z_efficacy"].tolist() == list(look.design.efficacy)
    assert looks["events"].tolist()[0] == 90
    assert (looks["events"] == looks["events"].round()).all()
    assert looks["effect_efficacy"].is_monotonic_increasing
    arms = arms_frame(look)
    assert arms["patients"].sum() == look.patients.data.time.shape[1]
    assert list(shown_looks(look)["Status"]) == ["now", "to come", "to come"]
    assert [table.title for table in report_tables(look)] == ["Test and effect", "Looks", "Patients"]


def test_sentences_say_what_the_bounds_say(tmp_path: Path) -> None:
    """Efficacy, futility, going on, the end."""
    said = {
        "declares efficacy": looked(tmp_path, hazard_ratio=0.3),
        "does not bind: the design stops for futility": looked(tmp_path, hazard_ratio=1.8),
        "The trial goes on": looked(tmp_path, hazard_ratio=0.75, seed=3),
        "no look follows": looked(tmp_path, 175, hazard_ratio=1.0),
    }
    for words, look in said.items():
        assert words in " ".join(sentences(look))
    assert "Earlier looks are taken to have had the planned information" in " ".join(sentences(said["no look follows"]))


def test_figures_are_drawn(tmp_path: Path) -> None:
    """Bounds with Z, and both arms."""
    figures = look_figures(looked(tmp_path))
    assert set(figures) == {"bounds", "survival"}
    survival = figures["survival"][0].axes[0]
    assert [line.get_label() for line in survival.get_lines()] == ["control", "experimental"]
