"""Kernels of clinical trials: many trials at once, as arrays of patients (n_trials, n_patients)."""
