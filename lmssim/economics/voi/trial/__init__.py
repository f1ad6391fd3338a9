"""Value of a trial, from arrays of simulated trials: one trial a draw, and no fit to any trial's patients."""

from lmssim.economics.voi.trial.adoption import adoption_rules
from lmssim.economics.voi.trial.boundaries import Boundaries
from lmssim.economics.voi.trial.comparison import stopping_value
from lmssim.economics.voi.trial.conduct import Conduct
from lmssim.economics.voi.trial.looks import Looks, Stakes
from lmssim.economics.voi.trial.net import NetBenefitOfTrial
from lmssim.economics.voi.trial.value import trial_value

__all__ = [
    "Boundaries",
    "Conduct",
    "Looks",
    "NetBenefitOfTrial",
    "Stakes",
    "adoption_rules",
    "stopping_value",
    "trial_value",
]
