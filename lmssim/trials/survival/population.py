"""Who is in a trial: strata, each with a control hazard and hazard ratios, and the share of patients in each arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.survival.expected import ArmCourse, expected_events, time_of_events
from lmssim.trials.survival.hazards import NONE, Hazard, TimesRatio

if TYPE_CHECKING:
    from lmssim.trials.survival.accrual import Accrual

MOST_STRATA = 100


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Patients of one prognosis.

    Attributes
    ----------
    control : Hazard
        Of the event, in the control arm.
    hazard_ratio : tuple of float
        Experimental over control, on each interval of time since entry.
    hazard_ratio_starts : tuple of float
        Beginning of each interval, the first 0.
    share : float
        Share of the patients, relative to the other strata.
    dropout, dropout_experimental : Hazard
        Of loss to follow-up in the control and the experimental arm; as in the control arm if absent.
    competing, competing_experimental : Hazard
        Of a competing event, likewise.
    name : str
        Name.
    """

    control: Hazard
    hazard_ratio: tuple[float, ...]
    hazard_ratio_starts: tuple[float, ...] = (0.0,)
    share: float = 1.0
    dropout: Hazard = NONE
    dropout_experimental: Hazard | None = None
    competing: Hazard = NONE
    competing_experimental: Hazard | None = None
    name: str = ""

    def __post_init__(self) -> None:
        TimesRatio(self.control, self.hazard_ratio, self.hazard_ratio_starts)
        checks.positive("share", self.share)

    def control_arm(self) -> ArmCourse:
        """Control patients."""
        return ArmCourse(self.control, self.dropout, self.competing)

    def experimental_arm(self) -> ArmCourse:
        """Experimental patients."""
        hazard = TimesRatio(self.control, self.hazard_ratio, self.hazard_ratio_starts)
        dropout = self.dropout if self.dropout_experimental is None else self.dropout_experimental
        competing = self.competing if self.competing_experimental is None else self.competing_experimental
        return ArmCourse(hazard, dropout, competing)

    def null_arms(self, margin: float, allocation: float) -> tuple[ArmCourse, ArmCourse]:
        """Control and experimental patients under the null hypothesis, with the planned mean hazard of both arms.

        Notes
        -----
        Lachin and Foulkes: with r experimental patients for each control patient and null hazard ratio m, the control
        hazard is that of the plan times (1 + r HR) / (1 + r m).
        """
        factors = [(1.0 + allocation * hr) / (1.0 + allocation * margin) for hr in self.hazard_ratio]
        control, experimental = self.control_arm(), self.experimental_arm()
        null = TimesRatio(self.control, tuple(factors), self.hazard_ratio_starts)
        against = TimesRatio(null, (margin,))
        return (
            ArmCourse(null, control.dropout, control.competing),
            ArmCourse(against, experimental.dropout, experimental.competing),
        )


@dataclass(frozen=True)
class Events:
    """Expected events of the control and the experimental arm."""

    control: float
    experimental: float

    @property
    def total(self) -> float:
        """Of both arms."""
        return self.control + self.experimental


@dataclass(frozen=True)
class AverageHazardRatio:
    r"""The hazard ratio that a log-rank test sees by a calendar time.

    Attributes
    ----------
    time : float
        Calendar time.
    events : Events
        Expected events.
    hazard_ratio : float
        :math:`\exp(\sum d_i \ln HR_i / \sum d_i)` over the intervals of the hazard ratio, :math:`d_i` expected events
        of both arms.
    information : float
        :math:`\sum d_{Ci} d_{Ei} / (d_{Ci} + d_{Ei})`, under the plan.
    null_information : float
        Events times r / (1 + r)^2, as without an effect.
    """

    time: float
    events: Events
    hazard_ratio: float
    information: float
    null_information: float


