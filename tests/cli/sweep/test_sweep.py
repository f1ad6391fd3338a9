"""Sweeps through the command line: rows, what is run again and what is not, and folders that come to harm."""

from __future__ import annotations

import html
import importlib.metadata
import json
import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lmssim.execution.shared.code import installed
from lmssim.execution.store import hash_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

SWITCH = (
    '\n[switches.care]\nlabel = "Care"\ndefault = "usual"\noptions.usual.reason = "as it is"\n'
    'options.dear = { reason = "dearer", set = { c_stable = 5000 } }\n'
)
TABLES = "--no-report"
LONG = [TABLES, "--vary", "loghr_progression=-0.6:0.2:17", "--vary", "c_progressed=1000:9000:17", "--patients", "8000"]
"""A sweep of 289 cells in a dozen tasks."""
KILLS = 20
"""Of the long study."""


@pytest.fixture
def switched(model: Path) -> Path:
    """The model with a switch."""
    model.write_text(model.read_text() + SWITCH)
    return model


def frame(out: Path) -> pd.DataFrame:
    """The table of a folder."""
    return pd.read_parquet(out / "sweep.parquet")


def same(a: pd.DataFrame, b: pd.DataFrame) -> None:
    """Two tables, sorted, to the bit."""
    order = ["cell", "strategy"]
    first, second = (each.sort_values(order).reset_index(drop=True) for each in (a, b))
    pd.testing.assert_frame_equal(first, second, check_exact=True, check_like=True)


def counts(cli: Cli, model: Path, out: Path, *words: object) -> tuple[int, int, int]:
    """Cells kept, made and failed."""
    done = cli("sweep", model, "--patients", 300, "--out", out, "--json", "--jobs", 1, *words)
    document = json.loads(done.out)
    assert document["cells"] == document["kept"] + document["made"] + document["failed"]
    return document["kept"], document["made"], document["failed"]


# === Rows ===


def test_a_row_is_what_a_run_gives(cli: Cli, switched: Path, tmp_path: Path) -> None:
    """Each outcome, increment and net benefit of a cell, with its error, to the bit."""
    words = ("--vary", "c_progressed=3000,7000", "--vary", "care=usual,dear", "--vary", "settings.horizon=5,10")
    assert (
        cli("sweep", switched, *words, "--patients", 500, "--set", "u_stable=0.7", "--out", tmp_path / "s", TABLES).code
        == 0
    )
    rows = frame(tmp_path / "s")
    row = rows[(rows["c_progressed"] == 7000) & (rows["care"] == "dear") & (rows["settings.horizon"] == 5.0)]
    assert list(row["strategy"]) == ["standard", "new"]
    text = switched.read_text()
    line = next(line for line in text.splitlines() if line.startswith("horizon"))
    switched.write_text(text.replace(line, "horizon = 5"))
    words = ("--set", "u_stable=0.7", "--set", "c_progressed=7000", "--switch", "care=dear")
    run = cli("run", switched, "--patients", 500, *words, "--out", tmp_path / "r", "--no-report")
    assert run.code == 0, run.err
    summary, incremental = (
        pd.read_csv(tmp_path / "r" / f"{name}.csv", float_precision="round_trip") for name in ("summary", "incremental")
    )
    compared = 0
    for start, table in (("", summary), ("incremental_", incremental)):
        for found in table.to_dict("records"):
            name = found["outcome"] if found["outcome"].startswith(("inmb", "icer")) else f"{start}{found['outcome']}"
            if name in rows:
                own = row[row["strategy"] == found["strategy"]].iloc[0]
                assert own[name] == found["mean"] or (np.isnan(own[name]) and np.isnan(found["mean"])), name
                if f"{name}_se" in rows:
                    assert own[f"{name}_se"] == found["se"], name
                compared += 1
    assert compared == 2 * (6 + 6 + 2 + 1)


