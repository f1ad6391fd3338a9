"""Compile how histories are counted: endpoints as bits by state and mark, and the grids of time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, exact, unknown
from lmssim.model.language.schema.settings import STEPS_PER_YEAR
from lmssim.model.program import rewards

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Endpoint


OCCUPANCY_PER_YEAR = 4
MAX_ENDPOINTS = 62
ROLES = ("event", "competing", "censoring")
"""In the order of `lmssim.model.program.rewards.Roles`."""


def compile_endpoints(d: Draft) -> rewards.Counting:
    """Endpoints as bits by state and mark, and the grids of time."""
    if len(d.file.endpoints) > MAX_ENDPOINTS:
        raise UnsupportedError(f"{d.where}: endpoints: {len(d.file.endpoints)} are too many; at most {MAX_ENDPOINTS}.")
    roles = _Roles(d)
    endpoints = tuple(
        rewards.Endpoint(name, _endpoint(roles, 1 << number, endpoint, f"{d.where}: endpoints.{name}"))
        for number, (name, endpoint) in enumerate(d.file.endpoints.items())
    )
    horizon, clock = d.file.settings.horizon, d.cycle
    for time in d.file.settings.times:
        if clock is not None and 0 < time <= horizon:
            continue  # between the ends of cycles nothing happens, so that every time can be read
        if not 0 < time <= horizon or time * STEPS_PER_YEAR != int(time * STEPS_PER_YEAR):
            raise ScenarioError(
                f"{d.where}: settings.times: {exact(time)} is not a multiple of 1/{STEPS_PER_YEAR} year up to the"
                f" horizon, {exact(horizon)} years."
            )
    return rewards.Counting(
        endpoints=endpoints,
        of_state=tuple(map(rewards.Roles, *roles.of_state.values())),
        of_mark=tuple(map(rewards.Roles, *roles.of_mark.values())),
        n_steps=math.ceil(horizon * STEPS_PER_YEAR) if clock is None else clock.n,
        steps_per_year=float(STEPS_PER_YEAR) if clock is None else clock.per_year,
        n_occupancy=math.ceil(horizon * OCCUPANCY_PER_YEAR),
        occupancy_per_year=float(OCCUPANCY_PER_YEAR),
    )


class _Roles:
    """Roles of states and marks while endpoints are read: by role, the bits of each."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.of_state = {role: [0] * len(draft.states) for role in ROLES}
        self.of_mark = {role: [0] * len(draft.marks) for role in ROLES}

    def add(self, role: str, name: str, bit: int, where: str) -> None:
        """Give a mark, or the states that a name stands for, a role in an endpoint."""
        if name in self.draft.marks:
            self.of_mark[role][self.draft.marks.index(name)] |= bit
            return
        for state in _entered(self.draft, name, where):
            self.of_state[role][state] |= bit


def _endpoint(roles: _Roles, bit: int, endpoint: Endpoint, where: str) -> int:
    """Note who has a role in an endpoint; returns the state from whose entry it counts, -1 if from time zero."""
    for role, names in (("event", endpoint.events), ("competing", endpoint.competing)):
        for name in names:
            roles.add(role, name, bit, f"{where}.{role}s")
    deaths = _deaths(roles.draft, endpoint)
    if not endpoint.events and (endpoint.death != "event" or not deaths):
        raise ScenarioError(f"{where}: names no events, and death is none of them, so that nobody can have one.")
    for death in deaths:
        roles.of_state[endpoint.death][death] |= bit
    return -1 if endpoint.origin == "model" else _entered(roles.draft, endpoint.origin, f"{where}.origin")[0]


def _entered(d: Draft, name: str, where: str) -> list[int]:
    """Flat states whose entry is an event; chance states among them are recorded in histories."""
    if d.flat.states_of(name) is None:
        raise ScenarioError(unknown("state or mark", name, [*d.flat.names(), *d.marks], where))
    members = d.members(name, where)
    stays = [m for m in members if d.flat.states[d.states[m]].kind != "chance"]
    for m in stays or members:
        d.recorded.add(m)
    return stays or members


def _deaths(d: Draft, endpoint: Endpoint) -> list[int]:
    """Absorbing states that are deaths and that the endpoint does not name itself."""
    named = {*endpoint.events, *endpoint.competing}
    return [i for i, name in enumerate(d.states) if d.flat.states[name].death is not None and name not in named]
