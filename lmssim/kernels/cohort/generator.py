"""The generator of a sheet: links of nodes by hazard, where their outcomes go, and their integrals over a step."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.arrivals import box_of
from lmssim.kernels.cohort.kinds import find_outcomes, live_cures, set_clocks, starting
from lmssim.kernels.cohort.memory import (
    BY_HAZARD, CLOCK_UNREAD, DR_ENTERED, D_ALIVE, D_BUILT, D_FIRST_LINK, D_FIRST_VISIT, D_KIND, D_LAST_LINK,
    D_LAST_VISIT, FAILED, FAILED_STATE, G_LINK, G_OUT, G_PLAIN, G_SOURCE, G_TARGET, K_ATTRIBUTES, K_CURES, K_ENTRY,
    K_FIRST_MOVE, K_LAST_MOVE, K_STATE, LINKS_FULL, LR_EFFECT, LR_RATIO, LR_UNTIL, LR_WEIGHT, L_MOVE, L_NODE, L_SPEC,
    MR_A, MR_B, MR_C, MR_RATIO, MR_STRETCH, M_FAMILY, M_FIRST_NOTE, M_FIRST_OUT, M_HOW, M_LAST_NOTE, M_LAST_OUT, M_ROW,
    M_TIMED, N_EDGES, N_LEAVING, N_LINKS, N_LIVE, N_NOTES, N_OUTS, N_PAYING, N_SPECS, N_TIMED, N_WITHIN,
    O_ATTRIBUTES, O_CENSORING, O_CLEAR, O_COMPETING, O_CURES, O_EVENT, O_LOSSES, O_SET, O_STARTED, O_STATE, O_STAYS,
    S_A, S_AFTER, S_B, S_BEFORE, S_C, S_KNOWN, S_ORIGIN, S_STRETCH, TO_BOX, TO_END, X_OUT, X_SLOWED, Y_LIGHT,
    Y_MET, Y_MOVE, Y_NODE, Boxes, Chain, Follow, Kinds, Nodes,
)
from lmssim.kernels.cohort.nodes import decide_cures, next_path, node_of
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import ABSORBING, H_AGE_COLUMN, H_STATE, S_KIND, S_WIDTH, T_SILENT
from lmssim.kernels.race import base_hazard, clock_origin, timed_effects
# isort: on

LARGEST = 1e30
"""Largest integral of a hazard over a step."""


@borrow
def build(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, count: IntArray, d: int, now: float, strategy: int,
) -> None:
    """Links of a node: its moves by hazard, and where each of their outcomes goes."""
    row = nodes.row[d]
    kind = row[D_KIND]
    row[D_BUILT], row[D_FIRST_LINK] = 1, count[N_LINKS]
    for j in range(kinds.row[kind, K_FIRST_MOVE], kinds.row[kind, K_LAST_MOVE]):
        if kinds.move[j, M_HOW] != BY_HAZARD or kinds.move_real[j, MR_RATIO] == 0.0 or count[FAILED] != 0:
            continue
        if kinds.move[j, M_FIRST_OUT] < 0:
            find_outcomes(m, wi, wf, v, x, follow, kinds, count, chain, kind, j, nodes.clock[d], now, False, strategy)
        link = count[N_LINKS]
        if link >= len(nodes.link):
            count[FAILED] = LINKS_FULL
            return
        count[N_LINKS] += 1
        set_clocks(m, wi, wf, nodes.clock[d], 0, now)
        nodes.link[link, L_NODE], nodes.link[link, L_MOVE] = d, j
        nodes.link[link, L_SPEC] = _spec(m, wi, wf, x, kinds, nodes, count, d, j)
        real = nodes.link_real[link]
        real[LR_RATIO], real[LR_EFFECT], real[LR_UNTIL] = kinds.move_real[j, MR_RATIO], 1.0, -math.inf
        if kinds.move[j, M_LAST_NOTE] > kinds.move[j, M_FIRST_NOTE]:
            nodes.paying[count[N_PAYING]] = link
            count[N_PAYING] += 1
        if kinds.move[j, M_TIMED] != 0:
            nodes.timed[count[N_TIMED]] = link
            count[N_TIMED] += 1
        for o in range(kinds.move[j, M_FIRST_OUT], kinds.move[j, M_LAST_OUT]):
            _add_edges(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, count, link, d, o, now, strategy)
    row[D_LAST_LINK] = count[N_LINKS]
    if follow.boxed[kinds.row[kind, K_STATE]] != 0 and follow.timed[kinds.row[kind, K_STATE]] == 0:
        for i in range(row[D_FIRST_VISIT], row[D_LAST_VISIT]):
            _lighten(m, wi, wf, v, x, follow, kinds, nodes, count, chain, i, now, strategy)


@borrow
def _lighten(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    nodes: Nodes, count: IntArray, chain: Chain, i: int, now: float, strategy: int,
) -> None:
    """See whether visit `i` leaves everybody as they are; its outcome and notes are then kept."""
    visit = nodes.visit[i]
    j, d = visit[Y_MOVE], visit[Y_NODE]
    move, kind = kinds.move[j], nodes.row[d, D_KIND]
    if m[move[M_ROW] + T_SILENT] == 0:
        return
    first, first_note = count[N_OUTS], count[N_NOTES]
    if move[M_FIRST_OUT] < 0:
        find_outcomes(m, wi, wf, v, x, follow, kinds, count, chain, kind, j, nodes.clock[d], now, False, strategy)
    out, same = kinds.out[move[M_FIRST_OUT]], kinds.row[kind]
    light = move[M_LAST_OUT] == move[M_FIRST_OUT] + 1 and out[O_STAYS] != 0 and out[O_CLEAR] | out[O_SET] == 0
    light = light and out[O_ATTRIBUTES] == same[K_ATTRIBUTES] and out[O_CURES] == same[K_CURES]
    light = light and out[O_LOSSES] == 0
    if light:
        visit[Y_LIGHT], visit[Y_MET] = 1, out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING]
    else:
        move[M_FIRST_OUT], count[N_OUTS], count[N_NOTES] = -1, first, first_note


@borrow
def _spec(
    m: IntArray, wi: IntArray, wf: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, d: int,
    j: int,
) -> int:
    """Cumulative hazard that a link follows, shared with other links that follow the same."""
    real, family = kinds.move_real[j], kinds.move[j, M_FAMILY]
    origin = clock_origin(m, wi, wf, kinds.move[j, M_ROW], nodes.real[d, DR_ENTERED], x[m[H_AGE_COLUMN]])
    if math.isnan(origin):
        count[FAILED], count[FAILED_STATE] = CLOCK_UNREAD, kinds.move[j, M_ROW]
    for k in range(count[N_SPECS]):
        s = nodes.spec_real[k]
        if (
            nodes.spec[k] == family and s[S_ORIGIN] == origin and s[S_A] == real[MR_A] and s[S_B] == real[MR_B]
            and s[S_C] == real[MR_C] and s[S_STRETCH] == real[MR_STRETCH]
        ):
            return k
    k = count[N_SPECS]
    if k >= len(nodes.spec):
        count[FAILED] = LINKS_FULL
        return 0
    count[N_SPECS] += 1
    nodes.spec[k] = family
    s = nodes.spec_real[k]
    s[S_KNOWN] = math.nan
    s[S_ORIGIN], s[S_A], s[S_B], s[S_C], s[S_STRETCH] = origin, real[MR_A], real[MR_B], real[MR_C], real[MR_STRETCH]
    return k


@borrow
def _add_edges(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, count: IntArray, link: int, d: int, o: int, now: float, strategy: int,
) -> None:
    """Edges of one outcome: one, or more where mixture cures are to be decided."""
    out = kinds.out[o]
    state, stays, attributes, p = out[O_STATE], out[O_STAYS] != 0, out[O_ATTRIBUTES], kinds.out_p[o]
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] == ABSORBING:
        _add_edge(follow, kinds, nodes, count, link, d, o, TO_END, p)
        return
    restarts = starting(m, nodes.clock[d], out[O_STARTED]) & follow.live_clocks[state]
    if not stays and (follow.boxed[state] != 0 or restarts != 0 or out[O_LOSSES] != 0):
        b = box_of(follow, boxes, count, state, attributes, out[O_CURES])
        _add_edge(follow, kinds, nodes, count, link, d, o, TO_BOX - max(b, 0), p)
        return
    cures, entry = out[O_CURES], kinds.row[nodes.row[d, D_KIND], K_ENTRY]
    if not stays:
        cures, entry = live_cures(m, follow, state, cures), attributes & follow.entry_bits[state]
    path, n_taken = 0, 0
    while count[FAILED] == 0:
        decided, share, n_asked = decide_cures(
            m, wi, wf, v, x, follow, state, attributes, cures, nodes.clock[d], now, path, n_taken, strategy
        )
        target = node_of(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, attributes, decided, entry,
            nodes.real[d, DR_ENTERED], nodes.clock[d], now, -1, strategy,
        )
        _add_edge(follow, kinds, nodes, count, link, d, o, target, p * share)
        path, n_taken = next_path(path, n_asked)
        if n_taken == 0:
            return


@borrow
def _add_edge(
    follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, link: int, d: int, o: int, target: int, p: float
) -> None:
    """Append an edge; a plain one leaves all columns as they are."""
    g, out = count[N_EDGES], kinds.out[o]
    if g >= len(nodes.edge):
        count[FAILED] = LINKS_FULL
        return
    count[N_EDGES] += 1
    edge = nodes.edge[g]
    edge[G_LINK], edge[G_SOURCE], edge[G_TARGET], edge[G_OUT] = link, d, target, o
    loud = out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING] | out[O_CLEAR] | out[O_SET]
    edge[G_PLAIN] = 1 if loud == 0 and (follow.stopping[0] == 0 or out[O_STAYS] != 0) else 0
    nodes.edge_p[g] = p
    if target >= 0:
        nodes.within[count[N_WITHIN]] = g
        count[N_WITHIN] += 1
    if target < 0 or loud != 0:
        nodes.leaving[count[N_LEAVING]] = g
        count[N_LEAVING] += 1


@borrow
def note_hazards(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, count: IntArray, start: float, stop: float,
) -> float:
    """Integrals of the links' hazards over a step; returns the largest total of a node."""
    for k in range(count[N_SPECS]):
        s = nodes.spec_real[k]
        family, origin, stretch = nodes.spec[k], s[S_ORIGIN], s[S_STRETCH]
        if s[S_KNOWN] != start:
            s[S_BEFORE] = base_hazard(m, f, v, family, (start - origin) * stretch, s[S_A], s[S_B], s[S_C])
            s[S_KNOWN] = start
        s[S_AFTER] = base_hazard(m, f, v, family, (stop - origin) * stretch, s[S_A], s[S_B], s[S_C])
    most = 0.0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        row, out = nodes.row[d], 0.0
        for link in range(row[D_FIRST_LINK], row[D_LAST_LINK]):
            real, spec = nodes.link_real[link], nodes.spec_real[nodes.link[link, L_SPEC]]
            used = spec[S_AFTER] - spec[S_BEFORE]
            if not used < LARGEST:  # beyond what a number can say, and the difference of two such
                used = LARGEST
            real[LR_WEIGHT] = real[LR_RATIO] * real[LR_EFFECT] * used
            out += real[LR_WEIGHT]
        nodes.moment[d, X_OUT], nodes.moment[d, X_SLOWED] = out, 1.0
        most = max(most, out)
    return most


