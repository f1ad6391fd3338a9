"""Pairs of published results that cannot both hold in one setting."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lmssim.published.predict import Predicted
from lmssim.studies.calibration.checks.pairs import conflicting_pairs, farthest_by_chance

N_DRAWS = 200


def pairs(shares: list[float], n: float = 100.0, **different: Any) -> Any:
    """Pairs of targets with these observed shares, where the model says 0.3 of all."""
    rows = [
        SimpleNamespace(
            target=f"t{k}", cohort_id=f"c{k}", family="metastasis", is_time=False, share=share, n=n, is_effective=True
        )
        for k, share in enumerate(shares)
    ]
    for key, value in different.items():
        setattr(rows[-1], key, value)
    columns = np.full((N_DRAWS, len(rows)), 0.3)
    none = np.full_like(columns, np.nan)
    predicted = Predicted(columns, columns, np.ones_like(columns), none, 1e6 * columns, none)
    problem: Any = SimpleNamespace(rows=rows, fitted=lambda: list(range(len(rows))))
    return conflicting_pairs(problem, predicted)


def test_a_pair_has_the_z_of_two_shares() -> None:
    """Near that of the difference of two binomial shares, as nothing else is uncertain."""
    found = pairs([0.3, 0.4])
    by_hand = (0.3 - 0.4) / np.sqrt(2.0 * 0.3 * 0.7 / 100.0)
    assert found["z"][0] == pytest.approx(by_hand, rel=0.15)
    assert not found["conflict"][0]


def test_pairs_too_far_apart_are_named_first() -> None:
    """0.1 and 0.6 of a hundred patients are no chance."""
    found = pairs([0.3, 0.1, 0.6, 0.35])
    assert tuple(found.loc[0, ["target_id", "other_id"]]) == ("t1", "t2")
    assert found["conflict"][0]
    assert not found["conflict"].iloc[-1]


@pytest.mark.parametrize("different", [{"cohort_id": "c0"}, {"family": "death"}, {"is_time": True}])
def test_pairs_are_of_one_family_and_two_cohorts(different: dict[str, Any]) -> None:
    """Targets of one cohort share patients; those of two families are of other events."""
    assert pairs([0.1, 0.6], **different).empty


def test_the_bound_grows_with_the_number_of_pairs() -> None:
    """Bonferroni."""
    assert farthest_by_chance(1) == pytest.approx(1.959964)
    assert 2.0 * stats.norm.sf(farthest_by_chance(40)) == pytest.approx(0.05 / 40)
