"""`lmssim sweep`: the command, its folder, and sweeps whose cells are simulated trials."""
