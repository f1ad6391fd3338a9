"""Other simulators on the illness-death model of the benchmark, in an environment of their own."""
