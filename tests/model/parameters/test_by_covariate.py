"""Parameters that differ by a covariate: what an id means to a patient, where it comes from, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.execution.solve import solve_population
from lmssim.kernels.rewards import COST_UNDISCOUNTED, LY_UNDISCOUNTED, QALY_UNDISCOUNTED
from lmssim.model.compile import compile_scenario
from lmssim.model.language.expression import Name
from lmssim.model.program import Program
from lmssim.model.scenario import load_scenario
from lmssim.studies.verify.bench import strategy_values
from tests.kit.models import DEAD, HEAD, exponential, frame, move, start
from tests.kit.parameters import parameter_table
from tests.kit.plain import Z, assert_engines_agree

if TYPE_CHECKING:
    from pathlib import Path

SITES = '{ kind = "categorical", categories = ["limb", "womb", "skin"], probabilities = [0.5, 0.3, 0.2] }'
HOLDS = {"limb": 0.1, "womb": 0.3, "skin": 0.2}
"""Death rate at each site: of its own file, of its own file through another id, and of the shared row."""

Write = Callable[..., Program]


def _model(rate: str = "rate", more: str = "", sites: str = SITES, **frames: Any) -> str:
    alive = start("alive", utility=1, cost_per_year={"total": "cost"})
    dies = move("alive", "dead", exponential(rate))
    return frame(20, covariates=f"covariates.site = {sites}", **frames) + alive + DEAD + dies + more


FILES: dict[str, tuple[str, ...]] = {
    "limb.csv": ("rate, 0.1", "price, 10"),
    "womb.csv": ("base, 0.15", "rate = 2 * base", "price, 20"),
    "shared.csv": ("rate, 0.2", "price, 30", "factor, 2", "cost = price * factor"),
}
BY = """
shared_parameters = ["shared.csv"]
[parameters_by.site]
limb = ["limb.csv"]
womb = ["womb.csv"]
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the small model with its tables, some of them changed; returns its path."""

    def make(text: str = "", by: str = BY, **files: tuple[str, ...]) -> Path:
        for name, rows in {**FILES, **{f"{k}.csv": v for k, v in files.items()}}.items():
            (tmp_path / name).write_text(parameter_table(*rows))
        path = tmp_path / "test.toml"
        path.write_text(HEAD + by + (text or _model()))
        return path

    return make


@pytest.fixture
def build(write: Callable[..., Path]) -> Write:
    """Compile the small model."""
    return lambda *text, **files: compile_scenario(load_scenario(write(*text, **files)))


def test_an_id_means_the_value_of_the_patients_category(build: Write) -> None:
    """Lives and costs are, bit for bit, those of a model that writes the three values out by hand."""
    by_hand = build(
        _model(
            "if_rate",
            "[expressions]\nif_rate = \"a if site == 'limb' else 2 * b if site == 'womb' else c\"\n"
            "cost = \"f * (p if site == 'limb' else q if site == 'womb' else r)\"",
        ),
        by="parameters = ['hand.csv']\n",
        hand=("a, 0.1", "b, 0.15", "c, 0.2", "p, 10", "q, 20", "r, 30", "f, 2"),
    )
    program, sampling = build(), Sampling(n_patients=3_000, seed=5)
    mean, expected = (simulate(each, sampling).mean for each in (program, by_hand))
    np.testing.assert_array_equal(mean[..., LY_UNDISCOUNTED], expected[..., LY_UNDISCOUNTED])
    np.testing.assert_allclose(mean[..., COST_UNDISCOUNTED], expected[..., COST_UNDISCOUNTED], rtol=1e-14)


def test_closed_form_and_the_three_engines(build: Write) -> None:
    """Years lived with an exponential death rate by site: cohort exactly, des and compiled alike and within error."""
    program = build()
    years = {site: (1 - np.exp(-20 * rate)) / rate for site, rate in HOLDS.items()}
    costs = {"limb": 20.0, "womb": 40.0, "skin": 60.0}
    shares = {"limb": 0.5, "womb": 0.3, "skin": 0.2}
    for site, code in zip(HOLDS, range(3), strict=True):
        x = program.columns_of(np.array([[60.0, float(code)]]))
        outcomes = solve(program, program.numbers()[0], x, Fineness()).outcomes[0, 0]
        assert outcomes[LY_UNDISCOUNTED] == pytest.approx(years[site], rel=1e-6)
        assert outcomes[COST_UNDISCOUNTED] == pytest.approx(years[site] * costs[site], rel=1e-6)
    lived = simulate(program, Sampling(n_patients=20_000, seed=6))
    expected = sum(share * years[site] for site, share in shares.items())
    assert abs(lived.mean[0, 0, LY_UNDISCOUNTED] - expected) < Z * lived.standard_error()[0, 0, LY_UNDISCOUNTED]
    assert_engines_agree(program, 200)


def test_what_is_loaded_under_which_id(build: Write) -> None:
    """Rows of a category and what they change get its prefix; a row that is the same everywhere stays plain."""
    program = build()
    assert set(program.used) == {
        "limb_rate",
        "womb_base",
        "womb_rate",
        "rate",
        "limb_price",
        "womb_price",
        "price",
        "factor",
        "limb_cost",
        "womb_cost",
        "cost",
    }
    assert program.used["womb_rate"].expression == "2 * womb_base"
    assert program.used["limb_cost"].expression == "limb_price * factor"
    assert program.used["cost"].expression == "price * factor"


def test_a_shared_row_in_two_steps(build: Write) -> None:
    """What depends on an id by way of another shared row differs too, and has no plain value where that has none."""
    program = build(
        by=BY.replace("[par", "[par").replace('womb = ["womb.csv"]', 'womb = ["womb.csv"]\nskin = ["skin.csv"]'),
        shared=("cost = middle + 1", "middle = 1e1 * price"),
        skin=("rate, 0.2", "price, 5"),
    )
    base = program.used.base()
    assert {k: base[f"{k}_cost"][0] for k in HOLDS} == {"limb": 101.0, "womb": 201.0, "skin": 51.0}
    assert not {"cost", "middle", "price"} & set(program.used)


def test_overrides_and_draws(write: Callable[..., Path]) -> None:
    """`--set` and distributions work on the prefixed ids, and what is derived follows."""
    path = write(womb=("base, 0.15, normal, 0.15, 0.01", "rate = 2 * base", "price, 20"))
    changed = compile_scenario(load_scenario(path, {"womb_base": 0.2, "price": 7.0}))
    assert changed.used.base()["womb_rate"][0] == 0.4
    assert changed.used.base()["cost"][0] == 14.0
    draws = compile_scenario(load_scenario(path)).sample(4, 1)
    assert len(set(draws["womb_base"])) == 4
    np.testing.assert_array_equal(draws["womb_rate"], 2 * draws["womb_base"])
    with pytest.raises(InputError, match="unknown parameter 'base'"):
        load_scenario(path, {"base": 0.2})


def test_a_strategy_sets_every_category(build: Write) -> None:
    """What a strategy sets holds at every site, and reads each site's own value."""
    strategies = '[strategies.one]\n[strategies.half]\nset.rate = "rate / 2"\n[strategies.flat]\nset.price = 1'
    program = build(_model(strategies=strategies))
    numbers, slots = program.numbers()[0], program.rows.slots
    values = [{str(slot.node): numbers[s, k] for k, slot in enumerate(slots)} for s in range(3)]
    rates, costs = ([str(Name(id_)) for id_ in (f"limb_{x}", f"womb_{x}", x)] for x in ("rate", "cost"))
    assert [values[1][name] for name in rates] == pytest.approx([0.05, 0.15, 0.1])
    assert [values[2][name] for name in costs] == [2.0, 2.0, 2.0]


