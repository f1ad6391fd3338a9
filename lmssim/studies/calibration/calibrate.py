"""Fit a scenario's free quantities to published targets, from design runs to the posterior and its checks."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.outcomes.estimators import Z975
from lmssim.published.readings import reading_text
from lmssim.studies.calibration.checks.diagnostics import chain_of, table_of_free, trace_of, verdict
from lmssim.studies.calibration.checks.leave_out import leave_out
from lmssim.studies.calibration.checks.pairs import conflicting_pairs
from lmssim.studies.calibration.checks.predictive import predict_target
from lmssim.studies.calibration.density import Density, dispersed, standardised_given
from lmssim.studies.calibration.design import posterior_points, prior_points, rows_of_points, run_design
from lmssim.studies.calibration.emulator import Emulator, error_beside, fit_emulator, least_points
from lmssim.studies.calibration.posterior import parameter_table
from lmssim.studies.calibration.problem import N_ROWS, Problem, given_of, load_problem
from lmssim.studies.calibration.result import Calibration
from lmssim.studies.calibration.sampler import Chains, sample
from lmssim.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.published.predict import Predicted
    from lmssim.studies.calibration.rows import Row

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, in all)."""
WIDER = 1.8
"""Second design: so many times wider than the first posterior."""
REFERENCE = (16, 4_000)
"""Draws and patients of the run that estimates how much information censoring removes from each target."""
FIRST_STEPS = 600
CHECKPOINT = "checkpoint"
"""Folder of what is done so far, beside the results."""
CONFLICT = 1.0
"""A given parameter that the targets would move by more prior SD than this is in conflict with them."""


MOST = {"design": 100_000, "patients": 10_000_000, "walkers": 10_000, "ensembles": 64, "steps": 1_000_000, "degree": 12}
"""Greatest settings of a calibration."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Size of a calibration. All of it is part of the result's identity."""

    design: tuple[int, int] = (1_024, 1_536)
    """Design points over the prior, and about the first posterior."""
    patients: tuple[int, int] = (1_000, 2_000)
    """Patients of each design point and population."""
    degree: int = 3
    """Degree of the emulator in the free quantities."""
    ensembles: int = 4
    """Separate ensembles."""
    walkers: int = 1_000
    """Walkers of each; together they hold each row of the given parameters once."""
    steps: int = 4_000
    """Steps of each ensemble."""
    burn_in: int = 1_000
    """Of these, not used."""
    thin: int = 10
    """Steps between saved ones."""
    checks: tuple[int, int] = (24, 20_000)
    """Posterior rows at which the emulator is checked, and patients of each."""
    predictive: tuple[int, int] = (400, 1_500)
    """Posterior rows at which targets are predicted, and patients of each."""
    leave_out: tuple[int, int] = (150, 1_500)
    """The same for each cohort left out; (0, 0) for none."""
    seed: int = 1
    """Key of all random numbers."""

    def validate(self) -> None:
        """Refuse impossible values.

        Raises
        ------
        InputError
            With the setting, its value and what is allowed.
        """
        for name, most in MOST.items():
            value = getattr(self, name)
            if max(value if isinstance(value, tuple) else (value,)) > most:
                raise InputError(f"{name}: {value} is too many; at most {most:,} are allowed.")
        if not 0 <= self.burn_in < self.steps:
            raise InputError(f"burn-in: {self.burn_in} is not below the {self.steps} steps.")
        if self.ensembles < 2 or self.walkers < 20:
            raise InputError(f"walkers: {self.ensembles} ensembles of {self.walkers}; at least 2 of 20 are needed.")
        if min(*self.design, *self.patients) < 1:
            raise InputError(f"design: {self.design} points of {self.patients} patients; at least 1 is needed.")
        if not 0 < self.thin <= self.steps:
            raise InputError(f"thin: {self.thin} is not between 1 and the {self.steps} steps.")
        if self.degree < 1:
            raise InputError(f"degree: {self.degree} is below 1.")
        for name, size in (("checks", self.checks), ("predictive", self.predictive), ("leave-out", self.leave_out)):
            if min(size) < 1 and not (name == "leave-out" and size[0] == 0):
                raise InputError(f"{name}: {size}; at least 1 row and 1 patient are needed.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed: {self.seed} is not between 0 and 2^63 - 1.")


