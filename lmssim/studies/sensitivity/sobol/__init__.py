"""Global sensitivity of an increment: screening, Sobol' indices of independent groups, Shapley effects in a block."""