@pytest.mark.parametrize(
    "words",
    [("--backend", "loky", "--jobs", 2), ("--jobs", 2), ("--engine", "des")],
    ids=["processes", "threads", "des"],
)
def test_rows_do_not_depend_on_who_makes_them(cli: Cli, model: Path, tmp_path: Path, words: tuple[object, ...]) -> None:
    """Workers, backends and engines that give the same histories give the same table to the bit."""
    asked = (
        "sweep",
        model,
        "--vary",
        "c_stable=1000:3000:5",
        "--vary",
        "settings.horizon=5,10",
        "--patients",
        200,
        TABLES,
    )
    assert cli(*asked, "--out", tmp_path / "a", "--jobs", 1).code == 0
    assert cli(*asked, "--out", tmp_path / "b", *words).code == 0
    same(frame(tmp_path / "a"), frame(tmp_path / "b"))


def test_a_cell_may_be_solved(cli: Cli, model: Path, tmp_path: Path) -> None:
    """By the engine without patients; each cell by itself gives what it gives among others."""
    many = ("sweep", model, TABLES, "--engine", "cohort", "--profiles", 8, "--vary")
    assert cli(*many, "c_stable=1000,2000,3000", "--out", tmp_path / "a").code == 0
    assert cli(*many, "c_stable=2000", "--out", tmp_path / "b").code == 0
    a, b = frame(tmp_path / "a"), frame(tmp_path / "b")
    same(a[a["c_stable"] == 2000.0].assign(cell=1), b)


