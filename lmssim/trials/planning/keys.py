"""Every key of a design file, by section, and what it means."""

from __future__ import annotations

HAZARD = {
    "median": "median time to the event, if the hazard is constant",
    "rate": "constant hazard per unit of time",
    "rates": "hazard of each interval",
    "starts": "beginning of each interval of `rates`, the first 0",
    "survival": "probability of no event at each of `times`, hazards constant between them",
    "times": "times of `survival`",
    "cured": "share that never has the event; needs `uncured_median` or `uncured_rate`",
    "uncured_median": "median time of the others",
    "uncured_rate": "constant hazard of the others",
}
"""Ways to state the hazard of an arm; one of them is given."""
LOSS = {
    "rate": "constant hazard per unit of time",
    "rates": "hazard of each interval",
    "starts": "beginning of each interval, the first 0",
    "probability": "share lost `by` a time, at a constant hazard",
    "by": "time of `probability`",
    "experimental_rate": "constant hazard in the experimental arm, if it is another",
}
"""Ways to state dropout; with `median` in place of a probability, competing events."""
STRATUM = {
    "name": "name",
    "share": "share of the patients, relative to the other strata",
    "hazard_ratio": "hazard ratio, or one for each interval; that of [endpoint] if absent",
    "hazard_ratio_starts": "beginning of each interval of `hazard_ratio`, the first 0",
    "dropout_rate": "hazard of dropout; that of [dropout] if absent",
    "competing_rate": "hazard of competing events; that of [competing] if absent",
    **HAZARD,
}
SECTIONS: dict[str, dict[str, str]] = {
    "": {
        "title": "title of the report",
        "time_unit": "name of the unit of time, in the plural; months if absent",
    },
    "trial": {
        "alpha": "type I error of all sides together; 0.025 if absent",
        "sides": "1 or 2; 1 if absent",
        "power": "power under the plan; 0.9 if absent",
        "looks": "number of equally spaced analyses; 1 if absent",
        "information": "information of each analysis as a fraction of the final one, in place of `looks`",
    },
    "efficacy": {
        "boundary": "rule of the efficacy bounds; ld_obf if absent",
        "parameter": "delta of wang_tsiatis, interim Z of haybittle_peto, gamma of hsd, rho of kim_demets",
        "looks": "analyses, counted from 1, that test efficacy; all if absent",
        "cumulative": "for `cumulative`: the part of alpha spent by each analysis",
    },
    "futility": {
        "rule": "beta_spending, z, conditional_power or predictive_power",
        "spending": "for beta_spending: ld_obf, ld_pocock, hsd or kim_demets",
        "parameter": "gamma of hsd, rho of kim_demets",
        "z": "for z: the bound of each interim analysis",
        "threshold": "for conditional_power and predictive_power: the power at which the trial stops",
        "effect": "for conditional_power: planned, trend or null; planned if absent",
        "binding": "whether efficacy bounds count on stops for futility; false if absent",
        "looks": "interim analyses, counted from 1, that test futility; all if absent",
    },
    "endpoint": {
        "test": "log_rank, maxcombo, rmst or milestone; log_rank if absent",
        "members": "for maxcombo: pairs [rho, gamma] of Fleming-Harrington weights, one or more; [[0, 0], [0, 1], "
        "[1, 0], [1, 1]] if absent",
        "hazard_ratio": "planned hazard ratio, or one for each interval",
        "hazard_ratio_starts": "beginning of each interval of `hazard_ratio`, the first 0",
        "margin": "of log_rank, the hazard ratio of the null hypothesis (1 if absent); of others, the loss that still "
        "counts as non-inferior (0 if absent)",
        "allocation": "experimental patients for each control patient; 1 if absent",
        "method": "schoenfeld, freedman, lachin_foulkes or rubinstein; schoenfeld if absent",
        "tau": "for rmst and milestone: time since entry",
    },
    "control": HAZARD,
    "experimental": HAZARD,
    "dropout": LOSS,
    "competing": {
        **{key: text for key, text in LOSS.items() if key not in ("probability", "by")},
        "median": "median time, if the hazard is constant",
        "at": "time since entry at which incidences are told; the follow-up of the first patient if absent",
    },
    "accrual": {
        "duration": "time from the first entry to the last",
        "durations": "length of each interval of `rates`",
        "rate": "patients per unit of time; not if it is solved for",
        "rates": "patients per unit of time, of each interval; scaled if the rate is solved for",
        "ramp": "time in which the rate rises from 0 to `rate` in a straight line",
        "patients": "patients in all, in place of `rate`; with `rates`, these are scaled to it",
    },
    "timing": {
        "solve": "accrual_rate, accrual_duration, follow_up or power; accrual_rate if absent",
        "study_duration": "time from the first entry to the final analysis",
        "follow_up": "time from the last entry to the final analysis, in place of `study_duration`",
    },
}
TABLES = (*[name for name in SECTIONS if name], "strata")
