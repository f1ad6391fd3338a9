"""Drugs and regimens: doses, vials, cycles and what they cost."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.kernels.rewards import COST
from lmssim.model.language import expression
from lmssim.model.language.expression import Name
from tests.kit.models import DEAD, frame
from tests.kit.plain import live, worth

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from tests.conftest import Build


BODY = 'covariates.body_surface = { kind = "normal", mean = 1.8, sd = 0.2, low = 1.2, high = 2.6 }'
TREATED = f"""
[attributes]
off = "flag"

[states.line]
kind = "phase"
initial = true
next = "dead"
{DEAD}
[[transitions]]
from = "line"
to = "dead"
hazard = {{ family = "fixed", delay = 2 }}

[[transitions]]
from = "line"
name = "stop"
when = "not off"
set = {{ off = true }}
hazard = {{ family = "fixed", delay = "t_off" }}

[treatments.t]
phase = "line"
regimen = "r"
"""
STRATEGY = '[strategies.one]\ntreatments = ["t"]'
ONE_DRUG = """
[drugs.a]
vials = [{ size = 10, price = 7 }]
[regimens.r]
drugs = [{ drug = "a", dose = 30, per = "flat" }]
cycle = 0.25
"""


def _model(build: Build, drugs: str, settings: str = "", t_off: float = 5.0, treatment: str = "") -> Program:
    text = frame(covariates=BODY, strategies=STRATEGY, settings=settings, horizon=3)
    return build(text + TREATED + treatment + drugs, {"t_off": t_off})


def _vials(sizes: list[float], prices: list[float]) -> str:
    packs = ", ".join(f"{{ size = {s}, price = {p} }}" for s, p in zip(sizes, prices, strict=True))
    return f"vials = [{packs}]"


def _cost(program: Program, surface: FloatArray) -> FloatArray:
    """Cost of a cycle by body surface."""
    values = {name: v[0] for name, v in program.scenario.table.base().items()} | {"body_surface": surface}
    node = program.names.resolve(Name("cost_of_r"), "test")
    return np.broadcast_to(expression.evaluate(node, values, "test"), surface.shape)


def _cheapest(dose: float, sizes: list[float], prices: list[float]) -> float:
    """Over every number of every vial."""
    most = [range(math.ceil(dose / s) + 1) for s in sizes]
    counts = np.array(list(itertools.product(*most)))
    holds = counts @ np.array(sizes) >= dose - 1e-9
    return float((counts[holds] @ np.array(prices)).min())


# === Vials ===


@pytest.mark.parametrize(
    "sizes",
    [
        [1, 0.25],
        [0.25, 1],
        [50, 10, 200],
        [100, 40],
        [30, 20],
        [7, 3],
        [500, 200, 100],
        [160, 80, 20],
        [400],
        [1000, 500, 200, 100],
        [60, 40, 10],
    ],
)
def test_whole_vials_are_the_cheapest(build: Build, sizes: list[float]) -> None:
    """Against every combination, over doses and over prices that favour one size or another."""
    rng = np.random.default_rng(len(sizes))
    for _ in range(6):
        prices = [round(s * p, 2) for s, p in zip(sizes, rng.uniform(0.5, 1.5, len(sizes)), strict=True)]
        drug = f"[drugs.a]\n{_vials(sizes, prices)}\n[regimens.r]\ncycle = 1\n"
        program = _model(build, drug + 'drugs = [{ drug = "a", dose = 1, per = "m2" }]')
        doses = np.concatenate([rng.uniform(0, 6 * max(sizes), 40), np.arange(1, 12) * min(sizes), [0.0]])
        doses = doses[doses <= 40 * min(sizes)]
        expected = [_cheapest(dose, sizes, prices) for dose in doses]
        np.testing.assert_allclose(_cost(program, doses), expected, rtol=1e-12)


@pytest.mark.parametrize("sizes", [[0.1], [0.3, 0.1]])
def test_rounding_opens_no_vial(build: Build, sizes: list[float]) -> None:
    """In floating point 0.1 x 3 is a little over 0.3, and 0.1 x 6 over 0.6: neither takes another vial."""
    drug = f"[drugs.a]\n{_vials(sizes, sizes)}\n[regimens.r]\ncycle = 1\n"
    program = _model(build, drug + 'drugs = [{ drug = "a", dose = 0.1, per = "m2" }]')
    surface = np.array([1.0, 3.0, 6.0, 7.0, 12.0])
    assert 0.1 * 3 / 0.1 > 3
    np.testing.assert_allclose(_cost(program, surface), 0.1 * surface, rtol=1e-12)


def test_shared_and_banded_vials(build: Build) -> None:
    """Shared: the dose at the lowest price per unit. Banded: the dose of the nearest band at the same price."""
    drug = """
