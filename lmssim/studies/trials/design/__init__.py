"""Designs of trials that are simulated: files, checked, as objects."""
