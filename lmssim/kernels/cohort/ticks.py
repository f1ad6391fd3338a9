"""Ticks of schedules and rewards for a limited time."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.flow import mass_within
from lmssim.kernels.cohort.kinds import set_clocks
from lmssim.kernels.cohort.ledger import bin_of, note_flux, pay, total
from lmssim.kernels.cohort.losses import lose
from lmssim.kernels.cohort.memory import (
    A_COST, A_YEARS, DR_ENTERED, D_ALIVE, D_KIND, K_ATTRIBUTES, K_ENTRY, K_STATE, K_STORE, MR_A, M_FIRST_NOTE,
    M_LAST_NOTE, N_TICKS, N_VISITS, Y_LAST, Y_LIGHT, Y_MOVE, Y_NEXT, Y_NODE, Follow, Kinds, Nodes, Solved,
)
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import (
    C_FIRST_COST, C_LAST_COST, C_LOSS, C_NUMBER, C_YEARS, F_RATE_COSTS, F_RATE_EFFECTS, H_N_PAID, H_TICK_TIME,
    L_FIRST_COST, L_LAST_COST, NONE,
)
from lmssim.kernels.machine import value_at
# isort: on


@borrow
def pay_ticks(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, time: float, strategy: int,
) -> None:
    """Ticks of schedules for all who are in their state at `time`."""
    n_passive = kinds.utility.shape[1]
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 or nodes.row[row[0], D_ALIVE] == 0:
            continue
        while row[2] < row[3] and nodes.tick_real[1, i] + f[m[H_TICK_TIME] + row[2]] <= time:
            row[2] += 1
            mass = total(nodes.mass[row[0]], n_passive)
            if mass > 0.0:
                _pay_tick(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, row[0], row[1], mass, time, strategy)


@borrow
def pay_ticks_within(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, start: float, stop: float, strategy: int,
) -> None:
    """Ticks that fall within a step, for the mass that is there at the time."""
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 or nodes.row[row[0], D_ALIVE] == 0 or row[2] >= row[3]:
            continue
        while row[2] < row[3]:
            time = nodes.tick_real[1, i] + f[m[H_TICK_TIME] + row[2]]
            if time >= stop:
                break
            row[2] += 1
            mass = mass_within(nodes, count, row[0], (time - start) / (stop - start))
            if mass > 0.0:
                _pay_tick(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, row[0], row[1], mass, time, strategy)


@borrow
def pay_visits_within(
    m: IntArray, f: FloatArray, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, start: float, stop: float
) -> None:
    """Light visits that fall within a step, for the mass that is there at the time."""
    for i in range(count[N_VISITS]):
        row = nodes.visit[i]
        if row[Y_LIGHT] == 0 or nodes.row[row[Y_NODE], D_ALIVE] == 0:
            continue
        move = kinds.move[row[Y_MOVE]]
        while row[Y_NEXT] < row[Y_LAST]:
            time = nodes.tick_real[0, i] + f[m[H_TICK_TIME] + row[Y_NEXT]]
            if time >= stop:
                break
            row[Y_NEXT] += 1
            mass = mass_within(nodes, count, row[Y_NODE], (time - start) / (stop - start))
            plain = kinds.move_real[row[Y_MOVE], MR_A] * mass
            note_flux(
                m, f, kinds, solved, move[M_FIRST_NOTE], move[M_LAST_NOTE], plain,
                plain * math.exp(-f[F_RATE_COSTS] * time), plain * math.exp(-f[F_RATE_EFFECTS] * time),
            )


@borrow
def _pay_tick(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, d: int, q: int, mass: float, time: float,
    strategy: int,
) -> None:
    """One tick of schedule `q` for a mass of node `d`."""
    factor, kind = math.exp(-f[F_RATE_COSTS] * time), nodes.row[d, D_KIND]
    state, store = kinds.row[kind, K_STATE], kinds.row[kind, K_STORE]
    attributes = (kinds.row[kind, K_ATTRIBUTES] & ~follow.entry_bits[state]) | kinds.row[kind, K_ENTRY]
    entered = nodes.real[d, DR_ENTERED]
    set_clocks(m, wi, wf, nodes.clock[d], 0, time)
    for k in range(m[q + C_FIRST_COST], m[q + C_LAST_COST], 2):
        cost = mass * value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
        if m[k] >= m[H_N_PAID]:
            pay(m, solved, state, m[k], cost, cost * math.exp(-f[F_RATE_EFFECTS] * time))
            continue
        pay(m, solved, state, m[k], cost, cost * factor)
        if store >= 0 and (follow.excludes[0] >> m[k]) & 1:
            interval = bin_of(follow, time)
            solved.excluded[store, interval, m[k], 0] += cost * factor
            solved.excluded[store, interval, m[k], 1] += cost
    if m[q + C_LOSS] != NONE:
        loss = value_at(m, wi, wf, m[q + C_LOSS], v, x, attributes, entered, strategy)
        years = math.inf
        if m[q + C_YEARS] != NONE:
            years = value_at(m, wi, wf, m[q + C_YEARS], v, x, attributes, entered, strategy)
        code = follow.tick_code[m[q + C_NUMBER]]
        lose(m, nodes, count, kinds.utility.shape[1], nodes.mass[d], code, loss, time + years, time, 0)


@borrow
def close_limited(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, count: IntArray, time: float, strategy: int,
) -> None:
    """Limited rewards whose time is over: paid for the years that the node has gathered."""
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 and row[2] < row[3] and nodes.row[row[0], D_ALIVE] != 0 and nodes.tick_real[1, i] <= time:
            pay_limited_node(m, wi, wf, v, x, kinds, nodes, solved, i, strategy)


@borrow
def pay_limited_node(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, i: int, strategy: int,
) -> None:
    """Pay limited reward `i` of a node for its years so far, once."""
    row, n_passive = nodes.tick[i], kinds.utility.shape[1]
    d, q = row[0], -1 - row[1]
    row[2] = row[3]
    kind, sums, entered = nodes.row[d, D_KIND], nodes.sums[d], nodes.real[d, DR_ENTERED]
    state = kinds.row[kind, K_STATE]
    attributes = kinds.row[kind, K_ATTRIBUTES] | kinds.row[kind, K_ENTRY]
    set_clocks(m, wi, wf, nodes.clock[d], 0, entered)
    plain, discounted = total(sums[A_YEARS], n_passive), total(sums[A_COST], n_passive)
    for k in range(m[q + L_FIRST_COST], m[q + L_LAST_COST], 2):
        cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
        pay(m, solved, state, m[k], cost * plain, cost * discounted)
