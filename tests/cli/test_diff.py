"""`lmssim diff` through the command line, on results of `lmssim run`, `psa` and `sweep`."""

from __future__ import annotations

import html
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import lmssim
from lmssim.errors import InputError
from tests.kit.examples import SWITCHED
from tests.kit.models import DEAD, HEAD, exponential, frame, move, section, start
from tests.kit.parameters import fixed_parameters, parameter_table

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

NAMES = [f"c{i}" for i in range(1, 11)]
PATIENTS = 1_024
COST = "p1 * p2 + " + " + ".join(NAMES)
"""Cost of a year: a sum, and a product of two."""


def write_model(place: Path, cost: str = COST, more: str = "", **values: float) -> Path:
    """A model of one risk; under `two` the risk is halved, and a year costs 100 more."""
    place.mkdir(exist_ok=True)
    strategies = "[strategies.one]\n[strategies.two]\n"
    text = HEAD + 'parameters = ["own.csv"]\n' + frame(settings="wtp = [1000]", strategies=strategies)
    text += section("expressions", ratio="1.0 if strategy == 'one' else 0.5", extra="0.0 if strategy == 'one' else 100")
    text += start("alive", utility="u", cost_per_year={"care": f"{cost} + extra"}) + DEAD
    text += move("alive", "dead", exponential("rate * ratio")) + more
    path = place / "model.toml"
    path.write_text(text.replace("[settings]", '[settings]\ncost_categories = ["care"]'))
    base = {name: 10.0 * k for k, name in enumerate(NAMES, 1)} | {"p1": 3.0, "p2": 20.0, "u": 0.8, "rate": 0.2}
    (place / "own.csv").write_text(fixed_parameters(base | values))
    return path


def run(cli: Cli, model: Path | str, out: Path, *words: object, patients: int = PATIENTS) -> Path:
    """A folder of results."""
    found = cli("run", model, "--patients", patients, "--no-report", "--quiet", "--jobs", 1, "--out", out, *words)
    assert found.code == 0, found.err
    return out


def compared(cli: Cli, *words: object) -> dict[str, Any]:
    """What a comparison says as JSON."""
    found = cli("diff", *words, "--json", "--jobs", 1)
    assert found.code == 0, found.err
    document: dict[str, Any] = json.loads(found.out)
    return document


def parts_of(document: dict[str, Any], outcome: str, strategy: str, comparator: str = "") -> dict[str, dict[str, Any]]:
    """Parts of a result by input."""
    wanted = (outcome, strategy, comparator)
    return {
        row["input"]: row for row in document["parts"] if (row["outcome"], row["strategy"], row["comparator"]) == wanted
    }


def total_of(document: dict[str, Any], outcome: str, strategy: str, comparator: str = "") -> dict[str, Any]:
    """A result of both sides."""
    wanted = (outcome, strategy, comparator)
    return next(r for r in document["totals"] if (r["outcome"], r["strategy"], r["comparator"]) == wanted)


def adds_up(document: dict[str, Any]) -> None:
    """Parts of every result add up to its change, and both sides agree with their folders."""
    parts = pd.DataFrame(document["parts"]).groupby(["strategy", "comparator", "outcome"])["part"].sum()
    totals = pd.DataFrame(document["totals"]).set_index(["strategy", "comparator", "outcome"])
    assert parts.to_numpy() == pytest.approx(totals["change"].loc[parts.index].to_numpy(), rel=1e-9, abs=1e-8)
    assert all(document["agreement"][side]["agrees"] for side in "ab")


