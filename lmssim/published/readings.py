"""How a published target is computed from a scenario: as a row of a series, in one sentence, or why it cannot be.

What a row of the table leaves open has a documented default, which the sentence names:

- *patients*: for treatment with curative intent, those without metastases at presentation; for observed practice, all;
- *follow-up*: for a crude proportion with a time, log-normal with that median; else log-normal, median 4 years;
- *number*: 50 patients;
- *outcomes that count deaths* (`os`, `dss`, `dfs`, ...): a crude proportion is the share without the event, and a
  median is Kaplan-Meier's. Of other outcomes, a median or mean is among patients with the event.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from scipy import stats

from lmssim.errors import DataError, ExpressionError, InputError, nearest, unknown
from lmssim.model.compile import compile_scenario
from lmssim.model.language import expression
from lmssim.model.language.schema import Component, FollowUp, Series, SeriesRow, Strategy
from lmssim.model.population.patients import possible_labels
from lmssim.model.published import RATIOS
from lmssim.published.arms import Arms
from lmssim.published.measures import Measures, NotComputableError, listed
from lmssim.published.series import ON_CURVES
from lmssim.published.targets import NOBODY, Refused
from lmssim.published.vocabulary import OTHER, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.scenario import Scenario
    from lmssim.published.arms import Arm
    from lmssim.published.measures import Measure
    from lmssim.published.targets import Target
    from lmssim.published.vocabulary import Vocabulary

DEFAULT_N = 50
DEFAULT_MEDIAN, DEFAULT_SDLOG, DEFAULT_HIGH = 4.0, 0.7, 20.0
"""Follow-up (years) where nothing is known of it."""
CRUDE_SDLOG = 0.5
LEAST_FOLLOWED = 0.01
"""Share of patients who must be followed to the time of a target."""
NOT_COMPUTABLE = "not computable: "
STATISTICS = {
    "crude_proportion": "proportion",
    "response_rate": "proportion",
    "cumulative_incidence": "cumulative_incidence",
    "km_survival": "km_survival",
    "median_time_years": "median_time",
    "mean_time_years": "mean_time",
    "rmst": "rmst",
}
STATISTIC_TEXTS = {
    "proportion": "share within follow-up",
    "cumulative_incidence": "cumulative incidence, death competing",
    "km_survival": "Kaplan-Meier survival",
    "km_median": "Kaplan-Meier median",
    "median_time": "median among those with the event",
    "mean_time": "mean among those with the event",
    "rmst": "restricted mean time without the event",
}
NOT_READ = "refused: "


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A published target and how the model computes it."""

    target_id: str
    study: str
    """Whose patients these are."""
    outcome: str
    statistic: str
    time_years: str = ""
    n: int | None = None
    observed: float | None = None
    """Published value, in the paper's own terms; None of a range."""
    low: float | None = None
    """Published interval or range, in the same terms."""
    high: float | None = None
    series: Series | None = None
    """Series of one row; None if the target is not computable."""
    without: bool = False
    """Whether the published value is the share without the event, and the row counts those with it."""
    effective: float | None = None
    """Effective number of patients, where the published interval gives it; None: `n`, less for censoring."""
    counted: bool = False
    """Whether it counts in the share inside and the mean error: a value, not a range."""
    family: str = OTHER
    strategies: dict[str, Strategy] = field(default_factory=dict)
    """Strategies of its series that the scenario does not have: the mix of its row."""
    refused: bool = False
    """Whether its row cannot be read."""
    other_site: bool = False
    """Whether it is of a site that the scenario's patients do not have."""
    text: str
    """How it is computed, or why it is not computable."""


class OtherSiteError(NotComputableError):
    """The target is of a site that the scenario's patients do not have."""


def readings_of(targets: Iterable[Target | Refused], scenario: Scenario) -> list[Reading]:
    """How each target is computed from a scenario; a row that cannot be read is refused alone."""
    reader = Reader(scenario)
    return [reader.or_refused(target) for target in targets]


