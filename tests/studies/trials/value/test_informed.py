"""Parameters that a trial informs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.studies.trials.sources.model import ModelSource
from lmssim.studies.trials.value.informed import informed
from tests.kit.valued import valued

if TYPE_CHECKING:
    from pathlib import Path

LOG_RATIO = "trial_log_hazard_ratio_1_0"


def test_costs_are_not_learnt(tmp_path: Path) -> None:
    """The hazard ratio changes lives, the price does not."""
    source = ModelSource(valued(tmp_path))
    drawn = {name: source.program.sample(50, 1)[name] for name in (LOG_RATIO, "price")}
    assert informed(source, drawn, 1) == [LOG_RATIO]


def test_what_is_impossible_counts_as_learnt(tmp_path: Path) -> None:
    """A hazard below 0 cannot be walked, but stands in the model of lives."""
    source = ModelSource(valued(tmp_path))
    drawn = {"rate": np.array([-1.0, 0.25]), "price": np.array([8_900.0, 9_100.0])}
    assert informed(source, drawn, 1) == ["rate"]
