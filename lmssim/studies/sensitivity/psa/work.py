"""The work of a probabilistic analysis: draws of the parameters in stretches, each a part that a checkpoint can keep.

What a part holds of a draw depends on the number of that draw alone: not on the stretch in which it is made, on the
workers, or on how often the work was stopped and taken up again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, UnsupportedError
from lmssim.evaluation import NOTHING_TO_DRAW, check_comparator
from lmssim.execution.batches import Sets
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.manifest import evaluation_part
from lmssim.execution.simulate import COHORT, brief, draw_times, simulate_batches
from lmssim.execution.solve import n_profiles, settle, solve_population
from lmssim.execution.subgroups import baseline_rule
from lmssim.kernels.ledger import N_MAIN
from lmssim.model.parameters.new_setting import check_changes
from lmssim.outcomes.endpoint import shares_of
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.estimates import CountsAtTimes, Estimates
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.solve import Settled
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

MOST_DRAWS = 1_000_000
FEWEST_DRAWS = FEWEST_PATIENTS = 2
"""A variance takes two."""
LIVES = 1_000_000
"""Lives of a part, about."""
LONGEST = 100
"""Draws of a part, at most."""
FEWEST_OF_A_PART = 2
"""Patients of a part of the population in each draw, so that their spread is known."""
SETS = 50
"""Sets of patients from whose spread the error that draws share is estimated, where they share their patients."""
CHECKED = 500
"""Draws that are checked at a time before any is run."""


@dataclass(frozen=True)
class Work:
    """Draws of the parameters of a program, and the patients of each.

    Attributes
    ----------
    program : Program
        What is run.
    sampling : Sampling
        Patients of each draw, whether draws share them, seed, engine, workers.
    n_draws : int
        Draws 0, 1, ...
    new_setting : bool
        Whether each draw stands in a setting of its own, with the between-study spread that calibrations found.
    """

    program: Program
    sampling: Sampling
    n_draws: int
    new_setting: bool = False

    def validate(self) -> None:
        """Refuse what cannot be run, down to the last draw, before any is run.

        Raises
        ------
        InputError
            With the argument or the parameter, the draw, and what is allowed.
        """
        self._check_draws()
        self.validate_sampling()
        if not set(self.program.scenario.uncertain) & set(self.program.used):
            raise InputError(f"{self.program.scenario.path}: {NOTHING_TO_DRAW}")
        for first in range(0, self.n_draws, CHECKED):
            self.program.numbers(self.draws(first, min(CHECKED, self.n_draws - first)), first)

    def _check_draws(self) -> None:
        if not FEWEST_DRAWS <= self.n_draws <= MOST_DRAWS:
            raise InputError(f"draws: {brief(self.n_draws)} is not from {FEWEST_DRAWS} to {MOST_DRAWS:,}.")

    def validate_sampling(self) -> None:
        """Refuse patients, strategies and an engine that do not suit the program."""
        self.sampling.validate()
        if self.sampling.where:
            baseline_rule(self.program, self.sampling.where, "where")
        check_comparator(self.program, self.sampling)
        if not self.exact:
            self.program.require_histories()
            if self.sampling.n_patients < FEWEST_PATIENTS:
                raise InputError(f"patients: {self.sampling.n_patients} is not {FEWEST_PATIENTS} or more.")
        if self.new_setting:
            self._check_new_setting()

    def _check_new_setting(self) -> None:
        scenario = self.program.scenario
        if not scenario.file.new_setting:
            raise InputError(
                f"new setting: {scenario.path} does not say what the between-study spread changes ([new_setting])."
            )
        check_changes(scenario.table, scenario.groups, scenario.file.new_setting, f"{scenario.path}: new_setting")

    @property
    def exact(self) -> bool:
        """Whether draws are solved, so that there are no patients."""
        return self.sampling.engine == COHORT

    @property
    def n_profiles(self) -> int:
        """Profiles for which every draw is solved, if it is."""
        return n_profiles(self.program, self.sampling)

    @property
    def shares_patients(self) -> bool:
        """Whether all draws have the same patients."""
        return not self.exact and not self.sampling.independent

    @cached_property
    def strategies(self) -> list[str]:
        """Ids of the strategies that are run."""
        return [self.program.strategies[s] for s in self.sampling.positions(self.program)]

    @cached_property
    def times(self) -> list[float]:
        """Times of survival and incidence: each year, and the named ones."""
        return draw_times(self.program)

    @property
    def draws_per_part(self) -> int:
        """Draws of a part."""
        lives = (1 if self.exact else self.sampling.n_patients) * len(self.strategies)
        return max(1, min(LONGEST, (LIVES // 10_000 if self.exact else LIVES) // lives))

    @property
    def quantities(self) -> list[str]:
        """What draws are written of: the parameters that the model uses."""
        return list(self.program.used)

    def draws(self, first: int, n: int) -> dict[str, FloatArray]:
        """Draws first, first + 1, ... of every parameter."""
        return self.program.sample(n, self.sampling.seed, first, new_setting=self.new_setting)

    def key(self) -> str:
        """Hash of all that decides the parts, but for how many there are."""
        more = {"lmssim": __version__, "profiles": self.sampling.profiles if self.exact else 0, "sets": SETS}
        more |= {"new_setting": True} if self.new_setting else {}
        return key_of(evaluation_part(self.program, self.sampling, {}) | more, self.program.scenario.uncertain)

    def parts(
        self, checkpoint: Checkpoint | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Part]:
        """Parts in order of their draws: those that a checkpoint holds, and else made, and kept there.

        Arrays of a part, by draw: `mean` and `variance` (of the mean, by patients) of every outcome, (n, n_strategies,
        n_outcomes); `covariance` of the means between strategies, as `Means.product`; `share` and its `spread`
        (n, n_strategies, n_endpoints, n_times); if draws share their patients, `sets`: means of the main outcomes by
        set of patients, (n, n_sets, n_strategies, n_main), and `sizes` (n, n_sets).
        """
        for first in range(0, self.n_draws, self.draws_per_part):
            n = min(self.draws_per_part, self.n_draws - first)

            def make(first: int = first, n: int = n) -> Part:
                return self._part(first, n)

            yield made(checkpoint, f"draws-{first}-{n}", make)
            if progress is not None:
                progress(first + n, self.n_draws)

    def _part(self, first: int, n: int) -> Part:
        """A part; what is impossible in a draw is said with the number of the draw."""
        try:
            return self.run(first, n)
        except UnsupportedError:
            raise
        except InputError as error:
            raise self._named(error, first, n) from None

    def _named(self, error: InputError, first: int, n: int) -> InputError:
        """An error of some draws as one of the first draw that has it alone."""
        for draw in range(first, first + n):
            try:
                self.run(draw, 1)
            except InputError as own:
                return type(own)(f"{str(own).removesuffix('.')} (draw {draw}).")
        return error

    def run(self, first: int, n: int, some: IntArray | None = None) -> Part:
        """Draws first, first + 1, ..., n of them, as `parts` keeps them; or only `some` of these, counted from 0."""
        draws = self.draws(first, n)
        if some is not None:
            draws = {name: values[some] for name, values in draws.items()}
        if self.exact:
            return _as_part([solve_population(self.program, self._asked, draws, settled=self._settled)], self)
        sets = Sets(min(SETS, self.sampling.n_patients)) if self.shares_patients else None
        numbered = () if some is None else (first + some).tolist()
        start = 0 if some is not None else first
        found = simulate_batches(self.program, self._asked, draws, start, grouping=sets, addresses=numbered)
        return _as_part(found, self)

    @cached_property
    def _settled(self) -> Settled:
        """Profiles and steps of exact solutions, found in the first draw: the same in every part."""
        return settle(self.program, self.sampling, self.draws(0, 1))

    @cached_property
    def _asked(self) -> Sampling:
        return replace(self.sampling, by_draw=True, counting=False)


def _as_part(batches: Iterator[Estimates] | list[Estimates], work: Work) -> Part:
    """What is kept of some draws."""
    found = [_arrays(batch, work) for batch in batches]
    return Part({name: np.concatenate([each[name] for each in found]) for name in found[0]})


def _arrays(batch: Estimates, work: Work) -> dict[str, FloatArray]:
    assert batch.by_draw is not None
    _check_part(batch.by_draw, work)
    n = np.asarray(batch.n if work.exact else batch.by_draw.members)[..., None, None]
    freedom = np.maximum(n - 1, 1) * n
    share, spread = shares_of(batch.by_draw, work.program, exact=work.exact)
    arrays = {
        "mean": batch.mean,
        "variance": batch.square / freedom,
        "covariance": batch.product / freedom[..., None],
        "bound": np.broadcast_to(batch.step_error, batch.mean.shape),
        "share": share,
        "spread": spread,
    }
    if work.shares_patients:
        assert batch.by_subgroup is not None
        sizes = np.asarray(batch.by_subgroup.n, dtype=np.float64)
        some = sizes[0] > 0  # of a part of the population sets may be empty, the same ones in every draw
        arrays["sets"] = batch.by_subgroup.mean[:, some, :, :N_MAIN]
        arrays["sizes"] = sizes[:, some]
    return arrays


def _check_part(kept: CountsAtTimes, work: Work) -> None:
    """Refuse a draw with so few patients of the part that is followed that their spread is not known."""
    sampling = work.sampling
    if not sampling.where or work.exact or work.shares_patients:
        return
    if (fewest := int(kept.members.min())) < FEWEST_OF_A_PART:
        raise InputError(
            f"where: in a draw {fewest} of {sampling.n_patients:,} patients meet '{sampling.where}'; at least "
            f"{FEWEST_OF_A_PART} must: give more patients."
        )
