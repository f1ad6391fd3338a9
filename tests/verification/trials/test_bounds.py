"""Bounds, errors and information of group-sequential designs beside what rpact, gsDesign and lrstat print.

Tolerances: 1e-5 on Z against rpact and against an implementation of its own, one unit of the last digit that is
printed elsewhere, 2e-4 against gsDesign, whose integration is coarser.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.trials import Bounds, Efficacy, Futility, GroupSequentialDesign, Spending, group_sequential
from tests.kit.trial_numbers import Case, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Z, LAST = 1e-5, 1.01e-6
"""Tolerance of Z; one unit of the sixth decimal."""
RULES = {
    "OBF": Efficacy("obf"),
    "Pocock": Efficacy("pocock"),
    "LD-OBF": Efficacy("ld_obf"),
    "LD-Pocock": Efficacy("ld_pocock"),
    "HSD(-4)": Efficacy("hsd", -4.0),
    "HSD(1)": Efficacy("hsd", 1.0),
    "HSD(0)": Efficacy("hsd", 0.0),
    "KD(3)": Efficacy("kim_demets", 3.0),
    "Haybittle-Peto": Efficacy("haybittle_peto"),
    "WT(.393)": Efficacy("wang_tsiatis", 0.393),
}
HSD_BETA = Futility("beta_spending", Spending("hsd", -2.0))

# === Equal looks: rule, Z, inflation factors at 80% and 90% power (0: not given) ===
EQUAL = [
    ("OBF", "C", [2.796510, 1.977431], 1.007786, 1.007126),
    ("OBF", "P=C", [3.4710914, 2.4544323, 2.0040356], 1.017406, 1.016101),
    ("OBF", "C", [4.048591, 2.862786, 2.337455, 2.024296], 1.023846, 1.022163),
    ("OBF", "C", [4.561742, 3.225639, 2.633723, 2.280871, 2.040073], 1.028411, 1.026486),
    ("Pocock", "C", [2.178272] * 2, 1.110413, 1.100082),
    ("Pocock", "C", [2.289478] * 3, 1.166386, 1.150638),
    ("Pocock", "C", [2.361300] * 4, 1.202469, 1.183134),
    ("Pocock", "C", [2.413180] * 5, 1.228573, 1.206581),
    ("LD-OBF", "C", [2.962588, 1.968596], 0, 1.003418),
    ("LD-Pocock", "C", [2.156999, 2.200977], 0, 1.111047),
    ("HSD(-4)", "C", [2.749966, 1.981131], 0, 1.008708),
    ("LD-OBF", "C", [3.710303, 2.511427, 1.993047], 0, 1.011853),
    ("LD-Pocock", "C", [2.279428, 2.294911, 2.295940], 0, 1.154220),
    ("HSD(-4)", "C", [3.010739, 2.546531, 1.999226], 0, 1.015197),
    ("HSD(1)", "C", [2.283141, 2.284441, 2.301255], 0, 1.156123),
    ("KD(3)", "C", [3.113017, 2.461934, 2.008705], 0, 1.018400),
    ("LD-OBF", "C", [4.332634, 2.963132, 2.359044, 2.014090], 0, 1.018280),
    ("LD-Pocock", "C", [2.368328, 2.367524, 2.358168, 2.350036], 0, 1.177587),
    ("HSD(-4)", "C", [3.155373, 2.818347, 2.439132, 2.013647], 0, 1.019904),
    ("LD-OBF", "C", [4.876885, 3.357012, 2.680280, 2.289817, 2.031032], 0, 1.023078),
    ("LD-Pocock", "C", [2.437977, 2.426814, 2.410194, 2.396649, 2.386000], 0, 1.192332),
    ("HSD(-4)", "C", [3.252668, 2.986046, 2.691657, 2.373667, 2.025321], 0, 1.023440),
]
# === Cumulative alpha at equal looks ===
SPENT = [
    ("OBF", "C", [0.002583, 0.025]),
    ("OBF", "P=C", [0.00025917372, 0.0071600594, 0.025]),
    ("OBF", "C", [0.000026, 0.002110, 0.010456, 0.025]),
    ("OBF", "C", [0.000003, 0.000630, 0.004452, 0.012792, 0.025]),
    ("Pocock", "C", [0.014693, 0.025]),
    ("Pocock", "C", [0.011026, 0.018969, 0.025]),
    ("Pocock", "C", [0.009106, 0.015773, 0.020877, 0.025]),
    ("Pocock", "C", [0.007907, 0.013763, 0.018272, 0.021927, 0.025]),
    ("LD-OBF", "C", [0.000104, 0.006048, 0.025]),
    ("LD-OBF", "C", [0.000007, 0.001525, 0.009649, 0.025]),
    ("LD-OBF", "C", [0.000001, 0.000394, 0.003808, 0.012212, 0.025]),
    ("LD-Pocock", "C", [0.011321, 0.019085, 0.025]),
    ("LD-Pocock", "C", [0.007385, 0.013078, 0.017713, 0.021621, 0.025]),
]
# === Any looks: fractions, rule, alpha, sides, cumulative alpha, Z ===
UNEQUAL = [
    ("C", [0.3, 0.7, 1], "LD-OBF", 0.025, [0.000043, 0.007384, 0.025], [3.928573, 2.438742, 2.000009]),
    ("C", [0.3, 0.7, 1], "LD-Pocock", 0.025, [0.010393, 0.019743, 0.025], [2.311835, 2.258346, 2.306183]),
    ("C", [0.3, 0.7, 1], "HSD(-4)", 0.025, [0.001082, 0.007204, 0.025], [3.066700, 2.483666, 2.002767]),
    ("C", [0.5, 0.75, 1], "LD-OBF", 0.025, [0.001525, 0.009649, 0.025], [2.962588, 2.359018, 2.014084]),
    ("C", [0.33, 0.67, 1], "LD-OBF", 0.025, [0.000095, 0.006176, 0.025], [3.730665, 2.503871, 1.993710]),
    ("P=C", [0.8, 1], "LD-OBF", 0.025, [0.012212, 0.025], [2.250400, 2.024972]),
    ("P=C", [0.333, 0.667, 1], "LD-OBF", 0.025, [0.000103, 0.006061, 0.025], [3.712326, 2.510669, 1.993113]),
    (
        "C",
        [0.25, 0.6, 0.8, 1],
        "LD-OBF",
        0.025,
        [0.000007, 0.003808, 0.012212, 0.025],
        [4.332634, 2.668869, 2.288747, 2.030711],
    ),
    (
        "C",
        [0.2, 0.45, 0.7, 0.85, 1],
        "LD-OBF",
        0.025,
        [0.000001, 0.000834, 0.007384, 0.015051, 0.025],
        [4.876885, 3.143848, 2.451535, 2.232085, 2.051265],
    ),
    ("P=C rpact x6b", [0.4, 0.7], "LD-Pocock", 0.025, [0.013078429, 0.0197432], [2.223875, 2.3050796]),
    (
        "P=C rpact x6a",
        [0.35, 0.7, 1],
        "LD-Pocock",
        0.13,
        [0.061214062, 0.10266465, 0.13],
        [1.5446617, 1.4828682, 1.4620058],
    ),
    (
        "P=C rpact x7a",
        [0.4, 0.75, 1],
        "LD-OBF",
        0.13,
        [0.016665509, 0.080406163, 0.13],
        [2.1280732, 1.4368565, 1.2468994],
    ),
    ("P=C rpact x1", [0.2, 0.4, 1], "HSD(0)", 0.03, [0.006, 0.012, 0.03], [2.5121443, 2.4228747, 2.0280392]),
    (
        "P=C rpact x8c",
        [0.3, 0.8, 1],
        "WT(.393)",
        0.025,
        [0.0067542296, 0.01805085, 0.025],
        [2.4700754, 2.2239834, 2.1715117],
    ),
]
X8B = group_sequential([0.3, 0.8, 1.0], alpha=0.025, sides=2, efficacy=Efficacy("wang_tsiatis", 0.24))
"""rpact's x8b, two-sided."""
# === Expected information over that of the fixed design, 90% power: under H1, under H0 ===
EXPECTED = {
    ("OBF", 2): (0.851095, 1.005826),
    ("OBF", 3): (0.798709, 1.013588),
    ("OBF", 4): (0.767397, 1.018945),
    ("OBF", 5): (0.750254, 1.022816),
    ("Pocock", 2): (0.775933, 1.092001),
    ("Pocock", 3): (0.721033, 1.139134),
    ("Pocock", 4): (0.697496, 1.169600),
    ("Pocock", 5): (0.684938, 1.191650),
}
PETO = [
    ("P=C", [3.0, 3.0, 3.0, 1.9827514]),
    ("C", [3.0, 1.967294]),
    ("C", [3.0, 3.0, 1.975098]),
    ("C", [3.0] * 4 + [1.990048]),
]
NAIVE = {1: 0.05, 2: 0.083118, 3: 0.107256, 4: 0.126169, 5: 0.141689, 10: 0.193357, 20: 0.247911}


