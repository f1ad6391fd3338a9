"""Value of a trial on the page, in figures and on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.report.trials.simulated.value.figures import value_figures
from lmssim.report.trials.simulated.value.tables import value_tables
from lmssim.report.trials.simulated.value.words import value_sentences
from lmssim.studies.trials.study import simulate_trials
from tests.kit.documents import typed
from tests.kit.valued import TRIAL, valued

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.trials.value.study import TrialValue

N_TRIALS = 300


@pytest.fixture(scope="module")
def value(tmp_path_factory: pytest.TempPathFactory) -> TrialValue:
    """Shared by the tests."""
    folder = tmp_path_factory.mktemp("valued")
    found = simulate_trials(valued(folder), n_trials=N_TRIALS, value=True, value_patients=20).value
    assert found is not None
    return found


def test_tables(value: TrialValue) -> None:
    """Sizes that cannot be recruited are marked; costs of waiting are left out where there are none."""
    sizes, levels, ways, looks = (table.frame for table in value_tables(value))
    assert sizes["Patients"].tolist() == ["30", "100", "200"]
    assert sizes["Feasible"].tolist() == ["yes", "yes", "no"]
    assert "Cost of waiting" not in sizes
    assert levels["Adopted by"].tolist() == ["expected net benefit", "test at 0.025", "test at 0.2"]
    assert ways["Way"].iloc[-1] == "stopping on value"
    assert set(looks["Way"]) == {"group-sequential, as designed", "stopping on value"}


def test_sentences(value: TrialValue) -> None:
    """What the trial is worth, the best size within what is feasible, levels, and stopping on value."""
    first, best, level, passed, stopping, *_ = value_sentences(value)
    assert first.startswith("With 100 patients the trial's result is worth ")
    assert "GBP a patient whose treatment it decides, at 10,000 a QALY" in first
    assert best.startswith("The best size of at most 150 patients, who can be recruited, is ")
    assert level.startswith("Adoption only after a test at 0.025 (one-sided)")
    assert "of the trials go on after analysis 1, 90% of them at estimated hazard ratios of" in passed
    assert "ends after" in stopping


def test_figures(value: TrialValue) -> None:
    """Net benefit above power; the region that is not feasible is drawn; ways to conduct the trial."""
    figures = value_figures(value)
    assert list(figures) == ["value", "stopping"]
    above, below = figures["value"][0].axes
    assert above.get_ylabel() == "GBP million"
    assert below.get_ylabel() == "Probability of success"
    assert sum(patch.get_hatch() == "//" for patch in above.patches) == 1
    (ways,) = figures["stopping"][0].axes
    assert len(ways.get_yticklabels()) == len(value.stopping)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, figures and report; parts are gone; the same numbers again, and in JSON."""
    monkeypatch.chdir(tmp_path)
    valued(tmp_path)
    given = "trial run trial.toml --value --patients 20 --trials 200 --no-sensitivity --quiet"
    typed(f"lmssim {given} --out out --figures svg")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {f"{name}.csv" for name in ("value", "adoption", "stopping", "stopping_looks", "value_order")} <= names
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} >= {"value.svg", "stopping.svg"}
    assert not [name for name in names if name.startswith("checkpoint")]
    assert "Value of the trial" in (tmp_path / "out" / "report.html").read_text()
    frame = pd.read_csv(tmp_path / "out" / "value.csv", float_precision="round_trip")
    assert frame["n"].tolist()[:-1] == [30, 100, 200]
    capsys.readouterr()
    typed(f"lmssim {given} --out again --json --jobs 2")
    document = json.loads(capsys.readouterr().out)
    assert [row["evsi"] for row in document["value"]][:-1] == frame["evsi"].tolist()[:-1]
    assert document["manifest"]["result"]["value_patients"] == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--patients 20", "--patients: are of --value"),
        ("--value --trials 50", "trials: 50 are too few for --value"),
        ("--value --set value.uptake=2", "value.uptake: 2 is not from 0 to 1"),
        ("--value --set value.uptak=1", "value: unknown key 'uptak'. Did you mean 'uptake'"),
    ],
)
def test_bad_options(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: str,
    message: str,
) -> None:
    """One message, and nothing is written."""
    from lmssim.cli.app import main

    monkeypatch.chdir(tmp_path)
    valued(tmp_path, trial=TRIAL)
    with pytest.raises(SystemExit) as stopped:
        main(["trial", "run", "trial.toml", *options.split(), "--out", "out"])
    assert stopped.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out" / "value.csv").exists()
