"""Cox's hazard ratio of the arms, with its interval.

References
----------
Cox DR. Regression models and life-tables. J R Stat Soc B 34:187-220, 1972. doi:10.1111/j.2517-6161.1972.tb00899.x
Efron B. The efficiency of Cox's likelihood function for censored data. J Am Stat Assoc 72:557-565, 1977.
doi:10.1080/01621459.1977.10480613
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, unknown
from lmssim.kernels.trials.cox import BRESLOW, EFRON, log_hazard_ratios
from lmssim.trials.tests.comparison import LOG_HAZARD_RATIO, Comparison, ratio, upper_tail
from lmssim.trials.tests.registry import named

if TYPE_CHECKING:
    from lmssim.trials.tests.data import TrialData

TIES = {"efron": EFRON, "breslow": BRESLOW}


@named("cox")
def cox(data: TrialData, *, ties: str = "efron", cause: int = 0, stratified: bool = True) -> Comparison:
    """Hazard ratio by Cox's partial likelihood with the arm as its covariate, and Wald's test.

    Parameters
    ----------
    ties : str
        `efron` or `breslow`.

    Returns
    -------
    Comparison
        Where one arm alone has events, the estimate is infinite and `z` is NaN: Wald's test cannot be computed.
    """
    if ties not in TIES:
        raise InputError(unknown("value", ties, TIES, "ties"))
    beta, information = np.empty(len(data)), np.empty(len(data))
    log_hazard_ratios(data.ordered(stratified=stratified), cause, TIES[ties], beta, information)
    se = ratio(np.ones(len(data)), np.sqrt(information))
    z = np.where(np.isfinite(beta), -beta, np.nan) / se
    return Comparison("cox", z, upper_tail(z), beta, se, LOG_HAZARD_RATIO, data.events(cause))
