"""Where things stand in a program's memory: two flat arrays, one of integers and one of floats.

Kernels take these two arrays instead of a hundred: numba counts references to every array that a function touches, and
a tuple of a hundred arrays costs microseconds a call. Each kind of thing (state, transition, ...) is a table of
rows in the integer memory `m`; a row is found through the table's base in the header and read at a named column::

    t = m[H_TRANSITION] + j * T_WIDTH
    target = m[t + T_TO]

Lists within rows are pairs of positions (first, last) in `m`. Tables of floats stand in `f`, found the same way.
`lmssim.model.program.pack` writes what is laid out here. Letters used throughout the kernels:

m, f      the program: integers and floats, the same for every draw, strategy and patient
wi, wf    a worker's scratch: integers and floats
v         the program's numbers for one draw and strategy
x         a patient's columns: covariates and expressions of them

A *ref* is a slot of `v` when it is 0 or more, else ``-1 - ref`` is a stack-machine program; `NONE` is no value.
"""

from __future__ import annotations

NONE = -(1 << 62)
"""Ref of a value that is not given."""

DWELLING, CHANCE, ABSORBING = 0, 1, 2
CLOCK_ENTRY, CLOCK_MODEL, CLOCK_AGE = -1, -2, -3
ON_HAZARD, ON_TIME, ON_LOGIT = 0, 1, 2
WHY_HORIZON, WHY_CHANCE, WHY_EVENT, WHY_END = -1, -2, -3, -4
"""Why a stay ended, where no transition (0 and up) ended it."""

OK, ROWS_FULL, MARKS_FULL, CLOCK_UNSET, BAD_PROBABILITY, TOO_LONG, BAD_VALUE = range(7)
"""Results of a walk."""
MAX_STEPS = 100_000
"""Entries into states after which a life is refused as endless."""

HEADER = (
    # bases of tables of rows
    "state", "transition", "branch", "event", "effect", "plan", "code", "schedule", "limited", "terminal", "axis",
    # bases of lists
    "risk_decision", "cure_decision", "decision_address", "rate_family", "clock_first", "plan_table", "tick_start",
    "strategy", "life_offset", "life_n", "origin_state", "combined",
    # bases in the floats
    "tick_time", "tick_discount", "step_time", "step_factor", "life", "norm", "norm_sum", "norm_discounted",
    "age_discount", "cycle_time", "point", "lump", "combined_weight",
    # counts and single values
    "n_states", "n_clocks", "n_risks", "n_plans", "n_ages", "n_categories", "n_endpoints", "n_marks", "n_steps",
    "n_occupancy", "start_state", "mix_decision", "age_column", "life_column", "norm_column", "additive", "lossy",
    "difference", "n_cycles", "n_passes", "n_paid", "n_combined",
    # bases in the scratch
    "w_clock_count", "w_entry_count", "w_event_count", "w_risk", "w_stamp", "w_memo", "w_met", "w_start",
    "wf_clock", "wf_risk", "wf_luck", "wf_stack",
    "wf_weight", "wf_memo", "wf_lag",
)
"""Integers at the head of `m`, in order."""
(
    H_STATE, H_TRANSITION, H_BRANCH, H_EVENT, H_EFFECT, H_PLAN, H_CODE, H_SCHEDULE, H_LIMITED, H_TERMINAL,
    H_AXIS,
    H_RISK_DECISION, H_CURE_DECISION, H_DECISION_ADDRESS, H_RATE_FAMILY, H_CLOCK_FIRST, H_PLAN_TABLE, H_TICK_START,
    H_STRATEGY, H_LIFE_OFFSET, H_LIFE_N, H_ORIGIN_STATE, H_COMBINED,
    H_TICK_TIME, H_TICK_DISCOUNT, H_STEP_TIME, H_STEP_FACTOR, H_LIFE, H_NORM, H_NORM_SUM, H_NORM_DISCOUNTED,
    H_AGE_DISCOUNT, H_CYCLE_TIME, H_POINT, H_LUMP, H_COMBINED_WEIGHT,
    H_N_STATES, H_N_CLOCKS, H_N_RISKS, H_N_PLANS, H_N_AGES, H_N_CATEGORIES, H_N_ENDPOINTS, H_N_MARKS, H_N_STEPS,
    H_N_OCCUPANCY, H_START_STATE, H_MIX_DECISION, H_AGE_COLUMN, H_LIFE_COLUMN, H_NORM_COLUMN, H_ADDITIVE, H_LOSSY,
    H_DIFFERENCE, H_N_CYCLES, H_N_PASSES, H_N_PAID, H_N_COMBINED,
    H_W_CLOCK_COUNT, H_W_ENTRY_COUNT, H_W_EVENT_COUNT, H_W_RISK, H_W_STAMP, H_W_MEMO, H_W_MET, H_W_START,
    H_WF_CLOCK, H_WF_RISK, H_WF_LUCK, H_WF_STACK,
    H_WF_WEIGHT, H_WF_MEMO, H_WF_LAG,
) = range(len(HEADER))

