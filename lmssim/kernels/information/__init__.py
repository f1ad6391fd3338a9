"""Loops over the patients of proposed studies: arrays only."""
