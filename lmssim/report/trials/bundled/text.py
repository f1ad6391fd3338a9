"""The reference results of bundled designs in plain words: a page of text whose numbers come from the tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jinja2

from lmssim.trials import schoenfeld_power

if TYPE_CHECKING:
    import pandas as pd

TEMPLATE = "trials.md.j2"


class Numbers:
    """Numbers of the tables, as the text prints them.

    Parameters
    ----------
    characteristics, endpoints, effects, replay : DataFrame
        Tables of `lmssim.studies.trials.bundled`.
    assurance, value : DataFrame
        Tables of a study of the same name.
    """

    def __init__(
        self,
        characteristics: pd.DataFrame,
        endpoints: pd.DataFrame,
        effects: pd.DataFrame,
        assurance: pd.DataFrame,
        value: pd.DataFrame,
        replay: pd.DataFrame,
    ) -> None:
        self.characteristics, self.endpoint_rows = characteristics, endpoints
        self.effects, self.assured, self.valued, self.replay = effects, assurance, value, replay

    def _row(self, design: str, case: str, rule: str = "") -> dict[str, Any]:
        frame = self.characteristics
        rows = frame[(frame["design"] == design) & (frame["case"] == case)]
        return _records(rows[rows["rule"] == (rule or rows["rule"].iloc[0])])[0]

    def of(self, column: str, design: str, case: str, rule: str = "") -> float:
        """A number of a case."""
        return float(self._row(design, case, rule)[column])

    def power(self, design: str, case: str, rule: str = "") -> str:
        """Power with its Monte-Carlo error."""
        row = self._row(design, case, rule)
        return f"{row['power']:.1%} ± {100 * row['se']:.1f}"

    def share(self, column: str, design: str, case: str, rule: str = "") -> str:
        """A share of a case."""
        return f"{self.of(column, design, case, rule):.0%}"

    def number(self, column: str, design: str, case: str, rule: str = "") -> str:
        """A number of a case, rounded."""
        return f"{self.of(column, design, case, rule):.0f}"

    def ratio(self, design: str, case: str, rule: str = "") -> str:
        """Hazard ratio of the primary endpoint when trials end."""
        return f"{math.exp(self.of('log_hr', design, case, rule)):.2f}"

    def endpoints(self, design: str, case: str) -> list[dict[str, Any]]:
        """Rows of a case's endpoints, with the hazard ratio `hr` and its error `hr_se`."""
        frame = self.endpoint_rows
        rows = _records(frame[(frame["design"] == design) & (frame["case"] == case)])
        return [_with_ratio(row) | {"hr_se": math.exp(row["log_hr"]) * row["log_hr_se"]} for row in rows]

    def by_effect(self) -> list[dict[str, Any]]:
        """Rows of the assumed effects, with the hazard ratio `hr` of the primary endpoint."""
        return [_with_ratio(row) for row in _records(self.effects)]

    def values(self) -> list[dict[str, Any]]:
        """Rows of the value of each number of patients."""
        return _records(self.valued[self.valued["best"] == "no"])

    def best(self) -> dict[str, Any]:
        """Row of the number of patients with the greatest expected net benefit of sampling."""
        return _records(self.valued[self.valued["best"] == "yes"])[0]

    def planned(self, hazard_ratio: float, events: float) -> str:
        """Power at the two-sided 5% level if a hazard ratio held, by Schoenfeld's approximation."""
        return f"{schoenfeld_power(hazard_ratio, events, alpha=0.05, sides=2):.0%}"

    def endpoint(self, design: str, case: str, endpoint: str) -> dict[str, Any]:
        """Row of one endpoint of a case."""
        return next(row for row in self.endpoints(design, case) if row["endpoint"] == endpoint)

    def replayed(self) -> list[dict[str, Any]]:
        """Rows of the replay, as texts."""
        return [_replayed(row) for row in _records(self.replay)]


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _with_ratio(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"hr": math.exp(row["log_hr"])}


def _replayed(row: dict[str, Any]) -> dict[str, str]:
    """What a row of the replay prints."""
    names = {"pfs": "PFS", "os": "OS"}
    what = {"hazard_ratio": "hazard ratio", "median": "median, months", "survival": f"at {row['at']:g} months"}
    form = {"hazard_ratio": "{:.2f}", "median": "{:.1f}", "survival": "{:.1%}"}[row["statistic"]]

    def between(low: float, high: float) -> str:
        return "" if math.isnan(low) else f" ({form.format(low)} to {form.format(high)})"

    return {
        "what": f"{names.get(row['endpoint'], row['endpoint'])}, {what[row['statistic']]}",
        "arm": row["arm"],
        "published": form.format(row["published"]) + between(row["published_low"], row["published_high"]),
        "simulated": form.format(row["simulated"]) + between(row["low"], row["high"]),
    }


def text_of(numbers: Numbers, n_trials: int) -> str:
    """The page."""
    environment = jinja2.Environment(  # noqa: S701  # Markdown of our own numbers, no HTML
        loader=jinja2.PackageLoader("lmssim.report"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(TEMPLATE).render(x=numbers, n_trials=n_trials)
