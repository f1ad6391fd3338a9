"""A regression that stands in for the model while the posterior is sampled.

Each row's share of patients with an event is a binomial regression with the complementary log-log link on polynomials
of the free quantities and of the given parameters: on this scale the share of a Weibull time is linear in the log of
its scale. Design points meet patients of their own, so their Monte-Carlo errors average out; what the polynomials do
not follow is estimated beside that noise, and is added in the likelihood.

References
----------
McCullagh P, Nelder JA. Generalized Linear Models. 2nd ed. Chapman and Hall, 1989.
Kennedy MC, O'Hagan A. Bayesian calibration of computer models. J R Stat Soc B 63:425-464, 2001.
doi:10.1111/1467-9868.00294
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

ETA_RANGE = (-14.0, 4.0)
"""Range of the complementary log-log: shares between one in a million and all but certain."""
MOST = 1.0 - 1e-16
"""Largest share whose logarithm of what is left is finite."""
RIDGE = 1e-3
"""Penalty on the coefficients of standardised inputs, in units of one patient's information."""
ITERATIONS, HALVINGS, ROUNDS = 40, 12, 3
"""Steps of a regression, halvings of a step, and estimates of the lack of fit."""
TOLERANCE = 1e-9


def share_of_eta(eta: FloatArray) -> FloatArray:
    """Share whose complementary log-log is `eta`."""
    share: FloatArray = -np.expm1(-np.exp(np.clip(eta, *ETA_RANGE)))
    return share


def eta_of_share(share: FloatArray) -> FloatArray:
    """Complementary log-log of a share strictly between 0 and 1."""
    eta: FloatArray = np.log(-np.log1p(-share))
    return eta


def monomials(n: int, degree: int) -> list[tuple[int, ...]]:
    """Products of up to `degree` of n inputs, as their numbers; the empty product first."""
    return [each for size in range(degree + 1) for each in itertools.combinations_with_replacement(range(n), size)]


@dataclass(frozen=True)
class Emulator:
    """Polynomials of the complementary log-log of every row's share.

    Attributes
    ----------
    degree : int
        Degree in the free quantities' z.
    beta : ndarray(float, ndim=2)
        Coefficients, (n_features, n_rows).
    sd : ndarray(float, ndim=1)
        SD of what the polynomials do not follow, on the complementary log-log scale, (n_rows,).
    n_free, n_given : int
        Inputs.
    """

    degree: int
    beta: FloatArray
    sd: FloatArray
    n_free: int
    n_given: int

    def predict(self, z: FloatArray, given: FloatArray) -> FloatArray:
        """Complementary log-log of shares, (n, n_rows), at z (n, n_free) and standardised given parameters."""
        eta: FloatArray = features(z, given, self.degree) @ self.beta
        return eta

    def at_rows(self, given: FloatArray) -> RowEmulator:
        """The emulator with the given parameters of some rows, (n_rows_given, n_given) standardised, put in."""
        n_z = len(monomials(self.n_free, self.degree))
        own, rest = self.beta[:n_z], self.beta[n_z:]
        linear, square, crossed = np.split(rest, [self.n_given, 2 * self.n_given])
        crossed = crossed.reshape(self.n_free, self.n_given, self.beta.shape[1])
        constant = given @ linear + given**2 @ square
        slope = np.einsum("km,dmr->kdr", given, crossed)
        return RowEmulator(self.degree, own, constant, np.ascontiguousarray(slope))