def test_verify_reads_what_is_the_same_for_everybody(write: Callable[..., Path]) -> None:
    """Values under a strategy hold each category's parameter, and no id that differs."""
    strategies = '[strategies.one]\n[strategies.half]\nset.rate = "rate / 2"'
    values = strategy_values(load_scenario(write(_model(strategies=strategies))), "half")
    assert [values[k] for k in ("limb_rate", "womb_rate", "factor")] == pytest.approx([0.05, 0.15, 2.0])
    assert not {"rate", "price", "cost"} & set(values)


def test_a_value_is_asked_for_only_where_somebody_needs_it(build: Write) -> None:
    """A category without a value is refused, unless the population cannot have it."""
    rest = {"shared": ("price, 30", "factor, 2", "cost = price * factor")}
    with pytest.raises(InputError, match=r"'rate' has no value where site is 'skin'.*parameters_by\.site\.skin"):
        build(**rest)
    assert "rate" not in build(_model(sites=SITES.replace("0.3, 0.2", "0.5, 0")), **rest).used
    with pytest.raises(InputError, match="'cost' has no value where site is 'skin'"):
        build(shared=("rate, 0.2", "factor, 2", "cost = price * factor"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[plans.visits]\nperiods = [{ every = "rate" }]', r"plans\.visits.*alone, and rate differs by site"),
        ('[[terminal]]\ndeath = "dead"\nwindow = "rate"\ncost = { total = 1 }\nexcludes = []', "rate differs by site"),
        ('[strategies.two]\nset.factor = "2 * rate"', r"strategies\.two\.set\.factor.*rate differs by site"),
        (
            '[tables.t]\nby = ["age"]\nrows = [[0, "rate"]]\n[expressions]\nx = "t(age)"\n'
            '[states.worn]\nkind = "absorbing"\ndeath = "other"\n[[transitions]]\nfrom = "alive"\nto = "worn"\n'
            'hazard = { family = "exponential", rate = "x" }',
            "rate differs by site",
        ),
        ('[expressions]\nprice = "1"', "the name 'price' is both a parameter and a named expression"),
    ],
)
def test_what_must_be_one_number_is_refused_by_name(build: Write, more: str, message: str) -> None:
    """Where parameters alone are possible, an id that differs is named."""
    with pytest.raises(InputError, match=message):
        build(_model(more=more))


