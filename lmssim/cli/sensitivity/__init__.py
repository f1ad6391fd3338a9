"""Commands of sensitivity analysis: of parameters, of structure, probabilistic, and what agencies ask."""
