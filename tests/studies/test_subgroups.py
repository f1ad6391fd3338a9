"""Subgroups: each is a run of its own patients, and choosing by subgroup is worth what it truly gains."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.studies.periods import benefit_by_period
from lmssim.studies.subgroups import SubgroupStudy, partitions_of, shares_of, with_partitions
from tests.kit.models import (
    DEAD,
    DEEP,
    OS,
    SEX,
    SIZE,
    attributes,
    covariate,
    endpoint,
    exponential,
    frame,
    move,
    start,
    state,
    strategy,
)

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build

RATE, HELP, HARM, WTP = 0.2, 0.6, 1.3, 1_000.0


def model(covariates: str, log_ratio: str) -> str:
    """Illness and death; the new treatment changes the hazard of death by a factor, and costs nothing."""
    return (
        frame(
            12.0,
            rate=0.03,
            covariates=covariates,
            settings='wtp = [1000]\ncost_categories = ["care"]\ncomparator = "usual"',
            strategies=strategy("usual", set={"on": 0.0}) + strategy("new", set={"on": 1.0}),
        ).replace("times = [1.0]", "times = [1.0, 2.5]")
        + attributes(margin=["r0", "r1"])
        + start("well", utility=1.0, cost_per_year={"care": 100.0})
        + state("ill", utility=0.5)
        + move("well", "ill", exponential(0.1), effects={"size - 10": 0.05}, set={"margin": "r1"})
        + move(["well", "ill"], "dead", exponential(f"{RATE} * exp(on * ({log_ratio}))"))
        + DEAD
        + OS
        + endpoint("ill", death="competing", kind="incidence")
    )


PARAMETERS = {"on": 0.0}
DIFFER = f"{math.log(HELP)} if deep == 1 else {math.log(HARM)}"
BY = ["deep", "size: 5, 8, 12", "deep*sex"]
SMALL = Sampling(n_patients=9_000)


@pytest.fixture(scope="module")
def program(build_once: Build) -> Program:
    """A treatment that helps deep tumours and harms others."""
    return build_once(model(SIZE + DEEP + SEX, DIFFER), PARAMETERS)


def studied(program: Program, sampling: Sampling = SMALL, by: list[str] = BY) -> SubgroupStudy:
    """Results by subgroup."""
    return SubgroupStudy(evaluate(program.scenario, with_partitions(program, sampling, by)))


@pytest.fixture(scope="module")
def study(program: Program) -> SubgroupStudy:
    """By depth, size, and depth and sex."""
    return studied(program)


def of_run(evaluation: Evaluation, table: str) -> pd.DataFrame:
    """A table of a run, by strategy and outcome."""
    frame: pd.DataFrame = getattr(evaluation, table)
    return frame.set_index(["strategy", "outcome"])[["mean", "se", "low", "high"]]


@pytest.mark.parametrize("engine", ["compiled", "des"])
def test_a_subgroup_is_the_run_of_its_patients(program: Program, engine: str) -> None:
    """Bit for bit: means, errors, survival and incidence at the named times, increments and net benefits."""
    sampling = Sampling(n_patients=400, engine=engine)
    found = studied(program, sampling)
    for subgroup in found.every():
        alone = evaluate(program.scenario, replace(sampling, where=subgroup.rule))
        assert alone.n == subgroup.n
        for table, every in (("summary", found.outcomes), ("incremental", found.incremental)):
            own = every[(every["partition"] == subgroup.partition) & (every["subgroup"] == subgroup.label)]
            own = own.set_index(["strategy", "outcome"])[["mean", "se", "low", "high"]]
            known = of_run(alone, table)
            shared = own.index.intersection(known.index)
            assert len(shared) >= 18
            pd.testing.assert_frame_equal(own.loc[shared], known.loc[shared], check_exact=True)


def test_a_second_chunk_changes_no_bit(program: Program, study: SubgroupStudy) -> None:
    """Patients beyond the first chunk are those of the run of their subgroup too."""
    subgroup = study.subgroups["deep"][1]
    alone = evaluate(program.scenario, replace(SMALL, where="deep == 1"))
    np.testing.assert_array_equal(subgroup.evaluation.estimates.mean, alone.estimates.mean)
    np.testing.assert_array_equal(subgroup.evaluation.estimates.product, alone.estimates.product)


def test_everybody_is_as_without_subgroups(program: Program, study: SubgroupStudy) -> None:
    """Every table of the run, bit for bit."""
    plain = evaluate(program.scenario, SMALL)
    for table in ("summary", "incremental", "survival", "states"):
        pd.testing.assert_frame_equal(getattr(study.evaluation, table), getattr(plain, table), check_exact=True)


@pytest.mark.parametrize("change", [{"jobs": 2}, {"block": 37}, {"jobs": 2, "backend": "loky"}, {"engine": "des"}])
def test_every_bit_is_the_same(program: Program, change: dict[str, object]) -> None:
    """For any workers, block, backend and engine; for a part of the population too."""
    small = Sampling(n_patients=300, where="size < 13")
    known, other = studied(program, small), studied(program, replace(small, **change))  # type: ignore[arg-type]
    for table in ("outcomes", "incremental", "individualised_care"):
        pd.testing.assert_frame_equal(getattr(known, table), getattr(other, table), check_exact=True)


def test_shares_and_patients_add_up(study: SubgroupStudy) -> None:
    """In every partition; each patient is counted once."""
    for subgroups in study.subgroups.values():
        assert sum(each.n for each in subgroups) == SMALL.n_patients
        assert math.fsum(each.share for each in subgroups) == pytest.approx(1.0, rel=1e-12)


def test_a_population_conditioned_by_file_gives_the_same(build_once: Build, program: Program) -> None:
    """A file whose patients all are large and deep: other patients, so within 3 standard errors."""
    large = covariate("size", "uniform", low=10, high=15) + covariate("deep", "constant", value=1) + SEX
    other = evaluate(build_once(model(large, DIFFER), PARAMETERS).scenario, replace(SMALL, seed=2))
    part = evaluate(program.scenario, replace(SMALL, n_patients=20_000, where="size >= 10 and deep == 1"))
    for table in ("summary", "incremental"):
        a, b = of_run(other, table), of_run(part, table)
        known = (a["se"] > 0.0) & a["mean"].notna() & b["mean"].notna()
        z = (a["mean"] - b["mean"])[known] / np.hypot(a["se"], b["se"])[known]
        assert known.sum() > 8
        assert (z.abs() < 3.5).all()
        assert z.abs().median() < 1.5


def test_an_exact_solution_has_the_same_subgroups(program: Program) -> None:
    """The subgroups of one solution are those solved alone, and agree with simulated ones within both errors."""
    sampling = Sampling(engine="cohort", profiles=64)
    exact = studied(program, sampling, ["deep"])
    many = studied(program, replace(SMALL, n_patients=20_000), ["deep"])
    for one, other in zip(exact.subgroups["deep"], many.subgroups["deep"], strict=True):
        alone = evaluate(program.scenario, replace(sampling, where=one.rule))
        np.testing.assert_allclose(one.evaluation.estimates.mean, alone.estimates.mean, rtol=1e-10)
        np.testing.assert_allclose(one.shares["mean"], _named(alone, one), rtol=1e-9, atol=1e-12)
        for outcome in ("life_years", "qalys", "cost"):
            a, b = (each.evaluation.increment("new", outcome) for each in (one, other))
            assert abs(a.mean - b.mean) < 4.0 * math.hypot(a.se, b.se)


def _named(alone: Evaluation, subgroup: object) -> list[float]:
    """Values of a run in the order of a subgroup's endpoints."""
    known = of_run(alone, "summary")["mean"]
    shares = subgroup.shares  # type: ignore[attr-defined]
    return [known[s, o] for s, o in zip(shares["strategy"], shares["outcome"], strict=True)]