def calibrate(
    name: str | Path,
    settings: Settings | None = None,
    folder: Path | None = None,
    resume: bool = True,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Calibration:
    """Fit a calibration.

    Parameters
    ----------
    name : str or Path
        Bundled name or path of a calibration file.
    folder : Path, optional
        Folder for checkpoints; steps that it holds for the same inputs are not done again.
    resume : bool
        Whether to continue from a checkpoint.
    jobs : int
        Worker threads.
    progress : callable, optional
        Called with (phase, done, in all).

    Raises
    ------
    InputError
        If the calibration cannot be read, a setting is impossible, or a fitted target has no patients in the model.
    """
    settings = settings or Settings()
    settings.validate()
    problem = load_problem(name)
    checkpoint = None
    if folder is not None:
        checkpoint = Checkpoint(folder / CHECKPOINT, fingerprint(problem, settings), resume=resume)
    return _Run(problem, settings, checkpoint, jobs, progress or _silent).calibration()


def _silent(_phase: str, _done: int, _total: int) -> None:
    pass


def fingerprint(problem: Problem, settings: Settings) -> str:
    """Hash of all that determines a calibration."""
    inputs = [hashed for _, hashed in sorted(problem.scenario.inputs.items())]
    given = hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in problem.given.values())).hexdigest()
    sizes = [(row.study, row.target, row.n, row.is_effective) for row in problem.rows]  # of the table of targets
    document = [__version__, asdict(settings), problem.file.model_dump(mode="json"), inputs, given, sizes]
    text = json.dumps(document, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class _Run:
    """One calibration, phase by phase."""

    def __init__(
        self, problem: Problem, settings: Settings, checkpoint: Checkpoint | None, jobs: int, progress: Progress
    ) -> None:
        self.problem, self.settings, self.checkpoint = problem, settings, checkpoint
        self.jobs, self.progress = jobs, progress
        self.began, self.evaluations = time.monotonic(), 0

    def calibration(self) -> Calibration:
        """Every phase."""
        per_patient = self._reference()
        density = self._density(per_patient)
        mode = density.mode()
        chains = self._sample(density, mode)
        free = table_of_free(self.problem, chains, self.settings.burn_in, mode)
        z, rows = chains.last()
        fit, pairs = self._fit(z, rows)
        emulator = self._check(density.emulator, z, rows)
        left_out = self._left_out(density, chains)
        posterior = self._posterior(z, rows)
        return Calibration(
            name=self.problem.name,
            label=self.problem.file.label,
            chain=chain_of(self.problem, chains, self.settings.burn_in),
            trace=trace_of(self.problem, chains, self.settings.burn_in),
            posterior=posterior,
            free=free,
            parameters=parameter_table(self.problem, z.mean(axis=0), posterior),
            fit=fit,
            pairs=pairs,
            shifts=self._shifts(density),
            left_out=left_out,
            emulator=emulator,
            diagnostics=self._diagnostics(free, chains, emulator),
        )

    # --- The emulator ---

    def _design(
        self,
        phase: str,
        z: FloatArray,
        n_patients: int,
        first: int,
        rows: FloatArray | None = None,
        every_row: bool = False,
    ) -> Predicted:
        self.evaluations += len(z)
        return run_design(
            self.problem,
            z,
            n_patients,
            self.settings.seed,
            first,
            self.jobs,
            self.checkpoint,
            lambda done, total: self.progress(phase, done, total),
            rows,
            every_row,
        )

    def _reference(self) -> FloatArray:
        """Effective share of a patient's information after censoring, by row, at the priors' centres."""
        draws, patients = REFERENCE
        found = self._design("censoring", np.zeros((draws, len(self.problem.free))), patients, 10_000_000)
        known = np.isfinite(found.per_patient)
        total = np.where(known, found.per_patient, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), 1.0)

    def _density(self, per_patient: FloatArray) -> Density:
        """Density over an emulator that was fitted around a first posterior."""
        s, n_free = self.settings, len(self.problem.free)
        columns = self.problem.fitted()
        least = least_points(n_free, standardised_given(self.problem).shape[1], s.degree)
        if min(s.design) < least:
            raise InputError(
                f"design: {min(s.design)} points are too few for this calibration's emulator: {least} or more."
            )
        z = prior_points(s.design[0], n_free, s.seed)
        first = self._emulator("design over the prior", z, s.patients[0], 0)
        rough = Density(self.problem, first, per_patient, columns)
        start, rows = dispersed(rough, rough.mode(), 1, s.walkers, s.seed)
        found = sample(rough, start, rows, FIRST_STEPS, s.thin, s.seed + 1)
        kept = found.after(FIRST_STEPS // 2)[..., :n_free].reshape(-1, n_free)
        about = posterior_points(kept, s.design[1], WIDER, s.seed)
        second = self._emulator("design about the posterior", about, s.patients[1], 1_000_000)
        return Density(self.problem, second, per_patient, columns)

    def _emulator(self, phase: str, z: FloatArray, n_patients: int, first: int) -> Emulator:
        found = self._design(phase, z, n_patients, first)
        given = standardised_given(self.problem)[rows_of_points(len(z)).astype(np.int64)]
        return fit_emulator(z, given, found.share, found.information, self.settings.degree)

    def _check(self, emulator: Emulator, z: FloatArray, rows: np.ndarray) -> pd.DataFrame:
        """Emulator against the model at rows of the posterior."""
        n, patients = self.settings.checks
        chosen = np.linspace(0, len(z) - 1, n).astype(np.int64)
        z, rows = z[chosen, : len(self.problem.free)], rows[chosen]
        found = self._design("checking the emulator", z, patients, 20_000_000, rows.astype(np.float64))
        eta = emulator.predict(z, standardised_given(self.problem)[rows])
        rmse, known = error_beside(eta, found.share, found.information), np.isfinite(found.share)
        table = pd.DataFrame(
            {
                "target_id": [row.target for row in self.problem.rows],
                "sd": emulator.sd,
                "check_rmse": rmse,
                "check_n": known.sum(axis=0),
            }
        )
        return table.iloc[np.flatnonzero(known.any(axis=0))]

    # --- The posterior ---

    def _sample(self, density: Density, mode: FloatArray) -> Chains:
        s = self.settings
        start, rows = dispersed(density, mode, s.ensembles, s.walkers, s.seed)
        return sample(
            density,
            start,
            rows,
            s.steps,
            s.thin,
            s.seed + 2,
            self.checkpoint,
            lambda done, total: self.progress("sampling", done, total),
            self.jobs,
        )

    def _posterior(self, z: FloatArray, rows: np.ndarray) -> pd.DataFrame:
        """A row for each row of the given parameters: free quantities, taus, model parameters, given parameters."""
        n_free, row = len(self.problem.free), rows.astype(np.float64)
        columns: dict[str, Any] = {"draw": np.arange(len(z))}
        columns |= self.problem.values(z)
        columns |= {tau.name: tau.at(z[:, n_free + k]) for k, tau in enumerate(self.problem.tau)}
        columns |= self.problem.parameters(z, row) | given_of(self.problem, row)
        return pd.DataFrame(columns)

    # --- What it predicts ---

    def _fit(self, z: FloatArray, rows: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Every target beside its prediction for a study of its size; pairs that cannot both hold in one setting."""
        n, patients = self.settings.predictive
        chosen = np.arange(len(z)) if n >= len(z) else np.linspace(0, len(z) - 1, n).astype(np.int64)
        n_free = len(self.problem.free)
        found = self._design(
            "predicting", z[chosen, :n_free], patients, 30_000_000, rows[chosen].astype(np.float64), every_row=True
        )
        taus = {tau.family: tau.at(z[chosen, n_free + k]) for k, tau in enumerate(self.problem.tau)}
        table = []
        for k, row in enumerate(self.problem.rows):
            tau = taus.get(row.family, np.zeros(len(chosen)))
            prediction = predict_target(row, k, found, tau, self.settings.seed)
            published_n = float(row.n) if row.n else np.nan
            table.append(
                {
                    "target_id": row.target,
                    "label": row.reading.label,
                    "study": row.study,
                    "cohort_id": row.cohort_id,
                    "family": row.family,
                    "role": row.role,
                    "held_out": row.held_out,
                    "statistic": row.reading.statistic,
                    "n": published_n,
                    "observed": np.nan if row.reading.observed is None else row.reading.observed,
                    **asdict(prediction),
                    **_own_interval(row, found.spread[:, k]),
                    "reading": reading_text(self.problem.scenario.file.series[row.series], row.reading),
                    "reason": row.reason,
                }
            )
        return pd.DataFrame(table), conflicting_pairs(self.problem, found)

    def _shifts(self, density: Density) -> pd.DataFrame:
        given, shift = self.problem.given, density.shifts() if self.problem.given_ids else np.zeros(0)
        return pd.DataFrame(
            {
                "id": self.problem.given_ids,
                "prior_mean": [x.mean() for x in given.values()],
                "prior_sd": [x.std() for x in given.values()],
                "shift": shift,
                "conflict": np.abs(shift) > CONFLICT,
            }
        )

    def _left_out(self, density: Density, chains: Chains) -> pd.DataFrame:
        n, patients = self.settings.leave_out
        return leave_out(
            density,
            chains,
            n,
            patients,
            self.settings.seed,
            self.jobs,
            lambda done, total: self.progress("leaving out one cohort at a time", done, total),
        )

    def _diagnostics(self, free: pd.DataFrame, chains: Chains, emulator: pd.DataFrame) -> dict[str, Any]:
        s = self.settings
        converged, reasons = verdict(free, s.steps - s.burn_in, emulator)
        return {
            "converged": converged,
            "reasons": reasons,
            "n_ensembles": s.ensembles,
            "n_walkers": s.walkers,
            "n_steps": s.steps,
            "burn_in": s.burn_in,
            "acceptance": [float(a) for a in chains.acceptance],
            "max_r_hat": float(free.r_hat.max()),
            "min_ess": float(free[["ess_bulk", "ess_tail"]].min().min()),
            "seconds": time.monotonic() - self.began,
            "evaluations": self.evaluations,
            "settings": asdict(s),
            "fingerprint": fingerprint(self.problem, s),
            "rows": N_ROWS,
            "inputs": self.problem.inputs(),
        }


def _own_interval(row: Row, spread: FloatArray) -> dict[str, float]:
    """95% sampling interval of an observed time, with the SD that the model gives a study of its size."""
    known = spread[np.isfinite(spread)]
    observed = row.reading.observed
    if observed is None or not len(known) or not observed > 0.0:
        return {"observed_low": np.nan, "observed_high": np.nan}
    width = Z975 * float(np.median(known))
    return {"observed_low": observed * np.exp(-width), "observed_high": observed * np.exp(width)}