def of_rule(
    rule: str, looks: int | Sequence[float], read: str, power: float = 0.9, alpha: float = 0.025
) -> Callable[[], Any]:
    """Reads an attribute of a design."""
    return lambda: getattr(group_sequential(looks, alpha=alpha, power=power, efficacy=RULES[rule]), read)


def expected_of(rule: str, looks: int) -> Callable[[], tuple[float, float]]:
    """Expected information of a design under its planned effect and under none."""

    def read() -> tuple[float, float]:
        none, _, planned = group_sequential(looks, efficacy=RULES[rule]).expected_information
        return planned, none

    return read


def naive_error(looks: int) -> Callable[[], float]:
    """Two-sided error of testing at 1.959964 at each look."""

    def read() -> float:
        information = tuple(k / looks for k in range(1, looks + 1))
        cross = Bounds(information, (1.959964,) * looks, sides=2).crossing(0.0)
        return float(cross.efficacy.sum() + cross.opposite.sum())

    return read


def cases() -> list[Case]:
    """Every number of designs without futility."""
    found = []
    for rule, tag, z, at_80, at_90 in EQUAL:
        name = f"{rule} K={len(z)}"
        found.append(Case(f"{name} Z", tag, z, Z, of_rule(rule, len(z), "efficacy")))
        for power, factor in ((0.8, at_80), (0.9, at_90)):
            if factor:
                read = of_rule(rule, len(z), "inflation_factor", power)
                found.append(Case(f"{name} inflation at {power:.0%}", "C", [factor], LAST, read))
    for rule, tag, spent in SPENT:
        found.append(Case(f"{rule} K={len(spent)} alpha", tag, spent, LAST, of_rule(rule, len(spent), "alpha_spent")))
    for tag, t, rule, alpha, spent, z in UNEQUAL:
        found.append(Case(f"{rule} {t} Z", tag, z, Z, of_rule(rule, t, "efficacy", alpha=alpha)))
        found.append(Case(f"{rule} {t} alpha", tag, spent, LAST, of_rule(rule, t, "alpha_spent", alpha=alpha)))
    for (rule, looks), values in EXPECTED.items():
        found.append(Case(f"{rule} K={looks} expected information", "C", values, LAST, expected_of(rule, looks)))
    for tag, z in PETO:
        found.append(Case(f"Haybittle-Peto K={len(z)}", tag, z, Z, of_rule("Haybittle-Peto", len(z), "efficacy")))
    found += [Case(f"naive K={k}", "P=C", [p], LAST, naive_error(k)) for k, p in NAIVE.items()]
    return found


