"""Trials whose endpoint is a time: hazards, accrual, expected events, sample sizes, dates of looks."""