@borrow
def scale_hazards(nodes: Nodes, d: int, share: float) -> None:
    """Scale all that a node expects to move."""
    for link in range(nodes.row[d, D_FIRST_LINK], nodes.row[d, D_LAST_LINK]):
        nodes.link_real[link, LR_WEIGHT] *= share
    nodes.moment[d, X_OUT] *= share


@borrow
def keep_hazards(nodes: Nodes, count: IntArray, stop: float) -> None:
    """Cumulative hazards at the end of a step are those at the beginning of the next."""
    for k in range(count[N_SPECS]):
        s = nodes.spec_real[k]
        s[S_BEFORE], s[S_KNOWN] = s[S_AFTER], stop


@borrow
def note_effects(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, count: IntArray, time: float,
) -> float:
    """Effects that change with time, as they are just after `time`; returns until when they hold."""
    stop = math.inf
    for k in range(count[N_TIMED]):
        link = nodes.timed[k]
        d, j, real = nodes.link[link, L_NODE], nodes.link[link, L_MOVE], nodes.link_real[link]
        if nodes.row[d, D_ALIVE] == 0:
            continue
        if time >= real[LR_UNTIL]:
            set_clocks(m, wi, wf, nodes.clock[d], 0, time)
            attributes = kinds.row[nodes.row[d, D_KIND], K_ATTRIBUTES]
            effect, until = timed_effects(m, f, wi, wf, kinds.move[j, M_ROW], v, x, attributes, time)
            real[LR_EFFECT], real[LR_UNTIL] = math.exp(effect), until
        stop = min(stop, real[LR_UNTIL])
    return stop
