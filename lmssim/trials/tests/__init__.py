"""Tests of two arms on arrays of many trials at once; a test is one function, added by name."""

from lmssim.trials.tests.bayes import (
    LogHazardRatio,
    Rate,
    bayes,
    enthusiastic_prior,
    normal_prior,
    power_prior,
    rate_with_history,
    sceptical_prior,
)
from lmssim.trials.tests.comparison import Comparison
from lmssim.trials.tests.cox import cox
from lmssim.trials.tests.data import TrialData, trial_data
from lmssim.trials.tests.exponential import ExponentialPatients
from lmssim.trials.tests.gray import gray
from lmssim.trials.tests.logrank import cause_specific_logrank, fleming_harrington, logrank, modestly_weighted
from lmssim.trials.tests.maxcombo import maxcombo
from lmssim.trials.tests.normals import critical_value, outside
from lmssim.trials.tests.one_sample import one_sample_logrank
from lmssim.trials.tests.rates import rejection_rates
from lmssim.trials.tests.registry import TESTS, named, options_of, run_test
from lmssim.trials.tests.survival import milestone, rmst
from lmssim.trials.tests.weights import MAXCOMBO, null_correlation

__all__ = [
    "MAXCOMBO",
    "TESTS",
    "Comparison",
    "ExponentialPatients",
    "LogHazardRatio",
    "Rate",
    "TrialData",
    "bayes",
    "cause_specific_logrank",
    "cox",
    "critical_value",
    "enthusiastic_prior",
    "fleming_harrington",
    "gray",
    "logrank",
    "maxcombo",
    "milestone",
    "modestly_weighted",
    "named",
    "normal_prior",
    "null_correlation",
    "one_sample_logrank",
    "options_of",
    "outside",
    "power_prior",
    "rate_with_history",
    "rejection_rates",
    "rmst",
    "run_test",
    "sceptical_prior",
    "trial_data",
]
