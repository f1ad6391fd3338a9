"""Switches: what an option sets and changes, what is refused, and what counts as used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError, ParameterError, ScenarioError
from lmssim.execution.manifest import parameter_hash
from lmssim.model.compile import compile_scenario
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.switches import named_parameters, switched
from lmssim.model.parameters.table import load_parameters
from lmssim.model.scenario import Scenario, load_scenario
from tests.kit.models import DEAD, alive_dead, covariate, exponential, frame, move, population, section, start, strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MODEL = (
    section("settings", horizon=10, cost_categories=["care"])
    + population(covariate("age", "constant", value=60))
    + start("well", cost_per_year={"care": "cost"})
    + DEAD
    + move("well", "dead", exponential("rate"))
    + strategy("all")
)
SWITCHES = """
[switches.speed]
default = "slow"
[switches.speed.options.slow]
[switches.speed.options.fast]
reason = "Because."
source_id = "someone_2020"
set = { rate = "2 * other" }
[switches.speed.options.still]
set = { rate = 0 }
[switches.prices]
default = "now"
[switches.prices.options.now]
[switches.prices.options.then]
change.settings = { currency = "DEM", discount_rate_costs = 0.05 }
change.states.well.cost_per_year = { care = "old" }
"""
VALUES = {"rate": 0.1, "cost": 10.0, "other": 0.3, "old": 7.0}


@pytest.fixture
def path(write_scenario: Callable[..., Path]) -> Path:
    """A model of two states and two switches."""
    return write_scenario(MODEL + SWITCHES, VALUES)


def rate(scenario: Scenario) -> float:
    """Base value of the hazard."""
    return float(scenario.table.base()["rate"][0])


def test_the_default_is_the_model_as_it_stands(path: Path, write_scenario: Callable[..., Path]) -> None:
    """Bit for bit: nothing is set, nothing is changed."""
    scenario = load_scenario(path)
    plain = load_scenario(write_scenario(MODEL, {"rate": 0.1, "cost": 10.0}, name="plain.toml"))
    assert scenario.options == {"speed": "slow", "prices": "now"}
    assert scenario.file.model_copy(update={"switches": {}}) == plain.file
    used = [compile_scenario(each).used for each in (scenario, plain)]
    assert parameter_hash(used[0]) == parameter_hash(used[1])


def test_an_option_sets_parameters(path: Path) -> None:
    """By an expression or a number; the row says where it comes from, and nothing of the old row is left."""
    fast = load_scenario(path, switches={"speed": "fast"})
    row = fast.table["rate"]
    assert rate(fast) == pytest.approx(0.6)
    assert (row.expression, row.kind, row.source_id) == ("2 * other", "derived", "someone_2020")
    assert row.reason == "Switch speed = fast. Because."
    assert set(compile_scenario(fast).used) == {"rate", "other", "cost"}
    still = load_scenario(path, switches={"speed": "still"})
    assert rate(still) == 0.0
    assert np.all(sample_parameters(still.table, {}, 3, 1)["rate"] == 0.0)


def test_an_option_may_start_from_the_own_row(write_scenario: Callable[..., Path]) -> None:
    """Which stands beside it, with its source and its draws."""
    path = write_scenario(MODEL + SWITCHES.replace("rate = 0 }", 'rate = "rate / 4 + other" }'), VALUES)
    scenario = load_scenario(path, {"other": 1.0}, {"speed": "still"})
    assert rate(scenario) == pytest.approx(1.025)
    assert scenario.table["rate_base_case"].value == 0.1
    assert "rate_base_case" in compile_scenario(scenario).used
    assert "rate_base_case" not in load_scenario(path).table


def test_an_override_goes_before_an_option(path: Path) -> None:
    """Also through what the option's expression names."""
    assert rate(load_scenario(path, {"other": 1.0}, {"speed": "fast"})) == 2.0
    assert rate(load_scenario(path, {"rate": 5.0}, {"speed": "fast"})) == 5.0


def test_an_option_changes_tables(path: Path) -> None:
    """Key by key, as a file that includes the model does."""
    changed = load_scenario(path, switches={"prices": "then"})
    assert changed.file.settings.currency == "DEM"
    assert changed.file.settings.horizon == 10
    assert changed.file.states["well"].cost_per_year == {"care": "old"}
    assert "old" in compile_scenario(changed).used


