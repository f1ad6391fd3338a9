"""One-way sensitivity: increments given one parameter, their errors, and what a ratio of them means."""
