"""A model whose every text is hostile: all that commands write can be read, and holds the text as text."""

from __future__ import annotations

import csv
import json
import unicodedata
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from lmssim.cli.app import main
from tests.kit.models import (
    HEAD,
    absorbing,
    covariate,
    endpoint,
    event,
    exponential,
    move,
    observation,
    population,
    section,
    series,
    start,
    strategy,
)
from tests.kit.page import Tags

if TYPE_CHECKING:
    from pathlib import Path

SEEN = "costs $\\frac{$ _a_ ^% & <script>alert(1)</script> \" ' [bold]b[/] \U0001f600 \u4e2d ]]> -->"
HOSTILE = f"=1+{SEEN} \x1b[31m \x07 \u202e \u200b \x85 \u2028"
LABEL = {"label": f"_{HOSTILE} {'W' * 300}"}
MODEL = (
    HEAD.replace("'Test'", "'TITLE'")
    + "description = 'TITLE'\nshared_parameters = ['table.csv']\n"
    + section(
        "settings", horizon=20, cost_categories=["care"], times=[1, 5], perspective=HOSTILE, currency=HOSTILE, wtp=[1e4]
    )
    + population(covariate("age", "constant", value=60, unit=HOSTILE, **LABEL))
    + event("sepsis", 0.1, cost={"care": 1000}, death=0.2, death_state="dead", **LABEL)
    + start("well", utility=0.8, cost_per_year={"care": "c_care"}, **LABEL)
    + section("states.ill", utility=0.5, events=["sepsis"], **LABEL)
    + absorbing("dead", **LABEL)
    + move("well", "ill", exponential(0.5))
    + move("ill", "dead", exponential(0.4))
    + strategy("one", **LABEL)
    + strategy("two", set={"c_care": 200}, label=f"{HOSTILE} 2")
    + endpoint("os", "dead", **LABEL)
    + series(
        "cohort",
        HOSTILE,
        "one",
        observation("alive", HOSTILE, "proportion", "dead", observed=0.5, n=20),
        follow_up={"low": 2, "high": 10},
    )
    + section(
        "cases.first",
        label=HOSTILE,
        source_id=HOSTILE,
        strategy="one",
        observed=[{"label": HOSTILE, "events": ["ill"], "time": 3}],
    )
    + section("switches.care", default="low", **LABEL)
    + section("switches.care.options.low", reason=HOSTILE, **LABEL)
    + section("switches.care.options.high", reason=HOSTILE, set={"c_care": 300}, **LABEL)
)
NUMBERS = ("id", "value", "distribution", "p1", "p2", "se", "low", "high", "expression")
TEXTS = ("unit", "kind", "source_id", "locator", "description", "reason")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in a file whose own name is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "a $x_[bold]<b>\x1b[31m\u202e.toml"
    title = json.dumps(HOSTILE, ensure_ascii=False)
    path.write_text(MODEL.replace("'TITLE'", title), encoding="utf-8")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        row = ["c_care", "100", "fixed", *[""] * 6, HOSTILE, "assumed", HOSTILE, HOSTILE, HOSTILE, HOSTILE]
        csv.writer(file).writerows([(*NUMBERS, *TEXTS), row])
    return path


COMMANDS = {
    "run": ["--patients", "50", "--figures", "svg"],
    "show": ["--diagram", "out/diagram.svg"],
    "trace": ["--patient", "1", "--out", "out", "--figures", "svg"],
    "verify": ["--patients", "100", "--check", "components-sum", "--out", "out"],
    "switches": ["--patients", "1024", "--out", "out", "--figures", "svg"],
    "case": ["--patients", "100", "--out", "out", "--figures", "svg"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_all_that_is_written_holds_text_as_text(
    command: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing hidden reaches the terminal; pages hold no script, pictures are XML, no cell of a table is a formula."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([command, str(model), *COMMANDS[command]])
    printed = capsys.readouterr()
    assert stopped.value.code == 0, printed.err
    assert printed.err == ""
    assert_seen(printed.out)
    given = {path.read_bytes() for path in model.parent.iterdir()}
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not _is_copy(path, given)]
    assert written
    for path in written:
        assert_text_is_text(path)


def _is_copy(path: Path, given: set[bytes]) -> bool:
    """Whether a file is one of the user's own, kept byte for byte among the inputs."""
    return path.parent.name == "inputs" and path.read_bytes() in given


def assert_seen(text: str) -> None:
    """No control character and no mark of direction."""
    assert not {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} - {"\n", "\t"}


def assert_text_is_text(path: Path) -> None:
    """A file that others read holds nothing that they would run."""
    if path.suffix == ".svg":
        ElementTree.parse(path)  # noqa: S314  # our own
    if path.suffix not in (".html", ".json", ".csv"):
        return
    text = path.read_text(encoding="utf-8")
    assert_seen(text)
    if path.suffix == ".html":
        Tags(text).assert_stands_alone(r"#|https://doi\.org/")
    elif path.suffix == ".json":
        json.loads(text)
    else:
        for row in csv.reader(text.splitlines(keepends=True), strict=True):
            assert not [cell for cell in row if cell[:1] in ("=", "+", "@") or (cell[:1] == "-" and not number(cell))]


def number(cell: str) -> bool:
    """Whether a cell is a number, or says that there is none."""
    return cell == "-" or cell.replace("-", "").replace(".", "").replace("e", "").isdigit()
