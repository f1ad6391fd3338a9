"""What every engine's estimates promise: counts and means by draw and subgroup, whoever computed them, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.engines.task import Task, Wanted, patients_of
from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import CHUNK, ENGINES, Sampling, simulate
from lmssim.execution.subgroups import subgroups_of
from lmssim.kernels.rewards import COST, QALY
from lmssim.kernels.tally import Counts
from tests.kit.models import (
    DEAD,
    OS,
    SEX,
    SIZE,
    endpoint,
    event,
    exponential,
    frame,
    move,
    start,
    state,
    strategy,
    weibull,
)
from tests.kit.plain import Z, sums

if TYPE_CHECKING:
    from lmssim.execution.estimates import CountsAtTimes, Estimates
    from lmssim.kernels import CountArray
    from lmssim.model.program import Program
    from tests.conftest import Build

MODEL = (
    frame(
        8.5,
        rate=0.03,
        covariates=SIZE + SEX,
        settings='cost_categories = ["care"]',
        strategies=strategy("usual") + strategy("new", set={"loghr": -0.5}) + strategy("late", set={"loghr": 0.2}),
    ).replace("times = [1.0]", "times = [1.0, 1.0625, 2.5]")
    + event("sepsis", 0.2)
    + start("well", utility=0.9, cost_per_year={"care": 100.0}, events=["sepsis"])
    + state("ill", utility=0.5, entry_cost={"care": 1000.0})
    + move("well", "ill", weibull(1.4, "scale"), effects={"size": "loghr / 10"})
    + move("ill", "well", exponential(0.3))
    + move(["well", "ill"], "dead", weibull(1.1, 9, clock="model"), effects={"sex_male": 0.4})
    + DEAD
    + OS
    + endpoint("ill", death="competing", kind="incidence")
)
GROUPS = {"large": "size >= 12", "small men": "sex == 'male'", "others": "1 == 1"}
TIMES = [1.0, 1.0625, 2.5]
YEARLY = [0.0, 1.0, 1.0625, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
N_DRAWS = 3
SMALL = Sampling(n_patients=300, seed=3, subgroups=GROUPS, by_draw=True)
FIELDS = ("mean", "square", "product", "state")

each_engine = pytest.mark.parametrize("engine", ["compiled", "des", "cohort"])
each_kind = pytest.mark.parametrize("random_numbers", ["common", "independent"])


@pytest.fixture
def program(build: Build) -> Program:
    """Illness that comes and goes, death, sepsis, in a population of two covariates, under three strategies."""
    return build(MODEL, {"loghr": 0.0, "scale": 5.0})


def draws_of(program: Program) -> dict[str, Any]:
    """Three draws of a scale; nothing else differs."""
    draws = {name: np.repeat(values, N_DRAWS) for name, values in program.scenario.table.base().items()}
    return draws | {"scale": np.array([4.0, 5.0, 7.0])}


def estimated(program: Program, sampling: Sampling, draws: dict[str, Any] | None = None) -> Estimates:
    """Estimates by any engine."""
    return evaluate(program.scenario, sampling, draws).estimates


def arrays(estimates: Estimates) -> dict[str, CountArray]:
    """Every array of some estimates, by name."""
    found = {name: getattr(estimates, name) for name in FIELDS} | estimates.counts._asdict()
    if estimates.by_draw is not None:
        found |= {f"{name} by draw": each for name, each in estimates.by_draw.counts._asdict().items()}
    if estimates.by_subgroup is not None:
        own = estimates.by_subgroup
        found |= {f"{name} by subgroup": getattr(own, name) for name in ("n", *FIELDS)}
        found |= {f"{name} by subgroup": each for name, each in own.counts.counts._asdict().items()}
    return found


def assert_same(a: Estimates, b: Estimates) -> None:
    """Equal in every bit, by draw and subgroup too."""
    one, other = arrays(a), arrays(b)
    assert list(one) == list(other)
    for name, each in one.items():
        np.testing.assert_array_equal(each, other[name], err_msg=name)


def all_kept(estimates: Estimates) -> list[CountsAtTimes]:
    """Counts by draw, and by draw and subgroup."""
    assert estimates.by_draw is not None
    assert estimates.by_subgroup is not None
    return [estimates.by_draw, estimates.by_subgroup.counts]


def at_times(program: Program, counts: Counts, times: list[float]) -> Counts:
    """Counts on the program's grids as cumulative ones at a few times, the last column for ever."""
    on_grid = [time for time in times if time * 4 == int(time * 4)]
    steps, quarters = ([round(t * k) for t in ts] for k, ts in ((16, times), (4, on_grid)))
    ended, present = counts.endpoint.cumsum(-1), counts.occupancy.cumsum(-1)
    return counts._replace(
        endpoint=ended[..., [*steps, -1]], occupancy=present[..., [*quarters, -1]], early=counts.early[..., :0]
    )


