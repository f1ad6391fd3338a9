"""Likelihood of published targets: binomial, with a between-study effect that is integrated out.

A row's share of patients with an event has the complementary log-log eta + b, where b ~ N(0, tau^2) is shared by a
study's rows of one family. Rows of the same patients whose events are nested have a joint likelihood: the outer event
is counted among patients without the inner one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.marginal import log_marginal
from lmssim.studies.calibration.rows import wholes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.rows import Row

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
"""Of the adaptive Gauss-Hermite quadrature over a between-study effect."""


@dataclass(frozen=True)
class Likelihood:
    """Log likelihood of some rows.

    Attributes
    ----------
    columns : ndarray(int, ndim=1)
        Rows of the problem that are part of it, (n,).
    events, size : ndarray(float, ndim=1)
        Patients with the event, and patients who could still have it, by row.
    inner : ndarray(int, ndim=1)
        Position of the row whose event it contains; -1 if none.
    effect : ndarray(int, ndim=1)
        Number of the between-study effect, by row.
    family : ndarray(int, ndim=1)
        Number of the family's tau, by row.
    error : ndarray(float, ndim=1)
        SD of the emulator, by row.
    """

    columns: np.ndarray[tuple[int], np.dtype[np.int64]]
    events: FloatArray
    size: FloatArray
    inner: np.ndarray[tuple[int], np.dtype[np.int64]]
    effect: np.ndarray[tuple[int], np.dtype[np.int64]]
    family: np.ndarray[tuple[int], np.dtype[np.int64]]
    error: FloatArray

    def __call__(self, eta: FloatArray, tau: FloatArray) -> FloatArray:
        """Log likelihood, (n,).

        Parameters
        ----------
        eta : ndarray(float, ndim=2)
            Complementary log-log of every row of the problem, (n, n_rows).
        tau : ndarray(float, ndim=2)
            Between-study SD, (n, n_families).
        """
        spread = np.sqrt(tau[:, self.family] ** 2 + self.error**2)
        starts = np.append(np.flatnonzero(np.diff(self.effect, prepend=-1)), len(self.effect))
        whole = np.empty(len(eta))
        log_marginal(
            np.ascontiguousarray(eta[:, self.columns]),
            spread,
            self.events,
            self.size,
            self.inner,
            starts,
            NODES,
            np.log(WEIGHTS),
            whole,
        )
        return whole


def likelihood_of(
    rows: Sequence[Row],
    columns: Sequence[int],
    families: Sequence[str],
    per_patient: FloatArray,
    error: FloatArray,
    share: FloatArray | None = None,
) -> Likelihood:
    """Likelihood of some rows of a problem.

    Parameters
    ----------
    rows : sequence of Row
        All rows.
    columns : sequence of int
        Those that are part of it.
    families : sequence of str
        Families in the order of their taus.
    per_patient : ndarray(float, ndim=1)
        Effective share of a patient's information after censoring, by row, (n_rows,).
    error : ndarray(float, ndim=1)
        SD of the emulator, (n_rows,).
    share : ndarray(float, ndim=1), optional
        Shares in place of those observed, (n_rows,).
    """
    observed = np.array([row.share for row in rows]) if share is None else share
    order = sorted(columns, key=lambda k: (rows[k].cohort_id, rows[k].family, rows[k].is_time))
    keys = [(rows[k].cohort_id, rows[k].family, rows[k].is_time) for k in order]
    position = {(rows[k].study, rows[k].target): i for i, k in enumerate(order)}
    by_name = {(row.study, row.target): row for row in rows}
    inner = np.full(len(order), -1)
    for i, k in enumerate(order):  # a row between two that are fitted may be a check
        around = [position[rows[k].study, t] for t in wholes(rows[k], by_name) if (rows[k].study, t) in position]
        if around:
            inner[around[0]] = i
    n = effective_sizes(rows, per_patient)[order]
    own = observed[order]
    contained = np.where(inner >= 0, own[inner], 0.0)
    return Likelihood(
        columns=np.array(order),
        events=n * np.maximum(own - contained, 0.0),
        size=n * (1.0 - contained),
        inner=inner,
        effect=np.array([sorted(set(keys)).index(key) for key in keys]),
        family=np.array([list(families).index(rows[k].family) for k in order]),
        error=error[order],
    )


def effective_sizes(rows: Sequence[Row], per_patient: FloatArray) -> FloatArray:
    """Effective number of patients of every row, (n_rows,).

    Parameters
    ----------
    per_patient : ndarray(float, ndim=1)
        Effective share of a patient's information after censoring, by row, (n_rows,).
    """
    return np.array([row.n * (1.0 if row.is_effective else k) for row, k in zip(rows, per_patient, strict=True)])