def _refused(row: Refused) -> Reading:
    """Reading of a row that cannot be read."""
    cell = row.cells.get
    return Reading(
        target_id=row.target_id,
        study=cell("cohort_id") or cell("source_id") or row.target_id,
        outcome=cell("outcome", ""),
        statistic=cell("statistic", ""),
        time_years=cell("time_years", ""),
        refused=True,
        text=f"{NOT_READ}{row.message}",
    )


def row_reading(study: str, series: Series, row: SeriesRow) -> Reading:
    """Reading of a row that its file defines."""
    note = f"; {row.note}" if row.note else ""
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
        text=f"as in the calibration ({series.label}): {reading_text(series, row)}{note}",
    )


def reading_text(series: Series, row: SeriesRow) -> str:
    """How a row of a series is computed, in a sentence."""
    parts = [f"{STATISTIC_TEXTS[row.statistic]}: {listed(row.events)}"]
    if row.others:
        within = "" if row.window is None else f" within {row.window:g} years"
        parts.append(f"{'together with' if row.together else 'without'} {listed(row.others)}{within}")
    parts += [f"by {row.by:g} years"] if row.by is not None else []
    parts += [f"after {row.after:g} years"] if row.after is not None else []
    parts += [f"since {listed(row.since)}"] if row.since else []
    parts.append(f"under strategy {row.strategy or series.strategy}")
    rules = [rule for rule in (series.where, row.where) if rule]
    parts += [f"where {' and '.join(rules)}"] if rules else []
    parts += _chosen(row.model_copy(update={"without": []}))
    parts += [f"without {listed([*series.exclude, *row.without])}"] if series.exclude or row.without else []
    follow_up = {key: value for key, value in series.follow_up.model_dump(exclude_none=True).items() if value != 0.0}
    parts.append("follow-up " + listed(f"{key} {value}" for key, value in follow_up.items()))
    parts += [f"held {listed(f'{key} = {value:g}' for key, value in series.set.items())}"] if series.set else []
    return "; ".join(parts)


