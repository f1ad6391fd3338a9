"""Value of a simulated trial: what its information is worth, and when to stop for it."""
