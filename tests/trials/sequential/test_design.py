"""A design keeps its promises at whatever information is observed, and refuses what makes no sense."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import Efficacy, Futility, Spending, group_sequential
from lmssim.trials.sequential import design as module

BETA = Futility("beta_spending", Spending("hsd", -2.0))
RULES = [
    Efficacy("obf"),
    Efficacy("pocock"),
    Efficacy("wang_tsiatis", 0.25),
    Efficacy("haybittle_peto"),
    Efficacy("ld_obf"),
    Efficacy("hsd", -4.0),
    Efficacy("kim_demets", 2.0),
    Efficacy("cumulative", cumulative=(0.1, 0.4, 1.0)),
    Efficacy("ld_pocock", looks=(2,)),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("observed", [(0.25, 0.6, 0.9), (0.4, 0.7, 1.15), (0.5, 1.0), (0.2, 0.4, 0.6, 1.0)])
def test_alpha_holds_at_the_observed_information(rule: Efficacy, sides: int, observed: tuple[float, ...]) -> None:
    """Whether less or more was gathered than planned, and at more or fewer looks."""
    planned = group_sequential(3, alpha=0.04, sides=sides, efficacy=rule)
    again = planned.at_information(observed)
    assert again.alpha_spent[-1] == pytest.approx(0.04, abs=1e-9)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_bounds_of_the_past_do_not_change(rule: Efficacy) -> None:
    """What was used at a look stays when later looks are added; the plan at its own information is the plan."""
    planned = group_sequential(3, efficacy=rule)
    first = planned.at_information((0.3, 0.55), final=False)
    later = planned.at_information((0.3, 0.55, 1.2))
    assert first.information == (0.3, 0.55, 1.0)
    np.testing.assert_allclose(first.efficacy[:2], later.efficacy[:2], atol=1e-10)
    assert first.alpha_spent[-1] == pytest.approx(0.025, abs=1e-9)
    np.testing.assert_allclose(planned.at_information(planned.information).efficacy, planned.efficacy, atol=1e-8)


@pytest.mark.parametrize("binding", [False, True])
@pytest.mark.parametrize(
    "futility",
    [
        Futility("beta_spending", Spending("ld_obf")),
        Futility("z", z=(0.0, 0.5)),
        Futility("conditional_power", threshold=0.2),
        Futility("conditional_power", threshold=0.1, effect="trend"),
        Futility("conditional_power", threshold=0.05, effect="null"),
        Futility("predictive_power", threshold=0.1),
    ],
    ids=lambda futility: f"{futility.rule} {futility.effect}",
)
def test_futility_costs_power_not_alpha(futility: Futility, *, binding: bool) -> None:
    """Efficacy bounds that do not count on stops are those without futility; those that do spend all of alpha."""
    rule = Futility(futility.rule, futility.spending, futility.z, futility.threshold, futility.effect, binding=binding)
    design = group_sequential(3, efficacy="obf", futility=rule)
    plain = group_sequential(3, efficacy="obf")
    assert design.power == pytest.approx(0.9, abs=1e-9)
    assert design.drift > plain.drift
    crossed = float(design.crossing(0.0).power[0])
    if binding:
        assert crossed == pytest.approx(0.025, abs=1e-9)
        assert design.efficacy[-1] < plain.efficacy[-1]
    else:
        assert crossed < 0.025
        np.testing.assert_allclose(design.efficacy, plain.efficacy, atol=1e-9)


@pytest.mark.parametrize(("rule", "effect"), [("conditional_power", "planned"), ("conditional_power", "trend")])
def test_futility_at_a_conditional_power_stops_there(rule: str, effect: str) -> None:
    """At the bound, conditional power of the final test is the threshold."""
    design = group_sequential(2, efficacy="ld_obf", futility=Futility(rule, threshold=0.15, effect=effect))
    z = design.futility[0]
    drift = None if effect == "planned" else z / np.sqrt(0.5)
    assert design.conditional_power(1, z, drift) == pytest.approx(0.15, abs=1e-9)


def test_two_sided_designs_mirror_one_sided_ones() -> None:
    """Twice alpha, the same bounds, up to the crossing of both; futility stops about 0."""
    one = group_sequential(4, alpha=0.025, efficacy="ld_obf")
    two = group_sequential(4, alpha=0.05, sides=2, efficacy="ld_obf", futility=BETA)
    np.testing.assert_allclose(one.efficacy, two.efficacy, atol=1e-6)
    assert two.power == pytest.approx(0.9, abs=1e-9)
    assert two.futility[1] > 0.0
    cross = two.crossing([-two.drift, two.drift])
    assert cross.efficacy[1].sum() == pytest.approx(cross.opposite[0].sum(), abs=1e-12)


def test_crossing_accounts_for_every_trial() -> None:
    """Under any effect, also a harmful one, each trial ends once."""
    design = group_sequential([0.1, 0.11, 0.6, 1.0], efficacy="pocock", futility=BETA)
    cross = design.crossing([-6.0, -1.0, 0.0, 2.0, 9.0])
    np.testing.assert_allclose(cross.stop.sum(axis=1), 1.0, atol=1e-12)
    assert cross.stop.min() >= -1e-12
    assert (np.diff(cross.power) > 0.0).all()
    assert cross.futility[0].sum() == pytest.approx(1.0, abs=1e-4)


def test_simulated_trials_cross_as_often() -> None:
    """200,000 Brownian paths; within 4 standard errors."""
    design = group_sequential([0.3, 0.45, 1.0], efficacy="pocock", futility=BETA)
    rng = np.random.default_rng(5)
    t = np.array(design.information)
    steps = rng.standard_normal((200_000, 3)) * np.sqrt(np.diff(t, prepend=0.0))
    z = (steps.cumsum(axis=1) + design.drift * t) / np.sqrt(t)
    alive = np.ones(len(z), dtype=bool)
    expected = design.crossing(design.drift)
    for k in range(3):
        for crossed, p in ((z[:, k] >= design.efficacy[k], expected.efficacy[0, k]),):
            share = float((alive & crossed).mean())
            assert abs(share - p) < 4.0 * np.sqrt(p * (1.0 - p) / len(z))
        alive &= (z[:, k] < design.efficacy[k]) & (z[:, k] >= design.futility[k])


def test_results_are_told_three_ways() -> None:
    """As a frame, a sentence and a picture."""
    design = group_sequential(3, efficacy="ld_obf", futility=BETA)
    frame = design.to_frame()
    assert list(frame["look"]) == [1, 2, 3]
    assert frame["cumulative_power"].iloc[-1] == pytest.approx(0.9, abs=1e-9)
    assert "analysed 3 times, at 33.3%, 66.7% and 100.0%" in design.summary()
    assert "One final analysis" in group_sequential().summary()
    assert design.plot().get_ylabel() == "Z"


def test_examples_are_right() -> None:
    """Each example of a docstring gives what stands beneath it."""
    assert not doctest.testmod(module).failed


BAD = [
    ({"information": 0}, "information: 0 looks"),
    ({"information": [0.5, 0.4, 1.0]}, r"information: 0\.4 does not lie above 0\.5"),
    ({"information": [0.5, 1.5]}, r"information: 1\.5 is not a fraction"),
    ({"information": [0.0, 1.0]}, r"information: 0 is not a fraction"),
    ({"information": [0.5, 0.50001, 1.0]}, r"closer than 0\.0001"),
    ({"information": "half"}, "information: 'half' is not a list of numbers"),
    ({"information": [0.5, float("nan")]}, r"information\[2\]: nan is not a finite number"),
    ({"information": True}, "information: True is not a list"),
    ({"alpha": 0.0}, "alpha: 0 must be above 0 and below 0.5"),
    ({"alpha": 0.6}, "alpha: 0.6 must be above 0"),
    ({"alpha": "5%"}, "alpha: '5%' is not a finite number"),
    ({"power": 1.0}, "power: 1 must be above"),
    ({"power": 0.01}, "power: 0.01 must be above 0.025"),
    ({"sides": 3}, "sides: 3 is not 1 or 2"),
    ({"efficacy": "obrien"}, "efficacy: unknown value 'obrien'"),
    ({"efficacy": "pocok"}, "Did you mean 'pocock'"),
    ({"efficacy": 4}, "efficacy: 4 is neither"),
    ({"efficacy": "hsd"}, "'hsd'\\) needs gamma"),
    ({"futility": "yes"}, "futility: 'yes' is not a Futility"),
]


@pytest.mark.parametrize(("asked", "words"), BAD)
def test_bad_designs_are_refused_in_one_message(asked: dict[str, object], words: str) -> None:
    """The message names key and value."""
    with pytest.raises(InputError, match=words):
        group_sequential(**{"information": 3, **asked})  # type: ignore[arg-type]


def test_what_no_trial_can_reach_is_refused() -> None:
    """Futility bounds that stop nearly every trial leave no power."""
    high = Futility("z", z=(6.0, 16.0))
    with pytest.raises(InputError, match="no effect reaches the power"):
        group_sequential(3, efficacy="final_only", futility=high)


def test_a_look_beyond_the_plan_is_the_final_one() -> None:
    """Nothing is planned after it."""
    with pytest.raises(InputError, match="no look is left"):
        group_sequential(3).at_information((0.5, 1.0), final=False)


def test_more_looks_than_a_shape_allows_are_refused() -> None:
    """Pocock's constant of two looks spends alpha before the sixth; an interim Z of 1.9 does so at once."""
    with pytest.raises(InputError, match="Pocock bounds spend all of alpha before the last"):
        group_sequential(2, efficacy="pocock").at_information([k / 8 for k in range(1, 9)])
    with pytest.raises(InputError, match="parameter: Haybittle-Peto bounds"):
        group_sequential(3, efficacy=Efficacy("haybittle_peto", 1.9))
    assert group_sequential(2).at_information([k / 8 for k in range(1, 9)]).alpha_spent[-1] == pytest.approx(0.025)


@pytest.mark.parametrize("look", [0, 3, 1.5])
def test_conditional_power_is_asked_at_an_interim_look(look: object) -> None:
    """Not before the first, nor at the last."""
    with pytest.raises(InputError, match="is not an interim look"):
        group_sequential(3).conditional_power(look, 1.0)  # type: ignore[arg-type]
