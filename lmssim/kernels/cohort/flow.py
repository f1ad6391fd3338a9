"""A step of a sheet: the exponential of the generator, and what leaves the nodes meanwhile.

Only nodes and columns that hold mass are followed, in dense rows whose length is a multiple of 4: LLVM takes four
numbers at once. The exponential and the integrals of the masses, discounted or not, are summed as one series.
"""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.arrivals import put_in_box
from lmssim.kernels.cohort.kinds import passive_column, starting
from lmssim.kernels.cohort.ledger import count_over, note_flux, recombine, set_vector, total
from lmssim.kernels.cohort.losses import add_marks, moved_slot, take_terms
from lmssim.kernels.cohort.memory import (
    D_ALIVE, FAILED, FLOW_LOUD, FLOW_MOVES, FLOW_SOURCE, FLOW_TARGET, G_LINK, G_OUT, G_PLAIN, G_SOURCE, G_TARGET,
    LR_WEIGHT, L_MOVE, L_NODE, MAX_TERMS, M_FIRST_NOTE, M_LAST_NOTE, N_DENSE, N_FLOWS, N_LEAVING, N_LIVE, N_MOMENTS,
    N_NODES, N_PASSIVE, N_PAYING, N_ROWS, N_SEEN, N_SUMMED, N_SUMMED_OF_REST, N_TERMS, N_USED, N_WATCHED, N_WITHIN,
    OF_NODE, O_ALL, O_CENSORING, O_CLEAR, O_COMPETING, O_EVENT, O_LOSSES, O_SET, O_STARTED, O_STATE, O_STAYS, TO_BOX,
    TO_END, W_STOPS, X_AFTER, X_BEFORE, X_COST, X_EFFECT, X_OUT, X_SLOWED, X_TIME, X_YEARS, Boxes, Chain, Follow, Kinds,
    Nodes, Solved,
)
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import F_OCCUPANCY_PER_YEAR, F_RATE_COSTS, F_RATE_EFFECTS
from lmssim.kernels.pointer import add_four, add_four_of, add_four_sizes, advance, scratch, set_four, sum_fours
from lmssim.kernels.tally import CENSORED, COMPETING, EVENT, step_of
# isort: on

SERIES_ERROR = 1e-9
"""Share of the mass that the terms left out of a series may move."""


@borrow
def choose_nodes(kinds: Kinds, nodes: Nodes, count: IntArray) -> tuple[float, float]:
    """Number the nodes that hold mass in a step, or receive some; returns all the mass, and the largest rate out."""
    n_passive, whole = kinds.utility.shape[1], 0.0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        mass, moment = total(nodes.mass[d], n_passive), nodes.moment[d]
        out, slowed = moment[X_OUT], moment[X_SLOWED]
        for k in range(N_MOMENTS):
            moment[k] = 0.0
        moment[X_OUT], moment[X_BEFORE], moment[X_SLOWED] = out, mass, slowed
        nodes.place[d] = 0 if mass != 0.0 else -1
        whole += mass
    changed = True
    while changed:
        changed = False
        for k in range(count[N_WITHIN]):
            g = nodes.within[k]
            edge = nodes.edge[g]
            d, target = edge[G_SOURCE], edge[G_TARGET]
            if nodes.place[d] >= 0 and nodes.place[target] < 0 and nodes.row[d, D_ALIVE] != 0:
                if nodes.link_real[edge[G_LINK], LR_WEIGHT] * nodes.edge_p[g] > 0.0:
                    nodes.place[target] = 0
                    changed = True
    n, most = 0, 0.0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        if nodes.place[d] == 0:
            nodes.place[d], nodes.held[n], nodes.out_rate[n] = n, d, nodes.moment[d, X_OUT]
            most = max(most, nodes.out_rate[n])
            n += 1
    count[N_ROWS] = n
    return whole, most


