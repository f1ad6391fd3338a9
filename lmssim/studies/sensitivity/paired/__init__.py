"""Runs of a scenario at several values of its inputs, whose draws and patients are the same, so that they compare."""