def test_a_sum_of_costs_is_shared_by_its_terms(cli: Cli, tmp_path: Path) -> None:
    """The share of each cost of a year is its change times the years lived; the folders are met to the last digits."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    b = run(cli, model, tmp_path / "b", "--set", "c1=15", "--set", "c2=5", "--set", "c10=101")
    document = compared(cli, a, b, "--out", tmp_path / "out")
    assert [row["input"] for row in document["changed_inputs"]] == ["c1", "c10", "c2"]
    adds_up(document)
    for name in ("one", "two"):
        years = total_of(document, "life_years", name)["held_a"]
        parts = parts_of(document, "cost", name)
        found = {input_: row["part"] for input_, row in parts.items()}
        assert found == pytest.approx({"c1": 5.0 * years, "c2": -15.0 * years, "c10": 1.0 * years}, rel=1e-9)
        assert all(row["se_sampled"] == 0.0 and row["se"] > 0.0 for row in parts.values())
        assert all(row["part"] == 0.0 for row in parts_of(document, "qalys", name).values())
    assert document["agreement"]["a"]["apart"] < 1e-12
    assert document["agreement"]["b"]["apart"] < 1e-12


def test_factors_interact_and_costs_do_not(cli: Cli, tmp_path: Path) -> None:
    """The interaction of a price and an amount is the product of their changes times the years lived."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    b = run(cli, model, tmp_path / "b", "--set", "p1=5", "--set", "p2=30", "--set", "c1=20")
    document = compared(cli, a, b, "--out", tmp_path / "out")
    years = total_of(document, "life_years", "one")["a"]
    found = {
        (row["first"], row["second"]): row["interaction"]
        for row in document["interactions"]
        if (row["strategy"], row["comparator"], row["outcome"]) == ("one", "", "cost")
    }
    assert found == pytest.approx({("c1", "p1"): 0.0, ("c1", "p2"): 0.0, ("p1", "p2"): 20.0 * years}, rel=1e-9)
    parts = parts_of(document, "cost", "one")
    assert parts["p1"]["part"] == pytest.approx(years * (2.0 * 20.0 + 10.0), rel=1e-9)
    adds_up(document)


def test_orders_are_sampled_where_inputs_are_many(cli: Cli, tmp_path: Path) -> None:
    """Terms of a sum without error; the factors of a product, and a rate, within four of their standard errors."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    sets = [word for k, name in enumerate(NAMES[:7], 1) for word in ("--set", f"{name}={10 * k + k}")]
    b = run(cli, model, tmp_path / "b", *sets, "--set", "p1=5", "--set", "p2=30")
    told = cli("diff", a, b, "--orders", 4, "--jobs", 1, "--out", tmp_path / "told")
    assert (told.code, "along 4 sampled orders of the 9 inputs" in told.out.replace("\n", " ")) == (0, True), told.err
    document = compared(cli, a, b, "--orders", 12, "--out", tmp_path / "out")
    adds_up(document)
    years = total_of(document, "life_years", "two")["a"]
    parts = parts_of(document, "cost", "two")
    for k, name in enumerate(NAMES[:7], 1):
        assert parts[name]["part"] == pytest.approx(k * years, rel=1e-9)
    for name, known in (("p1", 50.0 * years), ("p2", 40.0 * years)):
        assert abs(parts[name]["part"] - known) <= 4.0 * max(parts[name]["se_sampled"], 1e-9 * known)
    pair = next(
        row
        for row in document["interactions"]
        if (row["strategy"], row["comparator"], row["outcome"], row["first"]) == ("two", "", "cost", "p1")
    )
    assert pair["interaction"] == pytest.approx(20.0 * years, rel=1e-9)


def test_inputs_that_count_as_one(cli: Cli, tmp_path: Path) -> None:
    """Its part is the sum of theirs where nothing interacts, and its parts are listed."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    b = run(cli, model, tmp_path / "b", "--set", "c1=15", "--set", "c2=5", "--set", "u=0.9")
    document = compared(cli, a, b, "--group", "costs=c*", "--out", tmp_path / "out")
    years = total_of(document, "life_years", "one")["a"]
    assert parts_of(document, "cost", "one")["costs"]["part"] == pytest.approx(-10.0 * years)
    assert [row["input"] for row in document["changed_inputs"]] == ["costs", "costs: c1", "costs: c2", "u"]
    refused = cli("diff", a, b, "--group", "costs=d*", "--out", tmp_path / "other")
    assert refused.code == 2
    assert "--group costs: unknown changed input 'd*'. Allowed: c1, c2, u." in refused.err


def test_files_may_have_changed_and_gone(cli: Cli, tmp_path: Path) -> None:
    """A row of a table, a setting and the structure: what was read is kept, and the structure is one step."""
    folder = tmp_path / "model"
    a = run(cli, write_model(folder), tmp_path / "a")
    more = move("alive", "dead", exponential(0.05), name="accident")
    model = write_model(folder, more=more, c3=99.0)
    model.write_text(model.read_text().replace("discount_rate_costs = 0.0", "discount_rate_costs = 0.05"))
    b = run(cli, model, tmp_path / "b", "--horizon", 20)
    shutil.rmtree(folder)
    document = compared(cli, a, b, "--out", tmp_path / "out")
    kinds = {row["input"]: row["kind"] for row in document["changed_inputs"]}
    assert kinds == {
        "c3": "parameter",
        "settings.discount_rate_costs": "setting",
        "settings.horizon": "setting",
        "structure": "structure",
    }
    adds_up(document)
    assert parts_of(document, "life_years", "one")["structure"]["part"] < 0.0
    assert parts_of(document, "life_years", "one")["c3"]["part"] == 0.0
    assert parts_of(document, "life_years", "one")["settings.discount_rate_costs"]["part"] == 0.0
    assert document["agreement"]["b"]["apart"] < 1e-12