def more_cases() -> list[Case]:
    """Details of single designs of rpact and gsDesign."""
    x1 = group_sequential([0.2, 0.4, 1.0], alpha=0.03, power=0.86, efficacy=RULES["HSD(0)"])
    obf3 = group_sequential(3, efficacy="obf")
    five = group_sequential(5, efficacy=RULES["HSD(-4)"])
    obf5 = group_sequential(5, power=0.8, alpha=0.05, sides=2, efficacy="obf")
    pocock4 = group_sequential(4, power=0.8, alpha=0.05, sides=2, efficacy="pocock")
    obf20 = group_sequential(20, alpha=0.05, sides=2, efficacy="obf")
    peto = group_sequential(4, efficacy="haybittle_peto")
    some = pocock4.crossing(pocock4.drift * np.array([0.0, 0.5, 1.0, 1.5])).expected_information(pocock4.information)
    digits = [1e-7] * 3
    return [
        Case("x1 drift squared", "P=C", [9.4594101], 1e-6, lambda: x1.drift**2),
        Case("x1 inflation", "P=C", [1.0788327], 1e-7, lambda: x1.inflation_factor),
        Case("x1 stage power", "P=C", [0.12783451, 0.21271713, 0.51944835], 1e-7, lambda: x1.stage_power),
        Case(
            "x1 expected information",
            "P=C",
            [1.0697705, 1.0142116, 0.83081135],
            digits,
            lambda: x1.expected_information,
        ),
        Case("x8b Z", "P=C", [3.2029374, 2.4819703, 2.3420706], Z, lambda: X8B.efficacy),
        Case("x8b alpha", "P=C", [0.0013603353, 0.013978861, 0.025], 1e-8, lambda: X8B.alpha_spent),
        Case("OBF K=3 nominal p", "P=C", [0.00025917372, 0.0070553616, 0.022533125], 1e-8, lambda: obf3.nominal_p),
        Case(
            "Haybittle-Peto K=4 alpha",
            "P=C",
            [0.001349898, 0.0024617416, 0.0033695882, 0.025],
            1e-8,
            lambda: peto.alpha_spent,
        ),
        Case("HSD(-4) K=5 stage alpha", "P", [0.0006, 0.0013, 0.0028, 0.0063, 0.0140], 6e-5, lambda: five.stage_alpha),
        Case("HSD(-4) K=5 stage power", "P", [0.0370, 0.1512, 0.2647, 0.2699, 0.1771], 6e-5, lambda: five.stage_power),
        Case(
            "HSD(-4) K=5 expected information",
            "P",
            [1.0197, 0.7366],
            6e-5,
            lambda: (five.expected_information[0], five.expected_information[2]),
        ),
        Case("OBF K=4 Z, gsDesign", "P=C", [4.048, 2.862, 2.337, 2.024], 1e-3, of_rule("OBF", 4, "efficacy")),
        Case(
            "OBF K=5 two-sided: largest and expected under H0, % of fixed",
            "P",
            [102.8, 102.1],
            0.05,
            lambda: (100 * obf5.inflation_factor, 100 * obf5.expected_information[0]),
        ),
        Case("Pocock K=4 two-sided, % of fixed", "P", [120.2], 0.05, lambda: 100 * pocock4.inflation_factor),
        Case(
            "Pocock K=4 two-sided, expected at four effects, % of fixed",
            "P",
            [117.5, 108.8, 80.5, 52.2],
            0.05,
            lambda: 100 * some * pocock4.inflation_factor,
        ),
        Case(
            "OBF K=20 two-sided: largest and expected under H0, % of fixed",
            "P",
            [104.5, 103.4],
            0.05,
            lambda: (100 * obf20.inflation_factor, 100 * obf20.expected_information[0]),
        ),
    ]


