"""Global sensitivity of any function of independent factors: screening, variance-based indices, Shapley effects."""