FLOAT_HEADER = (
    "horizon", "rate_costs", "rate_effects", "inverse_costs", "inverse_effects", "steps_per_year",
    "occupancy_per_year", "cycles_per_year", "age_lag",
)
(
    F_HORIZON, F_RATE_COSTS, F_RATE_EFFECTS, F_INVERSE_COSTS, F_INVERSE_EFFECTS, F_STEPS_PER_YEAR,
    F_OCCUPANCY_PER_YEAR, F_CYCLES_PER_YEAR, F_AGE_LAG,
) = range(len(FLOAT_HEADER))
"""Discount rates are continuous; the inverse of a rate of 0 stands as 0. The last two are of models in cycles."""

STATE = (
    "kind", "first_transition", "last_transition", "first_branch", "last_branch", "first_event", "last_event",
    "first_clock", "last_clock", "clear", "set", "recorded", "decision",
    "alive", "utility", "entry_qaly", "first_rate", "last_rate", "first_entry", "last_entry", "first_schedule",
    "last_schedule", "first_limited", "last_limited", "terminal", "event_of", "competing_of", "censoring_of",
    "renews",
)
(
    S_KIND, S_FIRST_TRANSITION, S_LAST_TRANSITION, S_FIRST_BRANCH, S_LAST_BRANCH, S_FIRST_EVENT, S_LAST_EVENT,
    S_FIRST_CLOCK, S_LAST_CLOCK, S_CLEAR, S_SET, S_RECORDED, S_DECISION,
    S_ALIVE, S_UTILITY, S_ENTRY_QALY, S_FIRST_RATE, S_LAST_RATE, S_FIRST_ENTRY, S_LAST_ENTRY, S_FIRST_SCHEDULE,
    S_LAST_SCHEDULE, S_FIRST_LIMITED, S_LAST_LIMITED, S_TERMINAL, S_EVENT_OF, S_COMPETING_OF, S_CENSORING_OF,
    S_RENEWS,
) = range(len(STATE))
S_WIDTH = len(STATE)
"""A state renews if any of its transitions draws a fresh budget at each entry."""

TRANSITION = (
    "to", "family", "ref_a", "ref_b", "ref_c", "clock", "default_model", "risk", "fresh", "rate_id", "cure",
    "cure_redraw", "first_effect", "last_effect", "effect_bits", "timed", "care", "want", "rule", "clear", "set",
    "silent", "mark", "event", "plan", "test_decision", "first_cost", "last_cost", "first_count", "last_count",
    "qalys", "over_stay", "differs",
)
(
    T_TO, T_FAMILY, T_REF_A, T_REF_B, T_REF_C, T_CLOCK, T_DEFAULT_MODEL, T_RISK, T_FRESH, T_RATE_ID, T_CURE,
    T_CURE_REDRAW, T_FIRST_EFFECT, T_LAST_EFFECT, T_EFFECT_BITS, T_TIMED, T_CARE, T_WANT, T_RULE, T_CLEAR, T_SET,
    T_SILENT, T_MARK, T_EVENT, T_PLAN, T_TEST_DECISION, T_FIRST_COST, T_LAST_COST, T_FIRST_COUNT,
    T_LAST_COUNT, T_QALYS, T_OVER_STAY, T_DIFFERS,
) = range(len(TRANSITION))
T_WIDTH = len(TRANSITION)

EFFECT = ("column", "mask", "ref", "on", "clock", "first_step", "last_step")
E_COLUMN, E_MASK, E_REF, E_ON, E_CLOCK, E_FIRST_STEP, E_LAST_STEP = range(len(EFFECT))
E_WIDTH = len(EFFECT)

BRANCH = ("to", "ref", "care", "want", "rule", "first_effect", "last_effect", "clear", "set", "differs")
B_TO, B_REF, B_CARE, B_WANT, B_RULE, B_FIRST_EFFECT, B_LAST_EFFECT, B_CLEAR, B_SET, B_DIFFERS = range(len(BRANCH))
B_WIDTH = len(BRANCH)