class Reader:
    """Finds how targets are computed from one scenario.

    Parameters
    ----------
    words : Vocabulary, optional
        Words of papers; the bundled ones if absent.
    """

    def __init__(self, scenario: Scenario, words: Vocabulary | None = None) -> None:
        self.scenario, self.words = scenario, words or vocabulary()
        self.program = compile_scenario(scenario)
        self.measures = Measures(self.program, self.words)
        self.arms = Arms(scenario, self.words)
        self.names = self.measures.names
        self.sites = possible_labels(scenario.patients, self.words.sites.covariate)
        self._mixes: set[object] = set()

    def or_refused(self, target: Target | Refused) -> Reading:
        """How a target is computed; a row that cannot be read, or names what is not there, is refused alone."""
        if isinstance(target, Refused):
            return _refused(target)
        try:
            return self.reading(target)
        except DataError as error:
            return replace(self._blank(target), refused=True, text=f"{NOT_READ}{error}")

    def reading(self, target: Target) -> Reading:
        """How a target is computed.

        Raises
        ------
        DataError
            If the row names a strategy, state, parameter or rule that the scenario does not have.
        """
        blank = self._blank(target)
        read = replace(target, outcome=self.measures.outcome_of(target.outcome))
        try:
            patients = self._site(read)
            self.measures.check_stage(read.outcome)
            self._check(read)
            return self._computable(read, blank, *patients)
        except NotComputableError as reason:
            other = isinstance(reason, OtherSiteError)
            return replace(blank, other_site=other, text=f"{NOT_COMPUTABLE}{reason}")

    def _blank(self, target: Target) -> Reading:
        """Reading of a target before it is known how it is computed."""
        return Reading(
            target_id=target.target_id,
            study=target.study,
            outcome=target.outcome,
            statistic=target.statistic,
            time_years=target.time_years,
            n=target.n,
            observed=target.value,
            low=target.low,
            high=target.high,
            family=target.family or self.words.family_of_outcome(self.measures.outcome_of(target.outcome)),
            text="",
        )

    def _computable(self, target: Target, blank: Reading, where: str, site: list[str]) -> Reading:
        if target.statistic in RATIOS:
            raise NotComputableError(f"{target.statistic.replace('_', ' ')}: compares two groups of patients")
        arm, mixed = self._arm(target)
        free = self.measures.counts_the_event_free(target.outcome)
        statistic = self.measures.statistic_of(target, STATISTICS[target.statistic])
        measure = self.measures.of(target, arm, statistic)
        last = max(measure.by or 0.0, measure.after or 0.0, target.alive_at or 0.0)
        horizon = self.scenario.file.settings.horizon
        if last >= horizon:
            raise NotComputableError(f"the scenario ends at {horizon:g} years")
        without = free and statistic == "proportion"
        own = self.scenario.file.series.get(target.series)
        follow_up, followed = _follow_up(target, own, statistic, measure, self._is_untimed(target))
        n, number = _number(target, statistic)
        exclude, left_out = self._excluded(target, arm, own)
        rule = " and ".join(f"({part})" for part in (where, own.where if own else None, target.where) if part)
        given, never = self.measures.named(target.given), self.measures.named(target.without)
        row = _row(target, statistic, measure, arm, n, without).model_copy(
            update={
                "given": list(given),
                "without": list(never),
                "given_after": target.given_after,
                "given_by": target.given_by,
                "alive_at": target.alive_at,
            }
        )
        series = Series(
            label=target.study,
            source_id=target.source_id,
            strategy=arm.strategy,
            follow_up=follow_up,
            exclude=exclude,
            where=rule or None,
            set=(own.set if own else {}) | dict(target.set),
            rows=[row],
        )
        parts = [
            f"{STATISTIC_TEXTS[statistic]}{', as the share without it' if without else ''}: {measure.text}",
            f"'{blank.outcome}' as {target.outcome.replace('_', ' ')}" if blank.outcome != target.outcome else "",
            arm.note,
            *site,
            *left_out,
            f"patients where {target.where}" if target.where else "patients as the scenario's",
            f"of series {target.series}" if own else "",
            *_chosen(row),
            *(f"{id_} = {value:g}" for id_, value in target.set),
            followed,
            number,
        ]
        if target.value is None:
            parts.append("a range or bound: met if the prediction lies within it; not counted")
        text = "; ".join(part for part in parts if part)
        return replace(
            blank, series=series, strategies=mixed, without=without, counted=target.value is not None, text=text
        )

    def _is_untimed(self, target: Target) -> bool:
        outcome = self.words.outcomes.get(target.outcome)
        return outcome is not None and outcome.untimed

    # === Checks of what the row names ===

    def _check(self, target: Target) -> None:
        """Refuse what the row's optional columns name and the scenario does not have."""
        strategies, table = self.scenario.file.strategies, self.scenario.table
        if target.model_strategy and target.model_strategy not in strategies:
            raise DataError(unknown("strategy", target.model_strategy, strategies, f"{target.place}: 'model_strategy'"))
        if target.series and target.series not in self.scenario.file.series:
            raise DataError(unknown("series", target.series, self.scenario.file.series, f"{target.place}: 'series'"))
        for column, names in (("given", target.given), ("without", target.without)):
            for name in names:
                if not self.measures.named((name,)):
                    known = {*self.names, *filter(self.measures.selects, self.words.outcomes)}
                    raise DataError(unknown("state, event or outcome", name, known, f"{target.place}: '{column}'"))
        since = () if target.since == (NOBODY,) else target.since
        for column, names in (("since", since), ("exclude", target.exclude or ())):
            for name in names:
                if name not in self.names:
                    raise DataError(unknown("state or event", name, self.names, f"{target.place}: '{column}'"))
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
        self._check_mix(target)

    def _check_mix(self, target: Target) -> None:
        """Refuse a mix of treatments that the scenario does not have, or cannot plan."""
        treatments = self.scenario.file.treatments
        for name in (name for names, _ in target.mix for name in names):
            if name.rpartition(".")[2] not in treatments:
                raise DataError(unknown("treatment", name, treatments, f"{target.place}: 'mix'"))
        if target.mix and target.mix not in self._mixes:
            arm, mixed = self._arm(target)
            file = self.scenario.file.model_copy(update={"strategies": self.scenario.file.strategies | mixed})
            try:
                compile_scenario(replace(self.scenario, file=file, own=frozenset[str]()))
            except InputError as error:
                raise DataError(f"{target.place}: 'mix': {error} ({arm.note})") from None
            self._mixes.add(target.mix)

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
            raise DataError(f"{place}: '{target.where}' reads {listed(others)}; it may read covariates alone.")

    # === Who ===

    def _site(self, target: Target) -> tuple[str, list[str]]:
        """Rule that chooses patients of the target's site, and what to say of it."""
        site, known = target.site or "all", self.words.sites
        if not self.sites:
            return "", [] if site == "all" else [f"site {site}: the scenario's patients have none"]
        if site == "all":
            return "", [f"of all sites, computed for {listed(self.sites)}"]
        same, other = known.same.get(site, site), known.all_but.get(site)
        wanted = [each for each in self.sites if each == same or other not in (None, each)]
        if not wanted:
            own = f"of site {site}, the scenario's patients are of {listed(self.sites)}."
            if site in self._known_sites():
                raise OtherSiteError(own)
            raise NotComputableError(f"{own}{nearest(site, self._known_sites())}")
        rule = "" if wanted == self.sites else " or ".join(f"{known.covariate} == '{each}'" for each in wanted)
        return rule, [f"of site {site}, computed for {listed(wanted)}"] if wanted != [site] else []

    def _known_sites(self) -> set[str]:
        name = self.words.sites.covariate
        spec = next((c for c in self.scenario.patients.covariates if c.name == name), None)
        return {*(spec.labels if spec else ()), *self.words.sites.words}

    def _arm(self, target: Target) -> tuple[Arm, dict[str, Strategy]]:
        """What the patients had, and the strategy of a mix that the row states."""
        arm, own = self.arms.of(target.strategy.strip()), self.scenario.file.series.get(target.series)
        if target.model_strategy:
            note = f"strategy {target.model_strategy}, as the table says"
            arm = replace(arm, strategy=target.model_strategy, sequence=None, line=0, since=(), note=note)
        elif own is not None and arm.unnamed:
            arm = replace(arm, strategy=own.strategy, note=f"strategy {own.strategy} of the series")
        if not target.mix:
            return arm, {}
        return _mixed(target, arm, self.scenario.file.strategies[arm.strategy])

    def _excluded(self, target: Target, arm: Arm, own: Series | None) -> tuple[list[str], list[str]]:
        """States whose patients are left out, and what to say of it."""
        if target.exclude is not None:
            return list(target.exclude), [f"without {listed(target.exclude)}"] if target.exclude else []
        if own is not None:
            return list(own.exclude), [f"without {listed(own.exclude)}"] if own.exclude else []
        states, outcome = self.measures.at_presentation(), self.words.outcomes.get(target.outcome)
        asked_for = outcome is not None and (outcome.is_of_metastasis or (outcome.at_time_zero and target.time == 0.0))
        if not arm.curative or not states or asked_for:
            return [], []
        return states, [f"without {self.words.events[self.words.treatments.not_curative].text}"]


