"""Lookup tables: bands, labels, several keys, parameters as values, in models in cycles and in continuous time."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import COST_UNDISCOUNTED, LY_UNDISCOUNTED
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.exact import assert_agrees, solved
from tests.kit.models import DEAD, alive_dead, frame
from tests.kit.plain import estimate, live, worth

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build


SEX = 'covariates.sex = { kind = "categorical", categories = ["female", "male"], probabilities = [0.4, 0.6] }'
BY_AGE = """
[tables.p_death]
by = ["age"]
rows = [ [60, "p_young"], [62, 0.2], [65, "2 * p_young"] ]
"""
CYCLES = '[cycles]\nlength = 1\ncorrection = "end"\n'


def _cycle_model(probability: str, tables: str, **more: Any) -> str:
    return f"""{frame(10, **more)}
{CYCLES}
{tables}
[states.alive]
initial = true
utility = 1
{DEAD}
[[transitions]]
from = "alive"
to = "dead"
probability = "{probability}"
"""


def test_bands_in_a_model_in_cycles(build: Build) -> None:
    """A row holds from its key up to the next, the last for ever; its value may be an expression of parameters."""
    program = build(_cycle_model("p_death(age)", BY_AGE), {"p_young": 0.1})
    trace = solved(program).trace
    assert trace is not None
    stays = 1 - np.array([0.1, 0.1, 0.2, 0.2, 0.2] + [0.2] * 5)
    np.testing.assert_allclose(trace[0, 0, 1:, 0], np.cumprod(stays), rtol=1e-12)
    assert_agrees(program, 5_000, seed=81)


def test_values_follow_parameter_draws(build: Build) -> None:
    """A parameter in a table has its value of each draw and strategy."""
    strategies = "[strategies.one]\n[strategies.two]\nset = { p_young = 0.3 }"
    program = build(_cycle_model("p_death(age)", BY_AGE, strategies=strategies), {"p_young": 0.1})
    trace = solved(program).trace
    assert trace is not None
    np.testing.assert_allclose(trace[0, :, 1, 1], (0.1, 0.3), rtol=1e-12)
    held = compile_scenario(program.scenario.with_values({"p_young": 0.25}))
    assert solved(held).outcomes[0, 0, LY_UNDISCOUNTED] < solved(program).outcomes[0, 0, LY_UNDISCOUNTED]


def test_several_keys(build: Build, tmp_path: Path) -> None:
    """Number, covariate, attribute and strategy as keys, rows of a file in any order."""
    ages, sexes, stages, arms = (40, 61.5), ("male", "female"), ("late", "early"), ("one", "two")
    value = {k: 1000.0 * i for i, k in enumerate(itertools.product(ages, sexes, stages, arms))}
    rows = [",".join([str(s), str(a), str(v), arm, str(stage)]) for (a, s, stage, arm), v in reversed(value.items())]
    (tmp_path / "costs.csv").write_text("sex,age,value,strategy,stage\n" + "\n".join(rows) + "\n")
    text = (
        frame(3, strategies="[strategies.one]\n[strategies.two]", covariates=SEX)
        + f"""
{CYCLES}
[tables.price]
by = ["age", "sex", "stage", "strategy"]
file = "costs.csv"
[attributes]
stage = ["early", "late"]
[states.alive]
initial = true
set.stage = "late"
cost_per_year.total = "price(age, sex, stage, strategy)"
{DEAD}
[[transitions]]
from = "alive"
to = "dead"
probability = 0
"""
    )
    program = build(text)
    x = program.patients(0, 40, 1)
    for i in range(40):
        sex = sexes[0] if x[i, 1] == 1 else sexes[1]
        lives = simulate(program, Sampling(n_patients=i + 1, seed=1)).mean[0, :, COST_UNDISCOUNTED]
        if i == 0:
            total = np.zeros(2)
        total += [2 * value[40, sex, "late", arm] + value[61.5, sex, "late", arm] for arm in arms]
        np.testing.assert_allclose(lives, total / (i + 1), rtol=1e-12)
    assert 5 < x[:, 1].sum() < 35


def test_in_continuous_time(build: Build) -> None:
    """Hazards by covariates, costs by the time of entry, probabilities of branches."""
    text = frame(
        covariates='covariates.grade = { kind = "categorical", categories = [1, 2, 3], '
        "probabilities = [0.2, 0.5, 0.3] }"
    )
    text += (
        alive_dead("family = 'exponential', rate = 'rate(grade)'")
        + """
