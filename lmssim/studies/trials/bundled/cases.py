"""Cases of designs: each as it stands or with other values of some of its keys, as rows of two tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lmssim.studies.trials.result import AT
from lmssim.studies.trials.study import simulate_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lmssim.studies.trials.result import SimulatedTrials

SIGNIFICANT = float(-ndtri(0.025))
"""Z of the two-sided 5% level."""


@dataclass(frozen=True)
class Case:
    """A design, and the values that take the place of its own, by dotted keys."""

    design: str
    case: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effects:
    """A design whose effect is assumed: hazard ratios, set as their logarithms at keys, by the name of a curve."""

    design: str
    ratios: Sequence[float]
    curves: Mapping[str, Sequence[str]]

    def cases(self) -> Iterable[tuple[str, float, Case]]:
        """Curve, hazard ratio and case of each point."""
        for name, keys in self.curves.items():
            for ratio in self.ratios:
                given = dict.fromkeys(keys, math.log(ratio))
                yield name, ratio, Case(self.design, f"{name}, {ratio:g}", given)


def run_cases(
    cases: Sequence[Case], n_trials: int, seed: int, jobs: int, told: Callable[[int, int], None] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Operating characteristics and endpoints of cases.

    Returns
    -------
    characteristics : DataFrame
        One row a case and rule: design, case, n, rule, power, se, harm, early (share of trials that end before their
        last analysis), analytic, analytic_planned, patients, events, duration, log_hr, accrual_stopped.
    endpoints : DataFrame
        One row a case and endpoint: design, case, n, endpoint, label, primary, events, log_hr, log_hr_se, log_hr_sd,
        significant (share of trials in which it favours the experimental arm at the two-sided 5% level).
    """
    rows: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for k, case in enumerate(cases, start=1):
        found = simulate_trials(case.design, n_trials=n_trials, seed=seed, given=case.given, jobs=jobs).planned
        name = {"design": case.design, "case": case.case}
        rows += [name | row for row in _characteristics(found)]
        ends += [name | row for row in endpoint_rows(found)]
        if told is not None:
            told(k, len(cases))
    return pd.DataFrame(rows), pd.DataFrame(ends)


def run_effects(
    effects: Effects, n_trials: int, seed: int, jobs: int, told: Callable[[int, int], None] | None = None
) -> pd.DataFrame:
    """Power by assumed effect: curve, hazard_ratio, n, power, se, events, log_hr (of the primary endpoint)."""
    cases = list(effects.cases())
    rows = []
    for k, (curve, ratio, case) in enumerate(cases, start=1):
        found = simulate_trials(case.design, n_trials=n_trials, seed=seed, given=case.given, jobs=jobs).planned
        row = _characteristics(found)[0]
        kept = {key: row[key] for key in ("n", "power", "se", "events", "log_hr")}
        rows.append({"curve": curve, "hazard_ratio": ratio} | kept)
        if told is not None:
            told(k, len(cases))
    return pd.DataFrame(rows)


def _characteristics(found: SimulatedTrials) -> list[dict[str, Any]]:
    """Rows of a case, one a rule."""
    n, rows = found.work.design.patients, []
    for rule in found.rules:
        scored = found.score(rule)
        own = found.characteristics
        row = own[(own["n"] == n) & (own["rule"] == rule.name)].to_dict("records")[0]
        first = rule is found.rules[0]
        rows.append(
            {
                "n": n,
                "rule": rule.name,
                "power": row["power"],
                "se": row["se"],
                "harm": row["harm"],
                "early": float((scored.look < found.looks.shape[2] - 1).mean()),
                "analytic": found.analytic_power() if first else math.nan,
                "analytic_planned": found.analytic_power(planned=True) if first else math.nan,
                "patients": row["patients"],
                "events": row["events"],
                "duration": row["duration"],
                "log_hr": row["estimate"],
                "accrual_stopped": row["accrual_stopped"],
            }
        )
    return rows


def endpoint_rows(found: SimulatedTrials) -> list[dict[str, Any]]:
    """Rows of every endpoint at the last analysis, the primary one first."""
    design, last = found.work.design, found.looks[:, found.size_at(None), -1]
    events = last[:, AT["events_control"]] + last[:, AT["events_experimental"]]
    log = last[:, AT["estimate"]]
    log = log[np.isfinite(log)]
    first = {
        "endpoint": design.primary,
        "label": design.endpoints[design.primary].label,
        "events": float(events.mean()),
        "log_hr": float(log.mean()),
        "log_hr_se": float(log.std(ddof=1) / math.sqrt(len(log))),
        "log_hr_sd": float(log.std()),
        "significant": float((last[:, AT["z"]] >= SIGNIFICANT).mean()) if design.margin == 1.0 else math.nan,
    }
    others = found.secondary.to_dict("records") if found.work.others else []
    rows = [first, *({str(key): value for key, value in row.items() if key != "n"} for row in others)]
    return [{"n": design.patients, "primary": row is first} | row for row in rows]
