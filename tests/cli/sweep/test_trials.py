"""`lmssim sweep --study trial`: fields of a design vary; new levels alone are run."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.report.sensitivity.sweep.layout import outcome_label
from lmssim.studies.sweep.status import sweep_from
from tests.cli.trial.test_run import DESIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

RATIO = "arms.experimental.hazard_ratio.event.value"


@pytest.fixture
def trial(tmp_path: Path) -> str:
    """A design file."""
    path = tmp_path / "adjuvant.toml"
    path.write_text(DESIGN)
    return str(path)


def test_a_grid_and_one_level_more(cli: Cli, trial: str, tmp_path: Path) -> None:
    """Power falls with the hazard ratio; a level more runs its cells alone; rows of before stay to the bit."""
    common = ("sweep", trial, "--study", "trial", "--trials", "60", "--vary", f"{RATIO}=0.5,0.8", "--json")
    out = str(tmp_path / "out")
    first = cli(*common, "--vary", "dropout.rate=0.0,0.005", "--out", out)
    assert first.code == 0, first.err
    assert json.loads(first.out)["made"] == 4
    before = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    more = cli(*common, "--vary", "dropout.rate=0.0,0.005,0.01", "--out", out)
    done = json.loads(more.out)
    assert (done["kept"], done["made"]) == (4, 2)
    after = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    both = before.merge(after, on=[RATIO, "dropout.rate"])
    assert (both["power_x"] == both["power_y"]).all()
    assert after[after[RATIO] == 0.5]["power"].mean() > after[after[RATIO] == 0.8]["power"].mean()
    drawn = cli("sweep", "--plot", out, "--outcome", "duration")
    assert drawn.code == 0, drawn.err
    assert "Complete" in cli("sweep", "--status", out).out
    for words, said in (
        (("--plot", out, "--outcome", "qalys"), "Allowed: duration, events, log_hr, patients, power"),
        (("--out", out, "--best", "power"), "nothing to choose from"),
    ):
        refused = cli("sweep", *words)
        assert refused.code == 2
        assert said in refused.err


def test_the_page_answers(cli: Cli, trial: str, tmp_path: Path) -> None:
    """The greatest and the least power with their cells, what axes are, in which unit; captions of what is drawn."""
    out = tmp_path / "out"
    words = ("--vary", "accrual.duration=10,14", "--vary", f"{RATIO}=0.5,0.8", "--trials", "60")
    done = cli("sweep", trial, "--study", "trial", *words, "--out", str(out), "--outcome", "duration")
    assert done.code == 0, done.err
    page = html.unescape((out / "report.html").read_text())
    most = r"Power is [0-9.]+ ± [0-9.]+ at accrual.duration = 1[04] and [a-z_.]*value = 0.5, the most of 4 cells"
    assert re.search(most, page)
    assert "value = 0.8, the least." in page
    assert "of the other cells can be told from the greatest" in page
    assert "time from the first entry to the last, months" in page
    assert "Dashed: the design's own value." in page
    cli("sweep", trial, "--study", "trial", *words[2:], "--vary", "accrual.duration=20,24", "--out", str(out))
    page = html.unescape((out / "report.html").read_text())
    assert "Dot" not in page
    found = sweep_from(out)
    assert outcome_label(found, "duration") == "Duration (months)"
    assert outcome_label(found, "log_hr") == "Log hazard ratio"


def test_a_preview_and_a_cell_that_fails(cli: Cli, trial: str, tmp_path: Path) -> None:
    """Cells and time are told without a run; a cell whose events never come is a row with its error."""
    common = ("sweep", trial, "--study", "trial", "--trials", "20", "--vary", "analyses.2.events=80,500")
    out = ("--out", str(tmp_path / "out"))
    told = cli(*common, *out, "--dry-run")
    assert told.code == 0, told.err
    assert "2 cells" in told.out
    assert "Expected" in told.out
    done = cli(*common, *out)
    assert done.code == 1
    assert "in no trial of 120 patients its 500 events come" in done.err
    assert pd.read_parquet(tmp_path / "out" / "sweep.parquet")["power"].notna().sum() == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--vary", "accrual.pacients=100,200"), "unknown key 'pacients'"),
        ((), "nothing varies"),
        (
            ("--vary", "accrual.patients=100,200", "--patients", "10"),
            "--patients: study 'trial' takes it",
        ),
        (("--vary", "accrual.patients=100,200", "--set", "design.test=lograng"), "Did you mean 'logrank'"),
    ],
)
def test_bad_options(cli: Cli, trial: str, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """One message."""
    done = cli("sweep", trial, "--study", "trial", "--trials", "5", "--out", str(tmp_path / "o"), *arguments)
    assert done.code in (1, 2)
    assert said in done.err


def test_trials_of_no_trial(cli: Cli, tmp_path: Path) -> None:
    """An option of trials beside another study."""
    done = cli("sweep", "illness_death", "--trials", "5", "--vary", "c_stable=1,2", "--out", str(tmp_path / "o"))
    assert done.code == 2
    assert "--trials: belongs to --study trial" in done.err