[tables.rate]
by = ["grade"]
rows = [ [1, 0.1], [2, 0.4], [3, 0.8] ]
"""
    )
    program = build(text)
    times, lives = live(program, 60_000, seed=82).first_entry("dead"), live(program, 60_000, seed=82)
    for grade, rate in ((1, 0.1), (2, 0.4), (3, 0.8)):
        own = times[lives.x[:, 1] == grade]
        assert own.mean() == pytest.approx(1 / rate, abs=3.5 / rate / math.sqrt(len(own)))


def test_a_hazard_may_not_look_up_the_time(build: Build) -> None:
    """As in expressions: choose a family on the clock instead."""
    text = frame() + alive_dead("family = 'exponential', rate = 'p_death(age)'") + BY_AGE
    with pytest.raises(InputError, match="may not depend on age, time or a clock"):
        build(text, {"p_young": 0.1})


def test_cost_of_a_visit_by_table(build: Build) -> None:
    """A table and an expression that says the same give the same bits."""
    pair = []
    for cost in ("c(age)", "1 if age < 60.5 else 2"):
        text = frame(1) + alive_dead("family = 'exponential', rate = 0.3").replace(
            "utility = 1", f'utility = 1\ncost_per_year.total = "{cost}"'
        )
        table = '[tables.c]\nby = ["age"]\nrows = [ [0, 1], [60.5, 2] ]\n' if "c(" in cost else ""
        pair.append(estimate(build(text + table), 500, seed=83).mean)
    assert np.array_equal(pair[0], pair[1])
    assert worth(build(text + table)).shape[0] == 1


@pytest.mark.parametrize(
    ("call", "table", "said"),
    [
        ("p_deth(age)", BY_AGE, r"unknown function 'p_deth'. Did you mean 'p_death'"),
        ("p_death(age, 2)", BY_AGE, r"p_death\(\) takes age; 2 given"),
        ("p_death(age - 10)", BY_AGE, r"key 'age': 50, looked up for a patient, lies below its first band"),
        ("p_death(age)", BY_AGE.replace("[62", "[60"), r"key 'age': '60' stands twice|age = 60 stands twice"),
        ("p_death(age)", BY_AGE.replace("62", '"old"'), r"key 'age': 'old' is not a finite number"),
        ("p_death(age)", BY_AGE.replace("0.2]", '"age / 300"]'), r"'age / 300' may depend on parameters alone"),
        ("p_death(age)", BY_AGE.replace("0.2]", '"p_death(1)"]'), r"'p_death\(1\)' may depend on parameters alone"),
        ("p_death(age)", BY_AGE.replace("0.2]", "0.2, 3]"), r"rows\[2\]: has 3 items; expected age and the value"),
        ("p_death(age)", BY_AGE.replace("0.2]", "1.2]"), r"state 'alive', cycle 3: .*'dead' is 1\.2"),
        ("p(sex)", '[tables.p]\nby = ["sex"]\nrows = [["female", 0.1], ["man", 0.2]]', r"unknown sex 'man'\. All"),
        ("p(sex)", '[tables.p]\nby = ["sex"]\nrows = [["female", 0.1]]', r"key 'sex': 1, .* is not one of its labels"),
        (
            "p(age, sex)",
            '[tables.p]\nby = ["age", "sex"]\nrows = [[0, "female", 0.1], [0, "male", 0.1], [9, "male", 0.1]]',
            r"no row for age = 9, sex = female",
        ),
        ("p(1 - sex)", '[tables.p]\nby = ["sex"]\nrows = [["female", 0.1], ["male", 0.2]]', r"write 'sex' in its"),
        ("p(age)", '[tables.p]\nby = ["age"]', r"tables\.p: give either `file` or `rows`"),
        ("p(age)", '[tables.p]\nby = ["age"]\nfile = "no.csv"', r"no such file 'no\.csv'"),
        ("0.1", '[tables.exp]\nby = ["age"]\nrows = [[0, 1]]', r"'exp' is not a free name"),
    ],
)
def test_clear_refusals(build: Build, call: str, table: str, said: str) -> None:
    """Each mistake is named with its table, key and value, by both engines."""
    text = _cycle_model(call, table, covariates=SEX)
    parameters = {"p_young": 0.1} if "p_young" in table else None
    for run in (lambda program: solved(program, 20), lambda program: estimate(program, 200)):
        with pytest.raises(InputError, match=said):
            run(build(text, parameters))


def test_names_of_included_tables_hold(tmp_path: Path) -> None:
    """A table's file is found from the file that names it; its hash is among the inputs."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "t.csv").write_text("age,value\n0,0.1\n")
    (tmp_path / "shared" / "part.toml").write_text('[tables.p]\nby = ["age"]\nfile = "t.csv"\n')
    path = tmp_path / "main.toml"
    head = "schema_version = 2\nname = 'test'\ntitle = 'Test'\ninclude = ['shared/part.toml']\n"
    path.write_text(head + _cycle_model("p(age)", ""))
    scenario = load_scenario(path)
    assert any(name.endswith("t.csv") for name in scenario.inputs)
    assert compile_scenario(scenario).numbers().shape[1] == 1


def test_a_table_of_another_kind_takes_the_place_of_an_included_one(tmp_path: Path) -> None:
    """A constant covariate made binary keeps no value; one of the same kind keeps what is not said again."""
    covariates = "a = { kind = 'constant', value = 0 }\nb = { kind = 'constant', label = 'B', value = 2 }\n"
    (tmp_path / "part.toml").write_text(f"[population.covariates]\n{covariates}")
    path = tmp_path / "main.toml"
    head = "schema_version = 2\nname = 'test'\ntitle = 'Test'\ninclude = ['part.toml']\n"
    over = "covariates.a = { kind = 'binary', probability = 0.5 }\ncovariates.b = { value = 3 }"
    path.write_text(head + _cycle_model("0.1", "", covariates=over))
    found = load_scenario(path).file.population.covariates
    assert (found["a"].kind, found["a"].value) == ("binary", None)
    assert (found["b"].label, found["b"].value) == ("B", 3)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "age,value\n60,0.1\n61,0.1\n63,0.2\n64,0.3\n",
            r"p\.csv:4: key 'age': 63 follows 61: a row seems to be missing",
        ),
        ("age,age_end,value\n60,62,0.1\n63,,0.2\n", r"p\.csv:2: column 'age_end': '62' behind age 60; it must be 63"),
        ('age,value\n60,"0,1"\n', r"p\.csv:2: column 'value': '0,1' is not a number\. Write decimals with a point"),
        ("age,value\n60,\n", r"p\.csv:2: column 'value': the cell is blank"),
    ],
)
def test_a_file_says_where_its_bands_end(build: Build, tmp_path: Path, rows: str, said: str) -> None:
    """A gap, an overlap and a value that is none are refused with file and line."""
    (tmp_path / "p.csv").write_text(rows)
    with pytest.raises(InputError, match=said):
        build(_cycle_model("p(age)", '[tables.p]\nby = ["age"]\nfile = "p.csv"\n'))