def futility_cases() -> list[Case]:
    """Designs with futility, binding and not."""
    fixed = Futility("z", z=(0.5244,) * 3, binding=True)
    x8a = group_sequential(4, efficacy=Efficacy("wang_tsiatis", 0.4), futility=fixed)
    x16 = group_sequential(4, efficacy="final_only", futility=Futility("z", z=(0.0, 0.5, 1.0), binding=True))
    x15 = group_sequential(3, efficacy="final_only", futility=Futility("z", z=(0.0, 0.5)))
    four = group_sequential(5, efficacy=RULES["HSD(-4)"], futility=HSD_BETA)
    root = Futility("beta_spending", Spending("kim_demets", 0.5), binding=True)
    three = group_sequential(4, efficacy=RULES["HSD(-4)"], futility=root)
    return [
        Case("x8a Z", "P=C", [2.4958485, 2.328709, 2.2361766, 2.1727623], Z, lambda: x8a.efficacy),
        Case("x16 final Z", "P=C", [1.8848634], Z, lambda: x16.efficacy[-1]),
        Case("x15 final Z", "P=C", [1.959964], Z, lambda: x15.efficacy[-1]),
        Case("type 4 lower Z, gsDesign", "P=C", [-0.90, -0.04, 0.69, 1.36, 2.03], 0.006, lambda: four.futility),
        Case("type 4 lower Z", "C", [-0.901619, -0.036749, 0.694508, 1.360322, 2.025321], Z, lambda: four.futility),
        Case("type 4 largest N", "C", [881.0501], 1e-3, lambda: 800 * four.inflation_factor),
        Case(
            "type 4 expected N",
            "C",
            [458.0488, 595.1984],
            1e-3,
            lambda: (800 * four.expected_information[0], 800 * four.expected_information[2]),
        ),
        Case(
            "type 4 N by look, gsDesign",
            "P=C",
            [177, 353, 529, 705, 882],
            0.5,
            lambda: [math.ceil(800 * four.inflation_factor * t) for t in four.information],
        ),
        Case("type 4 upper under H0", "P=C", [0.0226], 6e-5, lambda: four.crossing(0.0).power),
        Case("type 3 upper Z", "C", [3.155373, 2.817531, 2.419864, 1.857898], Z, lambda: three.efficacy),
        Case("type 3 lower Z", "C", [0.154563, 0.760359, 1.334069], Z, lambda: three.futility[:-1]),
        Case("type 3 final Z, gsDesign", "P", [1.8598], 3e-3, lambda: three.efficacy[-1]),
        Case("type 3 lower Z, gsDesign", "P", [0.1555, 0.7616, 1.3357], 3e-3, lambda: three.futility[:-1]),
    ]


@pytest.mark.parametrize("case", [*cases(), *more_cases(), *futility_cases()], ids=name_of)
def test_bounds_are_those_of_other_programs(case: Case) -> None:
    """Every value lies within the tolerance of its source."""
    assert case.differences().max() <= 1.0


def test_the_design_is_what_it_says() -> None:
    """Alpha, power and cumulative errors, computed again from the bounds alone."""
    design: GroupSequentialDesign = group_sequential(
        [0.2, 0.5, 0.9, 1.0], alpha=0.05, power=0.83, efficacy=Efficacy("kim_demets", 2.0), futility=HSD_BETA
    )
    upper = Bounds(design.information, design.efficacy)
    assert float(upper.crossing(0.0).power[0]) == pytest.approx(0.05, abs=1e-12)
    assert float(design.bounds.crossing(design.drift).power[0]) == pytest.approx(0.83, abs=1e-10)
    spent = np.cumsum(design.crossing(design.drift).futility[0])[:-1]
    np.testing.assert_allclose(spent, [Spending("hsd", -2.0).spent(t, 0.17) for t in (0.2, 0.5, 0.9)], atol=1e-10)
