"""`lmssim run` writes what it says, the same whatever the number of workers, and keeps what was written."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from lmssim.evaluation import Sampling, evaluate
from lmssim.execution import store
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

NAME = "illness_death"
TABLES = ("summary", "incremental", "frontier", "survival", "occupancy", "states", "parameters")
N = 9_000


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest in a folder."""
    document: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run with histories."""
    from lmssim.cli.app import main

    out = tmp_path_factory.mktemp("run") / "out"
    with pytest.raises(SystemExit) as stopped:
        main(["run", NAME, "--patients", str(N), "--jobs", "1", "--histories", "--quiet", "--out", str(out)])
    assert stopped.value.code == 0
    return out


def test_every_file_is_written_and_listed(folder: Path) -> None:
    """Tables, histories, figures, report and the manifest that lists them; nothing temporary."""
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert there == {*manifest_of(folder)["files"], "manifest.json"}
    assert {f"{name}.csv" for name in TABLES} | {"histories.parquet", "marks.parquet", "report.html"} <= there
    assert {Path(name).suffix for name in there if name.startswith("figures/")} == {".png"}


@pytest.mark.parametrize("options", [["--no-report"], ["--json"], ["--json", "--quiet", "--no-report"]])
def test_tables_without_a_report(cli: Cli, folder: Path, tmp_path: Path, options: list[str]) -> None:
    """Neither page nor pictures, of an earlier run neither; the tables are the same bytes."""
    call = ["run", NAME, "--jobs", 1, "--out", tmp_path / "out"]
    assert cli(*call, "--patients", 50, "--quiet").code == 0
    outcome = cli(*call, "--patients", N, *options)
    assert outcome.code == 0
    assert "Report" not in outcome.out
    assert set(manifest_of(tmp_path / "out")["files"]) == {
        *(f"{name}.csv" for name in (*TABLES, "series", "benefit_by_period")),
        "inputs.json",
        "inputs/scenario.json",
    }
    for name in TABLES:
        assert (tmp_path / "out" / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes(), name


def test_json_with_a_report(cli: Cli, tmp_path: Path) -> None:
    """Who asks for the report, or for its figures, gets them with --json too."""
    for name, options in (("report", ["--report"]), ("figures", ["--figures", "svg,pdf"])):
        outcome = cli("run", NAME, "--patients", 20, "--jobs", 1, "--json", *options, "--out", tmp_path / name)
        json.loads(outcome.out)
        assert (tmp_path / name / "report.html").is_file()
    written = {path.name for path in (tmp_path / "figures" / "figures").iterdir() if path.stem == "plane"}
    assert written == {"plane.png", "plane.svg", "plane.pdf"}


def test_json_loads_no_matplotlib(tmp_path: Path) -> None:
    """Drawing takes half a second to load, which a table need not wait for."""
    call = ["run", NAME, "--patients", "20", "--jobs", "1", "--json", "--quiet", "--out", str(tmp_path)]
    code = (
        "import sys\nfrom lmssim.cli.app import main\n"
        f"try:\n    main({call!r})\nfinally:\n    assert not {{'matplotlib', 'PIL', 'jinja2'}} & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_tables_read_back_bit_for_bit(folder: Path) -> None:
    """Floats in CSV files keep all their bits."""
    evaluation = evaluate(load_scenario(NAME), Sampling(n_patients=N))
    summary = evaluation.summary
    rows = rows_of(folder / "summary.csv")
    assert list(rows[0]) == ["strategy", "outcome", "unit", "mean", "se", "low", "high"]
    assert [float(row["mean"]) for row in rows] == summary["mean"].tolist()
    assert [row["outcome"] for row in rows] == summary["outcome"].tolist()


@pytest.mark.parametrize(
    "options",
    [
        ["--jobs", 2],
        ["--jobs", 1, "--block", 37],
        ["--jobs", 3, "--block", 5],
        ["--jobs", 2, "--backend", "loky"],
        ["--jobs", 2, "--backend", "loky", "--block", 37],
    ],
)
def test_tables_do_not_depend_on_workers_and_blocks(
    cli: Cli, folder: Path, tmp_path: Path, options: list[object]
) -> None:
    """Whether threads or processes; the same bytes, and the same result part of the manifest."""
    assert cli("run", NAME, "--patients", N, *options, "--quiet", "--out", tmp_path).code == 0
    for name in TABLES:
        assert (tmp_path / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes(), name
    assert manifest_of(tmp_path)["result"] == manifest_of(folder)["result"]


def test_the_reference_engine_writes_the_same(cli: Cli, tmp_path: Path) -> None:
    """Tables and histories, byte for byte and row for row; the manifest names the engine."""
    for engine in ("compiled", "des"):
        call = ["run", NAME, "--patients", 300, "--engine", engine, "--histories", "-q", "--out", tmp_path / engine]
        assert cli(*call).code == 0
    for name in TABLES:
        assert (tmp_path / "des" / f"{name}.csv").read_bytes() == (tmp_path / "compiled" / f"{name}.csv").read_bytes()
    for name in ("histories", "marks"):
        a, b = (pq.read_table(tmp_path / engine / f"{name}.parquet") for engine in ("compiled", "des"))
        assert a.equals(b), name
    assert manifest_of(tmp_path / "des")["result"]["engine"] == "des"


def test_parameters_have_values_and_sources(folder: Path) -> None:
    """Derived values are computed."""
    rows = {row["id"]: row for row in rows_of(folder / "parameters.csv")}
    assert float(rows["scale_progression"]["value"]) == pytest.approx(6.0)
    assert rows["c_stable"]["unit"] == "GBP per year"
    assert list(rows["c_stable"]) == ["id", "value", "unit", "kind", "source_id", "locator", "description", "reason"]


def test_histories_give_the_life_years_of_the_summary(folder: Path) -> None:
    """The log of stays adds up to what was reported."""
    stays = pq.read_table(folder / "histories.parquet").to_pandas()
    assert stays.columns.tolist() == ["draw", "strategy", "patient", "state", "entered", "left", "why"]
    alive = stays[stays["state"] != "dead"]
    years = (alive["left"] - alive["entered"]).groupby(alive["strategy"], observed=True).sum() / N
    summary = {(row["strategy"], row["outcome"]): float(row["mean"]) for row in rows_of(folder / "summary.csv")}
    for strategy in ("standard", "new"):
        assert years[strategy] == pytest.approx(summary[strategy, "life_years_undiscounted"], rel=1e-12)
        assert stays[stays["strategy"] == strategy]["patient"].nunique() == N
    assert set(stays.loc[stays["state"] == "dead", "why"]) == {"absorbed"}


def test_json_is_one_document(cli: Cli, tmp_path: Path) -> None:
    """Nothing else on stdout; blanks are null."""
    outcome = cli("run", NAME, "--patients", 1000, "--jobs", 1, "--json", "--out", tmp_path)
    assert outcome.code == 0
    assert outcome.err == ""
    document = json.loads(outcome.out)
    assert set(document) == {"summary", "incremental", "frontier", "manifest", "folder"}
    assert document["frontier"][0]["icer"] is None
    assert document["manifest"]["result"]["patients"] == 1000


def test_the_table_names_strategies_and_report(cli: Cli, tmp_path: Path) -> None:
    """What a person sees."""
    outcome = cli("run", NAME, "--patients", 1000, "--jobs", 1, "--out", tmp_path)
    assert outcome.code == 0
    assert "New treatment" in outcome.out
    assert str(tmp_path / "report.html") in outcome.out
    assert outcome.err == ""


def test_overrides_change_the_result_and_are_recorded(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """`--set` reaches parameters and manifest."""
    assert cli("run", NAME, "--patients", 1000, "--jobs", 1, "--set", "c_stable=0", "-q", "--out", tmp_path).code == 0
    manifest = manifest_of(tmp_path)["result"]
    assert manifest["overrides"] == {"c_stable": 0.0}
    assert manifest["parameters"]["sha256"] != manifest_of(folder)["result"]["parameters"]["sha256"]


def test_another_horizon_is_recorded(cli: Cli, tmp_path: Path) -> None:
    """`--horizon` reaches results, times and manifest."""
    assert cli("run", NAME, "--patients", 500, "-q", "--no-report", "--horizon", 2.5, "--out", tmp_path).code == 0
    settings = manifest_of(tmp_path)["result"]["conventions"]
    assert (settings["horizon"], settings["times"]) == (2.5, [1.0, 2.0])
    years = [float(row["mean"]) for row in rows_of(tmp_path / "summary.csv") if row["outcome"] == "life_years"]
    assert max(years) < 2.5


def test_periods_are_those_asked_for(cli: Cli, tmp_path: Path) -> None:
    """In the table and the manifest, with a figure; none where they are not wanted."""
    call = ["run", NAME, "--patients", 1_100, "--jobs", 1, "-q"]
    assert cli(*call, "--periods", "2, 7", "--out", tmp_path).code == 0
    assert manifest_of(tmp_path)["result"]["periods"] == [2.0, 7.0]
    rows = rows_of(tmp_path / "benefit_by_period.csv")
    assert [row["period"] for row in rows[:4]] == ["0-2", "2-7", "7-50", "all"]
    assert (tmp_path / "figures" / "benefit_by_period.png").is_file()
    assert cli(*call, "--periods", "none", "--no-report", "--out", tmp_path).code == 0
    assert not (tmp_path / "benefit_by_period.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--periods", "5,ten"], "--periods 5,ten: 'ten' is not a number of years above 0."),
        (["--periods", "5,5"], "--periods 5,5: 5 does not lie above 5; years must ascend."),
        (["--periods", "5,70"], "--periods: 70 is not below the horizon, 50 years"),
        (["--periods", "5", "--patients", 100], "--periods: 100 patients are too few; give 1,024 or more."),
        (["--horizon", "0"], "'0' is not a finite number above 0"),
        (["--horizon", "300"], "--horizon: 300 is not 200 years or less."),
    ],
)
def test_years_that_make_no_sense_are_refused(cli: Cli, tmp_path: Path, options: list[object], message: str) -> None:
    """One message, which names the option, the value and what is allowed."""
    outcome = cli("run", NAME, *options, "--out", tmp_path)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())


def test_subgroups_and_parts(cli: Cli, model: Path, tmp_path: Path) -> None:
    """`--by` writes tables and figures, `--where` the numbers of a subgroup, with its patients' histories."""
    severe = '[population]\ncovariates.severe = { kind = "binary", probability = 0.4 }'
    model.write_text(model.read_text().replace("[population]", severe))
    call = ["run", model, "--patients", 300, "--jobs", 1, "-q"]
    assert cli(*call, "--by", "severe", "--by", "severe*age: 60", "--out", tmp_path / "by").code == 0
    tables = ("subgroups", "subgroup_incremental", "subgroup_frontier", "individualised_care")
    assert {f"{name}.csv" for name in tables} <= set(manifest_of(tmp_path / "by")["files"])
    assert (tmp_path / "by" / "figures" / "subgroups_2.png").is_file()
    assert list(manifest_of(tmp_path / "by")["result"]["partitions"]) == ["severe", "severe*age: 60"]
    assert cli(*call, "--where", "severe == 1", "--histories", "--no-report", "--out", tmp_path / "where").code == 0
    rows = rows_of(tmp_path / "by" / "subgroups.csv")
    own = {(r["strategy"], r["outcome"]): r["mean"] for r in rows if r["subgroup"] == "severe 1"}
    alone = {(r["strategy"], r["outcome"]): r["mean"] for r in rows_of(tmp_path / "where" / "summary.csv")}
    assert own["new", "qalys"] == alone["new", "qalys"]
    stays = pq.read_table(tmp_path / "where" / "histories.parquet").to_pandas()
    n = next(int(float(r["n"])) for r in rows if r["subgroup"] == "severe 1")
    assert stays["patient"].nunique() == n < 300
    refused = cli(*call, "--where", "severe == 1", "--control-variate", "--out", tmp_path / "x")
    assert refused.code == 2
    assert "where: a control variate is of the whole population" in refused.err