def test_an_option_of_a_switch_is_one_input(cli: Cli, tmp_path: Path) -> None:
    """With all that it changes; one that changes nothing is none."""
    model = tmp_path / "small.toml"
    model.write_text(SWITCHED)
    a = run(cli, model, tmp_path / "a")
    words = ("--switch", "effect=better", "--switch", "price=low", "--switch", "idle=b")
    b = run(cli, model, tmp_path / "b", *words, "--strategies", "none,drug")
    document = compared(cli, a, b, "--out", tmp_path / "out")
    found = [(row["input"], row["kind"], row["a"], row["b"]) for row in document["changed_inputs"]]
    assert found == [("effect", "switch", "good", "better"), ("price", "switch", "high", "low")]
    adds_up(document)
    assert parts_of(document, "life_years", "drug", "none")["price"]["part"] == 0.0
    assert parts_of(document, "cost", "drug")["price"]["part"] == pytest.approx(-1_000.0, rel=1e-6)
    assert any("Only A has the strategies some, practice" in note for note in document["notes"])


def test_weights_of_options_are_no_input(cli: Cli, tmp_path: Path) -> None:
    """They concern averages of `lmssim psa`; one option has run."""
    model = tmp_path / "small.toml"
    weights = "[switches.effect.average]\nweights = { good = 0.5, better = 0.5 }\njustification = 'assumed'\n"
    model.write_text(SWITCHED + weights)
    a = run(cli, model, tmp_path / "a")
    model.write_text(SWITCHED)
    b = run(cli, model, tmp_path / "b", "--switch", "price=low")
    document = compared(cli, a, b, "--out", tmp_path / "out")
    assert [row["input"] for row in document["changed_inputs"]] == ["price"]
    adds_up(document)


def drawn_model(place: Path, seed: int, shift: float = 0.0) -> Path:
    """The model with a posterior of its rate and its utility, and a cost that is drawn by itself."""
    path = write_model(place, more='[groups.calibrated]\nkind = "posterior"\nfile = "draws.csv"\n')
    rng = np.random.default_rng(seed)
    rates = np.exp(np.log(0.2) + shift + 0.2 * rng.normal(size=200))
    draws = pd.DataFrame({"rate": rates, "u": 0.8 - 0.2 * (rates - 0.2)})
    draws.to_csv(place / "draws.csv", index=False)
    rows = [f"{name}, {10.0 * k}" for k, name in enumerate(NAMES, 1)]
    rows += ["p1, 3, gamma, 9, 0.3333333333333333", "p2, 20", f"u, {draws['u'].mean()}", f"rate, {rates.mean()}"]
    (place / "own.csv").write_text(parameter_table(*rows))
    return path


def test_a_posterior_is_one_input(cli: Cli, tmp_path: Path) -> None:
    """Its draws and its values together; expectations over draws are compared draw by draw."""
    folder = tmp_path / "model"
    a = run(cli, drawn_model(folder, 1), tmp_path / "a", "--draws", 100, patients=2_000)
    b = run(cli, drawn_model(folder, 2, 0.3), tmp_path / "b", "--draws", 100, "--set", "c1=15", patients=2_000)
    shutil.rmtree(folder)
    document = compared(cli, a, b, "--out", tmp_path / "out")
    assert {row["input"]: row["kind"] for row in document["changed_inputs"]} == {
        "calibrated": "posterior",
        "c1": "parameter",
    }
    adds_up(document)
    assert document["agreement"]["a"]["apart"] < 1e-12
    assert document["manifest"]["result"]["draws"] == 100
    assert parts_of(document, "life_years", "one")["calibrated"]["part"] < 0.0