[drugs.a]
vials = [{ size = 1, price = 1000 }, { size = 0.25, price = 300 }]
discount = 0.1
band = 0.25
[regimens.r]
drugs = [{ drug = "a", dose = 1.5, per = "m2" }]
cycle = 1
"""
    surface = np.array([1.5, 1.71, 1.8, 2.1])
    shared = _cost(_model(build, drug, 'vial_use = "shared"'), surface)
    np.testing.assert_allclose(shared, 1.5 * surface * 900.0, rtol=1e-12)
    banded = _cost(_model(build, drug, 'vial_use = "banded"'), surface)
    np.testing.assert_allclose(banded, np.array([2.25, 2.5, 2.75, 3.25]) * 900.0, rtol=1e-12)
    without = _cost(_model(build, drug.replace("band = 0.25\n", ""), 'vial_use = "banded"'), surface)
    np.testing.assert_array_equal(without, _cost(_model(build, drug), surface))


def test_wastage_is_plausible(build: Build) -> None:
    """Whole vials of 1 and 0.25 mg waste a few per cent of 1.5 mg/m2."""
    drug = (
        "[drugs.a]\nvials = [{ size = 1, price = 4 }, { size = 0.25, price = 1 }]\n[regimens.r]\ncycle = 1\n"
        'drugs = [{ drug = "a", dose = 1.5, per = "m2" }]'
    )
    surface = live(_model(build, drug), 2_000).x[:, 1]
    whole, shared = (_cost(_model(build, drug, f'vial_use = "{use}"'), surface) for use in ("whole", "shared"))
    assert np.all(whole >= shared - 1e-9)
    assert 0.03 < whole.mean() / shared.mean() - 1.0 < 0.07  # half of a small vial, of 2.7 mg: 4.6%


def test_cost_of_a_cycle_adds_up(build: Build) -> None:
    """Several drugs and administrations, intensity, delivery, premedication and monitoring."""
    drugs = """
[drugs.a]
vials = [{ size = 10, price = 7 }]
[drugs.b]
vials = [{ size = 100, price = "2 * 15" }]
discount = "0.25 + 0.25"
[regimens.r]
drugs = [
    { drug = "a", dose = 20, per = "m2", administrations = 3 },
    { drug = "b", dose = 250, per = "flat" },
]
cycle = 1
relative_dose_intensity = 0.9
delivery = 100
premedication = "10 + 1"
monitoring = 5
"""
    vials = math.ceil(20 * 1.8 * 0.9 / 10) * 7 * 3 + math.ceil(250 * 0.9 / 100) * 15
    assert _cost(_model(build, drugs), np.array([1.8]))[0] == pytest.approx(vials + 100 + 11 + 5)


# === Cycles ===


@pytest.mark.parametrize(
    ("more", "treatment", "cycles"),
    [
        ("", "", 8),  # at 0, 0.25, ...: none at the instant of leaving
        ("max_cycles = 6", "", 6),
        ("max_cycles = 6", "cycles = 3", 3),
        ('max_cycles = 6\ncap = { drug = "a", dose = 150 }', "", 5),
        ('max_cycles = 6\ncap = { drug = "a", dose = 149 }', "", 4),
        ('cap = { drug = "a", dose = 150 }', "cycles = 2", 2),
        ("", 'stop = "off"', 3),
        ("max_cycles = 2", 'stop = "off"', 2),
    ],
)
def test_cycles_are_given_until_something_ends_them(build: Build, more: str, treatment: str, cycles: int) -> None:
    """The phase's end, a maximum, a cumulative dose, or a flag set after 0.6 years; the treatment goes on."""
    program = _model(build, ONE_DRUG + more, t_off=0.6, treatment=treatment + "\n")
    assert worth(program)[0, COST] == pytest.approx(cycles * 21.0)
    assert live(program, 5).first_entry("dead").tolist() == [2.0] * 5


