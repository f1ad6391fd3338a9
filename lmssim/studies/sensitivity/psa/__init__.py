"""Probabilistic sensitivity analysis: joint draws of all parameters, each with patients or an exact solution."""
