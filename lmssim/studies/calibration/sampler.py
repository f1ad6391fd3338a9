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
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
) -> Chains:
    """Run every ensemble.

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
    checkpoint : Path, optional
        Folder where each ensemble is saved every `SEGMENT` steps; one that is there is gone on with.
    progress : callable, optional
        Called with (steps done, steps in all) of all ensembles, from their threads.
    jobs : int
        Worker threads, an ensemble each.
    """
    done = np.zeros(len(start), dtype=np.int64)

    def ensemble(e: int) -> _Ensemble:
        path = None if checkpoint is None else checkpoint / f"ensemble_{e}.npz"
        run = _Ensemble(log_density, thin, path)
        run.begin(np.column_stack([start[e], rows[e]]), seed, e)
        while run.done < steps:
            run.advance(min(SEGMENT, steps - run.done))
            done[e] = run.done
            if progress is not None:
                progress(int(done.sum()), len(start) * steps)
        return run

    with threadpool_limits(limits=1):  # bits do not depend on the machine's threads
        runs = list(Parallel(n_jobs=jobs, backend="threading")(delayed(ensemble)(e) for e in range(len(start))))
    acceptance = np.array([run.accepted / max(run.done, 1) for run in runs])
    return Chains(np.array([run.saved() for run in runs]), rows, acceptance, thin)


class _Ensemble:
    """One ensemble, in segments: the same chain however it is cut."""

    def __init__(self, log_density: Callable[[FloatArray], FloatArray], thin: int, path: Path | None) -> None:
        self.log_density, self.thin, self.path = log_density, thin, path
        self.done, self.accepted = 0, 0.0
        self.parts: list[FloatArray] = []

    def begin(self, start: FloatArray, seed: int, ensemble: int) -> None:
        """Take up the checkpoint, or start."""
        n_walkers, n_coordinates = start.shape
        self.sampler = emcee.EnsembleSampler(
            n_walkers, n_coordinates, self.log_density, moves=HeldRowMove(), vectorize=True
        )
        if self.path is not None and self.path.is_file():
            self._load(self.path)
            return
        bits = np.random.MT19937(np.random.SeedSequence([seed, ensemble]))
        random = np.random.RandomState(bits).get_state()
        self.state = emcee.State(start, random_state=random)

    def advance(self, steps: int) -> None:
        """Some steps more, then a checkpoint."""
        self.sampler.reset()
        self.state = self.sampler.run_mcmc(self.state, steps, skip_initial_state_check=True)
        chain = self.sampler.get_chain()[:, :, :-1]
        first = -self.done % self.thin
        self.parts.append(chain[first :: self.thin].copy())
        self.accepted += float(self.sampler.acceptance_fraction.mean()) * steps
        self.done += steps
        if self.path is not None:
            self._save(self.path)

    def saved(self) -> FloatArray:
        """Saved steps, the last state at their end."""
        z: FloatArray = np.concatenate([*self.parts, self.state.coords[None, :, :-1]])
        return z

    def _save(self, path: Path) -> None:
        from lmssim.execution.store import replacing

        kind, keys, position, has_gauss, cached = self.state.random_state
        with replacing(path) as part, part.open("wb") as handle:
            np.savez(
                handle,
                coords=self.state.coords,
                log_prob=self.state.log_prob,
                kind=np.array(kind),
                keys=keys,
                position=position,
                has_gauss=has_gauss,
                cached=cached,
                done=self.done,
                accepted=self.accepted,
                saved=np.concatenate(self.parts),
            )

    def _load(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as held:
            random = (
                str(held["kind"]),
                held["keys"],
                int(held["position"]),
                int(held["has_gauss"]),
                float(held["cached"]),
            )
            self.state = emcee.State(held["coords"], log_prob=held["log_prob"], random_state=random)
            self.done, self.accepted, self.parts = int(held["done"]), float(held["accepted"]), [held["saved"]]