@pytest.mark.parametrize("engine", ["compiled", "cohort"])
def test_shares_are_those_of_the_population(program: Program, engine: str) -> None:
    """Of simulated patients within their error; of profiles exactly."""
    rules = partitions_of(program.scenario, ["deep"])
    shares, who = shares_of(program, Sampling(n_patients=1_000, engine=engine, profiles=64), rules)
    assert shares["deep"] == pytest.approx([0.5, 0.5], abs=1e-9 if engine == "cohort" else 0.07)
    assert who.split()[1] == ("profiles" if engine == "cohort" else "patients")


# === Individualised care ===


def years(rate: float, discount: float = math.log(1.03), horizon: float = 12.0) -> float:
    """Discounted years at a constant hazard."""
    return (1.0 - math.exp(-(rate + discount) * horizon)) / (rate + discount)


SIMPLE = (
    frame(
        12.0,
        rate=0.03,
        covariates=DEEP,
        settings='wtp = [1000]\ncomparator = "usual"',
        strategies=strategy("usual", set={"on": 0.0}) + strategy("new", set={"on": 1.0}),
    )
    + start("well", utility=1.0)
    + move("well", "dead", exponential(f"{RATE} * exp(on * (LOG))"))
    + DEAD
    + OS
)


def test_care_by_subgroup_is_worth_what_it_gains(build_once: Build) -> None:
    """The treatment helps one half and harms the other: giving it to those alone whom it helps gains their loss."""
    program = build_once(SIMPLE.replace("LOG", DIFFER), PARAMETERS)
    help_, harm = (WTP * (years(RATE * ratio) - years(RATE)) for ratio in (HELP, HARM))
    assert help_ > -harm > 0.0
    (exact,) = studied(program, Sampling(engine="cohort"), ["deep"]).care("deep")
    assert (exact.best, exact.by_subgroup) == ("new", ["usual", "new"])
    assert exact.value.mean == pytest.approx(-0.5 * harm, rel=1e-4)
    (found,) = studied(program, SMALL, ["deep"]).care("deep")
    assert abs(found.value.mean + 0.5 * harm) < 4.0 * found.value.se
    assert found.value.se > 0.0


