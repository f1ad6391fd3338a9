"""How a published figure is read from a scenario: as a row of a series, in one sentence, or why it is not computable.

What a row of the table leaves open has a documented default, which the sentence names:

- *patients*: of a figure of treatment with curative intent, those without metastases at presentation; of practice as
  observed (`mixed`), all;
- *follow-up*: of a crude proportion with a time, log-normal with that median; else log-normal, median 4 years;
- *number*: 50 patients;
- *survival-like outcomes* (`os`, `dss`, `dfs`, ...): a crude proportion is the share without the event; a median is
  Kaplan-Meier's. Of recurrences a median or mean is among those who have one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scipy import stats

from lmssim.errors import DataError, ExpressionError, InputError, nearest, unknown
from lmssim.model.compile import compile_scenario
from lmssim.model.language import expression
from lmssim.model.language.schema import FollowUp, Series, SeriesRow
from lmssim.model.population.patients import possible_labels
from lmssim.published.arms import Arm, arm_of
from lmssim.published.series import AT_A_TIME
from lmssim.published.targets import RATIOS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.scenario import Scenario
    from lmssim.published.targets import Target

DEFAULT_N = 50
DEFAULT_MEDIAN, DEFAULT_SDLOG, DEFAULT_HIGH = 4.0, 0.7, 20.0
"""Follow-up (years) where nothing is known of it."""
CRUDE_SDLOG = 0.5
LEAST_FOLLOWED = 0.01
"""Share of patients who must be followed to the time of a figure."""
LATE = 5.0
"""Years after which a recurrence is late, where no time is given."""
NOT_COMPUTABLE = "not computable: "
LOCAL = ("local_recurrence", "local_recurrence_with_metastasis")
DISTANT = ("metastasis_at_presentation", "metastasis_around_surgery", "metastatic")
PRESENTATION = "metastasis_at_presentation"
FREE = ("os", "dss", "dfs", "abdominal_recurrence_free", "os_after_metastasis", "pfs_metastatic")
"""Outcomes whose figures are shares without an event."""
OUTCOMES = (*FREE, "local_recurrence", "distant_metastasis", "any_recurrence", "late_recurrence")
PREFIXES = ("complication", "response", "metastatic_site")
ADVANCED = ("os_after_metastasis", "pfs_metastatic")
COMPLICATIONS = {"dermatologic": "dermatological", "postoperative_pain": "pain"}
"""Names that papers give to complications, and the model's."""
RESPONSES = {"objective": "response", "stable": "stable"}
FAMILIES = {
    "local_recurrence": "local_recurrence",
    "abdominal_recurrence_free": "local_recurrence",
    "distant_metastasis": "metastasis",
    "any_recurrence": "metastasis",
    "late_recurrence": "metastasis",
    "dfs": "metastasis",
    "os": "death",
    "dss": "death",
    "os_after_metastasis": "death",
    "pfs_metastatic": "progression",
}
"""Outcome family of each outcome: figures of one family in a study share a between-study effect."""
STATISTICS = {
    "crude_proportion": "proportion",
    "response_rate": "proportion",
    "cumulative_incidence": "cumulative_incidence",
    "km_survival": "km_survival",
    "median_time_years": "median_time",
    "mean_time_years": "mean_time",
}
WORDS = {
    "proportion": "share within follow-up",
    "cumulative_incidence": "cumulative incidence, death competing",
    "km_survival": "Kaplan-Meier",
    "km_median": "Kaplan-Meier median",
    "median_time": "median among those with the event",
    "mean_time": "mean among those with the event",
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A published figure and how the model reads it."""

    target_id: str
    study: str
    """Whose patients these are."""
    outcome: str
    statistic: str
    time_years: str = ""
    n: int | None = None
    observed: float | None = None
    """The figure, in the paper's own terms; None of a range."""
    low: float | None = None
    """Published interval or range, in the same terms."""
    high: float | None = None
    series: Series | None = None
    """Series of one row; None if the figure is not computable."""
    without: bool = False
    """The figure is the share without the event, of a row that counts those with it."""
    effective: float | None = None
    """Patients without censoring who tell the figure, where its interval does; None: `n`, less for censoring."""
    counted: bool = False
    """Part of the share inside and the mean error: a figure, not a range."""
    family: str = "other"
    text: str
    """How it was read, or why it is not computable."""


class _NotComputableError(Exception):
    """Why a figure cannot be read from a scenario."""


def reading_of(target: Target, scenario: Scenario) -> Reading:
    """How a figure is read from a scenario (`Reader`)."""
    return Reader(scenario).reading(target)


def readings_of(targets: Iterable[Target], scenario: Scenario) -> list[Reading]:
    """How each figure is read from a scenario."""
    reader = Reader(scenario)
    return [reader.reading(target) for target in targets]


def row_reading(study: str, series: Series, row: SeriesRow) -> Reading:
    """Reading of a row that its file defines."""
    rule = f" where {series.where}" if series.where else ""
    return Reading(
        target_id=row.target,
        study=study,
        outcome=row.label,
        statistic=row.statistic,
        n=row.n or None,
        time_years="" if row.by is None else f"{row.by:g}",
        observed=row.observed,
        low=row.low,
        high=row.high,
        series=series.model_copy(update={"rows": [row]}),
        counted=row.observed is not None,
        text=f"as the calibration reads it: {series.label}, strategy {row.strategy or series.strategy}{rule}; "
        f"{WORDS[row.statistic]} of {', '.join(row.events)}{f'; {row.note}' if row.note else ''}",
    )


class Reader:
    """Reads figures from one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.program = compile_scenario(scenario)
        self.names = {*self.program.states, *self.program.flat.names(), *self.program.marks}
        self.ends = [name for name, state in scenario.file.states.items() if state.kind == "absorbing"]
        self.sites = possible_labels(scenario.patients, "site")
        self.advanced = "line_1" in self.names and not {"surgery", PRESENTATION} & self.names

    def reading(self, target: Target) -> Reading:
        """How a figure is read.

        Raises
        ------
        DataError
            If the row names a strategy, state, parameter or rule that the scenario does not have.
        """
        blank = Reading(
            target_id=target.target_id,
            study=target.study,
            outcome=target.outcome,
            statistic=target.statistic,
            time_years=target.time_years,
            n=target.n,
            observed=target.value,
            low=target.low,
            high=target.high,
            family=target.family or FAMILIES.get(target.outcome, "other"),
            text="",
        )
        self._check(target)
        try:
            return self._computable(target, blank)
        except _NotComputableError as reason:
            return replace(blank, text=f"{NOT_COMPUTABLE}{reason}")

    def _computable(self, target: Target, blank: Reading) -> Reading:
        if target.statistic in RATIOS:
            raise _NotComputableError(f"{target.statistic.replace('_', ' ')}: compares two groups of patients")
        where, site = self._site(target)
        arm = self._arm(target)
        measure = self._measure(target, arm)
        free = self._is_free(target.outcome)
        statistic = "km_median" if free and target.statistic == "median_time_years" else STATISTICS[target.statistic]
        measure = self._timed(target, measure, statistic)
        last = max(measure.by or 0.0, measure.after or 0.0)
        horizon = self.scenario.file.settings.horizon
        if last >= horizon:
            raise _NotComputableError(f"the scenario ends at {horizon:g} years")
        without = free and statistic == "proportion"
        follow_up, followed = _follow_up(target, statistic, last, late=measure.after is not None)
        n, number = self._number(target, statistic)
        exclude, left_out = self._excluded(target, arm)
        row = SeriesRow(
            target=target.target_id,
            label=target.outcome,
            statistic=statistic,
            events=list(measure.events),
            sequence=arm.sequence,
            by=measure.by,
            after=measure.after,
            since=list(measure.since),
            n=n,
            **_published(target, without),
        )
        rule = " and ".join(f"({part})" for part in (where, target.where) if part)
        series = Series(
            label=target.study,
            source_id=target.source_id,
            strategy=arm.strategy,
            follow_up=follow_up,
            exclude=exclude,
            where=rule or None,
            set=dict(target.set),
            rows=[row],
        )
        parts = [
            f"{WORDS[statistic]}{', as the share without it' if without else ''}: {measure.text}",
            arm.note,
            *site,
            *left_out,
            f"patients where {target.where}" if target.where else "patients as the scenario's",
            *(f"{id_} = {value:g}" for id_, value in target.set),
            followed,
            number,
        ]
        if target.value is None:
            parts.append("a range or bound: met if the prediction lies within, and not counted")
        text = "; ".join(part for part in parts if part)
        return replace(blank, series=series, without=without, counted=target.value is not None, text=text)

    # === Checks of what the row names ===

    def _check(self, target: Target) -> None:
        """Refuse what the row's optional columns name and the scenario does not have."""
        strategies, table = self.scenario.file.strategies, self.scenario.table
        if target.model_strategy and target.model_strategy not in strategies:
            raise DataError(unknown("strategy", target.model_strategy, strategies, f"{target.place}: 'model_strategy'"))
        for column, names in (("since", target.since), ("exclude", target.exclude or ())):
            for name in names:
                if name not in self.names:
                    raise DataError(unknown("state or mark", name, self.names, f"{target.place}: '{column}'"))
        for id_, _ in target.set:
            if id_ not in table:
                raise DataError(unknown("parameter", id_, table, f"{target.place}: 'set'"))
            if table[id_].expression:
                raise DataError(f"{target.place}: 'set': parameter '{id_}' is derived; set what it is computed from.")
        try:
            self.scenario.with_values(dict(target.set))
        except InputError as error:
            raise DataError(f"{target.place}: 'set': {error}") from None
        self._check_rule(target)

    def _check_rule(self, target: Target) -> None:
        if not target.where:
            return
        place = f"{target.place}: 'where'"
        names = self.program.names
        try:
            node = names.resolve(expression.parse(target.where, place), place)
        except ExpressionError as error:
            raise DataError(str(error)) from None
        if not names.is_baseline(node):
            others = sorted(set(expression.names(node)) - set(names.covariates))
            raise DataError(f"{place}: '{target.where}' reads {', '.join(others)}; it may read covariates alone.")

    # === Who ===

    def _site(self, target: Target) -> tuple[str, list[str]]:
        """Rule that chooses patients of the figure's site, and what to say of it."""
        site = target.site or "all"
        if not self.sites:
            return "", [] if site == "all" else [f"site {site}: the scenario's patients have none"]
        if site == "all":
            return "", [f"of all sites, read of {_listed(self.sites)}"]
        same = {"trunk": "extremity"}.get(site, site)
        wanted = [each for each in self.sites if each == same or (same == "nonuterine" and each != "uterine")]
        if not wanted:
            hint = nearest(site, self.sites) if site not in self._known_sites() else ""
            raise _NotComputableError(f"of site {site}, the scenario's patients are of {_listed(self.sites)}.{hint}")
        rule = "" if wanted == self.sites else " or ".join(f"site == '{each}'" for each in wanted)
        return rule, [f"of site {site}, read of {_listed(wanted)}"] if wanted != [site] else []

    def _known_sites(self) -> set[str]:
        spec = next((c for c in self.scenario.patients.covariates if c.name == "site"), None)
        return {*(spec.labels if spec else ()), "all", "nonuterine", "trunk"}

    def _arm(self, target: Target) -> Arm:
        arm = arm_of(target.strategy.strip(), self.scenario)
        if not target.model_strategy:
            return arm
        note = f"strategy {target.model_strategy}, as the table says"
        return replace(arm, strategy=target.model_strategy, sequence=None, line=0, since=(), note=note)

    def _excluded(self, target: Target, arm: Arm) -> tuple[list[str], list[str]]:
        """States whose patients are left out, and what to say of it."""
        if target.exclude is not None:
            return list(target.exclude), [f"without {_listed(target.exclude)}"] if target.exclude else []
        at_presentation = target.outcome == "distant_metastasis" and target.time == 0.0
        if not arm.curative or PRESENTATION not in self.names or target.outcome in ADVANCED or at_presentation:
            return [], []
        return [PRESENTATION], ["without metastases at presentation"]

    def _number(self, target: Target, statistic: str) -> tuple[int, str]:
        """Patients of the study: those with the event, of times among them."""
        n = target.events if statistic in ("median_time", "mean_time") and target.events else target.n
        return (n, f"n = {n}") if n else (DEFAULT_N, f"n not given, {DEFAULT_N} assumed")

    # === What ===

    def _is_free(self, outcome: str) -> bool:
        endpoint = self.scenario.file.endpoints.get(outcome)
        return outcome in FREE or (outcome not in OUTCOMES and endpoint is not None and endpoint.kind == "survival")

    def _measure(self, target: Target, arm: Arm) -> _Measure:
        """Events of an outcome and where its time begins."""
        prefix, _, rest = target.outcome.partition(":")
        if prefix in PREFIXES and rest:
            measure = self._of_a_mark(prefix, rest, arm)
        elif self.advanced and target.outcome in OUTCOMES and target.outcome not in ADVANCED:
            raise _NotComputableError("the scenario's patients begin with advanced disease")
        elif target.outcome in OUTCOMES:
            measure = self._of_an_outcome(target, arm)
        else:
            measure = self._of_an_endpoint(target.outcome)
        if target.since:
            measure = replace(measure, since=target.since)
        elif not measure.since and arm.since:
            measure = replace(measure, since=arm.since)
        self._check_reachable(target, measure)
        return replace(measure, text=f"{measure.text}{f' since {_listed(measure.since)}' if measure.since else ''}")

    def _check_reachable(self, target: Target, measure: _Measure) -> None:
        if not measure.events:
            raise _NotComputableError(f"the scenario has no state or event for {target.outcome}")
        absent = [name for name in measure.since if name not in self.names]
        if absent:
            raise _NotComputableError(f"the scenario has no {_listed(absent)}")
        if "salvage_surgery" in measure.since and set(measure.events) & set(LOCAL):
            raise _NotComputableError("a second local recurrence is not told from the first")

    def _of_a_mark(self, prefix: str, rest: str, arm: Arm) -> _Measure:
        if prefix == "metastatic_site":
            raise _NotComputableError("the model does not know where metastases are")
        if prefix == "complication":
            mark = COMPLICATIONS.get(rest, rest)
            if mark not in self.names:
                raise _NotComputableError(f"the scenario has no event {mark}.{nearest(mark, self.program.marks)}")
            return _Measure((mark,), mark)
        mark = f"{RESPONSES.get(rest, rest)}_{arm.regimen}"
        if not arm.regimen or mark not in self.program.marks:
            raise _NotComputableError(f"the scenario has no event for {rest} response to this treatment")
        return _Measure((mark,), mark)

    def _of_an_endpoint(self, outcome: str) -> _Measure:
        """An endpoint that the scenario names."""
        endpoint = self.scenario.file.endpoints.get(outcome)
        if endpoint is None:
            known = [*OUTCOMES, *(f"{prefix}:..." for prefix in PREFIXES), *self.scenario.file.endpoints]
            raise _NotComputableError(f"unknown outcome '{outcome}'.{nearest(outcome, known)}")
        events = [*endpoint.events, *(self.ends if endpoint.death == "event" else ())]
        since = () if endpoint.origin == "model" else (endpoint.origin,)
        return _Measure(tuple(dict.fromkeys(events)), f"endpoint {outcome}", since)

    def _of_an_outcome(self, target: Target, arm: Arm) -> _Measure:
        local, distant, deaths = self._local(), self._distant(), tuple(self.ends)
        match target.outcome:
            case "os":
                return _Measure(deaths, "death")
            case "dss":
                return _Measure(self._of_disease(), "death of disease")
            case "local_recurrence":
                return _Measure(local, "local recurrence")
            case "distant_metastasis" if target.time == 0.0 and PRESENTATION in self.names:
                return _Measure((PRESENTATION,), "metastasis at presentation")
            case "distant_metastasis":
                return _Measure(distant, "metastasis")
            case "dfs":
                return _Measure((*local, *distant, *deaths) if local or distant else (), "recurrence or death")
            case "abdominal_recurrence_free":
                return _Measure((*local, *deaths) if local else (), "local recurrence or death")
            case "os_after_metastasis":
                return self._after_metastasis(arm)
            case "pfs_metastatic":
                return self._progression(arm)
        return _Measure((*local, *distant), "any recurrence")

    def _after_metastasis(self, arm: Arm) -> _Measure:
        deaths = tuple(self.ends)
        if arm.since:
            return _Measure(deaths, "death", arm.since)
        if self.advanced:
            return _Measure(deaths, "death since time zero")
        if not self._distant():
            return _Measure((), "")
        return _Measure(deaths, "death", self._distant())

    def _progression(self, arm: Arm) -> _Measure:
        """Progression of a line or death, since the line began: the first, if no regimen was named."""
        if arm.since and not arm.line:
            raise _NotComputableError(f"progression after {_listed(arm.since)} is not told from that of a line")
        mark = f"progression_{arm.line or 1}"
        if mark not in self.names:
            return _Measure((), "")
        return _Measure((mark, *self.ends), f"{mark} or death", arm.since if arm.line else ("line_1",))

    def _local(self) -> tuple[str, ...]:
        return self._events_of("local_recurrence", LOCAL)

    def _distant(self) -> tuple[str, ...]:
        return self._events_of("metastasis", DISTANT) or self._events_of("distant_metastasis", ())

    def _events_of(self, endpoint: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        """Events of an endpoint, or the usual ones that the scenario has."""
        spec = self.scenario.file.endpoints.get(endpoint)
        return tuple(spec.events) if spec is not None else tuple(name for name in usual if name in self.names)

    def _of_disease(self) -> tuple[str, ...]:
        return tuple(name for name in self.ends if self.scenario.file.states[name].death == "disease")

    # === When ===

    def _timed(self, target: Target, measure: _Measure, statistic: str) -> _Measure:
        """With the time by which events count, or after which they do."""
        if target.outcome == "late_recurrence":
            after = LATE if target.time is None else target.time
            if statistic not in ("proportion", "cumulative_incidence") or after <= 0.0:
                raise _NotComputableError("late recurrence is a share of patients after a time")
            if statistic == "cumulative_incidence" and target.time_end is None:
                raise _NotComputableError("the end of the time is not given; a cumulative incidence needs a range")
            text = f"{measure.text} after {after:g} years" + (f", by {target.time_end:g}" if target.time_end else "")
            text += ", of those then followed, alive and without one"
            return replace(measure, after=after, by=target.time_end, text=text)
        if target.time_end is not None:
            raise _NotComputableError(f"time_years is {target.time_years}: {target.statistic} is read at one time")
        at_a_time = statistic in AT_A_TIME
        if target.time is None:
            if at_a_time:
                raise _NotComputableError("the time of the figure is not given")
            return measure
        if target.time == 0.0:
            if statistic == "proportion" and measure.events == (PRESENTATION,):
                return measure
            raise _NotComputableError("the time of the figure is 0")
        if at_a_time or (statistic == "proportion" and _states_follow_up(target)):
            return replace(measure, by=target.time, text=f"{measure.text} by {target.time:g} years")
        return measure if statistic == "proportion" else replace(measure, text=f"{measure.text} (time_years not used)")


@dataclass(frozen=True)
class _Measure:
    """What is counted, and when.

    Attributes
    ----------
    events, since : tuple of str
        States and marks.
    text : str
        The same in words.
    by, after : float or None
        Years.
    """

    events: tuple[str, ...]
    text: str
    since: tuple[str, ...] = ()
    by: float | None = None
    after: float | None = None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _published(target: Target, without: bool) -> dict[str, Any]:
    """Published figure in the terms of a row of a series."""
    if target.value is not None:
        return {"observed": 1.0 - target.value if without else target.value}
    if not without:
        return {"low": target.low, "high": target.high}
    ends = [None if end is None else 1.0 - end for end in (target.high, target.low)]
    return {"low": ends[0], "high": ends[1]}


# === Follow-up ===


def _states_follow_up(target: Target) -> bool:
    return target.follow_up_median is not None or target.follow_up_high is not None


def _follow_up(target: Target, statistic: str, last: float, *, late: bool) -> tuple[FollowUp, str]:
    """Follow-up of a figure's patients, and what to say of it; `last` is the last time of the figure (years)."""
    if _states_follow_up(target):
        spec, text = _stated_follow_up(target)
    elif statistic == "proportion" and target.time and not late:
        spec = FollowUp(median=target.time, sdlog=CRUDE_SDLOG)
        text = f"time read as median follow-up, log-normal, sdlog {CRUDE_SDLOG:g}"
    else:
        median = max(DEFAULT_MEDIAN, 0.5 * last)
        spec = FollowUp(median=median, sdlog=DEFAULT_SDLOG, high=max(DEFAULT_HIGH, 2.0 * last))
        text = f"follow-up not given, median {median:g} years assumed"
    followed = _share_followed(spec, last)
    if followed < LEAST_FOLLOWED:
        raise _NotComputableError(f"{100 * followed:.2g}% of patients are followed for {last:g} years: {text}")
    return spec, text


def _stated_follow_up(target: Target) -> tuple[FollowUp, str]:
    low, high, median = target.follow_up_low or 0.0, target.follow_up_high, target.follow_up_median
    ends = f"{low:g} to {high:g} years" if high is not None else f"from {low:g} years" if low else ""
    if median is None:
        return FollowUp(low=low, high=high), f"follow-up {ends}"
    spec = FollowUp(low=low, high=high, median=median, sdlog=CRUDE_SDLOG)
    return spec, f"follow-up median {median:g} years{f', {ends}' if ends else ''}"


def _share_followed(spec: FollowUp, time: float) -> float:
    """Share of patients whose follow-up reaches a time."""
    low, high = float(spec.low), float("inf") if spec.high is None else float(spec.high)
    if spec.median is None:
        return min(max((high - time) / (high - low), 0.0), 1.0)
    law = stats.lognorm(s=float(spec.sdlog or CRUDE_SDLOG), scale=float(spec.median))
    return float((law.cdf(high) - law.cdf(min(max(time, low), high))) / (law.cdf(high) - law.cdf(low)))