def test_precision_doubles_patients(cli: Cli, tmp_path: Path) -> None:
    """Patients are the first number times a power of two that reaches the error asked for."""
    call = ["run", NAME, "--patients", 500, "--jobs", 1, "-q", "--precision", 300, "--out", tmp_path]
    assert cli(*call).code == 0
    patients = manifest_of(tmp_path)["result"]["patients"]
    rows = [row for row in rows_of(tmp_path / "incremental.csv") if row["strategy"] == "new"]
    errors = [float(row["se"]) for row in rows if "20000" in row["outcome"]]
    assert max(errors) <= 300
    assert patients in [500 * 2**k for k in range(1, 10)]


def test_a_second_run_removes_what_the_first_left(cli: Cli, tmp_path: Path) -> None:
    """Files of the earlier run that this one does not write go; the user's own stay."""
    (tmp_path / "notes.txt").write_text("mine")
    call = ["run", NAME, "--patients", 100, "--jobs", 1, "-q", "--out", tmp_path, "--beside-other-files"]
    assert cli(*call, "--histories").code == 0
    assert (tmp_path / "histories.parquet").exists()
    assert cli(*call).code == 0
    assert not (tmp_path / "histories.parquet").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_full_disk_keeps_what_was_written(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that did not fit is absent, those before it are whole and listed, and there is no manifest."""
    written = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if "frontier" in self.name:
            written(self, data[:10])
            raise OSError(28, "No space left on device", str(self))
        return written(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    outcome = cli("run", NAME, "--patients", 100, "--jobs", 1, "--out", tmp_path)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "frontier.csv" in outcome.err
    assert "no space" in outcome.err
    assert {p.name for p in tmp_path.iterdir()} == {"summary.csv", "incremental.csv", "unfinished.json"}
    assert {*json.loads((tmp_path / "unfinished.json").read_text())["files"]} == {"summary.csv", "incremental.csv"}


@pytest.mark.parametrize("option", ["--random-numbers", "--luck"])
def test_random_numbers_are_recorded(cli: Cli, tmp_path: Path, option: str) -> None:
    """In the manifest; the option's old name, which help does not show, does the same."""
    assert cli("run", NAME, "--patients", 100, "-q", option, "independent", "--out", tmp_path).code == 0
    assert manifest_of(tmp_path)["result"]["random_numbers"] == "independent"
    shown = cli("run", "--help").out
    assert "--random-numbers" in shown
    assert "--luck" not in shown


@pytest.mark.parametrize("engine", ["compiled", "cohort"])
def test_some_strategies_may_be_run_alone(cli: Cli, tmp_path: Path, engine: str) -> None:
    """Their rows are those of a run of all strategies, in every table and in the report; no others are there."""
    known = ("sick_sicker", "--engine", engine, "--quiet", *(("--patients", 200) if engine == "compiled" else ()))
    assert cli("run", *known, "--out", tmp_path / "all").code == 0
    chosen = [row["strategy"] for row in rows_of(tmp_path / "all" / "frontier.csv")][:2]
    chosen = sorted({*chosen, manifest_of(tmp_path / "all")["result"]["comparator"]})
    outcome = cli("run", *known, "--strategies", ",".join(chosen), "--out", tmp_path / "some")
    assert outcome.code == 0, outcome.err
    assert sorted(manifest_of(tmp_path / "some")["result"]["strategies"]) == chosen
    for table in ("summary", "incremental", "survival", "states"):
        every, some = (rows_of(tmp_path / folder / f"{table}.csv") for folder in ("all", "some"))
        assert some == [row for row in every if row["strategy"] in chosen], table


def test_the_comparator_is_run(cli: Cli, tmp_path: Path) -> None:
    """Strategies without the one that they are compared with are refused, and so is an unknown one."""
    refused = cli("run", NAME, "--strategies", "new", "--out", tmp_path)
    assert refused.code == 2
    assert "the comparator 'standard' is not among new" in refused.err
    refused = cli("run", NAME, "--strategies", "standard,newest", "--out", tmp_path)
    assert refused.code == 2
    assert "unknown strategy 'newest'" in refused.err


def test_json_text_has_no_numbers_that_json_lacks() -> None:
    """NaN and infinities become null."""
    assert json.loads(store.json_text({"a": float("nan"), "b": [float("inf"), 1.5]})) == {"a": None, "b": [None, 1.5]}


def test_control_variate_is_written_if_asked_for(tmp_path: Path, cli: Cli) -> None:
    """A table of the plain and the controlled figures, and no such file otherwise."""
    options = ["run", NAME, "--patients", "2048", "--jobs", "1", "--quiet", "--out", str(tmp_path)]
    assert cli(*options, "--control-variate").code == 0
    rows = rows_of(tmp_path / "control_variate.csv")
    assert {row["outcome"] for row in rows} >= {"life_years", "qalys", "cost"}
    assert all(float(row["controlled_se"]) <= float(row["se"]) for row in rows if float(row["se"]) > 1e-6)
    assert manifest_of(tmp_path)["result"]["control_variate"] is True
    assert cli(*options).code == 0
    assert not (tmp_path / "control_variate.csv").exists()
    refused = cli("run", NAME, "--patients", "100", "--out", tmp_path, "--control-variate")
    assert refused.code == 2
    assert "too few for a control variate" in refused.err


def test_cohort_writes_its_errors_and_no_series(cli: Cli, tmp_path: Path) -> None:
    """Errors of profiles and steps in a table, in JSON and in the manifest, which names no patients."""
    outcome = cli("run", "sick_sicker", "--engine", "cohort", "--json", "--out", tmp_path)
    assert outcome.code == 0, outcome.err
    result = manifest_of(tmp_path)["result"]
    assert result["engine"] == "cohort"
    assert result["solved"]["profiles"] == 1
    assert result["solved"]["errors"]["qalys"] == {"profiles": 0.0, "steps": 0.0}
    assert not {"patients", "random_numbers"} & set(result)
    errors = rows_of(tmp_path / "errors.csv")
    assert list(errors[0]) == ["strategy", "outcome", "unit", "value", "profiles", "steps"]
    assert len(json.loads(outcome.out)["errors"]) == len(errors)
    assert not (tmp_path / "series.csv").exists()
    qalys = [row["mean"] for row in rows_of(tmp_path / "summary.csv") if row["outcome"] == "qalys"]
    assert [f"{float(mean):.3f}" for mean in qalys] == ["20.711", "21.499", "22.184", "23.137"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "cohort", "--patients", 100], "--patients: engine 'cohort' is solved for profiles"),
        (["--engine", "cohort", "--precision", 10], "--precision: engine 'cohort' has no Monte-Carlo error"),
        (["--engine", "cohort", "--histories"], "--histories: engine 'cohort' has no individual lives"),
        (["--engine", "cohort", "--random-numbers", "independent"], "--random-numbers: engine 'cohort' has none"),
        (["--engine", "cohort", "--luck", "independent"], "--random-numbers: engine 'cohort' has none"),
        (["--engine", "cohort", "--profiles", 0], "'--profiles': '0' is not a whole number from 1"),
        (["--profiles", 8], "--profiles: engine 'compiled' simulates patients"),
    ],
)
def test_options_of_another_engine_are_refused(cli: Cli, tmp_path: Path, options: list[object], said: str) -> None:
    """One message that says what to give instead; nothing is written."""
    outcome = cli("run", "sick_sicker", *options, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "out").exists()