def summed(kept: CountsAtTimes) -> Counts:
    """Cumulative counts over draws and subgroups."""
    axes = tuple(range(kept.members.ndim))
    total = Counts(*(each.sum(axis=axes) for each in kept.counts))
    return total._replace(endpoint=total.endpoint.cumsum(-1), occupancy=total.occupancy.cumsum(-1))


# === Laws of every engine ===


@each_engine
def test_shapes_are_as_stated(program: Program, engine: str) -> None:
    """Draws, then subgroups, then strategies; counts at the named times, and by draw each year too."""
    found = estimated(program, replace(SMALL, engine=engine), draws_of(program))
    by_draw, by_subgroup = found.by_draw, found.by_subgroup
    assert by_draw is not None
    assert by_subgroup is not None
    assert (by_draw.times, by_subgroup.counts.times) == (YEARLY, TIMES)
    assert by_draw.occupancy_times == [time for time in YEARLY if time != 1.0625]
    assert by_draw.counts.endpoint.shape == (N_DRAWS, 3, 2, 3, len(YEARLY) + 1)
    assert by_draw.counts.occupancy.shape == (N_DRAWS, 3, 3, len(YEARLY))
    assert list(by_subgroup.labels) == list(GROUPS)
    assert by_subgroup.mean.shape == (N_DRAWS, 3, 3, found.mean.shape[-1])
    assert by_subgroup.product.shape == (N_DRAWS, 3, 7, 3, 3)
    assert by_subgroup.state.shape == (N_DRAWS, 3, 3, 3, 4)
    assert by_subgroup.counts.counts.marks.shape == (N_DRAWS, 3, 3, 1, 2)
    assert by_subgroup.counts.members.shape == np.asarray(by_subgroup.n).shape == (N_DRAWS, 3)


@each_engine
def test_counts_add_up_to_those_of_everybody(program: Program, engine: str) -> None:
    """Over draws and subgroups: to the last patient; probabilities to rounding."""
    found = estimated(program, replace(SMALL, engine=engine), draws_of(program))
    for kept, times in zip(all_kept(found), (YEARLY, TIMES), strict=True):
        whole = at_times(program, found.counts, times)
        assert kept.members.sum() == pytest.approx(found.n_lives, rel=1e-12)
        for part, total in zip(summed(kept), whole, strict=True):
            if found.individual:
                np.testing.assert_array_equal(part, total)
            else:
                np.testing.assert_allclose(part, total, rtol=1e-12, atol=1e-12)


@each_engine
def test_means_fold_to_those_of_everybody(program: Program, engine: str) -> None:
    """Means of subgroups, weighted by their members, are those without subgroups to 12 digits; so are the errors."""
    sampling = replace(SMALL, engine=engine)
    found = estimated(program, sampling, draws_of(program))
    plain = estimated(program, replace(sampling, subgroups={}, by_draw=False), draws_of(program))
    assert found.by_subgroup is not None
    members = found.by_subgroup.counts.members[..., None, None]
    folded = (members * found.by_subgroup.mean).sum(axis=1) / members.sum(axis=1)
    np.testing.assert_allclose(folded, plain.mean, rtol=1e-12)
    np.testing.assert_allclose(found.by_subgroup.state.sum(axis=1), plain.state, rtol=1e-11)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-10, atol=1e-9, err_msg=name)
    for part, total in zip(found.counts, plain.counts, strict=True):
        np.testing.assert_array_equal(part, total)


