"""Rows of the program that say what histories are worth, and how they are counted.

A *ref* is a slot of the numbers or the code of an expression, as in `lmssim.model.program.rows`; times are in years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray


# === What histories are worth ===


class Cost(NamedTuple):
    """An amount (a ref) under a cost category."""

    category: int
    ref: int


Costs = tuple[Cost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What each tick of a plan costs, and the loss of utility that it brings."""

    plan: int
    loss: int
    """Loss of utility, a ref; `NONE` if there is none."""
    years: int
    """How long the loss lasts, a ref; until death if `NONE`."""
    number: int
    """Of the schedule in the file, which several states share if it is of a treatment or a phase."""
    costs: Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A cost per year and a loss of utility in the first years of a stay."""

    years: int
    """How long it lasts, a ref."""
    loss: int
    """Loss of utility, a ref; `NONE` if there is none."""
    costs: Costs
    """Per year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Care before death: its cost, what it replaces within a window, and what the last years of life cost and lose."""

    window: int
    """How long before death it begins, a ref."""
    excludes: int
    """Cost categories that are not paid within the window, as bits."""
    costs: Costs
    before: tuple[Limited, ...] = ()
    """Costs per year and losses of utility in so many years before death."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRewards:
    """What a state is worth."""

    utility: int
    """A ref; `NONE` if none is stated."""
    entry_qaly: int
    """QALYs on entry, a ref."""
    rate: Costs
    """Costs per year."""
    entry: Costs
    """Costs on entry."""
    schedules: tuple[Schedule, ...]
    limited: tuple[Limited, ...]
    terminal: int
    """Number of the terminal care of those who die into it, -1 if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRewards:
    """What a transition is worth."""

    costs: Costs
    counts: Costs
    """What it adds to further sums, whenever it happens."""
    qalys: int
    """QALYs, a ref; `NONE` if none are stated."""
    over_stay: bool
    """Whether costs and QALYs are amounts per year of the stay that the transition ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRewards:
    """What an event or a transition's mark is worth."""

    costs: Costs
    loss: int
    """Loss of utility, a ref; `NONE` if there is none."""
    years: int
    """How long the loss lasts, a ref; until death if `NONE`."""
    stops: bool
    """Whether the loss ends when the state is left."""
    stacks: bool
    """Whether losses of repeated events add up."""


class FurtherSum(NamedTuple):
    """A sum beside costs: its name in tables and its unit."""

    name: str
    unit: str


class Combined(NamedTuple):
    """A part of a further sum that is a sum itself: numbers among cost categories and further sums, and a weight."""

    target: int
    source: int
    weight: float


class Rates(NamedTuple):
    """Continuous discount rates."""

    costs: float
    effects: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """Utility of the general population by key and single year of age.

    Attributes
    ----------
    norm : ndarray(float, ndim=2)
        (n_keys, n_ages).
    norm_sum, norm_discounted : ndarray(float, ndim=2)
        Its integrals from age 0, plain and discounted.
    age_discount : ndarray(float, ndim=1)
        (n_ages,) discount factors from age 0.
    """

    norm: FloatArray
    norm_sum: FloatArray
    norm_discounted: FloatArray
    age_discount: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """What histories are worth."""

    of_state: tuple[StateRewards, ...]
    of_transition: tuple[TransitionRewards, ...]
    of_mark: tuple[MarkRewards, ...]
    terminal: tuple[Terminal, ...]
    n_paid: int
    """Cost categories."""
    further: tuple[FurtherSum, ...]
    """Further sums, carried after the cost categories."""
    combined: tuple[Combined, ...]
    """Which of them are made of others, in order."""
    additive: bool
    """Whether losses of utility add up, else they multiply."""
    rates: Rates
    norms: Norms

    @property
    def n_categories(self) -> int:
        """Cost categories and further sums."""
        return self.n_paid + len(self.further)

    @property
    def excludes(self) -> int:
        """Cost categories that some terminal care replaces, as bits."""
        bits = 0
        for care in self.terminal:
            bits |= care.excludes
        return bits


# === How histories are counted ===


class Roles(NamedTuple):
    """Endpoints, as bits, for which entering a state or a mark is the event, competes with it, or censors it."""

    event_of: int
    competing_of: int
    censoring_of: int


class Endpoint(NamedTuple):
    """An endpoint, and the state from whose entry it counts; -1 if from time zero."""

    name: str
    origin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Endpoints and the grids on which they and occupancy are counted."""

    endpoints: tuple[Endpoint, ...]
    of_state: tuple[Roles, ...]
    of_mark: tuple[Roles, ...]
    n_steps: int
    steps_per_year: float
    n_occupancy: int
    occupancy_per_year: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """Points of a model in cycles.

    Attributes
    ----------
    n, n_passes : int
        Cycles, and readings of their points.
    per_year : float
        Cycles in a year.
    age_lag : float
        Years by which `age` is later than the start of the cycle.
    times : ndarray(float, ndim=1)
        (n + 1,) ends of cycles, the first at time zero.
    points : ndarray(float, ndim=2)
        (n_passes x (n + 1), 5): `lmssim.kernels.layout.POINT`.
    lumps : ndarray(float, ndim=2)
        (n + 1, 7): `lmssim.kernels.layout.LUMP`.
    """

    n: int
    n_passes: int
    per_year: float
    age_lag: float
    times: FloatArray
    points: FloatArray
    lumps: FloatArray