def test_drawn_parameters_against_their_values(cli: Cli, tmp_path: Path) -> None:
    """Whether they are drawn is an input by itself; a psa of the same draws differs in nothing."""
    model = drawn_model(tmp_path / "model", 1)
    a = run(cli, model, tmp_path / "a", "--point")
    b = run(cli, model, tmp_path / "b", "--draws", 100, patients=2_000)
    document = compared(cli, a, b, "--out", tmp_path / "out")
    assert [row["input"] for row in document["changed_inputs"]] == ["draws"]
    assert "Sampling differs" in " ".join(document["notes"])
    adds_up(document)
    words = ("--draws", 100, "--patients", 20, "--no-report", "--quiet", "--jobs", 1)
    assert cli("psa", model, *words, "--out", tmp_path / "c").code == 0
    alike = cli("diff", b, tmp_path / "c")
    assert (alike.code, "No input of the model differs" in alike.out) == (0, True)


def test_solved_results_have_no_error(cli: Cli, tmp_path: Path) -> None:
    """Results of the engine without patients are solved again."""
    model = write_model(tmp_path / "model")
    for name, words in (("a", ()), ("b", ("--set", "c1=15", "--set", "rate=0.25"))):
        words = ("run", model, "--engine", "cohort", "--no-report", "--quiet", *words, "--out", tmp_path / name)
        assert cli(*words).code == 0
    document = compared(cli, tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    adds_up(document)
    assert all(row["se"] == 0.0 for row in document["parts"])


def test_cells_of_a_sweep(cli: Cli, tmp_path: Path) -> None:
    """By number or by levels: a parameter, a field and a switch; results as the sweep has them."""
    model = tmp_path / "small.toml"
    model.write_text(SWITCHED)
    out = tmp_path / "sweep"
    words = ("--vary", "settings.horizon=10,20", "--vary", "effect=good,null", "--patients", PATIENTS, "--jobs", 1)
    assert cli("sweep", model, *words, "--no-report", "--out", out, "--quiet").code == 0
    cells = ("--cells", "settings.horizon=10,effect=good", "4")
    document = compared(cli, out, *cells, "--out", tmp_path / "out")
    found = [(row["input"], row["a"], row["b"]) for row in document["changed_inputs"]]
    assert found == [("effect", "good", "null"), ("settings.horizon", "10 years", "20 years")]
    adds_up(document)
    assert document["agreement"]["b"]["apart"] < 1e-12
    same = cli("diff", out, "--cells", "1", "1")
    assert (same.code, "No input of the model differs" in same.out) == (0, True)
    for chosen, said in (
        (("7", "1"), "--cells 7: there is no such cell; they are numbered 1 to 4."),
        (("effect=good", "1"), "2 cells fit; say more: settings.horizon is 10, 20."),
        (("effect=goood", "1"), "no cell has effect = goood. It is good, null."),
        (("efect=good", "1"), "unknown axis 'efect'. Did you mean 'effect'?"),
        (("effect", "1"), "is no number of a cell, and not NAME=LEVEL,NAME=LEVEL."),
    ):
        refused = cli("diff", out, "--cells", *chosen)
        assert (refused.code, said in refused.err) == (2, True), refused.err


def study_label(a: Path, b: Path) -> str:
    """What stands at the axis of the waterfall."""
    return lmssim.diff(a, b).plot().get_xlabel()


def test_everything_is_written(cli: Cli, tmp_path: Path) -> None:
    """Tables, JSON, the waterfall twice, the report, a workbook; the same numbers again, and in Python."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    b = run(cli, model, tmp_path / "b", "--set", "c1=15", "--set", "rate=0.25")
    out = tmp_path / "out"
    found = cli("diff", a, b, "--xlsx", "--out", out)
    assert found.code == 0, found.err
    assert {path.name for path in out.iterdir()} == {
        "changed_inputs.csv",
        "diff.json",
        "inputs.json",
        "interactions.csv",
        "manifest.json",
        "parts.csv",
        "report.html",
        "tables.xlsx",
        "totals.csv",
        "waterfall.png",
        "waterfall.svg",
    }
    assert "to 12 digits" in found.out
    page, currency = html.unescape((out / "report.html").read_text()), "GBP"
    for text in (found.out, page):
        assert f"Cost, {currency}" in text
        assert f"Net benefit at 1,000, {currency}" in text
    assert study_label(a, b).endswith(f" per QALY, {currency}")
    parts = pd.read_csv(out / "parts.csv", keep_default_na=False)
    study = lmssim.diff(a, b)
    again = study.to_frame()
    assert parts["part"].tolist() == pytest.approx(again["part"].tolist(), rel=1e-12)
    assert [len(ax.patches) for ax in (study.plot(), study.plot(strategy="two", outcome="cost"))] == [4, 4]


def test_what_cannot_be_compared_is_refused(cli: Cli, tmp_path: Path) -> None:
    """One message each, exit code 2, and nothing is written."""
    model = write_model(tmp_path / "model")
    a = run(cli, model, tmp_path / "a")
    other = write_model(tmp_path / "other")
    other.write_text(other.read_text().replace("name = 'test'", "name = 'other'"))
    b = run(cli, other, tmp_path / "b")
    (tmp_path / "empty").mkdir()
    old = shutil.copytree(a, tmp_path / "old")
    shutil.rmtree(old / "inputs")
    lost = shutil.copytree(a, tmp_path / "lost")
    for path in (lost / "inputs").glob("*.csv"):
        path.unlink()
    cut = shutil.copytree(a, tmp_path / "cut")
    (cut / "inputs" / "scenario.json").write_text('{"merged": ')
    stopped, torn, strange = (shutil.copytree(a, tmp_path / name) for name in ("stopped", "torn", "strange"))
    (stopped / "manifest.json").unlink()
    (torn / "manifest.json").write_bytes((a / "manifest.json").read_bytes()[:300])
    (strange / "manifest.json").write_text("{}")
    out = tmp_path / "out"
    for words, said in (
        ((a,), "B is missing"),
        ((a, stopped), "stopped: has no manifest.json, so that it is not complete"),
        ((torn, a), "manifest.json: cannot be read as JSON"),
        ((a, strange), "names no files, so that it is no manifest"),
        ((a, tmp_path / "none"), "there is no such folder"),
        ((a, tmp_path / "empty"), "is no folder of results"),
        ((a, old), "keeps no scenario that could be run again"),
        ((lost, lost), "neither kept in the folder nor part of this installation"),
        ((a, cut), "cannot be read as JSON"),
        ((a, b), "diff compares results of one scenario"),
        ((a, a, "--strategies", "tow"), "unknown strategy of both results 'tow'"),
        ((a, a, "--strategies", "two,,"), "--strategies 'two,,': a name is missing"),
        ((a, a, "--wtp", "-1"), "--wtp -1: '-1' is not a number from 0 to 1,000,000,000,000"),
        ((a, b, "--patients", "x"), "--patients"),
        ((a, a, "--cells", "1", "2"), "--cells: compares two cells of one sweep: leave B out"),
        ((a, "--cells", "1", "2"), "is no sweep, so it has no cells"),
        ((a, b, "--files-from", tmp_path / "nowhere"), "there is no such folder"),
    ):
        refused = cli("diff", *words, "--out", out)
        assert (refused.code, said in refused.err, out.exists()) == (2, True, False), refused.err
    with pytest.raises(InputError, match="B is missing"):
        lmssim.diff(a)
    found = compared(cli, lost, run(cli, model, tmp_path / "c", "--set", "c1=1"), "--out", out)
    assert found["agreement"]["a"]["agrees"]  # the other folder has the same file


def test_a_result_that_is_not_met_is_said(cli: Cli, tmp_path: Path) -> None:
    """The folder holds something else than its inputs give."""
    model = write_model(tmp_path / "model")
    a, b = run(cli, model, tmp_path / "a"), run(cli, model, tmp_path / "b", "--set", "c1=15")
    summary = pd.read_csv(a / "summary.csv")
    summary.loc[summary["outcome"] == "cost", "mean"] *= 2.0
    summary.to_csv(a / "summary.csv", index=False)
    found = cli("diff", a, b, "--out", tmp_path / "out", "--no-report")
    assert found.code == 0
    assert "its inputs give here something else than it holds" in found.out.replace("\n", " ")


def test_extremity_against_three_changed_inputs(cli: Cli, tmp_path: Path) -> None:
    """Base case of a calibrated scenario: the parts of the change of every result add up."""
    some = ("--strategies", "surgery_only,neoadj_ct", "--draws", 50, "--periods", "none")
    a = run(cli, "extremity", tmp_path / "a", *some)
    changed = ("--set", "loghr_dm_ct=-0.4", "--set", "c_bsc_week_2021_22=150", "--switch", "discount_rates=low")
    b = run(cli, "extremity", tmp_path / "b", *some, *changed)
    document = compared(cli, a, b, "--out", tmp_path / "out")
    kinds = {row["input"]: row["kind"] for row in document["changed_inputs"]}
    assert kinds == {"discount_rates": "switch", "c_bsc_week_2021_22": "parameter", "loghr_dm_ct": "parameter"}
    adds_up(document)
    assert document["agreement"]["a"]["apart"] < 1e-12
    assert document["agreement"]["b"]["apart"] < 1e-12
