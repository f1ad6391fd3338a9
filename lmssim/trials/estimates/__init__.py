"""Estimates that count on a trial's looks: repeated intervals at any look, and what is told once it has stopped."""

from lmssim.trials.estimates.repeated import RepeatedInterval, repeated_interval, repeated_p_value
from lmssim.trials.estimates.stopped import StoppedEstimate, estimate_after_stop, stagewise_p_value

__all__ = [
    "RepeatedInterval",
    "StoppedEstimate",
    "estimate_after_stop",
    "repeated_interval",
    "repeated_p_value",
    "stagewise_p_value",
]
