"""What the exact solution keeps while it follows one kind of patient through one strategy.

The cohort is a set of *parcels* of probability. A **kind** is a state with the attributes that its future depends on;
a **node** is a kind with the readings of its clocks: the time of entry where that matters, and the origins of named
clocks. All nodes whose clocks differ by fixed amounts alone form a **sheet**, which is followed through time by the
exponential of its generator. Entries into states where the time since entry matters, at times that are not fixed, are
collected in **boxes** by kind and narrow intervals of time; each interval starts a sheet of its own at its mean time.

The mass of a node is a row of columns: first one for each combination of passive attributes, then one for each
*watcher* that the sheet follows (an endpoint or mark: the mass that it has not met yet), then slots of reduced utility
(`lmssim.kernels.cohort.losses`). In boxes every watcher has its column.
"""

from __future__ import annotations

from typing import NamedTuple

from lmssim.kernels import FloatArray, IntArray

(
    OK, NODES_FULL, KINDS_FULL, CHAINS_FULL, LINKS_FULL, BOXES_FULL, BRANCHES_WRONG, CLOCK_UNREAD, TOO_DEEP, TOO_MANY,
    TOO_LONG,
) = range(11)
LOSSES_FULL, LOSS_TWICE = 20, 21
"""Results of a solution: too deep is a chain of chance states, too many are losses of utility open at once, too long
are more steps than a solution may take."""

# counters
(
    N_KINDS, N_MOVES, N_OUTS, N_NOTES, N_NODES, N_LINKS, N_EDGES, N_VISITS, N_TICKS, N_SPECS, N_BOXES, N_SLOTS, N_BINS,
    FAILED, FAILED_STATE, N_STORED, N_SHEETS, N_STEPS, N_LIVE, N_WATCHED, N_FLOWS, N_USED,
    N_TIMED, N_WITHIN, N_LEAVING, N_ROWS, N_DENSE, N_PASSIVE, N_SEEN,
    N_PAYING, N_TERMS, N_HELD, N_SHORT,
) = range(33)
N_COUNTERS = 40

# a kind
K_STATE, K_ATTRIBUTES, K_CURES, K_ENTRY, K_FIRST_MOVE, K_LAST_MOVE, K_STORE = range(7)
K_WIDTH = 7
# a move out of a kind: a transition with what is fixed for the kind
BY_HAZARD, BY_DELAY, AT_VISITS = range(3)
M_ROW, M_HOW, M_FAMILY, M_FIRST_OUT, M_LAST_OUT, M_FIRST_NOTE, M_LAST_NOTE, M_TIMED = range(8)
M_WIDTH = 8
MR_A, MR_B, MR_C, MR_RATIO, MR_STRETCH = range(5)
MR_WIDTH = 5
# an outcome of a move: where its chain of chance states ends
(
    O_STATE, O_ATTRIBUTES, O_CURES, O_CLEAR, O_SET, O_EVENT, O_COMPETING, O_CENSORING, O_STARTED, O_STAYS, O_LOSSES,
    O_ALL,
) = range(12)
"""Among them the marks on the way that take utility away, as bits, and all attributes, read later or not."""
O_WIDTH = 12
# what falls on the way, per unit of mass that moves
NOTE_COST, NOTE_QALY, NOTE_ENTRY, NOTE_MARK = range(4)
Q_WHAT, Q_INDEX, Q_STATE = range(3)
Q_WIDTH = 3
# a node
(
    D_KIND, D_ALIVE, D_BUILT, D_FIRST_LINK, D_LAST_LINK, D_FIRST_VISIT, D_LAST_VISIT, D_MOVE, D_KEY,
) = range(9)
D_WIDTH = 9
DR_ENTERED, DR_END = range(2)
# a link: a node's move by hazard; an edge: one outcome of a link
L_NODE, L_MOVE, L_SPEC = range(3)
L_WIDTH = 3
G_LINK, G_SOURCE, G_TARGET, G_OUT, G_PLAIN = range(5)
G_WIDTH = 5
TO_BOX, TO_END = -2, -1
LR_WEIGHT, LR_RATIO, LR_EFFECT, LR_UNTIL = range(4)
"""A link's part of the generator over a step, its hazard ratio, the effect that changes with time, and until when."""
LR_WIDTH = 4
FLOW_SOURCE, FLOW_TARGET, FLOW_LOUD, FLOW_MOVES = range(4)
FLOW_WIDTH = 4
X_AFTER, X_YEARS, X_EFFECT, X_COST, X_TIME, X_OUT, X_BEFORE, X_SLOWED = range(8)
"""Of a node's mass in a step, per unit of the step: at its end, the integral, discounted as effects and as costs,
weighted by time (of single columns, the first three of watchers and losses too); the expected number of moves out of
it; the mass at the step's beginning; by how much its moves are slowed, 1 if not at all."""
N_MOMENTS, N_SUMMED, N_SUMMED_OF_REST = 8, 5, 3
MAX_TERMS = 20
"""Terms of a series at most: a step in which a node expects `MOST_RATE` moves needs fewer."""
# a hazard shared by links, its cumulative values at a step's ends, and the time of the first
S_ORIGIN, S_A, S_B, S_C, S_STRETCH, S_BEFORE, S_AFTER, S_KNOWN = range(8)
SR_WIDTH = 8
# a visit of a node: its next tick and the last; whether it is light, and the watchers that it meets
Y_NODE, Y_MOVE, Y_NEXT, Y_LAST, Y_LIGHT, Y_MET = range(6)
Y_WIDTH = 6
"""A visit is light if it leaves everybody as they are: it is then paid for like a tick, within steps."""
# a guard of what is read later
Z_CARE, Z_WANT, Z_BITS, Z_MAY_SET, Z_MAY_CLEAR = range(5)
# a slot of reduced utility (`lmssim.kernels.cohort.losses`)
W_OPEN, W_CODES, W_COLUMN, W_STOPS = range(4)
W_WIDTH = 4
# the same in a box: with the band of the time that is left, the sign, and the next of its interval
U_CODES, U_COLUMN, U_STOPS, U_BAND, U_SIGN, U_NEXT = range(6)
U_WIDTH = 6
U_SUM, U_LEFT = range(2)
N_BANDS = 257
FREE = 0
# what is added up of a node: years, years discounted as costs and as effects, and the latter and plain times the norm
A_YEARS, A_COST, A_EFFECT, A_NORM_EFFECT, A_NORM = range(5)
N_SUMS = 5