@dataclass(frozen=True)
class Population:
    """Strata and allocation.

    Attributes
    ----------
    strata : tuple of Stratum
        One or more.
    allocation : float
        Experimental patients for each control patient.
    """

    strata: tuple[Stratum, ...]
    allocation: float = 1.0

    def __post_init__(self) -> None:
        checks.ratio("allocation", self.allocation)
        if not 1 <= len(self.strata) <= MOST_STRATA:
            raise InputError(f"strata: {len(self.strata)}; give 1 to {MOST_STRATA}.")

    @property
    def shares(self) -> list[float]:
        """Share of the patients in each stratum."""
        total = math.fsum(stratum.share for stratum in self.strata)
        return [stratum.share / total for stratum in self.strata]

    @property
    def experimental_share(self) -> float:
        """Share of the patients in the experimental arm."""
        return self.allocation / (1.0 + self.allocation)

    @property
    def is_proportional(self) -> bool:
        """Whether one hazard ratio holds at all times, in all strata."""
        return len({hr for stratum in self.strata for hr in stratum.hazard_ratio}) == 1

    @property
    def hazard_ratio(self) -> float:
        """The one hazard ratio.

        Raises
        ------
        InputError
            If there are several.
        """
        if not self.is_proportional:
            raise InputError("hazard_ratio: changes with time or between strata, so there is no one value.")
        return self.strata[0].hazard_ratio[0]

    def courses(self) -> list[tuple[float, ArmCourse]]:
        """Share of all patients, and what they go through, for each stratum and arm."""
        q = self.experimental_share
        arms = [(s.control_arm(), s.experimental_arm()) for s in self.strata]
        return [
            pair
            for share, (control, experimental) in zip(self.shares, arms, strict=True)
            for pair in ((share * (1.0 - q), control), (share * q, experimental))
        ]

    def events(self, accrual: Accrual, time: float) -> Events:
        """Expected events by a calendar time."""
        courses = self.courses()
        found = [share * expected_events(course, accrual, time) for share, course in courses]
        return Events(math.fsum(found[::2]), math.fsum(found[1::2]))

    def time_of(self, events: float, accrual: Accrual) -> float:
        """Calendar time at which so many events are expected."""
        return time_of_events(self.courses(), accrual, events)

    def event_probabilities(self, accrual: Accrual, time: float, margin: float | None = None) -> tuple[float, float]:
        """Probability that a control and an experimental patient of a trial is seen to have the event by a time.

        Parameters
        ----------
        margin : float, optional
            Null hazard ratio; if given, the probabilities hold under the null hypothesis.
        """
        probs = [0.0, 0.0]
        for share, stratum in zip(self.shares, self.strata, strict=True):
            planned = (stratum.control_arm(), stratum.experimental_arm())
            arms = planned if margin is None else stratum.null_arms(margin, self.allocation)
            for i, arm in enumerate(arms):
                probs[i] += share * expected_events(arm, accrual, time) / float(accrual.patients(time))
        return probs[0], probs[1]

    def average_hazard_ratio(self, accrual: Accrual, time: float) -> AverageHazardRatio:
        """Average hazard ratio, events and information by a calendar time."""
        logs = information = 0.0
        control = experimental = 0.0
        q = self.experimental_share
        for share, stratum in zip(self.shares, self.strata, strict=True):
            arms = stratum.control_arm(), stratum.experimental_arm()
            edges = sorted({0.0, *stratum.hazard_ratio_starts, *stratum.control.breaks})
            ratio = TimesRatio(stratum.control, stratum.hazard_ratio, stratum.hazard_ratio_starts)
            for low, high in zip(edges, (*edges[1:], math.inf), strict=True):
                c = share * (1.0 - q) * expected_events(arms[0], accrual, time, (low, high))
                e = share * q * expected_events(arms[1], accrual, time, (low, high))
                logs += (c + e) * math.log(float(ratio.ratio(low)))
                information += c * e / (c + e) if c + e > 0.0 else 0.0
                control, experimental = control + c, experimental + e
        total = control + experimental
        average = math.exp(logs / total) if total > 0.0 else math.nan
        return AverageHazardRatio(time, Events(control, experimental), average, information, total * q * (1.0 - q))


def one_population(
    control: Hazard,
    hazard_ratio: float | tuple[float, ...],
    hazard_ratio_starts: tuple[float, ...] = (0.0,),
    *,
    allocation: float = 1.0,
    dropout: Hazard = NONE,
    dropout_experimental: Hazard | None = None,
    competing: Hazard = NONE,
    competing_experimental: Hazard | None = None,
) -> Population:
    """A population of one stratum."""
    stratum = Stratum(
        control=control,
        hazard_ratio=checks.numbers("hazard_ratio", hazard_ratio),
        hazard_ratio_starts=tuple(hazard_ratio_starts),
        dropout=dropout,
        dropout_experimental=dropout_experimental,
        competing=competing,
        competing_experimental=competing_experimental,
    )
    return Population((stratum,), allocation)


def check_direction(hazard_ratio: float, margin: float) -> None:
    """Refuse a planned effect that does not differ from the null hypothesis, or a margin on its wrong side."""
    if margin > 1.0 and hazard_ratio >= margin:
        raise InputError(
            f"margin: {exact(margin)} is on the wrong side of the planned hazard ratio {exact(hazard_ratio)}; a "
            "non-inferiority margin lies above it."
        )
    if margin < 1.0 and hazard_ratio >= margin:
        raise InputError(
            f"margin: {exact(margin)} is on the wrong side of the planned hazard ratio {exact(hazard_ratio)}; a margin "
            "below 1 asks for more than superiority, and the planned hazard ratio must lie below it."
        )
    if hazard_ratio == margin:
        raise InputError(f"hazard_ratio: {exact(hazard_ratio)} is that of the null hypothesis; no trial can show it.")
