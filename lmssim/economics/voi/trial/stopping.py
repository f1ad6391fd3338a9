"""When to stop a trial for the value of what it would yet tell: regression and backward induction.

At each look the trial may stop, and the best strategy is adopted; or it goes on, which costs the patients to be
recruited until the next look, and those outside who wait. From the last look back, two regressions on what is known at
the look make the choices: of what each strategy brings if it is adopted now, and of what going on brings beyond that.
The choices of later looks are those that were found before, and what a trial brings is what it really brought under
them, not its fitted value, so that errors of the fits do not add up over looks.

Choices for half of the draws come from fits to the other half, and the other way round. The value of a rule that was
found elsewhere is not too great, in expectation.

References
----------
Longstaff FA, Schwartz ES. Valuing American options by simulation: a simple least-squares approach. Rev Financ Stud
14:113-147, 2001. doi:10.1093/rfs/14.1.113
Chick S, Forster M, Pertile P. A Bayesian decision theoretic model of sequential experimentation with delayed response.
J R Stat Soc B 79:1439-1462, 2017. doi:10.1111/rssb.12225
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.ridge import best_fit, folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.basis import Basis, MaskArray
    from lmssim.economics.voi.trial.looks import Looks
    from lmssim.kernels import FloatArray, IntArray


class Policy(NamedTuple):
    """Choices of each simulated trial at each look."""

    stop: MaskArray
    """(n_draws, n_looks): whether to stop, had the trial come so far; at the last look always."""
    adopt: IntArray
    """(n_draws, n_looks): strategy of the greatest expected net benefit."""

    @property
    def look(self) -> IntArray:
        """Look at which each trial stops, (n_draws,)."""
        found: IntArray = self.stop.argmax(axis=1)
        return found

    @property
    def adopted(self) -> IntArray:
        """Strategy that each trial leads to, (n_draws,)."""
        found: IntArray = self.adopt[np.arange(len(self.adopt)), self.look]
        return found


def stopping_policy(looks: Looks, payoff: FloatArray, rows: IntArray) -> Policy:
    """Choices for each half of the draws by fits to the other half.

    Parameters
    ----------
    payoff : ndarray(float, ndim=3)
        (n_draws, n_looks, n_strategies), from `Stakes.payoff`.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row; a row's draws are all in one half.
    """
    half = folds_of(rows, 2) == 0
    states = [looks.state(k) for k in range(looks.n_looks)]
    one = _induction(states, payoff, rows, half)
    other = _induction(states, payoff, rows, ~half)
    mine = half[:, None]
    return Policy(np.where(mine, other.stop, one.stop), np.where(mine, other.adopt, one.adopt))


def policy_in_sample(looks: Looks, payoff: FloatArray, rows: IntArray) -> Policy:
    """Choices by fits to all draws, their own among them: their value is too great, and tells by how much at most."""
    return _induction([looks.state(k) for k in range(looks.n_looks)], payoff, rows, None)


def _induction(states: list[FloatArray], payoff: FloatArray, rows: IntArray, seen: MaskArray | None) -> Policy:
    """Choices from the last look back, of fits to the rows that are seen; to all, without hiding any, if none says."""
    n_draws, n_looks, _ = payoff.shape
    folds, draws = folds_of(rows), np.arange(n_draws)
    stop = np.ones((n_draws, n_looks), dtype=np.bool_)
    adopt = np.zeros((n_draws, n_looks), dtype=np.int64)
    later: FloatArray | None = None
    for k in reversed(range(n_looks)):
        every = bases(states[k])
        expected = _expected(every, _against_best(payoff[:, k]), folds, seen)
        adopt[:, k] = expected.argmax(axis=1)
        now = payoff[draws, k, adopt[:, k]]
        if later is not None:
            # what is expected now says most of what going on is worth: the rest of the state where it says more
            gained = _expected([*bases(expected), *every], (later - now)[:, None], folds, seen)
            stop[:, k] = gained[:, 0] <= 0.0
            now = np.where(stop[:, k], now, later)
        later = now
    return Policy(stop, adopt)


def _against_best(payoff: FloatArray) -> FloatArray:
    """What each strategy brings beyond the one that is the best on average: differences share less chance."""
    found: FloatArray = payoff - payoff[:, [int(payoff.mean(axis=0).argmax())]]
    return found


def _expected(terms: Sequence[Basis], outcomes: FloatArray, folds: IntArray, seen: MaskArray | None) -> FloatArray:
    """Expected outcomes given what is known, (n_draws, n_outcomes)."""
    fit = best_fit(terms, outcomes, np.ones(outcomes.shape[1]), folds, seen)
    return fit.fitted if seen is None else fit.unseen
