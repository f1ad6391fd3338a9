"""Gray's test: cumulative incidences of one cause compared, with the others as competing events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.kernels.trials.gray import gray_scores
from lmssim.trials.tests.comparison import of_scores
from lmssim.trials.tests.registry import named

if TYPE_CHECKING:
    from lmssim.trials.tests.comparison import Comparison
    from lmssim.trials.tests.data import TrialData

LOG_SUBDISTRIBUTION_HAZARD_RATIO = "log subdistribution hazard ratio"


@named("gray")
def gray(data: TrialData, *, cause: int = 1, stratified: bool = True) -> Comparison:
    """Gray's test (rho = 0) of the cumulative incidence of a cause.

    Parameters
    ----------
    cause : int
        Event of interest; every other one competes.

    Returns
    -------
    Comparison
        `z` is positive where the experimental arm has the lower incidence; `estimate` is the one-step log ratio of
        subdistribution hazards.

    References
    ----------
    Gray RJ. Ann Stat 16:1141-1154, 1988. doi:10.1214/aos/1176350951
    """
    if cause < 1:
        raise InputError(f"cause: {cause} must be the code of a cause, 1 or more.")
    u, v = np.empty(len(data)), np.empty(len(data))
    gray_scores(data.ordered(stratified=stratified), cause, u, v)
    return of_scores("gray", u, v, data.events(cause), LOG_SUBDISTRIBUTION_HAZARD_RATIO)
