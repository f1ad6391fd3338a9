"""Helpers that several tests share: scenario files written from Python, histories as arrays, and yardsticks."""
