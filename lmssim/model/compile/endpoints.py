"""Compile how histories are counted: endpoints as bits by state and mark, and the grids of time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.model.compile.rewards import Readers

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Endpoint


STEPS_PER_YEAR = 16
"""Grid of time to event: a power of two, so that whole and quarter years fall exactly on it."""


OCCUPANCY_PER_YEAR = 4


MAX_ENDPOINTS = 62


def compile_readers(c: Draft) -> Readers:
    """Endpoints as bits by state and mark."""
    if len(c.file.endpoints) > MAX_ENDPOINTS:
        raise UnsupportedError(f"{c.where}: endpoints: {len(c.file.endpoints)} are too many; at most {MAX_ENDPOINTS}.")
    states = {key: np.zeros(len(c.states), dtype=np.int64) for key in ("event", "competing", "censoring")}
    marks = {key: np.zeros(len(c.marks), dtype=np.int64) for key in ("event", "competing")}
    origins = []
    for number, (name, endpoint) in enumerate(c.file.endpoints.items()):
        where = f"{c.where}: endpoints.{name}"
        bit = np.int64(1 << number)
        for key, names in (("event", endpoint.events), ("competing", endpoint.competing)):
            for each in names:
                if each in c.marks:
                    marks[key][c.marks.index(each)] |= bit
                else:
                    states[key][_entered(c, each, f"{where}.{key}s")] |= bit
        for death in _deaths(c, endpoint):
            role = {"event": "event", "competing": "competing", "censoring": "censoring"}[endpoint.death]
            states[role][death] |= bit
        origins.append(-1 if endpoint.origin == "model" else _entered(c, endpoint.origin, f"{where}.origin")[0])
    horizon = c.file.settings.horizon
    for time in c.file.settings.times:
        if time * STEPS_PER_YEAR != int(time * STEPS_PER_YEAR) or not 0 < time <= horizon:
            raise ScenarioError(
                f"{c.where}: settings.times: {time:g} is not a multiple of 1/{STEPS_PER_YEAR} year up to the horizon."
            )
    columns = {f"{key}_of_state": bits for key, bits in states.items()}
    columns |= {f"{key}_of_mark": bits for key, bits in marks.items()} | {"origin_state": np.array(origins, dtype=int)}
    single = {
        "n_endpoints": len(c.file.endpoints),
        "n_steps": math.ceil(horizon * STEPS_PER_YEAR),
        "n_occupancy": math.ceil(horizon * OCCUPANCY_PER_YEAR),
    }
    real = {"steps_per_year": float(STEPS_PER_YEAR), "occupancy_per_year": float(OCCUPANCY_PER_YEAR)}
    return Readers(columns, single, real)


def _entered(c: Draft, name: str, where: str) -> list[int]:
    """Flat states whose entry is an event; chance states among them are recorded in histories."""
    if c.flat.states_of(name) is None:
        raise ScenarioError(unknown("state or mark", name, [*c.flat.names(), *c.marks], where))
    members = c.members(name, where)
    stays = [m for m in members if c.flat.states[c.states[m]].kind != "chance"]
    for m in stays or members:
        c.recorded.add(m)
    return stays or members


def _deaths(c: Draft, endpoint: Endpoint) -> list[int]:
    """Absorbing states that are deaths and that the endpoint does not name itself."""
    named = {*endpoint.events, *endpoint.competing}
    return [i for i, name in enumerate(c.states) if c.flat.states[name].death is not None and name not in named]
