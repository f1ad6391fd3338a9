"""Speed and memory of the simulator, measured beside hand-written programs for one model in the same run."""