def test_switches_do_not_meddle(path: Path) -> None:
    """Two options of two switches hold together."""
    both = load_scenario(path, switches={"prices": "then", "speed": "fast"})
    assert rate(both) == pytest.approx(0.6)
    assert both.file.settings.currency == "DEM"
    assert both.options == {"speed": "fast", "prices": "then"}


def test_parameters_of_options_count_as_used(write_scenario: Callable[..., Path]) -> None:
    """Whether chosen or not; one that not even an option names is refused at the base case."""
    path = write_scenario(MODEL + SWITCHES, VALUES | {"leftover": 1.0})
    with pytest.raises(ParameterError, match="'leftover': nothing uses this parameter"):
        compile_scenario(load_scenario(path))
    assert compile_scenario(load_scenario(path, switches={"speed": "fast"})) is not None


def test_files_named_by_an_option_are_found_from_where_it_stands(
    write_scenario: Callable[..., Path], tmp_path: Path
) -> None:
    """An included file in another folder names its own neighbours."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "life.csv").write_text("age,q\n0,0.1\n")
    (tmp_path / "life.csv").write_text("age,q\n0,0\n")
    (folder / "switches.toml").write_text(
        "[switches.life]\ndefault = 'none'\n[switches.life.options.none]\n"
        "[switches.life.options.table.change.mortality]\ntable = 'life.csv'\n"
    )
    text = MODEL + "[mortality]\ntable = 'life.csv'\nkeys = {}\n"
    path = write_scenario("include = ['tables/switches.toml']\n" + text, {"rate": 0.1, "cost": 1.0})
    chosen = load_scenario(path, switches={"life": "table"})
    assert chosen.life is not None
    assert chosen.life.file == str(folder / "life.csv")


def test_what_differs_by_a_category_is_set_in_each(tmp_path: Path) -> None:
    """An option that sets a plain id sets all that it stands for."""
    table = load_parameters([_table(tmp_path, {"rate": 0.1, "other": 0.3, "limb_rate": 0.2, "skin_rate": 0.4})])
    file = load_switches(tmp_path)

    def spread(id_: str, value: float | str) -> Mapping[str, float | str]:
        return {"limb_rate": value, "skin_rate": f"{value} + 1"} if id_ == "rate" else {id_: value}

    done = switched(table, file.file.switches, {"speed": "fast", "prices": "now"}, "here", spread).base()
    assert [float(done[name][0]) for name in ("rate", "limb_rate", "skin_rate")] == pytest.approx([0.1, 0.6, 1.6])
    assert named_parameters(file.file.switches, table, spread) == {"other", "limb_rate", "skin_rate"}


def _table(folder: Path, values: dict[str, float]) -> Path:
    path = folder / "more.csv"
    rows = [f"{k},{v},fixed,,,,,," for k, v in values.items()]
    path.write_text("\n".join(["id,value,distribution,p1,p2,se,low,high,expression", *rows]) + "\n")
    return path


def load_switches(folder: Path) -> Scenario:
    """The small scenario, for its switches."""
    (folder / "small.csv").write_text(_table(folder, VALUES).read_text())
    path = folder / "small.toml"
    head = "schema_version = 2\nname = 'small'\ntitle = 'Small'\nparameters = ['small.csv']\n"
    path.write_text(head + MODEL + SWITCHES)
    _table(folder, {"rate": 0.1, "other": 0.3, "limb_rate": 0.2, "skin_rate": 0.4})
    return load_scenario(path)


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ({"sped": "fast"}, "switches: unknown switch 'sped'. Did you mean 'speed'?"),
        ({"speed": "fats"}, "switches.speed: unknown option 'fats'. Did you mean 'fast'?"),
    ],
)
def test_unknown_names_are_refused(path: Path, selected: dict[str, str], message: str) -> None:
    """With the nearest one."""
    with pytest.raises(ScenarioError) as refused:
        load_scenario(path, switches=selected)
    assert message in str(refused.value)


def test_a_scenario_without_switches_says_so(write_scenario: Callable[..., Path]) -> None:
    """In place of a hint."""
    path = write_scenario(MODEL, {"rate": 0.1, "cost": 1.0})
    with pytest.raises(ScenarioError, match=r"unknown switch 'speed'\. The scenario has no switches"):
        load_scenario(path, switches={"speed": "fast"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('default = "slow"', 'default = "slw"', "switches.speed.default: unknown option 'slw'. Did you mean 'slow'?"),
        ("rate = 0 }", "rat = 0 }", "options.still.set: unknown parameter 'rat'. Did you mean 'rate'?"),
        ("2 * other", "2 * othr", "options.fast.set.rate: unknown parameter 'othr'. Did you mean 'other'?"),
        ("2 * other", "2 *", "options.fast.set.rate: '2 *' is not an expression"),
        ("change.settings =", "change.setings =", "change: unknown key 'setings'. Did you mean 'settings'?"),
        ("change.settings =", "change.switches =", "change: 'switches' is the file's own"),
        ("reason =", "reasn =", "switches.speed.options.fast.reasn: unknown key 'reasn'. Did you mean 'reason'?"),
    ],
)
def test_bad_options_are_refused_even_if_not_chosen(
    write_scenario: Callable[..., Path], old: str, new: str, message: str
) -> None:
    """Naming file, key, and what is near."""
    assert old in SWITCHES
    path = write_scenario(MODEL + SWITCHES.replace(old, new), VALUES)
    with pytest.raises(InputError) as refused:
        load_scenario(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("switches", [{}, {"prices": "then"}])
def test_what_a_change_leads_to_is_checked(write_scenario: Callable[..., Path], switches: dict[str, str]) -> None:
    """As any key of the file, whether the option is chosen or not."""
    text = SWITCHES.replace('currency = "DEM"', 'curency = "DEM"')
    path = write_scenario(MODEL + text, VALUES)
    with pytest.raises(ScenarioError, match=r"settings\.curency: unknown key 'curency'\. Did you mean 'currency'"):
        load_scenario(path, switches=switches)


@pytest.mark.parametrize(
    ("more", "what"),
    [("set = { rate = 1 }", "set 'rate'"), ("change.settings.currency = 'ITL'", "change 'settings.currency'")],
)
def test_two_options_for_one_thing_are_refused(write_scenario: Callable[..., Path], more: str, what: str) -> None:
    """Where the last would win unseen; either alone is fine."""
    other = f"[switches.third]\ndefault = 'off'\n[switches.third.options.off]\n[switches.third.options.on]\n{more}\n"
    path = write_scenario(MODEL + SWITCHES + other, VALUES)
    chosen = {"third": "on", "speed": "fast", "prices": "then"}
    load_scenario(path, switches={"third": "on"})
    with pytest.raises(ScenarioError) as refused:
        load_scenario(path, switches=chosen)
    assert what in str(refused.value)
    assert "choose one" in str(refused.value)


OPTIONS = """
[switches.s]
default = "usual"
[switches.s.options.usual]
[switches.s.options.other]
"""


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("change.settings.horizon = -1", r"switches\.s\.options\.other\.change\.settings\.horizon = -1"),
        ("change.settings.wtp = [1, 1]", r"switches\.s\.options\.other\.change\.settings\.wtp\[2\]"),
        ("change.states.alive.utlity = 1", r"switches\.s\.options\.other\.change\.states\.alive\.utlity: unknown key"),
        ('set.rate = "1 / 0"', r"switches\.s\.options\.other\.set\.rate: .* not a finite number"),
        ('set.rate = "1 +"', r"switches\.s\.options\.other\.set\.rate.* is not an expression"),
        ("set.rat = 1", r"switches\.s\.options\.other\.set: unknown parameter 'rat'"),
    ],
)
def test_an_option_that_is_not_chosen_is_checked(write_scenario: Callable[..., Path], option: str, words: str) -> None:
    """What it sets and changes must be possible, though the base case has none of it."""
    path = write_scenario(frame() + alive_dead(exponential("rate")) + OPTIONS + option + "\n", {"rate": 0.1})
    with pytest.raises(InputError, match=words):
        load_scenario(path)