@dataclass(frozen=True)
class RowEmulator:
    """An emulator at rows of given parameters.

    Attributes
    ----------
    own : ndarray(float, ndim=2)
        Coefficients of the free quantities' monomials, (n_monomials, n_rows).
    constant : ndarray(float, ndim=2)
        (n_given_rows, n_rows).
    slope : ndarray(float, ndim=3)
        (n_given_rows, n_free, n_rows).
    """

    degree: int
    own: FloatArray
    constant: FloatArray
    slope: FloatArray

    def predict(self, z: FloatArray, row: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
        """Complementary log-log of shares at z, (n, n_free), and rows, (n,)."""
        eta: FloatArray = (
            powers(z, self.degree) @ self.own + self.constant[row] + np.einsum("nd,ndr->nr", z, self.slope[row])
        )
        return eta


def powers(z: FloatArray, degree: int) -> FloatArray:
    """Monomials of z, (n, n_monomials)."""
    columns: list[FloatArray] = []
    known: dict[tuple[int, ...], FloatArray] = {}
    for each in monomials(z.shape[1], degree):
        column = known[each[:-1]] * z[:, each[-1]] if each else np.ones(z.shape[0])
        known[each] = column
        columns.append(column)
    return np.stack(columns, axis=1)


def features(z: FloatArray, given: FloatArray, degree: int) -> FloatArray:
    """Monomials of z; given parameters, their squares, and their products with z: (n, n_features).

    Parameters
    ----------
    z, given : ndarray(float, ndim=2)
        (n, n_free) and (n, n_given), standardised.
    degree : int
        Degree in z.
    """
    crossed = (z[:, :, None] * given[:, None, :]).reshape(len(z), -1)
    return np.concatenate([powers(z, degree), given, given**2, crossed], axis=1)


def least_points(n_free: int, n_given: int, degree: int) -> int:
    """Fewest points at which a target's share must be known for its polynomial to be fitted."""
    n_features: int = features(np.zeros((1, n_free)), np.zeros((1, n_given)), degree).shape[1]
    return n_features // 2 + 1


def fit_emulator(
    z: FloatArray, given: FloatArray, share: FloatArray, information: FloatArray, degree: int = 3
) -> Emulator:
    """Fit polynomials to shares at design points.

    Parameters
    ----------
    z, given : ndarray(float, ndim=2)
        Design points, (n_points, n_free) and (n_points, n_given).
    share, information : ndarray(float, ndim=2)
        Shares, (n_points, n_rows), and the effective number of patients behind each; NaN where a row has none.
    degree : int
        Degree in z.
    """
    x = features(z, given, degree)
    beta, sd = np.zeros((x.shape[1], share.shape[1])), np.zeros(share.shape[1])
    with threadpool_limits(limits=1):  # bits do not depend on the machine's threads
        for k in range(share.shape[1]):
            known = np.isfinite(share[:, k]) & (information[:, k] > 0.0)
            if known.sum() >= least_points(z.shape[1], given.shape[1], degree):
                beta[:, k], sd[k] = _regress(x[known], share[known, k], information[known, k])
            else:
                sd[k] = np.nan
    return Emulator(degree, beta, sd, z.shape[1], given.shape[1])


def error_beside(eta: FloatArray, share: FloatArray, information: FloatArray) -> FloatArray:
    """Root mean square error of emulated complementary log-logs beside model runs, their noise taken off, (n_rows,).

    Runs are weighted by their information, as a share of few events says little about its logarithm; NaN without any.

    Parameters
    ----------
    eta : ndarray(float, ndim=2)
        Emulated, (n_runs, n_rows).
    share, information : ndarray(float, ndim=2)
        Shares of the runs, and the effective number of patients behind each.
    """
    p = share_of_eta(eta)
    slope = np.maximum(-(1.0 - p) * np.log1p(-np.minimum(p, MOST)), 1e-9)
    noise = p * (1.0 - p) / np.maximum(information, 1.0) / slope**2
    known = np.isfinite(share) & np.isfinite(noise) & (noise > 0.0)
    weight = np.where(known, 1.0 / np.where(known, noise, 1.0), 0.0)
    excess = np.where(known, ((p - share) / slope) ** 2 - noise, 0.0)
    total = weight.sum(axis=0)
    mean = (excess * weight).sum(axis=0) / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, np.sqrt(np.maximum(mean, 0.0)), np.nan)