@borrow
def choose_columns(follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray) -> None:
    """Number the columns that hold mass in a step, or receive some: passive ones, and from a multiple of 4 the rest."""
    n_passive, n, seen = kinds.utility.shape[1], count[N_USED], nodes.seen
    for c in range(n):
        seen[c] = 0.0
    for i in range(count[N_ROWS]):
        mass = nodes.mass[nodes.held[i]]
        for c in range(n):
            seen[c] += abs(mass[c])
    changed = True
    while changed and count[FAILED] == 0:
        changed = False
        for k in range(count[N_WITHIN]):
            g = nodes.within[k]
            if nodes.edge[g, G_PLAIN] != 0:
                continue
            out = kinds.out[nodes.edge[g, G_OUT]]
            if out[O_CLEAR] | out[O_SET] == 0:
                continue
            for c in range(n_passive):
                to = passive_column(follow, c, out[O_CLEAR], out[O_SET])
                if seen[c] > 0.0 and seen[to] == 0.0:
                    seen[to] = 1.0
                    changed = True
            for c in range(n_passive + count[N_WATCHED], n):
                if seen[c] > 0.0:
                    to = moved_slot(follow, nodes, count, n_passive, c, out[O_CLEAR], out[O_SET])
                    if to >= n or (to >= 0 and seen[to] == 0.0):
                        seen[to] = 1.0
                        changed = True
            for c in range(n, count[N_USED]):
                seen[c] = 1.0
            n = count[N_USED]
    k, same = 0, n == count[N_SEEN]
    for c in range(n):
        if c == n_passive:
            k = _fill_up(nodes, k)
            count[N_PASSIVE] = k
        same &= (nodes.dense[1, c] >= 0) == (seen[c] > 0.0)
        nodes.dense[1, c] = -1
        if seen[c] > 0.0:
            nodes.dense[0, k], nodes.dense[1, c] = c, k
            k += 1
    k = _fill_up(nodes, k)
    if n == n_passive:
        count[N_PASSIVE] = k
    count[N_DENSE], count[N_SEEN] = k, n
    if not same:
        forget_years(nodes, count)


@borrow
def forget_years(nodes: Nodes, count: IntArray) -> None:
    """Other columns than so far are summed: what the former ones hold is over."""
    for d in range(count[N_NODES]):
        nodes.years[d] = 0.0
        nodes.years_cost[d] = 0.0
        nodes.years_effect[d] = 0.0


@borrow
def _fill_up(nodes: Nodes, k: int) -> int:
    """Fill with empty columns up to a multiple of 4."""
    while k % 4 != 0:
        nodes.dense[0, k] = -1
        k += 1
    return k


@borrow
def choose_flows(follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray) -> None:
    """Edges between nodes that hold mass: where their rows begin, and their parts of the generator."""
    width, n, n_loud = count[N_DENSE], 0, 0
    for k in range(count[N_WITHIN]):
        g = nodes.within[k]
        edge = nodes.edge[g]
        d, target = edge[G_SOURCE], edge[G_TARGET]
        if nodes.place[d] < 0 or nodes.row[d, D_ALIVE] == 0:
            continue
        weight = nodes.link_real[edge[G_LINK], LR_WEIGHT] * nodes.edge_p[g]
        if weight > 0.0:
            flow = nodes.flow[n]
            flow[FLOW_SOURCE], flow[FLOW_TARGET] = nodes.place[d] * width, nodes.place[target] * width
            flow[FLOW_LOUD] = -1
            if edge[G_PLAIN] == 0:
                flow[FLOW_LOUD] = n_loud
                flow[FLOW_MOVES] = _map_columns(follow, kinds, nodes, count, edge[G_OUT], n_loud)
                n_loud += 1
            nodes.flow_weight[n] = weight
            n += 1
    count[N_FLOWS] = n