def test_a_cell_may_be_a_probabilistic_analysis(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Each row is what `psa` gives with the value held, to the bit; the strategies of a cell are run together."""
    words = ("--study", "psa", "--draws", 20, "--patients", 50, "--vary", "loghr_progression=-0.6,-0.1", TABLES)
    done = cli("sweep", model, *words, "--out", tmp_path / "s")
    assert done.code == 0, done.err
    rows = frame(tmp_path / "s")
    row = rows[(rows["loghr_progression"] == -0.1) & (rows["strategy"] == "new")].iloc[0]
    held = ("--set", "loghr_progression=-0.1", "--draws", 20, "--patients", 50, TABLES)
    assert cli("psa", model, *held, "--out", tmp_path / "p").code == 0
    tables = {
        name: pd.read_csv(tmp_path / "p" / f"{name}.csv", float_precision="round_trip")
        for name in ("summary", "ceac", "evpi")
    }
    (own,) = tables["summary"].query("strategy == 'new' and outcome == 'qalys'").to_dict("records")
    assert (row["qalys"], row["qalys_low"], row["qalys_high"]) == (own["mean"], own["low"], own["high"])
    assert row["ceac:20000"] == tables["ceac"].query("strategy == 'new' and wtp == 20000")["probability"].item()
    assert row["evpi:20000"] == tables["evpi"].query("wtp == 20000")["evpi"].item()
    alone = cli("sweep", model, *words, "--strategies", "standard", "--out", tmp_path / "s")
    assert "2 cells: 2 run." in alone.out
    assert cli("sweep", model, "--vary", "c_stable=1", "--draws", 5).code == 2


def test_axes_that_depend_on_others_are_blank_elsewhere(cli: Cli, switched: Path, tmp_path: Path) -> None:
    """And names that are joined take a level together."""
    axes = ("--vary", "care=usual,dear", "--vary", "c_progressed+c_event=1:3:3 if care=dear")
    text = switched.with_suffix(".csv").read_text()
    second = "c_event" if "c_event" in text else "u_progressed"
    asked = [word.replace("c_event", second).replace("1:3:3", "0.1:0.3:3") for word in axes]
    assert cli("sweep", switched, TABLES, *asked, "--patients", 200, "--out", tmp_path / "s").code == 0
    rows = frame(tmp_path / "s")
    label = f"c_progressed+{second}"
    assert list(rows[label].dropna().unique()) == [0.1, 0.2, 0.3]
    assert rows[label].isna().tolist() == [True] * 2 + [False] * 6
    assert rows["best:20000"].groupby(rows["cell"]).sum().tolist() == [1] * 4


def test_a_sweep_may_stand_in_a_file(cli: Cli, switched: Path, tmp_path: Path) -> None:
    """With its axes, or its cells one by one."""
    grid = tmp_path / "grid.toml"
    grid.write_text(
        'scenario = "model/illness_death.toml"\npatients = 200\n[vary]\nc_stable = "1000:2000:3"\n'
        "[vary.c_progressed]\nlevels = [1, 2]\nonly_where = { c_stable = 1500 }\n"
    )
    assert cli("sweep", TABLES, "--file", grid, "--out", tmp_path / "a").code == 0
    assert frame(tmp_path / "a")["cell"].nunique() == 4
    cells = tmp_path / "cells.toml"
    cells.write_text('[[cells]]\nc_stable = 1000\ncare = "dear"\n[[cells]]\nc_stable = 1000\ncare = "usual"\n')
    assert cli("sweep", switched, TABLES, "--file", cells, "--patients", 200, "--out", tmp_path / "b").code == 0
    assert list(frame(tmp_path / "b")["care"]) == ["dear", "dear", "usual", "usual"]
    cells.write_text('[[cells]]\nc_stable = 1000\n[[cells]]\ncare = "usual"\n')
    refused = cli("sweep", switched, TABLES, "--file", cells, "--out", tmp_path / "c")
    assert refused.code == 2
    assert "cells[2]: has care, and cells[1] c_stable" in refused.err


# === What is run ===


def test_only_new_cells_are_run(cli: Cli, switched: Path, tmp_path: Path) -> None:
    """One more level, one more axis at what the scenario has anyway, and the whole again."""
    out, levels = tmp_path / "s", ("--vary", "c_progressed=4000:6000:3")
    assert counts(cli, switched, out, *levels) == (0, 3, 0)
    assert counts(cli, switched, out, *levels) == (3, 0, 0)
    assert counts(cli, switched, out, "--vary", "c_progressed=4000,5000,6000,7000") == (3, 1, 0)
    assert counts(cli, switched, out, *levels, "--vary", "care=usual,dear") == (3, 3, 0)
    assert counts(cli, switched, out, *levels, "--vary", "care=usual,dear", "--seed", 2) == (0, 6, 0)
    assert counts(cli, switched, out, *levels) == (3, 0, 0)


def test_one_more_strategy_runs_that_one_alone(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Its rows are those of a sweep that had it from the start, and the other's are kept."""
    levels = ("sweep", model, TABLES, "--vary", "c_progressed=4000:6000:3", "--patients", 300, "--jobs", 1)
    assert cli(*levels, "--strategies", "standard", "--out", tmp_path / "s").code == 0
    (before,) = [path for path in (tmp_path / "s" / "cells").iterdir() if not path.name.startswith("plan")]
    assert set(pd.read_parquet(before)["part"]) == {"standard"}
    rows = len(pd.read_parquet(before))
    assert cli(*levels, "--out", tmp_path / "s").code == 0
    (after,) = [path for path in (tmp_path / "s" / "cells").iterdir() if not path.name.startswith("plan")]
    assert len(pd.read_parquet(after)) == 2 * rows
    assert cli(*levels, "--out", tmp_path / "whole").code == 0
    same(frame(tmp_path / "s"), frame(tmp_path / "whole"))


def test_a_cell_that_fails_is_a_row_and_the_rest_goes_on(cli: Cli, switched: Path, tmp_path: Path) -> None:
    """Exit code 1, a list at the end; a cell that cannot be read, and one whose values are impossible."""
    axes = ("--vary", "settings.horizon=10,ten", "--vary", "u_stable=0.5,0.6,7")
    done = cli("sweep", switched, TABLES, *axes, "--patients", 200, "--out", tmp_path / "s")
    assert done.code == 1
    assert "6 cells: 2 run, 4 failed." in done.out
    assert "cell 3 failed (settings.horizon=10, u_stable=7)" in done.err
    assert "settings.horizon = 'ten'" in done.err
    rows = frame(tmp_path / "s")
    assert rows["error"].isna().tolist() == [True] * 4 + [False] * 8
    assert rows["qalys"].notna().tolist() == [True] * 4 + [False] * 8
    again = cli("sweep", switched, TABLES, *axes, "--patients", 200, "--out", tmp_path / "s")
    assert "6 cells: 0 run, 2 kept from before, 4 failed." in again.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--vary", "care=usual,deer"), "--vary care: unknown option 'deer'. Did you mean 'dear'?"),
        (("--vary", "where=age>,age>5"), "where: 'age>' is not an expression."),
        (("--vary", "u_stable=0.5,0.6", "--where", "age>"), "where: 'age>' is not an expression."),
        (("--vary", "u_stable=0.5,0.6", "--where", "ag>5"), "where: unknown name 'ag'."),
        (("--vary", "u_stable=0.5,0.6", "--where", "'age>5'"), "where: 'age>5' stands in quotes"),
    ],
)
def test_what_every_cell_would_refuse_is_refused_before_a_folder_is_made(
    cli: Cli, switched: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """An option that no switch has, a rule that is none: exit code 2, as in every other command."""
    done = cli("sweep", switched, TABLES, *words, "--patients", 20, "--out", tmp_path / "s")
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "s").exists()