@each_engine
def test_one_subgroup_is_everybody(program: Program, engine: str) -> None:
    """Means, errors and counts of a subgroup that holds everybody are those of the evaluation."""
    found = estimated(program, replace(SMALL, engine=engine, subgroups={"all": "1 == 1"}))
    alone = found.by_subgroup
    assert alone is not None
    for name in FIELDS:
        np.testing.assert_allclose(getattr(alone, name)[:, 0], getattr(found, name), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(alone.standard_error()[:, 0], found.standard_error(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(alone.covariance(QALY)[:, 0], found.covariance(QALY), rtol=1e-12, atol=1e-15)


@each_engine
def test_asking_for_draws_changes_nothing(program: Program, engine: str) -> None:
    """Counts by draw leave every other number as it is, in every bit."""
    sampling = replace(SMALL, engine=engine, subgroups={}, by_draw=False)
    plain, kept = (estimated(program, replace(sampling, by_draw=asked), draws_of(program)) for asked in (False, True))
    assert plain.by_draw is None
    assert kept.by_draw is not None
    assert_same(plain, replace(kept, by_draw=None))


@each_engine
def test_some_strategies_alone_are_those_among_all(program: Program, engine: str) -> None:
    """A strategy's results do not depend on which others are run."""
    sampling = replace(SMALL, engine=engine)
    every, some = (estimated(program, replace(sampling, strategies=names)) for names in ((), ("late", "usual")))
    np.testing.assert_array_equal(some.mean, every.mean[:, [0, 2]])
    np.testing.assert_array_equal(some.square, every.square[:, [0, 2]])
    np.testing.assert_array_equal(some.product[:, COST], every.product[:, COST][:, [0, 2]][:, :, [0, 2]])
    for part, total in zip(some.counts, every.counts, strict=True):
        np.testing.assert_array_equal(part, total[[0, 2]])


def test_exact_and_simulated_subgroups_agree(program: Program) -> None:
    """Means and cumulative incidences of each subgroup, within Monte-Carlo error and the profiles' own."""
    many = estimated(program, replace(SMALL, n_patients=20_000)).by_subgroup
    exact = estimated(program, replace(SMALL, engine="cohort", profiles=256)).by_subgroup
    assert many is not None
    assert exact is not None
    error = np.hypot(many.standard_error(), exact.standard_error()) + 1e-4 * np.abs(exact.mean)
    assert (np.abs(many.mean - exact.mean) <= Z * error).all()
    shares = [each.counts.ended()[..., 0, :] / each.counts.members[..., None, None, None] for each in (many, exact)]
    assert np.abs(shares[0] - shares[1]).max() < 0.05
    assert shares[0].max() > 0.3


# === Engines that walk through lives ===


@each_kind
def test_engines_workers_and_blocks_give_the_same_bits(program: Program, random_numbers: Any) -> None:
    """The reference engine, two workers, another block: every mean and count by draw and subgroup."""
    sampling = replace(SMALL, random_numbers=random_numbers)
    first = simulate(program, sampling, draws_of(program))
    for other in ({"engine": "des"}, {"jobs": 2}, {"block": 17}):
        assert_same(first, simulate(program, replace(sampling, **other), draws_of(program)))


@each_kind
def test_chunks_and_batches_give_the_same_bits(program: Program, random_numbers: Any) -> None:
    """Several chunks, each draw in a batch of its own or all in one."""
    sampling = replace(SMALL, n_patients=CHUNK + 100, random_numbers=random_numbers)
    draws = draws_of(program)
    whole = simulate(program, sampling, draws)
    for d in range(N_DRAWS):
        one = simulate(program, sampling, {name: values[d : d + 1] for name, values in draws.items()}, first_draw=d)
        np.testing.assert_array_equal(one.mean[0], whole.mean[d])
        for kept, again in zip(all_kept(one), all_kept(whole), strict=True):
            assert all(np.array_equal(a[0], b[d]) for a, b in zip(kept.counts, again.counts, strict=True))


def test_processes_give_the_same_bits(program: Program) -> None:
    """As threads do."""
    assert_same(simulate(program, SMALL), simulate(program, replace(SMALL, jobs=2, backend="loky")))


def test_subgroups_hold_their_own_patients(program: Program) -> None:
    """Members, means and covariances are those of the patients who meet the rules, taken one by one."""
    found = simulate(program, replace(SMALL, n_patients=200)).by_subgroup
    grouping = subgroups_of(program, GROUPS)
    assert found is not None
    assert grouping is not None
    group = grouping.of(program.patients(0, 200, SMALL.seed))
    worth = np.array([sums(program, p, 1, seed=SMALL.seed).moments.shift[0, 0] for p in range(200)])
    for g in range(len(GROUPS)):
        own = worth[group == g]
        assert np.asarray(found.n)[0, g] == len(own) > 10
        np.testing.assert_allclose(found.mean[0, g], own.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.covariance(QALY)[0, g], np.cov(own[:, :, QALY].T), rtol=1e-9)


def test_a_subgroup_without_members_has_no_mean(program: Program) -> None:
    """Its mean is not a number; those of others, and of everybody, are."""
    found = simulate(program, replace(SMALL, subgroups={"giants": "size > 99"} | GROUPS))
    assert found.by_subgroup is not None
    assert np.isnan(found.by_subgroup.mean[0, 0]).all()
    assert np.isfinite(found.by_subgroup.mean[0, 1:]).all()
    assert np.isfinite(found.mean).all()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"large": "size > 12"}, "is in none of large"),
        ({"ill": "since_model > 2"}, "since_model"),
        ({"all": "siz > 2"}, "Did you mean 'size'"),
    ],
)
def test_subgroups_that_cannot_be_told_are_refused(program: Program, rules: dict[str, str], message: str) -> None:
    """A patient in no subgroup; a rule that reads more than covariates, or an unknown name."""
    with pytest.raises(InputError, match=message):
        simulate(program, replace(SMALL, subgroups=rules))


