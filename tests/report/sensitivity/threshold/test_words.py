"""Words on thresholds that are followed by regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lmssim
from lmssim.report.sensitivity.threshold.words import sentences
from tests.kit.linear import MEANS, SDS, linear_path

if TYPE_CHECKING:
    from pathlib import Path


def test_an_error_where_draws_are_few_is_called_too_small(tmp_path: Path) -> None:
    """Of a threshold beyond the parameter's 95% interval, and of none within it."""
    path = linear_path(tmp_path)
    for wtp, far in ((6_500.0, False), (6_950.0, True)):
        found = lmssim.threshold(path, vary="gain_x", low=-0.005, high=0.048, wtp=[wtp], n_draws=2_000, n_patients=2)
        (value,) = found.thresholds["value"]
        assert (abs(value - MEANS["gain_x"]) > 1.96 * SDS["gain_x"]) == far
        said = " ".join(sentences(found))
        assert ("the error of a threshold there is larger than ± says" in said) == far
