"""From lives to the data of a trial: entry, loss to follow-up, crossover and assessments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.trials import luck as numbers
from lmssim.studies.trials.sources.hazards import inverse
from lmssim.studies.trials.sources.lives import Lives
from lmssim.trials.tests.data import TrialData

if TYPE_CHECKING:
    from lmssim.kernels import CountArray, FloatArray
    from lmssim.studies.trials.design.objects import Assessment, Crossover, TrialDesign
    from lmssim.studies.trials.sources.lives import Cohort


def entry_times(design: TrialDesign, luck: FloatArray) -> FloatArray:
    """Calendar times of entry, (n_trials, n_patients): a Poisson process at the design's rates, or evenly spaced."""
    n_trials, n = luck.shape[:2]
    if design.random_entry:
        count = np.cumsum(-np.log(luck[:, :, numbers.ENTRY]), axis=1)
    else:
        count = np.broadcast_to(np.arange(1, n + 1) - 0.5, (n_trials, n))
    return np.ascontiguousarray(design.accrual.time_of(count))


def dropout_times(design: TrialDesign, luck: FloatArray) -> FloatArray | None:
    """Times since entry at which patients are lost to follow-up; None if nobody is."""
    if design.dropout is None:
        return None
    return inverse(design.dropout, -np.log(luck[:, :, numbers.DROPOUT]))


def crossed_over(design: TrialDesign, cohort: Cohort, luck: FloatArray) -> tuple[Lives, CountArray]:
    """Lives with those who cross over after their event, and who does, (n_trials, n_patients).

    Notes
    -----
    Who crosses over at his event has from then on the course that the other arm has after its own event, under the same
    random numbers. Who has no such event in the other arm's course keeps his own. With a `time_ratio` he keeps his own
    course, and all that comes after the event comes so many times later.
    """
    rule, own, other = design.crossover, cohort.own, cohort.other
    if rule is not None and rule.time_ratio is not None:
        return _stretched(rule, rule.time_ratio, cohort, luck)
    if rule is None or other is None:
        return own, np.zeros(cohort.arm.shape, np.int8)
    begin, theirs = own.time[rule.at], other.time[rule.at]
    moved = (
        (cohort.arm == rule.arm)
        & (luck[:, :, numbers.CROSSOVER] < rule.share)
        & (own.event[rule.at] == 1)
        & (other.event[rule.at] == 1)
        & (own.death > begin)
        & (other.death > theirs)
    )
    time, event = {}, {}
    for name, mine in own.time.items():
        later = moved & (mine > begin)
        time[name] = np.where(later, begin + np.maximum(other.time[name] - theirs, 0.0), mine)
        event[name] = np.where(later, other.event[name], own.event[name]).astype(np.int8)
    death = np.where(moved, begin + (other.death - theirs), own.death)
    return Lives(time, event, death), moved.astype(np.int8)


def _stretched(rule: Crossover, ratio: float, cohort: Cohort, luck: FloatArray) -> tuple[Lives, CountArray]:
    """Those who cross over live longer after their event."""
    own = cohort.own
    begin = own.time[rule.at]
    chosen = (cohort.arm == rule.arm) & (luck[:, :, numbers.CROSSOVER] < rule.share)
    moved = chosen & (own.event[rule.at] == 1) & (own.death > begin)

    def longer(time: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):  # infinite less infinite, where nobody is chosen
            found: FloatArray = np.where(moved & (time > begin), begin + ratio * (time - begin), time)
        return found

    return Lives({name: longer(t) for name, t in own.time.items()}, own.event, longer(own.death)), moved.astype(np.int8)


def assessed(lives: Lives, schedule: Assessment | None) -> Lives:
    """Events other than death are seen at the next assessment; who dies before it dies without having been seen."""
    if schedule is None:
        return lives
    time, event = {}, {}
    for name, t in lives.time.items():
        kind = lives.event[name]
        hidden = (kind != 0) & (t < lives.death)
        seen_at = next_assessment(schedule, np.where(hidden, t, 0.0))
        fatal = _fatal(lives, name)
        dies = hidden & (lives.death <= seen_at)
        time[name] = np.where(hidden, np.minimum(seen_at, lives.death), t)
        event[name] = np.where(dies, fatal, kind).astype(np.int8)
    return Lives(time, event, lives.death)


def _fatal(lives: Lives, name: str) -> int:
    """What a death is to an endpoint: 1 event, 2 competing event, 0 neither."""
    at_death = lives.time[name] == lives.death
    kinds = lives.event[name][at_death & np.isfinite(lives.death)]
    return int(kinds[0]) if kinds.size else 0


def next_assessment(schedule: Assessment, time: FloatArray) -> FloatArray:
    """First assessment at or after times since randomisation."""
    found = np.full_like(time, np.nan)
    start = 0.0
    ends = (*schedule.until, np.inf)
    for every, end in zip(schedule.every, ends, strict=True):
        here = np.isnan(found) & (time <= end)
        steps = np.ceil((time[here] - start) / every - 1e-9)
        found[here] = np.minimum(start + np.maximum(steps, 0.0) * every, end)
        start = end
    return found


def data_of(design: TrialDesign, cohort: Cohort, lives: Lives, entry: FloatArray, name: str, n: int) -> TrialData:
    """Data of an endpoint in the first `n` patients, followed to the end."""
    out = np.isnan(entry[:, :n])
    time = np.where(out, np.nan, lives.time[name][:, :n])
    event = np.where(out, 0, lives.event[name][:, :n]).astype(np.int8)
    arm, stratum = (np.ascontiguousarray(each[:, :n]) for each in (cohort.arm, cohort.stratum))
    n_strata = 1 << len(design.strata)
    return TrialData(time, event, arm, stratum, np.ascontiguousarray(entry[:, :n]), n_strata)