EVENT = (
    "ref", "first_effect", "last_effect", "care", "want", "rule", "decision", "clear", "set", "death_ref",
    "death_decision", "death_state", "first_cost", "last_cost", "loss", "years", "stops", "stacks", "event_of",
    "competing_of", "differs",
)
(
    V_REF, V_FIRST_EFFECT, V_LAST_EFFECT, V_CARE, V_WANT, V_RULE, V_DECISION, V_CLEAR, V_SET, V_DEATH_REF,
    V_DEATH_DECISION, V_DEATH_STATE, V_FIRST_COST, V_LAST_COST, V_LOSS, V_YEARS, V_STOPS, V_STACKS, V_EVENT_OF,
    V_COMPETING_OF, V_DIFFERS,
) = range(len(EVENT))
V_WIDTH = len(EVENT)
"""Rows of events are followed by those of marks that are no events: only their last columns are read."""

CODE = ("first", "last", "memo", "stamp", "class", "first_bit", "last_bit")
"""A program; if it does not read the time, where its values are kept (else -1), for how long (the integer of the
scratch that says so), a list with the class of each strategy, and one of the attribute bits that it reads."""
P_FIRST, P_LAST, P_MEMO, P_STAMP, P_CLASS, P_FIRST_BIT, P_LAST_BIT = range(len(CODE))
P_WIDTH = len(CODE)

STRATEGY = ("start_bits", "first_rule", "last_rule", "first_mix", "last_mix")
G_START_BITS, G_FIRST_RULE, G_LAST_RULE, G_FIRST_MIX, G_LAST_MIX = range(len(STRATEGY))
G_WIDTH = len(STRATEGY)

SCHEDULE = ("plan", "loss", "years", "number", "first_cost", "last_cost")
C_PLAN, C_LOSS, C_YEARS, C_NUMBER, C_FIRST_COST, C_LAST_COST = range(len(SCHEDULE))
C_WIDTH = len(SCHEDULE)

LIMITED = ("years", "loss", "first_cost", "last_cost")
L_YEARS, L_LOSS, L_FIRST_COST, L_LAST_COST = range(len(LIMITED))
L_WIDTH = len(LIMITED)

TERMINAL = ("window", "excludes", "first_cost", "last_cost", "first_before", "last_before")
D_WINDOW, D_EXCLUDES, D_FIRST_COST, D_LAST_COST, D_FIRST_BEFORE, D_LAST_BEFORE = range(len(TERMINAL))
D_WIDTH = len(TERMINAL)

AXIS = ("first", "n", "exact")
"""One key of a lookup table: where its codes stand in `v`, ascending; of bands the starts, else codes to be met."""
X_FIRST, X_N, X_EXACT = range(len(AXIS))
X_WIDTH = len(AXIS)

# models in cycles: floats by pass and occupancy point, and by point for lump sums
POINT = ("years", "cost_years", "effect_years", "time", "lag")
"""Years that a point stands for, plain and discounted; `time` for its expressions; how much later clocks are read."""
N_YEARS, N_COST_YEARS, N_EFFECT_YEARS, N_TIME, N_LAG = range(len(POINT))
N_WIDTH = len(POINT)
LUMP = ("costs", "effects", "time", "lag", "move", "move_costs", "move_effects")
"""Discount factors of what falls at a point; `time` for its expressions; how much later clocks are read; then the
weights of what a transition pays there: plain, and discounted as costs and as effects."""
U_COSTS, U_EFFECTS, U_TIME, U_LAG, U_MOVE, U_MOVE_COSTS, U_MOVE_EFFECTS = range(len(LUMP))
U_WIDTH = len(LUMP)

# a worker's scratch: what it knows of each risk
RISK = ("rate", "bits", "occurrence")
R_RATE, R_BITS, R_OCCURRENCE = range(len(RISK))
R_WIDTH = len(RISK)
RISK_FLOATS = ("budget", "time", "since", "until", "origin", "ratio", "stretch", "a", "b", "c", "used")
R_BUDGET, R_TIME, R_SINCE, R_UNTIL, R_ORIGIN, R_RATIO, R_STRETCH, R_A, R_B, R_C, R_USED = range(len(RISK_FLOATS))
RF_WIDTH = len(RISK_FLOATS)
W_STAMP, W_INFO, W_PATIENT, W_STRATEGY, W_EPOCH, W_WHO, W_MET, W_BAD, W_FREE = range(9)
"""Head of a worker's integers: stamp of the patient's luck, what went wrong and for whom, stamps of the kept values
(those of all patients while the numbers are the same, and those of one patient), and the differences between strategies
that the present life has met."""
STACK_SIZE = 64

# histories: a stay is a row of each of two arrays
ROW_STATE, ROW_WHY, ROW_ATTRIBUTES = range(3)
ROW_WIDTH = 3
ROW_ENTERED, ROW_LEFT = range(2)
MAX_WINDOWS = 50_000
"""Windows of reduced utility in one life: more than a tick every three weeks of a long one."""
