"""Assurance lies between what power says at the prior's mean and the probability of benefit."""

from __future__ import annotations

import pytest

from lmssim.errors import InputError
from lmssim.trials import logrank_assurance, normal_assurance, probability_of_benefit


def test_a_certain_prior_gives_power() -> None:
    """And an endless trial the probability of benefit."""
    assert logrank_assurance(0.7, 0.0, 380) == pytest.approx(0.9353, abs=1e-4)
    assert logrank_assurance(0.7, 0.3, 1e9) == pytest.approx(probability_of_benefit(0.7, 0.3), abs=1e-4)
    assert normal_assurance(0.0, 0.0, 1.0) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("hazard_ratio", "sd", "events", "words"),
    [(0.0, 0.3, 100, "hazard_ratio"), (0.7, -0.3, 100, "prior_sd"), (0.7, 0.3, 0, "events")],
)
def test_bad_beliefs_are_refused(hazard_ratio: float, sd: float, events: float, words: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=words):
        logrank_assurance(hazard_ratio, sd, events)
