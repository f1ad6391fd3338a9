"""Events, patients, dates and average hazard ratios beside rpact, gsDesign, gsDesign2, SAS, East and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmssim.trials import (
    Accrual,
    CureHazard,
    Efficacy,
    Futility,
    PiecewiseHazard,
    Population,
    Spending,
    SurvivalDesign,
    TimesRatio,
    competing_events,
    constant,
    difference_design,
    difference_variance,
    freedman_events,
    from_median,
    group_sequential,
    logrank_assurance,
    normal_assurance,
    one_population,
    piecewise_accrual,
    probability_of_benefit,
    rmst,
    schoenfeld_events,
    schoenfeld_power,
    survival_design,
    survival_probability,
    uniform_accrual,
)
from tests.kit.trial_numbers import Case, name_of

LAST = 1.01e-6
LN2 = math.log(2.0)
EVENTS = {
    0.50: (65.3457, 87.4793, 70.6399, 94.5668, 73.5139, 62.7910),
    0.60: (120.3157, 161.0686, 125.5821, 168.1188, 135.3552, 118.7143),
    0.65: (169.1807, 226.4849, 174.4373, 233.5221, 190.3282, 169.4717),
    0.70: (246.7871, 330.3779, 252.0362, 337.4050, 277.6355, 251.1642),
    0.75: (379.3517, 507.8443, 384.5951, 514.8637, 426.7707, 392.4440),
    0.80: (630.5202, 844.0876, 635.7593, 851.1013, 709.3352, 663.2303),
}
"""Schoenfeld and Freedman at 80% and 90%, 1:1; then both at 80%, 2:1."""
RELAXED = {
    0.025: ((65.35, 87.48), (120.32, 161.07), (195.75, 262.06), (246.79, 330.38), (379.35, 507.84)),
    0.05: ((51.47, 71.30), (94.77, 131.28), (154.20, 213.59), (194.39, 269.27), (298.82, 413.91)),
    0.10: ((37.53, 54.69), (69.10, 100.70), (112.43, 163.85), (141.74, 206.56), (217.87, 317.52)),
    0.15: ((29.36, 44.73), (54.07, 82.36), (87.97, 134.01), (110.90, 168.94), (170.47, 259.69)),
    0.20: ((23.59, 37.53), (43.43, 69.10), (70.66, 112.43), (89.09, 141.74), (136.94, 217.87)),
}
"""One-sided alpha; events at 80% and 90% for hazard ratios .5, .6, .67, .7, .75."""
AVERAGE = {
    12: (20.404508, 0.810754, 5.028327, 5.101127),
    15: (30.278413, 0.785741, 7.441186, 7.569603),
    24: (49.069659, 0.715157, 11.999266, 12.267415),
    30: (58.490967, 0.695215, 14.327243, 14.622742),
    36: (66.239480, 0.683340, 16.267921, 16.559870),
}
LATE = one_population(PiecewiseHazard((LN2 / 9, LN2 / 18), (0.0, 3.0)), (0.9, 0.6), (0.0, 3.0), dropout=constant(0.001))
ENTRIES = piecewise_accrual((2, 2, 10), (3, 6, 9))
HSD = Efficacy("hsd", -4.0)
ONE = uniform_accrual(50.0, rate=1.0)
"""One patient a month."""


def planned(population: Population, accrual: Accrual, **how: Any) -> SurvivalDesign:
    """A fixed design by Lachin and Foulkes, 90%."""
    return survival_design(population, accrual, method="lachin_foulkes", **how)


def size(trial: SurvivalDesign) -> tuple[float, float]:
    """Patients and events."""
    return trial.patients, trial.events


def formula_cases() -> list[Case]:
    """Events of fixed designs."""
    found = []
    for hr, values in EVENTS.items():

        def read(hr: float = hr) -> list[float]:
            plain = [f(hr, power=p) for f in (schoenfeld_events, freedman_events) for p in (0.8, 0.9)]
            return plain + [f(hr, power=0.8, allocation=2.0) for f in (schoenfeld_events, freedman_events)]

        found.append(Case(f"events HR {hr}", "P=C" if hr == 0.6 else "C", values, 6e-5, read))
    for alpha, rows in RELAXED.items():
        for hr, row in zip((0.5, 0.6, 0.67, 0.7, 0.75), rows, strict=True):

            def both(alpha: float = alpha, hr: float = hr) -> list[float]:
                return [schoenfeld_events(hr, alpha=alpha, power=power) for power in (0.8, 0.9)]

            found.append(Case(f"events HR {hr} alpha {alpha}", "C", row, 0.006, both))
    return [
        *found,
        Case("rpact HR 2.289", "P=C", [58.52451], 1e-5, lambda: schoenfeld_events(2.2892242, alpha=0.01, power=0.8)),
    ]


def rpact_cases() -> list[Case]:
    """A three-look design, whose events follow from the inflation factor."""
    design = group_sequential([0.2, 0.5, 1.0], efficacy=Efficacy("wang_tsiatis", 0.3))
    accrual, hr = uniform_accrual(12.0), 2.2892242

    def events(allocation: float, method: str) -> float:
        population = one_population(constant(0.05), hr, allocation=allocation)
        return survival_design(population, accrual, design, follow_up=12.0, method=method).events

    def stages() -> tuple[float, ...]:
        return design.stage_power

    return [
        Case("WT(.3) inflation", "P=C", [1.0548577], 1e-7, lambda: design.inflation_factor),
        Case("WT(.3) stage power", "P=C", [0.08379162, 0.40937259, 0.40683579], 1e-7, stages),
        Case("WT(.3) Schoenfeld 2:1", "P=C", [72.714085], 1e-5, lambda: events(2.0, "schoenfeld")),
        Case("WT(.3) Freedman 1:1", "P=C", [72.147312], 1e-5, lambda: events(1.0, "freedman")),
    ]


def lachin_foulkes_cases() -> list[Case]:
    """Patients and events of gsDesign's nSurvival and nSurv."""
    half, six, twenty = uniform_accrual(0.5), constant(LN2 / 6), constant(LN2 / 20)
    small = one_population(constant(0.2), 0.5, dropout=constant(0.1))
    weak = one_population(constant(0.2), 0.7, dropout=constant(0.1))
    fifty = one_population(six, 0.5, dropout=constant(LN2 / 40))
    slow = one_population(twenty, 0.5)
    rates = [
        ("", one_population(six, 0.6), [171.996958, 160.653608], [172.0, 160.7]),
        (
            ", dropout .2",
            one_population(six, 0.6, dropout_experimental=constant(0.2)),
            [362.588644, 223.272835],
            [362.6, 223.3],
        ),
        (
            ", ratio .8",
            one_population(six, 0.6, allocation=0.8, dropout_experimental=constant(0.2)),
            [385.563330, 253.204297],
            [385.6, 253.2],
        ),
    ]
    found = []
    for name, population, exact, printed in rates:

        def read(population: Population = population) -> tuple[float, float]:
            return size(planned(population, ONE, follow_up=0.2, solve="accrual_duration"))

        found.append(Case(f"nSurv{name}", "P=C", exact, 2e-6, read))
        found.append(Case(f"print.nSurv{name}", "P", printed, 0.051, read))
    east = one_population(constant(LN2 / 10), 0.5).events(uniform_accrual(12.0, rate=4.0), 42.0).total
    given = one_population(constant(LN2 / 10), 0.5)
    power = lambda: survival_design(given, uniform_accrual(12, rate=4), study_duration=42, solve="power").power  # noqa: E731
    return [
        *found,
        Case("nSurvival", "P=C", [429.618860, 90.098749], LAST, lambda: size(planned(small, half, study_duration=2.0))),
        Case(
            "nSurvival, printed up",
            "P",
            [430, 91],
            0.5,
            lambda: [math.ceil(x) for x in size(planned(small, half, study_duration=2.0))],
        ),
        Case("HR .7", "C", [1410.538310, 332.712566], LAST, lambda: size(planned(weak, half, study_duration=2.0))),
        Case(
            "ln2/6, HR .5",
            "C",
            [119.818393, 86.325778],
            LAST,
            lambda: size(planned(fifty, uniform_accrual(24.0), study_duration=36.0)),
        ),
        Case(
            "ln2/6, HR .5, events by arm",
            "C",
            [48.914, 37.412],
            6e-4,
            lambda: arms(planned(fifty, uniform_accrual(24.0), study_duration=36.0)),
        ),
        Case(
            "ln2/20, HR .5",
            "C",
            [198.931230, 88.280611],
            LAST,
            lambda: size(planned(slow, uniform_accrual(24.0), study_duration=36.0)),
        ),
        Case(
            "SAS SEQDESIGN",
            "P",
            [197.1152, 87.4793],
            2.0,
            lambda: size(planned(slow, uniform_accrual(24.0), study_duration=36.0)),
        ),
        Case("East events", "P", [39.02121789], 1e-8, lambda: east),
        Case("East power", "P", [0.58120457], 1e-7, lambda: schoenfeld_power(0.5, east)),
        Case("East power, of the trial", "P", [0.58120457], 1e-7, power),
    ]