# === One strategy a patient ===


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("per_draw", [0, 90])
def test_a_patient_may_meet_one_strategy(program: Program, engine: str, per_draw: int) -> None:
    """Of a trial, lives of each arm are, bit for bit, those that its patients live under its strategy among all."""
    numbers = program.numbers({name: values[:2] for name, values in draws_of(program).items()})
    sets = 2 if per_draw else 1
    assigned = np.random.default_rng(4).integers(0, 3, (sets, 90))
    wanted = Wanted(n_subgroups=3, whole=False)
    task = Task(draws=range(2), first=0, n=90, strategies=(), assigned=assigned, per_draw=per_draw)
    patients = patients_of(program, task, 1)._replace(subgroup=assigned[..., None])
    found = ENGINES[engine].run(program, numbers, patients, 1, wanted, 16).moments
    for d in range(2):
        for arm in range(3):
            who = np.flatnonzero(assigned[min(d, sets - 1)] == arm) + d * per_draw
            one = [sums(program, p, 1, numbers[d : d + 1]).moments.shift[0, 0, arm] for p in who.tolist()]
            assert found.members[d, arm] == len(one)
            np.testing.assert_array_equal(found.shift[d, arm, 0], one[0])
            total = np.zeros_like(one[0])
            for worth in one:
                total += worth - one[0]
            np.testing.assert_array_equal(found.total[d, arm, 0], total)