@borrow
def _map_columns(follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, o: int, loud: int) -> int:
    """Where an outcome that meets watchers or changes passive attributes puts each column; 1 if it moves any."""
    out, n_passive, n_watched, moves = kinds.out[o], kinds.utility.shape[1], count[N_WATCHED], 0
    gone, changes = out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING], out[O_CLEAR] | out[O_SET]
    column, first = nodes.column[loud], loud * count[N_DENSE]
    for k in range(count[N_DENSE]):
        c = nodes.dense[0, k]
        column[k] = k if c >= 0 else -1
        if 0 <= c < n_passive and changes != 0:
            column[k] = nodes.dense[1, passive_column(follow, c, out[O_CLEAR], out[O_SET])]
        elif n_passive <= c < n_passive + n_watched:
            column[k] = -1 if (gone >> nodes.watch[c - n_passive]) & 1 else k
        elif c >= n_passive + n_watched:
            if out[O_STAYS] == 0 and nodes.slot[c - n_passive - n_watched, W_STOPS] != 0:
                column[k] = -1
            elif changes != 0:
                to = moved_slot(follow, nodes, count, n_passive, c, out[O_CLEAR], out[O_SET])
                column[k] = nodes.dense[1, to] if to >= 0 else -1
        moves |= column[k] >= 0 and column[k] != k
        nodes.share[first + k] = 0.0 if column[k] < 0 else 1.0
    return moves


@borrow
def pass_on(nodes: Nodes, count: IntArray, now: FloatArray, after: FloatArray, scale: float) -> float:
    """One application of the generator: `after` = `scale` A `now`; returns the size of what moved."""
    width, passive, share = count[N_DENSE], count[N_PASSIVE], scratch(nodes.share)
    for i in range(count[N_ROWS]):
        out, c = -scale * nodes.out_rate[i], i * width
        while c < (i + 1) * width:
            set_four(after, c, now, c, out)
            c += 4
    for i in range(count[N_FLOWS]):
        flow, weight = nodes.flow[i], scale * nodes.flow_weight[i]
        source, target, loud, c = flow[FLOW_SOURCE], flow[FLOW_TARGET], flow[FLOW_LOUD], 0
        if loud < 0:
            while c < width:
                add_four(after, target + c, now, source + c, weight)
                c += 4
        elif flow[FLOW_MOVES] == 0:
            while c < width:
                add_four_of(after, target + c, now, source + c, share, loud * width + c, weight)
                c += 4
        else:
            column = nodes.column[loud]
            while c < width:
                if column[c] >= 0:
                    after[target + column[c]] += weight * now[source + c]
                c += 1
    sizes = scratch(nodes.summed)
    for i in range(4):
        sizes[i] = 0.0
    for i in range(count[N_ROWS]):
        c = i * width
        while c < i * width + passive:
            add_four_sizes(sizes, after, c)
            c += 4
    return (sizes[0] + sizes[1]) + (sizes[2] + sizes[3])


@borrow
def series(f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, years: float) -> None:
    """Masses at the end of a step, and their integrals over it: one Taylor series of the generator.

    The largest rate out of a node bounds the terms that are left out.
    """
    whole, most = choose_nodes(kinds, nodes, count)
    choose_columns(follow, kinds, nodes, count)
    choose_flows(follow, kinds, nodes, count)
    width, k, size, first = count[N_DENSE], 0, whole, scratch(nodes.term)
    stride = count[N_ROWS] * width
    for i in range(count[N_ROWS]):
        mass = nodes.mass[nodes.held[i]]
        for c in range(width):
            at = nodes.dense[0, c]
            first[i * width + c] = mass[at] if at >= 0 else 0.0
    while k + 1 < MAX_TERMS and size * 2.0 * most > SERIES_ERROR * whole * (k + 1):
        k += 1
        size = pass_on(nodes, count, advance(first, (k - 1) * stride), advance(first, k * stride), 1.0 / k)
    count[N_TERMS] = k + 1
    _weigh_terms(f, nodes, k + 1, years)
    for i in range(count[N_ROWS]):
        _sum_terms(nodes, count, i, k + 1)


@borrow
def mass_within(nodes: Nodes, count: IntArray, d: int, share: float) -> float:
    """Mass of a node when a share of the step that has been summed is over."""
    if nodes.place[d] < 0:
        return 0.0
    first, stride = nodes.place[d] * count[N_DENSE], count[N_ROWS] * count[N_DENSE]
    mass, term = 0.0, scratch(nodes.term)
    for k in range(count[N_TERMS] - 1, -1, -1):
        amount = 0.0
        for c in range(count[N_PASSIVE]):
            amount += term[first + k * stride + c]
        mass = mass * share + amount
    return mass


