"""Chance states, complications and mixes of treatment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.kernels.rewards import COST, QALY_UNDISCOUNTED
from tests.kit.models import (
    DEAD,
    DEEP,
    SIZE,
    absorbing,
    attributes,
    branch,
    chance,
    clocks,
    event,
    frame,
    section,
    start,
    state,
    strategy,
)
from tests.kit.plain import assert_close, assert_mean, assert_share, category, estimate, live, worth

if TYPE_CHECKING:
    from tests.conftest import Build


def _fork(*branches: dict[str, Any]) -> str:
    return absorbing("a") + absorbing("b") + absorbing("c") + chance("fork", *branches, initial=True)


# === Branches ===


def test_probabilities(build: Build) -> None:
    """Branches are taken with their probabilities; `rest` takes the complement."""
    lives = live(
        build(frame() + _fork(branch("a", 0.2), branch("b", "q"), branch("c")), {"q": 0.35}),
        30_000,
    )
    for end, p in (("a", 0.2), ("b", 0.35), ("c", 0.45)):
        assert_share(lives.first_entry(end) < 1, p)


def test_probability_is_an_expression(build: Build) -> None:
    """A probability that grows with a covariate, patient by patient."""
    program = build(frame(covariates=SIZE) + _fork(branch("a", "size / 20"), branch("b")))
    lives = live(program, 30_000)
    a, size = lives.first_entry("a") < 1, lives.x[:, 1]
    assert_share(a, 0.5)
    for low in (5, 9, 13):
        chosen = (size >= low) & (size < low + 2)
        assert_mean(a[chosen] - size[chosen] / 20, 0.0)


def test_first_rule_that_holds_is_taken(build: Build) -> None:
    """`when` without a probability: the first match wins, in file order; else the numbers decide."""
    rules = (branch("a", None, when="size > 12"), branch("b", None, when="size > 8"), branch("c", 0.5), branch("b"))
    lives = live(build(frame(covariates=SIZE) + _fork(*rules)), 80_000)
    size = lives.x[:, 1]
    np.testing.assert_array_equal(lives.first_entry("a") < 1, size > 12)
    assert (lives.first_entry("b")[(size > 8) & (size <= 12)] == 0).all()
    assert_share(lives.first_entry("c")[size <= 8] < 1, 0.5)


def test_rule_restricts_a_probability(build: Build) -> None:
    """A branch with `when` and `p` counts only where it holds; the rest grows by its share."""
    rules = (branch("a", 0.4, when="size > 10"), branch("b", 0.3), branch("c"))
    lives = live(build(frame(covariates=SIZE) + _fork(*rules)), 80_000)
    big = lives.x[:, 1] > 10
    for group, shares in ((big, (0.4, 0.3, 0.3)), (~big, (0.0, 0.3, 0.7))):
        for end, p in zip("abc", shares, strict=True):
            assert_share(lives.first_entry(end)[group] < 1, p)


def test_logit_effects_are_multinomial_against_rest(build: Build) -> None:
    """Each branch's weight is multiplied by its odds ratio, then all are divided by their sum."""
    branches = (branch("a", 0.2, effects={"deep": 0.9}), branch("b", 0.3, effects={"deep": -0.4}), branch("c"))
    lives = live(build(frame(covariates=DEEP) + _fork(*branches)), 40_000)
    deep = lives.x[:, 1] == 1
    weights = np.array([0.2 * math.exp(0.9), 0.3 * math.exp(-0.4), 0.5])
    for group, shares in ((deep, weights / weights.sum()), (~deep, (0.2, 0.3, 0.5))):
        for end, p in zip("abc", shares, strict=True):
            assert_share(lives.first_entry(end)[group] < 1, float(p))


def test_one_uniform_decides_in_file_order(build: Build) -> None:
    """Raising the first branch's probability moves patients into it and takes none out."""
    text = _fork(branch("a", "p"), branch("b"))
    strategies = strategy("low") + strategy("high", set={"p": 0.5})
    lives = live(build(frame(strategies=strategies) + text, {"p": 0.3}), 5000)
    low, high = (lives.first_entry("a", k) < 1 for k in range(2))
    assert (high | ~low).all()


def test_each_entry_is_decided_anew(build: Build) -> None:
    """A state entered again takes another number: rounds are geometric."""
    text = start("round", duration=1, next="fork") + chance("fork", branch("dead", 0.25), branch("round"))
    rounds = live(build(frame() + text + DEAD), 80_000).entries("round")
    assert_mean(rounds, 4.0)
    for k in (1, 4, 5, 10):
        assert_share(rounds > k, 0.75**k)