# === The expectation over draws ===


def test_the_base_case_of_a_calibrated_scenario_is_the_expectation(cli: Cli, tmp_path: Path) -> None:
    """Patients are split over draws, both errors are written, and point values stand beside it."""
    assert (
        cli("run", "extremity", "--patients", 1_100, "--strategies", "surgery_only,adj_ct", "--out", tmp_path).code == 0
    )
    result = manifest_of(tmp_path)["result"]
    assert (result["draws"], result["patients"], result["random_numbers"]) == (110, 10, "independent")
    errors = [row for row in rows_of(tmp_path / "errors.csv") if row["outcome"] == "inmb:20000"]
    (whole,) = [
        row
        for row in rows_of(tmp_path / "incremental.csv")
        if (row["strategy"], row["outcome"]) == ("adj_ct", "inmb:20000")
    ]
    assert float(whole["se"]) ** 2 == pytest.approx(sum(float(errors[0][name]) ** 2 for name in ("draws", "patients")))
    assert {row["outcome"] for row in rows_of(tmp_path / "point_values.csv")} >= {"qalys", "cost", "inmb:30000"}
    report = (tmp_path / "report.html").read_text()
    assert "Expectation over 110 draws of the parameters" in report or "110 joint draws" in report
    assert "Expectation and point values: QALYs" in report