class Kinds(NamedTuple):
    """Kinds and what can happen to them, made when first met."""

    row: IntArray
    clock: FloatArray
    """Clocks of the first node of a kind."""
    hash: IntArray
    utility: FloatArray
    """(n, n_passive)."""
    rate: FloatArray
    """(n, n_categories, n_passive): costs per year."""
    move: IntArray
    move_real: FloatArray
    out: IntArray
    out_p: FloatArray
    note: IntArray
    note_size: FloatArray
    n_stored: IntArray
    """One number: kinds whose excluded costs can be stored."""


class Nodes(NamedTuple):
    """Nodes of the sheet that is being followed."""

    row: IntArray
    real: FloatArray
    clock: FloatArray
    mass: FloatArray
    term: FloatArray
    """Terms of a step's series, one after the other: rows of nodes, of the columns that hold mass, densely."""
    summed: FloatArray
    power: FloatArray
    """(MAX_TERMS, N_SUMMED): weights of the terms in what is summed."""
    place: IntArray
    """By node, its row in a term; -1 if it holds nothing."""
    held: IntArray
    """By row in a term, the node."""
    out_rate: FloatArray
    """By row in a term, the expected number of moves out of it."""
    dense: IntArray
    """The column of the mass by column of a term, -1 if none; and the reverse."""
    column: IntArray
    """By loud flow and column of a term, the column in which it arrives; -1 if nowhere."""
    share: FloatArray
    """The share of each that arrives, 0 or 1, densely."""
    seen: FloatArray
    vector: FloatArray
    years: FloatArray
    """Integrals of the mass over a step, per unit of the step; then discounted as costs, and as effects."""
    years_cost: FloatArray
    years_effect: FloatArray
    moment: FloatArray
    """By node, the columns `X_...`."""
    sums: FloatArray
    link: IntArray
    link_real: FloatArray
    """By the columns `LR_...`."""
    timed: IntArray
    """Links whose effects change with time."""
    paying: IntArray
    """Links on whose way something is written down."""
    edge: IntArray
    edge_p: FloatArray
    within: IntArray
    """Edges between nodes of the sheet."""
    leaving: IntArray
    """Edges out of the sheet, and those within it that change more than the node."""
    spec: IntArray
    spec_real: FloatArray
    visit: IntArray
    """By the columns `Y_...`."""
    tick: IntArray
    """Node, schedule or -1 - limited reward, next tick."""
    tick_real: FloatArray
    slot: IntArray
    slot_end: FloatArray
    slot_began: FloatArray
    live: IntArray
    flow: IntArray
    """Edges within the sheet that carry mass in a step: where their rows begin in a term, whether they
    meet watchers or change passive attributes (the row in `column` and `share`, else -1), and whether they do the
    latter."""
    flow_weight: FloatArray
    watch: IntArray
    """Watchers that the sheet follows, in the order of its columns."""
    met: FloatArray
    """(n_watchers, 9): what each of them meets in a step, by how, then its rates as the step begins and as it ends."""