def arms(trial: SurvivalDesign) -> tuple[float, float]:
    """Events of each arm."""
    events = trial.population.events(trial.accrual, trial.study_duration)
    return events.control, events.experimental


def gs_surv_cases() -> list[Case]:
    """Group-sequential trials of gsDesign's gsSurv."""
    futility = Futility("beta_spending", Spending("hsd", -2.0))
    three = group_sequential(3, efficacy=HSD, futility=futility)
    a = planned(one_population(constant(LN2 / 6), 0.5), ONE, design=three, follow_up=0.5, solve="accrual_duration")
    frame = a.to_frame()
    four = group_sequential(4, efficacy=HSD)
    population = one_population(constant(LN2 / 6), 0.5, dropout=constant(LN2 / 40))
    b = planned(population, uniform_accrual(24.0), design=four, study_duration=36.0)
    return [
        Case("gsSurv a inflation", "C", [1.0698831], 1e-7, lambda: three.inflation_factor),
        Case("gsSurv a", "C", [105.247, 92.771673], [0.0006, LAST], lambda: size(a)),
        Case("gsSurv a, printed", "P", [105.2, 92.8], [0.051, 0.051], lambda: size(a)),
        Case("gsSurv a efficacy", "P=C", [3.0107, 2.5465, 1.9992], 2e-4, lambda: frame["z_efficacy"]),
        Case("gsSurv a futility", "P=C", [-0.2388, 0.9410], 2e-4, lambda: frame["z_futility"][:2]),
        Case("gsSurv a HR at efficacy", "P=C", [0.3386, 0.5233, 0.6603], 1e-4, lambda: frame["hr_efficacy"]),
        Case("gsSurv a HR at futility", "P=C", [1.0897, 0.7872], 1e-4, lambda: frame["hr_futility"][:2]),
        Case("gsSurv a power", "P=C", [0.1412, 0.5815, 0.9000], 6e-5, lambda: frame["cumulative_power"]),
        Case("gsSurv a under H0", "P=C", [0.0013, 0.0062, 0.0233], 6e-5, lambda: frame["crossing_null"]),
        Case("gsSurv b", "P=C", [122.203273, 88.044018], LAST, lambda: size(b)),
        Case("gsSurv b rate", "P", [5.092], 6e-4, lambda: b.accrual.rates),
        Case("gsSurv b events", "P", [23, 45, 67, 89], 0.0001, lambda: [math.ceil(d) for d in b.look_events]),
        Case("gsSurv b months", "P", [12, 19, 25, 36], 0.0001, lambda: [round(t) for t in b.look_times]),
        Case(
            "gsSurv b patients", "P", [64, 98, 124, 124], 1e-9, lambda: [2 * math.ceil(n / 2) for n in b.look_patients]
        ),
        Case("gsSurv b power", "P", [0.0644, 0.3151, 0.6631, 0.9000], 6e-5, lambda: b.to_frame()["cumulative_power"]),
    ]