@borrow
def credit_slowed(nodes: Nodes, count: IntArray) -> None:
    """Years of slowed nodes as long as they are: nobody stays longer there than the true hazard lets them."""
    stride = count[N_ROWS] * count[N_DENSE]
    for i in range(count[N_ROWS]):
        d = nodes.held[i]
        slowed = nodes.moment[d, X_SLOWED]
        if slowed < 1.0:
            for years in (nodes.years[d], nodes.years_cost[d], nodes.years_effect[d]):
                for c in range(len(years)):
                    years[c] *= slowed
            for k in range(count[N_TERMS]):
                for c in range(count[N_DENSE]):
                    nodes.term[k * stride + i * count[N_DENSE] + c] *= slowed


@borrow
def power_integral(rate: float, k: int) -> float:
    """Integral over s from 0 to 1 of exp(-rate s) s^k."""
    value, size = 0.0, 1.0
    for i in range(30):
        value += size / (k + i + 1)
        size *= -rate / (i + 1)
        if abs(size) < 1e-17:
            break
    return value


@borrow
def _weigh_terms(f: FloatArray, nodes: Nodes, n_terms: int, years: float) -> None:
    """Weights of the series' terms in the mass at the step's end, in its integrals, and in its mean time."""
    rate_cost, rate_effect = f[F_RATE_COSTS] * years, f[F_RATE_EFFECTS] * years
    for k in range(n_terms):
        weight = nodes.power[k]
        weight[X_AFTER], weight[X_YEARS], weight[X_TIME] = 1.0, 1.0 / (k + 1), 1.0 / (k + 2)
        weight[X_COST] = power_integral(rate_cost, k)
        weight[X_EFFECT] = weight[X_COST] if rate_cost == rate_effect else power_integral(rate_effect, k)


@borrow
def _sum_terms(nodes: Nodes, count: IntArray, i: int, n_terms: int) -> None:
    """Sum the series of one node, and hand the sums out to its columns: fewer of watchers and losses."""
    d, width, passive = nodes.held[i], count[N_DENSE], count[N_PASSIVE]
    mass, years, years_effect, moment = nodes.mass[d], nodes.years[d], nodes.years_effect[d], nodes.moment[d]
    years_cost = nodes.years_cost[d]
    sums, term, weight = scratch(nodes.summed), scratch(nodes.term), scratch(nodes.power)
    c, stride = 0, count[N_ROWS] * width
    while c < passive:
        sum_fours(sums, c, width, term, i * width + c, stride, weight, N_SUMMED, n_terms, N_SUMMED)
        c += 4
    while c < width:
        sum_fours(sums, c, width, term, i * width + c, stride, weight, N_SUMMED, n_terms, N_SUMMED_OF_REST)
        c += 4
    for c in range(width):
        at = nodes.dense[0, c]
        if at >= 0:
            mass[at], years[at] = sums[X_AFTER * width + c], sums[X_YEARS * width + c]
            years_effect[at] = sums[X_EFFECT * width + c]
            if c < passive:
                years_cost[at] = sums[X_COST * width + c]
    for what in range(N_SUMMED):
        amount = 0.0
        for c in range(what * width, what * width + passive):
            amount += sums[c]
        moment[what] = amount