JOINT = """
[groups.utilities]
kind = "multivariate_normal"
members = ["u_stable", "u_progressed"]
mean = [0.8, 0.6]
covariance = [[0.0025, 0.004], [0.004, 0.01]]
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "leave 'u_progressed' at the scenario's values"),
        (("--study", "psa", "--draws", 2), "draw 'u_progressed' as if it were unknown"),
        (("--vary", "u_progressed=0.4,0.5"), ""),
        (("--set", "u_progressed=0.4"), ""),
    ],
)
def test_a_parameter_that_is_drawn_with_others_is_said_to_move_alone(
    cli: Cli, model: Path, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    """On the terminal and in the report; not where the others move or are held too."""
    model.write_text(model.read_text() + JOINT)
    out = tmp_path / "s"
    done = cli("sweep", model, "--vary", "u_stable=0.7,0.8", *words, "--patients", 20, "--out", out)
    assert done.code == 0, done.err
    told = said and f"'u_stable' jointly with 'u_progressed'. Cells give 'u_stable' a value alone and {said}"
    assert (told in done.err) if said else ("note" not in done.err)
    page = html.unescape((out / "report.html").read_text())
    assert (told in page) if said else ("jointly" not in page)


def test_nothing_is_run_dry(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Cells, time and bytes are told, and no folder is made."""
    out = tmp_path / "s"
    told = cli("sweep", model, "--vary", "c_stable=1:9:9", "--vary", "settings.horizon=5,10", "--dry-run", "--out", out)
    assert told.code == 0
    assert "18 cells by 2 strategies: c_stable (9); settings.horizon (2)." in told.out
    assert "to run: 18; programs to compile: 2" in told.out
    assert "MB on disk" in told.out
    assert not out.exists()


def test_how_far_a_sweep_has_come_is_told(cli: Cli, model: Path, tmp_path: Path) -> None:
    """And the best strategy of each cell, from the folder alone."""
    out = tmp_path / "s"
    words = ("--vary", "c_stable=1000:3000:3", "--patients", 200, "--out", out, "--progress", "json")
    done = cli("sweep", model, TABLES, *words)
    last = json.loads(done.err.splitlines()[-1])
    assert (last["cells"], last["made"], last["seconds_left"]) == (3, 3, 0.0)
    assert "3 of 3 cells done, 0 failed, 0 to do.\nComplete." in cli("sweep", "--status", out).out
    best = json.loads(cli("sweep", "--out", out, "--best", "nmb:12345", "--json").out)["best"]
    rows = frame(out)
    rows["nmb"] = 12345 * rows["qalys"] - rows["cost"]
    assert [each["best"] for each in best] == list(rows.loc[rows.groupby("cell")["nmb"].idxmax(), "strategy"])
    assert "Best of 3 cells" in cli("sweep", "--out", out, "--best", "cost").out
    assert cli("sweep", "--status", tmp_path / "model").code == 2
    assert "unknown outcome 'qaly'. Did you mean 'qalys'?" in cli("sweep", "--out", out, "--best", "qaly").err