class Boxes(NamedTuple):
    """Entries collected by kind and interval."""

    row: IntArray
    """State, attributes, cures."""
    hash: IntArray
    mass: FloatArray
    """(n_boxes, n_bins, n_columns): combinations of passive attributes, and every watcher."""
    time: FloatArray
    """Sums of mass x time of entry."""
    clock: FloatArray
    """Sums of mass x clock origin."""
    clock_mass: FloatArray
    done: IntArray
    """By state, the interval whose sheet has been followed last."""
    first: IntArray
    """(n_boxes, n_bins): the first row in `held` of what is open; -1 if nothing is."""
    held: IntArray
    """By the columns `U_...`."""
    held_sum: FloatArray
    """Products of losses times mass, and the same times the years that are left of them."""
    free: IntArray
    """One number: the first row of `held` that has been freed; -1 if there is none."""
    band: FloatArray
    """(N_BANDS, 2, 2): the sums of `held_sum` by band and sign."""
    term: IntArray
    """In hand, by the columns `U_...`."""
    term_sum: FloatArray
    """Their products of losses times mass, and the years that are left."""


class Chain(NamedTuple):
    """A stack of arrivals that are still to be followed through chance states and events.

    The last rows are kept for what is in hand, so that nothing is allocated while the cohort is followed.
    """

    item: IntArray
    p: FloatArray
    clock: FloatArray
    vector: FloatArray


SPARE = 32
"""Rows of the stack that are kept apart."""
AT_START, AT_ITEM, AT_HAPPEN, AT_BRANCH, AT_ARRIVE, AT_EVENT, AT_BOX = (-1, -2, -3, -4, -5, -6, -7)
"""Items in hand, from the end."""
OF_MOVE, OF_OUTCOME, OF_ARRIVAL, OF_EVENT, OF_BOX = (-1, -2, -3, -4, -5)
"""Vectors in hand, from the end."""
OF_SOURCE, OF_TARGET, OF_NODE, OF_BEGIN = (-1, -2, -3, -4)
"""Clocks in hand, from the end."""


class Solved(NamedTuple):
    """What comes out, for one patient of the kind."""

    outcome: FloatArray
    """As the individual engines' outcomes."""
    state: FloatArray
    """(n_states, 4) as their sums by state."""
    endpoint: FloatArray
    """(n_watchers, 3, n_steps + 2): probability of ending by step of time."""
    early: FloatArray
    """(n_watchers, 2, n_steps + 2): where in their steps the events fall, as `lmssim.kernels.tally.Counts.early`."""
    level: FloatArray
    """(n_states, n_occupancy + 2): occupancy on its grid."""
    ended: FloatArray
    """(n_states, n_occupancy + 2): entries into absorbing states by step."""
    entries: FloatArray
    marks: FloatArray
    excluded: FloatArray
    """(n_stored, n_bins, n_categories, 2): costs that terminal care would replace, by kind and interval."""
    closed: FloatArray
    """Spread of clocks held at their mean at entry into a box, by named clock: sums of mass, and of mass x variance."""
    soon: FloatArray
    """Scratch, (3, n_kinds): probability of a death within the window of terminal care."""


class Follow(NamedTuple):
    """What has to be followed of a patient under a strategy (`lmssim.engines.cohort.liveness`), and the grid of all."""

    live_bits: IntArray
    first_guard: IntArray
    guards: IntArray
    """By the columns `Z_...`."""
    live_clocks: IntArray
    live_cures: IntArray
    entry_bits: IntArray
    boxed: IntArray
    timed: IntArray
    passive: IntArray
    cure_of_risk: IntArray
    recorded: IntArray
    ahead: IntArray
    """By state, watchers that may still meet something from it on, as bits."""
    watcher: IntArray
    """By mark, its watcher; negative if it has none."""
    losing: IntArray
    """By mark, its bit among those that take utility away; -1 if it takes none."""
    code: IntArray
    """By mark, the code of its loss, as a word with one bit; 0 if repeats of it stack or never come."""
    tick_code: IntArray
    """By number of a schedule, the code of its ticks' losses."""
    stopping: IntArray
    """One number: whether some loss of utility ends on leaving a state."""
    excludes: IntArray
    """One word: categories that some terminal care replaces."""
    bins: FloatArray
    """(n_bins + 1,) edges of the intervals."""
    stops: FloatArray
    """Named times, at which every sheet's steps end."""
    step: FloatArray
    """By the columns `P_...`: how fine the solution is."""


P_STEP, P_GROWTH, P_LEAST, P_FINE_UNTIL, P_WIDEST = range(5)
"""Longest step (years), its growth per year of time, least mass of a sheet, until when steps end on the grid of
endpoints, and the widest interval that is joined to the next for want of mass (years)."""
