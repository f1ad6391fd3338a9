"""Posterior sampling: separate ensembles of emcee, each walker holding one row of the given parameters.

Given parameters are not fitted: draw k of the free quantities is sampled given row k. So a walker carries the number of
its row as a coordinate that no move changes, and the others move by differential evolution.

References
----------
Foreman-Mackey D et al. emcee: the MCMC hammer. PASP 125:306-312, 2013. doi:10.1086/670067
ter Braak CJF. A Markov chain Monte Carlo version of the genetic algorithm differential evolution. Stat Comput
16:239-249, 2006. doi:10.1007/s11222-006-8769-1
Plummer M. Cuts in Bayesian graphical models. Stat Comput 25:37-43, 2015. doi:10.1007/s11222-014-9503-z
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import emcee
import numpy as np
from emcee.moves.red_blue import RedBlueMove

from lmssim.execution.backends import run_tasks
from lmssim.execution.checkpoint import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.kernels import FloatArray

SEGMENT = 100
"""Steps between checkpoints."""
JUMP = 0.1
"""Share of proposals that step by the whole difference of two walkers."""
LEAST_SCALE = 0.25
"""Least factor on the usual scale of a difference: walkers of other rows lie farther apart than one row's posterior."""
JITTER = 1e-4


class HeldRowMove(RedBlueMove):  # type: ignore[misc]
    """Differential evolution of all coordinates but the last, the number of the walker's row.

    A proposal adds the scaled difference of two walkers of the other half to the walker: it is symmetric whatever the
    rows of those two, so each walker keeps the conditional posterior of its own row.
    """

    def get_proposal(
        self, sample: FloatArray, complement: list[FloatArray], random: Any
    ) -> tuple[FloatArray, FloatArray]:
        """Proposals and the logarithms of their factors (0: symmetric)."""
        others = np.concatenate(complement, axis=0)
        n, n_free = len(sample), sample.shape[1] - 1
        first = random.randint(len(others), size=n)
        second = (first + random.randint(1, len(others), size=n)) % len(others)
        scale = 2.38 / np.sqrt(2.0 * n_free) * LEAST_SCALE ** random.rand(n)
        gamma = np.where(random.rand(n) < JUMP, 1.0, scale)
        proposal = sample.copy()
        proposal[:, :-1] += gamma[:, None] * (others[first, :-1] - others[second, :-1])
        proposal[:, :-1] += JITTER * random.randn(n, n_free)
        return proposal, np.zeros(n)


@dataclass(frozen=True)
class Chains:
    """Walkers of every ensemble.

    Attributes
    ----------
    z : ndarray(float, ndim=4)
        (n_ensembles, n_saved_steps, n_walkers, n_free): every `thin`-th step, from the first.
    rows : ndarray(int, ndim=2)
        Row of the given parameters that each walker holds, (n_ensembles, n_walkers).
    acceptance : ndarray(float, ndim=1)
        Share of proposals accepted, by ensemble.
    thin : int
        Steps between saved ones.
    """

    z: FloatArray
    rows: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    acceptance: FloatArray
    thin: int

    def after(self, burn_in: int) -> FloatArray:
        """Saved steps after a number of steps."""
        return self.z[:, burn_in // self.thin :]

    def last(self) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.int64]]]:
        """Last state of every walker, in the order of rows, and these rows."""
        rows = self.rows.reshape(-1)
        order = np.argsort(rows, kind="stable")
        return self.z[:, -1].reshape(len(rows), -1)[order], rows[order]