def test_figures_are_drawn_of_a_folder_complete_or_not(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Beside the table with the sweep; again into its folder; and elsewhere."""
    out, axes = tmp_path / "s", ("--vary", "loghr_progression=-0.6:0.2:3", "--vary", "c_stable=500:2500:3")
    assert cli("sweep", model, *axes, "--patients", 200, "--out", out, "--jobs", 1).code == 0
    assert {path.name for path in (out / "figures").iterdir()} == {"decision.png", "heat_map.png", "lines.png"}
    assert "best strategy of 9 cells" in (out / "report.html").read_text()
    again = cli("sweep", "--plot", out, "--pareto", "cost,qalys", "--outcome", "inmb:12000")
    assert again.code == 0, again.err
    listed = json.loads((out / "manifest.json").read_text())["sha256"]
    assert {"figures/pareto.png", "figures/lines.png", "report.html", "sweep.parquet", "inputs.json"} <= set(listed)
    assert listed == {name: hash_of(out / name) for name in listed}
    assert swept(cli, model, out).code == 0
    (out / "manifest.json").unlink()
    refused = cli("sweep", "--plot", out)
    assert refused.code == 2
    assert "the sweep is not complete; name another folder" in refused.err
    assert cli("sweep", "--plot", out, "--out", tmp_path / "p", "--outcome", "os:5").code == 0
    assert (tmp_path / "p" / "figures" / "lines.png").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--outcome", "qaly"), "--outcome: unknown outcome 'qaly'. Did you mean 'qalys'?"),
        (("--outcome", "os:77"), "--outcome: unknown outcome 'os:77'."),
        (("--best", "nmb"), "--best: unknown outcome 'nmb'."),
        (("--pareto", "cost,qaly"), "--pareto: unknown outcome 'qaly'. Did you mean 'qalys'?"),
        (("--axes", "c_stabel"), "--axes: unknown axis 'c_stabel'. Did you mean 'c_stable'?"),
        (("--study", "psa", "--draws", 10, "--outcome", "ceac:1"), "--outcome: unknown outcome 'ceac:1'."),
    ],
)
def test_outcomes_that_there_are_none_of_are_refused_before_work(
    words: tuple[object, ...], said: str, cli: Cli, model: Path, tmp_path: Path
) -> None:
    """With the nearest one, and no folder is made; those that there are pass."""
    axes = ("--vary", "c_stable=1000:3000:3", "--patients", 200, "--jobs", 1)
    refused = cli("sweep", model, *axes, *words, "--out", tmp_path / "s")
    assert refused.code == 2
    assert said in refused.err
    assert not (tmp_path / "s").exists()


# === Folders that come to harm ===


def swept(cli: Cli, model: Path, out: Path) -> Any:
    """A small sweep."""
    return cli("sweep", model, TABLES, "--vary", "c_stable=1000:3000:3", "--patients", 200, "--out", out, "--jobs", 1)


def rows_file(out: Path) -> Path:
    """The file of rows of a finished sweep."""
    (found,) = [path for path in (out / "cells").iterdir() if not path.name.startswith("plan")]
    return found


def test_files_of_others_are_left_alone(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Beside the table and among the cells: one message, and nothing is changed."""
    out = tmp_path / "s"
    assert swept(cli, model, out).code == 0
    for place in (out / "thesis.docx", out / "cells" / "mine.parquet"):
        place.write_text("mine")
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        refused = swept(cli, model, out)
        assert refused.code == 2
        assert f"holds '{place.relative_to(out)}', which lmssim did not write" in refused.err
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
        place.unlink()
    assert swept(cli, model, out).code == 0


def test_rows_that_were_cut_short_are_made_again(cli: Cli, model: Path, tmp_path: Path) -> None:
    """With a warning that names the file; the table is as it was."""
    out = tmp_path / "s"
    assert swept(cli, model, out).code == 0
    whole, file = frame(out), rows_file(out)
    file.write_bytes(file.read_bytes()[:400])
    with pytest.warns(UserWarning, match=f"{file.name}: damaged; what it held is made again"):
        again = swept(cli, model, out)
    assert again.code == 0
    assert "3 cells: 3 run." in again.out
    same(frame(out), whole)
    assert rows_file(out).name == file.name


def test_rows_of_other_code_are_kept_but_not_used(
    cli: Cli, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a package that lmssim computes with has changed its version; back again nothing is run."""
    out = tmp_path / "s"
    assert swept(cli, model, out).code == 0
    found = importlib.metadata.version
    with monkeypatch.context() as changed:
        changed.setattr(importlib.metadata, "version", lambda name: "9.9" if name == "numpy" else found(name))
        installed.cache_clear()
        again = swept(cli, model, out)
    installed.cache_clear()
    assert "holds 6 rows of other code" in again.err
    assert "numpy 9.9" in again.err
    assert "3 cells: 3 run." in again.out
    assert "3 cells: 0 run, 3 kept from before." in swept(cli, model, out).out


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files of at most so many bytes: enough for rows, and not for the table."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_loses_nothing(cli: Cli, model: Path, tmp_path: Path) -> None:
    """One message; what was written stays, and the next run goes on from it."""
    out, words = tmp_path / "s", ("sweep", model, *LONG, "--jobs", 1)
    full = cli(*words, "--out", out)
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)
    assert full.code == 2
    assert "cannot be written: the file would be larger than the system allows" in full.err
    assert len(full.err.splitlines()) == 1
    assert "kept from before" in cli(*words, "--out", out).out


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(cli: Cli, model: Path, tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").write_text("mine")
    refused = swept(cli, model, tmp_path / "file" / "s")
    assert refused.code == 2
    assert "a file stands where a folder is needed" in refused.err


# === Processes that are killed, and that share the work ===


def start(model: Path, out: Path) -> subprocess.Popen[str]:
    """Begin the long sweep."""
    words = [sys.executable, "-m", "lmssim", "sweep", str(model), *LONG, "--jobs", "1", "--out", str(out), "--quiet"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True)


def wait_for_rows(process: subprocess.Popen[str], out: Path, n: int = 1) -> None:
    """Until some files of rows are there."""
    while process.poll() is None:
        if len([p for p in out.glob("cells/*.parquet") if not p.name.startswith("plan")]) >= n:
            return
        time.sleep(0.01)


def test_a_killed_sweep_goes_on_and_a_second_process_helps(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Killed once, begun again, joined half way: the table is that of a sweep that nobody disturbed."""
    out = tmp_path / "s"
    assert cli("sweep", model, *LONG, "--out", tmp_path / "whole").code == 0
    killed = start(model, out)
    wait_for_rows(killed, out)
    killed.kill()
    killed.communicate()
    first = start(model, out)
    wait_for_rows(first, out, 2)
    second = start(model, out)
    told = [process.communicate(timeout=300)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    same(frame(out), frame(tmp_path / "whole"))
    assert len(list((out / "cells").iterdir())) == 2
    assert json.loads((out / "manifest.json").read_text())["result"]["cells"] == 289


def test_ctrl_c_says_how_to_go_on(model: Path, tmp_path: Path) -> None:
    """What is done is kept, and the exit code tells of the signal."""
    out = tmp_path / "s"
    process = start(model, out)
    wait_for_rows(process, out)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "of 289 cells are kept in" in err
    assert "the same command goes on from them" in err
    assert not list(out.glob("cells/*.lease"))
    assert not list(out.glob("cells/.*"))


@pytest.mark.study
def test_sweeps_are_killed_at_random(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Twenty times, every third time with a second process at work: the table is that of one that nobody disturbed."""
    rng, out = np.random.default_rng(1), tmp_path / "s"
    began = time.monotonic()
    whole = start(model, tmp_path / "whole")
    whole.communicate(timeout=600)
    assert whole.returncode == 0
    seconds = time.monotonic() - began
    killed = 0
    for k in range(KILLS):
        processes = [start(model, out) for _ in range(2 if k % 3 == 0 else 1)]
        time.sleep(rng.uniform(0.2, 0.6) * seconds)
        for process in processes:
            killed += process.poll() is None
            process.kill()
            assert "Traceback" not in process.communicate()[1]
        if not start_again(out):
            continue
        for path in out.glob("cells/*.parquet"):  # so that there is something left to kill
            path.unlink()
    assert cli("sweep", model, *LONG, "--out", out).code == 0
    same(frame(out), frame(tmp_path / "whole"))
    assert killed >= KILLS // 2


def start_again(out: Path) -> bool:
    """Whether a sweep is complete."""
    return (out / "manifest.json").is_file()