def test_cap_counts_all_of_a_drug_in_a_cycle(build: Build) -> None:
    """Two administrations of 30 reach 150 after two cycles and a half."""
    twice = ONE_DRUG.replace('per = "flat"', 'per = "flat", administrations = 2')
    program = _model(build, twice + 'cap = { drug = "a", dose = 150 }')
    assert worth(program)[0, COST] == pytest.approx(2 * 42.0)


def test_parameters_of_unused_regimens_are_used(build: Build) -> None:
    """A drug that nobody gives keeps its parameters."""
    text = frame(covariates=BODY, strategies=STRATEGY, horizon=2) + TREATED + ONE_DRUG
    spare = '[drugs.spare]\nvials = [{ size = 1, price = "c_spare" }]\n'
    assert "c_spare" in build(text + spare, {"t_off": 1.0, "c_spare": 2.0}).used


# === Messages ===


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("price = 7", "price = -7", r"drugs.a.vials\[1\].price: -7 is not a cost of 0 or more"),
        ("size = 10", "size = -10", r"drugs.a.vials\[1\].size = -10: should be greater than 0"),
        ("size = 10", "size = 1e-9", r"drugs.a.vials: size = 1e-09: must lie between 0.001 and 1e\+06"),
        ("[regimens.r]", "discount = 1.5\n[regimens.r]", "drugs.a.discount: 1.5 is not a probability between 0 and 1"),
        ('drug = "a"', 'drug = "aa"', r"regimens.r.drugs\[1\].drug: unknown drug 'aa'. Did you mean 'a'"),
        ("cycle = 0.25", "cycle = 0", "regimens.r.cycle: 0 years is too short; at least 0.0001"),
        ("dose = 30", "dose = -30", r"regimens.r.drugs\[1\].dose: -30 is not an amount of 0 or more"),
        ('per = "flat"', 'per = "kg"', r"regimens.r.drugs\[1\]: a dose per kg needs the name 'body_weight'"),
        ('per = "flat"', 'per = "m3"', r"regimens.r.drugs\[1\].per = 'm3'"),
        ("cycle = 0.25", 'cycle = 0.25\ncategory = "totl"', "regimens.r.category: unknown cost category 'totl'"),
        ("cycle = 0.25", 'cycle = 0.25\ncap = { drug = "b", dose = 1 }', "regimens.r.cap.drug: unknown drug of the"),
        ("[regimens.r]", "[regimens.q]", "treatments.t.regimen: unknown regimen 'r'"),
        ("[regimens.r]", "[expressions]\ncost_of_r = 1\n[regimens.r]", "expressions.cost_of_r: this name is made"),
        (
            "vials = [{ size = 10, price = 7 }]",
            _vials([7, 5, 3, 2], [1, 1, 1, 1]),
            "drugs.a.vials: sizes 7, 5, 3, 2 can be combined in more than 64 ways",
        ),
        (
            "vials = [{ size = 10, price = 7 }]",
            _vials([10, 10], [1, 1]),
            "drugs.a.vials: two vials have the same",
        ),
    ],
)
def test_mistakes_are_refused(build: Build, old: str, new: str, message: str) -> None:
    """One message that says where and what is allowed."""
    assert old in ONE_DRUG
    with pytest.raises(InputError, match=message):
        worth(_model(build, ONE_DRUG.replace(old, new)))


@pytest.mark.parametrize(
    ("treatment", "message"),
    [('stop = "of"', "treatments.t.stop: unknown flag 'of'. Did you mean 'off'"), ("cycles = -1", "-1.0 is not a")],
)
def test_mistakes_in_a_treatment_are_refused(build: Build, treatment: str, message: str) -> None:
    """Its flag and its number of cycles."""
    with pytest.raises(InputError, match=message):
        _model(build, ONE_DRUG, treatment=treatment + "\n")
