"""Partitions as they are written, and who is in which of their subgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.execution.partitions import HALVES, Halves, partition_rules, told_apart
from tests.kit.models import DEEP, OS, SEX, SIZE, alive_dead, exponential, frame

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build

N = 1_000


@pytest.fixture(scope="module")
def program(build_once: Build) -> Program:
    """People of different size, depth and sex."""
    return build_once(frame(10, covariates=SIZE + DEEP + SEX) + alive_dead(exponential(0.1)) + OS)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("deep", {"deep 0": "deep == 0", "deep 1": "deep == 1"}),
        ("sex", {"sex male": "sex == 'male'", "sex female": "sex == 'female'"}),
        ("age", {"age 60": "age == 60"}),
        (
            "size: 8, 12",
            {"size below 8": "size < 8", "size 8-12": "size >= 8 and size < 12", "size from 12": "size >= 12"},
        ),
        (
            "deep * size: 8",
            {
                "deep 0, size below 8": "(deep == 0) and (size < 8)",
                "deep 0, size from 8": "(deep == 0) and (size >= 8)",
                "deep 1, size below 8": "(deep == 1) and (size < 8)",
                "deep 1, size from 8": "(deep == 1) and (size >= 8)",
            },
        ),
    ],
)
def test_a_partition_has_a_rule_for_each_subgroup(program: Program, text: str, rules: dict[str, str]) -> None:
    """By value, between cuts, and crossed."""
    assert partition_rules(program.scenario, text) == rules


def test_everybody_is_in_one_subgroup_and_half(program: Program) -> None:
    """Of every partition; who is not followed is in none."""
    rules = {text: partition_rules(program.scenario, text) for text in ("deep", "size: 8, 12")}
    told = told_apart(program, "sex == 'male'", rules)
    x = program.patients(0, N, 1)
    of = told.of(x)
    assert of.shape == (N, 5)
    male = x[:, list(program.names.covariates).index("sex")] == 0
    assert (of[~male] == -1).all()
    slices = told.slices()
    for column, name in enumerate(("deep", "size: 8, 12"), 1):
        own, halves = slices[name]
        assert set(of[male, column]) == set(range(own.start, own.stop))
        assert set(of[male, column + 2]) == set(range(halves.start, halves.stop))
        subgroups = told.partitions[name]
        np.testing.assert_array_equal(Halves(subgroups).of(x) % len(subgroups.labels), subgroups.of(x))
    assert told.n_groups == slices["size: 8, 12"][1].stop
    assert told.n_counted == 1 + 2 + 3
    assert len(Halves(told.partitions["deep"]).labels) == 2 * HALVES