def test_where_subgroups_do_not_differ_it_is_worth_nothing(build_once: Build) -> None:
    """Of a treatment that costs what it gains, in every subgroup: chance makes it best in some, but adds no value.

    A choice and a value from the same patients would make it worth something: the winner's curse.
    """
    cost = WTP * (years(RATE * HELP) - years(RATE))
    text = SIMPLE.replace("LOG", str(math.log(HELP))).replace(
        "utility = 1.0", f'utility = 1.0\nentry_cost.total = "on * {cost}"'
    )
    program, cursed, values = build_once(text, PARAMETERS), [], []
    for seed in range(30):
        found = studied(program, Sampling(n_patients=400, seed=seed), ["deep"])
        values.append(found.care("deep")[0].value)
        own = found.subgroups["deep"]
        gains = [each.share * each.evaluation.incremental_net_benefit("new", WTP).mean for each in own]
        cursed.append(sum(max(gain, 0.0) for gain in gains) - max(sum(gains), 0.0))
    mean, error = float(np.mean([value.mean for value in values])), np.std([value.mean for value in values]) / 30**0.5
    assert abs(mean) < 3.0 * error
    assert np.mean(cursed) > 3.0 * np.std(cursed) / 30**0.5


def test_draws_with_patients_of_their_own(program: Program) -> None:
    """Over draws of parameters subgroups add up to everybody, and errors hold what draws and patients add to them."""
    sampling = replace(with_partitions(program, Sampling(n_patients=60), ["deep"]), random_numbers="independent")
    effects = {"on": np.zeros(400)}
    found = SubgroupStudy(evaluate(program.scenario, sampling, effects))
    own = found.subgroups["deep"]
    for outcome in ("life_years", "cost"):
        together = sum(each.share * each.evaluation.mean(outcome) for each in own)
        np.testing.assert_allclose(together, found.evaluation.mean(outcome), rtol=1e-10)
    many = evaluate(program.scenario, Sampling(n_patients=24_000, where="deep == 1", seed=5))
    for a, b in zip(own[1].evaluation.net_benefit("usual", WTP), many.net_benefit("usual", WTP), strict=True):
        assert a == pytest.approx(b, rel=0.12)
    (care,) = found.care("deep")
    assert care.by_subgroup == ["usual", "new"]


# === What stands beside ===


def test_periods_of_a_part(program: Program) -> None:
    """When the benefit falls in a part of the population adds up to its increment."""
    sampling = Sampling(n_patients=4_000, where="deep == 1")
    gain = benefit_by_period(program.scenario, sampling, (5.0,)).gain("new", "life_years")
    run = evaluate(program.scenario, sampling).increment("new", "life_years")
    assert gain.mean == pytest.approx(run.mean, rel=1e-9)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (["dep"], "--by dep: unknown covariate 'dep'. Did you mean 'deep'?"),
        (["margin"], "--by margin: 'margin' is set during life and depends on treatment"),
        (["margin_r1"], "--by margin_r1: 'margin_r1' is set during life"),
        (["size"], "--by size: 'size' has more than 20 values; say where to cut it, as in 'size: 5, 10'."),
        (["size: 5, ten"], "--by size: 5, ten: the cut 'ten' is not a finite number."),
        (["size: 10, 5"], "--by size: 10, 5: 5 does not lie above 10; cuts must ascend."),
        (["size: 5, 5"], "5 does not lie above 5"),
        (["size: -2, 0, 10"], "nobody of 9,000 patients is in the subgroup 'size -2-0'"),
        (["sex: 1"], "'sex' has labels, not numbers"),
        (["deep", "deep"], "--by deep: is given twice."),
        (["deep*"], "unknown covariate ''"),
        (["*".join(["deep"] * 8)], "256 subgroups are too many; at most 100 are allowed."),
    ],
)
def test_partitions_that_cannot_be_told_are_refused(program: Program, by: list[str], message: str) -> None:
    """One message, which names the partition and what is wrong with it."""
    with pytest.raises(InputError) as refused:
        with_partitions(program, SMALL, by)
    assert message in str(refused.value)


def test_subgroups_of_nobody_beyond_the_cuts_are_left_out(program: Program) -> None:
    """Who cuts at 0 does not ask for negative sizes."""
    asked = with_partitions(program, SMALL, ["size: 0, 10"]).partitions
    assert list(asked["size: 0, 10"]) == ["size 0-10", "size from 10"]
    assert len(partitions_of(program.scenario, ["size: 0, 10"])["size: 0, 10"]) == 3


@pytest.mark.parametrize("engine", ["compiled", "cohort"])
@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("size > 99", "where: no"),
        ("size > 5 and margin == 'r1'", "it may read covariates alone"),
        ("sise > 5", "'sise'"),
    ],
)
def test_parts_that_cannot_be_told_are_refused(program: Program, engine: str, where: str, message: str) -> None:
    """A rule that nobody meets, that reads what happens in life, or that cannot be read."""
    with pytest.raises(InputError, match=message):
        evaluate(program.scenario, Sampling(n_patients=100, engine=engine, where=where))