def average_cases() -> list[Case]:
    """gsDesign2's average hazard ratio."""
    found = []
    for time, values in AVERAGE.items():

        def read(time: float = time) -> tuple[float, ...]:
            seen = LATE.average_hazard_ratio(ENTRIES, time)
            return seen.events.total, seen.hazard_ratio, seen.information, seen.null_information

        found.append(Case(f"ahr at {time}", "C", values, LAST, read))
    return [*found, Case("patients at 12", "C", [90, 108], 1e-9, lambda: ENTRIES.patients([12, 40]))]


def other_cases() -> list[Case]:
    """Restricted mean, competing events, cure and assurance."""
    late = TimesRatio(from_median(3.0), (1.0, 0.6), (0.0, 1.0))
    four = uniform_accrual(4.0, rate=75.0)
    curves = (constant(0.2), constant(0.13), 5.0)
    given = difference_design("rmst", *curves, four, study_duration=7.0, solve="power")
    endless = uniform_accrual(1e-6, rate=3e8)
    free = difference_design("rmst", *curves, endless, study_duration=6.0, solve="power")
    crowd = one_population(constant(0.1), 0.6, competing=constant(0.05))
    competing = survival_design(crowd, uniform_accrual(3.0), group_sequential(power=0.8), study_duration=6.0)
    told = competing_events(competing, 5.0)
    cured = one_population(CureHazard(0.4, 0.35), 0.7)
    arm = cured.strata[0].experimental_arm().hazard
    hazards = [(0.2, 1), (0.2, 3), (0.2, 5), (0.2, 10), (0.1, 5), (LN2 / 3, 5), (LN2 / 5, 5), (LN2 / 12, 10)]
    means = [0.906346, 2.255942, 3.160603, 4.323324, 3.934693, 2.964824, 3.606738, 7.596118]
    priors = {
        0.3: (0.372874, 0.460984, 0.594712, 0.688187, 0.776084),
        0.2: (0.345785, 0.450314, 0.627233, 0.755585, 0.866378),
        0.0: (0.304625, 0.429916, 0.712979, 0.935300, 0.999883),
    }
    assured = [
        Case(
            f"assurance, prior sd {sd}",
            "C",
            values,
            LAST,
            lambda sd=sd: [logrank_assurance(0.7, sd, d) for d in (66, 100, 200, 380, 1000)],  # type: ignore[misc]
        )
        for sd, values in priors.items()
    ]
    return [
        *assured,
        Case("RMST", "C", means, LAST, lambda: [rmst(constant(rate), tau) for rate, tau in hazards]),
        Case(
            "RMST, late effect",
            "C",
            [3.329877, 0.365053],
            LAST,
            lambda: (rmst(late, 5), rmst(late, 5) - rmst(late.base, 5)),
        ),
        Case(
            "RMST variance",
            "C",
            [3.222646, 2.888089],
            LAST,
            lambda: [difference_variance("rmst", constant(rate), 5.0) for rate in (0.2, 0.13)],
        ),
        Case("RMST variance, censored", "C", [3.253974, 2.916903], LAST, lambda: given.variances(7.0)),
        Case(
            "RMST trial",
            "C",
            [0.515968, 0.202828, 0.720359],
            LAST,
            lambda: (given.difference, given.standard_error(), given.power),
        ),
        Case("RMST trial, uncensored", "C", [0.201837, 0.724545], 2e-6, lambda: (free.standard_error(), free.power)),
        Case(
            "competing events",
            "C",
            [120.315704, 449.0998],
            [LAST, 6e-5],
            lambda: (competing.events, competing.patients),
        ),
        Case("competing P(event)", "C", [0.324358, 0.211451], LAST, lambda: told.event_probability),
        Case("CIF and 1 - KM", "C", [0.351756, 0.393469], LAST, lambda: (told.incidence[0], told.one_minus_km[0])),
        Case("ratio of ln(1 - CIF)", "C", [0.605197], LAST, lambda: told.subdistribution_ratio),
        Case(
            "cure",
            "C",
            [0.487010, 0.504264, 0.373774],
            LAST,
            lambda: (
                cured.event_probabilities(uniform_accrual(4.0), 7.0)[0],
                float(survival_probability(cured.strata[0].control, 5.0)),
                cured.event_probabilities(uniform_accrual(4.0), 7.0)[1],
            ),
        ),
        Case("survival of the other arm", "C", [0.504264**0.7], LAST, lambda: float(survival_probability(arm, 5.0))),
        Case(
            "assurance, normal",
            "C",
            [0.807430, 0.593426],
            LAST,
            lambda: [normal_assurance(0.2, sd, math.sqrt(0.005)) for sd in (0.0, 0.25)],
        ),
        Case(
            "probability of benefit",
            "C",
            [0.882764, 0.962737],
            LAST,
            lambda: [probability_of_benefit(0.7, sd) for sd in (0.3, 0.2)],
        ),
    ]


