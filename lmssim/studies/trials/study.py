"""Simulate a trial: as it is designed, over parameters that are uncertain, and under changes that it may meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import InputError
from lmssim.execution.backends import THREADS
from lmssim.execution.checkpoint import Checkpoint
from lmssim.studies.trials.design.objects import TrialDesign
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import AT, SimulatedTrials, collected, share_of
from lmssim.studies.trials.sources.model import ModelSource
from lmssim.studies.trials.value.study import DEFAULT_PATIENTS, TrialValue, benefit_work
from lmssim.studies.trials.variants import SLUGS, sensitivity, variants_of
from lmssim.studies.trials.work import TrialWork, work_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from matplotlib.axes import Axes

DEFAULT_TRIALS = 1_000
CHECKPOINT = "checkpoint"
CHECKPOINTS = tuple(f"{CHECKPOINT}-{name}" for name in ("planned", "assurance", "benefit", *SLUGS.values()))
"""Folders of parts that are kept until a study is done."""
MOST_OF_A_VARIANT = 1_000
"""Trials of a change of the design."""
FEWEST_DRAWS = 2


@dataclass(frozen=True)
class TrialStudy:
    """What was found of a trial.

    Attributes
    ----------
    design : TrialDesign
        What was simulated.
    planned : SimulatedTrials
        Trials of the design, at its parameters' base values.
    assured : SimulatedTrials, optional
        Trials each with parameters of its own draw.
    sensitivity : DataFrame, optional
        Power under changes of the design.
    value : TrialValue, optional
        What the trial is worth.
    """

    design: TrialDesign
    planned: SimulatedTrials
    assured: SimulatedTrials | None = None
    sensitivity: pd.DataFrame | None = None
    value: TrialValue | None = None

    @property
    def type_i_error(self) -> tuple[float, float]:
        """Share of trials under the null hypothesis that have success, and its standard error; NaN if not simulated."""
        if self.sensitivity is None:
            return float("nan"), float("nan")
        margin = self.design.margin != 1.0
        rows = self.sensitivity[self.sensitivity["change"] == ("at the margin" if margin else "no effect")]
        if rows.empty:
            return float("nan"), float("nan")
        row = rows.iloc[0]
        return float(row["power"]), float(row["se"])

    @property
    def assurance(self) -> pd.DataFrame:
        """One row a size: power at base values, power over the draws, and how probable it is that the effect is real.

        Columns n, power, power_se, assurance, assurance_se, benefit (share of draws in which the estimate of the last
        analysis favours the experimental arm), analytic (normal approximation over the spread of the draws).
        """
        if self.assured is None:
            return pd.DataFrame()
        rows = []
        for s, n in enumerate(self.assured.work.sizes):
            power, power_se = self.planned.power(self.planned.rules[0], n)
            assured, assured_se = self.assured.power(self.assured.rules[0], n)
            estimate = self.assured.looks[:, s, -1, AT["estimate"]]
            rows.append(
                {
                    "n": n,
                    "power": power,
                    "power_se": power_se,
                    "assurance": assured,
                    "assurance_se": assured_se,
                    "favourable": share_of((estimate < 0.0).astype(np.float64))[0],
                    "effect_mean": float(np.nanmean(np.where(np.isfinite(estimate), estimate, np.nan))),
                    "effect_sd": float(np.nanstd(np.where(np.isfinite(estimate), estimate, np.nan))),
                }
            )
        return pd.DataFrame(rows)

    def to_frame(self) -> pd.DataFrame:
        """Operating characteristics, one row a size and rule."""
        return self.planned.to_frame()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power by number of patients."""
        return self.planned.plot(ax)


def check_uncertain(work: TrialWork) -> None:
    """Refuse assurance where nothing is uncertain."""
    design = work.design
    if any(ratio.log_sd > 0.0 for arm in design.arms for ratio in arm.ratios):
        return
    if isinstance(work.source, ModelSource) and set(work.source.program.scenario.uncertain) & set(
        work.source.program.used
    ):
        return
    raise InputError(
        f"{design.path}: assurance: no parameter is uncertain; give a hazard ratio an interval, low and high."
    )