@pytest.mark.parametrize(
    ("by", "files", "message"),
    [
        (BY.replace("womb =", "wombs ="), {}, "unknown category of site 'wombs'.*Did you mean 'womb'"),
        (BY.replace("by.site", "by.sight"), {}, "unknown covariate 'sight'.*Did you mean 'site'"),
        (BY.replace("by.site", "by.age"), {}, "'age' has no labels"),
        (BY + '[parameters_by.age]\nlimb = ["limb.csv"]\n', {}, "one covariate is possible; site, age given"),
        (BY, {"limb": ("rate, 0.1", "rate, 0.2")}, "limb.csv:3: parameter 'rate' is already defined at .*limb.csv:2"),
        (BY, {"limb": ("rate, 0.1", "spare, 0.2")}, "limb.csv:3: parameter 'limb_spare': nothing uses this parameter"),
        (BY, {"shared": (*FILES["shared.csv"], "limb_rate, 1")}, "'limb_rate' is already defined"),
        (BY, {"limb": ("rate = x", "price, 1")}, "unknown parameter in its expression 'x'"),
        (BY, {"limb": ("rate = price", "price = rate")}, "round in a circle: limb_.*limb_"),
        (BY.replace("limb.csv", "lime.csv"), {}, "no such file 'lime.csv'.*Did you mean 'limb.csv'"),
    ],
)
def test_mistakes_are_named(build: Write, by: str, files: dict[str, tuple[str, ...]], message: str) -> None:
    """One message with the file, the key and what is allowed."""
    with pytest.raises(InputError, match=message):
        build(by=by, **files)


def test_a_population_alone_cannot_read_what_differs(build: Write) -> None:
    """An id that differs has no meaning before the patient's category is known."""
    text = _model().replace("value = 60.0", 'value = "price"')
    with pytest.raises(InputError, match=r"population\.covariates\.age\.value: 'price' differs by site: only strata"):
        build(text)


def test_includes_join_the_files_of_a_category(tmp_path: Path, write: Callable[..., Path]) -> None:
    """A scenario adds tables to those of the file that it includes, whose names hold from its own folder."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "base.toml").write_text('[parameters_by.site]\nlimb = ["more.csv"]\n')
    (tmp_path / "models" / "more.csv").write_text(parameter_table("price, 11"))
    path = write(by='include = ["models/base.toml"]\n' + BY, limb=("rate, 0.1",))
    assert load_scenario(path).table.base()["limb_price"][0] == 11.0


TABLES = """
attributes.scar = ["none", "small", "large"]
[tables.rate_of]
by = ["site", "scar"]
rows = [
    ["limb", "none", 0.1], ["limb", "small", 0.2], ["limb", "large", 0.4],
    ["womb", "none", 0.3], ["womb", "small", "2 * rate"], ["womb", "large", 0.1],
    ["skin", "none", 0.05], ["skin", "small", 0.5], ["skin", "large", 0.2],
]
[tables.chance]
by = ["age"]
rows = [[0, 0.2], [60, 0.6], [70, 0.9]]
"""
SCARRED = """
[population.covariates]
age = { kind = "uniform", low = 50, high = 80 }
site = { kind = "categorical", categories = ["limb", "womb", "skin"], probabilities = [0.5, 0.3, 0.2] }
[strategies.one]
[states.start]
kind = "chance"
initial = true
branches = [{ to = "alive", p = "chance(age)", set = { scar = "small" } }, { to = "alive", p = "rest" }]
[states.alive]
utility = 1
cost_per_year = { total = "100 * rate_of(site, scar)" }
[states.later]
utility = "chance(age)"
entry_cost = { total = "50 * chance(age + 10)" }
[[transitions]]
from = "alive"
to = "later"
hazard = { family = "weibull", shape = 1.5, scale = 6 }
set = { scar = "large" }
[[transitions]]
from = ["alive", "later"]
to = "dead"
hazard = { family = "exponential", rate = "rate_of(site, scar)" }
"""


def test_lookup_tables_of_covariates_and_attributes_in_continuous_time(
    write_scenario: Callable[..., Path],
) -> None:
    """`cohort` agrees with `compiled` on the same profiles, and `des` lives the same lives."""
    head = frame(15).split("[population]")[0]
    path = write_scenario(TABLES + head + SCARRED + DEAD, {"rate": 0.1})
    program = compile_scenario(load_scenario(path))
    exact = solve_population(program, Sampling(profiles=16, seed=8))
    lived = simulate(program.with_profiles(choose_profiles(program, 16, 8)), Sampling(n_patients=40_000, seed=9))
    for outcome in (LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED):
        allowed = Z * lived.standard_error()[0, 0, outcome] + exact.step_error[0, outcome]
        assert abs(lived.mean[0, 0, outcome] - exact.mean[0, 0, outcome]) < allowed
    assert_engines_agree(program, 200)
