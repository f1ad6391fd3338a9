"""What a file can say and nobody can mean is refused: names of two meanings, labels as numbers, losses over one, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.model.scenario import load_scenario
from lmssim.published.series import read_series
from tests.kit.models import (
    DEAD,
    HEAD,
    alive_dead,
    attributes,
    categorical,
    clocks,
    covariate,
    endpoint,
    event,
    exponential,
    frame,
    move,
    observation,
    plan,
    section,
    series,
    start,
    strategy,
    tick,
)
from tests.kit.plain import estimate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build

DEATH = exponential(0.1)
DYING = move("alive", "dead", DEATH) + DEAD
LIFE = frame(horizon=10) + alive_dead(DEATH)
SEXES = categorical("sex", female=0.5, male=0.5)


# === Names ===


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("time", "the time since time zero"),
        ("age_start", "the age at time zero"),
        ("strategy", "the strategy"),
        ("exp", "a function"),
        ("true", "a value"),
        ("rest", "the complement"),
        ("sex_male", "the category 'male' of 'sex'"),
        ("since_visit", "the time since the clock 'visit' started"),
    ],
)
def test_a_name_of_the_language_is_taken(build: Build, name: str, meaning: str) -> None:
    """A covariate of this name would be read as what it stands for, or in its place."""
    text = frame(covariates=SEXES + covariate(name, "constant", value=1)) + clocks(visit="latest")
    text += DYING + start("alive", starts=["visit"], cost_per_year={"total": "since_visit"})
    with pytest.raises(InputError, match=f"covariate '{name}': in expressions this name stands for {meaning}"):
        build(text)


def test_a_parameter_may_not_hide_a_category(build: Build) -> None:
    """An effect of `sex_male` would be per unit of the parameter."""
    text = frame(covariates=SEXES) + start("alive") + move("alive", "dead", DEATH, effects={"sex_male": 0.4})
    with pytest.raises(InputError, match="parameter 'sex_male': in expressions this name stands for the category"):
        build(text + DEAD, {"sex_male": 0.5})


def test_cycle_is_free_outside_models_in_cycles(build: Build) -> None:
    """A word that means something only where there are cycles."""
    build(frame() + alive_dead(exponential("cycle")), {"cycle": 0.1})


@pytest.mark.parametrize("key", ["sex", "2 * sex", "sex == 1", "sex > 'a' or sex"])
def test_a_label_is_no_number(build: Build, key: str) -> None:
    """The order of labels means nothing: an effect per unit of it would be one of 0, 1, 2, ... log hazard ratios."""
    text = frame(covariates=SEXES) + start("alive") + move("alive", "dead", DEATH, effects={key: 0.4})
    with pytest.raises(InputError, match=r"'sex' has labels, which are no numbers; write sex == 'female'|'a' may only"):
        build(text + DEAD)


# === Losses and sums ===

LOSSES = [
    lambda loss: event("harm", 1, utility_loss=loss, years=1) + DYING + start("alive", utility=1, events=["harm"]),
    lambda loss: DYING + start("alive", utility=1, limited=[{"years": 1, "utility_loss": loss}]),
    lambda loss: (
        plan("visit", 1)
        + DYING
        + start("alive", utility=1, schedule=[{**tick("visit"), "utility_loss": loss, "years": 0.5}])
    ),
    lambda loss: (
        attributes(ill="flag")
        + section("lasting.ill", utility_loss=loss)
        + DYING
        + start("alive", utility=1, set={"ill": True})
    ),
]


@pytest.mark.parametrize("kind", range(len(LOSSES)))
def test_no_more_than_all_of_a_utility_is_lost(build: Build, kind: int) -> None:
    """As a share, two losses of 1.5 would make a utility of 1 one of 0.25; an amount may be more than the utility."""
    text = LOSSES[kind](1.5)
    with pytest.raises(InputError, match=r"1\.5 is not a utility loss between 0 and 1, as it is a share"):
        build(frame() + text)
    build(frame() + section("utilities", combine="additive") + text)


def test_a_loss_over_one_of_some_patients_is_found(build: Build) -> None:
    """A loss that depends on the patient is checked when it is computed."""
    text = event("harm", 1, utility_loss="age / 50", years=1) + DYING + start("alive", utility=1, events=["harm"])
    with pytest.raises(InputError, match=r"1\.2, as computed for a patient, is not a utility loss between 0 and 1"):
        estimate(build(frame() + text), 10)


@pytest.mark.parametrize(
    "text",
    [
        LIFE + section("outcomes.x", entries={"dead": 1e200}),
        frame() + DYING + start("alive", entry_utility=-1e200),
        frame() + start("alive") + move("alive", "dead", DEATH, qalys=1e200) + DEAD,
    ],
)
def test_numbers_whose_squares_overflow_are_refused(build: Build, text: str) -> None:
    """Weights of sums and QALYs paid at once are bounded as costs are."""
    with pytest.raises(InputError, match=r"e\+?200 is not a number from -1e\+15 to 1e\+15"):
        build(text)


# === Plans, labels, attributes ===


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"periods": [{"every": 1, "until": 5}, {"every": 2, "until": 3}]}, r"periods\[2\].until: 3 lies before 5"),
        ({"periods": [{"every": 1}, {"every": 2, "until": 3}]}, r"periods\[2\]: never begins"),
        ({"periods": [{"every": 1}], "max": 1.5}, "max: 1.5 is not a whole number"),
    ],
)
def test_what_a_plan_never_reaches_is_refused(build: Build, entries: dict[str, object], words: str) -> None:
    """Periods follow each other, and ticks are counted."""
    text = section("plans.visit", **entries) + DYING + start("alive", schedule=[tick("visit", cost={"total": 1})])
    with pytest.raises(InputError, match=f"plans.visit.{words}"):
        build(frame() + text)


@pytest.mark.parametrize("label", ["", "  ", "\n"])
def test_a_blank_label_is_refused(build: Build, label: str) -> None:
    """Nobody would see which strategy a row is of."""
    with pytest.raises(InputError, match=r"strategies\.one\.label: is blank"):
        build(frame(strategies=strategy("one", label=label)) + alive_dead(DEATH))


def test_two_of_a_name_are_refused(build: Build) -> None:
    """Strategies, and endpoints: their labels stand in tables and figures alone."""
    both = strategy("one", label="Same") + strategy("two", label="Same ")
    with pytest.raises(InputError, match=r"strategies\.two\.label: 'Same' is what strategies\.one is called, too"):
        build(frame(strategies=both) + alive_dead(DEATH))
    with pytest.raises(InputError, match=r"endpoints\.dead\.label: 'OS' is what endpoints\.os is called, too"):
        build(LIFE + endpoint("os", "dead", label="OS") + endpoint("dead", label="OS"))


def test_an_attribute_that_nothing_sets_is_taken(build: Build) -> None:
    """A treatment may name the flag that would stop it although nothing in this model does."""
    text = frame() + attributes(treated="flag") + start("alive") + DEAD
    program = build(text + move("alive", "dead", DEATH, when="not treated"))
    assert program.rows.transitions[0].guard.care == program.names.bits["treated", "true"]


# === Published results ===


@pytest.mark.parametrize(
    ("follow_up", "words"),
    [
        ({"low": 8, "high": 2}, "low: 8 is not below high, 2"),
        ({"low": -8, "high": 2}, "low: -8 is below 0"),
        ({"low": "4 * 2", "high": 2}, "low: 8 is not below high, 2"),
        ({"low": 2}, "low: stands alone"),
        ({"high": 800}, "high: 800 is more than 200 years"),
        ({"median": 5, "sdlog": -1, "high": 9}, "sdlog: -1 is not a standard deviation above 0"),
        ({"median": 0, "sdlog": 1, "high": 9}, "median: 0 is not a time above 0"),
        ({"sdlog": 1, "high": 9}, "sdlog: needs median"),
    ],
)
def test_a_follow_up_that_cannot_be_is_refused(build: Build, follow_up: dict[str, object], words: str) -> None:
    """Before anybody is simulated; an expression when it is computed."""
    row = observation("s", "S", "km_survival", "dead", by=1, observed=0.5, n=10)
    with pytest.raises(InputError, match=rf"series\.s\.follow_up\.{words}"):
        read_series(build(LIFE + series("s", "S", "one", row, follow_up=follow_up)), n=10)


def test_what_a_series_or_a_case_holds_is_a_parameter(build: Build) -> None:
    """The message names the series, and not an option of the command line."""
    row = observation("s", "S", "km_survival", "dead", by=1, observed=0.5, n=10)
    text = frame(horizon=10) + alive_dead(exponential("rate"))
    with pytest.raises(InputError, match=r"series\.s\.set: unknown parameter 'rat'. Did you mean 'rate'"):
        build(text + series("s", "S", "one", row, follow_up={"high": 9}, set={"rat": 1}), {"rate": 0.1})
    impossible = build(text + series("s", "S", "one", row, follow_up={"high": 9}, set={"rate": -1}), {"rate": 0.1})
    with pytest.raises(InputError, match=r"rate is -1.0, but must be 0 or greater.*the series 'S' sets"):
        read_series(impossible, n=10)


def test_a_case_beyond_the_horizon_is_refused(build: Build) -> None:
    """No simulated life goes there."""
    case = section("cases.c", label="C", source_id="x", strategy="one")
    seen = "[[cases.c.observed]]\nlabel = 'death'\nevents = ['dead']\n"
    build(f"{LIFE}{case}{seen}time = 10\n")
    with pytest.raises(InputError, match=r"cases\.c\.observed\[1\]\.time: 11 years lie beyond the horizon, 10 years"):
        build(f"{LIFE}{case}{seen}time = 11\n")


# === Files and groups ===


def test_a_table_that_is_listed_twice_is_named(tmp_path: Path) -> None:
    """Under another spelling too; a file that is not there is named with its key."""
    (tmp_path / "p.csv").write_text("id,value\nrate,0.1\n")
    path = tmp_path / "test.toml"
    text = frame() + alive_dead(exponential("rate"))
    path.write_text(f'{HEAD}parameters = ["p.csv", "./p.csv"]\n{text}')
    with pytest.raises(InputError, match=r"parameters\[2\]: './p.csv' is in the list already"):
        load_scenario(path)
    path.write_text(f'{HEAD}parameters = ["p.csv"]\n{text}{section("mortality", table="life.csv", keys={})}')
    with pytest.raises(InputError, match=r"mortality\.table: no such file 'life.csv'"):
        load_scenario(path)


def test_counts_that_contradict_the_values_are_refused(build: Build) -> None:
    """The base case uses the values, and every draw lies around the counts; what rounding does is allowed."""
    text = frame(horizon=1) + start("alive", utility=1) + move("alive", "dead", exponential("p + q")) + DEAD
    counts = section("groups.g", kind="dirichlet", members=["p", "q"], counts=[10, 20])
    with pytest.raises(InputError, match=r"groups\.g: mean of 'p' is 0.333333 .* but its value is 0.6"):
        build(text + counts, {"p": 0.6, "q": 0.4})
    build(text + counts, {"p": 0.333, "q": 0.667})
