"""`lmssim case`: where published patients lie, on the terminal, as JSON and in files; and in the results of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.kit.examples import CASE, CASE_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Cli

    Write = Callable[..., Path]


def test_the_command_writes_table_and_figures(write_scenario: Write, cli: Cli, tmp_path: Path) -> None:
    """Terminal table, JSON, folder; a case that does not exist and a scenario without any are refused."""
    path, out = write_scenario(CASE, CASE_VALUES), tmp_path / "out"
    shown = cli("case", path, "--patients", 2000, "--out", out)
    assert shown.code == 0
    assert "One patient" in shown.out
    assert "over 4 years" in shown.out
    files = {"cases.csv", "case_one.png", "inputs.json", "manifest.json"}
    assert {p.name for p in out.iterdir()} == files
    rows: list[dict[str, Any]] = json.loads(cli("case", path, "--patients", 2000, "--json").out)["cases"]
    assert [row["target_id"] for row in rows] == ["fig_1", ""]
    assert (out / "cases.csv").read_text().splitlines()[1].startswith("one,fig_1,To recurrence,1.5,False,2000,")
    wrong = cli("case", path, "--case", "on")
    assert (wrong.code, wrong.err) == (2, "lmssim: error: --case: unknown case 'on'. Did you mean 'one'?\n")
    none = cli("case", "examples/illness_death")
    assert none.code == 2
    assert "cases: the scenario has none" in none.err


def test_a_run_files_its_cases(write_scenario: Write, cli: Cli, tmp_path: Path) -> None:
    """Table, figure and a section of the report, only where the scenario has cases."""
    out = tmp_path / "out"
    assert cli("run", write_scenario(CASE, CASE_VALUES), "--patients", 500, "--out", out, "--quiet").code == 0
    assert (out / "cases.csv").is_file()
    assert (out / "figures" / "case_one.png").is_file()
    assert "Published patients" in (out / "report.html").read_text()
    without = CASE[: CASE.index("[cases.one]")]
    assert cli("run", write_scenario(without, CASE_VALUES), "--patients", 500, "--out", out, "--quiet").code == 0
    assert not (out / "cases.csv").exists()
