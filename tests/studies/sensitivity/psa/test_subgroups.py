"""A probabilistic analysis by subgroup: the same draws and patients, and means that add up to everybody's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.subgroups import TABLES, check_subgroups, psa_by_subgroup
from lmssim.studies.sensitivity.psa.work import Work
from tests.kit.models import DEAD, DEEP, HEAD, OS, exponential, frame, move, start, strategy
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program

DRAWS = 40
PARTITIONS = {"deep": {"deep 0": "deep == 0", "deep 1": "deep == 1"}}
STRATEGIES = strategy("usual", set={"on": 0.0}) + strategy("new", set={"on": 1.0})


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A treatment of uncertain effect, which is greater in deep tumours."""
    folder = tmp_path_factory.mktemp("psa_subgroups")
    (folder / "p.csv").write_text(parameter_table("on, 0", "effect, -0.5, normal, -0.5, 0.1"))
    text = frame(10.0, covariates=DEEP, strategies=STRATEGIES, settings='wtp = [1000]\ncomparator = "usual"')
    hazard = exponential("0.2 * exp(on * effect * (1 + deep))")
    path = folder / "test.toml"
    lives = start("alive", utility=1.0, cost_per_year={"total": 100.0}) + DEAD + move("alive", "dead", hazard)
    path.write_text(HEAD + "parameters = ['p.csv']\n" + text + lives + OS)
    return compile_scenario(load_scenario(path))


def analysed(work: Work, path: Path) -> ProbabilisticAnalysis:
    """An analysis whose draws stand in a file."""
    return ProbabilisticAnalysis(work, collect(work, work.parts(), path), DrawnOutcomes(path, len(work.strategies)))


@pytest.mark.parametrize("random_numbers", ["independent", "common"])
def test_subgroups_are_those_of_the_rule(program: Program, tmp_path: Path, random_numbers: str) -> None:
    """Each table is, bit for bit, that of an analysis of the patients who meet the rule, for any workers."""
    sampling = Sampling(n_patients=60, random_numbers=random_numbers)  # type: ignore[arg-type]
    tables = psa_by_subgroup(Work(program, sampling, DRAWS), PARTITIONS).tables
    alone = analysed(
        Work(program, replace(sampling, where="deep == 1", jobs=2, block=7), DRAWS), tmp_path / "a.parquet"
    )
    for name in TABLES:
        own = tables[name][tables[name]["subgroup"] == "deep 1"].drop(columns=["partition", "subgroup"])
        pd.testing.assert_frame_equal(own.reset_index(drop=True), getattr(alone, name), check_exact=True)


def test_subgroups_add_up_to_everybody(program: Program, tmp_path: Path) -> None:
    """In every draw: patients common to the draws, weighted by how many are in each subgroup."""
    sampling = Sampling(n_patients=200)
    whole = analysed(Work(program, sampling, DRAWS), tmp_path / "a.parquet")
    deep = program.patients(0, 200, sampling.seed)[:, list(program.names.covariates).index("deep")]
    parts = [
        analysed(Work(program, replace(sampling, where=rule), DRAWS), tmp_path / f"{k}.parquet")
        for k, rule in enumerate(PARTITIONS["deep"].values())
    ]
    shares = 1.0 - deep.mean(), deep.mean()
    together = sum(share * part.collected.main for share, part in zip(shares, parts, strict=True))
    np.testing.assert_allclose(together, whole.collected.main, rtol=1e-10)


def test_the_exact_analysis_of_a_subgroup(program: Program, tmp_path: Path) -> None:
    """Agrees with that of simulated patients within the errors of both."""
    tables = [
        psa_by_subgroup(Work(program, sampling, DRAWS), PARTITIONS).tables["incremental"]
        for sampling in (Sampling(engine="cohort"), Sampling(n_patients=400, random_numbers="independent"))
    ]
    exact, simulated = (each.set_index(["subgroup", "strategy", "outcome"])["mean"] for each in tables)
    error = tables[1].set_index(["subgroup", "strategy", "outcome"])["se"]
    for subgroup in PARTITIONS["deep"]:
        key = subgroup, "new", "qalys"
        assert abs(exact[key] - simulated[key]) < 4.0 * error[key]
    assert exact["deep 1", "new", "qalys"] > exact["deep 0", "new", "qalys"] > 0.0


def test_too_few_patients_of_a_subgroup_are_refused(program: Program) -> None:
    """A draw with one patient tells no spread."""
    sampling = Sampling(n_patients=3, random_numbers="independent")
    with pytest.raises(InputError, match=r"where: in a draw \d of 3 patients meet 'deep == 0'; at least 2 must"):
        psa_by_subgroup(Work(program, sampling, DRAWS), PARTITIONS)


def test_small_subgroups_are_refused_before_anything_runs(program: Program) -> None:
    """With the partition, the subgroup, the draw and its patients; of draws that share them, in the first draw."""
    few = Sampling(n_patients=4, random_numbers="independent")
    for sampling in (few, replace(few, random_numbers="common", n_patients=2)):
        with pytest.raises(
            InputError, match=r"--by deep: draw \d+ has [01] of [42] patients in the subgroup 'deep [01]'"
        ):
            check_subgroups(Work(program, sampling, 60), PARTITIONS)
    check_subgroups(Work(program, replace(few, n_patients=200), 5), PARTITIONS)


def test_subgroups_go_on_from_what_was_kept(program: Program, tmp_path: Path) -> None:
    """Parts of a subgroup that are kept are not made again, and the tables are the same."""
    work = Work(program, Sampling(n_patients=50, random_numbers="independent"), DRAWS)

    def kept(number: str, key: str) -> Checkpoint:
        return Checkpoint(tmp_path / number, key)

    first = psa_by_subgroup(work, PARTITIONS, kept=kept)
    times = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("draws-*"))}
    again = psa_by_subgroup(work, PARTITIONS, kept=kept)
    assert {path: path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("draws-*"))} == times
    assert len(times) >= 2
    for name in TABLES:
        pd.testing.assert_frame_equal(first.tables[name], again.tables[name], check_exact=True)
