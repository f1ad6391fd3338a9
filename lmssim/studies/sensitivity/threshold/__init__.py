"""Thresholds: the value of a parameter at which the decision changes, and the price at which it does."""