def _mixed(target: Target, arm: Arm, base: Strategy) -> tuple[Arm, dict[str, Strategy]]:
    """An arm whose patients had the treatments of a mix, and the strategy that gives them."""
    text = ", ".join(f"{'+'.join(names)} {share:g}" for names, share in target.mix)
    mix = [Component(fraction=share, treatments=list(names)) for names, share in target.mix]
    name = f"{arm.strategy} with {text}"
    strategy = base.model_copy(update={"label": "Mix of a target", "treatments": [], "mix": mix})
    note = f"strategy {arm.strategy} with the mix {text}, none for the others"
    return replace(arm, strategy=name, note=note), {name: strategy}


def _chosen(row: SeriesRow) -> list[str]:
    """What to say of patients chosen by what happened to them."""
    said = []
    if row.given:
        immortal = row.statistic in ON_CURVES and not {*row.given} <= {*row.since}
        times = "" if row.given_after is None else f" after {row.given_after:g} years"
        times += "" if row.given_by is None else f" by {row.given_by:g} years"
        said.append(f"with {listed(row.given)}{times}{', before which time is immortal' if immortal else ''}")
    said += [f"without {listed(row.without)}"] if row.without else []
    alive = [] if row.alive_at is None else [f"alive and followed at {row.alive_at:g} years"]
    return [*alive, f"{' and '.join(said)}, by the end of follow-up"] if said else alive


