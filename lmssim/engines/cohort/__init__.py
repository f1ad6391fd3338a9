"""The cohort engine: exact solutions without random numbers."""