ALL = [
    *formula_cases(),
    *rpact_cases(),
    *lachin_foulkes_cases(),
    *gs_surv_cases(),
    *average_cases(),
    *other_cases(),
]


@pytest.mark.parametrize("case", ALL, ids=name_of)
def test_sizes_are_those_of_other_programs(case: Case) -> None:
    """Every value lies within the tolerance of its source."""
    assert case.differences().max() <= 1.0


def test_the_average_hazard_ratio_weights_by_events() -> None:
    """Weighting by information, another definition, gives .697098 at 30 months."""
    seen = LATE.average_hazard_ratio(ENTRIES, 30.0)
    first = LATE.average_hazard_ratio(ENTRIES, 30.0).information
    assert seen.hazard_ratio == pytest.approx(0.695215, abs=LAST)
    assert abs(seen.hazard_ratio - 0.697098) > 1e-3
    assert first < seen.null_information


def test_2_to_1_asks_freedman_for_fewer_events() -> None:
    """That is the formula when the hazard ratio is below 1, and the contrary above."""
    assert freedman_events(0.6, allocation=2.0) < freedman_events(0.6)
    assert freedman_events(1.6, allocation=2.0) > freedman_events(1.6)
    assert np.isclose(schoenfeld_events(0.6, allocation=2.0), schoenfeld_events(0.6, allocation=0.5))