def _number(target: Target, statistic: str) -> tuple[int, str]:
    """Patients of the study, or those with the event for times among them, and what to say of it."""
    n = target.events if statistic in ("median_time", "mean_time") and target.events else target.n
    return (n, f"n = {n}") if n else (DEFAULT_N, f"n not given, {DEFAULT_N} assumed")


def _row(target: Target, statistic: str, measure: Measure, arm: Arm, n: int, without: bool) -> SeriesRow:
    """Row of a series that computes a target."""
    published: dict[str, Any] = {"observed": target.value}
    if target.value is None:
        published = {"low": target.low, "high": target.high}
    if without:
        ends = {"observed": "observed", "low": "high", "high": "low"}
        published = {ends[key]: None if value is None else 1.0 - value for key, value in published.items()}
    return SeriesRow(
        target=target.target_id,
        label=target.outcome,
        statistic=cast("Any", statistic),  # the schema checks the word
        events=list(measure.events),
        sequence=arm.sequence,
        by=measure.by,
        after=measure.after,
        since=list(measure.since),
        others=list(measure.others),
        together=measure.together,
        window=measure.window,
        n=n,
        **published,
    )


# === Follow-up ===


def _follow_up(
    target: Target, own: Series | None, statistic: str, measure: Measure, untimed: bool
) -> tuple[FollowUp, str]:
    """Follow-up of a target's patients, and what to say of it; `own` is the series that the row names."""
    last = max(measure.by or 0.0, measure.after or 0.0, target.alive_at or 0.0)
    if target.states_follow_up:
        spec, text = _stated_follow_up(target)
    elif own is not None:
        spec, text = own.follow_up, ""
    elif statistic == "proportion" and target.time and measure.after is None and not untimed:
        spec = FollowUp(median=target.time, sdlog=CRUDE_SDLOG)
        text = f"time taken as median follow-up, log-normal, sdlog {CRUDE_SDLOG:g}"
    else:
        median = max(DEFAULT_MEDIAN, 0.5 * last)
        spec = FollowUp(median=median, sdlog=DEFAULT_SDLOG, high=max(DEFAULT_HIGH, 2.0 * last))
        text = f"follow-up not given, median {median:g} years assumed"
    followed = _share_followed(spec, last)
    if followed < LEAST_FOLLOWED:
        raise NotComputableError(f"{100 * followed:.2g}% of patients are followed for {last:g} years: {text}")
    return spec, text


def _stated_follow_up(target: Target) -> tuple[FollowUp, str]:
    low, high, median = target.follow_up_low or 0.0, target.follow_up_high, target.follow_up_median
    ends = f"{low:g} to {high:g} years" if high is not None else f"from {low:g} years" if low else ""
    if median is None:
        return FollowUp(low=low, high=high), f"follow-up {ends}"
    spec = FollowUp(low=low, high=high, median=median, sdlog=CRUDE_SDLOG)
    return spec, f"follow-up median {median:g} years{f', {ends}' if ends else ''}"


def _share_followed(spec: FollowUp, time: float) -> float:
    """Share of patients whose follow-up reaches a time; 1 where it depends on parameters."""
    if any(isinstance(value, str) for value in (spec.low, spec.high, spec.median, spec.sdlog)):
        return 1.0
    low, high = float(spec.low), float("inf") if spec.high is None else float(spec.high)
    if spec.median is None and (high == float("inf") or high == low):
        return float(time <= high)
    if spec.median is None:
        return min(max((high - time) / (high - low), 0.0), 1.0)
    law = stats.lognorm(s=float(spec.sdlog or CRUDE_SDLOG), scale=float(spec.median))
    return float((law.cdf(high) - law.cdf(min(max(time, low), high))) / (law.cdf(high) - law.cdf(low)))