@borrow
def flow_out(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, start: float, stop: float,
    strategy: int,
) -> None:
    """What leaves nodes during a step: notes of the links, watchers that are met, mass into boxes and ends."""
    factor_cost, factor_effect = math.exp(-f[F_RATE_COSTS] * start), math.exp(-f[F_RATE_EFFECTS] * start)
    for i in range(count[N_PAYING]):
        link = nodes.paying[i]
        weight, moment = nodes.link_real[link, LR_WEIGHT], nodes.moment[nodes.link[link, L_NODE]]
        if nodes.row[nodes.link[link, L_NODE], D_ALIVE] != 0 and weight * moment[X_YEARS] > 0.0:
            j = nodes.link[link, L_MOVE]
            note_flux(
                m, f, kinds, solved, kinds.move[j, M_FIRST_NOTE], kinds.move[j, M_LAST_NOTE], weight * moment[X_YEARS],
                weight * moment[X_COST] * factor_cost, weight * moment[X_EFFECT] * factor_effect,
            )
    watched = 0
    for k in range(count[N_WATCHED]):
        watched |= 1 << nodes.watch[k]
        for what in range(nodes.met.shape[1]):
            nodes.met[k, what] = 0.0
    step = step_of(stop, f[F_OCCUPANCY_PER_YEAR], solved.ended.shape[1] - 1)
    for i in range(count[N_LEAVING]):
        g = nodes.leaving[i]
        edge = nodes.edge[g]
        d, target = edge[G_SOURCE], edge[G_TARGET]
        if nodes.row[d, D_ALIVE] == 0:
            continue
        weight = nodes.link_real[edge[G_LINK], LR_WEIGHT] * nodes.edge_p[g]
        amount = weight * nodes.moment[d, X_YEARS]
        if amount <= 0.0:
            continue
        out = kinds.out[edge[G_OUT]]
        if (out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING]) & watched:
            _meet_over(kinds, nodes, count, out, d, weight)
        if target == TO_END:
            solved.ended[out[O_STATE], step] += amount
        elif target <= TO_BOX:
            _flow_to_box(
                m, wi, wf, v, x, follow, kinds, nodes, boxes, chain, count, TO_BOX - target, out, d, weight, start,
                stop, strategy,
            )
    for k in range(count[N_WATCHED]):
        for how in range(3):
            if nodes.met[k, how] != 0.0:
                count_over(f, solved, nodes.watch[k], how, nodes.met[k], start, stop)


@borrow
def _meet_over(kinds: Kinds, nodes: Nodes, count: IntArray, out: IntArray, d: int, weight: float) -> None:
    """Watchers that are met, by how, on the way of an outcome from node `d` during a step."""
    n_passive, met, competing = kinds.utility.shape[1], out[O_EVENT], out[O_COMPETING]
    gone = met | competing | out[O_CENSORING]
    for k in range(count[N_WATCHED]):
        w = nodes.watch[k]
        if (gone >> w) & 1:
            how = EVENT if (met >> w) & 1 else (COMPETING if (competing >> w) & 1 else CENSORED)
            nodes.met[k, how] += weight * nodes.years[d, n_passive + k]
            at = nodes.dense[1, n_passive + k]
            if at >= 0 and nodes.place[d] >= 0:
                nodes.met[k, 3 + how] += weight * nodes.term[nodes.place[d] * count[N_DENSE] + at]
                nodes.met[k, 6 + how] += weight * nodes.mass[d, n_passive + k]


@borrow
def _flow_to_box(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    nodes: Nodes, boxes: Boxes, chain: Chain, count: IntArray, b: int, out: IntArray, d: int, weight: float,
    start: float, stop: float, strategy: int,
) -> None:
    """What enters box `b` from node `d` during a step, at its mean time."""
    n_passive, vector, years = kinds.utility.shape[1], nodes.vector, nodes.years[d]
    gone = out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING]
    for c in range(count[N_USED]):
        vector[c] = weight * years[c]
    for c in range(count[N_USED], n_passive + count[N_WATCHED] + len(nodes.slot)):
        vector[c] = 0.0
    for k in range(count[N_WATCHED]):
        if (gone >> nodes.watch[k]) & 1:
            vector[n_passive + k] = 0.0
    recombine(follow, vector, n_passive, out[O_CLEAR], out[O_SET])
    time = start + (stop - start) * nodes.moment[d, X_TIME] / nodes.moment[d, X_YEARS]
    clock = chain.clock[len(chain.p) + OF_NODE]
    set_vector(clock, nodes.clock[d], 1.0)
    started = starting(m, clock, out[O_STARTED])
    for c in range(len(clock)):
        if (started >> c) & 1:
            clock[c] = time
    n = 0
    if count[N_USED] > n_passive + count[N_WATCHED]:
        n = take_terms(follow, nodes, boxes, count, n_passive, vector, out[O_CLEAR], out[O_SET], True, time)
    n = add_marks(
        m, wi, wf, v, x, follow, boxes, count, n_passive, vector, n, out[O_LOSSES], out[O_ALL], clock, time, strategy
    )
    put_in_box(follow, kinds, nodes, boxes, count, b, vector, n, time, clock, weight * nodes.moment[d, X_YEARS])