def _regress(x: FloatArray, share: FloatArray, size: FloatArray) -> tuple[FloatArray, float]:
    """Coefficients, and the SD of the lack of fit, which is beside the Monte-Carlo noise in the weights."""
    beta, lack = _start(x, share, size), 0.0
    for _ in range(ROUNDS):
        beta = _highest(x, share, size, beta, lack)
        lack = _lack_of_fit(x @ beta, share, size, x.shape[1])
    return beta, lack


def _highest(x: FloatArray, share: FloatArray, size: FloatArray, beta: FloatArray, lack: float) -> FloatArray:
    """Coefficients of the highest quasi-likelihood: reweighted least squares, each step halved until it gains."""
    for _ in range(ITERATIONS):
        eta = _within(x @ beta)
        p, slope = share_of_eta(eta), _slope(eta)
        weight = 1.0 / (p * (1.0 - p) / size / slope**2 + lack**2)
        patients = weight * p * (1.0 - p) / slope**2
        ridge = RIDGE * float(weight.mean())
        step = _ridge(x, eta + (share - p) / slope, weight, ridge) - beta
        now = _quasi_likelihood(x, share, patients, ridge, beta)
        for moved in (beta + 0.5**k * step for k in range(HALVINGS)):
            gain = _quasi_likelihood(x, share, patients, ridge, moved) - now
            if gain > 0.0:
                break
        else:
            return beta
        beta = moved
        if gain < TOLERANCE * abs(now):
            break
    return beta


def _quasi_likelihood(x: FloatArray, share: FloatArray, patients: FloatArray, ridge: float, beta: FloatArray) -> float:
    """Log likelihood of shares of so many patients, less the penalty."""
    hazard = np.exp(_within(x @ beta))
    each = patients * (share * np.log(-np.expm1(-hazard)) - (1.0 - share) * hazard)
    return float(each.sum() - 0.5 * ridge * (beta[1:] ** 2).sum())


def _within(eta: FloatArray) -> FloatArray:
    """Complementary log-logs between which a share can be told from none and from all."""
    clipped: FloatArray = np.clip(eta, -12.0, 3.0)
    return clipped


def _start(x: FloatArray, share: FloatArray, size: FloatArray) -> FloatArray:
    """Coefficients of the shares' own complementary log-logs: from a constant, shares near 1 would overshoot."""
    between = (share * size + 0.5) / (size + 1.0)
    eta = eta_of_share(between)
    weight = size * _slope(eta) ** 2 / (between * (1.0 - between))
    return _ridge(x, eta, weight, RIDGE * float(weight.mean()))


def _slope(eta: FloatArray) -> FloatArray:
    """Derivative of the share by its complementary log-log."""
    slope: FloatArray = np.exp(eta - np.exp(eta))
    return np.maximum(slope, 1e-9)


def _ridge(x: FloatArray, y: FloatArray, weight: FloatArray, ridge: float) -> FloatArray:
    scaled = x * weight[:, None]
    gram = scaled.T @ x
    penalty = np.full(x.shape[1], ridge)
    penalty[0] = 0.0
    gram += np.diag(penalty) + 1e-12 * np.eye(len(gram))
    return np.asarray(np.linalg.solve(gram, scaled.T @ y), dtype=np.float64)


def _lack_of_fit(eta: FloatArray, share: FloatArray, size: FloatArray, n_features: int) -> float:
    """SD on the complementary log-log scale beyond the Monte-Carlo noise, by moments."""
    eta = _within(eta)
    p, slope = share_of_eta(eta), _slope(eta)
    variance = p * (1.0 - p) / size
    weight = slope**2 / variance
    used = max(len(share) - n_features, 1) / len(share)
    excess = (((share - p) ** 2 / used - variance) / variance).sum() / weight.sum()
    return float(np.sqrt(max(excess, 0.0)))