def test_sums_over_one_are_refused(build: Build) -> None:
    """Constants are refused on reading, parameters when they are met."""
    with pytest.raises(InputError, match=r"add up to 1.1, over 1"):
        build(frame() + _fork(branch("a", 0.5), branch("b", 0.6), branch("c")))
    with pytest.raises(InputError, match="do not add up to 1"):
        estimate(build(frame() + _fork(branch("a", 0.5), branch("b", "q")), {"q": 0.3}), 10)


def test_sums_over_one_before_a_rest_are_refused(build: Build) -> None:
    """Parameters that leave less than nothing to `rest`."""
    text = frame() + _fork(branch("a", 0.5), branch("b", "q"), branch("c"))
    with pytest.raises(InputError, match=r"states.fork.branches.* add up to 1.1, over 1 .*from q"):
        estimate(build(text, {"q": 0.6}), 10)


def test_impossible_probabilities_are_refused(build: Build) -> None:
    """A probability outside 0 to 1 is never clamped: of a branch, or computed for a patient."""
    with pytest.raises(InputError, match=r"1.2 is not a probability"):
        build(frame() + _fork(branch("a", "q"), branch("b")), {"q": 1.2})
    text = frame(covariates=SIZE) + _fork(branch("a", "size / 10"), branch("b"))
    with pytest.raises(InputError, match=r"states.fork.branches"):
        estimate(build(text), 100)


# === Complications ===


def _operation(infection: dict[str, Any] | None = None, **leak: Any) -> str:
    """An infection and a leak at an operation; the arguments say more of them."""
    return (
        frame(settings="cost_categories = ['ward']")
        + attributes(infected="flag")
        + start("operation", events=["infection", "leak"], duration=2, next="after", utility=0.8)
        + state("after", duration=2, next="dead", utility=0.8)
        + event(
            "infection",
            0.3,
            set={"infected": True},
            cost={"ward": 5000},
            utility_loss=0.1,
            years=0.5,
            **(infection or {}),
        )
        + event("leak", 0.2, **leak)
        + absorbing("death_surgical", death="treatment")
        + DEAD
    )


def test_complications_happen_and_cost(build: Build) -> None:
    """Probability, cost at entry and limited loss, multiplied into the utility."""
    program = build(_operation())
    result, lives = estimate(program, 80_000), live(program, 80_000)
    infected, leak = lives.count_marks("infection"), lives.count_marks("leak")
    assert_share(infected == 1, 0.3)
    assert_share(leak == 1, 0.2)
    assert_share((infected == 1) & (leak == 1), 0.06)
    error = result.standard_error()
    assert_close(result.mean[0, 0, COST], 0.3 * 5000, error[0, 0, COST])
    assert result.mean[0, 0, category(program, "ward")] == pytest.approx(result.mean[0, 0, COST], rel=1e-12)
    exact = 0.8 * 4 - 0.3 * 0.8 * 0.1 * 0.5
    assert_close(result.mean[0, 0, QALY_UNDISCOUNTED], exact, error[0, 0, QALY_UNDISCOUNTED])
    np.testing.assert_array_equal(result.counts.marks[0, :, 0], [infected.sum(), leak.sum()])


def test_fatal_complications(build: Build) -> None:
    """A complication that kills sends the patient at once to its state of death."""
    program = build(_operation({"death": 0.25, "death_state": "death_surgical"}))
    lives = live(program, 30_000)
    killed = lives.first_entry("death_surgical")
    assert_share(killed == 0, 0.075)
    assert np.isin(killed, [0, math.inf]).all()
    assert (lives.count_marks("infection")[killed == 0] == 1).all()
    assert (lives.count_marks("leak")[killed == 0] == 0).all()  # the dead have no further complications


def test_complication_rules_and_logit_effects(build: Build) -> None:
    """A later complication may depend on an earlier one, by rule and by odds ratio."""
    program = build(_operation(effects={"infected": 1.5}))
    lives = live(program, 30_000)
    infected, leak = lives.count_marks("infection") == 1, lives.count_marks("leak") == 1
    odds = 0.25 * math.exp(1.5)
    assert_share(leak[infected], odds / (1 + odds))
    assert_share(leak[~infected], 0.2)
    program = build(_operation(when="infected"))
    lives = live(program, 10_000)
    infected, leak = lives.count_marks("infection") == 1, lives.count_marks("leak") == 1
    assert not leak[~infected].any()
    assert_share(leak[infected], 0.2)


def _twice(probability: float | str) -> str:
    """The same complication in two states."""
    return (
        start("first", duration=1, next="second", events=["infection"])
        + state("second", duration=1, next="dead", events=["infection"])
        + event("infection", probability)
        + DEAD
    )


def test_a_complication_of_two_operations_is_drawn_twice(build: Build) -> None:
    """The same complication in two states is independent: 0.49, 0.42, 0.09."""
    counts = live(build(frame() + _twice(0.3)), 80_000).count_marks("infection")
    for k, p in enumerate((0.49, 0.42, 0.09)):
        assert_share(counts == k, p)


