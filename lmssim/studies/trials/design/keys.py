"""Every key of a file of a simulated trial, by section, and what it means."""

from __future__ import annotations

from lmssim.trials.planning.keys import LOSS
from lmssim.trials.planning.keys import SECTIONS as PLANNED

EVENT, DEATH, AFTER = "event", "death", "death_after_event"
"""What may befall a patient whose hazards the design states."""
HAZARDS = (EVENT, DEATH, AFTER)
ARM = {
    "label": "name of the arm in tables and figures",
    "strategy": "strategy of the scenario that its patients follow",
    "set": "parameters of the scenario with another value in this arm",
    "hazard_ratio": "hazard ratios against the same course without them: a number, or a table, for each transition of "
    "the scenario, or for event, death and death_after_event of the control arm",
    EVENT: "hazard of the event (not death), as in [control] of a design file",
    DEATH: "hazard of death before the event",
    AFTER: "hazard of death after the event, by the time since it",
}
RATIO = {
    "value": "hazard ratio, within the interval if one is given",
    "delay": "time since randomisation before it begins; 0 if absent",
    "low": "lower end of the 95% interval of the hazard ratio's prior, which is log-normal, for assurance",
    "high": "upper end of that interval",
}
ENDPOINT = {
    "label": "name in tables and figures",
    "events": "states or marks whose first entry is the event; of stated hazards: event",
    "competing": "states or marks that make the event impossible",
    "death": "event, competing or censoring; event if absent",
}
ANALYSIS = {
    "events": "events of the primary endpoint; with other numbers of patients they change in proportion",
    "patients": "patients that have entered",
    "calendar": "time since the first entry",
    "follow_up": "time since the last entry",
    "combine": "all: what is given must all be met (default); any: the first of them",
    "latest": "calendar time at which it is made in any case",
}
RULE = {
    "name": "name of the rule in tables",
    "efficacy": "bounds on Z of each analysis; those of the design if absent",
    "futility": "stop if Z is below, at each analysis but the last; those of the design if absent",
    "hazard_ratio_above": "stop at an analysis before the last if the estimated hazard ratio is above",
}
VALUE = {
    "willingness_to_pay": "worth of a QALY, in the scenario's currency",
    "incidence": "patients a year whose treatment the result decides",
    "horizon": "years from the first entry over which they come",
    "discount": "discount rate a year; 0.035 if absent",
    "fixed_cost": "cost of the trial without its patients",
    "cost_per_patient": "cost of a patient of the trial",
    "reporting": "time from the last analysis to the decision",
    "uptake": "share of the patients who are treated as the result says; 1 if absent",
    "current": "arm whose treatment patients outside the trial get until the decision: control, experimental, or best, "
    "the one of the greatest expected net benefit now (if absent)",
    "longest_accrual": "time beyond which accrual is not feasible",
    "alpha": "one-sided levels at which adoption by significance is valued",
    "sizes": "numbers of patients whose value is computed, beside the design's own, where --n gives none",
}
SECTIONS: dict[str, dict[str, str]] = {
    "": {
        "title": "title of the report",
        "description": "what the trial is, in a few sentences",
        "time_unit": "unit of every time in the file: months (if absent), years, weeks or days",
        "scenario": "scenario whose patients enter: a bundled name, or a file relative to this one; absent if arms "
        "state hazards",
        "eligible": "rule on covariates that patients meet",
        "origin": "state of the scenario at whose first entry patients are randomised; time zero if absent",
    },
    "set": {},
    "design": {
        "endpoint": "primary endpoint",
        "test": "name of a test of docs/trial_tests.md; logrank if absent",
        "options": "options of the test",
        "margin": "hazard ratio of the null hypothesis of non-inferiority",
        "hazard_ratio": "planned hazard ratio, for the analytic power beside the simulated one",
        "milestones": "two times since randomisation at which survival of the arms is read",
        "strata": "rules on covariates that make strata of the allocation and of the test",
    },
    "trial": {k: v for k, v in PLANNED["trial"].items() if k != "looks"},
    "efficacy": PLANNED["efficacy"],
    "futility": PLANNED["futility"],
    "dropout": {k: v for k, v in LOSS.items() if k != "experimental_rate"},
    "accrual": {
        **PLANNED["accrual"],
        "entries": "random: at random, as a Poisson process (if absent); even: evenly spaced",
        "allocation": "patients of the control and of the experimental arm in a block, [1, 1] if absent",
        "check_at": "calendar time at which accrual is judged",
        "check_below": "the trial stops then if fewer patients have entered than this share of those planned",
    },
    "assessment": {
        "every": "time between assessments; events other than death are seen at the next one",
        "until": "for several intervals: the time until which each holds, the last without end",
    },
    "crossover": {
        "arm": "arm whose patients cross over: control or experimental; control if absent",
        "at": "endpoint whose event lets them",
        "share": "share of them who do",
        "time_ratio": "who crosses over keeps his arm's course, and lives so many times longer after the event; if "
        "absent, he has from then on the other arm's course",
    },
    "value": VALUE,
}
LISTS = {
    "analyses": ANALYSIS,
    "rules": RULE,
    "facts": {
        "key": "what it is of, such as accrual.patients",
        "text": "the fact",
        "kind": "published, computed or assumed",
        "source": "where it stands",
    },
}
TABLES_OF_TABLES = {"arms": ARM, "endpoints": ENDPOINT}
CONTROL, EXPERIMENTAL = "control", "experimental"
ARMS = (CONTROL, EXPERIMENTAL)
UNITS = {"years": 1.0, "months": 1.0 / 12.0, "weeks": 7.0 / 365.25, "days": 1.0 / 365.25}
"""Years of each unit of time."""
TIMES = frozenset(
    ("duration", "by", "delay", "calendar", "follow_up", "latest", "every", "until", "check_at", "median", "reporting")
)
"""Last words of keys that are times, in the unit of the file."""
RATIO_TESTS = ("logrank", "cox", "cause-specific-logrank")
"""Tests of a hazard ratio, which may have a margin."""


def meaning_of(key: str, time_unit: str) -> str:
    """What a dotted key such as `accrual.duration` is, with its unit if it is a time or a rate; blank if unknown.

    Parameters
    ----------
    time_unit : str
        Of every time in the file, in the plural.
    """
    first, *_, last = parts = key.split(".")
    table = SECTIONS.get(first) or LISTS.get(first) or TABLES_OF_TABLES.get(first) or {}
    texts = RATIO if "hazard_ratio" in parts[:-1] else table
    text = texts.get(last, "").partition(";")[0].replace("`", "")
    unit = time_unit if last in TIMES else f"per {time_unit.removesuffix('s')}" if last == "rate" else ""
    return f"{text}, {unit}" if text and unit else text or unit