def sample(
    log_density: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    rows: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    steps: int,
    thin: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
) -> Chains:
    """Run every ensemble, a segment of each in turn: the same chains however they are cut.

    Parameters
    ----------
    log_density : callable
        Log density of coordinates (n, n_free + 1), the last of them the number of the row.
    start : ndarray(float, ndim=3)
        (n_ensembles, n_walkers, n_free).
    rows : ndarray(int, ndim=2)
        (n_ensembles, n_walkers).
    steps, thin : int
        Steps, and of these each which is saved.
    seed : int
        Ensemble e draws from its own stream of this seed.
    checkpoint : Checkpoint, optional
        Where each ensemble is kept every `SEGMENT` steps; one that is there is taken up.
    progress : callable, optional
        Called with (steps done, steps in all) of all ensembles.
    jobs : int
        Worker threads, an ensemble each.
    """
    ensembles = [_begin(np.column_stack([start[e], rows[e]]), seed, e, checkpoint) for e in range(len(start))]
    while unfinished := [e for e, ensemble in enumerate(ensembles) if ensemble.done < steps]:
        tasks = [(ensembles[e].state, min(SEGMENT, steps - ensembles[e].done)) for e in unfinished]
        for e, advanced in zip(unfinished, run_tasks(_advance, log_density, tasks, jobs=jobs), strict=True):
            ensembles[e] = ensembles[e].after(*advanced, thin)
            if checkpoint is not None:
                checkpoint.put(_name(e), ensembles[e].part())
            if progress is not None:
                progress(sum(ensemble.done for ensemble in ensembles), len(ensembles) * steps)
    acceptance = np.array([ensemble.accepted / max(ensemble.done, 1) for ensemble in ensembles])
    return Chains(np.array([ensemble.saved() for ensemble in ensembles]), rows, acceptance, thin)


def _advance(
    log_density: Callable[[FloatArray], FloatArray], task: tuple[emcee.State, int]
) -> tuple[emcee.State, FloatArray, float]:
    """An ensemble some steps further: its state, these steps (n_steps, n_walkers, n_free), share accepted."""
    state, steps = task
    n_walkers, n_coordinates = state.coords.shape
    sampler = emcee.EnsembleSampler(n_walkers, n_coordinates, log_density, moves=HeldRowMove(), vectorize=True)
    sampler.log_prob_fn = log_density  # emcee's own wrapper prints a traceback of whatever passes through it
    with np.errstate(invalid="ignore"):  # between two places that are impossible no step is taken
        state = sampler.run_mcmc(state, steps, skip_initial_state_check=True)
    return state, sampler.get_chain()[:, :, :-1], float(sampler.acceptance_fraction.mean())


@dataclass(frozen=True)
class _Ensemble:
    """One ensemble after some steps: its state, those saved of each segment, and how many were accepted."""

    state: emcee.State
    done: int = 0
    accepted: float = 0.0
    parts: tuple[FloatArray, ...] = ()

    def after(self, state: emcee.State, chain: FloatArray, accepted: float, thin: int) -> _Ensemble:
        """The ensemble after a segment, of which every `thin`-th step of the whole is saved."""
        kept = chain[-self.done % thin :: thin].copy()
        return _Ensemble(state, self.done + len(chain), self.accepted + accepted * len(chain), (*self.parts, kept))

    def saved(self) -> FloatArray:
        """Saved steps, the last state at their end."""
        z: FloatArray = np.concatenate([*self.parts, self.state.coords[None, :, :-1]])
        return z

    def part(self) -> Part:
        """What a checkpoint keeps."""
        kind, keys, position, has_gauss, cached = self.state.random_state
        arrays = {
            "coords": self.state.coords,
            "log_prob": self.state.log_prob,
            "keys": keys,
            "saved": np.concatenate(self.parts),
        }
        random = [kind, int(position), int(has_gauss), float(cached)]
        return Part(arrays, {"random": random, "done": self.done, "accepted": self.accepted})


def _name(ensemble: int) -> str:
    return f"ensemble_{ensemble}"


def _begin(start: FloatArray, seed: int, ensemble: int, checkpoint: Checkpoint | None) -> _Ensemble:
    """An ensemble as it was left, or at its start."""
    held = None if checkpoint is None else checkpoint.get(_name(ensemble))
    if held is not None:
        return _taken_up(held)
    bits = np.random.MT19937(np.random.SeedSequence([seed, ensemble]))
    return _Ensemble(emcee.State(start, random_state=np.random.RandomState(bits).get_state()))


def _taken_up(held: Part) -> _Ensemble:
    kind, position, has_gauss, cached = held.values["random"]
    random = (kind, held.arrays["keys"], position, has_gauss, cached)
    state = emcee.State(held.arrays["coords"], log_prob=held.arrays["log_prob"], random_state=random)
    return _Ensemble(state, held.values["done"], held.values["accepted"], (held.arrays["saved"],))
