"""The text of the reference results says what their tables hold."""

from __future__ import annotations

import pandas as pd

from lmssim.bundled import results_folder
from lmssim.report.trials.bundled.text import Numbers, text_of
from lmssim.studies.reference import reference

FOLDER = results_folder() / "trials"
TABLES = ("characteristics", "endpoints", "effects", "assurance", "value", "replay")


def numbers(**changed: pd.DataFrame) -> Numbers:
    """The kept tables, or others."""
    tables = {name: pd.read_csv(FOLDER / f"{name}.csv", keep_default_na=name != "replay") for name in TABLES}
    for name in ("at", "published_low", "published_high"):
        tables["replay"][name] = pd.to_numeric(tables["replay"][name])
    return Numbers(**(tables | changed))


def test_the_kept_text_is_of_the_kept_tables() -> None:
    """Word for word."""
    assert text_of(numbers(), reference().trials.n_trials) == (FOLDER / "README.md").read_text(encoding="utf-8")


def test_numbers_come_from_the_tables() -> None:
    """Another power is printed as another power."""
    table = pd.read_csv(FOLDER / "characteristics.csv")
    table.loc[(table["design"] == "strass") & (table["case"] == "99 events"), "power"] = 0.123
    assert "power of 12.3% ± " in text_of(numbers(characteristics=table), 7)
    assert "from 7 simulated trials" in text_of(numbers(), 7)


def test_what_the_text_says_in_words_holds() -> None:
    """Sentences without a number are of these."""
    x = numbers()
    for case in ("progression 0%", "progression 10%", "progression 20%"):
        for row in x.endpoints("strass_model", case):
            assert row["endpoint"] == "local_recurrence" or row["significant"] < 0.3
    assert x.of("harm", "strass_model", "progression 20%") > x.of("harm", "strass_model", "progression 10%") > 0.025
    assert x.of("power", "gog0277", "38 a year, as planned") < 0.2
    found = x.endpoint("sarveillance", "margin 1.36", "dfs")
    assert found["log_hr"] < -4 * found["log_hr_se"]
    assert abs(x.of("log_hr", "sarveillance", "margin 1.36")) < 0.02
    assert x.endpoint("lms04", "37% cross over", "os")["hr"] - 0.65 < 0.05
    assert (x.assured["assurance"] < 0.5).all()
    assert x.effects["power"].max() > 0.8
    told = {row["n"]: row["evsi"] / row["evppi"] for row in x.values()}
    assert 0.4 < told[250] < 0.8
    later = [row["enbs"] for row in x.values()]
    assert later == sorted(later, reverse=True)