def test_point_values_and_draws_are_chosen(cli: Cli, tmp_path: Path) -> None:
    """--point of a calibrated scenario; --draws of one that is not."""
    common = "--patients", 200, "--no-report", "--periods", "none", "-q"
    assert cli("run", "uterine", *common, "--point", "--out", tmp_path / "a").code == 0
    assert manifest_of(tmp_path / "a")["result"]["draws"] is None
    assert not (tmp_path / "a" / "errors.csv").exists()
    assert cli("run", "hiv", *common, "--draws", 20, "--out", tmp_path / "b").code == 0
    assert manifest_of(tmp_path / "b")["result"]["draws"] == 20
    assert cli("run", "hiv", *common, "--out", tmp_path / "c").code == 0
    assert manifest_of(tmp_path / "c")["result"]["draws"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--point", "--draws", 10], "--point: takes no draws of the parameters"),
        (["--histories"], "--histories: of one set of parameters, not of draws of them: add --point."),
        (["--control-variate"], "--control-variate: of one set of parameters"),
        (["--random-numbers", "common"], "lmssim psa extremity --random-numbers common"),
        (["--patients", 19], "--patients: 19 are too few for the expectation over draws"),
        (["--draws", 1], "'--draws': '1' is not a whole number from 2"),
        (["--draws", 600], "patients: 1,000 over 600 draws; 1,200 or more, 2 a draw, are needed"),
        (["--engine", "cohort", "--draws", 10], "--draws: engine 'cohort' solves the parameters' values"),
    ],
)
def test_options_that_do_not_fit_draws_are_refused(cli: Cli, tmp_path: Path, options: list[object], said: str) -> None:
    """One message, before anything is run or written."""
    patients = [] if {"--patients", "--engine"} & set(options) else ["--patients", 1_000]
    outcome = cli("run", "extremity", *patients, *options, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_precision_over_draws_doubles_both(cli: Cli, tmp_path: Path) -> None:
    """Draws and patients, until the error of a net benefit is small enough."""
    asked = "--strategies", "surgery_only,adj_ct", "--patients", 400, "--precision", 900
    assert cli("run", "extremity", *asked, "--no-report", "--periods", "none", "-q", "--out", tmp_path).code == 0
    result = manifest_of(tmp_path)["result"]
    assert result["draws"] in (80, 160, 320, 640, 1280)
    assert result["patients"] == 10


def test_a_workbook_holds_every_table(cli: Cli, tmp_path: Path) -> None:
    """`--xlsx`: a sheet for each CSV file, and formulas that give the net benefits that were computed."""
    import openpyxl

    asked = "--patients", 2_000, "--no-report", "--by", "age", "--xlsx", "-q"
    assert cli("run", "illness_death", *asked, "--out", tmp_path).code == 0
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx", data_only=True)
    written = {path.stem for path in tmp_path.glob("*.csv")} - {"parameters"}
    assert len(book.sheetnames) == len(written) + 3
    written_rows = rows_of(tmp_path / "incremental.csv")
    gains = [float(row["mean"]) for row in written_rows if row["outcome"] == "inmb:20000"]
    lines = list(book["Net benefit"].iter_rows(values_only=True))
    heading = next(k for k, line in enumerate(lines) if line[0] == "Strategy")
    column = lines[heading].index("Incremental 1")
    assert [line[column] for line in lines[heading + 1 :]] == pytest.approx(gains, abs=1e-6)
    assert "tables.xlsx" in manifest_of(tmp_path)["files"]