def run_study(
    work: TrialWork,
    folder: Path | None = None,
    *,
    assurance: bool = False,
    variants: bool = True,
    value_patients: int | None = None,
    resume: bool = True,
    progress: Callable[[int, int], None] | None = None,
    backend: str = THREADS,
    jobs: int = 1,
) -> TrialStudy:
    """Simulate trials of a design, and what goes with them.

    Parameters
    ----------
    work : TrialWork
        Trials at base values, from `work_of`.
    folder : Path, optional
        Where parts of the work are kept, in folders of `CHECKPOINTS`, until it is done.
    assurance : bool
        Whether to simulate as many trials over draws of the parameters.
    variants : bool
        Whether to try the changes of `lmssim.studies.trials.variants`.
    value_patients : int
        Patients of each draw whose costs and QALYs give the net benefit for the trial's value, which takes trials over
        draws of the parameters too; not computed if absent.
    progress : callable, optional
        Called with (trials and draws done, of all).
    """
    worth = None if value_patients is None else benefit_work(work, value_patients)
    assurance = assurance or worth is not None
    if assurance:
        check_uncertain(work)
    changes = variants_of(work, min(work.n_trials, MOST_OF_A_VARIANT)) if variants else []
    planned = {"planned": work} | ({"assurance": replace(work, drawn=True)} if assurance else {})
    total = sum(each.n_trials for each in planned.values()) + sum(
        v.work.n_trials for v in changes if v.work is not None
    )
    total += 0 if worth is None else worth.n_draws
    done = 0

    def kept(name: str, key: str) -> Checkpoint | None:
        return None if folder is None else Checkpoint(folder / f"{CHECKPOINT}-{name}", key, resume=resume)

    def counted() -> Callable[[int, int], None]:
        begun = done

        def told(n: int, _: int) -> None:
            nonlocal done
            done = begun + n
            if progress is not None:
                progress(done, total)

        return told

    def run(name: str, each: TrialWork) -> SimulatedTrials:
        parts = each.parts(kept(name, each.key()), counted(), backend=backend, jobs=jobs)
        return collected(each, parts)

    found = {name: run(name, each) for name, each in planned.items()}
    table = sensitivity(changes, run, found["planned"]) if variants else None
    study = TrialStudy(work.design, found["planned"], found.get("assurance"), table)
    if worth is None:
        return study
    benefit = worth.run(kept("benefit", worth.key()), counted(), backend=backend, jobs=jobs)
    return replace(study, value=TrialValue(found["assurance"], found["planned"], benefit))


def simulate_trials(
    design: TrialDesign | str | Path,
    *,
    n_trials: int = DEFAULT_TRIALS,
    n: tuple[int, ...] = (),
    seed: int = 1,
    assurance: bool = False,
    variants: bool = False,
    value: bool = False,
    value_patients: int = DEFAULT_PATIENTS,
    given: Mapping[str, Any] | None = None,
    jobs: int = 1,
    backend: str = THREADS,
    progress: Callable[[int, int], None] | None = None,
) -> TrialStudy:
    """Simulate trials on virtual patients.

    Parameters
    ----------
    design : TrialDesign, str or Path
        A bundled design by its name, or a file.
    n_trials : int
        Simulated trials.
    n : tuple of int
        Numbers of patients; the design's own if empty. The smaller trials are the first patients of the largest.
    assurance : bool
        Whether to simulate as many trials over draws of the uncertain parameters.
    variants : bool
        Whether to try slower accrual, more deaths, a late effect, crossover and no effect.
    value : bool
        Whether to value the trial, by its section [value]; it is simulated over draws then, too.
    value_patients : int
        Patients of each draw whose costs and QALYs give the net benefit.
    given : mapping, optional
        Values that take the place of the file's, by dotted keys such as `accrual.patients`.

    Returns
    -------
    TrialStudy

    Raises
    ------
    InputError
        If the design is wrong, or cannot be simulated.
    """
    loaded = design if isinstance(design, TrialDesign) else load_trial(design, given)
    work = work_of(loaded, n_trials, sizes=sizes_of(loaded, n, value=value), seed=seed)
    return run_study(
        work,
        assurance=assurance,
        variants=variants,
        value_patients=value_patients if value else None,
        progress=progress,
        backend=backend,
        jobs=jobs,
    )


def sizes_of(design: TrialDesign, asked: tuple[int, ...], *, value: bool) -> tuple[int, ...]:
    """Numbers of patients: those asked for, or of the value that is asked for, beside the design's own."""
    if not asked and value and design.value is not None:
        asked = design.value.sizes
    return (*asked, design.patients) if asked else ()


__all__ = ["CHECKPOINTS", "DEFAULT_TRIALS", "TrialStudy", "run_study", "simulate_trials", "sizes_of"]