def test_cost_of_a_complication_reads_the_patient_then(build: Build) -> None:
    """The cost may depend on attributes and clocks as they stand when it happens."""
    text = (
        attributes(frail="flag")
        + clocks(c="latest")
        + start("first", duration=1, next="second", starts=["c"], set={"frail": True})
        + state("second", duration=1, next="third", events=["infection"])
        + state("third", duration=1, next="dead", starts=["c"], set={"frail": False})
        + event("infection", 1, cost={"ward": "1000 + 500 * frail + 100 * since_c"})
    )
    program = build(frame(settings="cost_categories = ['ward']") + text + DEAD)
    assert worth(program)[0, COST] == pytest.approx(1600)


def test_probability_of_a_complication_out_of_range_is_refused(build: Build) -> None:
    """Computed for a patient, over 1: refused, not clamped."""
    with pytest.raises(InputError, match="infection"):
        estimate(build(frame(covariates=SIZE) + _twice("size / 10")), 100)


def test_repeats_in_one_state_are_drawn_anew(build: Build) -> None:
    """A state entered again may bring the complication again."""
    text = (
        chance("operation", branch("home"), initial=True, events=["infection"])
        + state("home", duration=1, next="operation")
        + event("infection", 0.3)
    )
    counts = live(build(frame(9.5) + text), 80_000).count_marks("infection")
    assert_mean(counts, 3.0)
    assert_share(counts == 0, 0.7**10)


# === Mixes ===


def _choice(**of_a: Any) -> str:
    """Two treatments of one phase; the arguments say more of the first."""
    return (
        start("choice", kind="phase", next="after")
        + state("after", duration=1, next="dead")
        + section("treatments.a", phase="choice", duration=0.5, **of_a)
        + section("treatments.b", phase="choice", duration=0.5)
        + DEAD
    )


def test_mix_gives_its_fractions(build: Build) -> None:
    """Patients get the components in their fractions, the others nothing; the same patients under each strategy."""
    strategies = (
        strategy("mixed", mix=[{"fraction": 0.3, "treatments": ["a"]}, {"fraction": "f", "treatments": ["a", "b"]}])
        + strategy("all_a", treatments=["a"])
        + strategy("more", mix=[{"fraction": 0.5, "treatments": ["a"]}])
    )
    lives = live(build(frame(strategies=strategies) + _choice(), {"f": 0.25}), 30_000)
    had_a, had_b = lives.entries("a"), lives.entries("b")
    assert_share(had_a == 1, 0.55)
    assert_share(had_b == 1, 0.25)
    assert (had_a[had_b == 1] == 1).all()
    assert (lives.entries("a", 1) == 1).all()
    assert_share(lives.entries("a", 2) == 1, 0.5)
    assert (lives.entries("a", 2)[(had_a == 1) & (had_b == 0)] == 1).all()


def test_planned_by_rule_and_eligibility(build: Build) -> None:
    """A strategy's rule and a treatment's eligibility must both hold."""
    strategies = strategy("one", treatments=[{"treatment": "a", "when": "size > 8"}, "b"])
    lives = live(build(frame(covariates=SIZE, strategies=strategies) + _choice(eligible="size < 12")), 3000)
    size = lives.x[:, 1]
    np.testing.assert_array_equal(lives.entries("a") == 1, (size > 8) & (size < 12))
    assert (lives.entries("b") == 1).all()
    assert (lives.first_entry("b")[(size > 8) & (size < 12)] == 0.5).all()


def test_shares_of_a_mix_add_up_to_one_at_most(build: Build) -> None:
    """As parameters in every draw, and as expressions of covariates for every patient."""

    def mixed(first: str) -> str:
        mix = [{"fraction": first, "treatments": ["a"]}, {"fraction": "p", "treatments": ["b"]}]
        return (
            frame(covariates=SIZE, strategies=strategy("one", mix=mix) + strategy("two", set={"p": 1}))
            + start("treated", kind="phase", next="end")
            + section("treatments.a", phase="treated", duration=1)
            + section("treatments.b", phase="treated", duration=1)
            + absorbing("end")
        )

    build(mixed("0.5"), {"p": 0.5})
    with pytest.raises(InputError, match=r"strategies.one.mix: the fractions add up to 1.1, over 1 .*'one', draw 0"):
        build(mixed("0.6"), {"p": 0.5})
    program = build(mixed("0.5"), {"p": 0.25})
    with pytest.raises(InputError, match=r"the fractions add up to 1.25, over 1 .*draw 1, from p"):
        program.numbers({"p": np.array([0.5, 0.75])})
    estimate(build(mixed("0.05 * size"), {"p": 0.25}), 100)
    with pytest.raises(InputError, match=r"strategies.one.mix: the fractions: 1\.\d+, as computed"):
        estimate(build(mixed("0.1 * size"), {"p": 0.25}), 100)
