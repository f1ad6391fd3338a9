"""Commands of deterministic sensitivity analysis."""
